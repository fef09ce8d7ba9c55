//! Codes of authenticator apps (RFC 6238), for case workers and account holders.
//!
//! The shared secret is derived from the service's key, what it is for
//! ([`Purpose::CaseWorkerApp`], [`Purpose::AccountApp`]) and the identifier of a row.

use super::secrets::{Purpose, app_secret};
use crate::clock::Timestamp;
use crate::settings::SecretKey;
use totp_rs::{Builder, Totp};

/// How many steps of 30 seconds a clock may be off, either way.
const SKEW_STEPS: u16 = 1;

/// How long a step lasts (RFC 6238's default, which every app knows).
const STEP_SECONDS: i64 = 30;

fn totp(key: &SecretKey, purpose: Purpose, id: &str, account: &str, issuer: &str) -> Totp {
    Builder::new()
        .with_secret(app_secret(key, purpose, id))
        .with_skew(SKEW_STEPS)
        .with_account_name(account.to_owned())
        .with_issuer(Some(issuer.to_owned()))
        .build_noncompliant()
}

fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_milliseconds() / 1000).unwrap_or(0)
}

/// The step of the clock at which a typed code is right, if it is right now. Whoever accepts it must
/// mark the step as used.
pub fn step_of(key: &SecretKey, purpose: Purpose, id: &str, typed: &str, now: Timestamp) -> Option<i64> {
    let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
    if digits.len() != 6 {
        return None;
    }
    let step = totp(key, purpose, id, "", "").check(&digits, seconds(now))?;
    i64::try_from(step).ok()
}

/// The code of this moment: for the demo's page and for stories.
pub fn code_now(key: &SecretKey, purpose: Purpose, id: &str, now: Timestamp) -> String {
    totp(key, purpose, id, "", "").generate(seconds(now)).to_string()
}

/// The step of this moment, and for how many more seconds it lasts.
pub fn step_now(now: Timestamp) -> (i64, i64) {
    let seconds = now.as_milliseconds() / 1000;
    (seconds / STEP_SECONDS, STEP_SECONDS - seconds % STEP_SECONDS)
}

/// The key as people type it into an app.
pub fn key_text(key: &SecretKey, purpose: Purpose, id: &str) -> String {
    totp_rs::Secret::from(app_secret(key, purpose, id)).to_base32()
}

/// The address that authenticator apps understand.
pub fn address(key: &SecretKey, purpose: Purpose, id: &str, email: &str, service: &str) -> String {
    totp(key, purpose, id, email, service).to_url().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Span;
    use crate::settings::Secret;

    #[test]
    fn a_code_is_right_for_a_minute_and_a_half() {
        let key = Secret::new([3; 32]);
        let at = Timestamp::from_milliseconds(1_700_000_000_000);
        let code = code_now(&key, Purpose::CaseWorkerApp, "worker", at);
        assert_eq!(code.len(), 6);
        let step =
            step_of(&key, Purpose::CaseWorkerApp, "worker", &format!("{} {}", &code[..3], &code[3..]), at);
        assert_eq!(step, Some(1_700_000_000 / 30));
        assert_eq!(step_of(&key, Purpose::CaseWorkerApp, "worker", &code, at.plus(Span::seconds(30))), step);
        assert_eq!(step_of(&key, Purpose::CaseWorkerApp, "worker", &code, at.plus(Span::seconds(90))), None);
        assert_eq!(step_of(&key, Purpose::CaseWorkerApp, "other", &code, at), None);
        assert_eq!(step_of(&key, Purpose::CaseWorkerApp, "worker", "", at), None);
        assert_eq!(step_of(&key, Purpose::AccountApp, "worker", &code, at), None);
        assert_eq!((step, 10), (Some(step_now(at).0), step_now(at).1));
    }
}
