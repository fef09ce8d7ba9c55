//! Signing in: address and password, then a code; and signing out. What is counted and what is
//! answered alike stands in [`crate::sign_in::doors`].

use super::paths;
use crate::app::App;
use crate::audit::{Actor, Entry};
use crate::database::{Error, transaction};
use crate::directory;
use crate::directory::address;
use crate::my_account::store::{self, HalfWay};
use crate::sign_in::doors::{Door, whose_password};
use crate::sign_in::limits::wait_in_words;
use crate::sign_in::session::{self, SIGN_IN, SessionRotation};
use crate::sign_in::{AccountHolder, store as sign_ins};
use crate::web::components::{NotificationBanner, PasswordInput};
use crate::web::form::query;
use crate::web::page::show_with;
use crate::web::parts::{error, success};
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to};
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
    let banner = match query(&uri).text("done") {
        "out" => Some(success("You have signed out.")),
        "everywhere" => Some(success("You have signed out everywhere.")),
        _ => None,
    };
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
    let now = app.clock.now();
    let address = address::canonical(fields.text(ADDRESS));
    if let Err(used_up) = Door::MyAccount.count_password(&app, now, &address, visit.network()).await? {
        let words = format!("Too many tries to sign in. Try again {}", wait_in_words(now, used_up.until));
        let problems = Problems::one(ADDRESS, words);
        return again(&app, &visit, fields, problems, StatusCode::TOO_MANY_REQUESTS);
    }
    let found = sign_ins::find_holder(&app.database, &address).await?.filter(|row| row.state.may_sign_in());
    let found = found.and_then(|row| row.password_hash.map(|hash| (row.id, hash)));
    let theirs = whose_password(&app, found, |(_, hash)| hash.reveal().clone(), fields.text(PASSWORD))
        .await
        .map_err(|cause| Interrupt::fault("checking a password", cause))?;
    let account = match theirs {
        Some((id, _)) => directory::store::find_account(&app.database, &id).await?,
        None => None,
    };
    let Some(account) = account else {
        tracing::info!(request = visit.number(), "a sign-in of an account holder was refused");
        let problems =
            Problems::one(ADDRESS, "Check your email address and password. One of them is not right");
        return again(&app, &visit, fields, problems, StatusCode::UNPROCESSABLE_ENTITY);
    };
    let anew = SessionRotation::of(&visit);
    let (in_app, begun) = (app.clone(), anew.clone());
    let begun = app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            store::begin_signing_in(tx, &in_app, &account, &begun, now).await
        }))
        .await?;
    match begun {
        Ok(half_way) => {
            anew.is_saved(&visit);
            go_to(match half_way {
                HalfWay::CodeOfApp => paths::CODE_OF_APP,
                HalfWay::CodeByText => paths::CODE_BY_TEXT,
            })
        }
        Err(problem) => {
            let problems = Problems::one(ADDRESS, problem.words(now));
            again(&app, &visit, fields, problems, StatusCode::TOO_MANY_REQUESTS)
        }
    }
}

/// POST /sign-out
pub async fn sign_out(Shared(app): Shared<App>, visit: Visit, by: AccountHolder) -> Answer {
    let now = app.clock.now();
    app.database
        .write::<_, Error, _>(transaction!(async move |tx| {
            let actor = Actor::AccountHolder(by.account.clone());
            let entry = Entry::new(actor, "account holder signed out", &by.account);
            crate::audit::store::add(tx, now, &entry).await
        }))
        .await?;
    session::end_all(&app, &visit).await?;
    go_to(format!("{SIGN_IN}?done=out"))
}
