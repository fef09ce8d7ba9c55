//! The service status in the database.

use super::{
    Announcement, AnnouncementKind, AnnouncementText, Board, Component, HISTORY, Health, Said, Source,
};
use crate::clock::{Span, Timestamp};
use crate::database::page::{Key, Page, Seek};
use crate::database::{Database, Error, FromRow, Reads, Result, Row, Tx};
use crate::id::Once;
use crate::outbox::{self, Change};

/// Announcements that are looked at: those of a quarter, and more than a bad one has.
const ANNOUNCEMENTS_MAX: i64 = 100;
/// Changes of components on one page.
const CHANGES_PAGE: usize = 50;

impl FromRow for Said {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let broken = |what: String| Error::Broken(format!("the service status names {what}"));
        let (component, source, health): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Said {
            component: Component::parse(&component).ok_or_else(|| broken(component))?,
            source: Source::parse(&source).ok_or_else(|| broken(source))?,
            health: Health::parse(&health).ok_or_else(|| broken(health))?,
            words: row.get(3)?,
            since: row.get(4)?,
        })
    }
}

impl FromRow for Announcement {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let kind: String = row.get(2)?;
        let component: String = row.get(3)?;
        Ok(Announcement {
            id: row.get(0)?,
            version: row.get(1)?,
            told: AnnouncementText {
                kind: AnnouncementKind::parse(&kind)
                    .ok_or_else(|| Error::Broken(format!("an announcement of the kind {kind}")))?,
                component: Component::parse(&component),
                title: row.get(4)?,
                words: row.get(5)?,
                on_every_page: row.get(6)?,
                starts_at: row.get(7)?,
                ends_at: row.get(8)?,
            },
            made_at: row.get(9)?,
            changed_at: row.get(10)?,
        })
    }
}

macro_rules! announcements {
    ($rest:literal) => {
        concat!(
            "SELECT id, version, kind, component, title, words, on_every_page, starts_at, ends_at, made_at, changed_at
               FROM announcements ",
            $rest
        )
    };
}

/// What is known of the service: every component, and what was announced and is not long over.
pub async fn board(from: &Database, now: Timestamp) -> Result<Board> {
    let said: Vec<Said> = from
        .all("SELECT component, source, health, words, since FROM status_components LIMIT 100", &[])
        .await?;
    let announcements: Vec<Announcement> = from
        .all(
            announcements!("WHERE ends_at IS NULL OR ends_at > $1 ORDER BY starts_at DESC, id DESC LIMIT $2"),
            &[&now.minus(HISTORY), &ANNOUNCEMENTS_MAX],
        )
        .await?;
    Ok(Board::of(&said, announcements, now))
}

/// What one source says of a component.
pub async fn said(from: &impl Reads, component: Component, source: Source) -> Result<Said> {
    let said: Option<Said> = from
        .maybe(
            "SELECT component, source, health, words, since FROM status_components
              WHERE component = $1 AND source = $2",
            &[&component.stored(), &source.stored()],
        )
        .await?;
    Ok(said.unwrap_or_else(|| Said::nothing(component, source)))
}

/// A change of a component with its identifier.
struct Changed(String, Said);

impl FromRow for Changed {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Changed(row.get(5)?, Said::from_row(row)?))
    }
}

