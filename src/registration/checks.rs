//! The answers laid beside what the registers say: each check with its outcome, its words and its
//! evidence. Pure; `verify.rs` fetches what is judged here.

use super::answers::{Proof, SiteAnswer};
use super::complete::Complete;
use super::reasons::Reason;
use crate::clock::{Day, Span, Timestamp};
use crate::register::dspt::DsptLevel;
use crate::register::{AskError, CqcLocation, DsptStanding, OdsOrganisation, Provenance};
use crate::settings::Settings;

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Check {
    OdsOpen,
    CqcRegistered,
    PairMatches,
    Dspt,
    Proof,
    NotRegisteredAlready,
    PeopleUnique,
    NameAndAddress,
    OwnerUnchanged,
    NotDormant,
    FewRegistrations,
    NoLookAlike,
    NotFrozen,
}

/// Every check, in the order of the case page.
pub const CHECKS: [Check; 13] = [
    Check::OdsOpen,
    Check::CqcRegistered,
    Check::PairMatches,
    Check::Dspt,
    Check::Proof,
    Check::NotRegisteredAlready,
    Check::PeopleUnique,
    Check::NameAndAddress,
    Check::OwnerUnchanged,
    Check::NotDormant,
    Check::FewRegistrations,
    Check::NoLookAlike,
    Check::NotFrozen,
];

impl Check {
    pub fn stored(self) -> &'static str {
        match self {
            Check::OdsOpen => "OdsOpen",
            Check::CqcRegistered => "CqcRegistered",
            Check::PairMatches => "PairMatches",
            Check::Dspt => "Dspt",
            Check::Proof => "Proof",
            Check::NotRegisteredAlready => "NotRegisteredAlready",
            Check::PeopleUnique => "PeopleUnique",
            Check::NameAndAddress => "NameAndAddress",
            Check::OwnerUnchanged => "OwnerUnchanged",
            Check::NotDormant => "NotDormant",
            Check::FewRegistrations => "FewRegistrations",
            Check::NoLookAlike => "NoLookAlike",
            Check::NotFrozen => "NotFrozen",
        }
    }

    /// What is checked, as case workers and registrants read it.
    pub fn in_words(self) -> &'static str {
        match self {
            Check::OdsOpen => "ODS code is open and belongs to a care site",
            Check::CqcRegistered => "Site is registered with CQC",
            Check::PairMatches => "ODS code and CQC location belong together",
            Check::Dspt => "DSPT is at the level needed and current",
            Check::Proof => "Registrant may act for the site",
            Check::NotRegisteredAlready => "Site has no accounts yet",
            Check::PeopleUnique => "Nobody named has an account already",
            Check::NameAndAddress => "Names and addresses in the registers agree",
            Check::OwnerUnchanged => "No recent change of owner",
            Check::NotDormant => "Site is not dormant",
            Check::FewRegistrations => "No unusual number of registrations",
            Check::NoLookAlike => "No look-alike of another site or person",
            Check::NotFrozen => "The site has not said “this was not us”",
        }
    }

    /// What the registrant is told while it is not passed; the rest is for case workers, so that
    /// nobody can learn what is looked for.
    pub fn is_told(self) -> bool {
        match self {
            Check::OdsOpen
            | Check::CqcRegistered
            | Check::PairMatches
            | Check::Dspt
            | Check::Proof
            | Check::NotRegisteredAlready
            | Check::PeopleUnique
            | Check::NameAndAddress => true,
            Check::OwnerUnchanged
            | Check::NotDormant
            | Check::FewRegistrations
            | Check::NoLookAlike
            | Check::NotFrozen => false,
        }
    }
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Pass,
    /// A rule is not kept; a case worker may still find otherwise.
    Fail(Reason),
    /// A case worker should look.
    Warn,
    /// Two different case workers must approve.
    HighRisk,
    /// The register did not answer; it is asked again.
    Unavailable,
}

