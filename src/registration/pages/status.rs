//! How a registration is doing, for its registrant, after a code.

use super::email::code_words;
use crate::app::App;
use crate::clock::Timestamp;
use crate::database::{Error, transaction};
use crate::id::Reference;
use crate::letter::Letterhead;
use crate::outbox;
use crate::registration::checks::{Outcome, RegisterCheck};
use crate::registration::store::Saved;
use crate::registration::{Registration, RegistrationState, after_set_up, letters, store};
use crate::service_desk;
use crate::service_desk::note::{NewNote, NoteAuthor};
use crate::sign_in::StatusReader;
use crate::sign_in::codes::{self, CodeRequest, Rules, Tried};
use crate::sign_in::secrets::Purpose;
use crate::sign_in::session::{self, SessionKind};
use crate::web::components::{Html, Table};
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to, show as show_page};
use axum::extract::{Path, State as Shared};

const REFERENCE: &str = "reference";
const CODE: &str = "code";
const ANSWER: &str = "answer";
/// Longest answer to a question of ours, in characters.
const ANSWER_LETTERS_MAX: usize = 4_000;

fn reference_page(visit: &Visit, form: Form) -> super::Question {
    let title = "See how a registration is doing";
    let field = form
        .text(REFERENCE, "Your reference")
        .hinted("It is in the email we sent, like CP-7QPX-2M4H.")
        .twenty_wide();
    let layout = visit.layout(title).with_problems(&form).back_to("/register");
    let field = Html::of(&field);
    let mut page = super::Question::new(layout, form, field);
    page.heading = title.to_owned();
    page
}

/// GET /registration
pub async fn page(visit: Visit) -> Answer {
    show_page(&reference_page(&visit, visit.empty_form()), &Problems::none())
}

/// POST /registration
pub async fn find(visit: Visit, fields: Fields) -> Answer {
    match Reference::parse(fields.text(REFERENCE)) {
        Some(reference) => go_to(format!("/registration/{reference}")),
        None => {
            let words = if fields.text(REFERENCE).is_empty() {
                "Enter your reference, like CP-7QPX-2M4H"
            } else {
                "This is not a reference of ours. Check each letter. It looks like CP-7QPX-2M4H"
            };
            let problems = Problems::one(REFERENCE, words);
            show_page(&reference_page(&visit, visit.form(fields, problems.clone())), &problems)
        }
    }
}

#[derive(askama::Template)]
#[template(path = "registration/pages/status_code.html")]
pub struct StatusCodePage {
    pub layout: Layout,
    pub form: Form,
    pub reference: String,
    pub was_sent: bool,
    pub minutes: u16,
}

fn code_page(app: &App, visit: &Visit, reference: &Reference, was_sent: bool, form: Form) -> StatusCodePage {
    StatusCodePage {
        layout: visit
            .layout(&format!("Registration {reference}"))
            .with_problems(&form)
            .back_to("/registration"),
        form,
        reference: reference.to_string(),
        was_sent,
        minutes: app.settings.code_minutes,
    }
}

/// GET /registration/{reference}: the status, or the way to it.
pub async fn show(Shared(app): Shared<App>, visit: Visit, Path(reference): Path<String>) -> Answer {
    let reference = Reference::parse(&reference).ok_or_else(Interrupt::not_found)?;
    match own(&app, &visit, &reference).await? {
        Some(case) => show_status(&app, &visit, case, visit.empty_form(), Problems::none()).await,
        None => show_page(&code_page(&app, &visit, &reference, false, visit.empty_form()), &Problems::none()),
    }
}

/// The registration with this reference, if this browser has shown that it is its own.
async fn own(app: &App, visit: &Visit, reference: &Reference) -> Result<Option<Registration>, Interrupt> {
    let Some(reader) = session::status_reader(app, visit).await? else { return Ok(None) };
    let case = store::find(&app.database, &reader.registration).await?;
    Ok(case.filter(|case| case.reference == *reference && case.submitted_at.is_some()))
}

