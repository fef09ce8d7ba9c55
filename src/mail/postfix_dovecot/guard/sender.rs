//! Who a message says it is from.
//!
//! - Of somebody who has signed in, one strict grammar is read and everything else refused, and the fields
//!   are written anew from what was read: what readers show is then what was checked.
//! - Of mail from outside, whatever some reader could show as an address of ours is found: the field is
//!   turned into every text that a lenient reader may make of it, and each is searched.

use super::names::without_comments;
use super::{Rule, bounds, words};
use std::collections::BTreeSet;
use unicode_normalization::UnicodeNormalization;

/// Fields that readers show as who a message is from.
const SENDER_FIELDS: [&str; 4] = ["From", "Sender", "Resent-From", "Resent-Sender"];

/// Addresses in one Reply-To. Postfix itself takes more; people have one or two.
const REPLY_TO_MAX: usize = 20;

/// A field of a header: its name, and its value with folded lines as they stand.
pub(super) type Field = (String, String);

/// An address and the name before it, as the strict grammar reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mailbox {
    display: String,
    /// In small letters.
    address: String,
}

/// A field to be written in place of another: its name, which of those with that name (from one), its value.
pub(super) type Rewrite = (String, u32, String);

/// What a message of somebody who has signed in says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// Every address that the sender must hold; that of From first.
    pub(super) addresses: Vec<String>,
    pub(super) rewrites: Vec<Rewrite>,
}

fn named<'a>(fields: &'a [Field], name: &str) -> Vec<&'a str> {
    let is = |field: &&Field| field.0.trim().eq_ignore_ascii_case(name);
    fields.iter().filter(is).map(|(_, value)| value.as_str()).collect()
}

/// Reads who a message is from that somebody who has signed in hands in.
///
/// # Errors
/// What about it could be read in two ways, or not at all.
pub(super) fn submitted(fields: &[Field]) -> Result<Said, Rule> {
    let mut said = Said { addresses: Vec::new(), rewrites: Vec::new() };
    for name in SENDER_FIELDS {
        let values = named(fields, name);
        if values.len() > 1 || (name == "From" && values.is_empty()) {
            return Err(Rule::NotOneSender(name));
        }
        for value in values {
            let mailbox = mailbox(value).ok_or(Rule::SenderUnclear(name))?;
            said.rewrites.push((name.to_owned(), 1, mailbox.written()));
            said.addresses.push(mailbox.address);
        }
    }
    match named(fields, "Reply-To")[..] {
        [] => {}
        [value] => {
            let listed = outside_quotes(value, ',');
            if listed.len() > REPLY_TO_MAX {
                return Err(Rule::SenderUnclear("Reply-To"));
            }
            let read: Option<Vec<String>> =
                listed.iter().map(|one| mailbox(one).map(|mailbox| mailbox.written())).collect();
            let read = read.ok_or(Rule::SenderUnclear("Reply-To"))?;
            said.rewrites.push(("Reply-To".to_owned(), 1, read.join(",\n ")));
        }
        [_, _, ..] => return Err(Rule::NotOneSender("Reply-To")),
    }
    Ok(said)
}

/// A text at each mark that does not stand between quotes.
fn outside_quotes(text: &str, mark: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |letter: char| {
        if std::mem::take(&mut escaped) {
            return false;
        }
        match letter {
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => return !quoted && letter == mark,
        }
        false
    })
    .collect()
}

/// One mailbox, alone in its field: `name@domain`, or a name and `<name@domain>`. No comments, no groups, no
/// routes, no quotes in the address, nothing behind it.
fn mailbox(value: &str) -> Option<Mailbox> {
    if value.len() > bounds::SENDER_FIELD_BYTES {
        return None;
    }
    let line: String = value.chars().filter(|letter| !matches!(letter, '\r' | '\n')).collect();
    let line = line.replace('\t', " ");
    let line = line.trim();
    if line.chars().any(char::is_control) {
        return None;
    }
    let parts = outside_quotes(line, '<');
    let (display, address) = match parts[..] {
        [address] => ("", address),
        [display, address] => (display, address.strip_suffix('>')?),
        _ => return None,
    };
    let address = address.to_ascii_lowercase();
    let display = display_name(display.trim())?;
    let fine = is_address(&address) && (!has_at(&display) || display.trim().eq_ignore_ascii_case(&address));
    fine.then_some(Mailbox { display, address })
}

