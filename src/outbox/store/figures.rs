//! How much waits, and for how long.

use super::known_kinds;
use crate::clock::Timestamp;
use crate::database::{Database, Reads, Result};
use crate::outbox::{Lane, STUCK_AFTER};

/// How much waits (now or later) or is under way, and how much needs a person.
pub async fn count_unfinished(from: &Database) -> Result<(i64, i64)> {
    // Each state has an index of its own; together they would have none.
    let (waiting,): (i64,) = from
        .one(
            "SELECT (SELECT COUNT(*) FROM outbox WHERE state = 'Waiting')
                  + (SELECT COUNT(*) FROM outbox WHERE state = 'Taken')",
            &[],
        )
        .await?;
    let (attention,): (i64,) =
        from.one("SELECT COUNT(*) FROM outbox WHERE state = 'NeedsAttention'", &[]).await?;
    Ok((waiting, attention))
}

/// When the next piece of work is due, if any waits.
pub async fn next_due(from: &Database) -> Result<Option<Timestamp>> {
    let (due,): (Option<Timestamp>,) =
        from.one("SELECT MIN(due_at) FROM outbox WHERE state = 'Waiting'", &[]).await?;
    Ok(due)
}

/// What stands in a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    pub lane: Lane,
    /// Pieces that are due and not begun.
    pub due: i64,
    /// Since when the oldest of them has been due.
    pub oldest_due_at: Option<Timestamp>,
    /// Pieces under way, on all nodes.
    pub taken: i64,
}

/// What stands in each lane, the urgent ones first.
pub async fn depths(from: &Database, now: Timestamp) -> Result<Vec<Depth>> {
    let mut depths = Vec::with_capacity(Lane::ALL.len());
    for lane in Lane::ALL {
        let (due, oldest_due_at, taken): (i64, Option<Timestamp>, i64) = from
            .one(
                "SELECT COUNT(*), MIN(due_at),
                        (SELECT COUNT(*) FROM outbox WHERE state = 'Taken' AND lane = $1)
                   FROM outbox WHERE state = 'Waiting' AND lane = $1 AND due_at <= $2",
                &[&lane.stored(), &now],
            )
            .await?;
        depths.push(Depth { lane, due, oldest_due_at, taken });
    }
    Ok(depths)
}

/// Lanes with work that has been due for longer than [`STUCK_AFTER`] in which no node has taken a piece or been
/// done with one for as long. What waits for equal work that is under way does not count.
pub async fn stuck_lanes(from: &Database, now: Timestamp) -> Result<Vec<Lane>> {
    let before = now.minus(STUCK_AFTER);
    let mut stuck = Vec::new();
    for lane in Lane::ALL {
        let waits: Option<(String,)> = from
            .maybe(
                "SELECT o.id FROM outbox o
                  WHERE o.state = 'Waiting' AND o.lane = $1 AND o.due_at <= $2
                    AND $3 LIKE '%|' || o.kind || '|%'
                    AND NOT EXISTS (SELECT 1 FROM outbox t WHERE t.work_key = o.work_key AND t.state = 'Taken')
                  ORDER BY o.due_at, o.id LIMIT 1",
                &[&lane.stored(), &before, &known_kinds()],
            )
            .await?;
        if waits.is_none() {
            continue;
        }
        let (moved_at,): (Option<Timestamp>,) =
            from.one("SELECT MAX(moved_at) FROM outbox_lanes WHERE lane = $1", &[&lane.stored()]).await?;
        if moved_at.is_none_or(|at| at <= before) {
            stuck.push(lane);
        }
    }
    Ok(stuck)
}
