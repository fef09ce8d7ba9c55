//! Imports: a register's file against what is there, and only the differences written.
//!
//! - Every row is accounted for: rows = applied + unchanged + rejected, each rejection with its
//!   line and reason in a result file beside the import's. A field that is odd costs itself, not its row,
//!   and is listed too.
//! - A damaged file is refused with the line at which that shows; nothing of it is taken.
//! - One transaction a file. A crash, a refusal or a second import at the same time leaves the old
//!   picture.
//! - Every value keeps the day of the data it came from, and nothing is laid over what is newer.
//! - A full picture marks what it no longer names as gone. A file that closes or changes more than the
//!   [`Limits`], or is older than what it replaces, is held: its difference waits until two people
//!   have released it ([`release`]).
//! - What differs from one register to another is a `Subject` (in `subject`, a file a register); reading
//!   bytes and finding columns is in `lines`, days are in `dates`, comparing is in `difference`.
//!
//! `docs/decisions/0008-imports-by-difference.md` says why it is done by difference, and
//! `docs/decisions/0035-imports-that-two-people-release.md` why some wait.

pub(super) mod dates;
mod difference;
mod lines;
mod subject;

#[cfg(test)]
mod drift;
#[cfg(test)]
mod tests;

use super::site_contacts::ContactKey;
use super::store::{self, HeldImport, HeldState, Provenanced, Table};
use crate::clock::{Clock, Day, Span, Timestamp};
use crate::database::{Database, Error, Tx};
use difference::{Difference, Known, compare};
use lines::Input;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use subject::{Opened, Subject};

/// Up to how many per cent of a file's rows may be rejected. Above, it is another kind of file.
const REJECTED_MAX_PERCENT: usize = 50;
/// How many rejections a report repeats; all of them are in the result file.
const SHOWN_MAX: usize = 10;
/// What imports changed in so many days counts as one, so that nobody splits a file to stay below a limit.
const SPLIT_DAYS: i64 = 7;
/// The lock that keeps two imports on PostgreSQL from writing at the same time.
const IMPORT_LOCK: i64 = 0x0043_4152_494d_5054;

/// What an import file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportKind {
    CqcLocations,
    CqcProviders,
    OdsSites,
    OdsHqs,
    OdsSuccession,
    Dspt,
    SiteContacts,
}

impl ImportKind {
    /// Every kind, in the order in which they are best imported.
    pub const ALL: [ImportKind; 7] = [
        ImportKind::CqcProviders,
        ImportKind::CqcLocations,
        ImportKind::OdsHqs,
        ImportKind::OdsSites,
        ImportKind::OdsSuccession,
        ImportKind::Dspt,
        ImportKind::SiteContacts,
    ];

    /// What the kind is called on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            ImportKind::CqcLocations => "cqc-locations",
            ImportKind::CqcProviders => "cqc-providers",
            ImportKind::OdsSites => "ods-sites",
            ImportKind::OdsHqs => "ods-hqs",
            ImportKind::OdsSuccession => "ods-succession",
            ImportKind::Dspt => "dspt",
            ImportKind::SiteContacts => "site-contacts",
        }
    }

    /// # Errors
    /// Words that list the kinds there are.
    pub fn parse(text: &str) -> Result<Self, String> {
        ImportKind::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
            let names: Vec<&str> = ImportKind::ALL.iter().map(|kind| kind.name()).collect();
            format!("{text} is not a kind of file that can be imported; there are {}", names.join(", "))
        })
    }

    /// The kinds that are of the same table: what one changes another is compared with.
    const fn of_table(self) -> [ImportKind; 2] {
        match self {
            ImportKind::OdsSites | ImportKind::OdsHqs => [ImportKind::OdsSites, ImportKind::OdsHqs],
            ImportKind::CqcLocations
            | ImportKind::CqcProviders
            | ImportKind::OdsSuccession
            | ImportKind::Dspt
            | ImportKind::SiteContacts => [self, self],
        }
    }

    fn table(self) -> &'static LazyLock<Table> {
        match self {
            ImportKind::CqcLocations => &store::CQC_LOCATIONS,
            ImportKind::CqcProviders => &store::CQC_PROVIDERS,
            ImportKind::OdsSites | ImportKind::OdsHqs => &store::ODS_ORGANISATIONS,
            ImportKind::OdsSuccession => &store::ODS_SUCCESSIONS,
            ImportKind::Dspt => &store::DSPT_STATUSES,
            ImportKind::SiteContacts => &store::SITE_CONTACTS,
        }
    }

    /// What it is called on a page.
    pub const fn in_words(self) -> &'static str {
        match self {
            ImportKind::CqcLocations => "CQC locations",
            ImportKind::CqcProviders => "CQC providers",
            ImportKind::OdsSites => "ODS sites",
            ImportKind::OdsHqs => "ODS headquarters",
            ImportKind::OdsSuccession => "ODS succession",
            ImportKind::Dspt => "DSPT",
            ImportKind::SiteContacts => "Site contacts",
        }
    }

    /// Who publishes it, where the person importing does not say.
    const fn publisher(self) -> &'static str {
        match self {
            ImportKind::CqcLocations | ImportKind::CqcProviders => "CQC",
            ImportKind::OdsSites | ImportKind::OdsHqs | ImportKind::OdsSuccession => "ODS",
            ImportKind::Dspt => "DSPT",
            ImportKind::SiteContacts => "the regulator's site contacts",
        }
    }
}

