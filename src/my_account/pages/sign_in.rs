//! Signing in: address and password, then a code; and signing out. What is counted and what is
//! answered alike stands in [`crate::sign_in::realm`].

use super::just_done::JustDone;
use super::{browser, paths, status};
use crate::app::App;
use crate::directory::address;
use crate::my_account::moves::{self, HalfWay};
use crate::outbox::outcome::{Declined, without_faults};
use crate::settings::Secret;
use crate::sign_in::AccountHolder;
use crate::sign_in::moves::PasswordOrder;
use crate::sign_in::permits::SIGN_IN;
use crate::web::components::{NotificationBanner, PasswordInput};
use crate::web::done;
use crate::web::page::show_with;
use crate::web::parts::error;
use crate::web::{Answer, Fields, Form, Layout, Problems, Visit, go_to};
use axum::extract::State as Shared;
use axum::http::{StatusCode, Uri};

const ADDRESS: &str = "address";
const PASSWORD: &str = "password";

#[derive(askama::Template)]
#[template(path = "my_account/pages/sign_in.html")]
pub struct SignInPage {
    pub layout: Layout,
    pub form: Form,
    pub banner: Option<NotificationBanner>,
    pub password: PasswordInput,
    pub example: String,
}

fn page_of(app: &App, visit: &Visit, form: Form, banner: Option<NotificationBanner>) -> SignInPage {
    let password = PasswordInput {
        name: PASSWORD.to_owned(),
        label: "Password".into(),
        error_message: error(&form, PASSWORD),
        ..Default::default()
    };
    SignInPage {
        layout: visit.layout("Sign in to your account").with_problems(&form).back_to("/"),
        example: format!(
            "Your own address, like firstname.lastname@{}. A shared mailbox has no password",
            app.settings.mail_domain
        ),
        form,
        banner,
        password,
    }
}

/// GET /sign-in
pub async fn page(Shared(app): Shared<App>, visit: Visit, uri: Uri) -> Answer {
    let banner = done::banner_among(&uri, &[JustDone::SignedOut, JustDone::SignedOutEverywhere]);
    show_with(StatusCode::OK, &page_of(&app, &visit, visit.empty_form(), banner))
}

fn again(app: &App, visit: &Visit, fields: Fields, problems: Problems, status: StatusCode) -> Answer {
    show_with(status, &page_of(app, visit, visit.form(fields, problems), None))
}

/// POST /sign-in
pub async fn sign_in(Shared(app): Shared<App>, visit: Visit, fields: Fields) -> Answer {
    let mut problems = Problems::none();
    if fields.text(ADDRESS).is_empty() {
        problems.add(ADDRESS, "Enter your email address");
    }
    if fields.text(PASSWORD).is_empty() {
        problems.add(PASSWORD, "Enter your password");
    }
    if !problems.is_empty() {
        return again(&app, &visit, fields, problems, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let order = PasswordOrder {
        address: address::canonical(fields.text(ADDRESS)),
        password: Secret::new(fields.text(PASSWORD).to_owned()),
        network: visit.network().to_owned(),
        browser: browser(&visit),
        known_by: visit.known_by().map(str::to_owned),
    };
    match without_faults(moves::give_password(&app, order).await)? {
        Ok((rotated, half_way)) => {
            rotated.is_saved(&visit);
            go_to(match half_way {
                HalfWay::CodeOfApp => paths::CODE_OF_APP,
                HalfWay::CodeByText => paths::CODE_BY_TEXT,
            })
        }
        Err(Declined::Refusal(refusal)) => {
            tracing::info!(request = visit.number(), "a sign-in of an account holder was refused");
            let problems = Problems::one(ADDRESS, refusal.words(app.clock.now()));
            again(&app, &visit, fields, problems, status(refusal.is_too_often()))
        }
        Err(Declined::Conflict(conflict)) => {
            again(&app, &visit, fields, Problems::one(ADDRESS, conflict.words), StatusCode::CONFLICT)
        }
    }
}

/// POST /sign-out
pub async fn sign_out(Shared(app): Shared<App>, visit: Visit, by: AccountHolder) -> Answer {
    moves::sign_out(&app, &by, &visit.browser()).await?;
    visit.renew_browser();
    go_to(JustDone::SignedOut.on(SIGN_IN))
}
