//! The registers' tables: look-ups by code, and what an import reads and writes.

use super::cqc::{CqcLocation, CqcProvider};
use super::dspt::DsptStatus;
use super::ods::{OdsOrganisation, Succession};
use super::site_contacts::{ContactKey, SiteContacts};
use super::{CqcContactId, CqcLocationId, CqcProviderId, OdsCode, Provenance};
use crate::clock::{Day, Timestamp};
use crate::database::{Database, Error, FromRow, Reads, Result, Row, Tx};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// How many locations may share one ODS code or be named as successors: a bound for the answer,
/// far above the four that were seen.
const SHARED_MAX: usize = 50;

/// A row's facts with where they come from.
struct RegisterRow {
    facts: String,
    gone: Option<Timestamp>,
    provenance: Provenance,
}

impl FromRow for RegisterRow {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let day: Option<String> = row.get(3)?;
        Ok(RegisterRow {
            facts: row.get(0)?,
            gone: row.get(1)?,
            provenance: Provenance {
                source: row.get(2)?,
                data_date: day.and_then(|text| Day::parse_iso(&text)),
                read_at: row.get(4)?,
            },
        })
    }
}

/// Reads facts as they were written; that they can be read is a promise of the import.
fn facts<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| Error::Broken(format!("facts of a register: {error}")))
}

const LOCATION: &str = "SELECT t.facts, t.gone_from_register_at, i.source,
   CASE WHEN i.data_date IS NULL THEN NULL ELSE t.data_date END, i.finished_at
   FROM cqc_locations t JOIN imports i ON i.number = t.import_number WHERE t.location_id = $1";
const LOCATIONS_OF_ODS: &str = "SELECT t.facts, t.gone_from_register_at, i.source,
   CASE WHEN i.data_date IS NULL THEN NULL ELSE t.data_date END, i.finished_at
   FROM cqc_locations t JOIN imports i ON i.number = t.import_number WHERE t.ods_code = $1
   ORDER BY t.location_id LIMIT 50";
const LOCATIONS_OF_PROVIDER: &str = "SELECT t.facts, t.gone_from_register_at, i.source,
   CASE WHEN i.data_date IS NULL THEN NULL ELSE t.data_date END, i.finished_at
   FROM cqc_locations t JOIN imports i ON i.number = t.import_number WHERE t.provider_id = $1
   ORDER BY t.location_id LIMIT 1000";
const PROVIDER: &str = "SELECT t.facts, t.gone_from_register_at, i.source,
   CASE WHEN i.data_date IS NULL THEN NULL ELSE t.data_date END, i.finished_at
   FROM cqc_providers t JOIN imports i ON i.number = t.import_number WHERE t.provider_id = $1";
const ORGANISATION: &str = "SELECT t.facts, t.gone_from_register_at, i.source,
   CASE WHEN i.data_date IS NULL THEN NULL ELSE t.data_date END, i.finished_at
   FROM ods_organisations t JOIN imports i ON i.number = t.import_number WHERE t.code = $1";
const SITES_OF_HQ: &str = "SELECT t.facts, t.gone_from_register_at, i.source,
   CASE WHEN i.data_date IS NULL THEN NULL ELSE t.data_date END, i.finished_at
   FROM ods_organisations t JOIN imports i ON i.number = t.import_number WHERE t.parent_code = $1
   ORDER BY t.code LIMIT 1000";
const STATUS: &str = "SELECT t.facts, t.gone_from_register_at, i.source,
   CASE WHEN i.data_date IS NULL THEN NULL ELSE t.data_date END, i.finished_at
   FROM dspt_statuses t JOIN imports i ON i.number = t.import_number WHERE t.code = $1";
const CONTACTS: &str = "SELECT t.facts, t.gone_from_register_at, i.source,
   CASE WHEN i.data_date IS NULL THEN NULL ELSE t.data_date END, i.finished_at
   FROM site_contacts t JOIN imports i ON i.number = t.import_number WHERE t.location_id = $1";
const SUCCESSORS: &str =
    "SELECT facts FROM ods_successions WHERE predecessor_code = $1 ORDER BY pair LIMIT 50";
const PREDECESSORS: &str =
    "SELECT facts FROM ods_successions WHERE successor_code = $1 ORDER BY pair LIMIT 50";

