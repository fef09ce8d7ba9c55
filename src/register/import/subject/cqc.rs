//! CQC: locations, from the directory's spreadsheets and the API, and providers.

use super::services::services;
use super::{Opened, Reading, Subject, day_of, row, survey, with_header, words};
use crate::clock::Day;
use crate::register::body::OddField;
use crate::register::code::Postcode;
use crate::register::cqc::{CqcLocation, CqcProvider, RegistrationStatus, json_words, yes_or_no};
use crate::register::import::ImportRefusal;
use crate::register::import::difference::Dating;
use crate::register::import::lines::{Header, Input, Odd, Rows, Unread};
use crate::register::{CqcLocationId, CqcProviderId, OdsCode, Provenance, tidy_or_none};

/// What the layouts are called that more than their own columns speak of.
const API: &str = "API bodies";
const ACTIVE: &str = "HSCA active locations";

pub struct Locations;

macro_rules! values {
    ($($value:ident)+) => {
        /// The values of a location, each of which keeps the day of the data it came from.
        #[derive(Clone, Copy)]
        #[expect(non_camel_case_types, reason = "each is named as the field it stands for")]
        enum Value { $($value),+ }

        impl Value {
            const ALL: &[Value] = &[$(Value::$value),+];

            fn name(self) -> &'static str {
                match self { $(Value::$value => stringify!($value)),+ }
            }

            /// Takes this value from what a row told.
            fn take(self, from: &mut CqcLocation, to: &mut CqcLocation) {
                match self { $(Value::$value => std::mem::swap(&mut from.$value, &mut to.$value)),+ }
            }
        }
    };
}

values! {
    name status provider_id provider_name also_known_as address town county postcode telephone ods_code
    organisation_type registered_on deregistered_on provider_registered_on dormant care_home service_types
    region local_authority beds predecessors successors
}

/// Which values of a location a row speaks of. What it does not speak of it does not erase.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Says(u32);

impl Says {
    fn with(self, value: Value) -> Self {
        Says(self.0 | 1 << value as u32)
    }

    fn without(self, value: Value) -> Self {
        Says(self.0 & !(1 << value as u32))
    }

    fn has(self, value: Value) -> bool {
        self.0 & (1 << value as u32) != 0
    }
}

/// What one row says of a location.
pub struct ToldLocation {
    location: CqcLocation,
    says: Says,
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
            also_known_as: find(&["Also known as", "Location Also Known As"]),
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

    /// Which columns a value is read from.
    fn places(&self, value: Value) -> Vec<usize> {
        let one = |place: Option<usize>| place.into_iter().collect();
        match value {
            Value::name => vec![self.name],
            Value::status => [self.status, self.deregistered_on].into_iter().flatten().collect(),
            Value::provider_id => one(self.provider_id),
            Value::provider_name => one(self.provider_name),
            Value::also_known_as => one(self.also_known_as),
            Value::address => match self.whole_address {
                Some(place) => vec![place],
                None => self.address.clone(),
            },
            Value::town => one(self.town),
            Value::county => one(self.county),
            Value::postcode => one(self.postcode),
            Value::telephone => one(self.telephone),
            Value::ods_code => one(self.ods_code),
            Value::organisation_type => one(self.organisation_type),
            Value::registered_on => one(self.registered_on),
            Value::deregistered_on => one(self.deregistered_on),
            Value::provider_registered_on => one(self.provider_registered_on),
            Value::dormant => one(self.dormant),
            Value::care_home => one(self.care_home),
            Value::service_types => self
                .services
                .into_iter()
                .chain(self.marked_services.iter().map(|(place, _)| *place))
                .collect(),
            Value::region => one(self.region),
            Value::local_authority => one(self.local_authority),
            Value::beds => one(self.beds),
            Value::predecessors | Value::successors => Vec::new(),
        }
    }

