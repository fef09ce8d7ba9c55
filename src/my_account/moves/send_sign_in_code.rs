//! Sending the code by text message again, to somebody who signs in and has no authenticator app yet.

use super::{active_account, send_code};
use crate::app::App;
use crate::database::transaction;
use crate::outbox::outcome::NotDone;
use crate::settings::Secret;
use crate::sign_in::moves::SignInRefusal;
use crate::sign_in::permits::HolderHalfSignedIn;
use crate::sign_in::secrets::Purpose;
use crate::sign_in::session::browser_hash;
use crate::sign_in::store as sign_ins;

/// A new code goes to the mobile; the one before stops working.
///
/// # Errors
/// A refusal where an app is in force, or too many codes were sent.
pub async fn send_sign_in_code(
    app: &App,
    half: HolderHalfSignedIn,
    browser: Secret<String>,
) -> Result<(), NotDone<SignInRefusal>> {
    let (in_app, id) = (app.clone(), half.account);
    app.database
        .write(transaction!(async move |tx| {
            let account = active_account(tx, &id).await?;
            let has_app = sign_ins::authenticator(tx, &id).await?.is_some();
            let Some(account) = account.filter(|_| !has_app) else {
                return Err(NotDone::Refusal(SignInRefusal::Over));
            };
            let browser = browser_hash(browser.reveal());
            send_code(tx, &in_app, &account, Purpose::SignInCode, &browser)
                .await?
                .map_err(|problem| NotDone::Refusal(SignInRefusal::Code(problem)))
        }))
        .await
}
