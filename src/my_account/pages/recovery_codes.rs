//! Recovery codes: shown once, for writing down or printing.

use super::security::{self, Proof};
use super::{layout, paths};
use crate::app::App;
use crate::audit::{Actor, Entry};
use crate::database::{Error, transaction};
use crate::my_account::store::{self, Stepped};
use crate::sign_in::factor::Factor;
use crate::sign_in::recovery::{CODES, RecoveryCode};
use crate::sign_in::{AccountHolder, store as sign_ins};
use crate::web::components::PasswordInput;
use crate::web::page::show_with;
use crate::web::{Answer, Fields, Form, Layout, Problems, Visit, go_to};
use axum::extract::State as Shared;
use axum::http::StatusCode;

#[derive(askama::Template)]
#[template(path = "my_account/pages/recovery_codes.html")]
pub struct RecoveryCodesPage {
    pub layout: Layout,
    pub form: Form,
    /// The password and a code, where there were recovery codes before.
    pub password: Option<PasswordInput>,
    pub left: i64,
    pub is_first: bool,
}

#[derive(askama::Template)]
#[template(path = "my_account/pages/recovery_codes_shown.html")]
pub struct ShownPage {
    pub layout: Layout,
    pub form: Form,
    pub codes: Vec<String>,
    pub service: String,
    pub address: String,
}

async fn show(
    app: &App,
    visit: &Visit,
    by: &AccountHolder,
    problems: Problems,
    status: StatusCode,
) -> Answer {
    let kept = sign_ins::recovery_codes(&app.database, &by.account).await?;
    let is_first = kept.made_at.is_none();
    let form = visit.form(Fields::default(), problems);
    let title = if is_first { "Get your recovery codes" } else { "Make new recovery codes" };
    let mut layout = layout(visit, by, title, paths::SECURITY).with_problems(&form);
    if !is_first {
        layout = layout.back_to(paths::SECURITY);
    }
    let password = (!is_first).then(|| security::password_field(&form));
    show_with(status, &RecoveryCodesPage { layout, form, password, left: kept.left, is_first })
}

/// GET /my-account/security/recovery-codes
pub async fn page(Shared(app): Shared<App>, visit: Visit, by: AccountHolder) -> Answer {
    show(&app, &visit, &by, Problems::none(), StatusCode::OK).await
}

/// POST /my-account/security/recovery-codes: makes ten and shows them, this once.
pub async fn make(Shared(app): Shared<App>, visit: Visit, by: AccountHolder, fields: Fields) -> Answer {
    let now = app.clock.now();
    let is_first = sign_ins::recovery_codes(&app.database, &by.account).await?.made_at.is_none();
    let factor: Option<Factor> = if is_first {
        None
    } else {
        match security::prove(&app, &visit, &by, &fields).await? {
            Proof::Given(factor) => Some(factor),
            Proof::Not(problems, status) => return show(&app, &visit, &by, problems, status).await,
        }
    };
    let codes: Vec<RecoveryCode> = (0..CODES).map(|_| RecoveryCode::new()).collect();
    let hashes: Vec<String> = codes.iter().map(RecoveryCode::hash).collect();
    let (in_app, account, used) = (app.clone(), by.account.clone(), factor.clone());
    let stepped = app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            store::make_recovery_codes(tx, &in_app, &account, used.as_ref(), &hashes, now).await
        }))
        .await?;
    match stepped {
        Stepped::Done => {}
        Stepped::Refused => {
            let words = factor.as_ref().map_or("Enter a code", Factor::refused_words);
            let problems = Problems::one(security::CODE, words);
            return show(&app, &visit, &by, problems, StatusCode::UNPROCESSABLE_ENTITY).await;
        }
        Stepped::Gone => return go_to(paths::RECOVERY_CODES),
    }
    let template = ShownPage {
        layout: layout(&visit, &by, "Your recovery codes", paths::SECURITY),
        form: visit.empty_form(),
        codes: codes.iter().map(RecoveryCode::shown).collect(),
        service: app.settings.service_name.clone(),
        address: by.address,
    };
    show_with(StatusCode::OK, &template)
}

/// POST /my-account/security/recovery-codes/written
pub async fn written(Shared(app): Shared<App>, by: AccountHolder) -> Answer {
    let now = app.clock.now();
    app.database
        .write::<_, Error, _>(transaction!(async move |tx| {
            let actor = Actor::AccountHolder(by.account.clone());
            let entry = Entry::new(actor, "recovery codes written down", &by.account);
            crate::audit::store::add(tx, now, &entry).await
        }))
        .await?;
    go_to(format!("{}?done=recovery-codes", paths::OVERVIEW))
}
