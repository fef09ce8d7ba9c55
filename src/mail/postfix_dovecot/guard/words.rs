//! What encoded words (RFC 2047), percent signs (RFC 2231), base64 and quoted-printable say, read as
//! leniently as the most lenient reader: where readers differ, more is read and not less.

use encoding_rs::Encoding;

/// Text that was decoded, and whether a part of it could not be read for its character set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) text: String,
    /// A character set in which letters stand for other letters, or one that is not known: some reader
    /// may show what the guard does not see.
    pub(super) unreadable: bool,
}

/// How encoded words are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joining {
    /// As RFC 2047 says: white space between two encoded words goes.
    Standard,
    /// Base64 that goes on in the next word is one text. Some readers mend this mistake of some senders.
    Base64Together,
    /// With white space round each word, as readers have it that find it missing.
    Apart,
}

impl Joining {
    pub(super) const ALL: [Joining; 3] = [Joining::Standard, Joining::Base64Together, Joining::Apart];
}

/// Names of character sets beside those of the web's Encoding Standard that hold ASCII as ASCII.
const OTHER_ASCII_CHARSETS: [&str; 14] = [
    "cp437",
    "ibm437",
    "cp850",
    "ibm850",
    "cp858",
    "cp932",
    "ms932",
    "cp936",
    "cp949",
    "cp950",
    "unknown-8bit",
    "x-unknown",
    "unknown",
    "default",
];

/// Bytes in a character set as text. `None` where the set is unknown or does not hold ASCII as ASCII.
fn in_charset(bytes: &[u8], charset: &str) -> Option<String> {
    let name = charset.split('*').next().unwrap_or("").trim();
    if name.is_empty() || OTHER_ASCII_CHARSETS.iter().any(|known| name.eq_ignore_ascii_case(known)) {
        return Some(text(bytes));
    }
    let encoding = Encoding::for_label(name.as_bytes())?;
    // UTF-16 is no byte for a letter, and "replacement" stands for sets that hide ASCII.
    if encoding.output_encoding() != encoding {
        return None;
    }
    if encoding == encoding_rs::UTF_8 {
        return Some(text(bytes));
    }
    Some(encoding.decode_without_bom_handling(bytes).0.into_owned())
}

/// Bytes as UTF-8 where they are, and else each byte as a letter, so that nothing is lost.
pub(super) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// One encoded word in a text.
struct Word<'a> {
    start: usize,
    end: usize,
    charset: &'a str,
    is_base64: bool,
    encoded: &'a str,
}

/// The next encoded word from a place on, as the most lenient readers find it: anything may stand in it.
fn next_word(text: &str, from: usize) -> Option<Word<'_>> {
    let mut from = from;
    while let Some(found) = text.get(from..)?.find("=?") {
        let start = from + found;
        let charset_at = start + 2;
        let word = (|| {
            let (charset, rest) = text[charset_at..].split_once('?')?;
            let way = rest.chars().next()?;
            let is_base64 = match way {
                'b' | 'B' => true,
                'q' | 'Q' => false,
                _ => return None,
            };
            let after = rest[1..].strip_prefix('?')?;
            let length = after.find("?=")?;
            let begin = charset_at + charset.len() + 3;
            let encoded = &after[..length];
            Some(Word { start, end: begin + length + 2, charset, is_base64, encoded })
        })();
        if word.is_some() {
            return word;
        }
        from = charset_at;
    }
    None
}

