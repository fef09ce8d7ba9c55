//! Asking for a code to come back to a registration, also on another computer.

use crate::app::App;
use crate::contact::Email;
use crate::database::transaction;
use crate::outbox::outcome::NotDone;
use crate::outbox::{self, Work};
use crate::registration::Refusal;
use crate::settings::SecretKey;
use crate::sign_in::codes::{self, CodeFor, Issued, Rules};
use crate::sign_in::limits::{self, Budget};
use crate::sign_in::secrets::Purpose;
use crate::sign_in::session;

/// Whose registrations are looked for.
#[derive(Clone, Debug)]
pub struct ReturnOrder {
    pub email: Email,
    /// Hash of the browser the code will be typed into.
    pub browser: String,
    pub network: String,
}

/// The code for coming back, about an address that stands in no table as it is.
pub(super) fn return_code(key: &SecretKey, email: &Email, browser: &str, network: &str) -> CodeFor {
    CodeFor::new(key, Purpose::EmailCode, &subject(email), email.as_str(), browser).tried_by(network)
}

pub(super) fn subject(email: &Email) -> String {
    format!("return {}", session::browser_hash(email.as_str()))
}

/// Makes a code and queues its letter. Whoever it is, the same is done; whether there is anything to come
/// back to is found out afterwards, so that the time of the answer tells nothing. Anybody may ask; budgets
/// keep floods out.
///
/// # Errors
/// The refusal says when codes are sent again.
pub async fn ask_to_return(app: &App, order: ReturnOrder) -> Result<(), NotDone<Refusal>> {
    let now = app.clock.now();
    let rules = Rules::of(app);
    let most = i64::from(app.settings.starts_a_network_an_hour_max);
    let network = Budget::an_hour("returns", &order.network, most);
    let code = return_code(&app.key, &order.email, &order.browser, &order.network);
    app.database
        .write::<_, NotDone<Refusal>, _>(transaction!(async move |tx| {
            if let Err(used_up) = limits::take(tx, now, &network).await? {
                return Ok(Err(NotDone::Refusal(Refusal::TooOften(used_up))));
            }
            match codes::issue(tx, &rules, &code, now).await? {
                Ok(Issued::New(code)) => {
                    let work = Work::SendReturnCode { code, email: order.email.as_str().to_owned() };
                    outbox::store::queue(tx, now, now, &work).await?;
                    Ok(Ok(()))
                }
                Ok(Issued::JustNow) => Ok(Ok(())),
                Err(problem) => Ok(Err(NotDone::Refusal(Refusal::Code(problem)))),
            }
        }))
        .await?
}
