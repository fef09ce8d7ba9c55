//! Registers change how they write a file without notice: columns move, are added and left out, headers are
//! written otherwise, lines stand before them, and encodings, line ends, separators and days differ.
//! Thousands of variants of each layout are made from a seed; each is read as the plain file is, or refused
//! by name, and none is read as something else.

use super::*;
use crate::database::Database;
use crate::register::site_contacts::ContactKey;

/// Variants of each layout.
const VARIANTS: u64 = 700;

/// One layout as a table: what every variant is made from.
struct Layout {
    kind: ImportKind,
    header: &'static [&'static str],
    rows: fn(usize) -> Vec<String>,
    /// Columns that hold days, which are written with the day first.
    days: &'static [usize],
}

const ROWS: usize = 24;

const LAYOUTS: &[Layout] = &[
    Layout {
        kind: ImportKind::Dspt,
        header: &["Code", "Organisation Name", "Status", "Date Of Publication", "Primary Sector"],
        rows: |row| {
            let year = 18 + row % 5;
            vec![
                format!("VN{:03}", 100 + row),
                format!("Café “Zur Eiche” {row} – O’Neill"),
                format!("{year}/{} Standards Met", year + 1),
                format!("{:02}/{:02}/20{}", 13 + row % 15, row % 12 + 1, year + 1),
                "Social Care".to_owned(),
            ]
        },
        days: &[3],
    },
    Layout {
        kind: ImportKind::CqcLocations,
        header: &[
            "Name",
            "Also known as",
            "Address",
            "Postcode",
            "Phone number",
            "Service types",
            "Provider name",
            "Local authority",
            "Region",
            "CQC Location ID (for office use only)",
            "CQC Provider ID (for office use only)",
        ],
        rows: |row| {
            vec![
                format!("Rose Court {row}, “Élan” – East"),
                "-".to_owned(),
                format!("{row} High Street, Shaw, Oldham"),
                "OL2 8SP".to_owned(),
                "0161 496 0000".to_owned(),
                "Residential homes|Nursing homes".to_owned(),
                "Oak Care Limited".to_owned(),
                "Oldham".to_owned(),
                "North West".to_owned(),
                format!("1-{}", 100_000_000 + row),
                "1-222222222".to_owned(),
            ]
        },
        days: &[],
    },
    Layout {
        kind: ImportKind::SiteContacts,
        header: &["Location ID", "Contact ID", "Email", "Telephone"],
        rows: |row| {
            vec![
                format!("1-{}", 100_000_000 + row),
                format!("1-{}", 700_000_000 + row),
                format!("home{row}@oak.example"),
                "01632 960111".to_owned(),
            ]
        },
        days: &[],
    },
];

