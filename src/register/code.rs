//! The codes people copy from certificates, letters and spreadsheets, each read once at the door.
//!
//! The registers publish no grammar. The shapes here were counted in 64,201 rows of the DSPT search
//! export of September 2022 and in 32,916 CQC locations: 2.5 % of social care rows have a code of
//! another shape than the usual one, so an unusual shape is a warning
//! ([`OdsSiteCode::has_usual_shape`]) and only what is certainly something else is a problem.

use serde::{Deserialize, Serialize};

/// What was typed instead of the code that was asked for, so that a page can say it in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeProblem {
    /// Nothing was typed.
    Empty,
    /// The code of a headquarters (A or C and three more), where a site's was asked for.
    HqCode(String),
    /// The code of a site (V and four more), where a headquarters' was asked for.
    SiteCode(String),
    /// A code that begins with 8: an organisation that is not a care site.
    NonCareCode(String),
    /// A date or a rounded number: a spreadsheet changed the code when the file was opened.
    SpreadsheetDamaged(String),
    /// A code with CLOSED after it: the code before the word, as the register once had it.
    ClosedSuffix(String),
    /// A CQC number (1- and digits) where an ODS code was asked for.
    LooksLikeCqcId(String),
    /// An ODS code where a CQC number was asked for.
    LooksLikeOdsCode(String),
    /// A registered manager's contact ID (CON1-…) where a location's or provider's was asked for.
    ContactIdForLocation(String),
    /// The digits of a CQC number without the 1- before them; with the number as it should be.
    MissingPrefix(String),
    /// Something of no known shape.
    WrongShape(String),
}

impl std::fmt::Display for CodeProblem {
    /// Words for an operator reading a result file; pages have their own.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CodeProblem::Empty => f.write_str("there is no code"),
            CodeProblem::HqCode(code) => {
                write!(f, "{code} is the code of a headquarters, not of a site")
            }
            CodeProblem::SiteCode(code) => {
                write!(f, "{code} is the code of a site, not of a headquarters")
            }
            CodeProblem::NonCareCode(code) => write!(
                f,
                "{code} is not the code of a care site: those that begin with 8 belong to other organisations"
            ),
            CodeProblem::SpreadsheetDamaged(text) => write!(
                f,
                "{text} is not a code: a spreadsheet turned it into a date or a number when the file was opened"
            ),
            CodeProblem::ClosedSuffix(code) => write!(f, "the code {code} is marked as closed"),
            CodeProblem::LooksLikeCqcId(text) => {
                write!(f, "{text} looks like a CQC number, not an ODS code")
            }
            CodeProblem::LooksLikeOdsCode(code) => {
                write!(f, "{code} looks like an ODS code, not a CQC number")
            }
            CodeProblem::ContactIdForLocation(text) => {
                write!(f, "{text} is a contact ID, not a location or provider ID")
            }
            CodeProblem::MissingPrefix(better) => {
                write!(f, "the 1- at the beginning is missing: {better}")
            }
            CodeProblem::WrongShape(text) => write!(f, "{text} is not a code of this kind"),
        }
    }
}

impl std::error::Error for CodeProblem {}

/// How much of what was typed is repeated in a problem, in characters: enough to recognise it.
const QUOTED_MAX: usize = 40;
/// Anything longer than this, in bytes, is no code and is not looked at further. The longest code
/// seen is 24 characters; pasted labels come before it.
const TYPED_MAX_BYTES: usize = 200;

const DASHES: [char; 7] = ['\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2014}', '\u{2212}', '\u{ad}'];

/// Labels people paste together with a code, longest first.
const LABELS: [&str; 17] = [
    "CQC LOCATION ID",
    "CQC PROVIDER ID",
    "CQC CONTACT ID",
    "ODS SITE CODE",
    "ODS HQ CODE",
    "LOCATION ID",
    "PROVIDER ID",
    "CONTACT ID",
    "ODS CODE",
    "SITE CODE",
    "HQ CODE",
    "POSTCODE",
    "CQC ID",
    "CODE",
    "ODS",
    "CQC",
    "ID",
];

