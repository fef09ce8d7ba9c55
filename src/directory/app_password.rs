//! App passwords: one for each mail program or phone, so that one can be taken away without the
//! others, and the password of the pages never leaves them.
//!
//! Twenty-four letters drawn at random (107 bits), shown once; of them there is a hash. That is
//! enough for SHA-256: nobody can try 2¹⁰⁷ of them.

use super::{Account, Refusal};
use crate::audit::{Actor, Entry};
use crate::clock::Timestamp;
use crate::id::{hex, new_id, random_text};
use crate::outbox::{Change, Work};
use crate::settings::Secret;
use sha2::{Digest, Sha256};

/// App passwords an account may have in force: a person with more mail programs than this has lost
/// track of them.
pub const APP_PASSWORDS_MAX: i64 = 20;
/// Longest name of a mail program, in characters.
pub const NAME_LETTERS_MAX: usize = 50;
/// Lower-case letters and digits that cannot be mistaken for one another, typed from one screen into
/// another: without 0 and o, 1, i and l, 2 and z, 5 and s, 8 and b, 9, g and q but g, u and v but v.
const ALPHABET: &[u8; 22] = b"3467acdefghjkmnprtvwxy";
/// Letters of one.
const LETTERS: usize = 24;
/// Letters that stand together when one is shown, apart from the next.
pub const GROUP_LETTERS: usize = 4;
/// Letters of the first part, by which a mail server finds it.
const SELECTOR_LETTERS: usize = 4;

/// The password of one mail program. The program finds it by its first part, `selector`.
#[derive(Clone, Debug)]
pub struct AppPassword {
    pub id: String,
    /// What the person called it: "Reception computer".
    pub name: String,
    pub selector: String,
    /// What is kept of it (`hash`).
    pub hash: Secret<String>,
    pub made_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

/// An app password that is just being made: the only moment in which it can be read.
#[derive(Clone, Debug)]
pub struct NewAppPassword {
    pub id: String,
    pub account: String,
    pub name: String,
    pub selector: String,
    pub hash: Secret<String>,
    pub value: Secret<String>,
}

/// The ways in which people type one: as one word or in the groups they see, in small letters, in capitals,
/// or with the capital that a phone puts first.
fn spellings(value: &str) -> Vec<String> {
    let letters: Vec<char> = value.chars().collect();
    let groups: Vec<String> = letters.chunks(GROUP_LETTERS).map(|group| group.iter().collect()).collect();
    let mut spellings = Vec::new();
    for spelling in [value.to_owned(), groups.join(" ")] {
        let first = spelling.chars().take(1).collect::<String>().to_uppercase();
        spellings.push(first + &spelling.chars().skip(1).collect::<String>());
        spellings.push(spelling.to_uppercase());
        spellings.push(spelling);
    }
    spellings
}

/// What is kept of an app password: SHA-256, in lower-case hexadecimal digits, of each way in which people type
/// it, with a space between them. Mail servers compare bytes and know nothing of groups and capitals.
pub fn hash(value: &str) -> String {
    let mut hashes: Vec<String> =
        spellings(value).iter().map(|spelling| hex(&Sha256::digest(spelling.as_bytes()))).collect();
    hashes.sort();
    hashes.dedup();
    hashes.join(" ")
}

/// The part by which a mail server finds it.
pub fn selector(value: &str) -> &str {
    value.get(..SELECTOR_LETTERS).unwrap_or(value)
}

impl Account {
    /// Makes an app password for a mail program, beside those in force.
    ///
    /// # Errors
    /// [`Refusal::NotActive`], [`Refusal::TooManyAppPasswords`], [`Refusal::NameIsTaken`].
    pub fn add_app_password(
        &self,
        at: Timestamp,
        name: &str,
        in_force: &[AppPassword],
    ) -> Result<Change<NewAppPassword>, Refusal> {
        if !self.state.may_sign_in() {
            return Err(Refusal::NotActive(self.full_name()));
        }
        if in_force.len() >= usize::try_from(APP_PASSWORDS_MAX).unwrap_or(0) {
            return Err(Refusal::TooManyAppPasswords);
        }
        if in_force.iter().any(|known| known.name.to_lowercase() == name.to_lowercase()) {
            return Err(Refusal::NameIsTaken);
        }
        let value = random_text(ALPHABET, LETTERS);
        let new = NewAppPassword {
            id: new_id(at),
            account: self.id.clone(),
            name: name.to_owned(),
            selector: selector(&value).to_owned(),
            hash: Secret::new(hash(&value)),
            value: Secret::new(value),
        };
        let actor = Actor::AccountHolder(self.id.clone());
        let entry = Entry::new(actor, "app password made", &self.id).because(&new.id);
        Ok(Change::new(new, entry).then(Work::ProvisionAccount { account: self.id.clone() }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::account;
    use super::*;
    use crate::directory::AccountState;

    fn known(name: &str) -> AppPassword {
        AppPassword {
            id: name.to_owned(),
            name: name.to_owned(),
            selector: "k7mq".to_owned(),
            hash: Secret::new("hash".to_owned()),
            made_at: Timestamp::from_milliseconds(0),
            last_used_at: None,
        }
    }

    #[test]
    fn a_password_is_plain_to_type_and_hard_to_guess() {
        let at = Timestamp::from_milliseconds(7);
        let change = account(AccountState::Active).add_app_password(at, "Phone", &[]).expect("made");
        let value = change.state.value.reveal();
        assert_eq!(value.len(), 24);
        assert!(value.bytes().all(|letter| ALPHABET.contains(&letter)), "{value}");
        assert_eq!(change.state.selector, value[..4]);
        assert_eq!(*change.state.hash.reveal(), hash(value));
        assert_eq!(hash("").len(), 64);
        // The six ways, and none of them is kept as it is.
        assert_eq!(hash("k7mq77").split(' ').count(), 6);
        for typed in ["k7mq77", "k7mq 77", "K7MQ77", "K7MQ 77", "K7mq77", "K7mq 77"] {
            assert!(hash("k7mq77").contains(&hex(&Sha256::digest(typed.as_bytes()))), "{typed}");
        }
        assert_eq!(change.work, [Work::ProvisionAccount { account: "account".to_owned() }]);
        assert!((ALPHABET.len() as f64).log2() * LETTERS as f64 > 100.0);
        let shown = format!("{:?}{:?}", change.state, change.entry);
        assert!(!shown.contains(value.as_str()) && !shown.contains(change.state.hash.reveal().as_str()));
    }

    #[test]
    fn twenty_are_enough_and_each_has_its_own_name() {
        let at = Timestamp::from_milliseconds(7);
        let many: Vec<AppPassword> = (0..20).map(|number| known(&number.to_string())).collect();
        let made = |state: AccountState, name: &str, in_force: &[AppPassword]| {
            account(state).add_app_password(at, name, in_force).err()
        };
        assert_eq!(made(AccountState::Active, "Phone", &many), Some(Refusal::TooManyAppPasswords));
        assert_eq!(made(AccountState::Active, "Phone", &many[..19]), None);
        assert_eq!(made(AccountState::Active, "PHONE", &[known("Phone")]), Some(Refusal::NameIsTaken));
        assert_eq!(
            made(AccountState::Pending, "Phone", &[]),
            Some(Refusal::NotActive("Asha Patel".to_owned()))
        );
        assert_eq!(
            made(AccountState::Disabled, "Phone", &[]),
            Some(Refusal::NotActive("Asha Patel".to_owned()))
        );
    }
}
