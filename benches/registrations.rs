//! Complete registrations: every page, code entry, send, decision, directory.

use crate::browser::{Browser, Page, http};
use crate::percentiles;
use crate::server::{Server, fresh_folder, fresh_postgres};
use carepost::app::contact_key;
use carepost::clock::Clock;
use carepost::database::{Database, Reads};
use carepost::register::import::{self, ImportKind, Options};
use carepost::sign_in::secrets::{self, Purpose};
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Registrants at the same time.
const AT_ONCE: usize = 32;

fn ods(number: usize) -> String {
    // Three letters and digits after VM, none of them a look-alike.
    const LETTERS: &[u8; 24] = b"34679ACDEFGHJKMNPQRTVWXY";
    let letter = |place: usize| char::from(LETTERS[place % 24]);
    format!(
        "V{}{}{}{}",
        ["L", "M", "N"][number / 13_824 % 3],
        letter(number / 576),
        letter(number / 24),
        letter(number)
    )
}

fn location(number: usize) -> String {
    format!("1-{}", 500_000_000 + number)
}

/// Sites for the load, made up, imported as any register file is.
pub async fn load_sites(database: &Database, key: &carepost::settings::SecretKey, count: usize) {
    let (mut locations, mut sites, mut dspt, mut contacts) =
        (String::new(), String::new(), String::new(), String::new());
    dspt.push_str(
        "Code,Organisation Name,Status,Date Of Publication,Primary Sector,Commissioner (From ODS)\n",
    );
    contacts.push_str("location_id,contact_id,email,telephone\n");
    let year = Clock::system().now().day().year % 100;
    for number in 0..count {
        let (code, id) = (ods(number), location(number));
        // Real words, so that names are as different from each other as real ones.
        let name = format!("{} {} House", word(number), word(number / 40 + 17));
        let _ = writeln!(
            locations,
            "{{\"locationId\":\"{id}\",\"providerId\":\"1-{}\",\"organisationType\":\"Location\",\"type\":\"Social Care Org\",\"name\":\"{name} {number}\",\"registrationStatus\":\"Registered\",\"registrationDate\":\"2015-01-01\",\"dormancy\":\"N\",\"careHome\":\"Y\",\"odsCode\":\"{code}\",\"postalCode\":\"OL1 4JX\",\"postalAddressLine1\":\"{number} High Street\",\"postalAddressTownCity\":\"Town{}\",\"mainPhoneNumber\":\"01632960001\",\"relationships\":[],\"regulatedActivities\":[],\"gacServiceTypes\":[],\"specialisms\":[]}}",
            900_000_000 + number,
            number / 50
        );
        let _ = writeln!(
            sites,
            "\"{code}\",\"{} {number}\",\"\",\"\",\"{number} HIGH STREET\",\"\",\"\",\"TOWN\",\"\",\"OL1 4JX\",\"20150101\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"0\",\"\",\"\",\"\",\"\",\"1\"",
            name.to_uppercase()
        );
        let _ = writeln!(
            dspt,
            "{code},{name},{:02}/{:02} Standards Met,01/07/20{year:02},Social Care,",
            year - 1,
            year
        );
        let _ = writeln!(
            contacts,
            "{id},1-7{},manager{number}@site{number}.example,01632960001",
            500_000_000 + number
        );
    }
    let options = || Options {
        limits: import::Limits::NONE,
        by: "bench".to_owned(),
        contact_key: Some(contact_key(key)),
        ..Options::default()
    };
    for (kind, name, text) in [
        (ImportKind::CqcLocations, "locations.ndjson", locations),
        (ImportKind::OdsSites, "sites.csv", sites),
        (ImportKind::Dspt, "dspt.csv", dspt),
        (ImportKind::SiteContacts, "contacts.csv", contacts),
    ] {
        let report = import::run_bytes(database, &Clock::system(), kind, name, text.as_bytes(), &options())
            .await
            .unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        assert_eq!(report.rejected, 0, "{report}");
    }
}

fn word(number: usize) -> &'static str {
    const WORDS: [&str; 40] = [
        "Acorn",
        "Birch",
        "Cedar",
        "Dove",
        "Elm",
        "Fern",
        "Grove",
        "Heron",
        "Ivy",
        "Juniper",
        "Kestrel",
        "Laurel",
        "Maple",
        "Nightingale",
        "Oak",
        "Poplar",
        "Quince",
        "Rowan",
        "Sycamore",
        "Thistle",
        "Umber",
        "Violet",
        "Willow",
        "Yarrow",
        "Ash",
        "Beech",
        "Clover",
        "Daisy",
        "Elder",
        "Foxglove",
        "Gorse",
        "Hazel",
        "Iris",
        "Jasmine",
        "Kingfisher",
        "Lime",
        "Meadow",
        "Newlands",
        "Orchard",
        "Primrose",
    ];
    WORDS[number % WORDS.len()]
}