fn as_location(found: &RegisterRow) -> Result<CqcLocation> {
    let mut location: CqcLocation = facts(&found.facts)?;
    location.gone_from_register_at = found.gone;
    location.provenance = found.provenance.clone();
    Ok(location)
}

fn as_organisation(found: &RegisterRow) -> Result<OdsOrganisation> {
    let mut organisation: OdsOrganisation = facts(&found.facts)?;
    organisation.gone_from_register_at = found.gone;
    organisation.provenance = found.provenance.clone();
    Ok(organisation)
}

/// What CQC says about a location.
pub async fn location(reads: &impl Reads, id: &CqcLocationId) -> Result<Option<CqcLocation>> {
    let found: Option<RegisterRow> = reads.maybe(LOCATION, &[&id.as_str()]).await?;
    found.as_ref().map(as_location).transpose()
}

/// The locations CQC lists under an ODS code: registered ones first, then the newest registration.
/// More than one is normal after a change of owner.
pub async fn locations_of_ods(reads: &impl Reads, code: &OdsCode) -> Result<Vec<CqcLocation>> {
    let found: Vec<RegisterRow> = reads.all(LOCATIONS_OF_ODS, &[&code.as_str()]).await?;
    let mut locations = found.iter().map(as_location).collect::<Result<Vec<_>>>()?;
    locations.sort_by_key(|location| (!location.is_registered(), std::cmp::Reverse(location.registered_on)));
    locations.truncate(SHARED_MAX);
    Ok(locations)
}

/// The locations of a provider, at most a thousand.
pub async fn locations_of_provider(reads: &impl Reads, id: &CqcProviderId) -> Result<Vec<CqcLocation>> {
    let found: Vec<RegisterRow> = reads.all(LOCATIONS_OF_PROVIDER, &[&id.as_str()]).await?;
    found.iter().map(as_location).collect()
}

/// What CQC says about a provider.
pub async fn provider(reads: &impl Reads, id: &CqcProviderId) -> Result<Option<CqcProvider>> {
    let found: Option<RegisterRow> = reads.maybe(PROVIDER, &[&id.as_str()]).await?;
    found
        .map(|found| {
            let mut provider: CqcProvider = facts(&found.facts)?;
            provider.gone_from_register_at = found.gone;
            provider.provenance = found.provenance;
            Ok(provider)
        })
        .transpose()
}

/// What ODS says about a code.
pub async fn organisation(reads: &impl Reads, code: &OdsCode) -> Result<Option<OdsOrganisation>> {
    let found: Option<RegisterRow> = reads.maybe(ORGANISATION, &[&code.as_str()]).await?;
    found.as_ref().map(as_organisation).transpose()
}

/// The sites ODS lists under a headquarters, at most a thousand.
pub async fn sites_of_hq(reads: &impl Reads, hq: &OdsCode) -> Result<Vec<OdsOrganisation>> {
    let found: Vec<RegisterRow> = reads.all(SITES_OF_HQ, &[&hq.as_str()]).await?;
    found.iter().map(as_organisation).collect()
}

/// Who took over from an ODS code.
pub async fn successors(reads: &impl Reads, code: &OdsCode) -> Result<Vec<Succession>> {
    let rows: Vec<(String,)> = reads.all(SUCCESSORS, &[&code.as_str()]).await?;
    rows.iter().map(|(text,)| facts(text)).collect()
}

/// Whom an ODS code took over from.
pub async fn predecessors(reads: &impl Reads, code: &OdsCode) -> Result<Vec<Succession>> {
    let rows: Vec<(String,)> = reads.all(PREDECESSORS, &[&code.as_str()]).await?;
    rows.iter().map(|(text,)| facts(text)).collect()
}

/// What the DSPT list says under a code.
pub async fn dspt(reads: &impl Reads, code: &OdsCode) -> Result<Option<DsptStatus>> {
    let found: Option<RegisterRow> = reads.maybe(STATUS, &[&code.as_str()]).await?;
    found
        .map(|found| {
            let mut status: DsptStatus = facts(&found.facts)?;
            status.gone_from_register_at = found.gone;
            status.provenance = found.provenance;
            Ok(status)
        })
        .transpose()
}