/// Decodes every encoded word of a text once.
pub(super) fn decode_words(text: &str, joining: Joining) -> Decoded {
    let mut out = Decoded::default();
    let mut at = 0;
    let mut after_word = false;
    while let Some(word) = next_word(text, at) {
        let between = &text[at..word.start];
        if !(after_word && between.chars().all(char::is_whitespace)) {
            out.text.push_str(between);
        }
        let mut encoded = word.encoded.to_owned();
        let (mut end, charset, is_base64) = (word.end, word.charset, word.is_base64);
        if joining == Joining::Base64Together && is_base64 {
            while let Some(next) = next_word(text, end) {
                let adjacent = text[end..next.start].chars().all(char::is_whitespace);
                if !(adjacent && next.is_base64 && next.charset.eq_ignore_ascii_case(charset)) {
                    break;
                }
                encoded.push_str(next.encoded);
                end = next.end;
            }
        }
        let bytes = if is_base64 { base64(encoded.as_bytes()) } else { q_word(encoded.as_bytes()) };
        let decoded = in_charset(&bytes, charset);
        out.unreadable |= decoded.is_none();
        let decoded = decoded.unwrap_or_else(|| self::text(&bytes));
        if joining == Joining::Apart {
            out.text.push(' ');
        }
        out.text.push_str(&decoded);
        if joining == Joining::Apart {
            out.text.push(' ');
        }
        (at, after_word) = (end, true);
    }
    out.text.push_str(text.get(at..).unwrap_or(""));
    out
}

/// A text and everything that encoded words in it may say, also where decoding gives such words again.
pub(super) fn readings(text: &str) -> (Vec<String>, bool) {
    /// How often what was decoded is decoded again.
    const ROUNDS: usize = 3;
    let (mut found, mut unreadable) = (vec![text.to_owned()], false);
    for joining in Joining::ALL {
        let mut now = text.to_owned();
        for _ in 0..ROUNDS {
            if !now.contains("=?") {
                break;
            }
            let decoded = decode_words(&now, joining);
            unreadable |= decoded.unreadable;
            if decoded.text == now {
                break;
            }
            now = decoded.text;
            if !found.contains(&now) {
                found.push(now.clone());
            }
        }
    }
    (found, unreadable)
}

