//! What differs from one register's files to another's: layouts, columns, what a row says, and how
//! that is laid over what is known.

use super::ImportRefusal;
use super::lines::{CellRow, Header, Input, Row, Rows, day_in_name};
use crate::clock::Day;
use crate::register::code::{CodeProblem, Postcode};
use crate::register::cqc::{CqcLocation, CqcProvider, RegistrationStatus, yes_or_no};
use crate::register::dspt::{AssessmentYear, DsptLevel, DsptStatus, parse_status};
use crate::register::ods::{Country, OdsKind, OdsOrganisation, Succession};
use crate::register::site_contacts::{
    ContactIdHash, ContactKey, SiteContact, SiteContacts, read_email, read_telephone,
};
use crate::register::{
    CqcContactId, CqcLocationId, CqcProviderId, OdsCode, OdsHqCode, OdsSiteCode, Provenance, read_day, tidy,
    tidy_or_none,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;

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
    mut cells: super::lines::Cells,
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

// CQC locations

pub(super) struct Locations;

/// Which facts of a location a layout can hold. What it cannot hold it does not erase.
#[derive(Clone, Copy, Default)]
pub(super) struct Says {
    all: bool,
    provider_id: bool,
    provider_name: bool,
    also_known_as: bool,
    address: bool,
    town: bool,
    county: bool,
    postcode: bool,
    telephone: bool,
    ods_code: bool,
    organisation_type: bool,
    status: bool,
    registered_on: bool,
    deregistered_on: bool,
    provider_registered_on: bool,
    dormant: bool,
    care_home: bool,
    services: bool,
    region: bool,
    local_authority: bool,
    beds: bool,
}

const LOCATION_ID: [&str; 4] = [
    "Location ID",
    "CQC Location ID (for office use only)",
    "CQC Location (for office use only",
    "CQC Location ID",
];
const LOCATION_NAME: [&str; 2] = ["Location Name", "Name"];
const PROVIDER_ID: [&str; 3] = ["Provider ID", "CQC Provider ID (for office use only)", "CQC Provider ID"];
const POSTCODE: [&str; 5] =
    ["Location Postal Code", "Location Post Code", "Postcode", "Post Code", "Postal Code"];
const ODS_CODE: [&str; 2] = ["Location ODS Code", "ODS Code"];
/// Columns that name people. They are listed so that nobody adds them by mistake: no importer reads
/// them, and a test holds every reader to that.
#[cfg(test)]
pub(super) const PEOPLE: [&str; 3] =
    ["Registered manager", "Provider Nominated Individual Name", "Provider Main Partner Name"];

/// Where each fact of a location is in one file.
struct LocationColumns {
    id: usize,
    name: usize,
    provider_id: Option<usize>,
    provider_name: Option<usize>,
    also_known_as: Option<usize>,
    address: Vec<usize>,
    whole_address: Option<usize>,
    town: Option<usize>,
    county: Option<usize>,
    postcode: Option<usize>,
    telephone: Option<usize>,
    ods_code: Option<usize>,
    organisation_type: Option<usize>,
    status: Option<usize>,
    registered_on: Option<usize>,
    deregistered_on: Option<usize>,
    provider_registered_on: Option<usize>,
    dormant: Option<usize>,
    care_home: Option<usize>,
    services: Option<usize>,
    /// The "Service type - …" columns with the service each is for.
    marked_services: Vec<(usize, String)>,
    region: Option<usize>,
    local_authority: Option<usize>,
    beds: Option<usize>,
}

impl LocationColumns {
    fn of(header: &Header) -> Result<Self, ImportRefusal> {
        let find = |names: &[&str]| header.find(names);
        Ok(LocationColumns {
            id: header.need(&LOCATION_ID)?,
            name: header.need(&LOCATION_NAME)?,
            provider_id: find(&PROVIDER_ID),
            provider_name: find(&["Provider Name"]),
            also_known_as: find(&["Also known as"]),
            address: [
                find(&["Location Street Address", "Address 1", "Address Line 1"]),
                find(&["Location Address Line 2", "Address 2", "Address Line 2"]),
            ]
            .into_iter()
            .flatten()
            .collect(),
            whole_address: find(&["Address"]),
            town: find(&["Location City", "Town/City", "City", "Town"]),
            county: find(&["Location County", "County"]),
            postcode: find(&POSTCODE),
            telephone: find(&["Location Telephone Number", "Phone number", "Telephone"]),
            ods_code: find(&ODS_CODE),
            organisation_type: find(&["Location Type/Sector", "Location Type", "Type/Sector"]),
            status: find(&["Location Status", "Registration status"]),
            registered_on: find(&["Location HSCA start date", "HSCA start date"]),
            deregistered_on: find(&["Location HSCA End Date", "HSCA End Date"]),
            provider_registered_on: find(&["Provider HSCA start date"]),
            dormant: find(&["Dormant (Y/N)", "Dormant"]),
            care_home: find(&["Care home?"]),
            services: find(&["Service types"]),
            marked_services: header.beginning("Service type - "),
            region: find(&["Location Region", "Region"]),
            local_authority: find(&["Location Local Authority", "Local authority"]),
            beds: find(&["Care homes beds", "Number of beds"]),
        })
    }

    fn says(&self) -> Says {
        Says {
            all: false,
            provider_id: self.provider_id.is_some(),
            provider_name: self.provider_name.is_some(),
            also_known_as: self.also_known_as.is_some(),
            address: self.whole_address.is_some() || !self.address.is_empty(),
            town: self.town.is_some(),
            county: self.county.is_some(),
            postcode: self.postcode.is_some(),
            telephone: self.telephone.is_some(),
            ods_code: self.ods_code.is_some(),
            organisation_type: self.organisation_type.is_some(),
            status: self.status.is_some() || self.deregistered_on.is_some(),
            registered_on: self.registered_on.is_some(),
            deregistered_on: self.deregistered_on.is_some(),
            provider_registered_on: self.provider_registered_on.is_some(),
            dormant: self.dormant.is_some(),
            care_home: self.care_home.is_some(),
            services: self.services.is_some() || !self.marked_services.is_empty(),
            region: self.region.is_some(),
            local_authority: self.local_authority.is_some(),
            beds: self.beds.is_some(),
        }
    }

    fn read(&self, there: &CellRow) -> Result<CqcLocation, String> {
        let cell = |place: usize| there.cells.get(place).map_or("", String::as_str);
        let text = |place: Option<usize>| place.and_then(|place| tidy_or_none(cell(place)));
        let date = |place: Option<usize>| -> Result<Option<Day>, String> {
            match text(place) {
                None => Ok(None),
                Some(text) => read_day(&text).map(Some).ok_or_else(|| format!("{text:?} is not a date")),
            }
        };
        let id = CqcLocationId::parse(cell(self.id)).map_err(words)?;
        let name = tidy_or_none(cell(self.name)).ok_or("there is no name")?;
        let address = match self.whole_address {
            Some(place) => cell(place).split([',', '|']).filter_map(tidy_or_none).collect(),
            None => self.address.iter().filter_map(|place| tidy_or_none(cell(*place))).collect(),
        };
        let mut services: Vec<String> = text(self.services)
            .map(|text| text.split('|').filter_map(tidy_or_none).collect())
            .unwrap_or_default();
        for (place, service) in &self.marked_services {
            if yes_or_no(cell(*place)) == Some(true) {
                services.push(service.clone());
            }
        }
        let deregistered_on = date(self.deregistered_on)?;
        let status = match text(self.status).as_deref() {
            Some("Deregistered" | "Inactive") => RegistrationStatus::Deregistered,
            Some("Registered" | "Active") => RegistrationStatus::Registered,
            Some(other) => return Err(format!("{other:?} is not a registration status")),
            None if deregistered_on.is_some() => RegistrationStatus::Deregistered,
            None => RegistrationStatus::Registered,
        };
        Ok(CqcLocation {
            status,
            provider_id: text(self.provider_id)
                .map(|text| CqcProviderId::parse(&text).map_err(words))
                .transpose()?,
            provider_name: text(self.provider_name),
            also_known_as: text(self.also_known_as),
            address,
            town: text(self.town),
            county: text(self.county),
            postcode: text(self.postcode).and_then(|text| Postcode::parse(&text).ok()),
            telephone: text(self.telephone),
            ods_code: match text(self.ods_code) {
                Some(text) => Some(OdsCode::parse(&text).map_err(words)?),
                None => None,
            },
            organisation_type: text(self.organisation_type),
            registered_on: date(self.registered_on)?,
            deregistered_on,
            provider_registered_on: date(self.provider_registered_on)?,
            dormant: text(self.dormant).as_deref().and_then(yes_or_no),
            care_home: text(self.care_home).as_deref().and_then(yes_or_no),
            service_types: services,
            region: text(self.region),
            local_authority: text(self.local_authority),
            beds: text(self.beds).and_then(|text| text.parse().ok()),
            ..CqcLocation::named(id, &name)
        })
    }
}

impl Subject for Locations {
    type Told = CqcLocation;
    type Kept = CqcLocation;

    fn open(&self, mut input: Input) -> Result<(Opened, Rows<CqcLocation>), ImportRefusal> {
        if input.is_json()? {
            let opened = Opened {
                layout: "API bodies",
                full_picture: false,
                data_date: None,
                says: Says { all: true, ..Says::default() },
            };
            return Ok((opened, json_rows(input, "locationId", CqcLocation::from_api)));
        }
        let mut cells = input.cells();
        let (header, preamble) = cells.header(&LOCATION_ID, "Location ID")?;
        let columns = LocationColumns::of(&header)?;
        header.need(&POSTCODE)?;
        let ratings = header.find(&["Latest Rating"]).is_some();
        let deactivated = columns.deregistered_on.is_some() || columns.status.is_some();
        let active = header.find(&["Location HSCA start date"]).is_some();
        // A list of ratings names rated locations only, and a list of cancelled ones the
        // cancelled: neither says anything about those it does not name.
        let (layout, full_picture) = if ratings {
            header.need(&PROVIDER_ID)?;
            ("latest ratings", false)
        } else if deactivated {
            ("deactivated locations", false)
        } else if active {
            header.need(&ODS_CODE)?;
            header.need(&PROVIDER_ID)?;
            ("HSCA active locations", true)
        } else {
            header.need(&PROVIDER_ID)?;
            ("directory", true)
        };
        let opened = Opened {
            layout,
            full_picture,
            data_date: preamble.iter().find_map(|line| day_in_name(line)),
            says: columns.says(),
        };
        let id = columns.id;
        let rows = with_header(cells, header, id, move |there, _| columns.read(there));
        Ok((opened, rows))
    }

    fn key(&self, told: &CqcLocation) -> String {
        told.id.as_str().to_owned()
    }

    fn lay(&self, told: CqcLocation, kept: Option<CqcLocation>, opened: &Opened) -> CqcLocation {
        let Some(kept) = kept else { return told };
        let says = &opened.says;
        if says.all {
            // A body of the API says everything, except what it has no field for.
            return CqcLocation {
                provider_name: kept.provider_name.filter(|_| kept.provider_id == told.provider_id),
                provider_registered_on: kept
                    .provider_registered_on
                    .filter(|_| kept.provider_id == told.provider_id),
                ..told
            };
        }
        fn choose<T>(said: bool, told: T, kept: T) -> T {
            if said { told } else { kept }
        }
        CqcLocation {
            id: told.id,
            name: told.name,
            // A list of active locations can be weeks behind a cancellation, so it never brings
            // one back; only what speaks of the status itself does.
            status: choose(says.status, told.status, kept.status),
            provider_id: choose(says.provider_id, told.provider_id, kept.provider_id),
            provider_name: choose(says.provider_name, told.provider_name, kept.provider_name),
            also_known_as: choose(says.also_known_as, told.also_known_as, kept.also_known_as),
            address: choose(says.address, told.address, kept.address),
            town: choose(says.town, told.town, kept.town),
            county: choose(says.county, told.county, kept.county),
            postcode: choose(says.postcode, told.postcode, kept.postcode),
            telephone: choose(says.telephone, told.telephone, kept.telephone),
            ods_code: choose(says.ods_code, told.ods_code, kept.ods_code),
            organisation_type: choose(says.organisation_type, told.organisation_type, kept.organisation_type),
            registered_on: choose(says.registered_on, told.registered_on, kept.registered_on),
            deregistered_on: choose(says.deregistered_on, told.deregistered_on, kept.deregistered_on),
            provider_registered_on: choose(
                says.provider_registered_on,
                told.provider_registered_on,
                kept.provider_registered_on,
            ),
            dormant: choose(says.dormant, told.dormant, kept.dormant),
            care_home: choose(says.care_home, told.care_home, kept.care_home),
            service_types: choose(says.services, told.service_types, kept.service_types),
            region: choose(says.region, told.region, kept.region),
            local_authority: choose(says.local_authority, told.local_authority, kept.local_authority),
            beds: choose(says.beds, told.beds, kept.beds),
            predecessors: kept.predecessors,
            successors: kept.successors,
            gone_from_register_at: None,
            provenance: Provenance::default(),
        }
    }

    fn links(&self, kept: &CqcLocation) -> [Option<String>; 2] {
        [kept.ods_code.as_ref().map(ToString::to_string), kept.provider_id.as_ref().map(ToString::to_string)]
    }

    fn is_open(&self, kept: &CqcLocation, _today: Day) -> bool {
        kept.status == RegistrationStatus::Registered
    }
}

/// Rows of a file with one API body a line.
fn json_rows<T: 'static>(
    input: Input,
    id_field: &'static str,
    read: impl Fn(&str) -> Result<T, String> + 'static,
) -> Rows<T> {
    Box::new(input.json_lines().map(move |line| {
        let (number, text) = line?;
        let told = read(&text);
        let code = match &told {
            Ok(_) => String::new(),
            Err(_) => serde_json::from_str::<serde_json::Value>(&text)
                .ok()
                .and_then(|body| body.get(id_field)?.as_str().map(str::to_owned))
                .unwrap_or_default(),
        };
        Ok(row(number, &code, told))
    }))
}

