//! The outbox in the database: what is queued, by whom it is taken, and what becomes of it.

mod attention;
pub mod bulk;
pub mod claims;
mod figures;
pub mod nodes;
mod taking;

use super::{Change, Kind, Lane, QUEUED, Work};
use crate::clock::Timestamp;
use crate::database::{Database, Error, Param, Result, Tx, transaction};
use crate::id::{id_before, new_id};
use crate::letter::Letter;
use std::collections::BTreeSet;
use std::sync::OnceLock;

pub use attention::{
    Blocked, NeedsAttention, Parked, find_needing_attention, give_up, list_blocked, list_needing_attention,
    lock_work, park_unknown, try_again,
};
pub use figures::{Depth, count_unfinished, depths, next_due, stuck_lanes};
pub use taking::{Taken, done, is_held, not_done, take, take_all, take_in};

/// Finished work that is removed in one transaction.
const FORGOTTEN_TOGETHER: i64 = 500;
/// Transactions of one visit that removes finished work: half a million pieces, and then the next visit.
const FORGOTTEN_TIMES_MAX: usize = 1_000;

/// The kinds this program knows, as a text that a statement can look into: `|RunChecks|Decide|…|`. A kind that
/// a newer program has queued is left to it.
fn known_kinds() -> &'static str {
    static KNOWN: OnceLock<String> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.stored()).collect();
        format!("|{}|", kinds.join("|"))
    })
}

/// Saves what goes with a change of state: the entry, the work, the letters. The state itself is
/// saved by the folder it belongs to, in the same transaction.
pub async fn save_with<T: Sync>(tx: &mut Tx, at: Timestamp, change: &Change<T>) -> Result<()> {
    crate::audit::store::add(tx, at, &change.entry).await?;
    for letter in &change.letters {
        write_letter(tx, at, letter).await?;
    }
    queue_many(tx, at, at, &change.work).await
}

/// Writes a letter and the work that sends it.
pub async fn write_letter(tx: &mut Tx, at: Timestamp, letter: &Letter) -> Result<()> {
    crate::letter::store::add(tx, at, letter).await?;
    queue(tx, at, at, &Work::SendLetter { letter: letter.id.clone(), waited_for: letter.waited_for }).await
}

/// Queues work, due at `due_at`; see [`queue_many`].
pub async fn queue(tx: &mut Tx, at: Timestamp, due_at: Timestamp, work: &Work) -> Result<()> {
    queue_many(tx, at, due_at, std::slice::from_ref(work)).await
}

/// Queues work, due at `due_at`. Where equal work waits and is not begun there is no second: it is due at the
/// earlier of both times, in the lane that is not [`Lane::Bulk`]. Equal work that is under way is done once
/// more when it has ended.
pub async fn queue_many(tx: &mut Tx, at: Timestamp, due_at: Timestamp, works: &[Work]) -> Result<()> {
    insert(tx, at, due_at, works, None).await
}

/// Queues work in its own lane, or as a part of a bulk in [`Lane::Bulk`].
async fn insert(
    tx: &mut Tx,
    at: Timestamp,
    due_at: Timestamp,
    works: &[Work],
    bulk: Option<&str>,
) -> Result<()> {
    struct Line<'a> {
        id: String,
        lane: &'static str,
        kind: &'static str,
        key: String,
        text: String,
        subject: &'a str,
    }
    let (mut lines, mut keys) = (Vec::with_capacity(works.len()), BTreeSet::new());
    for work in works {
        let key = work.key();
        // One statement may not meet the same row twice.
        if !keys.insert(key.clone()) {
            continue;
        }
        let lane = if bulk.is_some() { Lane::Bulk } else { work.lane() };
        tx.signal(lane.channel());
        lines.push(Line {
            id: new_id(at),
            lane: lane.stored(),
            kind: work.kind().stored(),
            key,
            text: serde_json::to_string(work).map_err(|error| Error::Broken(error.to_string()))?,
            subject: work.subject(),
        });
    }
    // In one order everywhere, so that two who queue the same never wait for each other.
    lines.sort_by(|one, other| one.key.cmp(&other.key));
    let rows: Vec<[&(dyn Param + '_); 10]> = lines
        .iter()
        .map(|line| -> [&(dyn Param + '_); 10] {
            [
                &line.id,
                &line.lane,
                &line.kind,
                &line.key,
                &line.text,
                &line.subject,
                &"Waiting",
                &at,
                &due_at,
                &bulk,
            ]
        })
        .collect();
    tx.run_rows(
        "INSERT INTO outbox (id, lane, kind, work_key, work, subject, state, queued_at, due_at, bulk)",
        &rows,
        "ON CONFLICT (work_key) WHERE state = 'Waiting' DO UPDATE
            SET due_at = CASE WHEN excluded.due_at < outbox.due_at THEN excluded.due_at ELSE outbox.due_at END,
                lane = CASE WHEN excluded.lane = 'Bulk' THEN outbox.lane ELSE excluded.lane END",
    )
    .await?;
    tx.signal(QUEUED);
    Ok(())
}

/// Removes work that was done before `before`, with its attempts; answers how much. Work that a person
/// gave up is kept: it explains what is missing.
pub async fn forget_before(database: &Database, before: Timestamp) -> Result<u64> {
    let mut forgotten = 0;
    for _ in 0..FORGOTTEN_TIMES_MAX {
        let some = forget_some(database, before).await?;
        forgotten += some;
        if some < FORGOTTEN_TOGETHER.unsigned_abs() {
            break;
        }
    }
    Ok(forgotten)
}

async fn forget_some(database: &Database, before: Timestamp) -> Result<u64> {
    // Identifiers sort by when work was queued, which was before it was done.
    let bound = id_before(before);
    database
        .write(transaction!(async move |tx| {
            let ids: Vec<(String,)> = crate::database::Reads::all(
                tx,
                "SELECT id FROM outbox WHERE id < $1 AND state = 'Done' AND finished_at < $2
                  ORDER BY id LIMIT $3",
                &[&bound, &before, &FORGOTTEN_TOGETHER],
            )
            .await?;
            let Some((last,)) = ids.last() else { return Ok(0) };
            tx.run(
                "DELETE FROM outbox_attempts WHERE work_id IN
                   (SELECT id FROM outbox WHERE id <= $1 AND state = 'Done' AND finished_at < $2)",
                &[last, &before],
            )
            .await?;
            tx.run(
                "DELETE FROM outbox WHERE id <= $1 AND state = 'Done' AND finished_at < $2",
                &[last, &before],
            )
            .await
        }))
        .await
}

#[cfg(test)]
mod tests;
