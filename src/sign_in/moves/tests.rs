//! Signing in and out of case work, pressed once and twice, on both databases.

use super::*;
use crate::app::App;
use crate::app::for_tests::app;
use crate::audit;
use crate::clock::{Clock, Span};
use crate::database::for_tests::both_engines;
use crate::database::{Database, Error, transaction};
use crate::outbox::outcome::NotDone;
use crate::sign_in::permits::{CaseWorker, HalfSignedIn};
use crate::sign_in::secrets::Purpose;
use crate::sign_in::session::{SessionKind, browser_hash};
use crate::sign_in::{app_code, password, store};

const NOON: Timestamp = Timestamp::from_milliseconds(43_200_000);
const PASSWORD: &str = "gravel teapot lantern";
const CASEY: &str = "casey@carepost.example";

async fn with_case_worker(database: Database) -> App {
    let (app, _) = app(database, Clock::still(NOON));
    let hash = password::hash_now(PASSWORD).expect("hashed");
    app.database
        .write::<_, Error, _>(transaction!(async move |tx| {
            store::add_case_worker(tx, "casey", "Casey Worker", CASEY, &hash, NOON).await
        }))
        .await
        .expect("added");
    app
}

fn password_order(address: &str, password: &str) -> PasswordOrder {
    PasswordOrder {
        address: address.to_owned(),
        password: Secret::new(password.to_owned()),
        network: "192.0.2.7".to_owned(),
        browser: Secret::new("at first".to_owned()),
        known_by: None,
    }
}

fn code_order(app: &App, browser: &str) -> CodeOrder {
    let typed = app_code::code_now(&app.key, Purpose::CaseWorkerApp, "casey", app.clock.now());
    CodeOrder { typed, browser: Secret::new(browser.to_owned()), known_by: None }
}

fn half() -> HalfSignedIn {
    HalfSignedIn { case_worker: "casey".to_owned() }
}

/// A browser that is half way in.
async fn half_way(app: &App, browser: &str) {
    let (in_app, browser) = (app.clone(), browser.to_owned());
    app.database
        .write::<_, Error, _>(transaction!(async move |tx| {
            let kind = SessionKind::HalfSignedIn;
            crate::sign_in::session::begin(tx, &in_app, &browser, kind, "casey", false).await
        }))
        .await
        .expect("begun");
}

async fn kinds(app: &App, browser_hash: &str) -> Vec<SessionKind> {
    let sessions = store::list_sessions(&app.database, browser_hash).await.expect("read");
    sessions.into_iter().map(|session| session.kind).collect()
}

