//! Recovery codes: what somebody writes down for the day the phone is lost.
//!
//! Ten at a time, each of sixteen letters that cannot be mistaken for one another (73 bits), each
//! good once. They are drawn at random and shown once; of them there are hashes.

use crate::id::{ALPHABET, hex, random_text};
use crate::settings::Secret;
use sha2::{Digest, Sha256};

/// How many are made at a time.
pub const CODES: usize = 10;
/// Letters of one.
const LETTERS: usize = 16;
/// Letters of a group on paper.
const GROUP: usize = 4;

/// A recovery code.
#[derive(Clone, Debug)]
pub struct RecoveryCode(Secret<String>);

impl RecoveryCode {
    /// A new one.
    pub fn new() -> Self {
        RecoveryCode(Secret::new(random_text(ALPHABET, LETTERS)))
    }

    /// Reads one as people type it: any case, with or without dashes and spaces. Nothing where it
    /// cannot be one, so that a slip of the finger costs no try.
    pub fn parse(typed: &str) -> Option<Self> {
        let plain: String =
            typed.chars().filter(|letter| !letter.is_whitespace() && *letter != '-').collect();
        let plain = plain.to_ascii_uppercase();
        let fits = plain.len() == LETTERS && plain.bytes().all(|letter| ALPHABET.contains(&letter));
        fits.then(|| RecoveryCode(Secret::new(plain)))
    }

    /// What is kept of it.
    pub fn hash(&self) -> String {
        hex(&Sha256::digest(self.0.reveal().as_bytes()))
    }

    /// In groups of four, for the page that shows it once.
    pub fn shown(&self) -> String {
        let text = self.0.reveal();
        let groups: Vec<&str> = (0..LETTERS / GROUP).map(|place| &text[place * GROUP..][..GROUP]).collect();
        groups.join("-")
    }
}

impl Default for RecoveryCode {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = RecoveryCode::new();
        let shown = code.shown();
        assert_eq!(shown.len(), 19, "{shown}");
        for typed in [shown.clone(), shown.to_lowercase(), shown.replace('-', " "), shown.replace('-', "")] {
            assert_eq!(RecoveryCode::parse(&typed).map(|code| code.hash()), Some(code.hash()), "{typed}");
        }
        for typed in ["", "123456", &shown[..18], &shown.replace(&shown[..1], "0"), &format!("{shown}A")] {
            assert!(RecoveryCode::parse(typed).is_none(), "{typed}");
        }
        assert!(!format!("{code:?}").contains(&shown[..4]), "a code is not for logs");
    }

    #[test]
    fn a_code_has_more_than_64_bits() {
        let bits = (ALPHABET.len() as f64).log2() * LETTERS as f64;
        assert!(bits >= 64.0, "{bits}");
    }
}
