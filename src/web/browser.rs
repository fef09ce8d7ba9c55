//! The cookie that holds a browser's secret: the secret and a mark that only we can make.
//!
//! Sessions hang on the secret. One that a client chose itself (planted in somebody's browser by a neighbouring
//! host, guessed, sent twice) has no mark of ours and is nobody's secret: the browser is given one that we drew.

use crate::settings::SecretKey;
use hmac::{Hmac, KeyInit, Mac};
use subtle::ConstantTimeEq;

/// Bytes of the mark: half a SHA-256.
const MARK_BYTES: usize = 16;

fn mark(key: &SecretKey, secret: &str) -> String {
    let mut mac =
        Hmac::<sha2::Sha256>::new_from_slice(key.reveal()).expect("a key of 32 bytes is always taken");
    mac.update(b"cookie of a browser: ");
    mac.update(secret.as_bytes());
    crate::id::hex(&mac.finalize().into_bytes()[..MARK_BYTES])
}

/// What stands in the cookie of a secret: `SECRET.MARK`.
pub fn cookie_value(key: &SecretKey, secret: &str) -> String {
    format!("{secret}.{}", mark(key, secret))
}

/// The secret of a cookie, where we made it.
pub(super) fn secret_of(key: &SecretKey, value: &str) -> Option<String> {
    let (secret, sent) = value.split_once('.')?;
    let is_like_ours = secret.len() == 64 && secret.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_marked = is_like_ours && bool::from(mark(key, secret).as_bytes().ct_eq(sent.as_bytes()));
    is_marked.then(|| secret.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Secret;

    #[test]
    fn secrets_that_a_client_chose_are_nobodys() {
        let key = Secret::new([1; 32]);
        let secret = crate::id::new_token();
        let value = cookie_value(&key, &secret);
        assert_eq!(secret_of(&key, &value), Some(secret.clone()));
        let chosen = "a".repeat(64);
        for wrong in [
            secret.clone(),
            chosen.clone(),
            format!("{chosen}."),
            format!("{chosen}.{}", &value[65..]),
            cookie_value(&Secret::new([2; 32]), &secret),
            cookie_value(&key, "short"),
            format!("{value}0"),
            value.to_uppercase(),
            String::new(),
        ] {
            assert_eq!(secret_of(&key, &wrong), None, "{wrong}");
        }
    }
}