    /// What a row speaks of: values with a column that the row reaches to.
    fn says(&self, reading: &Reading<'_>) -> Says {
        Value::ALL.iter().fold(Says::default(), |says, value| {
            if self.places(*value).iter().any(|place| reading.has(*place)) { says.with(*value) } else { says }
        })
    }

    fn read(&self, reading: &mut Reading<'_>, has_bars: bool) -> Result<ToldLocation, Unread> {
        let id = CqcLocationId::parse(reading.cell(self.id)).map_err(words)?;
        let name = reading.text(Some(self.name)).ok_or("there is no name")?;
        let address = match self.whole_address {
            Some(place) => {
                reading.cell(place).split([',', '|', '\n', '\r']).filter_map(tidy_or_none).collect()
            }
            None => self.address.iter().filter_map(|place| tidy_or_none(reading.cell(*place))).collect(),
        };
        let mut service_types =
            self.services.map(|place| services(reading.cell(place), has_bars)).unwrap_or_default();
        for (place, service) in &self.marked_services {
            if yes_or_no(reading.cell(*place)) == Some(true) {
                service_types.push(service.clone());
            }
        }
        let mut says = self.says(reading);
        let deregistered_on = reading.day(self.deregistered_on);
        let status = match reading.text(self.status) {
            Some(word) => RegistrationStatus::parse(&word).ok_or_else(|| Unread {
                reason: format!("{word:?} is not a registration status that we know"),
                counts: false,
            })?,
            None if deregistered_on.is_some() => RegistrationStatus::Deregistered,
            None if reading.text(self.deregistered_on).is_some() => {
                return Err("the day on which it was deregistered is not a date".into());
            }
            None => RegistrationStatus::Registered,
        };
        // What cannot be read says nothing, so what is known stays.
        let odd_before = reading.odd.len();
        let provider_id = reading.code(self.provider_id, CqcProviderId::parse);
        if reading.odd.len() > odd_before {
            says = says.without(Value::provider_id);
        }
        let ods_code = reading.code(self.ods_code, OdsCode::parse);
        if reading.has_odd_code(self.ods_code) {
            says = says.without(Value::ods_code);
        }
        let beds = reading.text(self.beds);
        let beds = match beds.map(|text| (text.replace(',', "").parse(), text)) {
            Some((Ok(beds), _)) => Some(beds),
            Some((Err(_), text)) => {
                if let Some(place) = self.beds {
                    reading.note(place, format!("{text:?} is not a number"));
                }
                says = says.without(Value::beds);
                None
            }
            None => None,
        };
        let (odd_before, registered_on) = (reading.odd.len(), reading.day(self.registered_on));
        if reading.odd.len() > odd_before {
            says = says.without(Value::registered_on);
        }
        let (odd_before, provider_registered_on) =
            (reading.odd.len(), reading.day(self.provider_registered_on));
        if reading.odd.len() > odd_before {
            says = says.without(Value::provider_registered_on);
        }
        let location = CqcLocation {
            status,
            provider_id,
            provider_name: reading.text(self.provider_name),
            also_known_as: reading.text(self.also_known_as),
            address,
            town: reading.text(self.town),
            county: reading.text(self.county),
            postcode: reading.text(self.postcode).and_then(|text| Postcode::parse(&text).ok()),
            telephone: reading.text(self.telephone),
            ods_code,
            organisation_type: reading.text(self.organisation_type),
            registered_on,
            deregistered_on,
            provider_registered_on,
            dormant: reading.text(self.dormant).as_deref().and_then(yes_or_no),
            care_home: reading.text(self.care_home).as_deref().and_then(yes_or_no),
            service_types,
            region: reading.text(self.region),
            local_authority: reading.text(self.local_authority),
            beds,
            ..CqcLocation::named(id, &name)
        };
        Ok(ToldLocation { location, says })
    }
}

impl Subject for Locations {
    type Told = ToldLocation;
    type Kept = CqcLocation;

    const BY_VALUE: bool = true;

