//! What account holders do to their own accounts: a file a deed.
//!
//! The steps of activating and of signing in hang on the session, code or link that leads to them, and
//! each uses it up; what changes an account takes the permit for it as well. Pressed twice, also at
//! once, a button has the effect of one press, and both presses get the same answer.

mod activate;
mod add_app_password;
mod ask_for_link;
mod begin_activation;
mod bind_app;
mod choose_password;
mod confirm_mobile;
mod give_code;
mod give_password;
mod keep_recovery_codes;
mod make_recovery_codes;
mod prove_mobile;
mod replace_app;
mod revoke_app_password;
mod send_activation_code;
mod send_activation_link;
mod send_sign_in_code;
mod sign_out;
mod sign_out_everywhere;
#[cfg(test)]
mod tests;

pub use activate::activate;
pub use add_app_password::{AppPasswordRefusal, add_app_password};
pub use ask_for_link::{LinkOrder, ask_for_link};
pub use begin_activation::{account_of_link, begin_activation};
pub use bind_app::{Bound, bind_app};
pub use choose_password::choose_password;
pub use confirm_mobile::confirm_mobile;
pub use give_code::{GivenCode, give_code};
pub use give_password::{HalfWay, give_password};
pub use keep_recovery_codes::keep_recovery_codes;
pub use make_recovery_codes::make_recovery_codes;
pub use prove_mobile::prove_mobile;
pub use replace_app::replace_app;
pub use revoke_app_password::revoke_app_password;
pub use send_activation_code::send_activation_code;
pub use send_activation_link::send_activation_link;
pub use send_sign_in_code::send_sign_in_code;
pub use sign_out::sign_out;
pub use sign_out_everywhere::sign_out_everywhere;

use super::letters::{self, Changed};
use crate::app::App;
use crate::audit::{self, Actor, Entry};
use crate::clock::Timestamp;
use crate::database::{Reads, Result, Tx};
use crate::directory::{self, Account, AccountState};
use crate::letter::Letterhead;
use crate::outbox;
use crate::settings::{Secret, SecretKey};
use crate::sign_in::codes::{self, CodeFor, CodeProblem, Issued, Rules};
use crate::sign_in::factor::{Factor, FactorAsked, FactorProblem};
use crate::sign_in::limits::{UsedUp, wait_in_words};
use crate::sign_in::links::{self, LinkFor};
use crate::sign_in::permits::AccountHolder;
use crate::sign_in::realm::{Realm, was_right, was_wrong, whose_password};
use crate::sign_in::secrets::Purpose;
use crate::sign_in::session::{SessionKind, browser_hash};
use crate::sign_in::store as sign_ins;

/// Where a step of activation is taken: the link that leads to it, and the browser.
#[derive(Clone, Debug)]
pub struct StepOrder {
    pub link: String,
    /// The browser's secret.
    pub browser: Secret<String>,
}

/// Why a step of activation was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActivationRefusal {
    /// The link was used, has run out, or was replaced by a newer one.
    LinkGone,
    /// A step before has not been done in this browser.
    NotReady,
    Code(CodeProblem),
    /// The password cannot be had; says why.
    Password(String),
}

/// The account that a link in the letter activates, while it does.
async fn pending_account(
    from: &impl Reads,
    link: &str,
    account: &str,
    now: Timestamp,
) -> Result<Option<Account>> {
    let link = links::find(from, Purpose::ActivationLink, link).await?;
    if link.is_none_or(|link| !link.works(now) || link.subject != account) {
        return Ok(None);
    }
    let home = directory::store::find_home_of_account(from, account).await?;
    if home.is_some_and(|home| home.waits_until(now).is_some()) {
        return Ok(None);
    }
    let account = directory::store::find_account(from, account).await?;
    Ok(account.filter(|account| account.state == AccountState::Pending))
}

async fn active_account(from: &impl Reads, id: &str) -> Result<Option<Account>> {
    let account = directory::store::find_account(from, id).await?;
    Ok(account.filter(|account| account.state.may_sign_in()))
}

/// What the activation link of an account must be for.
fn link_for(key: &SecretKey, account: &Account) -> LinkFor {
    LinkFor::new(key, Purpose::ActivationLink, &account.id, account.personal_email.as_str())
}

/// What a code to the mobile of an account must be for.
fn code_for(key: &SecretKey, purpose: Purpose, account: &Account, browser_hash: &str) -> CodeFor {
    CodeFor::new(key, purpose, &account.id, account.mobile.as_str(), browser_hash).tried_by(browser_hash)
}

