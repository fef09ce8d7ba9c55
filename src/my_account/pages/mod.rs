//! The pages of an account holder: activation, signing in, and what they find behind it.

pub mod autoconfiguration;
pub mod code;
pub mod done;
mod just_done;
pub mod mail_programs;
pub mod mail_settings;
pub mod new_link;
pub mod overview;
pub mod password;
mod paths;
pub mod policy;
pub mod recovery_codes;
pub mod security;
pub mod set_up_app;
pub mod sign_in;
pub mod sign_in_code;
pub mod start;
pub mod text_code;

use super::moves::{ActivationRefusal, StepOrder};
use super::{Step, can_visit, next, store};
use crate::app::App;
use crate::directory::{self, Account, AccountState};
use crate::settings::Secret;
use crate::sign_in::authority::{Permit, Who, deed, permit};
use crate::sign_in::links;
use crate::sign_in::permits::SIGN_IN;
use crate::sign_in::realm::Realm;
use crate::sign_in::secrets::Purpose;
use crate::sign_in::{AccountHolder, Activating, session};
use crate::sign_in::{device, store as sign_ins};
use crate::web::{Interrupt, Layout, Visit};
use axum::http::StatusCode;

/// The parts of an account holder's pages.
const NAVIGATION: [(&str, &str); 3] = [
    (paths::OVERVIEW, "Your account"),
    (paths::MAIL_PROGRAMS, "Mail programs"),
    (paths::SECURITY, "Security"),
];

/// What stands round every page of somebody who is signed in.
fn layout(visit: &Visit, by: &AccountHolder, title: &str, part: &str) -> Layout {
    visit.layout(title).for_person(&by.name, "/sign-out", paths::OVERVIEW).with_navigation(&NAVIGATION, part)
}

/// The permit of somebody for what belongs to their own account.
async fn own_account(
    app: &App,
    who: &Who,
    account: &str,
) -> Result<Permit<deed::SecureOwnAccount>, Interrupt> {
    let subject = directory::store::subject_of_account(&app.database, account).await?;
    let subject = subject.ok_or_else(|| Interrupt::Redirect(SIGN_IN.to_owned()))?;
    permit(who, subject).map_err(|not_allowed| {
        Interrupt::refused(StatusCode::FORBIDDEN, "You cannot do this", not_allowed.words())
    })
}

/// The browser's secret, for a move that gives it a new one.
fn browser(visit: &Visit) -> Secret<String> {
    Secret::new(visit.browser())
}

/// The browser is known from now on as one that this person has been signed in with.
async fn make_known(app: &App, visit: &Visit, account: &str) -> Result<(), Interrupt> {
    if let Some(holder) = sign_ins::holder(&app.database, account).await? {
        let (realm, now) = (Realm::MyAccount, app.clock.now());
        visit.make_known(device::remember(&app.key, realm, &holder.address, visit.known_by(), now));
    }
    Ok(())
}

/// How a page of signing in that was not passed is answered.
fn status(is_too_often: bool) -> StatusCode {
    if is_too_often { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::UNPROCESSABLE_ENTITY }
}

/// Who is activating.
struct Underway {
    app: App,
    visit: Visit,
    account: Account,
    activating: Activating,
}

impl Underway {
    /// Loads what a step needs; elsewhere where the step is not due, or the link no longer works.
    async fn at(step: Step, app: App, visit: Visit, activating: Activating) -> Result<Self, Interrupt> {
        let link = links::find(&app.database, Purpose::ActivationLink, &activating.link).await?;
        let works =
            link.is_some_and(|link| link.works(app.clock.now()) && link.subject == activating.account);
        let account = directory::store::find_account(&app.database, &activating.account).await?;
        let account = match account.filter(|account| works && account.state == AccountState::Pending) {
            Some(account) => account,
            None => return Err(Interrupt::Redirect(paths::NEW_LINK.to_owned())),
        };
        let browser = session::browser_hash(&visit.browser());
        let activation = store::find_activation(&app.database, &activating.link, &browser).await?;
        if !can_visit(activation.as_ref(), step) {
            return Err(Interrupt::Redirect(next(activation.as_ref()).path().to_owned()));
        }
        Ok(Underway { app, visit, account, activating })
    }

    async fn permit(&self) -> Result<Permit<deed::SecureOwnAccount>, Interrupt> {
        own_account(&self.app, &self.activating.who(), &self.account.id).await
    }

    fn order(&self) -> StepOrder {
        StepOrder { link: self.activating.link.clone(), browser: browser(&self.visit) }
    }

    /// What to say on the page, or where to go instead.
    fn words(&self, refusal: ActivationRefusal) -> Result<String, Interrupt> {
        match refusal {
            ActivationRefusal::LinkGone => Err(Interrupt::Redirect(paths::NEW_LINK.to_owned())),
            ActivationRefusal::NotReady => Err(Interrupt::Redirect(Step::Code.path().to_owned())),
            ActivationRefusal::Code(problem) => Ok(problem.words(self.app.clock.now())),
            ActivationRefusal::Password(words) => Ok(words),
        }
    }
}