/// Whether a name could be taken for an address.
fn has_at(display: &str) -> bool {
    display.nfkc().any(|letter| letter == '@')
}

fn is_atom_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(letter)
}

/// An address as everybody reads it: atoms with full stops between, and a domain of letters and digits.
fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let is_atom = |atom: &str| !atom.is_empty() && atom.chars().all(is_atom_letter);
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.len() <= 254
        && local.split('.').all(is_atom)
        && domain.contains('.')
        && domain.split('.').all(is_label)
        && !text.contains("=?")
}

/// The name before an address: words, quoted words and encoded words, and full stops, as many write them.
fn display_name(text: &str) -> Option<String> {
    let (mut plain, mut letters) = (String::new(), text.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '"' => loop {
                match letters.next()? {
                    '"' => break,
                    '\\' => plain.push(letters.next()?),
                    letter => plain.push(letter),
                }
            },
            ' ' | '.' => plain.push(letter),
            letter if is_atom_letter(letter) || !letter.is_ascii() => plain.push(letter),
            _ => return None,
        }
    }
    let (readings, unreadable) = words::readings(&plain);
    let plain = words::decode_words(&plain, words::Joining::Standard).text;
    let fine = !unreadable
        && !plain.contains("=?")
        // However it is read, it says the same about addresses.
        && readings.iter().all(|reading| has_at(reading) == has_at(&plain))
        && !plain.chars().any(|letter| letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
    fine.then_some(plain)
}

impl Mailbox {
    /// As it is written into the field.
    fn written(&self) -> String {
        let display = self.display.trim();
        if display.is_empty() {
            return self.address.clone();
        }
        if display.chars().all(|letter| letter == ' ' || letter.is_ascii_alphanumeric()) {
            return format!("{display} <{}>", self.address);
        }
        if display.is_ascii() {
            let escaped = display.replace('\\', "\\\\").replace('"', "\\\"");
            return format!("\"{escaped}\" <{}>", self.address);
        }
        format!("{}\n <{}>", encoded(display), self.address)
    }
}

/// A text as encoded words (RFC 2047), each short enough for a line and whole in its letters.
fn encoded(text: &str) -> String {
    // With "=?utf-8?q??=" a word is 75 letters at most, and a byte takes three.
    const BYTES: usize = 20;
    let mut pieces = vec![String::new()];
    for letter in text.chars() {
        if pieces.last().is_some_and(|piece| piece.len() + letter.len_utf8() > BYTES) {
            pieces.push(String::new());
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push(letter);
        }
    }
    let word = |piece: &String| {
        let letters: String = piece
            .bytes()
            .map(|byte| match byte {
                b' ' => "_".to_owned(),
                byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
                byte => format!("={byte:02X}"),
            })
            .collect();
        format!("=?utf-8?q?{letters}?=")
    };
    pieces.iter().map(word).collect::<Vec<_>>().join("\n ")
}

/// Our domain, as text is searched for it.
#[derive(Clone, Debug)]
pub(super) struct OwnDomain {
    domain: String,
    /// The domain with letters that look alike made the same (Unicode's UTS 39).
    skeleton: String,
}

fn skeleton(text: &str) -> String {
    unicode_security::skeleton(text).collect()
}

impl OwnDomain {
    pub(super) fn new(domain: &str) -> Self {
        let domain = domain.to_lowercase();
        OwnDomain { skeleton: skeleton(&domain), domain }
    }

