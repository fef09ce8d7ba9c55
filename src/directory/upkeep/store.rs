//! Comparisons, use and unread mail in the database, and the work that keeps them.

use super::{COMPARED_EVERY, COUNTED_EVERY, Difference, Repair, SignInReport, is_told, working_days_before};
use crate::app::App;
use crate::audit::{self, Actor, Entry};
use crate::clock::{Span, Timestamp};
use crate::database::{Database, Error, FromRow, Reads, Result, Row, Tx};
use crate::directory::letters;
use crate::letter::Letterhead;
use crate::directory::provision;
use crate::id::new_id;
use crate::mail::EngineError;
use crate::outbox::store::Taken;
use crate::outbox::{self, NotDone, Work};
use std::collections::{BTreeMap, BTreeSet};

/// Mailboxes compared, or looked into, together.
const PAGE: u32 = 500;
/// Mailboxes whose unread mail is counted together: each is opened by the mail server.
const COUNTED_TOGETHER: i64 = 50;
/// How fresh a noted use must be for another not to be written.
const USE_NOTED_EVERY: Span = Span::seconds(60);
/// Differences kept and shown.
pub const DIFFERENCES_MAX: usize = 500;
/// Shared mailboxes with unread mail that are shown; whoever has so many has another problem.
pub const UNREAD_MAX: usize = 100;

fn engine_failed(error: EngineError) -> NotDone {
    match error {
        EngineError::Later(why) => NotDone::Later(why),
        EngineError::Never(why) => NotDone::Never(why),
    }
}

/// A difference that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub mailbox_id: String,
    pub address: String,
    pub difference: Difference,
}

/// A comparison as it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    pub begun_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub mailboxes: i64,
    pub differences: i64,
    pub outcome: String,
}

impl FromRow for Comparison {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Comparison {
            begun_at: row.get(0)?,
            ended_at: row.get(1)?,
            mailboxes: row.get(2)?,
            differences: row.get(3)?,
            outcome: row.get(4)?,
        })
    }
}

/// The newest comparison, if there was one.
pub async fn newest_comparison(from: &mut impl Reads) -> Result<Option<Comparison>> {
    from.maybe(
        "SELECT begun_at, ended_at, mailboxes, differences, outcome FROM mail_comparisons
          ORDER BY begun_at DESC, id DESC LIMIT 1",
        &[],
    )
    .await
}

/// A difference that the newest comparison found, with what has become of it since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub found: Found,
    /// The site it belongs to, where the directory knows it.
    pub site_id: Option<String>,
    repair: Repair,
}

impl Listed {
    /// How far it has been put right; nothing for what is never put right by itself.
    pub fn repaired(&self) -> Option<Repair> {
        self.found.difference.is_repaired().then_some(self.repair)
    }
}

impl FromRow for Listed {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (difference, site_id, work): (String, String, String) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let difference = Difference::from_stored(&difference)
            .ok_or_else(|| Error::Broken(format!("a difference is called {difference}")))?;
        Ok(Listed {
            found: Found { mailbox_id: row.get(0)?, address: row.get(1)?, difference },
            site_id: Some(site_id).filter(|id| !id.is_empty()),
            repair: match work.as_str() {
                "Waiting" => Repair::UnderWay,
                "NeedsAttention" | "GivenUp" => Repair::NotDone,
                // Finished work is cleared away in the end.
                _ => Repair::Done,
            },
        })
    }
}

/// What the newest comparison found, by address, at most 500.
pub async fn list_differences(from: &mut impl Reads) -> Result<Vec<Listed>> {
    from.all(
        "SELECT d.mailbox_id, d.address, d.difference,
                COALESCE((SELECT m.site_id FROM shared_mailboxes m WHERE m.id = d.mailbox_id),
                         (SELECT l.site_id FROM account_slots l WHERE l.account_id = d.mailbox_id), ''),
                COALESCE((SELECT o.state FROM outbox o
                           WHERE o.subject = d.mailbox_id AND o.queued_at >= d.found_at
                             AND o.kind IN ('ProvisionAccount', 'ProvisionSharedMailbox')
                           ORDER BY o.queued_at DESC, o.id DESC LIMIT 1), '')
           FROM mail_differences d ORDER BY d.address, d.mailbox_id LIMIT 500",
        &[],
    )
    .await
}

/// A comparison that was asked for and is not finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub asked_at: Timestamp,
    /// Why it could not be made yet; empty while it is under way or has not begun.
    pub reason: String,
}

impl FromRow for Waiting {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Waiting { asked_at: row.get(0)?, reason: row.get(1)? })
    }
}

