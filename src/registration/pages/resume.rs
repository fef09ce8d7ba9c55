//! Saving and coming back: by email address and code, also on another computer; and closing a
//! registration on a shared one.

use super::email::code_words;
use crate::app::App;
use crate::contact::Email;
use crate::database::{Error, transaction};
use crate::letter::Letterhead;
use crate::outbox;
use crate::registration::{Registration, RegistrationState, journey, letters, store};
use crate::sign_in::Registrant;
use crate::sign_in::codes::{self, CodeRequest, Rules, Tried};
use crate::sign_in::limits::{self, Budget, wait_in_words};
use crate::sign_in::secrets::Purpose;
use crate::sign_in::session::{self, SessionKind};
use crate::web::components::{Html, Radios};
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to, show as show_page};
use axum::extract::State as Shared;

const EMAIL: &str = "email";
const CODE: &str = "code";

fn email_page(visit: &Visit, form: Form) -> super::Question {
    let title = "Continue a registration";
    let field = form
        .email(EMAIL, "Your email address")
        .hinted("The one you gave when you started. We send a code to it.")
        .filled_as("email");
    let layout = visit.layout(title).with_problems(&form).back_to("/register");
    let field = Html::of(&field);
    let mut page = super::Question::new(layout, form, field);
    page.heading = title.to_owned();
    page.otherwise = Some(("/register".to_owned(), "Start a new registration".to_owned()));
    page
}

/// GET /register/return
pub async fn page(visit: Visit) -> Answer {
    show_page(&email_page(&visit, visit.empty_form()), &Problems::none())
}

/// What a code for coming back is bound to: the address, hashed so that it stands in no table.
fn subject(email: &Email) -> String {
    format!("return {}", session::browser_hash(email.as_str()))
}

/// POST /register/return: sends a code where there is something to come back to; says the same
/// where there is not.
pub async fn ask(Shared(app): Shared<App>, visit: Visit, fields: Fields) -> Answer {
    let email = match Email::parse(fields.text(EMAIL)) {
        Ok(email) => email,
        Err(words) => {
            let problems = Problems::one(EMAIL, words);
            return show_page(&email_page(&visit, visit.form(fields, problems.clone())), &problems);
        }
    };
    let now = app.clock.now();
    let rules = Rules::of(&app);
    let from = Letterhead::of(&app.settings);
    let browser = session::browser_hash(&visit.browser());
    let network =
        Budget::an_hour("returns", visit.network(), i64::from(app.settings.starts_a_network_an_hour_max));
    let to = email.clone();
    let known = !store::list_of_email(&app.database, email.as_str()).await?.is_empty();
    let asked = app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            if let Err(used_up) = limits::take(tx, now, &network).await? {
                return Ok(CodeRequest::TooOften(used_up));
            }
            let subject = subject(&to);
            let asked =
                codes::ask(tx, rules, Purpose::EmailCode, &subject, &browser, to.as_str(), now).await?;
            if let (CodeRequest::Made(code), true) = (&asked, known) {
                outbox::store::write_letter(tx, now, &letters::email_code(&from, now, &to, &subject, code))
                    .await?;
            }
            Ok(asked)
        }))
        .await?;
    match asked {
        CodeRequest::Made(_) => {
            let form = visit.form(Fields::from_pairs([(EMAIL, email.as_str())]), Problems::none());
            show_page(&code_page(&app, &visit, form), &Problems::none())
        }
        CodeRequest::TooOften(used_up) => {
            let problems = Problems::one(
                EMAIL,
                format!(
                    "Too many codes have been asked for. Try again {}",
                    wait_in_words(now, used_up.until)
                ),
            );
            show_page(&email_page(&visit, visit.form(fields, problems.clone())), &problems)
        }
    }
}

#[derive(askama::Template)]
#[template(path = "registration/pages/return_code.html")]
pub struct ReturnCodePage {
    pub layout: Layout,
    pub form: Form,
    pub email: String,
    pub minutes: u16,
}

fn code_page(app: &App, visit: &Visit, form: Form) -> ReturnCodePage {
    ReturnCodePage {
        layout: visit.layout("Check your email").with_problems(&form).back_to("/register/return"),
        email: form.fields.text(EMAIL).to_owned(),
        form,
        minutes: app.settings.code_minutes,
    }
}

