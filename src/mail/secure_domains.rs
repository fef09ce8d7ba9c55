//! The list of domains accredited for secure email (DCB1596): mail to them is as safe as mail between
//! our own mailboxes, and the mail servers insist on an encrypted connection to them.
//!
//! The list is a CSV file that NHS England publishes; only its column `domain` is needed, and
//! `organisation` is kept where there is one. Column names are found whatever their case.

use std::collections::BTreeMap;

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// Organisation by domain.
    pub domains: BTreeMap<String, String>,
    /// Lines that hold no domain, and why.
    pub rejected: Vec<(usize, String)>,
}

/// Reads a list. A domain that stands there twice counts once.
///
/// # Errors
/// In words, where the file is no such list: no column `domain`, or more rows rejected than taken.
pub fn read(bytes: &[u8]) -> Result<Read, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(bytes);
    let headers = reader.headers().map_err(|error| error.to_string())?.clone();
    let column = |names: &[&str]| {
        headers
            .iter()
            .position(|header| names.contains(&header.to_lowercase().replace(['_', '-'], " ").as_str()))
    };
    let domain_column =
        column(&["domain", "email domain", "domain name"]).ok_or("the file has no column called domain")?;
    let organisation_column = column(&["organisation", "organisation name", "name"]);
    let mut read = Read { domains: BTreeMap::new(), rejected: Vec::new() };
    for (place, row) in reader.byte_records().enumerate() {
        let line = place + 2;
        let Ok(row) = row else {
            read.rejected.push((line, "the row cannot be read".to_owned()));
            continue;
        };
        let text = |column: usize| String::from_utf8_lossy(row.get(column).unwrap_or(b"")).into_owned();
        let domain = text(domain_column).trim_start_matches('@').trim_end_matches('.').to_lowercase();
        if is_domain(&domain) {
            let organisation = organisation_column.map(text).unwrap_or_default();
            read.domains.insert(domain, organisation.chars().take(200).collect());
        } else {
            read.rejected
                .push((line, format!("“{}” is not a domain", domain.chars().take(80).collect::<String>())));
        }
    }
    if read.domains.is_empty() || read.rejected.len() > read.domains.len() {
        return Err(format!(
            "the file does not look like a list of domains: {} rows taken, {} rejected",
            read.domains.len(),
            read.rejected.len()
        ));
    }
    Ok(read)
}

fn is_domain(text: &str) -> bool {
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_whatever_its_dress() {
        let read = read(b"\xef\xbb\xbfOrganisation Name,Domain\r\n\"A trust, north\",@Trust.example\r\nB,b.example.\r\nC,not a domain\r\nA again,trust.example\r\n")
            .expect("a list");
        let domains: Vec<&str> = read.domains.keys().map(String::as_str).collect();
        assert_eq!(domains, ["b.example", "trust.example"]);
        assert_eq!(read.rejected, [(4, "“not a domain” is not a domain".to_owned())]);
    }

    #[test]
    fn another_kind_of_file_is_refused() {
        for bytes in [&b""[..], b"name,town\na,b\n", b"domain\n1 2\n-\nok.example\n", b"\x00\xff\xfe"] {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_domain_is_names_with_dots_between() {
        for good in ["nhs.net", "a-b.c1.example"] {
            assert!(is_domain(good), "{good}");
        }
        for bad in ["", "localhost", "-a.example", "a-.example", "a..example", "a b.example", "a.example'"] {
            assert!(!is_domain(bad), "{bad}");
        }
    }
}
