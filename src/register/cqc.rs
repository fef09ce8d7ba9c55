//! CQC, the regulator of care in England: which locations are registered, by which provider.
//!
//! Shapes were read from 221 API bodies of March 2025 and the ratings download of 2021. In the API
//! a field without a value is an absent key, never null. There are no e-mail addresses and no
//! contact IDs in anything CQC publishes.

use super::live::{RegisterAnswer, RegisterClient};
use super::{
    AskError, Code, CqcLocationId, CqcProviderId, Finding, OdsCode, Postcode, Provenance, Register, day_text,
    read_day, tidy, tidy_or_none,
};
use crate::clock::{Clock, Day, Timestamp};
use crate::database::BoxFuture;
use serde::{Deserialize, Serialize};

/// The type CQC gives to social care; hospices, dentists and practices have others.
pub const SOCIAL_CARE: &str = "Social Care Org";

/// Service types that only social care has, for the layouts that do not give the type.
const CARE_SERVICES: [&str; 9] = [
    "residential homes",
    "nursing homes",
    "homecare agencies",
    "supported living",
    "supported housing",
    "shared lives",
    "extra care housing services",
    "care home service without nursing",
    "domiciliary care service",
];

/// Whether CQC lets care be given there now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegistrationStatus {
    #[default]
    Registered,
    Deregistered,
}

/// Another location that came before or after this one, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    pub id: CqcLocationId,
    pub name: String,
    /// "New Provider", "Location Move", "Legal Entity Change" and the like, as CQC words it.
    pub reason: String,
}

/// One place at which, or from which, a provider gives care, as CQC has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CqcLocation {
    pub id: CqcLocationId,
    pub name: String,
    pub status: RegistrationStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<CqcProviderId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub also_known_as: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub address: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub town: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub county: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postcode: Option<Postcode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telephone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ods_code: Option<OdsCode>,
    /// "Social Care Org" and five others; some layouts do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation_type: Option<String>,
    #[serde(default, with = "day_text", skip_serializing_if = "Option::is_none")]
    pub registered_on: Option<Day>,
    #[serde(default, with = "day_text", skip_serializing_if = "Option::is_none")]
    pub deregistered_on: Option<Day>,
    /// When the provider was registered: a recent day is a recent change of owner.
    #[serde(default, with = "day_text", skip_serializing_if = "Option::is_none")]
    pub provider_registered_on: Option<Day>,
    /// No care is given there for now. A dormant location is still Registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dormant: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub care_home: Option<bool>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub service_types: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_authority: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beds: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub predecessors: Vec<Relation>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub successors: Vec<Relation>,
    /// Since when a full list no longer names it. It is kept, and is no longer to be relied on.
    #[serde(skip)]
    pub gone_from_register_at: Option<Timestamp>,
    #[serde(skip)]
    pub provenance: Provenance,
}

impl CqcLocation {
    /// A location of which only ID and name are known.
    pub fn named(id: CqcLocationId, name: &str) -> Self {
        CqcLocation {
            id,
            name: tidy(name),
            status: RegistrationStatus::Registered,
            provider_id: None,
            provider_name: None,
            also_known_as: None,
            address: Vec::new(),
            town: None,
            county: None,
            postcode: None,
            telephone: None,
            ods_code: None,
            organisation_type: None,
            registered_on: None,
            deregistered_on: None,
            provider_registered_on: None,
            dormant: None,
            care_home: None,
            service_types: Vec::new(),
            region: None,
            local_authority: None,
            beds: None,
            predecessors: Vec::new(),
            successors: Vec::new(),
            gone_from_register_at: None,
            provenance: Provenance::default(),
        }
    }

    /// Whether care may be given there now and the last full list still names it.
    pub fn is_registered(&self) -> bool {
        self.status == RegistrationStatus::Registered && self.gone_from_register_at.is_none()
    }