// CQC providers

pub(super) struct Providers;

impl Subject for Providers {
    type Told = CqcProvider;
    type Kept = CqcProvider;

    fn open(&self, mut input: Input) -> Result<(Opened, Rows<CqcProvider>), ImportRefusal> {
        if !input.is_json()? {
            return Err(ImportRefusal::WrongLayout {
                file: input.name().to_owned(),
                why: "providers are imported from bodies of the CQC API, one a line".to_owned(),
            });
        }
        let opened =
            Opened { layout: "API bodies", full_picture: false, data_date: None, says: Says::default() };
        Ok((opened, json_rows(input, "providerId", CqcProvider::from_api)))
    }

    fn key(&self, told: &CqcProvider) -> String {
        told.id.as_str().to_owned()
    }

    fn lay(&self, told: CqcProvider, _kept: Option<CqcProvider>, _: &Opened) -> CqcProvider {
        told
    }

    fn links(&self, kept: &CqcProvider) -> [Option<String>; 2] {
        [kept.ods_code.as_ref().map(ToString::to_string), kept.companies_house_number.clone()]
    }

    fn is_open(&self, kept: &CqcProvider, _today: Day) -> bool {
        kept.status == RegistrationStatus::Registered
    }
}

// ODS sites and headquarters: 27 columns without a header.

