//! DSPT: the export of its public search.

use super::{Opened, Subject, day_of, survey, with_header, words};
use crate::clock::Day;
use crate::register::dspt::{AssessmentYear, DsptLevel, DsptStatus, parse_status};
use crate::register::import::ImportRefusal;
use crate::register::import::difference::Dating;
use crate::register::import::lines::{Input, Rows};
use crate::register::{OdsCode, Provenance};

pub struct Statuses;

impl Subject for Statuses {
    type Told = DsptStatus;
    type Kept = DsptStatus;

    fn open(&self, input: Input, today: Day) -> Result<(Opened, Rows<DsptStatus>), ImportRefusal> {
        const CODE: [&str; 4] = ["Code", "ODSCode", "Organisation Code", "ODS Organisation Code"];
        const STATUS: [&str; 3] = ["Status", "PublicationStatus", "Latest Status"];
        let file = input.name().to_owned();
        let mut cells = input.cells()?;
        let (header, preamble) = cells.header(&CODE, "Code")?;
        let code = header.need(&CODE)?;
        let name = header.need(&["Organisation Name"])?;
        let status = header.need(&STATUS)?;
        let published = header.need(&["Date Of Publication", "Date Published", "Publication Date"])?;
        let sector = header.find(&["Primary Sector", "Sector", "Organisation Type"]);
        // In 2019 the status had no year in it; it was of the year in which it was published.
        let year_from_date = header.find(&["PublicationStatus"]).is_some();
        let survey = survey(cells.clone(), &file, &[published], None, today)?;
        let opened = Opened {
            layout: if year_from_date { "search export of 2019" } else { "search export" },
            full_picture: true,
            data_date: day_of(&preamble),
            newest_in_rows: survey.newest,
            is_of_today: false,
        };
        let rows = with_header(cells, header, survey.order, code, vec![code, status], move |reading| {
            let code = OdsCode::parse(reading.cell(code)).map_err(words)?;
            let status = reading.text(Some(status)).unwrap_or_default();
            let (mut year, level) = parse_status(&status);
            let published_on = reading.day(Some(published));
            if year_from_date && year.is_none() && level != DsptLevel::NotPublished {
                year = published_on.map(AssessmentYear::of);
            }
            Ok(DsptStatus {
                name: reading.text(Some(name)).unwrap_or_else(|| code.to_string()),
                code,
                level,
                year,
                published_on,
                sector: reading.text(sector),
                gone_from_register_at: None,
                provenance: Provenance::default(),
            })
        });
        Ok((opened, rows))
    }

    fn key(&self, told: &DsptStatus) -> String {
        told.code.as_str().to_owned()
    }

    fn lay(&self, told: DsptStatus, _kept: Option<DsptStatus>, _: &Opened, _: &mut Dating) -> DsptStatus {
        told
    }

    fn links(&self, kept: &DsptStatus) -> [Option<String>; 2] {
        [Some(kept.level.to_string()), kept.year.map(|year| year.to_string())]
    }

    fn is_open(&self, _kept: &DsptStatus, _today: Day) -> bool {
        true
    }

    fn name(&self, kept: &DsptStatus) -> String {
        kept.name.clone()
    }
}
