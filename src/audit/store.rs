//! The trail and its chain in the database.

use super::{Actor, CHAIN_START, Entry, Written, link_hash, text_hash};
use crate::clock::{Span, Timestamp};
use crate::database::{Database, Error, FromRow, Param, Reads, Result, Row, Tx, transaction};
use crate::id::{new_id, new_token};

/// How many entries are put on the chain in one transaction.
const CHAINED_AT_ONCE: i64 = 500;
/// How long an entry may wait to be chained before `carepost check` calls it a breach. The worker
/// chains every half second; a minute allows for a busy or stopped worker.
pub const CHAIN_LIMIT: Span = Span::minutes(1);
/// The lock that one node holds while it lengthens the chain.
const CHAIN_LOCK: i64 = 0x4348_4149;

/// The statement that reads entries with what was written about them.
macro_rules! written {
    ($rest:literal) => {
        concat!(
            "SELECT e.id, e.at, e.actor, e.action, e.subject, e.detail, e.text_hash, x.text \
               FROM audit_entries e LEFT JOIN audit_texts x ON x.entry = e.id ",
            $rest
        )
    };
}
pub(crate) use written;

impl FromRow for Written {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Written {
            id: row.get(0)?,
            at: row.get(1)?,
            actor: row.get(2)?,
            action: row.get(3)?,
            subject: row.get(4)?,
            detail: row.get(5)?,
            text_hash: row.get(6)?,
            text: row.get::<Option<String>>(7)?.unwrap_or_default(),
        })
    }
}

/// Writes an entry in the transaction of its change.
pub async fn add(tx: &mut Tx, at: Timestamp, entry: &Entry) -> Result<()> {
    let id = new_id(at);
    let mut hash = String::new();
    if let Some(text) = &entry.text {
        let key = new_token();
        hash = text_hash(&key, text);
        tx.run("INSERT INTO audit_texts (entry, key, text) VALUES ($1, $2, $3)", &[&id, &key, text]).await?;
    }
    tx.run(
        "INSERT INTO audit_entries (id, at, actor, action, subject, detail, text_hash) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[&id, &at, &entry.actor.stored(), &entry.action, &entry.subject, &entry.detail, &hash],
    )
    .await?;
    tx.run("INSERT INTO audit_waiting (entry) VALUES ($1)", &[&id]).await?;
    Ok(())
}