/// How many columns the ODS files have.
const ODS_COLUMNS: usize = 27;

pub(super) struct OdsSites;
pub(super) struct OdsHqs;

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

// ODS succession

pub(super) struct Successions;

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

// DSPT

pub(super) struct Statuses;

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

// Site contacts

pub(super) struct Contacts {
    pub key: ContactKey,
}

impl Contacts {
    fn read(
        &self,
        there: &CellRow,
        places: [usize; 4],
    ) -> Result<(CqcLocationId, Option<SiteContact>), String> {
        let cell = |place: usize| there.cells.get(place).map_or("", String::as_str);
        let [location, contact_id, email, telephone] = places;
        let location = CqcLocationId::parse(cell(location))
            .map_err(|_| "the location ID is not one (1- and 5 to 12 digits)".to_owned())?;
        let contact_id = match tidy_or_none(cell(contact_id)) {
            None => None,
            // The words leave out what was there: a contact ID is never shown, not even a wrong one.
            Some(text) => Some(
                CqcContactId::parse(&text)
                    .map_err(|_| "the contact ID is not one (1- and 5 to 12 digits)".to_owned())?,
            ),
        };
        let contact = SiteContact {
            contact_id: contact_id.map(|id| ContactIdHash::of(&self.key, &location, &id)),
            email: read_email(cell(email))?,
            telephone: read_telephone(cell(telephone))?,
        };
        let empty = contact.contact_id.is_none() && contact.email.is_none() && contact.telephone.is_none();
        Ok((location, (!empty).then_some(contact)))
    }
}

