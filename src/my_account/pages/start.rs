//! Where the link in the email leads: what to expect, and the button that begins.

use super::browser;
use super::new_link::no_longer_works;
use crate::app::App;
use crate::my_account::Step;
use crate::my_account::moves::{self, ActivationRefusal};
use crate::outbox::outcome::{Declined, without_faults};
use crate::web::{Answer, Form, Interrupt, Layout, Problems, Visit, go_to, show};
use axum::extract::{Path, State};

#[derive(askama::Template)]
#[template(path = "my_account/pages/start.html")]
pub struct StartPage {
    pub layout: Layout,
    pub form: Form,
    pub address: String,
    pub masked_mobile: String,
}

/// GET /activate/{token}: changes nothing, because programs open links before people do.
pub async fn page(State(app): State<App>, visit: Visit, Path(token): Path<String>) -> Answer {
    let Some((account, _)) = moves::account_of_link(&app, &app.database, &token).await? else {
        return no_longer_works(&app, &visit);
    };
    let template = StartPage {
        layout: visit.layout("Activate your account"),
        form: visit.empty_form(),
        address: account.address,
        masked_mobile: account.mobile.masked(),
    };
    show(&template, &Problems::none())
}

/// POST /activate/{token}: begins, and sends the code.
pub async fn begin(State(app): State<App>, visit: Visit, Path(token): Path<String>) -> Answer {
    match without_faults(moves::begin_activation(&app, &token, &browser(&visit)).await)? {
        Ok(rotated) => {
            rotated.is_saved(&visit);
            go_to(Step::Code.path())
        }
        Err(Declined::Refusal(ActivationRefusal::Code(problem))) => {
            let words = format!("{}. Your link still works.", problem.words(app.clock.now()));
            Err(Interrupt::too_often(&words).then(visit.path().to_owned(), "Go back to the start"))
        }
        Err(
            Declined::Refusal(
                ActivationRefusal::LinkGone | ActivationRefusal::NotReady | ActivationRefusal::Password(_),
            )
            | Declined::Conflict(_),
        ) => no_longer_works(&app, &visit),
    }
}
