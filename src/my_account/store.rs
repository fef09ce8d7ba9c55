//! Activations in the database, and the work that follows from them.

use super::{Activation, letters};
use crate::app::App;
use crate::audit::{self, Actor, Entry};
use crate::clock::{Span, Timestamp};
use crate::contact::Email;
use crate::database::{Database, Error, FromRow, Reads, Result, Row, Tx};
use crate::directory::letters::{From, activation as activation_letter};
use crate::directory::{self, Access, Account, State};
use crate::outbox::store::Taken;
use crate::outbox::{self, NotDone, Work};
use crate::registration;
use crate::settings::Secret;
use crate::sign_in::codes::{self, Asked, Rules};
use crate::sign_in::limits::UsedUp;
use crate::sign_in::secrets::Purpose;
use crate::sign_in::session::{self, Kind};
use crate::sign_in::{self};

impl FromRow for Activation {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let hash: Option<String> = row.get(1)?;
        Ok(Activation { confirmed_at: row.get(0)?, password_hash: hash.map(Secret::new) })
    }
}

/// How far somebody has come with a link in a browser; nothing before the code was right.
pub async fn find(from: &mut impl Reads, link: &str, browser: &str) -> Result<Option<Activation>> {
    from.maybe(
        "SELECT confirmed_at, password_hash FROM activations WHERE link_id = $1 AND browser = $2",
        &[&link, &browser],
    )
    .await
}