impl std::fmt::Display for ImportKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// How much one file may close and change before it waits for two people, in per cent of what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of what is open: closed, or no longer named.
    pub closed_percent: usize,
    /// Of what has contacts to which a code is sent or at which somebody is called: other contacts, or none.
    pub contacts_percent: usize,
}

impl Limits {
    /// For what the program itself brings, and for tests: nothing waits.
    pub const NONE: Limits = Limits { closed_percent: 100, contacts_percent: 100 };
}

impl Default for Limits {
    /// Care homes close by the hundred in a month, out of tens of thousands, which is less than one per
    /// cent; registered managers move on at some three per cent a month.
    fn default() -> Self {
        Limits { closed_percent: 1, contacts_percent: 5 }
    }
}

/// How a file is to be imported.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Count and report, and change nothing.
    pub dry_run: bool,
    pub limits: Limits,
    /// Where the file comes from, in words for a case worker; the publisher's name otherwise.
    pub source: Option<String>,
    /// The day the data is of; read from the file or its name otherwise.
    pub data_date: Option<Day>,
    /// Who imports it.
    pub by: String,
    /// The installation's key for contact IDs; needed for site contacts only.
    pub contact_key: Option<ContactKey>,
}

/// A row that was not taken over, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The line of the file on which the row begins, counted from 1.
    pub line: u64,
    /// The code of the row, as far as it can be read.
    pub code: String,
    pub reason: String,
}

/// A field that was odd in a row that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OddField {
    pub line: u64,
    pub code: String,
    /// What the file calls it.
    pub field: String,
    pub why: String,
}

/// What an import does, in figures and examples: for the report, the page and whoever releases it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// Why it waits for two people; empty where it does not.
    pub waits_because: Vec<String>,
    /// How many there were that were open, and that had contacts.
    pub present: usize,
    pub with_contacts: usize,
    pub contacts_changed: usize,
    /// How many get the contact that comes most often among those that change.
    pub same_new_contact: usize,
    /// How many rows say something that newer data says otherwise, which stayed.
    pub kept_newer: usize,
    /// How many fields were odd in rows that were taken, and the first few.
    pub odd_fields: usize,
    pub odd: Vec<OddField>,
    /// The first few rejections.
    pub rejections: Vec<Rejection>,
    /// The first few that are closed or no longer named: code and name.
    pub closed: Vec<(String, String)>,
    /// The first few whose contacts change.
    pub changed: Vec<String>,
}

/// What an import did, or would do.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub kind: &'static str,
    pub layout: &'static str,
    pub file: String,
    pub dry_run: bool,
    pub rows: usize,
    pub applied: usize,
    pub unchanged: usize,
    pub rejected: usize,
    /// How many this file closes or no longer names.
    pub closed: usize,
    pub seconds: f64,
    pub sha256: String,
    pub data_date: Option<String>,
    /// The number under which the import is filed; none for a dry run and for one that waits.
    pub number: Option<i64>,
    /// Under which it waits until two people have released it. Nothing was changed.
    pub held: Option<String>,
    /// Where every rejection is, if there are any, and every odd field.
    pub rejected_file: Option<PathBuf>,
    pub odd_fields_file: Option<PathBuf>,
    /// The first few of them.
    pub rejections: Vec<Rejection>,
    pub details: Details,
}

