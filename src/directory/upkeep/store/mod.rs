//! Comparisons, use and unread mail in the database, and the work that keeps them.

mod comparisons;
#[cfg(test)]
mod for_tests;
mod secure_domains;
mod sign_ins;
mod unread;

use super::{COMPARED_EVERY, COUNTED_EVERY};
use crate::app::App;
use crate::clock::Timestamp;
use crate::database::{Reads, Result, transaction};
use crate::id::new_id;
use crate::outbox::{self, Work};

pub use comparisons::{
    Comparison, DIFFERENCES_MAX, Listed, MailboxDifference, Waiting, ask_for_comparison, compare,
    list_differences, newest_comparison, remove_unknown, waiting_comparison,
};
pub use secure_domains::{keep_secure_domains, list_secure_domains};
pub use sign_ins::note_use;
pub use unread::{UNREAD_MAX, Unread, list_unread, watch_unread};

/// The lock that keeps two nodes from queueing the same upkeep.
const UPKEEP_LOCK: i64 = 0x0043_4152_4555_504b;

/// Whether an engine that began with nothing is to be compared again: what the newest comparison found
/// missing has been provisioned, as far as it can be without a person.
async fn may_be_filled(app: &App, compared: Option<Timestamp>) -> Result<bool> {
    // An engine that does not answer is asked again in a minute.
    if !matches!(app.mail.filling().await, Ok(Some(_))) {
        return Ok(false);
    }
    let Some(compared) = compared else { return Ok(true) };
    let left: Option<(String,)> = app
        .database
        .maybe(
            "SELECT id FROM outbox WHERE state IN ('Waiting', 'NeedsAttention') AND queued_at >= $1
                AND kind IN ('ProvisionAccount', 'ProvisionSharedMailbox') LIMIT 1",
            &[&compared],
        )
        .await?;
    Ok(left.is_none())
}

/// Queues what is due by the clock: the daily comparison, the hourly count. A mail engine that began with
/// nothing is compared until it holds everything.
pub async fn queue_due(app: &App) -> Result<()> {
    let (database, now) = (&app.database, app.clock.now());
    let compared: Option<(Timestamp,)> =
        database.maybe("SELECT begun_at FROM mail_comparisons ORDER BY begun_at DESC LIMIT 1", &[]).await?;
    let counted: Option<(Timestamp,)> = database
        .maybe("SELECT queued_at FROM outbox WHERE kind = 'WatchUnread' ORDER BY queued_at DESC LIMIT 1", &[])
        .await?;
    let compared = compared.map(|(at,)| at);
    let compare =
        compared.is_none_or(|at| at.plus(COMPARED_EVERY) <= now) || may_be_filled(app, compared).await?;
    let count = counted.is_none_or(|(at,)| at.plus(COUNTED_EVERY) <= now);
    if !compare && !count {
        return Ok(());
    }
    database
        .write(transaction!(async move |tx| {
            tx.lock(UPKEEP_LOCK).await?;
            let waiting: Vec<(String,)> = tx
                .all(
                    "SELECT DISTINCT kind FROM outbox
                          WHERE state = 'Waiting' AND kind IN ('CompareMail', 'WatchUnread')",
                    &[],
                )
                .await?;
            let waits = |kind: &str| waiting.iter().any(|(known,)| known == kind);
            if compare && !waits("CompareMail") {
                let work = Work::CompareMail { asked: new_id(now) };
                outbox::store::queue(tx, now, now, &work).await?;
            }
            if count && !waits("WatchUnread") {
                let work = Work::WatchUnread { asked: new_id(now) };
                outbox::store::queue(tx, now, now, &work).await?;
            }
            Ok(())
        }))
        .await
}

