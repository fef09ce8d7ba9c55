//! Taking work, and saying what became of it.

use super::known_kinds;
use crate::clock::{Span, Timestamp};
use crate::database::{Database, Error, Reads, Result, Tx, transaction};
use crate::id::new_id;
use crate::outbox::{Lane, Work, WorkError, next_try};

/// How much of each lane one visit of [`take_all`] takes.
const TAKEN_AT_ONCE: usize = 64;
/// How often it is tried to put work back, when equal work is queued at the same moment.
const TRIES_MAX: usize = 3;

/// A piece of work as taken: it is ours until its lease ends or is given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub id: String,
    pub work: Work,
    pub lane: Lane,
    /// Which attempt this is, counted from 1.
    pub attempts: i64,
    /// Names this taking: whoever holds another has been overtaken.
    pub lease: String,
}

/// Takes work of one lane that is due, oldest first, for a node; at most `at_most` pieces. What cannot be read
/// is parked for a person and never comes back from here.
pub async fn take_in(
    database: &Database,
    node: &str,
    lane: Lane,
    now: Timestamp,
    at_most: usize,
) -> Result<Vec<Taken>> {
    // A read costs next to nothing and does not stand in the writer's queue.
    let due: Option<(String,)> = database
        .maybe(
            "SELECT o.id FROM outbox o
              WHERE o.state = 'Waiting' AND o.lane = $1 AND o.due_at <= $2 AND $3 LIKE '%|' || o.kind || '|%'
                AND NOT EXISTS (SELECT 1 FROM outbox t WHERE t.work_key = o.work_key AND t.state = 'Taken')
              ORDER BY o.due_at, o.id LIMIT 1",
            &[&lane.stored(), &now, &known_kinds()],
        )
        .await?;
    if due.is_none() {
        return Ok(Vec::new());
    }
    let (node, lease, lease_ends_at) = (node.to_owned(), new_id(now), now.plus(lane.lease()));
    let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
    database
        .write(transaction!(async move |tx| {
            // Equal work that is under way is waited for: two would tell the same thing outside at once.
            let mut rows: Vec<(String, String, i64, Timestamp)> = tx
                .all_skipping_locked(
                    "WITH due AS MATERIALIZED (
                       SELECT o.id FROM outbox o
                        WHERE o.state = 'Waiting' AND o.lane = $1 AND o.due_at <= $2
                          AND $3 LIKE '%|' || o.kind || '|%'
                          AND NOT EXISTS
                              (SELECT 1 FROM outbox t WHERE t.work_key = o.work_key AND t.state = 'Taken')
                        ORDER BY o.due_at, o.id LIMIT $4 FOR UPDATE SKIP LOCKED)
                     UPDATE outbox
                        SET state = 'Taken', node = $5, lease = $6, lease_ends_at = $7, attempts = attempts + 1
                      WHERE id IN (SELECT id FROM due)
                  RETURNING id, work, attempts, due_at",
                    &[&lane.stored(), &now, &known_kinds(), &at_most, &node, &lease, &lease_ends_at],
                )
                .await?;
            rows.sort_by(|one, other| (one.3, &one.0).cmp(&(other.3, &other.0)));
            let mut taken = Vec::with_capacity(rows.len());
            for (id, text, attempts, _) in rows {
                match serde_json::from_str(&text) {
                    Ok(work) => taken.push(Taken { id, work, lane, attempts, lease: lease.clone() }),
                    Err(error) => {
                        let reason = format!("It cannot be read: {error}");
                        tracing::error!(work = %id, %reason, "work was parked");
                        park(tx, &id, &lease, &reason).await?;
                    }
                }
            }
            Ok(taken)
        }))
        .await
}

/// Takes what is due in every lane, the urgent ones first, and whatever was left lying: for whoever does all
/// work at once, as commands and tests do.
pub async fn take_all(database: &Database, node: &str, now: Timestamp) -> Result<Vec<Taken>> {
    super::nodes::release_overdue(database, now).await?;
    let mut taken = Vec::new();
    for lane in Lane::ALL {
        taken.extend(take_in(database, node, lane, now, TAKEN_AT_ONCE).await?);
    }
    Ok(taken)
}

/// [`take_all`] for nobody: whoever takes so looks after the work until its lease ends.
pub async fn take(database: &Database, now: Timestamp) -> Result<Vec<Taken>> {
    take_all(database, "", now).await
}

async fn park(tx: &mut Tx, id: &str, lease: &str, reason: &str) -> Result<()> {
    tx.run(
        "UPDATE outbox SET state = 'NeedsAttention', reason = $1, node = '', lease = '', lease_ends_at = NULL
          WHERE id = $2 AND lease = $3 AND state = 'Taken'",
        &[&reason, &id, &lease],
    )
    .await?;
    Ok(())
}

