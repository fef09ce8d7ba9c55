//! Imports: a register's file against what is there, and only the differences written.
//!
//! - Every row is accounted for: rows = applied + unchanged + rejected, each rejection with its
//!   line and reason in a result file beside the import's.
//! - One transaction a file. A crash, a refusal or a second import at the same time leaves the old
//!   picture.
//! - A full picture marks what it no longer names as gone. A file that would close or remove more
//!   than [`SHRINK_MAX_PERCENT`] % is refused until a person says that it is right.
//! - What differs from one register to another is a `Subject` (in `subject`, a file a register); reading
//!   bytes and finding columns is in `lines`.
//!
//! `docs/decisions/0008-imports-by-difference.md` says why it is done by difference.

mod lines;
mod subject;

#[cfg(test)]
mod tests;

use super::site_contacts::ContactKey;
use super::store::{self, Provenanced, Put, Table};
use crate::clock::{Clock, Day};
use crate::database::{Database, Error, Tx};
use lines::Input;
use serde::Serialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use subject::{Opened, Subject};

/// How much of what is there one file may close or remove, in per cent. Care homes close by the
/// hundred in a month, out of tens of thousands; a file cut off half way loses half.
pub const SHRINK_MAX_PERCENT: usize = 5;
/// Up to how many per cent of a file's rows may be rejected. Above, it is another kind of file.
const REJECTED_MAX_PERCENT: usize = 50;
/// How many rejections a report repeats; all of them are in the result file.
const SHOWN_MAX: usize = 10;
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

/// How a file is to be imported.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Count and report, and change nothing.
    pub dry_run: bool,
    /// A person has looked, and the file may close or remove more than [`SHRINK_MAX_PERCENT`] %.
    pub allow_shrink: bool,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// The line of the file on which the row begins, counted from 1.
    pub line: u64,
    /// The code of the row, as far as it can be read.
    pub code: String,
    pub reason: String,
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
    /// The number under which the import is filed; none for a dry run.
    pub number: Option<i64>,
    /// Where every rejection is, if there are any.
    pub rejected_file: Option<PathBuf>,
    /// The first few of them.
    pub rejections: Vec<Rejection>,
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
        writeln!(f, "{}: {}{tense}", self.kind, self.file)?;
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
    /// It would close or remove too much of what is there.
    WouldShrink { closing: usize, present: usize },
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
            ImportRefusal::WouldShrink { closing, present } => write!(
                f,
                "This file would close or remove {closing} of the {present} there now, more than {SHRINK_MAX_PERCENT} %, so nothing was imported. If the file is whole and right, import it again with --allow-shrink"
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

/// Imports a file.
///
/// # Errors
/// [`ImportRefusal`]: nothing was changed, and why, in words for the operator.
pub async fn run(
    database: &Database,
    clock: &Clock,
    kind: ImportKind,
    path: &Path,
    options: &Options,
) -> Result<Report, ImportRefusal> {
    let name = path
        .file_name()
        .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    let input = Input::file(path, &name)?;
    let result_file = path.with_file_name(format!("{name}.rejected.csv"));
    dispatch(database, clock, kind, input, Some(result_file), options).await
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
    dispatch(database, clock, kind, Input::bytes(bytes, name)?, None, options).await
}

async fn dispatch(
    database: &Database,
    clock: &Clock,
    kind: ImportKind,
    input: Input,
    result_file: Option<PathBuf>,
    options: &Options,
) -> Result<Report, ImportRefusal> {
    let import = Import { database, clock, kind, result_file, options };
    match kind {
        ImportKind::CqcLocations => import.run(subject::Locations, &store::CQC_LOCATIONS, input).await,
        ImportKind::CqcProviders => import.run(subject::Providers, &store::CQC_PROVIDERS, input).await,
        ImportKind::OdsSites => import.run(subject::OdsSites, &store::ODS_ORGANISATIONS, input).await,
        ImportKind::OdsHqs => import.run(subject::OdsHqs, &store::ODS_ORGANISATIONS, input).await,
        ImportKind::OdsSuccession => import.run(subject::Successions, &store::ODS_SUCCESSIONS, input).await,
        ImportKind::Dspt => import.run(subject::Statuses, &store::DSPT_STATUSES, input).await,
        ImportKind::SiteContacts => {
            let key = options.contact_key.clone().ok_or(ImportRefusal::ContactKeyMissing)?;
            import.run(subject::Contacts { key }, &store::SITE_CONTACTS, input).await
        }
    }
}

struct Import<'a> {
    database: &'a Database,
    clock: &'a Clock,
    kind: ImportKind,
    result_file: Option<PathBuf>,
    options: &'a Options,
}

