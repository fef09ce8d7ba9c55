//! The directory: sites, their shared mailboxes, the people's accounts, and every address ever used.
//!
//! When a registration is approved, [`store::open_site`] makes everything in one transaction: the
//! site, its one shared mailbox, an account for each person in a numbered slot, the addresses, who
//! owns and who is a member, the entries, and the work that makes the mail engine follow.
//!
//! What constraints keep, whoever writes: ten numbered slots a site, one shared mailbox a site, an
//! address that never names anything else, a personal email or mobile in one live account only.
//! [`store::invariants`] counts breaches of these and of what no constraint can say.
//!
//! Afterwards accounts are disabled and enabled here, access to shared mailboxes changes
//! ([`access`]), and mail programs get passwords of their own ([`app_password`]).
//!
//! What is deliberately not here: who decides (case work), how a person activates and signs in (their
//! own pages), and what happens to an account that nobody uses.

pub mod access;
pub mod account;
pub mod address;
pub mod app_password;
pub mod freeze;
pub mod letters;
pub mod moves;
mod organisation;
pub mod provision;
mod shared_mailbox;
mod site;
pub mod store;
pub mod upkeep;

pub use account::{Account, AccountMove, AccountState, picture};
pub use organisation::{KnownOrganisation, Organisation, Origin, Scope};
pub use shared_mailbox::{SharedMailbox, SharedMailboxMove, SharedMailboxState};
pub use site::{NewPerson, NewSite, Site, SiteMove, SiteSearch, SiteState, plain_words};

pub use crate::sign_in::access::Access;
pub use crate::sign_in::authority::Management;
pub use app_password::{APP_PASSWORDS_MAX, AppPassword};

use crate::contact::Name;
use crate::settings::Settings;

/// Places for accounts at a site without an exception.
pub const SLOTS: usize = 10;

/// How many owners and members a shared mailbox can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    pub owners: u16,
    pub members: u16,
}

impl Room {
    pub fn of(settings: &Settings) -> Self {
        Room { owners: settings.owners_max, members: settings.members_max }
    }

    pub fn most(self, access: Access) -> u16 {
        match access {
            Access::Owner => self.owners,
            Access::Member => self.members,
        }
    }
}

/// A contact that stands in another live account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact {
    Email,
    Mobile,
}

impl Contact {
    pub fn in_words(self) -> &'static str {
        match self {
            Contact::Email => "email address",
            Contact::Mobile => "mobile number",
        }
    }
}

/// Why the directory says no, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A site with this ODS code has joined; says its name.
    SiteIsThere(String),
    /// The shared mailbox's address was used before, by a site that is gone.
    AddressIsTaken(String),
    NobodyNamed,
    TooManyPeople(usize),
    NoOwner,
    /// Two people of the same site share something that must be their own.
    NamedTwice {
        both: [String; 2],
        what: &'static str,
    },
    ContactIsTaken {
        person: String,
        contact: Contact,
    },
    /// The account somebody is said to have does not exist, or is not theirs: the two look alike.
    NotTheirAccount {
        person: String,
        address: String,
    },
    NotPending,
    /// The account of this person is not active, so it cannot be disabled.
    NotActive(String),
    /// The account of this person is not disabled, so it cannot be enabled.
    NotDisabled(String),
    /// What is named is not frozen.
    NotFrozen(String),
    /// What is named is gone for good, so it cannot be frozen.
    CannotBeFrozen(String),
    /// The site is closed; says its name.
    SiteClosed(String),
    /// Somebody said that a registration of this site was not theirs, and nobody has lifted that.
    SiteFrozen(String),
    /// Lifting a freeze takes a second case worker.
    SecondPersonNeeded,
    /// Nobody has agreed to lift the freeze.
    NobodyAgreed,
    TooManyAppPasswords,
    /// A mail program with this name has an app password already.
    NameIsTaken,
    /// Without this person the site would have no owner who can act.
    LastOwner {
        person: String,
        site: String,
    },
    /// This person has the access already that they are to be given.
    HasAccess {
        person: String,
        access: Access,
    },
    /// This person has no access that could be changed or taken away.
    NoAccess(String),
    /// The shared mailbox has as many owners, or members, as one can have.
    TooMany {
        access: Access,
        most: u16,
    },
    /// No account has this address.
    NoAccount(String),
    /// Nobody ever had this address here, or it is no site's.
    NotASitesAddress(String),
    /// A mailbox that is in use has this address, or it leads to one already.
    AddressIsInUse(String),
}

