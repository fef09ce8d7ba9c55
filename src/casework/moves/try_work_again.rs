//! Trying work again that could not be done.

use super::Refusal;
use crate::app::App;
use crate::audit::{self, Entry};
use crate::clock::Timestamp;
use crate::database::{Tx, transaction};
use crate::outbox::outcome::{Conflict, NotDone};
use crate::outbox::store::{self as outbox, NeedsAttention};
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::limits::SAME_PRESS;

const AGAIN: &str = "work tried again";

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
            let found = match needing_attention(tx, now, &work, &permit, AGAIN).await? {
                Waiting::Yes(found) => found,
                Waiting::JustSeenTo => return Ok(()),
            };
            if !outbox::try_again(tx, now, &work).await? {
                return Err(seen_to());
            }
            let entry = Entry::new(permit.actor(), AGAIN, found.work.subject());
            audit::store::add(tx, now, &entry.because(found.work.in_words())).await?;
            Ok(())
        }))
        .await
}

/// Whether work waits for a person.
pub(super) enum Waiting {
    Yes(NeedsAttention),
    /// The same person has done the same with it a moment ago: one press, sent twice.
    JustSeenTo,
}

/// Work that needs a person, which nobody else can see to before this transaction ends.
///
/// # Errors
/// A conflict where somebody else has seen to it.
pub(super) async fn needing_attention(
    tx: &mut Tx,
    now: Timestamp,
    work: &str,
    permit: &Permit<deed::RunService>,
    action: &str,
) -> Result<Waiting, NotDone<Refusal>> {
    let subject = outbox::lock_work(tx, work).await?.ok_or_else(seen_to)?;
    if let Some(found) = outbox::find_needing_attention(tx, work).await? {
        return Ok(Waiting::Yes(found));
    }
    let since = now.minus(SAME_PRESS);
    let by = permit.actor();
    if audit::store::happened_since(tx, &subject, &by, action, since).await? {
        return Ok(Waiting::JustSeenTo);
    }
    Err(seen_to())
}

pub(super) fn seen_to() -> NotDone<Refusal> {
    Conflict::new("Somebody else has tried it again, or given it up, before you. Nothing was changed by you.")
        .into()
}