/// The code of the newest letter to an address, as its reader would copy it.
async fn code_for(server: &Server, recipient: &str) -> String {
    for _ in 0..2_000 {
        let found: Option<(String,)> = server.database
            .maybe(
                "SELECT secret_id FROM letters WHERE recipient = $1 AND secret_id IS NOT NULL ORDER BY written_at DESC LIMIT 1",
                &[&recipient],
            )
            .await
            .expect("read");
        if let Some((id,)) = found {
            return secrets::code(&server.key, Purpose::EmailCode, &id);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("no code came to {recipient}");
}

fn must(page: &Page, path: &str, number: usize) {
    assert!(
        page.location == path || page.location.starts_with(path),
        "registration {number} is at “{}” (status {}) instead of {path}:\n{}",
        page.location,
        page.status,
        page.body
    );
}

/// One registrant from the start page to the confirmation.
async fn register(server: &Server, browser: &mut Browser, number: usize) {
    let email = format!("registrant{number}@load{number}.example");
    browser.get("/register").await;
    browser.post("/register", &[]).await;
    browser.post("/register/social-care", &[("answer", "yes")]).await;
    browser.post("/register/cqc-registered", &[("answer", "yes")]).await;
    browser.post("/register/hospice", &[("answer", "no")]).await;
    browser.post("/register/how-many-sites", &[("answer", "one")]).await;
    browser.post("/register/existing-account", &[("answer", "no")]).await;
    let page = browser.post("/register/your-email", &[("email", &email)]).await;
    must(&page, "/register/email-code", number);
    let code = code_for(server, &email).await;
    let page = browser.post("/register/email-code", &[("code", &code)]).await;
    must(&page, "/register/find-your-site", number);
    browser.get(&format!("/register/find-your-site?q={}", ods(number))).await;
    let page =
        browser.post("/register/find-your-site", &[("site", &location(number)), ("q", &ods(number))]).await;
    must(&page, "/register/confirm-your-site", number);
    browser.post("/register/confirm-your-site", &[("right", "yes")]).await;
    let page = browser.post("/register/dspt", &[]).await;
    must(&page, "/register/prove-your-authority", number);
    browser.post("/register/prove-your-authority", &[("way", "contact-id")]).await;
    let contact_id = format!("1-7{}", 500_000_000 + number);
    let page = browser.post("/register/contact-id", &[("contact_id", &contact_id)]).await;
    must(&page, "/register/town", number);
    browser.post("/register/town", &[("town", "Oldham")]).await;
    for (place, first, access) in [(1, "Amy", "owner"), (2, "Bo", "member"), (3, "Cy", "member")] {
        browser.get(&format!("/register/people/{place}")).await;
        let (mail, mobile) =
            (format!("{first}{number}@people.example"), format!("07{place}{:08}", number + 10_000_000));
        let last = format!("{}{}", ["Reed", "Lister", "Foxwood"][place - 1], letters_of(number));
        let page = browser
            .post(
                &format!("/register/people/{place}"),
                &[
                    ("first_name", first),
                    ("last_name", &last),
                    ("role", "Carer"),
                    ("email", &mail),
                    ("mobile", &mobile),
                    ("access", access),
                    ("has_account", "no"),
                ],
            )
            .await;
        must(&page, "/register/people", number);
    }
    let page = browser.post("/register/people", &[]).await;
    must(&page, "/register/check-your-answers", number);
    let page = browser.post("/register/check-your-answers", &[("declaration", "yes")]).await;
    must(&page, "/register/sent", number);
}

fn letters_of(number: usize) -> String {
    let mut text = String::new();
    let mut rest = number;
    for _ in 0..4 {
        text.push(char::from(b'a' + u8::try_from(rest % 26).unwrap_or(0)));
        rest /= 26;
    }
    text
}

/// Waits until a search for a site finds it.
async fn wait_for_search(server: &Server, number: usize) {
    let mut browser = Browser::new(http(), &server.address);
    let email = "first@load.example";
    browser.get("/register").await;
    for (path, fields) in [
        ("/register", ("", "")),
        ("/register/social-care", ("answer", "yes")),
        ("/register/cqc-registered", ("answer", "yes")),
        ("/register/hospice", ("answer", "no")),
        ("/register/how-many-sites", ("answer", "one")),
        ("/register/existing-account", ("answer", "no")),
        ("/register/your-email", ("email", email)),
    ] {
        browser.post(path, &[fields]).await;
    }
    let code = code_for(server, email).await;
    browser.post("/register/email-code", &[("code", &code)]).await;
    for _ in 0..50 {
        let page = browser.get(&format!("/register/find-your-site?q={}", ods(number))).await;
        if page.body.contains("1 site found") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("the search never found the sites of the load");
}

async fn count_decided(database: &Database) -> i64 {
    let (count,): (i64,) = database
        .one("SELECT COUNT(*) FROM registrations WHERE state IN ('Approved', 'Provisioning', 'Live')", &[])
        .await
        .expect("read");
    count
}

async fn run(
    server: &Arc<Server>,
    from: usize,
    count: usize,
    at_once: usize,
    pause: Duration,
) -> (Duration, Vec<Duration>, usize) {
    let next = Arc::new(AtomicUsize::new(from));
    let started = Instant::now();
    let http = http();
    let registrants: Vec<_> = (0..at_once)
        .map(|_| {
            let (server, next, http) = (Arc::clone(server), Arc::clone(&next), http.clone());
            tokio::spawn(async move {
                let (mut times, mut failures) = (Vec::new(), 0);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= from + count {
                        return (times, failures);
                    }
                    let mut browser = Browser::new(http.clone(), &server.address);
                    browser.pause = pause;
                    register(&server, &mut browser, number).await;
                    times.append(&mut browser.times);
                    failures += browser.failures;
                }
            })
        })
        .collect();
    let (mut times, mut failures) = (Vec::new(), 0);
    for registrant in registrants {
        let (mine, failed) = registrant.await.expect("a registrant finishes");
        times.extend(mine);
        failures += failed;
    }
    (started.elapsed(), times, failures)
}

async fn on(server: Server, count: usize) {
    let half = count / 2;
    load_sites(&server.database, &server.key, count + half).await;
    let server = Arc::new(server);
    // The server's search notices an import within a second or so: one registrant goes ahead, as
    // often as it takes.
    wait_for_search(&server, count + half - 1).await;
    let cpu = server.cpu_seconds();
    let (took, mut times, failures) = run(&server, 0, count, AT_ONCE, Duration::ZERO).await;
    // A registration is complete when its site is in the directory.
    let mut waited = 0;
    while count_decided(&server.database).await < i64::try_from(count).unwrap_or(0) && waited < 60_000 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        waited += 20;
    }
    let took = took + Duration::from_millis(waited);
    let decided = count_decided(&server.database).await;
    println!(
        "registrations on {}: {count} by {AT_ONCE} at once, {:.1} a second to the directory ({decided} decided straight through, {waited} ms after the last was sent)",
        server.engine,
        count as f64 / took.as_secs_f64()
    );
    println!(
        "  {} requests, {failures} with 5xx; {}; server processor time {:.1} ms a registration; memory {:.0} MiB now, {:.0} MiB peak",
        times.len(),
        percentiles(&mut times),
        (server.cpu_seconds() - cpu) * 1000.0 / count as f64,
        server.memory_mib(),
        server.memory_peak_mib()
    );
    // Half the load: each registrant waits so long between pages that half the rate results.
    let requests_a_registration = times.len() as f64 / count as f64;
    let rate = count as f64 / took.as_secs_f64() / 2.0;
    let pause = Duration::from_secs_f64((AT_ONCE as f64 / (rate * requests_a_registration)).max(0.0) * 0.9);
    let (took, mut times, failures) = run(&server, count, half, AT_ONCE, pause).await;
    println!(
        "  at half that load ({:.1} a second): {} requests, {failures} with 5xx; {}",
        half as f64 / took.as_secs_f64(),
        times.len(),
        percentiles(&mut times)
    );
}

pub async fn measure() {
    let count = 600;
    let folder = fresh_folder();
    let database = format!("sqlite:{}", folder.join("carepost.db").display());
    let (server, _) = Server::start(&database, "sqlite").await;
    on(server, count).await;
    let _ = std::fs::remove_dir_all(folder);
    match fresh_postgres() {
        Some(address) => {
            let (server, _) = Server::start(&address, "postgres").await;
            on(server, count).await;
        }
        None => println!("registrations on postgres: no server in this run; nothing measured"),
    }
}
