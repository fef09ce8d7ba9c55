//! Asking the registrant for more information.

use super::case::{Actions, CaseDone, done_with, load, not_decided, path_of};
use super::{QUEUE, VERSION, layout, note_opened, permit, text_problem, version_of};
use crate::app::App;
use crate::casework::moves::{self, QuestionOrder};
use crate::outbox::outcome::without_faults;
use crate::registration::Registration;
use crate::sign_in::CaseWorker;
use crate::sign_in::authority::{Subject, deed};
use crate::web::components::{NotificationBanner, Textarea};
use crate::web::form::query;
use crate::web::page::show_with;
use crate::web::{Answer, Fields, Form, Layout, Problems, Visit, go_to};
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;

const QUESTION: &str = "question";

#[derive(askama::Template)]
#[template(path = "casework/pages/ask.html")]
pub struct AskPage {
    pub layout: Layout,
    pub form: Form,
    pub banner: Option<NotificationBanner>,
    pub reference: String,
    pub because: String,
    pub version: i64,
    pub question: Textarea,
    /// Whether it can be asked now; what was typed is shown all the same.
    pub can_ask: bool,
}

fn show(
    visit: &Visit,
    by: &CaseWorker,
    case: &Registration,
    version: i64,
    form: Form,
    status: StatusCode,
    banner: Option<NotificationBanner>,
) -> Answer {
    let hint = "It is sent by email, and answered on a page of ours. Ask for what you need to decide and nothing about people who receive care.";
    let template = AskPage {
        layout: layout(visit, by, "Ask for more information", QUEUE)
            .with_problems(&form)
            .back_to(path_of(&case.id)),
        banner,
        reference: format!("{} {}", case.reference, case.site_name()),
        because: case.referred_because.clone(),
        version,
        question: form.lines(QUESTION, "What do you need to know?", hint),
        can_ask: Actions::of(&case.state, false, &[], &by.id).can_ask,
        form,
    };
    show_with(status, &template)
}

/// GET /casework/cases/{id}/ask
pub async fn page(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path(id): Path<String>,
    uri: axum::http::Uri,
) -> Answer {
    let case = load(&app, &id).await?;
    note_opened(&app, &by, &case.id).await?;
    let seen = query(&uri).text(VERSION).parse().unwrap_or(case.version);
    show(&visit, &by, &case, seen, visit.empty_form(), StatusCode::OK, None)
}

/// POST /casework/cases/{id}/ask
pub async fn save(
    Shared(app): Shared<App>,
    visit: Visit,
    by: CaseWorker,
    Path(id): Path<String>,
    fields: Fields,
) -> Answer {
    let case = load(&app, &id).await?;
    let version = version_of(fields.text(VERSION));
    let question = fields.text(QUESTION).to_owned();
    if let Some(words) = text_problem(&question, "Enter what you need to know", "Your question") {
        let form = visit.form(fields, Problems::one(QUESTION, words));
        return show(&visit, &by, &case, version, form, StatusCode::UNPROCESSABLE_ENTITY, None);
    }
    let permit = permit::<deed::Decide>(&by, Subject::Registration { id: case.id.clone() })?;
    let order = QuestionOrder { seen: version, question };
    match without_faults(moves::ask_for_more(&app, permit, order).await)? {
        Ok(()) => go_to(done_with(&id, CaseDone::Asked)),
        Err(why) => {
            let banner = not_decided(&app, &case.id, "Your question was not sent", why).await?;
            let case = load(&app, &id).await?;
            let form = visit.form(fields, Problems::none());
            show(&visit, &by, &case, case.version, form, StatusCode::CONFLICT, Some(banner))
        }
    }
}
