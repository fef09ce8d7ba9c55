//! What holds of imports that wait: two different people, once, and only over what they were compared with.

use super::*;
use crate::app::for_tests::app;
use crate::casework::moves::import_register;
use crate::clock::{Clock, Span, Timestamp};
use crate::database::Reads;
use crate::database::for_tests::both_engines;
use crate::register::import::{ImportKind, Options, Report, Source};
use crate::sign_in::authority::{IsDeed, Subject, Who, permit};

const NINE: Timestamp = Timestamp::from_milliseconds(1_790_000_000_000);

/// Site contacts of so many sites, each with an address of its own or all with one.
fn contacts(address: impl Fn(u32) -> String) -> String {
    let rows = (0..60).map(|number| {
        format!("1-{},1-{},{},\n", 100_000_000 + number, 700_000_000 + number, address(number))
    });
    format!("Location ID,Contact ID,Email,Telephone\n{}", rows.collect::<String>())
}

fn of<D: IsDeed>(who: &Who) -> Permit<D> {
    permit(who, Subject::Service).expect("allowed")
}

fn worker(id: &str) -> Who {
    Who::CaseWorker { id: id.to_owned() }
}

async fn imported(app: &App, text: &str) -> Report {
    let options =
        Options { contact_key: Some(app.contact_key()), by: "test".to_owned(), ..Options::default() };
    let source = Source::Bytes { name: "contacts.csv", bytes: text.as_bytes() };
    import_register(&app.database, &app.clock, of(&Who::Operator), ImportKind::SiteContacts, source, &options)
        .await
        .expect("read")
}

async fn with_address(app: &App, address: &str) -> i64 {
    let (count,): (i64,) = app
        .database
        .one("SELECT COUNT(*) FROM site_contacts WHERE facts LIKE $1", &[&format!("%{address}%")])
        .await
        .expect("counted");
    count
}

async fn entries(app: &App, action: &'static str) -> i64 {
    let (count,): (i64,) = app
        .database
        .one("SELECT COUNT(*) FROM audit_entries WHERE action = $1", &[&action])
        .await
        .expect("counted");
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_for_all_contacts_waits_for_two_different_case_workers() {
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NINE));
        let honest = contacts(|number| format!("home{number}@oak.example"));
        assert_eq!(imported(&app, &honest).await.held, None);
        let evil = contacts(|_| "eve@elsewhere.example".to_owned());
        let report = imported(&app, &evil).await;
        let id = report.held.clone().expect("held");
        assert_eq!((report.details.contacts_changed, with_address(&app, "eve@").await), (60, 0), "{report}");
        assert_eq!(entries(&app, "register import held").await, 1);

        let release = async |by: &str| release_import(&app, of(&worker(by)), id.clone()).await;
        assert_eq!(release("ann").await.expect("first"), ReleasedImport::WaitsForAnother);
        assert_eq!(release("ann").await.expect("pressed twice"), ReleasedImport::WaitsForAnother);
        assert_eq!(with_address(&app, "eve@").await, 0, "one person is not enough");
        let (one, other) = tokio::join!(release("bo"), release("cy"));
        let done =
            [&one, &other].iter().filter(|ended| matches!(ended, Ok(ReleasedImport::Imported))).count();
        assert_eq!(done, 1, "{one:?} {other:?} on {}", app.database.engine());
        assert_eq!(with_address(&app, "eve@").await, 60);
        assert_eq!(entries(&app, "register import released").await, 1);
        let late = discard_import(&app, of(&worker("cy")), id.clone()).await;
        assert!(matches!(late, Err(NotDone::Conflict(_))), "{late:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_discarded_or_overtaken_is_not_imported() {
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NINE));
        imported(&app, &contacts(|number| format!("home{number}@oak.example"))).await;
        let evil = contacts(|_| "eve@elsewhere.example".to_owned());
        let id = imported(&app, &evil).await.held.expect("held");
        discard_import(&app, of(&worker("ann")), id.clone()).await.expect("discarded");
        let late = release_import(&app, of(&worker("bo")), id).await;
        assert!(matches!(late, Err(NotDone::Conflict(_))), "{late:?}");

        let id = imported(&app, &evil).await.held.expect("held anew");
        release_import(&app, of(&worker("ann")), id.clone()).await.expect("first");
        // One home in sixty has a new address meanwhile.
        let newer = contacts(|number| {
            format!("{}@oak.example", if number == 7 { "new7".to_owned() } else { format!("home{number}") })
        });
        assert_eq!(imported(&app, &newer).await.held, None);
        let outdated = release_import(&app, of(&worker("bo")), id).await;
        assert!(matches!(outdated, Err(NotDone::Conflict(_))), "{outdated:?}");
        assert_eq!((with_address(&app, "eve@").await, with_address(&app, "new7@").await), (0, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_person_cannot_release_by_writing_past_the_program() {
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NINE));
        imported(&app, &contacts(|number| format!("home{number}@oak.example"))).await;
        imported(&app, &contacts(|_| "eve@elsewhere.example".to_owned())).await.held.expect("held");
        for sql in [
            "UPDATE held_imports SET state = 'Released', first_by = NULL, ended_by = 'ann'",
            "UPDATE held_imports SET state = 'Released', first_by = 'ann', ended_by = 'ann'",
        ] {
            let written = app
                .database
                .write::<_, crate::database::Error, _>(transaction!(async move |tx| {
                    tx.run(sql, &[]).await
                }))
                .await;
            assert!(written.is_err(), "{sql} on {}", app.database.engine());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_split_to_stay_below_the_limit_waits_all_the_same() {
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NINE));
        let file = |evil: std::ops::Range<u32>| {
            contacts(move |number| {
                if evil.contains(&number) {
                    "eve@elsewhere.example".to_owned()
                } else {
                    format!("home{number}@oak.example")
                }
            })
        };
        assert_eq!(imported(&app, &file(0..0)).await.held, None);
        // Three of sixty are 5 %.
        assert_eq!(imported(&app, &file(0..3)).await.held, None);
        app.clock.advance(Span::days(6));
        let second = imported(&app, &file(0..6)).await;
        let id = second.held.clone().expect("held");
        let why = &second.details.waits_because[0];
        assert!(why.contains("3 of the 60") && why.contains("3 more in the last 7 days"), "{why}");
        assert_eq!(with_address(&app, "eve@").await, 3);

        // What two people have looked at does not count against the next.
        for by in ["ann", "bo"] {
            release_import(&app, of(&worker(by)), id.clone()).await.expect("released");
        }
        app.clock.advance(Span::days(2));
        assert_eq!(imported(&app, &file(0..9)).await.held, None, "{}", app.database.engine());
    }
}
