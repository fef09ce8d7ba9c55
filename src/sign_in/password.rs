//! Passwords: the rules, in words, and their hashes.
//!
//! Twelve characters or more, not a common one, not made of one's own name, and hard enough to
//! guess by estimate. No rule about kinds of characters and no expiry: both make passwords worse
//! (NIST SP 800-63B-4, section 3.1.1.2).

use crate::app::App;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use precis_core::profile::PrecisFastInvocation;
use precis_profiles::OpaqueString;
use std::borrow::Cow;

/// Fewest characters, with a second factor beside it.
pub const LENGTH_MIN: usize = 12;
/// Most characters: enough for a sentence, few enough to hash in bounded time.
pub const LENGTH_MAX: usize = 128;

/// Memory of one hash in KiB and passes over it: the OWASP floor for Argon2id, and what Dovecot can
/// check beside us.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;

/// From so many letters on, a word of somebody's own counts wherever it stands in the password; a shorter
/// one only where it is a word of its own, or nobody called Lee could have "sleeping" in theirs.
const WITHIN_LETTERS_MIN: usize = 5;
/// Words of fewer letters are everybody's.
const OWN_LETTERS_MIN: usize = 3;

/// The one form in which a password is judged, hashed and compared: whichever keyboard it was typed on,
/// "é" is one letter and a space a space (RFC 8265, profile `OpaqueString`). Nothing where it has a
/// character that a password cannot have.
fn one_form(password: &str) -> Option<Cow<'_, str>> {
    OpaqueString::enforce(password).ok()
}

/// Why a password cannot be had, in words; nothing when it can. `own_words` are names: of the person, of
/// their site, of its town.
pub fn problem(password: &str, own_words: &[&str]) -> Option<String> {
    if password.is_empty() {
        return Some("Enter a password".to_owned());
    }
    let Some(password) = one_form(password) else {
        return Some("Password must have only letters, numbers, spaces, punctuation and symbols".to_owned());
    };
    let length = password.chars().count();
    if length < LENGTH_MIN {
        return Some(format!(
            "Password must be {LENGTH_MIN} characters or more. Three random words make a good one"
        ));
    }
    if length > LENGTH_MAX {
        return Some(format!("Password must be {LENGTH_MAX} characters or fewer"));
    }
    let readings = readings(&password);
    let is_in = |own: &String| match own.len() {
        0..OWN_LETTERS_MIN => false,
        OWN_LETTERS_MIN..WITHIN_LETTERS_MIN => words(&password).contains(own),
        _ => readings.iter().any(|reading| plain_letters(reading).contains(own)),
    };
    if own_words.iter().map(|word| plain_letters(word)).any(|own| is_in(&own)) {
        return Some("Password must not contain your name, or the name or town of your site".to_owned());
    }
    // Each word of a name may stand there, but adds nothing to what has to be guessed.
    let known: Vec<String> = own_words.iter().flat_map(|own| words(own)).collect();
    let without = |reading: &String| {
        known.iter().fold(reading.clone(), |rest, word| {
            if word.len() < WITHIN_LETTERS_MIN - 1 { rest } else { rest.replace(word, "") }
        })
    };
    let is_weak = |rest: &str| zxcvbn::zxcvbn(rest, own_words).score() < zxcvbn::Score::Three;
    if is_weak(&password) || readings.iter().map(without).any(|rest| is_weak(&rest)) {
        return Some("Password is too easy to guess. Three random words make a good one".to_owned());
    }
    None
}

/// A password in lower case without accents, as it stands and as it is read where figures and signs stand for
/// letters, so that "0ldham" counts as "oldham".
fn readings(password: &str) -> [String; 3] {
    let plain = any_ascii::any_ascii(password).to_lowercase();
    let read = |one: char| {
        let letter = |letter| match letter {
            '0' => 'o',
            '1' | '!' => one,
            '3' => 'e',
            '4' | '@' => 'a',
            '5' | '$' => 's',
            '7' => 't',
            other => other,
        };
        plain.chars().map(letter).collect()
    };
    [read('i'), read('l'), plain]
}

/// Letters and digits in lower case without accents, so that "Ásha" counts as "asha".
fn plain_letters(text: &str) -> String {
    any_ascii::any_ascii(text).to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect()
}

/// The runs of letters in a text, in lower case without accents; "RoseCourt" is two.
fn words(text: &str) -> Vec<String> {
    let plain = any_ascii::any_ascii(text);
    let mut words = vec![String::new()];
    let mut was_small = false;
    for letter in plain.chars() {
        let begins = !letter.is_ascii_alphabetic() || (letter.is_ascii_uppercase() && was_small);
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| letter.is_ascii_alphabetic()) {
            word.push(letter.to_ascii_lowercase());
        }
        was_small = letter.is_ascii_lowercase();
    }
    words.retain(|word| word.len() >= OWN_LETTERS_MIN);
    words
}

