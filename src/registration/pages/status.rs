//! How a registration is doing, for its registrant, after a code.

use super::{own_permit, put_right};
use crate::app::App;
use crate::database::Error;
use crate::id::Reference;
use crate::outbox::outcome::{Declined, NotDone, without_faults};
use crate::registration::checks::Check;
use crate::registration::checks::{Outcome, RegisterCheck};
use crate::registration::moves::{self, AnswerOrder, OpenStatusOrder, StatusCodeOrder};
use crate::registration::{Refusal, Registration, RegistrationState, after_set_up, letters, store};
use crate::settings::Secret;
use crate::sign_in::StatusReader;
use crate::sign_in::session;
use crate::web::components::{Html, NotificationBanner, Table};
use crate::web::page::show_with;
use crate::web::parts::not_done;
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to};
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;

const REFERENCE: &str = "reference";
const CODE: &str = "code";
const ANSWER: &str = "answer";
const VERSION: &str = "version";
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
    visit.show_form(Fields::default(), |form| reference_page(&visit, form))
}

/// POST /registration
pub async fn find(visit: Visit, fields: Fields) -> Answer {
    if let Some(reference) = Reference::parse(fields.text(REFERENCE)) {
        return go_to(path_of(&reference));
    }
    let words = if fields.text(REFERENCE).is_empty() {
        "Enter your reference, like CP-7QPX-2M4H"
    } else {
        "This is not a reference of ours. Check each letter. It looks like CP-7QPX-2M4H"
    };
    visit.show_again(fields, Problems::one(REFERENCE, words), |form| reference_page(&visit, form))
}

fn path_of(reference: &Reference) -> String {
    format!("/registration/{reference}")
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
        Some(case) => {
            let shown = Shown::of(&app, case).await?;
            visit.show_form(Fields::default(), |form| status_page(&app, &visit, shown, form))
        }
        None => visit.show_form(Fields::default(), |form| code_page(&app, &visit, &reference, false, form)),
    }
}

/// The registration with this reference, if this browser has shown that it is its own.
async fn own(app: &App, visit: &Visit, reference: &Reference) -> Result<Option<Registration>, Interrupt> {
    let Some(reader) = session::status_reader(app, visit).await? else { return Ok(None) };
    let case = store::find_sent(&app.database, &reader.registration).await?;
    Ok(case.filter(|case| case.reference == *reference))
}

/// POST /registration/{reference}/code: sends a code to the registrant, or acts as if.
pub async fn ask(Shared(app): Shared<App>, visit: Visit, Path(reference): Path<String>) -> Answer {
    let reference = Reference::parse(&reference).ok_or_else(Interrupt::not_found)?;
    let browser = session::browser_hash(&visit.browser());
    let order =
        StatusCodeOrder { reference: reference.clone(), browser, network: visit.network().to_owned() };
    let page = |form| code_page(&app, &visit, &reference, true, form);
    match put_right(&app, CODE, moves::ask_for_status_code(&app, order).await)? {
        Ok(()) => visit.show_form(Fields::default(), page),
        Err(again) => visit.show_again(Fields::default(), again, page),
    }
}

/// POST /registration/{reference}/open
pub async fn open(
    Shared(app): Shared<App>,
    visit: Visit,
    Path(reference): Path<String>,
    fields: Fields,
) -> Answer {
    let reference = Reference::parse(&reference).ok_or_else(Interrupt::not_found)?;
    let order = OpenStatusOrder {
        reference: reference.clone(),
        typed: fields.text(CODE).to_owned(),
        browser: Secret::new(visit.browser()),
        network: visit.network().to_owned(),
    };
    match put_right(&app, CODE, moves::open_status(&app, order).await)? {
        Ok(rotated) => {
            rotated.is_saved(&visit);
            go_to(path_of(&reference))
        }
        // A code is typed anew and never shown again.
        Err(again) => {
            visit.show_again(Fields::default(), again, |form| code_page(&app, &visit, &reference, true, form))
        }
    }
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
                Outcome::Warn | Outcome::HighRisk if check.check == Check::NotRegisteredAlready => {
                    let words = "Somebody else has sent a registration of your site, too. One of our team looks at both.";
                    ("To be looked at", "yellow", words.to_owned())
                }
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
    /// An answer that could not be sent, because nobody waits for it any more.
    pub unsent: String,
    pub banner: Option<NotificationBanner>,
    pub declined: Vec<String>,
    pub can_withdraw: bool,
    /// Why accounts cannot be activated yet; empty where they can.
    pub waits: String,
    pub after_set_up: Table,
}

/// What the page shows of a registration.
struct Shown {
    case: Registration,
    checks: Vec<RegisterCheck>,
    waits: String,
}

