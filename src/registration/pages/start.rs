//! Where a registration begins: what to have ready, how long it takes, and the button.

use crate::app::App;
use crate::clock::Span;
use crate::database::{Error, transaction};
use crate::id::new_id;
use crate::registration::{Registration, journey, store};
use crate::sign_in::limits::{self, Budget};
use crate::sign_in::session::{self, SessionKind};
use crate::web::{Answer, Form, Interrupt, Layout, Problems, Visit, go_to, show};
use axum::extract::State;

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
    let now = app.clock.now();
    let lasts = Span::days(i64::from(app.settings.draft_days));
    let budget =
        Budget::an_hour("starts", visit.network(), i64::from(app.settings.starts_a_network_an_hour_max));
    let browser = visit.browser();
    let draft = Registration::begin(
        new_id(now),
        session::browser_hash(&browser),
        session::browser_hash(visit.network()),
        now,
        lasts,
    );
    let app_in = app.clone();
    let begun = app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            if let Err(used_up) = limits::take(tx, now, &budget).await? {
                return Ok(Err(used_up));
            }
            store::add(tx, &draft).await?;
            session::begin(tx, &app_in, &browser, SessionKind::Registrant, &draft.id, false).await?;
            Ok(Ok(()))
        }))
        .await?;
    match begun {
        Ok(()) => go_to(journey::Page::SocialCare.path()),
        Err(used_up) => Err(Interrupt::too_often(&format!(
            "Many registrations have been started from your network. You can start another one {}.",
            limits::wait_in_words(now, used_up.until)
        ))),
    }
}
