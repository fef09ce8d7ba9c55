//! Signing in: address and password, then the code of the authenticator app; and signing out. What
//! is counted and what is answered alike stands in [`crate::sign_in::realm`].

use super::QUEUE;
use crate::app::App;
use crate::contact::Email;
use crate::outbox::outcome::{Declined, without_faults};
use crate::settings::Secret;
use crate::sign_in::moves::{self, CodeOrder, PasswordOrder, SignInRefusal};
use crate::sign_in::permits::CASE_WORK_SIGN_IN;
use crate::sign_in::realm::Realm;
use crate::sign_in::{CaseWorker, HalfSignedIn, device, store};
use crate::web::components::PasswordInput;
use crate::web::page::show_with;
use crate::web::{Answer, Fields, Form, Layout, Problems, Visit, go_to, show as show_page};
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
    let typed = fields.text(EMAIL);
    let order = PasswordOrder {
        address: Email::parse(typed).map_or_else(|_| typed.to_lowercase(), |email| email.as_str().to_owned()),
        password: Secret::new(fields.text(PASSWORD).to_owned()),
        network: visit.network().to_owned(),
        browser: Secret::new(visit.browser()),
        known_by: visit.known_by().map(str::to_owned),
    };
    match without_faults(moves::case_worker_gives_password(&app, order).await)? {
        Ok(rotated) => {
            rotated.is_saved(&visit);
            go_to(CODE_PAGE)
        }
        Err(Declined::Refusal(refusal)) => {
            tracing::info!(request = visit.number(), "a sign-in to case work was refused");
            let problems = Problems::one(EMAIL, refusal.words(app.clock.now()));
            again(&visit, fields, problems, status(refusal))
        }
        Err(Declined::Conflict(conflict)) => {
            again(&visit, fields, Problems::one(EMAIL, conflict.words), StatusCode::CONFLICT)
        }
    }
}

fn status(refusal: SignInRefusal) -> StatusCode {
    if refusal.is_too_often() { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::UNPROCESSABLE_ENTITY }
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
        .back_to(CASE_WORK_SIGN_IN);
    CodePage { layout, form }
}

/// GET /casework/sign-in/code
pub async fn code(visit: Visit, _half: HalfSignedIn) -> Answer {
    show_page(&code_page(&visit, visit.empty_form()), &Problems::none())
}

/// POST /casework/sign-in/code
pub async fn open(Shared(app): Shared<App>, visit: Visit, half: HalfSignedIn, fields: Fields) -> Answer {
    let order = CodeOrder {
        typed: fields.text(CODE).to_owned(),
        browser: Secret::new(visit.browser()),
        known_by: visit.known_by().map(str::to_owned),
    };
    let id = half.case_worker.clone();
    match without_faults(moves::case_worker_gives_code(&app, half, order).await)? {
        Ok(rotated) => {
            rotated.is_saved(&visit);
            if let Some(row) = store::case_worker(&app.database, &id).await? {
                let (realm, now) = (Realm::CaseWork, app.clock.now());
                visit.make_known(device::remember(&app.key, realm, &row.email, visit.known_by(), now));
            }
            go_to(QUEUE)
        }
        Err(Declined::Refusal(SignInRefusal::Over) | Declined::Conflict(_)) => go_to(CASE_WORK_SIGN_IN),
        Err(Declined::Refusal(refusal)) => {
            tracing::info!(request = visit.number(), "a code of a case worker was refused");
            // What was typed is not shown again: by the time it is sent again it is another code.
            let form = visit.form(Fields::default(), Problems::one(CODE, refusal.words(app.clock.now())));
            show_with(status(refusal), &code_page(&visit, form))
        }
    }
}

/// POST /casework/sign-out
pub async fn sign_out(Shared(app): Shared<App>, visit: Visit, by: CaseWorker) -> Answer {
    moves::case_worker_signs_out(&app, &by, &visit.browser()).await?;
    visit.renew_browser();
    go_to(CASE_WORK_SIGN_IN)
}