/// What a code for the status is bound to.
fn subject(reference: &Reference) -> String {
    format!("status {reference}")
}

/// POST /registration/{reference}/code: sends a code to the registrant, or acts as if.
pub async fn ask(Shared(app): Shared<App>, visit: Visit, Path(reference): Path<String>) -> Answer {
    let reference = Reference::parse(&reference).ok_or_else(Interrupt::not_found)?;
    let now = app.clock.now();
    let rules = Rules::of(&app);
    let from = Letterhead::of(&app.settings);
    let browser = session::browser_hash(&visit.browser());
    let case = store::find_by_reference(&app.database, &reference).await?;
    let email = case.and_then(|case| case.registrant_email().cloned());
    let asked_for = reference.clone();
    let asked = app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            let subject = subject(&asked_for);
            let recipient = email.as_ref().map_or(asked_for.as_str(), |email| email.as_str());
            let asked = codes::ask(tx, rules, Purpose::EmailCode, &subject, &browser, recipient, now).await?;
            if let (CodeRequest::Made(code), Some(email)) = (&asked, &email) {
                outbox::store::write_letter(tx, now, &letters::email_code(&from, now, email, &subject, code))
                    .await?;
            }
            Ok(asked)
        }))
        .await?;
    let problems = match asked {
        CodeRequest::Made(_) => Problems::none(),
        CodeRequest::TooOften(used_up) => Problems::one(
            CODE,
            format!(
                "Too many codes have been asked for. Try again {}",
                crate::sign_in::limits::wait_in_words(now, used_up.until)
            ),
        ),
    };
    let form = visit.form(Fields::default(), problems.clone());
    show_page(&code_page(&app, &visit, &reference, true, form), &problems)
}

/// POST /registration/{reference}/open
pub async fn open(
    Shared(app): Shared<App>,
    visit: Visit,
    Path(reference): Path<String>,
    fields: Fields,
) -> Answer {
    let reference = Reference::parse(&reference).ok_or_else(Interrupt::not_found)?;
    let typed = fields.text(CODE).to_owned();
    let problem = if typed.is_empty() {
        Some("Enter the code from the email".to_owned())
    } else {
        let browser = session::browser_hash(&visit.browser());
        let tried =
            codes::attempt(app.clone(), Purpose::EmailCode, subject(&reference), browser, typed).await?;
        (tried != Tried::Right).then(|| code_words(tried, app.clock.now()).to_owned())
    };
    if let Some(words) = problem {
        let problems = Problems::one(CODE, words);
        let form = visit.form(Fields::default(), problems.clone());
        return show_page(&code_page(&app, &visit, &reference, true, form), &problems);
    }
    let case = store::find_by_reference(&app.database, &reference).await?.ok_or_else(Interrupt::not_found)?;
    session::rotate_session(&app, &visit, SessionKind::StatusReader, &case.id, true).await?;
    go_to(format!("/registration/{reference}"))
}

/// One check as the registrant reads it.
pub struct CheckLine {
    pub what: &'static str,
    pub tag: &'static str,
    pub colour: &'static str,
    pub words: String,
}

/// The checks a registrant is told of; a warning says only that somebody looks.
pub fn check_lines(checks: &[RegisterCheck]) -> Vec<CheckLine> {
    checks
        .iter()
        .filter(|check| check.check.is_told())
        .map(|check| {
            let (tag, colour, words) = match check.outcome {
                Outcome::Pass => ("Passed", "green", String::new()),
                Outcome::Fail(reason) => ("To be looked at", "yellow", reason.words().to_owned()),
                Outcome::Warn | Outcome::HighRisk => ("To be looked at", "yellow", String::new()),
                Outcome::Unavailable => {
                    ("Waiting", "grey", "The register has not answered yet. We ask again.".to_owned())
                }
            };
            CheckLine { what: check.check.in_words(), tag, colour, words }
        })
        .collect()
}

