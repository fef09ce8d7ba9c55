//! "This was not us": the link sent to the contact a register holds for the site.

use crate::app::App;
use crate::casework::moves::{self, Stopped};
use crate::outbox::outcome::{Declined, without_faults};
use crate::registration::{Registration, RegistrationState, store};
use crate::sign_in::authority::{Subject, Who, permit};
use crate::sign_in::links::{self, Link};
use crate::sign_in::secrets::{Purpose, read_link_token};
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, show as show_page};
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;

/// The field that says which button was pressed.
const DO: &str = "do";
const CONFIRM: &str = "confirm";

#[derive(askama::Template)]
#[template(path = "casework/pages/stop.html")]
pub struct StopPage {
    pub layout: Layout,
    pub form: Form,
    pub site: String,
    pub reference: String,
    /// What the button stops, or has stopped.
    pub stops: Stopped,
    pub says: Says,
}

/// What the page has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    Ask,
    Done,
    Confirmed,
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

fn page_of(visit: &Visit, case: &Registration, stops: Stopped, says: Says) -> StopPage {
    let title = match (stops, says) {
        (Stopped::Registration | Stopped::Site, Says::Ask) => "Did you register your site?",
        (Stopped::Registration, Says::Done) => "The registration is stopped",
        (Stopped::Site, Says::Done) => "The accounts of your site are closed",
        (Stopped::Registration | Stopped::Site, Says::Confirmed) => "Thank you",
        (Stopped::Ended, _) => "There is nothing to stop",
    };
    StopPage {
        layout: visit.layout(title),
        form: visit.empty_form(),
        site: case.site_name().to_owned(),
        reference: case.reference.to_string(),
        stops,
        says,
    }
}

/// GET /stop/{token}: asks; only the button stops anything, so a mail scanner that follows links changes
/// nothing.
pub async fn page(Shared(app): Shared<App>, visit: Visit, Path(token): Path<String>) -> Answer {
    let (link, case) = load(&app, &token).await?;
    let page = match (&case.state, link.used) {
        (RegistrationState::Stopped, _) => page_of(&visit, &case, Stopped::Registration, Says::Done),
        (_, true) if Stopped::of(&case) == Stopped::Site => page_of(&visit, &case, Stopped::Site, Says::Done),
        (_, true) => return Err(dead_link()),
        (_, false) => page_of(&visit, &case, Stopped::of(&case), Says::Ask),
    };
    show_page(&page, &Problems::none())
}

/// POST /stop/{token}
pub async fn stop(
    Shared(app): Shared<App>,
    visit: Visit,
    Path(token): Path<String>,
    fields: Fields,
) -> Answer {
    let (link, case) = load(&app, &token).await?;
    let who = Who::SiteContact { registration: case.id.clone() };
    if fields.text(DO) == CONFIRM {
        let subject = Subject::Registration { id: case.id.clone() };
        let permit = permit(&who, subject).map_err(|_| dead_link())?;
        return match without_faults(moves::confirm_site(&app, permit, link).await)? {
            Ok(()) => {
                let page = page_of(&visit, &case, Stopped::of(&case), Says::Confirmed);
                show_page(&page, &Problems::none())
            }
            Err(Declined::Refusal(_)) => Err(dead_link()),
            Err(Declined::Conflict(conflict)) => {
                Err(Interrupt::refused(StatusCode::CONFLICT, "Nothing was changed", &conflict.words))
            }
        };
    }
    let permit = permit(&who, Subject::Registration { id: case.id.clone() }).map_err(|_| dead_link())?;
    match without_faults(moves::stop(&app, permit, link).await)? {
        Ok(stopped) => show_page(&page_of(&visit, &case, stopped, Says::Done), &Problems::none()),
        Err(Declined::Refusal(_)) => Err(dead_link()),
        Err(Declined::Conflict(conflict)) => {
            Err(Interrupt::refused(StatusCode::CONFLICT, "Nothing was stopped", &conflict.words))
        }
    }
}
