//! People's names, email addresses and mobile numbers, parsed once.

mod own_address;

pub use own_address::Doubt;

use serde::{Deserialize, Serialize};

/// Longest first or last name, in characters.
pub const NAME_LETTERS_MAX: usize = 60;

/// An email address in its one written form: lower case, ASCII. Two addresses are the same when
/// these are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Email(String);

impl Email {
    /// # Errors
    /// What is wrong, in words for the field.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim().trim_start_matches("mailto:");
        if text.is_empty() {
            return Err("Enter an email address".to_owned());
        }
        let example = "Enter an email address in the correct format, like name@example.com";
        if text.chars().any(char::is_whitespace) || text.contains([',', ';']) || text.matches('@').count() > 1
        {
            return Err("Enter one email address, without spaces or commas".to_owned());
        }
        if !text.is_ascii() || text.len() > 254 {
            return Err(example.to_owned());
        }
        let canonical = text.to_ascii_lowercase();
        let address: lettre::Address = canonical.parse().map_err(|_| example.to_owned())?;
        let domain = address.domain();
        let ends_well = domain.rsplit_once('.').is_some_and(|(before, top)| {
            !before.is_empty() && top.len() >= 2 && top.bytes().all(|byte| byte.is_ascii_alphabetic())
        });
        if !ends_well || canonical.contains(['"', '[', '(', '<']) {
            return Err(example.to_owned());
        }
        Ok(Email(canonical))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Enough to recognise an address of one's own and no more: `a•••@r•••.example`.
    pub fn masked(&self) -> String {
        let (local, domain) = self.0.split_once('@').unwrap_or((&self.0, ""));
        let (name, top) = domain.rsplit_once('.').unwrap_or((domain, ""));
        let first = |text: &str| text.chars().next().map(String::from).unwrap_or_default();
        format!("{}•••@{}•••.{top}", first(local), first(name))
    }
}

impl std::fmt::Display for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A UK mobile number, kept as `+447…`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mobile(String);

impl Mobile {
    /// Reads a number as people write it: with +44, 0044, 44, 0 or nothing before it, with `(0)`, and with
    /// spaces, dashes and brackets of any kind.
    ///
    /// # Errors
    /// What is wrong, in words for the field.
    pub fn parse(text: &str) -> Result<Self, String> {
        let written = telephone_signs(text);
        let plain: String = written.chars().filter(|sign| !" -().".contains(*sign)).collect();
        if plain.is_empty() {
            return Err("Enter a mobile number".to_owned());
        }
        let uk = "Enter a UK mobile number, like 07700 900123. Text messages cannot be sent to other numbers";
        let digits = plain.strip_prefix('+').unwrap_or(&plain);
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(uk.to_owned());
        }
        let is_international = digits.len() != plain.len();
        let digits = digits.strip_prefix("00").unwrap_or(digits);
        let national = match digits.strip_prefix("44") {
            Some(rest) => rest.strip_prefix('0').unwrap_or(rest),
            None if is_international => return Err(uk.to_owned()),
            None => digits.strip_prefix('0').unwrap_or(digits),
        };
        // 070 are personal numbers that forward at the caller's cost, 076 are pagers; neither takes
        // our text messages (Ofcom's national numbering plan).
        if !national.starts_with('7') || national.starts_with("70") || national.starts_with("76") {
            return Err(uk.to_owned());
        }
        if national.len() != 10 {
            return Err("Mobile number must have 11 digits, like 07700 900123".to_owned());
        }
        Ok(Mobile(format!("+44{national}")))
    }

    /// `+447700900123`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `07700 900123`.
    pub fn in_words(&self) -> String {
        let national = self.0.trim_start_matches("+44");
        match national.split_at_checked(4) {
            Some((front, back)) => format!("0{front} {back}"),
            None => self.0.clone(),
        }
    }

    /// Enough to recognise a number of one's own: `07••• •••123`.
    pub fn masked(&self) -> String {
        let end = self.0.len().saturating_sub(3);
        format!("07••• •••{}", self.0.get(end..).unwrap_or(""))
    }
}

/// Longest telephone number as people write it, in characters.
const TELEPHONE_LETTERS_MAX: usize = 40;

