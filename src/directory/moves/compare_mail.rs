//! Comparing the mail servers with the directory now.

use crate::app::App;
use crate::database::{Error, transaction};
use crate::directory::upkeep::store::ask_for_comparison;
use crate::sign_in::authority::{Permit, deed};

/// Queues a comparison; answers whether there was none waiting. One that waits to be tried again is tried
/// now, and one that is under way is left alone.
///
/// # Errors
/// A fault.
pub async fn compare_mail(app: &App, permit: Permit<deed::RunService>) -> Result<bool, Error> {
    let now = app.clock.now();
    app.database
        .write(transaction!(async move |tx| { ask_for_comparison(tx, now, &permit.actor()).await }))
        .await
}