impl Outcome {
    pub fn stored(self) -> &'static str {
        match self {
            Outcome::Pass => "Pass",
            Outcome::Fail(_) => "Fail",
            Outcome::Warn => "Warn",
            Outcome::HighRisk => "HighRisk",
            Outcome::Unavailable => "Unavailable",
        }
    }

    /// Which rule is not kept, if one is not.
    pub fn reason(self) -> Option<Reason> {
        match self {
            Outcome::Fail(reason) => Some(reason),
            Outcome::Pass | Outcome::Warn | Outcome::HighRisk | Outcome::Unavailable => None,
        }
    }

    /// The tag on the case page.
    pub fn in_words(self) -> &'static str {
        match self {
            Outcome::Pass => "Pass",
            Outcome::Fail(_) => "Fail",
            Outcome::Warn => "Look",
            Outcome::HighRisk => "High risk",
            Outcome::Unavailable => "No answer yet",
        }
    }
}

/// One check with its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterCheck {
    pub check: Check,
    pub outcome: Outcome,
    /// Why it came out so.
    pub words: String,
    /// What was seen, where and of which day.
    pub evidence: String,
    pub checked_at: Timestamp,
}

/// What the register holds today of that with which a proof was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnRecordToday {
    /// The contact ID, or the address a code went to, is still there.
    Same,
    /// There is another in its place.
    Other,
    /// There is none any more.
    Nothing,
    /// Nothing was compared: somebody is to be called.
    NotCompared,
}

/// What the proof is judged by. All of it stands in our own tables, so that it is read in the transaction
/// of the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProofFindings {
    pub on_record: OnRecordToday,
    /// Whether there is an address at which the site is told of the registration.
    pub site_can_be_told: bool,
}

/// What the registers and our own tables said, as far as they answered.
#[derive(Clone, Debug)]
pub struct Findings {
    pub ods: Result<Option<OdsOrganisation>, AskError>,
    pub location: Result<Option<CqcLocation>, AskError>,
    pub dspt: Result<DsptStanding, AskError>,
    pub dspt_evidence: String,
    pub proof: ProofFindings,
    /// The name of a site with accounts under this ODS code or CQC location.
    pub already: Option<String>,
    /// References of other registrations of the site that are being decided.
    pub others: Vec<String>,
    /// People of this registration whose email or mobile is used by somebody else, by name.
    pub people_taken: Vec<String>,
    /// People who say they have an account that we do not find.
    pub accounts_not_found: Vec<String>,
    /// Registrations sent from this browser or by this person in the last 30 days, this one counted.
    pub registrations_lately: i64,
    /// When the site was frozen, where it is; until it is lifted nothing takes effect.
    pub frozen_at: Option<Timestamp>,
    /// Other sites whose names are easily mistaken for this one, in words.
    pub look_alikes: Vec<String>,
}

/// What is judged by, from the settings.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub today: Day,
    pub now: Timestamp,
    pub recent_owner: Span,
    pub registrations_max: i64,
}

/// The lowest level of the DSPT at which a site may join.
pub fn dspt_threshold(settings: &Settings) -> DsptLevel {
    match settings.dspt_threshold.as_str() {
        "exceeded" => DsptLevel::StandardsExceeded,
        "met" => DsptLevel::StandardsMet,
        _ => DsptLevel::ApproachingStandards,
    }
}

/// Judges everything.
pub fn judge(answers: &Complete, findings: &Findings, bounds: Bounds) -> Vec<RegisterCheck> {
    CHECKS
        .into_iter()
        .map(|check| {
            let (outcome, words, evidence) =
                judge_one(check, &answers.site, &answers.proof, findings, bounds);
            RegisterCheck { check, outcome, words, evidence, checked_at: bounds.now }
        })
        .collect()
}

type Judged = (Outcome, String, String);

