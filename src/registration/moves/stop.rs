//! "This was not us": the contact on record for a site stops a registration.

use super::{save_moved, sent_of};
use crate::app::App;
use crate::database::transaction;
use crate::letter::Letterhead;
use crate::outbox::outcome::NotDone;
use crate::registration::{Refusal, RegistrationState, letters};
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::links::{self, Link, LinkFor};
use crate::sign_in::secrets::Purpose;

/// Stops a registration that has not been decided and uses the link up; the registrant is told. Twice is
/// once.
///
/// # Errors
/// A refusal once it has been decided: then the central team must act; and where the link works no more.
pub async fn stop(
    app: &App,
    permit: Permit<deed::StopRegistration>,
    link: Link,
) -> Result<(), NotDone<Refusal>> {
    let now = app.clock.now();
    let from = Letterhead::of(&app.settings);
    app.database
        .write(transaction!(async move |tx| {
            let case = sent_of(tx, permit.id()).await?;
            if case.state == RegistrationState::Stopped {
                return Ok(());
            }
            let change = case.stop(permit.actor()).map_err(NotDone::Refusal)?;
            if !links::redeem(tx, &link.id, &LinkFor::as_sent(Purpose::StopLink, &link), now).await? {
                return Err(NotDone::Refusal(Refusal::DeadLink));
            }
            let letter = letters::stopped(&from, now, &change.state);
            save_moved(tx, now, &change.telling(letter)).await
        }))
        .await
}
