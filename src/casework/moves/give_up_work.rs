//! Giving work up that could not be done.

use super::try_work_again::{Waiting, needing_attention, seen_to};
use super::{Refusal, is_being_checked, refused, save};
use crate::app::App;
use crate::audit::{self, Actor, Entry};
use crate::clock::Timestamp;
use crate::database::{Tx, transaction};
use crate::outbox::outcome::NotDone;
use crate::outbox::store::{self as outbox, Parked};
use crate::registration::store as registrations;
use crate::sign_in::authority::{Permit, deed};

const GIVEN_UP: &str = "work given up";

/// Gives a piece of work up for good. A registration whose checks or decision are given up goes to a
/// case worker, because it would wait for ever.
///
/// # Errors
/// A conflict where it has been tried again or given up already.
pub async fn give_up_work(
    app: &App,
    permit: Permit<deed::RunService>,
    work: String,
) -> Result<(), NotDone<Refusal>> {
    let now = app.clock.now();
    app.database
        .write(transaction!(async move |tx| {
            let found = match needing_attention(tx, now, &work, &permit, GIVEN_UP).await? {
                Waiting::Yes(found) => found,
                Waiting::JustSeenTo => return Ok(()),
            };
            if !outbox::give_up(tx, now, &work).await? {
                return Err(seen_to());
            }
            let entry = Entry::new(permit.actor(), GIVEN_UP, found.work.subject());
            audit::store::add(tx, now, &entry.because(found.work.in_words())).await?;
            hand_over(tx, now, &found.work).await
        }))
        .await
}

/// Hands a registration to a case worker that the service will neither check nor decide any more.
async fn hand_over(tx: &mut Tx, now: Timestamp, work: &Parked) -> Result<(), NotDone<Refusal>> {
    if !work.is_about_registration() {
        return Ok(());
    }
    let registration = work.subject();
    registrations::lock(tx, registration).await?;
    let case = registrations::find_sent(tx, registration).await?;
    // Whoever was faster has moved the case on already.
    let Some(case) = case.filter(is_being_checked) else { return Ok(()) };
    let high_risk = case.high_risk;
    let because = "It could not be checked or decided without a person.";
    save(tx, now, &case.refer(Actor::Service, because, high_risk).map_err(refused)?).await
}
