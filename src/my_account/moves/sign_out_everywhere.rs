//! Signing out everywhere.

use super::note_change;
use crate::app::App;
use crate::database::{Error, transaction};
use crate::directory;
use crate::my_account::letters::Changed;
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::session::browser_hash;
use crate::sign_in::store as sign_ins;

/// Ends every session of the account, half-finished ones too, and whatever else hangs on this browser.
/// Mail programs go on working. Pressed twice, it is noted and told of once.
///
/// # Errors
/// A fault.
pub async fn sign_out_everywhere(
    app: &App,
    permit: Permit<deed::SecureOwnAccount>,
    browser: &str,
) -> Result<(), Error> {
    let (in_app, hash) = (app.clone(), browser_hash(browser));
    app.database
        .write(transaction!(async move |tx| {
            let id = permit.id();
            directory::store::lock_account(tx, id).await?;
            let ended = sign_ins::end_sessions_of_holder(tx, id).await?;
            sign_ins::forget_waiting_authenticators(tx, id).await?;
            sign_ins::end_sessions_of_browser(tx, &hash).await?;
            if ended == 0 {
                return Ok(());
            }
            let Some(account) = directory::store::find_account(tx, id).await? else { return Ok(()) };
            let what = Changed::SignedOutEverywhere;
            note_change(tx, &in_app, &account, "signed out everywhere", what).await
        }))
        .await
}
