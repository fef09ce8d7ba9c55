//! Mail in shared mailboxes that nobody reads.

use crate::app::App;
use crate::audit::{self, Actor, Entry};
use crate::clock::{Span, Timestamp};
use crate::database::{FromRow, Reads, Result, Row, transaction};
use crate::directory::letters;
use crate::directory::upkeep::{is_told, working_days_before};
use crate::letter::Letterhead;
use crate::outbox::store::Taken;
use crate::outbox::{self, WorkError};

/// Mailboxes whose unread mail is counted together: each is opened by the mail server.
const COUNTED_TOGETHER: i64 = 50;

/// Shared mailboxes with unread mail that are shown; whoever has so many has another problem.
pub const UNREAD_MAX: usize = 100;

/// A shared mailbox with mail that nobody has read for too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    pub site_id: String,
    pub site: String,
    pub address: String,
    pub count: i64,
    pub counted_at: Timestamp,
    /// When its owners were told last.
    pub told_at: Option<Timestamp>,
    /// How many owners there are to be told.
    pub owners: i64,
}

impl FromRow for Unread {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Unread {
            site_id: row.get(0)?,
            site: row.get(1)?,
            address: row.get(2)?,
            count: row.get(3)?,
            counted_at: row.get(4)?,
            told_at: row.get(5)?,
            owners: row.get(6)?,
        })
    }
}

/// Shared mailboxes with mail that nobody has read for too long, the fullest first, at most
/// [`UNREAD_MAX`] and one more.
pub async fn list_unread(from: &impl Reads) -> Result<Vec<Unread>> {
    let limit = i64::try_from(UNREAD_MAX + 1).unwrap_or(i64::MAX);
    from.all(
        "SELECT s.id, s.name, m.address, u.unread, u.looked_at, u.told_at,
                (SELECT COUNT(*) FROM shared_mailbox_access x
                   JOIN accounts a ON a.id = x.account_id
                  WHERE x.shared_mailbox_id = m.id AND x.access = 'Owner' AND a.state = 'Active')
           FROM unread_alarms u
           JOIN shared_mailboxes m ON m.id = u.shared_mailbox_id
           JOIN sites s ON s.id = m.site_id
          WHERE u.unread > 0 AND m.state = 'Active'
          ORDER BY u.unread DESC, m.id LIMIT $1",
        &[&limit],
    )
    .await
}

struct Watched {
    id: String,
    address: String,
    site: String,
    site_id: String,
    told_at: Option<Timestamp>,
}

impl FromRow for Watched {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Watched {
            id: row.get(0)?,
            address: row.get(1)?,
            site: row.get(2)?,
            site_id: row.get(3)?,
            told_at: row.get(4)?,
        })
    }
}

/// Counts old unread mail in every shared mailbox and tells owners.
///
/// # Errors
/// Later, when the engine or the database does not answer.
pub async fn watch_unread(app: &App, taken: &Taken) -> std::result::Result<(), WorkError> {
    let now = app.clock.now();
    let days = app.settings.unread_alarm_days;
    let since = now.as_milliseconds() - working_days_before(now, days).as_milliseconds();
    let hours = u32::try_from(since / Span::hours(1).as_milliseconds()).unwrap_or(u32::MAX);
    let mut after = String::new();
    loop {
        let some: Vec<Watched> = app
            .database
            .all(
                "SELECT m.id, m.address, s.name, s.id, u.told_at
                   FROM shared_mailboxes m
                   JOIN sites s ON s.id = m.site_id
                   LEFT JOIN unread_alarms u ON u.shared_mailbox_id = m.id
                  WHERE m.state = 'Active' AND m.id > $1 ORDER BY m.id LIMIT $2",
                &[&after, &COUNTED_TOGETHER],
            )
            .await?;
        let Some(last) = some.last() else { break };
        after.clone_from(&last.id);
        let addresses: Vec<String> = some.iter().map(|watched| watched.address.clone()).collect();
        let counts = app.mail.count_unread(&addresses, hours).await?;
        for (watched, unread) in some.into_iter().zip(counts) {
            note_unread(app, now, watched, unread, days).await?;
        }
    }
    let taken = taken.clone();
    app.database
        .write::<_, WorkError, _>(transaction!(async move |tx| {
            outbox::store::done(tx, now, &taken).await?;
            Ok(())
        }))
        .await?;
    Ok(())
}

