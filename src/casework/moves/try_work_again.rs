//! Trying work again that could not be done.

use super::Refusal;
use crate::app::App;
use crate::audit::{self, Entry};
use crate::database::{Tx, transaction};
use crate::outbox::outcome::{Conflict, NotDone};
use crate::outbox::store::{self as outbox, NeedsAttention};
use crate::sign_in::authority::{Permit, deed};

/// Makes a piece of work due again, with all its tries before it.
///
/// # Errors
/// A conflict where it has been tried again or given up already.
pub async fn try_work_again(
    app: &App,
    permit: Permit<deed::RunService>,
    work: String,
) -> Result<(), NotDone<Refusal>> {
    let now = app.clock.now();
    app.database
        .write(transaction!(async move |tx| {
            let found = needing_attention(tx, &work).await?;
            if !outbox::try_again(tx, now, &work).await? {
                return Err(seen_to());
            }
            let entry = Entry::new(permit.actor(), "work tried again", found.work.subject());
            audit::store::add(tx, now, &entry.because(found.work.in_words())).await?;
            Ok(())
        }))
        .await
}

/// Work that needs a person.
pub(super) async fn needing_attention(tx: &mut Tx, work: &str) -> Result<NeedsAttention, NotDone<Refusal>> {
    outbox::find_needing_attention(tx, work).await?.ok_or_else(seen_to)
}

pub(super) fn seen_to() -> NotDone<Refusal> {
    Conflict::new("Somebody else has tried it again, or given it up, before you. Nothing was changed by you.")
        .into()
}
