//! Passwords: the rules, in words, and their hashes.
//!
//! Twelve characters or more, not a common one, not made of one's own name, and hard enough to
//! guess by estimate. No rule about kinds of characters and no expiry: both make passwords worse
//! (NIST SP 800-63B-4, section 3.1.1.2).

use crate::app::App;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};

/// Fewest characters, with a second factor beside it.
pub const LENGTH_MIN: usize = 12;
/// Most characters: enough for a sentence, few enough to hash in bounded time.
pub const LENGTH_MAX: usize = 128;

/// Memory of one hash in KiB and passes over it: the OWASP floor for Argon2id, and what Dovecot can
/// check beside us.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;

/// Why a password cannot be had, in words; nothing when it can.
pub fn problem(password: &str, own_words: &[&str]) -> Option<String> {
    let length = password.chars().count();
    if length == 0 {
        return Some("Enter a password".to_owned());
    }
    if length < LENGTH_MIN {
        return Some(format!(
            "Password must be {LENGTH_MIN} characters or more. Three random words make a good one"
        ));
    }
    if length > LENGTH_MAX {
        return Some(format!("Password must be {LENGTH_MAX} characters or fewer"));
    }
    let plain = plain_letters(password);
    for word in own_words.iter().map(|word| plain_letters(word)).filter(|word| word.len() >= 3) {
        if plain.contains(&word) {
            return Some("Password must not contain your name or the name of your site".to_owned());
        }
    }
    let estimate = zxcvbn::zxcvbn(password, own_words);
    if estimate.score() < zxcvbn::Score::Three {
        return Some("Password is too easy to guess. Three random words make a good one".to_owned());
    }
    None
}

/// Letters and digits in lower case without accents, so that "Ásha" counts as "asha".
fn plain_letters(text: &str) -> String {
    any_ascii::any_ascii(text).to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect()
}

fn hasher() -> Result<Argon2<'static>, String> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|error| error.to_string())?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
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
    let salt = crate::id::random_bytes::<16>();
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
        Some(hash) => Ok(hasher()?.verify_password(password.as_bytes(), hash.as_str()).is_ok()),
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
            let found = problem(password, &["Asha", "Patel", "Rose Court"]);
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
        check("we love rosecourt very much", Some("your name or the name of your site"));
        check(&"x".repeat(129), Some("128 characters or fewer"));
        check("teapot lantern gravel", None);
        check("ein langes Passwort für Þór", None);
    }

    #[test]
    fn a_hash_is_argon2id_with_the_memory_it_should_have() {
        let hash = hash_now("teapot lantern gravel").expect("hashed");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(hasher().expect("a hasher").verify_password(b"teapot lantern gravel", hash.as_str()).is_ok());
        assert!(hasher().expect("a hasher").verify_password(b"teapot lantern grave", hash.as_str()).is_err());
    }
}
