//! Work by the hundred or the hundred thousand: queued in chunks, done in a lane of its own, and counted where
//! a page can show how far it is.

use super::insert;
use crate::clock::Timestamp;
use crate::database::{Database, Error, FromRow, Reads, Result, Row, Tx, transaction};
use crate::id::new_id;
use crate::outbox::Work;

/// How much is queued in one transaction: enough that a third of a million take minutes, little enough that
/// nobody waits for one of them.
pub const CHUNK: usize = 500;
/// How many bulks are shown.
const SHOWN_MAX: i64 = 50;

/// How far a bulk is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub id: String,
    /// Which bulk it is, like "mailboxes set up again".
    pub name: String,
    /// The identifier of what it belongs to: a comparison, an uploaded file.
    pub subject: String,
    pub total: i64,
    pub done: i64,
    /// What needs a person, or was given up.
    pub failed: i64,
    pub started_at: Timestamp,
    /// When the last of it was queued; absent while more may come.
    pub queued_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    /// In words; empty until it is finished.
    pub result: String,
}

impl FromRow for Progress {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Progress {
            id: row.get(0)?,
            name: row.get(1)?,
            subject: row.get(2)?,
            total: row.get(3)?,
            done: row.get(4)?,
            failed: row.get(5)?,
            started_at: row.get(6)?,
            queued_at: row.get(7)?,
            finished_at: row.get(8)?,
            result: row.get(9)?,
        })
    }
}

/// Begins a bulk; answers its identifier. An earlier one of the same name that was never queued to its end
/// (the program stopped) gets no more work from now on.
pub async fn begin(tx: &mut Tx, now: Timestamp, name: &str, subject: &str) -> Result<String> {
    tx.run("UPDATE bulk_progress SET queued_at = $1 WHERE name = $2 AND queued_at IS NULL", &[&now, &name])
        .await?;
    let id = new_id(now);
    tx.run(
        "INSERT INTO bulk_progress (id, name, subject, started_at) VALUES ($1, $2, $3, $4)",
        &[&id, &name, &subject, &now],
    )
    .await?;
    Ok(id)
}

/// Queues a part of a bulk, at most [`CHUNK`] pieces a transaction, in [`crate::outbox::Lane::Bulk`]. Work that
/// waits already stays what it is and is not counted here.
pub async fn queue(tx: &mut Tx, now: Timestamp, id: &str, works: &[Work]) -> Result<()> {
    insert(tx, now, now, works, Some(id)).await
}

/// Says that everything of a bulk has been queued: it is finished when the last of it is.
pub async fn all_queued(tx: &mut Tx, now: Timestamp, id: &str) -> Result<()> {
    tx.run("UPDATE bulk_progress SET queued_at = $1 WHERE id = $2 AND queued_at IS NULL", &[&now, &id])
        .await?;
    Ok(())
}

/// Counts on a bulk that is done by one piece of work in steps of its own. `more` is what has turned out to be
/// to do, `done` and `failed` what has become of it.
pub async fn advance(tx: &mut Tx, id: &str, more: i64, done: i64, failed: i64) -> Result<()> {
    tx.run(
        "UPDATE bulk_progress SET total = total + $1, done = done + $2, failed = failed + $3
          WHERE id = $4 AND finished_at IS NULL",
        &[&more, &done, &failed, &id],
    )
    .await?;
    Ok(())
}

/// Ends a bulk with a result in words; once.
pub async fn finish(tx: &mut Tx, now: Timestamp, id: &str, result: &str) -> Result<()> {
    tx.run(
        "UPDATE bulk_progress SET finished_at = $1, result = $2 WHERE id = $3 AND finished_at IS NULL",
        &[&now, &result, &id],
    )
    .await?;
    Ok(())
}

/// Counts how far every bulk of queued work is, and finishes those of which nothing is left.
pub async fn count_up(database: &Database, now: Timestamp) -> Result<()> {
    let open: Vec<Progress> = database
        .all(
            "SELECT id, name, subject, total, done, failed, started_at, queued_at, finished_at, result
               FROM bulk_progress WHERE finished_at IS NULL ORDER BY id LIMIT $1",
            &[&SHOWN_MAX],
        )
        .await?;
    for bulk in open {
        let counts: Vec<(String, i64)> = database
            .all("SELECT state, COUNT(*) FROM outbox WHERE bulk = $1 GROUP BY state", &[&bulk.id])
            .await?;
        let of = |states: &[&str]| -> i64 {
            counts.iter().filter(|(state, _)| states.contains(&state.as_str())).map(|(_, count)| count).sum()
        };
        let (done, failed) = (of(&["Done"]), of(&["NeedsAttention", "GivenUp"]));
        let left = of(&["Waiting", "Taken"]);
        let is_over = bulk.queued_at.is_some() && left == 0;
        if counts.is_empty() && !is_over {
            continue;
        }
        let counted = if counts.is_empty() {
            (bulk.total, bulk.done, bulk.failed)
        } else {
            (done + failed + left, done, failed)
        };
        let is_news = counted != (bulk.total, bulk.done, bulk.failed);
        if !is_over && !is_news {
            continue;
        }
        database
            .write::<_, Error, _>(transaction!(async move |tx| {
                let (total, done, failed) = counted;
                tx.run(
                    "UPDATE bulk_progress SET total = $1, done = $2, failed = $3
                      WHERE id = $4 AND finished_at IS NULL",
                    &[&total, &done, &failed, &bulk.id],
                )
                .await?;
                if is_over {
                    let result = match (total - done - failed, failed) {
                        (0, 0) => "all done".to_owned(),
                        (0, failed) => format!("{failed} could not be done"),
                        (_, _) => "it was interrupted".to_owned(),
                    };
                    finish(tx, now, &bulk.id, &result).await?;
                }
                Ok(())
            }))
            .await?;
    }
    Ok(())
}

/// The newest bulks, at most 50.
pub async fn list(from: &impl Reads) -> Result<Vec<Progress>> {
    from.all(
        "SELECT id, name, subject, total, done, failed, started_at, queued_at, finished_at, result
           FROM bulk_progress ORDER BY id DESC LIMIT $1",
        &[&SHOWN_MAX],
    )
    .await
}

/// The newest bulk of a name.
pub async fn newest(from: &impl Reads, name: &str) -> Result<Option<Progress>> {
    from.maybe(
        "SELECT id, name, subject, total, done, failed, started_at, queued_at, finished_at, result
           FROM bulk_progress WHERE name = $1 ORDER BY id DESC LIMIT 1",
        &[&name],
    )
    .await
}
