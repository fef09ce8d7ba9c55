//! Comparisons of the directory with what the mail engine holds, and what they found.

use super::{UPKEEP_LOCK, list_secure_domains};
use crate::app::App;
use crate::audit::{self, Actor, Entry};
use crate::clock::Timestamp;
use crate::database::{Database, Error, FromRow, Param, Reads, Result, Row, Tx, transaction};
use crate::directory::provision;
use crate::directory::upkeep::{Difference, Repair};
use crate::id::new_id;
use crate::mail::{ACCESS_LISTS_SAY, EngineError};
use crate::outbox::store::{Taken, bulk};
use crate::outbox::{self, Work, WorkError};
use std::collections::{BTreeMap, BTreeSet};

/// Mailboxes compared, or looked into, together.
const PAGE: u32 = 500;

/// Differences kept and shown.
pub const DIFFERENCES_MAX: usize = 500;

/// Letters of what an access list said that go into the trail.
const ENTRY_LETTERS_MAX: usize = 1_000;

/// The bulk in which mailboxes are set up again.
pub const REPAIR: &str = "mailboxes set up again";

/// A difference that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxDifference {
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
pub async fn newest_comparison(from: &impl Reads) -> Result<Option<Comparison>> {
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
    pub found: MailboxDifference,
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
            found: MailboxDifference { mailbox_id: row.get(0)?, address: row.get(1)?, difference },
            site_id: Some(site_id).filter(|id| !id.is_empty()),
            repair: match work.as_str() {
                "Waiting" | "Taken" => Repair::UnderWay,
                "NeedsAttention" | "GivenUp" => Repair::NotDone,
                // Finished work is cleared away in the end.
                _ => Repair::Done,
            },
        })
    }
}

