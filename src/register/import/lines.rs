//! Bytes to rows: what kind of file it is, which column is which, one row at a time.

use super::ImportRefusal;
use crate::clock::Day;
use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The longest line of JSON and the longest cell that is looked at, in bytes. The largest API body
/// seen is 60 KB.
const LINE_MAX_BYTES: usize = 4 * 1024 * 1024;
/// How many lines of preamble may come before the header. Three were seen.
const PREAMBLE_MAX_LINES: usize = 30;

/// One row of a file: what it tells, or why it cannot be read.
pub(super) struct Row<T> {
    pub line: u64,
    /// The code, as far as it can be read.
    pub code: String,
    pub told: Result<T, String>,
}

pub(super) type Rows<T> = Box<dyn Iterator<Item = Result<Row<T>, ImportRefusal>>>;

/// A file that is being read, and counted and hashed while it is.
pub(super) struct Input {
    name: String,
    reader: Box<dyn BufRead + Send>,
    digest: Reading,
}

#[derive(Clone)]
pub(super) struct Reading(Arc<Mutex<(Sha256, i64)>>);

/// What a whole file was.
pub(super) struct Whole {
    pub sha256: String,
    pub size_bytes: i64,
}

impl Reading {
    pub(super) fn finished(&self) -> Whole {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Whole { sha256: crate::id::hex(&inner.0.clone().finalize()), size_bytes: inner.1 }
    }
}

struct Hashed<R> {
    inner: R,
    digest: Reading,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(into)?;
        let mut digest = self.digest.0.lock().unwrap_or_else(PoisonError::into_inner);
        digest.0.update(&into[..count]);
        digest.1 += i64::try_from(count).unwrap_or(0);
        Ok(count)
    }
}

impl Input {
    pub(super) fn file(path: &Path, name: &str) -> Result<Self, ImportRefusal> {
        let cannot = |error: std::io::Error| ImportRefusal::CannotRead {
            file: path.display().to_string(),
            why: error.to_string(),
        };
        if path.is_dir() {
            return Err(ImportRefusal::CannotRead {
                file: path.display().to_string(),
                why: "it is a folder".to_owned(),
            });
        }
        Self::open(std::fs::File::open(path).map_err(cannot)?, name)
    }

    pub(super) fn bytes(bytes: &[u8], name: &str) -> Result<Self, ImportRefusal> {
        Self::open(std::io::Cursor::new(bytes.to_vec()), name)
    }

    fn open(source: impl Read + Send + 'static, name: &str) -> Result<Self, ImportRefusal> {
        let digest = Reading(Arc::new(Mutex::new((Sha256::new(), 0))));
        let mut reader =
            BufReader::with_capacity(256 * 1024, Hashed { inner: source, digest: digest.clone() });
        let start = reader
            .fill_buf()
            .map_err(|error| ImportRefusal::CannotRead { file: name.to_owned(), why: error.to_string() })?;
        let wrong = |why: &str| ImportRefusal::WrongLayout { file: name.to_owned(), why: why.to_owned() };
        if start.starts_with(b"PK\x03\x04") {
            return Err(wrong(
                "it is a spreadsheet (.ods or .xlsx) or a zip file. Save the sheet as CSV, or unpack the zip, and import that",
            ));
        }
        if start.starts_with(&[0x1f, 0x8b]) {
            return Err(wrong("it is compressed. Unpack it and import what is inside"));
        }
        if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
            return Err(wrong("it is written in UTF-16. Save it as CSV in UTF-8"));
        }
        let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
        if first == Some(&b'<') {
            return Err(wrong("it is a web page or XML, not the file itself. Download it again"));
        }
        if start.starts_with(&[0xef, 0xbb, 0xbf]) {
            reader.consume(3);
        }
        Ok(Input { name: name.to_owned(), reader: Box::new(reader), digest })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn digest(&self) -> Reading {
        self.digest.clone()
    }

    fn cannot(name: &str, why: &str) -> ImportRefusal {
        ImportRefusal::CannotRead { file: name.to_owned(), why: why.to_owned() }
    }