async fn actions(app: &App) -> Vec<String> {
    let history = audit::store::history(&app.database, "casey").await.expect("read");
    history.into_iter().map(|entry| entry.action).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_workers_get_half_way_with_their_password_alone() {
    for database in both_engines().await {
        let app = with_case_worker(database).await;
        for (address, typed) in [(CASEY, "wrong"), ("nobody@carepost.example", PASSWORD)] {
            let refused = case_worker_gives_password(&app, password_order(address, typed)).await;
            assert!(matches!(refused, Err(NotDone::Refusal(SignInRefusal::NotRecognised))), "{address}");
        }
        let rotated =
            case_worker_gives_password(&app, password_order(CASEY, PASSWORD)).await.expect("half way");
        assert_eq!(kinds(&app, &rotated.browser_hash()).await, [SessionKind::HalfSignedIn]);
        assert_eq!(actions(&app).await, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_workers_sign_in_once_however_often_they_press() {
    for database in both_engines().await {
        let app = with_case_worker(database).await;
        half_way(&app, "half").await;
        let order = code_order(&app, "half");
        let (one, other) = tokio::join!(
            case_worker_gives_code(&app, half(), order.clone()),
            case_worker_gives_code(&app, half(), order.clone())
        );
        let (one, other) = (one.expect("signed in"), other.expect("the same answer"));
        assert_eq!(one.browser_hash(), other.browser_hash(), "{}", app.database.engine());
        assert_eq!(kinds(&app, &one.browser_hash()).await, [SessionKind::CaseWorker]);
        assert_eq!(kinds(&app, &browser_hash("half")).await, []);
        assert_eq!(actions(&app).await, ["case worker signed in"]);

        // Somebody who looked over their shoulder.
        half_way(&app, "another").await;
        let refused = case_worker_gives_code(&app, half(), code_order(&app, "another")).await;
        let used = SignInRefusal::Factor(FactorProblem::AppCodeUsed);
        assert!(matches!(refused, Err(NotDone::Refusal(why)) if why == used), "{refused:?}");
        assert_eq!(kinds(&app, &browser_hash("another")).await, [SessionKind::HalfSignedIn], "kept");

        app.clock.advance(Span::minutes(1));
        let late = case_worker_gives_code(&app, half(), code_order(&app, "half")).await;
        assert!(matches!(late, Err(NotDone::Refusal(SignInRefusal::Over))), "{late:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_workers_sign_out_once_however_often_they_press() {
    for database in both_engines().await {
        let app = with_case_worker(database).await;
        half_way(&app, "half").await;
        let rotated = case_worker_gives_code(&app, half(), code_order(&app, "half")).await.expect("in");
        let hash = rotated.browser_hash();
        let by = CaseWorker { id: "casey".to_owned(), name: "Casey Worker".to_owned() };
        // The secret itself went to the browser; a session under a known one stands for it.
        let (in_app, known) = (app.clone(), "known");
        app.database
            .write::<_, Error, _>(transaction!(async move |tx| {
                let kind = SessionKind::CaseWorker;
                crate::sign_in::session::begin(tx, &in_app, known, kind, "casey", false).await
            }))
            .await
            .expect("begun");
        let (one, other) =
            tokio::join!(case_worker_signs_out(&app, &by, known), case_worker_signs_out(&app, &by, known));
        one.expect("signed out");
        other.expect("signed out");
        let noted = actions(&app).await.into_iter().filter(|action| action == "case worker signed out");
        assert_eq!(noted.count(), 1, "{}", app.database.engine());
        assert_eq!(kinds(&app, &browser_hash(known)).await, []);
        assert_eq!(kinds(&app, &hash).await, [SessionKind::CaseWorker], "other browsers stay signed in");
    }
}

/// Tries passwords one after another; how many were judged and not refused unseen.
async fn passwords_judged(app: &App, orders: impl Iterator<Item = PasswordOrder>) -> usize {
    let mut judged = 0;
    for order in orders {
        let refused = case_worker_gives_password(app, order).await;
        judged += usize::from(matches!(refused, Err(NotDone::Refusal(SignInRefusal::NotRecognised))));
    }
    judged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_workers_sign_in_while_strangers_guess_their_password() {
    let app = with_case_worker(crate::database::for_tests::sqlite().await).await;
    let from = |network: String| PasswordOrder { network, ..password_order(CASEY, "guess") };
    // One network (a /64 of IPv6 is one), then others.
    let of_one = passwords_judged(&app, (0..30).map(|_| from("2001:db8::/64".to_owned()))).await;
    assert_eq!(of_one, 20);
    let of_many =
        passwords_judged(&app, (0..30).map(|number| from(format!("198.51.100.{}", number % 4)))).await;
    assert_eq!(of_many, 30);
    // Everything that strangers have is used up.
    let name = "UPDATE budgets SET used = 80 WHERE name LIKE 'guesses, general: case work: password%'";
    app.database
        .write::<_, Error, _>(transaction!(async move |tx| { tx.run(name, &[]).await }))
        .await
        .expect("set");
    let again = case_worker_gives_password(
        &app,
        PasswordOrder { network: "2001:db8::/64".to_owned(), ..password_order(CASEY, PASSWORD) },
    );
    let refused = again.await;
    assert!(matches!(refused, Err(NotDone::Refusal(SignInRefusal::TooManyPasswords(_)))), "right or wrong");
    let _ = case_worker_gives_password(&app, password_order(CASEY, PASSWORD))
        .await
        .expect("a network of their own");

    let known = crate::sign_in::device::remember(
        &app.key,
        crate::sign_in::realm::Realm::CaseWork,
        CASEY,
        None,
        app.clock.now(),
    );
    let at_their_desk = PasswordOrder {
        network: "2001:db8::/64".to_owned(),
        known_by: Some(known),
        ..password_order(CASEY, PASSWORD)
    };
    let _ = case_worker_gives_password(&app, at_their_desk).await.expect("a browser that is known");
}
