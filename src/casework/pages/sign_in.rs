//! Signing in: address and password, then the code of the authenticator app; and signing out. What
//! is counted and what is answered alike stands in [`crate::sign_in::doors`].

use super::QUEUE;
use crate::app::App;
use crate::audit::{Actor, Entry};
use crate::contact::Email;
use crate::database::{Error, transaction};
use crate::sign_in::doors::{Door, count_code, whose_password};
use crate::sign_in::limits::wait_in_words;
use crate::sign_in::secrets::Purpose;
use crate::sign_in::session::{self, SessionKind};
use crate::sign_in::{CaseWorker, HalfSignedIn, app_code, store};
use crate::web::components::PasswordInput;
use crate::web::page::show_with;
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to, show as show_page};
use axum::extract::State as Shared;
use axum::http::StatusCode;

const EMAIL: &str = "email";
const PASSWORD: &str = "password";
const CODE: &str = "code";
const CODE_PAGE: &str = "/casework/sign-in/code";

#[derive(askama::Template)]
#[template(path = "casework/pages/sign_in.html")]
pub struct SignInPage {
    pub layout: Layout,
    pub form: Form,
    pub password: PasswordInput,
}

fn page_of(visit: &Visit, form: Form) -> SignInPage {
    let password = PasswordInput {
        name: PASSWORD.to_owned(),
        label: "Password".into(),
        error_message: super::error(&form, PASSWORD),
        ..Default::default()
    };
    SignInPage {
        layout: visit.layout("Sign in to case work").with_problems(&form).back_to("/"),
        form,
        password,
    }
}

/// GET /casework/sign-in
pub async fn page(visit: Visit) -> Answer {
    show_page(&page_of(&visit, visit.empty_form()), &Problems::none())
}

fn again(visit: &Visit, fields: Fields, problems: Problems, status: StatusCode) -> Answer {
    show_with(status, &page_of(visit, visit.form(fields, problems)))
}

/// POST /casework/sign-in
pub async fn sign_in(Shared(app): Shared<App>, visit: Visit, fields: Fields) -> Answer {
    let mut problems = Problems::none();
    if fields.text(EMAIL).is_empty() {
        problems.add(EMAIL, "Enter your email address");
    }
    if fields.text(PASSWORD).is_empty() {
        problems.add(PASSWORD, "Enter your password");
    }
    if !problems.is_empty() {
        return again(&visit, fields, problems, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let now = app.clock.now();
    let typed = fields.text(EMAIL);
    let address =
        Email::parse(typed).map_or_else(|_| typed.to_lowercase(), |email| email.as_str().to_owned());
    if let Err(used_up) = Door::CaseWork.count_password(&app, now, &address, visit.network()).await? {
        let words = format!("Too many tries to sign in. Try again {}", wait_in_words(now, used_up.until));
        return again(&visit, fields, Problems::one(EMAIL, words), StatusCode::TOO_MANY_REQUESTS);
    }
    let row = store::find_case_worker(&app.database, &address).await?.filter(|row| !row.disabled);
    let theirs = whose_password(&app, row, |row| row.password_hash.clone(), fields.text(PASSWORD))
        .await
        .map_err(|cause| Interrupt::fault("checking a password", cause))?;
    match theirs {
        Some(row) => {
            session::rotate_session(&app, &visit, SessionKind::HalfSignedIn, &row.id, false).await?;
            go_to(CODE_PAGE)
        }
        None => {
            tracing::info!(request = visit.number(), "a sign-in to case work was refused");
            let problems =
                Problems::one(EMAIL, "Check your email address and password. One of them is not right");
            again(&visit, fields, problems, StatusCode::UNPROCESSABLE_ENTITY)
        }
    }
}

#[derive(askama::Template)]
#[template(path = "casework/pages/sign_in_code.html")]
pub struct CodePage {
    pub layout: Layout,
    pub form: Form,
}

fn code_page(visit: &Visit, form: Form) -> CodePage {
    let layout = visit
        .layout("Enter the code from your authenticator app")
        .with_problems(&form)
        .back_to("/casework/sign-in");
    CodePage { layout, form }
}

/// GET /casework/sign-in/code
pub async fn code(visit: Visit, _half: HalfSignedIn) -> Answer {
    show_page(&code_page(&visit, visit.empty_form()), &Problems::none())
}

/// POST /casework/sign-in/code
pub async fn open(Shared(app): Shared<App>, visit: Visit, half: HalfSignedIn, fields: Fields) -> Answer {
    let (status, words) = match enter(&app, &visit, &half.case_worker, fields.text(CODE)).await? {
        Entered::Yes => return go_to(QUEUE),
        Entered::NotAnyMore => return go_to("/casework/sign-in"),
        Entered::No(status, words) => (status, words),
    };
    // What was typed is not shown again: by the time it is sent again it is another code.
    let form = visit.form(Fields::default(), Problems::one(CODE, words));
    show_with(status, &code_page(&visit, form))
}

/// What became of a code.
enum Entered {
    Yes,
    /// The case worker may not sign in any more.
    NotAnyMore,
    No(StatusCode, String),
}

async fn enter(app: &App, visit: &Visit, id: &str, typed: &str) -> Result<Entered, Interrupt> {
    let wrong = |words: &str| Entered::No(StatusCode::UNPROCESSABLE_ENTITY, words.to_owned());
    if typed.is_empty() {
        return Ok(wrong("Enter the code from your authenticator app"));
    }
    let now = app.clock.now();
    if let Err(used_up) = count_code(app, now, id).await? {
        let words = format!("Too many codes were tried. Try again {}", wait_in_words(now, used_up.until));
        return Ok(Entered::No(StatusCode::TOO_MANY_REQUESTS, words));
    }
    let row = store::case_worker(&app.database, id).await?;
    if row.is_none_or(|row| row.disabled) {
        return Ok(Entered::NotAnyMore);
    }
    let Some(step) = app_code::step_of(&app.key, Purpose::CaseWorkerApp, id, typed, now) else {
        tracing::info!(request = visit.number(), "a code of an authenticator app was refused");
        return Ok(wrong("The code is not right. Enter the 6 digits that your app shows now"));
    };
    let case_worker = id.to_owned();
    let is_new = app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            if !store::use_app_step(tx, &case_worker, step).await? {
                return Ok(false);
            }
            let entry =
                Entry::new(Actor::CaseWorker(case_worker.clone()), "case worker signed in", &case_worker);
            crate::audit::store::add(tx, now, &entry).await?;
            Ok(true)
        }))
        .await?;
    if !is_new {
        return Ok(wrong("This code has been used already. Wait until your app shows the next one"));
    }
    session::rotate_session(app, visit, SessionKind::CaseWorker, id, false).await?;
    Ok(Entered::Yes)
}

/// POST /casework/sign-out
pub async fn sign_out(Shared(app): Shared<App>, visit: Visit, by: CaseWorker) -> Answer {
    let now = app.clock.now();
    app.database
        .write::<_, Error, _>(transaction!(async move |tx| {
            let entry = Entry::new(Actor::CaseWorker(by.id.clone()), "case worker signed out", &by.id);
            crate::audit::store::add(tx, now, &entry).await
        }))
        .await?;
    session::end_all(&app, &visit).await?;
    go_to("/casework/sign-in")
}
