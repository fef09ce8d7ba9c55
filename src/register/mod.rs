//! The outside lists that say which site, organisation and security assessment is real.
//!
//! Four registers are known: CQC (who may give care, and where), ODS (the codes the health service
//! uses), DSPT (who has shown that they keep data safe) and the site contacts the central team
//! receives from the regulator. Files of each are imported ([`import`]), asked by code
//! ([`Imported`]), and searched ([`search`]); CQC and ODS can also be asked live.
//!
//! - Whatever answers is a [`Register`]; each finding says where it comes from and of which day it
//!   is ([`Provenance`]). `contract.rs` holds every register to the same promises.
//! - An import is one transaction. Rows read are rows applied, unchanged or rejected; nothing is
//!   deleted: what a full picture no longer lists is marked as gone.
//! - Names of people who manage a site are dropped when a file is read and are in no table.
//!
//! What is deliberately not here: any decision. Whether a finding lets a site join is for the
//! folders above.

mod body;
pub mod code;
pub mod cqc;
pub mod dspt;
pub mod fake;
#[cfg(test)]
pub mod for_tests;
pub mod import;
mod imported;
pub mod ods;
pub mod samples;
pub mod search;
pub mod site_contacts;
pub mod store;

mod live;

#[cfg(test)]
mod contract;

pub use code::{
    CodeProblem, CqcContactId, CqcLocationId, CqcProviderId, OdsCode, OdsHqCode, OdsSiteCode, Postcode,
};
pub use cqc::{CqcLocation, CqcProvider};
pub use dspt::{DsptStanding, DsptStatus};
pub use imported::Imported;
pub use live::Key;
pub use ods::OdsOrganisation;
pub use search::{Recognised, Results, Search, SearchIndex, Searched, SiteRow, find};

use crate::clock::{Day, Timestamp};
use crate::database::BoxFuture;

/// What a register is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    OdsSite(OdsSiteCode),
    OdsHq(OdsHqCode),
    CqcLocation(CqcLocationId),
    CqcProvider(CqcProviderId),
    /// The DSPT row under this code, whether a site's or a headquarters'.
    Dspt(OdsCode),
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Code::OdsSite(code) => write!(f, "ODS site code {code}"),
            Code::OdsHq(code) => write!(f, "ODS headquarters code {code}"),
            Code::CqcLocation(id) => write!(f, "CQC location {id}"),
            Code::CqcProvider(id) => write!(f, "CQC provider {id}"),
            Code::Dspt(code) => write!(f, "DSPT row of {code}"),
        }
    }
}

/// What a register says about one code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The register answered, and does not know the code.
    NotFound,
    Ods(Box<OdsOrganisation>),
    CqcLocation(Box<CqcLocation>),
    CqcProvider(Box<CqcProvider>),
    Dspt(Box<DsptStatus>),
}

/// Where a finding comes from and of which day it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// "CQC", "ODS", a file's name, "sample": what a case worker would call it.
    pub source: String,
    /// The day the data describes, where the file or the answer says so.
    pub data_date: Option<Day>,
    /// When it was imported or asked.
    pub read_at: Option<Timestamp>,
}

/// Why a register gave no finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskError {
    /// It may answer later: it was busy, slow or could not be reached.
    Later(String),
    /// Asking again does not help until a person has changed something, named here.
    Never(String),
    /// What was imported of it could not be read from our own database.
    Fault(crate::database::Error),
}

impl std::fmt::Display for AskError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AskError::Later(why) => write!(f, "the register cannot answer now: {why}"),
            AskError::Never(why) => write!(f, "the register will not answer: {why}"),
            AskError::Fault(error) => write!(f, "what was imported cannot be read: {error}"),
        }
    }
}

impl std::error::Error for AskError {}

impl From<crate::database::Error> for AskError {
    fn from(error: crate::database::Error) -> Self {
        AskError::Fault(error)
    }
}

/// An outside list that can be asked about a code.
pub trait Register: Send + Sync {
    /// What the register is called in evidence and logs.
    fn name(&self) -> &'static str;

    /// Whether this register knows anything about codes of this kind. Asking it about others is
    /// [`AskError::Never`].
    fn knows(&self, code: &Code) -> bool;

    /// What the register says about one code.
    fn find<'a>(&'a self, code: &'a Code) -> BoxFuture<'a, Result<Finding, AskError>>;
}

/// Days as `2026-03-02` in stored facts.
mod day_text {
    use crate::clock::Day;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "the signature serde asks for")]
    pub fn serialize<S: Serializer>(day: &Option<Day>, to: S) -> Result<S::Ok, S::Error> {
        match day {
            Some(day) => to.serialize_str(&day.iso()),
            None => to.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Day>, D::Error> {
        let text: Option<String> = Option::deserialize(from)?;
        Ok(text.and_then(|text| Day::parse_iso(&text)))
    }
}

/// Reads a date as any of the registers writes it, the day before the month: `2021-03-31`, `31/03/2021`,
/// `20210331`, with or without a time after it.
pub(crate) fn read_day(text: &str) -> Option<Day> {
    import::dates::Order::DayFirst.read(text)
}

/// Text as it should be kept: no spaces at the ends, single ones inside, nothing invisible.
pub(crate) fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}') {
        if !word.is_empty() {
            if !tidy.is_empty() {
                tidy.push(' ');
            }
            tidy.push_str(word);
        }
    }
    tidy
}

/// The same, or nothing where the register writes nothing: an empty cell, `-`, `NULL`, `N/A`.
pub(crate) fn tidy_or_none(text: &str) -> Option<String> {
    let tidy = tidy(text);
    (!is_nothing(&tidy)).then_some(tidy)
}

/// Whether a tidy text says that there is nothing.
pub(crate) fn is_nothing(tidy: &str) -> bool {
    const WORDS: [&str; 8] = ["null", "n/a", "#n/a", "#null!", "not applicable", "(blank)", "nil", "n.a."];
    tidy.chars().all(|letter| matches!(letter, '-' | '–' | '—' | '.'))
        || WORDS.iter().any(|word| tidy.eq_ignore_ascii_case(word))
}
