//! Approvals alone: one transaction each, with site, shared mailbox, ten accounts, addresses,
//! entries and work; and again with 30,000 sites present.

use crate::server::{fresh_folder, fresh_postgres};
use carepost::app::{App, Outside};
use carepost::audit::Actor;
use carepost::casework::moves;
use carepost::clock::{Clock, Span, Timestamp};
use carepost::contact::{Email, Mobile, Name};
use carepost::database::{Address, Database, Error, transaction};
use carepost::letter::Transport;
use carepost::mail::fake::FakeEngine;
use carepost::outbox::store::Taken;
use carepost::outbox::{Lane, Work};
use carepost::registration::answers::{
    Answers, AskedAccess, DsptAnswer, PeopleBounds, Person, Proof, ProofWay, SiteAnswer, Sites,
};
use carepost::registration::checks::{CHECKS, Outcome, RegisterCheck};
use carepost::registration::{Draft, store};
use carepost::settings::{Secret, Settings};
use std::sync::Arc;
use std::time::Instant;

fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

fn answers(number: usize) -> Answers {
    const FIRST: [&str; 10] = ["Amy", "Bo", "Cy", "Dee", "Eli", "Fay", "Gus", "Hal", "Ida", "Jo"];
    const LAST: [&str; 20] = [
        "Reed", "Li", "Fox", "Hart", "Wells", "Moss", "Ford", "Lane", "Pike", "Nash", "Dunn", "Kerr", "Shaw",
        "Webb", "Boyd", "Cole", "Dale", "Ross", "Tate", "Vale",
    ];
    let people = (0..10)
        .map(|place| Person {
            first_name: Name::parse(FIRST[place], "first name").expect("a name"),
            last_name: Name::parse(LAST[(number * 7 + place) % 20], "last name").expect("a name"),
            role: "Carer".to_owned(),
            email: Email::parse(&format!("person{number}x{place}@people.example")).expect("an address"),
            mobile: Mobile::parse(&format!("07{:09}", 100_000_000 + number * 10 + place)).expect("a mobile"),
            access: if place < 2 { AskedAccess::Owner } else { AskedAccess::Member },
            has_account: None,
        })
        .collect();
    Answers {
        social_care: Some(true),
        cqc_registered: Some(true),
        hospice: Some(false),
        sites: Some(Sites::One),
        way: None,
        has_account: Some(false),
        email: Email::parse(&format!("registrant{number}@load.example")).ok(),
        email_confirmed: true,
        site: Some(SiteAnswer {
            ods_code: format!("V{number:05}"),
            cqc_location_id: format!("1-{}", 500_000_000 + number),
            name: format!("Oak House {number}"),
            address: "1 High Street".to_owned(),
            town: "Oldham".to_owned(),
            postcode: "OL1 4JX".to_owned(),
            provider_name: String::new(),
            typed: false,
        }),
        site_confirmed: true,
        dspt: Some(DsptAnswer { words: "Standards Met".to_owned(), by_hq: false }),
        proof_way: Some(ProofWay::ContactId),
        proof: Some(Proof::ContactId {
            location: format!("1-{}", 500_000_000 + number),
            hash: "hash".to_owned(),
            at: Timestamp::from_milliseconds(0),
        }),
        town: Some("Oldham".to_owned()),
        people,
        people_done: true,
    }
}

