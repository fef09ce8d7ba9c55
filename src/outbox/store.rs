//! The outbox in the database.

use super::{Change, LEASE, QUEUED, Work, WorkError, next_try};
use crate::clock::{Span, Timestamp};
use crate::database::{Database, Error, FromRow, Reads, Result, Row, Tx, transaction};
use crate::id::new_id;
use crate::letter::Letter;

/// How much work one visit takes: enough that writes which wait for the disk share their commits,
/// without holding what another node could do.
const TAKEN_AT_ONCE: i64 = 64;
/// How many lines the page of work that needs attention shows.
const SHOWN_MAX: i64 = 100;

/// A piece of work as taken: it is ours until its lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub id: String,
    pub work: Work,
    pub attempts: i64,
}

impl FromRow for Taken {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let text: String = row.get(1)?;
        let work =
            serde_json::from_str(&text).map_err(|error| Error::Broken(format!("work {text}: {error}")))?;
        Ok(Taken { id: row.get(0)?, work, attempts: row.get(2)? })
    }
}

/// Saves what goes with a change of state: the entry, the work, the letters. The state itself is
/// saved by the folder it belongs to, in the same transaction.
pub async fn save_with<T: Sync>(tx: &mut Tx, at: Timestamp, change: &Change<T>) -> Result<()> {
    crate::audit::store::add(tx, at, &change.entry).await?;
    for letter in &change.letters {
        write_letter(tx, at, letter).await?;
    }
    for work in &change.work {
        queue(tx, at, at, work).await?;
    }
    Ok(())
}

/// Writes a letter and the work that sends it.
pub async fn write_letter(tx: &mut Tx, at: Timestamp, letter: &Letter) -> Result<()> {
    crate::letter::store::add(tx, at, letter).await?;
    queue(tx, at, at, &Work::SendLetter { letter: letter.id.clone() }).await
}

/// Queues work, due at `due_at`.
pub async fn queue(tx: &mut Tx, at: Timestamp, due_at: Timestamp, work: &Work) -> Result<()> {
    let text = serde_json::to_string(work).map_err(|error| Error::Broken(error.to_string()))?;
    tx.run(
        "INSERT INTO outbox (id, kind, work, subject, state, queued_at, due_at)
         VALUES ($1, $2, $3, $4, 'Waiting', $5, $6)",
        &[&new_id(at), &work.kind(), &text, &work.subject(), &at, &due_at],
    )
    .await?;
    tx.signal(QUEUED);
    Ok(())
}

/// Takes work that is due, oldest first, for the length of the lease.
pub async fn take(database: &Database, now: Timestamp) -> Result<Vec<Taken>> {
    // A read costs next to nothing and does not stand in the writer's queue.
    let due: Option<(String,)> = database
        .maybe(
            "SELECT id FROM outbox WHERE state = 'Waiting' AND due_at <= $1 ORDER BY due_at, id LIMIT 1",
            &[&now],
        )
        .await?;
    if due.is_none() {
        return Ok(Vec::new());
    }
    let lease_ends = now.plus(LEASE);
    database
        .write(transaction!(async move |tx| {
            tx.all(
                "UPDATE outbox SET due_at = $1, attempts = attempts + 1
                      WHERE id IN (SELECT id FROM outbox WHERE state = 'Waiting' AND due_at <= $2
                                    ORDER BY due_at, id LIMIT $3)
                        AND state = 'Waiting' AND due_at <= $2
                  RETURNING id, work, attempts",
                &[&lease_ends, &now, &TAKEN_AT_ONCE],
            )
            .await
        }))
        .await
}

/// Marks work done inside a transaction of the work's own; a worker whose lease ran out and was
/// overtaken changes nothing.
pub async fn done(tx: &mut Tx, now: Timestamp, taken: &Taken) -> Result<bool> {
    let count = tx
        .run(
            "UPDATE outbox SET state = 'Done', finished_at = $1, reason = ''
              WHERE id = $2 AND attempts = $3 AND state = 'Waiting'",
            &[&now, &taken.id, &taken.attempts],
        )
        .await?;
    Ok(count == 1)
}