/// Notes that the code was right.
pub async fn confirm(tx: &mut Tx, link: &str, browser: &str, now: Timestamp) -> Result<()> {
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

/// Sends a code by text message, for one browser.
pub async fn send_code(
    tx: &mut Tx,
    rules: Rules,
    from: &From,
    account: &Account,
    browser: &str,
    now: Timestamp,
) -> Result<std::result::Result<(), UsedUp>> {
    let mobile = account.mobile.as_str();
    match codes::ask(tx, rules, Purpose::ActivationCode, &account.id, browser, mobile, now).await? {
        Asked::TooOften(used_up) => Ok(Err(used_up)),
        Asked::Made(id) => {
            let minutes = u16::try_from(rules.lasts.as_minutes()).unwrap_or(u16::MAX);
            outbox::store::write_letter(tx, now, &letters::code(from, now, account, minutes, &id)).await?;
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
/// other browser that was half way through has to stop.
pub async fn finish(
    tx: &mut Tx,
    app: &App,
    account_id: &str,
    link: &str,
    browser_secret: &str,
    now: Timestamp,
) -> Result<Finished> {
    let browser = session::browser_hash(browser_secret);
    let hash = find(tx, link, &browser).await?.and_then(|activation| activation.password_hash);
    let Some(hash) = hash else { return Ok(Finished::NotReady) };
    let Some(account) = directory::store::find_account(tx, account_id).await? else {
        return Ok(Finished::LinkGone);
    };
    let letter = letters::activated(&From::of(&app.settings), now, &account);
    let Ok(change) = account.activate(now, hash) else { return Ok(Finished::LinkGone) };
    if !sign_in::store::use_activation_link(tx, link, now).await? {
        return Ok(Finished::LinkGone);
    }
    if !directory::store::save_account(tx, now, &change.telling(letter)).await? {
        // Rolled back whole; the person presses the button again.
        return Err(Error::Unavailable("the account changed while it was activated".to_owned()));
    }
    for site in directory::store::list_sites_of_account(tx, account_id).await? {
        if site.access == Access::Owner {
            let work = Work::FollowSite { registration: site.registration_id };
            outbox::store::queue(tx, now, now, &work).await?;
        }
    }
    tx.run(
        "DELETE FROM activations WHERE link_id IN (SELECT id FROM activation_links WHERE account_id = $1)",
        &[&account_id],
    )
    .await?;
    let subject = session_subject(account_id, link);
    sign_in::store::end_sessions_of(tx, Kind::Activating.stored(), &subject).await?;
    // This browser may still read the page that says it is done.
    session::begin(tx, app, browser_secret, Kind::Activating, &subject, false).await?;
    Ok(Finished::Active)
}

/// What a session of activation acts for.
pub fn session_subject(account: &str, link: &str) -> String {
    format!("{account} {link}")
}

/// Moves a registration on: its mailboxes are there, its first owner is active. Asked after each of
/// the two, in whatever order they come; asking again changes nothing.
///
/// # Errors
/// Later, or never where there is no such registration.
pub async fn follow_site(
    app: &App,
    taken: &Taken,
    registration_id: &str,
) -> std::result::Result<(), NotDone> {
    use registration::State as Case;
    use registration::store::{Saved, find, save};
    let now = app.clock.now();
    let from = registration::letters::From::of(&app.settings);
    let (taken, id) = (taken.clone(), registration_id.to_owned());
    app.database
        .write::<_, NotDone, _>(move |tx: &mut Tx| {
            Box::pin(async move {
                directory::store::alone_with_site(tx, &id).await?;
                if !outbox::store::done(tx, now, &taken).await? {
                    return Ok(());
                }
                let missing = || NotDone::Never("there is no such registration".to_owned());
                let faster = || NotDone::Later("somebody else changed the registration meanwhile".to_owned());
                let Some(progress) = directory::store::progress(tx, &id).await? else { return Ok(()) };
                let case = find(tx, &id).await?.ok_or_else(missing)?;
                if case.state == Case::Approved
                    && progress.unprovisioned == 0
                    && let Ok(change) = case.provisioned()
                    && save(tx, now, &change).await? == Saved::SomebodyWasFaster
                {
                    return Err(faster());
                }
                let case = find(tx, &id).await?.ok_or_else(missing)?;
                let registrant = case.registrant_email().cloned();
                if case.state == Case::Provisioning
                    && let Some(owner) = progress.first_owner
                    && let Ok(mut change) = case.first_owner_active(&owner)
                {
                    if let Some(to) = registrant {
                        let letter = registration::letters::live(&from, now, &change.state, &to);
                        change = change.telling(letter);
                    }
                    if save(tx, now, &change).await? == Saved::SomebodyWasFaster {
                        return Err(faster());
                    }
                }
                Ok(())
            })
        })
        .await?;
    app.work_waits.notify_one();
    Ok(())
}

/// Sends a new activation link where an account waits to be activated at the address somebody typed;
/// older links stop working. The link goes to the address that was given for the person.
///
/// # Errors
/// Later.
pub async fn send_activation_link(app: &App, taken: &Taken, asked: &str) -> std::result::Result<(), NotDone> {
    let now = app.clock.now();
    let from = From::of(&app.settings);
    let (taken, asked) = (taken.clone(), Email::parse(asked));
    app.database
        .write::<_, NotDone, _>(move |tx: &mut Tx| {
            Box::pin(async move {
                if !outbox::store::done(tx, now, &taken).await? {
                    return Ok(());
                }
                let Ok(asked) = asked else { return Ok(()) };
                let account = directory::store::find_account_by_any_email(tx, &asked).await?;
                // Before it is provisioned its first link is still to come.
                let waits = |account: &Account| {
                    account.state == State::Pending && account.provisioned_at.is_some()
                };
                let Some(account) = account.filter(waits) else { return Ok(()) };
                let site = directory::store::list_sites_of_account(tx, &account.id).await?.into_iter().next();
                let site = site.map_or_else(String::new, |site| format!("{}, {}", site.name, site.town));
                let lasts = Span::hours(i64::from(from.activation_hours));
                let link =
                    sign_in::store::add_activation_link(tx, &account.id, now, now.plus(lasts)).await?;
                let letter = activation_letter(&from, now, &account, &site, &link);
                outbox::store::write_letter(tx, now, &letter).await?;
                let entry = Entry::new(Actor::Service, "activation link sent", &account.id)
                    .because("somebody asked for a new one");
                audit::store::add(tx, now, &entry).await?;
                Ok(())
            })
        })
        .await?;
    app.work_waits.notify_one();
    Ok(())
}

/// Removes what is left of activations that nobody finished while their link worked.
pub async fn forget_abandoned(database: &Database, now: Timestamp) -> Result<u64> {
    database
        .write(move |tx: &mut Tx| {
            Box::pin(async move {
                tx.run(
                    "DELETE FROM activations WHERE link_id IN
                       (SELECT id FROM activation_links WHERE expires_at < $1 OR used_at IS NOT NULL)",
                    &[&now],
                )
                .await
            })
        })
        .await
}