/// The changes since a moment, from one of them in one direction.
macro_rules! changes_from {
    ($compares:literal, $order:literal) => {
        concat!(
            "SELECT component, source, health, words, at, id FROM status_changes WHERE at > $1 AND (at, id) ",
            $compares,
            " ($2, $3) ORDER BY at ",
            $order,
            ", id ",
            $order,
            " LIMIT $4"
        )
    };
}
/// A page of how the components were, the newest first, each with the identifier of the change.
pub async fn changes(
    from: &Database,
    now: Timestamp,
    seek: &Seek<Timestamp>,
) -> Result<Page<(String, Said), Timestamp>> {
    let since = now.minus(HISTORY);
    let beginning = Key::new(Timestamp::from_milliseconds(i64::MAX), "");
    let (sql, key) = match seek {
        Seek::First => (changes_from!("<", "DESC"), &beginning),
        Seek::After(key) => (changes_from!("<", "DESC"), key),
        Seek::Before(key) => (changes_from!(">", "ASC"), key),
    };
    let limit = i64::try_from(CHANGES_PAGE + 1).unwrap_or(i64::MAX);
    let rows: Vec<Changed> = from.all(sql, &[&since, &key.first, &key.id, &limit]).await?;
    let page = Page::of(seek, CHANGES_PAGE, rows, |Changed(id, said)| Key::new(said.since, id));
    Ok(Page {
        rows: page.rows.into_iter().map(|Changed(id, said)| (id, said)).collect(),
        previous: page.previous,
        next: page.next,
    })
}

/// Saves what is said of a component, with its history and entry, where what was said before is as it
/// was seen (by when that was); false where somebody else said something since.
pub async fn say(tx: &mut Tx, now: Timestamp, change: &Change<Said>, seen: Timestamp) -> Result<bool> {
    let said = &change.state;
    if self::said(tx, said.component, said.source).await?.since != seen {
        return Ok(false);
    }
    // Two at the same moment have seen the same: the statement decides which of them was the second.
    let saved = tx
        .run(
            "INSERT INTO status_components (component, source, health, words, since) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (component, source) DO UPDATE SET health = $3, words = $4, since = $5
              WHERE status_components.since = $6",
            &[
                &said.component.stored(),
                &said.source.stored(),
                &said.health.stored(),
                &said.words,
                &said.since,
                &seen,
            ],
        )
        .await?;
    if saved == 0 {
        return Ok(false);
    }
    tx.run(
        "INSERT INTO status_changes (id, component, source, health, words, at) VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            &crate::id::new_id(now),
            &said.component.stored(),
            &said.source.stored(),
            &said.health.stored(),
            &said.words,
            &said.since,
        ],
    )
    .await?;
    outbox::store::save_with(tx, now, change).await?;
    Ok(true)
}

/// Notes that the service looked at itself, which it can only where it can write.
pub async fn looked(tx: &mut Tx, now: Timestamp) -> Result<()> {
    tx.run(
        "INSERT INTO status_looks (name, looked_at) VALUES ('service', $1)
         ON CONFLICT (name) DO UPDATE SET looked_at = $1",
        &[&now],
    )
    .await?;
    Ok(())
}

/// How work is getting on, as far as the status asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Letters that should have gone out some time ago and have not.
    pub late_letters: i64,
    /// Letters that did go out since.
    pub sent_lately: i64,
    /// Mailboxes that wait to be set up for longer than they should; not those that are set up in bulk.
    pub late_mailboxes: i64,
    /// Registrations that wait to be checked for longer than they should.
    pub late_checks: i64,
}

/// Counts work that was queued before a span ago and waits still.
pub async fn backlog(from: &Database, now: Timestamp, late_after: Span) -> Result<Backlog> {
    let before = now.minus(late_after);
    let (late_letters, late_mailboxes, late_checks, sent_lately): (i64, i64, i64, i64) = from
        .one(
            "SELECT (SELECT COUNT(*) FROM outbox WHERE state IN ('Waiting', 'Taken') AND kind = 'SendLetter' AND queued_at < $1),
                    (SELECT COUNT(*) FROM outbox WHERE state IN ('Waiting', 'Taken') AND queued_at < $1
                        AND lane <> 'Bulk' AND kind IN ('ProvisionAccount', 'ProvisionSharedMailbox')),
                    (SELECT COUNT(*) FROM outbox WHERE state IN ('Waiting', 'Taken') AND queued_at < $1
                        AND kind IN ('RunChecks', 'Decide')),
                    (SELECT COUNT(*) FROM outbox WHERE state = 'Done' AND kind = 'SendLetter' AND finished_at >= $1)",
            &[&before],
        )
        .await?;
    Ok(Backlog { late_letters, sent_lately, late_mailboxes, late_checks })
}

