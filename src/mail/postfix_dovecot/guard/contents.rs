//! What an attachment is by its bytes, and what is packed into it.
//!
//! Archives are read by every header in them and not by their tables of contents: programs differ over
//! which of the two counts, and whatever any of them unpacks has a header. Nothing here recurses; what is
//! unpacked counts towards one budget for the whole message.

use super::Rule;
use super::names::{self, BadName};
use super::tnef;
use memchr::memmem;
use std::collections::BTreeSet;
use std::io::Read;

/// How deep archives in archives are looked into; honest mail has one or two.
const ARCHIVES_MAX: u8 = 4;
/// Files in all archives of a message together.
pub(super) const PACKED_MAX: usize = 20_000;
/// So much of a packed file is unpacked to see what it is: an ISO image says so at 32 KiB.
const HEAD: usize = 40 << 10;

/// What is left for looking into one message.
#[derive(Debug)]
pub(super) struct Budget {
    pub(super) bytes: usize,
    pub(super) packed: usize,
}

impl Budget {
    /// Takes so many bytes.
    ///
    /// # Errors
    /// The message is too much to look through.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), Rule> {
        self.bytes = self.bytes.checked_sub(bytes).ok_or(Rule::TooMuchInside)?;
        Ok(())
    }

    fn take_file(&mut self) -> Result<(), Rule> {
        self.packed = self.packed.checked_sub(1).ok_or(Rule::TooMuchInside)?;
        Ok(())
    }
}

