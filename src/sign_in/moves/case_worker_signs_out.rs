//! A case worker signs out.

use crate::app::App;
use crate::audit::{self, Entry};
use crate::database::{Error, transaction};
use crate::sign_in::permits::CaseWorker;
use crate::sign_in::session::{SessionKind, browser_hash};
use crate::sign_in::store;

/// Every session of the browser ends. Pressed twice, it is noted once.
///
/// # Errors
/// A fault.
pub async fn case_worker_signs_out(app: &App, by: &CaseWorker, browser: &str) -> Result<(), Error> {
    let (now, hash, id, actor) = (app.clock.now(), browser_hash(browser), by.id.clone(), by.who().actor());
    app.database
        .write(transaction!(async move |tx| {
            if store::use_session(tx, &hash, SessionKind::CaseWorker, &id).await? {
                audit::store::add(tx, now, &Entry::new(actor, "case worker signed out", &id)).await?;
            }
            store::end_sessions_of_browser(tx, &hash).await?;
            Ok(())
        }))
        .await
}
