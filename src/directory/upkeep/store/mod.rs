//! Comparisons, use and unread mail in the database, and the work that keeps them.

mod comparisons;
#[cfg(test)]
mod for_tests;
mod secure_domains;
mod sign_ins;
mod unread;

use crate::app::App;
use crate::clock::Timestamp;
use crate::database::{Reads, Result, transaction};
use crate::outbox::{self, Work};

pub use comparisons::{
    Comparison, DIFFERENCES_MAX, Listed, MailboxDifference, REPAIR, Waiting, ask_for_comparison, compare,
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
            "SELECT id FROM outbox
              WHERE (state = 'Taken' OR (state = 'Waiting' AND attempts = 0)
                     OR (state = 'NeedsAttention' AND queued_at >= $1))
                AND kind IN ('ProvisionAccount', 'ProvisionSharedMailbox') LIMIT 1",
            &[&compared],
        )
        .await?;
    Ok(left.is_none())
}

/// Queues a comparison for a mail engine that began with nothing, until it holds everything: one after the
/// other, each when what the last found missing has been provisioned.
pub async fn queue_while_filling(app: &App) -> Result<()> {
    let (database, now) = (&app.database, app.clock.now());
    let compared: Option<(Timestamp,)> =
        database.maybe("SELECT begun_at FROM mail_comparisons ORDER BY begun_at DESC LIMIT 1", &[]).await?;
    if waiting_comparison(database).await?.is_some() || !may_be_filled(app, compared.map(|(at,)| at)).await? {
        return Ok(());
    }
    database
        .write(transaction!(async move |tx| {
            tx.lock(UPKEEP_LOCK).await?;
            if waiting_comparison(tx).await?.is_none() {
                outbox::store::queue(tx, now, now, &Work::CompareMail).await?;
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
                // Two nodes at the same moment.
                let (one, other) =
                    tokio::join!(queue_while_filling(&home.app), queue_while_filling(&home.app));
                one.and(other).expect("queued");
                home.count_work("CompareMail").await
            };
            assert_eq!(compared().await, 0, "one that holds everything is left to the daily comparison");

            home.engine.begin_empty();
            let early = home.engine.filling().await.expect("asked").expect("it is filling");
            assert_eq!(compared().await, 1, "it is compared by itself, within a minute");
            // The comparison alone, and not the work that follows from it.
            let taken = outbox::store::take(&home.app.database, home.app.clock.now()).await.expect("taken");
            for taken in taken.iter().filter(|taken| taken.work == Work::CompareMail) {
                assert_eq!(compare(&home.app, taken).await, Ok(()));
            }
            assert_eq!(home.newest().await.differences, 4);
            assert!(is_filling().await, "nothing of what was missing has come yet");
            assert_eq!(compared().await, 1, "not again while that is under way");

            // It begins anew once more: what was found of the time before counts no longer.
            home.engine.begin_empty();
            assert_eq!(home.engine.ensure_filled(&early).await, Ok(Ensured::AlreadyRight));
            assert!(is_filling().await);

            home.does_all_work().await;
            assert_eq!(home.engine.mailboxes().len(), 4);
            assert!(is_filling().await, "nobody has looked whether everything is there");
            assert_eq!(compared().await, 2);
            home.does_all_work().await;
            assert_eq!(home.newest().await.differences, 0);
            assert!(!is_filling().await);
            assert_eq!(compared().await, 2);
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
            queue_while_filling(&home.app).await.expect("queued");
            assert_eq!(home.count_work("CompareMail").await, comparisons, "it would find the same again");
            assert!(home.engine.filling().await.expect("asked").is_some());
            change(&home.app, "UPDATE outbox SET state = 'GivenUp' WHERE state = 'NeedsAttention'").await;
            queue_while_filling(&home.app).await.expect("queued");
            assert_eq!(home.count_work("CompareMail").await, comparisons + 1);
        }
    }
}
