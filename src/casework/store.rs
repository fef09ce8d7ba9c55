//! The queue, approvals and notes in the database.

use crate::audit::store::written;
use crate::clock::Timestamp;
use crate::database::page::{Key, Page, Seek};
use crate::database::{Database, Error, FromRow, Reads, Result, Row, Tx};
use crate::outbox::transitions::StateKind;
use crate::outbox::transitions::sql_list;
use crate::registration::RegistrationStateKind;
use crate::service_desk::{EnquiryKind, EnquiryState};
use std::sync::LazyLock;

/// Cases on one page of the queue.
pub const PAGE: usize = 25;

/// Notes an approval; false where this person has said yes before, which counts once.
pub async fn add_approval(
    tx: &mut Tx,
    registration: &str,
    case_worker: &str,
    now: Timestamp,
) -> Result<bool> {
    let added = tx.run(
        "INSERT INTO approvals (registration_id, case_worker_id, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        &[&registration, &case_worker, &now],
    )
    .await?;
    Ok(added == 1)
}

/// Takes approvals away, because what they were given for is not as it was.
pub async fn forget_approvals(tx: &mut Tx, registration: &str) -> Result<u64> {
    tx.run("DELETE FROM approvals WHERE registration_id = $1", &[&registration]).await
}

pub async fn count_approvals(from: &impl Reads, registration: &str) -> Result<i64> {
    let (count,): (i64,) =
        from.one("SELECT COUNT(*) FROM approvals WHERE registration_id = $1", &[&registration]).await?;
    Ok(count)
}

/// Whether somebody has approved a registration.
pub async fn has_approved(from: &impl Reads, registration: &str, case_worker: &str) -> Result<bool> {
    let found: Option<(Timestamp,)> = from
        .maybe(
            "SELECT at FROM approvals WHERE registration_id = $1 AND case_worker_id = $2",
            &[&registration, &case_worker],
        )
        .await?;
    Ok(found.is_some())
}

/// Identifiers and names of those who have approved, the first first.
pub async fn list_approvers(from: &Database, registration: &str) -> Result<Vec<(String, String)>> {
    from.all(
        "SELECT w.id, w.name FROM approvals a JOIN case_workers w ON w.id = a.case_worker_id
          WHERE a.registration_id = $1 ORDER BY a.at LIMIT 10",
        &[&registration],
    )
    .await
}

/// What a case is, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseOf {
    Registration(RegistrationStateKind),
    Enquiry(EnquiryKind, EnquiryState),
}

impl CaseOf {
    fn stored(kind: &str, state: &str) -> Result<Self> {
        if kind == "Registration" {
            return Ok(CaseOf::Registration(RegistrationStateKind::read(state)?));
        }
        let kind =
            EnquiryKind::parse(kind).ok_or_else(|| Error::Broken(format!("no case is called {kind}")))?;
        Ok(CaseOf::Enquiry(kind, EnquiryState::read(state)?))
    }
}

/// One line of the queue.
#[derive(Clone, Debug)]
pub struct CaseLine {
    pub id: String,
    pub reference: String,
    pub case: CaseOf,
    pub title: String,
    pub asked_at: Timestamp,
    pub due_at: Timestamp,
    pub high_risk: bool,
    /// Why a registration was referred; who looks after an enquiry. Empty where neither is known.
    pub because: String,
}

impl FromRow for CaseLine {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(CaseLine {
            id: row.get(0)?,
            reference: row.get(1)?,
            case: CaseOf::stored(&row.get::<String>(2)?, &row.get::<String>(3)?)?,
            title: row.get(4)?,
            asked_at: row.get(5)?,
            due_at: row.get(6)?,
            high_risk: row.get(7)?,
            because: row.get(8)?,
        })
    }
}

/// What the queue shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// What a case worker can act on now, oldest due first.
    ToDo,
    /// Waiting for somebody outside: a registrant's answer, a register.
    Waiting,
    /// Enquiries that are open.
    Enquiries,
    /// Decided and ended, newest first.
    Ended,
}

