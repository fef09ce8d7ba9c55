//! ODS: sites and headquarters, in files of 27 columns without a header, and which code came after which.

use super::{Opened, Says, Subject, row, words};
use crate::clock::Day;
use crate::register::code::{CodeProblem, Postcode};
use crate::register::import::ImportRefusal;
use crate::register::import::lines::{CellRow, Input, Rows};
use crate::register::ods::{Country, OdsKind, OdsOrganisation, Succession};
use crate::register::{OdsCode, OdsHqCode, OdsSiteCode, Provenance, read_day, tidy, tidy_or_none};

/// How many columns the ODS files have.
const ODS_COLUMNS: usize = 27;

pub struct OdsSites;
pub struct OdsHqs;

fn is_site(facts: &str) -> bool {
    facts.contains("\"kind\":\"Site\"")
}

fn is_hq(facts: &str) -> bool {
    facts.contains("\"kind\":\"Hq\"")
}

fn open_ods(
    input: Input,
    layout: &'static str,
    kind: OdsKind,
    code: fn(&str) -> Result<OdsCode, CodeProblem>,
) -> Result<(Opened, Rows<OdsOrganisation>), ImportRefusal> {
    let name = input.name().to_owned();
    let mut cells = input.cells();
    let Some(first) = cells.next()? else {
        return Err(ImportRefusal::WrongLayout { file: name, why: "it is empty".to_owned() });
    };
    if first.cells.len() != ODS_COLUMNS {
        return Err(ImportRefusal::WrongLayout {
            file: name,
            why: format!(
                "its first row has {} columns; the ODS files have {ODS_COLUMNS} and no header",
                first.cells.len()
            ),
        });
    }
    let opened = Opened { layout, full_picture: true, data_date: None, says: Says::default() };
    let mut first = Some(first);
    let rows = std::iter::from_fn(move || {
        let there = match first.take() {
            Some(there) => there,
            None => match cells.next() {
                Ok(Some(there)) => there,
                Ok(None) => return None,
                Err(refusal) => return Some(Err(refusal)),
            },
        };
        let told = read_ods(&there, kind, code);
        let shown = there.cells.first().map(|code| tidy(code).to_uppercase()).unwrap_or_default();
        Some(Ok(row(there.line, &shown, told)))
    });
    Ok((opened, Box::new(rows)))
}

fn read_ods(
    there: &CellRow,
    kind: OdsKind,
    code: fn(&str) -> Result<OdsCode, CodeProblem>,
) -> Result<OdsOrganisation, String> {
    if there.cells.len() != ODS_COLUMNS {
        return Err(format!("the row has {} columns, not {ODS_COLUMNS}", there.cells.len()));
    }
    // Columns are counted from 1 in the register's own description.
    let column = |number: usize| there.cells.get(number - 1).and_then(|cell| tidy_or_none(cell));
    let date = |number: usize| -> Result<Option<Day>, String> {
        match column(number) {
            None => Ok(None),
            Some(text) => read_day(&text).map(Some).ok_or_else(|| format!("{text:?} is not a date")),
        }
    };
    let left_parent = date(17)?.is_some();
    Ok(OdsOrganisation {
        code: code(there.cells.first().map_or("", String::as_str)).map_err(words)?,
        kind,
        name: column(2).ok_or("there is no name")?,
        address: [5, 6, 7].into_iter().filter_map(column).collect(),
        town: column(8),
        county: column(9),
        postcode: column(10).and_then(|text| Postcode::parse(&text).ok()),
        telephone: column(18),
        opened_on: date(11)?,
        closed_on: date(12)?,
        parent: match column(15) {
            Some(text) if !left_parent => Some(OdsCode::parse(&text).map_err(words)?),
            Some(_) | None => None,
        },
        country: column(27).and_then(|text| Country::from_number(&text)),
        gone_from_register_at: None,
        provenance: Provenance::default(),
    })
}

macro_rules! ods_subject {
    ($name:ident, $layout:literal, $kind:expr, $code:expr, $scope:expr, $text:literal) => {
        impl Subject for $name {
            type Told = OdsOrganisation;
            type Kept = OdsOrganisation;

            fn scope(&self) -> fn(&str) -> bool {
                $scope
            }

            fn open(&self, input: Input) -> Result<(Opened, Rows<OdsOrganisation>), ImportRefusal> {
                open_ods(input, $layout, $kind, $code)
            }

            fn key(&self, told: &OdsOrganisation) -> String {
                told.code.as_str().to_owned()
            }

            fn lay(
                &self,
                told: OdsOrganisation,
                _kept: Option<OdsOrganisation>,
                _: &Opened,
            ) -> OdsOrganisation {
                told
            }

            fn links(&self, kept: &OdsOrganisation) -> [Option<String>; 2] {
                [Some($text.to_owned()), kept.parent.as_ref().map(ToString::to_string)]
            }

            fn is_open(&self, kept: &OdsOrganisation, today: Day) -> bool {
                kept.closed_on.is_none_or(|closed| closed > today)
            }
        }
    };
}

ods_subject!(
    OdsSites,
    "care sites, 27 columns",
    OdsKind::Site,
    |text| OdsSiteCode::parse(text).map(|code| code.any()),
    is_site,
    "site"
);
ods_subject!(
    OdsHqs,
    "care headquarters, 27 columns",
    OdsKind::Hq,
    |text| OdsHqCode::parse(text).map(|code| code.any()),
    is_hq,
    "hq"
);

pub struct Successions;

impl Subject for Successions {
    type Told = Succession;
    type Kept = Succession;

    fn open(&self, input: Input) -> Result<(Opened, Rows<Succession>), ImportRefusal> {
        let opened =
            Opened { layout: "succession", full_picture: false, data_date: None, says: Says::default() };
        let mut cells = input.cells();
        let rows = std::iter::from_fn(move || match cells.next() {
            Err(refusal) => Some(Err(refusal)),
            Ok(None) => None,
            Ok(Some(there)) => {
                let code = there.cells.first().map(|code| tidy(code)).unwrap_or_default();
                Some(Ok(row(there.line, &code, read_succession(&there))))
            }
        });
        Ok((opened, Box::new(rows)))
    }

    fn key(&self, told: &Succession) -> String {
        format!("{}>{}", told.predecessor, told.successor)
    }

    fn lay(&self, told: Succession, _kept: Option<Succession>, _: &Opened) -> Succession {
        told
    }

    fn links(&self, kept: &Succession) -> [Option<String>; 2] {
        [Some(kept.predecessor.to_string()), Some(kept.successor.to_string())]
    }

    fn is_open(&self, _kept: &Succession, _today: Day) -> bool {
        true
    }
}

fn read_succession(there: &CellRow) -> Result<Succession, String> {
    let [predecessor, successor, reason, effective, ..] = there.cells.as_slice() else {
        return Err(format!("the row has {} columns; four or more are needed", there.cells.len()));
    };
    let (predecessor, successor) =
        (OdsCode::parse(predecessor).map_err(words)?, OdsCode::parse(successor).map_err(words)?);
    if predecessor == successor {
        return Err("the code succeeds itself".to_owned());
    }
    Ok(Succession {
        predecessor,
        successor,
        reason: tidy_or_none(reason),
        effective_on: match tidy_or_none(effective) {
            None => None,
            Some(text) => Some(read_day(&text).ok_or_else(|| format!("{text:?} is not a date"))?),
        },
    })
}
