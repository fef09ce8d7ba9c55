//! Every form sent twice at the same moment: what is stored afterwards is what one press leaves.
//!
//! The walks of `golden.rs` go through every page. They run once as they stand, and once with each form sent
//! by two requests that run beside one another; after each form the rows of every table are counted, letters
//! and entries of the trail by their kind, and both runs must have the same.

use crate::account_holders::waiting_app;
use crate::golden;
use crate::guest::{Guest, does_all_work, letter, run};
use crate::harness::{Got, Harness, PASSWORD, PRESSES, password_hash};
use carepost::clock::Span;
use carepost::database::{Database, Error, Reads, transaction};
use carepost::registration::RegistrationState;
use carepost::registration::journey::Page;
use carepost::routes;
use carepost::sign_in::app_code;
use carepost::sign_in::recovery::RecoveryCode;
use carepost::sign_in::secrets::Purpose;
use carepost::sign_in::session::SessionKind;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::{Arc, Mutex};

/// How a walk presses, and what each press left.
pub struct Presses {
    pub twice: bool,
    pub engine: &'static str,
    pressed: Mutex<Vec<Press>>,
}

/// One form, and what was there after it.
#[derive(Debug)]
struct Press {
    path: String,
    fields: String,
    statuses: Vec<(u16, String)>,
    rows: BTreeMap<String, i64>,
}

/// Tables that count requests, not what they did.
const COUNTERS: [&str; 2] = ["budgets", "schema_versions"];

impl Presses {
    /// Notes what a form left.
    pub async fn note(&self, database: &Database, path: &str, fields: &[(&str, &str)], got: &[Got]) {
        let rows = rows(database).await;
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let statuses = got.iter().map(|got| (got.status, got.location.clone())).collect();
        let press = Press { path: path.to_owned(), fields: fields.join("&"), statuses, rows };
        self.pressed.lock().expect("no panic while held").push(press);
    }
}

/// The answer that a walk goes on with: the one that did something.
pub fn chosen(mut got: Vec<Got>) -> Got {
    got.sort_by_key(|got| (got.status >= 400, got.headers.get(axum::http::header::SET_COOKIE).is_none()));
    got.swap_remove(0)
}

async fn rows(database: &Database) -> BTreeMap<String, i64> {
    let names = match database.engine() {
        "sqlite" => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        _ => {
            "SELECT CAST(table_name AS TEXT) FROM information_schema.tables
              WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        }
    };
    let names: Vec<(String,)> = database.all(names, &[]).await.expect("the tables");
    let mut found = BTreeMap::new();
    let mut counts = Vec::new();
    for (table,) in names.iter().filter(|(table,)| !COUNTERS.contains(&table.as_str())) {
        let kind = match table.as_str() {
            "outbox" => "kind",
            "letters" => "name",
            "audit_entries" => "action",
            "sessions" => "kind",
            _ => {
                counts.push(format!("SELECT '{table}', '', COUNT(*) FROM {table}"));
                continue;
            }
        };
        counts.push(format!("SELECT '{table}', {kind}, COUNT(*) FROM {table} GROUP BY {kind}"));
    }
    let sql = counts.join(" UNION ALL ");
    let rows: Vec<(String, String, i64)> = database.all(sql.leak(), &[]).await.expect("counted");
    for (table, kind, count) in rows {
        found.insert(format!("{table} {kind}"), count);
    }
    found
}

async fn walk(twice: bool, engine: &'static str) -> Vec<Press> {
    let presses = Arc::new(Presses { twice, engine, pressed: Mutex::default() });
    let walks = async {
        golden::walk_without_reading().await;
        other_forms().await;
    };
    PRESSES.scope(Arc::clone(&presses), walks).await;
    let mut pressed = presses.pressed.lock().expect("no panic while held");
    std::mem::take(&mut *pressed)
}

/// Forms that the walks of `golden.rs` only send wrongly or not at all.
async fn other_forms() {
    registrants_forms().await;
    holders_forms().await;
    case_workers_forms().await;
}

