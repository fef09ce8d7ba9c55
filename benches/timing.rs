//! Whether the time of an answer tells who has a registration or an account: the same form is sent with an
//! address that is known and with one that is not, in random order, and the two sets of times are compared.
//!
//! The figure is the area under the curve (AUC): the share of pairs in which the known address took longer.
//! 0.50 tells nothing. Each request comes from a network of its own, as an attacker's would.

use crate::approvals;
use crate::browser::{Browser, http};
use crate::server::{Server, fresh_folder, fresh_postgres};
use carepost::clock::{Clock, Span};
use carepost::contact::Email;
use carepost::database::{Database, Error, Reads, transaction};
use carepost::registration::{Draft, store};
use std::time::Duration;

const PAIRS: usize = 10_000;

/// The share of pairs in which the first is larger; equal ones count half (Mann and Whitney's U over n·m).
fn area_under_curve(known: &[Duration], unknown: &[Duration]) -> f64 {
    let mut all: Vec<(Duration, bool)> =
        known.iter().map(|time| (*time, true)).chain(unknown.iter().map(|time| (*time, false))).collect();
    all.sort();
    let (mut rank_sum, mut place) = (0.0, 0);
    while place < all.len() {
        let end = all[place..].iter().take_while(|(time, _)| *time == all[place].0).count() + place;
        let rank = (place + 1 + end) as f64 / 2.0;
        rank_sum += rank * all[place..end].iter().filter(|(_, is_known)| *is_known).count() as f64;
        place = end;
    }
    let (n, m) = (known.len() as f64, unknown.len() as f64);
    (rank_sum - n * (n + 1.0) / 2.0) / (n * m)
}

/// Drafts with addresses that were confirmed.
async fn add_drafts(database: &Database) {
    let now = Clock::system().now();
    for start in (0..PAIRS).step_by(200) {
        database
            .write::<_, Error, _>(transaction!(async move |tx| {
                for number in start..start + 200 {
                    let id = carepost::id::new_id(now);
                    let mut draft = Draft::begin(id.clone(), "b".into(), "n".into(), now, Span::days(30));
                    store::add(tx, &draft).await?;
                    draft.answers.email = Email::parse(&format!("known{number:05}@timing.example")).ok();
                    draft.answers.email_confirmed = true;
                    store::save_answers(tx, &id, draft.version, &draft.answers, now, draft.expires_at)
                        .await?;
                }
                Ok(())
            }))
            .await
            .expect("drafts");
    }
}

/// Accounts that people sign in to, and some that wait to be activated; answers the two kinds of address.
async fn add_accounts(database: &Database) -> (Vec<String>, Vec<String>) {
    let app = approvals::app_on(database.clone());
    let ids = approvals::prepare(&app, 0, 2 * PAIRS / 10).await;
    approvals::approve_all(&app, ids).await;
    let password = "violet anchor meadow 41".to_owned();
    let hash = carepost::sign_in::password::hash(&app, password).await.expect("a hash");
    let list = "SELECT address, email FROM accounts ORDER BY id";
    let rows: Vec<(String, String)> = database.clone().all(list, &[]).await.expect("accounts");
    let (active, pending) = rows.split_at(PAIRS);
    let last = active.last().expect("accounts").0.clone();
    let split = "UPDATE accounts SET state = 'Active', password_hash = $1, activated_at = 1, used_at = 1
                   WHERE id <= (SELECT id FROM accounts WHERE address = $2)";
    database
        .write::<_, Error, _>(transaction!(async move |tx| {
            tx.run(split, &[&hash, &last]).await?;
            // The work of opening mailboxes is measured elsewhere.
            tx.run("DELETE FROM outbox", &[]).await?;
            Ok(())
        }))
        .await
        .expect("active accounts");
    (
        active.iter().map(|(address, _)| address.clone()).collect(),
        pending.iter().map(|(_, email)| email.clone()).collect(),
    )
}

fn any_network() -> String {
    let part = || fastrand::u16(..);
    format!("2001:db8:{:x}:{:x}::1", part(), part())
}

/// Sends a form with each known address and with as many unknown ones, and prints the two figures: of its own
/// answer, and of the page after it, while whatever was queued is being done.
async fn compare(server: &Server, name: &str, path: &str, field: &str, known: &[String], unknown: &[String]) {
    let mut tries: Vec<(&String, bool)> =
        known.iter().map(|a| (a, true)).chain(unknown.iter().map(|a| (a, false))).collect();
    fastrand::shuffle(&mut tries);
    let mut browser = Browser::new(http(), &server.address);
    let mut times: [[Vec<Duration>; 2]; 2] = Default::default();
    for (address, is_known) in tries {
        if browser.times.len() > 400 {
            // A browser of its own for every hundred, as limits by browser want it.
            browser = Browser::new(http(), &server.address);
        }
        browser.network = Some(any_network());
        if browser.token.is_empty() {
            browser.get(path).await;
        }
        let fields = [(field, address.as_str()), ("password", "not the right password 7")];
        let page = browser.send_form(path, &fields).await;
        assert!([200, 303, 422].contains(&page.status), "{name}: {} {}", page.status, page.body);
        times[0][usize::from(is_known)].push(*browser.times.last().expect("a time"));
        browser.get("/contact-us").await;
        times[1][usize::from(is_known)].push(*browser.times.last().expect("a time"));
    }
    for (what, [unknown, known]) in ["the answer", "the page asked for next"].iter().zip(&mut times) {
        let area = area_under_curve(known, unknown);
        unknown.sort();
        known.sort();
        let median = |times: &[Duration]| times[times.len() / 2].as_secs_f64() * 1000.0;
        println!(
            "{name} on {}, {what}: AUC {area:.3} over {} pairs; median known {:.3} ms, unknown {:.3} ms",
            server.engine,
            known.len(),
            median(known),
            median(unknown)
        );
    }
}

async fn on(database: &str, engine: &'static str) {
    let more = [("CAREPOST_TRUSTED_PROXIES", "1"), ("CAREPOST_WRONG_GUESSES_AN_HOUR_MAX", "1000000")];
    let (server, _) = Server::start_with(database, engine, &more).await;
    add_drafts(&server.database).await;
    let (active, pending) = add_accounts(&server.database).await;
    let made = |what: &str| (0..PAIRS).map(|number| format!("{what}{number:05}@timing.example")).collect();
    let (known, unknown): (Vec<String>, Vec<String>) = (made("known"), made("nobody"));
    compare(&server, "coming back to a registration", "/register/return", "email", &known, &unknown).await;
    let unknown: Vec<String> = made("nobodys");
    compare(&server, "a new activation link", "/activate", "email", &pending, &unknown).await;
    let unknown: Vec<String> = active.iter().map(|address| format!("x{address}")).collect();
    compare(&server, "signing in with a wrong password", "/sign-in", "address", &active, &unknown).await;
}

pub async fn measure() {
    let folder = fresh_folder();
    on(&folder.join("carepost.db").display().to_string(), "sqlite").await;
    let _ = std::fs::remove_dir_all(folder);
    match fresh_postgres() {
        Some(address) => on(&address, "postgres").await,
        None => println!("timing on postgres: no server in this run; nothing measured"),
    }
}
