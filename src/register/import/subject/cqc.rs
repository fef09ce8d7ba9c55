//! CQC: locations, from the directory's spreadsheets and the API, and providers.

use super::{Opened, Subject, row, with_header, words};
use crate::clock::Day;
use crate::register::code::Postcode;
use crate::register::cqc::{CqcLocation, CqcProvider, RegistrationStatus, yes_or_no};
use crate::register::import::ImportRefusal;
use crate::register::import::lines::{CellRow, Header, Input, Rows, day_in_name};
use crate::register::{CqcLocationId, CqcProviderId, OdsCode, Provenance, read_day, tidy_or_none};

pub struct Locations;

/// Which facts of a location a layout can hold. What it cannot hold it does not erase.
#[derive(Clone, Copy, Default)]
pub struct Says {
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
pub const PEOPLE: [&str; 3] =
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

pub struct Providers;

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
