//! CQC, the regulator of care in England: which locations are registered, by which provider.
//!
//! Shapes were read from 221 API bodies of March 2025 and the ratings download of 2021. In the API
//! a field without a value is an absent key, never null. There are no e-mail addresses and no
//! contact IDs in anything CQC publishes.

use super::body::{Body, OddField, member};
use super::live::{RegisterAnswer, RegisterClient};
use super::{
    AskError, Code, CqcLocationId, CqcProviderId, Finding, OdsCode, Postcode, Provenance, Register, day_text,
    tidy, tidy_or_none,
};
use crate::clock::{Clock, Day, Timestamp};
use crate::database::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The type CQC gives to social care; hospices, dentists and practices have others.
pub const SOCIAL_CARE: &str = "Social Care Org";

/// Service types that only social care has, for the layouts that do not give the type.
const CARE_SERVICES: [&str; 14] = [
    "residential homes",
    "nursing homes",
    "homecare agencies",
    "supported living",
    "supported housing",
    "shared lives",
    "extra care housing services",
    "care home service without nursing",
    "domiciliary care service",
    "care home service with nursing",
    "care homes",
    "supported living service",
    "extra care housing",
    "shared lives schemes",
];

/// Whether CQC lets care be given there now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegistrationStatus {
    #[default]
    Registered,
    Deregistered,
}

impl RegistrationStatus {
    /// Reads a status as the API and the files word it: "Inactive-Dereg" and "Removed" are two of the many
    /// words for a location that is not registered. Nothing for a word nobody has told us about.
    pub fn parse(word: &str) -> Option<Self> {
        const OVER: [&str; 9] = [
            "inactive",
            "dereg",
            "removed",
            "cancel",
            "closed",
            "archived",
            "deactivated",
            "ceased",
            "terminated",
        ];
        let plain: String = word.to_lowercase().chars().filter(|letter| letter.is_alphanumeric()).collect();
        if matches!(plain.as_str(), "registered" | "active" | "activeregistered" | "registeredactive") {
            Some(RegistrationStatus::Registered)
        } else if OVER.iter().any(|over| plain.starts_with(over)) || plain == "notregistered" {
            Some(RegistrationStatus::Deregistered)
        } else {
            None
        }
    }
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
        let body = serde_json::from_str(body).map_err(|error| json_words(&error))?;
        Self::of_body(&body, &mut Vec::new())
    }

    /// Reads a body. What is odd about a field is noted and costs that field alone.
    ///
    /// # Errors
    /// Where it has no ID, no name or no status that we know.
    pub(super) fn of_body(body: &Value, odd: &mut Vec<OddField>) -> Result<Self, String> {
        let mut body = Body::of(body, odd)?;
        let id = body.text("locationId").ok_or("there is no location ID")?;
        let id = CqcLocationId::parse(&id).map_err(|why| why.to_string())?;
        let name = body.text("name").ok_or("there is no name")?;
        let status = status_of(&mut body)?;
        let (mut predecessors, mut successors) = (Vec::new(), Vec::new());
        for relation in body.list("relationships") {
            let into = match member(relation, "type") {
                Some("HSCA Predecessor") => &mut predecessors,
                Some("HSCA Successor") => &mut successors,
                // Another kind of relation says nothing about who follows whom.
                Some(_) | None => continue,
            };
            let Some(id) = member(relation, "relatedLocationId") else { continue };
            match CqcLocationId::parse(id) {
                Ok(id) => into.push(Relation {
                    id,
                    name: tidy(member(relation, "relatedLocationName").unwrap_or("")),
                    reason: tidy(member(relation, "reason").unwrap_or("")),
                }),
                Err(why) => body.note("relationships", why.to_string()),
            }
        }
        let service_types =
            body.list("gacServiceTypes").iter().filter_map(|service| tidy_or_none(member(service, "name")?));
        Ok(CqcLocation {
            status,
            service_types: service_types.collect(),
            provider_id: body.read("providerId", CqcProviderId::parse),
            also_known_as: body.text("alsoKnownAs"),
            address: [body.text("postalAddressLine1"), body.text("postalAddressLine2")]
                .into_iter()
                .flatten()
                .collect(),
            town: body.text("postalAddressTownCity"),
            county: body.text("postalAddressCounty"),
            postcode: body.read("postalCode", Postcode::parse),
            telephone: body.text("mainPhoneNumber"),
            // A code that cannot be read is no code; the location itself is still good.
            ods_code: body.read("odsCode", OdsCode::parse),
            organisation_type: body.text("type"),
            registered_on: body.day("registrationDate"),
            deregistered_on: body.day("deregistrationDate"),
            dormant: body.flag("dormancy"),
            care_home: body.flag("careHome"),
            region: body.text("region"),
            local_authority: body.text("localAuthority"),
            beds: body.number("numberOfBeds"),
            predecessors,
            successors,
            ..CqcLocation::named(id, &name)
        })
    }
}

/// What a body says about its registration.
fn status_of(body: &mut Body<'_>) -> Result<RegistrationStatus, String> {
    let word = body.text("registrationStatus").ok_or("there is no registration status")?;
    RegistrationStatus::parse(&word)
        .ok_or_else(|| format!("{word:?} is not a registration status that we know"))
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
        let body = serde_json::from_str(body).map_err(|error| json_words(&error))?;
        Self::of_body(&body, &mut Vec::new())
    }

    /// Reads a body. What is odd about a field is noted and costs that field alone.
    ///
    /// # Errors
    /// Where it has no ID, no name or no status that we know.
    pub(super) fn of_body(body: &Value, odd: &mut Vec<OddField>) -> Result<Self, String> {
        let mut body = Body::of(body, odd)?;
        let id = body.text("providerId").ok_or("there is no provider ID")?;
        let location_ids = body.list("locationIds");
        Ok(CqcProvider {
            id: CqcProviderId::parse(&id).map_err(|why| why.to_string())?,
            name: body.text("name").ok_or("there is no name")?,
            status: status_of(&mut body)?,
            ods_code: body.read("odsCode", OdsCode::parse),
            organisation_type: body.text("type"),
            ownership_type: body.text("ownershipType"),
            companies_house_number: body.text("companiesHouseNumber"),
            charity_number: body.text("charityNumber"),
            address: [body.text("postalAddressLine1"), body.text("postalAddressLine2")]
                .into_iter()
                .flatten()
                .collect(),
            town: body.text("postalAddressTownCity"),
            county: body.text("postalAddressCounty"),
            postcode: body.read("postalCode", Postcode::parse),
            telephone: body.text("mainPhoneNumber"),
            registered_on: body.day("registrationDate"),
            deregistered_on: body.day("deregistrationDate"),
            location_ids: location_ids
                .iter()
                .filter_map(|id| CqcLocationId::parse(id.as_str()?).ok())
                .collect(),
            gone_from_register_at: None,
            provenance: Provenance::default(),
        })
    }
}

/// What is wrong with a line of JSON, without repeating what was in it.
pub(super) fn json_words(error: &serde_json::Error) -> String {
    if error.is_eof() {
        "the line ends in the middle of a record".to_owned()
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
