//! The password, with its rules before the field.

use super::Underway;
use crate::app::App;
use crate::my_account::{Step, moves};
use crate::outbox::outcome::{Declined, without_faults};
use crate::settings::Secret;
use crate::sign_in::{Activating, password};
use crate::web::components::{ErrorMessage, Label, PasswordInput};
use crate::web::{Answer, Fields, Form, Layout, Problems, Visit, go_to, show};
use axum::extract::State;

#[derive(askama::Template)]
#[template(path = "my_account/pages/password.html")]
pub struct PasswordPage {
    pub layout: Layout,
    pub form: Form,
    /// So that the browser's own safe keeps the password under the right name.
    pub address: String,
    pub length_min: usize,
}

impl PasswordPage {
    fn field(&self) -> PasswordInput {
        PasswordInput {
            name: "password".to_owned(),
            id: "password".to_owned(),
            label: Label { text: "Password".to_owned(), ..Default::default() },
            error_message: self
                .form
                .problems
                .of("password")
                .map(|words| ErrorMessage { text: words.to_owned(), ..Default::default() }),
            autocomplete: "new-password".to_owned(),
            ..Default::default()
        }
    }
}

fn show_page(underway: &Underway, form: Form) -> Answer {
    let problems = form.problems.clone();
    let template = PasswordPage {
        layout: underway.visit.layout("Choose your password").with_problems(&form),
        form,
        address: underway.account.address.clone(),
        length_min: password::LENGTH_MIN,
    };
    show(&template, &problems)
}

/// GET /activate/password
pub async fn page(State(app): State<App>, visit: Visit, activating: Activating) -> Answer {
    let underway = Underway::at(Step::Password, app, visit, activating).await?;
    let form = underway.visit.empty_form();
    show_page(&underway, form)
}

/// POST /activate/password: keeps the password until the policy is accepted.
pub async fn save(State(app): State<App>, visit: Visit, activating: Activating, fields: Fields) -> Answer {
    let underway = Underway::at(Step::Password, app, visit, activating).await?;
    let (permit, order) = (underway.permit().await?, underway.order());
    let typed = Secret::new(fields.text("password").to_owned());
    let words = match without_faults(moves::choose_password(&underway.app, permit, order, typed).await)? {
        Ok(()) => return go_to(Step::Policy.path()),
        Err(Declined::Refusal(refusal)) => underway.words(refusal)?,
        Err(Declined::Conflict(conflict)) => conflict.words,
    };
    // What was typed is never shown again.
    show_page(&underway, underway.visit.form(Fields::default(), Problems::one("password", words)))
}
