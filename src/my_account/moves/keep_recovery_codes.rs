//! "I have written them down."

use crate::app::App;
use crate::audit::{self, Entry};
use crate::clock::Span;
use crate::database::{Error, transaction};
use crate::directory;
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::store as sign_ins;

const KEPT: &str = "recovery codes written down";

/// Notes, once, that somebody says they keep the recovery codes they have.
///
/// # Errors
/// A fault.
pub async fn keep_recovery_codes(app: &App, permit: Permit<deed::SecureOwnAccount>) -> Result<(), Error> {
    let now = app.clock.now();
    app.database
        .write(transaction!(async move |tx| {
            let (id, actor) = (permit.id(), permit.actor());
            directory::store::lock_account(tx, id).await?;
            let Some(made_at) = sign_ins::recovery_codes(tx, id).await?.made_at else { return Ok(()) };
            let before = made_at.minus(Span::milliseconds(1));
            if audit::store::happened_since(tx, id, &actor, KEPT, before).await? {
                return Ok(());
            }
            audit::store::add(tx, now, &Entry::new(actor, KEPT, id)).await
        }))
        .await
}