impl Filter {
    pub const ALL: [Filter; 4] = [Filter::ToDo, Filter::Waiting, Filter::Enquiries, Filter::Ended];

    pub fn slug(self) -> &'static str {
        match self {
            Filter::ToDo => "to-do",
            Filter::Waiting => "waiting",
            Filter::Enquiries => "enquiries",
            Filter::Ended => "ended",
        }
    }

    pub fn in_words(self) -> &'static str {
        match self {
            Filter::ToDo => "To do",
            Filter::Waiting => "Waiting for others",
            Filter::Enquiries => "Enquiries",
            Filter::Ended => "Ended",
        }
    }

    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|filter| filter.slug() == slug)
    }
}

/// Where the queue shows a registration; nowhere before it is sent.
fn shows_registration(state: RegistrationStateKind) -> Option<Filter> {
    use RegistrationStateKind as Kind;
    match state {
        Kind::Draft | Kind::Expired | Kind::Ineligible => None,
        Kind::Referred => Some(Filter::ToDo),
        Kind::Submitted | Kind::Checking | Kind::MoreInformationAsked => Some(Filter::Waiting),
        Kind::Approved
        | Kind::Provisioning
        | Kind::Live
        | Kind::Declined
        | Kind::Withdrawn
        | Kind::Stopped => Some(Filter::Ended),
    }
}

/// Where the queue shows an enquiry: an open one among all that is to do and among its own kind.
fn shows_enquiry(state: EnquiryState) -> &'static [Filter] {
    match state {
        EnquiryState::Open => &[Filter::ToDo, Filter::Enquiries],
        EnquiryState::Closed => &[Filter::Ended],
    }
}

/// The statements of a filter.
struct Statements {
    /// A page of what follows a key, and of what stands before it.
    onwards: String,
    back: String,
}

impl Statements {
    fn of(filter: Filter) -> Self {
        let registrations = sql_list(|state| shows_registration(state) == Some(filter));
        let enquiries = sql_list(|state| shows_enquiry(state).contains(&filter));
        let (registration_place, enquiry_place) = match filter {
            Filter::ToDo | Filter::Waiting | Filter::Enquiries => ("COALESCE(due_at, 0)", "due_at"),
            Filter::Ended => ("changed_at", "COALESCE(closed_at, 0)"),
        };
        let mut cases = Vec::new();
        if !registrations.is_empty() {
            cases.push(format!(
                "SELECT id, reference, 'Registration' AS kind, state, COALESCE(site_name, '') AS title,
                        COALESCE(submitted_at, 0) AS asked_at, COALESCE(due_at, 0) AS due_at, high_risk,
                        referred_because AS because, {registration_place} AS place
                   FROM registrations WHERE state IN ({registrations}) AND submitted_at IS NOT NULL"
            ));
        }
        if !enquiries.is_empty() {
            cases.push(format!(
                "SELECT id, reference, kind, state, organisation AS title, asked_at, due_at, FALSE AS high_risk,
                        COALESCE((SELECT w.name FROM case_workers w WHERE w.id = claimed_by), '') AS because,
                        {enquiry_place} AS place
                   FROM enquiries WHERE state IN ({enquiries})"
            ));
        }
        let cases = cases.join(" UNION ALL ");
        let page = |compares: &str, order: &str| {
            format!(
                "SELECT id, reference, kind, state, title, asked_at, due_at, high_risk, because, place FROM ({cases}) cases
                  WHERE (place, id) {compares} ($1, $2) ORDER BY place {order}, id {order} LIMIT $3"
            )
        };
        let (rising, falling) = (page(">", "ASC"), page("<", "DESC"));
        match filter {
            Filter::ToDo | Filter::Waiting | Filter::Enquiries => {
                Statements { onwards: rising, back: falling }
            }
            Filter::Ended => Statements { onwards: falling, back: rising },
        }
    }
}

