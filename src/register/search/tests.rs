//! What is promised of the search.

use super::*;
use crate::cache::{Cache, Caches};
use crate::register::cqc::{RegistrationStatus, Relation, SOCIAL_CARE};
use proptest::prelude::*;

#[path = "../../../benches/search/ways.rs"]
mod ways;

async fn results(search: &Search, typed: &str) -> Results {
    match search.find(typed, 0).await.expect("read") {
        Searched::Results(results) => results,
        Searched::Starting => panic!("the index is not there in time"),
    }
}

#[derive(Default)]
struct Town(Vec<CqcLocation>, Beside);

impl Town {
    fn site(mut self, name: &str, id: &str, ods: &str, rest: &str) -> Self {
        let mut location = CqcLocation::named(CqcLocationId::parse(id).expect("an ID"), name);
        let parts: Vec<&str> = rest.split('|').collect();
        location.ods_code = OdsCode::parse(ods).ok();
        location.town = Some(parts[0].to_owned());
        location.postcode = Postcode::parse(parts[1]).ok();
        location.organisation_type = Some(parts[2].to_owned());
        if parts[3] == "gone" {
            location.status = RegistrationStatus::Deregistered;
        }
        location.provider_name = Some(parts[4].to_owned());
        location.address = parts.get(5).iter().map(|line| (**line).to_owned()).collect();
        location.provider_id = CqcProviderId::parse("1-101655600").ok();
        self.0.push(location);
        self
    }

    /// Says something more of the last site.
    fn and(mut self, change: impl FnOnce(&mut CqcLocation, &mut Beside)) -> Self {
        change(self.0.last_mut().expect("a site"), &mut self.1);
        self
    }

    fn index(self) -> SearchIndex {
        let Town(locations, beside) = self;
        SearchIndex::of(1, locations.iter().map(|location| beside.of_location(location)).collect())
    }
}

fn rest(town: &str, postcode: &str, kind: &str, state: &str) -> String {
    format!("{town}|{postcode}|{kind}|{state}|Oak Care Limited|Windsor Road")
}

fn town() -> SearchIndex {
    let care = |town: &str, postcode: &str| rest(town, postcode, SOCIAL_CARE, "");
    Town::default()
        .site("Heathbank Support Services", "1-120745060", "VN139", &care("Oldham", "OL8 1RP"))
        .site("St George's Nursing Home (Oldham)", "1-1442899058", "VLN9K", &care("Oldham", "OL1 4PE"))
        .site("St Georges Nursing Home", "1-120763021", "", &rest("Oldham", "OL1 4PE", SOCIAL_CARE, "gone"))
        .site("Caf\u{e9} & Rest Home", "1-100000001", "VM0EV", &care("Shaw", "OL16 1AA"))
        .site(
            "Oldham Dental Practice",
            "1-100000002",
            "V80156",
            &rest("Oldham", "OL8 1RP", "Primary Dental Care", ""),
        )
        .site("69 Tenter Lane", "1-10000792582", "VNAAA", &care("Doncaster", "DN4 9PE"))
        .site("Fernbank", "1-100000003", "VNAAC", &care("Winchester", "SO21 1WP"))
        .site("T L C Homecare Ltd", "1-100000004", "VNAAD", &care("Bury", "BL9 0SN"))
        .and(|location, beside| {
            location.also_known_as = Some("Tender Loving Hands".to_owned());
            let before = CqcLocationId::parse("1-100000009").expect("an ID");
            let name = "Quality Carers of Bury".to_owned();
            location.predecessors = vec![Relation { id: before, name, reason: String::new() }];
            let code = OdsCode::parse("VNAAD").expect("a code");
            beside.dspt_names.insert(code, "MOORSIDE AT HOME (VNAAD)".to_owned());
        })
        .index()
}

fn names(index: &SearchIndex, typed: &str) -> Vec<String> {
    index.find(typed, 0).rows.into_iter().map(|row| row.name).collect()
}

fn first(index: &SearchIndex, typed: &str) -> Option<String> {
    names(index, typed).into_iter().next()
}