/// How the regulator says a location can be reached. Never shown to a registrant beyond a hint.
pub async fn site_contacts(reads: &impl Reads, location: &CqcLocationId) -> Result<Option<SiteContacts>> {
    let found: Option<RegisterRow> = reads.maybe(CONTACTS, &[&location.as_str()]).await?;
    found
        .map(|found| {
            let mut contacts: SiteContacts = facts(&found.facts)?;
            contacts.provenance = found.provenance;
            Ok(contacts)
        })
        .transpose()
}

/// Whether a contact ID is on record for a location; nothing where no contact ID is known for it.
pub async fn contact_id_matches(
    reads: &impl Reads,
    key: &ContactKey,
    location: &CqcLocationId,
    id: &CqcContactId,
) -> Result<Option<bool>> {
    let contacts = site_contacts(reads, location).await?;
    Ok(contacts.and_then(|contacts| contacts.id_matches(key, id)))
}

const VERSION: &str = "SELECT COALESCE(MAX(number), 0) FROM imports WHERE applied > 0 OR closed > 0";
const LAST_IMPORT: &str = "SELECT COALESCE(MAX(number), 0) FROM imports";
const LAST_OF_KINDS: &str = "SELECT COALESCE(MAX(number), 0) FROM imports WHERE kind = $1 OR kind = $2";

/// A number that grows whenever an import changed something.
pub async fn register_version(reads: &impl Reads) -> Result<i64> {
    let (number,): (i64,) = reads.one(VERSION, &[]).await?;
    Ok(number)
}

/// The number of the last import, whether it changed anything or not.
pub(super) async fn last_import(reads: &impl Reads) -> Result<i64> {
    let (number,): (i64,) = reads.one(LAST_IMPORT, &[]).await?;
    Ok(number)
}

const CHANGED_LATELY: &str = "SELECT CAST(COALESCE(SUM(closed), 0) AS BIGINT),
   CAST(COALESCE(SUM(contacts_changed), 0) AS BIGINT) FROM imports
   WHERE (kind = $1 OR kind = $2) AND finished_at > $3 AND NOT was_released";

/// How many were closed and how many given other contacts by imports of either of two kinds since then that
/// nobody had to release.
pub(super) async fn changed_lately(
    reads: &impl Reads,
    kinds: [&str; 2],
    since: Timestamp,
) -> Result<(i64, i64)> {
    reads.one(CHANGED_LATELY, &[&kinds[0], &kinds[1], &since]).await
}

/// The number of the last import of either of two kinds, which are those of one table.
pub(super) async fn last_import_of(reads: &impl Reads, kinds: [&str; 2]) -> Result<i64> {
    let (number,): (i64,) = reads.one(LAST_OF_KINDS, &[&kinds[0], &kinds[1]]).await?;
    Ok(number)
}

/// One line of the list of imports, newest first.
#[derive(Clone, Debug)]
pub struct PastImport {
    pub number: i64,
    pub kind: String,
    pub layout: String,
    pub source: String,
    pub file_name: String,
    pub sha256: String,
    pub rows: i64,
    pub applied: i64,
    pub unchanged: i64,
    pub rejected: i64,
    pub closed: i64,
    pub data_date: Option<Day>,
    pub finished_at: Timestamp,
    pub by_whom: String,
    pub contacts_changed: i64,
    /// Some of what was rejected, odd or closed, as JSON of [`super::import::Report`].
    pub report: String,
}

impl FromRow for PastImport {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let day: Option<String> = row.get(11)?;
        Ok(PastImport {
            number: row.get(0)?,
            kind: row.get(1)?,
            layout: row.get(2)?,
            source: row.get(3)?,
            file_name: row.get(4)?,
            sha256: row.get(5)?,
            rows: row.get(6)?,
            applied: row.get(7)?,
            unchanged: row.get(8)?,
            rejected: row.get(9)?,
            closed: row.get(10)?,
            data_date: day.and_then(|day| Day::parse_iso(&day)),
            finished_at: row.get(12)?,
            by_whom: row.get(13)?,
            contacts_changed: row.get(14)?,
            report: row.get(15)?,
        })
    }
}

const PAST_IMPORTS: &str = "SELECT number, kind, layout, source, file_name, sha256, row_count, applied,
   unchanged, rejected, closed, data_date, finished_at, by_whom, contacts_changed, report
   FROM imports ORDER BY number DESC LIMIT 100";