/// The statements of every filter, in the order of the filters.
static STATEMENTS: LazyLock<[Statements; Filter::ALL.len()]> =
    LazyLock::new(|| Filter::ALL.map(Statements::of));

/// Before every case that there can be, and after.
const EARLIEST: Timestamp = Timestamp::from_milliseconds(i64::MIN);
const LATEST: Timestamp = Timestamp::from_milliseconds(i64::MAX);

/// A page of the queue: by when cases are due, or, where they have ended, by when, the newest first.
pub async fn list_queue(
    from: &Database,
    filter: Filter,
    seek: &Seek<Timestamp>,
) -> Result<Page<CaseLine, Timestamp>> {
    let Statements { onwards, back } = &STATEMENTS[filter as usize];
    let start = match filter {
        Filter::ToDo | Filter::Waiting | Filter::Enquiries => EARLIEST,
        Filter::Ended => LATEST,
    };
    let beginning = Key::new(start, "");
    let (sql, key) = match seek {
        Seek::First => (onwards, &beginning),
        Seek::After(key) => (onwards, key),
        Seek::Before(key) => (back, key),
    };
    let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let rows: Vec<Placed> = from.all(sql, &[&key.first, &key.id, &limit]).await?;
    let page = Page::of(seek, PAGE, rows, |Placed(line, place)| Key::new(*place, &line.id));
    Ok(Page {
        rows: page.rows.into_iter().map(|Placed(line, _)| line).collect(),
        previous: page.previous,
        next: page.next,
    })
}

/// A line with its place in the order.
struct Placed(CaseLine, Timestamp);

impl FromRow for Placed {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Placed(CaseLine::from_row(row)?, row.get(9)?))
    }
}

/// Cases whose reference, site, code or postcode is what was typed; at most a page.
pub async fn search(from: &Database, typed: &str) -> Result<Vec<CaseLine>> {
    let upper = typed.to_uppercase();
    from.all(
        "SELECT id, reference, kind, state, title, asked_at, due_at, high_risk, because FROM (
           SELECT id, reference, 'Registration' AS kind, state, COALESCE(site_name, '') AS title,
                  COALESCE(submitted_at, 0) AS asked_at, COALESCE(due_at, 0) AS due_at, high_risk,
                      referred_because AS because
             FROM registrations
            WHERE submitted_at IS NOT NULL
              AND (reference = $1 OR ods_code = $1 OR cqc_location_id = $1 OR postcode = $1 OR site_name = $2)
           UNION ALL
           SELECT id, reference, kind, state, organisation, asked_at, due_at, FALSE,
                  COALESCE((SELECT w.name FROM case_workers w WHERE w.id = claimed_by), '')
             FROM enquiries WHERE reference = $1
         ) cases ORDER BY asked_at DESC, id LIMIT $3",
        &[&upper, &typed, &i64::try_from(PAGE).unwrap_or(i64::MAX)],
    )
    .await
}

/// How many cases wait for a case worker, and how many of them are late.
pub async fn count_to_do(from: &Database, now: Timestamp) -> Result<(i64, i64)> {
    from.one(&TO_DO, &[&now]).await
}

/// Counts what waits for a case worker, and how much of it is late.
static TO_DO: LazyLock<String> = LazyLock::new(|| {
    let registrations = sql_list(|state| shows_registration(state) == Some(Filter::ToDo));
    let enquiries = sql_list(|state| shows_enquiry(state).contains(&Filter::ToDo));
    format!(
        "SELECT (SELECT COUNT(*) FROM registrations WHERE state IN ({registrations}))
              + (SELECT COUNT(*) FROM enquiries WHERE state IN ({enquiries})),
                (SELECT COUNT(*) FROM registrations WHERE state IN ({registrations}) AND due_at < $1)
              + (SELECT COUNT(*) FROM enquiries WHERE state IN ({enquiries}) AND due_at < $1)"
    )
});

/// Entries on one page of the history of a site.
pub const HISTORY_PAGE: usize = 50;

