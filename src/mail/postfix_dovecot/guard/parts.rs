//! The parts of a message, as any reader could find them.
//!
//! Readers differ over which boundary counts, whether a part that says it is a message is one, and what
//! an encoding covers. Whatever a reader takes for a part's header, though, follows a line that begins with
//! two hyphens, or begins a message or the content of another part. So each of these places is read as a
//! header, in one pass over lines and without recursion; a place without fields of MIME counts for nothing.

use super::contents::{self, Budget, Kind};
use super::names::{self, BadName, Names};
use super::{Rule, bounds, words};
use std::collections::{BTreeMap, BTreeSet};

/// Names, in small letters, and values as they stand.
type Fields = Vec<(String, String)>;

/// One place that a reader could take for the header of a part.
struct Part<'a> {
    fields: Fields,
    /// What follows, to the next line with two hyphens.
    near: &'a [u8],
    /// What follows, to the next boundary that the message declares.
    far: &'a [u8],
}

impl Part<'_> {
    fn values<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'b str> + 'b {
        self.fields.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn says(&self, name: &str, word: &str) -> bool {
        self.values(name).any(|value| value.to_ascii_lowercase().contains(word))
    }
}

/// Lines without their ends: after each line feed, or after each carriage return as well.
fn lines(bytes: &[u8], at_every_return: bool) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if at_every_return {
            lines.extend(line.split(|byte| *byte == b'\r'));
        } else {
            lines.push(line);
        }
    }
    lines
}

/// Whether a carriage return stands anywhere but before a line feed.
fn has_bare_return(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'\r', bytes).any(|at| bytes.get(at + 1) != Some(&b'\n'))
}

/// The name of a field that a line begins, in small letters.
fn field_name(line: &[u8]) -> Option<(String, &[u8])> {
    let colon = memchr::memchr(b':', line)?;
    let name = line[..colon].trim_ascii();
    let is_name = !name.is_empty() && name.len() <= 76 && name.iter().all(u8::is_ascii_graphic);
    is_name.then(|| (String::from_utf8_lossy(name).to_ascii_lowercase(), &line[colon + 1..]))
}

/// Lines in which the walk goes from place to place.
struct Lines<'a> {
    lines: Vec<&'a [u8]>,
    /// Those that are empty: a header ends there.
    empty: Vec<usize>,
    /// Those that begin a field of MIME.
    mime: Vec<usize>,
    /// Those that begin with two hyphens.
    hyphens: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(bytes: &'a [u8], at_every_return: bool) -> Self {
        let lines = lines(bytes, at_every_return);
        let which = |is: fn(&[u8]) -> bool| (0..lines.len()).filter(|at| is(lines[*at])).collect();
        let empty = which(<[u8]>::is_empty);
        let mime = which(|line| line.get(..8).is_some_and(|begin| begin.eq_ignore_ascii_case(b"content-")));
        let hyphens = which(|line| line.starts_with(b"--"));
        Lines { lines, empty, mime, hyphens }
    }

    /// The fields of MIME in the header that begins at a line, and the line after its end. None where there
    /// are none. Lines that are no fields do not end a header: some readers go on.
    fn mime_fields(&self, from: usize) -> Result<Option<(Fields, usize)>, Rule> {
        let end = self.empty.get(self.empty.partition_point(|at| *at < from)).copied();
        let end = end.unwrap_or(self.lines.len());
        let first = self.mime.partition_point(|at| *at < from);
        let of_header = self.mime[first..].iter().take_while(|at| **at < end);
        let mut fields = Vec::new();
        for at in of_header {
            let Some((name, value)) = field_name(self.lines[*at]) else { continue };
            let mut value = value.to_vec();
            for line in self.lines[at + 1..end]
                .iter()
                .take_while(|line| line.starts_with(b" ") || line.starts_with(b"\t"))
            {
                value.extend_from_slice(b"\r\n");
                value.extend_from_slice(line);
                if value.len() > bounds::MIME_FIELD_BYTES {
                    break;
                }
            }
            if value.len() > bounds::MIME_FIELD_BYTES || fields.len() >= bounds::FIELDS {
                return Err(Rule::FieldTooLong);
            }
            fields.push((name, words::text(&value)));
        }
        Ok((!fields.is_empty()).then(|| (fields, (end + 1).min(self.lines.len()))))
    }
}