async fn note_unread(
    app: &App,
    now: Timestamp,
    watched: Watched,
    unread: u64,
    days: u16,
) -> std::result::Result<(), WorkError> {
    let from = Letterhead::of(&app.settings);
    app.database
        .write::<_, WorkError, _>(transaction!(async move |tx| {
            let told = is_told(unread, watched.told_at, now);
            let told_at = match (unread, told) {
                (0, _) => None,
                (_, true) => Some(now),
                (_, false) => watched.told_at,
            };
            let count = i64::try_from(unread).unwrap_or(i64::MAX);
            tx.run(
                "INSERT INTO unread_alarms (shared_mailbox_id, unread, looked_at, told_at)
                     VALUES ($1, $2, $3, $4)
                     ON CONFLICT (shared_mailbox_id) DO UPDATE SET unread = $2, looked_at = $3, told_at = $4",
                &[&watched.id, &count, &now, &told_at],
            )
            .await?;
            if told {
                let owners: Vec<(String, String)> = tx
                    .all(
                        "SELECT a.first_name, a.personal_email FROM shared_mailbox_access x
                               JOIN accounts a ON a.id = x.account_id
                              WHERE x.shared_mailbox_id = $1 AND x.access = 'Owner' AND a.state = 'Active'
                              ORDER BY a.id LIMIT 100",
                        &[&watched.id],
                    )
                    .await?;
                for (name, email) in &owners {
                    let letter = letters::unread(
                        &from,
                        now,
                        (name, email),
                        (&watched.site, &watched.address),
                        unread,
                        days,
                    );
                    outbox::store::write_letter(tx, now, &letter).await?;
                }
                let entry = Entry::new(Actor::Service, "owners told of unread mail", &watched.site_id)
                    .because(format!("{unread} messages older than {days} working days"));
                audit::store::add(tx, now, &entry).await?;
            }
            Ok(())
        }))
        .await
}

#[cfg(test)]
mod tests {
    use super::super::for_tests::{change, homes};
    use super::*;

    /// How often the schedule has it counted.
    const COUNTED_EVERY: Span = Span::hours(1);

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn owners_are_told_once_and_again_after_two_days_until_somebody_has_read() {
        for home in homes().await {
            let address = "care.vm195@carepost.example";
            let both = ["person1@home.example", "person2@home.example"];
            assert_eq!(home.counts().await, [""; 0], "nothing waits");
            home.engine.set_unread(address, 3);
            home.app.clock.advance(COUNTED_EVERY);
            let first = home.app.clock.now();
            assert_eq!(home.counts().await, both, "owners, and no members");
            let line = || async {
                let unread = list_unread(&home.app.database).await.expect("listed");
                unread
                    .into_iter()
                    .map(|one| (one.site, one.count, one.told_at, one.owners))
                    .collect::<Vec<_>>()
            };
            let site = || "Rose Court".to_owned();
            assert_eq!(line().await, [(site(), 3, Some(first), 2)]);
            assert_eq!(
                home.entries("owners told of unread mail").await,
                [(home.site.clone(), "3 messages older than 2 working days".to_owned())]
            );

            // More of it is no new alarm; two days later it is.
            home.engine.set_unread(address, 5);
            home.app.clock.advance(Span::hours(47));
            assert_eq!(home.counts().await.len(), 2);
            assert_eq!(line().await, [(site(), 5, Some(first), 2)]);
            home.app.clock.advance(COUNTED_EVERY);
            assert_eq!(home.counts().await.len(), 4);

            // Read: nothing is shown, and the next alarm is told at once.
            home.engine.set_unread(address, 0);
            home.app.clock.advance(COUNTED_EVERY);
            assert_eq!(home.counts().await.len(), 4);
            assert_eq!(line().await, []);
            home.engine.set_unread(address, 1);
            home.app.clock.advance(COUNTED_EVERY);
            assert_eq!(home.counts().await.len(), 6);

            // Whoever is switched off is told nothing; a closed mailbox is not shown.
            change(
                &home.app,
                "UPDATE accounts SET state = 'Disabled' WHERE address = 'bo.li@carepost.example'",
            )
            .await;
            home.app.clock.advance(Span::days(2));
            assert_eq!(home.counts().await.len(), 7);
            assert_eq!(line().await.len(), 1);
            change(&home.app, "UPDATE shared_mailboxes SET state = 'Closing'").await;
            assert_eq!(line().await, []);
        }
    }
}