/// Base64, whatever else stands between; each padding ends a piece and what follows is read on.
pub(super) fn base64(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3 + 3);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in bytes {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => {
                (bits, held) = (0, 0);
                continue;
            }
            _ => continue,
        };
        bits = (bits << 6) | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held).to_be_bytes()[3]);
            bits &= (1 << held) - 1;
        }
    }
    out
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Every `mark` and two hexadecimal digits as the byte they mean; what is no such thing stays.
fn unescaped(bytes: &[u8], mark: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = (bytes.get(at + 1).copied().and_then(hex), bytes.get(at + 2).copied().and_then(hex));
        match (*byte == mark, digits) {
            (true, (Some(high), Some(low))) => {
                out.push(high * 16 + low);
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    out
}

fn q_word(bytes: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = bytes.iter().map(|byte| if *byte == b'_' { b' ' } else { *byte }).collect();
    unescaped(&spaced, b'=')
}

/// Quoted-printable, with its soft line ends.
pub(super) fn quoted_printable(bytes: &[u8]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let end = line.iter().rposition(|byte| !b" \t\r\n".contains(byte)).map_or(0, |last| last + 1);
        if line[..end].ends_with(b"=") {
            joined.extend_from_slice(&line[..end - 1]);
        } else {
            joined.extend_from_slice(line);
        }
    }
    unescaped(&joined, b'=')
}

/// Percent signs of RFC 2231 as the bytes they mean.
pub(super) fn percent(text: &str) -> Vec<u8> {
    unescaped(text.as_bytes(), b'%')
}

/// An extended value of RFC 2231, `charset'language'text`, as text.
pub(super) fn extended(value: &str) -> Option<Decoded> {
    let mut parts = value.splitn(3, '\'');
    let (charset, _, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = percent(rest);
    let decoded = in_charset(&bytes, charset.trim().trim_matches('"'));
    let unreadable = decoded.is_none();
    Some(Decoded { text: decoded.unwrap_or_else(|| text(&bytes)), unreadable })
}

/// Lines of uuencode as bytes, to the line `end` or the first that is none.
pub(super) fn uuencoded<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines {
        let Some((length, letters)) = line.split_first() else { break };
        if line.starts_with(b"end") || !(b' '..=b'`').contains(length) {
            break;
        }
        let length = usize::from((length - b' ') & 63);
        if length == 0 {
            break;
        }
        let before = out.len();
        for four in letters.chunks(4) {
            let number = four
                .iter()
                .chain([&b' '; 4])
                .take(4)
                .fold(0_u32, |all, byte| (all << 6) | u32::from(byte.wrapping_sub(b' ') & 63));
            out.extend_from_slice(&number.to_be_bytes()[1..]);
        }
        out.truncate(before + length);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_words_are_read_as_the_most_lenient_reader_does() {
        for (text, says) in [
            ("=?UTF-8?Q?run.e?= =?UTF-8?Q?xe?=", "run.exe"),
            ("=?utf-8?q?run.e?=\t =?iso-8859-1?b?eGU=?=", "run.exe"),
            ("=?utf-8?Q?amy=40carepost.example?=", "amy@carepost.example"),
            ("=?utf-8*en?Q?a=5Fb_c?= d", "a_b c d"),
            ("=?utf-8?b?c n V u?=", "run"),
            ("=?utf-8?x?abc?= =?", "=?utf-8?x?abc?= =?"),
            ("=?=?utf-8?q?a?=", "=?=?utf-8?q?a?="),
            ("a=?utf-8?q?b?=c", "abc"),
        ] {
            let got = decode_words(text, Joining::Standard);
            if text.starts_with("=?=?") {
                // Anything but a panic: readers do not agree here.
                assert!(!got.text.is_empty());
                continue;
            }
            assert_eq!(got, Decoded { text: says.to_owned(), unreadable: false }, "{text}");
        }
        assert_eq!(
            decode_words("=?utf-8?b?cnVuLm?= =?utf-8?b?V4ZQ==?=", Joining::Base64Together).text,
            "run.exe"
        );
        assert_eq!(decode_words("=?utf-8?q?a?=b", Joining::Apart).text, " a b");
        let twice = "=?utf-8?q?=3D=3Futf-8=3Fq=3Fboss=3D40x.example=3F=3D?=";
        assert!(readings(twice).0.contains(&"boss@x.example".to_owned()));
    }

    #[test]
    fn a_character_set_in_which_letters_are_not_letters_is_unreadable() {
        for charset in
            ["utf-7", "utf-16", "utf-16be", "utf-32", "cp037", "hz-gb-2312", "unicode_escape", "iso-2022-kr"]
        {
            assert!(decode_words(&format!("=?{charset}?q?a?="), Joining::Standard).unreadable, "{charset}");
        }
        for charset in [
            "utf-8",
            "US-ASCII",
            "iso-8859-15",
            "windows-1252",
            "koi8-r",
            "gb18030",
            "iso-2022-jp",
            "cp850",
            "",
        ] {
            assert!(!decode_words(&format!("=?{charset}?q?a?="), Joining::Standard).unreadable, "{charset}");
        }
        assert_eq!(decode_words("=?iso-2022-jp?q?care=1B(Bpost?=", Joining::Standard).text, "carepost");
    }

    #[test]
    fn encodings_of_bodies_are_read() {
        assert_eq!(base64(b"TV\r\nqQ AAM=AAAA"), [0x4d, 0x5a, 0x90, 0, 3, 0, 0, 0]);
        assert_eq!(quoted_printable(b"MZ=90=\r\n=00a=\n b=zz"), b"MZ\x90\0a b=zz");
        assert_eq!(percent("run%2Eexe%"), b"run.exe%");
        assert_eq!(extended("UTF-8''a%2eexe").expect("extended").text, "a.exe");
        assert_eq!(extended("no"), None);
        assert_eq!(uuencoded([&b"#0V%T"[..], b"`", b"end"].into_iter()), b"Cat");
    }
}
