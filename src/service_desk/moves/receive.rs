//! Takes in what somebody asks or tells us.

use crate::app::App;
use crate::clock::Timestamp;
use crate::database::{Error, Tx, transaction};
use crate::id::{Once, Reference};
use crate::letter::Letterhead;
use crate::outbox::outcome::NotDone;
use crate::service_desk::{Enquiry, NewEnquiry, letters, store};
use crate::settings::Settings;
use crate::sign_in::limits::{self, UsedUp};

/// A message that somebody sends.
#[derive(Clone, Debug)]
pub struct Receive {
    pub asked: NewEnquiry,
    /// What makes sending it twice one message.
    pub once: Once,
    /// Where it came from, for the budgets.
    pub network: String,
}

/// Takes in a message, once: with its entry, the letter to the team and the one that confirms it.
/// Anybody may write to us, so there is no permit; budgets keep floods out.
///
/// # Errors
/// The refusal is a budget that is used up (see [`crate::service_desk::too_often`] for its words).
pub async fn receive(app: &App, order: Receive) -> Result<Reference, NotDone<UsedUp>> {
    let (in_app, now) = (app.clone(), app.clock.now());
    let received = app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            receive_within(tx, now, &in_app.settings, order).await
        }))
        .await?;
    received.map_err(NotDone::Refusal)
}

/// The same within a move of somebody else, whose transaction it shares. What was sent before under the
/// same `once` is answered with its reference and counts against nothing.
///
/// # Errors
/// A fault; that a budget is used up is an answer, because what was counted is kept.
pub async fn receive_within(
    tx: &mut Tx,
    now: Timestamp,
    settings: &Settings,
    order: Receive,
) -> Result<Result<Reference, UsedUp>, Error> {
    let Receive { asked, once, network } = order;
    if let Some(reference) = store::find_reference(tx, &once).await? {
        return Ok(Ok(reference));
    }
    for budget in asked.budgets(settings, &network) {
        if let Err(used_up) = limits::take(tx, now, &budget).await? {
            return Ok(Err(used_up));
        }
    }
    let due_at = asked.kind.due_at(now, settings);
    let mut change = Enquiry::open(asked.clone(), now, due_at);
    while store::is_reference_taken(tx, &change.state.reference).await? {
        change = Enquiry::open(asked.clone(), now, due_at);
    }
    let from = Letterhead::of(settings);
    let to_team = letters::to_team(&from, now, &change.state, asked.kind.team(settings));
    let received = letters::received(&from, now, &change.state);
    let change = change.telling(to_team).telling(received);
    store::add(tx, now, &change, &once).await.map(Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service_desk::moves::for_tests::{Desk, message};

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn receiving_the_same_message_many_times_at_once_keeps_one() {
        for desk in Desk::both().await {
            let many = (0..8).map(|_| receive(&desk.app, message("Still nobody called.")));
            let references: Vec<Reference> = futures_util::future::join_all(many)
                .await
                .into_iter()
                .map(|received| received.expect("received"))
                .collect();
            assert!(references.iter().all(|one| *one == references[0]), "{references:?}");
            // The desk had one already.
            assert_eq!(desk.count("enquiry received", "enquiry opened").await, (2, 2));
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn receiving_ends_where_a_budget_is_used_up_and_keeps_nothing() {
        for desk in Desk::both().await {
            let mut taken = 1;
            let refused = loop {
                match receive(&desk.app, message(&format!("Message {taken}"))).await {
                    Ok(_) => taken += 1,
                    Err(NotDone::Refusal(used_up)) => break used_up,
                    Err(other) => panic!("{other:?}"),
                }
            };
            assert_eq!(taken, i64::from(desk.app.settings.messages_an_address_a_day_max));
            assert!(refused.until > desk.app.clock.now());
            assert_eq!(desk.count("enquiry received", "enquiry opened").await, (taken, taken));
        }
    }
}
