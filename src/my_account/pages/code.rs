//! The code from the text message.

use super::Underway;
use crate::app::App;
use crate::my_account::Step;
use crate::my_account::moves::{self, ActivationRefusal};
use crate::outbox::outcome::{Declined, without_faults};
use crate::sign_in::Activating;
use crate::sign_in::codes::CodeProblem;
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

/// Shows why a step was not taken, or leads elsewhere.
fn show_declined(underway: &Underway, typed: Fields, declined: Declined<ActivationRefusal>) -> Answer {
    // A code that was tried is not worth correcting: the field comes back empty.
    let is_slip = matches!(declined, Declined::Refusal(ActivationRefusal::Code(CodeProblem::NotSixDigits)));
    let words = match declined {
        Declined::Refusal(refusal) => underway.words(refusal)?,
        Declined::Conflict(conflict) => conflict.words,
    };
    let fields = if is_slip { typed } else { Fields::default() };
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
    let (permit, order) = (underway.permit().await?, underway.order());
    let confirmed = moves::confirm_mobile(&underway.app, permit, order, fields.text("code")).await;
    match without_faults(confirmed)? {
        Ok(()) => go_to(Step::Password.path()),
        Err(declined) => show_declined(&underway, fields, declined),
    }
}

/// POST /activate/code/again: sends a new code; the one before stops working.
pub async fn again(State(app): State<App>, visit: Visit, activating: Activating) -> Answer {
    let underway = Underway::at(Step::Code, app, visit, activating).await?;
    let (permit, order) = (underway.permit().await?, underway.order());
    match without_faults(moves::send_activation_code(&underway.app, permit, order).await)? {
        Ok(()) => go_to("/activate/code?sent=again"),
        Err(declined) => show_declined(&underway, Fields::default(), declined),
    }
}