const LAST_OF_EACH: &str = "SELECT number, kind, layout, source, file_name, sha256, row_count, applied,
   unchanged, rejected, closed, data_date, finished_at, by_whom, contacts_changed, report
   FROM imports i WHERE number = (SELECT MAX(l.number) FROM imports l WHERE l.kind = i.kind)
   ORDER BY kind LIMIT 100";

/// The last import of each kind.
pub async fn last_imports(reads: &impl Reads) -> Result<Vec<PastImport>> {
    reads.all(LAST_OF_EACH, &[]).await
}

/// The last hundred imports, newest first.
pub async fn past_imports(reads: &impl Reads) -> Result<Vec<PastImport>> {
    reads.all(PAST_IMPORTS, &[]).await
}

const EACH_LOCATION: &str = "SELECT facts, gone_from_register_at FROM cqc_locations";
const EACH_PROVIDER: &str = "SELECT facts FROM cqc_providers";
const EACH_ORGANISATION: &str = "SELECT facts, gone_from_register_at FROM ods_organisations";
const EACH_STATUS: &str = "SELECT facts FROM dspt_statuses";

/// Gives every CQC location, gone or not, to `each`.
pub(super) async fn each_location(
    database: &Database,
    mut each: impl FnMut(CqcLocation) + Send + 'static,
) -> Result<()> {
    database
        .each(EACH_LOCATION, move |row| {
            let text: String = row.get(0)?;
            let mut location: CqcLocation = facts(&text)?;
            location.gone_from_register_at = row.get(1)?;
            each(location);
            Ok(())
        })
        .await
}

/// Gives every CQC provider to `each`.
pub(super) async fn each_provider(
    database: &Database,
    mut each: impl FnMut(CqcProvider) + Send + 'static,
) -> Result<()> {
    database
        .each(EACH_PROVIDER, move |row| {
            let text: String = row.get(0)?;
            each(facts(&text)?);
            Ok(())
        })
        .await
}

/// Gives every site and headquarters of ODS, gone or not, to `each`.
pub(super) async fn each_organisation(
    database: &Database,
    mut each: impl FnMut(OdsOrganisation) + Send + 'static,
) -> Result<()> {
    database
        .each(EACH_ORGANISATION, move |row| {
            let text: String = row.get(0)?;
            let mut organisation: OdsOrganisation = facts(&text)?;
            organisation.gone_from_register_at = row.get(1)?;
            each(organisation);
            Ok(())
        })
        .await
}

/// Gives every code of the DSPT with the name it has there to `each`.
pub(super) async fn each_dspt_name(
    database: &Database,
    mut each: impl FnMut(OdsCode, String) + Send + 'static,
) -> Result<()> {
    database
        .each(EACH_STATUS, move |row| {
            let text: String = row.get(0)?;
            let status: DsptStatus = facts(&text)?;
            each(status.code, status.name);
            Ok(())
        })
        .await
}

/// How many rows one statement writes: enough to make a round trip to PostgreSQL worth it, few
/// enough to keep the statement's eight hundred parameters far from either engine's limit.
const ROWS_A_STATEMENT: usize = 100;

/// One table an import fills: its name, its key and the two columns it is looked up by.
pub(super) struct Table {
    known: String,
    put_one: String,
    put_many: String,
    gone: String,
}

/// A row to be written.
#[derive(Clone, Debug)]
pub(super) struct Put {
    pub key: Box<str>,
    pub links: [Option<String>; 2],
    pub facts: Box<str>,
    /// The day of its newest values, and the days of those that are older, as JSON.
    pub data_date: Option<String>,
    pub older: Option<Box<str>>,
}

/// A row as an import finds it.
pub(super) struct Stored {
    pub key: String,
    pub facts: String,
    pub data_date: Option<String>,
    pub older: Option<String>,
    pub is_gone: bool,
    /// The day of the data of the import that wrote it last: since when it is gone, if it is.
    pub of_import: Option<String>,
}

/// `($1, $2, …), (…)` for rows of so many values, then some that are fixed.
fn values(rows: usize, each: usize, fixed: &str) -> String {
    let rows: Vec<String> = (0..rows)
        .map(|row| {
            let places: Vec<String> = (1..=each).map(|place| format!("${}", row * each + place)).collect();
            format!("({}{fixed})", places.join(", "))
        })
        .collect();
    rows.join(", ")
}