async fn registrants_forms() {
    let harness = Harness::new(true).await;
    let mut amy = Guest::new(&harness);
    amy.passes("/support/dspt/helpful", &[("helped", "yes")]).await;

    // Somebody comes back to one of two drafts.
    harness.draft(|draft| golden::until(draft, Page::Town)).await;
    let chosen = harness.draft(|draft| golden::until(draft, Page::FindSite)).await;
    let email = "amy@oakhouse.example";
    amy.post("/register/return", &[("email", email)]).await;
    does_all_work(&harness).await;
    let (code, _) = letter(&harness, email, "email code").await;
    amy.passes("/register/return/code", &[("email", email), ("code", &code)]).await;
    amy.passes("/register/mine", &[("registration", chosen.reference.as_str())]).await;

    let mut bo = golden::registrant(&harness, Page::Proof).await;
    bo.passes("/register/prove-your-authority", &[("way", "email")]).await;
    harness.app.clock.advance(Span::minutes(1));
    bo.passes("/register/site-code/again", &[]).await;

    // A question is answered, and the registration withdrawn.
    let case = golden::sent(&harness).await;
    does_all_work(&harness).await;
    let asked = RegistrationState::MoreInformationAsked { question: "Who is the manager?".to_owned() };
    golden::put(&harness, &case.id, asked).await;
    let mut reader = Guest::with(&harness, SessionKind::StatusReader, &case.id).await;
    let path = format!("/registration/{}", case.reference);
    let version = golden::version(&harness, &case.id).await;
    reader.passes(&format!("{path}/answer"), &[("answer", "Amy Reed is."), ("version", &version)]).await;
    let version = golden::version(&harness, &case.id).await;
    reader.passes(&format!("{path}/withdraw"), &[("version", &version)]).await;
}

async fn holders_forms() {
    let harness = Harness::new(false).await;
    let home = harness.home("VM195").await;
    let mut asha = Guest::with(&harness, SessionKind::AccountHolder, &home.asha).await;
    asha.post("/my-account/security/recovery-codes", &[]).await;
    asha.passes("/my-account/security/recovery-codes/written", &[]).await;
    let password = [("address", "asha.patel@carepost.example"), ("password", PASSWORD)];
    asha.passes("/my-account/security/sign-out-everywhere", &[]).await;
    asha.passes("/sign-in", &password).await;
    // Of two presses the later one made the codes, and only a browser knows which it shows.
    let code = RecoveryCode::new();
    let hash = code.hash();
    harness
        .app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            tx.run(
                "UPDATE recovery_codes SET hash = $1 WHERE hash = (SELECT MIN(hash) FROM recovery_codes)",
                &[&hash],
            )
            .await
        }))
        .await
        .expect("written");
    asha.passes("/sign-in/recovery-code", &[("code", &code.shown())]).await;
    harness.app.clock.advance(Span::minutes(2));
    let code = harness.code_of(&home.asha);
    asha.passes("/my-account/security/app", &[("password", PASSWORD), ("code", &code)]).await;
    let code = harness.code_of_app(&waiting_app(&harness, &home.asha).await);
    asha.passes("/sign-in/app", &[("code", &code)]).await;

    // A new activation link.
    run(&harness, "UPDATE accounts SET state = 'AwaitingActivation', activated_at = NULL, password_hash = NULL WHERE address LIKE 'bo.%'")
        .await;
    Guest::new(&harness).passes("/activate", &[("email", "bo.195@home.example")]).await;
}

async fn case_workers_forms() {
    let harness = Harness::new(true).await;
    let worker = harness.case_worker("casey@carepost.example").await;
    let hash = password_hash();
    harness
        .app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            tx.run("UPDATE case_workers SET password_hash = $1", &[&hash]).await
        }))
        .await
        .expect("written");
    let mut casey = Guest::new(&harness);
    casey.passes("/casework/sign-in", &[("email", "casey@carepost.example"), ("password", PASSWORD)]).await;
    let (key, now) = (&harness.app.key, harness.app.clock.now());
    let code = app_code::code_now(key, Purpose::CaseWorkerApp, &worker, now);
    casey.passes("/casework/sign-in/code", &[("code", &code)]).await;

    let home = harness.home("VM195").await;
    let path = format!("/casework/sites/{}/add-address", home.site);
    let version = casey.get(&path).await.hidden("version");
    let order = [
        ("address", "care.vm100@carepost.example"),
        ("reason", "The home was sold."),
        ("confirm", "yes"),
        ("version", &version),
    ];
    run(
        &harness,
        "INSERT INTO addresses (canonical, stem, number, names, taken_at)
         VALUES ('care.vm100@carepost.example', 'care.vm100', 0, 'gone', 1)",
    )
    .await;
    casey.passes(&path, &order).await;

    golden::sent(&harness).await;
    for what in ["try-again", "give-up"] {
        run(
            &harness,
            "UPDATE outbox SET state = 'NeedsAttention', reason = 'The mail server said no.', attempts = 8
              WHERE id = (SELECT MIN(id) FROM outbox WHERE kind = 'SendLetter')",
        )
        .await;
        let (id,): (String,) = harness
            .app
            .database
            .one("SELECT id FROM outbox WHERE state = 'NeedsAttention'", &[])
            .await
            .expect("one");
        casey.passes(&format!("/casework/attention/{id}/{what}"), &[]).await;
    }
    casey.passes("/casework/sign-out", &[]).await;
}

