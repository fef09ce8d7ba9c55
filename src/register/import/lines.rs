//! Bytes to rows: what kind of file it is, which letters it is written in, which column is which, one row
//! at a time. A file that is damaged is refused with the line at which that shows: a quotation mark where
//! none can be, a null byte, a row that runs over others.

use super::ImportRefusal;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The longest line of JSON and the longest row of a table, in bytes. The largest API body seen is 60 KB.
const LINE_MAX_BYTES: usize = 4 * 1024 * 1024;
/// The largest table that is read, in bytes; it is held in memory while it is. The largest file of any
/// register is the ratings', some 60 MB.
const TABLE_MAX_BYTES: u64 = 512 * 1024 * 1024;
/// How many lines of preamble may come before the header. Three were seen.
const PREAMBLE_MAX_LINES: usize = 30;
/// How many lines one row may stand on: addresses have line breaks in them, of which six is the most that
/// a letter has. More is a quotation mark that was never closed.
const ROW_LINES_MAX: u64 = 10;

/// Why a row was not taken.
#[derive(Debug)]
pub(super) struct Unread {
    pub reason: String,
    /// Whether it speaks against the file as a whole: a code that is none, not a word we do not know.
    pub counts: bool,
}

impl From<String> for Unread {
    fn from(reason: String) -> Self {
        Unread { reason, counts: true }
    }
}

impl From<&str> for Unread {
    fn from(reason: &str) -> Self {
        reason.to_owned().into()
    }
}

/// A field of a row that was left out, or taken although it was odd, while the row was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Odd {
    pub field: String,
    pub why: String,
}

/// One row of a file: what it tells, or why it cannot be read.
pub(super) struct Row<T> {
    pub line: u64,
    /// The code, as far as it can be read.
    pub code: String,
    pub told: Result<T, Unread>,
    /// What of it was odd.
    pub odd: Vec<Odd>,
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
        let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
        if first == Some(&b'<') {
            return Err(wrong("it is a web page or XML, not the file itself. Download it again"));
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
        let start = start.strip_prefix(BOM.as_slice()).unwrap_or(start);
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
                let line = line.strip_prefix(BOM.as_slice()).unwrap_or(&line);
                let text = of_line(line).into_owned();
                if !text.trim().is_empty() {
                    return Some(Ok((number, text)));
                }
            }
            None
        })
    }

    /// The cells of a table, row by row, blank rows left out.
    ///
    /// # Errors
    /// Where it cannot be read, is too long, or is no text.
    pub(super) fn cells(self) -> Result<Cells, ImportRefusal> {
        let Input { name, mut reader, .. } = self;
        let mut bytes = Vec::new();
        let read = reader.by_ref().take(TABLE_MAX_BYTES + 1).read_to_end(&mut bytes);
        let read = read.map_err(|error| Self::cannot(&name, &error.to_string()))?;
        if read as u64 > TABLE_MAX_BYTES {
            return Err(Self::cannot(&name, "it is longer than any file of a register"));
        }
        let text = text_of(bytes);
        if let Some(place) = text.find('\0') {
            let line = 1 + lines_in(&text[..place]);
            return Err(damaged(&name, line, "there is a null byte, which no text has"));
        }
        let ends_with_line = text.ends_with(['\n', '\r']) || text.is_empty();
        Ok(Cells { name, text: text.into(), at: 0, line: 1, delimiter: b',', width: None, ends_with_line })
    }
}

const BOM: [u8; 3] = [0xef, 0xbb, 0xbf];

/// How many line ends there are: CR LF is one, and so is each alone.
fn lines_in(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let ends = memchr::memchr2_iter(b'\n', b'\r', bytes);
    ends.filter(|place| bytes[*place] == b'\n' || bytes.get(place + 1) != Some(&b'\n')).count() as u64
}

/// Text of a whole file: UTF-8, UTF-16 with or without its mark, or the Western encoding of Windows. Where
/// a file has lines of two kinds, because it was put together from two, each line is read as it is written.
fn text_of(bytes: Vec<u8>) -> String {
    let utf16 = match bytes.as_slice() {
        [0xff, 0xfe, ..] => Some(encoding_rs::UTF_16LE),
        [0xfe, 0xff, ..] => Some(encoding_rs::UTF_16BE),
        _ => utf16_without_mark(&bytes),
    };
    if let Some(encoding) = utf16 {
        return encoding.decode(&bytes).0.into_owned();
    }
    let bytes = match bytes.strip_prefix(BOM.as_slice()) {
        Some(rest) => rest.to_vec(),
        None => bytes,
    };
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let bytes = error.into_bytes();
            bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')).map(of_line).collect()
        }
    }
}

