//! The service moves on the registration that a site came from, as the site gets ready.

use super::run_checks::later;
use super::{Refusal, case_of, of_service, refused, save};
use crate::app::App;
use crate::database::transaction;
use crate::directory;
use crate::letter::Letterhead;
use crate::outbox::outcome::NotDone;
use crate::outbox::store::Taken;
use crate::outbox::{self, WorkError};
use crate::registration::{RegistrationState, letters};
use crate::sign_in::authority::{Permit, deed};

/// Provisioned when the last mailbox of the site is there; live, and the registrant told, when its first
/// owner has activated. A site that came in another way has nothing that waits for it.
///
/// # Errors
/// Later, while the database does not answer.
pub async fn follow_site(app: &App, taken: &Taken, site: &str) -> Result<(), WorkError> {
    let Some(found) = directory::store::find_site(&app.database, site).await? else { return Ok(()) };
    let Some(registration) = found.origin.registration() else { return Ok(()) };
    let permit: Permit<deed::MoveOn> = of_service(registration)?;
    let now = app.clock.now();
    let from = Letterhead::of(&app.settings);
    let taken = taken.clone();
    app.database
        .write::<_, NotDone<Refusal>, _>(transaction!(async move |tx| {
            let mut case = match case_of(tx, permit.id()).await {
                // Nothing is left of it that could move on.
                Err(NotDone::Conflict(_)) => return Ok(()),
                other => other?,
            };
            let progress = directory::store::progress(tx, &found.id).await?;
            if case.state == RegistrationState::Approved && progress.unprovisioned == 0 {
                save(tx, now, &case.provisioned(permit.actor()).map_err(refused)?).await?;
                case = case_of(tx, permit.id()).await?;
            }
            if case.state == RegistrationState::Provisioning
                && let Some(account) = &progress.first_owner
            {
                let change = case.first_owner_active(account).map_err(refused)?;
                let letter = letters::live(&from, now, &change.state);
                save(tx, now, &change.telling(letter)).await?;
            }
            outbox::store::done(tx, now, &taken).await?;
            Ok(())
        }))
        .await
        .map_err(later)
}
