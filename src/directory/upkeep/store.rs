//! Comparisons, use and unread mail in the database, and the work that keeps them.

use super::{COMPARED_EVERY, COUNTED_EVERY, Difference, SignInReport, is_told, working_days_before};
use crate::app::App;
use crate::audit::{self, Actor, Entry};
use crate::clock::{Span, Timestamp};
use crate::database::{Database, FromRow, Reads, Result, Row, Tx};
use crate::directory::letters::{self, From};
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
const DIFFERENCES_MAX: usize = 500;

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

/// What the newest comparison found, in words: identifier, address, how it differed.
pub async fn list_differences(mut from: &Database) -> Result<Vec<(String, String, String)>> {
    from.all(
        "SELECT mailbox_id, address, difference FROM mail_differences ORDER BY address, mailbox_id LIMIT 500",
        &[],
    )
    .await
}

/// Queues a comparison, unless one waits already.
pub async fn ask_for_comparison(tx: &mut Tx, now: Timestamp, by: &Actor) -> Result<bool> {
    let waiting: Option<(String,)> = tx
        .maybe("SELECT id FROM outbox WHERE kind = 'CompareMail' AND state = 'Waiting' LIMIT 1", &[])
        .await?;
    if waiting.is_some() {
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

/// Compares directory and engine and has what differs provisioned again.
///
/// # Errors
/// Later, when either does not answer.
pub async fn compare(app: &App, taken: &Taken) -> std::result::Result<(), NotDone> {
    let begun_at = app.clock.now();
    let domains = list_secure_domains(&app.database).await?;
    app.mail.ensure_secure_domains(&domains).await.map_err(engine_failed)?;
    let (mailboxes, found, work) = differences(app).await?;
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
    let from = From::of(&app.settings);
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

/// Queues what is due by the clock: the daily comparison, the hourly count.
pub async fn queue_due(database: &Database, now: Timestamp) -> Result<()> {
    let mut from = database;
    let compared: Option<(Timestamp,)> =
        from.maybe("SELECT begun_at FROM mail_comparisons ORDER BY begun_at DESC LIMIT 1", &[]).await?;
    let counted: Option<(Timestamp,)> = from
        .maybe("SELECT queued_at FROM outbox WHERE kind = 'WatchUnread' ORDER BY queued_at DESC LIMIT 1", &[])
        .await?;
    let compare = compared.is_none_or(|(at,)| at.plus(COMPARED_EVERY) <= now);
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