/// Text that is written two bytes a letter has a null byte in nearly every second place.
fn utf16_without_mark(bytes: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    const LOOKED_AT: usize = 4096;
    let start = &bytes[..bytes.len().min(LOOKED_AT)];
    let nulls = |from: usize| start.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let half = start.len() / 2;
    if half < 8 {
        None
    } else if nulls(1) * 10 > half * 7 {
        Some(encoding_rs::UTF_16LE)
    } else if nulls(0) * 10 > half * 7 {
        Some(encoding_rs::UTF_16BE)
    } else {
        None
    }
}

/// A line in UTF-8 or the Western encoding of Windows.
fn of_line(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0,
    }
}

fn damaged(name: &str, line: u64, why: &str) -> ImportRefusal {
    ImportRefusal::Damaged { file: name.to_owned(), line, why: why.to_owned() }
}

/// A table in memory, and the place that has been read to. A clone reads on by itself.
#[derive(Clone)]
pub(super) struct Cells {
    name: String,
    text: Arc<str>,
    at: usize,
    line: u64,
    delimiter: u8,
    /// How many columns there are, once the header is known.
    width: Option<usize>,
    ends_with_line: bool,
}

/// One row of a table.
pub(super) struct CellRow {
    pub line: u64,
    pub cells: Vec<String>,
    /// Whether the file ends in it, without the end of a line: it may have been cut off.
    pub is_cut: bool,
}

impl Cells {
    /// Refuses the file at a line.
    pub(super) fn damaged(&self, line: u64, why: &str) -> ImportRefusal {
        damaged(&self.name, line, why)
    }

    /// Says how many columns there are.
    pub(super) fn of_width(&mut self, width: usize) {
        self.width = Some(width);
    }

    pub(super) fn next(&mut self) -> Result<Option<CellRow>, ImportRefusal> {
        while self.at < self.text.len() {
            let (line, began) = (self.line, self.at);
            let cells = self.row()?;
            if self.at - began > LINE_MAX_BYTES {
                return Err(self.damaged(line, "the row is longer than any"));
            }
            if cells.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            let is_cut = self.at >= self.text.len() && !self.ends_with_line;
            return Ok(Some(CellRow { line, cells, is_cut }));
        }
        Ok(None)
    }

    /// Reads to the end of a row.
    fn row(&mut self) -> Result<Vec<String>, ImportRefusal> {
        let text = Arc::clone(&self.text);
        let bytes = text.as_bytes();
        let mut cells = Vec::with_capacity(self.width.unwrap_or(8));
        loop {
            let mut start = self.at;
            while bytes.get(start) == Some(&b' ') {
                start += 1;
            }
            if bytes.get(start) == Some(&b'"') {
                self.at = start;
                cells.push(self.quoted(&text)?);
            } else {
                let rest = &bytes[self.at..];
                let length = memchr::memchr3(self.delimiter, b'\n', b'\r', rest).unwrap_or(rest.len());
                let cell = &text[self.at..self.at + length];
                if cell.contains('"') {
                    return Err(self.damaged(
                        self.line,
                        "there is a quotation mark inside a value that does not begin with one",
                    ));
                }
                cells.push(cell.to_owned());
                self.at += length;
            }
            match bytes.get(self.at) {
                Some(byte) if *byte == self.delimiter => {
                    self.at += 1;
                    if self.at == bytes.len() {
                        cells.push(String::new());
                        return Ok(cells);
                    }
                }
                Some(b'\r') if bytes.get(self.at + 1) == Some(&b'\n') => self.at += 2,
                Some(_) => self.at += 1,
                None => return Ok(cells),
            }
            if matches!(bytes[self.at - 1], b'\n' | b'\r') {
                self.line += 1;
                return Ok(cells);
            }
        }
    }