impl Table {
    fn new(name: &str, key: &str, links: [&str; 2]) -> Self {
        let [one, two] = links;
        let put = |rows: usize| {
            format!(
                "INSERT INTO {name} ({key}, {one}, {two}, facts, data_date, older_values, import_number, gone_from_register_at)
                 VALUES {} ON CONFLICT ({key}) DO UPDATE SET {one} = excluded.{one},
                 {two} = excluded.{two}, facts = excluded.facts, data_date = excluded.data_date,
                 older_values = excluded.older_values,
                 import_number = excluded.import_number, gone_from_register_at = NULL",
                values(rows, 7, ", NULL")
            )
        };
        Table {
            known: format!(
                "SELECT t.{key}, t.facts, t.data_date, t.older_values, t.gone_from_register_at, i.data_date
                 FROM {name} t JOIN imports i ON i.number = t.import_number"
            ),
            put_one: put(1),
            put_many: put(ROWS_A_STATEMENT),
            gone: format!(
                "UPDATE {name} SET gone_from_register_at = $1, import_number = $2 WHERE {key} = $3"
            ),
        }
    }

    /// Gives every row to `each`.
    pub(super) async fn each_known(
        &'static self,
        database: &Database,
        mut each: impl FnMut(Stored) + Send + 'static,
    ) -> Result<()> {
        database
            .each(&self.known, move |row| {
                let gone: Option<i64> = row.get(4)?;
                each(Stored {
                    key: row.get(0)?,
                    facts: row.get(1)?,
                    data_date: row.get(2)?,
                    older: row.get(3)?,
                    is_gone: gone.is_some(),
                    of_import: row.get(5)?,
                });
                Ok(())
            })
            .await
    }

    /// Writes rows; each key may appear once.
    pub(super) async fn put(&'static self, tx: &mut Tx, rows: &[Put], import: i64) -> Result<()> {
        let (many, rest) = rows.as_chunks::<ROWS_A_STATEMENT>();
        for rows in many {
            put_rows(tx, &self.put_many, rows, &import).await?;
        }
        for row in rest {
            put_rows(tx, &self.put_one, std::slice::from_ref(row), &import).await?;
        }
        Ok(())
    }

    /// Marks rows as no longer named by the register.
    pub(super) async fn mark_gone(
        &'static self,
        tx: &mut Tx,
        keys: &[Box<str>],
        at: Timestamp,
        import: i64,
    ) -> Result<()> {
        for key in keys {
            tx.run(&self.gone, &[&at, &import, &&**key]).await?;
        }
        Ok(())
    }
}

async fn put_rows(tx: &mut Tx, sql: &'static str, rows: &[Put], import: &i64) -> Result<()> {
    let texts: Vec<(&str, &str, Option<&str>)> =
        rows.iter().map(|row| (&*row.key, &*row.facts, row.older.as_deref())).collect();
    let mut params: Vec<&(dyn crate::database::Param + '_)> = Vec::with_capacity(rows.len() * 7);
    for (row, (key, facts, older)) in rows.iter().zip(&texts) {
        params.extend_from_slice(&[key, &row.links[0], &row.links[1], facts, &row.data_date, older, import]);
    }
    tx.run(sql, &params).await?;
    Ok(())
}

pub(super) static CQC_LOCATIONS: LazyLock<Table> =
    LazyLock::new(|| Table::new("cqc_locations", "location_id", ["ods_code", "provider_id"]));
pub(super) static CQC_PROVIDERS: LazyLock<Table> =
    LazyLock::new(|| Table::new("cqc_providers", "provider_id", ["ods_code", "companies_house_number"]));
pub(super) static ODS_ORGANISATIONS: LazyLock<Table> =
    LazyLock::new(|| Table::new("ods_organisations", "code", ["kind", "parent_code"]));
pub(super) static ODS_SUCCESSIONS: LazyLock<Table> =
    LazyLock::new(|| Table::new("ods_successions", "pair", ["predecessor_code", "successor_code"]));
pub(super) static DSPT_STATUSES: LazyLock<Table> =
    LazyLock::new(|| Table::new("dspt_statuses", "code", ["level", "assessment_year"]));
pub(super) static SITE_CONTACTS: LazyLock<Table> =
    LazyLock::new(|| Table::new("site_contacts", "location_id", ["email", "telephone"]));

/// What is kept about one import.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Provenanced {
    pub kind: String,
    pub layout: String,
    pub full_picture: bool,
    pub source: String,
    pub file_name: String,
    pub sha256: String,
    pub size_bytes: i64,
    pub rows: i64,
    pub applied: i64,
    pub unchanged: i64,
    pub rejected: i64,
    pub closed: i64,
    pub contacts_changed: i64,
    pub data_date: Option<String>,
    pub started_at: i64,
    pub by_whom: String,
    /// Some of what was rejected, odd or closed, as JSON.
    pub report: String,
}