#[test]
fn search_finds_a_site_by_whatever_is_at_hand() {
    let index = town();
    let sites: [(&str, &[&str]); 6] = [
        (
            "Heathbank Support Services",
            &[
                "VN139",
                "vn139",
                "ODS code: VN139",
                "VNI39",
                "1-120745060",
                "120745060",
                "1-1207",
                "heathbank",
                "HEATH",
                "services heathbank",
                "support serv",
                "Heathbonk",
                "haethbank",
                "heathbnk",
                "heathbannk",
                "hethbnak",
                "hthbnk",
                "oldham heathbank",
                "heathbank OL8 1RP",
                "ol81rp heathbank",
                "  Heathbank,  Oldham ",
                "heathbank oak care",
                "heath bank",
                "heathbanks care home",
                "heathbanksupportservices",
                "heathbank doncaster",
                "heathbank windsor rd",
            ],
        ),
        (
            "St George's Nursing Home (Oldham)",
            &["st georges", "saint george", "St. George\u{2019}s", "St George s residential home"],
        ),
        ("Caf\u{e9} & Rest Home", &["cafe and rest", "Caf\u{e9} & Rest", "the cafe + rest care home"]),
        ("69 Tenter Lane", &["69 tenter lane", "tenter ln", "tenterlane", "69 tentr lane doncaster"]),
        (
            "Fernbank",
            &[
                "fernbank care home",
                "fern bank",
                "SO21-1WP",
                "so211wp",
                "S021 IWP",
                "so21",
                "SO21 1",
                "SO21 1WQ",
                "Fernbank Limited",
            ],
        ),
        (
            "T L C Homecare Ltd",
            &[
                "tlc homecare",
                "TLC home care limited",
                "t.l.c. domiciliary care",
                "tender loving hands",
                "quality carers bury",
                "moorside at home",
            ],
        ),
    ];
    for (site, ways) in sites {
        for typed in ways {
            assert_eq!(first(&index, typed).as_deref(), Some(site), "{typed:?}");
        }
    }
    let conifers = Town::default()
        .site("Conifers", "1-120745060", "", &rest("Shaw", "OL2 8AA", SOCIAL_CARE, ""))
        .index();
    assert_eq!(first(&conifers, "conifers care home").as_deref(), Some("Conifers"), "no contact ID");
    for nothing in ["", "   ", "zzzzzz", "\u{1f}", "'", "-"] {
        assert_eq!(names(&index, nothing), Vec::<String>::new(), "{nothing:?}");
    }
    assert!(SearchIndex::default().find("anything", 0).rows.is_empty());
}

#[test]
fn search_says_whether_anything_is_called_what_was_typed() {
    let index = town();
    for exact in [
        "heathbank",
        "st george nursing home",
        "Saint Georges Home",
        "ol8 1rp",
        "VN139",
        "fern bank care home",
    ] {
        assert!(index.find(exact, 0).is_exact, "{exact:?}");
    }
    for near in ["heathbonk", "heathbank doncaster", "OL8 1RQ", "VN138"] {
        let found = index.find(near, 0);
        assert!(!found.is_exact && found.total > 0, "{near:?}");
    }
}

#[test]
fn search_puts_what_is_open_first_and_leaves_nothing_out() {
    let index = town();
    assert_eq!(
        names(&index, "st georges nursing home")[..2],
        ["St George's Nursing Home (Oldham)", "St Georges Nursing Home"]
    );
    assert_eq!(names(&index, "OL8 1RP"), ["Heathbank Support Services", "Oldham Dental Practice"]);
    assert_eq!(
        names(&index, "OL1")[..2],
        ["St George's Nursing Home (Oldham)", "St Georges Nursing Home"],
        "not OL16"
    );
}

