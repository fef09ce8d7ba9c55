//! ODS, the health service's list of organisation codes: which site and headquarters codes exist,
//! are open, and belong together.
//!
//! A care site's role is RO101, a headquarters' RO104. Codes are closed, never changed or used
//! again; a successor takes over under its own code.

use super::live::{Key, RegisterAnswer, RegisterClient};
use super::{
    AskError, Code, Finding, OdsCode, Postcode, Provenance, Register, day_text, read_day, tidy_or_none,
};
use crate::clock::{Clock, Day, Timestamp};
use crate::database::BoxFuture;
use serde::{Deserialize, Serialize};

/// The role of a place where care is given from ("SOCIAL CARE SITE").
const ROLE_SITE: &str = "RO101";
/// The role of the body that runs sites ("SOCIAL CARE PROVIDER").
const ROLE_HQ: &str = "RO104";
/// The relationship "is operated by", from a site to its headquarters.
const OPERATED_BY: &str = "RE6";

/// What an ODS code stands for, as far as joining is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OdsKind {
    Site,
    Hq,
    /// Something that is not social care.
    Other,
}

/// Where the organisation is. Only sites in England may join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Country {
    England,
    Scotland,
    Wales,
    NorthernIreland,
    IsleOfMan,
    ChannelIslands,
}

impl Country {
    /// The number in the last column of the 27-column files.
    pub(super) fn from_number(text: &str) -> Option<Self> {
        match text.trim() {
            "1" => Some(Country::England),
            "2" => Some(Country::Scotland),
            "3" => Some(Country::Wales),
            "4" => Some(Country::NorthernIreland),
            "5" => Some(Country::IsleOfMan),
            "10" => Some(Country::ChannelIslands),
            _ => None,
        }
    }

    fn from_name(text: &str) -> Option<Self> {
        match text.trim().to_ascii_uppercase().as_str() {
            "ENGLAND" => Some(Country::England),
            "SCOTLAND" => Some(Country::Scotland),
            "WALES" => Some(Country::Wales),
            "NORTHERN IRELAND" => Some(Country::NorthernIreland),
            "ISLE OF MAN" => Some(Country::IsleOfMan),
            "CHANNEL ISLANDS" => Some(Country::ChannelIslands),
            _ => None,
        }
    }
}

/// A site or headquarters under its ODS code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OdsOrganisation {
    pub code: OdsCode,
    pub kind: OdsKind,
    pub name: String,
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
    pub opened_on: Option<Day>,
    #[serde(default, with = "day_text", skip_serializing_if = "Option::is_none")]
    pub closed_on: Option<Day>,
    /// The headquarters' code, for a site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<OdsCode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    #[serde(skip)]
    pub gone_from_register_at: Option<Timestamp>,
    #[serde(skip)]
    pub provenance: Provenance,
}

impl OdsOrganisation {
    /// Whether the code is in use on a day and the last full list still names it.
    pub fn is_open(&self, on: Day) -> bool {
        self.gone_from_register_at.is_none()
            && self.closed_on.is_none_or(|closed| closed > on)
            && self.opened_on.is_none_or(|opened| opened <= on)
    }

