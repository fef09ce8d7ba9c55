//! The code from the text message, of somebody who activates an account.

use super::{ActivationRefusal, StepOrder, code_for, pending_account};
use crate::app::App;
use crate::database::transaction;
use crate::my_account::store;
use crate::outbox::outcome::NotDone;
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::codes::{self, CodeProblem};
use crate::sign_in::secrets::Purpose;
use crate::sign_in::session::browser_hash;

/// The code is used up, and this browser goes on with the link.
///
/// # Errors
/// A refusal where the code is not right or does not work any more, or the link does not.
pub async fn confirm_mobile(
    app: &App,
    permit: Permit<deed::SecureOwnAccount>,
    order: StepOrder,
    typed: &str,
) -> Result<(), NotDone<ActivationRefusal>> {
    let now = app.clock.now();
    let (key, browser) = (app.key.clone(), browser_hash(order.browser.reveal()));
    let gone = || NotDone::Refusal(ActivationRefusal::LinkGone);
    let account = pending_account(&app.database, &order.link, permit.id(), now).await?.ok_or_else(gone)?;
    let code = code_for(&key, Purpose::ActivationCode, &account, &browser);
    let right = match codes::check(app, &code, typed).await? {
        Ok(right) => Some(right),
        Err(CodeProblem::JustUsed) => None,
        Err(problem) => return Err(NotDone::Refusal(ActivationRefusal::Code(problem))),
    };
    app.database
        .write(transaction!(async move |tx| {
            let gone = || NotDone::Refusal(ActivationRefusal::LinkGone);
            let account = pending_account(tx, &order.link, permit.id(), now).await?.ok_or_else(gone)?;
            let code = code_for(&key, Purpose::ActivationCode, &account, &browser);
            let is_used = match &right {
                Some(right) => codes::redeem(tx, right, &code, now).await?,
                None => false,
            };
            if is_used {
                store::add_activation(tx, &order.link, &browser, now).await?;
                return Ok(());
            }
            if store::find_activation(tx, &order.link, &browser).await?.is_some() {
                return Ok(());
            }
            Err(NotDone::Refusal(ActivationRefusal::Code(CodeProblem::Stale)))
        }))
        .await
}