#[test]
fn search_recognises_codes_that_are_not_a_sites() {
    let provider = CqcProviderId::parse("1-101655600").expect("an ID");
    let with_head_office = |code: &str| {
        let code = OdsCode::parse(code).expect("a code");
        Town::default()
            .site("Care Court", "1-120745060", "VN139", &rest("Oldham", "OL8 1RP", SOCIAL_CARE, ""))
            .site("Oak Lodge", "1-120745061", "VN140", &rest("Oldham", "OL8 1RP", SOCIAL_CARE, ""))
            .and(|_, beside| {
                let facts = format!(
                    r#"{{"id": "{provider}", "name": "Oak Care", "status": "Registered", "ods_code": "{code}"}}"#
                );
                let provider: CqcProvider = serde_json::from_str(&facts).expect("a provider");
                beside.providers.insert(provider.id.clone(), provider);
            })
            .index()
    };
    let index = with_head_office("APR4");
    for typed in ["APR4", "apr4", "HQ code: APR4"] {
        let found = index.find(typed, 0);
        assert_eq!(
            (found.total, found.recognised),
            (2, Some(Recognised::HeadOffice("APR4".to_owned()))),
            "{typed}"
        );
    }
    let found = index.find("1-101655600", 0);
    assert_eq!((found.total, found.recognised), (2, Some(Recognised::Provider("1-101655600".to_owned()))));
    for typed in ["01/04/2004", "Apr-04", "04-Apr", "2004-04-01"] {
        let found = index.find(typed, 0);
        let seen = Some(Recognised::SpreadsheetDamaged(typed.to_uppercase()));
        assert_eq!((found.total, found.recognised), (2, seen), "{typed}");
    }
    assert_eq!(index.find("1.00E+05", 0).total, 0);
    assert_eq!(index.find("CON1-1234567890", 0).recognised, Some(Recognised::ContactId));
    assert_eq!(index.find("VN139CLOSED", 0).rows[0].name, "Care Court");
    let care = with_head_office("CARE").find("care", 0);
    assert_eq!((care.rows[0].name.as_str(), care.recognised), ("Care Court", None), "a word before a code");
}

#[test]
fn search_results_come_in_pages_with_the_count_of_all() {
    let mut town = Town::default();
    for number in 0..55 {
        town = town.site(
            &format!("Oak House {number:02}"),
            &format!("1-{}", 200_000_000 + number),
            &format!("VQ{number:03}"),
            &rest("Oldham", "OL1 1AA", SOCIAL_CARE, ""),
        );
    }
    let index = town.index();
    let first = index.find("oak", 0);
    assert_eq!((first.total, first.rows.len(), first.rows[0].name.as_str()), (55, 20, "Oak House 00"));
    let last = index.find("oak", 2);
    assert_eq!((last.rows.len(), last.rows[14].name.as_str()), (15, "Oak House 54"));
    assert_eq!(index.find("oak", 3).rows.len(), 0);
    assert_eq!(index.find("oak", usize::MAX).rows.len(), 0);
}

/// Every site of the samples, in every way in which the bench types.
#[tokio::test]
async fn search_finds_the_sites_of_the_samples_however_they_are_typed() {
    let database = crate::database::for_tests::sqlite().await;
    let clock = crate::clock::Clock::still(crate::clock::Timestamp::from_milliseconds(0));
    let file = include_bytes!("../../../samples/cqc-locations.ndjson");
    let kind = crate::register::import::ImportKind::CqcLocations;
    crate::register::import::run_bytes(&database, &clock, kind, "x", file, &Default::default())
        .await
        .expect("taken");
    let index = SearchIndex::build(&database).await.expect("an index");
    let mut seeded = ways::Seeded(1);
    let known: Vec<ways::Known> = (0..u32::try_from(index.len()).expect("few"))
        .map(|site| {
            let row = index.row(site);
            ways::Known {
                location_id: row.location_id.expect("all are at CQC").as_str().to_owned(),
                name: row.name,
                other_name: None,
                street: row.address,
                town: row.town,
                postcode: row.postcode,
                provider: row.provider_name,
            }
        })
        .collect();
    for way in ways::WAYS {
        let (mut asked, mut missed) = (0.0, Vec::new());
        for site in &known {
            let Some(typed) = (way.typed)(site, &mut seeded) else { continue };
            asked += 1.0;
            let is_right = |row: &SiteRow| {
                row.location_id.as_ref().is_some_and(|id| id.as_str() == site.location_id)
                    || ways::core(&row.name) == ways::core(&site.name)
            };
            if !index.find(&typed, 0).rows.iter().take(5).any(is_right) {
                missed.push(format!("{typed:?} for {:?}", site.name));
            }
        }
        // Among sixty, one is more than one of a hundred.
        let most = 1.0 + asked * (100.0 - way.aim_percent) / 100.0;
        assert!(missed.len() as f64 <= most, "{}: {missed:#?}", way.name);
    }
}