/// The route a path belongs to.
fn route_of(path: &str) -> &'static str {
    let path = path.split('?').next().unwrap_or(path);
    let fits = |route: &str| {
        let (mut route, mut path) = (route.split('/'), path.split('/'));
        loop {
            match (route.next(), path.next()) {
                (None, None) => return true,
                (Some(pattern), Some(part)) if pattern == part || pattern.starts_with('{') => {}
                _ => return false,
            }
        }
    };
    let named = |route: &str| route.matches('{').count();
    let all = routes::all();
    let mut found: Vec<&'static str> = all
        .iter()
        .filter(|route| route.method == "POST" && fits(route.path))
        .map(|route| route.path)
        .collect();
    found.sort_by_key(|route| named(route));
    found.first().copied().unwrap_or_else(|| panic!("no route takes {path}"))
}

/// Routes that no browser sends, and no walk goes through; each has its own test of the same.
const OF_PROGRAMS: [&str; 3] =
    ["/audit/cosignatures", "/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml"];

/// What is shown once is shown to one of two presses; the other is told that it is there already.
const SHOWN_ONCE: [&str; 1] = ["/my-account/mail-programs/add"];

async fn every_form_twice(engine: &'static str) {
    let (once, twice) = (walk(false, engine).await, walk(true, engine).await);
    let mut wrong = String::new();
    let mut done = BTreeSet::new();
    assert_eq!(once.len(), twice.len(), "the walks went different ways");
    let (mut last_once, mut last_twice) = (BTreeMap::new(), BTreeMap::new());
    for (once, twice) in once.iter().zip(&twice) {
        assert_eq!(route_of(&once.path), route_of(&twice.path), "the walks went different ways");
        let what = format!("{} with {}: {:?}", twice.path, twice.fields, twice.statuses);
        if twice.statuses.iter().any(|(status, _)| *status >= 500) && once.statuses[0].0 < 500 {
            let _ = writeln!(wrong, "{what}");
        }
        let names: BTreeSet<&String> = once.rows.keys().chain(twice.rows.keys()).collect();
        for name in names {
            let of = |rows: &BTreeMap<String, i64>| rows.get(name).copied().unwrap_or(0);
            let by_one = of(&once.rows) - of(&last_once);
            let by_two = of(&twice.rows) - of(&last_twice);
            // A walk in another database begins anew.
            if by_one != by_two {
                let _ = writeln!(wrong, "{what}: {name} {by_one:+} by one press, {by_two:+} by two");
            }
        }
        (last_once, last_twice) = (once.rows.clone(), twice.rows.clone());
        if once.statuses[0].0 < 400 {
            done.insert(route_of(&once.path));
        }
        let route = route_of(&twice.path);
        let statuses: BTreeSet<u16> = twice.statuses.iter().map(|(status, _)| *status).collect();
        if statuses.len() > 1 && !SHOWN_ONCE.contains(&route) {
            let _ = writeln!(wrong, "{what}: one press was told something else");
        }
    }
    for route in routes::all() {
        if route.method == "POST" && !OF_PROGRAMS.contains(&route.path) && !done.contains(route.path) {
            let _ = writeln!(wrong, "{} is not walked through", route.path);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_form_sent_twice_has_the_effect_of_one_on_sqlite() {
    every_form_twice("sqlite").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_form_sent_twice_has_the_effect_of_one_on_postgres() {
    every_form_twice("postgres").await;
}