    fn open(&self, mut input: Input, today: Day) -> Result<(Opened, Rows<ToldLocation>), ImportRefusal> {
        if input.is_json()? {
            let opened = Opened { layout: API, is_of_today: true, ..Opened::default() };
            let rows = json_rows(input, "locationId", |body, odd| {
                let location = CqcLocation::of_body(body, odd)?;
                // What an odd field says is not known, so what is known stays.
                let is_odd = |name: &str| odd.iter().any(|odd| odd.field == name);
                let mut says = Value::ALL.iter().fold(Says::default(), |says, value| says.with(*value));
                // It has no field for these.
                says = says.without(Value::provider_name).without(Value::provider_registered_on);
                for (field, values) in [
                    ("relationships", &[Value::predecessors, Value::successors][..]),
                    ("gacServiceTypes", &[Value::service_types]),
                    ("odsCode", &[Value::ods_code]),
                    ("providerId", &[Value::provider_id]),
                    ("postalCode", &[Value::postcode]),
                    ("registrationDate", &[Value::registered_on]),
                ] {
                    if is_odd(field) {
                        says = values.iter().fold(says, |says, value| says.without(*value));
                    }
                }
                if is_odd("numberOfBeds") && location.beds.is_none() {
                    says = says.without(Value::beds);
                }
                Ok(ToldLocation { location, says })
            });
            return Ok((opened, rows));
        }
        let file = input.name().to_owned();
        let mut cells = input.cells()?;
        let (header, preamble) = cells.header(&LOCATION_ID, "Location ID")?;
        let columns = LocationColumns::of(&header)?;
        let ratings = header.find(&["Latest Rating"]).is_some();
        let deactivated = columns.deregistered_on.is_some() || columns.status.is_some();
        let active = header.find(&["Location HSCA start date"]).is_some();
        let mut needed = vec![columns.id, columns.name];
        // A list of ratings names rated locations only, and a list of cancelled ones the
        // cancelled: neither says anything about those it does not name.
        let (layout, full_picture) = if ratings {
            needed.push(header.need(&PROVIDER_ID)?);
            ("latest ratings", false)
        } else if deactivated {
            needed.extend(columns.status.or(columns.deregistered_on));
            ("deactivated locations", false)
        } else if active {
            header.need(&ODS_CODE)?;
            needed.push(header.need(&PROVIDER_ID)?);
            (ACTIVE, true)
        } else {
            needed.push(header.need(&PROVIDER_ID)?);
            ("directory", true)
        };
        // The list of deactivated locations is read for their status; the others say where they are.
        if !deactivated {
            header.need(&POSTCODE)?;
        }
        let survey = survey(cells.clone(), &file, &header.of_days(), columns.services, today)?;
        let opened = Opened {
            layout,
            full_picture,
            data_date: day_of(&preamble),
            newest_in_rows: survey.newest,
            is_of_today: false,
        };
        let (id, has_bars) = (columns.id, survey.has_bars);
        let rows = with_header(cells, header, survey.order, id, needed, move |reading| {
            columns.read(reading, has_bars)
        });
        Ok((opened, rows))
    }

    fn key(&self, told: &ToldLocation) -> String {
        told.location.id.as_str().to_owned()
    }