impl Report {
    /// The report as one JSON object, for `--json`.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tense = if self.dry_run { " (dry run, nothing was changed)" } else { "" };
        let day = self.data_date.as_deref().unwrap_or("a day that is not known");
        writeln!(f, "{}: {}, data of {day}{tense}", self.kind, self.file)?;
        writeln!(
            f,
            "{} rows: {} applied, {} unchanged, {} rejected; {} closed or no longer listed; {:.1} seconds",
            self.rows, self.applied, self.unchanged, self.rejected, self.closed, self.seconds
        )?;
        for rejection in &self.rejections {
            writeln!(f, "  line {}: {}", rejection.line, rejection.reason)?;
        }
        if self.rejected > self.rejections.len() {
            writeln!(f, "  and {} more", self.rejected - self.rejections.len())?;
        }
        if let Some(path) = &self.rejected_file {
            writeln!(f, "Every rejected row is in {}", path.display())?;
        }
        let details = &self.details;
        if details.odd_fields > 0 {
            writeln!(f, "{} fields were odd in rows that were taken:", details.odd_fields)?;
        }
        for odd in &details.odd {
            writeln!(f, "  line {}, {}: {}", odd.line, odd.field, odd.why)?;
        }
        if let Some(path) = &self.odd_fields_file {
            writeln!(f, "Every odd field is in {}", path.display())?;
        }
        if details.kept_newer > 0 {
            writeln!(
                f,
                "{} rows say something else than newer data that is there, which stays",
                details.kept_newer
            )?;
        }
        for reason in &details.waits_because {
            writeln!(f, "{reason}")?;
        }
        if let Some(id) = &self.held {
            writeln!(
                f,
                "Nothing was changed. This import waits until two case workers have released it: /casework/registers/{id}"
            )?;
        } else if self.dry_run && !details.waits_because.is_empty() {
            writeln!(f, "It would wait until two case workers have released it")?;
        }
        Ok(())
    }
}

/// Why a file was not imported. Nothing was changed.
#[derive(Debug)]
pub enum ImportRefusal {
    /// The file cannot be read.
    CannotRead { file: String, why: String },
    /// The file is not text in a layout we know.
    WrongLayout { file: String, why: String },
    /// A column that is needed is not there.
    MissingColumn { column: &'static str, seen: String },
    /// Nothing, or less than half, of the file could be read.
    NothingReadable { rows: usize, rejected: usize, first: Rejection },
    /// The file is damaged, and where that shows.
    Damaged { file: String, line: u64, why: String },
    /// Site contacts need the installation's key.
    ContactKeyMissing,
    /// Another import finished while this one was reading.
    ChangedMeanwhile,
    /// The rejections could not be written down, so nothing was imported.
    CannotWriteResult { file: PathBuf, why: String },
    /// The database did not take it.
    Database(Error),
}

impl From<Error> for ImportRefusal {
    fn from(error: Error) -> Self {
        ImportRefusal::Database(error)
    }
}

impl std::fmt::Display for ImportRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ImportRefusal::CannotRead { file, why } => write!(f, "{file} cannot be read: {why}"),
            ImportRefusal::WrongLayout { file, why } => write!(f, "{file} was not imported: {why}"),
            ImportRefusal::MissingColumn { column, seen } => write!(
                f,
                "The column {column:?} is missing, so nothing was imported. The columns found are: {seen}"
            ),
            ImportRefusal::NothingReadable { rows, rejected, first } => write!(
                f,
                "{rejected} of {rows} rows cannot be read, so nothing was imported. Is it another kind of file? Line {}: {}",
                first.line, first.reason
            ),
            ImportRefusal::Damaged { file, line, why } => write!(
                f,
                "{file} is damaged at line {line}, so nothing was imported: {why}. Download it again"
            ),
            ImportRefusal::ContactKeyMissing => f.write_str(
                "Site contacts can only be imported where the key for contact IDs is set; nothing was imported",
            ),
            ImportRefusal::ChangedMeanwhile => f.write_str(
                "Another import finished while this file was being read, so nothing was imported. Import it again",
            ),
            ImportRefusal::CannotWriteResult { file, why } => write!(
                f,
                "{} cannot be written, so the rejected rows could not be kept and nothing was imported: {why}",
                file.display()
            ),
            ImportRefusal::Database(error) => write!(f, "nothing was imported: {error}"),
        }
    }
}

