//! Recovery codes: shown once, for writing down or printing.

use super::just_done::JustDone;
use super::{layout, own_account, paths, security};
use crate::app::App;
use crate::my_account::moves;
use crate::outbox::outcome::without_faults;
use crate::sign_in::recovery::RecoveryCode;
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
    /// The password and a code, where there were recovery codes before or the last code was long ago.
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
    let must_prove = !is_first || by.must_prove_again(app.clock.now());
    let title = if is_first { "Get your recovery codes" } else { "Make new recovery codes" };
    let mut layout = layout(visit, by, title, paths::SECURITY).with_problems(&form);
    if !is_first {
        layout = layout.back_to(paths::SECURITY);
    }
    let password = must_prove.then(|| security::password_field(&form));
    show_with(status, &RecoveryCodesPage { layout, form, password, left: kept.left, is_first })
}

/// GET /my-account/security/recovery-codes
pub async fn page(Shared(app): Shared<App>, visit: Visit, by: AccountHolder) -> Answer {
    show(&app, &visit, &by, Problems::none(), StatusCode::OK).await
}

/// POST /my-account/security/recovery-codes: makes ten and shows them, this once.
pub async fn make(Shared(app): Shared<App>, visit: Visit, by: AccountHolder, fields: Fields) -> Answer {
    let permit = own_account(&app, &by.who(), &by.account).await?;
    let order = security::proof_order(&visit, &fields);
    let codes = match without_faults(moves::make_recovery_codes(&app, permit, &by, order).await)? {
        Ok(codes) => codes,
        Err(declined) => {
            return match security::problems_of(&app, declined) {
                Some((problems, status)) => show(&app, &visit, &by, problems, status).await,
                None => go_to(paths::RECOVERY_CODES),
            };
        }
    };
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
    let permit = own_account(&app, &by.who(), &by.account).await?;
    moves::keep_recovery_codes(&app, permit).await?;
    go_to(JustDone::RecoveryCodesKept.on(paths::OVERVIEW))
}