impl Refusal {
    pub fn words(&self) -> String {
        match self {
            Refusal::SiteIsThere(name) => {
                format!("This site has joined already, as {name}. Nothing was changed.")
            }
            Refusal::AddressIsTaken(address) => format!(
                "The address {address} was used before and cannot be used again. Ask the team that looks after the directory."
            ),
            Refusal::NobodyNamed => {
                "Nobody is named for this site. A site needs at least one owner.".to_owned()
            }
            Refusal::TooManyPeople(count) => {
                format!("{count} people are named. A site can have {SLOTS} accounts.")
            }
            Refusal::NoOwner => "None of the people is an owner. A site needs at least one.".to_owned(),
            Refusal::NamedTwice { both: [one, two], what } => {
                format!("{one} and {two} have the same {what}. Each person needs their own.")
            }
            Refusal::ContactIsTaken { person, contact } => format!(
                "The {} given for {person} belongs to another account. Ask for one that is theirs alone.",
                contact.in_words()
            ),
            Refusal::NotTheirAccount { person, address } => format!(
                "We could not match {person} to the account {address}. Check the address and the last name."
            ),
            Refusal::NotPending => "This account has been activated already.".to_owned(),
            Refusal::NotActive(person) => format!("The account of {person} is not active."),
            Refusal::NotDisabled(person) => format!("The account of {person} is not disabled."),
            Refusal::NotFrozen(name) => format!("{name} is not frozen any more."),
            Refusal::CannotBeFrozen(name) => format!("{name} is deleted. There is nothing to freeze."),
            Refusal::SiteClosed(name) => format!("{name} is closed. There is nothing to freeze."),
            Refusal::SiteFrozen(name) => format!(
                "{name} is frozen, because its contact said that a registration was not theirs. Two case workers must lift the freeze first."
            ),
            Refusal::SecondPersonNeeded => {
                "You agreed to lift this freeze already. A second case worker must agree, too.".to_owned()
            }
            Refusal::NobodyAgreed => "Nobody has agreed to lift this freeze.".to_owned(),
            Refusal::TooManyAppPasswords => format!(
                "You have {APP_PASSWORDS_MAX} app passwords, which is the most there can be. Revoke one you no longer use."
            ),
            Refusal::NameIsTaken => {
                "You have an app password with this name. Choose another name, so that you can tell them apart.".to_owned()
            }
            Refusal::LastOwner { person, site } => format!(
                "{person} is the only owner of {site} whose account is active. Make somebody else an owner first."
            ),
            Refusal::HasAccess { person, access } => {
                format!("{person} is {} of this shared mailbox already.", access.with_article())
            }
            Refusal::NoAccess(person) => format!("{person} cannot open this shared mailbox any more."),
            Refusal::TooMany { access, most } => {
                let people = match access {
                    Access::Owner => "owners",
                    Access::Member => "members",
                };
                format!("A shared mailbox can have {most} {people}. This one has as many.")
            }
            Refusal::NoAccount(address) => format!("No account has the address {address}. Check each letter."),
            Refusal::NotASitesAddress(address) => format!(
                "{address} was never the address of a site’s shared mailbox. Only such an address can lead to this one."
            ),
            Refusal::AddressIsInUse(address) => {
                format!("{address} leads to a mailbox that is in use. It cannot lead to another one.")
            }
        }
    }
}

