//! A link that no longer works leads here, and here a new one is asked for. The answer is the same
//! whoever asks: whether an account exists is nobody else's business.

use super::paths;
use crate::app::App;
use crate::contact::Email;
use crate::my_account::moves::{self, LinkOrder};
use crate::outbox::outcome::{Declined, without_faults};
use crate::sign_in::limits;
use crate::web::page::show_with;
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to, show};
use axum::extract::State;
use axum::http::StatusCode;

#[derive(askama::Template)]
#[template(path = "my_account/pages/new_link.html")]
pub struct NewLinkPage {
    pub layout: Layout,
    pub form: Form,
    /// Whether a link led here that does not work.
    pub link_was_bad: bool,
    pub activation_hours: u16,
}

#[derive(askama::Template)]
#[template(path = "my_account/pages/new_link_sent.html")]
pub struct NewLinkSentPage {
    pub layout: Layout,
}

fn page_of(app: &App, visit: &Visit, form: Form, link_was_bad: bool) -> NewLinkPage {
    let title = if link_was_bad { "This link no longer works" } else { "Get a new activation link" };
    NewLinkPage {
        layout: visit.layout(title).with_problems(&form),
        form,
        link_was_bad,
        activation_hours: app.settings.activation_hours,
    }
}

/// What a link that was used, has run out or was damaged is answered with: the three look alike.
pub(super) fn no_longer_works(app: &App, visit: &Visit) -> Answer {
    show_with(StatusCode::GONE, &page_of(app, visit, visit.empty_form(), true))
}

/// GET /activate
pub async fn page(State(app): State<App>, visit: Visit) -> Answer {
    show(&page_of(&app, &visit, visit.empty_form(), false), &Problems::none())
}

/// POST /activate: whoever it is, the same is done here; who gets a link is found out afterwards.
pub async fn ask(State(app): State<App>, visit: Visit, fields: Fields) -> Answer {
    let mut problems = Problems::none();
    let Some(email) = problems.take("email", Email::parse(fields.text("email"))) else {
        let form = visit.form(fields, problems.clone());
        return show(&page_of(&app, &visit, form, false), &problems);
    };
    let order = LinkOrder { email, network: visit.network().to_owned() };
    match without_faults(moves::ask_for_link(&app, order).await)? {
        Ok(()) => go_to("/activate/link-sent"),
        Err(Declined::Refusal(used_up)) => Err(Interrupt::too_often(&format!(
            "Many links have been asked for from your network. You can ask again {}.",
            limits::wait_in_words(app.clock.now(), used_up.until)
        ))),
        Err(Declined::Conflict(conflict)) => Err(Interrupt::too_often(&conflict.words)),
    }
}

/// GET /activate/link-sent
pub async fn sent(visit: Visit) -> Answer {
    show(
        &NewLinkSentPage { layout: visit.layout("Check your email").back_to(paths::NEW_LINK) },
        &Problems::none(),
    )
}
