//! Activations in the database, and the work that follows from them.

use super::letters::Changed;
use super::{Activation, letters};
use crate::app::App;
use crate::audit::{self, Actor, Entry};
use crate::clock::{Span, Timestamp};
use crate::contact::Email;
use crate::database::{Database, Error, FromRow, Reads, Result, Row, Tx, transaction};
use crate::directory::app_password::NewAppPassword;
use crate::directory::letters::activation as activation_letter;
use crate::directory::{self, Access, Account, AccountState};
use crate::letter::Letterhead;
use crate::outbox::store::Taken;
use crate::outbox::{self, Work, WorkError};
use crate::settings::{Secret, SecretKey};
use crate::sign_in::codes::{self, CodeFor, CodeProblem, Issued, RightCode, Rules};
use crate::sign_in::factor::Factor;
use crate::sign_in::links::{self, LinkFor};
use crate::sign_in::secrets::Purpose;
use crate::sign_in::session::{self, SessionKind, SessionRotation};
use crate::sign_in::{self};

/// How often an app password is drawn again that begins like another of the account: of 234,000
/// beginnings at most a few dozen are taken.
const SELECTOR_TRIES_MAX: usize = 10;

impl FromRow for Activation {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let hash: Option<String> = row.get(1)?;
        Ok(Activation { confirmed_at: row.get(0)?, password_hash: hash.map(Secret::new) })
    }
}

/// How far somebody has come with a link in a browser; nothing before the code was right.
pub async fn find(from: &impl Reads, link: &str, browser: &str) -> Result<Option<Activation>> {
    from.maybe(
        "SELECT confirmed_at, password_hash FROM activations WHERE link_id = $1 AND browser = $2",
        &[&link, &browser],
    )
    .await
}

/// The code was right: it is used up, and this browser may go on. Pressed twice it is done once; false
/// where the code was not for this any more.
pub async fn confirm_code(
    tx: &mut Tx,
    right: &RightCode,
    code: &CodeFor,
    link: &str,
    now: Timestamp,
) -> Result<bool> {
    if codes::redeem(tx, right, code, now).await? {
        confirm(tx, link, code.browser(), now).await?;
        return Ok(true);
    }
    Ok(find(tx, link, code.browser()).await?.is_some())
}

/// Notes that the code was right.
async fn confirm(tx: &mut Tx, link: &str, browser: &str, now: Timestamp) -> Result<()> {
    tx.run(
        "INSERT INTO activations (link_id, browser, confirmed_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        &[&link, &browser, &now],
    )
    .await?;
    Ok(())
}

/// Keeps a password until the policy is accepted; false where the code was not right before.
pub async fn keep_password(tx: &mut Tx, link: &str, browser: &str, hash: &Secret<String>) -> Result<bool> {
    let kept = tx
        .run(
            "UPDATE activations SET password_hash = $1 WHERE link_id = $2 AND browser = $3",
            &[hash.reveal(), &link, &browser],
        )
        .await?;
    Ok(kept == 1)
}

/// What a code to the mobile of an account must be for.
pub fn code_for(key: &SecretKey, purpose: Purpose, account: &Account, browser: &str) -> CodeFor {
    CodeFor::new(key, purpose, &account.id, account.mobile.as_str(), browser)
}

/// Sends a code by text message, for one browser.
pub async fn send_code(
    tx: &mut Tx,
    app: &App,
    account: &Account,
    purpose: Purpose,
    browser: &str,
    now: Timestamp,
) -> Result<std::result::Result<(), CodeProblem>> {
    let code = code_for(&app.key, purpose, account, browser);
    match codes::issue(tx, &Rules::of(app), &code, now).await? {
        Err(problem) => Ok(Err(problem)),
        Ok(Issued::JustNow) => Ok(Ok(())),
        Ok(Issued::New(id)) => {
            let from = Letterhead::of(&app.settings);
            let letter = letters::code(&from, now, account, app.settings.code_minutes, purpose, &id);
            outbox::store::write_letter(tx, now, &letter).await?;
            Ok(Ok(()))
        }
    }
}

