//! The pages of an account holder: activation, signing in, and what they find behind it.

pub mod autoconfiguration;
pub mod code;
pub mod done;
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

use super::{Step, can_visit, next, store};
use crate::app::App;
use crate::directory::{Account, AccountState};
use crate::sign_in::links;
use crate::sign_in::secrets::Purpose;
use crate::sign_in::{AccountHolder, Activating, session};
use crate::web::{Interrupt, Layout, Visit};

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

/// Who is activating.
pub(super) struct Underway {
    pub app: App,
    pub visit: Visit,
    pub account: Account,
    pub link: String,
    /// Hash of the browser's secret.
    pub browser: String,
}

impl Underway {
    /// Loads what a step needs; elsewhere where the step is not due, or the link no longer works.
    pub(super) async fn at(
        step: Step,
        app: App,
        visit: Visit,
        activating: Activating,
    ) -> Result<Self, Interrupt> {
        let link = links::find(&app.database, Purpose::ActivationLink, &activating.link).await?;
        let works =
            link.is_some_and(|link| link.works(app.clock.now()) && link.subject == activating.account);
        let account = crate::directory::store::find_account(&app.database, &activating.account).await?;
        let account = match account.filter(|account| works && account.state == AccountState::Pending) {
            Some(account) => account,
            None => return Err(Interrupt::Redirect(paths::NEW_LINK.to_owned())),
        };
        let browser = session::browser_hash(&visit.browser());
        let activation = store::find(&app.database, &activating.link, &browser).await?;
        if !can_visit(activation.as_ref(), step) {
            return Err(Interrupt::Redirect(next(activation.as_ref()).path().to_owned()));
        }
        Ok(Underway { app, visit, account, link: activating.link, browser })
    }
}
