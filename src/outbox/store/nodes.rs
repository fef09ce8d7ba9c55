//! The nodes that do work: they say that they live, and take over from one that does not any more.

use super::taking::{Back, insist, wait_again};
use crate::clock::{Span, Timestamp};
use crate::database::{Database, Error, Param, Reads, Result, Tx, transaction};
use crate::outbox::{Lane, Movement};

/// How often a node says that it lives and looks after the others.
pub const BEATS_EVERY: Span = Span::seconds(5);
/// After so long without a word a node counts as dead: three beats missed, and clocks that differ by a few
/// seconds. With the next look of another node, its work is taken over within half a minute.
pub const DEAD_AFTER: Span = Span::seconds(20);
/// How long a dead node is remembered, for its lanes' sake.
const REMEMBERED: Span = Span::minutes(10);
/// Work that is put back in one transaction.
const TOGETHER: i64 = 500;

/// Says that a node lives and when each of its lanes last moved. A node says so before it takes work.
pub async fn beat(database: &Database, node: &str, now: Timestamp, movement: &Movement) -> Result<()> {
    let node = node.to_owned();
    let moved = Lane::ALL.map(|lane| (lane.stored(), movement.last(lane)));
    database
        .write(transaction!(async move |tx| {
            tx.run(
                "INSERT INTO outbox_nodes (id, seen_at) VALUES ($1, $2)
                 ON CONFLICT (id) DO UPDATE SET seen_at = $2",
                &[&node, &now],
            )
            .await?;
            let rows: Vec<[&(dyn Param + '_); 3]> = moved
                .iter()
                .map(|(lane, moved_at)| -> [&(dyn Param + '_); 3] { [&node, lane, moved_at] })
                .collect();
            tx.run_rows(
                "INSERT INTO outbox_lanes (node, lane, moved_at)",
                &rows,
                "ON CONFLICT (node, lane) DO UPDATE SET moved_at = excluded.moved_at",
            )
            .await?;
            Ok::<_, Error>(())
        }))
        .await
}

/// Gives back what a node holds and has not finished, as if it had never been taken, and forgets the node:
/// what a program does that is told to stop.
pub async fn leave(database: &Database, node: &str, now: Timestamp) -> Result<u64> {
    let held = node.to_owned();
    let given_back = put_back(database, now, 1, "", move |tx| {
        let held = held.clone();
        Box::pin(async move {
            tx.all(
                "SELECT id, lease, lane FROM outbox WHERE state = 'Taken' AND node = $1 ORDER BY id LIMIT $2",
                &[&held, &TOGETHER],
            )
            .await
        })
    })
    .await?;
    let node = node.to_owned();
    database
        .write::<_, Error, _>(transaction!(async move |tx| {
            tx.run("DELETE FROM outbox_lanes WHERE node = $1", &[&node]).await?;
            tx.run("DELETE FROM outbox_nodes WHERE id = $1", &[&node]).await
        }))
        .await?;
    Ok(given_back)
}

/// Makes work due again whose lease has run out, whoever holds it.
pub(super) async fn release_overdue(database: &Database, now: Timestamp) -> Result<u64> {
    let overdue: Option<(String,)> = database
        .maybe("SELECT id FROM outbox WHERE state = 'Taken' AND lease_ends_at <= $1 LIMIT 1", &[&now])
        .await?;
    if overdue.is_none() {
        return Ok(0);
    }
    put_back(database, now, 0, "its lease ran out", move |tx| {
        Box::pin(async move {
            tx.all(
                "SELECT id, lease, lane FROM outbox WHERE state = 'Taken' AND lease_ends_at <= $1
                  ORDER BY id LIMIT $2",
                &[&now, &TOGETHER],
            )
            .await
        })
    })
    .await
}

/// Takes over from nodes that have died: what they held is due at once. Also makes due what lies beyond its
/// lease, and forgets nodes that died long ago. A node says that it lives before it looks after others: after a
/// pause of the machine it would count itself as dead.
pub async fn take_over(database: &Database, now: Timestamp) -> Result<u64> {
    let mut count = release_overdue(database, now).await?;
    let dead_before = now.minus(DEAD_AFTER);
    let left: Option<(String,)> = database
        .maybe(
            "SELECT id FROM outbox WHERE state = 'Taken' AND node <> ''
                AND node NOT IN (SELECT id FROM outbox_nodes WHERE seen_at > $1) LIMIT 1",
            &[&dead_before],
        )
        .await?;
    if left.is_some() {
        let reason = "the program that did it ended";
        let released = put_back(database, now, 0, reason, move |tx| {
            Box::pin(async move {
                tx.all(
                    "SELECT id, lease, lane FROM outbox WHERE state = 'Taken' AND node <> ''
                        AND node NOT IN (SELECT id FROM outbox_nodes WHERE seen_at > $1)
                      ORDER BY id LIMIT $2",
                    &[&dead_before, &TOGETHER],
                )
                .await
            })
        })
        .await?;
        tracing::warn!(count = released, "work of a node that died was taken over");
        count += released;
    }
    let old: Option<(String,)> = database
        .maybe("SELECT id FROM outbox_nodes WHERE seen_at < $1 LIMIT 1", &[&now.minus(REMEMBERED)])
        .await?;
    if old.is_some() {
        database
            .write::<_, Error, _>(transaction!(async move |tx| {
                let before = now.minus(REMEMBERED);
                tx.run(
                    "DELETE FROM outbox_lanes WHERE node IN (SELECT id FROM outbox_nodes WHERE seen_at < $1)",
                    &[&before],
                )
                .await?;
                tx.run("DELETE FROM outbox_nodes WHERE seen_at < $1", &[&before]).await
            }))
            .await?;
    }
    Ok(count)
}

/// Lets what `which` finds wait again, due now, until it finds nothing.
async fn put_back<F>(
    database: &Database,
    now: Timestamp,
    attempts_less: i64,
    reason: &'static str,
    which: F,
) -> Result<u64>
where
    F: for<'t> Fn(&'t mut Tx) -> crate::database::BoxFuture<'t, Result<Vec<(String, String, String)>>>
        + Clone
        + Send
        + Sync
        + 'static,
{
    let mut count = 0;
    loop {
        let some = insist(|| {
            let which = which.clone();
            database.write::<_, Error, _>(transaction!(async move |tx| {
                let held = which(tx).await?;
                for (id, lease, lane) in &held {
                    let back = Back { id, from_state: "Taken", lease, due_at: now, reason, attempts_less };
                    wait_again(tx, now, &back).await?;
                    if let Some(lane) = Lane::parse(lane) {
                        tx.signal(lane.channel());
                    }
                }
                Ok(held.len())
            }))
        })
        .await?;
        count += u64::try_from(some).unwrap_or(0);
        if some < usize::try_from(TOGETHER).unwrap_or(usize::MAX) {
            return Ok(count);
        }
    }
}