/// POST /register/return/code: opens the newest draft of the address.
pub async fn open(Shared(app): Shared<App>, visit: Visit, fields: Fields) -> Answer {
    let Ok(email) = Email::parse(fields.text(EMAIL)) else { return go_to("/register/return") };
    let typed = fields.text(CODE).to_owned();
    let problem = if typed.is_empty() {
        Some("Enter the code from the email".to_owned())
    } else {
        let browser = session::browser_hash(&visit.browser());
        let tried = codes::attempt(app.clone(), Purpose::EmailCode, subject(&email), browser, typed).await?;
        (tried != Tried::Right).then(|| code_words(tried, app.clock.now()).to_owned())
    };
    let mine = match problem {
        None => store::list_of_email(&app.database, email.as_str()).await?,
        Some(words) => {
            let problems = Problems::one(CODE, words);
            let form = visit.form(Fields::from_pairs([(EMAIL, email.as_str())]), problems.clone());
            return show_page(&code_page(&app, &visit, form), &problems);
        }
    };
    let newest = mine.iter().find(|case| case.state == RegistrationState::Draft).or_else(|| mine.first());
    let Some(newest) = newest else {
        return Err(Interrupt::refused(
            axum::http::StatusCode::GONE,
            "There is nothing to continue",
            "Drafts are kept for a while and then removed. Please start a new registration.",
        )
        .then("/register", "Start page"));
    };
    session::rotate_session(&app, &visit, SessionKind::Registrant, &newest.id, true).await?;
    if mine.len() > 1 { go_to("/register/mine") } else { go_to(place_of(newest)) }
}

/// Where a registration is continued or looked at.
fn place_of(case: &Registration) -> String {
    if case.state == RegistrationState::Draft {
        journey::next(&case.answers).path()
    } else if case.submitted_at.is_some() {
        format!("/registration/{}", case.reference)
    } else {
        "/register".to_owned()
    }
}

#[derive(askama::Template)]
#[template(path = "registration/pages/mine.html")]
pub struct MinePage {
    pub layout: Layout,
    pub form: Form,
    pub choices: Radios,
}

async fn mine_of(app: &App, registrant: &Registrant) -> Result<Vec<Registration>, Interrupt> {
    let case =
        store::find(&app.database, &registrant.registration).await?.ok_or_else(Interrupt::not_found)?;
    // Only an address that was confirmed with a code opens the others of the same address.
    match case.registrant_email() {
        Some(email) => Ok(store::list_of_email(&app.database, email.as_str()).await?),
        None => Ok(vec![case]),
    }
}

fn mine_page(visit: &Visit, mine: &[Registration], form: Form) -> MinePage {
    let mut choices = form.radios("registration", "Which registration do you want to open?");
    for case in mine {
        let name = if case.site_name().is_empty() { "No site chosen yet" } else { case.site_name() };
        let hint =
            format!("{}. Started on {}. {}", case.reference, case.started_at.day(), case.state.in_words());
        choices = choices.choice_hinted(case.reference.as_str(), name, &hint);
    }
    MinePage {
        layout: visit.layout("Your registrations").with_problems(&form).back_to("/register"),
        form,
        choices,
    }
}

/// GET /register/mine
pub async fn mine(Shared(app): Shared<App>, visit: Visit, registrant: Registrant) -> Answer {
    let mine = mine_of(&app, &registrant).await?;
    show_page(&mine_page(&visit, &mine, visit.empty_form()), &Problems::none())
}

/// POST /register/mine
pub async fn choose(
    Shared(app): Shared<App>,
    visit: Visit,
    registrant: Registrant,
    fields: Fields,
) -> Answer {
    let mine = mine_of(&app, &registrant).await?;
    let chosen = mine.iter().find(|case| case.reference.as_str() == fields.text("registration"));
    match chosen {
        Some(case) => {
            session::rotate_session(&app, &visit, SessionKind::Registrant, &case.id, true).await?;
            go_to(place_of(case))
        }
        None => {
            let problems = Problems::one("registration", "Select the registration you want to open");
            let form = visit.form(fields, problems.clone());
            show_page(&mine_page(&visit, &mine, form), &problems)
        }
    }
}

#[derive(askama::Template)]
#[template(path = "registration/pages/closed.html")]
pub struct ClosedPage {
    pub layout: Layout,
    pub draft_days: u16,
}

/// POST /register/leave: ends the session in this browser; the draft waits.
pub async fn leave(Shared(app): Shared<App>, visit: Visit) -> Answer {
    session::end_all(&app, &visit).await?;
    go_to("/register/closed")
}

/// GET /register/closed
pub async fn closed(Shared(app): Shared<App>, visit: Visit) -> Answer {
    let template = ClosedPage {
        layout: visit.layout("Closed on this computer").back_to("/register"),
        draft_days: app.settings.draft_days,
    };
    show_page(&template, &Problems::none())
}
