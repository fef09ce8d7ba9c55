//! Ready means that every cache that answers is filled.

use crate::golden::registrant;
use crate::guest::Guest;
use crate::harness::{Got, Harness};
use axum::body::Body;
use axum::http::{Request, header};
use carepost::cache::Cache;
use carepost::readiness;
use carepost::register::import::{self, ImportKind, Options};
use carepost::registration::journey::Page;
use carepost::sign_in::session::SessionKind;
use std::time::{Duration, Instant};

/// How often the service is started.
const STARTS: usize = 50;
/// Sites beside the sample, so that an index takes longer to make than a request to be answered.
const SITES: usize = 2_000;
/// How many people search at the same moment.
const AT_ONCE: usize = 4;
/// A start that takes longer will never end.
const LIMIT: Duration = Duration::from_secs(60);

async fn more_sites(harness: &Harness) {
    let mut file = String::new();
    for number in 0..SITES {
        file.push_str(&format!(
            r#"{{"locationId":"1-{}","providerId":"1-101612188","organisationType":"Location","type":"Social Care Org","name":"Rose House {number}","odsCode":"VX{number:04}","registrationStatus":"Registered","registrationDate":"2021-03-31","careHome":"Y","numberOfBeds":9,"postalAddressLine1":"1 High Street","postalAddressTownCity":"Lincoln","postalCode":"LN1 1AA","gacServiceTypes":[],"relationships":[]}}"#,
            500_000_000 + number
        ));
        file.push('\n');
    }
    let options = Options { limits: import::Limits::NONE, ..Options::default() };
    let (database, clock) = (&harness.app.database, &harness.app.clock);
    import::run_bytes(database, clock, ImportKind::CqcLocations, "more", file.as_bytes(), &options)
        .await
        .expect("taken");
}

/// Starts the service again on the same database, and does what the program does at its start.
async fn start(before: &Harness) -> (Harness, tokio::task::JoinHandle<()>) {
    let harness = Harness::starting_on(before.app.database.clone(), false).await;
    let app = harness.app.clone();
    (harness, tokio::spawn(async move { readiness::fill_caches(&app).await }))
}

/// Asks for a page beside others.
fn ask(harness: &Harness, path: &str, browser: &str) -> tokio::task::JoinHandle<Got> {
    let request = Request::get(path)
        .header(header::COOKIE, harness.cookie(browser))
        .body(Body::empty())
        .expect("a request");
    tokio::spawn(Harness::sent_to(harness.router(), request))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ready_means_that_an_exact_code_finds_its_site() {
    let first = Harness::new(false).await;
    more_sites(&first).await;
    let amy = registrant(&first, Page::FindSite).await.browser;
    for number in 0..STARTS {
        let (harness, filling) = start(&first).await;
        let code = format!("VX{number:04}");
        let search = format!("/register/find-your-site?q={code}");
        let begun = Instant::now();
        let mut is_ready = false;
        while !is_ready {
            is_ready = harness.get("/ready", "").await.status == 200;
            let asked: Vec<_> = (0..AT_ONCE).map(|_| ask(&harness, &search, &amy)).collect();
            for found in asked {
                let found = found.await.expect("it is answered");
                assert!(!found.body.contains("We found no site"), "start {number}: {}", found.body);
                if is_ready {
                    assert_eq!(found.status, 200, "start {number}: {}", found.body);
                    let name = format!("Rose House {number}");
                    assert!(found.body.contains(&name), "start {number}: {}", found.body);
                }
            }
            assert!(begun.elapsed() < LIMIT, "never ready");
        }
        filling.await.expect("it ends");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ready_is_answered_503_with_the_reason_until_every_cache_is_filled() {
    let first = Harness::new(false).await;
    let harness = Harness::starting_on(first.app.database.clone(), false).await;
    let not_ready = harness.get("/ready", "").await;
    assert_eq!(not_ready.status, 503);
    for cache in Cache::ALL {
        assert!(not_ready.body.contains(cache.words()), "{}", not_ready.body);
    }
    assert_eq!(harness.get("/health", "").await.status, 200, "the program runs all the same");
    readiness::fill_caches(&harness.app).await;
    let ready = harness.get("/ready", "").await;
    assert_eq!((ready.status, ready.body.as_str()), (200, "ready\n"));
}

/// What is announced stands on the first page that is asked for after a start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ready_means_that_announcements_stand_on_top_of_pages() {
    let first = Harness::new(false).await;
    let worker = first.case_worker("casey@carepost.example").await;
    let mut casey = Guest::with(&first, SessionKind::CaseWorker, &worker).await;
    let once = Harness::browser();
    let trouble = [
        ("kind", "Trouble"),
        ("about", "Letters"),
        ("title", "Codes are late"),
        ("words", "Please wait before you ask for another."),
        ("everywhere", "yes"),
        ("once", once.as_str()),
    ];
    casey.passes("/casework/status/announce", &trouble).await;
    let (harness, filling) = start(&first).await;
    filling.await.expect("it ends");
    assert_eq!(harness.get("/ready", "").await.status, 200);
    let page = harness.get("/", "").await;
    assert!(page.body.contains("Codes are late"), "{}", page.body);
}
