//! What every register promises, held against each of them: the imported one, the one for stories,
//! and the live ones, which are played recorded answers by a server of the test's own.

use super::cqc::{self, LiveCqc, RegistrationStatus};
use super::fake::FakeRegister;
use super::import::{ImportKind, Options, run_bytes};
use super::live::Key;
use super::ods::{self, LiveOds, OdsKind, OdsOrganisation};
use super::*;
use crate::clock::{Clock, Timestamp};
use crate::database::for_tests::both_engines;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const REGISTERED: &str = include_str!("recorded/cqc_location_registered.json");
const DEREGISTERED: &str = include_str!("recorded/cqc_location_deregistered.json");
const PROVIDER: &str = include_str!("recorded/cqc_provider.json");
const SITE: &str = include_str!("recorded/ods_site.json");
const SITE_CLOSED: &str = include_str!("recorded/ods_site_closed.json");
const HQ: &str = include_str!("recorded/ods_hq.json");
const TRUST: &str = include_str!("recorded/ods_trust.json");
const OPERATOR: &str = include_str!("recorded/ods_operator.json");
const NO_OPERATOR: &str = include_str!("recorded/ods_no_operator.json");
const ODS_NOT_FOUND: &str = include_str!("recorded/ods_not_found.json");

fn clock() -> Clock {
    Clock::still(Timestamp::parse_london("2026-03-02 09:00").expect("a time"))
}

fn location(id: &str) -> Code {
    Code::CqcLocation(CqcLocationId::parse(id).expect("an ID"))
}

fn site(code: &str) -> Code {
    Code::OdsSite(OdsSiteCode::parse(code).expect("a code"))
}

fn hq(code: &str) -> Code {
    Code::OdsHq(OdsHqCode::parse(code).expect("a code"))
}

fn provider(id: &str) -> Code {
    Code::CqcProvider(CqcProviderId::parse(id).expect("an ID"))
}