/// The comparison that waits or is under way, if there is one.
pub async fn waiting_comparison(from: &mut impl Reads) -> Result<Option<Waiting>> {
    from.maybe(
        "SELECT o.queued_at, COALESCE(t.reason, '') FROM outbox o
           LEFT JOIN outbox_attempts t ON t.work_id = o.id AND t.attempt = o.attempts
          WHERE o.kind = 'CompareMail' AND o.state = 'Waiting' ORDER BY o.queued_at, o.id, t.ended_at DESC LIMIT 1",
        &[],
    )
    .await
}

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
pub async fn list_unread(from: &mut impl Reads) -> Result<Vec<Unread>> {
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

/// Queues a comparison. Where one waits already there is no second one, but one that failed and waits to
/// be tried again is tried now.
pub async fn ask_for_comparison(tx: &mut Tx, now: Timestamp, by: &Actor) -> Result<bool> {
    tx.alone(UPKEEP_LOCK).await?;
    if waiting_comparison(tx).await?.is_some() {
        // One that is under way has no outcome of its present attempt yet, and is left alone.
        tx.run(
            "UPDATE outbox SET due_at = $1 WHERE kind = 'CompareMail' AND state = 'Waiting' AND due_at > $1
                AND EXISTS (SELECT 1 FROM outbox_attempts t
                             WHERE t.work_id = outbox.id AND t.attempt = outbox.attempts)",
            &[&now],
        )
        .await?;
        return Ok(false);
    }
    outbox::store::queue(tx, now, now, &Work::CompareMail { asked: new_id(now) }).await?;
    audit::store::add(tx, now, &Entry::new(by.clone(), "mail comparison asked for", "mail")).await?;
    Ok(true)
}

struct Wanted {
    address: String,
    holds: String,
    work: Work,
}

/// What the directory wants held after an identifier, at most a page of each kind.
async fn wanted_page(
    app: &App,
    after: &str,
) -> std::result::Result<(BTreeMap<String, Wanted>, bool), NotDone> {
    let mut from = &app.database;
    let limit = i64::from(PAGE);
    // What is not provisioned yet has its own work under way.
    let ids: Vec<(String, bool)> = from
        .all(
            "SELECT id, is_account FROM (
               SELECT id, TRUE AS is_account FROM accounts
                WHERE provisioned_at IS NOT NULL AND state <> 'Purged' AND id > $1
               UNION ALL
               SELECT id, FALSE AS is_account FROM shared_mailboxes
                WHERE state NOT IN ('Pending', 'Purged') AND id > $1
             ) AS mailboxes ORDER BY id LIMIT $2",
            &[&after, &limit],
        )
        .await?;
    let is_last = ids.len() < PAGE as usize;
    let mut wanted = BTreeMap::new();
    for (id, is_account) in ids {
        if is_account {
            if let Some(account) = provision::account_wanted(app, &id).await? {
                let work = Work::ProvisionAccount { account: id.clone() };
                let holds = account.in_full();
                wanted.insert(id, Wanted { address: account.address, holds, work });
            }
        } else if let Some(mailbox) = provision::shared_mailbox_wanted(app, &id).await? {
            let work = Work::ProvisionSharedMailbox { shared_mailbox: id.clone() };
            let holds = mailbox.in_full();
            wanted.insert(id, Wanted { address: mailbox.address, holds, work });
        }
    }
    Ok((wanted, is_last))
}

/// Whether the directory knows a mailbox, provisioned or not.
async fn is_known(mut from: &Database, id: &str) -> Result<bool> {
    let found: Option<(String,)> = from
        .maybe(
            "SELECT id FROM accounts WHERE id = $1 AND state <> 'Purged'
             UNION ALL SELECT id FROM shared_mailboxes WHERE id = $1 AND state <> 'Purged'",
            &[&id],
        )
        .await?;
    Ok(found.is_some())
}

/// Everything the directory wants and the engine holds, compared page by page.
async fn differences(app: &App) -> std::result::Result<(i64, Vec<Found>, Vec<Work>), NotDone> {
    let (mut found, mut work, mut count) = (Vec::new(), Vec::new(), 0);
    let mut held = BTreeMap::new();
    let mut after = String::new();
    loop {
        let page = app.mail.list(&after, PAGE).await.map_err(engine_failed)?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.id);
        // Only a mark of what is held: a third of a million lines would fill the memory.
        held.extend(page.into_iter().map(|one| (one.id, crate::id::fingerprint(&one.holds))));
    }
    let mut after = String::new();
    loop {
        let (page, is_last) = wanted_page(app, &after).await?;
        if let Some(last) = page.keys().next_back() {
            after.clone_from(last);
        }
        for (id, wanted) in page {
            count += 1;
            let difference = match held.remove(&id) {
                None => Some(Difference::Missing),
                Some(mark) if mark != crate::id::fingerprint(&wanted.holds) => Some(Difference::Differs),
                Some(_) => None,
            };
            if let Some(difference) = difference {
                work.push(wanted.work);
                found.push(Found { mailbox_id: id, address: wanted.address, difference });
            }
        }
        if is_last {
            break;
        }
    }
    let mut unknown = BTreeSet::new();
    for id in held.into_keys() {
        if !is_known(&app.database, &id).await? {
            unknown.insert(id.clone());
            let address = app.mail.look(&id).await.map_err(engine_failed)?.unwrap_or_default();
            let address = address.split("; ").nth(1).unwrap_or("").to_owned();
            found.push(Found { mailbox_id: id, address, difference: Difference::Unknown });
        }
    }
    for id in app.mail.list_storage().await.map_err(engine_failed)? {
        if !unknown.contains(&id) && !is_known(&app.database, &id).await? {
            let difference = Difference::StorageUnknown;
            found.push(Found { mailbox_id: id, address: String::new(), difference });
        }
    }
    Ok((count, found, work))
}