fn hasher() -> Result<Argon2<'static>, String> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|error| error.to_string())?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The form that is hashed. What no password can be is hashed as it is, and is nobody's.
fn as_hashed(password: &str) -> Cow<'_, str> {
    one_form(password).unwrap_or(Cow::Borrowed(password))
}

fn is_of(password: &str, hash: &str) -> Result<bool, String> {
    Ok(hasher()?.verify_password(as_hashed(password).as_bytes(), hash).is_ok())
}

/// Hashes a password on a thread of its own, one at a time.
///
/// # Errors
/// Words for the log when the machine cannot hash.
pub async fn hash(app: &App, password: String) -> Result<String, String> {
    let _place = app.hashing.acquire().await.map_err(|error| error.to_string())?;
    tokio::task::spawn_blocking(move || hash_now(&password)).await.map_err(|error| error.to_string())?
}

/// Hashes a password here and now, for the command line.
///
/// # Errors
/// Words for the log when the machine cannot hash.
pub fn hash_now(password: &str) -> Result<String, String> {
    let (salt, password) = (crate::id::random_bytes::<16>(), as_hashed(password));
    let hash: PasswordHash =
        hasher()?.hash_password_with_salt(password.as_bytes(), &salt).map_err(|error| error.to_string())?;
    Ok(hash.to_string())
}

/// Whether a password belongs to a hash. Costs the same when there is no hash to compare with, so
/// that nobody learns from the time whether an account exists.
///
/// # Errors
/// Words for the log when the machine cannot hash.
pub async fn verify(app: &App, password: String, hash: Option<String>) -> Result<bool, String> {
    let _place = app.hashing.acquire().await.map_err(|error| error.to_string())?;
    tokio::task::spawn_blocking(move || match hash {
        Some(hash) => is_of(&password, &hash),
        None => hash_now(&password).map(|_| false),
    })
    .await
    .map_err(|error| error.to_string())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_say_what_is_wrong() {
        let check = |password: &str, expect: Option<&str>| {
            let found = problem(password, &["Asha", "Patel", "Lee", "Rose Court Nursing Home", "Oldham"]);
            assert_eq!(found.is_some(), expect.is_some(), "{password}: {found:?}");
            if let (Some(found), Some(expect)) = (found, expect) {
                assert!(found.contains(expect), "{password}: {found}");
            }
        };
        check("", Some("Enter a password"));
        check("short", Some("12 characters or more"));
        check("password1234", Some("too easy to guess"));
        check("aaaaaaaaaaaa", Some("too easy to guess"));
        check("qwertyuiop123", Some("too easy to guess"));
        check("Ásha likes green tea", Some("your name"));
        check("we love rosecourtnursinghome", Some("your name, or the name or town of your site"));
        check("Oldham2026!!", Some("town of your site"));
        check("2026 in 0LDHAM by the river", Some("town of your site"));
        check("0ldham2026!!", Some("town of your site"));
        check("RoseCourt2026!", Some("too easy to guess"));
        check("Court-Rose-Home", Some("too easy to guess"));
        check("C0urtR0seH0me26", Some("too easy to guess"));
        check("a rose in the teapot lantern", None);
        check("LeeLantern2026!", Some("your name"));
        check("sleeping lantern gravel", None);
        check("teapot\u{0}lantern gravel", Some("only letters, numbers"));
        check(&"x".repeat(129), Some("128 characters or fewer"));
        check("teapot lantern gravel", None);
        check("ein langes Passwort für Þór", None);
    }

    #[test]
    fn a_hash_is_argon2id_with_the_memory_it_should_have() {
        let hash = hash_now("teapot lantern gravel").expect("hashed");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(is_of("teapot lantern gravel", &hash), Ok(true));
        assert_eq!(is_of("teapot lantern grave", &hash), Ok(false));
    }

    #[test]
    fn a_password_is_the_same_from_every_keyboard() {
        let hash = hash_now("caf\u{e9} t\u{177} lantern").expect("hashed");
        for same in ["cafe\u{301} ty\u{302} lantern", "caf\u{e9}\u{a0}t\u{177}\u{3000}lantern"] {
            assert_eq!(is_of(same, &hash), Ok(true), "{same}");
        }
        for other in
            ["cafe ty lantern", "Caf\u{e9} t\u{177} lantern", "caf\u{e9}t\u{177}lantern", "\u{0}", ""]
        {
            assert_eq!(is_of(other, &hash), Ok(false), "{other}");
        }
        let decomposed = hash_now("cafe\u{301} ty\u{302} lantern").expect("hashed");
        assert_eq!(is_of("caf\u{e9} t\u{177} lantern", &decomposed), Ok(true));
    }
}
