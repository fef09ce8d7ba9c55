//! The acceptable use policy. Agreeing to it is the last step: the account becomes active.

use super::{Underway, paths};
use crate::app::App;
use crate::database::{Error, transaction};
use crate::my_account::store::{self, Finished};
use crate::my_account::{Step, next};
use crate::sign_in::Activating;
use crate::sign_in::session::SessionRotation;
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
    let now = underway.app.clock.now();
    let anew = SessionRotation::of(&underway.visit);
    let (app, account, link) = (underway.app.clone(), underway.account.id.clone(), underway.link.clone());
    let begun = anew.clone();
    let finished = underway
        .app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            store::finish(tx, &app, &account, &link, &begun, now).await
        }))
        .await?;
    match finished {
        Finished::Active => {
            anew.is_saved(&underway.visit);
            go_to("/activate/done")
        }
        Finished::NotReady => go_to(next(None).path()),
        Finished::LinkGone => go_to(paths::NEW_LINK),
    }
}