/// Compares directory and engine and has what differs provisioned again. An engine that began with
/// nothing is told once nothing is missing.
///
/// # Errors
/// Later, when either does not answer.
pub async fn compare(app: &App, taken: &Taken) -> std::result::Result<(), NotDone> {
    let begun_at = app.clock.now();
    // Asked before anything is looked at: should the engine begin anew meanwhile, that is another filling.
    let filling = app.mail.filling().await.map_err(engine_failed)?;
    let domains = list_secure_domains(&app.database).await?;
    app.mail.ensure_secure_domains(&domains).await.map_err(engine_failed)?;
    let (mailboxes, found, work) = differences(app).await?;
    if let Some(filling) = filling
        && found.iter().all(|one| one.difference != Difference::Missing)
    {
        app.mail.ensure_filled(&filling).await.map_err(engine_failed)?;
    }
    let (taken, now) = (taken.clone(), app.clock.now());
    app.database
        .write::<_, NotDone, _>(move |tx: &mut Tx| {
            Box::pin(async move {
                if !outbox::store::done(tx, now, &taken).await? {
                    return Ok(());
                }
                for work in &work {
                    outbox::store::queue(tx, now, now, work).await?;
                }
                tx.run("DELETE FROM mail_differences", &[]).await?;
                for one in found.iter().take(DIFFERENCES_MAX) {
                    let difference = one.difference.stored();
                    tx.run(
                        "INSERT INTO mail_differences (mailbox_id, address, difference, found_at)
                         VALUES ($1, $2, $3, $4)",
                        &[&one.mailbox_id, &one.address, &difference, &now],
                    )
                    .await?;
                }
                let differences = i64::try_from(found.len()).unwrap_or(i64::MAX);
                let left = found.iter().filter(|one| !one.difference.is_repaired()).count();
                let outcome = match (found.len(), left) {
                    (0, _) => "nothing differed".to_owned(),
                    (_, 0) => "put right".to_owned(),
                    (_, left) => format!("{left} to be looked at"),
                };
                tx.run(
                    "INSERT INTO mail_comparisons (id, begun_at, ended_at, by_whom, mailboxes, differences, outcome)
                     VALUES ($1, $2, $3, $4, $5, $6, $7)",
                    &[&new_id(now), &begun_at, &now, &"Service", &mailboxes, &differences, &outcome],
                )
                .await?;
                if differences > 0 {
                    let entry = Entry::new(Actor::Service, "mail server differed from the directory", "mail")
                        .because(format!("{differences} of {mailboxes} mailboxes; {outcome}"));
                    audit::store::add(tx, now, &entry).await?;
                }
                Ok(())
            })
        })
        .await?;
    app.work_waits.notify_one();
    Ok(())
}

/// Removes a mailbox that only the engine knows, with what it stored. Refused where the directory
/// knows it.
///
/// # Errors
/// In words.
pub async fn remove_unknown(app: &App, id: &str) -> std::result::Result<(), String> {
    if is_known(&app.database, id).await.map_err(|error| error.to_string())? {
        return Err(format!("{id} is in the directory"));
    }
    match app.mail.ensure_absent(id).await {
        Ok(_) => Ok(()),
        Err(EngineError::Later(why) | EngineError::Never(why)) => Err(why),
    }
}