pub async fn find_announcement(from: &impl Reads, id: &str) -> Result<Option<Announcement>> {
    from.maybe(announcements!("WHERE id = $1"), &[&id]).await
}

/// Finds an announcement and keeps everybody else from changing it until this transaction ends.
pub async fn find_announcement_to_change(tx: &mut Tx, id: &str) -> Result<Option<Announcement>> {
    tx.maybe(
        "UPDATE announcements SET version = version WHERE id = $1
         RETURNING id, version, kind, component, title, words, on_every_page, starts_at, ends_at, made_at, changed_at",
        &[&id],
    )
    .await
}

/// Adds an announcement, once: a form that is sent twice makes one.
pub async fn add_announcement(
    tx: &mut Tx,
    now: Timestamp,
    change: &Change<Announcement>,
    once: &Once,
) -> Result<()> {
    let (made, told) = (&change.state, &change.state.told);
    let added = tx
        .run(
            "INSERT INTO announcements (id, version, kind, component, title, words, on_every_page, starts_at, ends_at,
                                        made_at, changed_at, once)
             VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10)
             ON CONFLICT (once) DO NOTHING",
            &[
                &made.id,
                &told.kind.stored(),
                &told.component.map_or("", Component::stored),
                &told.title,
                &told.words,
                &told.on_every_page,
                &told.starts_at,
                &told.ends_at,
                &made.made_at,
                &once.as_str(),
            ],
        )
        .await?;
    if added == 1 {
        outbox::store::save_with(tx, now, change).await?;
    }
    Ok(())
}

