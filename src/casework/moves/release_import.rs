//! Releasing or discarding an import that waits.

use super::Refusal;
use crate::app::App;
use crate::audit::{self, Actor, Entry};
use crate::database::{Error, Tx, transaction};
use crate::outbox::outcome::{Conflict, NotDone};
use crate::register::import::{self, Released};
use crate::register::store::{self, HeldState};
use crate::sign_in::authority::{Permit, deed};

/// How far releasing an import has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleasedImport {
    /// Another case worker must release it as well.
    WaitsForAnother,
    Imported,
}

fn not_waiting() -> NotDone<Refusal> {
    Conflict::new("This import does not wait any more. Somebody else has released or discarded it.").into()
}

/// Releases an import by one case worker. The second of two different ones imports it, with its entry, in
/// one transaction.
///
/// # Errors
/// A conflict where it does not wait any more, or another
/// import has changed what it was compared with.
pub async fn release_import(
    app: &App,
    permit: Permit<deed::ReleaseImport>,
    import: String,
) -> Result<ReleasedImport, NotDone<Refusal>> {
    let now = app.clock.now();
    app.database
        .write(transaction!(async move |tx| {
            let by = person(&permit.actor());
            let (released, action, detail) = match import::release(tx, &import, &by, now).await? {
                Released::First => {
                    (ReleasedImport::WaitsForAnother, "register import released by the first", String::new())
                }
                Released::Imported(number) => {
                    (ReleasedImport::Imported, "register import released", format!("import {number}"))
                }
                // The same button pressed twice.
                Released::SamePerson => return Ok(ReleasedImport::WaitsForAnother),
                Released::NotWaiting if is_ended_by(tx, &import, HeldState::Released, &by).await? => {
                    return Ok(ReleasedImport::Imported);
                }
                Released::NotWaiting => return Err(not_waiting()),
                Released::Outdated => {
                    return Err(Conflict::new(
                        "Another import has changed this register since. Discard this one and have the file imported again.",
                    )
                    .into());
                }
            };
            let entry = Entry::new(permit.actor(), action, &import).because(detail);
            audit::store::add(tx, now, &entry).await?;
            Ok(released)
        }))
        .await
}

/// Discards an import that waits. One person can: nothing is changed by it.
///
/// # Errors
/// A conflict where it does not wait any more.
pub async fn discard_import(
    app: &App,
    permit: Permit<deed::ReleaseImport>,
    import: String,
) -> Result<(), NotDone<Refusal>> {
    let now = app.clock.now();
    app.database
        .write(transaction!(async move |tx| {
            let by = person(&permit.actor());
            if !import::discard(tx, &import, &by, now).await? {
                if is_ended_by(tx, &import, HeldState::Discarded, &by).await? {
                    return Ok(());
                }
                return Err(not_waiting());
            }
            let entry = Entry::new(permit.actor(), "register import discarded", &import);
            audit::store::add(tx, now, &entry).await?;
            Ok(())
        }))
        .await
}

/// Whether this person has ended it so.
async fn is_ended_by(tx: &mut Tx, import: &str, state: HeldState, by: &str) -> Result<bool, Error> {
    let found = store::held_import(tx, import).await?;
    Ok(found.is_some_and(|held| held.state == state && held.ended_by.as_deref() == Some(by)))
}

/// One person as they are compared with another: the whole actor, so that no two kinds are taken for one.
fn person(actor: &Actor) -> String {
    actor.stored()
}

#[cfg(test)]
mod tests;
