//! The code from the text message.

use super::Underway;
use crate::app::App;
use crate::database::{Error, transaction};
use crate::my_account::{Step, store};
use crate::sign_in::Activating;
use crate::sign_in::codes::{self, CodeProblem};
use crate::sign_in::secrets::Purpose;
use crate::web::form::query;
use crate::web::{Answer, Fields, Form, Layout, Problems, Visit, go_to, show};
use axum::extract::State;
use axum::http::Uri;

#[derive(askama::Template)]
#[template(path = "my_account/pages/code.html")]
pub struct CodePage {
    pub layout: Layout,
    pub form: Form,
    pub masked_mobile: String,
    pub minutes: u16,
    /// Whether a new code has just been sent.
    pub sent_again: bool,
}

impl CodePage {
    fn hint(&self) -> String {
        format!(
            "6 digits, in a text message to {}. The code works for {} minutes",
            self.masked_mobile, self.minutes
        )
    }
}

fn show_page(underway: &Underway, form: Form, sent_again: bool) -> Answer {
    let problems = form.problems.clone();
    let template = CodePage {
        layout: underway.visit.layout("Enter the code we sent you").with_problems(&form),
        form,
        masked_mobile: underway.account.mobile.masked(),
        minutes: underway.app.settings.code_minutes,
        sent_again,
    };
    show(&template, &problems)
}

fn show_problem(underway: &Underway, typed: Fields, problem: CodeProblem) -> Answer {
    let words = problem.words(underway.app.clock.now());
    // A code that was tried is not worth correcting: the field comes back empty.
    let fields = if problem == CodeProblem::NotSixDigits { typed } else { Fields::default() };
    show_page(underway, underway.visit.form(fields, Problems::one("code", words)), false)
}

/// GET /activate/code
pub async fn page(State(app): State<App>, visit: Visit, activating: Activating, uri: Uri) -> Answer {
    let underway = Underway::at(Step::Code, app, visit, activating).await?;
    let form = underway.visit.empty_form();
    show_page(&underway, form, query(&uri).has("sent"))
}

/// POST /activate/code: tries the code.
pub async fn save(State(app): State<App>, visit: Visit, activating: Activating, fields: Fields) -> Answer {
    let underway = Underway::at(Step::Code, app, visit, activating).await?;
    let now = underway.app.clock.now();
    let purpose = Purpose::ActivationCode;
    let code = store::code_for(&underway.app.key, purpose, &underway.account, &underway.browser);
    let right = match codes::check(&underway.app, &code, fields.text("code")).await? {
        Ok(right) => right,
        Err(problem) => return show_problem(&underway, fields, problem),
    };
    let link = underway.link.clone();
    let confirmed = underway
        .app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            store::confirm_code(tx, &right, &code, &link, now).await
        }))
        .await?;
    if confirmed { go_to(Step::Password.path()) } else { show_problem(&underway, fields, CodeProblem::Stale) }
}

/// POST /activate/code/again: sends a new code; the one before stops working.
pub async fn again(State(app): State<App>, visit: Visit, activating: Activating) -> Answer {
    let underway = Underway::at(Step::Code, app, visit, activating).await?;
    let now = underway.app.clock.now();
    let (app, account, browser) = (underway.app.clone(), underway.account.clone(), underway.browser.clone());
    let sent = underway
        .app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            store::send_code(tx, &app, &account, Purpose::ActivationCode, &browser, now).await
        }))
        .await?;
    match sent {
        Ok(()) => go_to("/activate/code?sent=again"),
        Err(problem) => show_problem(&underway, Fields::default(), problem),
    }
}
