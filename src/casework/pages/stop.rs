//! "This was not us": the link sent to the contact a register holds for the site.

use crate::app::App;
use crate::casework::moves::{self, Stopped};
use crate::outbox::outcome::{Declined, without_faults};
use crate::registration::{Registration, RegistrationState, store};
use crate::sign_in::authority::{Subject, Who, permit};
use crate::sign_in::links::{self, Link};
use crate::sign_in::secrets::{Purpose, read_link_token};
use crate::web::{Answer, Form, Interrupt, Layout, Problems, Visit, show as show_page};
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;

#[derive(askama::Template)]
#[template(path = "casework/pages/stop.html")]
pub struct StopPage {
    pub layout: Layout,
    pub form: Form,
    pub site: String,
    pub reference: String,
    /// What the button stops, or has stopped.
    pub stops: Stopped,
    pub is_done: bool,
}

fn dead_link() -> Interrupt {
    Interrupt::refused(
        StatusCode::GONE,
        "This link no longer works",
        "If somebody has registered your site without your knowledge, call our helpdesk now.",
    )
}

async fn load(app: &App, token: &str) -> Result<(Link, Registration), Interrupt> {
    let id = read_link_token(&app.key, Purpose::StopLink, token).ok_or_else(dead_link)?;
    let link = links::find(&app.database, Purpose::StopLink, &id).await?.ok_or_else(dead_link)?;
    if link.expires_at <= app.clock.now() {
        return Err(dead_link());
    }
    let case = store::find_sent(&app.database, &link.subject).await?.ok_or_else(dead_link)?;
    Ok((link, case))
}

fn page_of(visit: &Visit, case: &Registration, stops: Stopped, is_done: bool) -> StopPage {
    let title = match (stops, is_done) {
        (Stopped::Registration, false) => "Stop a registration",
        (Stopped::Registration, true) => "The registration is stopped",
        (Stopped::Site, false) => "Close the accounts of your site",
        (Stopped::Site, true) => "The accounts of your site are closed",
        (Stopped::Ended, _) => "There is nothing to stop",
    };
    StopPage {
        layout: visit.layout(title),
        form: visit.empty_form(),
        site: case.site_name().to_owned(),
        reference: case.reference.to_string(),
        stops,
        is_done,
    }
}

/// GET /stop/{token}: asks; only the button stops anything, so a mail scanner that follows links changes
/// nothing.
pub async fn page(Shared(app): Shared<App>, visit: Visit, Path(token): Path<String>) -> Answer {
    let (link, case) = load(&app, &token).await?;
    let page = match (&case.state, link.used) {
        (RegistrationState::Stopped, _) => page_of(&visit, &case, Stopped::Registration, true),
        (_, true) if Stopped::of(&case) == Stopped::Site => page_of(&visit, &case, Stopped::Site, true),
        (_, true) => return Err(dead_link()),
        (_, false) => page_of(&visit, &case, Stopped::of(&case), false),
    };
    show_page(&page, &Problems::none())
}

/// POST /stop/{token}
pub async fn stop(Shared(app): Shared<App>, visit: Visit, Path(token): Path<String>) -> Answer {
    let (link, case) = load(&app, &token).await?;
    let who = Who::SiteContact { registration: case.id.clone() };
    let permit = permit(&who, Subject::Registration { id: case.id.clone() }).map_err(|_| dead_link())?;
    match without_faults(moves::stop(&app, permit, link).await)? {
        Ok(stopped) => show_page(&page_of(&visit, &case, stopped, true), &Problems::none()),
        Err(Declined::Refusal(_)) => Err(dead_link()),
        Err(Declined::Conflict(conflict)) => {
            Err(Interrupt::refused(StatusCode::CONFLICT, "Nothing was stopped", &conflict.words))
        }
    }
}
