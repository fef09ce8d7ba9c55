//! Work that a person must look at.

use super::known_kinds;
use super::taking::{BLOCKED, Back, wait_again};
use crate::clock::{Span, Timestamp};
use crate::database::{Database, FromRow, Reads, Result, Row, Tx, transaction};
use crate::outbox::{About, Kind, Lane, Work};

/// How many lines the page of work that needs attention shows.
const SHOWN_MAX: i64 = 100;
/// How long work of a kind that this program does not know is left to newer nodes.
const LEFT_TO_NEWER: Span = Span::minutes(10);
/// How much of one lane is looked through for such work: it stays at the head, where what is known leaves.
const LOOKED_THROUGH: i64 = 100;

/// Work as it is kept, which may be more than this program can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parked {
    Work(Work),
    /// A kind this program does not know, or a text that says nothing; its kind and subject as stored.
    Unreadable {
        kind: String,
        subject: String,
    },
}

impl Parked {
    pub fn subject(&self) -> &str {
        match self {
            Parked::Work(work) => work.subject(),
            Parked::Unreadable { subject, .. } => subject,
        }
    }

    /// Whether a registration would wait for ever without it.
    pub fn is_about_registration(&self) -> bool {
        match self {
            Parked::Work(work) => matches!(work.about(), About::Registration(_)),
            Parked::Unreadable { kind, .. } => {
                matches!(Kind::parse(kind), Some(Kind::RunChecks | Kind::Decide))
            }
        }
    }

    pub fn in_words(&self) -> String {
        match self {
            Parked::Work(work) => work.in_words().to_owned(),
            Parked::Unreadable { kind, .. } => match Kind::parse(kind) {
                Some(known) => known.facts().words.to_owned(),
                None => format!("Work that this version does not know: {kind}"),
            },
        }
    }
}

/// A line of the page of work that needs attention.
#[derive(Clone, Debug)]
pub struct NeedsAttention {
    pub id: String,
    pub work: Parked,
    pub attempts: i64,
    pub queued_at: Timestamp,
    pub reason: String,
}

impl FromRow for NeedsAttention {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let text: String = row.get(1)?;
        let work = match serde_json::from_str(&text) {
            Ok(work) => Parked::Work(work),
            Err(_) => Parked::Unreadable { kind: row.get(5)?, subject: row.get(6)? },
        };
        Ok(NeedsAttention {
            id: row.get(0)?,
            work,
            attempts: row.get(2)?,
            queued_at: row.get(3)?,
            reason: row.get(4)?,
        })
    }
}

/// What stands in the way of all work of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    pub kind: Kind,
    /// How many pieces wait for it.
    pub waiting: i64,
    /// Since when the oldest of them waits.
    pub since: Timestamp,
    /// What was answered, in one of the newest attempts.
    pub reason: String,
}

/// Kinds of work whose last attempt found that something outside is out of order, each once, however many
/// pieces wait for it.
pub async fn list_blocked(from: &impl Reads) -> Result<Vec<Blocked>> {
    let rows: Vec<(String, i64, Timestamp, String)> = from
        .all(
            "SELECT o.kind, COUNT(DISTINCT o.id), MIN(o.queued_at), MAX(a.reason)
               FROM outbox o JOIN outbox_attempts a ON a.work_id = o.id AND a.attempt = o.attempts
              WHERE o.state = 'Waiting' AND o.attempts > 0 AND a.outcome = $1
              GROUP BY o.kind ORDER BY o.kind",
            &[&BLOCKED],
        )
        .await?;
    let known = |(kind, waiting, since, reason): (String, i64, Timestamp, String)| {
        Some(Blocked { kind: Kind::parse(&kind)?, waiting, since, reason })
    };
    Ok(rows.into_iter().filter_map(known).collect())
}