    /// Whether it is a social care location, by its type, or by its services where the layout has
    /// no type.
    pub fn is_social_care(&self) -> bool {
        match &self.organisation_type {
            Some(kind) => kind.eq_ignore_ascii_case(SOCIAL_CARE),
            None => self
                .service_types
                .iter()
                .any(|service| CARE_SERVICES.contains(&service.to_ascii_lowercase().as_str())),
        }
    }

    /// Whether it is a hospice, which joins by another way.
    pub fn is_hospice(&self) -> bool {
        let hospice = |text: &String| text.to_ascii_lowercase().contains("hospice");
        self.service_types.iter().any(hospice) || hospice(&self.name)
    }

    /// Reads the body of `GET /locations/{id}`.
    ///
    /// # Errors
    /// Words that say what is wrong with it.
    pub fn from_api(body: &str) -> Result<Self, String> {
        let body: LocationBody = serde_json::from_str(body).map_err(|error| json_words(&error))?;
        let id = CqcLocationId::parse(&body.location_id).map_err(|why| why.to_string())?;
        let name = tidy(&body.name);
        if name.is_empty() {
            return Err("there is no name".to_owned());
        }
        let status = match tidy(&body.registration_status).as_str() {
            "Registered" => RegistrationStatus::Registered,
            "Deregistered" => RegistrationStatus::Deregistered,
            other => return Err(format!("{other:?} is not a registration status")),
        };
        let (mut predecessors, mut successors) = (Vec::new(), Vec::new());
        for relation in &body.relationships {
            let Some(id) = relation.related_location_id.as_deref() else {
                continue;
            };
            let related = Relation {
                id: CqcLocationId::parse(id).map_err(|why| why.to_string())?,
                name: tidy(relation.related_location_name.as_deref().unwrap_or("")),
                reason: tidy(relation.reason.as_deref().unwrap_or("")),
            };
            match relation.kind.as_str() {
                "HSCA Predecessor" => predecessors.push(related),
                "HSCA Successor" => successors.push(related),
                // Another kind of relation says nothing about who follows whom.
                _ => {}
            }
        }
        Ok(CqcLocation {
            status,
            provider_id: body
                .provider_id
                .as_deref()
                .map(CqcProviderId::parse)
                .transpose()
                .map_err(|why| why.to_string())?,
            also_known_as: body.also_known_as.as_deref().and_then(tidy_or_none),
            address: [&body.postal_address_line1, &body.postal_address_line2]
                .into_iter()
                .flatten()
                .filter_map(|line| tidy_or_none(line))
                .collect(),
            town: body.postal_address_town_city.as_deref().and_then(tidy_or_none),
            county: body.postal_address_county.as_deref().and_then(tidy_or_none),
            postcode: body.postal_code.as_deref().and_then(|text| Postcode::parse(text).ok()),
            telephone: body.main_phone_number.as_deref().and_then(tidy_or_none),
            // A code that cannot be read is no code; the location itself is still good.
            ods_code: body.ods_code.as_deref().and_then(|text| OdsCode::parse(text).ok()),
            organisation_type: body.kind.as_deref().and_then(tidy_or_none),
            registered_on: body.registration_date.as_deref().and_then(read_day),
            deregistered_on: body.deregistration_date.as_deref().and_then(read_day),
            dormant: body.dormancy.as_deref().and_then(yes_or_no),
            care_home: body.care_home.as_deref().and_then(yes_or_no),
            service_types: body
                .gac_service_types
                .iter()
                .filter_map(|service| tidy_or_none(&service.name))
                .collect(),
            region: body.region.as_deref().and_then(tidy_or_none),
            local_authority: body.local_authority.as_deref().and_then(tidy_or_none),
            beds: body.number_of_beds,
            predecessors,
            successors,
            ..CqcLocation::named(id, &name)
        })
    }
}

