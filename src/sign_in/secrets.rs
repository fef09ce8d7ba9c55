//! Codes and links, derived and never stored.

use crate::settings::SecretKey;
use hmac::{Hmac, KeyInit, Mac};
use subtle::ConstantTimeEq;

/// What a secret is for. A secret for one is worth nothing for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Shows that a registrant reads an email address.
    EmailCode,
    /// Shows that a registrant reads the email address a register holds for a site.
    SiteCode,
    /// Shows that somebody who activates an account holds the mobile that was given for them.
    ActivationCode,
    /// Shows the same of an account holder who signs in and has no authenticator app yet.
    SignInCode,
    /// Leads an account holder to their activation.
    ActivationLink,
    /// Lets a site stop a registration that it did not ask for.
    StopLink,
    /// The shared secret of a case worker's authenticator app.
    CaseWorkerApp,
    /// The shared secret of an account holder's authenticator app.
    AccountApp,
}

impl Purpose {
    pub fn stored(self) -> &'static str {
        match self {
            Purpose::EmailCode => "EmailCode",
            Purpose::SiteCode => "SiteCode",
            Purpose::ActivationCode => "ActivationCode",
            Purpose::SignInCode => "SignInCode",
            Purpose::ActivationLink => "ActivationLink",
            Purpose::StopLink => "StopLink",
            Purpose::CaseWorkerApp => "CaseWorkerApp",
            Purpose::AccountApp => "AccountApp",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [
            Purpose::EmailCode,
            Purpose::SiteCode,
            Purpose::ActivationCode,
            Purpose::SignInCode,
            Purpose::ActivationLink,
            Purpose::StopLink,
            Purpose::CaseWorkerApp,
            Purpose::AccountApp,
        ]
        .into_iter()
        .find(|purpose| purpose.stored() == text)
    }
}

/// A mark of these words that only the service can make.
fn keyed(key: &SecretKey, words: &[&str]) -> [u8; 32] {
    let mut mac =
        Hmac::<sha2::Sha256>::new_from_slice(key.reveal()).expect("a key of 32 bytes is always taken");
    mac.update(words.join(" ").as_bytes());
    mac.finalize().into_bytes().into()
}

fn derive(key: &SecretKey, purpose: Purpose, id: &str) -> [u8; 32] {
    keyed(key, &["secret", purpose.stored(), id])
}

/// What is kept of the address or number that a code or link was sent to. Without the key nobody can
/// tell from it whose it is.
pub fn recipient_hash(key: &SecretKey, recipient: &str) -> String {
    crate::id::hex(&keyed(key, &["recipient", recipient])[..16])
}

/// The secret that a browser gets in place of `old`. Whoever knows `old` and not the key cannot tell it.
pub(super) fn rotated_secret(key: &SecretKey, old: &str, salt: &str) -> String {
    crate::id::hex(&keyed(key, &["browser", old, salt]))
}

/// The mark of a browser that a person has been signed in with.
pub(super) fn device_mark(key: &SecretKey, words: &[&str]) -> String {
    crate::id::hex(&keyed(key, &[&["device"], words].concat())[..16])
}

/// A code of six digits.
pub fn code(key: &SecretKey, purpose: Purpose, id: &str) -> String {
    let bytes = derive(key, purpose, id);
    // 64 bits against a million codes: no digit is likelier than another by more than 10⁻¹³.
    let number =
        u64::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]]);
    format!("{:06}", number % 1_000_000)
}

/// Whether what was typed is the code, spaces and dashes aside; compared in constant time.
pub fn is_code(key: &SecretKey, purpose: Purpose, id: &str, typed: &str) -> bool {
    let digits: String = typed.chars().filter(|letter| !letter.is_whitespace() && *letter != '-').collect();
    digits.len() == 6 && code(key, purpose, id).as_bytes().ct_eq(digits.as_bytes()).into()
}

/// What a link carries: the row's identifier and 128 bits that only the service can make.
pub fn link_token(key: &SecretKey, purpose: Purpose, id: &str) -> String {
    format!("{id}.{}", crate::id::hex(&derive(key, purpose, id)[..16]))
}

/// The identifier in a link's token, if the service made it.
pub fn read_link_token(key: &SecretKey, purpose: Purpose, token: &str) -> Option<String> {
    let (id, _) = token.split_once('.')?;
    bool::from(link_token(key, purpose, id).as_bytes().ct_eq(token.as_bytes())).then(|| id.to_owned())
}

/// The shared secret of an authenticator app, 160 bits as RFC 4226 asks.
pub(super) fn app_secret(key: &SecretKey, purpose: Purpose, id: &str) -> Vec<u8> {
    derive(key, purpose, id)[..20].to_vec()
}

/// What stands in a letter for its marks.
pub fn of_letter(app: &crate::app::App, letter: &crate::letter::Written) -> (String, String) {
    let Some(mark) = &letter.secret else { return (String::new(), String::new()) };
    let Some(purpose) = Purpose::parse(&mark.purpose) else { return (String::new(), String::new()) };
    let six_digits = code(&app.key, purpose, &mark.id);
    let token = link_token(&app.key, purpose, &mark.id);
    let address = &app.settings.public_address;
    let link = match purpose {
        Purpose::ActivationLink => format!("{address}/activate/{token}"),
        Purpose::StopLink => format!("{address}/stop/{token}"),
        Purpose::EmailCode
        | Purpose::SiteCode
        | Purpose::ActivationCode
        | Purpose::SignInCode
        | Purpose::CaseWorkerApp
        | Purpose::AccountApp => String::new(),
    };
    (six_digits, link)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Secret;

    #[test]
    fn a_code_is_for_one_purpose_one_row_and_one_service() {
        let key = Secret::new([7; 32]);
        let email = code(&key, Purpose::EmailCode, "row");
        assert_eq!(email.len(), 6);
        assert!(is_code(&key, Purpose::EmailCode, "row", &email));
        assert!(is_code(&key, Purpose::EmailCode, "row", &format!(" {} {} ", &email[..3], &email[3..])));
        assert!(!is_code(&key, Purpose::SiteCode, "row", &email));
        assert!(!is_code(&key, Purpose::EmailCode, "other", &email));
        assert!(!is_code(&Secret::new([8; 32]), Purpose::EmailCode, "row", &email));
        assert!(!is_code(&key, Purpose::EmailCode, "row", ""));
    }

    #[test]
    fn a_link_that_was_touched_leads_nowhere() {
        let key = Secret::new([7; 32]);
        let token = link_token(&key, Purpose::StopLink, "row");
        assert_eq!(read_link_token(&key, Purpose::StopLink, &token).as_deref(), Some("row"));
        assert_eq!(read_link_token(&key, Purpose::ActivationLink, &token), None);
        assert_eq!(read_link_token(&key, Purpose::StopLink, &token.replace("row", "wor")), None);
        assert_eq!(read_link_token(&key, Purpose::StopLink, &format!("{token}0")), None);
        assert_eq!(read_link_token(&key, Purpose::StopLink, ""), None);
    }

    #[test]
    fn codes_are_spread_evenly() {
        let key = Secret::new([7; 32]);
        let mut first_digits = [0; 10];
        for number in 0..5_000 {
            let code = code(&key, Purpose::EmailCode, &number.to_string());
            first_digits[usize::from(code.as_bytes()[0] - b'0')] += 1;
        }
        assert!(first_digits.iter().all(|&count| (380..620).contains(&count)), "{first_digits:?}");
    }
}
