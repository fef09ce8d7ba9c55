//! What differs from one register's files to another's: layouts, columns, what a row says, and how
//! that is laid over what is known. A file a register.

mod cqc;
mod dspt;
mod ods;
mod site_contacts;

use super::ImportRefusal;
use super::lines::{CellRow, Cells, Header, Input, Row, Rows};
use crate::clock::Day;
use crate::register::code::CodeProblem;
use crate::register::tidy;
use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(test)]
pub(super) use cqc::PEOPLE;
pub(super) use cqc::{Locations, Providers, Says};
pub(super) use dspt::Statuses;
pub(super) use ods::{OdsHqs, OdsSites, Successions};
pub(super) use site_contacts::Contacts;

/// A file whose layout has been recognised.
pub(super) struct Opened {
    pub layout: &'static str,
    /// Whether what the file does not name is no longer there.
    pub full_picture: bool,
    pub data_date: Option<Day>,
    /// Which facts of a location the layout can hold at all.
    pub says: Says,
}

/// One register's kind of file.
pub(super) trait Subject: Send + 'static {
    /// What one row says.
    type Told: 'static;
    /// What is kept under one code.
    type Kept: Serialize + DeserializeOwned;

    /// Which of the table's rows, by their facts, files of this kind are about.
    fn scope(&self) -> fn(&str) -> bool {
        |_| true
    }

    /// Recognises the layout.
    fn open(&self, input: Input) -> Result<(Opened, Rows<Self::Told>), ImportRefusal>;

    fn key(&self, told: &Self::Told) -> String;

    /// Lays what a row says over what is known.
    fn lay(&self, told: Self::Told, kept: Option<Self::Kept>, opened: &Opened) -> Self::Kept;

    /// The two columns a row is looked up by.
    fn links(&self, kept: &Self::Kept) -> [Option<String>; 2];

    /// Whether it counts as there, for the guard against files that are cut short.
    fn is_open(&self, kept: &Self::Kept, today: Day) -> bool;
}

fn row<T>(line: u64, code: &str, told: Result<T, String>) -> Row<T> {
    /// How much of a code that cannot be read is kept in the result file, in characters.
    const CODE_MAX: usize = 40;
    Row { line, code: code.chars().take(CODE_MAX).collect(), told }
}

fn words(problem: CodeProblem) -> String {
    problem.to_string()
}

/// Rows of a CSV file with a header: each is checked to have as many cells as the header.
fn with_header<T: 'static>(
    mut cells: Cells,
    header: Header,
    code_at: usize,
    read: impl Fn(&CellRow, &Header) -> Result<T, String> + 'static,
) -> Rows<T> {
    Box::new(std::iter::from_fn(move || match cells.next() {
        Err(refusal) => Some(Err(refusal)),
        Ok(None) => None,
        Ok(Some(there)) => {
            let wide = there.cells.len();
            let extra = there.cells.iter().skip(header.len()).any(|cell| !cell.trim().is_empty());
            let told = if wide < header.len() || extra {
                Err(format!("the row has {wide} cells, the header {}", header.len()))
            } else {
                read(&there, &header)
            };
            let code = tidy(there.cells.get(code_at).map_or("", String::as_str)).to_uppercase();
            Some(Ok(row(there.line, &code, told)))
        }
    }))
}