fn judge_one(check: Check, site: &SiteAnswer, proof: &Proof, findings: &Findings, bounds: Bounds) -> Judged {
    match check {
        Check::OdsOpen => ods_open(site, &findings.ods, bounds.today),
        Check::CqcRegistered => cqc_registered(site, &findings.location),
        Check::PairMatches => pair_matches(site, &findings.location),
        Check::Dspt => dspt(findings),
        Check::Proof => proof_holds(site, proof, findings.proof),
        Check::NotRegisteredAlready => not_registered_already(findings.already.as_deref(), &findings.others),
        Check::PeopleUnique => people_unique(findings),
        Check::NameAndAddress => name_and_address(findings),
        Check::OwnerUnchanged => owner_unchanged(&findings.location, bounds),
        Check::NotDormant => match &findings.location {
            Ok(Some(location)) if location.dormant == Some(true) => (
                Outcome::Warn,
                "CQC lists the site as dormant: registered, but giving no care at present.".to_owned(),
                seen(&location.provenance),
            ),
            Ok(_) => pass("CQC does not list the site as dormant."),
            Err(error) => unavailable(error),
        },
        Check::FewRegistrations => {
            let count = findings.registrations_lately;
            if count > bounds.registrations_max {
                (
                    Outcome::HighRisk,
                    format!(
                        "{count} registrations were sent from the same browser or by the same person within 30 days."
                    ),
                    String::new(),
                )
            } else {
                pass(&format!("{count} in 30 days from this browser or person."))
            }
        }
        Check::NoLookAlike => {
            if findings.look_alikes.is_empty() {
                pass("No site or person in the directory is easily mistaken for one of these.")
            } else {
                (
                    Outcome::Warn,
                    format!("Easily mistaken for: {}.", findings.look_alikes.join("; ")),
                    String::new(),
                )
            }
        }
        Check::NotFrozen => match findings.frozen_at {
            Some(at) => (
                Outcome::HighRisk,
                format!(
                    "The site has been frozen since {}. It cannot be approved until two case workers lift the freeze.",
                    at.in_words()
                ),
                String::new(),
            ),
            None => pass("The site is not frozen."),
        },
    }
}

fn pass(words: &str) -> Judged {
    (Outcome::Pass, words.to_owned(), String::new())
}

fn unavailable(error: &AskError) -> Judged {
    (Outcome::Unavailable, error.to_string(), String::new())
}

/// "CQC, data of 2 March 2026".
pub fn seen(provenance: &Provenance) -> String {
    match provenance.data_date {
        Some(day) => format!("{}, data of {day}", provenance.source),
        None => provenance.source.clone(),
    }
}

fn ods_open(site: &SiteAnswer, ods: &Result<Option<OdsOrganisation>, AskError>, today: Day) -> Judged {
    use crate::register::ods::{Country, OdsKind};
    match ods {
        Err(error) => unavailable(error),
        Ok(None) => (
            Outcome::Fail(Reason::OdsCodeWrong),
            format!("ODS does not know {}.", site.ods_code),
            String::new(),
        ),
        Ok(Some(found)) => {
            let evidence = format!("{} ({}); {}", found.name, found.code, seen(&found.provenance));
            if !found.is_open(today) {
                let closed = found.closed_on.map_or_else(String::new, |day| format!(" on {day}"));
                return (
                    Outcome::Fail(Reason::OdsCodeClosed),
                    format!("{} was closed{closed}.", found.code),
                    evidence,
                );
            }
            if found.kind != OdsKind::Site {
                return (
                    Outcome::Fail(Reason::OdsCodeNotASite),
                    format!("{} is not the code of a care site.", found.code),
                    evidence,
                );
            }
            match found.country {
                None | Some(Country::England) => {
                    (Outcome::Pass, format!("{} is open.", found.code), evidence)
                }
                Some(
                    Country::Scotland
                    | Country::Wales
                    | Country::NorthernIreland
                    | Country::IsleOfMan
                    | Country::ChannelIslands,
                ) => {
                    (Outcome::Fail(Reason::NotSocialCare), "The site is not in England.".to_owned(), evidence)
                }
            }
        }
    }
}

fn cqc_registered(site: &SiteAnswer, location: &Result<Option<CqcLocation>, AskError>) -> Judged {
    match location {
        Err(error) => unavailable(error),
        Ok(None) => (
            Outcome::Fail(Reason::CqcLocationWrong),
            format!("CQC does not know location {}.", site.cqc_location_id),
            String::new(),
        ),
        Ok(Some(found)) => {
            let evidence = format!("{} ({}); {}", found.name, found.id, seen(&found.provenance));
            if !found.is_registered() {
                let successor = found.successors.first().map_or_else(String::new, |next| {
                    format!(" Its successor is {} ({}).", next.name, next.id)
                });
                return (
                    Outcome::Fail(Reason::CqcLocationWrong),
                    format!("The location is no longer registered.{successor}"),
                    evidence,
                );
            }
            if found.gone_from_register_at.is_some() {
                return (
                    Outcome::Warn,
                    "The location was missing from CQC's last full list.".to_owned(),
                    evidence,
                );
            }
            if found.is_hospice() {
                return (
                    Outcome::Fail(Reason::Hospice),
                    "CQC lists the site as a hospice.".to_owned(),
                    evidence,
                );
            }
            if !found.is_social_care() {
                return (
                    Outcome::Fail(Reason::NotSocialCare),
                    "CQC does not list the site as social care.".to_owned(),
                    evidence,
                );
            }
            (Outcome::Pass, "Registered, social care.".to_owned(), evidence)
        }
    }
}