const ADD_IMPORT: &str = "INSERT INTO imports (number, kind, layout, full_picture, source, file_name, sha256,
   size_bytes, row_count, applied, unchanged, rejected, closed, contacts_changed, data_date, started_at,
   finished_at, by_whom, report, was_released)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)";

/// Files an import under the next number.
pub(super) async fn add_import(
    tx: &mut Tx,
    number: i64,
    import: &Provenanced,
    finished_at: Timestamp,
    was_released: bool,
) -> Result<()> {
    tx.run(
        ADD_IMPORT,
        &[
            &number,
            &import.kind,
            &import.layout,
            &import.full_picture,
            &import.source,
            &import.file_name,
            &import.sha256,
            &import.size_bytes,
            &import.rows,
            &import.applied,
            &import.unchanged,
            &import.rejected,
            &import.closed,
            &import.contacts_changed,
            &import.data_date,
            &import.started_at,
            &finished_at,
            &import.by_whom,
            &import.report,
            &was_released,
        ],
    )
    .await?;
    Ok(())
}

const NEWEST: &str = "SELECT layout, MAX(data_date) FROM imports
   WHERE kind = $1 AND full_picture AND data_date IS NOT NULL GROUP BY layout";

/// The day of the newest full picture of each layout of a kind.
pub(super) async fn newest_days(reads: &impl Reads, kind: &str) -> Result<Vec<(String, Option<Day>)>> {
    let rows: Vec<(String, Option<String>)> = reads.all(NEWEST, &[&kind]).await?;
    Ok(rows.into_iter().map(|(layout, day)| (layout, day.and_then(|day| Day::parse_iso(&day)))).collect())
}

/// An import that waits until two people have released it, or that waited.
#[derive(Clone, Debug)]
pub struct HeldImport {
    pub id: String,
    pub kind: String,
    /// What is filed when it is released, as JSON.
    pub(super) filed: String,
    pub file_name: String,
    pub sha256: String,
    /// Why it waits and what it would do, as JSON of [`super::import::Report`].
    pub report: String,
    /// The number of the import that the difference was made against.
    pub(super) made_against: i64,
    pub held_at: Timestamp,
    pub first_by: Option<String>,
    pub first_at: Option<Timestamp>,
    pub state: HeldState,
    pub ended_by: Option<String>,
    pub ended_at: Option<Timestamp>,
}

/// The figures of a held import.
#[derive(Clone, Debug, Default)]
pub struct HeldFigures {
    pub rows: i64,
    pub applied: i64,
    pub unchanged: i64,
    pub rejected: i64,
    pub closed: i64,
    pub data_date: Option<String>,
    pub by_whom: String,
}

impl HeldImport {
    /// The figures that are filed when it is released.
    pub fn figures(&self) -> HeldFigures {
        let filed: Option<Provenanced> = serde_json::from_str(&self.filed).ok();
        filed.map_or_else(HeldFigures::default, |filed| HeldFigures {
            rows: filed.rows,
            applied: filed.applied,
            unchanged: filed.unchanged,
            rejected: filed.rejected,
            closed: filed.closed,
            data_date: filed.data_date,
            by_whom: filed.by_whom,
        })
    }
}

/// What became of an import that had to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldState {
    Waiting,
    Released,
    Discarded,
}

impl HeldState {
    pub const ALL: [HeldState; 3] = [HeldState::Waiting, HeldState::Released, HeldState::Discarded];

    pub fn stored(self) -> &'static str {
        match self {
            HeldState::Waiting => "Waiting",
            HeldState::Released => "Released",
            HeldState::Discarded => "Discarded",
        }
    }
}