/// Writes several entries in the transaction of their change, in their order.
pub async fn add_many(tx: &mut Tx, at: Timestamp, entries: &[Entry]) -> Result<()> {
    struct Made {
        id: String,
        actor: String,
        key: String,
        hash: String,
    }
    let made: Vec<Made> = entries
        .iter()
        .map(|entry| {
            let key = new_token();
            let hash = entry.text.as_ref().map_or_else(String::new, |text| text_hash(&key, text));
            Made { id: new_id(at), actor: entry.actor.stored(), key, hash }
        })
        .collect();
    let texts: Vec<[&(dyn Param + '_); 3]> = entries
        .iter()
        .zip(&made)
        .filter_map(|(entry, made)| entry.text.as_ref().map(|text| (made, text)))
        .map(|(made, text)| -> [&(dyn Param + '_); 3] { [&made.id, &made.key, text] })
        .collect();
    if !texts.is_empty() {
        tx.run_rows("INSERT INTO audit_texts (entry, key, text)", &texts, "").await?;
    }
    let rows: Vec<[&(dyn Param + '_); 7]> = entries
        .iter()
        .zip(&made)
        .map(|(entry, made)| -> [&(dyn Param + '_); 7] {
            [&made.id, &at, &made.actor, &entry.action, &entry.subject, &entry.detail, &made.hash]
        })
        .collect();
    tx.run_rows("INSERT INTO audit_entries (id, at, actor, action, subject, detail, text_hash)", &rows, "")
        .await?;
    let waiting: Vec<[&(dyn Param + '_); 1]> =
        made.iter().map(|made| -> [&(dyn Param + '_); 1] { [&made.id] }).collect();
    tx.run_rows("INSERT INTO audit_waiting (entry)", &waiting, "").await?;
    Ok(())
}

/// What happened to one thing, oldest first; at most 500 entries.
pub async fn history(from: &Database, subject: &str) -> Result<Vec<Written>> {
    from.all(written!("WHERE e.subject = $1 ORDER BY e.id LIMIT 500"), &[&subject]).await
}

/// Whether somebody has done this to a thing since a moment. Entries of one thing lie together and
/// in the order of time, so this looks at few.
pub async fn happened_since(
    from: &impl Reads,
    subject: &str,
    actor: &Actor,
    action: &str,
    since: Timestamp,
) -> Result<bool> {
    let found: Option<(String,)> = from
        .maybe(
            "SELECT id FROM audit_entries WHERE subject = $1 AND at > $2 AND actor = $3 AND action = $4
              ORDER BY id DESC LIMIT 1",
            &[&subject, &since, &actor.stored(), &action],
        )
        .await?;
    Ok(found.is_some())
}

/// Whether the newest entry about a thing says that somebody did just this, with the same words: a
/// form that was sent twice.
pub async fn is_repeat(
    from: &impl Reads,
    subject: &str,
    actor: &Actor,
    action: &str,
    detail: &str,
    text: &str,
) -> Result<bool> {
    let newest: Option<Written> =
        from.maybe(written!("WHERE e.subject = $1 ORDER BY e.id DESC LIMIT 1"), &[&subject]).await?;
    Ok(newest.is_some_and(|entry| {
        entry.actor == actor.stored()
            && entry.action == action
            && entry.detail == detail
            && entry.text == text
    }))
}

/// Puts waiting entries on the chain, oldest first; answers how many.
pub async fn lengthen_chain(database: &Database) -> Result<usize> {
    let waiting: Option<(String,)> = database.maybe("SELECT entry FROM audit_waiting LIMIT 1", &[]).await?;
    if waiting.is_none() {
        return Ok(0);
    }
    database
        .write(transaction!(async move |tx| {
            tx.lock(CHAIN_LOCK).await?;
            let last: Option<(i64, String)> = tx
                .maybe("SELECT sequence, hash FROM audit_chain ORDER BY sequence DESC LIMIT 1", &[])
                .await?;
            let (mut sequence, mut hash) = last.unwrap_or((0, CHAIN_START.to_owned()));
            let entries: Vec<Written> = tx
                .all(
                    written!("JOIN audit_waiting w ON e.id = w.entry ORDER BY w.entry LIMIT $1"),
                    &[&CHAINED_AT_ONCE],
                )
                .await?;
            for entry in &entries {
                sequence += 1;
                hash = link_hash(&hash, entry);
                tx.run(
                    "INSERT INTO audit_chain (sequence, entry, hash) VALUES ($1, $2, $3)",
                    &[&sequence, &entry.id, &hash],
                )
                .await?;
                tx.run("DELETE FROM audit_waiting WHERE entry = $1", &[&entry.id]).await?;
            }
            Ok::<_, Error>(entries.len())
        }))
        .await
}

/// What a walk along the whole chain found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainState {
    pub links: i64,
    /// Links whose hash, place or entry is not what it must be.
    pub broken: i64,
    /// Entries that have been neither chained nor waiting, or waiting too long.
    pub unchained: i64,
}

/// Walks the whole chain.
pub async fn verify_chain(database: &Database, now: Timestamp) -> Result<ChainState> {
    use std::sync::{Arc, Mutex};
    let state = Arc::new(Mutex::new((ChainState::default(), CHAIN_START.to_owned(), 0_i64)));
    let walking = Arc::clone(&state);
    database
        .each(
            "SELECT c.sequence, c.hash, e.id, e.at, e.actor, e.action, e.subject, e.detail, e.text_hash, x.key, x.text
               FROM audit_chain c LEFT JOIN audit_entries e ON e.id = c.entry
               LEFT JOIN audit_texts x ON x.entry = c.entry ORDER BY c.sequence",
            move |row| {
                let mut walk = walking.lock().map_err(|_| Error::Misused("a walk panicked".to_owned()))?;
                let (found, before, last) = &mut *walk;
                let (sequence, hash): (i64, String) = (row.get(0)?, row.get(1)?);
                found.links += 1;
                let entry: Option<String> = row.get(2)?;
                let sound = match entry {
                    Some(id) => {
                        let entry = Written {
                            id,
                            at: row.get(3)?,
                            actor: row.get(4)?,
                            action: row.get(5)?,
                            subject: row.get(6)?,
                            detail: row.get(7)?,
                            text_hash: row.get(8)?,
                            text: row.get::<Option<String>>(10)?.unwrap_or_default(),
                        };
                        // A text that has been destroyed proves nothing; one that is there must be the one.
                        let key: Option<String> = row.get(9)?;
                        let is_the_text = key.is_none_or(|key| text_hash(&key, &entry.text) == entry.text_hash);
                        sequence == *last + 1 && is_the_text && link_hash(before, &entry) == hash
                    }
                    None => false,
                };
                if !sound {
                    found.broken += 1;
                }
                *before = hash;
                *last = sequence;
                Ok(())
            },
        )
        .await?;
    let (unchained,): (i64,) = database
        .one(
            "SELECT COUNT(*) FROM audit_entries e
              WHERE NOT EXISTS (SELECT 1 FROM audit_chain c WHERE c.entry = e.id)
                AND (e.at < $1 OR NOT EXISTS (SELECT 1 FROM audit_waiting w WHERE w.entry = e.id))",
            &[&now.minus(CHAIN_LIMIT)],
        )
        .await?;
    let walk = state.lock().map_err(|_| Error::Misused("a walk panicked".to_owned()))?;
    Ok(ChainState { unchained, ..walk.0.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::for_tests::{both_engines, run};

    async fn add_entries(database: &Database, count: usize) {
        database
            .write(transaction!(async move |tx| {
                for number in 0..count {
                    let entry = Entry::new(Actor::Service, "thing done", "subject")
                        .because(number.to_string())
                        .written("Amy asked for it.");
                    add(tx, Timestamp::from_milliseconds(1_000), &entry).await?;
                }
                Ok::<_, Error>(())
            }))
            .await
            .expect("written");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_chain_holds_every_entry_once() {
        for database in both_engines().await {
            add_entries(&database, 700).await;
            assert_eq!(lengthen_chain(&database).await.expect("chained"), 500);
            add_entries(&database, 5).await;
            let (one, two) = tokio::join!(lengthen_chain(&database), lengthen_chain(&database));
            assert_eq!(one.expect("chained") + two.expect("chained"), 205, "{}", database.engine());
            let state =
                verify_chain(&database, Timestamp::from_milliseconds(10_000_000)).await.expect("walked");
            assert_eq!(state, ChainState { links: 705, broken: 0, unchained: 0 });
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_happened_lately_is_found_by_who_did_it() {
        for database in both_engines().await {
            add_entries(&database, 2).await;
            let check = async |actor: Actor, action: &str, since: i64, expect: bool| {
                let since = Timestamp::from_milliseconds(since);
                let found = happened_since(&database, "subject", &actor, action, since).await;
                assert_eq!(found.expect("read"), expect, "{actor:?} {action} since {since:?}");
            };
            check(Actor::Service, "thing done", 999, true).await;
            check(Actor::Service, "thing done", 1_000, false).await;
            check(Actor::Service, "other thing done", 0, false).await;
            check(Actor::Registrant, "thing done", 0, false).await;
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn texts_can_be_destroyed_and_the_chain_still_holds() {
        for database in both_engines().await {
            add_entries(&database, 2).await;
            lengthen_chain(&database).await.expect("chained");
            let before = history(&database, "subject").await.expect("read");
            assert!(before.iter().all(|entry| entry.text == "Amy asked for it."), "{before:?}");
            assert_ne!(before[0].text_hash, before[1].text_hash, "the same text is not known again");
            run(&database, "DELETE FROM audit_texts").await;
            let state =
                verify_chain(&database, Timestamp::from_milliseconds(10_000_000)).await.expect("walked");
            assert_eq!(state, ChainState { links: 2, broken: 0, unchained: 0 });
            let after = history(&database, "subject").await.expect("read");
            assert!(after.iter().all(|entry| entry.text.is_empty() && !entry.text_hash.is_empty()));
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_database_itself_refuses_to_change_an_entry() {
        for database in both_engines().await {
            add_entries(&database, 1).await;
            for sql in ["UPDATE audit_entries SET detail = 'x'", "DELETE FROM audit_entries"] {
                let refused = database.write(transaction!(async move |tx| { tx.run(sql, &[]).await })).await;
                assert!(matches!(refused, Err(Error::Broken(_))), "{}: {refused:?}", database.engine());
            }
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn whoever_gets_past_that_is_found_by_the_walk() {
        let late = Timestamp::from_milliseconds(10_000_000);
        for tamper in [
            "DROP TRIGGER audit_entries_stay; UPDATE audit_entries SET detail = 'other' WHERE detail = '3'",
            "DROP TRIGGER audit_entries_are_kept; DELETE FROM audit_entries WHERE detail = '3'",
            "DROP TRIGGER audit_chain_is_kept; DELETE FROM audit_chain WHERE sequence = 4",
            "DROP TRIGGER audit_chain_is_kept; DELETE FROM audit_chain WHERE sequence = 9",
            "DROP TRIGGER audit_chain_stays; UPDATE audit_chain SET hash = 'x' WHERE sequence = 4",
            "INSERT INTO audit_entries (id, at, actor, action, subject, detail, text_hash) VALUES ('x', 1, 'a', 'b', 'c', 'd', '')",
            "UPDATE audit_texts SET text = 'Bo asked for it.'",
        ] {
            let database = crate::database::for_tests::sqlite().await;
            add_entries(&database, 9).await;
            lengthen_chain(&database).await.expect("chained");
            run(&database, tamper).await;
            let state = verify_chain(&database, late).await.expect("walked");
            assert!(state.broken + state.unchained > 0, "{tamper}: {state:?}");
        }
    }
}