impl std::error::Error for ImportRefusal {}

/// A file to be imported.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// Rejections are written into `FILE.rejected.csv` and odd fields into `FILE.odd-fields.csv` beside it.
    File(&'a Path),
    /// Bytes under a name. Rejections are in the report only.
    Bytes { name: &'a str, bytes: &'a [u8] },
}

/// Imports a file.
///
/// # Errors
/// Why it was not imported, in words for the operator.
pub async fn run(
    database: &Database,
    clock: &Clock,
    kind: ImportKind,
    path: &Path,
    options: &Options,
) -> Result<Report, ImportRefusal> {
    apply(database, clock, prepare(database, clock, kind, Source::File(path), options).await?).await
}

/// Imports a file that is in the program or a test. Rejections are in the report only.
///
/// # Errors
/// As [`run`].
pub async fn run_bytes(
    database: &Database,
    clock: &Clock,
    kind: ImportKind,
    name: &str,
    bytes: &[u8],
    options: &Options,
) -> Result<Report, ImportRefusal> {
    apply(database, clock, prepare(database, clock, kind, Source::Bytes { name, bytes }, options).await?)
        .await
}

async fn apply(database: &Database, clock: &Clock, prepared: Prepared) -> Result<Report, ImportRefusal> {
    if prepared.report.dry_run {
        return Ok(prepared.report);
    }
    let shared = Arc::new((prepared, clock.clone()));
    database
        .write(move |tx: &mut Tx| {
            let shared = Arc::clone(&shared);
            Box::pin(async move { shared.0.write(tx, shared.1.now()).await })
        })
        .await
}

/// Reads a file and compares it with what is there. Nothing is changed yet; rejections are written beside
/// the file.
///
/// # Errors
/// As [`run`].
pub async fn prepare(
    database: &Database,
    clock: &Clock,
    kind: ImportKind,
    source: Source<'_>,
    options: &Options,
) -> Result<Prepared, ImportRefusal> {
    let (input, beside) = match source {
        Source::File(path) => {
            let name = path
                .file_name()
                .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
            (Input::file(path, &name)?, Some(path.with_file_name(name)))
        }
        Source::Bytes { name, bytes } => (Input::bytes(bytes, name)?, None),
    };
    let import = Import { database, clock, kind, beside, options };
    match kind {
        ImportKind::CqcLocations => import.run(subject::Locations, input).await,
        ImportKind::CqcProviders => import.run(subject::Providers, input).await,
        ImportKind::OdsSites => import.run(subject::OdsSites, input).await,
        ImportKind::OdsHqs => import.run(subject::OdsHqs, input).await,
        ImportKind::OdsSuccession => import.run(subject::Successions, input).await,
        ImportKind::Dspt => import.run(subject::Statuses, input).await,
        ImportKind::SiteContacts => {
            let key = options.contact_key.clone().ok_or(ImportRefusal::ContactKeyMissing)?;
            import.run(subject::Contacts { key }, input).await
        }
    }
}

struct Import<'a> {
    database: &'a Database,
    clock: &'a Clock,
    kind: ImportKind,
    /// The file, beside which the lists of what was rejected and odd go.
    beside: Option<PathBuf>,
    options: &'a Options,
}

/// A file that has been read and compared, and is not written yet.
pub struct Prepared {
    kind: ImportKind,
    /// The number of the last import of the table, against which it was compared.
    before: i64,
    difference: Difference,
    filed: Provenanced,
    report: Report,
}

impl Prepared {
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Writes the difference, or holds it until two people have released it.
    ///
    /// # Errors
    /// A conflict where another import of the same table was faster, or a fault.
    pub async fn write(&self, tx: &mut Tx, now: Timestamp) -> Result<Report, ImportRefusal> {
        let difference = &self.difference;
        let mut report = self.report.clone();
        tx.lock(IMPORT_LOCK).await?;
        if last_of(tx, self.kind).await? != self.before {
            return Err(ImportRefusal::ChangedMeanwhile);
        }
        if report.details.waits_because.is_empty() {
            let number = store::last_import(tx).await? + 1;
            let table = self.kind.table();
            store::add_import(tx, number, &self.filed, now, false).await?;
            table.put(tx, &difference.puts, number).await?;
            table.mark_gone(tx, &difference.missing, now, number).await?;
            report.number = Some(number);
            return Ok(report);
        }
        let waiting = store::held_already(tx, self.kind.name(), &self.filed.sha256, self.before).await?;
        let id = match waiting {
            Some(id) => id,
            None => {
                let id = crate::id::new_id(now);
                let (puts, missing) = (&difference.puts, &difference.missing);
                store::hold_import(tx, &id, &self.filed, self.before, now, puts, missing).await?;
                id
            }
        };
        report.held = Some(id);
        Ok(report)
    }
}