impl FromRow for HeldImport {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let state: String = row.get(10)?;
        Ok(HeldImport {
            id: row.get(0)?,
            kind: row.get(1)?,
            filed: row.get(2)?,
            file_name: row.get(3)?,
            sha256: row.get(4)?,
            report: row.get(5)?,
            made_against: row.get(6)?,
            held_at: row.get(7)?,
            first_by: row.get(8)?,
            first_at: row.get(9)?,
            state: HeldState::ALL
                .into_iter()
                .find(|known| known.stored() == state)
                .ok_or_else(|| Error::Broken(format!("a held import that is {state}")))?,
            ended_by: row.get(11)?,
            ended_at: row.get(12)?,
        })
    }
}

const HELD: &str =
    "SELECT id, kind, filed, file_name, sha256, report, made_against, held_at, first_by, first_at,
   state, ended_by, ended_at FROM held_imports WHERE id = $1";
const HELD_WAITING: &str = "SELECT id, kind, filed, file_name, sha256, report, made_against, held_at, first_by,
   first_at, state, ended_by, ended_at FROM held_imports WHERE state = 'Waiting' ORDER BY held_at, id LIMIT 100";
const HELD_SAME: &str = "SELECT id FROM held_imports
   WHERE state = 'Waiting' AND kind = $1 AND sha256 = $2 AND made_against = $3 ORDER BY id LIMIT 1";
const ADD_HELD: &str =
    "INSERT INTO held_imports (id, kind, filed, file_name, sha256, report, made_against, held_at,
   state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'Waiting')";
const FIRST: &str = "UPDATE held_imports SET first_by = $1, first_at = $2 WHERE id = $3 AND state = 'Waiting' AND first_by IS NULL";
const END: &str =
    "UPDATE held_imports SET state = $1, ended_by = $2, ended_at = $3 WHERE id = $4 AND state = 'Waiting'";
const FORGET_ROWS: &str = "DELETE FROM held_import_rows WHERE held_import_id = $1";

/// An import that waits, or waited.
pub async fn held_import(reads: &impl Reads, id: &str) -> Result<Option<HeldImport>> {
    reads.maybe(HELD, &[&id]).await
}

/// The imports that wait, the oldest first.
pub async fn held_imports(reads: &impl Reads) -> Result<Vec<HeldImport>> {
    reads.all(HELD_WAITING, &[]).await
}

/// The same file that waits already.
pub(super) async fn held_already(
    reads: &impl Reads,
    kind: &str,
    sha256: &str,
    made_against: i64,
) -> Result<Option<String>> {
    let row: Option<(String,)> = reads.maybe(HELD_SAME, &[&kind, &sha256, &made_against]).await?;
    Ok(row.map(|(id,)| id))
}

/// Keeps a difference until it is released.
pub(super) async fn hold_import(
    tx: &mut Tx,
    id: &str,
    filed: &Provenanced,
    made_against: i64,
    now: Timestamp,
    puts: &[Put],
    missing: &[Box<str>],
) -> Result<()> {
    let json = serde_json::to_string(filed).map_err(|error| Error::Broken(error.to_string()))?;
    tx.run(
        ADD_HELD,
        &[&id, &filed.kind, &json, &filed.file_name, &filed.sha256, &filed.report, &made_against, &now],
    )
    .await?;
    let gone: Vec<Put> = missing
        .iter()
        .map(|key| Put {
            key: key.clone(),
            links: [None, None],
            facts: Box::default(),
            data_date: None,
            older: None,
        })
        .collect();
    let mut place = 0_i64;
    for rows in [puts, &gone] {
        let (many, rest) = rows.as_chunks::<ROWS_A_STATEMENT>();
        for rows in many {
            hold_rows(tx, &HOLD_MANY, id, rows, &mut place).await?;
        }
        for row in rest {
            hold_rows(tx, &HOLD_ONE, id, std::slice::from_ref(row), &mut place).await?;
        }
    }
    Ok(())
}

fn hold_statement(rows: usize) -> String {
    format!(
        "INSERT INTO held_import_rows (held_import_id, place, row_key, link_one, link_two, facts, data_date, older_values) VALUES {}",
        values(rows, 8, "")
    )
}
static HOLD_ONE: LazyLock<String> = LazyLock::new(|| hold_statement(1));
static HOLD_MANY: LazyLock<String> = LazyLock::new(|| hold_statement(ROWS_A_STATEMENT));