    /// Reads one organisation of the R4 API.
    ///
    /// # Errors
    /// Words that say what is wrong with it.
    pub fn from_r4(body: &str) -> Result<Self, String> {
        let body: R4Organisation =
            serde_json::from_str(body).map_err(|_| "the answer is not an organisation".to_owned())?;
        let code = body
            .identifier
            .iter()
            .find_map(|identifier| identifier.value.as_deref())
            .or(body.id.as_deref())
            .ok_or("the answer has no code")?;
        let code = OdsCode::parse(code).map_err(|why| why.to_string())?;
        let mut kind = OdsKind::Other;
        let (mut opened_on, mut closed_on) = (None, None);
        for role in &body.extension {
            if !role.url.ends_with("Extension-England-OrganisationRole") {
                continue;
            }
            let role_code = role
                .parts
                .iter()
                .find_map(|part| part.concept.as_ref())
                .and_then(|concept| concept.coding.first())
                .map_or("", |coding| coding.code.as_str());
            let of_role = match role_code {
                ROLE_SITE => OdsKind::Site,
                ROLE_HQ => OdsKind::Hq,
                _ => OdsKind::Other,
            };
            if of_role != OdsKind::Other {
                kind = of_role;
            } else if kind != OdsKind::Other {
                continue;
            }
            // The operational period says when the place really works; the legal one when it may.
            for wanted in ["Legal", "Operational"] {
                if let Some(period) = role.period(wanted) {
                    opened_on = period.start.as_deref().and_then(read_day).or(opened_on);
                    closed_on = period.end.as_deref().and_then(read_day);
                }
            }
        }
        let active = body.active.unwrap_or(true);
        let address = body.address.first();
        let line = |text: &Option<String>| text.as_deref().and_then(tidy_or_none);
        Ok(OdsOrganisation {
            code,
            kind,
            name: tidy_or_none(&body.name).ok_or("the answer has no name")?,
            address: address
                .map(|address| address.line.iter().filter_map(|line| tidy_or_none(line)).collect())
                .unwrap_or_default(),
            town: address.and_then(|address| line(&address.city)),
            county: address.and_then(|address| line(&address.district)),
            postcode: address
                .and_then(|address| address.postal_code.as_deref())
                .and_then(|text| Postcode::parse(text).ok()),
            telephone: body
                .telecom
                .iter()
                .find(|way| way.system.as_deref() == Some("phone"))
                .and_then(|way| line(&way.value)),
            opened_on,
            // An inactive record without an end is closed since it was opened, as far as we know.
            closed_on: if active { closed_on } else { closed_on.or(opened_on).or(Day::new(1970, 1, 1)) },
            parent: None,
            country: address.and_then(|address| address.country.as_deref()).and_then(Country::from_name),
            gone_from_register_at: None,
            provenance: Provenance::default(),
        })
    }
}

/// Which code took over from another, from when, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Succession {
    pub predecessor: OdsCode,
    pub successor: OdsCode,
    /// F code change, O type change, R reconfiguration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, with = "day_text", skip_serializing_if = "Option::is_none")]
    pub effective_on: Option<Day>,
}

#[derive(Deserialize)]
struct R4Organisation {
    id: Option<String>,
    active: Option<bool>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    identifier: Vec<R4Value>,
    #[serde(default)]
    extension: Vec<R4Extension>,
    #[serde(default)]
    telecom: Vec<R4Value>,
    #[serde(default)]
    address: Vec<R4Address>,
}