    /// Whether an address of the domain, or of one below it, stands in a text that [`spelt_out`] made.
    fn is_in(&self, text: &str) -> bool {
        let found = |text: &str, domain: &str| {
            text.match_indices(domain).any(|(at, _)| {
                let (before, after) = (&text[..at], &text[at + domain.len()..]);
                let is_of_label = |letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_';
                // Our domain and nothing more: a full stop may stand behind it, and no other label.
                let mut after = after.chars();
                let ends = match after.next() {
                    None => true,
                    Some('.') => !after.next().is_some_and(is_of_label),
                    Some(letter) => !is_of_label(letter),
                };
                let label = before.trim_end_matches(|letter: char| is_of_label(letter) || letter == '.');
                ends && (before.ends_with('@') || (before.ends_with('.') && label.ends_with('@')))
            })
        };
        let international = international(text);
        found(text, &self.domain)
            || (!international.is_ascii() && found(&skeleton(&international), &self.skeleton))
    }
}

/// A text with domains in Punycode written as people see them.
fn international(text: &str) -> String {
    if !text.contains("xn--") {
        return text.to_owned();
    }
    text.split_inclusive(|letter: char| !(letter.is_alphanumeric() || letter == '-'))
        .map(|label| {
            let (label, mark) =
                match label.chars().last().filter(|last| !(last.is_alphanumeric() || *last == '-')) {
                    Some(mark) => (&label[..label.len() - mark.len_utf8()], Some(mark)),
                    None => (label, None),
                };
            let mut shown =
                if label.starts_with("xn--") { idna::domain_to_unicode(label).0 } else { label.to_owned() };
            shown.extend(mark);
            shown
        })
        .collect()
}

/// Small letters, signs that mean nothing in an address as spaces, and none round `@` and full stops.
fn spelt_out(text: &str, drops_signs: bool) -> String {
    let mut out = String::new();
    for letter in text.nfkc().flat_map(char::to_lowercase) {
        match letter {
            '\u{3002}' => out.push('.'),
            letter if letter.is_alphanumeric() || matches!(letter, '.' | '@' | '-' | '_') => out.push(letter),
            letter if letter.is_whitespace() => out.push(' '),
            // Marks that nobody sees, and what an escape left behind.
            letter if letter.is_control() || (!letter.is_ascii() && is_unseen(letter)) => {}
            '\\' => {}
            _ if drops_signs => {}
            _ => out.push(' '),
        }
    }
    let mut close = String::new();
    for word in out.split(' ').filter(|word| !word.is_empty()) {
        let joins = close.is_empty() || close.ends_with(['.', '@']) || word.starts_with(['.', '@']);
        if !joins {
            close.push(' ');
        }
        close.push_str(word);
    }
    close
}

fn is_unseen(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{300}'..='\u{36f}')
}

/// Whether anything that a reader may make of a field names an address of ours; or that nobody can tell.
fn may_show(value: &str, own: &OwnDomain) -> Result<bool, Rule> {
    let line: String = value.chars().filter(|letter| !matches!(letter, '\r' | '\n')).collect();
    let tight: String = value.split('\n').map(str::trim).collect();
    let mut texts = BTreeSet::new();
    for text in [line, tight] {
        for text in [without_comments(&text), text] {
            let (readings, unreadable) = words::readings(&text);
            if unreadable {
                return Err(Rule::SenderUnclear("From"));
            }
            for reading in readings {
                texts.insert(without_comments(&reading));
                texts.insert(reading);
            }
        }
    }
    Ok(texts.iter().any(|text| [false, true].iter().any(|drops| own.is_in(&spelt_out(text, *drops)))))
}

/// Whether a text holds an address with a domain.
fn has_address(value: &str) -> bool {
    let text = spelt_out(&without_comments(value), false);
    text.match_indices('@').any(|(at, _)| {
        let is_part = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_');
        text[..at].ends_with(|letter: char| is_part(letter) || letter == '.')
            && text[at + 1..].starts_with(is_part)
    })
}