/// The promises. Each register knows the same few codes.
async fn keeps_its_promises(register: &dyn Register) {
    let name = register.name();
    let mut known = Vec::new();
    for code in [
        location("1-120745060"),
        location("1-1221269650"),
        provider("1-101655600"),
        site("VN139"),
        site("VN2R0"),
        hq("AQ8C"),
    ] {
        if !register.knows(&code) {
            // A register that cannot know says so, and says that asking again is of no use.
            let answer = register.find(&code).await;
            assert!(matches!(answer, Err(AskError::Never(_))), "{name}: {code}: {answer:?}");
            continue;
        }
        let answer = register.find(&code).await.unwrap_or_else(|why| panic!("{name}: {code}: {why}"));
        // Asking twice changes nothing.
        assert_eq!(register.find(&code).await.as_ref(), Ok(&answer), "{name}: {code}");
        known.push((code, answer));
    }
    assert!(!known.is_empty(), "{name} knows something");
    for (code, finding) in &known {
        let provenance = match finding {
            Finding::Ods(found) => &found.provenance,
            Finding::CqcLocation(found) => &found.provenance,
            Finding::CqcProvider(found) => &found.provenance,
            Finding::Dspt(found) => &found.provenance,
            Finding::NotFound => panic!("{name}: {code} is known to all"),
        };
        assert!(
            !provenance.source.is_empty() && provenance.read_at.is_some(),
            "{name}: {code}: {provenance:?}"
        );
        match (code, finding) {
            // What is over is found, with its state: closed is not unknown.
            (Code::CqcLocation(id), Finding::CqcLocation(found)) => {
                assert_eq!(found.id, *id, "{name}");
                assert_eq!(
                    found.status == RegistrationStatus::Registered,
                    id.as_str() == "1-120745060",
                    "{name}: {id}"
                );
                assert_eq!(found.successors.is_empty(), found.is_registered(), "{name}: {id}");
            }
            (Code::OdsSite(asked), Finding::Ods(found)) => {
                assert_eq!((found.code.as_str(), found.kind), (asked.as_str(), OdsKind::Site), "{name}");
                let open = asked.as_str() == "VN139";
                assert_eq!(found.is_open(clock().now().day()), open, "{name}: {asked}");
                assert_eq!(
                    found.parent.as_ref().map(OdsCode::as_str),
                    open.then_some("AQ8C"),
                    "{name}: {asked}"
                );
            }
            (Code::OdsHq(_), Finding::Ods(found)) => assert_eq!(found.kind, OdsKind::Hq, "{name}"),
            (Code::CqcProvider(_), Finding::CqcProvider(found)) => {
                assert_eq!(found.ods_code.as_ref().map(OdsCode::as_str), Some("AQ8C"), "{name}");
            }
            (code, finding) => panic!("{name}: {code} answered {finding:?}"),
        }
    }
    // Not known is an answer, not an error; a provider's number is no location.
    for code in
        [location("1-999999404"), location("1-101655600"), site("VN404"), hq("A404"), provider("1-999999404")]
    {
        if register.knows(&code) {
            assert_eq!(register.find(&code).await, Ok(Finding::NotFound), "{name}: {code}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_imported_register_keeps_them() {
    for database in both_engines().await {
        let one_line =
            |body: &str| serde_json::from_str::<serde_json::Value>(body).expect("JSON").to_string();
        let row = |code: &str, closed: &str, parent: &str| {
            format!(
                "\"{code}\",\"HEATHBANK\",\"\",\"\",\"82 WINDSOR ROAD\",\"\",\"\",\"OLDHAM\",\"\",\"OL8 1RP\",\"20101208\",\"{closed}\",\"\",\"\",\"{parent}\",\"\",\"\",\"\",\"\",\"\",\"\",\"0\",\"\",\"\",\"\",\"\",\"1\"\n"
            )
        };
        let files = [
            (ImportKind::CqcLocations, format!("{}\n{}", one_line(REGISTERED), one_line(DEREGISTERED))),
            (ImportKind::CqcProviders, one_line(PROVIDER)),
            (ImportKind::OdsSites, row("VN139", "", "AQ8C") + &row("VN2R0", "20201012", "")),
            (ImportKind::OdsHqs, row("AQ8C", "", "")),
        ];
        for (kind, file) in files {
            run_bytes(&database, &clock(), kind, "x", file.as_bytes(), &Options::default())
                .await
                .expect("taken");
        }
        keeps_its_promises(&Imported::new(database)).await;
    }
}

#[tokio::test]
async fn the_register_for_stories_keeps_them() {
    let fake = FakeRegister::new();
    let provenance =
        Provenance { source: "a story".to_owned(), data_date: None, read_at: Some(clock().now()) };
    for body in [REGISTERED, DEREGISTERED] {
        let mut found = CqcLocation::from_api(body).expect("a body");
        found.provenance = provenance.clone();
        fake.knows_that(&Code::CqcLocation(found.id.clone()), Finding::CqcLocation(Box::new(found)));
    }
    for (body, code, parent) in
        [(SITE, site("VN139"), Some("AQ8C")), (SITE_CLOSED, site("VN2R0"), None), (HQ, hq("AQ8C"), None)]
    {
        let mut found = OdsOrganisation::from_r4(body).expect("a body");
        found.parent = parent.map(|code| OdsCode::parse(code).expect("a code"));
        found.provenance = provenance.clone();
        fake.knows_that(&code, Finding::Ods(Box::new(found)));
    }
    let mut found = CqcProvider::from_api(PROVIDER).expect("a body");
    found.provenance = provenance;
    fake.knows_that(&provider("1-101655600"), Finding::CqcProvider(Box::new(found)));
    keeps_its_promises(&fake).await;

    assert!(matches!(fake.find(&site("VN503")).await, Err(AskError::Later(_))));
    assert!(matches!(fake.find(&site("VN403")).await, Err(AskError::Never(_))));
    fake.goes_away(Some(AskError::Later("asleep".to_owned())));
    assert!(fake.find(&site("VN139")).await.is_err());
    fake.goes_away(None);
    fake.forgets(&site("VN139"));
    assert_eq!(fake.find(&site("VN139")).await, Ok(Finding::NotFound));
}

/// A server that answers what it is told, and keeps the heads of what it was asked.
struct Player {
    address: String,
    heads: Arc<Mutex<Vec<String>>>,
}

type Answers = fn(&str) -> (u16, String);

async fn plays(answers: Answers) -> Player {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}/base", listener.local_addr().expect("an address"));
    let heads: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let kept = Arc::clone(&kept);
            tokio::spawn(async move {
                let mut head = Vec::new();
                let mut byte = [0_u8; 1024];
                while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                    match stream.read(&mut byte).await {
                        Ok(0) | Err(_) => return,
                        Ok(count) => head.extend_from_slice(&byte[..count]),
                    }
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let path = head.split(' ').nth(1).unwrap_or("").to_owned();
                kept.lock().expect("unpoisoned").push(head);
                let (status, body) = answers(&path);
                if status == 0 {
                    // Says nothing until the other side gives up.
                    tokio::time::sleep(std::time::Duration::from_secs(30)).await;
                }
                let answer = format!(
                    "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nLocation: http://elsewhere.example/\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    Player { address, heads }
}

fn cqc_answers(path: &str) -> (u16, String) {
    let text = |body: &str| (200, body.to_owned());
    match path {
        "/base/locations/1-120745060" => text(REGISTERED),
        "/base/locations/1-1221269650" => text(DEREGISTERED),
        "/base/providers/1-101655600" => text(PROVIDER),
        "/base/locations/1-100000500" => (500, "{}".to_owned()),
        "/base/locations/1-100000429" => (
            429,
            r#"{"statusCode": 429, "message": "Rate limit is exceeded. Try again in 57 seconds."}"#
                .to_owned(),
        ),
        "/base/locations/1-100000401" => (401, r#"{"statusCode": 401}"#.to_owned()),
        "/base/locations/1-100000302" => (302, String::new()),
        "/base/locations/1-100000000" => (0, String::new()),
        "/base/locations/1-100000001" => text("<html>"),
        "/base/locations/1-100000002" => (200, "x".repeat(3 * 1024 * 1024)),
        "/base/locations/1-100000003" => text(REGISTERED),
        _ => (404, r#"{"statusCode": 404, "message": "No Locations found."}"#.to_owned()),
    }
}

fn ods_answers(path: &str) -> (u16, String) {
    let text = |body: &str| (200, body.to_owned());
    match path {
        "/base/Organization/VN139" => text(SITE),
        "/base/Organization/VN2R0" => text(SITE_CLOSED),
        "/base/Organization/AQ8C" => text(HQ),
        "/base/Organization/RR8" => text(TRUST),
        "/base/Organization/VN422" => (422, "{}".to_owned()),
        "/base/OrganizationAffiliation?primary-organization=VN139" => text(OPERATOR),
        "/base/OrganizationAffiliation?primary-organization=VN2R0" => text(NO_OPERATOR),
        _ => (404, ODS_NOT_FOUND.to_owned()),
    }
}

fn live_cqc(address: &str) -> LiveCqc {
    let settings = cqc::Settings {
        enabled: true,
        address: address.to_owned(),
        key: Key::new("a-secret-key"),
        time_limit_ms: 400,
    };
    LiveCqc::open(&settings, clock()).expect("it opens")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cqc_asked_live_keeps_them() {
    let player = plays(cqc_answers).await;
    let register = live_cqc(&player.address);
    keeps_its_promises(&register).await;
    let heads = player.heads.lock().expect("unpoisoned").clone();
    for head in &heads {
        let head = head.to_ascii_lowercase();
        assert!(head.contains("ocp-apim-subscription-key: a-secret-key"), "{head}");
        assert!(head.contains("user-agent: carepost/"), "a request without one is refused with 403: {head}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cqc_says_instead_of_an_answer_is_later_or_never() {
    let player = plays(cqc_answers).await;
    let register = live_cqc(&player.address);
    let ask = async |id: &str| register.find(&location(id)).await;
    for (id, why) in [
        ("1-100000500", "a fault of theirs"),
        ("1-100000429", "asked too often"),
        ("1-100000000", "no answer in time"),
        ("1-100000001", "an answer that is not one"),
        ("1-100000002", "an answer without end"),
        ("1-100000003", "an answer about another location"),
    ] {
        let answer = ask(id).await;
        assert!(matches!(answer, Err(AskError::Later(_))), "{why}: {answer:?}");
    }
    for (id, why) in [("1-100000401", "a wrong key"), ("1-100000302", "a way off the host")] {
        let answer = ask(id).await;
        assert!(matches!(answer, Err(AskError::Never(_))), "{why}: {answer:?}");
    }
    let words = format!("{:?}", ask("1-100000500").await);
    assert!(!words.contains("a-secret-key") && !words.contains("1-100000500"), "{words}");
    // Nobody is there.
    let register = live_cqc("http://127.0.0.1:9/base");
    assert!(matches!(register.find(&location("1-120745060")).await, Err(AskError::Later(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ods_asked_live_keeps_them() {
    let player = plays(ods_answers).await;
    let settings = ods::Settings {
        enabled: true,
        address: player.address.clone(),
        key: Key::new("a-secret-key"),
        time_limit_ms: 2_000,
    };
    let register = LiveOds::open(&settings, clock()).expect("it opens");
    keeps_its_promises(&register).await;
    let Ok(Finding::Ods(found)) = register.find(&hq("RR8")).await else { panic!("it is there") };
    assert_eq!((found.kind, found.town.as_deref()), (OdsKind::Other, Some("LEEDS")));
    assert_eq!(found.telephone.as_deref(), Some("0113 243 3144"));
    assert!(
        matches!(register.find(&site("VN422")).await, Err(AskError::Never(_))),
        "an answer too large for them"
    );
    for head in player.heads.lock().expect("unpoisoned").iter() {
        assert!(head.to_ascii_lowercase().contains("apikey: a-secret-key"), "{head}");
    }
}

#[test]
fn live_registers_are_off_until_they_are_wanted_and_their_keys_are_never_shown() {
    let (cqc, ods) = (cqc::Settings::default(), ods::Settings::default());
    assert!(!cqc.enabled && !ods.enabled);
    let plain = cqc::Settings {
        address: "http://api.service.cqc.org.uk/public/v1".to_owned(),
        key: Key::new("a-secret-key"),
        ..cqc
    };
    assert!(!format!("{plain:?}").contains("a-secret-key"));
    let why = LiveCqc::open(&plain, clock()).err().expect("refused");
    assert!(why.contains("https://"), "{why}");
}