/// The history of a site from an entry in one direction; openings of its page are no part of it.
macro_rules! site_history {
    ($compares:literal, $order:literal) => {
        written!(
            "WHERE (e.subject IN ($1, $2)
                OR (e.actor LIKE 'case worker %' AND e.subject IN
                     (SELECT account_id FROM account_slots WHERE site_id = $1
                      UNION SELECT account_id FROM shared_mailbox_access WHERE shared_mailbox_id = $2)))
               AND e.action <> $3 AND e.id ",
            $compares,
            " $4 ORDER BY e.id ",
            $order,
            " LIMIT $5"
        )
    };
}

/// A page of what has happened to a site, its shared mailbox, and, by case workers, to the accounts that
/// have a place there or may use it; the newest first, without openings of the page itself (`looked`).
pub async fn site_history(
    from: &Database,
    site: &str,
    shared_mailbox: &str,
    looked: &str,
    seek: &Seek<Timestamp>,
) -> Result<Page<crate::audit::Written, Timestamp>> {
    let (sql, id) = match seek {
        // After every identifier, in every collation: they are hexadecimal.
        Seek::First => (site_history!("<", "DESC"), "z"),
        Seek::After(key) => (site_history!("<", "DESC"), key.id.as_str()),
        Seek::Before(key) => (site_history!(">", "ASC"), key.id.as_str()),
    };
    let limit = i64::try_from(HISTORY_PAGE + 1).unwrap_or(i64::MAX);
    let rows = from.all(sql, &[&site, &shared_mailbox, &looked, &id, &limit]).await?;
    Ok(Page::of(seek, HISTORY_PAGE, rows, |entry: &crate::audit::Written| Key::new(entry.at, &entry.id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::for_tests::{both_engines, run};
    use crate::database::transaction;

    const NOON: Timestamp = Timestamp::from_milliseconds(1_000_000);

    async fn filled(database: &Database) {
        run(
            database,
            "INSERT INTO registrations (id, reference, version, state, state_data, questions_version, answers, browser,
               network, started_at, changed_at, expires_at, submitted_at, due_at, ods_code, site_name, postcode,
               high_risk, referred_because)
             SELECT id, reference, 1, state, '', 1, '', '', '', 1, 1, 1, 1, due_at, ods_code, 'Rose Court', 'OL8 3NA',
                    TRUE, 'Somebody must look.'
               FROM (SELECT 'r1' AS id, 'CP-1' AS reference, 'Referred' AS state, 3000000 AS due_at, 'VR1' AS ods_code
                     UNION ALL SELECT 'r2', 'CP-2', 'Referred', 500000, 'VR2'
                     UNION ALL SELECT 'r3', 'CP-3', 'Live', 1, 'VR3') cases",
        )
        .await;
        run(
            database,
            "INSERT INTO enquiries (id, reference, version, kind, state, name, email, telephone, organisation, message,
               subject, asked_at, due_at, once)
             VALUES ('e1', 'CP-4', 1, 'Hospice', 'Open', '', '', '', 'A hospice', '', '', 1, 2000000, 'once')",
        )
        .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_queue_begins_with_what_is_due_first() {
        for database in both_engines().await {
            filled(&database).await;
            let check = async |filter: Filter, expect: &[&str]| {
                let lines = list_queue(&database, filter, &Seek::First).await.expect("listed");
                let ids: Vec<&str> = lines.rows.iter().map(|line| line.id.as_str()).collect();
                assert_eq!(ids, expect, "{filter:?} on {}", database.engine());
            };
            check(Filter::ToDo, &["r2", "e1", "r1"]).await;
            check(Filter::Waiting, &[]).await;
            check(Filter::Enquiries, &["e1"]).await;
            check(Filter::Ended, &["r3"]).await;
            assert_eq!(count_to_do(&database, NOON).await.expect("counted"), (3, 1));
            let first =
                list_queue(&database, Filter::ToDo, &Seek::First).await.expect("listed").rows.remove(0);
            assert!(first.high_risk && first.because == "Somebody must look." && first.title == "Rose Court");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn histories_of_sites_are_walked_by_key_without_openings_of_the_page() {
        for database in both_engines().await {
            run(
                &database,
                "INSERT INTO audit_entries (id, at, actor, action, subject, detail, text_hash)
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 240)
                 SELECT '0' || (1000 + i), i, 'case worker c', CASE WHEN i % 2 = 0 THEN 'looked' ELSE 'changed' END,
                        CASE WHEN i % 3 = 0 THEN 'mailbox' ELSE 'site' END, '', '' FROM n",
            )
            .await;
            let (mut seek, mut seen, mut pages) = (Seek::First, Vec::new(), 0);
            loop {
                let page = site_history(&database, "site", "mailbox", "looked", &seek).await.expect("read");
                pages += 1;
                seen.extend(page.rows.iter().map(|entry| entry.id.clone()));
                let Some(next) = page.next else { break };
                seek = Seek::After(next);
            }
            let expect: Vec<String> =
                (1..=240).rev().filter(|i| i % 2 == 1).map(|i| format!("0{}", 1000 + i)).collect();
            assert_eq!((seen, pages), (expect, 3), "on {}", database.engine());
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn queues_are_walked_by_key_to_the_end_and_back() {
        for database in both_engines().await {
            run(
                &database,
                "INSERT INTO enquiries (id, reference, version, kind, state, name, email, telephone, organisation,
                                        message, subject, asked_at, due_at, closed_at, once)
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120)
                 SELECT 'e' || (1000 + i), 'CP-' || i, 1, 'Support', CASE WHEN i <= 60 THEN 'Open' ELSE 'Closed' END,
                        '', '', '', '', '', '', 1, i / 4, CASE WHEN i <= 60 THEN NULL ELSE i / 4 END, 'once ' || i
                   FROM n",
            )
            .await;
            for filter in [Filter::ToDo, Filter::Enquiries, Filter::Ended] {
                let mut there: Vec<String> = Vec::new();
                let mut seek = Seek::First;
                let mut page = loop {
                    let page = list_queue(&database, filter, &seek).await.expect("listed");
                    there.extend(page.rows.iter().map(|line| line.id.clone()));
                    match page.next.clone() {
                        Some(next) => seek = Seek::After(next),
                        None => break page,
                    }
                };
                assert_eq!(there.len(), 60, "{filter:?} on {}", database.engine());
                let mut back: Vec<String> = Vec::new();
                loop {
                    back.splice(0..0, page.rows.iter().map(|line| line.id.clone()));
                    let Some(previous) = page.previous.clone() else { break };
                    page = list_queue(&database, filter, &Seek::Before(previous)).await.expect("listed");
                }
                assert_eq!(back, there, "{filter:?} on {}", database.engine());
            }
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_case_is_found_by_what_people_have_of_it() {
        for database in both_engines().await {
            filled(&database).await;
            let check = async |typed: &str, expect: usize| {
                assert_eq!(search(&database, typed).await.expect("searched").len(), expect, "{typed}");
            };
            check("cp-1", 1).await;
            check("CP-4", 1).await;
            check("vr2", 1).await;
            check("ol8 3na", 3).await;
            check("Rose Court", 3).await;
            check("Rose", 0).await;
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_person_approves_once_however_often_they_say_so() {
        for database in both_engines().await {
            let outcome = database
                .write(transaction!(async move |tx| {
                    let mut new = Vec::new();
                    for who in ["a", "a", "b"] {
                        new.push(add_approval(tx, "r1", who, NOON).await?);
                    }
                    let count = count_approvals(tx, "r1").await?;
                    forget_approvals(tx, "r1").await?;
                    Ok::<_, Error>((new, count, count_approvals(tx, "r1").await?))
                }))
                .await
                .expect("written");
            assert_eq!(outcome, (vec![true, false, true], 2, 0), "{}", database.engine());
        }
    }
}
