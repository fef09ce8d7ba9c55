//! "This was not us": the link sent to the contact a register holds for the site.

use crate::app::App;
use crate::database::{Error, transaction};
use crate::letter::Letterhead;
use crate::registration::store::Saved;
use crate::registration::{Registration, letters, store};
use crate::sign_in::links::{self, Link, LinkFor};
use crate::sign_in::secrets::{Purpose, read_link_token};
use crate::web::{Answer, Form, Interrupt, Layout, Problems, Visit, show as show_page};
use axum::extract::{Path, State as Shared};

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

async fn load(app: &App, token: &str) -> Result<(Link, Registration), Interrupt> {
    let gone = || {
        Interrupt::refused(
            axum::http::StatusCode::GONE,
            "This link no longer works",
            "If somebody has registered your site without your knowledge, call our helpdesk now.",
        )
    };
    let id = read_link_token(&app.key, Purpose::StopLink, token).ok_or_else(gone)?;
    let link = links::find(&app.database, Purpose::StopLink, &id).await?.ok_or_else(gone)?;
    if link.expires_at <= app.clock.now() {
        return Err(gone());
    }
    let case = store::find(&app.database, &link.subject).await?.ok_or_else(gone)?;
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
    if case.state == crate::registration::RegistrationState::Stopped {
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
    let now = app.clock.now();
    let from = Letterhead::of(&app.settings);
    let id = case.id.clone();
    let after = app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            let Some(case) = store::find(tx, &id).await? else { return Ok(None) };
            let as_it_was = case.clone();
            let Ok(mut change) = case.stop() else { return Ok(Some(as_it_was)) };
            if let Some(email) = change.state.registrant_email().cloned() {
                let letter = letters::stopped(&from, now, &change.state, &email);
                change = change.telling(letter);
            }
            if store::save(tx, now, &change).await? == Saved::VersionConflict {
                return Ok(Some(as_it_was));
            }
            links::redeem(tx, &link.id, &LinkFor::as_sent(Purpose::StopLink, &link), now).await?;
            Ok(Some(change.state))
        }))
        .await?
        .ok_or_else(Interrupt::not_found)?;
    show_page(&page_of(&visit, &after, outcome_of(&after)), &Problems::none())
}