/// What a running service answers after an import, without anybody telling its search.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_is_found_within_about_a_second_and_codes_only_ods_has_are_found_too() {
    use crate::clock::{Clock, Timestamp};
    use crate::register::import::{ImportKind, Options, run_bytes};
    let clock = Clock::still(Timestamp::from_milliseconds(0));
    for database in crate::database::for_tests::both_engines().await {
        let search = Search::new(database.clone(), Caches::default().filled(Cache::SiteSearch));
        let other_node = Search::new(database.clone(), Caches::default().filled(Cache::SiteSearch));
        assert_eq!(results(&search, "heathbank").await.total, 0);
        assert_eq!(results(&other_node, "heathbank").await.total, 0);
        let body = include_bytes!("../recorded/cqc_location_registered.json");
        let line = String::from_utf8_lossy(body).replace('\n', " ");
        let take = async |kind: ImportKind, file: &str| {
            run_bytes(&database, &clock, kind, "x", file.as_bytes(), &Options::default())
                .await
                .expect("taken");
        };
        take(ImportKind::CqcLocations, &line).await;
        tokio::time::sleep(CHECKED_EVERY).await;
        assert_eq!(results(&search, "heathbank").await.total, 1);
        let site = |code: &str, name: &str| format!("\"{code}\",\"{name}\",{}\"1\"\n", "\"\",".repeat(24));
        let sites = site("VN139", "HEATHBANK") + &site("VNZZZ", "CARTREF NEWYDD");
        take(ImportKind::OdsSites, &sites).await;
        tokio::time::sleep(CHECKED_EVERY).await;
        let found = results(&search, "cartref").await;
        assert_eq!((found.total, &found.rows[0].location_id), (1, &None));
        assert!(!found.rows[0].registered);
        assert_eq!(results(&search, "heathbank").await.total, 1, "not once for each register");
    }
}

/// As many people search at once as soon as the program has started.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searches_wait_for_the_first_index_and_none_is_told_that_there_is_nothing() {
    use crate::clock::{Clock, Timestamp};
    use crate::register::import::{ImportKind, Options, run_bytes};
    let clock = Clock::still(Timestamp::from_milliseconds(0));
    for database in crate::database::for_tests::both_engines().await {
        let file = String::from_utf8_lossy(include_bytes!("../recorded/cqc_location_registered.json"))
            .replace('\n', " ");
        let kind = ImportKind::CqcLocations;
        run_bytes(&database, &clock, kind, "x", file.as_bytes(), &Options::default()).await.expect("taken");
        for _ in 0..20 {
            let caches = Caches::default();
            let search = Arc::new(Search::new(database.clone(), caches.filled(Cache::SiteSearch)));
            let searching: Vec<_> = (0..8)
                .map(|_| {
                    let search = Arc::clone(&search);
                    tokio::spawn(async move { results(&search, "heathbank").await.total })
                })
                .collect();
            for found in searching {
                assert_eq!(found.await.expect("searched"), 1);
            }
            assert!(!caches.not_filled().contains(&Cache::SiteSearch));
        }
    }
}

/// While the first index cannot be made in time, nobody hears that there is nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searches_say_that_the_search_is_starting_while_the_first_index_takes_too_long() {
    let database = crate::database::for_tests::sqlite().await;
    let caches = Caches::default();
    let search = Search::new(database, caches.filled(Cache::SiteSearch));
    let held = search.building.lock().await;
    assert_eq!(search.find("heathbank", 0).await.expect("read"), Searched::Starting);
    assert!(caches.not_filled().contains(&Cache::SiteSearch));
    drop(held);
    search.fill().await.expect("filled");
    assert!(!caches.not_filled().contains(&Cache::SiteSearch));
    assert_eq!(results(&search, "heathbank").await, Results::default(), "the registers are empty");
}

proptest! {
    #[test]
    fn search_is_broken_by_nothing_that_is_typed(typed in "\\PC{0,60}|[a-z0-9' -]{0,40}", page in 0_usize..30) {
        let results = town().find(&typed, page);
        prop_assert!(results.rows.len() <= RESULTS_PER_PAGE);
    }

    /// Whoever types what is written, in whatever case and order, is told that it is there.
    #[test]
    fn search_finds_what_is_written(words in proptest::collection::vec("[a-z]{4,9}", 1..5)) {
        let name = words.join(" ");
        let index = Town::default()
            .site(&name, "1-120745060", "VN139", &rest("Oldham", "OL8 1RP", SOCIAL_CARE, ""))
            .site("Another Place", "1-120745061", "VN140", &rest("Oldham", "OL8 1RP", SOCIAL_CARE, ""))
            .index();
        let reversed = words.iter().rev().map(|word| word.to_uppercase()).collect::<Vec<_>>().join(", ");
        let found = index.find(&reversed, 0);
        prop_assert_eq!(&found.rows[0].name, &name);
        prop_assert!(found.is_exact);
    }
}