#[cfg(test)]
mod tests {
    use super::for_tests::{change, homes};
    use super::*;
    use crate::clock::Span;
    use crate::mail::{Ensured, MailEngine};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_engine_that_began_with_nothing_is_told_when_nothing_is_missing() {
        for home in homes().await {
            let is_filling = || async { home.engine.filling().await.expect("asked").is_some() };
            let compared = || async {
                home.app.clock.advance(Span::minutes(1));
                queue_due(&home.app).await.expect("queued");
                home.count_work("CompareMail").await
            };
            assert_eq!(compared().await, 1);
            home.does_all_work().await;
            assert_eq!(compared().await, 1, "one that holds everything is compared once a day");

            home.engine.begin_empty();
            let early = home.engine.filling().await.expect("asked").expect("it is filling");
            assert_eq!(compared().await, 2, "it is compared by itself, within a minute");
            // The comparison alone, and not the work that follows from it.
            let taken = outbox::store::take(&home.app.database, home.app.clock.now()).await.expect("taken");
            for taken in taken.iter().filter(|taken| matches!(taken.work, Work::CompareMail { .. })) {
                assert_eq!(compare(&home.app, taken).await, Ok(()));
            }
            assert_eq!(home.newest().await.differences, 4);
            assert!(is_filling().await, "nothing of what was missing has come yet");
            assert_eq!(compared().await, 2, "not again while that is under way");

            // It begins anew once more: what was found of the time before counts no longer.
            home.engine.begin_empty();
            assert_eq!(home.engine.ensure_filled(&early).await, Ok(Ensured::AlreadyRight));
            assert!(is_filling().await);

            home.does_all_work().await;
            assert_eq!(home.engine.mailboxes().len(), 4);
            assert!(is_filling().await, "nobody has looked whether everything is there");
            assert_eq!(compared().await, 3);
            home.does_all_work().await;
            assert_eq!(home.newest().await.differences, 0);
            assert!(!is_filling().await);
            assert_eq!(compared().await, 3);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_engine_waits_for_the_person_who_must_act() {
        for home in homes().await {
            home.engine.begin_empty();
            assert_eq!(home.compares().await.len(), 4);
            home.engine.lose(&home.people[0]);
            assert_eq!(home.compares().await.len(), 1);
            change(
                &home.app,
                "UPDATE outbox SET state = 'NeedsAttention'
                  WHERE id = (SELECT MAX(id) FROM outbox WHERE kind = 'ProvisionAccount')",
            )
            .await;
            home.engine.lose(&home.people[0]);
            let comparisons = home.count_work("CompareMail").await;
            home.app.clock.advance(Span::minutes(1));
            queue_due(&home.app).await.expect("queued");
            assert_eq!(home.count_work("CompareMail").await, comparisons, "it would find the same again");
            assert!(home.engine.filling().await.expect("asked").is_some());
            change(&home.app, "UPDATE outbox SET state = 'GivenUp' WHERE state = 'NeedsAttention'").await;
            queue_due(&home.app).await.expect("queued");
            assert_eq!(home.count_work("CompareMail").await, comparisons + 1);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn upkeep_is_queued_when_it_is_due_and_once() {
        for home in homes().await {
            let counts = || async {
                // Two nodes at the same moment.
                let (one, other) = tokio::join!(queue_due(&home.app), queue_due(&home.app));
                one.and(other).expect("queued");
                (home.count_work("CompareMail").await, home.count_work("WatchUnread").await)
            };
            assert_eq!(counts().await, (1, 1), "at the first start at once");
            assert_eq!(counts().await, (1, 1), "not while they wait");
            home.does_all_work().await;
            assert_eq!(counts().await, (1, 1));
            home.app.clock.advance(COUNTED_EVERY);
            assert_eq!(counts().await, (1, 2), "unread mail every hour");
            home.does_all_work().await;
            home.app.clock.advance(Span::seconds(23 * 3600 - 1));
            assert_eq!(counts().await, (1, 3));
            home.does_all_work().await;
            home.app.clock.advance(Span::seconds(1));
            assert_eq!(counts().await.0, 2, "the comparison every day");
        }
    }
}
