//! Sites: the places, and home-care offices, that have joined, and what is approved to be opened.

use super::{Access, KnownOrganisation, Management, Origin, Refusal, SLOTS, address};
use crate::clock::Timestamp;
use crate::contact::{Email, Mobile, Name};
use crate::outbox::transitions::{StateKind, transitions};
use crate::sign_in::authority::Place;

/// One place, or home-care office, that has joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    pub id: String,
    pub ods_code: String,
    pub cqc_location_id: String,
    pub name: String,
    pub town: String,
    pub postcode: String,
    /// Goes up with every save; a save of an older version is refused.
    pub version: i64,
    pub organisation_id: String,
    pub state: SiteState,
    /// Who looks after its accounts.
    pub management: Management,
    pub origin: Origin,
    pub joined_at: Timestamp,
    /// Before this nobody activates an account; nothing where there is no wait.
    pub activates_at: Option<Timestamp>,
}

impl Site {
    /// Until when accounts wait to be activated; nothing where they can be now.
    pub fn waits_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.activates_at.filter(|at| *at > now)
    }

    /// As authority judges what is done to it.
    pub fn place(&self) -> Place {
        Place {
            site: self.id.clone(),
            organisation: self.organisation_id.clone(),
            management: self.management,
            is_open: self.state == SiteState::Open,
        }
    }
}

/// Where a site is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteState {
    Open,
    /// Stopped in a hurry: nobody gets in and nothing changes until it is opened again.
    Frozen,
    /// Its people are leaving for other sites.
    Closing,
    Closed,
}

impl SiteState {
    pub const ALL: [SiteState; 4] =
        [SiteState::Open, SiteState::Frozen, SiteState::Closing, SiteState::Closed];

    pub fn stored(self) -> &'static str {
        match self {
            SiteState::Open => "Open",
            SiteState::Frozen => "Frozen",
            SiteState::Closing => "Closing",
            SiteState::Closed => "Closed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.stored() == text)
    }
}

impl StateKind for SiteState {
    const ALL: &'static [Self] = &SiteState::ALL;

    fn stored(self) -> &'static str {
        SiteState::stored(self)
    }
}

transitions! {
    /// Every move of a site from state to state.
    SiteMove of SiteState {
        Freeze "freeze": Open | Closing => Frozen;
        Unfreeze "unfreeze": Frozen => Open;
        Close "close": Open | Frozen => Closing;
        KeepOpen "keep open": Closing => Open;
        Closed "last person left": Closing => Closed;
    }
}

/// One person of a site that is to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPerson {
    pub first_name: Name,
    pub last_name: Name,
    pub role: String,
    pub email: Email,
    pub mobile: Mobile,
    pub access: Access,
    /// The address of the account they have already, from another site; then none is made.
    pub existing_account: Option<String>,
}

impl NewPerson {
    pub fn full_name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
    }
}

/// A site that is to be opened, as it was approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSite {
    pub origin: Origin,
    pub organisation: KnownOrganisation,
    pub management: Management,
    pub ods_code: String,
    pub cqc_location_id: String,
    pub name: String,
    pub town: String,
    pub postcode: String,
    pub people: Vec<NewPerson>,
    /// Before this nobody activates an account; nothing where there is no wait.
    pub activates_at: Option<Timestamp>,
}

impl NewSite {
    /// What can be said against it without looking anything up.
    ///
    /// # Errors
    /// The first reason why it cannot be opened.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.people.is_empty() {
            return Err(Refusal::NobodyNamed);
        }
        if self.people.len() > SLOTS {
            return Err(Refusal::TooManyPeople(self.people.len()));
        }
        if !self.people.iter().any(|person| person.access == Access::Owner) {
            return Err(Refusal::NoOwner);
        }
        for (place, person) in self.people.iter().enumerate() {
            for other in &self.people[..place] {
                let same_account = person.existing_account.is_some()
                    && person.existing_account.as_deref().map(address::canonical)
                        == other.existing_account.as_deref().map(address::canonical);
                let both = [other, person].map(NewPerson::full_name);
                if same_account {
                    return Err(Refusal::NamedTwice { both, what: "account" });
                }
                if person.email == other.email {
                    return Err(Refusal::NamedTwice { both, what: "email address" });
                }
                if person.mobile == other.mobile {
                    return Err(Refusal::NamedTwice { both, what: "mobile number" });
                }
            }
        }
        Ok(())
    }
}

/// A name in plain lower-case words: "St John’s, Ely" is "st john s ely".
pub fn plain_words(text: &str) -> String {
    let plain = any_ascii::any_ascii(text).to_ascii_lowercase();
    let words: Vec<&str> =
        plain.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// What somebody typed to find a site, in the ways in which it may be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteSearch {
    /// Patterns for the name: from its beginning, and from the beginning of a later word.
    pub beginning: String,
    pub word: String,
    /// An ODS code or a CQC location ID.
    pub code: String,
    pub postcode: String,
    pub address: String,
}

impl SiteSearch {
    /// Reads what was typed; nothing where there is nothing to search for.
    pub fn read(typed: &str, domain: &str) -> Option<Self> {
        let plain = plain_words(typed);
        if plain.is_empty() {
            return None;
        }
        let code: String = typed.chars().filter(|letter| !letter.is_whitespace()).collect();
        let code = code.to_ascii_uppercase();
        let mut postcode = code.clone();
        if code.is_ascii() && code.len() > 4 {
            postcode.insert(code.len() - 3, ' ');
        }
        let mut address = address::canonical(typed);
        if !address.contains('@') {
            address = format!("{address}@{domain}");
        }
        Some(SiteSearch {
            beginning: format!("{plain}%"),
            word: format!("% {plain}%"),
            code,
            postcode,
            address,
        })
    }
}
