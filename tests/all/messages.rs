//! Messages to the team: whatever was confirmed is there, once; floods are kept out and honest people
//! are told when to try again; hostile words are shown as words.

use crate::guest::{Guest, does_all_work, run};
use crate::harness::Harness;
use carepost::clock::Span;
use carepost::database::Reads;
use carepost::letter;
use carepost::service_status::verify;
use carepost::sign_in::session::SessionKind;

const SUPPORT: &str = "/contact/email/write";

fn support<'a>(message: &'a str, email: &'a str, once: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("message", message),
        ("people", "2"),
        ("name", "Amy Reed"),
        ("email", email),
        ("telephone", "01632 960 001"),
        ("organisation", "Oak House, OL1 1AA"),
        ("once", once),
    ]
}

async fn count(harness: &Harness) -> (i64, i64, i64) {
    harness
        .app
        .database
        .one(
            "SELECT (SELECT COUNT(*) FROM enquiries), (SELECT COUNT(*) FROM letters),
                    (SELECT COUNT(*) FROM audit_entries WHERE action = 'enquiry opened')",
            &[],
        )
        .await
        .expect("counted")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_confirmed_is_there_once() {
    let harness = Harness::new(false).await;
    let mut amy = Guest::new(&harness);
    let once = Harness::browser();
    let email = "amy@oakhouse.example";
    let first = amy.passes(SUPPORT, &support("No mail.", email, &once)).await;
    let again = amy.passes(SUPPORT, &support("No mail.", email, &once)).await;
    assert_eq!(first, again, "a second click is confirmed with the same reference");
    assert_eq!(count(&harness).await, (1, 2, 1));
    // Going back, writing more and sending again is another message: nothing confirmed is lost.
    let more = amy.passes(SUPPORT, &support("No mail. Now no phone, too.", email, &once)).await;
    assert_ne!(first, more);
    // The same words from a new form are meant: it happened again.
    let later = amy.passes(SUPPORT, &support("No mail.", email, &Harness::browser())).await;
    assert_ne!(first, later);
    // Somebody else who sends the very same is somebody else.
    let mut bo = Guest::new(&harness);
    assert_ne!(first, bo.passes(SUPPORT, &support("No mail.", email, &once)).await);
    assert_eq!(count(&harness).await, (4, 8, 4));
    does_all_work(&harness).await;
    let to_team = letter::store::list_newest(&harness.app.database, "helpdesk@carepost.example").await;
    assert_eq!(to_team.expect("letters").iter().filter(|letter| letter.sent_at.is_some()).count(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_clicks_at_the_same_moment_send_once() {
    let harness = Harness::new(false).await;
    let (browser, once) = (Harness::browser(), Harness::browser());
    let fields = support("No mail.", "amy@oakhouse.example", &once);
    let clicks = (0..12).map(|_| harness.post(SUPPORT, &browser, &fields));
    let places: std::collections::BTreeSet<String> =
        futures_util::future::join_all(clicks).await.into_iter().map(|got| got.location).collect();
    assert_eq!(places.len(), 1, "{places:?}");
    assert_eq!(count(&harness).await, (1, 2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_out_of_a_registration_confirms_only_what_it_keeps() {
    let harness = Harness::new(false).await;
    let draft = harness
        .draft(|draft| {
            draft.answers.social_care = Some(true);
            draft.answers.cqc_registered = Some(true);
            draft.answers.hospice = Some(true);
        })
        .await;
    let mut hana = Guest::with(&harness, SessionKind::Registrant, &draft.id).await;
    let path = "/register/hospice-query";
    let fields = |message| {
        [
            ("organisation", "St Example"),
            ("name", "Hana"),
            ("email", "hana@hospice.example"),
            ("message", message),
        ]
    };
    let first = hana.passes(path, &fields("We have 12 beds.")).await;
    assert!(first.starts_with("/register/message-sent/"), "{first}");
    assert_eq!(hana.passes(path, &fields("We have 12 beds.")).await, first);
    let more = hana.passes(path, &fields("We have 14 beds.")).await;
    assert!(more.starts_with("/register/message-sent/") && more != first, "{more}");
    assert_eq!(count(&harness).await, (2, 4, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_are_kept_out_and_honest_people_told_when_to_come_back() {
    let harness = Harness::new(false).await;
    let settings = &harness.app.settings;
    let mut eve = Guest::new(&harness);
    // In the name of one address: no more than a few letters a day go to somebody who never wrote.
    let victim = "victim@elsewhere.example";
    for number in 0..settings.messages_an_address_a_day_max {
        eve.passes(SUPPORT, &support(&format!("Message {number}"), victim, "")).await;
    }
    let got = eve.post(SUPPORT, &support("One more", victim, "")).await;
    assert_eq!(got.status, 429, "{}", got.body);
    assert!(got.body.contains("try again in 24 hours") && got.body.contains("01632 960 100"), "{}", got.body);
    assert!(got.body.contains("One more"), "what was typed stays on the page");
    // From one network, whatever address is typed.
    let mut taken = 0;
    for number in 0..settings.messages_a_network_an_hour_max + 5 {
        let email = format!("eve{number}@elsewhere.example");
        taken += u32::from(eve.post(SUPPORT, &support("x", &email, "")).await.status == 303);
    }
    assert!(taken < settings.messages_a_network_an_hour_max, "{taken} were taken");
    let mut amy = Guest::new(&harness);
    let fields = support("No mail.", "amy@oakhouse.example", "");
    let got = amy.post(SUPPORT, &fields).await;
    assert_eq!(got.status, 429);
    assert!(got.body.contains("try again in 60 minutes"), "{}", got.body);
    harness.app.clock.advance(Span::minutes(61));
    amy.passes(SUPPORT, &fields).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_words_reach_the_team_as_words() {
    let harness = Harness::new(false).await;
    let hostile = "<script>alert(1)</script>\r\nBcc: all@x.example\r\n{{7*7}} '; DROP TABLE enquiries; --";
    let mut eve = Guest::new(&harness);
    let mut fields = support(hostile, "eve@elsewhere.example", "");
    fields.extend([("saw", hostile), ("addresses", hostile), ("more", hostile)]);
    fields[5].1 = "<script>alert(1)</script> Home";
    eve.passes(SUPPORT, &fields).await;
    let worker = harness.case_worker("casey@carepost.example").await;
    let mut casey = Guest::with(&harness, SessionKind::CaseWorker, &worker).await;
    let (id, message): (String, String) =
        harness.app.database.one("SELECT id, message FROM enquiries", &[]).await.expect("there");
    assert!(message.contains("DROP TABLE"), "kept as it was typed: {message}");
    for path in [format!("/casework/enquiries/{id}"), "/casework".to_owned()] {
        let got = casey.get(&path).await;
        assert_eq!(got.status, 200);
        assert!(!got.body.contains("<script>alert"), "{path}");
    }
    let letters = letter::store::list_newest(&harness.app.database, "").await.expect("letters");
    for letter in &letters {
        assert!(!letter.subject.contains(['\r', '\n']) && !letter.recipient.contains(['\r', '\n']));
        let is_theirs = letter.recipient == "eve@elsewhere.example";
        assert!(!is_theirs || !letter.body.contains("script"), "we send nobody's words to an address typed");
    }
    assert_eq!(letters.len(), 2);
}

/// The messages on top of every page cost no look into the database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_on_every_page_is_in_memory() {
    let harness = Harness::new(false).await;
    let worker = harness.case_worker("casey@carepost.example").await;
    let mut casey = Guest::with(&harness, SessionKind::CaseWorker, &worker).await;
    let path = "/casework/status/components/mail";
    let slow = [("health", "Problems"), ("words", "Email is slow."), ("seen", "0")];
    casey.passes(path, &slow).await;
    casey.passes(path, &slow).await;
    let other = [("health", "NotWorking"), ("words", "Stopped."), ("seen", "0")];
    assert_eq!(casey.post(path, &other).await.status, 409, "somebody else was faster");
    run(&harness, "ALTER TABLE status_components RENAME TO status_components_elsewhere").await;
    run(&harness, "ALTER TABLE announcements RENAME TO announcements_elsewhere").await;
    let mut amy = Guest::new(&harness);
    for path in ["/", "/support/dspt", "/contact", "/nowhere"] {
        assert!(amy.get(path).await.body.contains("Email is slow."), "{path}");
    }
    let got = amy.get("/service-status").await;
    assert_eq!(got.status, 503);
    assert!(got.body.contains("We cannot tell you how each part of the service is working"), "{}", got.body);
    assert!(verify::look(&harness.app).await.is_err());
    let body = amy.get("/register").await.body;
    assert!(
        body.contains("We cannot save anything at the moment") && body.contains("Email is slow."),
        "{body}"
    );
    run(&harness, "ALTER TABLE status_components_elsewhere RENAME TO status_components").await;
    run(&harness, "ALTER TABLE announcements_elsewhere RENAME TO announcements").await;
    verify::look(&harness.app).await.expect("looked");
    assert!(!amy.get("/register").await.body.contains("We cannot save anything"));
    // What the feed tells names no case worker.
    let feed = amy.get("/service-status/feed.xml").await.body;
    assert!(feed.contains("Email is slow.") && !feed.contains("asey") && !feed.contains(&worker), "{feed}");
}