/// Work that a person must look at, oldest first, at most 100.
pub async fn list_needing_attention(from: &impl Reads) -> Result<Vec<NeedsAttention>> {
    from.all(
        "SELECT id, work, attempts, queued_at, reason, kind, subject FROM outbox WHERE state = 'NeedsAttention'
          ORDER BY queued_at, id LIMIT $1",
        &[&SHOWN_MAX],
    )
    .await
}

/// One piece of work, if it still needs a person.
pub async fn find_needing_attention(from: &impl Reads, id: &str) -> Result<Option<NeedsAttention>> {
    from.maybe(
        "SELECT id, work, attempts, queued_at, reason, kind, subject FROM outbox
          WHERE id = $1 AND state = 'NeedsAttention'",
        &[&id],
    )
    .await
}

/// Makes whoever else sees to a piece of work wait until this transaction ends; answers what it is about.
pub async fn lock_work(tx: &mut Tx, id: &str) -> Result<Option<String>> {
    // A row that is written is locked on both engines until the transaction ends.
    tx.run("UPDATE outbox SET reason = reason WHERE id = $1", &[&id]).await?;
    let found: Option<(String,)> = tx.maybe("SELECT subject FROM outbox WHERE id = $1", &[&id]).await?;
    Ok(found.map(|(subject,)| subject))
}

/// Makes work due again, with all its tries before it. False when somebody was faster.
pub async fn try_again(tx: &mut Tx, now: Timestamp, id: &str) -> Result<bool> {
    let parked: Option<(i64, String)> = tx
        .maybe("SELECT attempts, lane FROM outbox WHERE id = $1 AND state = 'NeedsAttention'", &[&id])
        .await?;
    let Some((attempts, lane)) = parked else { return Ok(false) };
    let back = Back {
        id,
        from_state: "NeedsAttention",
        lease: "",
        due_at: now,
        reason: "",
        attempts_less: attempts,
    };
    wait_again(tx, now, &back).await?;
    if let Some(lane) = Lane::parse(&lane) {
        tx.signal(lane.channel());
    }
    Ok(true)
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

/// Parks work that no node has taken although it has been due for a while, because none knows its kind or its
/// lane: left by a newer program that is gone. *Try again* leaves it for as long once more.
pub async fn park_unknown(database: &Database, now: Timestamp) -> Result<usize> {
    let before = now.minus(LEFT_TO_NEWER);
    let mut unknown: Vec<(String,)> = Vec::new();
    for lane in Lane::ALL {
        // Among the oldest alone: what is known leaves from there.
        unknown.extend(
            database
                .all::<(String,)>(
                    "SELECT id FROM (SELECT id, kind FROM outbox
                                      WHERE state = 'Waiting' AND lane = $1 AND due_at <= $2
                                      ORDER BY due_at, id LIMIT $3) AS oldest
                      WHERE NOT ($4 LIKE '%|' || kind || '|%')",
                    &[&lane.stored(), &before, &LOOKED_THROUGH, &known_kinds()],
                )
                .await?,
        );
    }
    unknown.extend(
        database
            .all::<(String,)>(
                "SELECT id FROM outbox WHERE state = 'Waiting' AND due_at <= $1
                    AND lane NOT IN ('LettersWithCodes', 'Letters', 'Checks', 'Mailboxes', 'Upkeep', 'Bulk')
                  LIMIT $2",
                &[&before, &LOOKED_THROUGH],
            )
            .await?,
    );
    if unknown.is_empty() {
        return Ok(0);
    }
    let count = unknown.len();
    tracing::error!(count, "work that this version does not know was parked");
    database
        .write::<_, crate::database::Error, _>(transaction!(async move |tx| {
            for (id,) in &unknown {
                tx.run(
                    "UPDATE outbox SET state = 'NeedsAttention',
                            reason = 'No program that runs here knows this work. A newer version has queued it: run that version, then try again.'
                      WHERE id = $1 AND state = 'Waiting' AND due_at <= $2",
                    &[id, &before],
                )
                .await?;
            }
            Ok(())
        }))
        .await?;
    Ok(count)
}
