//! Where a registration begins: what to have ready, how long it takes, and the button.

use crate::app::App;
use crate::outbox::outcome::{Declined, without_faults};
use crate::registration::journey;
use crate::registration::moves::{self, BeginOrder};
use crate::sign_in::limits::wait_in_words;
use crate::web::{Answer, Form, Interrupt, Layout, Problems, Visit, go_to, show};
use axum::extract::State;
use axum::http::StatusCode;

#[derive(askama::Template)]
#[template(path = "registration/pages/start.html")]
pub struct StartPage {
    pub layout: Layout,
    pub form: Form,
    pub people_min: u8,
    pub people_max: u8,
    pub decision_hours: u16,
    pub draft_days: u16,
}

/// GET /register
pub async fn page(State(app): State<App>, visit: Visit) -> Answer {
    let template = StartPage {
        layout: visit.layout("Register a care site for secure email").back_to("/"),
        form: visit.empty_form(),
        people_min: app.settings.people_min,
        people_max: app.settings.people_max,
        decision_hours: app.settings.decision_hours,
        draft_days: app.settings.draft_days,
    };
    show(&template, &Problems::none())
}

/// POST /register: begins a draft.
pub async fn begin(State(app): State<App>, visit: Visit) -> Answer {
    let order = BeginOrder { browser: visit.browser(), network: visit.network().to_owned() };
    match without_faults(moves::begin(&app, order).await)? {
        Ok(()) => go_to(journey::Page::SocialCare.path()),
        Err(Declined::Refusal(used_up)) => Err(Interrupt::too_often(&format!(
            "Many registrations have been started from your network. You can start another one {}.",
            wait_in_words(app.clock.now(), used_up.until)
        ))),
        Err(Declined::Conflict(conflict)) => {
            Err(Interrupt::refused(StatusCode::CONFLICT, "Nothing was started", &conflict.words))
        }
    }
}