/// The legal body that is registered to give care, as CQC has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CqcProvider {
    pub id: CqcProviderId,
    pub name: String,
    pub status: RegistrationStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ods_code: Option<OdsCode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation_type: Option<String>,
    /// "Organisation", "Partnership", "Individual" or "NHS Body".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ownership_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub companies_house_number: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charity_number: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub address: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub town: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub county: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postcode: Option<Postcode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telephone: Option<String>,
    #[serde(default, with = "day_text", skip_serializing_if = "Option::is_none")]
    pub registered_on: Option<Day>,
    #[serde(default, with = "day_text", skip_serializing_if = "Option::is_none")]
    pub deregistered_on: Option<Day>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub location_ids: Vec<CqcLocationId>,
    #[serde(skip)]
    pub gone_from_register_at: Option<Timestamp>,
    #[serde(skip)]
    pub provenance: Provenance,
}

impl CqcProvider {
    /// Reads the body of `GET /providers/{id}`.
    ///
    /// # Errors
    /// Words that say what is wrong with it.
    pub fn from_api(body: &str) -> Result<Self, String> {
        let body: ProviderBody = serde_json::from_str(body).map_err(|error| json_words(&error))?;
        let name = tidy(&body.name);
        if name.is_empty() {
            return Err("there is no name".to_owned());
        }
        Ok(CqcProvider {
            id: CqcProviderId::parse(&body.provider_id).map_err(|why| why.to_string())?,
            name,
            status: match tidy(&body.registration_status).as_str() {
                "Registered" => RegistrationStatus::Registered,
                "Deregistered" => RegistrationStatus::Deregistered,
                other => return Err(format!("{other:?} is not a registration status")),
            },
            ods_code: body.ods_code.as_deref().and_then(|text| OdsCode::parse(text).ok()),
            organisation_type: body.kind.as_deref().and_then(tidy_or_none),
            ownership_type: body.ownership_type.as_deref().and_then(tidy_or_none),
            companies_house_number: body.companies_house_number.as_deref().and_then(tidy_or_none),
            charity_number: body.charity_number.as_deref().and_then(tidy_or_none),
            address: [&body.postal_address_line1, &body.postal_address_line2]
                .into_iter()
                .flatten()
                .filter_map(|line| tidy_or_none(line))
                .collect(),
            town: body.postal_address_town_city.as_deref().and_then(tidy_or_none),
            county: body.postal_address_county.as_deref().and_then(tidy_or_none),
            postcode: body.postal_code.as_deref().and_then(|text| Postcode::parse(text).ok()),
            telephone: body.main_phone_number.as_deref().and_then(tidy_or_none),
            registered_on: body.registration_date.as_deref().and_then(read_day),
            deregistered_on: body.deregistration_date.as_deref().and_then(read_day),
            location_ids: body.location_ids.iter().filter_map(|id| CqcLocationId::parse(id).ok()).collect(),
            gone_from_register_at: None,
            provenance: Provenance::default(),
        })
    }
}

/// What is wrong with a line of JSON, without repeating what was in it.
fn json_words(error: &serde_json::Error) -> String {
    if error.is_eof() {
        "the line ends in the middle of a record".to_owned()
    } else if error.is_data() {
        format!("the record does not have the fields of the API: {error}")
    } else {
        "the line is not JSON".to_owned()
    }
}

/// `Y` or `N`, in the several ways the files write them.
pub(super) fn yes_or_no(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" | "true" => Some(true),
        "n" | "no" | "false" => Some(false),
        _ => None,
    }
}

/// What is read of an API body; everything else, people's names among it, is never looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LocationBody {
    location_id: String,
    name: String,
    registration_status: String,
    provider_id: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    also_known_as: Option<String>,
    ods_code: Option<String>,
    registration_date: Option<String>,
    deregistration_date: Option<String>,
    dormancy: Option<String>,
    care_home: Option<String>,
    number_of_beds: Option<u32>,
    main_phone_number: Option<String>,
    local_authority: Option<String>,
    region: Option<String>,
    postal_address_line1: Option<String>,
    postal_address_line2: Option<String>,
    postal_address_town_city: Option<String>,
    postal_address_county: Option<String>,
    postal_code: Option<String>,
    #[serde(default)]
    gac_service_types: Vec<ServiceBody>,
    #[serde(default)]
    relationships: Vec<RelationBody>,
}