/// Sends a code by text message, for one browser.
async fn send_code(
    tx: &mut Tx,
    app: &App,
    account: &Account,
    purpose: Purpose,
    browser_hash: &str,
) -> Result<std::result::Result<(), CodeProblem>> {
    let now = app.clock.now();
    let code = code_for(&app.key, purpose, account, browser_hash);
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

/// The entry and the letter of a change in how somebody signs in.
async fn note_change(
    tx: &mut Tx,
    app: &App,
    account: &Account,
    action: &'static str,
    what: Changed,
) -> Result<()> {
    let now = app.clock.now();
    let entry = Entry::new(Actor::AccountHolder(account.id.clone()), action, &account.id);
    audit::store::add(tx, now, &entry).await?;
    let letter = letters::changed(&Letterhead::of(&app.settings), now, account, what);
    outbox::store::write_letter(tx, now, &letter).await
}

/// Uses a factor up. A recovery code that was used is told of, whatever for.
async fn use_factor(
    tx: &mut Tx,
    app: &App,
    account: &Account,
    factor: &Factor,
) -> Result<std::result::Result<(), FactorProblem>> {
    if let Err(problem) = factor.use_up(tx, &account.id, app.clock.now()).await? {
        return Ok(Err(problem));
    }
    match factor {
        Factor::App { .. } => {}
        Factor::Recovery { .. } => {
            let left = sign_ins::recovery_codes(tx, &account.id).await?.left;
            let what = Changed::RecoveryCodeUsed { left };
            note_change(tx, app, account, "recovery code used", what).await?;
        }
    }
    Ok(Ok(()))
}

/// The password and a code, as somebody who is signed in shows them once more.
#[derive(Clone, Debug)]
pub struct ProofOrder {
    pub password: Secret<String>,
    pub code: String,
    /// Where the request came from.
    pub network: String,
    /// The browser's secret.
    pub browser: Secret<String>,
    /// What the browser says it is known by.
    pub known_by: Option<String>,
}

/// Why somebody who is signed in may not change how they sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProofRefusal {
    /// What is wrong with the password, with the code, or with both.
    NotProven {
        password: Option<&'static str>,
        code: Option<FactorProblem>,
    },
    TooOften(UsedUp),
    /// Every session was ended meanwhile, or it was done elsewhere.
    Over,
}

impl ProofRefusal {
    fn code(problem: FactorProblem) -> Self {
        ProofRefusal::NotProven { password: None, code: Some(problem) }
    }

    /// What is said beside the password where it cannot be tried now.
    pub fn wait_words(used_up: UsedUp, now: Timestamp) -> String {
        format!("Too many tries. Try again {}", wait_in_words(now, used_up.until))
    }
}

/// What to use up with a deed that makes a way in which outlives the session: nothing where a factor was
/// shown a moment ago.
async fn prove_again(
    app: &App,
    by: &AccountHolder,
    order: &ProofOrder,
) -> Result<std::result::Result<Option<Factor>, ProofRefusal>> {
    if !by.must_prove_again(app.clock.now()) {
        return Ok(Ok(None));
    }
    Ok(prove(app, by, order).await?.map(Some))
}

/// Uses up a factor that somebody who is signed in has shown again, which counts for the minutes after it.
async fn use_factor_again(
    tx: &mut Tx,
    app: &App,
    account: &Account,
    factor: &Factor,
    browser: &Secret<String>,
) -> Result<std::result::Result<(), FactorProblem>> {
    let used = use_factor(tx, app, account, factor).await?;
    if used.is_ok() {
        let (hash, kind) = (browser_hash(browser.reveal()), SessionKind::AccountHolder);
        sign_ins::factor_shown(tx, &hash, kind, &account.id, app.clock.now()).await?;
    }
    Ok(used)
}

/// Judges the password and a code of somebody who is signed in: a browser left open must not be enough
/// to change how its owner signs in. Tries are counted as those of signing in are. The factor is to be
/// used up with what it is shown for.
async fn prove(
    app: &App,
    by: &AccountHolder,
    order: &ProofOrder,
) -> Result<std::result::Result<Factor, ProofRefusal>> {
    let typed = order.password.reveal();
    let missing = typed.is_empty().then_some("Enter your password");
    let slip = FactorAsked::Either.slip(&order.code);
    if missing.is_some() || slip.is_some() {
        return Ok(Err(ProofRefusal::NotProven { password: missing, code: slip }));
    }
    let now = app.clock.now();
    let (realm, known_by) = (Realm::MyAccount, order.known_by.as_deref());
    let password = match realm.count_password(app, now, &by.address, &order.network, known_by).await? {
        Ok(counted) => counted,
        Err(used_up) => return Ok(Err(ProofRefusal::TooOften(used_up))),
    };
    let browser = browser_hash(order.browser.reveal());
    let code = match realm.count_code(app, now, &by.address, &browser, known_by).await? {
        Ok(counted) => counted,
        Err(used_up) => return Ok(Err(ProofRefusal::TooOften(used_up))),
    };
    let found = sign_ins::holder(&app.database, &by.account).await?.and_then(|row| row.password_hash);
    let theirs = whose_password(app, found, |hash| hash.reveal().clone(), typed).await?;
    let factor = match sign_ins::authenticator(&app.database, &by.account).await? {
        Some(authenticator) => FactorAsked::Either.read(&app.key, &authenticator, &order.code, now),
        None => Err(FactorProblem::Wrong(FactorAsked::Either)),
    };
    match theirs {
        Some(_) => was_right(app, password).await?,
        None => was_wrong(app, now, password).await?,
    }
    // Whether a recovery code is right is known when it is used up.
    match &factor {
        Ok(Factor::App { .. }) => was_right(app, code).await?,
        Ok(Factor::Recovery { .. }) => {}
        Err(_) => was_wrong(app, now, code).await?,
    }
    Ok(match (theirs, factor) {
        (Some(_), Ok(factor)) => Ok(factor),
        (theirs, factor) => Err(ProofRefusal::NotProven {
            password: theirs.is_none().then_some("The password is not right"),
            code: factor.err(),
        }),
    })
}