/// Refuses mail from outside that some reader could show as ours, or that does not say who it is from.
///
/// # Errors
/// The rule that refuses it.
pub(super) fn outside(fields: &[Field], own: &OwnDomain) -> Result<(), Rule> {
    if named(fields, "From").len() != 1 {
        return Err(Rule::NotOneSender("From"));
    }
    if named(fields, "Sender").len() > 1 {
        return Err(Rule::NotOneSender("Sender"));
    }
    for name in SENDER_FIELDS {
        for value in named(fields, name) {
            let has_empty_line = value.split('\n').skip(1).any(|line| line.trim().is_empty());
            let has_control =
                value.chars().any(|letter| letter.is_control() && !matches!(letter, '\t' | '\n' | '\x1b'));
            if value.len() > bounds::SENDER_FIELD_BYTES || has_control || has_empty_line {
                return Err(Rule::SenderUnclear(name));
            }
            if may_show(value, own)? {
                return Err(Rule::FromOutsideAsOurs);
            }
            if name == "From" && !has_address(value) {
                return Err(Rule::SenderUnclear(name));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(fields: &[(&str, &str)]) -> Vec<Field> {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn own() -> OwnDomain {
        OwnDomain::new("carepost.example")
    }

    #[test]
    fn a_sender_who_has_signed_in_is_read_by_one_grammar_and_written_anew() {
        for (value, address, written) in [
            ("asha@carepost.example", "asha@carepost.example", "asha@carepost.example"),
            ("<Asha@Carepost.Example>", "asha@carepost.example", "asha@carepost.example"),
            (
                "Asha Patel <asha@carepost.example>",
                "asha@carepost.example",
                "Asha Patel <asha@carepost.example>",
            ),
            (
                "\"Patel, Asha\" <asha@carepost.example>",
                "asha@carepost.example",
                "\"Patel, Asha\" <asha@carepost.example>",
            ),
            (
                "Dr. A. O'Neil\r\n <asha@carepost.example>",
                "asha@carepost.example",
                "\"Dr. A. O'Neil\" <asha@carepost.example>",
            ),
            (
                "\"asha@carepost.example\" <asha@carepost.example>",
                "asha@carepost.example",
                "\"asha@carepost.example\" <asha@carepost.example>",
            ),
            (
                "=?utf-8?q?Si=C3=A2n?= Evans <sian@carepost.example>",
                "sian@carepost.example",
                "=?utf-8?q?Si=C3=A2n_Evans?=\n <sian@carepost.example>",
            ),
            (
                "Siân Evans <sian@carepost.example>",
                "sian@carepost.example",
                "=?utf-8?q?Si=C3=A2n_Evans?=\n <sian@carepost.example>",
            ),
            ("\"A \\\"B\\\" C\" <a@b.example>", "a@b.example", "\"A \\\"B\\\" C\" <a@b.example>"),
        ] {
            let said = submitted(&fields(&[("from", value)])).expect(value);
            assert_eq!(said.addresses, [address], "{value}");
            assert_eq!(said.rewrites, [("From".to_owned(), 1, written.to_owned())], "{value}");
            // What was written is read as the same.
            let again = submitted(&fields(&[("From", written)])).expect(written);
            assert_eq!(again, said, "{value}");
        }
    }

    #[test]
    fn a_sender_that_can_be_read_in_two_ways_is_refused() {
        for value in [
            "boss@carepost.example <zed@carepost.example>",
            "\"boss@carepost.example\" <zed@carepost.example>",
            "=?utf-8?q?boss=40carepost.example?= <zed@carepost.example>",
            "=?utf-16?q?boss?= <zed@carepost.example>",
            "boss＠carepost.example <zed@carepost.example>",
            "<boss@carepost.example> <zed@carepost.example>",
            "boss@carepost.example, zed@carepost.example",
            "Managers: boss@carepost.example;",
            "Managers: zed@carepost.example, boss@carepost.example;",
            "undisclosed-recipients:;",
            "zed@carepost.example (boss@carepost.example)",
            "zed@(boss)carepost.example",
            "boss@carepost.example(<zed@carepost.example>)",
            "<@x:boss@carepost.example>",
            "\"zed\"@carepost.example",
            "zed@carepost.example.",
            "zed@[127.0.0.1]",
            "zed@carepost",
            "zed @carepost.example",
            "zed@carepost.example boss@carepost.example",
            "Zed <zed@carepost.example> boss@carepost.example",
            "Zed <zed@carepost.example>>",
            "Zed <zed@carepost.example",
            "Zed <<zed@carepost.example>>",
            "\"Zed <zed@carepost.example>",
            "Zed",
            "",
            "Zed\r <zed@carepost.example>\u{1}",
            "asha@carepost.example <>",
            "=?utf-8?q?zed=40carepost.example?=",
            "Zed\u{202e} <zed@carepost.example>",
            "zed@xn--crepost-6fg.example, x",
        ] {
            assert!(submitted(&fields(&[("From", value)])).is_err(), "{value}");
        }
        let one = ("From", "zed@carepost.example");
        assert_eq!(submitted(&fields(&[])), Err(Rule::NotOneSender("From")));
        assert_eq!(submitted(&fields(&[one, ("FROM", "b@c.example")])), Err(Rule::NotOneSender("From")));
        for name in ["Sender", "Resent-From", "Resent-Sender", "Reply-To"] {
            assert_eq!(
                submitted(&fields(&[one, (name, "a@b.example"), (name, "a@b.example")])),
                Err(Rule::NotOneSender(name))
            );
            assert!(submitted(&fields(&[one, (name, "boss@carepost.example <a@b.example>")])).is_err());
        }
        let said = submitted(&fields(&[one, ("Sender", "B <b@c.example>")])).expect("two");
        assert_eq!(said.addresses, ["zed@carepost.example", "b@c.example"]);
        let said =
            submitted(&fields(&[one, ("Reply-To", "\"A, B\" <b@c.example>, d@e.example")])).expect("read");
        assert_eq!(said.addresses, ["zed@carepost.example"]);
        assert_eq!(said.rewrites[1].2, "\"A, B\" <b@c.example>,\n d@e.example");
        let long = format!("{} <zed@carepost.example>", "a".repeat(bounds::SENDER_FIELD_BYTES));
        assert!(submitted(&fields(&[("From", &long)])).is_err());
    }

    #[test]
    fn nothing_from_outside_can_be_shown_as_ours() {
        for value in [
            "Bo Li <bo.li@carepost.example>",
            "bo.li@CAREPOST.example",
            "boss@carepost.example <evil@evil.example>",
            "\"boss@carepost.example\" <evil@evil.example>",
            "evil@evil.example (boss@carepost.example)",
            "boss@(x)carepost.example",
            "boss(x)@(y)care(z)post.example",
            "boss @ carepost . example",
            "boss\r\n @carepost.example",
            "boss@care\r\n post.example",
            "=?utf-8?Q?amy.reed=40carepost.example?=",
            "=?utf-8?Q?amy.reed?=@carepost.example",
            "=?utf-8?B?YW15LnJlZWRAY2FyZXBvc3QuZXhhbXBsZQ==?= <evil@evil.example>",
            "=?utf-8?Q?amy.reed=40care?= =?utf-8?Q?post.example?= <evil@evil.example>",
            "=?utf-8?Q?amy.reed=40care?=\r\n\t=?iso-8859-1?B?cG9zdC5leGFtcGxl?= <evil@evil.example>",
            "\"=?utf-8?Q?amy=40carepost.example?=\" <evil@evil.example>",
            "=?utf-8?q?amy=40carepost.example?=evil@evil.example",
            "=?utf-16?q?amy?= <evil@evil.example>",
            "=?utf-7?q?amy+AEA-carepost.example?= <evil@evil.example>",
            "=?iso-2022-jp?q?amy=40care=1B(Bpost.example?= <evil@evil.example>",
            "Managers: boss@carepost.example;",
            "<@x:boss@carepost.example>",
            "<@carepost.example:evil@evil.example>",
            "\"boss\"@carepost.example",
            "boss@\"carepost\".example",
            "bo\\ss@care\\post.example <evil@evil.example>",
            "boss@carepost.example.",
            "boss@mail.carepost.example",
            "boss@x.y.carepost.example",
            "<<boss@carepost.example>>",
            "<boss@carepost.example> <evil@evil.example>",
            "evil@evil.example, boss@carepost.example",
            "boss@carepost.example, evil@evil.example",
            "boss@carepost.example;evil@evil.example",
            "\"boss@carepost.example\"evil@evil.example",
            "boss@cаrepost.example <evil@evil.example>",
            "boss@саrероst.example",
            "boss＠carepost．example",
            "boss@carepost\u{200b}.example",
            "boss@care\u{ad}post.example",
            "boss@ⓒarepost.example",
            "Boss",
            "",
            "Boss <boss>",
            "undisclosed:;",
            "boss@\u{1}evil.example",
            "Evil <evil@evil.example>\r\n \r\n",
            "evil@evil.example\r\n \r\n x",
        ] {
            assert!(outside(&fields(&[("From", value)]), &own()).is_err(), "{value}");
        }
        // The same in Punycode: the first letter of our name in Cyrillic.
        let punycode = format!("boss@{}", idna::domain_to_ascii("сarepost.example").expect("a domain"));
        assert!(punycode.contains("xn--"));
        assert_eq!(outside(&fields(&[("From", &punycode)]), &own()), Err(Rule::FromOutsideAsOurs));
        let fine = ("From", "evil@evil.example");
        for name in ["From", "Sender", "Resent-From", "Resent-Sender"] {
            assert!(outside(&fields(&[fine, (name, "bo@carepost.example")]), &own()).is_err(), "{name}");
        }
        assert!(outside(&fields(&[fine, ("FROM ", "x@y.example")]), &own()).is_err());
        assert!(
            outside(&fields(&[fine, ("Sender", "x@y.example"), ("Sender", "x@y.example")]), &own()).is_err()
        );
        assert!(outside(&fields(&[("Subject", "x")]), &own()).is_err());
        let long = format!("{} <evil@evil.example>", "a".repeat(bounds::SENDER_FIELD_BYTES));
        assert!(outside(&fields(&[("From", &long)]), &own()).is_err());
    }

    #[test]
    fn honest_mail_from_outside_is_taken() {
        for value in [
            "ward@trust.example",
            "A trust <ward@trust.example>",
            "\"Reed, Amy (Ward 4)\" <amy.reed@trust.example>",
            "\"care@home.example\" <care@home.example>",
            "\"Amy at carepost.example\" <amy@trust.example>",
            "Carepost news (carepost.example) <news@letters.example>",
            "x@notcarepost.example",
            "x@carepost.example.org",
            "x@carepost-example.org",
            "=?iso-8859-1?Q?Ren=E9e_Dupont?= <renee@trust.example>",
            "=?UTF-8?B?5YiY5piO?= <liu@trust.example>",
            "Łukasz Żak <l.zak@trust.example>",
            "МВД <post@xn--80aswg.xn--p1ai>",
            "MAILER-DAEMON@mx.trust.example (Mail Delivery System)",
            "a@b.example, c@d.example",
            "<bounce+carepost.example@list.example>",
            "amy=carepost.example@list.example",
            "\"Amy via List\" <list@lists.example>",
            "user@[192.0.2.1]",
        ] {
            assert_eq!(outside(&fields(&[("From", value)]), &own()), Ok(()), "{value}");
        }
        let headers = fields(&[
            ("From", "a@b.example"),
            ("Reply-To", "amy@carepost.example"),
            ("To", "amy@carepost.example"),
        ]);
        assert_eq!(outside(&headers, &own()), Ok(()));
    }
}
