//! The second step of signing in: a code of the authenticator app, or a recovery code.

use super::paths;
use crate::app::App;
use crate::database::{Error, transaction};
use crate::my_account::store::{self, Stepped};
use crate::my_account::{app_code_problem, recovery_code_problem};
use crate::sign_in::doors::count_code;
use crate::sign_in::factor::Factor;
use crate::sign_in::limits::wait_in_words;
use crate::sign_in::recovery::RecoveryCode;
use crate::sign_in::session::{SIGN_IN, SessionRotation};
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

/// Which of the two is asked for.
#[derive(Clone, Copy)]
enum FactorAsked {
    App,
    Recovery,
}

fn show(visit: &Visit, asked: FactorAsked, status: StatusCode, problems: Problems) -> Answer {
    // What was typed is not shown again: the next code is another one.
    let form = visit.form(Fields::default(), problems);
    match asked {
        FactorAsked::App => {
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
async fn must_have_app(app: &App, half: &HolderHalfSignedIn) -> Result<sign_ins::Authenticator, Interrupt> {
    let found = sign_ins::authenticator(&app.database, &half.account).await?;
    found.ok_or_else(|| Interrupt::Redirect(paths::CODE_BY_TEXT.to_owned()))
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
    let authenticator = must_have_app(&app, &half).await?;
    let wrong =
        |words: &str| show(&visit, asked, StatusCode::UNPROCESSABLE_ENTITY, Problems::one(CODE, words));
    let slip = match asked {
        FactorAsked::App => app_code_problem(typed),
        FactorAsked::Recovery => recovery_code_problem(typed),
    };
    if let Some(words) = slip {
        return wrong(words);
    }
    let now = app.clock.now();
    if let Err(used_up) = count_code(&app, now, &half.account).await? {
        let words = format!("Too many codes were tried. Try again {}", wait_in_words(now, used_up.until));
        return show(&visit, asked, StatusCode::TOO_MANY_REQUESTS, Problems::one(CODE, words));
    }
    let factor = match asked {
        FactorAsked::App => Factor::of_app(&app.key, &authenticator, typed, now),
        FactorAsked::Recovery => {
            RecoveryCode::parse(typed).map(|code| Factor::Recovery { hash: code.hash() })
        }
    };
    let Some(factor) = factor else {
        tracing::info!(request = visit.number(), "a code of an authenticator app was refused");
        return wrong("The code is not right. Enter the 6 digits that your app shows now");
    };
    let anew = SessionRotation::of(&visit);
    let (in_app, account, begun, used) = (app.clone(), half.account, anew.clone(), factor.clone());
    let stepped = app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            store::sign_in(tx, &in_app, &account, &used, &begun, now).await
        }))
        .await?;
    match stepped {
        Stepped::Done => {
            anew.is_saved(&visit);
            go_to(match asked {
                FactorAsked::App => paths::OVERVIEW.to_owned(),
                FactorAsked::Recovery => format!("{}?done=recovery-code", paths::OVERVIEW),
            })
        }
        Stepped::Refused => wrong(factor.refused_words()),
        Stepped::Gone => go_to(SIGN_IN),
    }
}