/// What may be the boundary that a Content-Type field declares.
fn boundaries(value: &str) -> Vec<String> {
    let small = value.to_ascii_lowercase();
    let mut found = Vec::new();
    for (at, _) in small.match_indices("boundary") {
        let Some((_, rest)) = value[at + 8..].split_once('=') else { continue };
        let rest = rest.trim_start();
        let read = match rest.strip_prefix('"') {
            Some(inside) => inside.split('"').next().unwrap_or(""),
            None => rest.split([';', ' ', '\t', '\r', '\n']).next().unwrap_or(""),
        };
        let read = read.trim_end();
        if !read.is_empty() {
            found.push(read.to_owned());
        }
    }
    found
}

/// Where a line begins in the bytes it is part of.
fn place(bytes: &[u8], line: &[u8]) -> usize {
    (line.as_ptr() as usize).saturating_sub(bytes.as_ptr() as usize).min(bytes.len())
}

/// Every part of a message, or of bytes that may be one.
fn parts(bytes: &[u8], at_every_return: bool) -> Result<Vec<Part<'_>>, Rule> {
    let lines = Lines::of(bytes, at_every_return);
    let mut declared: BTreeSet<Vec<u8>> = BTreeSet::new();
    let mut found: Vec<(Fields, usize)> = Vec::new();
    // Where contents begin that may be a message or a part themselves, and how deep they are.
    let mut starts = BTreeMap::from([(0, 0)]);
    // Boundaries that are open, and how deep the part is that declared each.
    let mut open: Vec<(Vec<u8>, usize)> = Vec::new();
    let mut hyphens = lines.hyphens.iter().copied().peekable();
    loop {
        let start = starts.first_key_value().map(|(at, depth)| (*at, *depth));
        let (at, depth) = match (start, hyphens.peek().copied()) {
            (None, None) => break,
            (Some((at, depth)), hyphen) if hyphen.is_none_or(|hyphen| at <= hyphen) => {
                starts.pop_first();
                (at, depth)
            }
            (_, Some(hyphen)) => {
                hyphens.next();
                let after = &lines.lines[hyphen][2..];
                let known = open.iter().rposition(|(boundary, _)| after.starts_with(boundary));
                if let Some(place) = known {
                    open.truncate(place + 1);
                }
                (hyphen + 1, open.last().map_or(0, |(_, depth)| *depth) + 1)
            }
            (Some(_), None) => break,
        };
        let Some((fields, content)) = lines.mime_fields(at)? else { continue };
        for (_, value) in fields.iter().filter(|(name, _)| name == "content-type") {
            for boundary in boundaries(value) {
                open.push((boundary.clone().into_bytes(), depth));
                declared.insert(boundary.into_bytes());
            }
        }
        // A field may declare more than one, where it is read in more than one way.
        if depth > bounds::DEPTH || open.len() > bounds::DEPTH * 4 {
            return Err(Rule::TooDeep);
        }
        if found.len() >= bounds::PARTS {
            return Err(Rule::TooManyParts);
        }
        found.push((fields, content));
        starts.insert(content, depth + 1);
    }
    let lengths: BTreeSet<usize> = declared.iter().map(Vec::len).collect();
    let is_declared = |at: &usize| {
        let after = &lines.lines[*at][2..];
        lengths
            .iter()
            .take_while(|length| **length <= after.len())
            .any(|length| declared.contains(&after[..*length]))
    };
    let ends: Vec<usize> = lines.hyphens.iter().copied().filter(|at| is_declared(at)).collect();
    let offset = |line: usize| lines.lines.get(line).map_or(bytes.len(), |line| place(bytes, line));
    let until = |content: usize, ends: &[usize]| {
        let end = ends.get(ends.partition_point(|end| *end < content));
        &bytes[offset(content)..end.map_or(bytes.len(), |end| offset(*end)).max(offset(content))]
    };
    Ok(found
        .into_iter()
        .map(|(fields, content)| Part {
            fields,
            near: until(content, &lines.hyphens),
            far: until(content, &ends),
        })
        .collect())
}

/// Names that attachments in the text itself have (uuencode, yEnc), with the bytes of those that have some.
fn attachments_in_text(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut lines = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut begun = lines.next();
    while let Some(line) = begun {
        if let Some(rest) = line.strip_prefix(b"begin ") {
            let mut words = rest.splitn(2, |byte| *byte == b' ');
            let mode = words.next().unwrap_or(&[]);
            if (3..=4).contains(&mode.len())
                && mode.iter().all(u8::is_ascii_digit)
                && let Some(name) = words.next()
            {
                let rest = lines.clone();
                found.push((words::text(name), words::uuencoded(rest)));
            }
        } else if line.starts_with(b"=ybegin ")
            && let Some((_, name)) = words::text(line).split_once("name=")
        {
            found.push((name.to_owned(), Vec::new()));
        }
        if found.len() > bounds::PARTS {
            break;
        }
        begun = lines.next();
    }
    found
}

