//! Setting up an authenticator app: the picture to scan or the key to type, and its first code.
//!
//! Whoever is here has just activated, or has shown the password and a second thing. It leads on
//! once: the session that opens this page is used up by the first right code.

use super::paths;
use crate::app::App;
use crate::database::{Error, Tx};
use crate::my_account::app_code_problem;
use crate::my_account::store::{self, Confirmed, Stepped};
use crate::sign_in::secrets::Purpose;
use crate::sign_in::session::{SIGN_IN, SessionRotation};
use crate::sign_in::{SettingUpApp, app_code, store as sign_ins};
use crate::web::components::Html;
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to, qr, show};
use axum::extract::State as Shared;

const CODE: &str = "code";
/// Letters of the key in one group, for typing it.
const GROUP: usize = 4;

#[derive(askama::Template)]
#[template(path = "my_account/pages/set_up_app.html")]
pub struct SetUpAppPage {
    pub layout: Layout,
    pub form: Form,
    pub address: String,
    pub service: String,
    pub picture: Option<Html>,
    /// The key in groups, each of which is shown apart from the next.
    pub key: Vec<String>,
    pub is_another: bool,
}

/// What is being set up: the account's address and the app that waits for its first code.
struct Waiting {
    address: String,
    app: sign_ins::Authenticator,
    is_another: bool,
}

async fn waiting(app: &App, by: &SettingUpApp) -> Result<Waiting, Interrupt> {
    let holder = sign_ins::holder(&app.database, &by.account).await?;
    let found = sign_ins::waiting_authenticator(&app.database, &by.account).await?;
    let is_another = sign_ins::authenticator(&app.database, &by.account).await?.is_some();
    match (holder, found) {
        (Some(holder), Some(app)) => Ok(Waiting { address: holder.address, app, is_another }),
        _ => Err(Interrupt::Redirect(SIGN_IN.to_owned())),
    }
}

fn show_page(app: &App, visit: &Visit, waiting: &Waiting, problems: Problems) -> Answer {
    let (key, id, service) = (&app.key, &waiting.app.id, &app.settings.service_name);
    let to_scan = app_code::address(key, Purpose::AccountApp, id, &waiting.address, service);
    let to_type = app_code::key_text(key, Purpose::AccountApp, id);
    let form = visit.form(Fields::default(), problems.clone());
    let title =
        if waiting.is_another { "Set up another authenticator app" } else { "Set up your authenticator app" };
    let template = SetUpAppPage {
        layout: visit.layout(title).with_problems(&form),
        form,
        address: waiting.address.clone(),
        service: service.clone(),
        picture: qr::picture(
            &to_scan,
            "QR code to scan with your authenticator app. If you cannot scan it, type the key below it.",
        ),
        key: to_type
            .as_bytes()
            .chunks(GROUP)
            .map(|group| String::from_utf8_lossy(group).into_owned())
            .collect(),
        is_another: waiting.is_another,
    };
    show(&template, &problems)
}

/// GET /sign-in/app
pub async fn page(Shared(app): Shared<App>, visit: Visit, by: SettingUpApp) -> Answer {
    let waiting = waiting(&app, &by).await?;
    show_page(&app, &visit, &waiting, Problems::none())
}

/// POST /sign-in/app: the first code.
pub async fn confirm(Shared(app): Shared<App>, visit: Visit, by: SettingUpApp, fields: Fields) -> Answer {
    let waiting = waiting(&app, &by).await?;
    let wrong = |words: &str| show_page(&app, &visit, &waiting, Problems::one(CODE, words));
    let typed = fields.text(CODE);
    if let Some(words) = app_code_problem(typed) {
        return wrong(words);
    }
    let now = app.clock.now();
    // Not counted: whoever is here is being shown the key itself.
    let Some(step) = app_code::step_of(&app.key, Purpose::AccountApp, &waiting.app.id, typed, now) else {
        return wrong(
            "The code is not right. Enter the 6 digits that your app shows now, and check that your phone’s clock is set automatically",
        );
    };
    let anew = SessionRotation::of(&visit);
    let confirmed = Confirmed { authenticator: waiting.app.id.clone(), step };
    let (in_app, begun) = (app.clone(), anew.clone());
    let stepped = app
        .database
        .write::<_, Error, _>(move |tx: &mut Tx| {
            Box::pin(
                async move { store::confirm_app(tx, &in_app, &by.account, &confirmed, &begun, now).await },
            )
        })
        .await?;
    match stepped {
        Stepped::Done => {
            anew.is_saved(&visit);
            go_to(if waiting.is_another {
                format!("{}?done=app", paths::SECURITY)
            } else {
                paths::RECOVERY_CODES.to_owned()
            })
        }
        Stepped::Refused | Stepped::Gone => go_to(SIGN_IN),
    }
}
