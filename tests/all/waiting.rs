//! Accounts of a site whose registrant proved with a contact ID wait to be activated, until the contact that
//! CQC has for the site has confirmed or the time is over.

use crate::bad_input::everything;
use crate::guest::{Guest, does_all_work, letter};
use crate::harness::Harness;
use carepost::clock::Span;
use carepost::database::Reads;
use carepost::letter::store::list_newest;
use carepost::register::site_contacts::ContactIdHash;
use carepost::register::{CqcContactId, CqcLocationId};
use carepost::registration::answers::{Proof, ProofWay};
use carepost::sign_in::session::SessionKind;

const CONTACT: &str = "manager@home-instead.example";
const AMY: &str = "amy@oakhouse.example";

async fn letters(harness: &Harness, name: &str) -> i64 {
    let (count,): (i64,) = harness
        .app
        .database
        .one("SELECT COUNT(*) FROM letters WHERE name = $1", &[&name])
        .await
        .expect("counted");
    count
}

/// A registration whose registrant knew the CQC contact ID, sent.
async fn sent(harness: &Harness) {
    let location = CqcLocationId::parse("1-530528300").expect("an ID");
    let known = CqcContactId::parse("1-7530528300").expect("an ID");
    let hash = ContactIdHash::of(&harness.app.contact_key(), &location, &known);
    let draft = harness
        .draft(|draft| {
            everything(draft);
            draft.answers.proof_way = Some(ProofWay::ContactId);
            draft.answers.proof = Some(Proof::ContactId {
                location: location.as_str().to_owned(),
                hash: hash.as_str().to_owned(),
                at: harness.app.clock.now(),
            });
        })
        .await;
    let mut amy = Guest::with(harness, SessionKind::Registrant, &draft.id).await;
    amy.passes("/register/check-your-answers", &[("declaration", "yes")]).await;
}

/// Every check is green, so that the service approves.
async fn is_approved(harness: &Harness) {
    sent(harness).await;
    does_all_work(harness).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_accounts_get_their_link_when_the_time_is_over() {
    for harness in Harness::waiting(24).await {
        is_approved(&harness).await;
        assert_eq!(letters(&harness, "activation").await, 0);
        let to_amy = list_newest(&harness.app.database, AMY).await.expect("letters");
        let approved = to_amy.iter().find(|letter| letter.name == "registration approved").expect("told");
        assert!(
            approved.body.contains("They can activate from 24 November 2026 at 9am"),
            "{}",
            approved.body
        );

        // Whoever asks for a link is told when it comes, and it comes then all the same.
        let mut amy = Guest::new(&harness);
        amy.post("/activate", &[("email", AMY)]).await;
        does_all_work(&harness).await;
        assert_eq!(letters(&harness, "activation").await, 0);
        assert_eq!(letters(&harness, "activation waits").await, 1);

        harness.app.clock.advance(Span::hours(23));
        does_all_work(&harness).await;
        assert_eq!(letters(&harness, "activation").await, 0);
        harness.app.clock.advance(Span::hours(1));
        does_all_work(&harness).await;
        assert_eq!(letters(&harness, "activation").await, 2, "{}", harness.app.database.engine());
        let (_, link) = letter(&harness, AMY, "activation").await;
        assert_eq!(amy.get(&link).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_ends_when_the_contact_of_the_site_confirms() {
    for harness in Harness::waiting(24).await {
        is_approved(&harness).await;
        let (_, link) = letter(&harness, CONTACT, "notice to the site").await;
        let mut manager = Guest::new(&harness);
        // A program that follows links opens nothing.
        manager.get(&link).await;
        does_all_work(&harness).await;
        assert_eq!(letters(&harness, "activation").await, 0);
        for _ in 0..2 {
            assert_eq!(manager.post(&link, &[("do", "confirm")]).await.status, 200);
        }
        does_all_work(&harness).await;
        assert_eq!(letters(&harness, "activation").await, 2);
        harness.app.clock.advance(Span::hours(25));
        does_all_work(&harness).await;
        assert_eq!(letters(&harness, "activation").await, 2, "each has their link once");

        // A colleague who knows better still stops it.
        let got = manager.post(&link, &[]).await;
        assert!(got.body.contains("The accounts of your site are closed"), "{}", got.body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_does_not_begin_where_the_contact_confirmed_before_the_decision() {
    for harness in Harness::waiting(24).await {
        sent(&harness).await;
        let (_, link) = letter(&harness, CONTACT, "notice to the site").await;
        Guest::new(&harness).post(&link, &[("do", "confirm")]).await;
        does_all_work(&harness).await;
        assert_eq!(letters(&harness, "activation").await, 2, "{}", harness.app.database.engine());
    }
}