#[derive(Deserialize)]
struct R4Value {
    system: Option<String>,
    value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct R4Address {
    #[serde(default)]
    line: Vec<String>,
    city: Option<String>,
    district: Option<String>,
    postal_code: Option<String>,
    country: Option<String>,
}

#[derive(Deserialize)]
struct R4Extension {
    #[serde(default)]
    url: String,
    #[serde(default, rename = "extension")]
    parts: Vec<R4Extension>,
    #[serde(rename = "valueCodeableConcept")]
    concept: Option<R4Concept>,
    #[serde(rename = "valueCoding")]
    coding: Option<R4Coding>,
    #[serde(rename = "valuePeriod")]
    period: Option<R4Period>,
}

impl R4Extension {
    /// The period of the given kind inside a role.
    fn period(&self, kind: &str) -> Option<&R4Period> {
        self.parts
            .iter()
            .find(|part| {
                part.parts.iter().any(|p| p.coding.as_ref().is_some_and(|coding| coding.code == kind))
            })?
            .parts
            .iter()
            .find_map(|part| part.period.as_ref())
    }
}

#[derive(Deserialize)]
struct R4Concept {
    #[serde(default)]
    coding: Vec<R4Coding>,
}

#[derive(Deserialize)]
struct R4Coding {
    #[serde(default)]
    code: String,
}

#[derive(Deserialize)]
struct R4Period {
    start: Option<String>,
    end: Option<String>,
}

#[derive(Deserialize)]
struct R4Bundle {
    #[serde(default)]
    entry: Vec<R4Entry>,
}

#[derive(Deserialize)]
struct R4Entry {
    resource: R4Affiliation,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct R4Affiliation {
    active: Option<bool>,
    organization: Option<R4Reference>,
    participating_organization: Option<R4Reference>,
    #[serde(default)]
    code: Vec<R4Concept>,
}

#[derive(Deserialize)]
struct R4Reference {
    identifier: Option<R4Value>,
}

/// Who operates an organisation, from the list of its relationships.
pub(super) fn operator_in(body: &str, of: &str) -> Result<Option<OdsCode>, String> {
    let bundle: R4Bundle =
        serde_json::from_str(body).map_err(|_| "the answer is not a list of relationships".to_owned())?;
    let code_of = |reference: &Option<R4Reference>| {
        reference
            .as_ref()
            .and_then(|reference| reference.identifier.as_ref())
            .and_then(|identifier| identifier.value.clone())
    };
    Ok(bundle
        .entry
        .iter()
        .map(|entry| &entry.resource)
        .filter(|relation| relation.active.unwrap_or(true))
        .filter(|relation| {
            relation.code.iter().flat_map(|concept| &concept.coding).any(|coding| coding.code == OPERATED_BY)
        })
        .filter(|relation| code_of(&relation.organization).as_deref() == Some(of))
        .find_map(|relation| OdsCode::parse(&code_of(&relation.participating_organization)?).ok()))
}

/// How ODS is asked live, if it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether ODS is asked live; off unless a key has been obtained.
    pub enabled: bool,
    /// Where the R4 API is. Only this host is ever asked; it must be https.
    pub address: String,
    /// The application's key.
    pub key: Key,
    /// How long one answer may take, in milliseconds. A page waits for it, so it is short.
    pub time_limit_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            enabled: false,
            address: "https://api.service.nhs.uk/organisation-data-terminology-api/fhir".to_owned(),
            key: Key::default(),
            time_limit_ms: 4_000,
        }
    }
}

/// The ODS terminology API (R4), asked while somebody waits.
pub struct LiveOds {
    door: RegisterClient,
    clock: Clock,
}

impl LiveOds {
    /// # Errors
    /// Words that say which setting is wrong.
    pub fn open(settings: &Settings, clock: Clock) -> Result<Self, String> {
        let door = RegisterClient::open(&settings.address, "apikey", &settings.key, settings.time_limit_ms)?;
        Ok(LiveOds { door, clock })
    }

    async fn ask(&self, code: &Code) -> Result<Finding, AskError> {
        let text = match code {
            Code::OdsSite(code) => code.as_str(),
            Code::OdsHq(code) => code.as_str(),
            Code::CqcLocation(_) | Code::CqcProvider(_) | Code::Dspt(_) => {
                return Err(AskError::Never(format!("ODS is not asked about a {code}")));
            }
        };
        let body = match self.door.ask(&["Organization", text], &[]).await? {
            RegisterAnswer::Nothing => return Ok(Finding::NotFound),
            RegisterAnswer::Body(body) => body,
        };
        let mut organisation = OdsOrganisation::from_r4(&body).map_err(AskError::Later)?;
        if organisation.code.as_str() != text {
            return Err(AskError::Later(format!("asked for {text}, ODS answered about another code")));
        }
        if organisation.kind == OdsKind::Site {
            let relations =
                self.door.ask(&["OrganizationAffiliation"], &[("primary-organization", text)]).await?;
            if let RegisterAnswer::Body(body) = relations {
                organisation.parent = operator_in(&body, text).map_err(AskError::Later)?;
            }
        }
        let now = self.clock.now();
        organisation.provenance = Provenance {
            source: "ODS, asked live".to_owned(),
            data_date: Some(now.day()),
            read_at: Some(now),
        };
        Ok(Finding::Ods(Box::new(organisation)))
    }
}

impl Register for LiveOds {
    fn name(&self) -> &'static str {
        "ODS"
    }

    fn knows(&self, code: &Code) -> bool {
        matches!(code, Code::OdsSite(_) | Code::OdsHq(_))
    }

    fn find<'a>(&'a self, code: &'a Code) -> BoxFuture<'a, Result<Finding, AskError>> {
        Box::pin(self.ask(code))
    }
}
