//! The acceptable use policy. Agreeing to it is the last step: the account becomes active.

use super::Underway;
use crate::app::App;
use crate::my_account::{Step, moves};
use crate::outbox::outcome::{Declined, without_faults};
use crate::sign_in::Activating;
use crate::web::{Answer, Fields, Form, Layout, Problems, Visit, go_to, show};
use axum::extract::State;

#[derive(askama::Template)]
#[template(path = "my_account/pages/policy.html")]
pub struct PolicyPage {
    pub layout: Layout,
    pub form: Form,
}

fn show_page(underway: &Underway, form: Form) -> Answer {
    let problems = form.problems.clone();
    let layout =
        underway.visit.layout("Acceptable use policy").with_problems(&form).back_to(Step::Password.path());
    show(&PolicyPage { layout, form }, &problems)
}

/// GET /activate/policy
pub async fn page(State(app): State<App>, visit: Visit, activating: Activating) -> Answer {
    let underway = Underway::at(Step::Policy, app, visit, activating).await?;
    let form = underway.visit.empty_form();
    show_page(&underway, form)
}

/// POST /activate/policy: the account becomes active.
pub async fn save(State(app): State<App>, visit: Visit, activating: Activating, fields: Fields) -> Answer {
    let underway = Underway::at(Step::Policy, app, visit, activating).await?;
    if fields.text("agree") != "yes" {
        let words = "Tick the box if you agree. We cannot activate your account without it";
        let form = underway.visit.form(fields, Problems::one("agree", words));
        return show_page(&underway, form);
    }
    let (permit, order) = (underway.permit().await?, underway.order());
    let words = match without_faults(moves::activate(&underway.app, permit, order).await)? {
        Ok(rotated) => {
            rotated.is_saved(&underway.visit);
            return go_to("/activate/done");
        }
        Err(Declined::Refusal(refusal)) => underway.words(refusal)?,
        Err(Declined::Conflict(conflict)) => conflict.words,
    };
    show_page(&underway, underway.visit.form(fields, Problems::one("agree", words)))
}
