//! Security: the authenticator app, the recovery codes, signing out everywhere.

use super::just_done::JustDone;
use super::{browser, layout, own_account, paths};
use crate::app::App;
use crate::my_account::moves::{self, ProofOrder, ProofRefusal};
use crate::outbox::outcome::{Declined, without_faults};
use crate::settings::Secret;
use crate::sign_in::permits::SIGN_IN;
use crate::sign_in::{AccountHolder, store as sign_ins};
use crate::web::components::{
    Action, Actions, NotificationBanner, PasswordInput, SummaryList, SummaryListRow,
};
use crate::web::done;
use crate::web::form::counted;
use crate::web::page::show_with;
use crate::web::parts::{error, fact};
use crate::web::{Answer, Fields, Form, Layout, Problems, Visit, go_to};
use axum::extract::State as Shared;
use axum::http::{StatusCode, Uri};

const CODE: &str = "code";
const PASSWORD: &str = "password";
/// With fewer recovery codes than this the page says to make new ones.
pub(super) const FEW_CODES: i64 = 3;

#[derive(askama::Template)]
#[template(path = "my_account/pages/security.html")]
pub struct SecurityPage {
    pub layout: Layout,
    pub banner: Option<NotificationBanner>,
    pub facts: SummaryList,
}

fn with_action(row: SummaryListRow, href: &str, words: &str, what: &str) -> SummaryListRow {
    let action = Action {
        href: href.to_owned(),
        text: words.to_owned(),
        visually_hidden_text: what.to_owned(),
        ..Default::default()
    };
    SummaryListRow { actions: Actions { items: vec![action], ..Default::default() }, ..row }
}

/// GET /my-account/security
pub async fn page(Shared(app): Shared<App>, visit: Visit, by: AccountHolder, uri: Uri) -> Answer {
    let authenticator = sign_ins::authenticator(&app.database, &by.account).await?;
    let codes = sign_ins::recovery_codes(&app.database, &by.account).await?;
    let since = authenticator.map_or_else(String::new, |app| format!("Set up on {}", app.since.in_words()));
    let left = match (codes.made_at, usize::try_from(codes.left).unwrap_or(0)) {
        (None, _) => "None. Without them you cannot get in when you lose your phone".to_owned(),
        (Some(_), 0) => "None left. Make new ones now".to_owned(),
        (Some(at), left) => {
            format!("{} left, made on {}", counted(left, "code", "codes"), at.in_words())
        }
    };
    let rows = vec![
        with_action(
            fact("Authenticator app", since),
            paths::REPLACE_APP,
            "Replace",
            " your authenticator app",
        ),
        with_action(
            fact("Recovery codes", left),
            paths::RECOVERY_CODES,
            "Make new ones",
            " in place of your recovery codes",
        ),
    ];
    let banner = done::banner_among(&uri, &[JustDone::AppReplaced]);
    let template = SecurityPage {
        layout: layout(&visit, &by, "Security", paths::SECURITY),
        banner,
        facts: SummaryList { rows, ..Default::default() },
    };
    show_with(StatusCode::OK, &template)
}

pub(super) fn password_field(form: &Form) -> PasswordInput {
    PasswordInput {
        name: PASSWORD.to_owned(),
        label: "Password".into(),
        error_message: error(form, PASSWORD),
        ..Default::default()
    }
}

/// The password and a code, as they were typed.
pub(super) fn proof_order(visit: &Visit, fields: &Fields) -> ProofOrder {
    ProofOrder {
        password: Secret::new(fields.text(PASSWORD).to_owned()),
        code: fields.text(CODE).to_owned(),
        network: visit.network().to_owned(),
        browser: browser(visit),
        known_by: visit.known_by().map(str::to_owned),
    }
}

/// What to say on a page that asks for the password and a code; nothing where the step is over.
pub(super) fn problems_of(app: &App, declined: Declined<ProofRefusal>) -> Option<(Problems, StatusCode)> {
    let mut problems = Problems::none();
    match declined {
        Declined::Refusal(ProofRefusal::NotProven { password, code }) => {
            if let Some(words) = password {
                problems.add(PASSWORD, words);
            }
            if let Some(problem) = code {
                problems.add(CODE, problem.words());
            }
            Some((problems, StatusCode::UNPROCESSABLE_ENTITY))
        }
        Declined::Refusal(ProofRefusal::TooOften(used_up)) => {
            problems.add(PASSWORD, ProofRefusal::wait_words(used_up, app.clock.now()));
            Some((problems, StatusCode::TOO_MANY_REQUESTS))
        }
        Declined::Conflict(conflict) => {
            problems.add(PASSWORD, conflict.words);
            Some((problems, StatusCode::CONFLICT))
        }
        Declined::Refusal(ProofRefusal::Over) => None,
    }
}

#[derive(askama::Template)]
#[template(path = "my_account/pages/replace_app.html")]
pub struct ReplaceAppPage {
    pub layout: Layout,
    pub form: Form,
    pub password: PasswordInput,
}

fn show_replace(visit: &Visit, by: &AccountHolder, problems: Problems, status: StatusCode) -> Answer {
    let form = visit.form(Fields::default(), problems);
    let template = ReplaceAppPage {
        layout: layout(visit, by, "Replace your authenticator app", paths::SECURITY)
            .with_problems(&form)
            .back_to(paths::SECURITY),
        password: password_field(&form),
        form,
    };
    show_with(status, &template)
}

/// GET /my-account/security/app
pub async fn replace_page(visit: Visit, by: AccountHolder) -> Answer {
    show_replace(&visit, &by, Problems::none(), StatusCode::OK)
}

/// POST /my-account/security/app: with the password and a code, on to setting up another app.
pub async fn replace(Shared(app): Shared<App>, visit: Visit, by: AccountHolder, fields: Fields) -> Answer {
    let permit = own_account(&app, &by.who(), &by.account).await?;
    let order = proof_order(&visit, &fields);
    match without_faults(moves::replace_app(&app, permit, &by, order).await)? {
        Ok(()) => go_to(paths::SET_UP_APP),
        Err(declined) => match problems_of(&app, declined) {
            Some((problems, status)) => show_replace(&visit, &by, problems, status),
            None => go_to(SIGN_IN),
        },
    }
}

#[derive(askama::Template)]
#[template(path = "my_account/pages/sign_out_everywhere.html")]
pub struct EverywherePage {
    pub layout: Layout,
    pub form: Form,
}

/// GET /my-account/security/sign-out-everywhere
pub async fn everywhere_page(visit: Visit, by: AccountHolder) -> Answer {
    let template = EverywherePage {
        layout: layout(&visit, &by, "Sign out everywhere", paths::SECURITY).back_to(paths::SECURITY),
        form: visit.empty_form(),
    };
    show_with(StatusCode::OK, &template)
}

/// POST /my-account/security/sign-out-everywhere: every session ends, half-finished ones too.
pub async fn everywhere(Shared(app): Shared<App>, visit: Visit, by: AccountHolder) -> Answer {
    let permit = own_account(&app, &by.who(), &by.account).await?;
    moves::sign_out_everywhere(&app, permit, &visit.browser()).await?;
    visit.renew_browser();
    go_to(JustDone::SignedOutEverywhere.on(SIGN_IN))
}