/// Whether an import changes more, together with those before it, than it may by itself. One that changes
/// nothing never does, and a limit of 100 % is none.
fn is_over(now: usize, lately: usize, of: usize, percent: usize) -> bool {
    now > 0 && percent < 100 && (now + lately) * 100 > of * percent
}

async fn last_of(reads: &impl crate::database::Reads, kind: ImportKind) -> Result<i64, Error> {
    store::last_import_of(reads, kind.of_table().map(ImportKind::name)).await
}

/// What came of releasing a held import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Released {
    /// One person has released it; it waits for another.
    First,
    /// It was imported under this number.
    Imported(i64),
    /// It was released or discarded before, or never was.
    NotWaiting,
    /// The same person has released it already.
    SamePerson,
    /// Another import has changed what it was compared with: the file must be imported again.
    Outdated,
}

/// Releases a held import by one person. The second of two different people imports it.
///
/// # Errors
/// A fault.
pub async fn release(tx: &mut Tx, id: &str, by: &str, now: Timestamp) -> Result<Released, Error> {
    tx.lock(IMPORT_LOCK).await?;
    let Some(held) = waiting(tx, id).await? else { return Ok(Released::NotWaiting) };
    let Ok(kind) = ImportKind::parse(&held.kind) else { return Ok(Released::Outdated) };
    if last_of(tx, kind).await? != held.made_against {
        return Ok(Released::Outdated);
    }
    match held.first_by.as_deref() {
        None => {
            store::first_release(tx, id, by, now).await?;
            Ok(Released::First)
        }
        Some(first) if first == by => Ok(Released::SamePerson),
        Some(_) => {
            let filed: Provenanced = serde_json::from_str(&held.filed)
                .map_err(|error| Error::Broken(format!("held import {id}: {error}")))?;
            let number = store::last_import(tx).await? + 1;
            store::add_import(tx, number, &filed, now, true).await?;
            store::put_held(tx, kind.table(), id, number, now).await?;
            store::end_held(tx, id, HeldState::Released, by, now).await?;
            Ok(Released::Imported(number))
        }
    }
}

/// Ends the waiting of a held import without importing it; `false` where it waits no more.
///
/// # Errors
/// A fault.
pub async fn discard(tx: &mut Tx, id: &str, by: &str, now: Timestamp) -> Result<bool, Error> {
    tx.lock(IMPORT_LOCK).await?;
    store::end_held(tx, id, HeldState::Discarded, by, now).await
}

/// Whether nothing has changed what a held import was compared with.
///
/// # Errors
/// A fault.
pub async fn is_current(reads: &impl crate::database::Reads, held: &HeldImport) -> Result<bool, Error> {
    match ImportKind::parse(&held.kind) {
        Ok(kind) => Ok(last_of(reads, kind).await? == held.made_against),
        Err(_) => Ok(false),
    }
}

async fn waiting(tx: &mut Tx, id: &str) -> Result<Option<HeldImport>, Error> {
    Ok(store::held_import(tx, id).await?.filter(|held| held.state == HeldState::Waiting))
}