/// Whether a taken piece of work is still to be finished by whoever took it.
pub async fn is_held(from: &Database, taken: &Taken) -> Result<bool> {
    let held: Option<(i64,)> = from
        .maybe(
            "SELECT attempts FROM outbox WHERE id = $1 AND attempts = $2 AND state = 'Waiting'",
            &[&taken.id, &taken.attempts],
        )
        .await?;
    Ok(held.is_some())
}

/// Records an attempt that failed and says when the next one is, or that a person must look.
pub async fn not_done(
    database: &Database,
    now: Timestamp,
    took: Span,
    taken: &Taken,
    why: &WorkError,
) -> Result<()> {
    let (outcome, reason, next) = match why {
        WorkError::Later(reason) => ("Later", reason.clone(), next_try(taken.attempts)),
        WorkError::Never(reason) => ("Never", reason.clone(), None),
    };
    let taken = taken.clone();
    database
        .write(transaction!(async move |tx| {
            tx.run(
                "INSERT INTO outbox_attempts (work_id, attempt, ended_at, took_ms, outcome, reason)
                     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
                &[&taken.id, &taken.attempts, &now, &took.as_milliseconds(), &outcome, &reason],
            )
            .await?;
            match next {
                Some(span) => {
                    tx.run(
                        "UPDATE outbox SET due_at = $1, reason = $2
                              WHERE id = $3 AND attempts = $4 AND state = 'Waiting'",
                        &[&now.plus(span), &reason, &taken.id, &taken.attempts],
                    )
                    .await?;
                }
                None => {
                    tx.run(
                        "UPDATE outbox SET state = 'NeedsAttention', reason = $1
                              WHERE id = $2 AND attempts = $3 AND state = 'Waiting'",
                        &[&reason, &taken.id, &taken.attempts],
                    )
                    .await?;
                }
            }
            Ok(())
        }))
        .await
}

/// A line of the page of work that needs attention.
#[derive(Clone, Debug)]
pub struct NeedsAttention {
    pub id: String,
    pub work: Work,
    pub attempts: i64,
    pub queued_at: Timestamp,
    pub reason: String,
}

impl FromRow for NeedsAttention {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let taken = Taken::from_row(row)?;
        Ok(NeedsAttention {
            id: taken.id,
            work: taken.work,
            attempts: taken.attempts,
            queued_at: row.get(3)?,
            reason: row.get(4)?,
        })
    }
}

/// Work that a person must look at, oldest first, at most 100.
pub async fn list_needing_attention(from: &Database) -> Result<Vec<NeedsAttention>> {
    from.all(
        "SELECT id, work, attempts, queued_at, reason FROM outbox WHERE state = 'NeedsAttention'
          ORDER BY queued_at, id LIMIT $1",
        &[&SHOWN_MAX],
    )
    .await
}

/// One piece of work, if it still needs a person.
pub async fn find_needing_attention(from: &impl Reads, id: &str) -> Result<Option<NeedsAttention>> {
    from.maybe(
        "SELECT id, work, attempts, queued_at, reason FROM outbox WHERE id = $1 AND state = 'NeedsAttention'",
        &[&id],
    )
    .await
}

/// Makes work due again, with all its tries before it. False when somebody was faster.
pub async fn try_again(tx: &mut Tx, now: Timestamp, id: &str) -> Result<bool> {
    let count = tx
        .run(
            "UPDATE outbox SET state = 'Waiting', due_at = $1, attempts = 0 WHERE id = $2 AND state = 'NeedsAttention'",
            &[&now, &id],
        )
        .await?;
    Ok(count == 1)
}

/// Gives work up for good. False when somebody was faster.
pub async fn give_up(tx: &mut Tx, now: Timestamp, id: &str) -> Result<bool> {
    let count = tx
        .run(
            "UPDATE outbox SET state = 'GivenUp', finished_at = $1 WHERE id = $2 AND state = 'NeedsAttention'",
            &[&now, &id],
        )
        .await?;
    Ok(count == 1)
}