async fn hold_rows(tx: &mut Tx, sql: &'static str, id: &str, rows: &[Put], place: &mut i64) -> Result<()> {
    let texts: Vec<(i64, &str, &str, Option<&str>)> = rows
        .iter()
        .map(|row| {
            *place += 1;
            (*place, &*row.key, &*row.facts, row.older.as_deref())
        })
        .collect();
    let mut params: Vec<&(dyn crate::database::Param + '_)> = Vec::with_capacity(rows.len() * 8);
    for (row, (place, key, facts, older)) in rows.iter().zip(&texts) {
        params.extend_from_slice(&[
            &id,
            place,
            key,
            &row.links[0],
            &row.links[1],
            facts,
            &row.data_date,
            older,
        ]);
    }
    tx.run(sql, &params).await?;
    Ok(())
}

/// Notes the first of the two people who release it; `false` where somebody was first already.
pub(super) async fn first_release(tx: &mut Tx, id: &str, by: &str, now: Timestamp) -> Result<bool> {
    Ok(tx.run(FIRST, &[&by, &now, &id]).await? == 1)
}

/// Ends the waiting, and forgets the rows; `false` where it had ended already.
pub(super) async fn end_held(
    tx: &mut Tx,
    id: &str,
    state: HeldState,
    by: &str,
    now: Timestamp,
) -> Result<bool> {
    let ended = tx.run(END, &[&state.stored(), &by, &now, &id]).await? == 1;
    if ended {
        tx.run(FORGET_ROWS, &[&id]).await?;
    }
    Ok(ended)
}

/// Rows of a held import that are read at a time.
const HELD_ROWS_AT_ONCE: i64 = 1000;
const HELD_ROWS: &str = "SELECT place, row_key, link_one, link_two, facts, data_date, older_values
   FROM held_import_rows WHERE held_import_id = $1 AND place > $2 ORDER BY place LIMIT $3";

struct HeldRow {
    place: i64,
    put: Put,
}

impl FromRow for HeldRow {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (key, facts, older): (String, String, Option<String>) = (row.get(1)?, row.get(4)?, row.get(6)?);
        Ok(HeldRow {
            place: row.get(0)?,
            put: Put {
                key: key.into(),
                links: [row.get(2)?, row.get(3)?],
                facts: facts.into(),
                data_date: row.get(5)?,
                older: older.map(Into::into),
            },
        })
    }
}

/// Writes the rows of a held import into its table.
pub(super) async fn put_held(
    tx: &mut Tx,
    table: &'static Table,
    id: &str,
    import: i64,
    now: Timestamp,
) -> Result<()> {
    let mut after = 0_i64;
    loop {
        let rows: Vec<HeldRow> = tx.all(HELD_ROWS, &[&id, &after, &HELD_ROWS_AT_ONCE]).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.place;
        let (gone, puts): (Vec<Put>, Vec<Put>) =
            rows.into_iter().map(|row| row.put).partition(|put| put.facts.is_empty());
        table.put(tx, &puts, import).await?;
        let gone: Vec<Box<str>> = gone.into_iter().map(|put| put.key).collect();
        table.mark_gone(tx, &gone, now, import).await?;
    }
}

/// A register as it is here.
#[derive(Clone, Debug)]
pub struct RegisterCount {
    pub rows: i64,
    pub gone: i64,
}

/// How many rows there are of each kind, in the order of [`super::import::ImportKind::ALL`].
pub async fn register_counts(reads: &impl Reads) -> Result<Vec<RegisterCount>> {
    const COUNTS: [&str; 7] = [
        "SELECT COUNT(*), COUNT(gone_from_register_at) FROM cqc_providers",
        "SELECT COUNT(*), COUNT(gone_from_register_at) FROM cqc_locations",
        "SELECT COUNT(*), COUNT(gone_from_register_at) FROM ods_organisations WHERE kind = 'hq'",
        "SELECT COUNT(*), COUNT(gone_from_register_at) FROM ods_organisations WHERE kind = 'site'",
        "SELECT COUNT(*), COUNT(gone_from_register_at) FROM ods_successions",
        "SELECT COUNT(*), COUNT(gone_from_register_at) FROM dspt_statuses",
        "SELECT COUNT(*), COUNT(gone_from_register_at) FROM site_contacts",
    ];
    let mut counts = Vec::with_capacity(COUNTS.len());
    for sql in COUNTS {
        let (rows, gone): (i64, i64) = reads.one(sql, &[]).await?;
        counts.push(RegisterCount { rows, gone });
    }
    Ok(counts)
}
