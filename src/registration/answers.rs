//! What a registrant has said so far: one document, kept with its draft.
//!
//! Everything in it is parsed already. What it holds of the registers is what the registrant was
//! shown and agreed to; whether it is still true is asked again when the registration is checked.

use crate::clock::Timestamp;
use crate::contact::{Email, Mobile, Name};
use crate::settings::Settings;
use serde::{Deserialize, Serialize};

/// The version of the questions these answers belong to; goes up when a question changes meaning.
pub const QUESTIONS_VERSION: i64 = 1;

/// How many sites the registrant's organisation has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sites {
    One,
    Several,
}

/// Which way an organisation with several sites takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// Each site is registered here and the central team looks after its accounts.
    EachSiteHere,
    /// The organisation applies to look after its accounts itself.
    SelfManagement,
}

/// The site as the registers gave it when the registrant chose it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteAnswer {
    pub ods_code: String,
    pub cqc_location_id: String,
    pub name: String,
    pub address: String,
    pub town: String,
    pub postcode: String,
    pub provider_name: String,
    /// Whether the registrant typed the codes instead of choosing from the register.
    pub typed: bool,
}

/// What the DSPT look-up showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DsptAnswer {
    /// "Standards Met, 2025 to 2026".
    pub words: String,
    /// Whether it is the headquarters' assessment.
    pub by_hq: bool,
}

/// How the registrant shows that they may act for the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProofWay {
    ContactId,
    EmailedCode,
    CallBack,
}

/// What the registrant has shown, and for which location: it counts for no other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proof {
    /// The CQC contact ID matched; kept as a keyed hash.
    ContactId { location: String, hash: String, at: Timestamp },
    /// The code sent to the email address a register holds was typed in; the address is kept as a keyed
    /// hash and masked.
    EmailedCode { location: String, recipient: String, sent_to: String, at: Timestamp },
    /// Somebody at the number CQC publishes is to be called.
    CallBack { location: String, ask_for: Name, when: String, telephone: String },
}

impl Proof {
    /// The CQC location it was given for.
    pub fn location(&self) -> &str {
        match self {
            Proof::ContactId { location, .. }
            | Proof::EmailedCode { location, .. }
            | Proof::CallBack { location, .. } => location,
        }
    }

    /// Whether anything was shown before the registration was sent. A call is still to be made, and what
    /// it proves is for a case worker to say.
    pub fn is_shown(&self) -> bool {
        match self {
            Proof::ContactId { .. } | Proof::EmailedCode { .. } => true,
            Proof::CallBack { .. } => false,
        }
    }

    /// Whether it went through a contact that a register holds for the site. A contact ID hangs on a
    /// certificate in the hallway.
    pub fn passed_through_the_contact(&self) -> bool {
        match self {
            Proof::EmailedCode { .. } | Proof::CallBack { .. } => true,
            Proof::ContactId { .. } => false,
        }
    }
}

/// What a person may do with the shared mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AskedAccess {
    /// Reads, sends, and looks after who else may.
    Owner,
    /// Reads and sends.
    Member,
}

impl AskedAccess {
    pub fn stored(self) -> &'static str {
        match self {
            AskedAccess::Owner => "Owner",
            AskedAccess::Member => "Member",
        }
    }

    pub fn in_words(self) -> &'static str {
        match self {
            AskedAccess::Owner => "Owner: reads and sends, and decides who else can",
            AskedAccess::Member => "Member: reads and sends",
        }
    }
}

/// One person who is to use the site's shared mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub first_name: Name,
    pub last_name: Name,
    pub role: String,
    pub email: Email,
    pub mobile: Mobile,
    pub access: AskedAccess,
    /// The address of the account they have already, from another site; then none is made.
    pub has_account: Option<Email>,
}

impl Person {
    pub fn full_name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
    }
}

/// How many people are named for a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeopleBounds {
    pub min: usize,
    pub max: usize,
}

impl PeopleBounds {
    pub fn of(settings: &Settings) -> Self {
        PeopleBounds { min: usize::from(settings.people_min), max: usize::from(settings.people_max) }
    }
}