/// Marks work done inside a transaction of the work's own; a worker whose lease ran out and was
/// overtaken changes nothing.
pub async fn done(tx: &mut Tx, now: Timestamp, taken: &Taken) -> Result<bool> {
    let count = tx
        .run(
            "UPDATE outbox SET state = 'Done', finished_at = $1, reason = '', lease_ends_at = NULL
              WHERE id = $2 AND lease = $3 AND state = 'Taken'",
            &[&now, &taken.id, &taken.lease],
        )
        .await?;
    Ok(count == 1)
}

/// Whether a taken piece of work is still to be finished by whoever took it.
pub async fn is_held(from: &Database, taken: &Taken) -> Result<bool> {
    let held: Option<(i64,)> = from
        .maybe(
            "SELECT attempts FROM outbox WHERE id = $1 AND lease = $2 AND state = 'Taken'",
            &[&taken.id, &taken.lease],
        )
        .await?;
    Ok(held.is_some())
}

/// Lets work wait again until `due_at`. Where equal work was queued while this was under way, that one stands
/// for both, and this is finished.
pub(super) async fn wait_again(tx: &mut Tx, now: Timestamp, back: &Back<'_>) -> Result<()> {
    let waits = tx
        .run(
            "UPDATE outbox
                SET state = 'Waiting', due_at = $1, reason = $2, attempts = attempts - $3,
                    node = '', lease = '', lease_ends_at = NULL
              WHERE id = $4 AND state = $5 AND ($6 = '' OR lease = $6)
                AND NOT EXISTS
                    (SELECT 1 FROM outbox w WHERE w.work_key = outbox.work_key AND w.state = 'Waiting')",
            &[&back.due_at, &back.reason, &back.attempts_less, &back.id, &back.from_state, &back.lease],
        )
        .await?;
    if waits == 0 {
        tx.run(
            "UPDATE outbox
                SET state = 'Done', finished_at = $1, reason = 'equal work was queued meanwhile', lease_ends_at = NULL
              WHERE id = $2 AND state = $3 AND ($4 = '' OR lease = $4)",
            &[&now, &back.id, &back.from_state, &back.lease],
        )
        .await?;
    }
    Ok(())
}

/// How work comes to wait again.
pub(super) struct Back<'a> {
    pub(super) id: &'a str,
    /// Its state before.
    pub(super) from_state: &'static str,
    /// By which taking it is held; empty where that does not matter.
    pub(super) lease: &'a str,
    pub(super) due_at: Timestamp,
    pub(super) reason: &'a str,
    /// How many attempts are taken back.
    pub(super) attempts_less: i64,
}

/// Writes again where equal work was queued by another node between two statements, which only the index
/// notices.
pub(super) async fn insist<T, F>(write: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let mut tried = 1;
    loop {
        match write().await {
            Err(Error::Broken(_)) if tried < TRIES_MAX => tried += 1,
            answered => return answered,
        }
    }
}

/// The outcome of an attempt that something outside stood in the way of.
pub(super) const BLOCKED: &str = "Blocked";

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
        WorkError::Blocked(reason) => {
            (BLOCKED, reason.clone(), Some(crate::outbox::next_try_blocked(taken.attempts)))
        }
    };
    insist(|| {
        let (taken, reason) = (taken.clone(), reason.clone());
        database.write(transaction!(async move |tx| {
            if !holds(tx, &taken).await? {
                return Ok(());
            }
            tx.run(
                "INSERT INTO outbox_attempts (work_id, attempt, ended_at, took_ms, outcome, reason)
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
                &[&taken.id, &taken.attempts, &now, &took.as_milliseconds(), &outcome, &reason],
            )
            .await?;
            match next {
                Some(span) => {
                    let back = Back {
                        id: &taken.id,
                        from_state: "Taken",
                        lease: &taken.lease,
                        due_at: now.plus(span),
                        reason: &reason,
                        attempts_less: 0,
                    };
                    wait_again(tx, now, &back).await
                }
                None => park(tx, &taken.id, &taken.lease, &reason).await,
            }
        }))
    })
    .await
}

async fn holds(tx: &Tx, taken: &Taken) -> Result<bool> {
    let held: Option<(i64,)> = tx
        .maybe(
            "SELECT attempts FROM outbox WHERE id = $1 AND lease = $2 AND state = 'Taken'",
            &[&taken.id, &taken.lease],
        )
        .await?;
    Ok(held.is_some())
}
