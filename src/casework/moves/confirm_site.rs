//! "This was us": the contact on record for a site says that a registration is theirs.

use super::{Refusal, case_of, refused};
use crate::app::App;
use crate::audit::{self, Entry};
use crate::database::transaction;
use crate::directory;
use crate::outbox::outcome::NotDone;
use crate::registration::store as registrations;
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::links::{self, Link};
use crate::sign_in::secrets::Purpose;

/// Notes that the contact knows of the registration, and opens the activation of its accounts where that
/// waits. The link is not used up: a colleague who knows better can still stop it. Twice is once.
///
/// # Errors
/// A refusal where the link works no more.
pub async fn confirm_site(
    app: &App,
    permit: Permit<deed::ConfirmRegistration>,
    link: Link,
) -> Result<(), NotDone<Refusal>> {
    let now = app.clock.now();
    app.database
        .write(transaction!(async move |tx| {
            let case = case_of(tx, permit.id()).await?;
            let link = links::find(tx, Purpose::StopLink, &link.id).await?;
            if !link.is_some_and(|link| link.works(now) && link.subject == case.id) {
                return Err(refused(crate::registration::Refusal::DeadLink));
            }
            if !registrations::confirm_by_site(tx, &case.id, now).await? {
                return Ok(());
            }
            let entry = Entry::new(permit.actor(), "registration confirmed by the site", &case.id);
            audit::store::add(tx, now, &entry).await?;
            if let Some(site) = directory::store::find_site_of_registration(tx, &case.id).await? {
                directory::moves::open_activation_in(tx, now, permit.actor(), &site.id).await?;
            }
            Ok(())
        }))
        .await
}
