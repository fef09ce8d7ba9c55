//! The trail in the database. `log` puts its entries into the log and reads its tree, `walk` reads everything
//! there is and says what is not as it was written.

pub mod guards;
pub mod log;
pub mod walk;

use super::{Actor, Entry, Written, text_hash};
use crate::clock::Timestamp;
use crate::database::{Database, FromRow, Param, Reads, Result, Row, Tx};
use crate::id::{new_id, new_token};

/// The statement that reads entries with what was written about them.
macro_rules! written {
    ($($rest:literal),+ $(,)?) => {
        concat!(
            "SELECT e.id, e.at, e.actor, e.action, e.subject, e.detail, e.text_hash, x.text \
               FROM audit_entries e LEFT JOIN audit_texts x ON x.entry = e.id ",
            $($rest),+
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

#[cfg(test)]
mod tests {
    use super::log::extend;
    use super::walk::{Found, walk};
    use super::*;
    use crate::database::for_tests::{both_engines, run};
    use crate::database::{Error, transaction};

    const LATE: Timestamp = Timestamp::from_milliseconds(10_000_000);

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
    async fn the_log_holds_every_entry_once() {
        for database in both_engines().await {
            add_entries(&database, 700).await;
            assert_eq!(extend(&database).await.expect("logged"), 500);
            add_entries(&database, 5).await;
            let (one, two) = tokio::join!(extend(&database), extend(&database));
            assert_eq!(one.expect("logged") + two.expect("logged"), 205, "{}", database.engine());
            let found = walk(&database, LATE, &[500, 705]).await.expect("walked");
            let roots = found.roots.clone();
            assert_eq!(found, Found { entries: 705, roots: found.roots.clone(), ..Found::default() });
            for size in [500, 705] {
                let kept = log::root(&database, size).await.expect("a root");
                assert_eq!(roots.get(&size), Some(&kept), "{size}, as the entries and as the nodes say");
            }
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
    async fn texts_can_be_destroyed_and_the_log_still_holds() {
        for database in both_engines().await {
            add_entries(&database, 2).await;
            extend(&database).await.expect("logged");
            let before = history(&database, "subject").await.expect("read");
            assert!(before.iter().all(|entry| entry.text == "Amy asked for it."), "{before:?}");
            assert_ne!(before[0].text_hash, before[1].text_hash, "the same text is not known again");
            run(&database, "DELETE FROM audit_texts").await;
            let found = walk(&database, LATE, &[]).await.expect("walked");
            assert_eq!(found, Found { entries: 2, ..Found::default() });
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
        for (tamper, expect) in [
            (
                "DROP TRIGGER audit_entries_stay; UPDATE audit_entries SET detail = 'other' WHERE detail = '3'",
                "were changed after they were written",
            ),
            (
                "DROP TRIGGER audit_entries_are_kept; DELETE FROM audit_entries WHERE detail = '3'",
                "in the log and no longer there",
            ),
            ("DROP TRIGGER audit_log_is_kept; DELETE FROM audit_log WHERE place = 3", "that are missing"),
            (
                "DROP TRIGGER audit_log_is_kept; DELETE FROM audit_log WHERE place = 8",
                "that are not in the log",
            ),
            (
                "DROP TRIGGER audit_log_stays; UPDATE audit_log SET hashes = 'x' WHERE place = 3",
                "are not those of the log",
            ),
            (
                "DROP TRIGGER audit_log_stays; UPDATE audit_log SET hashes = SUBSTR(hashes, 1, 64) WHERE place = 3",
                "are not those of the log",
            ),
            (
                "INSERT INTO audit_entries (id, at, actor, action, subject, detail, text_hash) VALUES ('x', 1, 'a', 'b', 'c', 'd', '')",
                "that are not in the log",
            ),
            ("UPDATE audit_texts SET text = 'Bo asked for it.'", "texts of audit entries that were changed"),
        ] {
            let database = crate::database::for_tests::sqlite().await;
            add_entries(&database, 9).await;
            extend(&database).await.expect("logged");
            run(&database, tamper).await;
            let found = walk(&database, LATE, &[]).await.expect("walked");
            let named: Vec<_> = found.in_words().into_iter().filter(|(_, count)| *count > 0).collect();
            assert!(named.iter().any(|(words, _)| words.contains(expect)), "{tamper}: {named:?}");
            let guards = guards::missing(&database).await.expect("read");
            assert_eq!(guards, i64::from(tamper.starts_with("DROP TRIGGER")), "{tamper}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn guards_that_are_off_or_changed_are_missing() {
        let sqlite = crate::database::for_tests::sqlite().await;
        assert_eq!(guards::missing(&sqlite).await.expect("read"), 0);
        run(
            &sqlite,
            "DROP TRIGGER audit_log_stays; CREATE TRIGGER audit_log_stays BEFORE UPDATE ON audit_log BEGIN SELECT 1; END",
        )
        .await;
        assert_eq!(guards::missing(&sqlite).await.expect("read"), 1);
        for tamper in [
            "ALTER TABLE audit_entries DISABLE TRIGGER audit_entries_are_kept",
            "DROP TRIGGER audit_log_is_kept ON audit_log",
        ] {
            let Some(postgres) = crate::database::for_tests::postgres().await else { return };
            assert_eq!(guards::missing(&postgres).await.expect("read"), 0);
            run(&postgres, tamper).await;
            assert_eq!(guards::missing(&postgres).await.expect("read"), 1, "{tamper}");
        }
    }
}
