//! A case worker declines a registration.

use super::{Refusal, case_of, moved_on, refused, save};
use crate::app::App;
use crate::audit;
use crate::database::transaction;
use crate::letter::Letterhead;
use crate::outbox::outcome::NotDone;
use crate::registration::reasons::Reason;
use crate::registration::{DECLINED, RegistrationState, letters};
use crate::sign_in::authority::{Permit, deed};

/// Why, about the case as it was seen.
#[derive(Clone, Debug)]
pub struct DeclineOrder {
    /// Version of the case as it was seen.
    pub seen: i64,
    pub reason: Reason,
    /// In the case worker's own words; may be empty.
    pub words: String,
}

/// Declines a case as it was seen; the registrant is told why and what to do. Declining again in the
/// same way is done already.
///
/// # Errors
/// A conflict where somebody else was faster.
pub async fn decline(
    app: &App,
    permit: Permit<deed::Decide>,
    order: DeclineOrder,
) -> Result<(), NotDone<Refusal>> {
    let now = app.clock.now();
    let from = Letterhead::of(&app.settings);
    app.database
        .write(transaction!(async move |tx| {
            let case = case_of(tx, permit.id()).await?;
            let DeclineOrder { seen, reason, words } = order;
            let by = permit.actor();
            if case.version != seen {
                let declined = RegistrationState::Declined { reason, words };
                let is_repeat = case.state == declined
                    && audit::store::is_repeat(tx, &case.id, &by, DECLINED, reason.code(), "").await?;
                return if is_repeat { Ok(()) } else { Err(moved_on(&case)) };
            }
            let change = case.decline(by, reason, &words).map_err(refused)?;
            let letter = letters::declined(&from, now, &change.state, reason, &words);
            save(tx, now, &change.telling(letter)).await
        }))
        .await
}
