//! The central team looks at the mail server: what differed, what became of it, and mail that nobody
//! reads.

use crate::guest::{Guest, does_all_work, run};
use crate::harness::{Got, Harness};
use carepost::clock::Span;
use carepost::database::Reads;
use carepost::directory::upkeep::store as upkeep;
use carepost::letter::store::list_newest;
use carepost::mail::MailEngine;
use carepost::sign_in::session::SessionKind;

const PAGE: &str = "/casework/mail";
const COMPARE: &str = "/casework/mail/compare";

fn sees(got: &Got, words: &str) {
    assert!(got.body.contains(words), "“{words}” is not on this page:\n{}", got.body);
}

async fn casey(harness: &Harness) -> Guest<'_> {
    let worker = harness.case_worker("casey@carepost.example").await;
    Guest::with(harness, SessionKind::CaseWorker, &worker).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_asks_for_a_comparison_and_sees_what_became_of_it() {
    let harness = Harness::new(false).await;
    let home = harness.home("VM195").await;
    let mut casey = casey(&harness).await;
    sees(&casey.get("/casework/attention").await, PAGE);
    sees(&casey.get(PAGE).await, "They have not been compared yet.");

    // The first comparison makes what the engine has never heard of.
    let asked = casey.passes(COMPARE, &[]).await;
    let got = casey.get(&asked).await;
    sees(&got, "You have asked for a comparison.");
    sees(&got, "A comparison was asked for on 23 November 2026 at 9am");
    assert!(!got.body.contains("Compare now"), "nobody asks for a second one");
    assert_eq!(casey.passes(COMPARE, &[]).await, PAGE, "nor by sending the form all the same");
    let (entries, actors): (i64, i64) = harness
        .app
        .database
        .one(
            "SELECT COUNT(*), COUNT(CASE WHEN actor LIKE 'case worker %' THEN 1 END) FROM audit_entries
              WHERE action = 'mail comparison asked for'",
            &[],
        )
        .await
        .expect("read");
    assert_eq!((entries, actors), (1, 1), "who asked is an entry");
    does_all_work(&harness).await;
    let got = casey.get(PAGE).await;
    sees(&got, "3 set up again");
    sees(&got, "The mail server did not have it");
    sees(&got, &format!("href=\"/casework/sites/{}\">asha.patel@carepost.example</a>", home.site));
    sees(&got, "Compare now");
    assert_eq!(harness.mail.mailboxes().len(), 3);

    // Behind the directory's back: one lost, one changed, one nobody knows, storage nobody knows.
    harness.app.clock.advance(Span::minutes(1));
    harness.mail.lose(&home.bo);
    harness.mail.tamper(&home.asha, "asha.patel@carepost.example", "account; somebody else's");
    harness.mail.tamper("unknown-1", "gone@carepost.example", "account; gone@carepost.example; aliases: ");
    harness.mail.leave_storage("left-behind");
    casey.passes(COMPARE, &[]).await;
    does_all_work(&harness).await;
    let got = casey.get(PAGE).await;
    for words in [
        "2 set up again; 2 unknown, to be looked at",
        "The mail server did not have it",
        "The mail server had something else",
        "The mail server has it and the directory does not know it",
        "There is stored mail of a mailbox nobody knows",
        "gone@carepost.example",
        "left-behind",
        "carepost mail-compare --remove-unknown",
    ] {
        sees(&got, words);
    }
    assert!(harness.mail.look("unknown-1").await.expect("looked").is_some(), "it stays");

    // The operator removes what nobody knows; the next comparison finds nothing.
    for id in ["unknown-1", "left-behind"] {
        upkeep::remove_unknown(&harness.app, id).await.expect("removed");
    }
    harness.app.clock.advance(Span::minutes(1));
    casey.passes(COMPARE, &[]).await;
    does_all_work(&harness).await;
    let got = casey.get(PAGE).await;
    sees(&got, "Nothing differed");
    assert!(!got.body.contains("--remove-unknown"));

    // How far the mailboxes are that are set up again is said while they are.
    harness.app.clock.advance(Span::minutes(1));
    harness.mail.lose(&home.bo);
    harness.mail.lose(&home.asha);
    casey.passes(COMPARE, &[]).await;
    assert_eq!(carepost::work::do_due(&harness.app).await.expect("compared"), 1);
    assert!(carepost::schedule::run_due(&harness.app).await.is_empty());
    let got = casey.get(PAGE).await;
    sees(&got, "Being set up again");
    sees(&got, "0 of 2 done");
    does_all_work(&harness).await;
    harness.app.clock.advance(Span::seconds(5));
    assert!(carepost::schedule::run_due(&harness.app).await.is_empty());
    assert!(!casey.get(PAGE).await.body.contains("Being set up again"));

    // A server that does not answer is said on the page.
    harness.app.clock.advance(Span::minutes(1));
    harness.mail.set_down(true);
    casey.passes(COMPARE, &[]).await;
    does_all_work(&harness).await;
    sees(&casey.get(PAGE).await, "Why the last try failed: the mail engine is down");
    harness.mail.set_down(false);
    harness.app.clock.advance(Span::minutes(1));
    does_all_work(&harness).await;
    assert!(!casey.get(PAGE).await.body.contains("the last try failed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mailboxes_that_nobody_reads_are_shown_with_their_sites() {
    let harness = Harness::new(false).await;
    let home = harness.home("VM195").await;
    harness.home("VM196").await;
    harness.mail.set_unread("care.vm195@carepost.example", 3);
    harness.mail.set_unread("care.vm196@carepost.example", 1);
    run(&harness, "UPDATE accounts SET state = 'Disabled' WHERE address = 'asha.patel1@carepost.example'")
        .await;
    let mut casey = casey(&harness).await;
    sees(&casey.get(PAGE).await, "No shared mailbox has such mail.");
    assert!(carepost::schedule::run_due(&harness.app).await.is_empty());
    does_all_work(&harness).await;
    let got = casey.get(PAGE).await;
    sees(&got, "more than 2 working days");
    sees(&got, &format!("/casework/sites/{}", home.site));
    sees(&got, "Nobody: no owner has an active account");
    let [full, other] = ["Rose Court 195", "Rose Court 196"].map(|site| got.body.find(site).expect(site));
    assert!(full < other, "the fullest comes first");
    let letters = list_newest(&harness.app.database, "").await.expect("letters");
    let told: Vec<&str> = letters
        .iter()
        .filter(|letter| letter.name == "unread mail")
        .map(|letter| letter.recipient.as_str())
        .collect();
    assert_eq!(told, ["asha.195@home.example"]);

    harness.mail.set_unread("care.vm195@carepost.example", 0);
    harness.mail.set_unread("care.vm196@carepost.example", 0);
    harness.app.clock.advance(Span::hours(1));
    assert!(carepost::schedule::run_due(&harness.app).await.is_empty());
    does_all_work(&harness).await;
    run(&harness, "UPDATE sessions SET ends_at = 9999999999999, seen_at = 9999999999999").await;
    sees(&casey.get(PAGE).await, "No shared mailbox has such mail.");
}