/// Whether two last names are one person's: the same in plain letters.
pub fn same_last_name(one: &Name, two: &Name) -> bool {
    let plain = |name: &Name| -> String {
        any_ascii::any_ascii(name.as_str())
            .to_ascii_lowercase()
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect()
    };
    plain(one) == plain(two)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::audit::Actor;
    use crate::clock::Timestamp;
    use crate::contact::{Email, Mobile};
    use crate::outbox::Work;
    use crate::outbox::transitions::Transition;
    use crate::settings::Secret;

    pub(crate) fn name(text: &str) -> Name {
        Name::parse(text, "name").expect(text)
    }

    /// Somebody whose contacts are made of a number, so that no two are alike.
    pub(crate) fn person(first: &str, last: &str, number: usize, access: Access) -> NewPerson {
        NewPerson {
            first_name: name(first),
            last_name: name(last),
            role: "Registered manager".to_owned(),
            email: Email::parse(&format!("person{number}@home.example")).expect("an address"),
            mobile: Mobile::parse(&format!("077{number:08}")).expect("a mobile"),
            access,
            existing_account: None,
        }
    }

    pub(crate) fn new_site(ods_code: &str, people: Vec<NewPerson>) -> NewSite {
        NewSite {
            activates_at: None,
            origin: Origin::Registration(format!("registration of {ods_code}")),
            organisation: KnownOrganisation::unknown("Rose Court Limited"),
            management: Management::Nas,
            ods_code: ods_code.to_owned(),
            cqc_location_id: format!("1-{ods_code}"),
            name: "Rose Court".to_owned(),
            town: "Lincoln".to_owned(),
            postcode: "LN1 1AA".to_owned(),
            people,
        }
    }

    pub(crate) fn account(state: AccountState) -> Account {
        Account {
            id: "account".to_owned(),
            version: 1,
            state,
            first_name: name("Asha"),
            last_name: name("Patel"),
            role: "Carer".to_owned(),
            address: "asha.patel@carepost.example".to_owned(),
            personal_email: Email::parse("asha@home.example").expect("an address"),
            mobile: Mobile::parse("07700900123").expect("a mobile"),
            password_hash: None,
            made_at: Timestamp::from_milliseconds(0),
            activated_at: None,
            policy_accepted_at: None,
            provisioned_at: None,
            state_since: Timestamp::from_milliseconds(0),
            state_reason: String::new(),
            frozen_from: (state == AccountState::Frozen).then_some(AccountState::Inactive),
            last_used_at: None,
        }
    }

    #[test]
    fn accounts_move_as_their_table_says_from_every_state() {
        let at = Timestamp::from_milliseconds(1);
        for state in AccountState::ALL {
            let made = [
                (AccountMove::Activate, account(state).activate(at, Secret::new("hash".to_owned()))),
                (AccountMove::Disable, account(state).disable(at, Actor::Service, "away")),
                (AccountMove::Enable, account(state).enable(at, Actor::Service, "back")),
            ];
            for (verb, made) in made {
                match (made, verb.leads(state)) {
                    (Ok(change), Some(to)) => {
                        assert_eq!(change.state.state, to);
                        assert_eq!(change.state.state_since, at);
                        assert_eq!(change.work, [Work::ProvisionAccount { account: "account".to_owned() }]);
                    }
                    (Err(_), None) => {}
                    (made, drawn) => panic!("{state:?} {verb:?}: {made:?}, drawn {drawn:?}"),
                }
            }
        }
    }

    #[test]
    fn accounts_are_frozen_from_wherever_somebody_could_get_in_and_go_back_there() {
        for state in AccountState::ALL {
            let is_gone =
                matches!(state, AccountState::Frozen | AccountState::Deleted | AccountState::Purged);
            let made = account(state).freeze(Actor::Service);
            assert_eq!(made.is_ok(), !is_gone, "{state:?}");
            let Ok(frozen) = made else { continue };
            assert_eq!(frozen.state.state, AccountState::Frozen);
            assert_eq!(frozen.work, [Work::ProvisionAccount { account: "account".to_owned() }]);
            assert!(!frozen.state.state.may_sign_in());
            let back = frozen.state.unfreeze(Actor::Service).expect("freed");
            assert_eq!((back.state.state, back.state.frozen_from), (state, None));
        }
        assert!(account(AccountState::Active).unfreeze(Actor::Service).is_err());
    }

    #[test]
    fn an_activated_account_has_a_password_and_the_engine_hears_of_it() {
        let at = Timestamp::from_milliseconds(7);
        let change =
            account(AccountState::Pending).activate(at, Secret::new("hash".to_owned())).expect("activated");
        assert_eq!(change.state.activated_at, Some(at));
        assert_eq!(change.state.policy_accepted_at, Some(at));
        assert_eq!(change.work, [Work::ProvisionAccount { account: "account".to_owned() }]);
        assert!(!format!("{:?}", change.state).contains("hash\""), "a hash is not for logs");
    }

    #[test]
    fn what_is_first_provisioned_is_noted_once() {
        let at = Timestamp::from_milliseconds(7);
        let change = account(AccountState::Pending).provisioned(at).expect("a change");
        assert_eq!(change.state.provisioned_at, Some(at));
        assert!(change.state.provisioned(at).is_none());
    }

    #[test]
    fn a_site_that_cannot_be_is_refused_in_words() {
        let (asha, bo) = (person("Asha", "Patel", 1, Access::Owner), person("Bo", "Li", 2, Access::Member));
        let check = |people: Vec<NewPerson>, expect: Option<&str>| {
            let found = new_site("VM195", people).check().err().map(|refusal| refusal.words());
            match expect {
                None => assert_eq!(found, None),
                Some(words) => {
                    assert!(found.as_deref().is_some_and(|found| found.contains(words)), "{found:?}")
                }
            }
        };
        check(vec![asha.clone(), bo.clone()], None);
        check(vec![], Some("Nobody is named"));
        check(vec![bo.clone()], Some("None of the people is an owner"));
        check(
            (1..=11).map(|number| person("Asha", "Patel", number, Access::Owner)).collect(),
            Some("11 people"),
        );
        check((1..=10).map(|number| person("Asha", "Patel", number, Access::Owner)).collect(), None);
        check(
            vec![asha.clone(), NewPerson { email: asha.email.clone(), ..bo.clone() }],
            Some("Asha Patel and Bo Li have the same email address"),
        );
        check(
            vec![asha.clone(), NewPerson { mobile: asha.mobile.clone(), ..bo.clone() }],
            Some("have the same mobile number"),
        );
        let with = |person: &NewPerson, account: &str| NewPerson {
            existing_account: Some(account.to_owned()),
            ..person.clone()
        };
        check(
            vec![with(&asha, "a.b@carepost.example"), with(&bo, "A.B@carepost.example")],
            Some("have the same account"),
        );
    }

    #[test]
    fn what_is_typed_is_looked_for_as_it_may_be_stored() {
        let read = |typed: &str| SiteSearch::read(typed, "carepost.example");
        assert_eq!(read("  "), None);
        assert_eq!(read("%_'"), None);
        let search = read(" Rose  COURT ").expect("a search");
        assert_eq!((search.beginning.as_str(), search.word.as_str()), ("rose court%", "% rose court%"));
        assert_eq!(read("ol83na").map(|search| search.postcode).as_deref(), Some("OL8 3NA"));
        assert_eq!(read("OL8 3NA").map(|search| search.postcode).as_deref(), Some("OL8 3NA"));
        assert_eq!(read("vm195").map(|search| search.code).as_deref(), Some("VM195"));
        assert_eq!(
            read("Care.VM195").map(|search| search.address).as_deref(),
            Some("care.vm195@carepost.example")
        );
        assert_eq!(read("A.B@c.example").map(|search| search.address).as_deref(), Some("a.b@c.example"));
        assert_eq!(plain_words("St John’s, Ely (Núñez)"), "st john s ely nunez");
    }

    #[test]
    fn a_last_name_is_the_same_with_and_without_its_accents() {
        assert!(same_last_name(&name("O’Brien"), &name("OBrien")));
        assert!(same_last_name(&name("Núñez"), &name("nunez")));
        assert!(!same_last_name(&name("Patel"), &name("Patil")));
    }
}