/// What became of the last step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    Active,
    /// A step before has not been done in this browser.
    NotReady,
    /// The link was used, has run out, or was replaced by a newer one.
    LinkGone,
}

/// The last step: the link is used up, the password is in force, the account is active, and every
/// other browser that was half way through has to stop. This browser goes on to set up an
/// authenticator app: it has just shown the link, the mobile and the password.
pub async fn finish(
    tx: &mut Tx,
    app: &App,
    account_id: &str,
    link: &str,
    anew: &SessionRotation,
    now: Timestamp,
) -> Result<Finished> {
    let hash = find(tx, link, anew.old()).await?.and_then(|activation| activation.password_hash);
    let Some(hash) = hash else { return Ok(Finished::NotReady) };
    let Some(account) = directory::store::find_account(tx, account_id).await? else {
        return Ok(Finished::LinkGone);
    };
    let letter = letters::activated(&Letterhead::of(&app.settings), now, &account);
    let sent = link_for(&app.key, &account);
    let Ok(change) = account.activate(now, hash) else { return Ok(Finished::LinkGone) };
    if !links::redeem(tx, link, &sent, now).await? {
        return Ok(Finished::LinkGone);
    }
    if !directory::store::save_account(tx, now, &change.telling(letter)).await? {
        // Rolled back whole; the person presses the button again.
        return Err(Error::Unavailable("the account changed while it was activated".to_owned()));
    }
    for site in directory::store::list_sites_of_account(&crate::directory::Scope::All, tx, account_id).await?
    {
        if site.access == Access::Owner {
            let work = Work::FollowSite { site: site.site_id };
            outbox::store::queue(tx, now, now, &work).await?;
        }
    }
    tx.run(
        "DELETE FROM activations WHERE link_id IN (SELECT id FROM links WHERE subject = $1 AND purpose = $2)",
        &[&account_id, &Purpose::ActivationLink.stored()],
    )
    .await?;
    let subject = session_subject(account_id, link);
    sign_in::store::end_sessions_of(tx, SessionKind::Activating.stored(), &subject).await?;
    sign_in::store::add_authenticator(tx, account_id, now).await?;
    anew.begin(tx, app, SessionKind::SettingUpApp, account_id, false).await?;
    Ok(Finished::Active)
}

/// What became of a step of signing in, or of changing how one signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stepped {
    Done,
    /// The code was used before, or is none of theirs.
    Refused,
    /// The step does not lead on any more: it was done elsewhere, or every session was ended.
    Gone,
}

/// The password was right: this browser is half way in. Where no app is set up yet, a code goes to
/// the mobile that was given for the person, which is the second thing they must show.
pub async fn begin_signing_in(
    tx: &mut Tx,
    app: &App,
    account: &Account,
    anew: &SessionRotation,
    now: Timestamp,
) -> Result<std::result::Result<HalfWay, CodeProblem>> {
    let half_way = match sign_in::store::authenticator(tx, &account.id).await? {
        Some(_) => HalfWay::CodeOfApp,
        None => {
            let sent = send_code(tx, app, account, Purpose::SignInCode, &anew.fresh_hash(), now).await?;
            if let Err(problem) = sent {
                return Ok(Err(problem));
            }
            HalfWay::CodeByText
        }
    };
    anew.begin(tx, app, SessionKind::HolderHalfSignedIn, &account.id, false).await?;
    Ok(Ok(half_way))
}

/// What somebody half way in is asked for next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HalfWay {
    CodeOfApp,
    CodeByText,
}

/// The last step of signing in: the code is used up and the session begins, in one transaction.
pub async fn sign_in(
    tx: &mut Tx,
    app: &App,
    account_id: &str,
    factor: &Factor,
    anew: &SessionRotation,
    now: Timestamp,
) -> Result<Stepped> {
    if !factor.use_up(tx, account_id, now).await? {
        return Ok(Stepped::Refused);
    }
    let half = SessionKind::HolderHalfSignedIn.stored();
    if !sign_in::store::use_session(tx, anew.old(), half, account_id).await? {
        return Ok(Stepped::Gone);
    }
    let Some(account) = active_account(tx, account_id).await? else { return Ok(Stepped::Gone) };
    note_recovery_code(tx, app, &account, factor, now).await?;
    let entry = Entry::new(Actor::AccountHolder(account.id.clone()), "account holder signed in", &account.id);
    audit::store::add(tx, now, &entry).await?;
    directory::store::mark_used(tx, &account.id, now).await?;
    anew.begin(tx, app, SessionKind::AccountHolder, &account.id, false).await?;
    Ok(Stepped::Done)
}

