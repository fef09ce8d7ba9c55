//! What differs from one register's files to another's: layouts, columns, what a row says, and how
//! that is laid over what is known. A file a register.

mod cqc;
mod dspt;
mod ods;
mod services;
mod site_contacts;

use super::ImportRefusal;
use super::dates::{Evidence, Order, day_in_name};
use super::difference::Dating;
use super::lines::{CellRow, Cells, Header, Input, Odd, Row, Rows, Unread};
use crate::clock::Day;
use crate::register::code::CodeProblem;
use crate::register::{is_nothing, tidy, tidy_or_none};
use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(test)]
pub(super) use cqc::PEOPLE;
pub(super) use cqc::{Locations, Providers};
pub(super) use dspt::Statuses;
pub(super) use ods::{OdsHqs, OdsSites, Successions};
pub(super) use site_contacts::Contacts;

/// A file whose layout has been recognised.
#[derive(Default)]
pub(super) struct Opened {
    pub layout: &'static str,
    /// Whether what the file does not name is no longer there.
    pub full_picture: bool,
    /// The day that the lines before the header say.
    pub data_date: Option<Day>,
    /// The newest day in its rows, where there are so many that it is nearly the day of the data.
    pub newest_in_rows: Option<Day>,
    /// Whether a file that says no day is of the day on which it is imported: bodies of an API are.
    pub is_of_today: bool,
}

/// One register's kind of file.
pub(super) trait Subject: Send + 'static {
    /// What one row says.
    type Told: 'static;
    /// What is kept under one code.
    type Kept: Serialize + DeserializeOwned;

    /// Whether each value of a row keeps a day of its own, because layouts hold different ones.
    const BY_VALUE: bool = false;

    /// Which of the table's rows, by their facts, files of this kind are about.
    fn scope(&self) -> fn(&str) -> bool {
        |_| true
    }

    /// Recognises the layout, and reads the file once to see that it is whole.
    fn open(&self, input: Input, today: Day) -> Result<(Opened, Rows<Self::Told>), ImportRefusal>;

    fn key(&self, told: &Self::Told) -> String;

    /// Lays what a row says over what is known; no value over one that is newer.
    fn lay(
        &self,
        told: Self::Told,
        kept: Option<Self::Kept>,
        opened: &Opened,
        dating: &mut Dating,
    ) -> Self::Kept;

    /// The two columns a row is looked up by.
    fn links(&self, kept: &Self::Kept) -> [Option<String>; 2];

    /// Whether it counts as there, for the guard against files that are cut short.
    fn is_open(&self, kept: &Self::Kept, today: Day) -> bool;

    /// What it is called in a report.
    fn name(&self, kept: &Self::Kept) -> String;

    /// Where a code is sent or somebody is called to prove a registration, sorted.
    fn contacts(&self, _kept: &Self::Kept) -> Vec<String> {
        Vec::new()
    }
}

fn row<T>(line: u64, code: &str, told: Result<T, Unread>, odd: Vec<Odd>) -> Row<T> {
    /// How much of a code that cannot be read is kept in the result file, in characters.
    const CODE_MAX: usize = 40;
    Row { line, code: code.chars().take(CODE_MAX).collect(), told, odd }
}

fn words(problem: CodeProblem) -> Unread {
    problem.to_string().into()
}

/// What a first reading of a whole table says about how its cells are to be read.
struct Survey {
    order: Order,
    newest: Option<Day>,
    /// Whether a value of the column of services holds a bar, which then is what separates them.
    has_bars: bool,
}

/// From how many days in a file's rows on the newest is taken for the day of its data: DSPT and CQC
/// publish every working day, so in so many rows the newest is within days of it.
const DAYS_MIN: usize = 1000;

/// Reads a table to its end: a file that is damaged anywhere is refused before a row of it is taken.
fn survey(
    mut cells: Cells,
    file: &str,
    days: &[usize],
    services: Option<usize>,
    today: Day,
) -> Result<Survey, ImportRefusal> {
    let mut evidence = Evidence::default();
    let mut has_bars = false;
    while let Some(there) = cells.next()? {
        for place in days {
            if let Some(cell) = there.cells.get(*place) {
                evidence.add(there.line, cell, today);
            }
        }
        has_bars |= services.and_then(|place| there.cells.get(place)).is_some_and(|cell| cell.contains('|'));
    }
    let order =
        Order::of(&evidence).map_err(|why| ImportRefusal::WrongLayout { file: file.to_owned(), why })?;
    let newest = (evidence.count >= DAYS_MIN).then(|| evidence.newest(order)).flatten();
    Ok(Survey { order, newest, has_bars })
}

