//! `winmail.dat`: attachments as Outlook packs them (Microsoft's [MS-OXTNEF]).

use super::Rule;

/// Attributes that matter here: the short name of an attachment, its bytes, its properties.
const TITLE: u32 = 0x0001_8010;
const DATA: u32 = 0x0006_800f;
const PROPERTIES: u32 = 0x0006_9005;
/// Properties that hold a name: display name, short name, extension, long name, path.
const NAME_PROPERTIES: [u32; 5] = [0x3001, 0x3703, 0x3704, 0x3707, 0x3708];
/// More properties than any attachment has.
const PROPERTIES_MAX: u32 = 1_000;

const UNREADABLE: Rule = Rule::WinmailUnreadable;

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn long(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(self.long()?).ok()
    }
}

/// Calls `found` for each attachment's name and bytes; a name without bytes with none.
///
/// # Errors
/// What `found` answers, and where the file cannot be read.
pub(super) fn look(bytes: &[u8], mut found: impl FnMut(&str, &[u8]) -> Result<(), Rule>) -> Result<(), Rule> {
    let mut reader = Reader(bytes);
    // The mark and a key.
    reader.take(6).ok_or(UNREADABLE)?;
    while !reader.0.is_empty() {
        let mut attribute = || {
            reader.take(1)?;
            let (id, length) = (reader.long()?, reader.length()?);
            let value = reader.take(length)?;
            reader.take(2)?;
            Some((id, value))
        };
        let (id, value) = attribute().ok_or(UNREADABLE)?;
        match id {
            TITLE => found(&super::words::text(value.split(|byte| *byte == 0).next().unwrap_or(&[])), &[])?,
            DATA => found("winmail.dat", value)?,
            PROPERTIES => {
                for name in names(value).ok_or(UNREADABLE)? {
                    found(&name, &[])?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The names among an attachment's properties. `None` where they cannot be read.
fn names(value: &[u8]) -> Option<Vec<String>> {
    let mut reader = Reader(value);
    let mut found = Vec::new();
    let count = reader.long()?;
    if count > PROPERTIES_MAX {
        return None;
    }
    for _ in 0..count {
        let tag = reader.long()?;
        let (kind, id) = (tag & 0xffff, tag >> 16);
        if id >= 0x8000 {
            // A named property: a class, then a number or a name.
            reader.take(16)?;
            if reader.long()? == 0 {
                reader.take(4)?;
            } else {
                let length = reader.length()?;
                reader.take(padded(length)?)?;
            }
        }
        let many = kind & 0x1000 != 0;
        let kind = kind & 0xfff;
        let fixed = match kind {
            // Empty, null, two bytes, four, a truth, an error; small ones are filled up to four.
            0x00 | 0x01 => Some(0),
            0x02 | 0x03 | 0x04 | 0x0a | 0x0b => Some(4),
            0x05 | 0x06 | 0x07 | 0x14 | 0x40 => Some(8),
            0x48 => Some(16),
            _ => None,
        };
        let values = match fixed {
            Some(_) if !many => 1,
            // Strings, bytes and objects say how many there are also where there is one.
            Some(_) | None => reader.long()?,
        };
        for _ in 0..values {
            match fixed {
                Some(0) => break,
                Some(length) => {
                    reader.take(length)?;
                }
                None => {
                    let length = reader.length()?;
                    let bytes = reader.take(length)?;
                    reader.take(padded(length)?.checked_sub(length)?.min(reader.0.len()))?;
                    if NAME_PROPERTIES.contains(&id) {
                        found.extend(read_name(kind, bytes));
                    }
                }
            }
        }
    }
    Some(found)
}

fn padded(length: usize) -> Option<usize> {
    length.checked_next_multiple_of(4)
}

fn read_name(kind: u32, bytes: &[u8]) -> Option<String> {
    match kind {
        0x1e => Some(super::words::text(bytes).trim_end_matches('\0').to_owned()),
        0x1f => {
            let letters: Vec<u16> =
                bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
            Some(String::from_utf16_lossy(&letters).trim_end_matches('\0').to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn attribute(id: u32, value: &[u8]) -> Vec<u8> {
        let mut out = vec![2];
        out.extend(id.to_le_bytes());
        out.extend(u32::try_from(value.len()).expect("short").to_le_bytes());
        out.extend(value);
        out.extend([0, 0]);
        out
    }

    /// A file with one attachment: its short name, its long one and its bytes.
    pub(in super::super) fn winmail(short: &str, long: &str, data: &[u8]) -> Vec<u8> {
        let wide: Vec<u8> = format!("{long}\0").encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut properties = 2_u32.to_le_bytes().to_vec();
        properties.extend(0x3705_0003_u32.to_le_bytes());
        properties.extend(1_u32.to_le_bytes());
        properties.extend(0x3707_001f_u32.to_le_bytes());
        properties.extend(1_u32.to_le_bytes());
        properties.extend(u32::try_from(wide.len()).expect("short").to_le_bytes());
        properties.extend(&wide);
        properties.resize(properties.len().next_multiple_of(4), 0);
        [
            b"\x78\x9f\x3e\x22\x01\x00".to_vec(),
            attribute(TITLE, format!("{short}\0").as_bytes()),
            attribute(DATA, data),
            attribute(PROPERTIES, &properties),
        ]
        .concat()
    }

    #[test]
    fn names_and_bytes_of_attachments_are_found() {
        let mut found = Vec::new();
        look(&winmail("RUN~1.EXE", "run me.exe", b"data"), |name, data| {
            found.push((name.to_owned(), data.to_vec()));
            Ok(())
        })
        .expect("read");
        let expected = [("RUN~1.EXE", &b""[..]), ("winmail.dat", b"data"), ("run me.exe", b"")];
        assert_eq!(found, expected.map(|(name, data)| (name.to_owned(), data.to_vec())));
        for cut in 6..60 {
            // Whatever is cut off, nothing but an answer comes.
            let _ = look(&winmail("a", "b", b"c")[..cut], |_, _| Ok(()));
        }
        assert_eq!(look(b"\x78\x9f\x3e\x22\x01\x00\x02\xff", |_, _| Ok(())), Err(Rule::WinmailUnreadable));
    }
}