fn pair_matches(site: &SiteAnswer, location: &Result<Option<CqcLocation>, AskError>) -> Judged {
    match location {
        Err(error) => unavailable(error),
        Ok(None) => (
            Outcome::Fail(Reason::CqcLocationWrong),
            "There is no location to compare with.".to_owned(),
            String::new(),
        ),
        Ok(Some(found)) => match &found.ods_code {
            Some(code) if code.as_str() == site.ods_code => {
                (Outcome::Pass, format!("CQC gives {code} for this location."), seen(&found.provenance))
            }
            Some(code) => (
                Outcome::Fail(Reason::OdsCodeWrong),
                format!("CQC gives {code} for this location, not {}.", site.ods_code),
                seen(&found.provenance),
            ),
            None => (
                Outcome::Warn,
                "CQC gives no ODS code for this location, so the pair cannot be compared.".to_owned(),
                seen(&found.provenance),
            ),
        },
    }
}

fn dspt(findings: &Findings) -> Judged {
    match &findings.dspt {
        Err(error) => unavailable(error),
        Ok(standing) if standing.is_met() => {
            (Outcome::Pass, dspt_words(standing), findings.dspt_evidence.clone())
        }
        Ok(standing @ DsptStanding::Unknown { .. }) => {
            (Outcome::Warn, dspt_words(standing), findings.dspt_evidence.clone())
        }
        Ok(standing) => {
            (Outcome::Fail(Reason::DsptNotMet), dspt_words(standing), findings.dspt_evidence.clone())
        }
    }
}

/// How a site stands with the DSPT, in words.
pub fn dspt_words(standing: &DsptStanding) -> String {
    use crate::register::dspt::CoveredBy;
    let whose = |by: &CoveredBy| match by {
        CoveredBy::Site => "",
        CoveredBy::Hq => ", by the head office's assessment",
    };
    match standing {
        DsptStanding::Met { by, level, year, .. } => format!("{level} for {year}{}.", whose(by)),
        DsptStanding::BelowThreshold { by, level, year } => {
            format!("{level} for {year}{}, which is below the level needed.", whose(by))
        }
        DsptStanding::Lapsed { by, level, year } => {
            format!("{level} for {year}{}, which no longer counts.", whose(by))
        }
        DsptStanding::Unknown { by, words } => {
            format!("The DSPT says “{words}”{}, which we do not know.", whose(by))
        }
        DsptStanding::NotPublished { by } => {
            format!("Registered with the DSPT and not published yet{}.", whose(by))
        }
        DsptStanding::NotListed => "The DSPT does not list this site or its head office.".to_owned(),
    }
}

fn not_registered_already(already: Option<&str>, others: &[String]) -> Judged {
    if let Some(name) = already {
        let words = format!("{name} has accounts under this code.");
        return (Outcome::Fail(Reason::AlreadyHasAccounts), words, String::new());
    }
    if others.is_empty() {
        return pass("No site in the directory has this code.");
    }
    let words = format!(
        "Somebody else has sent a registration of this site, too: {}. Look at both before you decide.",
        others.join(", ")
    );
    (Outcome::Warn, words, String::new())
}

/// Both judged again in the transaction of a decision, by what is stored at that moment.
pub fn judge_again(
    answers: &Complete,
    proof: ProofFindings,
    already: Option<&str>,
    others: &[String],
    now: Timestamp,
) -> [RegisterCheck; 2] {
    let made = |check, (outcome, words, evidence)| RegisterCheck {
        check,
        outcome,
        words,
        evidence,
        checked_at: now,
    };
    [
        made(Check::Proof, proof_holds(&answers.site, &answers.proof, proof)),
        made(Check::NotRegisteredAlready, not_registered_already(already, others)),
    ]
}