/// How much work waits (now or later) and how much needs a person.
pub async fn count_unfinished(from: &Database) -> Result<(i64, i64)> {
    let (waiting,): (i64,) = from.one("SELECT COUNT(*) FROM outbox WHERE state = 'Waiting'", &[]).await?;
    let (attention,): (i64,) =
        from.one("SELECT COUNT(*) FROM outbox WHERE state = 'NeedsAttention'", &[]).await?;
    Ok((waiting, attention))
}

/// When the next piece of work is due, if any waits.
pub async fn next_due(from: &Database) -> Result<Option<Timestamp>> {
    let due: Option<(Timestamp,)> = from
        .maybe("SELECT due_at FROM outbox WHERE state = 'Waiting' ORDER BY due_at, id LIMIT 1", &[])
        .await?;
    Ok(due.map(|(at,)| at))
}

/// Removes work that was done before `before`, with its attempts; answers how much. Work that a person
/// gave up is kept: it explains what is missing.
pub async fn forget_before(database: &Database, before: Timestamp) -> Result<u64> {
    database
        .write(transaction!(async move |tx| {
            tx.run(
                "DELETE FROM outbox_attempts WHERE work_id IN
                       (SELECT id FROM outbox WHERE state = 'Done' AND finished_at < $1)",
                &[&before],
            )
            .await?;
            tx.run("DELETE FROM outbox WHERE state = 'Done' AND finished_at < $1", &[&before]).await
        }))
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::for_tests::both_engines;

    const NOON: Timestamp = Timestamp::from_milliseconds(1_000_000_000);

    async fn queue_many(database: &Database, count: usize) {
        database
            .write(transaction!(async move |tx| {
                for number in 0..count {
                    queue(tx, NOON, NOON, &Work::SendLetter { letter: format!("letter {number}") }).await?;
                }
                Ok::<_, Error>(())
            }))
            .await
            .expect("queued");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn four_workers_take_everything_once() {
        for database in both_engines().await {
            queue_many(&database, 300).await;
            let workers: Vec<_> = (0..4)
                .map(|_| {
                    let database = database.clone();
                    tokio::spawn(async move {
                        let mut taken = Vec::new();
                        loop {
                            let more = take(&database, NOON).await.expect("taken");
                            if more.is_empty() && next_due(&database).await.expect("read") > Some(NOON) {
                                return taken;
                            }
                            taken.extend(more.into_iter().map(|taken| taken.id));
                        }
                    })
                })
                .collect();
            let mut all = Vec::new();
            for worker in workers {
                all.extend(worker.await.expect("no panic"));
            }
            assert_eq!(all.len(), 300, "{}", database.engine());
            all.sort();
            all.dedup();
            assert_eq!(all.len(), 300, "none twice");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn work_of_a_dead_worker_is_due_again_and_the_late_one_cannot_finish_it() {
        for database in both_engines().await {
            queue_many(&database, 1).await;
            let first = take(&database, NOON).await.expect("taken").remove(0);
            assert!(take(&database, NOON).await.expect("leased").is_empty());
            let later = NOON.plus(LEASE);
            let second = take(&database, later).await.expect("taken again").remove(0);
            assert_eq!((second.id.clone(), second.attempts), (first.id.clone(), 2));
            let finish = |taken: Taken| {
                database.write(transaction!(async move |tx| { done(tx, later, &taken).await }))
            };
            assert!(!finish(first).await.expect("late"));
            assert!(finish(second).await.expect("in time"));
            assert_eq!(count_unfinished(&database).await.expect("read"), (0, 0));
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_can_never_work_waits_for_a_person() {
        for database in both_engines().await {
            queue_many(&database, 1).await;
            let taken = take(&database, NOON).await.expect("taken").remove(0);
            let why = WorkError::Never("the address is refused".to_owned());
            not_done(&database, NOON, Span::seconds(1), &taken, &why).await.expect("recorded");
            let shown = list_needing_attention(&database).await.expect("listed");
            assert_eq!(shown.len(), 1);
            assert_eq!(shown[0].reason, "the address is refused");
            let id = shown[0].id.clone();
            let again = database
                .write(transaction!(async move |tx| { try_again(tx, NOON, &id).await }))
                .await
                .expect("written");
            assert!(again);
            assert_eq!(take(&database, NOON).await.expect("due again").len(), 1);
        }
    }
}