/// What was typed, in capitals, without the label, brackets and spaces round it.
fn cleaned(text: &str) -> String {
    let mut cut = text.len().min(TYPED_MAX_BYTES);
    while !text.is_char_boundary(cut) {
        cut -= 1;
    }
    let mut upper: String = text[..cut]
        .chars()
        .map(|letter| {
            if DASHES.contains(&letter) {
                '-'
            } else if letter.is_whitespace() || is_invisible(letter) {
                ' '
            } else {
                letter
            }
        })
        .collect::<String>()
        .to_uppercase();
    loop {
        let before = upper.len();
        upper = upper.trim_matches(|c: char| c.is_whitespace() || "\"'()[]:;,.#=*".contains(c)).to_owned();
        for label in LABELS {
            if let Some(rest) = upper.strip_prefix(label)
                && rest.starts_with([' ', ':', '=', '#', '-'])
            {
                upper = rest.trim_start_matches([' ', ':', '=', '#', '-']).to_owned();
                break;
            }
        }
        if upper.len() == before {
            return upper;
        }
    }
}

fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{2060}')
}

fn quoted(text: &str) -> String {
    text.chars().take(QUOTED_MAX).collect()
}

/// A date or a number in scientific form: what a spreadsheet makes of APR4 or 1E5.
fn is_spreadsheet_damage(text: &str) -> bool {
    const MONTHS: [&str; 12] =
        ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    let digits = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
    };
    let slashed: Vec<&str> = text.split('/').collect();
    if matches!(slashed.as_slice(), [a, b, c] if digits(a, 4) && digits(b, 2) && digits(c, 4)) {
        return true;
    }
    let dashed: Vec<&str> = text.split('-').collect();
    match dashed.as_slice() {
        [a, b] if (MONTHS.contains(a) && digits(b, 4)) || (digits(a, 2) && MONTHS.contains(b)) => {
            return true;
        }
        [a, b, c]
            if digits(a, 4) && digits(b, 2) && digits(c, 2)
                || digits(a, 2) && MONTHS.contains(b) && digits(c, 4) =>
        {
            return true;
        }
        _ => {}
    }
    match text.split_once('E') {
        Some((number, power)) => {
            let signed = power.starts_with(['+', '-']);
            let power = power.trim_start_matches(['+', '-']);
            (signed || number.contains('.'))
                && !number.is_empty()
                && number.bytes().all(|b| b.is_ascii_digit() || b == b'.')
                && digits(power, 3)
        }
        None => false,
    }
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn alphanumeric(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// `1-` and 5 to 12 digits. Nine to eleven digits were seen in all of 52,626 real numbers; another
/// importer of the register takes five to twelve, so new lengths have room.
fn is_cqc_number(text: &str) -> bool {
    text.strip_prefix("1-").is_some_and(|digits| (5..=12).contains(&digits.len()) && all_digits(digits))
}

fn is_hq_shape(text: &str) -> bool {
    text.len() == 4 && text.starts_with(['A', 'C']) && alphanumeric(text)
}

fn is_site_shape(text: &str) -> bool {
    text.len() == 5 && text.starts_with('V') && alphanumeric(text)
}

/// What is certainly no ODS code, whichever was asked for.
fn ods_text(text: &str) -> Result<String, CodeProblem> {
    let clean = cleaned(text);
    if clean.is_empty() {
        return Err(CodeProblem::Empty);
    }
    if is_spreadsheet_damage(&clean) {
        return Err(CodeProblem::SpreadsheetDamaged(quoted(&clean)));
    }
    let joined: String = clean.chars().filter(|letter| *letter != ' ').collect();
    if let Some(code) = joined.strip_suffix("CLOSED") {
        let code = code.trim_end_matches(['-', '(']);
        if (2..=9).contains(&code.len()) && alphanumeric(code) {
            return Err(CodeProblem::ClosedSuffix(code.to_owned()));
        }
    }
    if joined.starts_with("CON1-") || joined.starts_with("1-") && all_digits(&joined[2..]) {
        return Err(CodeProblem::LooksLikeCqcId(quoted(&joined)));
    }
    if joined.len() >= 8 && all_digits(&joined) {
        return Err(CodeProblem::LooksLikeCqcId(quoted(&joined)));
    }
    Ok(joined)
}

macro_rules! code {
    ($(#[$about:meta])* $name:ident) => {
        $(#[$about])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// The code as the register writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = CodeProblem;
            fn try_from(text: String) -> Result<Self, CodeProblem> {
                $name::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(code: $name) -> String {
                code.0.into()
            }
        }
    };
}

code! {
    /// The ODS code of one care site: V and four more letters or digits, `VN139`.
    OdsSiteCode
}
code! {
    /// The ODS code of an organisation's headquarters: A or C and three more, `AQ8C`.
    OdsHqCode
}
code! {
    /// The ODS code of anything: a site, a headquarters, a practice, a council.
    OdsCode
}
code! {
    /// The number under which CQC registers one location, `1-120745060`.
    CqcLocationId
}
code! {
    /// The number under which CQC registers a provider, `1-101655600`.
    CqcProviderId
}
code! {
    /// The number on a registered manager's certificate, `1-1234567890` or `CON1-1234567890`.
    ///
    /// It is in no public register and is never shown back; it is kept only as a keyed hash. Both
    /// printed forms are one value, written without `CON`.
    CqcContactId
}
code! {
    /// A postcode, `OL4 5SR`.
    Postcode
}

macro_rules! shown {
    ($($name:ident)*) => { $(
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    )* };
}
shown! { OdsSiteCode OdsHqCode OdsCode CqcLocationId CqcProviderId Postcode }

/// A contact ID is a proof, so it is in no log: it can be compared and hashed, not printed.
impl std::fmt::Debug for CqcContactId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CqcContactId(…)")
    }
}

impl OdsSiteCode {
    /// Reads a site's ODS code as people type it.
    ///
    /// # Errors
    /// What was typed instead.
    pub fn parse(text: &str) -> Result<Self, CodeProblem> {
        let code = ods_text(text)?;
        if is_hq_shape(&code) {
            return Err(CodeProblem::HqCode(code));
        }
        if code.starts_with('8') && alphanumeric(&code) && (4..=9).contains(&code.len()) {
            return Err(CodeProblem::NonCareCode(code));
        }
        // A code of digits alone is no care site's; three or fewer may be a council's whose
        // leading zero a spreadsheet took away.
        if !(3..=9).contains(&code.len()) || !alphanumeric(&code) || all_digits(&code) {
            return Err(CodeProblem::WrongShape(quoted(&code)));
        }
        Ok(OdsSiteCode(code.into()))
    }

    /// Whether the code has the shape that 97.5 % of social care rows have: V and four more. If not
    /// it is worth a warning, never a refusal.
    pub fn has_usual_shape(&self) -> bool {
        is_site_shape(&self.0)
    }

    /// The code with letters that no care site's code has read as the digits they resemble: worth
    /// trying when the register does not know what was typed.
    pub fn look_alike(&self) -> Option<Self> {
        let swapped: String = self
            .0
            .char_indices()
            .map(|(place, letter)| match (place, letter) {
                (0, _) => letter,
                // The letters B, O, S and U occur in none of 16,336 site codes; I is kept to
                // codes of the usual shape, where 1 is far more frequent.
                (_, 'O') => '0',
                (_, 'I') => '1',
                (_, 'S') => '5',
                (_, 'B') => '8',
                (_, 'U') => 'V',
                _ => letter,
            })
            .collect();
        (is_site_shape(&swapped) && *swapped != *self.0).then(|| OdsSiteCode(swapped.into()))
    }

    /// The same code, of whatever kind.
    pub fn any(&self) -> OdsCode {
        OdsCode(self.0.clone())
    }
}

impl OdsHqCode {
    /// Reads a headquarters' ODS code as people type it.
    ///
    /// # Errors
    /// What was typed instead.
    pub fn parse(text: &str) -> Result<Self, CodeProblem> {
        let code = ods_text(text)?;
        if is_site_shape(&code) {
            return Err(CodeProblem::SiteCode(code));
        }
        if !(2..=9).contains(&code.len()) || !alphanumeric(&code) || code.starts_with('V') {
            return Err(CodeProblem::WrongShape(quoted(&code)));
        }
        Ok(OdsHqCode(code.into()))
    }

    /// Whether the code has the shape of nearly every care headquarters: A or C and three more.
    pub fn has_usual_shape(&self) -> bool {
        is_hq_shape(&self.0)
    }

    /// The same code, of whatever kind.
    pub fn any(&self) -> OdsCode {
        OdsCode(self.0.clone())
    }
}

impl OdsCode {
    /// Reads any ODS code, among them the long ones with dashes that universities have.
    ///
    /// # Errors
    /// What was typed instead.
    pub fn parse(text: &str) -> Result<Self, CodeProblem> {
        let code = ods_text(text)?;
        let (stem, rest) = code.split_once('-').unwrap_or((&code, ""));
        let whole = (2..=9).contains(&stem.len())
            && alphanumeric(stem)
            && code.len() <= 30
            && rest.bytes().all(|b| b == b'-' || b.is_ascii_uppercase() || b.is_ascii_digit())
            && !code.ends_with('-');
        if !whole {
            return Err(CodeProblem::WrongShape(quoted(&code)));
        }
        Ok(OdsCode(code.into()))
    }

    /// The code as a site's, if it can be one.
    pub fn site(&self) -> Option<OdsSiteCode> {
        OdsSiteCode::parse(&self.0).ok()
    }

    /// The code as a headquarters', if it can be one.
    pub fn hq(&self) -> Option<OdsHqCode> {
        OdsHqCode::parse(&self.0).ok()
    }
}

impl From<&OdsSiteCode> for OdsCode {
    fn from(code: &OdsSiteCode) -> Self {
        code.any()
    }
}

impl From<&OdsHqCode> for OdsCode {
    fn from(code: &OdsHqCode) -> Self {
        code.any()
    }
}

/// What is certainly no CQC location or provider number, whichever was asked for.
fn cqc_text(text: &str) -> Result<String, CodeProblem> {
    let clean = cleaned(text);
    if clean.is_empty() {
        return Err(CodeProblem::Empty);
    }
    let joined: String = clean.chars().filter(|letter| *letter != ' ').collect();
    if is_cqc_number(&joined) {
        return Ok(joined);
    }
    if is_spreadsheet_damage(&clean) {
        return Err(CodeProblem::SpreadsheetDamaged(quoted(&clean)));
    }
    if joined.starts_with("CON") {
        return Err(CodeProblem::ContactIdForLocation(quoted(&joined)));
    }
    // "1 234567890" with a space for the dash.
    if let Some(digits) = clean.strip_prefix("1 ")
        && is_cqc_number(&format!("1-{}", digits.trim()))
    {
        return Ok(format!("1-{}", digits.trim()));
    }
    if (9..=11).contains(&joined.len()) && all_digits(&joined) && !joined.starts_with('0') {
        return Err(CodeProblem::MissingPrefix(format!("1-{joined}")));
    }
    if is_hq_shape(&joined) || is_site_shape(&joined) || joined.len() == 5 && joined.starts_with('8') {
        return Err(CodeProblem::LooksLikeOdsCode(joined));
    }
    Ok(joined)
}

impl CqcLocationId {
    /// Reads a CQC location ID as people type it. NHS bodies' locations have their ODS site code
    /// as ID (`RGP75`). A provider's number has the same shape: only the register can tell.
    ///
    /// # Errors
    /// What was typed instead.
    pub fn parse(text: &str) -> Result<Self, CodeProblem> {
        let id = cqc_text(text)?;
        let nhs = id.len() == 5 && alphanumeric(&id) && !all_digits(&id);
        if is_cqc_number(&id) || nhs {
            return Ok(CqcLocationId(id.into()));
        }
        Err(CodeProblem::WrongShape(quoted(&id)))
    }
}

impl CqcProviderId {
    /// Reads a CQC provider ID as people type it. NHS bodies have their ODS code (`RL4`).
    ///
    /// # Errors
    /// What was typed instead.
    pub fn parse(text: &str) -> Result<Self, CodeProblem> {
        let id = cqc_text(text)?;
        let nhs = id.len() == 3 && alphanumeric(&id) && !all_digits(&id);
        if is_cqc_number(&id) || nhs {
            return Ok(CqcProviderId(id.into()));
        }
        Err(CodeProblem::WrongShape(quoted(&id)))
    }
}

impl CqcContactId {
    /// Reads a registered manager's contact ID as people type it.
    ///
    /// # Errors
    /// What was typed instead.
    pub fn parse(text: &str) -> Result<Self, CodeProblem> {
        let clean = cleaned(text);
        let joined: String = clean.chars().filter(|letter| *letter != ' ').collect();
        let number = joined.strip_prefix("CON").unwrap_or(&joined);
        let number = number.trim_start_matches('-');
        if is_cqc_number(number) {
            return Ok(CqcContactId(number.into()));
        }
        match cqc_text(text)? {
            other if alphanumeric(&other) && !all_digits(&other) && other.len() <= 6 => {
                Err(CodeProblem::LooksLikeOdsCode(other))
            }
            other => Err(CodeProblem::WrongShape(quoted(&other))),
        }
    }
}

impl Postcode {
    /// Reads a postcode in any case and spacing; the letter O typed for a nought, and the like, is
    /// put right where the place allows only one of the two.
    ///
    /// # Errors
    /// [`CodeProblem::Empty`] or [`CodeProblem::WrongShape`].
    pub fn parse(text: &str) -> Result<Self, CodeProblem> {
        let clean = cleaned(text);
        if clean.is_empty() {
            return Err(CodeProblem::Empty);
        }
        let mut letters: Vec<char> = clean.chars().filter(|letter| *letter != ' ').collect();
        let wrong = || CodeProblem::WrongShape(quoted(&clean));
        if !(5..=7).contains(&letters.len()) || !letters.iter().all(char::is_ascii_alphanumeric) {
            return Err(wrong());
        }
        let inward = letters.len() - 3;
        letters[inward] = as_digit(letters[inward]);
        for place in [0, inward + 1, inward + 2] {
            letters[place] = as_letter(letters[place]);
        }
        let outward = &letters[..inward];
        let area = outward.iter().take_while(|letter| letter.is_ascii_uppercase()).count();
        let district = &outward[area.min(outward.len())..];
        let outward_right = match (area, district) {
            (1 | 2, [a]) => a.is_ascii_digit(),
            (1 | 2, [a, _]) => a.is_ascii_digit(),
            (3, []) => outward == ['G', 'I', 'R'],
            _ => false,
        };
        let inward_right = letters[inward].is_ascii_digit()
            && letters[inward + 1].is_ascii_uppercase()
            && letters[inward + 2].is_ascii_uppercase();
        if !outward_right || !inward_right {
            return Err(wrong());
        }
        let (outward, inward) = letters.split_at(inward);
        let text: String = outward.iter().chain([' '].iter()).chain(inward).collect();
        Ok(Postcode(text.into()))
    }

    /// The part before the space, `OL4`.
    pub fn outward(&self) -> &str {
        self.0.split(' ').next().unwrap_or("")
    }
}

fn as_digit(letter: char) -> char {
    match letter {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    }
}

fn as_letter(letter: char) -> char {
    match letter {
        '0' => 'O',
        '1' => 'I',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_site_code_is_read_as_people_type_it() {
        for typed in [
            "VN139",
            " vn139 ",
            "\u{a0}VN139\u{a0}",
            "ods code: vn139",
            "ODS Site Code - VN139",
            "(VN139)",
            "\u{feff}VN 139.",
        ] {
            let code = OdsSiteCode::parse(typed).unwrap_or_else(|why| panic!("{typed:?}: {why}"));
            assert_eq!(code.as_str(), "VN139");
            assert!(code.has_usual_shape());
        }
        assert!(!OdsSiteCode::parse("P85612").expect("a practice's code is a warning").has_usual_shape());
    }

    #[test]
    fn what_was_typed_instead_of_a_site_code_is_named() {
        use CodeProblem::*;
        let check = |typed: &str, expect: CodeProblem| {
            assert_eq!(OdsSiteCode::parse(typed), Err(expect), "{typed:?}");
        };
        check("", Empty);
        check("  \u{a0}", Empty);
        check("AQ8C", HqCode("AQ8C".into()));
        check("c409", HqCode("C409".into()));
        check("8HK29", NonCareCode("8HK29".into()));
        check("01/04/2004", SpreadsheetDamaged("01/04/2004".into()));
        check("2004-04-01", SpreadsheetDamaged("2004-04-01".into()));
        check("Apr-04", SpreadsheetDamaged("APR-04".into()));
        check("04-Apr", SpreadsheetDamaged("04-APR".into()));
        check("1.00E+05", SpreadsheetDamaged("1.00E+05".into()));
        check("8A738CLOSED", ClosedSuffix("8A738".into()));
        check("VL0GTClosed", ClosedSuffix("VL0GT".into()));
        check("1-120745060", LooksLikeCqcId("1-120745060".into()));
        check("CON1-1234567890", LooksLikeCqcId("CON1-1234567890".into()));
        check("120745060", LooksLikeCqcId("120745060".into()));
        check("169", WrongShape("169".into()));
        check("V!", WrongShape("V!".into()));
        assert_eq!(OdsHqCode::parse("VN139"), Err(SiteCode("VN139".into())));
    }

    #[test]
    fn letters_that_no_site_code_has_are_read_as_the_digits_they_resemble() {
        let look = |typed: &str| OdsSiteCode::parse(typed).expect("a code").look_alike().map(String::from);
        assert_eq!(look("VNI39").as_deref(), Some("VN139"));
        assert_eq!(look("VMOEV").as_deref(), Some("VM0EV"));
        assert_eq!(look("VM0EV"), None);
        assert_eq!(look("P85O12"), None);
    }

    #[test]
    fn long_codes_of_universities_and_codes_like_numbers_stay_codes() {
        for code in ["8HN69-PCTU", "EE133799-SSCM-CPCSCAPS", "14E", "8E395", "00R", "8hk29"] {
            assert!(OdsCode::parse(code).is_ok(), "{code}");
        }
        assert!(OdsCode::parse("01/04/2003").is_err());
        assert!(OdsCode::parse("A,B").is_err());
    }

    #[test]
    fn a_location_id_is_told_from_what_is_often_typed_for_it() {
        use CodeProblem::*;
        for typed in [
            "1-120745060",
            "CQC location ID: 1-120745060",
            "1\u{2013}120745060",
            "1 120745060",
            "1 - 120745060",
        ] {
            assert_eq!(CqcLocationId::parse(typed).expect(typed).as_str(), "1-120745060");
        }
        assert_eq!(CqcLocationId::parse("rgp75").expect("NHS style").as_str(), "RGP75");
        assert!(CqcLocationId::parse("5J5X2").is_ok(), "a primary care trust's");
        assert_eq!(CqcProviderId::parse("RL4").expect("NHS style").as_str(), "RL4");
        let check = |typed: &str, expect: CodeProblem| assert_eq!(CqcLocationId::parse(typed), Err(expect));
        check("VN139", LooksLikeOdsCode("VN139".into()));
        check("AQ8C", LooksLikeOdsCode("AQ8C".into()));
        check("CON1-1234567890", ContactIdForLocation("CON1-1234567890".into()));
        check("1234567890", MissingPrefix("1-1234567890".into()));
        check("1.20E+09", SpreadsheetDamaged("1.20E+09".into()));
        check("oak house", WrongShape("OAKHOUSE".into()));
    }

    #[test]
    fn both_printed_forms_of_a_contact_id_are_one() {
        let id = CqcContactId::parse("CON1-1234567890").expect("printed form");
        assert_eq!(id, CqcContactId::parse(" 1-1234567890 ").expect("short form"));
        assert_eq!(CqcContactId::parse("VN139"), Err(CodeProblem::LooksLikeOdsCode("VN139".into())));
        assert_eq!(CqcContactId::parse("").unwrap_err(), CodeProblem::Empty);
        assert!(!format!("{id:?}").contains("1234567890"), "it is in no log");
    }

    #[test]
    fn postcodes_are_put_into_their_usual_form() {
        let check = |typed: &str, expect: Option<&str>| {
            assert_eq!(Postcode::parse(typed).ok().map(String::from).as_deref(), expect, "{typed:?}");
        };
        check("OL4  5SR", Some("OL4 5SR"));
        check("ol45sr", Some("OL4 5SR"));
        check("M35 9BG", Some("M35 9BG"));
        check("W1A 1HQ", Some("W1A 1HQ"));
        check("EC1A 1BB", Some("EC1A 1BB"));
        check("GIR 0AA", Some("GIR 0AA"));
        check("OL4 O5R", None);
        check("OL4 OSR", Some("OL4 0SR"));
        check("0L4 5SR", Some("OL4 5SR"));
        check("OLDHAM", None);
        check("", None);
    }

    proptest! {
        #[test]
        fn no_text_breaks_a_code_and_a_code_reads_itself(text in "\\PC{0,40}|[0-9A-Za-z/ :.+-]{0,20}") {
            macro_rules! holds { ($($kind:ident),*) => { $(
                if let Ok(code) = $kind::parse(&text) {
                    prop_assert_eq!($kind::parse(code.as_str()), Ok(code.clone()));
                }
            )* } }
            holds!(OdsSiteCode, OdsHqCode, OdsCode, CqcLocationId, CqcProviderId, CqcContactId, Postcode);
        }
    }
}
