//! Revoking an app password.

use crate::app::App;
use crate::audit::{self, Entry};
use crate::database::{Error, transaction};
use crate::directory;
use crate::outbox::{self, Work};
use crate::sign_in::authority::{Permit, deed};

/// The program that used it cannot open the mailbox any more; false where it is not in force, because
/// it is none of theirs or was revoked before.
///
/// # Errors
/// A fault.
pub async fn revoke_app_password(
    app: &App,
    permit: Permit<deed::SecureOwnAccount>,
    app_password: &str,
) -> Result<bool, Error> {
    let (now, app_password) = (app.clock.now(), app_password.to_owned());
    app.database
        .write(transaction!(async move |tx| {
            let id = permit.id();
            if !directory::store::revoke_app_password(tx, now, id, &app_password).await? {
                return Ok(false);
            }
            let entry = Entry::new(permit.actor(), "app password revoked", id).because(&app_password);
            audit::store::add(tx, now, &entry).await?;
            let work = Work::ProvisionAccount { account: id.to_owned() };
            outbox::store::queue(tx, now, now, &work).await?;
            Ok(true)
        }))
        .await
}
