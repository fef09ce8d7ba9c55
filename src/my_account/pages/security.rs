//! Security: the authenticator app, the recovery codes, signing out everywhere.

use super::{layout, paths};
use crate::app::App;
use crate::database::{Error, Tx, transaction};
use crate::my_account::store::{self, Stepped};
use crate::sign_in::doors::{Door, count_code, whose_password};
use crate::sign_in::factor::Factor;
use crate::sign_in::limits::wait_in_words;
use crate::sign_in::session::{SIGN_IN, browser_hash};
use crate::sign_in::{AccountHolder, store as sign_ins};
use crate::web::components::{
    Action, Actions, NotificationBanner, PasswordInput, SummaryList, SummaryListRow,
};
use crate::web::form::{counted, query};
use crate::web::page::show_with;
use crate::web::parts::{error, fact, success};
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to};
use axum::extract::State as Shared;
use axum::http::{StatusCode, Uri};

pub(super) const CODE: &str = "code";
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
    let banner = match query(&uri).text("done") {
        "app" => Some(success(
            "The new app is set up. If you lost your phone, revoke its app password, too: see Mail programs.",
        )),
        _ => None,
    };
    let template = SecurityPage {
        layout: layout(&visit, &by, "Security", paths::SECURITY),
        banner,
        facts: SummaryList { rows, ..Default::default() },
    };
    show_with(StatusCode::OK, &template)
}

/// What became of showing the password and a code once more.
pub(super) enum Proof {
    /// Both look right; the code is to be used up with what it is shown for.
    Given(Factor),
    Not(Problems, StatusCode),
}

pub(super) fn password_field(form: &Form) -> PasswordInput {
    PasswordInput {
        name: PASSWORD.to_owned(),
        label: "Password".into(),
        error_message: error(form, PASSWORD),
        ..Default::default()
    }
}

/// Reads and judges the password and a code of somebody who is signed in: a browser left open must
/// not be enough to change how its owner signs in. Tries are counted as those of signing in are.
pub(super) async fn prove(
    app: &App,
    visit: &Visit,
    by: &AccountHolder,
    fields: &Fields,
) -> Result<Proof, Interrupt> {
    let not = |problems: Problems| Ok(Proof::Not(problems, StatusCode::UNPROCESSABLE_ENTITY));
    let mut problems = Problems::none();
    if fields.text(PASSWORD).is_empty() {
        problems.add(PASSWORD, "Enter your password");
    }
    if fields.text(CODE).is_empty() {
        problems.add(CODE, "Enter the code that your app shows now, or a recovery code");
    }
    if !problems.is_empty() {
        return not(problems);
    }
    let now = app.clock.now();
    let mut counted = Door::MyAccount.count_password(app, now, &by.address, visit.network()).await?;
    if counted.is_ok() {
        counted = count_code(app, now, &by.account).await?;
    }
    if let Err(used_up) = counted {
        let words = format!("Too many tries. Try again {}", wait_in_words(now, used_up.until));
        return Ok(Proof::Not(Problems::one(PASSWORD, words), StatusCode::TOO_MANY_REQUESTS));
    }
    let found = sign_ins::holder(&app.database, &by.account).await?.and_then(|row| row.password_hash);
    let theirs = whose_password(app, found, |hash| hash.reveal().clone(), fields.text(PASSWORD))
        .await
        .map_err(|cause| Interrupt::fault("checking a password", cause))?;
    let factor = sign_ins::authenticator(&app.database, &by.account)
        .await?
        .and_then(|authenticator| Factor::of_either(&app.key, &authenticator, fields.text(CODE), now));
    if theirs.is_none() {
        problems.add(PASSWORD, "The password is not right");
    }
    match factor {
        Some(factor) if problems.is_empty() => Ok(Proof::Given(factor)),
        Some(_) => not(problems),
        None => {
            problems.add(
                CODE,
                "The code is not right. Enter the 6 digits that your app shows now, or a recovery code",
            );
            not(problems)
        }
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
    let factor = match prove(&app, &visit, &by, &fields).await? {
        Proof::Given(factor) => factor,
        Proof::Not(problems, status) => return show_replace(&visit, &by, problems, status),
    };
    let now = app.clock.now();
    let (in_app, account, used, secret) = (app.clone(), by.account.clone(), factor.clone(), visit.browser());
    let stepped = app
        .database
        .write::<_, Error, _>(move |tx: &mut Tx| {
            Box::pin(
                async move { store::allow_another_app(tx, &in_app, &account, &used, &secret, now).await },
            )
        })
        .await?;
    match stepped {
        Stepped::Done => go_to(paths::SET_UP_APP),
        Stepped::Refused => {
            let problems = Problems::one(CODE, factor.refused_words());
            show_replace(&visit, &by, problems, StatusCode::UNPROCESSABLE_ENTITY)
        }
        Stepped::Gone => go_to(SIGN_IN),
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
    let now = app.clock.now();
    let (in_app, secret) = (app.clone(), browser_hash(&visit.browser()));
    app.database
        .write::<_, Error, _>(transaction!(async move |tx| {
            store::sign_out_everywhere(tx, &in_app, &by.account, now).await?;
            sign_ins::end_sessions_of_browser(tx, &secret).await.map(|_| ())
        }))
        .await?;
    visit.renew_browser();
    go_to(format!("{SIGN_IN}?done=everywhere"))
}