/// The day that the lines before a header say.
fn day_of(preamble: &[String]) -> Option<Day> {
    preamble.iter().find_map(|line| day_in_name(line))
}

/// The cells of one row, with what of them is odd.
struct Reading<'a> {
    there: &'a CellRow,
    header: &'a Header,
    order: Order,
    odd: Vec<Odd>,
}

impl Reading<'_> {
    fn cell(&self, place: usize) -> &str {
        self.there.cells.get(place).map_or("", String::as_str)
    }

    /// Whether the row has this cell at all: a spreadsheet leaves empty ones out at the end of a row.
    fn has(&self, place: usize) -> bool {
        place < self.there.cells.len()
    }

    fn text(&self, place: Option<usize>) -> Option<String> {
        place.and_then(|place| tidy_or_none(self.cell(place)))
    }

    fn note(&mut self, place: usize, why: impl Into<String>) {
        self.odd.push(Odd { field: self.header.name(place), why: why.into() });
    }

    /// A day; one that cannot be read is noted and left out.
    fn day(&mut self, place: Option<usize>) -> Option<Day> {
        let text = self.text(place)?;
        let day = self.order.read(&text);
        if let (None, Some(place)) = (day, place) {
            self.note(place, format!("{:?} is not a date", shortened(&text)));
        }
        day
    }

    /// A code; one that cannot be read is noted and left out, and so is a word that stands for none.
    fn code<T>(&mut self, place: Option<usize>, read: fn(&str) -> Result<T, CodeProblem>) -> Option<T> {
        let place = place?;
        let cell = tidy(self.cell(place));
        if cell.is_empty() || cell == "-" {
            return None;
        }
        if is_nothing(&cell) {
            self.note(place, format!("{cell} is taken for no code"));
            return None;
        }
        match read(&cell) {
            Ok(code) => Some(code),
            Err(problem) => {
                self.note(place, problem.to_string());
                None
            }
        }
    }
}

impl Reading<'_> {
    /// Whether a cell holds something that is neither a code nor a word for none.
    fn has_odd_code(&self, place: Option<usize>) -> bool {
        let Some(place) = place else { return false };
        let name = self.header.name(place);
        self.text(Some(place)).is_some() && self.odd.iter().any(|odd| odd.field == name)
    }
}

/// As much of a text as a report repeats.
fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Rows of a table with a header. A row may lack cells at its end, but none without which it says nothing,
/// and may have more than the header as long as they are empty; anything else is a damaged file.
fn with_header<T: 'static>(
    mut cells: Cells,
    header: Header,
    order: Order,
    code_at: usize,
    needed: Vec<usize>,
    read: impl Fn(&mut Reading<'_>) -> Result<T, Unread> + 'static,
) -> Rows<T> {
    Box::new(std::iter::from_fn(move || {
        let there = match cells.next() {
            Err(refusal) => return Some(Err(refusal)),
            Ok(None) => return None,
            Ok(Some(there)) => there,
        };
        let (wide, columns) = (there.cells.len(), header.len());
        let code = tidy(there.cells.get(code_at).map_or("", String::as_str)).to_uppercase();
        let wrong_width = || format!("the row has {wide} values, the header {columns} columns");
        if there.cells.iter().skip(columns).any(|cell| !cell.trim().is_empty()) {
            return Some(Err(cells.damaged(there.line, &wrong_width())));
        }
        if wide < columns && there.is_cut {
            let why = "the file ends in the middle of this row".to_owned();
            return Some(Ok(row(there.line, &code, Err(why.into()), Vec::new())));
        }
        if needed.iter().any(|place| *place >= wide) {
            return Some(Err(cells.damaged(there.line, &wrong_width())));
        }
        let mut reading = Reading { there: &there, header: &header, order, odd: Vec::new() };
        let told = read(&mut reading);
        let odd = reading.odd;
        // One separator that is missing in the middle moves every value after it to another column.
        if wide < columns && (told.is_err() || !odd.is_empty()) {
            return Some(Err(cells.damaged(there.line, &wrong_width())));
        }
        Some(Ok(row(there.line, &code, told, odd)))
    }))
}
