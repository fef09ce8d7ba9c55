//! The registers' tables: look-ups by code, and what an import reads and writes.

use super::cqc::{CqcLocation, CqcProvider};
use super::dspt::DsptStatus;
use super::ods::{OdsOrganisation, Succession};
use super::site_contacts::{ContactKey, SiteContacts};
use super::{CqcContactId, CqcLocationId, CqcProviderId, OdsCode, Provenance};
use crate::clock::{Day, Timestamp};
use crate::database::{Database, Error, FromRow, Reads, Result, Row, Tx};
use serde::de::DeserializeOwned;
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
        // The later of the day the row last changed and the day of the last full list that did
        // not change it: both say the same about it.
        let own: Option<String> = row.get(3)?;
        let full: Option<String> = row.get(5)?;
        let day = own.into_iter().chain(full).max();
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

const LOCATION: &str = "SELECT t.facts, t.gone_from_register_at, i.source, i.data_date, i.finished_at,
   (SELECT MAX(f.data_date) FROM imports f WHERE f.kind = i.kind AND f.full_picture AND f.number > i.number)
   FROM cqc_locations t JOIN imports i ON i.number = t.import_number WHERE t.location_id = $1";
const LOCATIONS_OF_ODS: &str =
    "SELECT t.facts, t.gone_from_register_at, i.source, i.data_date, i.finished_at,
   (SELECT MAX(f.data_date) FROM imports f WHERE f.kind = i.kind AND f.full_picture AND f.number > i.number)
   FROM cqc_locations t JOIN imports i ON i.number = t.import_number WHERE t.ods_code = $1
   ORDER BY t.location_id LIMIT 50";
const LOCATIONS_OF_PROVIDER: &str =
    "SELECT t.facts, t.gone_from_register_at, i.source, i.data_date, i.finished_at,
   (SELECT MAX(f.data_date) FROM imports f WHERE f.kind = i.kind AND f.full_picture AND f.number > i.number)
   FROM cqc_locations t JOIN imports i ON i.number = t.import_number WHERE t.provider_id = $1
   ORDER BY t.location_id LIMIT 1000";
const PROVIDER: &str = "SELECT t.facts, t.gone_from_register_at, i.source, i.data_date, i.finished_at,
   (SELECT MAX(f.data_date) FROM imports f WHERE f.kind = i.kind AND f.full_picture AND f.number > i.number)
   FROM cqc_providers t JOIN imports i ON i.number = t.import_number WHERE t.provider_id = $1";
const ORGANISATION: &str = "SELECT t.facts, t.gone_from_register_at, i.source, i.data_date, i.finished_at,
   (SELECT MAX(f.data_date) FROM imports f WHERE f.kind = i.kind AND f.full_picture AND f.number > i.number)
   FROM ods_organisations t JOIN imports i ON i.number = t.import_number WHERE t.code = $1";
const SITES_OF_HQ: &str = "SELECT t.facts, t.gone_from_register_at, i.source, i.data_date, i.finished_at,
   (SELECT MAX(f.data_date) FROM imports f WHERE f.kind = i.kind AND f.full_picture AND f.number > i.number)
   FROM ods_organisations t JOIN imports i ON i.number = t.import_number WHERE t.parent_code = $1
   ORDER BY t.code LIMIT 1000";
const STATUS: &str = "SELECT t.facts, t.gone_from_register_at, i.source, i.data_date, i.finished_at,
   (SELECT MAX(f.data_date) FROM imports f WHERE f.kind = i.kind AND f.full_picture AND f.number > i.number)
   FROM dspt_statuses t JOIN imports i ON i.number = t.import_number WHERE t.code = $1";
const CONTACTS: &str = "SELECT t.facts, t.gone_from_register_at, i.source, i.data_date, i.finished_at,
   (SELECT MAX(f.data_date) FROM imports f WHERE f.kind = i.kind AND f.full_picture AND f.number > i.number)
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
        })
    }
}

const PAST_IMPORTS: &str = "SELECT number, kind, layout, source, file_name, sha256, row_count, applied,
   unchanged, rejected, closed, data_date, finished_at, by_whom FROM imports ORDER BY number DESC LIMIT 100";

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
/// enough to keep the statement's six hundred parameters far from either engine's limit.
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
}

impl Table {
    fn new(name: &str, key: &str, links: [&str; 2]) -> Self {
        let put = |rows: usize| {
            let values: Vec<String> = (0..rows)
                .map(|row| {
                    let first = row * 5 + 1;
                    format!(
                        "(${}, ${}, ${}, ${}, ${}, NULL)",
                        first,
                        first + 1,
                        first + 2,
                        first + 3,
                        first + 4
                    )
                })
                .collect();
            let [one, two] = links;
            format!(
                "INSERT INTO {name} ({key}, {one}, {two}, facts, import_number, gone_from_register_at)
                 VALUES {} ON CONFLICT ({key}) DO UPDATE SET {one} = excluded.{one},
                 {two} = excluded.{two}, facts = excluded.facts,
                 import_number = excluded.import_number, gone_from_register_at = NULL",
                values.join(", ")
            )
        };
        Table {
            known: format!("SELECT {key}, facts, gone_from_register_at FROM {name}"),
            put_one: put(1),
            put_many: put(ROWS_A_STATEMENT),
            gone: format!(
                "UPDATE {name} SET gone_from_register_at = $1, import_number = $2 WHERE {key} = $3"
            ),
        }
    }

    /// Gives key, facts and whether it is gone of every row to `each`.
    pub(super) async fn each_known(
        &'static self,
        database: &Database,
        mut each: impl FnMut(String, String, bool) + Send + 'static,
    ) -> Result<()> {
        database
            .each(&self.known, move |row| {
                let gone: Option<i64> = row.get(2)?;
                each(row.get(0)?, row.get(1)?, gone.is_some());
                Ok(())
            })
            .await
    }

    /// Writes rows; each key may appear once.
    pub(super) async fn put(&'static self, tx: &mut Tx, rows: &[Put], import: i64) -> Result<()> {
        let (many, rest) = rows.as_chunks::<ROWS_A_STATEMENT>();
        for rows in many {
            put_rows(tx, &self.put_many, rows, import).await?;
        }
        for row in rest {
            put_rows(tx, &self.put_one, std::slice::from_ref(row), import).await?;
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

async fn put_rows(tx: &mut Tx, sql: &'static str, rows: &[Put], import: i64) -> Result<()> {
    let texts: Vec<(&str, &str)> = rows.iter().map(|row| (&*row.key, &*row.facts)).collect();
    let mut params: Vec<&(dyn crate::database::Param + '_)> = Vec::with_capacity(rows.len() * 5);
    for (row, (key, facts)) in rows.iter().zip(&texts) {
        params.extend_from_slice(&[key, &row.links[0], &row.links[1], facts, &import]);
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
#[derive(Clone, Debug)]
pub(super) struct Provenanced {
    pub kind: &'static str,
    pub layout: &'static str,
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
    pub data_date: Option<String>,
    pub started_at: Timestamp,
    pub by_whom: String,
}

const ADD_IMPORT: &str = "INSERT INTO imports (number, kind, layout, full_picture, source, file_name, sha256,
   size_bytes, row_count, applied, unchanged, rejected, closed, data_date, started_at, finished_at, by_whom)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";

/// Files an import under the next number.
pub(super) async fn add_import(
    tx: &mut Tx,
    number: i64,
    import: &Provenanced,
    finished_at: Timestamp,
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
            &import.data_date,
            &import.started_at,
            &finished_at,
            &import.by_whom,
        ],
    )
    .await?;
    Ok(())
}
