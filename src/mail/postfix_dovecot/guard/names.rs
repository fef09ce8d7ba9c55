//! Every name under which a reader may show or save an attachment, and whether its ending is refused.
//!
//! Readers differ over which of two parameters counts, what is a comment, where quotes end and how
//! folded lines join. So no one of them is imitated: each name that any of them could take is judged.

use super::words::{self, extended, percent};
use std::collections::{BTreeMap, BTreeSet};

/// Names in one field, pieces of names included. Honest ones have two, and a long name ten pieces.
const NAMES_MAX: usize = 64;

/// What a field says about names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) names: BTreeSet<String>,
    /// Some reader may see a name that this program does not, and why.
    pub(super) unclear: Option<&'static str>,
}

/// One `name=…`, `filename=…`, or a piece of one.
struct Piece {
    /// The parameter's name without stars: pieces of one name belong together.
    of: String,
    number: Option<u32>,
    /// What readers may take for its value, the most usual first.
    values: Vec<String>,
}

/// A text without comments in round brackets; brackets between quotes are none.
pub(super) fn without_comments(text: &str) -> String {
    let (mut out, mut depth, mut quoted, mut escaped) = (String::new(), 0_usize, false, false);
    for letter in text.chars() {
        let plain = !std::mem::take(&mut escaped);
        if plain && letter == '\\' {
            escaped = true;
        }
        match letter {
            '"' if plain && depth == 0 => quoted = !quoted,
            '(' if plain && !quoted => {
                depth += 1;
                continue;
            }
            ')' if plain && depth > 0 => {
                depth -= 1;
                continue;
            }
            _ => {}
        }
        if depth == 0 {
            out.push(letter);
        }
    }
    out
}

/// Folded lines put together with the white space between them, and without it.
fn unfolded(value: &str) -> [String; 2] {
    let kept: String = value.chars().filter(|letter| !matches!(letter, '\r' | '\n')).collect();
    let mut dropped = String::new();
    let mut lines = value.split('\n');
    dropped.push_str(lines.next().unwrap_or("").trim_end_matches('\r'));
    for line in lines {
        dropped.push_str(line.trim_start_matches([' ', '\t']).trim_end_matches('\r'));
    }
    [kept, dropped]
}

/// What may be the value that begins here.
fn values(rest: &str) -> Vec<String> {
    let to_semicolon = rest.split(';').next().unwrap_or(rest);
    let mut values = Vec::new();
    if let Some(inside) = rest.strip_prefix('"') {
        let (mut text, mut escaped) = (String::new(), false);
        for letter in inside.chars() {
            if std::mem::take(&mut escaped) {
                text.push(letter);
            } else if letter == '\\' {
                escaped = true;
            } else if letter == '"' {
                break;
            } else {
                text.push(letter);
            }
        }
        values.push(text);
        values.push(inside.split('"').next().unwrap_or("").to_owned());
        values.push(inside.trim_end().trim_end_matches('"').to_owned());
    } else {
        values.push(to_semicolon.to_owned());
        values.push(rest.split([';', ' ', '\t']).next().unwrap_or("").to_owned());
        values.push(rest.split([';', ',', ' ', '\t']).next().unwrap_or("").to_owned());
    }
    values.push(to_semicolon.trim().trim_matches('"').to_owned());
    values
}

/// The parameters of a text that name something: every place where `name` and a sign of equality stand.
fn pieces(text: &str) -> (Vec<Piece>, bool) {
    let small = text.to_ascii_lowercase();
    let mut found = Vec::new();
    for (at, _) in small.match_indices("name") {
        let after = &text[at + 4..];
        let mut rest = after.trim_start();
        let mut number = None;
        if let Some(starred) = rest.strip_prefix('*') {
            let starred = starred.trim_start();
            let digits = starred.bytes().take_while(u8::is_ascii_digit).count();
            // More digits than this are no number of a piece, and all of them then the last.
            number = (digits > 0).then(|| starred[..digits].parse().unwrap_or(u32::MAX));
            rest = starred[digits..].trim_start();
            rest = rest.strip_prefix('*').unwrap_or(rest).trim_start();
        }
        let Some(value) = rest.strip_prefix('=') else { continue };
        let before = small[..at].bytes().rev().take_while(u8::is_ascii_alphanumeric).count();
        found.push(Piece {
            of: small[at - before..at].to_owned(),
            number,
            values: values(value.trim_start()),
        });
        if found.len() > NAMES_MAX {
            return (found, true);
        }
    }
    (found, false)
}