impl Subject for Contacts {
    type Told = SiteContacts;
    type Kept = SiteContacts;

    fn open(&self, input: Input) -> Result<(Opened, Rows<SiteContacts>), ImportRefusal> {
        const LOCATION: [&str; 3] =
            ["Location ID", "CQC Location ID", "CQC Location ID (for office use only)"];
        let mut cells = input.cells();
        let (header, preamble) = cells.header(&LOCATION, "Location ID")?;
        let places = [
            header.need(&LOCATION)?,
            header.need(&["Contact ID", "CQC Contact ID"])?,
            header.need(&["Email", "Email address"])?,
            header.need(&["Telephone", "Telephone number", "Phone number"])?,
        ];
        let opened = Opened {
            layout: "site contacts",
            full_picture: false,
            data_date: preamble.iter().find_map(|line| day_in_name(line)),
            says: Says::default(),
        };
        // A location may have several rows, one a manager; together they are all its contacts. So
        // the whole file is read before the first row is handed on.
        let mut of_location: HashMap<CqcLocationId, Vec<SiteContact>> = HashMap::new();
        let mut spoilt: HashMap<String, u64> = HashMap::new();
        let mut read = Vec::new();
        let width = header.len();
        while let Some(there) = cells.next()? {
            // A contact ID may stand where the location should be; only what is certainly a
            // location is repeated.
            let shown = there
                .cells
                .get(places[0])
                .and_then(|cell| CqcLocationId::parse(cell).ok())
                .map(|id| id.to_string())
                .unwrap_or_default();
            let told = if there.cells.len() < width {
                Err(format!("the row has {} cells, the header {width}", there.cells.len()))
            } else {
                self.read(&there, places)
            };
            match told {
                Ok((location, contact)) => {
                    let contacts = of_location.entry(location.clone()).or_default();
                    contacts.extend(contact.filter(|contact| !contacts.contains(contact)));
                    read.push((there.line, shown, Ok(location)));
                }
                Err(reason) => {
                    if !shown.is_empty() {
                        spoilt.entry(shown.clone()).or_insert(there.line);
                    }
                    read.push((there.line, shown, Err(reason)));
                }
            }
        }
        let rows = read.into_iter().map(move |(line, shown, told)| {
            let told = told.and_then(|location: CqcLocationId| match spoilt.get(location.as_str()) {
                Some(other) => Err(format!(
                    "another row of the same location cannot be read (line {other}), so none was taken"
                )),
                None => Ok(SiteContacts {
                    contacts: of_location.get(&location).cloned().unwrap_or_default(),
                    location,
                    provenance: Provenance::default(),
                }),
            });
            Ok(row(line, &shown, told))
        });
        Ok((opened, Box::new(rows)))
    }

    fn key(&self, told: &SiteContacts) -> String {
        told.location.as_str().to_owned()
    }

    fn lay(&self, told: SiteContacts, _kept: Option<SiteContacts>, _: &Opened) -> SiteContacts {
        told
    }

    fn links(&self, kept: &SiteContacts) -> [Option<String>; 2] {
        let first = kept.contacts.first();
        [first.and_then(|contact| contact.email.clone()), first.and_then(|contact| contact.telephone.clone())]
    }

    fn is_open(&self, kept: &SiteContacts, _today: Day) -> bool {
        !kept.contacts.is_empty()
    }
}