/// Registrations that have been sent and checked, all green, ready to be decided.
pub async fn prepare(app: &App, from: usize, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for start in (from..from + count).step_by(100) {
        let now = app.clock.now();
        let numbers: Vec<usize> = (start..(start + 100).min(from + count)).collect();
        let made: Vec<String> = app
            .database
            .write::<_, Error, _>(transaction!(async move |tx| {
                let mut ids = Vec::new();
                tx.run(
                    "INSERT INTO imports VALUES (0, 'site-contacts', 'bench', FALSE, 'bench', 'bench', '', 0, 0, 0, 0,
                       0, 0, 0, NULL, 0, 0, 'bench', '{}') ON CONFLICT DO NOTHING",
                    &[],
                )
                .await?;
                for number in numbers {
                    let location = format!("1-{}", 500_000_000 + number);
                    let contacts = format!(
                        r#"{{"location":"{location}","contacts":[{{"contact_id":"hash","email":"site{number}@load.example"}}]}}"#
                    );
                    tx.run(
                        "INSERT INTO site_contacts (location_id, facts, import_number) VALUES ($1, $2, 0)",
                        &[&location, &contacts],
                    )
                    .await?;
                    let id = carepost::id::new_id(now);
                    let mut draft =
                        Draft::begin(id.clone(), "b".to_owned(), "n".to_owned(), now, Span::days(30));
                    store::add(tx, &draft).await?;
                    draft.answers = answers(number);
                    store::save_answers(tx, &id, draft.version, &draft.answers, now, draft.expires_at)
                        .await?;
                    draft.version += 1;
                    let people = PeopleBounds { min: 2, max: 10 };
                    let change = draft
                        .clone()
                        .submit(Actor::Registrant, now, Span::hours(48), people)
                        .expect("complete");
                    store::save_submission(tx, now, &draft, &change).await?;
                    let checks: Vec<RegisterCheck> = CHECKS
                        .into_iter()
                        .map(|check| RegisterCheck {
                            check,
                            outcome: Outcome::Pass,
                            words: "green".to_owned(),
                            evidence: "bench".to_owned(),
                            checked_at: now,
                        })
                        .collect();
                    store::save_checks(tx, &id, &checks).await?;
                    ids.push(id);
                }
                Ok(ids)
            }))
            .await
            .expect("prepared");
        ids.extend(made);
    }
    ids
}

pub async fn approve_all(app: &App, ids: Vec<String>) -> (f64, f64) {
    let count = ids.len();
    let processor = processor_seconds();
    let started = Instant::now();
    let ids = Arc::new(std::sync::Mutex::new(ids));
    let workers: Vec<_> = (0..32)
        .map(|_| {
            let (app, ids) = (app.clone(), Arc::clone(&ids));
            tokio::spawn(async move {
                loop {
                    let Some(id) = ids.lock().expect("not poisoned").pop() else { return };
                    let taken = Taken {
                        id: String::new(),
                        work: Work::Decide { registration: id.clone() },
                        lane: Lane::Checks,
                        attempts: 1,
                        lease: String::new(),
                    };
                    let permit = moves::of_service(&id).expect("the service may decide");
                    moves::decide(&app, permit, &taken).await.expect("decided");
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.expect("no panic");
    }
    let took = started.elapsed().as_secs_f64();
    (count as f64 / took, (processor_seconds() - processor) * 1000.0 / count as f64)
}

/// The service on a database, without anything outside.
pub fn app_on(database: Database) -> App {
    let settings = Settings::defaults().expect("defaults");
    let outside = Outside {
        live: Vec::new(),
        mail: Arc::new(FakeEngine::default()),
        letters: Transport::Kept,
        demo: false,
    };
    App::new(database, settings, Clock::system(), Secret::new([7; 32]), outside)
}

async fn on(address: &Address, full: usize) {
    let database = Database::open(address).await.expect("the database opens");
    database.migrate(Clock::system().now().as_milliseconds()).await.expect("tables");
    let engine = database.engine();
    let app = app_on(database);
    let first = prepare(&app, 0, 1_000).await;
    let (rate, processor) = approve_all(&app, first).await;
    println!(
        "approvals on {engine}, ten accounts each, empty directory: {rate:.0} a second, {processor:.2} ms of processor each (driver included)"
    );
    let filling = prepare(&app, 1_000, full - 1_000).await;
    approve_all(&app, filling).await;
    let last = prepare(&app, full, 1_000).await;
    let (rate, processor) = approve_all(&app, last).await;
    println!(
        "approvals on {engine}, {full} sites present: {rate:.0} a second, {processor:.2} ms of processor each (driver included)"
    );
}

pub async fn measure() {
    let folder = fresh_folder();
    on(&Address::Sqlite(folder.join("carepost.db")), 30_000).await;
    let _ = std::fs::remove_dir_all(folder);
    match fresh_postgres() {
        Some(address) => on(&Address::parse(&address).expect("an address"), 30_000).await,
        None => println!("approvals on postgres: no server in this run; nothing measured"),
    }
}
