//! Signing out in one browser.

use crate::app::App;
use crate::audit::{self, Entry};
use crate::database::{Error, transaction};
use crate::sign_in::permits::AccountHolder;
use crate::sign_in::session::{SessionKind, browser_hash};
use crate::sign_in::store as sign_ins;

/// Every session of the browser ends. Pressed twice, it is noted once.
///
/// # Errors
/// A fault.
pub async fn sign_out(app: &App, by: &AccountHolder, browser: &str) -> Result<(), Error> {
    let (now, hash) = (app.clock.now(), browser_hash(browser));
    let (id, actor) = (by.account.clone(), by.who().actor());
    app.database
        .write(transaction!(async move |tx| {
            if sign_ins::use_session(tx, &hash, SessionKind::AccountHolder, &id).await? {
                audit::store::add(tx, now, &Entry::new(actor, "account holder signed out", &id)).await?;
            }
            sign_ins::end_sessions_of_browser(tx, &hash).await?;
            Ok(())
        }))
        .await
}