/// Whether a type and bytes say both that something is shown and never run: a picture, a film, a sound, a
/// PDF, or a message.
fn is_shown(part: &Part<'_>, decoded: &[u8]) -> bool {
    let mut types = part.values("content-type").peekable();
    let is_none = types.peek().is_none();
    let says = |kinds: &[&str]| {
        part.values("content-type").all(|value| {
            let value = value.trim_start().to_ascii_lowercase();
            kinds.iter().any(|kind| value.starts_with(kind))
        })
    };
    if is_none {
        false
    } else if says(&["message/rfc822", "message/global"]) {
        let first = decoded.split(|byte| *byte == b'\n').next().unwrap_or(&[]);
        field_name(first).is_some() && contents::kind(decoded) == Kind::Other
    } else {
        says(&["image/", "video/", "audio/", "application/pdf"]) && contents::kind(decoded) == Kind::Shown
    }
}

/// Judges the names of a part.
fn judge_names(part: &Part<'_>, decoded: &[u8], blocked: &BTreeSet<String>) -> Result<String, Rule> {
    let mut found = Names::default();
    for name in ["content-type", "content-disposition"] {
        for value in part.values(name) {
            found.add_field(value);
        }
    }
    // Where nothing else names it, some readers take the description.
    if part.says("content-type", "application/") && found.names.is_empty() {
        found.names.extend(part.values("content-description").map(|name| name.trim().to_owned()));
    }
    for name in &found.names {
        match names::judge(name, blocked) {
            // Words on an order of "www.shop.com" are no program, and neither is the picture "logo@firm.com".
            Some(BadName::Ending(ending)) if ending == "com" && is_shown(part, decoded) => {}
            Some(BadName::Ending(ending)) => return Err(Rule::Ending(ending, name.clone())),
            Some(BadName::TurnedRound) => return Err(Rule::NameTurnedRound),
            None => {}
        }
    }
    if let Some(why) = found.unclear {
        return Err(Rule::NameUnclear(why));
    }
    Ok(found.names.into_iter().find(|name| !name.is_empty()).unwrap_or_else(|| "attachment".to_owned()))
}

/// Base64 that is not declared as such: readers exist that see it all the same.
fn seems_base64(bytes: &[u8]) -> bool {
    let head = bytes.trim_ascii_start();
    let head = &head[..head.len().min(60)];
    head.len() == 60 && head.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte))
}

/// What the bytes of a part may mean, decoded by every encoding that it declares or seems to have.
fn decodings(part: &Part<'_>, budget: &mut Budget) -> Result<Vec<Vec<u8>>, Rule> {
    let mut views = vec![part.far];
    if part.near.len() != part.far.len() {
        views.push(part.near);
    }
    let mut found = Vec::new();
    let says = |word| part.says("content-transfer-encoding", word);
    for view in views {
        budget.take(view.len())?;
        if says("base64") || seems_base64(view) {
            found.push(words::base64(view));
        }
        if says("quoted") {
            found.push(words::quoted_printable(view));
        }
        found.push(view.to_vec());
    }
    Ok(found)
}

