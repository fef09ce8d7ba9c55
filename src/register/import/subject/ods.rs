//! ODS: sites and headquarters, in files of 27 columns without a header, and which code came after which.

use super::{Opened, Reading, Subject, row, survey, with_header, words};
use crate::clock::Day;
use crate::register::code::{CodeProblem, Postcode};
use crate::register::import::ImportRefusal;
use crate::register::import::difference::Dating;
use crate::register::import::lines::{CellRow, Header, Input, Rows, Unread};
use crate::register::ods::{Country, OdsKind, OdsOrganisation, Succession};
use crate::register::{OdsCode, OdsHqCode, OdsSiteCode, Provenance, tidy, tidy_or_none};

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

/// How many columns a row must have at least: empty ones at its end may have been left out.
const ODS_COLUMNS_MIN: usize = 12;
/// The columns with days, counted from 0: opened, closed, joined and left the parent.
const ODS_DAYS: [usize; 4] = [10, 11, 15, 16];

fn open_ods(
    input: Input,
    layout: &'static str,
    kind: OdsKind,
    code: fn(&str) -> Result<OdsCode, CodeProblem>,
    today: Day,
) -> Result<(Opened, Rows<OdsOrganisation>), ImportRefusal> {
    let name = input.name().to_owned();
    let mut cells = input.cells()?;
    cells.of_width(ODS_COLUMNS);
    let Some(first) = cells.clone().next()? else {
        return Err(ImportRefusal::WrongLayout { file: name, why: "it is empty".to_owned() });
    };
    if !(ODS_COLUMNS_MIN..=ODS_COLUMNS).contains(&first.cells.len()) {
        return Err(ImportRefusal::WrongLayout {
            file: name,
            why: format!(
                "its first row has {} columns; the ODS files have {ODS_COLUMNS} and no header",
                first.cells.len()
            ),
        });
    }
    let survey = survey(cells.clone(), &name, &ODS_DAYS, None, today)?;
    let opened = Opened { layout, full_picture: true, newest_in_rows: survey.newest, ..Opened::default() };
    let header = Header::numbered(ODS_COLUMNS);
    let needed = (0..ODS_COLUMNS_MIN).collect();
    let rows =
        with_header(cells, header, survey.order, 0, needed, move |reading| read_ods(reading, kind, code));
    Ok((opened, rows))
}

fn read_ods(
    reading: &mut Reading<'_>,
    kind: OdsKind,
    code: fn(&str) -> Result<OdsCode, CodeProblem>,
) -> Result<OdsOrganisation, Unread> {
    // Columns are counted from 1 in the register's own description.
    let code = code(reading.cell(0)).map_err(words)?;
    let closed_on = reading.day(Some(11));
    if closed_on.is_none() && reading.text(Some(11)).is_some() {
        // Whether it is open at all hangs on this day.
        return Err("the day on which it closed is not a date".into());
    }
    let has_left_parent = reading.text(Some(16)).is_some();
    let opened_on = reading.day(Some(10));
    let parent = if has_left_parent { None } else { reading.code(Some(14), OdsCode::parse) };
    let column = |number: usize| reading.text(Some(number - 1));
    Ok(OdsOrganisation {
        code,
        kind,
        name: column(2).ok_or("there is no name")?,
        address: [5, 6, 7].into_iter().filter_map(column).collect(),
        town: column(8),
        county: column(9),
        postcode: column(10).and_then(|text| Postcode::parse(&text).ok()),
        telephone: column(18),
        opened_on,
        closed_on,
        parent,
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

            fn open(
                &self,
                input: Input,
                today: Day,
            ) -> Result<(Opened, Rows<OdsOrganisation>), ImportRefusal> {
                open_ods(input, $layout, $kind, $code, today)
            }

            fn key(&self, told: &OdsOrganisation) -> String {
                told.code.as_str().to_owned()
            }

            fn lay(
                &self,
                told: OdsOrganisation,
                _kept: Option<OdsOrganisation>,
                _: &Opened,
                _: &mut Dating,
            ) -> OdsOrganisation {
                told
            }

            fn links(&self, kept: &OdsOrganisation) -> [Option<String>; 2] {
                [Some($text.to_owned()), kept.parent.as_ref().map(ToString::to_string)]
            }

            fn is_open(&self, kept: &OdsOrganisation, today: Day) -> bool {
                kept.closed_on.is_none_or(|closed| closed > today)
            }

            fn name(&self, kept: &OdsOrganisation) -> String {
                kept.name.clone()
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

    fn open(&self, input: Input, _: Day) -> Result<(Opened, Rows<Succession>), ImportRefusal> {
        let opened = Opened { layout: "succession", ..Opened::default() };
        let mut cells = input.cells()?;
        let rows = std::iter::from_fn(move || match cells.next() {
            Err(refusal) => Some(Err(refusal)),
            Ok(None) => None,
            Ok(Some(there)) => {
                let code = there.cells.first().map(|code| tidy(code)).unwrap_or_default();
                Some(Ok(row(there.line, &code, read_succession(&there), Vec::new())))
            }
        });
        Ok((opened, Box::new(rows)))
    }

    fn key(&self, told: &Succession) -> String {
        format!("{}>{}", told.predecessor, told.successor)
    }

    fn lay(&self, told: Succession, _kept: Option<Succession>, _: &Opened, _: &mut Dating) -> Succession {
        told
    }

    fn links(&self, kept: &Succession) -> [Option<String>; 2] {
        [Some(kept.predecessor.to_string()), Some(kept.successor.to_string())]
    }

    fn is_open(&self, _kept: &Succession, _today: Day) -> bool {
        true
    }

    fn name(&self, kept: &Succession) -> String {
        format!("{} to {}", kept.predecessor, kept.successor)
    }
}

fn read_succession(there: &CellRow) -> Result<Succession, Unread> {
    let [predecessor, successor, reason, effective, ..] = there.cells.as_slice() else {
        return Err(format!("the row has {} columns; four or more are needed", there.cells.len()).into());
    };
    let (predecessor, successor) =
        (OdsCode::parse(predecessor).map_err(words)?, OdsCode::parse(successor).map_err(words)?);
    if predecessor == successor {
        return Err("the code succeeds itself".into());
    }
    Ok(Succession {
        predecessor,
        successor,
        reason: tidy_or_none(reason),
        effective_on: match tidy_or_none(effective) {
            None => None,
            Some(text) => {
                Some(crate::register::read_day(&text).ok_or_else(|| format!("{text:?} is not a date"))?)
            }
        },
    })
}