/// A number in plain signs: every kind of space, dash and bracket becomes the plain one, digits of full
/// width become plain, and what cannot be seen goes. What stands for something else stays.
///
/// This is ours and no crate's: the ones there are bring the numbering plans of all countries, and a
/// number of theirs changes its kind with them. What we ask is whether a text message reaches it.
fn telephone_signs(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    let text = text.trim();
    let text = text.strip_prefix("tel:").or_else(|| text.strip_prefix("Tel:")).unwrap_or(text);
    let plain = text.nfkc().filter_map(|sign| match sign {
        // Soft hyphen, marks of direction, joiners, the mark at the beginning of a file.
        '\u{ad}'
        | '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{feff}' => None,
        // Dashes (Unicode's Pd), minus, hyphen bullet.
        '\u{58a}'
        | '\u{5be}'
        | '\u{1400}'
        | '\u{1806}'
        | '\u{2010}'..='\u{2015}'
        | '\u{2043}'
        | '\u{2212}'
        | '\u{2e17}'
        | '\u{2e1a}'
        | '\u{2e3a}'
        | '\u{2e3b}'
        | '\u{2e40}'
        | '\u{301c}'
        | '\u{3030}'
        | '\u{30a0}'
        | '/'
        | '_' => Some('-'),
        '[' | '{' => Some('('),
        ']' | '}' => Some(')'),
        '\u{b7}' | '\u{2022}' | '\u{2027}' | '\u{22c5}' => Some('.'),
        sign if sign.is_whitespace() => Some(' '),
        sign => Some(sign),
    });
    plain.collect::<String>().trim().to_owned()
}

/// A telephone number on which somebody can be called, of any kind, kept as it was written in plain signs.
///
/// # Errors
/// What is wrong, in words for the field.
pub fn parse_telephone(text: &str) -> Result<String, String> {
    let text = telephone_signs(text);
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let is_fine = |letter: char| letter.is_ascii_digit() || " +()-.".contains(letter);
    if digits < 5 || text.chars().count() > TELEPHONE_LETTERS_MAX || !text.chars().all(is_fine) {
        return Err("Enter a telephone number, like 01632 960 001".to_owned());
    }
    Ok(text)
}

/// A person's first or last name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Name(String);

