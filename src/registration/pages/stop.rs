//! "This was not us": the link sent to the contact a register holds for the site.

use crate::app::App;
use crate::outbox::outcome::{Declined, without_faults};
use crate::registration::{Refusal, Registration, RegistrationState, moves, store};
use crate::sign_in::authority::{Subject, Who, permit};
use crate::sign_in::links::{self, Link};
use crate::sign_in::secrets::{Purpose, read_link_token};
use crate::web::{Answer, Form, Interrupt, Layout, Problems, Visit, show as show_page};
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;

#[derive(askama::Template)]
#[template(path = "registration/pages/stop.html")]
pub struct StopPage {
    pub layout: Layout,
    pub form: Form,
    pub site: String,
    pub reference: String,
    pub outcome: Outcome,
}

/// What the page has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Ask,
    Stopped,
    /// It was decided before the link was used: a person must act.
    TooLate,
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

fn page_of(visit: &Visit, case: &Registration, outcome: Outcome) -> StopPage {
    let title = match outcome {
        Outcome::Ask => "Stop a registration",
        Outcome::Stopped => "The registration is stopped",
        Outcome::TooLate => "This registration has been decided",
    };
    StopPage {
        layout: visit.layout(title),
        form: visit.empty_form(),
        site: case.site_name().to_owned(),
        reference: case.reference.to_string(),
        outcome,
    }
}

fn outcome_of(case: &Registration) -> Outcome {
    if case.state == RegistrationState::Stopped {
        Outcome::Stopped
    } else if case.state.is_undecided() {
        Outcome::Ask
    } else {
        Outcome::TooLate
    }
}

/// GET /stop/{token}: only a page with a button. A scanner that follows links changes nothing.
pub async fn page(Shared(app): Shared<App>, visit: Visit, Path(token): Path<String>) -> Answer {
    let (_, case) = load(&app, &token).await?;
    show_page(&page_of(&visit, &case, outcome_of(&case)), &Problems::none())
}

/// POST /stop/{token}
pub async fn stop(Shared(app): Shared<App>, visit: Visit, Path(token): Path<String>) -> Answer {
    let (link, case) = load(&app, &token).await?;
    let who = Who::SiteContact { registration: case.id.clone() };
    let permit = permit(&who, Subject::Registration { id: case.id.clone() }).map_err(|_| dead_link())?;
    let outcome = match without_faults(moves::stop(&app, permit, link).await)? {
        Ok(()) => Outcome::Stopped,
        Err(Declined::Refusal(Refusal::NotUndecided(_))) => Outcome::TooLate,
        Err(Declined::Refusal(_)) => return Err(dead_link()),
        Err(Declined::Conflict(conflict)) => {
            return Err(Interrupt::refused(StatusCode::CONFLICT, "Nothing was stopped", &conflict.words));
        }
    };
    show_page(&page_of(&visit, &case, outcome), &Problems::none())
}
