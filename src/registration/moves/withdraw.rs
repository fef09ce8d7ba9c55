//! Withdrawing a registration that was sent.

use super::{save_moved, sent_of};
use crate::app::App;
use crate::database::transaction;
use crate::outbox::outcome::NotDone;
use crate::registration::{Refusal, RegistrationState};
use crate::sign_in::authority::{Permit, deed};

/// Ends a registration that has not been decided, at the wish of its registrant. Twice is once.
///
/// # Errors
/// A refusal once it has been decided.
pub async fn withdraw(app: &App, permit: Permit<deed::Withdraw>) -> Result<(), NotDone<Refusal>> {
    let now = app.clock.now();
    app.database
        .write(transaction!(async move |tx| {
            let case = sent_of(tx, permit.id()).await?;
            if case.state == RegistrationState::Withdrawn {
                return Ok(());
            }
            let change = case.withdraw(permit.actor()).map_err(NotDone::Refusal)?;
            save_moved(tx, now, &change).await
        }))
        .await
}