    /// Reads a value between quotation marks, the first of which is here.
    fn quoted(&mut self, text: &str) -> Result<String, ImportRefusal> {
        let bytes = text.as_bytes();
        let opened = self.line;
        let mut cell = String::new();
        let mut from = self.at + 1;
        loop {
            let Some(length) = memchr::memchr(b'"', &bytes[from..]) else {
                return Err(self.damaged(opened, "a quotation mark is opened and never closed"));
            };
            cell.push_str(&text[from..from + length]);
            from += length + 1;
            if bytes.get(from) != Some(&b'"') {
                break;
            }
            cell.push('"');
            from += 1;
        }
        while bytes.get(from) == Some(&b' ') {
            from += 1;
        }
        let is_end = |byte: &u8| *byte == self.delimiter || matches!(byte, b'\n' | b'\r');
        let breaks = lines_in(&cell);
        if bytes.get(from).is_some_and(|byte| !is_end(byte)) {
            let why = if breaks == 0 {
                "a value goes on after its closing quotation mark"
            } else {
                "a quotation mark is opened here and closed in another row"
            };
            return Err(self.damaged(opened, why));
        }
        // A value that holds as many separators as a row has, over several lines, holds rows.
        let separators = memchr::memchr_iter(self.delimiter, cell.as_bytes()).count();
        let holds_rows = self.width.is_some_and(|width| separators + 1 >= width.max(2));
        if breaks >= ROW_LINES_MAX || breaks > 0 && holds_rows {
            return Err(self.damaged(opened, "a quotation mark is opened here and closed in another row"));
        }
        self.line += breaks;
        self.at = from;
        Ok(cell)
    }

    /// Looks for the header, past any lines of preamble: the first row that has one of the names
    /// of a column. Answers it with the lines before. Columns are separated by commas, semicolons or tabs.
    pub(super) fn header(
        &mut self,
        marks: &[&str],
        column: &'static str,
    ) -> Result<(Header, Vec<String>), ImportRefusal> {
        let mut widest: Vec<String> = Vec::new();
        let mut first_damage = None;
        // With the wrong separator, whole files look damaged: what was read with a right one counts.
        let mut is_table = false;
        for delimiter in *b",;\t" {
            let mut cells = Cells { delimiter, ..self.clone() };
            match cells.header_with(marks, &mut widest) {
                Ok(Some((header, preamble))) => {
                    cells.width = Some(header.len());
                    *self = cells;
                    return Ok((header, preamble));
                }
                Ok(None) => is_table |= widest.len() > 1,
                Err(_) if is_table => {}
                Err(refusal) => {
                    first_damage.get_or_insert(refusal);
                }
            }
        }
        Err(first_damage.unwrap_or_else(|| missing(column, &widest)))
    }

    fn header_with(
        &mut self,
        marks: &[&str],
        widest: &mut Vec<String>,
    ) -> Result<Option<(Header, Vec<String>)>, ImportRefusal> {
        let mut preamble = Vec::new();
        for _ in 0..PREAMBLE_MAX_LINES {
            let Some(row) = self.next()? else { break };
            let mut header = Header::of(&row.cells);
            // A line of preamble may say "Code" by itself.
            if header.find(marks).is_some() && header.len() > 1 {
                header.forget_empty_end();
                return Ok(Some((header, preamble)));
            }
            if row.cells.len() > widest.len() {
                widest.clone_from(&row.cells);
            }
            preamble.push(row.cells.join(" "));
        }
        Ok(None)
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

    /// The header of a table that has none: its columns are called by their numbers.
    pub(super) fn numbered(columns: usize) -> Self {
        Header::of(&(1..=columns).map(|number| format!("column {number}")).collect::<Vec<_>>())
    }

    pub(super) fn len(&self) -> usize {
        self.plain.len()
    }

    /// Empty cells after the last name are no columns.
    fn forget_empty_end(&mut self) {
        while self.plain.last().is_some_and(String::is_empty) {
            self.plain.pop();
            self.shown.pop();
        }
    }

    /// What a column is called in the file.
    pub(super) fn name(&self, place: usize) -> String {
        self.shown.get(place).map(|name| super::super::tidy(name)).unwrap_or_default()
    }

    /// The places of the columns whose names say that a day stands in them.
    pub(super) fn of_days(&self) -> Vec<usize> {
        let is_day = |name: &String| name.contains("date") || name.contains("publishedon");
        (0..self.len()).filter(|place| is_day(&self.plain[*place])).collect()
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