fn cell(text: &str, delimiter: char, always: bool) -> String {
    if always || text.contains([delimiter, '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

fn table(lines: &[Vec<String>], preamble: &str, delimiter: char, end: &str, quoted: bool) -> String {
    let mut text = preamble.replace('\n', end);
    for line in lines {
        let cells: Vec<String> = line.iter().map(|text| cell(text, delimiter, quoted)).collect();
        text.push_str(&cells.join(&delimiter.to_string()));
        text.push_str(end);
    }
    text
}

fn plain(layout: &Layout) -> String {
    let mut lines = vec![layout.header.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()];
    lines.extend((0..ROWS).map(layout.rows));
    table(&lines, "", ',', "\n", false)
}

/// A variant of a layout, in bytes.
fn variant(layout: &Layout, chance: &mut fastrand::Rng) -> Vec<u8> {
    let mut columns: Vec<usize> = (0..layout.header.len()).collect();
    if chance.bool() {
        for place in (1..columns.len()).rev() {
            columns.swap(place, chance.usize(..=place));
        }
    }
    let letters = chance.usize(..4);
    let extra = chance.usize(..3);
    let style = chance.usize(..4);
    let day = |text: &str| {
        let mut parts = text.split('/');
        let (Some(day), Some(month), Some(year)) = (parts.next(), parts.next(), parts.next()) else {
            return text.to_owned();
        };
        match style {
            0 => text.to_owned(),
            1 => format!("{year}-{month}-{day}"),
            2 => format!("{month}/{day}/{year}"),
            _ => format!("{day}.{month}.{year}"),
        }
    };
    let mut lines = Vec::new();
    let mut header: Vec<String> = columns
        .iter()
        .map(|column| match letters {
            0 => layout.header[*column].to_uppercase(),
            1 => layout.header[*column].to_lowercase(),
            2 => format!("  {} ", layout.header[*column]),
            _ => layout.header[*column].to_owned(),
        })
        .collect();
    header.extend((0..extra).map(|number| format!("New column {number}")));
    lines.push(header);
    for number in 0..ROWS {
        let row = (layout.rows)(number);
        let mut row: Vec<String> = columns
            .iter()
            .map(|column| {
                let text = &row[*column];
                if layout.days.contains(column) { day(text) } else { text.clone() }
            })
            .collect();
        row.extend((0..extra).map(|_| "x".to_owned()));
        lines.push(row);
    }
    let preamble = ["", "", "A list,,\n\n", "Data,\nas published,\n,,,\n"][chance.usize(..4)];
    let delimiter = [',', ',', ';', '\t'][chance.usize(..4)];
    let preamble = preamble.replace(',', &delimiter.to_string());
    let end = ["\n", "\r\n", "\r"][chance.usize(..3)];
    let text = table(&lines, &preamble, delimiter, end, chance.usize(..3) == 0);
    match chance.usize(..5) {
        0 => format!("\u{feff}{text}").into_bytes(),
        1 => encoding_rs::WINDOWS_1252.encode(&text).0.into_owned(),
        2 => [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect(),
        _ => text.into_bytes(),
    }
}

async fn database() -> Database {
    let path = std::env::temp_dir().join("carepost-tests").join(format!("{}.db", crate::id::new_token()));
    let database = Database::open(&crate::database::Address::Sqlite(path)).await.expect("a database");
    database.migrate(0).await.expect("tables");
    database
}

fn options(dry_run: bool) -> Options {
    Options {
        dry_run,
        by: "an operator".to_owned(),
        contact_key: Some(ContactKey::new([3; 32])),
        ..Options::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_drift_are_read_as_the_plain_one_is() {
    let clock = Clock::still(Timestamp::parse_london("2026-11-23 09:00").expect("a time"));
    for layout in LAYOUTS {
        let database = database().await;
        let first = plain(layout);
        let taken = run_bytes(&database, &clock, layout.kind, "a.csv", first.as_bytes(), &options(false))
            .await
            .unwrap_or_else(|why| panic!("{why}"));
        assert_eq!((taken.applied, taken.rejected), (ROWS, 0), "{taken}");
        for number in 1..=VARIANTS {
            let mut chance = fastrand::Rng::with_seed(number);
            let bytes = variant(layout, &mut chance);
            let report = run_bytes(&database, &clock, layout.kind, "a.csv", &bytes, &options(true))
                .await
                .unwrap_or_else(|why| panic!("{} {number}: {why}", layout.kind.name()));
            let counts = (report.rows, report.unchanged, report.applied, report.rejected, report.closed);
            let shown = String::from_utf8_lossy(&bytes);
            assert_eq!(counts, (ROWS, ROWS, 0, 0, 0), "{} {number}: {report}\n{shown}", layout.kind.name());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_without_a_column_that_is_needed_are_refused_by_its_name_or_lose_nothing() {
    let clock = Clock::still(Timestamp::parse_london("2026-11-23 09:00").expect("a time"));
    for layout in LAYOUTS {
        let database = database().await;
        let first = plain(layout);
        run_bytes(&database, &clock, layout.kind, "a.csv", first.as_bytes(), &options(false))
            .await
            .unwrap_or_else(|why| panic!("{why}"));
        for gone in 0..layout.header.len() {
            let keep = |line: Vec<String>| -> Vec<String> {
                line.into_iter()
                    .enumerate()
                    .filter(|(place, _)| *place != gone)
                    .map(|(_, text)| text)
                    .collect()
            };
            let mut lines = vec![keep(layout.header.iter().map(|name| (*name).to_owned()).collect())];
            lines.extend((0..ROWS).map(|row| keep((layout.rows)(row))));
            let text = table(&lines, "", ',', "\n", false);
            let what = (layout.kind.name(), layout.header[gone]);
            match run_bytes(&database, &clock, layout.kind, "a.csv", text.as_bytes(), &options(true)).await {
                Ok(report) => assert_eq!((report.closed, report.rejected), (0, 0), "{what:?}: {report}"),
                Err(ImportRefusal::MissingColumn { .. }) => {}
                Err(other) => panic!("{what:?}: {other}"),
            }
        }
    }
}
