//! The only place that makes identifiers and asks for randomness.

use crate::clock::Timestamp;

/// Bytes nobody can guess.
///
/// # Panics
/// When the operating system has no randomness to give: nothing safe can be done without it.
#[expect(clippy::disallowed_methods, reason = "this is the one place that asks for randomness")]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}

/// An identifier that sorts by the time it was made (UUID version 7), as text. Those that one program
/// makes within a millisecond sort in the order in which they were made (RFC 9562, section 6.2).
pub fn new_id(at: Timestamp) -> String {
    static MADE: std::sync::atomic::AtomicU16 = std::sync::atomic::AtomicU16::new(0);
    let millis = u64::try_from(at.as_milliseconds()).unwrap_or(0);
    let mut bytes = random_bytes::<10>();
    let count = MADE.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_be_bytes();
    // The twelve bits after the time count; the rest is chance.
    bytes[0] = count[0] & 0x0f;
    bytes[1] = count[1];
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid().to_string()
}

/// A text that sorts after every identifier made before a moment, and before every one made at it or later.
pub fn id_before(at: Timestamp) -> String {
    let millis = u64::try_from(at.as_milliseconds()).unwrap_or(0);
    format!("{:08x}-{:04x}", millis >> 16, millis & 0xffff)
}

/// A secret of 256 bits for a cookie or a key, as 64 hexadecimal digits.
pub fn new_token() -> String {
    hex(&random_bytes::<32>())
}

/// Names what one press of a button asks for, so that pressing it twice, or sending a form again, has
/// the effect of one: the store keeps it in a unique column. Made of everything that makes it this and
/// no other: who, what, the form it came from (a token that the page carries), every word typed. The
/// same form with other words is something else, and nothing typed is lost.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Once(String);

impl Once {
    pub fn of(parts: &[&str]) -> Self {
        use sha2::{Digest, Sha256};
        let mut hash = Sha256::new();
        for part in parts {
            // Lengths are hashed with the texts, so that moving a letter from one to the next counts.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Once(hex(&hash.finalize()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A short mark of a text, the same for the same text: for comparing many without keeping them.
pub fn fingerprint(text: &str) -> u128 {
    use sha2::{Digest, Sha256};
    let hash = Sha256::digest(text.as_bytes());
    let mut first = [0; 16];
    first.copy_from_slice(&hash[..16]);
    u128::from_be_bytes(first)
}

/// Lower-case hexadecimal digits of some bytes.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A text that chance chose, each letter of the alphabet as likely as the next. The alphabet has at
/// most 256 letters, all ASCII.
pub fn random_text(alphabet: &[u8], length: usize) -> String {
    // Bytes above the last whole multiple would make the first letters likelier.
    let fair = 256 / alphabet.len() * alphabet.len();
    let mut text = String::with_capacity(length);
    while text.len() < length {
        for byte in random_bytes::<32>() {
            if usize::from(byte) < fair && text.len() < length {
                text.push(char::from(alphabet[usize::from(byte) % alphabet.len()]));
            }
        }
    }
    text
}

/// Letters and digits that cannot be mistaken for one another on the phone or on paper: without
/// 0 and O, 1, I and L, 5 and S, 8 and B, 2 and Z, U and V.
pub const ALPHABET: &[u8; 24] = b"34679ACDEFGHJKMNPQRTVWXY";

/// What people quote on the phone, like `CP-7QPX-2M4H`: seven letters that chance chose and one
/// that checks them, so that a single wrong or swapped letter is noticed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference(String);

impl Reference {
    /// A new reference. There are 24⁷ (4.6 thousand million); the database refuses a repeat.
    pub fn new() -> Self {
        let bytes = random_bytes::<16>();
        let mut letters = [0_u8; 8];
        for (place, pair) in letters.iter_mut().take(7).zip(bytes.chunks_exact(2)) {
            let number = u16::from_be_bytes([pair[0], pair[1]]);
            *place = ALPHABET[usize::from(number) % ALPHABET.len()];
        }
        letters[7] = check_letter(&letters[..7]);
        Self::written(&letters)
    }

    fn written(letters: &[u8]) -> Self {
        let text: String = letters.iter().map(|&letter| char::from(letter)).collect();
        Reference(format!("CP-{}-{}", &text[..4], &text[4..]))
    }

    /// Reads a reference as people type it: any case, with or without `CP`, dashes and spaces.
    pub fn parse(text: &str) -> Option<Self> {
        let plain: String =
            text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase();
        let letters = plain.strip_prefix("CP").filter(|rest| rest.len() == 8).unwrap_or(&plain);
        let letters = letters.as_bytes();
        if letters.len() != 8 || !letters.iter().all(|letter| ALPHABET.contains(letter)) {
            return None;
        }
        (check_letter(&letters[..7]) == letters[7]).then(|| Self::written(letters))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Reference {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Luhn's check in base 24: finds every single wrong letter and almost every swap of neighbours.
fn check_letter(letters: &[u8]) -> u8 {
    let base = ALPHABET.len();
    let sum: usize = letters
        .iter()
        .rev()
        .enumerate()
        .map(|(place, letter)| {
            let value = ALPHABET.iter().position(|known| known == letter).unwrap_or(0);
            let weighed = if place % 2 == 0 { value * 2 } else { value };
            weighed / base + weighed % base
        })
        .sum();
    ALPHABET[(base - sum % base) % base]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_however_it_is_typed() {
        let reference = Reference::new();
        let text = reference.as_str();
        for typed in [
            text.to_owned(),
            text.to_lowercase(),
            text.replace('-', " "),
            text.replace("CP-", ""),
            format!("  {}  ", text.replace('-', "")),
        ] {
            assert_eq!(Reference::parse(&typed), Some(reference.clone()), "{typed}");
        }
    }

    #[test]
    fn one_wrong_letter_is_noticed() {
        let reference = Reference::new();
        let plain = reference.as_str().replace('-', "").split_off(2);
        for place in 0..8 {
            for letter in ALPHABET {
                let mut letters = plain.clone().into_bytes();
                if letters[place] == *letter {
                    continue;
                }
                letters[place] = *letter;
                let text = String::from_utf8(letters).expect("letters");
                assert_eq!(Reference::parse(&text), None, "{text} for {reference}");
            }
        }
    }

    #[test]
    fn every_letter_of_a_random_text_is_as_likely_as_the_next() {
        let text = random_text(ALPHABET, 24_000);
        assert_eq!(text.len(), 24_000);
        for letter in ALPHABET {
            let count = text.bytes().filter(|found| found == letter).count();
            assert!((800..1_200).contains(&count), "{} stands {count} times", char::from(*letter));
        }
    }

    #[test]
    fn ids_sort_by_time() {
        let early = new_id(Timestamp::from_milliseconds(1_000));
        let late = new_id(Timestamp::from_milliseconds(2_000));
        assert!(early < late);
        for (at, expect) in [(1_999, true), (2_000, true), (2_001, false), (70_000, false)] {
            let at = Timestamp::from_milliseconds(at);
            assert_eq!(id_before(at) < late, expect, "{at:?}");
            assert!(id_before(at) > early, "{at:?}");
        }
        assert!(id_before(Timestamp::from_milliseconds(1_000)) < early);
    }
}