impl Names {
    fn add(&mut self, name: &str) {
        let mut texts = vec![name.to_owned()];
        if name.contains('%') {
            texts.push(words::text(&percent(name)));
        }
        if let Some(decoded) = extended(name) {
            if decoded.unreadable {
                self.unclear = Some("a name in a character set that not every reader knows");
            }
            texts.push(decoded.text);
        }
        for text in texts {
            let (readings, unreadable) = words::readings(&text);
            if unreadable {
                self.unclear = Some("a name in a character set that not every reader knows");
            }
            self.names.extend(readings);
        }
    }

    /// Adds the names of a Content-Type or a Content-Disposition field as it stands, folded lines and all.
    pub(super) fn add_field(&mut self, value: &str) {
        let mut texts = BTreeSet::new();
        for unfolded in unfolded(value) {
            let (readings, _) = words::readings(&unfolded);
            for text in readings {
                texts.insert(without_comments(&text));
                texts.insert(text);
            }
        }
        for text in texts {
            let (pieces, too_many) = pieces(&text);
            if too_many {
                self.unclear = Some("a field with too many names");
                return;
            }
            let mut together: BTreeMap<&str, BTreeMap<u32, &Piece>> = BTreeMap::new();
            for piece in &pieces {
                if piece.number.is_none() {
                    for value in &piece.values {
                        self.add(value);
                    }
                }
                if let Some(number) = piece.number
                    && together.entry(&piece.of).or_default().insert(number, piece).is_some()
                {
                    self.unclear = Some("a name with the same piece twice");
                }
            }
            for pieces in together.values() {
                let usual = |piece: &&Piece| piece.values.first().cloned().unwrap_or_default();
                let all: String = pieces.values().map(usual).collect();
                // Readers differ over where the last piece ends; the name's ending is there.
                if let Some((_, last)) = pieces.last_key_value() {
                    let count = pieces.len() - 1;
                    let before: String = pieces.values().take(count).map(usual).collect();
                    for value in &last.values {
                        self.add(&format!("{before}{value}"));
                    }
                }
                // Some readers stop where a number is missing.
                let to_gap: String = pieces
                    .iter()
                    .zip(0..)
                    .take_while(|((number, _), expected)| **number == *expected)
                    .map(|((_, piece), _)| usual(piece))
                    .collect();
                for text in [all, to_gap] {
                    self.add(&text);
                }
            }
        }
    }
}

/// Marks that nobody sees and that no name needs.
fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffc}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// What is wrong with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BadName {
    /// Its ending, small and without the full stop.
    Ending(String),
    /// Marks that turn the writing round, so that the ending is not where one sees it.
    TurnedRound,
}

