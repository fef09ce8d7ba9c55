//! Check your answers, declare, send; then the confirmation with the reference.

use super::Asking;
use crate::app::App;
use crate::registration::complete::Complete;
use crate::registration::journey::{self, Page};
use crate::registration::summary::{Section, sections};
use crate::registration::{DraftState, Registration, Stored, after_set_up, moves, store};
use crate::sign_in::Registrant;
use crate::web::components::Table;
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to, show as show_page};
use axum::extract::State as Shared;

const DECLARATION: &str = "declaration";

#[derive(askama::Template)]
#[template(path = "registration/pages/check_answers.html")]
pub struct CheckPage {
    pub layout: Layout,
    pub form: Form,
    pub sections: Vec<Section>,
}

fn page_of(asking: &Asking, answers: &Complete, form: Form) -> CheckPage {
    CheckPage {
        layout: asking.layout(Page::CheckAnswers, "Check your answers before you send them", &form),
        form,
        sections: sections(answers, asking.registrant.masked, true),
    }
}

/// What is checked before it is sent; on to what is missing.
fn complete(asking: &Asking) -> Result<Complete, Interrupt> {
    Complete::of(asking.answers().clone()).map_err(|page| Interrupt::Redirect(page.path()))
}

pub fn show(asking: &Asking) -> Answer {
    let answers = complete(asking)?;
    asking.visit.show_form(Fields::default(), |form| page_of(asking, &answers, form))
}

pub async fn save(asking: &Asking, fields: Fields) -> Answer {
    let answers = complete(asking)?;
    let sent = if fields.text(DECLARATION) == "yes" {
        let sent = moves::submit(&asking.app, asking.permit()?).await;
        asking.outcome(DECLARATION, sent)?
    } else {
        let words = "Confirm that you may act for the site and that your answers are right";
        Err(Problems::one(DECLARATION, words).into())
    };
    match sent {
        Ok(()) => go_to("/register/sent"),
        Err(again) => asking.visit.show_again(fields, again, |form| page_of(asking, &answers, form)),
    }
}

/// What the session's registrant has sent.
///
/// # Errors
/// Where to go instead.
async fn sent_by(app: &App, registrant: &Registrant) -> Result<Registration, Interrupt> {
    let stored = store::find(&app.database, &registrant.registration).await?;
    match stored.ok_or_else(Interrupt::not_found)? {
        Stored::Sent(registration) => Ok(registration),
        Stored::Draft(draft) => Err(Interrupt::Redirect(match draft.state {
            DraftState::Draft => journey::next(&draft.answers).path(),
            DraftState::Ineligible { .. } | DraftState::Expired => "/register".to_owned(),
        })),
        Stored::Forgotten(_) => Err(Interrupt::Redirect("/register".to_owned())),
    }
}

#[derive(askama::Template)]
#[template(path = "registration/pages/sent.html")]
pub struct SentPage {
    pub layout: Layout,
    pub reference: String,
    pub site: String,
    pub email: String,
    pub due: String,
    pub ended: bool,
    pub after_set_up: Table,
}

/// GET /register/sent
pub async fn sent(Shared(app): Shared<App>, visit: Visit, registrant: Registrant) -> Answer {
    let case = sent_by(&app, &registrant).await?;
    let template = SentPage {
        layout: visit.layout("Registration sent"),
        reference: case.reference.to_string(),
        site: case.site_name().to_owned(),
        email: case.answers.email.masked(),
        due: case.due_at.in_words(),
        ended: !case.state.is_undecided(),
        after_set_up: after_set_up::table(&app.settings),
    };
    show_page(&template, &Problems::none())
}

#[derive(askama::Template)]
#[template(path = "registration/pages/summary.html")]
pub struct SummaryPage {
    pub layout: Layout,
    pub reference: String,
    pub sent_at: String,
    pub sections: Vec<Section>,
}

/// GET /register/summary: everything that was sent, for printing.
pub async fn summary(Shared(app): Shared<App>, visit: Visit, registrant: Registrant) -> Answer {
    let case = sent_by(&app, &registrant).await?;
    let template = SummaryPage {
        layout: visit.layout("What you sent").back_to("/register/sent"),
        reference: case.reference.to_string(),
        sent_at: case.submitted_at.in_words(),
        sections: sections(&case.answers, registrant.masked, false),
    };
    show_page(&template, &Problems::none())
}
