//! Browsers that have been signed in fully before.
//!
//! After a full sign-in (password and second thing) the browser keeps a cookie that says so, signed with
//! the service's key and good for that one person. It opens nothing: whoever has it is asked for
//! everything as before. What it gives is an allowance of its own for guesses ([`super::tries`]), so that
//! strangers who use up the tries at an account do not shut out its holder.
//!
//! The cookie names nobody: an entry is a number, a day and a mark over both with the person. A computer
//! that several people share keeps an entry for each of the newest ten.

use super::realm::Realm;
use super::secrets;
use crate::clock::Timestamp;
use crate::settings::SecretKey;
use subtle::ConstantTimeEq;

/// How long a browser stays known after its last full sign-in.
const LASTS_DAYS: i64 = 180;
/// People that one browser is known for: the accounts of a site.
const PEOPLE_MAX: usize = 10;

fn day(now: Timestamp) -> i64 {
    now.as_milliseconds() / 86_400_000
}

fn mark(key: &SecretKey, realm: Realm, address: &str, number: &str, day: &str) -> String {
    secrets::device_mark(key, &[realm.stored(), address, number, day])
}

/// Whether an entry of the cookie is for this person and has not run out; answers its number.
fn number_of<'a>(
    key: &SecretKey,
    realm: Realm,
    address: &str,
    entry: &'a str,
    now: Timestamp,
) -> Option<&'a str> {
    let mut parts = entry.split('-');
    let (Some(number), Some(since), Some(found), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let right = mark(key, realm, address, number, since);
    let age = day(now) - since.parse::<i64>().ok()?;
    let is_theirs = bool::from(right.as_bytes().ct_eq(found.as_bytes()));
    (is_theirs && (0..=LASTS_DAYS).contains(&age)).then_some(number)
}

/// The name of a browser that this person has been signed in with before.
pub fn known(
    key: &SecretKey,
    realm: Realm,
    address: &str,
    cookie: Option<&str>,
    now: Timestamp,
) -> Option<String> {
    let entries = cookie?.split('.').take(PEOPLE_MAX);
    entries.into_iter().find_map(|entry| number_of(key, realm, address, entry, now)).map(str::to_owned)
}

/// The cookie of a browser that this person has just been signed in with, in place of the one before.
pub fn remember(
    key: &SecretKey,
    realm: Realm,
    address: &str,
    cookie: Option<&str>,
    now: Timestamp,
) -> String {
    let number = known(key, realm, address, cookie, now)
        .unwrap_or_else(|| crate::id::hex(&crate::id::random_bytes::<8>()));
    let since = day(now).to_string();
    let newest = format!("{number}-{since}-{}", mark(key, realm, address, &number, &since));
    let others = cookie.unwrap_or("").split('.').filter(|entry| {
        !entry.is_empty()
            && number_of(key, realm, address, entry, now).is_none()
            && entry.len() <= newest.len() + 8
    });
    let mut entries = vec![newest.as_str()];
    entries.extend(others.take(PEOPLE_MAX - 1));
    entries.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Span;
    use crate::settings::Secret;

    const NOON: Timestamp = Timestamp::from_milliseconds(1_790_000_000_000);
    const AMY: &str = "amy.reed@carepost.example";

    #[test]
    fn devices_are_known_for_whoever_signed_in_and_nobody_else() {
        let key = Secret::new([7; 32]);
        let realm = Realm::MyAccount;
        let cookie = remember(&key, realm, AMY, None, NOON);
        let is_known = |key: &SecretKey, realm, address, cookie: &str, now| {
            known(key, realm, address, Some(cookie), now).is_some()
        };
        assert!(is_known(&key, realm, AMY, &cookie, NOON));
        assert!(!is_known(&key, realm, "bo.li@carepost.example", &cookie, NOON));
        assert!(!is_known(&key, Realm::CaseWork, AMY, &cookie, NOON));
        assert!(!is_known(&Secret::new([8; 32]), realm, AMY, &cookie, NOON));
        assert!(is_known(&key, realm, AMY, &cookie, NOON.plus(Span::days(180))));
        assert!(!is_known(&key, realm, AMY, &cookie, NOON.plus(Span::days(182))), "it runs out");
        for forged in ["", ".", "a-b-c", "1-1-", &cookie.replace('-', "_"), &format!("{cookie}0")] {
            assert!(!is_known(&key, realm, AMY, forged, NOON), "{forged}");
        }
    }

    #[test]
    fn devices_that_people_share_are_known_for_each_and_their_cookie_stays_small() {
        let key = Secret::new([7; 32]);
        let mut cookie = remember(&key, Realm::MyAccount, AMY, None, NOON);
        let again = remember(&key, Realm::MyAccount, AMY, Some(&cookie), NOON.plus(Span::days(3)));
        assert_eq!(again.split('.').count(), 1);
        assert_eq!(
            known(&key, Realm::MyAccount, AMY, Some(&again), NOON.plus(Span::days(3))),
            known(&key, Realm::MyAccount, AMY, Some(&cookie), NOON),
            "the same browser"
        );
        for number in 0..30 {
            let person = format!("person{number}@carepost.example");
            cookie = remember(&key, Realm::MyAccount, &person, Some(&cookie), NOON);
            assert!(known(&key, Realm::MyAccount, &person, Some(&cookie), NOON).is_some());
        }
        assert_eq!(cookie.split('.').count(), PEOPLE_MAX);
        assert!(cookie.len() < 1_000, "{}", cookie.len());
    }
}