/// What the newest comparison found, by address, at most 500.
pub async fn list_differences(from: &impl Reads) -> Result<Vec<Listed>> {
    // A repair that waited already when the comparison began is the same repair.
    from.all(
        "SELECT d.mailbox_id, d.address, d.difference,
                COALESCE((SELECT m.site_id FROM shared_mailboxes m WHERE m.id = d.mailbox_id),
                         (SELECT l.site_id FROM account_slots l WHERE l.account_id = d.mailbox_id), ''),
                COALESCE((SELECT o.state FROM outbox o
                           WHERE o.subject = d.mailbox_id AND o.state IN ('Waiting', 'Taken')
                             AND o.kind IN ('ProvisionAccount', 'ProvisionSharedMailbox') LIMIT 1),
                         (SELECT o.state FROM outbox o
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
pub async fn waiting_comparison(from: &impl Reads) -> Result<Option<Waiting>> {
    from.maybe(
        "SELECT o.queued_at, COALESCE(t.reason, '') FROM outbox o
           LEFT JOIN outbox_attempts t ON t.work_id = o.id AND t.attempt = o.attempts
          WHERE o.kind = 'CompareMail' AND o.state IN ('Waiting', 'Taken')
          ORDER BY o.queued_at, o.id, t.ended_at DESC LIMIT 1",
        &[],
    )
    .await
}

/// Queues a comparison. Where one waits already there is no second one, but one that failed and waits to
/// be tried again is tried now. One that is under way is left alone.
pub async fn ask_for_comparison(tx: &mut Tx, now: Timestamp, by: &Actor) -> Result<bool> {
    tx.lock(UPKEEP_LOCK).await?;
    if waiting_comparison(tx).await?.is_some() {
        tx.run(
            "UPDATE outbox SET due_at = $1 WHERE kind = 'CompareMail' AND state = 'Waiting' AND due_at > $1",
            &[&now],
        )
        .await?;
        tx.signal(Work::CompareMail.lane().channel());
        return Ok(false);
    }
    outbox::store::queue(tx, now, now, &Work::CompareMail).await?;
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
) -> std::result::Result<(BTreeMap<String, Wanted>, bool), WorkError> {
    let limit = i64::from(PAGE);
    // What is not provisioned yet has its own work under way.
    let ids: Vec<(String, bool)> = app
        .database
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
        // Reads of SQLite wait for nothing, and a comparison is long: others come in between.
        tokio::task::yield_now().await;
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
async fn is_known(from: &Database, id: &str) -> Result<bool> {
    let found: Option<(String,)> = from
        .maybe(
            "SELECT id FROM accounts WHERE id = $1 AND state <> 'Purged'
             UNION ALL SELECT id FROM shared_mailboxes WHERE id = $1 AND state <> 'Purged'",
            &[&id],
        )
        .await?;
    Ok(found.is_some())
}

/// What a comparison has found so far. Only so many differences are kept as are shown; a third of a million
/// would fill the memory.
#[derive(Clone, Default)]
struct Found {
    mailboxes: i64,
    differences: usize,
    missing: usize,
    /// Of a kind that nothing puts right by itself.
    left: usize,
    kept: Vec<MailboxDifference>,
    /// Mailboxes whose access lists on the server said what they should not, and what they said.
    access: Vec<(String, String)>,
    /// The bulk in which the rest is put right.
    bulk: Option<String>,
}

impl Found {
    fn add(&mut self, one: MailboxDifference) {
        self.differences += 1;
        self.missing += usize::from(one.difference == Difference::Missing);
        self.left += usize::from(!one.difference.is_repaired());
        if self.kept.len() < DIFFERENCES_MAX {
            self.kept.push(one);
        }
    }

    /// Has mailboxes provisioned again, in the bulk of this comparison. A comparison that ends half way and is
    /// made again finds the same mailboxes waiting, and queues none twice.
    async fn repair(&mut self, app: &App, works: Vec<Work>) -> Result<()> {
        let now = app.clock.now();
        for some in works.chunks(bulk::CHUNK) {
            let (some, id) = (some.to_vec(), self.bulk.clone());
            let id = app
                .database
                .write::<_, Error, _>(transaction!(async move |tx| {
                    let id = match id {
                        Some(id) => id,
                        None => bulk::begin(tx, now, REPAIR, "mail").await?,
                    };
                    bulk::queue(tx, now, &id, &some).await?;
                    Ok(id)
                }))
                .await?;
            self.bulk = Some(id);
        }
        Ok(())
    }
}

/// Compares everything the directory wants with what the engine holds, page by page, and has what differs
/// provisioned again.
async fn differences(app: &App, is_filling: bool) -> std::result::Result<Found, WorkError> {
    let mut found = Found::default();
    let mut held = BTreeMap::new();
    let mut after = String::new();
    loop {
        let page = app.mail.list(&after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.id);
        for one in &page {
            if let Some((_, says)) = one.holds.split_once(ACCESS_LISTS_SAY)
                && found.access.len() < DIFFERENCES_MAX
            {
                found.access.push((one.id.clone(), says.to_owned()));
            }
        }
        // Only a mark of what is held: a third of a million lines would fill the memory.
        held.extend(page.into_iter().map(|one| (one.id, crate::id::fingerprint(&one.holds))));
    }
    let mut after = String::new();
    loop {
        let (page, is_last) = wanted_page(app, &after).await?;
        if let Some(last) = page.keys().next_back() {
            after.clone_from(last);
        }
        let mut works = Vec::new();
        for (id, wanted) in page {
            found.mailboxes += 1;
            let difference = match held.remove(&id) {
                None => Some(Difference::Missing),
                Some(mark) if mark != crate::id::fingerprint(&wanted.holds) => Some(Difference::Differs),
                Some(_) => None,
            };
            if let Some(difference) = difference {
                works.push(wanted.work);
                found.add(MailboxDifference { mailbox_id: id, address: wanted.address, difference });
            }
        }
        found.repair(app, works).await?;
        if is_last {
            break;
        }
    }
    let mut unknown = BTreeSet::new();
    for id in held.into_keys() {
        if !is_known(&app.database, &id).await? {
            unknown.insert(id.clone());
            let address = app.mail.look(&id).await?.unwrap_or_default();
            let address = address.split("; ").nth(1).unwrap_or("").to_owned();
            found.add(MailboxDifference { mailbox_id: id, address, difference: Difference::Unknown });
        }
    }
    let stored = match app.mail.list_storage().await {
        // What is stored is looked at by the next comparison: the engine must hold everything first.
        Err(EngineError::Later(why)) if is_filling => {
            tracing::info!(why, "stored mail is not compared while the mail engine is being filled");
            Vec::new()
        }
        listed => listed?,
    };
    for id in stored {
        if !unknown.contains(&id) && !is_known(&app.database, &id).await? {
            let difference = Difference::StorageUnknown;
            found.add(MailboxDifference { mailbox_id: id, address: String::new(), difference });
        }
    }
    Ok(found)
}

/// Compares directory and engine and has what differs provisioned again. An engine that began with
/// nothing is told once nothing is missing.
///
/// # Errors
/// Later, when either does not answer.
pub async fn compare(app: &App, taken: &Taken) -> std::result::Result<(), WorkError> {
    let begun_at = app.clock.now();
    // Asked before anything is looked at: should the engine begin anew meanwhile, that is another filling.
    let filling = app.mail.filling().await?;
    let domains = list_secure_domains(&app.database).await?;
    app.mail.ensure_secure_domains(&domains).await?;
    let found = differences(app, filling.is_some()).await?;
    if let Some(filling) = filling
        && found.missing == 0
    {
        app.mail.ensure_filled(&filling).await?;
    }
    let (taken, now) = (taken.clone(), app.clock.now());
    app.database
        .write::<_, WorkError, _>(transaction!(async move |tx| {
            if let Some(id) = &found.bulk {
                bulk::all_queued(tx, now, id).await?;
            }
            if outbox::store::done(tx, now, &taken).await? {
                keep(tx, begun_at, now, &found).await?;
            }
            Ok(())
        }))
        .await
}

/// Keeps what a comparison found, in place of what the one before did.
async fn keep(tx: &mut Tx, begun_at: Timestamp, now: Timestamp, found: &Found) -> Result<()> {
    tx.run("DELETE FROM mail_differences", &[]).await?;
    let lines: Vec<(&str, &MailboxDifference)> =
        found.kept.iter().map(|one| (one.difference.stored(), one)).collect();
    let rows: Vec<[&(dyn Param + '_); 4]> = lines
        .iter()
        .map(|(difference, one)| -> [&(dyn Param + '_); 4] {
            [&one.mailbox_id, &one.address, difference, &begun_at]
        })
        .collect();
    let head = "INSERT INTO mail_differences (mailbox_id, address, difference, found_at)";
    tx.run_rows(head, &rows, "").await?;
    let differences = i64::try_from(found.differences).unwrap_or(i64::MAX);
    let outcome = match (found.differences, found.left) {
        (0, _) => "nothing differed".to_owned(),
        (_, 0) => "put right".to_owned(),
        (_, left) => format!("{left} to be looked at"),
    };
    tx.run(
        "INSERT INTO mail_comparisons (id, begun_at, ended_at, by_whom, mailboxes, differences, outcome)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[&new_id(now), &begun_at, &now, &"Service", &found.mailboxes, &differences, &outcome],
    )
    .await?;
    for (id, says) in &found.access {
        let says: String = says.chars().take(ENTRY_LETTERS_MAX).collect();
        let entry = Entry::new(Actor::Service, "access lists on the mail server put right", id).because(says);
        audit::store::add(tx, now, &entry).await?;
    }
    if differences > 0 {
        let entry = Entry::new(Actor::Service, "mail server differed from the directory", "mail")
            .because(format!("{differences} of {} mailboxes; {outcome}", found.mailboxes));
        audit::store::add(tx, now, &entry).await?;
    }
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

#[cfg(test)]
mod tests {
    use super::super::for_tests::{NOON, change, homes};
    use super::*;
    use crate::clock::Span;
    use crate::mail::MailEngine;
    use crate::outbox::Lane;

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
    async fn what_differs_is_repaired_in_bulk_and_how_far_that_is_can_be_seen() {
        for home in homes().await {
            for id in home.people.iter().chain([&home.mailbox]) {
                home.engine.lose(id);
            }
            let (app, now) = (&home.app, home.app.clock.now());
            // One of them is changed by somebody, who does not wait for the rest.
            let work = Work::ProvisionAccount { account: home.people[0].clone() };
            app.database
                .write::<_, Error, _>(transaction!(async move |tx| {
                    outbox::store::queue(tx, now, now, &work).await
                }))
                .await
                .expect("queued");
            assert!(home.asks().await);
            let take = async |lane| {
                outbox::store::take_in(&app.database, "node", lane, now, 10).await.expect("taken")
            };
            let comparison = take(Lane::Upkeep).await.remove(0);
            // A comparison that ends half way and is made again queues nothing twice.
            assert_eq!(differences(app, false).await.map(|found| found.differences).ok(), Some(4));
            assert_eq!(compare(app, &comparison).await, Ok(()));
            assert_eq!(home.newest().await.differences, 4);
            let listed = list_differences(&app.database).await.expect("listed");
            assert!(listed.iter().all(|one| one.repaired() == Some(Repair::UnderWay)), "{listed:?}");

            let progress = async || {
                bulk::count_up(&app.database, now).await.expect("counted");
                let all = bulk::list(&app.database).await.expect("listed");
                assert!(all.iter().all(|one| (one.name.as_str(), one.subject.as_str()) == (REPAIR, "mail")));
                all.into_iter().map(|one| (one.total, one.done, one.result)).collect::<Vec<_>>()
            };
            let over = || "all done".to_owned();
            // The newer finds everything waiting that the older had queued.
            assert_eq!(progress().await, [(0, 0, over()), (3, 0, String::new())]);
            let repairs = take(Lane::Bulk).await;
            assert_eq!((take(Lane::Mailboxes).await.len(), repairs.len()), (1, 3));
            for taken in &repairs {
                if let Work::ProvisionAccount { account } = &taken.work {
                    assert_eq!(provision::account(app, taken, account).await, Ok(()));
                } else {
                    assert_eq!(taken.work.subject(), home.mailbox);
                    assert_eq!(provision::shared_mailbox(app, taken, &home.mailbox).await, Ok(()));
                }
            }
            assert_eq!(progress().await, [(0, 0, over()), (3, 3, over())]);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_repair_that_goes_on_or_fails_is_said() {
        for home in homes().await {
            home.engine.lose(&home.people[0]);
            assert!(home.asks().await);
            // The comparison alone, and not the work that follows from it.
            let taken = outbox::store::take(&home.app.database, home.app.clock.now()).await.expect("taken");
            for taken in taken.iter().filter(|taken| taken.work == Work::CompareMail) {
                assert_eq!(compare(&home.app, taken).await, Ok(()));
            }
            let repaired = || async {
                let listed = list_differences(&home.app.database).await.expect("listed");
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
            assert_eq!(newest_comparison(&home.app.database).await.expect("read"), None);
            let waiting = waiting_comparison(&home.app.database).await.expect("read").expect("it waits");
            assert_eq!((waiting.asked_at, waiting.reason.as_str()), (NOON, "the mail engine is down"));
            assert!(!home.asks().await, "also while it waits to be tried again");
            home.app.clock.advance(Span::minutes(1));
            home.engine.set_down(false);
            let held = outbox::store::take(&home.app.database, home.app.clock.now()).await.expect("taken");
            assert!(!home.asks().await, "nor while it is under way");
            let under_way = waiting_comparison(&home.app.database).await.expect("read").expect("it waits");
            assert_eq!(under_way.reason, "");
            let again = outbox::store::take(&home.app.database, home.app.clock.now()).await.expect("taken");
            assert_eq!(again, [], "it is left to whoever does it");
            let why = WorkError::Later("the power went".to_owned());
            for taken in &held {
                let (now, took) = (home.app.clock.now(), Span::seconds(1));
                outbox::store::not_done(&home.app.database, now, took, taken, &why).await.expect("noted");
            }
            home.does_all_work().await;
            assert_eq!(
                newest_comparison(&home.app.database).await.expect("read"),
                None,
                "tried again in 5 minutes"
            );
            assert!(!home.asks().await, "the same one, but now");
            home.does_all_work().await;
            assert_eq!(home.newest().await.outcome, "nothing differed");
            assert_eq!(waiting_comparison(&home.app.database).await.expect("read"), None);
            assert!(home.asks().await);
        }
    }
}