impl Name {
    /// `called` is what the field is called: "first name", "last name".
    ///
    /// # Errors
    /// What is wrong, in words for the field.
    pub fn parse(text: &str, called: &str) -> Result<Self, String> {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let capital = capitalised(called);
        if text.is_empty() {
            return Err(format!("Enter a {called}"));
        }
        if text.chars().count() > NAME_LETTERS_MAX {
            return Err(format!("{capital} must be {NAME_LETTERS_MAX} characters or fewer"));
        }
        let fine = |letter: char| letter.is_alphabetic() || is_mark(letter) || " '’ʼ`-‐.".contains(letter);
        if !text.chars().all(fine) || !text.chars().any(char::is_alphabetic) {
            return Err(format!(
                "{capital} must only include letters, spaces, hyphens, full stops and apostrophes"
            ));
        }
        // The address is made of it, so it must have a way to be written in plain letters.
        if !any_ascii::any_ascii(&text).bytes().any(|byte| byte.is_ascii_alphanumeric()) {
            return Err(format!("{capital} must have a form in plain letters"));
        }
        Ok(Name(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Accents that stand as letters of their own after the letter they belong to.
fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}')
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Words that name a place or a job and not a person.
const GENERIC: &[&str] = &[
    "account",
    "accounts",
    "admin",
    "administration",
    "administrator",
    "assistant",
    "care",
    "carer",
    "carers",
    "centre",
    "clinical",
    "deputy",
    "desk",
    "duty",
    "email",
    "enquiries",
    "front",
    "general",
    "generic",
    "head",
    "home",
    "house",
    "info",
    "information",
    "kitchen",
    "lead",
    "mail",
    "mailbox",
    "main",
    "management",
    "manager",
    "medication",
    "medicines",
    "night",
    "nurse",
    "nurses",
    "nursing",
    "office",
    "on",
    "call",
    "owner",
    "person",
    "phone",
    "reception",
    "receptionist",
    "registered",
    "residential",
    "rota",
    "secretary",
    "senior",
    "service",
    "services",
    "shared",
    "shift",
    "site",
    "staff",
    "station",
    "supervisor",
    "support",
    "team",
    "test",
    "unit",
    "user",
    "ward",
    "work",
    "worker",
];

/// Words before the name of a job or place.
const ARTICLES: &[&str] = &["a", "all", "and", "at", "my", "of", "our", "the", "your"];

/// Whether a first and last name together name a job or a place ("Nurse Station", "Front Office")
/// or the site itself. Each alone may be a real name: there are people called Nurse and House.
pub fn is_generic(first: &Name, last: &Name, site_name: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        any_ascii::any_ascii(text)
            .to_lowercase()
            .split(|letter: char| !letter.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let name: Vec<String> = [words(first.as_str()), words(last.as_str())].concat();
    let all_generic =
        name.iter().all(|word| GENERIC.contains(&word.as_str()) || ARTICLES.contains(&word.as_str()));
    let site = words(site_name);
    let is_the_site = name.len() >= 2 && name.iter().all(|word| site.contains(word));
    all_generic || is_the_site
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for text in [
            "07700 900123",
            "07700900123",
            "+44 7700 900123",
            "0044 7700 900 123",
            "+44 (0)7700-900123",
            "07700.900.123",
            "7700900123",
            "447700900123",
            "44 (0) 7700 900123",
            "4407700900123",
            "07700–900123",
            "07700—900‑123",
            "07700\u{2212}900123",
            "07700\u{a0}900\u{202f}123",
            "[07700] 900123",
            "０７７００　９００１２３",
            "＋４４（０）７７００－９００１２３",
            "00 44 (0)7700 900123",
            "+44 (0) 7700 900123",
            "(+44) 7700 900123",
            "\u{202a}+44 7700 900123\u{202c}",
            "tel:+44-7700-900123",
            "07700/900123",
        ] {
            assert_eq!(Mobile::parse(text).expect(text).as_str(), "+447700900123");
        }
        let mobile = Mobile::parse("07700900123").expect("a mobile");
        assert_eq!(mobile.in_words(), "07700 900123");
        assert_eq!(mobile.masked(), "07••• •••123");
        for (text, words) in [
            ("", "Enter a mobile number"),
            ("01632 960123", "UK mobile"),
            ("0770090012", "11 digits"),
            ("077009001234", "11 digits"),
            ("+1 202 555 0123", "UK mobile"),
            ("+353 87 123 4567", "UK mobile"),
            ("070 1234 5678", "UK mobile"),
            ("07700 90012a", "UK mobile"),
            ("7700 90012", "11 digits"),
            ("+7 700 900 12 34", "UK mobile"),
            ("0044 1632 960123", "UK mobile"),
            ("07700+900123", "UK mobile"),
            ("-", "Enter a mobile number"),
        ] {
            let problem = Mobile::parse(text).expect_err(text);
            assert!(problem.contains(words), "{text}: {problem}");
        }
    }

    #[test]
    fn addresses_are_one_address() {
        assert_eq!(
            Email::parse(" Amy.Reed@Oakhouse.Example ").expect("an address").as_str(),
            "amy.reed@oakhouse.example"
        );
        assert!(Email::parse("o'brien+home@oakhouse.example").is_ok());
        for text in [
            "",
            "amy",
            "amy@",
            "@oakhouse.example",
            "amy@oakhouse",
            "amy@oak house.example",
            "a@b.example,c@d.example",
            "amy@oakhouse.example\r\nBcc: all@x.example",
            "amy@[127.0.0.1]",
            "ámy@oakhouse.example",
            "amy@oakhouse.example;",
            "a@b@c.example",
            "amy..reed@oakhouse.example",
            "\"a b\"@oakhouse.example",
            "amy@oakhouse.1",
        ] {
            assert!(Email::parse(text).is_err(), "{text}");
        }
        assert_eq!(Email::parse("amy@oakhouse.example").expect("an address").masked(), "a•••@o•••.example");
    }

    #[test]
    fn real_names_pass() {
        for text in [
            "O'Brien",
            "O’Brien",
            "Ní Bhriain",
            "Þór",
            "X",
            "Æthelred",
            "Mary-Jane",
            "St. John",
            "de la Cruz",
            "Nguyễn",
            "José",
            "Łukasz",
            "Zoë",
            "van der Berg",
            "D'Souza",
            "ap Rhys",
            "Ng",
            "Iñaki",
            "Müller",
            "Ольга",
            "李",
            "Jos\u{65}\u{301}",
            &"a".repeat(60),
        ] {
            assert!(Name::parse(text, "last name").is_ok(), "{text}");
        }
        for text in ["", "   ", "R2D2", "<script>", "'; DROP TABLE", "😀", "-", &"a".repeat(61)] {
            assert!(Name::parse(text, "last name").is_err(), "{text}");
        }
    }

    #[test]
    fn jobs_and_places_are_not_people() {
        let check = |first: &str, last: &str, expect: bool| {
            let (first, last) = (
                Name::parse(first, "first name").expect("a name"),
                Name::parse(last, "last name").expect("a name"),
            );
            assert_eq!(is_generic(&first, &last, "Rose Court Nursing Home"), expect, "{first} {last}");
        };
        check("Nurse", "Station", true);
        check("Front", "Office", true);
        check("The", "Office", true);
        check("Our", "Team", true);
        check("Care Home", "Manager", true);
        check("Rose", "Court", true);
        check("Paul", "Nurse", false);
        check("Rose", "House", false);
        check("Dr", "House", false);
        check("Rose", "Tyler", false);
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_is_idempotent(text in ".{0,80}") {
            if let Ok(email) = Email::parse(&text) {
                prop_assert_eq!(Email::parse(email.as_str()), Ok(email.clone()));
                let _ = email.masked();
            }
            if let Ok(mobile) = Mobile::parse(&text) {
                prop_assert_eq!(Mobile::parse(mobile.as_str()), Ok(mobile.clone()));
                prop_assert_eq!(Mobile::parse(&mobile.in_words()), Ok(mobile.clone()));
                let _ = mobile.masked();
            }
            if let Ok(name) = Name::parse(&text, "first name") {
                prop_assert_eq!(Name::parse(name.as_str(), "first name"), Ok(name));
            }
        }
    }
}