    /// Whether the file is JSON, one record a line, rather than CSV.
    pub(super) fn is_json(&mut self) -> Result<bool, ImportRefusal> {
        let name = self.name.clone();
        let start = self.reader.fill_buf().map_err(|error| Self::cannot(&name, &error.to_string()))?;
        Ok(start.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{'))
    }

    /// The records of a file with one JSON record a line.
    pub(super) fn json_lines(self) -> impl Iterator<Item = Result<(u64, String), ImportRefusal>> {
        let Input { name, mut reader, .. } = self;
        let mut number = 0;
        let mut broken = false;
        std::iter::from_fn(move || {
            while !broken {
                number += 1;
                let mut line = Vec::new();
                let read = reader.by_ref().take(LINE_MAX_BYTES as u64).read_until(b'\n', &mut line);
                match read {
                    Ok(0) => return None,
                    Ok(LINE_MAX_BYTES) => {
                        broken = true;
                        return Some(Err(Self::cannot(
                            &name,
                            &format!("line {number} is longer than any record"),
                        )));
                    }
                    Ok(_) => {}
                    Err(error) => {
                        broken = true;
                        return Some(Err(Self::cannot(&name, &error.to_string())));
                    }
                }
                let text = decoded(&line);
                if !text.trim().is_empty() {
                    return Some(Ok((number, text)));
                }
            }
            None
        })
    }

    /// The cells of a CSV file, row by row, blank rows left out.
    pub(super) fn cells(self) -> Cells {
        let Input { name, reader, .. } = self;
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            // Only the line feed ends a row, and a carriage return before it is taken off below:
            // otherwise rows are counted one line too early in files that have both.
            .terminator(csv::Terminator::Any(b'\n'))
            .from_reader(reader);
        Cells { name, reader, record: csv::ByteRecord::new() }
    }
}

/// Text of a file that may be UTF-8 or the old Western encoding of the ODS files.
fn decoded(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

pub(super) struct Cells {
    name: String,
    reader: csv::Reader<Box<dyn BufRead + Send>>,
    record: csv::ByteRecord,
}

/// One row of a CSV file.
pub(super) struct CellRow {
    pub line: u64,
    pub cells: Vec<String>,
}

impl Cells {
    pub(super) fn next(&mut self) -> Result<Option<CellRow>, ImportRefusal> {
        loop {
            let more = self
                .reader
                .read_byte_record(&mut self.record)
                .map_err(|error| Input::cannot(&self.name, &error.to_string()))?;
            if !more {
                return Ok(None);
            }
            let line = self.record.position().map_or(0, csv::Position::line);
            if self.record.as_slice().len() > LINE_MAX_BYTES {
                return Err(Input::cannot(
                    &self.name,
                    &format!("the row at line {line} never ends; a quotation mark is missing"),
                ));
            }
            if self.record.iter().all(|cell| cell.iter().all(u8::is_ascii_whitespace)) {
                continue;
            }
            let mut cells: Vec<String> = self.record.iter().map(decoded).collect();
            if let Some(last) = cells.last_mut()
                && last.ends_with('\r')
            {
                last.pop();
            }
            return Ok(Some(CellRow { line, cells }));
        }
    }

    /// Looks for the header, past any lines of preamble: the first row that has one of the names
    /// of a column. Answers it with the lines before.
    pub(super) fn header(
        &mut self,
        marks: &[&str],
        column: &'static str,
    ) -> Result<(Header, Vec<String>), ImportRefusal> {
        let mut preamble = Vec::new();
        let mut widest: Vec<String> = Vec::new();
        for _ in 0..PREAMBLE_MAX_LINES {
            let Some(row) = self.next()? else { break };
            let header = Header::of(&row.cells);
            if header.find(marks).is_some() {
                return Ok((header, preamble));
            }
            if row.cells.len() > widest.len() {
                widest = row.cells.clone();
            }
            preamble.push(row.cells.join(" "));
        }
        Err(missing(column, &widest))
    }
}

fn missing(column: &'static str, seen: &[String]) -> ImportRefusal {
    /// How many of the columns found are named in a refusal, and how much of each.
    const NAMED_MAX: usize = 12;
    let mut seen: Vec<String> =
        seen.iter().take(NAMED_MAX).map(|name| super::super::tidy(name).chars().take(40).collect()).collect();
    if seen.is_empty() {
        seen.push("none".to_owned());
    }
    ImportRefusal::MissingColumn { column, seen: seen.join(", ") }
}

/// Where each column is, by name. Names are compared without case, spaces and brackets: one real
/// header lost its closing bracket.
pub(super) struct Header {
    plain: Vec<String>,
    shown: Vec<String>,
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl Header {
    fn of(cells: &[String]) -> Self {
        Header { plain: cells.iter().map(|cell| plain(cell)).collect(), shown: cells.to_vec() }
    }

    pub(super) fn len(&self) -> usize {
        self.plain.len()
    }

    /// The place of the first of some names that is there.
    pub(super) fn find(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| {
            let name = plain(name);
            self.plain.iter().position(|there| *there == name)
        })
    }

    /// The places of the columns whose name begins so, each with what follows.
    pub(super) fn beginning(&self, start: &str) -> Vec<(usize, String)> {
        self.shown
            .iter()
            .enumerate()
            .filter_map(|(place, name)| {
                let name = super::super::tidy(name);
                let rest = name.get(..start.len()).filter(|s| s.eq_ignore_ascii_case(start));
                rest.map(|_| (place, super::super::tidy(&name[start.len()..])))
            })
            .collect()
    }

    /// The place of a column without which the file says nothing.
    pub(super) fn need(&self, names: &[&'static str]) -> Result<usize, ImportRefusal> {
        self.find(names).ok_or_else(|| missing(names.first().copied().unwrap_or(""), &self.shown))
    }
}

/// A day written in a file's name or preamble: `29_July_2026`, `29 July 2026`, `2022-09-09`,
/// `20220909`.
pub(super) fn day_in_name(text: &str) -> Option<Day> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let parts: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|part| !part.is_empty())
        .map(str::to_lowercase)
        .collect();
    let number = |text: &str| text.parse::<i16>().ok();
    parts
        .windows(3)
        .find_map(|three| {
            let (first, middle, last) = (&three[0], &three[1], &three[2]);
            if let Some(month) = MONTHS.iter().position(|month| {
                *month == middle.as_str() || middle.len() == 3 && month.starts_with(middle.as_str())
            }) {
                let month = i8::try_from(month + 1).ok()?;
                return Day::new(number(last)?, month, i8::try_from(number(first)?).ok()?);
            }
            if first.len() == 4 && middle.len() == 2 && last.len() == 2 {
                return Day::parse_iso(&format!("{first}-{middle}-{last}"));
            }
            None
        })
        .or_else(|| {
            parts
                .iter()
                .filter(|part| part.len() == 8 && part.starts_with("20"))
                .find_map(|part| super::super::read_day(part))
        })
}