/// Notes that mail programs signed in. Each account is written once a minute at most.
pub async fn note_use(database: &Database, now: Timestamp, reports: Vec<SignInReport>) -> Result<()> {
    let mut used: BTreeSet<(String, String)> = BTreeSet::new();
    for report in reports.into_iter().filter(|report| report.success) {
        used.insert((report.address.to_lowercase(), report.app_password));
    }
    if used.is_empty() {
        return Ok(());
    }
    let before = now.minus(USE_NOTED_EVERY);
    database
        .write(move |tx: &mut Tx| {
            Box::pin(async move {
                for (address, selector) in &used {
                    tx.run(
                        "UPDATE accounts SET last_used_at = $1
                          WHERE address = $2 AND state = 'Active' AND (last_used_at IS NULL OR last_used_at < $3)",
                        &[&now, address, &before],
                    )
                    .await?;
                    tx.run(
                        "UPDATE app_passwords SET last_used_at = $1
                          WHERE account_id = (SELECT id FROM accounts WHERE address = $2) AND selector = $3
                            AND revoked_at IS NULL AND (last_used_at IS NULL OR last_used_at < $4)",
                        &[&now, address, selector, &before],
                    )
                    .await?;
                }
                Ok(())
            })
        })
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
pub async fn watch_unread(app: &App, taken: &Taken) -> std::result::Result<(), NotDone> {
    let now = app.clock.now();
    let days = app.settings.unread_alarm_days;
    let since = now.as_milliseconds() - working_days_before(now, days).as_milliseconds();
    let hours = u32::try_from(since / Span::hours(1).as_milliseconds()).unwrap_or(u32::MAX);
    let mut after = String::new();
    loop {
        let mut from = &app.database;
        let some: Vec<Watched> = from
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
        let counts = app.mail.count_unread(&addresses, hours).await.map_err(engine_failed)?;
        for (watched, unread) in some.into_iter().zip(counts) {
            note_unread(app, now, watched, unread, days).await?;
        }
    }
    let taken = taken.clone();
    app.database
        .write::<_, NotDone, _>(move |tx: &mut Tx| {
            Box::pin(async move {
                outbox::store::done(tx, now, &taken).await?;
                Ok(())
            })
        })
        .await?;
    app.work_waits.notify_one();
    Ok(())
}

async fn note_unread(
    app: &App,
    now: Timestamp,
    watched: Watched,
    unread: u64,
    days: u16,
) -> std::result::Result<(), NotDone> {
    let from = Letterhead::of(&app.settings);
    app.database
        .write::<_, NotDone, _>(move |tx: &mut Tx| {
            Box::pin(async move {
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
            })
        })
        .await
}

/// Whether an engine that began with nothing is to be compared again: what the newest comparison found
/// missing has been provisioned, as far as it can be without a person.
async fn may_be_filled(app: &App, compared: Option<Timestamp>) -> Result<bool> {
    // An engine that does not answer is asked again in a minute.
    if !matches!(app.mail.filling().await, Ok(Some(_))) {
        return Ok(false);
    }
    let Some(compared) = compared else { return Ok(true) };
    let mut from = &app.database;
    let left: Option<(String,)> = from
        .maybe(
            "SELECT id FROM outbox WHERE state IN ('Waiting', 'NeedsAttention') AND queued_at >= $1
                AND kind IN ('ProvisionAccount', 'ProvisionSharedMailbox') LIMIT 1",
            &[&compared],
        )
        .await?;
    Ok(left.is_none())
}

/// Queues what is due by the clock: the daily comparison, the hourly count. A mail engine that began with
/// nothing is compared until it holds everything.
pub async fn queue_due(app: &App) -> Result<()> {
    let (database, now) = (&app.database, app.clock.now());
    let mut from = database;
    let compared: Option<(Timestamp,)> =
        from.maybe("SELECT begun_at FROM mail_comparisons ORDER BY begun_at DESC LIMIT 1", &[]).await?;
    let counted: Option<(Timestamp,)> = from
        .maybe("SELECT queued_at FROM outbox WHERE kind = 'WatchUnread' ORDER BY queued_at DESC LIMIT 1", &[])
        .await?;
    let compared = compared.map(|(at,)| at);
    let compare = compared.is_none_or(|at| at.plus(COMPARED_EVERY) <= now)
        || may_be_filled(app, compared).await?;
    let count = counted.is_none_or(|(at,)| at.plus(COUNTED_EVERY) <= now);
    if !compare && !count {
        return Ok(());
    }
    database
        .write(move |tx: &mut Tx| {
            Box::pin(async move {
                tx.alone(UPKEEP_LOCK).await?;
                let waiting: Vec<(String,)> = tx
                    .all(
                        "SELECT DISTINCT kind FROM outbox
                          WHERE state = 'Waiting' AND kind IN ('CompareMail', 'WatchUnread')",
                        &[],
                    )
                    .await?;
                let waits = |kind: &str| waiting.iter().any(|(known,)| known == kind);
                if compare && !waits("CompareMail") {
                    let work = Work::CompareMail { asked: new_id(now) };
                    outbox::store::queue(tx, now, now, &work).await?;
                }
                if count && !waits("WatchUnread") {
                    let work = Work::WatchUnread { asked: new_id(now) };
                    outbox::store::queue(tx, now, now, &work).await?;
                }
                Ok(())
            })
        })
        .await
}

/// The lock that keeps two nodes from queueing the same upkeep.
const UPKEEP_LOCK: i64 = 0x0043_4152_4555_504b;

/// The accredited secure domains as imported.
pub async fn list_secure_domains(mut from: &Database) -> Result<Vec<String>> {
    let found: Vec<(String,)> =
        from.all("SELECT domain FROM secure_domains ORDER BY domain LIMIT 100000", &[]).await?;
    Ok(found.into_iter().map(|(domain,)| domain).collect())
}

/// Keeps exactly these secure domains, each with its organisation; answers how many there were.
pub async fn keep_secure_domains(
    database: &Database,
    now: Timestamp,
    domains: BTreeMap<String, String>,
) -> Result<i64> {
    database
        .write(move |tx: &mut Tx| {
            Box::pin(async move {
                let (before,): (i64,) = tx.one("SELECT COUNT(*) FROM secure_domains", &[]).await?;
                tx.run("DELETE FROM secure_domains", &[]).await?;
                for (domain, organisation) in &domains {
                    tx.run(
                        "INSERT INTO secure_domains (domain, organisation, imported_at) VALUES ($1, $2, $3)",
                        &[domain, organisation, &now],
                    )
                    .await?;
                }
                ask_for_comparison(tx, now, &Actor::Operator).await?;
                let entry = Entry::new(Actor::Operator, "secure domains imported", "mail")
                    .because(format!("{} domains, {before} before", domains.len()));
                audit::store::add(tx, now, &entry).await?;
                Ok(before)
            })
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::for_tests::app;
    use crate::clock::Clock;
    use crate::database::for_tests::both_engines;
    use crate::directory::tests::{new_site, person};
    use crate::directory::{Access, store};
    use crate::letter::store::list_newest;
    use crate::mail::{Ensured, MailEngine};
    use crate::mail::fake::FakeEngine;

    /// A Thursday.
    const NOON: Timestamp = Timestamp::from_milliseconds(43_200_000);

    /// A site with two owners and a member, all active, whose mailboxes the engine holds.
    struct Home {
        app: App,
        engine: FakeEngine,
        site: String,
        mailbox: String,
        /// Asha Patel and Bo Li, the owners, and Cy Fox, the member.
        people: [String; 3],
    }

    async fn homes() -> Vec<Home> {
        let mut homes = Vec::new();
        for database in both_engines().await {
            let (app, engine) = app(database, Clock::still(NOON));
            let new = new_site(
                "VM195",
                vec![
                    person("Asha", "Patel", 1, Access::Owner),
                    person("Bo", "Li", 2, Access::Owner),
                    person("Cy", "Fox", 3, Access::Member),
                ],
            );
            let opened = app
                .database
                .write::<_, Error, _>(move |tx: &mut Tx| {
                    Box::pin(async move {
                        store::open_site(tx, "carepost.example", NOON, &Actor::Service, &new).await
                    })
                })
                .await
                .expect("written")
                .expect("opened");
            change(&app, "UPDATE accounts SET state = 'Active'").await;
            let home = Home {
                app,
                engine,
                site: opened.site_id,
                mailbox: opened.shared_mailbox_id,
                people: opened.accounts.try_into().expect("three accounts"),
            };
            home.does_all_work().await;
            assert_eq!(home.engine.mailboxes().len(), 4);
            homes.push(home);
        }
        homes
    }

    /// Changes rows by hand, as only a test may.
    async fn change(app: &App, sql: &'static str) -> u64 {
        app.database
            .write::<_, Error, _>(move |tx: &mut Tx| Box::pin(async move { tx.run(sql, &[]).await }))
            .await
            .expect("the statement runs")
    }

    impl Home {
        /// Does the work of this file and of provisioning until none is due.
        async fn does_all_work(&self) {
            loop {
                let some =
                    outbox::store::take(&self.app.database, self.app.clock.now()).await.expect("taken");
                if some.is_empty() {
                    return;
                }
                for taken in some {
                    let outcome = match &taken.work {
                        Work::ProvisionSharedMailbox { shared_mailbox } => {
                            provision::shared_mailbox(&self.app, &taken, shared_mailbox).await
                        }
                        Work::ProvisionAccount { account } => {
                            provision::account(&self.app, &taken, account).await
                        }
                        Work::CompareMail { .. } => compare(&self.app, &taken).await,
                        Work::WatchUnread { .. } => watch_unread(&self.app, &taken).await,
                        Work::RunChecks { .. }
                        | Work::Decide { .. }
                        | Work::SendLetter { .. }
                        | Work::FollowSite { .. }
                        | Work::SendActivationLink { .. } => continue,
                    };
                    if let Err(why) = outcome {
                        let (now, took) = (self.app.clock.now(), Span::seconds(1));
                        outbox::store::not_done(&self.app.database, now, took, &taken, &why)
                            .await
                            .expect("noted");
                    }
                }
            }
        }

        async fn asks(&self) -> bool {
            let now = self.app.clock.now();
            let asked = self
                .app
                .database
                .write::<_, Error, _>(move |tx: &mut Tx| {
                    Box::pin(async move { ask_for_comparison(tx, now, &Actor::Operator).await })
                })
                .await;
            asked.expect("written")
        }

        /// Compares, does what follows, and answers what was found.
        async fn compares(&self) -> Vec<Listed> {
            self.app.clock.advance(Span::minutes(1));
            assert!(self.asks().await);
            self.does_all_work().await;
            list_differences(&mut &self.app.database).await.expect("listed")
        }

        async fn newest(&self) -> Comparison {
            newest_comparison(&mut &self.app.database).await.expect("read").expect("one")
        }

        /// Counts unread mail when that is due, and answers to whom letters of it have gone.
        async fn counts(&self) -> Vec<String> {
            queue_due(&self.app).await.expect("queued");
            self.does_all_work().await;
            let letters = list_newest(&self.app.database, "").await.expect("listed");
            let mut told: Vec<String> = letters
                .into_iter()
                .filter(|letter| letter.name == "unread mail")
                .map(|letter| letter.recipient)
                .collect();
            told.sort();
            told
        }

        async fn entries(&self, action: &str) -> Vec<(String, String)> {
            let mut from = &self.app.database;
            from.all(
                "SELECT subject, detail FROM audit_entries WHERE action = $1 ORDER BY at, id",
                &[&action],
            )
            .await
            .expect("listed")
        }

        async fn count_work(&self, kind: &str) -> i64 {
            let mut from = &self.app.database;
            let (count,): (i64,) =
                from.one("SELECT COUNT(*) FROM outbox WHERE kind = $1", &[&kind]).await.expect("counted");
            count
        }
    }

    fn found(listed: &[Listed]) -> Vec<(&str, Difference, Option<Repair>)> {
        listed.iter().map(|one| (one.found.address.as_str(), one.found.difference, one.repaired())).collect()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn where_nothing_differs_nothing_is_done() {
        for home in homes().await {
            let before = home.count_work("ProvisionAccount").await;
            assert_eq!(home.compares().await, []);
            let newest = home.newest().await;
            assert_eq!((newest.mailboxes, newest.differences), (4, 0));
            assert_eq!(newest.outcome, "nothing differed");
            assert_eq!(newest.ended_at, Some(home.app.clock.now()));
            assert_eq!(home.count_work("ProvisionAccount").await, before);
            assert_eq!(home.entries("mail server differed from the directory").await, []);
            assert_eq!(home.entries("mail comparison asked for").await.len(), 1);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_is_missing_or_differs_is_set_up_again() {
        for home in homes().await {
            let [asha, bo, _] = &home.people;
            let right = home.engine.mailboxes();
            home.engine.lose(asha);
            home.engine.tamper(bo, "bo.li@carepost.example", "account; somebody else's");
            home.engine.tamper(&home.mailbox, "care.vm195@carepost.example", "shared mailbox; others");
            let listed = home.compares().await;
            let done = Some(Repair::Done);
            assert_eq!(
                found(&listed),
                [
                    ("asha.patel@carepost.example", Difference::Missing, done),
                    ("bo.li@carepost.example", Difference::Differs, done),
                    ("care.vm195@carepost.example", Difference::Differs, done),
                ]
            );
            assert!(listed.iter().all(|one| one.site_id.as_ref() == Some(&home.site)));
            assert_eq!(home.engine.mailboxes(), right);
            let newest = home.newest().await;
            assert_eq!((newest.differences, newest.outcome.as_str()), (3, "put right"));
            assert_eq!(
                home.entries("mail server differed from the directory").await,
                [("mail".to_owned(), "3 of 4 mailboxes; put right".to_owned())]
            );
            // The next one forgets what this one found.
            assert_eq!(home.compares().await, []);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_repair_that_goes_on_or_fails_is_said() {
        for home in homes().await {
            home.engine.lose(&home.people[0]);
            assert!(home.asks().await);
            // The comparison alone, and not the work that follows from it.
            let taken = outbox::store::take(&home.app.database, home.app.clock.now()).await.expect("taken");
            for taken in taken.iter().filter(|taken| matches!(taken.work, Work::CompareMail { .. })) {
                assert_eq!(compare(&home.app, taken).await, Ok(()));
            }
            let repaired = || async {
                let listed = list_differences(&mut &home.app.database).await.expect("listed");
                listed.iter().map(Listed::repaired).collect::<Vec<_>>()
            };
            assert_eq!(repaired().await, [Some(Repair::UnderWay)]);
            for state in ["NeedsAttention", "GivenUp"] {
                let sql = match state {
                    "NeedsAttention" => {
                        "UPDATE outbox SET state = 'NeedsAttention' WHERE kind = 'ProvisionAccount' AND state <> 'Done'"
                    }
                    _ => "UPDATE outbox SET state = 'GivenUp' WHERE state = 'NeedsAttention'",
                };
                assert_eq!(change(&home.app, sql).await, 1);
                assert_eq!(repaired().await, [Some(Repair::NotDone)]);
            }
            // What finished work said is cleared away after a month.
            change(&home.app, "DELETE FROM outbox WHERE state = 'GivenUp'").await;
            assert_eq!(repaired().await, [Some(Repair::Done)]);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_the_directory_does_not_know_stays_until_somebody_removes_it() {
        for home in homes().await {
            let holds = "account; un.known@carepost.example; aliases: ";
            home.engine.tamper("unknown-1", "un.known@carepost.example", holds);
            home.engine.leave_storage("unknown-1");
            home.engine.leave_storage("left-behind");
            // An account that is not provisioned yet has its own work under way, and is no stranger.
            change(
                &home.app,
                "UPDATE accounts SET provisioned_at = NULL WHERE address = 'cy.fox@carepost.example'",
            )
            .await;
            let listed = home.compares().await;
            assert_eq!(
                found(&listed),
                [
                    ("", Difference::StorageUnknown, None),
                    ("un.known@carepost.example", Difference::Unknown, None),
                ],
                "storage of a mailbox that is shown already is not shown twice"
            );
            let ids: Vec<String> = listed.iter().map(|one| one.found.mailbox_id.clone()).collect();
            assert_eq!(ids, ["left-behind", "unknown-1"]);
            assert!(listed.iter().all(|one| one.site_id.is_none()));
            let newest = home.newest().await;
            assert_eq!((newest.mailboxes, newest.differences), (3, 2));
            assert_eq!(newest.outcome, "2 to be looked at");
            assert_eq!(home.engine.look("unknown-1").await, Ok(Some(holds.to_owned())));

            // Whom the directory knows is never removed that way.
            for known in home.people.iter().chain([&home.mailbox]) {
                assert!(remove_unknown(&home.app, known).await.is_err());
            }
            assert_eq!(home.engine.mailboxes().len(), 5);
            home.engine.set_down(true);
            assert!(remove_unknown(&home.app, "unknown-1").await.is_err());
            home.engine.set_down(false);
            for id in ids {
                assert_eq!(remove_unknown(&home.app, &id).await, Ok(()));
            }
            assert_eq!(home.compares().await, []);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_comparison_waits_for_a_server_that_is_down() {
        for home in homes().await {
            home.engine.set_down(true);
            assert!(home.asks().await);
            assert!(!home.asks().await, "one at a time");
            home.does_all_work().await;
            let mut from = &home.app.database;
            assert_eq!(newest_comparison(&mut from).await.expect("read"), None);
            let waiting = waiting_comparison(&mut from).await.expect("read").expect("it waits");
            assert_eq!((waiting.asked_at, waiting.reason.as_str()), (NOON, "the mail engine is down"));
            assert!(!home.asks().await, "also while it waits to be tried again");
            home.app.clock.advance(Span::minutes(1));
            home.engine.set_down(false);
            let held = outbox::store::take(&home.app.database, home.app.clock.now()).await.expect("taken");
            assert!(!home.asks().await, "nor while it is under way");
            let under_way = waiting_comparison(&mut from).await.expect("read").expect("it waits");
            assert_eq!(under_way.reason, "");
            let again = outbox::store::take(&home.app.database, home.app.clock.now()).await.expect("taken");
            assert_eq!(again, [], "it is left to whoever does it");
            let why = NotDone::Later("the power went".to_owned());
            for taken in &held {
                let (now, took) = (home.app.clock.now(), Span::seconds(1));
                outbox::store::not_done(&home.app.database, now, took, taken, &why).await.expect("noted");
            }
            home.does_all_work().await;
            assert_eq!(newest_comparison(&mut from).await.expect("read"), None, "tried again in 5 minutes");
            assert!(!home.asks().await, "the same one, but now");
            home.does_all_work().await;
            assert_eq!(home.newest().await.outcome, "nothing differed");
            assert_eq!(waiting_comparison(&mut from).await.expect("read"), None);
            assert!(home.asks().await);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_engine_that_began_with_nothing_is_told_when_nothing_is_missing() {
        for home in homes().await {
            let is_filling = || async { home.engine.filling().await.expect("asked").is_some() };
            let compared = || async {
                home.app.clock.advance(Span::minutes(1));
                queue_due(&home.app).await.expect("queued");
                home.count_work("CompareMail").await
            };
            assert_eq!(compared().await, 1);
            home.does_all_work().await;
            assert_eq!(compared().await, 1, "one that holds everything is compared once a day");

            home.engine.begin_empty();
            let early = home.engine.filling().await.expect("asked").expect("it is filling");
            assert_eq!(compared().await, 2, "it is compared by itself, within a minute");
            // The comparison alone, and not the work that follows from it.
            let taken = outbox::store::take(&home.app.database, home.app.clock.now()).await.expect("taken");
            for taken in taken.iter().filter(|taken| matches!(taken.work, Work::CompareMail { .. })) {
                assert_eq!(compare(&home.app, taken).await, Ok(()));
            }
            assert_eq!(home.newest().await.differences, 4);
            assert!(is_filling().await, "nothing of what was missing has come yet");
            assert_eq!(compared().await, 2, "not again while that is under way");

            // It begins anew once more: what was found of the time before counts no longer.
            home.engine.begin_empty();
            assert_eq!(home.engine.ensure_filled(&early).await, Ok(Ensured::AlreadyRight));
            assert!(is_filling().await);

            home.does_all_work().await;
            assert_eq!(home.engine.mailboxes().len(), 4);
            assert!(is_filling().await, "nobody has looked whether everything is there");
            assert_eq!(compared().await, 3);
            home.does_all_work().await;
            assert_eq!(home.newest().await.differences, 0);
            assert!(!is_filling().await);
            assert_eq!(compared().await, 3);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_engine_waits_for_the_person_who_must_act() {
        for home in homes().await {
            home.engine.begin_empty();
            assert_eq!(home.compares().await.len(), 4);
            home.engine.lose(&home.people[0]);
            assert_eq!(home.compares().await.len(), 1);
            change(
                &home.app,
                "UPDATE outbox SET state = 'NeedsAttention'
                  WHERE id = (SELECT MAX(id) FROM outbox WHERE kind = 'ProvisionAccount')",
            )
            .await;
            home.engine.lose(&home.people[0]);
            let comparisons = home.count_work("CompareMail").await;
            home.app.clock.advance(Span::minutes(1));
            queue_due(&home.app).await.expect("queued");
            assert_eq!(home.count_work("CompareMail").await, comparisons, "it would find the same again");
            assert!(home.engine.filling().await.expect("asked").is_some());
            change(&home.app, "UPDATE outbox SET state = 'GivenUp' WHERE state = 'NeedsAttention'").await;
            queue_due(&home.app).await.expect("queued");
            assert_eq!(home.count_work("CompareMail").await, comparisons + 1);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn upkeep_is_queued_when_it_is_due_and_once() {
        for home in homes().await {
            let counts = || async {
                // Two nodes at the same moment.
                let (one, other) = tokio::join!(queue_due(&home.app), queue_due(&home.app));
                one.and(other).expect("queued");
                (home.count_work("CompareMail").await, home.count_work("WatchUnread").await)
            };
            assert_eq!(counts().await, (1, 1), "at the first start at once");
            assert_eq!(counts().await, (1, 1), "not while they wait");
            home.does_all_work().await;
            assert_eq!(counts().await, (1, 1));
            home.app.clock.advance(COUNTED_EVERY);
            assert_eq!(counts().await, (1, 2), "unread mail every hour");
            home.does_all_work().await;
            home.app.clock.advance(Span::seconds(23 * 3600 - 1));
            assert_eq!(counts().await, (1, 3));
            home.does_all_work().await;
            home.app.clock.advance(Span::seconds(1));
            assert_eq!(counts().await.0, 2, "the comparison every day");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn use_is_noted_forward_and_of_those_who_got_in() {
        for home in homes().await {
            let [asha, bo, _] = &home.people;
            change(
                &home.app,
                "INSERT INTO app_passwords (id, account_id, name, selector, hash, made_at)
                 SELECT 'of ' || id, id, 'Laptop', 'k7mq', 'hash', 0 FROM accounts",
            )
            .await;
            let report = |address: &str, app_password: &str, success| SignInReport {
                address: address.to_owned(),
                app_password: app_password.to_owned(),
                success,
            };
            let used = |account: &str| {
                let (account, mut from) = (account.to_owned(), &home.app.database);
                async move {
                    let (account, program): (Option<Timestamp>, Option<Timestamp>) = from
                        .one(
                            "SELECT a.last_used_at, p.last_used_at FROM accounts a
                               JOIN app_passwords p ON p.account_id = a.id WHERE a.id = $1",
                            &[&account],
                        )
                        .await
                        .expect("read");
                    (account, program)
                }
            };
            let database = &home.app.database;
            let note = |at: Timestamp, reports: Vec<SignInReport>| async move {
                note_use(database, at, reports).await.expect("noted");
            };
            note(NOON, Vec::new()).await;
            note(
                NOON,
                vec![
                    report("Asha.Patel@carepost.example", "k7mq", true),
                    report("asha.patel@carepost.example", "k7mq", true),
                    report("bo.li@carepost.example", "k7mq", false),
                    report("nobody@carepost.example", "k7mq", true),
                    report("' OR '1'='1", "' OR '1'='1", true),
                    report("", "", true),
                ],
            )
            .await;
            assert_eq!(used(asha).await, (Some(NOON), Some(NOON)));
            assert_eq!(used(bo).await, (None, None), "a wrong password is no use");

            // Within a minute it is not written again, and what is known never goes back.
            let again = || vec![report("asha.patel@carepost.example", "k7mq", true)];
            note(NOON.plus(Span::seconds(30)), again()).await;
            assert_eq!(used(asha).await, (Some(NOON), Some(NOON)));
            note(NOON.minus(Span::hours(1)), again()).await;
            assert_eq!(used(asha).await, (Some(NOON), Some(NOON)));
            let later = NOON.plus(Span::seconds(61));
            note(later, again()).await;
            assert_eq!(used(asha).await, (Some(later), Some(later)));

            // Another program's sign-in is use of the account and not of this program, and what was
            // revoked or disabled meanwhile stays as it was.
            let latest = NOON.plus(Span::hours(1));
            note(latest, vec![report("asha.patel@carepost.example", "zzzz", true)]).await;
            assert_eq!(used(asha).await, (Some(latest), Some(later)));
            change(&home.app, "UPDATE app_passwords SET revoked_at = 1").await;
            change(
                &home.app,
                "UPDATE accounts SET state = 'Disabled' WHERE address = 'bo.li@carepost.example'",
            )
            .await;
            note(latest, vec![report("bo.li@carepost.example", "k7mq", true)]).await;
            assert_eq!(used(bo).await, (None, None));
        }
    }

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
                let unread = list_unread(&mut &home.app.database).await.expect("listed");
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