/// Everything said so far. A question nobody has answered is `None` or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Answers {
    pub social_care: Option<bool>,
    pub cqc_registered: Option<bool>,
    pub hospice: Option<bool>,
    pub sites: Option<Sites>,
    pub way: Option<Way>,
    pub has_account: Option<bool>,
    /// The registrant's address, once a code has been sent to it.
    pub email: Option<Email>,
    pub email_confirmed: bool,
    pub site: Option<SiteAnswer>,
    pub site_confirmed: bool,
    pub dspt: Option<DsptAnswer>,
    pub proof_way: Option<ProofWay>,
    pub proof: Option<Proof>,
    pub town: Option<String>,
    pub people: Vec<Person>,
    pub people_done: bool,
}

impl Answers {
    /// Chooses a site. What was said about another one no longer stands.
    pub fn choose_site(&mut self, site: SiteAnswer) {
        if self.site.as_ref() == Some(&site) {
            return;
        }
        self.site = Some(site);
        self.site_confirmed = false;
        self.dspt = None;
        self.proof_way = None;
        self.proof = None;
        self.town = None;
    }

    /// Chooses a way to prove authority; a proof of another kind no longer stands.
    pub fn choose_proof(&mut self, way: ProofWay) {
        if self.proof_way != Some(way) {
            self.proof_way = Some(way);
            self.proof = None;
        }
    }

    /// The proof, where it was given for the site that is chosen.
    pub fn proof_of_site(&self) -> Option<&Proof> {
        let site = self.site.as_ref()?;
        self.proof.as_ref().filter(|proof| proof.location() == site.cqc_location_id)
    }

    pub fn owners(&self) -> usize {
        self.people.iter().filter(|person| person.access == AskedAccess::Owner).count()
    }

    /// Why these people cannot be sent as they are, in words; nothing when they can.
    pub fn people_problem(&self, bounds: PeopleBounds) -> Option<String> {
        let (people_min, people_max) = (bounds.min, bounds.max);
        let count = self.people.len();
        if count < people_min {
            let more = people_min - count;
            let people = if more == 1 { "1 more person".to_owned() } else { format!("{more} more people") };
            return Some(format!("Add {people}. A site needs at least {people_min}"));
        }
        if count > people_max {
            return Some(format!("Remove {} people. A site can have {people_max}", count - people_max));
        }
        if self.owners() == 0 {
            return Some("Choose at least one owner. Two are better, so that one can be away".to_owned());
        }
        None
    }

    /// What is wrong with an email and a mobile that somebody else of this registration has already:
    /// the field and its words. `place` is that of the person they are for.
    pub fn repeats(&self, place: usize, email: &Email, mobile: &Mobile) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        let others = || {
            self.people.iter().enumerate().filter(move |(other, _)| *other != place).map(|(_, person)| person)
        };
        for (field, called, other) in [
            ("email", "email address", others().find(|person| person.email == *email)),
            ("mobile", "mobile number", others().find(|person| person.mobile == *mobile)),
        ] {
            if let Some(other) = other {
                let name = other.full_name();
                found.push((field, format!("{name} has this {called}. Each person needs their own")));
            }
        }
        found
    }
}

/// A town as it stands in the shared mailbox's display name.
///
/// # Errors
/// What is wrong, in words for the field.
pub fn parse_town(text: &str, letters_max: usize) -> Result<String, String> {
    let town = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if town.is_empty() {
        return Err("Enter a town or city".to_owned());
    }
    if town.chars().count() > letters_max {
        return Err(format!(
            "Town or city must be {letters_max} characters or fewer. Shorten it, like Ashton for Ashton-under-Lyne"
        ));
    }
    // What a display name may hold: letters, digits and - , ; . ( ) & [ ]; of these a town needs few.
    if !town.chars().all(|letter| letter.is_alphanumeric() || " -.'’&".contains(letter))
        || !town.chars().any(char::is_alphabetic)
    {
        return Err("Town or city must only include letters, spaces, hyphens and apostrophes".to_owned());
    }
    Ok(town)
}