#[derive(askama::Template)]
#[template(path = "registration/pages/status.html")]
pub struct StatusPage {
    pub layout: Layout,
    pub form: Form,
    pub case: Registration,
    pub state: &'static str,
    pub due: String,
    pub checks: Vec<CheckLine>,
    pub question: String,
    pub declined: Vec<String>,
    pub can_withdraw: bool,
    pub after_set_up: Table,
}

async fn show_status(app: &App, visit: &Visit, case: Registration, form: Form, problems: Problems) -> Answer {
    let checks = store::list_checks(&app.database, &case.id).await?;
    let mut question = String::new();
    let mut declined = Vec::new();
    if let RegistrationState::MoreInformationAsked { question: asked } = &case.state {
        question.clone_from(asked);
    }
    if let RegistrationState::Declined { reason, words } = &case.state {
        declined = letters::declined_words(*reason, words);
    }
    let template = StatusPage {
        layout: visit
            .layout(&format!("Registration {}", case.reference))
            .with_problems(&form)
            .back_to("/register"),
        state: case.state.in_words(),
        due: case.due_at.filter(|_| case.state.is_undecided()).map_or_else(String::new, Timestamp::in_words),
        checks: check_lines(&checks),
        can_withdraw: case.state.is_undecided(),
        after_set_up: after_set_up::table(&app.settings),
        question,
        declined,
        form,
        case,
    };
    show_page(&template, &problems)
}

/// Loads the case of a change made on the status page.
async fn to_change(
    app: &App,
    visit: &Visit,
    reader: &StatusReader,
    reference: &str,
) -> Result<Registration, Interrupt> {
    let reference = Reference::parse(reference).ok_or_else(Interrupt::not_found)?;
    let case = own(app, visit, &reference).await?.ok_or_else(Interrupt::not_found)?;
    if case.id == reader.registration { Ok(case) } else { Err(Interrupt::not_found()) }
}

/// POST /registration/{reference}/answer: answers a question of ours.
pub async fn answer(
    Shared(app): Shared<App>,
    visit: Visit,
    reader: StatusReader,
    Path(reference): Path<String>,
    fields: Fields,
) -> Answer {
    let case = to_change(&app, &visit, &reader, &reference).await?;
    let text = fields.text(ANSWER).to_owned();
    let problem = if text.is_empty() {
        Some("Enter your answer".to_owned())
    } else if text.chars().count() > ANSWER_LETTERS_MAX {
        Some(format!("Your answer must be {ANSWER_LETTERS_MAX} characters or fewer"))
    } else {
        None
    };
    if let Some(words) = problem {
        let problems = Problems::one(ANSWER, words);
        let form = visit.form(fields, problems.clone());
        return show_status(&app, &visit, case, form, problems).await;
    }
    let now = app.clock.now();
    let id = case.id.clone();
    if let Ok(change) = case.answer_more() {
        app.database
            .write::<_, Error, _>(transaction!(async move |tx| {
                if store::save(tx, now, &change).await? == Saved::Yes {
                    let note = NewNote::with_a_change(&id, NoteAuthor::Registrant, text);
                    service_desk::store::add_note(tx, now, &note).await?;
                }
                Ok(())
            }))
            .await?;
    }
    go_to(format!("/registration/{reference}"))
}

/// POST /registration/{reference}/withdraw
pub async fn withdraw(
    Shared(app): Shared<App>,
    visit: Visit,
    reader: StatusReader,
    Path(reference): Path<String>,
) -> Answer {
    let case = to_change(&app, &visit, &reader, &reference).await?;
    let now = app.clock.now();
    if let Ok(change) = case.withdraw() {
        app.database
            .write::<_, Error, _>(transaction!(async move |tx| {
                store::save(tx, now, &change).await.map(|_| ())
            }))
            .await?;
    }
    go_to(format!("/registration/{reference}"))
}