/// Looks through a whole message.
///
/// # Errors
/// The rule that refuses it.
pub(super) fn look(raw: &[u8], blocked: &BTreeSet<String>) -> Result<(), Rule> {
    let mut budget = Budget { bytes: bounds::LOOKED_THROUGH_BYTES, packed: contents::PACKED_MAX };
    let mut seen = BTreeSet::new();
    let mut left: Vec<(Vec<u8>, usize)> = vec![(raw.to_vec(), 0)];
    let mut count = 0;
    while let Some((bytes, depth)) = left.pop() {
        if depth > bounds::ENCODINGS_DEPTH {
            return Err(Rule::TooDeep);
        }
        for at_every_return in [false, true] {
            if at_every_return && !has_bare_return(&bytes) {
                continue;
            }
            for part in parts(&bytes, at_every_return)? {
                count += 1;
                if count > bounds::PARTS {
                    return Err(Rule::TooManyParts);
                }
                if part.says("content-type", "message/partial")
                    || part.says("content-type", "message/external-body")
                {
                    return Err(Rule::InPieces);
                }
                let decoded = decodings(&part, &mut budget)?;
                let name = judge_names(&part, decoded.first().map_or(&[], Vec::as_slice), blocked)?;
                let holds_parts =
                    part.says("content-type", "multipart/") || part.says("content-type", "message/");
                for bytes in decoded {
                    // The same bytes are found by several ways; looking at them once is enough.
                    let is_as_it_stands = bytes == part.far || bytes == part.near;
                    if !is_as_it_stands && seen.insert(digest(&bytes)) {
                        budget.take(bytes.len())?;
                        left.push((bytes.clone(), depth + 1));
                    }
                    if !(holds_parts && is_as_it_stands) {
                        contents::look(&name, bytes, blocked, &mut budget)?;
                    }
                }
            }
        }
        for (name, data) in attachments_in_text(&bytes) {
            match names::judge(&name, blocked) {
                Some(BadName::Ending(ending)) => return Err(Rule::Ending(ending, name)),
                Some(BadName::TurnedRound) => return Err(Rule::NameTurnedRound),
                None => {}
            }
            budget.take(data.len())?;
            contents::look(&name, data, blocked, &mut budget)?;
        }
    }
    Ok(())
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::super::contents::tests::{program, zip};
    use super::super::tnef::tests::winmail;
    use super::*;

    fn looked(raw: &[u8]) -> Result<(), Rule> {
        look(raw, &super::super::tests::endings())
    }

    fn base64(bytes: &[u8]) -> String {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut out = String::new();
        for three in bytes.chunks(3) {
            let number = three.iter().fold(0_u32, |all, byte| (all << 8) | u32::from(*byte))
                << (8 * (3 - three.len()));
            for place in 0..4 {
                let letter = char::from(LETTERS[(number >> (18 - 6 * place)) as usize & 63]);
                out.push(if place > three.len() { '=' } else { letter });
            }
            if out.len() % 78 == 76 {
                out.push_str("\r\n");
            }
        }
        out
    }

    /// A message with text and one more part.
    fn with(part: &str) -> Vec<u8> {
        format!(
            "From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nHello\r\n--x\r\n{part}\r\n--x--\r\n"
        )
        .into_bytes()
    }

    fn attached(bytes: &[u8], name: &str) -> Vec<u8> {
        with(&format!(
            "Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=\"{name}\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
            base64(bytes)
        ))
    }

    #[test]
    fn a_blocked_name_is_found_wherever_a_reader_may_find_it() {
        let bad = "Content-Disposition: attachment; filename=run.exe";
        let inner = format!("From: c@d.example\r\nMIME-Version: 1.0\r\n{bad}\r\n\r\nbody");
        for raw in [
            with(&format!("{bad}\r\n\r\nx")),
            with(&format!("Content-Disposition: attachment; filename=a.pdf\r\n{bad}\r\n\r\nx")),
            with(&format!("{bad}\r\nContent-Disposition: attachment; filename=a.pdf\r\n\r\nx")),
            with("Content-Type: application/pdf; name=a.exe\r\nContent-Disposition: attachment; filename=a.pdf\r\n\r\nx"),
            with("Content-Type: application/pdf; name=a.pdf\r\nContent-Type: a/b; name=a.exe\r\n\r\nx"),
            with("content-disposition : attachment; filename=run.exe\r\n\r\nx"),
            with("junk that is no field\r\nContent-Disposition: attachment; filename=run.exe\r\n\r\nx"),
            with("X: y\rContent-Disposition: attachment; filename=run.exe\r\n\r\nx"),
            with("Content-Type: application/pdf;\r name=run.exe\r\n\r\nx"),
            with(&format!("Content-Type: message/rfc822\r\n\r\n{inner}")),
            with(&format!("Content-Type: application/octet-stream; name=mail.eml\r\n\r\n{inner}")),
            attached(inner.as_bytes(), "mail.eml"),
            attached(&attached(&program(), "a.pdf"), "mail.eml"),
            format!("From: a@b.example\r\n{bad}\r\n\r\nx").into_bytes(),
            format!("From: a@b.example\r\nContent-Type: text/plain\r\n\r\n--any\r\n{bad}\r\n\r\nx").into_bytes(),
            b"From: a@b.example\r\nContent-Type: text/plain\r\n\r\nHi\r\nbegin 644 run.exe\r\n#0V%T\r\n`\r\nend\r\n".to_vec(),
            with("Content-Type: application/octet-stream\r\nContent-Description: run.exe\r\n\r\nx"),
            with("Content-Type: message/rfc822; name=run.exe\r\n\r\nFrom: a@b.example\r\n\r\nx"),
            with("Content-Type: image/png; name=\"logo@firm.com\"\r\n\r\nnot a picture"),
            with("Content-Type: application/octet-stream; name=\"www.shop.com\"\r\n\r\nx"),
            with("Content-Type: message/rfc822; name=www.shop.com\r\n\r\n\0\x01 no field"),
        ] {
            assert!(looked(&raw).is_err(), "{}", String::from_utf8_lossy(&raw));
        }
    }

    #[test]
    fn bytes_are_looked_at_whatever_they_are_called() {
        let encoded = base64(&program());
        for raw in [
            attached(&program(), "plan.pdf"),
            attached(&zip("run.exe", "run.exe", 0, true, b"x"), "plan.pdf"),
            attached(&zip("run.txt", "run.txt", 1, true, b"x"), "plan.zip"),
            attached(&winmail("RUN.EXE", "run.exe", b"x"), "winmail.dat"),
            attached(&winmail("plan.pdf", "plan.pdf", &program()), "winmail.dat"),
            with(&format!(
                "Content-Type: image/png\r\nContent-Transfer-Encoding: BASE64 (x)\r\n\r\n{encoded}"
            )),
            with(&format!(
                "Content-Type: image/png\r\nContent-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded}"
            )),
            with(&format!("Content-Type: image/png\r\n\r\n{encoded}")),
            with(
                "Content-Type: image/png\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nMZ=90=00=03=00=00=00=04=00=00=00=FF=FF=00=00=B8=00=00=00=00=00=00=00=\r\n=40=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00=00",
            ),
            with("Content-Type: message/partial; id=x; number=1; total=2\r\n\r\nx"),
            with("Content-Type: message/external-body; access-type=url\r\n\r\nx"),
        ] {
            assert!(looked(&raw).is_err(), "{}", String::from_utf8_lossy(&raw));
        }
    }

    #[test]
    fn honest_attachments_are_taken() {
        let png = base64(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR");
        for raw in [
            attached(b"%PDF-1.7 care plan", "plan.pdf"),
            attached(&zip("word/document.xml", "word/document.xml", 0, true, b"<w/>"), "plan.docx"),
            attached(&winmail("plan.pdf", "care plan.pdf", b"%PDF-1.7"), "winmail.dat"),
            attached(b"", "empty.txt"),
            with(
                "Content-Type: message/rfc822; name=\"Your order at www.shop.com\"\r\n\r\nFrom: a@shop.example\r\nSubject: Your order at www.shop.com\r\n\r\nHi",
            ),
            with(&format!(
                "Content-Type: image/png; name=\"logo@firm.com\"\r\nContent-ID: <logo@firm.com>\r\nContent-Disposition: inline; filename=\"logo@firm.com\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{png}"
            )),
            b"From: a@b.example\r\nSubject: hi\r\n\r\nSee www.shop.com\r\n--\r\nAmy Reed\r\nwww.shop.com\r\n"
                .to_vec(),
            b"From: a@b.example\r\n\r\nbegin with the care plan.exe is what he said\r\n".to_vec(),
            b"".to_vec(),
        ] {
            assert_eq!(looked(&raw), Ok(()), "{}", String::from_utf8_lossy(&raw));
        }
    }

    #[test]
    fn nothing_is_too_deep_or_too_much_to_be_answered() {
        let head = "From: a@b.example\r\nSubject: x\r\n";
        let nested = format!("{head}{}", "Content-Type: message/rfc822\r\n\r\n".repeat(33_000));
        assert_eq!(looked(nested.as_bytes()), Err(Rule::TooDeep));
        let mut deep = head.to_owned();
        for place in 0..33_000 {
            deep.push_str(&format!("Content-Type: multipart/mixed; boundary=b{place}\r\n\r\n--b{place}\r\n"));
        }
        assert_eq!(looked(deep.as_bytes()), Err(Rule::TooDeep));
        let wide = format!(
            "{head}Content-Type: multipart/mixed; boundary=b\r\n\r\n{}",
            "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n".repeat(5_000)
        );
        assert_eq!(looked(wide.as_bytes()), Err(Rule::TooManyParts));
        let long = format!("{head}Content-Type: a/b; name=\"{}\"\r\n\r\nx", "a".repeat(100_000));
        assert_eq!(looked(long.as_bytes()), Err(Rule::FieldTooLong));
        let hyphens = format!("{head}\r\n{}", "--\r\n".repeat(500_000));
        assert_eq!(looked(hyphens.as_bytes()), Ok(()));
        let colons = format!("{head}\r\n{}", "--\r\na: b\r\n".repeat(200_000));
        assert_eq!(looked(colons.as_bytes()), Ok(()));
        let mut inner = b"From: a@b.example\r\n\r\nx".to_vec();
        for _ in 0..10 {
            inner = attached(&inner, "mail.eml");
        }
        assert_eq!(looked(&inner), Err(Rule::TooDeep));
    }
}
