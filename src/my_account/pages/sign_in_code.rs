//! The second step of signing in: a code of the authenticator app, or a recovery code.

use super::just_done::JustDone;
use super::{browser, make_known, paths, status};
use crate::app::App;
use crate::my_account::moves::{self, GivenCode};
use crate::outbox::outcome::{Declined, without_faults};
use crate::sign_in::factor::FactorAsked;
use crate::sign_in::moves::{CodeOrder, SignInRefusal};
use crate::sign_in::permits::SIGN_IN;
use crate::sign_in::{HolderHalfSignedIn, store as sign_ins};
use crate::web::page::show_with;
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to};
use axum::extract::State as Shared;
use axum::http::StatusCode;

const CODE: &str = "code";

#[derive(askama::Template)]
#[template(path = "my_account/pages/sign_in_code.html")]
pub struct CodePage {
    pub layout: Layout,
    pub form: Form,
}

#[derive(askama::Template)]
#[template(path = "my_account/pages/sign_in_recovery_code.html")]
pub struct RecoveryCodePage {
    pub layout: Layout,
    pub form: Form,
}

fn show(visit: &Visit, asked: FactorAsked, status: StatusCode, problems: Problems) -> Answer {
    // What was typed is not shown again: the next code is another one.
    let form = visit.form(Fields::default(), problems);
    match asked {
        FactorAsked::App | FactorAsked::Either => {
            let layout = visit
                .layout("Enter the code from your authenticator app")
                .with_problems(&form)
                .back_to(SIGN_IN);
            show_with(status, &CodePage { layout, form })
        }
        FactorAsked::Recovery => {
            let layout =
                visit.layout("Enter a recovery code").with_problems(&form).back_to(paths::CODE_OF_APP);
            show_with(status, &RecoveryCodePage { layout, form })
        }
    }
}

/// Only whoever has an app is asked for its code or for a recovery code.
async fn must_have_app(app: &App, half: &HolderHalfSignedIn) -> Result<(), Interrupt> {
    let found = sign_ins::authenticator(&app.database, &half.account).await?;
    found.map(|_| ()).ok_or_else(|| Interrupt::Redirect(paths::CODE_BY_TEXT.to_owned()))
}

/// GET /sign-in/code
pub async fn page(Shared(app): Shared<App>, visit: Visit, half: HolderHalfSignedIn) -> Answer {
    must_have_app(&app, &half).await?;
    show(&visit, FactorAsked::App, StatusCode::OK, Problems::none())
}

/// GET /sign-in/recovery-code
pub async fn recovery_page(Shared(app): Shared<App>, visit: Visit, half: HolderHalfSignedIn) -> Answer {
    must_have_app(&app, &half).await?;
    show(&visit, FactorAsked::Recovery, StatusCode::OK, Problems::none())
}

/// POST /sign-in/code
pub async fn open(
    Shared(app): Shared<App>,
    visit: Visit,
    half: HolderHalfSignedIn,
    fields: Fields,
) -> Answer {
    enter(app, visit, half, FactorAsked::App, fields.text(CODE)).await
}

/// POST /sign-in/recovery-code
pub async fn open_with_recovery_code(
    Shared(app): Shared<App>,
    visit: Visit,
    half: HolderHalfSignedIn,
    fields: Fields,
) -> Answer {
    enter(app, visit, half, FactorAsked::Recovery, fields.text(CODE)).await
}

async fn enter(app: App, visit: Visit, half: HolderHalfSignedIn, asked: FactorAsked, typed: &str) -> Answer {
    let order = CodeOrder {
        typed: typed.to_owned(),
        browser: browser(&visit),
        known_by: visit.known_by().map(str::to_owned),
    };
    let account = half.account.clone();
    match without_faults(moves::give_code(&app, half, asked, order).await)? {
        Ok(GivenCode::SignedIn(rotated)) => {
            rotated.is_saved(&visit);
            make_known(&app, &visit, &account).await?;
            go_to(match asked {
                FactorAsked::App | FactorAsked::Either => paths::OVERVIEW.to_owned(),
                FactorAsked::Recovery => JustDone::RecoveryCodeUsed.on(paths::OVERVIEW),
            })
        }
        Ok(GivenCode::NoApp) => go_to(paths::CODE_BY_TEXT),
        Err(Declined::Refusal(SignInRefusal::Over) | Declined::Conflict(_)) => go_to(SIGN_IN),
        Err(Declined::Refusal(refusal)) => {
            tracing::info!(request = visit.number(), "a code of an account holder was refused");
            let problems = Problems::one(CODE, refusal.words(app.clock.now()));
            show(&visit, asked, status(refusal.is_too_often()), problems)
        }
    }
}