async fn active_account(tx: &mut Tx, id: &str) -> Result<Option<Account>> {
    let account = directory::store::find_account(tx, id).await?;
    Ok(account.filter(|account| account.state == AccountState::Active))
}

/// A recovery code that was used is told of, whatever for.
async fn note_recovery_code(
    tx: &mut Tx,
    app: &App,
    account: &Account,
    factor: &Factor,
    now: Timestamp,
) -> Result<()> {
    match factor {
        Factor::App { .. } => Ok(()),
        Factor::Recovery { .. } => {
            let left = sign_in::store::recovery_codes(tx, &account.id).await?.left;
            let what = Changed::RecoveryCodeUsed { left };
            note_change(tx, app, account, "recovery code used", what, now).await
        }
    }
}

/// The entry and the letter of a change in how somebody signs in.
async fn note_change(
    tx: &mut Tx,
    app: &App,
    account: &Account,
    action: &'static str,
    what: Changed,
    now: Timestamp,
) -> Result<()> {
    let entry = Entry::new(Actor::AccountHolder(account.id.clone()), action, &account.id);
    audit::store::add(tx, now, &entry).await?;
    let letter = letters::changed(&Letterhead::of(&app.settings), now, account, what);
    outbox::store::write_letter(tx, now, &letter).await
}

/// The code sent to the mobile was right: this browser may set up an app. Not where one is in force,
/// which must show its own code.
pub async fn allow_app(
    tx: &mut Tx,
    app: &App,
    account_id: &str,
    right: &RightCode,
    anew: &SessionRotation,
    now: Timestamp,
) -> Result<Stepped> {
    let half = SessionKind::HolderHalfSignedIn.stored();
    let Some(account) = active_account(tx, account_id).await? else { return Ok(Stepped::Gone) };
    let code = code_for(&app.key, Purpose::SignInCode, &account, anew.old());
    if !codes::redeem(tx, right, &code, now).await? {
        return Ok(Stepped::Refused);
    }
    if sign_in::store::authenticator(tx, account_id).await?.is_some()
        || !sign_in::store::use_session(tx, anew.old(), half, account_id).await?
    {
        return Ok(Stepped::Gone);
    }
    sign_in::store::add_authenticator(tx, account_id, now).await?;
    anew.begin(tx, app, SessionKind::SettingUpApp, account_id, false).await?;
    Ok(Stepped::Done)
}

/// Somebody signed in has shown the password and a code again: this browser may set up another app,
/// beside being signed in.
pub async fn allow_another_app(
    tx: &mut Tx,
    app: &App,
    account_id: &str,
    factor: &Factor,
    browser: &str,
    now: Timestamp,
) -> Result<Stepped> {
    if !factor.use_up(tx, account_id, now).await? {
        return Ok(Stepped::Refused);
    }
    let Some(account) = active_account(tx, account_id).await? else { return Ok(Stepped::Gone) };
    note_recovery_code(tx, app, &account, factor, now).await?;
    sign_in::store::add_authenticator(tx, account_id, now).await?;
    session::begin(tx, app, browser, SessionKind::SettingUpApp, account_id, false).await?;
    Ok(Stepped::Done)
}

/// An app as it is confirmed: which, with the step of the code it showed.
#[derive(Clone, Debug)]
pub struct Confirmed {
    pub authenticator: String,
    pub step: i64,
}