/// Saves an announcement with its entry, in the transaction that found it to change.
pub async fn save_announcement(tx: &mut Tx, now: Timestamp, change: &Change<Announcement>) -> Result<()> {
    let (made, told) = (&change.state, &change.state.told);
    let saved = tx
        .run(
            "UPDATE announcements
                SET kind = $1, component = $2, title = $3, words = $4, on_every_page = $5, starts_at = $6, ends_at = $7,
                    changed_at = $8, version = version + 1
              WHERE id = $9 AND version = $10",
            &[
                &told.kind.stored(),
                &told.component.map_or("", Component::stored),
                &told.title,
                &told.words,
                &told.on_every_page,
                &told.starts_at,
                &told.ends_at,
                &made.changed_at,
                &made.id,
                &made.version,
            ],
        )
        .await?;
    if saved == 0 {
        return Err(Error::Broken("an announcement was saved that was not found to change".to_owned()));
    }
    outbox::store::save_with(tx, now, change).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Actor;
    use crate::database::for_tests::{both_engines, run};
    use crate::database::transaction;
    use crate::service_status::ComponentFinding;

    const NOON: Timestamp = Timestamp::from_milliseconds(10_000_000_000);

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn components_keep_what_is_said_of_them_with_its_history() {
        for database in both_engines().await {
            let never = Timestamp::from_milliseconds(0);
            let faster = database
                .write::<_, Error, _>(transaction!(async move |tx| {
                    let found = ComponentFinding {
                        component: Component::Mail,
                        health: Health::Problems,
                        words: "Slow.",
                    };
                    assert!(say(tx, NOON, &Said::by_check(found, NOON), never).await?);
                    let by_team = |words: &str, at| {
                        let words = words.to_owned();
                        Said::by_team(Component::Mail, Health::NotWorking, words, Actor::Service, at)
                    };
                    assert!(say(tx, NOON, &by_team("Stopped.", NOON), never).await?);
                    looked(tx, NOON).await?;
                    looked(tx, NOON.plus(Span::minutes(1))).await?;
                    let later = NOON.plus(Span::minutes(5));
                    say(tx, later, &by_team("Later.", later), never).await
                }))
                .await
                .expect("written");
            assert!(!faster, "the second case worker has not seen what the first said");
            let board = board(&database, NOON).await.expect("read");
            let mail = &board.standings[1];
            assert_eq!((mail.health(), mail.words()), (Health::NotWorking, vec!["Stopped.", "Slow."]));
            assert_eq!(changes(&database, NOON, &Seek::First).await.expect("read").rows.len(), 2);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn changes_are_walked_by_key() {
        for database in both_engines().await {
            run(
                &database,
                "INSERT INTO status_changes (id, component, source, health, words, at)
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120)
                 SELECT 'c' || (1000 + i), 'Mail', 'Team', 'Problems', '', 999000 + i / 4 FROM n",
            )
            .await;
            let now = Timestamp::from_milliseconds(1_000_000);
            let (mut seek, mut seen) = (Seek::First, Vec::new());
            loop {
                let page = changes(&database, now, &seek).await.expect("read");
                seen.extend(page.rows.iter().map(|(id, _)| id.clone()));
                let Some(next) = page.next else { break };
                seek = Seek::After(next);
            }
            let expect: Vec<String> = (1..=120).rev().map(|i| format!("c{}", 1000 + i)).collect();
            assert_eq!(seen, expect, "on {}", database.engine());
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn announcements_are_made_once_and_saved_as_they_were_found() {
        for database in both_engines().await {
            let told = AnnouncementText {
                kind: AnnouncementKind::Trouble,
                component: Some(Component::Letters),
                title: "Codes are late".to_owned(),
                words: String::new(),
                on_every_page: true,
                starts_at: NOON,
                ends_at: None,
            };
            let change = Announcement::make(told, Actor::Service, NOON);
            let made = change.state.clone();
            database
                .write::<_, Error, _>(transaction!(async move |tx| {
                    let once = Once::of(&["once"]);
                    add_announcement(tx, NOON, &change, &once).await?;
                    let again = Announcement::make(change.state.told.clone(), Actor::Service, NOON);
                    add_announcement(tx, NOON, &again, &once).await?;
                    let later = NOON.plus(Span::minutes(1));
                    let seen = find_announcement_to_change(tx, &change.state.id).await?.expect("made");
                    save_announcement(tx, NOON, &seen.end(Actor::Service, later).expect("not over")).await?;
                    let stale = change.state.end(Actor::Service, later).expect("not over");
                    assert!(save_announcement(tx, NOON, &stale).await.is_err());
                    Ok(())
                }))
                .await
                .expect("written");
            let found = board(&database, NOON).await.expect("read").announcements;
            assert_eq!(found.len(), 1);
            assert_eq!((found[0].id.as_str(), found[0].version), (made.id.as_str(), 2));
            let long_after = NOON.plus(Span::days(100));
            assert_eq!(board(&database, long_after).await.expect("read").announcements, []);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn backlogs_count_late_work_by_what_it_does() {
        for database in both_engines().await {
            run(
                &database,
                "INSERT INTO outbox (id, kind, work, subject, state, queued_at, due_at, finished_at)
                 SELECT id, kind, '', '', state, at, at, finished_at
                   FROM (SELECT 'a' AS id, 'SendLetter' AS kind, 'Waiting' AS state, 1 AS at, CAST(NULL AS BIGINT) AS finished_at
                         UNION ALL SELECT 'b', 'SendLetter', 'Waiting', 9999999999, NULL
                         UNION ALL SELECT 'c', 'SendLetter', 'Done', 1, 9999999999
                         UNION ALL SELECT 'd', 'SendLetter', 'Done', 1, 2
                         UNION ALL SELECT 'e', 'ProvisionAccount', 'Waiting', 1, NULL
                         UNION ALL SELECT 'f', 'RunChecks', 'NeedsAttention', 1, NULL
                         UNION ALL SELECT 'g', 'Decide', 'Waiting', 1, NULL) work",
            )
            .await;
            let counted = backlog(&database, NOON, Span::minutes(15)).await.expect("counted");
            let expected = Backlog { late_letters: 1, sent_lately: 1, late_mailboxes: 1, late_checks: 1 };
            assert_eq!(counted, expected, "{}", database.engine());
        }
    }
}
