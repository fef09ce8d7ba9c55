//! Sending the code of an activation again.

use super::{ActivationRefusal, StepOrder, pending_account, send_code};
use crate::app::App;
use crate::database::transaction;
use crate::outbox::outcome::NotDone;
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::secrets::Purpose;
use crate::sign_in::session::browser_hash;

/// A new code goes to the mobile; the one before stops working.
///
/// # Errors
/// A refusal where the link does not work any more, or too many codes were sent.
pub async fn send_activation_code(
    app: &App,
    permit: Permit<deed::SecureOwnAccount>,
    order: StepOrder,
) -> Result<(), NotDone<ActivationRefusal>> {
    let (in_app, now) = (app.clone(), app.clock.now());
    app.database
        .write(transaction!(async move |tx| {
            let Some(account) = pending_account(tx, &order.link, permit.id(), now).await? else {
                return Err(NotDone::Refusal(ActivationRefusal::LinkGone));
            };
            let browser = browser_hash(order.browser.reveal());
            send_code(tx, &in_app, &account, Purpose::ActivationCode, &browser)
                .await?
                .map_err(|problem| NotDone::Refusal(ActivationRefusal::Code(problem)))
        }))
        .await
}
