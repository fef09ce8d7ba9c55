//! Site contacts: the address, telephone number and contact ID the regulator holds for a location,
//! in the feed the central team receives from it.
//!
//! They prove that a registrant may act for a site: the contact ID is compared, or a code is sent
//! to an address already on record. Contact IDs are kept only as keyed hashes and are never shown;
//! there are too few of them for a plain hash to hide one.

use super::{CqcContactId, CqcLocationId, Provenance};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The installation's own key for hashing contact IDs. It cannot be printed.
#[derive(Clone)]
pub struct ContactKey([u8; 32]);

impl ContactKey {
    pub const fn new(bytes: [u8; 32]) -> Self {
        ContactKey(bytes)
    }
}

impl std::fmt::Debug for ContactKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ContactKey(…)")
    }
}

/// A contact ID as it is kept: a keyed hash, bound to its location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactIdHash(String);

impl ContactIdHash {
    /// The hash of a contact ID at one location. The same ID at another location hashes otherwise,
    /// so that the table does not show who manages several.
    pub fn of(key: &ContactKey, location: &CqcLocationId, id: &CqcContactId) -> Self {
        let mut mac = match Hmac::<Sha256>::new_from_slice(&key.0) {
            Ok(mac) => mac,
            Err(_) => unreachable!("HMAC takes a key of any length"),
        };
        for part in ["contact-id", location.as_str(), id.as_str()] {
            mac.update(part.as_bytes());
            mac.update(&[0]);
        }
        ContactIdHash(crate::id::hex(&mac.finalize().into_bytes()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn is(&self, other: &ContactIdHash) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

/// One registered manager's way of being reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteContact {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<ContactIdHash>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telephone: Option<String>,
}

/// Everybody the regulator names for one location; usually one, for a few locations two or three.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteContacts {
    pub location: CqcLocationId,
    pub contacts: Vec<SiteContact>,
    #[serde(skip)]
    pub provenance: Provenance,
}

impl SiteContacts {
    /// Whether a contact ID is that of one of the contacts; nothing where no ID is on record.
    pub fn id_matches(&self, key: &ContactKey, id: &CqcContactId) -> Option<bool> {
        let typed = ContactIdHash::of(key, &self.location, id);
        let mut known = self.contacts.iter().filter_map(|contact| contact.contact_id.as_ref()).peekable();
        known.peek()?;
        // Every one is compared, so that the time taken says nothing about which is right.
        Some(known.fold(false, |found, hash| hash.is(&typed) | found))
    }

    /// The addresses a code may be sent to.
    pub fn emails(&self) -> impl Iterator<Item = &str> {
        self.contacts.iter().filter_map(|contact| contact.email.as_deref())
    }

    /// The numbers that may be called back.
    pub fn telephones(&self) -> impl Iterator<Item = &str> {
        self.contacts.iter().filter_map(|contact| contact.telephone.as_deref())
    }
}

/// An address as it is kept: one `@`, something before it, a dot in the domain, in lower case.
///
/// # Errors
/// Words that do not repeat the address.
pub(super) fn read_email(text: &str) -> Result<Option<String>, String> {
    let Some(text) = super::tidy_or_none(text) else {
        return Ok(None);
    };
    let wrong = || Err("the email is not an address".to_owned());
    let Some((local, domain)) = text.split_once('@') else {
        return wrong();
    };
    let domain_right = domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
        && domain.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
    // 254 octets is the longest address that can be sent to (RFC 5321).
    if local.is_empty() || text.len() > 254 || !domain_right || text.contains(' ') || !text.is_ascii() {
        return wrong();
    }
    Ok(Some(text.to_ascii_lowercase()))
}

/// A telephone number as it is kept: digits, with + in front if it was there.
///
/// # Errors
/// Words that do not repeat the number.
pub(super) fn read_telephone(text: &str) -> Result<Option<String>, String> {
    let Some(text) = super::tidy_or_none(text) else {
        return Ok(None);
    };
    let digits: String = text
        .chars()
        .enumerate()
        .filter(|(place, c)| c.is_ascii_digit() || *place == 0 && *c == '+')
        .map(|(_, c)| c)
        .collect();
    let strange = text.chars().any(|c| !c.is_ascii_digit() && !" +()-.".contains(c));
    if strange || !(9..=16).contains(&digits.len()) {
        return Err("the telephone is not a number".to_owned());
    }
    Ok(Some(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_id_is_compared_without_being_kept() {
        let key = ContactKey::new([7; 32]);
        let location = CqcLocationId::parse("1-120745060").expect("an ID");
        let id = |text: &str| CqcContactId::parse(text).expect("an ID");
        let mut contacts = SiteContacts {
            location: location.clone(),
            contacts: vec![SiteContact { contact_id: None, email: None, telephone: None }],
            provenance: Provenance::default(),
        };
        assert_eq!(contacts.id_matches(&key, &id("1-1234567890")), None);
        for known in ["1-1234567890", "1-2234567890"] {
            contacts.contacts.push(SiteContact {
                contact_id: Some(ContactIdHash::of(&key, &location, &id(known))),
                email: None,
                telephone: None,
            });
        }
        assert_eq!(contacts.id_matches(&key, &id("CON1-1234567890")), Some(true));
        assert_eq!(contacts.id_matches(&key, &id("1-2234567890")), Some(true));
        assert_eq!(contacts.id_matches(&key, &id("1-3234567890")), Some(false));
        assert_eq!(contacts.id_matches(&ContactKey::new([8; 32]), &id("1-1234567890")), Some(false));
        let kept = serde_json::to_string(&contacts).expect("JSON");
        assert!(!kept.contains("1234567890") && !format!("{key:?}").contains('7'), "{kept}");
    }

    #[test]
    fn addresses_and_numbers_are_kept_in_one_form() {
        assert_eq!(read_email(" Manager@Oak.Example "), Ok(Some("manager@oak.example".to_owned())));
        assert_eq!(read_email(""), Ok(None));
        for wrong in ["manager", "@oak.example", "a b@oak.example", "a@oak", "a@@b.example"] {
            assert!(read_email(wrong).is_err(), "{wrong}");
        }
        assert_eq!(read_telephone("(01632) 960-123"), Ok(Some("01632960123".to_owned())));
        assert_eq!(read_telephone("+44 1632 960123"), Ok(Some("+441632960123".to_owned())));
        assert!(read_telephone("ask for Jo").is_err());
    }
}