fn proof_holds(site: &SiteAnswer, proof: &Proof, found: ProofFindings) -> Judged {
    let warn = |words: &str, evidence: String| (Outcome::Warn, words.to_owned(), evidence);
    let reason = match proof {
        Proof::ContactId { .. } => Reason::ContactIdWrong,
        Proof::EmailedCode { .. } | Proof::CallBack { .. } => Reason::PasscodeWrong,
    };
    if proof.location() != site.cqc_location_id {
        let words = format!(
            "The proof was given for location {}, and the registration is for {}.",
            proof.location(),
            site.cqc_location_id
        );
        return (Outcome::Fail(reason), words, String::new());
    }
    match proof {
        Proof::ContactId { location, at, .. } => {
            let evidence = format!("Typed in for location {location} on {}", at.in_words());
            match found.on_record {
                OnRecordToday::Same if found.site_can_be_told => (
                    Outcome::Pass,
                    "The CQC contact ID matches the one we received from CQC.".to_owned(),
                    evidence,
                ),
                OnRecordToday::Same => warn(
                    "The CQC contact ID matches, but CQC gave us no email address of the site, so nobody there was told. Call the number that CQC publishes.",
                    evidence,
                ),
                OnRecordToday::Other => (
                    Outcome::Fail(reason),
                    "The CQC contact ID does not match the one we received from CQC.".to_owned(),
                    evidence,
                ),
                OnRecordToday::Nothing | OnRecordToday::NotCompared => {
                    warn("We hold no contact ID for the site any more.", evidence)
                }
            }
        }
        Proof::EmailedCode { location, sent_to, at, .. } => {
            let evidence =
                format!("Sent to {sent_to} for location {location}; typed in on {}", at.in_words());
            match found.on_record {
                OnRecordToday::Same => (
                    Outcome::Pass,
                    "The code sent to the site's own address was typed in.".to_owned(),
                    evidence,
                ),
                OnRecordToday::Other => warn(
                    "The code was typed in, but CQC has another address for the site now. Call the number that CQC publishes.",
                    evidence,
                ),
                OnRecordToday::Nothing | OnRecordToday::NotCompared => warn(
                    "The code was typed in, but CQC has no address for the site any more. Call the number that CQC publishes.",
                    evidence,
                ),
            }
        }
        Proof::CallBack { ask_for, when, telephone, .. } => {
            let words = if telephone.chars().any(|letter| letter.is_ascii_digit()) {
                format!("Call {telephone} (the number CQC publishes), ask for {ask_for}, {when}.")
            } else {
                format!("CQC publishes no number to call. The registrant named {ask_for}, {when}.")
            };
            (Outcome::Warn, words, String::new())
        }
    }
}

fn people_unique(findings: &Findings) -> Judged {
    if !findings.people_taken.is_empty() {
        return (
            Outcome::Fail(Reason::PersonHasAccount),
            format!(
                "Email or mobile is used by somebody else already: {}.",
                findings.people_taken.join(", ")
            ),
            String::new(),
        );
    }
    if !findings.accounts_not_found.is_empty() {
        return (
            Outcome::Warn,
            format!(
                "Said to have an account that we do not find: {}.",
                findings.accounts_not_found.join(", ")
            ),
            String::new(),
        );
    }
    pass("Every email address and mobile number is new to the service.")
}

fn owner_unchanged(location: &Result<Option<CqcLocation>, AskError>, bounds: Bounds) -> Judged {
    match location {
        Err(error) => unavailable(error),
        Ok(Some(found)) => {
            let recent =
                |day: Option<Day>| day.filter(|day| bounds.now.since(day.starts_at()) < bounds.recent_owner);
            // A location that is new because it took over from another one, or whose provider is new.
            let by_succession = recent(found.registered_on).filter(|_| !found.predecessors.is_empty());
            match by_succession.or(recent(found.provider_registered_on)) {
                Some(day) => (
                    Outcome::HighRisk,
                    format!(
                        "The owner changed on {day}, within {} days.",
                        bounds.recent_owner.as_seconds() / 86_400
                    ),
                    seen(&found.provenance),
                ),
                None => (Outcome::Pass, "No change of owner lately.".to_owned(), seen(&found.provenance)),
            }
        }
        Ok(None) => pass("There is no location to look at."),
    }
}

