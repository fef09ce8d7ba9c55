//! Forged forms: a form counts only if it comes from a page we gave to the same browser.
//!
//! Two checks stand one behind the other: what the browser says of where the request comes from
//! (`Sec-Fetch-Site`, `Origin`), and a hidden field that only our own page could hold, made from the
//! browser's secret with the service's key.

use crate::settings::SecretKey;
use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use subtle::ConstantTimeEq;

/// The token of every form shown to one browser.
pub fn token(key: &SecretKey, browser: &str) -> String {
    let mut mac =
        Hmac::<sha2::Sha256>::new_from_slice(key.reveal()).expect("a key of 32 bytes is always taken");
    mac.update(b"form token for ");
    mac.update(browser.as_bytes());
    crate::id::hex(&mac.finalize().into_bytes()[..16])
}

/// Whether a form's token belongs to the browser that sent it.
pub fn is_ours(key: &SecretKey, browser: &str, sent: &str) -> bool {
    token(key, browser).as_bytes().ct_eq(sent.as_bytes()).into()
}

/// Whether the browser says that another site made it send this.
pub fn is_from_elsewhere(headers: &HeaderMap, public_address: &str) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return site != "same-origin" && site != "none";
    }
    match text("origin") {
        Some(origin) => {
            let host = text("host").unwrap_or("");
            let same_host = origin.split_once("://").is_some_and(|(_, origin_host)| origin_host == host);
            origin != public_address && !same_host
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Secret;

    #[test]
    fn a_token_belongs_to_one_browser_and_one_service() {
        let key = Secret::new([1; 32]);
        let ours = token(&key, "browser");
        assert!(is_ours(&key, "browser", &ours));
        assert!(!is_ours(&key, "other", &ours));
        assert!(!is_ours(&Secret::new([2; 32]), "browser", &ours));
        assert!(!is_ours(&key, "browser", ""));
        assert!(!is_ours(&key, "browser", &ours[..31]));
    }

    #[test]
    fn what_another_site_sends_is_noticed() {
        let check = |pairs: &[(&'static str, &'static str)], expect: bool| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().expect("a header"));
            }
            assert_eq!(is_from_elsewhere(&headers, "https://care.example"), expect, "{pairs:?}");
        };
        check(&[], false);
        check(&[("sec-fetch-site", "same-origin")], false);
        check(&[("sec-fetch-site", "cross-site")], true);
        check(&[("sec-fetch-site", "same-site")], true);
        check(&[("origin", "https://care.example")], false);
        check(&[("origin", "https://evil.example"), ("host", "care.example")], true);
        check(&[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")], false);
        check(&[("origin", "null"), ("host", "care.example")], true);
    }
}