impl Import<'_> {
    async fn run<S: Subject>(&self, subject: S, input: Input) -> Result<Prepared, ImportRefusal> {
        let began = std::time::Instant::now();
        let started_at = self.clock.now();
        let today = started_at.day();
        let before = last_of(self.database, self.kind).await?;
        let newest = store::newest_days(self.database, self.kind.name()).await?;
        let kinds = self.kind.of_table().map(ImportKind::name);
        let (closed, changed) =
            store::changed_lately(self.database, kinds, started_at.minus(Span::days(SPLIT_DAYS))).await?;
        let lately = (usize::try_from(closed).unwrap_or(0), usize::try_from(changed).unwrap_or(0));
        let known = self.known(&subject).await?;
        let digest = input.digest();
        let file = input.name().to_owned();
        let (stated, name) = (self.options.data_date, file.clone());
        // Reading and comparing a whole register takes seconds of work: not on a thread that
        // serves pages.
        let (difference, opened, day, older_than) = tokio::task::spawn_blocking(move || {
            let (opened, rows) = subject.open(input, today)?;
            let day = day_of_data(stated, &opened, &name, today);
            let newest_before = newest
                .into_iter()
                .filter(|(layout, _)| !S::BY_VALUE || *layout == opened.layout)
                .filter_map(|(_, day)| day)
                .max();
            let older_than =
                newest_before.filter(|newest| opened.full_picture && day.is_some_and(|day| day < *newest));
            // What two people have released may take the place of what is newer.
            let is_forced = older_than.is_some();
            let told_on = day.or(opened.is_of_today.then_some(today));
            let difference = compare(&subject, &opened, rows, known, today, told_on, is_forced)?;
            Ok::<_, ImportRefusal>((difference, opened, day, older_than))
        })
        .await
        .map_err(|error| ImportRefusal::Database(Error::Misused(error.to_string())))??;

        refuse_another_kind(&difference)?;
        let (rejected_file, odd_fields_file) = self.write_lists(&difference)?;
        let read = digest.finished();
        let details = Details {
            waits_because: self.reasons_to_wait(&difference, lately, day, older_than),
            present: difference.present,
            with_contacts: difference.with_contacts,
            contacts_changed: difference.contacts_changed,
            same_new_contact: difference.most_frequent_contact(),
            kept_newer: difference.kept_newer,
            odd_fields: difference.odd.len(),
            odd: difference.odd.iter().take(SHOWN_MAX).cloned().collect(),
            rejections: difference.rejections.iter().take(SHOWN_MAX).cloned().collect(),
            closed: difference.closed.clone(),
            changed: difference.changed.clone(),
        };
        let report = Report {
            kind: self.kind.name(),
            layout: opened.layout,
            file: file.clone(),
            dry_run: self.options.dry_run,
            rows: difference.rows,
            applied: difference.applied,
            unchanged: difference.unchanged,
            rejected: difference.rejections.len(),
            closed: difference.closing,
            seconds: began.elapsed().as_secs_f64(),
            sha256: read.sha256.clone(),
            data_date: day.map(Day::iso),
            number: None,
            held: None,
            rejected_file,
            odd_fields_file,
            rejections: details.rejections.clone(),
            details,
        };
        let filed = Provenanced {
            kind: self.kind.name().to_owned(),
            layout: opened.layout.to_owned(),
            full_picture: opened.full_picture,
            source: self.options.source.clone().unwrap_or_else(|| self.kind.publisher().to_owned()),
            file_name: file,
            sha256: read.sha256,
            size_bytes: read.size_bytes,
            rows: count(report.rows),
            applied: count(report.applied),
            unchanged: count(report.unchanged),
            rejected: count(report.rejected),
            closed: count(report.closed),
            contacts_changed: count(report.details.contacts_changed),
            data_date: report.data_date.clone(),
            started_at: started_at.as_milliseconds(),
            by_whom: self.options.by.clone(),
            report: serde_json::to_string(&report.details).unwrap_or_default(),
        };
        Ok(Prepared { kind: self.kind, before, difference, filed, report })
    }

    async fn known<S: Subject>(&self, subject: &S) -> Result<HashMap<Box<str>, Known>, ImportRefusal> {
        let ours = subject.scope();
        let known = Arc::new(Mutex::new(HashMap::new()));
        let filling = Arc::clone(&known);
        let day = |text: Option<String>| text.and_then(|text| Day::parse_iso(&text));
        self.kind
            .table()
            .each_known(self.database, move |row| {
                if ours(&row.facts) {
                    let mut filling = filling.lock().unwrap_or_else(PoisonError::into_inner);
                    filling.insert(
                        row.key.into_boxed_str(),
                        Known {
                            facts: row.facts.into_boxed_str(),
                            is_gone: row.is_gone,
                            gone_on: day(row.of_import).filter(|_| row.is_gone),
                            data_date: day(row.data_date),
                            older: row.older.map(String::into_boxed_str),
                            seen: false,
                            change: None,
                            line: 0,
                        },
                    );
                }
            })
            .await?;
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut *known))
    }

    /// Why a file must wait until two people have released it.
    fn reasons_to_wait(
        &self,
        difference: &Difference,
        (closed_lately, changed_lately): (usize, usize),
        day: Option<Day>,
        older_than: Option<Day>,
    ) -> Vec<String> {
        let limits = self.options.limits;
        let together = |lately: usize| match lately {
            0 => String::new(),
            lately => format!(" ({lately} more in the last {SPLIT_DAYS} days)"),
        };
        let mut reasons = Vec::new();
        if let (Some(day), Some(newest)) = (day, older_than) {
            reasons
                .push(format!("Its data is of {day}, older than that of {newest}, which it would replace."));
        }
        let (closing, present) = (difference.closing, difference.present);
        if is_over(closing, closed_lately, present, limits.closed_percent) {
            reasons.push(format!(
                "It would close or remove {closing} of the {present} there now{}, more than {}%.",
                together(closed_lately),
                limits.closed_percent
            ));
        }
        let (changed, with) = (difference.contacts_changed, difference.with_contacts);
        if is_over(changed, changed_lately, with, limits.contacts_percent) {
            let same = match difference.most_frequent_contact() {
                most @ 2.. => format!(" {most} of them get the same one."),
                0 | 1 => String::new(),
            };
            reasons.push(format!(
                "It would change the contacts of {changed} of the {with} sites that have any{}, more than {}%.{same}",
                together(changed_lately),
                limits.contacts_percent
            ));
        }
        reasons
    }

    /// Writes every rejection and every odd field beside the import's file. The lists of an earlier try are
    /// replaced, so that they never speak of another import.
    fn write_lists(&self, found: &Difference) -> Result<(Option<PathBuf>, Option<PathBuf>), ImportRefusal> {
        let Some(file) = &self.beside else { return Ok((None, None)) };
        let rejections: Vec<[String; 3]> = found
            .rejections
            .iter()
            .map(|one| [one.line.to_string(), harmless(&one.code), harmless(&one.reason)])
            .collect();
        let odd: Vec<[String; 4]> = found
            .odd
            .iter()
            .map(|one| [one.line.to_string(), harmless(&one.code), harmless(&one.field), harmless(&one.why)])
            .collect();
        Ok((
            list(file, "rejected", &["Line", "Code", "Reason"], &rejections)?,
            list(file, "odd-fields", &["Line", "Code", "Field", "Reason"], &odd)?,
        ))
    }
}