impl Shown {
    async fn of(app: &App, case: Registration) -> Result<Self, Error> {
        let checks = store::list_checks(&app.database, &case.id).await?;
        let waits = store::activation_waits_until(&app.database, &case.id, app.clock.now()).await?;
        Ok(Shown { case, checks, waits: waits.map_or_else(String::new, letters::waits_words) })
    }
}

fn status_page(app: &App, visit: &Visit, shown: Shown, form: Form) -> StatusPage {
    let Shown { case, checks, waits } = shown;
    let (question, declined) = match &case.state {
        RegistrationState::MoreInformationAsked { question } => (question.clone(), Vec::new()),
        RegistrationState::Declined { reason, words } => {
            (String::new(), letters::declined_words(*reason, words))
        }
        RegistrationState::Submitted
        | RegistrationState::Checking
        | RegistrationState::Referred
        | RegistrationState::Approved
        | RegistrationState::Provisioning
        | RegistrationState::Live
        | RegistrationState::Withdrawn
        | RegistrationState::Stopped => (String::new(), Vec::new()),
    };
    let is_undecided = case.state.is_undecided();
    StatusPage {
        layout: visit
            .layout(&format!("Registration {}", case.reference))
            .with_problems(&form)
            .back_to("/register"),
        state: case.state.in_words(),
        due: if is_undecided { case.due_at.in_words() } else { String::new() },
        checks: check_lines(&checks),
        can_withdraw: is_undecided,
        waits,
        after_set_up: after_set_up::table(&app.settings),
        unsent: String::new(),
        banner: None,
        question,
        declined,
        form,
        case,
    }
}

/// What became of a change that somebody asked for, told on the status page where it was not made.
async fn changed(
    app: &App,
    visit: &Visit,
    reference: &Reference,
    heading: &str,
    outcome: Result<(), NotDone<Refusal>>,
    fields: Fields,
) -> Answer {
    let words = match without_faults(outcome)? {
        Ok(()) => return go_to(path_of(reference)),
        Err(Declined::Refusal(refusal)) => refusal.words(),
        Err(Declined::Conflict(conflict)) => conflict.words,
    };
    let case = own(app, visit, reference).await?.ok_or_else(Interrupt::not_found)?;
    let shown = Shown::of(app, case).await?;
    let unsent = fields.text(ANSWER).to_owned();
    let page = status_page(app, visit, shown, visit.form(fields, Problems::none()));
    // Where a question waits, what was typed is in its field, to be looked at and sent.
    let unsent = if page.question.is_empty() { unsent } else { String::new() };
    show_with(StatusCode::CONFLICT, &StatusPage { banner: Some(not_done(heading, &words)), unsent, ..page })
}

/// POST /registration/{reference}/answer: answers a question of ours.
pub async fn answer(
    Shared(app): Shared<App>,
    visit: Visit,
    reader: StatusReader,
    Path(reference): Path<String>,
    fields: Fields,
) -> Answer {
    let reference = Reference::parse(&reference).ok_or_else(Interrupt::not_found)?;
    let case = own(&app, &visit, &reference).await?.ok_or_else(Interrupt::not_found)?;
    let text = fields.text(ANSWER).to_owned();
    let problem = if text.is_empty() {
        Some("Enter your answer".to_owned())
    } else if text.chars().count() > ANSWER_LETTERS_MAX {
        Some(format!("Your answer must be {ANSWER_LETTERS_MAX} characters or fewer"))
    } else {
        None
    };
    if let Some(words) = problem {
        let shown = Shown::of(&app, case).await?;
        let problems = Problems::one(ANSWER, words);
        return visit.show_again(fields, problems, |form| status_page(&app, &visit, shown, form));
    }
    // A version that is no number is nobody's.
    let seen = fields.text(VERSION).parse().unwrap_or(-1);
    let permit = own_permit(&reader.registration)?;
    let answered = moves::answer_question(&app, permit, AnswerOrder { seen, text }).await;
    changed(&app, &visit, &reference, "Your answer was not sent", answered, fields).await
}

/// POST /registration/{reference}/withdraw
pub async fn withdraw(
    Shared(app): Shared<App>,
    visit: Visit,
    reader: StatusReader,
    Path(reference): Path<String>,
) -> Answer {
    let reference = Reference::parse(&reference).ok_or_else(Interrupt::not_found)?;
    own(&app, &visit, &reference).await?.ok_or_else(Interrupt::not_found)?;
    let withdrawn = moves::withdraw(&app, own_permit(&reader.registration)?).await;
    changed(&app, &visit, &reference, "Nothing was withdrawn", withdrawn, Fields::default()).await
}
