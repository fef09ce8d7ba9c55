//! The sample register of the demo and the stories: a small cut of real public rows, with what is
//! invented in it listed in `samples/README.md`.

use super::dspt::AssessmentYear;
use super::import::{ImportKind, ImportRefusal, Limits, Options, Report, run_bytes};
use super::site_contacts::ContactKey;
use super::store::{self, PastImport};
use crate::clock::{Clock, Day};
use crate::database::Database;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// The assessment year that most rows of the shipped `dspt.csv` are of.
const DSPT_SHIPPED: i16 = 2025;

/// What the sample is called where a finding says where it comes from.
pub const SOURCE: &str = "sample";

/// The files, in the order in which they are imported: the ratings first, because they alone name
/// the providers, and the API bodies are newer.
const FILES: [(ImportKind, &str, &[u8]); 8] = [
    (ImportKind::CqcProviders, "cqc-providers.ndjson", include_bytes!("../../samples/cqc-providers.ndjson")),
    (ImportKind::CqcLocations, "cqc-ratings.csv", include_bytes!("../../samples/cqc-ratings.csv")),
    (ImportKind::CqcLocations, "cqc-locations.ndjson", include_bytes!("../../samples/cqc-locations.ndjson")),
    (ImportKind::OdsHqs, "ods-hqs.csv", include_bytes!("../../samples/ods-hqs.csv")),
    (ImportKind::OdsSites, "ods-sites.csv", include_bytes!("../../samples/ods-sites.csv")),
    (ImportKind::OdsSuccession, "ods-succession.csv", include_bytes!("../../samples/ods-succession.csv")),
    (ImportKind::Dspt, "dspt.csv", include_bytes!("../../samples/dspt.csv")),
    (ImportKind::SiteContacts, "site-contacts.csv", include_bytes!("../../samples/site-contacts.csv")),
];

/// Imports the sample register. Files that were loaded before are left out, so doing it again
/// changes nothing and answers with no reports.
///
/// The DSPT rows are moved to the assessment year of today, so that the demo does not grow old.
///
/// # Errors
/// What the import answered.
pub async fn load(
    database: &Database,
    clock: &Clock,
    key: &ContactKey,
) -> Result<Vec<Report>, ImportRefusal> {
    let today = clock.now().day();
    let options = Options {
        source: Some(SOURCE.to_owned()),
        data_date: Some(today),
        by: "sample".to_owned(),
        limits: Limits::NONE,
        contact_key: Some(key.clone()),
        ..Options::default()
    };
    let past = store::past_imports(database).await?;
    let mut reports = Vec::with_capacity(FILES.len());
    for (kind, name, bytes) in FILES {
        let bytes = if kind == ImportKind::Dspt {
            Cow::Owned(moved_to(today, &String::from_utf8_lossy(bytes)).into_bytes())
        } else {
            Cow::Borrowed(bytes)
        };
        let sha256 = crate::id::hex(&Sha256::digest(&bytes));
        let loaded = |import: &PastImport| import.source == SOURCE && import.sha256 == sha256;
        if !past.iter().any(loaded) {
            reports.push(run_bytes(database, clock, kind, name, &bytes, &options).await?);
        }
    }
    Ok(reports)
}

/// The DSPT rows with every year moved by as many years as today is after the shipped year.
fn moved_to(today: Day, csv: &str) -> String {
    let by = AssessmentYear::of(today).starts() - DSPT_SHIPPED;
    let mut moved = String::with_capacity(csv.len());
    for line in csv.lines() {
        let cells: Vec<String> = line
            .split(',')
            .map(|cell| {
                moved_status(cell, by).or_else(|| moved_date(cell, by)).unwrap_or_else(|| cell.to_owned())
            })
            .collect();
        moved.push_str(&cells.join(","));
        moved.push('\n');
    }
    moved
}

/// "25/26 Standards Met" by some years.
fn moved_status(cell: &str, by: i16) -> Option<String> {
    let (year, level) = cell.split_once(' ')?;
    let starts = AssessmentYear::parse(year)?.starts() + by;
    Some(format!("{:02}/{:02} {level}", starts.rem_euclid(100), (starts + 1).rem_euclid(100)))
}