/// Writes a list beside a file; nothing where there is nothing in it and never was.
fn list<const N: usize>(
    file: &Path,
    called: &str,
    header: &[&str; N],
    rows: &[[String; N]],
) -> Result<Option<PathBuf>, ImportRefusal> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{called}.csv"));
    let path = file.with_file_name(name);
    if rows.is_empty() && !path.exists() {
        return Ok(None);
    }
    let write = || -> Result<(), csv::Error> {
        let mut writer = csv::Writer::from_path(&path)?;
        writer.write_record(header)?;
        for row in rows {
            writer.write_record(row)?;
        }
        writer.flush()?;
        Ok(())
    };
    write()
        .map_err(|error| ImportRefusal::CannotWriteResult { file: path.clone(), why: error.to_string() })?;
    Ok((!rows.is_empty()).then_some(path))
}

/// Of which day a file's data is: as the person says who imports it, as the lines before its header say, as
/// its name says, or as the newest day in its rows shows. A name with nothing but a year bounds that day.
fn day_of_data(stated: Option<Day>, opened: &Opened, name: &str, today: Day) -> Option<Day> {
    let of_year = dates::year_in_name(name).filter(|last| *last < today);
    stated.or(opened.data_date).or_else(|| dates::day_in_name(name)).or(
        match (opened.newest_in_rows, of_year) {
            (Some(newest), Some(last)) => Some(newest.min(last)),
            (newest, last) => newest.or(last),
        },
    )
}

/// A file of which more than half cannot be read is another kind of file.
fn refuse_another_kind(difference: &Difference) -> Result<(), ImportRefusal> {
    let rejected = difference.rejections_that_count;
    match difference.rejections.first() {
        Some(first) if rejected * 100 > difference.rows * REJECTED_MAX_PERCENT => {
            Err(ImportRefusal::NothingReadable { rows: difference.rows, rejected, first: first.clone() })
        }
        Some(_) | None => Ok(()),
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A cell that no spreadsheet takes for a formula.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}
