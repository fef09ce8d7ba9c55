//! Lets a case worker look after an enquiry.

use super::{case_worker, overtaken};
use crate::app::App;
use crate::database::transaction;
use crate::letter::Letterhead;
use crate::outbox::outcome::NotDone;
use crate::service_desk::{answered_within, letters, store};
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::store as sign_ins;
use std::convert::Infallible;

/// An enquiry as somebody saw it who wants to look after it.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    pub version: i64,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    LooksAfterIt,
    /// And whoever complained has been told.
    Acknowledged,
}

/// Lets the case worker look after an enquiry as they saw it; whoever complained is told who does.
///
/// # Errors
/// A conflict where somebody else changed it meanwhile.
pub async fn claim(
    app: &App,
    permit: Permit<deed::WorkOnEnquiry>,
    order: Claim,
) -> Result<Claimed, NotDone<Infallible>> {
    let by = case_worker(&permit)?;
    let now = app.clock.now();
    let (id, from) = (permit.id().to_owned(), Letterhead::of(&app.settings));
    let answer_due_at = now.plus(answered_within(&app.settings));
    app.database
        .write(transaction!(async move |tx| {
            let Some(seen) = store::find_to_change(tx, &id).await? else { return Err(overtaken().into()) };
            if seen.is_open() && seen.claimed_by.as_deref() == Some(by.as_str()) {
                return Ok(Claimed::LooksAfterIt);
            }
            if seen.version != order.version {
                return Err(overtaken().into());
            }
            let acknowledges = seen.is_to_be_acknowledged();
            let Some(mut change) = seen.claim(&by, answer_due_at) else { return Err(overtaken().into()) };
            if acknowledges {
                let name = sign_ins::case_worker(tx, &by).await?.map_or_else(String::new, |row| row.name);
                let letter = letters::complaint_acknowledged(&from, now, &change.state, &name);
                change = change.telling(letter);
            }
            store::save(tx, now, &change, None).await?;
            Ok(if acknowledges { Claimed::Acknowledged } else { Claimed::LooksAfterIt })
        }))
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service_desk::moves::for_tests::Desk;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn claiming_many_times_at_once_tells_whoever_complained_once() {
        for desk in Desk::both().await {
            let many = (0..6).map(|_| claim(&desk.app, desk.permit("casey"), Claim { version: 1 }));
            let outcomes = futures_util::future::join_all(many).await;
            let acknowledged = outcomes.iter().filter(|one| matches!(one, Ok(Claimed::Acknowledged))).count();
            let again = outcomes.iter().filter(|one| matches!(one, Ok(Claimed::LooksAfterIt))).count();
            assert_eq!((acknowledged, again), (1, 5), "{outcomes:?}");
            assert_eq!(desk.count("complaint acknowledged", "enquiry claimed").await, (1, 1));
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn claiming_at_the_same_moment_is_one_of_two_and_the_other_is_told() {
        for desk in Desk::both().await {
            let (one, other) = tokio::join!(
                claim(&desk.app, desk.permit("casey"), Claim { version: 1 }),
                claim(&desk.app, desk.permit("sam"), Claim { version: 1 })
            );
            assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
            let overtaken = one.err().or(other.err()).expect("one of them");
            assert!(matches!(overtaken, NotDone::Conflict(_)), "{overtaken:?}");
            // Who sees it as it is now may take it over; the answer is due as it was.
            let before = store::find(&desk.app.database, &desk.enquiry).await.expect("read").expect("there");
            let next = if before.claimed_by.as_deref() == Some("sam") { "casey" } else { "sam" };
            let taken = claim(&desk.app, desk.permit(next), Claim { version: before.version }).await;
            assert_eq!(taken.expect("taken over"), Claimed::LooksAfterIt);
            let after = store::find(&desk.app.database, &desk.enquiry).await.expect("read").expect("there");
            assert_eq!((after.claimed_by.as_deref(), after.due_at), (Some(next), before.due_at));
            assert_eq!(desk.count("complaint acknowledged", "enquiry claimed").await, (1, 2));
        }
    }
}