/// "30/06/2026" by some years.
fn moved_date(cell: &str, by: i16) -> Option<String> {
    let day = (cell.len() == 10).then(|| super::read_day(cell))??;
    Some(format!("{:02}/{:02}/{:04}", day.day, day.month, day.year + by))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::database::for_tests::both_engines;
    use crate::register::dspt::{CoveredBy, DsptLevel, DsptStanding};
    use crate::register::{CqcContactId, CqcLocationId, Imported, OdsSiteCode, find};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_sample_loads_whole_and_answers_as_its_guide_says() {
        for database in both_engines().await {
            let clock = Clock::still(Timestamp::parse_london("2026-03-02 09:00").expect("a time"));
            let key = ContactKey::new([1; 32]);
            for report in load(&database, &clock, &key).await.expect("it loads") {
                assert_eq!(report.rejected, 0, "{report}");
                assert!(report.applied > 0, "{report}");
            }
            let again = load(&database, &clock, &key).await.expect("it loads again");
            assert!(again.is_empty(), "{again:?}");

            let imported = Imported::new(database.clone());
            let today = clock.now().day();
            let standing = async |code: &str| {
                let code = OdsSiteCode::parse(code).expect("a code");
                imported
                    .dspt_standing(&code, today, &DsptLevel::ApproachingStandards)
                    .await
                    .expect("an answer")
            };
            assert!(matches!(
                standing("VN4F6").await,
                DsptStanding::Met { by: CoveredBy::Site, level: DsptLevel::StandardsMet, .. }
            ));
            assert!(matches!(
                standing("VLD2G").await,
                DsptStanding::Met { level: DsptLevel::StandardsExceeded, .. }
            ));
            assert!(matches!(
                standing("VN7YE").await,
                DsptStanding::Met { level: DsptLevel::ApproachingStandards, .. }
            ));
            assert!(matches!(standing("VLD2P").await, DsptStanding::Met { by: CoveredBy::Hq, .. }));
            assert!(matches!(standing("VM34N").await, DsptStanding::Lapsed { by: CoveredBy::Site, .. }));
            assert!(matches!(standing("VM9PR").await, DsptStanding::NotPublished { .. }));
            assert!(matches!(standing("VNT98").await, DsptStanding::NotListed));

            let heathbank = CqcLocationId::parse("1-120745060").expect("an ID");
            let id = |text: &str| CqcContactId::parse(text).expect("an ID");
            let matches = async |text: &str| {
                store::contact_id_matches(&database, &key, &heathbank, &id(text)).await.expect("an answer")
            };
            assert_eq!(matches("CON1-7120745060").await, Some(true));
            assert_eq!(matches("1-7120745061").await, Some(false));

            let rows = find(&database, "heathbank").await.expect("an answer");
            assert_eq!(rows.len(), 1);
            assert_eq!(rows[0].ods_code.as_ref().map(|code| code.as_str()), Some("VN139"));
            assert_eq!(rows[0].provider_name, "Heathbank Support Services");

            let former = CqcLocationId::parse("1-1221269650").expect("an ID");
            let now = imported.current_successors(&former).await.expect("an answer");
            assert_eq!(now.len(), 1);
            assert_eq!(now[0].name, "Meridian Health and Social Care - Manchester");
            let closed = crate::register::OdsCode::parse("VN2R0").expect("a code");
            let next = imported.ods_successors(&closed).await.expect("an answer");
            assert_eq!(next.first().map(|code| code.as_str()), Some("VNGTV"));
        }
    }

    #[test]
    fn the_rows_move_with_the_years() {
        let day = Day::parse_iso("2028-08-01").expect("a day");
        assert_eq!(
            moved_to(
                day,
                "Code,Organisation Name,Status,Date Of Publication\nVN139,A B,25/26 Standards Met,01/03/2026\nA7EL,X,Not Published,\n"
            ),
            "Code,Organisation Name,Status,Date Of Publication\nVN139,A B,28/29 Standards Met,01/03/2029\nA7EL,X,Not Published,\n"
        );
    }
}