/// What is wrong with a name, as any computer that saves and opens the file may see it.
pub(super) fn judge(name: &str, blocked: &BTreeSet<String>) -> Option<BadName> {
    if name.contains(['\u{202d}', '\u{202e}']) {
        return Some(BadName::TurnedRound);
    }
    let cut = name.split('\0').next().unwrap_or("");
    let mut texts = vec![name.to_owned(), cut.to_owned()];
    if !name.is_ascii() {
        // Programs that know ASCII alone write the nearest letters in place of others.
        texts.push(any_ascii::any_ascii(name));
    }
    for text in texts {
        let seen: String = text.chars().filter(|letter| !is_invisible(*letter)).collect();
        for part in seen.split(['/', '\\', ':']) {
            // Windows takes these away, or puts others in their place, when it saves.
            let part = part.trim_matches(|letter: char| {
                letter.is_whitespace()
                    || matches!(letter, '.' | '"' | '\'' | '<' | '>' | '|' | '?' | '*' | ';' | ',' | '`')
            });
            // The leading full stop of a name that is all ending went with the others.
            let ending = part
                .rsplit_once('.')
                .map(|(_, ending)| ending)
                .or_else(|| (seen.trim_start().starts_with('.')).then_some(part));
            let Some(ending) = ending else { continue };
            let ending = ending.trim().to_lowercase();
            // An ending may also be the number of a program.
            if blocked.contains(&ending) || ending.starts_with('{') {
                return Some(BadName::Ending(ending));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endings() -> BTreeSet<String> {
        ["exe", "docm", "js", "com"].map(str::to_owned).into()
    }

    fn is_bad(field: &str) -> bool {
        let mut names = Names::default();
        names.add_field(field);
        names.unclear.is_some() || names.names.iter().any(|name| judge(name, &endings()).is_some())
    }

    #[test]
    fn every_way_of_writing_a_name_is_judged() {
        for field in [
            "application/octet-stream; name=run.exe",
            "application/octet-stream; NAME = \"RUN.EXE\"",
            "attachment; filename=\"letter.pdf.exe\"",
            "attachment; filename=\"run.exe. \"",
            "attachment; filename*=UTF-8''run%2Eexe",
            "attachment; filename*=\"UTF-8''run%2Eexe\"",
            "attachment;\r\n filename*0=\"ru\";\r\n filename*1=\"n.ex\";\r\n filename*2=\"e\"",
            "attachment; filename*1*=xe; filename*0*=utf-8''run.e",
            "attachment; filename*0=run.exe; filename*2=.pdf",
            "attachment; filename*0=a.pdf; filename*1=.exe; filename*1=.txt",
            "attachment; filename=\"=?UTF-8?B?cnVuLmV4ZQ==?=\"",
            "attachment; filename=\"=?UTF-8?Q?run.e?= =?UTF-8?Q?xe?=\"",
            "attachment; filename=\"=?UTF-8?Q?run.e?=\r\n\t=?UTF-8?Q?xe?=\"",
            "attachment; filename=\"=?utf-7?Q?run.pdf?=\"",
            "attachment; filename*=utf-16''a.pdf",
            "attachment; filename=\"a.pdf\"; filename*=UTF-8''a.exe",
            "attachment; filename*=UTF-8''a.pdf; filename=a.exe",
            "attachment; filename=a.pdf; filename=a.exe",
            "attachment; (filename=a.pdf) filename=a.exe",
            "attachment; filename=(x)a.exe",
            "attachment; filename=a(x).exe(y)",
            "attachment; filename=\"a.pdf\" .exe",
            "attachment; filename=\"a\\.ex\\e\"",
            "attachment; filename=\"a.exe",
            "attachment; filename=\"a.exe\\\"",
            "attachment; filename='a.exe'",
            "attachment; filename=\"run.e\r\n xe\"",
            "attachment; filename=\"c:\\temp\\run.exe\"",
            "attachment; filename=\"run.exe/\"",
            "attachment; filename=\"run.exe::$DATA\"",
            "attachment; filename=\"run.exe\u{200b}\"",
            "attachment; filename=\"run\u{202e}fdp.exe\"",
            "attachment; filename=\"ann\u{202e}exe.pdf\"",
            "attachment; filename=\"run.exe\0.pdf\"",
            "attachment; filename=\"run．ｅｘｅ\"",
            "attachment; filename=.exe",
            "attachment; filename=\"x.{3050f4d8-98b5-11cf-bb82-00aa00bdce0b}\"",
            "=?utf-8?q?attachment=3B_filename=3Drun.exe?=",
        ] {
            assert!(is_bad(field), "{field}");
        }
        for field in [
            "application/pdf; name=care-plan.pdf",
            "attachment; filename=\"exe\"",
            "attachment; filename=\"run.exe.txt\"",
            "attachment; filename=\"J. Smith (next.js notes).docx\"",
            "text/plain; charset=utf-8",
            "attachment; filename*0*=UTF-8''Si%C3%A2n; filename*1=\" Evans.com\"; filename*2=\"pany.pdf\"",
            "attachment; filename=\"Pflegeplan für März.pdf\"",
            "attachment; filename=\"תוכנית טיפול.pdf\"",
        ] {
            assert!(!is_bad(field), "{field}");
        }
        let many = "name=a;".repeat(NAMES_MAX + 2);
        assert!(is_bad(&many));
    }
}