/// The app has shown its first code: it is in force, the one before is not, every other browser is
/// signed out, and this one is signed in.
pub async fn confirm_app(
    tx: &mut Tx,
    app: &App,
    account_id: &str,
    confirmed: &Confirmed,
    anew: &SessionRotation,
    now: Timestamp,
) -> Result<Stepped> {
    let setting_up = SessionKind::SettingUpApp.stored();
    if !sign_in::store::use_session(tx, anew.old(), setting_up, account_id).await? {
        return Ok(Stepped::Gone);
    }
    let Some(account) = active_account(tx, account_id).await? else { return Ok(Stepped::Gone) };
    let is_first = sign_in::store::authenticator(tx, account_id).await?.is_none();
    let Confirmed { authenticator, step } = confirmed;
    if !sign_in::store::confirm_authenticator(tx, account_id, authenticator, *step, now).await? {
        return Err(Error::Unavailable("the app was replaced while it was set up".to_owned()));
    }
    sign_in::store::end_sessions_of_holder(tx, account_id).await?;
    let (action, what) = match is_first {
        true => ("authenticator app set up", Changed::AppSetUp),
        false => ("authenticator app replaced", Changed::AppReplaced),
    };
    note_change(tx, app, &account, action, what, now).await?;
    directory::store::mark_used(tx, account_id, now).await?;
    anew.begin(tx, app, SessionKind::AccountHolder, account_id, false).await?;
    Ok(Stepped::Done)
}

/// Makes new recovery codes; those before stop working. The first ones, right after an app was set
/// up, need nothing more; later ones need the password and a code.
pub async fn make_recovery_codes(
    tx: &mut Tx,
    app: &App,
    account_id: &str,
    factor: Option<&Factor>,
    hashes: &[String],
    now: Timestamp,
) -> Result<Stepped> {
    directory::store::lock_account(tx, account_id).await?;
    let Some(account) = active_account(tx, account_id).await? else { return Ok(Stepped::Gone) };
    match factor {
        Some(factor) => {
            if !factor.use_up(tx, account_id, now).await? {
                return Ok(Stepped::Refused);
            }
            note_recovery_code(tx, app, &account, factor, now).await?;
        }
        None => {
            if sign_in::store::recovery_codes(tx, account_id).await?.made_at.is_some() {
                return Ok(Stepped::Gone);
            }
        }
    }
    sign_in::store::replace_recovery_codes(tx, account_id, hashes, now).await?;
    note_change(tx, app, &account, "recovery codes made", Changed::RecoveryCodesMade, now).await?;
    Ok(Stepped::Done)
}

/// Ends every session of an account, at the wish of its holder.
pub async fn sign_out_everywhere(tx: &mut Tx, app: &App, account_id: &str, now: Timestamp) -> Result<()> {
    sign_in::store::end_sessions_of_holder(tx, account_id).await?;
    sign_in::store::forget_waiting_authenticators(tx, account_id).await?;
    let Some(account) = directory::store::find_account(tx, account_id).await? else { return Ok(()) };
    note_change(tx, app, &account, "signed out everywhere", Changed::SignedOutEverywhere, now).await
}