#[derive(Deserialize)]
struct ServiceBody {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RelationBody {
    related_location_id: Option<String>,
    related_location_name: Option<String>,
    #[serde(rename = "type", default)]
    kind: String,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProviderBody {
    provider_id: String,
    name: String,
    registration_status: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    ownership_type: Option<String>,
    companies_house_number: Option<String>,
    charity_number: Option<String>,
    ods_code: Option<String>,
    registration_date: Option<String>,
    deregistration_date: Option<String>,
    main_phone_number: Option<String>,
    postal_address_line1: Option<String>,
    postal_address_line2: Option<String>,
    postal_address_town_city: Option<String>,
    postal_address_county: Option<String>,
    postal_code: Option<String>,
    #[serde(default)]
    location_ids: Vec<String>,
}

/// How CQC is asked live, if it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether CQC is asked live; off unless a key has been obtained.
    pub enabled: bool,
    /// Where the API is. Only this host is ever asked; it must be https.
    pub address: String,
    /// The subscription key, from CQC's API portal; free of charge.
    pub key: super::live::Key,
    /// How long an answer may take, in milliseconds. A page waits for it, so it is short.
    pub time_limit_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            enabled: false,
            address: "https://api.service.cqc.org.uk/public/v1".to_owned(),
            key: super::live::Key::default(),
            time_limit_ms: 4_000,
        }
    }
}

/// CQC's public API, asked while somebody waits.
pub struct LiveCqc {
    door: RegisterClient,
    clock: Clock,
}

impl LiveCqc {
    /// # Errors
    /// Words that say which setting is wrong.
    pub fn open(settings: &Settings, clock: Clock) -> Result<Self, String> {
        let door = RegisterClient::open(
            &settings.address,
            "Ocp-Apim-Subscription-Key",
            &settings.key,
            settings.time_limit_ms,
        )?;
        Ok(LiveCqc { door, clock })
    }

    fn provenance(&self) -> Provenance {
        let now = self.clock.now();
        Provenance { source: "CQC, asked live".to_owned(), data_date: Some(now.day()), read_at: Some(now) }
    }

    async fn ask(&self, code: &Code) -> Result<Finding, AskError> {
        // CQC answers 400 to a letter ID in lower case; values here are always in capitals.
        match code {
            Code::CqcLocation(id) => match self.door.ask(&["locations", id.as_str()], &[]).await? {
                RegisterAnswer::Nothing => Ok(Finding::NotFound),
                RegisterAnswer::Body(body) => {
                    let mut location = CqcLocation::from_api(&body).map_err(AskError::Later)?;
                    if location.id != *id {
                        return Err(AskError::Later(format!(
                            "asked for {id}, CQC answered about another location"
                        )));
                    }
                    location.provenance = self.provenance();
                    Ok(Finding::CqcLocation(Box::new(location)))
                }
            },
            Code::CqcProvider(id) => match self.door.ask(&["providers", id.as_str()], &[]).await? {
                RegisterAnswer::Nothing => Ok(Finding::NotFound),
                RegisterAnswer::Body(body) => {
                    let mut provider = CqcProvider::from_api(&body).map_err(AskError::Later)?;
                    if provider.id != *id {
                        return Err(AskError::Later(format!(
                            "asked for {id}, CQC answered about another provider"
                        )));
                    }
                    provider.provenance = self.provenance();
                    Ok(Finding::CqcProvider(Box::new(provider)))
                }
            },
            Code::OdsSite(_) | Code::OdsHq(_) | Code::Dspt(_) => {
                Err(AskError::Never(format!("CQC is not asked about an {code}")))
            }
        }
    }
}

impl Register for LiveCqc {
    fn name(&self) -> &'static str {
        "CQC"
    }

    fn knows(&self, code: &Code) -> bool {
        matches!(code, Code::CqcLocation(_) | Code::CqcProvider(_))
    }

    fn find<'a>(&'a self, code: &'a Code) -> BoxFuture<'a, Result<Finding, AskError>> {
        Box::pin(self.ask(code))
    }
}
