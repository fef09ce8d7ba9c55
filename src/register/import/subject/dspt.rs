//! DSPT: the export of its public search.

use super::{Opened, Says, Subject, with_header, words};
use crate::clock::Day;
use crate::register::dspt::{AssessmentYear, DsptLevel, DsptStatus, parse_status};
use crate::register::import::ImportRefusal;
use crate::register::import::lines::{Input, Rows, day_in_name};
use crate::register::{OdsCode, Provenance, read_day, tidy_or_none};

pub struct Statuses;

impl Subject for Statuses {
    type Told = DsptStatus;
    type Kept = DsptStatus;

    fn open(&self, input: Input) -> Result<(Opened, Rows<DsptStatus>), ImportRefusal> {
        const CODE: [&str; 2] = ["Code", "ODSCode"];
        const STATUS: [&str; 2] = ["Status", "PublicationStatus"];
        let mut cells = input.cells();
        let (header, preamble) = cells.header(&CODE, "Code")?;
        let code = header.need(&CODE)?;
        let name = header.need(&["Organisation Name"])?;
        let status = header.need(&STATUS)?;
        let published = header.need(&["Date Of Publication"])?;
        let sector = header.need(&["Primary Sector"])?;
        // In 2019 the status had no year in it; it was of the year in which it was published.
        let year_from_date = header.find(&["PublicationStatus"]).is_some();
        let opened = Opened {
            layout: if year_from_date { "search export of 2019" } else { "search export" },
            full_picture: true,
            data_date: preamble.iter().find_map(|line| day_in_name(line)),
            says: Says::default(),
        };
        let rows = with_header(cells, header, code, move |there, _| {
            let cell = |place: usize| there.cells.get(place).map_or("", String::as_str);
            let code = OdsCode::parse(cell(code)).map_err(words)?;
            let (mut year, level) = parse_status(cell(status));
            let published_on = match tidy_or_none(cell(published)) {
                None => None,
                Some(text) => Some(read_day(&text).ok_or_else(|| format!("{text:?} is not a date"))?),
            };
            if year_from_date && year.is_none() && level != DsptLevel::NotPublished {
                year = published_on.map(AssessmentYear::of);
            }
            Ok(DsptStatus {
                name: tidy_or_none(cell(name)).unwrap_or_else(|| code.to_string()),
                code,
                level,
                year,
                published_on,
                sector: tidy_or_none(cell(sector)),
                gone_from_register_at: None,
                provenance: Provenance::default(),
            })
        });
        Ok((opened, rows))
    }

    fn key(&self, told: &DsptStatus) -> String {
        told.code.as_str().to_owned()
    }

    fn lay(&self, told: DsptStatus, _kept: Option<DsptStatus>, _: &Opened) -> DsptStatus {
        told
    }

    fn links(&self, kept: &DsptStatus) -> [Option<String>; 2] {
        [Some(kept.level.to_string()), kept.year.map(|year| year.to_string())]
    }

    fn is_open(&self, _kept: &DsptStatus, _today: Day) -> bool {
        true
    }
}