    fn lay(
        &self,
        told: ToldLocation,
        kept: Option<CqcLocation>,
        opened: &Opened,
        dating: &mut Dating,
    ) -> CqcLocation {
        let ToldLocation { location: mut told, says } = told;
        let mut laid = match kept {
            Some(kept) => kept,
            None => {
                // Nothing is known, so nothing is older than what is told, and the name is told always.
                let mut laid = CqcLocation::named(told.id.clone(), "");
                laid.status = told.status;
                laid
            }
        };
        let same_provider = !says.has(Value::provider_id) || laid.provider_id == told.provider_id;
        let is_api = opened.layout == API;
        let mut days = Vec::with_capacity(Value::ALL.len());
        for value in Value::ALL {
            let (name, kept_day) = (value.name(), dating.of(value.name()));
            // A list of what is active can be weeks behind a cancellation, so it never brings a location
            // back; only what speaks of the status itself does. That it is registered it does say.
            let says_registered = matches!(value, Value::status)
                && opened.full_picture
                && laid.status == RegistrationStatus::Registered;
            let is_said = says.has(*value) || says_registered;
            if is_said && dating.may_replace(name) {
                value.take(&mut told, &mut laid);
                days.push((name, dating.told()));
            } else {
                days.push((name, kept_day));
            }
        }
        if is_api && !same_provider && dating.may_replace(Value::provider_id.name()) {
            // Name and day of registration were the former provider's.
            laid.provider_name = None;
            laid.provider_registered_on = None;
        }
        dating.set(&days);
        laid.gone_from_register_at = None;
        laid.provenance = Provenance::default();
        laid
    }

    fn links(&self, kept: &CqcLocation) -> [Option<String>; 2] {
        [kept.ods_code.as_ref().map(ToString::to_string), kept.provider_id.as_ref().map(ToString::to_string)]
    }

    fn is_open(&self, kept: &CqcLocation, _today: Day) -> bool {
        kept.status == RegistrationStatus::Registered
    }

    fn name(&self, kept: &CqcLocation) -> String {
        kept.name.clone()
    }

    /// The number at which a registration can be confirmed.
    fn contacts(&self, kept: &CqcLocation) -> Vec<String> {
        let number = kept.telephone.as_ref().map(|number| {
            let digits: String = number.chars().filter(char::is_ascii_digit).collect();
            digits.strip_prefix("44").map_or(digits.clone(), |rest| format!("0{rest}"))
        });
        number.into_iter().collect()
    }
}

pub struct Providers;

impl Subject for Providers {
    type Told = CqcProvider;
    type Kept = CqcProvider;

    fn open(&self, mut input: Input, _: Day) -> Result<(Opened, Rows<CqcProvider>), ImportRefusal> {
        if !input.is_json()? {
            return Err(ImportRefusal::WrongLayout {
                file: input.name().to_owned(),
                why: "providers are imported from bodies of the CQC API, one a line".to_owned(),
            });
        }
        let opened = Opened { layout: API, is_of_today: true, ..Opened::default() };
        Ok((opened, json_rows(input, "providerId", |body, odd| Ok(CqcProvider::of_body(body, odd)?))))
    }

    fn key(&self, told: &CqcProvider) -> String {
        told.id.as_str().to_owned()
    }

    fn lay(&self, told: CqcProvider, _kept: Option<CqcProvider>, _: &Opened, _: &mut Dating) -> CqcProvider {
        told
    }

    fn links(&self, kept: &CqcProvider) -> [Option<String>; 2] {
        [kept.ods_code.as_ref().map(ToString::to_string), kept.companies_house_number.clone()]
    }

    fn is_open(&self, kept: &CqcProvider, _today: Day) -> bool {
        kept.status == RegistrationStatus::Registered
    }

    fn name(&self, kept: &CqcProvider) -> String {
        kept.name.clone()
    }
}

/// Rows of a file with one API body a line.
fn json_rows<T: 'static>(
    input: Input,
    id_field: &'static str,
    read: impl Fn(&serde_json::Value, &mut Vec<OddField>) -> Result<T, Unread> + 'static,
) -> Rows<T> {
    Box::new(input.json_lines().map(move |line| {
        let (number, text) = line?;
        let mut odd = Vec::new();
        let (code, told) = match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(body) => {
                let code = body.get(id_field).and_then(serde_json::Value::as_str).unwrap_or_default();
                (code.to_owned(), read(&body, &mut odd))
            }
            Err(error) => (String::new(), Err(json_words(&error).into())),
        };
        let odd = odd.into_iter().map(|odd| Odd { field: odd.field.to_owned(), why: odd.why }).collect();
        Ok(row(number, &code, told, odd))
    }))
}