/// What bytes are, where that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A program, or what starts one; in words.
    Harmful(&'static str),
    Zip,
    Gzip,
    Tar,
    Tnef,
    /// An archive that nobody here can look into; in words.
    OtherArchive(&'static str),
    /// A picture, a film, a sound or a PDF: never a program, whatever it is called.
    Shown,
    Other,
}

fn is_program_for_windows(bytes: &[u8]) -> bool {
    // Text may begin with these letters; a program's header has zeros.
    bytes.len() >= 64 && bytes.starts_with(b"MZ") && bytes[..64].contains(&0)
}

/// The class of a Windows Installer package, in the directory of a compound file.
const MSI_CLASS: [u8; 16] = [0x84, 0x10, 0x0c, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46];

/// What bytes are. A head of [`HEAD`] bytes is enough but for disk images with a mark at their end.
pub(super) fn kind(bytes: &[u8]) -> Kind {
    let at = |place: usize, mark: &[u8]| bytes.get(place..place + mark.len()) == Some(mark);
    // Files whose mark is not among those that `infer` knows.
    let own: [(usize, &[u8], Kind); 14] = [
        (0, b"\x4c\x00\x00\x00\x01\x14\x02\x00", Kind::Harmful("a Windows shortcut")),
        (
            0,
            b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3",
            Kind::Harmful("a OneNote file"),
        ),
        (0, b"ITSF", Kind::Harmful("compiled help")),
        (0x8001, b"CD001", Kind::Harmful("a disk image")),
        (0, b"conectix", Kind::Harmful("a disk image")),
        (bytes.len().wrapping_sub(512), b"conectix", Kind::Harmful("a disk image")),
        (0, b"vhdxfile", Kind::Harmful("a disk image")),
        (0, b"KDMV", Kind::Harmful("a disk image")),
        (0, b"MSWIM\0\0\0", Kind::Harmful("a disk image")),
        (0, b"\x78\x9f\x3e\x22", Kind::Tnef),
        (7, b"**ACE**", Kind::OtherArchive("an ACE archive")),
        (0, b"\x60\xea", Kind::OtherArchive("an ARJ archive")),
        (0, b"Rar!\x1a\x07", Kind::OtherArchive("a RAR archive")),
        (0, b"7z\xbc\xaf\x27\x1c", Kind::OtherArchive("a 7z archive")),
    ];
    for (place, mark, kind) in own {
        if at(place, mark) {
            return kind;
        }
    }
    if at(2, b"-lh") && at(6, b"-") {
        return Kind::OtherArchive("an LHA archive");
    }
    if is_program_for_windows(bytes) {
        return Kind::Harmful("a program");
    }
    if at(0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") && memmem::find(bytes, &MSI_CLASS).is_some() {
        return Kind::Harmful("an installer");
    }
    if at(0, b"PK\x03\x04") || at(0, b"PK\x05\x06") {
        return Kind::Zip;
    }
    let Some(known) = infer::get(bytes) else { return Kind::Other };
    match (known.matcher_type(), known.extension()) {
        (infer::MatcherType::Image | infer::MatcherType::Video | infer::MatcherType::Audio, _)
        | (_, "pdf") => Kind::Shown,
        (_, "elf" | "mach" | "dex" | "dey" | "class" | "wasm" | "deb" | "rpm" | "crx") => {
            Kind::Harmful("a program")
        }
        (_, "gz") => Kind::Gzip,
        (_, "tar") => Kind::Tar,
        (_, "cab") => Kind::OtherArchive("a CAB archive"),
        (_, "xz") => Kind::OtherArchive("an XZ archive"),
        (_, "bz2") => Kind::OtherArchive("a bzip2 archive"),
        (_, "Z") => Kind::OtherArchive("a compressed archive"),
        (_, "lz" | "lz4") => Kind::OtherArchive("an LZ archive"),
        (_, "zst") => Kind::OtherArchive("a Zstandard archive"),
        _ => Kind::Other,
    }
}

/// Something that is to be looked at: what it is called, and its bytes.
struct Piece {
    name: String,
    bytes: Vec<u8>,
    depth: u8,
}

fn number(bytes: &[u8], at: usize, length: usize) -> Option<usize> {
    bytes
        .get(at..at + length)?
        .iter()
        .rev()
        .try_fold(0_usize, |all, byte| all.checked_mul(256)?.checked_add(usize::from(*byte)))
}

/// A header in a zip archive: before a file or in the table of contents.
struct ZipHeader {
    names: Vec<Vec<u8>>,
    encrypted: bool,
    method: usize,
    /// Where the file's own bytes begin; for a header before a file only.
    data: Option<usize>,
}

/// The methods that PKWARE's specification (APPNOTE 6.3.10, 4.4.5) names.
fn is_zip_method(method: usize) -> bool {
    matches!(method, 0..=10 | 12 | 14 | 16 | 18..=20 | 93..=99)
}

fn zip_header(bytes: &[u8], at: usize) -> Option<ZipHeader> {
    let central = bytes.get(at + 2) == Some(&1);
    let shift = if central { 2 } else { 0 };
    let base = at + 4 + shift;
    let (version, flags, method) =
        (number(bytes, base, 2)?, number(bytes, base + 2, 2)?, number(bytes, base + 4, 2)?);
    let (name_length, extra_length) = (number(bytes, base + 22, 2)?, number(bytes, base + 24, 2)?);
    let name_at = if central { at + 46 } else { at + 30 };
    let name = bytes.get(name_at..name_at + name_length)?;
    // The mark stands in other data by chance; a header looks like one.
    if version & 0xff > 63 || !is_zip_method(method) || name.iter().any(|byte| *byte < 0x20 && *byte != 0) {
        return None;
    }
    let mut names = vec![name.to_vec()];
    let extra_at = name_at + name_length;
    let extra = bytes.get(extra_at..extra_at + extra_length).unwrap_or(&[]);
    let mut place = 0;
    while let (Some(id), Some(length)) = (number(extra, place, 2), number(extra, place + 2, 2)) {
        // The name in Unicode (Info-ZIP): version, checksum, name.
        if id == 0x7075
            && let Some(name) = extra.get(place + 9..place + 4 + length)
        {
            names.push(name.to_vec());
        }
        place += 4 + length;
    }
    let data = (!central).then_some(extra_at + extra_length);
    Some(ZipHeader { names, encrypted: flags & 1 != 0 || method == 99, method, data })
}

/// Reads at most so much of a compressed text. What cannot be read ends it.
fn unpacked(mut from: impl Read, most: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut some = [0; 16 << 10];
    while out.len() < most {
        match from.read(&mut some) {
            Ok(0) | Err(_) => break,
            Ok(count) => out.extend_from_slice(&some[..count]),
        }
    }
    out.truncate(most);
    out
}

/// Looks through an attachment's bytes and everything packed into it.
///
/// # Errors
/// The rule that refuses it.
pub(super) fn look(
    name: &str,
    bytes: Vec<u8>,
    blocked: &BTreeSet<String>,
    budget: &mut Budget,
) -> Result<(), Rule> {
    let mut pieces = vec![Piece { name: name.to_owned(), bytes, depth: 0 }];
    while let Some(piece) = pieces.pop() {
        let found = kind(&piece.bytes);
        match found {
            Kind::Harmful(what) => return Err(Rule::Contents(what, piece.name)),
            Kind::OtherArchive(what) => return Err(Rule::ArchiveOfOtherKind(what, piece.name)),
            Kind::Tnef => tnef::look(&piece.bytes, |name, data| {
                named(name, blocked)?;
                budget.take_file()?;
                budget.take(data.len())?;
                pieces.push(Piece { name: name.to_owned(), bytes: data.to_vec(), depth: piece.depth + 1 });
                Ok(())
            })?,
            Kind::Gzip => {
                let mut packed = flate2::read::MultiGzDecoder::new(piece.bytes.as_slice());
                if let Some(name) = packed.header().and_then(|header| header.filename()) {
                    named(&String::from_utf8_lossy(name), blocked)?;
                }
                let bytes = unpacked(&mut packed, budget.bytes.saturating_add(1));
                budget.take(bytes.len())?;
                pieces.push(Piece { name: piece.name.clone(), bytes, depth: piece.depth + 1 });
            }
            Kind::Tar => look_into_tar(&piece, blocked, budget, &mut pieces)?,
            Kind::Zip | Kind::Shown | Kind::Other => {}
        }
        // A zip archive may stand behind something else, too.
        look_into_zip(&piece, blocked, budget, &mut pieces)?;
        look_into_outlook_message(&piece, blocked)?;
        if pieces.iter().any(|piece| piece.depth > ARCHIVES_MAX) {
            return Err(Rule::TooMuchInside);
        }
    }
    Ok(())
}

fn named(name: &str, blocked: &BTreeSet<String>) -> Result<(), Rule> {
    match names::judge(name, blocked) {
        None => Ok(()),
        Some(BadName::Ending(ending)) => Err(Rule::Ending(ending, name.to_owned())),
        Some(BadName::TurnedRound) => Err(Rule::NameTurnedRound),
    }
}

fn look_into_zip(
    piece: &Piece,
    blocked: &BTreeSet<String>,
    budget: &mut Budget,
    pieces: &mut Vec<Piece>,
) -> Result<(), Rule> {
    let bytes = piece.bytes.as_slice();
    let mut has_header = false;
    for mark in [&b"PK\x03\x04"[..], b"PK\x01\x02"] {
        for at in memmem::find_iter(bytes, mark) {
            let Some(header) = zip_header(bytes, at) else { continue };
            has_header = true;
            budget.take_file()?;
            for name in &header.names {
                let name = super::words::text(name);
                named(&name, blocked)?;
                if name.to_ascii_lowercase().ends_with("vbaproject.bin") {
                    return Err(Rule::Contents("a document with macros", piece.name.clone()));
                }
            }
            if header.encrypted {
                return Err(Rule::ArchiveLocked(piece.name.clone()));
            }
            let Some(data) = header.data.and_then(|data| bytes.get(data..)) else { continue };
            let name = header.names.first().map(|name| super::words::text(name)).unwrap_or_default();
            let deeper = match header.method {
                // Its bytes stand here as they are: its headers, if any, are found by this search itself.
                0 => {
                    let head = &data[..data.len().min(HEAD)];
                    match kind(head) {
                        Kind::Harmful(what) => return Err(Rule::Contents(what, name)),
                        Kind::OtherArchive(what) => return Err(Rule::ArchiveOfOtherKind(what, name)),
                        Kind::Gzip | Kind::Tar | Kind::Tnef => {
                            budget.take(data.len())?;
                            data.to_vec()
                        }
                        Kind::Zip | Kind::Shown | Kind::Other => continue,
                    }
                }
                8 => {
                    let inflate = || flate2::read::DeflateDecoder::new(data);
                    let head = unpacked(inflate(), HEAD);
                    budget.take(head.len())?;
                    match kind(&head) {
                        Kind::Harmful(what) => return Err(Rule::Contents(what, name)),
                        Kind::OtherArchive(what) => return Err(Rule::ArchiveOfOtherKind(what, name)),
                        Kind::Zip | Kind::Gzip | Kind::Tar | Kind::Tnef => {
                            let whole = unpacked(inflate(), budget.bytes.saturating_add(1));
                            budget.take(whole.len())?;
                            whole
                        }
                        Kind::Shown | Kind::Other => continue,
                    }
                }
                _ => {
                    return Err(Rule::ArchiveOfOtherKind("a zip archive of a rare kind", piece.name.clone()));
                }
            };
            pieces.push(Piece { name, bytes: deeper, depth: piece.depth + 1 });
        }
    }
    if bytes.starts_with(b"PK\x03\x04") && !has_header {
        return Err(Rule::ArchiveOfOtherKind("a zip archive that cannot be read", piece.name.clone()));
    }
    Ok(())
}

/// A tar archive: a header of 512 bytes, the file in whole blocks of 512, and so on.
fn look_into_tar(
    piece: &Piece,
    blocked: &BTreeSet<String>,
    budget: &mut Budget,
    pieces: &mut Vec<Piece>,
) -> Result<(), Rule> {
    const BLOCK: usize = 512;
    let (bytes, mut at) = (&piece.bytes, 0);
    while let Some(header) = bytes.get(at..at + BLOCK) {
        if header.iter().all(|byte| *byte == 0) {
            at += BLOCK;
            continue;
        }
        budget.take_file()?;
        let text = |from: usize, to: usize| {
            String::from_utf8_lossy(header[from..to].split(|byte| *byte == 0).next().unwrap_or(&[]))
                .into_owned()
        };
        named(&text(0, 100), blocked)?;
        let Ok(size) = usize::from_str_radix(text(124, 136).trim(), 8) else {
            return Err(Rule::ArchiveOfOtherKind("a tar archive that cannot be read", piece.name.clone()));
        };
        let data = bytes.get(at + BLOCK..).unwrap_or(&[]);
        let data = &data[..size.min(data.len())];
        // Longer names come as a file before: GNU's as they are, those of POSIX in lines `path=`.
        match header[156] {
            b'L' => named(String::from_utf8_lossy(data).trim_end_matches('\0'), blocked)?,
            b'x' | b'g' => {
                for line in String::from_utf8_lossy(data).lines() {
                    if let Some((_, path)) = line.split_once("path=") {
                        named(path, blocked)?;
                    }
                }
            }
            _ => {
                budget.take(data.len())?;
                let (name, bytes) = (text(0, 100), data.to_vec());
                pieces.push(Piece { name, bytes, depth: piece.depth + 1 });
            }
        }
        at = at.saturating_add(BLOCK).saturating_add(size.div_ceil(BLOCK).saturating_mul(BLOCK));
    }
    Ok(())
}

/// A message as Outlook saves it names its attachments in UTF-16; a name that ends in a blocked ending
/// stands there with zeros behind it. `.com` also ends sentences and is left out.
fn look_into_outlook_message(piece: &Piece, blocked: &BTreeSet<String>) -> Result<(), Rule> {
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let bytes = piece.bytes.as_slice();
    if !bytes.starts_with(b"\xd0\xcf\x11\xe0") || memmem::find(bytes, &wide("__substg1.0_")).is_none() {
        return Ok(());
    }
    for dot in memmem::find_iter(bytes, &wide(".")) {
        let letters = bytes[dot + 2..].chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        let run: Vec<u16> = letters.take(20).take_while(|letter| *letter != 0).collect();
        let ending = String::from_utf16_lossy(&run).to_lowercase();
        if ending != "com" && blocked.contains(&ending) {
            return Err(Rule::Ending(ending, piece.name.clone()));
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::io::Write;

    fn endings() -> BTreeSet<String> {
        ["exe", "docm", "js"].map(str::to_owned).into()
    }

    fn budget() -> Budget {
        Budget { bytes: 64 << 20, packed: PACKED_MAX }
    }

    fn looked(bytes: &[u8]) -> Result<(), Rule> {
        look("file", bytes.to_vec(), &endings(), &mut budget())
    }

    /// A program's first bytes.
    pub(in super::super) fn program() -> Vec<u8> {
        let mut bytes = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff".to_vec();
        bytes.resize(200, 0);
        bytes
    }

    fn deflated(bytes: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(bytes).expect("packed");
        packer.finish().expect("packed")
    }

    /// A zip archive of one file, with the name before the file and the name in the table of contents.
    pub(in super::super) fn zip(
        local: &str,
        central: &str,
        flags: u16,
        packs: bool,
        bytes: &[u8],
    ) -> Vec<u8> {
        let data = if packs { deflated(bytes) } else { bytes.to_vec() };
        let method: u16 = if packs { 8 } else { 0 };
        let short = |length: usize| u16::try_from(length).expect("short").to_le_bytes();
        let long = |length: usize| u32::try_from(length).expect("short").to_le_bytes();
        let mut out = b"PK\x03\x04\x14\x00".to_vec();
        out.extend(flags.to_le_bytes());
        out.extend(method.to_le_bytes());
        out.extend([0; 8]);
        out.extend(long(data.len()));
        out.extend(long(bytes.len()));
        out.extend(short(local.len()));
        out.extend([0, 0]);
        out.extend(local.as_bytes());
        out.extend(&data);
        let directory = out.len();
        out.extend(b"PK\x01\x02\x14\x00\x14\x00");
        out.extend(flags.to_le_bytes());
        out.extend(method.to_le_bytes());
        out.extend([0; 8]);
        out.extend(long(data.len()));
        out.extend(long(bytes.len()));
        out.extend(short(central.len()));
        out.extend([0; 16]);
        out.extend(central.as_bytes());
        let length = out.len() - directory;
        out.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
        out.extend(long(length));
        out.extend(long(directory));
        out.extend([0, 0]);
        out
    }

    fn gzip(name: &str, bytes: &[u8]) -> Vec<u8> {
        let mut packer =
            flate2::GzBuilder::new().filename(name).write(Vec::new(), flate2::Compression::default());
        packer.write_all(bytes).expect("packed");
        packer.finish().expect("packed")
    }

    fn tar(name: &str, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![0; 512];
        out[..name.len()].copy_from_slice(name.as_bytes());
        out[124..135].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
        out[156] = b'0';
        out[257..262].copy_from_slice(b"ustar");
        out.extend(bytes);
        out.resize(out.len().div_ceil(512) * 512 + 1024, 0);
        out
    }

    #[test]
    fn bytes_say_what_they_are_whatever_they_are_called() {
        assert_eq!(kind(&program()), Kind::Harmful("a program"));
        assert_eq!(
            kind(b"MZ is how our manager signs letters, and this is one of those letters, it is long"),
            Kind::Other
        );
        let mut image = vec![0; 0x8001];
        image.extend(b"CD001");
        assert!(looked(&image).is_err());
        for bytes in [
            &b"\x4c\0\0\0\x01\x14\x02\0..."[..],
            b"ITSF..",
            b"vhdxfile",
            b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0>\0\x01\0\0\0...............................",
        ] {
            assert!(matches!(kind(bytes), Kind::Harmful(_)), "{bytes:?}");
        }
        for bytes in [&b"Rar!\x1a\x07\0"[..], b"7z\xbc\xaf\x27\x1c\0\0", b"BZh91AY&SY"] {
            assert!(matches!(kind(bytes), Kind::OtherArchive(_)), "{bytes:?}");
        }
        assert_eq!(kind(b"%PDF-1.7"), Kind::Shown);
        assert_eq!(kind(b"\x89PNG\r\n\x1a\n"), Kind::Shown);
        assert_eq!(kind(b"Hello"), Kind::Other);
    }

    #[test]
    fn archives_are_looked_into_by_every_header() {
        let inner = zip("run.exe", "run.exe", 0, true, b"x");
        for bad in [
            zip("run.exe", "run.exe", 0, true, b"x"),
            zip("run.exe", "run.txt", 0, true, b"x"),
            zip("run.txt", "a/run.exe", 0, false, b"x"),
            zip("run.txt", "run.txt", 1, true, b"x"),
            zip("run.txt", "run.txt", 0, true, &program()),
            zip("run.txt", "run.txt", 0, false, &program()),
            zip("in.zip", "in.zip", 0, true, &inner),
            zip("in.zip", "in.zip", 0, false, &inner),
            zip("word/vbaProject.bin", "word/vbaProject.bin", 0, true, b"x"),
            [b"%PDF-1.7".to_vec(), inner.clone()].concat(),
            inner[..inner.len() - 60].to_vec(),
            gzip("run.exe", b"x"),
            gzip("a.txt", &program()),
            gzip("a.tar", &tar("run.exe", b"x")),
            tar("run.exe", b"x"),
            tar("a.txt", &program()),
            tar("a.zip", &inner),
        ] {
            assert!(looked(&bad).is_err(), "{bad:?}");
        }
        for fine in [
            zip("plan.pdf", "plan.pdf", 0, true, b"%PDF-1.7"),
            zip("in.zip", "in.zip", 0, true, &zip("a.txt", "a.txt", 0, true, b"hello")),
            gzip("report.xml", b"<feedback/>"),
            tar("a.txt", b"hello"),
            b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec(),
            Vec::new(),
        ] {
            assert_eq!(looked(&fine), Ok(()), "{fine:?}");
        }
    }

    #[test]
    fn archives_that_unpack_without_end_are_refused() {
        let mut packed = zip("a.txt", "a.txt", 0, true, b"hello");
        for _ in 0..=ARCHIVES_MAX {
            packed = zip("in.zip", "in.zip", 0, true, &packed);
        }
        assert_eq!(looked(&packed), Err(Rule::TooMuchInside));
        let bomb = gzip("a.txt", &vec![0; 65 << 20]);
        assert_eq!(looked(&bomb), Err(Rule::TooMuchInside));
        let many = zip("a", "a", 0, false, b"x").repeat(PACKED_MAX);
        assert_eq!(looked(&many), Err(Rule::TooMuchInside));
    }

    #[test]
    fn a_message_saved_by_outlook_is_looked_into() {
        let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let saved = |name: &str| {
            [
                b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(),
                wide("__substg1.0_3707001F"),
                vec![0; 8],
                wide(name),
                vec![0; 8],
            ]
            .concat()
        };
        assert!(looked(&saved("run.exe")).is_err());
        assert_eq!(looked(&saved("plan.pdf")), Ok(()));
        assert_eq!(looked(&saved("read www.shop.com")), Ok(()));
    }
}
