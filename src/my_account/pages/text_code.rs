//! The second step of signing in for somebody who has not set up an authenticator app yet: a code by
//! text message to the mobile that was given for them. It leads to setting up the app and nowhere else.

use super::{browser, paths};
use crate::app::App;
use crate::directory::{self, Account};
use crate::my_account::moves;
use crate::outbox::outcome::{Declined, without_faults};
use crate::sign_in::moves::{CodeOrder, SignInRefusal};
use crate::sign_in::permits::SIGN_IN;
use crate::sign_in::{HolderHalfSignedIn, store as sign_ins};
use crate::web::form::query;
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to, show};
use axum::extract::State as Shared;
use axum::http::Uri;

const CODE: &str = "code";

#[derive(askama::Template)]
#[template(path = "my_account/pages/text_code.html")]
pub struct TextCodePage {
    pub layout: Layout,
    pub form: Form,
    pub masked_mobile: String,
    pub minutes: u16,
    pub sent_again: bool,
}

impl TextCodePage {
    fn hint(&self) -> String {
        format!(
            "6 digits, in a text message to {}. The code works for {} minutes",
            self.masked_mobile, self.minutes
        )
    }
}

fn show_page(app: &App, visit: &Visit, account: &Account, problems: Problems, sent_again: bool) -> Answer {
    let form = visit.form(Fields::default(), problems.clone());
    let template = TextCodePage {
        layout: visit.layout("Enter the code we sent you").with_problems(&form).back_to(SIGN_IN),
        form,
        masked_mobile: account.mobile.masked(),
        minutes: app.settings.code_minutes,
        sent_again,
    };
    show(&template, &problems)
}

/// The account, while it has no app.
async fn without_app(app: &App, half: &HolderHalfSignedIn) -> Result<Account, Interrupt> {
    if sign_ins::authenticator(&app.database, &half.account).await?.is_some() {
        return Err(Interrupt::Redirect(paths::CODE_OF_APP.to_owned()));
    }
    let account = directory::store::find_account(&app.database, &half.account).await?;
    account.ok_or_else(|| Interrupt::Redirect(SIGN_IN.to_owned()))
}

/// GET /sign-in/text-code
pub async fn page(Shared(app): Shared<App>, visit: Visit, half: HolderHalfSignedIn, uri: Uri) -> Answer {
    let account = without_app(&app, &half).await?;
    show_page(&app, &visit, &account, Problems::none(), query(&uri).has("sent"))
}

/// Shows why it was not done, or leads elsewhere.
fn show_declined(app: &App, visit: &Visit, account: &Account, declined: Declined<SignInRefusal>) -> Answer {
    match declined {
        Declined::Refusal(SignInRefusal::Over) | Declined::Conflict(_) => go_to(SIGN_IN),
        Declined::Refusal(refusal) => {
            let problems = Problems::one(CODE, refusal.words(app.clock.now()));
            show_page(app, visit, account, problems, false)
        }
    }
}

/// POST /sign-in/text-code
pub async fn open(
    Shared(app): Shared<App>,
    visit: Visit,
    half: HolderHalfSignedIn,
    fields: Fields,
) -> Answer {
    let account = without_app(&app, &half).await?;
    let order = CodeOrder {
        typed: fields.text(CODE).to_owned(),
        browser: browser(&visit),
        known_by: visit.known_by().map(str::to_owned),
    };
    match without_faults(moves::prove_mobile(&app, half, order).await)? {
        Ok(rotated) => {
            rotated.is_saved(&visit);
            go_to(paths::SET_UP_APP)
        }
        Err(declined) => show_declined(&app, &visit, &account, declined),
    }
}

/// POST /sign-in/text-code/again: sends a new code; the one before stops working.
pub async fn again(Shared(app): Shared<App>, visit: Visit, half: HolderHalfSignedIn) -> Answer {
    let account = without_app(&app, &half).await?;
    match without_faults(moves::send_sign_in_code(&app, half, browser(&visit)).await)? {
        Ok(()) => go_to(format!("{}?sent=again", paths::CODE_BY_TEXT)),
        Err(declined) => show_declined(&app, &visit, &account, declined),
    }
}