/// Makes an app password and answers it: the only time it can be read.
pub async fn add_app_password(
    tx: &mut Tx,
    app: &App,
    account_id: &str,
    name: &str,
    now: Timestamp,
) -> Result<std::result::Result<NewAppPassword, directory::Refusal>> {
    directory::store::lock_account(tx, account_id).await?;
    let account = directory::store::find_account(tx, account_id).await?;
    let account = account.ok_or_else(|| Error::Broken("an account that is signed in is gone".to_owned()))?;
    let in_force = directory::store::list_app_passwords_in_force(tx, account_id).await?;
    for _ in 0..SELECTOR_TRIES_MAX {
        let change = match account.add_app_password(now, name, &in_force) {
            Ok(change) => change,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let letter = letters::app_password_made(&Letterhead::of(&app.settings), now, &account, name);
        let change = change.telling(letter);
        if directory::store::add_app_password(tx, now, &change).await? {
            return Ok(Ok(change.state));
        }
    }
    Err(Error::Unavailable("no app password could be found that begins differently".to_owned()))
}

/// Revokes an app password; false where it is not in force.
pub async fn revoke_app_password(tx: &mut Tx, account: &str, id: &str, now: Timestamp) -> Result<bool> {
    if !directory::store::revoke_app_password(tx, now, account, id).await? {
        return Ok(false);
    }
    let entry = Entry::new(Actor::AccountHolder(account.to_owned()), "app password revoked", account);
    audit::store::add(tx, now, &entry.because(id)).await?;
    let work = Work::ProvisionAccount { account: account.to_owned() };
    outbox::store::queue(tx, now, now, &work).await?;
    Ok(true)
}

/// What the activation link of an account must be for.
fn link_for(key: &SecretKey, account: &Account) -> LinkFor {
    LinkFor::new(key, Purpose::ActivationLink, &account.id, account.personal_email.as_str())
}

/// What a session of activation acts for.
pub fn session_subject(account: &str, link: &str) -> String {
    format!("{account} {link}")
}

/// Sends a new activation link where an account waits to be activated at the address somebody typed;
/// older links stop working. The link goes to the address that was given for the person.
///
/// # Errors
/// Later.
pub async fn send_activation_link(
    app: &App,
    taken: &Taken,
    asked: &str,
) -> std::result::Result<(), WorkError> {
    let now = app.clock.now();
    let from = Letterhead::of(&app.settings);
    let (taken, asked, key) = (taken.clone(), Email::parse(asked), app.key.clone());
    app.database
        .write::<_, WorkError, _>(transaction!(async move |tx| {
            if !outbox::store::done(tx, now, &taken).await? {
                return Ok(());
            }
            let Ok(asked) = asked else { return Ok(()) };
            let account = directory::store::find_account_by_any_email(tx, &asked).await?;
            // Before it is provisioned its first link is still to come.
            let waits = |account: &Account| {
                account.state == AccountState::Pending && account.provisioned_at.is_some()
            };
            let Some(account) = account.filter(waits) else { return Ok(()) };
            // Of two that are asked for together, one waits and replaces the other's.
            if let Some(home) = directory::store::find_home_of_account(tx, &account.id).await? {
                directory::store::lock_site(tx, &home.id).await?;
            }
            let site =
                directory::store::list_sites_of_account(&crate::directory::Scope::All, tx, &account.id)
                    .await?
                    .into_iter()
                    .next();
            let site = site.map_or_else(String::new, |site| format!("{}, {}", site.name, site.town));
            let lasts = Span::hours(i64::from(from.activation_hours));
            let link = links::make(tx, &link_for(&key, &account), now, lasts).await?;
            let letter = activation_letter(&from, now, &account, &site, &link);
            outbox::store::write_letter(tx, now, &letter.waited_for()).await?;
            let entry = Entry::new(Actor::Service, "activation link sent", &account.id)
                .because("somebody asked for a new one");
            audit::store::add(tx, now, &entry).await?;
            Ok(())
        }))
        .await?;
    Ok(())
}

/// Removes what is left of activations that nobody finished while their link worked.
pub async fn forget_abandoned(database: &Database, now: Timestamp) -> Result<u64> {
    database
        .write(transaction!(async move |tx| {
            tx.run(
                "DELETE FROM activations WHERE link_id IN
                       (SELECT id FROM links WHERE expires_at < $1 OR used_at IS NOT NULL)",
                &[&now],
            )
            .await
        }))
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::for_tests::app;
    use crate::clock::Clock;
    use crate::contact::{Mobile, Name};
    use crate::database::for_tests::both_engines;
    use crate::directory::{KnownOrganisation, Management, NewPerson, NewSite, Origin};
    use crate::letter::store::list_newest;
    use crate::sign_in::secrets;

    const NOON: Timestamp = Timestamp::from_milliseconds(43_200_000);
    const BROWSER: &str = "the browser's secret";

    /// A service with one pending account, its link, and the account itself.
    async fn with_account(database: Database) -> (App, Account, String) {
        let (app, _) = app(database, Clock::still(NOON));
        let name = |text: &str| Name::parse(text, "name").expect(text);
        let new = NewSite {
            origin: Origin::Registration("registration".to_owned()),
            organisation: KnownOrganisation::unknown("Rose Court Limited"),
            management: Management::Nas,
            ods_code: "VM195".to_owned(),
            cqc_location_id: "1-100".to_owned(),
            name: "Rose Court".to_owned(),
            town: "Lincoln".to_owned(),
            postcode: "LN1 1AA".to_owned(),
            people: vec![NewPerson {
                first_name: name("Asha"),
                last_name: name("Patel"),
                role: "Manager".to_owned(),
                email: Email::parse("asha@home.example").expect("an address"),
                mobile: Mobile::parse("07700900123").expect("a mobile"),
                access: Access::Owner,
                existing_account: None,
            }],
        };
        let id = app
            .database
            .write::<_, Error, _>(transaction!(async move |tx| {
                let domain = "carepost.example";
                let opened = directory::store::open_site(tx, domain, NOON, &Actor::Service, &new).await?;
                Ok(opened.map(|opened| opened.accounts[0].clone()))
            }))
            .await
            .expect("written")
            .expect("opened");
        let taken = outbox::store::take(&app.database, NOON).await.expect("taken");
        for taken in &taken {
            if let Work::ProvisionAccount { account } = &taken.work {
                directory::provision::account(&app, taken, account).await.expect("provisioned");
            }
        }
        let account = directory::store::find_account(&app.database, &id).await.expect("read").expect("one");
        let link = newest_link(&app).await;
        (app, account, link)
    }

    async fn newest_link(app: &App) -> String {
        let letters = list_newest(&app.database, "asha@home.example").await.expect("listed");
        let letter = letters.iter().find(|letter| letter.name == "activation").expect("a letter");
        letter.secret.clone().expect("a link").id
    }

    async fn send(app: &App, account: &Account) -> std::result::Result<(), CodeProblem> {
        let (in_app, account, now) = (app.clone(), account.clone(), app.clock.now());
        app.database
            .write::<_, Error, _>(transaction!(async move |tx| {
                let browser = session::browser_hash(BROWSER);
                send_code(tx, &in_app, &account, Purpose::ActivationCode, &browser, now).await
            }))
            .await
            .expect("written")
    }

    /// The code of the newest text message.
    async fn texted(app: &App) -> String {
        let letters = list_newest(&app.database, "+447700900123").await.expect("listed");
        let mark = letters.first().expect("a text message").secret.clone().expect("a code");
        assert_eq!(mark.purpose, "ActivationCode");
        secrets::code(&app.key, Purpose::ActivationCode, &mark.id)
    }

    /// Whether a code was taken.
    async fn take_code(app: &App, account: &Account, link: &str, browser: &str, typed: &str) -> bool {
        let browser = session::browser_hash(browser);
        let code = code_for(&app.key, Purpose::ActivationCode, account, &browser);
        let Ok(right) = codes::check(app, &code, typed).await.expect("tried") else { return false };
        let (link, now) = (link.to_owned(), app.clock.now());
        app.database
            .write::<_, Error, _>(transaction!(async move |tx| {
                confirm_code(tx, &right, &code, &link, now).await
            }))
            .await
            .expect("written")
    }

    async fn come_as_far_as_the_policy(app: &App, link: &str, browser: &'static str) {
        let (link, now) = (link.to_owned(), app.clock.now());
        let kept = app
            .database
            .write::<_, Error, _>(transaction!(async move |tx| {
                let browser = session::browser_hash(browser);
                let hash = Secret::new("a hash".to_owned());
                let is_confirmed = find(tx, &link, &browser).await?.is_some();
                assert_eq!(
                    keep_password(tx, &link, &browser, &hash).await?,
                    is_confirmed,
                    "not before the code"
                );
                confirm(tx, &link, &browser, now).await?;
                keep_password(tx, &link, &browser, &hash).await
            }))
            .await
            .expect("written");
        assert!(kept);
    }

    async fn finish_in(app: &App, account: &Account, link: &str, browser: &'static str) -> Finished {
        let (in_app, account, link, now) =
            (app.clone(), account.id.clone(), link.to_owned(), app.clock.now());
        app.database
            .write::<_, Error, _>(move |tx: &mut Tx| {
                Box::pin(async move {
                    finish(tx, &in_app, &account, &link, &SessionRotation::of_secret(browser), now).await
                })
            })
            .await
            .expect("written")
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_link_a_code_and_a_password_make_an_account_active_once() {
        for database in both_engines().await {
            let (app, account, link) = with_account(database).await;
            send(&app, &account).await.expect("sent");
            let code = texted(&app).await;
            assert!(!take_code(&app, &account, &link, "another browser", &code).await);
            assert!(take_code(&app, &account, &link, BROWSER, &code).await);
            assert!(!take_code(&app, &account, &link, BROWSER, &code).await, "a code works once");

            assert_eq!(finish_in(&app, &account, &link, BROWSER).await, Finished::NotReady);
            come_as_far_as_the_policy(&app, &link, BROWSER).await;
            come_as_far_as_the_policy(&app, &link, "second browser").await;
            assert_eq!(finish_in(&app, &account, &link, "third browser").await, Finished::NotReady);
            assert_eq!(finish_in(&app, &account, &link, BROWSER).await, Finished::Active);
            // The other browser's half of it is gone with the link.
            assert_eq!(finish_in(&app, &account, &link, "second browser").await, Finished::NotReady);

            let now_active = directory::store::find_account(&app.database, &account.id).await.expect("read");
            let now_active = now_active.expect("an account");
            assert_eq!(now_active.state, AccountState::Active);
            assert_eq!(now_active.policy_accepted_at, Some(NOON));
            assert_eq!(now_active.password_hash.as_ref().map(|hash| hash.reveal().as_str()), Some("a hash"));
            let letters = list_newest(&app.database, "asha@home.example").await.expect("listed");
            assert_eq!(letters.iter().filter(|letter| letter.name == "activated").count(), 1);
            let (follows, provisions): (i64, i64) = app
                .database
                .one(
                    "SELECT (SELECT COUNT(*) FROM outbox WHERE kind = 'FollowSite'
                               AND subject IN (SELECT id FROM sites WHERE origin_id = 'registration')),
                            (SELECT COUNT(*) FROM outbox WHERE kind = 'ProvisionAccount')",
                    &[],
                )
                .await
                .expect("counted");
            assert_eq!((follows, provisions), (1, 2), "{}", app.database.engine());
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn many_that_finish_at_once_make_one_activation() {
        for database in both_engines().await {
            let (app, account, link) = with_account(database).await;
            come_as_far_as_the_policy(&app, &link, BROWSER).await;
            let tasks: Vec<_> = (0..16)
                .map(|_| {
                    let (app, account, link) = (app.clone(), account.clone(), link.clone());
                    tokio::spawn(async move {
                        let in_app = app.clone();
                        app.database
                            .write::<_, Error, _>(transaction!(async move |tx| {
                                finish(
                                    tx,
                                    &in_app,
                                    &account.id,
                                    &link,
                                    &SessionRotation::of_secret(BROWSER),
                                    NOON,
                                )
                                .await
                            }))
                            .await
                    })
                })
                .collect();
            let mut active = 0;
            for task in tasks {
                active += i64::from(matches!(task.await.expect("no panic"), Ok(Finished::Active)));
            }
            assert_eq!(active, 1, "{}", app.database.engine());
            let history = audit::store::history(&app.database, &account.id).await.expect("read");
            // The clock stands still, so they have no order.
            let mut actions: Vec<_> = history.iter().map(|entry| entry.action.as_str()).collect();
            actions.sort_unstable();
            assert_eq!(actions, ["account activated", "account opened", "account provisioned"]);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn codes_are_not_sent_without_end() {
        for database in both_engines().await {
            let (app, account, _) = with_account(database).await;
            for _ in 0..app.settings.codes_an_hour_max {
                send(&app, &account).await.expect("sent");
                app.clock.advance(Span::seconds(11));
            }
            send(&app, &account).await.expect_err("too many");
            let texts = list_newest(&app.database, "+447700900123").await.expect("listed");
            assert_eq!(texts.len(), usize::from(app.settings.codes_an_hour_max));
            app.clock.advance(Span::hours(1));
            send(&app, &account).await.expect("an hour later");
        }
    }

    /// Asks for a new link by the work that a page queues.
    async fn ask_for_link(app: &App, asked: &str) {
        let work = Work::SendActivationLink { asked: asked.to_owned() };
        let now = app.clock.now();
        app.database
            .write::<_, Error, _>(transaction!(async move |tx| {
                outbox::store::queue(tx, now, now, &work).await
            }))
            .await
            .expect("queued");
        for taken in outbox::store::take(&app.database, now).await.expect("taken") {
            if let Work::SendActivationLink { asked } = &taken.work {
                send_activation_link(app, &taken, asked).await.expect("done");
            }
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_new_link_goes_to_the_address_that_was_given_and_ends_the_old_one() {
        for database in both_engines().await {
            let (app, account, old) = with_account(database).await;
            app.clock.advance(Span::minutes(5));
            for (asked, letters) in [
                ("nobody@home.example", 1),
                ("not an address", 1),
                ("asha@home.example", 2),
                ("asha.patel@carepost.example", 3),
            ] {
                ask_for_link(&app, asked).await;
                let sent = list_newest(&app.database, "").await.expect("listed");
                app.clock.advance(Span::seconds(1));
                assert_eq!(sent.len(), letters, "{asked}");
                assert!(sent.iter().all(|letter| letter.recipient == "asha@home.example"));
            }
            come_as_far_as_the_policy(&app, &old, BROWSER).await;
            assert_eq!(finish_in(&app, &account, &old, BROWSER).await, Finished::LinkGone);
            let fresh = newest_link(&app).await;
            assert_ne!(fresh, old);
            come_as_far_as_the_policy(&app, &fresh, BROWSER).await;
            assert_eq!(finish_in(&app, &account, &fresh, BROWSER).await, Finished::Active);
            // Once it is active there is nothing to send.
            ask_for_link(&app, "asha@home.example").await;
            let letters = list_newest(&app.database, "").await.expect("listed");
            assert_eq!(letters.iter().filter(|letter| letter.name == "activation").count(), 3);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn links_asked_for_together_leave_one_that_works() {
        for database in both_engines().await {
            let (app, _, _) = with_account(database).await;
            for place in 0..8 {
                // Asked for in the same words, they would be one.
                let work = Work::SendActivationLink { asked: format!("asha@home.example {place}") };
                app.database
                    .write::<_, Error, _>(transaction!(async move |tx| {
                        outbox::store::queue(tx, NOON, NOON, &work).await
                    }))
                    .await
                    .expect("queued");
            }
            let tasks: Vec<_> = outbox::store::take(&app.database, NOON)
                .await
                .expect("taken")
                .into_iter()
                .filter(|taken| matches!(taken.work, Work::SendActivationLink { .. }))
                .map(|taken| {
                    let app = app.clone();
                    tokio::spawn(async move { send_activation_link(&app, &taken, "asha@home.example").await })
                })
                .collect();
            assert_eq!(tasks.len(), 8);
            for task in tasks {
                assert_eq!(task.await.expect("no panic"), Ok(()), "{}", app.database.engine());
            }
            let (work,): (i64,) = app
                .database
                .one("SELECT COUNT(*) FROM links WHERE used_at IS NULL", &[])
                .await
                .expect("counted");
            assert_eq!(work, 1);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_link_that_has_run_out_finishes_nothing_and_leaves_nothing() {
        for database in both_engines().await {
            let (app, account, link) = with_account(database).await;
            come_as_far_as_the_policy(&app, &link, BROWSER).await;
            app.clock.advance(Span::hours(25));
            assert_eq!(finish_in(&app, &account, &link, BROWSER).await, Finished::LinkGone);
            assert_eq!(forget_abandoned(&app.database, app.clock.now()).await.expect("forgotten"), 1);
            let account = directory::store::find_account(&app.database, &account.id).await.expect("read");
            assert_eq!(account.map(|account| account.state), Some(AccountState::Pending));
        }
    }
}