fn name_and_address(findings: &Findings) -> Judged {
    let (Ok(Some(ods)), Ok(Some(location))) = (&findings.ods, &findings.location) else {
        return match (&findings.ods, &findings.location) {
            (Err(error), _) | (_, Err(error)) => unavailable(error),
            _ => (Outcome::Warn, "One of the registers does not know the site.".to_owned(), String::new()),
        };
    };
    let evidence = format!("ODS: {}; CQC: {}", ods.name, location.name);
    let postcodes_agree = match (&ods.postcode, &location.postcode) {
        (Some(ods), Some(cqc)) => ods == cqc,
        _ => true,
    };
    match (postcodes_agree, names_agree(&ods.name, &location.name)) {
        (true, true) => (Outcome::Pass, "Name and postcode agree.".to_owned(), evidence),
        (true, false) => (Outcome::Warn, "The names differ; the postcode is the same.".to_owned(), evidence),
        (false, true) => (Outcome::Warn, "The postcodes differ; the name is the same.".to_owned(), evidence),
        (false, false) => {
            (Outcome::Fail(Reason::RecordsDisagree), "Name and postcode both differ.".to_owned(), evidence)
        }
    }
}

/// Words that say what a place is rather than which: they do not tell two places apart.
const COMMON_WORDS: &[&str] = &[
    "the",
    "care",
    "home",
    "homes",
    "house",
    "nursing",
    "residential",
    "rest",
    "limited",
    "ltd",
    "services",
    "service",
    "and",
    "centre",
    "center",
    "lodge",
    "court",
    "for",
    "of",
];

