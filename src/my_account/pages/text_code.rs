//! The second step of signing in for somebody who has not set up an authenticator app yet: a code by
//! text message to the mobile that was given for them. It leads to setting up the app and nowhere else.

use super::paths;
use crate::app::App;
use crate::database::{Error, transaction};
use crate::directory::{self, Account};
use crate::my_account::store::{self, Stepped};
use crate::sign_in::codes::{self, CodeProblem};
use crate::sign_in::secrets::Purpose;
use crate::sign_in::session::{SIGN_IN, SessionRotation, browser_hash};
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

/// POST /sign-in/text-code
pub async fn open(
    Shared(app): Shared<App>,
    visit: Visit,
    half: HolderHalfSignedIn,
    fields: Fields,
) -> Answer {
    let account = without_app(&app, &half).await?;
    let wrong = |words: String| show_page(&app, &visit, &account, Problems::one(CODE, words), false);
    let browser = browser_hash(&visit.browser());
    let code = store::code_for(&app.key, Purpose::SignInCode, &account, &browser);
    let now = app.clock.now();
    let right = match codes::check(&app, &code, fields.text(CODE)).await? {
        Ok(right) => right,
        Err(problem) => return wrong(problem.words(now)),
    };
    let anew = SessionRotation::of(&visit);
    let (in_app, id, begun) = (app.clone(), account.id.clone(), anew.clone());
    let stepped = app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            store::allow_app(tx, &in_app, &id, &right, &begun, now).await
        }))
        .await?;
    match stepped {
        Stepped::Done => {
            anew.is_saved(&visit);
            go_to(paths::SET_UP_APP)
        }
        Stepped::Refused => wrong(CodeProblem::Stale.words(now)),
        Stepped::Gone => go_to(SIGN_IN),
    }
}

/// POST /sign-in/text-code/again: sends a new code; the one before stops working.
pub async fn again(Shared(app): Shared<App>, visit: Visit, half: HolderHalfSignedIn) -> Answer {
    let account = without_app(&app, &half).await?;
    let now = app.clock.now();
    let (in_app, holder, browser) = (app.clone(), account.clone(), browser_hash(&visit.browser()));
    let sent = app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            store::send_code(tx, &in_app, &holder, Purpose::SignInCode, &browser, now).await
        }))
        .await?;
    match sent {
        Ok(()) => go_to(format!("{}?sent=again", paths::CODE_BY_TEXT)),
        Err(problem) => show_page(&app, &visit, &account, Problems::one(CODE, problem.words(now)), false),
    }
}
