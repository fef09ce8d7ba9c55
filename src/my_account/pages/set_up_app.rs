//! Setting up an authenticator app: the picture to scan or the key to type, and its first code.
//!
//! Whoever is here has just activated, or has shown the password and a second thing. It leads on
//! once: the session that opens this page is used up by the first right code.

use super::just_done::JustDone;
use super::{browser, make_known, own_account, paths};
use crate::app::App;
use crate::my_account::moves::{self, Bound};
use crate::outbox::outcome::{Declined, without_faults};
use crate::sign_in::factor::FactorProblem;
use crate::sign_in::moves::{CodeOrder, SignInRefusal};
use crate::sign_in::permits::SIGN_IN;
use crate::sign_in::secrets::Purpose;
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
    let permit = own_account(&app, &by.who(), &by.account).await?;
    let order = CodeOrder {
        typed: fields.text(CODE).to_owned(),
        browser: browser(&visit),
        known_by: visit.known_by().map(str::to_owned),
    };
    let words = match without_faults(moves::bind_app(&app, permit, order).await)? {
        Ok(Bound::First(rotated)) => {
            rotated.is_saved(&visit);
            make_known(&app, &visit, &by.account).await?;
            return go_to(paths::RECOVERY_CODES);
        }
        Ok(Bound::Another(rotated)) => {
            rotated.is_saved(&visit);
            make_known(&app, &visit, &by.account).await?;
            return go_to(JustDone::AppReplaced.on(paths::SECURITY));
        }
        Err(Declined::Refusal(SignInRefusal::Over) | Declined::Conflict(_)) => return go_to(SIGN_IN),
        Err(Declined::Refusal(SignInRefusal::Factor(FactorProblem::Wrong(_)))) => {
            "The code is not right. Enter the 6 digits that your app shows now, and check that your phone’s clock is set automatically".to_owned()
        }
        Err(Declined::Refusal(refusal)) => refusal.words(app.clock.now()),
    };
    let waiting = waiting(&app, &by).await?;
    show_page(&app, &visit, &waiting, Problems::one(CODE, words))
}