/// Whether two registers mean the same place by these names: capitals, punctuation, codes in
/// brackets and common words aside, one's words are among the other's.
pub fn names_agree(one: &str, other: &str) -> bool {
    let words = |name: &str| -> Vec<String> {
        let plain = any_ascii::any_ascii(name).to_lowercase().replace('\'', "");
        let before_bracket = plain.split('(').next().unwrap_or("").to_owned();
        before_bracket
            .split(|letter: char| !letter.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let telling = |words: &[String]| -> Vec<String> {
        let telling: Vec<String> =
            words.iter().filter(|word| !COMMON_WORDS.contains(&word.as_str())).cloned().collect();
        if telling.is_empty() { words.to_vec() } else { telling }
    };
    let (one, other) = (telling(&words(one)), telling(&words(other)));
    let within = |small: &[String], large: &[String]| {
        !small.is_empty() && small.iter().all(|word| large.contains(word))
    };
    within(&one, &other) || within(&other, &one)
}

/// Whether two names are easily mistaken for each other: at most two letters apart, letters that
/// look alike taken as the same.
pub fn look_alike(one: &str, other: &str) -> bool {
    let shape = |name: &str| -> Vec<char> {
        any_ascii::any_ascii(name)
            .to_lowercase()
            .replace("rn", "m")
            .replace("vv", "w")
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|letter| match letter {
                '0' => 'o',
                '1' | 'i' => 'l',
                '5' => 's',
                other => other,
            })
            .collect()
    };
    let (one, other) = (shape(one), shape(other));
    // Short names differ by little and are told apart easily.
    one.len().min(other.len()) >= 5 && within_two(&one, &other)
}

/// Whether at most two letters must be added, taken away or changed to make one the other.
fn within_two(one: &[char], other: &[char]) -> bool {
    const FAR: usize = 3;
    if one.len().abs_diff(other.len()) >= FAR {
        return false;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.iter().enumerate() {
        let mut corner = row[0];
        row[0] = line + 1;
        for (place, against) in other.iter().enumerate() {
            let above = row[place + 1];
            row[place + 1] = (corner + usize::from(letter != against)).min(above + 1).min(row[place] + 1);
            corner = above;
        }
    }
    row[other.len()] < FAR
}

/// What the checks together ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every check is green: decided at once.
    Straight,
    /// Some register has not answered.
    AskAgain(String),
    /// A case worker decides, for these reasons.
    Refer { because: String, high_risk: bool },
}

/// Draws the conclusion. Everything that is not green is named.
pub fn verdict(checks: &[RegisterCheck]) -> Verdict {
    let waiting: Vec<&str> = checks
        .iter()
        .filter(|check| check.outcome == Outcome::Unavailable)
        .map(|check| check.check.in_words())
        .collect();
    if !waiting.is_empty() {
        return Verdict::AskAgain(waiting.join("; "));
    }
    let reasons: Vec<String> = checks
        .iter()
        .filter_map(|check| match check.outcome {
            Outcome::Pass | Outcome::Unavailable => None,
            Outcome::Fail(reason) => Some(format!("{} ({})", check.words, reason.code())),
            Outcome::Warn | Outcome::HighRisk => Some(check.words.clone()),
        })
        .collect();
    if reasons.is_empty() {
        return Verdict::Straight;
    }
    Verdict::Refer { because: reasons.join(" "), high_risk: is_high_risk(checks) }
}

/// The checks that have no outcome yet, named; nothing where every register has answered.
pub fn unanswered(checks: &[RegisterCheck]) -> Option<String> {
    let silent: Vec<&str> = CHECKS
        .into_iter()
        .filter(|wanted| {
            checks
                .iter()
                .find(|check| check.check == *wanted)
                .is_none_or(|check| check.outcome == Outcome::Unavailable)
        })
        .map(Check::in_words)
        .collect();
    (!silent.is_empty()).then(|| silent.join("; "))
}

/// Whether two different case workers must approve.
pub fn is_high_risk(checks: &[RegisterCheck]) -> bool {
    checks.iter().any(|check| check.outcome == Outcome::HighRisk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_write_the_same_place_differently() {
        for (one, other) in [
            ("ANBRIDGE HOUSE", "Anbridge Care Home"),
            ("THE LAURELS RESIDENTIAL HOME (VL123)", "The Laurels"),
            ("ST MARY'S NURSING HOME", "St Marys Nursing Home"),
            ("ROSE COURT", "Rose Court"),
            ("THE COURT", "The Court"),
        ] {
            assert!(names_agree(one, other), "{one} / {other}");
        }
        for (one, other) in
            [("ROSE COURT", "Oak Court"), ("THE LAURELS", "The Limes"), ("CARE HOME", "Rose Court")]
        {
            assert!(!names_agree(one, other), "{one} / {other}");
        }
    }

    #[test]
    fn look_alikes_are_at_most_two_letters_apart() {
        for (one, other) in [
            ("Rose Court", "Rose C0urt"),
            ("Barnfield", "Bamfield"),
            ("Oak House", "Oak Mouse"),
            ("Fairview", "Fairviews 1"),
        ] {
            assert!(look_alike(one, other), "{one} / {other}");
        }
        for (one, other) in [("Rose Court", "Oak Court"), ("Elms", "Elms"), ("Fairview", "Fairlight")] {
            assert!(!look_alike(one, other), "{one} / {other}");
        }
    }

    #[test]
    fn one_green_less_and_somebody_looks() {
        let check = |outcome| RegisterCheck {
            check: Check::Dspt,
            outcome,
            words: "words".to_owned(),
            evidence: String::new(),
            checked_at: Timestamp::from_milliseconds(0),
        };
        assert_eq!(verdict(&[check(Outcome::Pass)]), Verdict::Straight);
        let all = |outcome| {
            CHECKS.map(|name| RegisterCheck {
                check: name,
                ..check(if name == Check::Dspt { outcome } else { Outcome::Pass })
            })
        };
        assert_eq!(unanswered(&all(Outcome::HighRisk)), None);
        assert_eq!(unanswered(&all(Outcome::Unavailable)).as_deref(), Some(Check::Dspt.in_words()));
        assert!(unanswered(&all(Outcome::Pass)[1..]).is_some(), "a check that was never run");
        for outcome in [Outcome::Warn, Outcome::Fail(Reason::DsptNotMet), Outcome::HighRisk] {
            let Verdict::Refer { high_risk, .. } = verdict(&[check(Outcome::Pass), check(outcome)]) else {
                panic!("{outcome:?} must be referred");
            };
            assert_eq!(high_risk, outcome == Outcome::HighRisk);
        }
        assert!(matches!(
            verdict(&[check(Outcome::Warn), check(Outcome::Unavailable)]),
            Verdict::AskAgain(_)
        ));
    }
}