/// A row that is there already.
struct Known {
    facts: Box<str>,
    gone: bool,
    seen: bool,
    /// Where in the changes its new facts are, if they are new.
    change: Option<usize>,
    /// The line of this file that spoke of it.
    line: u64,
}

/// What a file makes of what is there.
#[derive(Default)]
struct Difference {
    rows: usize,
    unchanged: usize,
    puts: Vec<Put>,
    missing: Vec<Box<str>>,
    present: usize,
    closing: usize,
    rejections: Vec<Rejection>,
}

impl Difference {
    fn applied(&self) -> usize {
        self.rows - self.unchanged - self.rejections.len()
    }
}

impl Import<'_> {
    async fn run<S: Subject>(
        &self,
        subject: S,
        table: &'static std::sync::LazyLock<Table>,
        input: Input,
    ) -> Result<Report, ImportRefusal> {
        let began = std::time::Instant::now();
        let started_at = self.clock.now();
        let today = started_at.day();
        let table: &'static Table = table;
        let before = store::last_import(self.database).await?;
        let known = self.known::<S>(&subject, table).await?;
        let digest = input.digest();
        let file = input.name().to_owned();
        // Reading and comparing a whole register takes seconds of work: not on a thread that
        // serves pages.
        let (difference, opened) = tokio::task::spawn_blocking(move || {
            let (opened, rows) = subject.open(input)?;
            let difference = compare(&subject, &opened, rows, known, today)?;
            Ok::<_, ImportRefusal>((difference, opened))
        })
        .await
        .map_err(|error| ImportRefusal::Database(Error::Misused(error.to_string())))??;

        self.refuse_what_looks_wrong(&difference)?;
        let rejected_file = self.write_rejections(&difference.rejections)?;
        let read = digest.finished();
        let data_date = self.options.data_date.or(opened.data_date).or_else(|| lines::day_in_name(&file));
        let mut report = Report {
            kind: self.kind.name(),
            layout: opened.layout,
            file: file.clone(),
            dry_run: self.options.dry_run,
            rows: difference.rows,
            applied: difference.applied(),
            unchanged: difference.unchanged,
            rejected: difference.rejections.len(),
            closed: difference.closing,
            seconds: 0.0,
            sha256: read.sha256.clone(),
            data_date: data_date.map(Day::iso),
            number: None,
            rejected_file,
            rejections: difference.rejections.iter().take(SHOWN_MAX).cloned().collect(),
        };
        if !self.options.dry_run {
            let filed = Provenanced {
                kind: self.kind.name(),
                layout: opened.layout,
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
                data_date: report.data_date.clone(),
                started_at,
                by_whom: self.options.by.clone(),
            };
            report.number = Some(self.write(table, difference, filed, before).await?);
        }
        report.seconds = began.elapsed().as_secs_f64();
        Ok(report)
    }

    async fn known<S: Subject>(
        &self,
        subject: &S,
        table: &'static Table,
    ) -> Result<HashMap<Box<str>, Known>, ImportRefusal> {
        let ours = subject.scope();
        let known = Arc::new(Mutex::new(HashMap::new()));
        let filling = Arc::clone(&known);
        table
            .each_known(self.database, move |key, facts, gone| {
                if ours(&facts) {
                    let mut filling = filling.lock().unwrap_or_else(PoisonError::into_inner);
                    filling.insert(
                        key.into_boxed_str(),
                        Known { facts: facts.into_boxed_str(), gone, seen: false, change: None, line: 0 },
                    );
                }
            })
            .await?;
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut *known))
    }

    fn refuse_what_looks_wrong(&self, difference: &Difference) -> Result<(), ImportRefusal> {
        if let Some(first) = difference.rejections.first() {
            let rejected = difference.rejections.len();
            if rejected * 100 > difference.rows * REJECTED_MAX_PERCENT {
                return Err(ImportRefusal::NothingReadable {
                    rows: difference.rows,
                    rejected,
                    first: first.clone(),
                });
            }
        }
        if !self.options.allow_shrink && difference.closing * 100 > difference.present * SHRINK_MAX_PERCENT {
            return Err(ImportRefusal::WouldShrink {
                closing: difference.closing,
                present: difference.present,
            });
        }
        Ok(())
    }

    /// Writes every rejection beside the import's file. The file of an earlier try is replaced, so
    /// that it never speaks of another import.
    fn write_rejections(&self, rejections: &[Rejection]) -> Result<Option<PathBuf>, ImportRefusal> {
        let Some(path) = &self.result_file else {
            return Ok(None);
        };
        if rejections.is_empty() && !path.exists() {
            return Ok(None);
        }
        let write = || -> Result<(), csv::Error> {
            let mut writer = csv::Writer::from_path(path)?;
            writer.write_record(["Line", "Code", "Reason"])?;
            for rejection in rejections {
                writer.write_record([
                    &rejection.line.to_string(),
                    &harmless(&rejection.code),
                    &harmless(&rejection.reason),
                ])?;
            }
            writer.flush()?;
            Ok(())
        };
        write().map_err(|error| ImportRefusal::CannotWriteResult {
            file: path.clone(),
            why: error.to_string(),
        })?;
        Ok((!rejections.is_empty()).then(|| path.clone()))
    }

    async fn write(
        &self,
        table: &'static Table,
        difference: Difference,
        filed: Provenanced,
        before: i64,
    ) -> Result<i64, ImportRefusal> {
        let shared = Arc::new((difference, filed, self.clock.clone()));
        self.database
            .write(move |tx: &mut Tx| {
                let shared = Arc::clone(&shared);
                Box::pin(async move {
                    let (difference, filed, clock) = &*shared;
                    tx.lock(IMPORT_LOCK).await?;
                    if store::last_import(tx).await? != before {
                        return Err(ImportRefusal::ChangedMeanwhile);
                    }
                    let number = before + 1;
                    let now = clock.now();
                    store::add_import(tx, number, filed, now).await?;
                    table.put(tx, &difference.puts, number).await?;
                    table.mark_gone(tx, &difference.missing, now, number).await?;
                    Ok(number)
                })
            })
            .await
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A cell that no spreadsheet takes for a formula.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

fn compare<S: Subject>(
    subject: &S,
    opened: &Opened,
    rows: lines::Rows<S::Told>,
    mut known: HashMap<Box<str>, Known>,
    today: Day,
) -> Result<Difference, ImportRefusal> {
    let mut difference = Difference::default();
    for row in rows {
        let row = row?;
        difference.rows += 1;
        let told = match row.told {
            Ok(told) => told,
            Err(reason) => {
                // A row that is there, even if it cannot be read, is not missing.
                if let Some(known) = known.get_mut(row.code.as_str()) {
                    known.seen = true;
                }
                difference.rejections.push(Rejection { line: row.line, code: row.code, reason });
                continue;
            }
        };
        let key = subject.key(&told);
        let there = known.get_mut(key.as_str());
        let again = there.as_ref().is_some_and(|there| there.line > 0);
        let kept: Option<S::Kept> = match &there {
            Some(there) => {
                let text = match there.change {
                    Some(place) => &difference.puts[place].facts,
                    None => &there.facts,
                };
                serde_json::from_str(text).ok()
            }
            None => None,
        };
        let was_open = !again
            && there.as_ref().is_some_and(|there| !there.gone)
            && kept.as_ref().is_some_and(|kept| subject.is_open(kept, today));
        let fresh = subject.lay(told, kept, opened);
        let facts = match serde_json::to_string(&fresh) {
            Ok(facts) => facts.into_boxed_str(),
            Err(error) => {
                difference.rejections.push(Rejection {
                    line: row.line,
                    code: key,
                    reason: error.to_string(),
                });
                continue;
            }
        };
        let links = subject.links(&fresh);
        if was_open && !subject.is_open(&fresh, today) {
            difference.closing += 1;
        }
        match there {
            None => {
                let boxed: Box<str> = key.as_str().into();
                known.insert(
                    boxed.clone(),
                    Known {
                        facts: Box::default(),
                        gone: false,
                        seen: true,
                        change: Some(difference.puts.len()),
                        line: row.line,
                    },
                );
                difference.puts.push(Put { key: boxed, links, facts });
            }
            Some(there) => {
                there.seen = true;
                let so_far = match there.change {
                    Some(place) => &difference.puts[place].facts,
                    None => &there.facts,
                };
                let same = *so_far == facts && (again || !there.gone);
                if same {
                    difference.unchanged += 1;
                    if there.line == 0 {
                        there.line = row.line;
                    }
                } else if again {
                    difference.rejections.push(Rejection {
                        line: row.line,
                        code: key,
                        reason: format!(
                            "line {} says something else about the same code; that line was taken",
                            there.line
                        ),
                    });
                } else {
                    there.line = row.line;
                    there.change = Some(difference.puts.len());
                    difference.puts.push(Put { key: key.as_str().into(), links, facts });
                }
            }
        }
    }
    let full = opened.full_picture;
    for (key, there) in known {
        // What this file brought itself was not there before.
        let new = there.facts.is_empty();
        if new || there.gone {
            continue;
        }
        let was_open =
            serde_json::from_str::<S::Kept>(&there.facts).is_ok_and(|kept| subject.is_open(&kept, today));
        difference.present += usize::from(was_open);
        // One that is closed already is not expected in a list of what is open.
        if full && !there.seen && was_open {
            difference.closing += 1;
            difference.missing.push(key);
        }
    }
    difference.missing.sort_unstable();
    Ok(difference)
}
