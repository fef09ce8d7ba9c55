//! What holds of every deed: authority is judged for the subject as it is, twice is once, the last
//! owners cannot go at once.

use super::*;
use crate::app::App;
use crate::app::for_tests::app;
use crate::clock::{Clock, Timestamp};
use crate::database::for_tests::{both_engines, run};
use crate::database::{Reads, transaction};
use crate::directory::store::Opened;
use crate::directory::store::for_tests::open_in;
use crate::directory::tests::{new_site, person};
use crate::directory::{Access, AccountState};
use crate::outbox::outcome::NotDone;
use crate::sign_in::authority::{NotAllowed, Who, deed, permit};

const NOON: Timestamp = Timestamp::from_milliseconds(43_200_000);

/// A site whose people are all active owners.
async fn with_owners(app: &App, ods_code: &str, first: usize, count: usize) -> Opened {
    let people = (0..count).map(|place| person("Asha", "Patel", first + place, Access::Owner)).collect();
    let opened = open_in(&app.database, new_site(ods_code, people)).await.expect("written").expect("opened");
    for id in opened.accounts.clone() {
        app.database
            .write::<_, Error, _>(transaction!(async move |tx| {
                let account = store::find_account(tx, &id).await?.expect("there");
                let hash = crate::settings::Secret::new("hash".to_owned());
                let change = account.activate(NOON, hash).expect("activated");
                assert!(store::save_account(tx, NOON, &change).await?);
                Ok(())
            }))
            .await
            .expect("activated");
    }
    opened
}

fn worker() -> Who {
    Who::CaseWorker { id: "worker".to_owned() }
}

async fn for_account<D: IsDeed>(app: &App, who: &Who, account: &str) -> Permit<D> {
    let subject = store::subject_of_account(&app.database, account).await.expect("read").expect("there");
    permit(who, subject).expect("allowed")
}

async fn for_mailbox<D: IsDeed>(app: &App, mailbox: &str) -> Permit<D> {
    let subject =
        store::subject_of_shared_mailbox(&app.database, mailbox).await.expect("read").expect("there");
    permit(&worker(), subject).expect("allowed")
}

fn order(seen: i64) -> Order {
    Order { seen, reason: "left for a year".to_owned() }
}

async fn effects(app: &App, subject: &str) -> (i64, i64) {
    app.database
        .one(
            "SELECT (SELECT COUNT(*) FROM audit_entries WHERE subject = $1),
                    (SELECT COUNT(*) FROM letters WHERE about = $1)",
            &[&subject],
        )
        .await
        .expect("counted")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn last_two_owners_cannot_go_at_once() {
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NOON));
        for round in 0..10 {
            let opened = with_owners(&app, &format!("VM{round}"), round * 10, 2).await;
            let (one, other) = (opened.accounts[0].clone(), opened.accounts[1].clone());
            let mailbox = opened.shared_mailbox_id.clone();
            let (in_one, in_other) = (app.clone(), app.clone());
            let disabling = tokio::spawn(async move {
                disable(&in_one, for_account(&in_one, &worker(), &one).await, order(2)).await
            });
            let removing = tokio::spawn(async move {
                let access = AccessOrder { account: other, seen: 1, reason: "left".to_owned() };
                remove_access(&in_other, for_mailbox(&in_other, &mailbox).await, access).await
            });
            let outcomes = [disabling.await.expect("no panic"), removing.await.expect("no panic")];
            let gone = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
            assert_eq!(gone, 1, "round {round} on {}: {outcomes:?}", app.database.engine());
            assert!(
                outcomes.iter().any(|outcome| matches!(outcome, Err(NotDone::Refusal(_)))),
                "{outcomes:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deeds_sent_twice_at_once_have_the_effect_of_one() {
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NOON));
        let opened = with_owners(&app, "VM195", 1, 3).await;
        let id = &opened.accounts[0];
        let before = effects(&app, id).await;
        let twice = async |version: i64| {
            let (one, other) = tokio::join!(
                sign_out_and_revoke(&app, for_account(&app, &worker(), id).await, order(version)),
                sign_out_and_revoke(&app, for_account(&app, &worker(), id).await, order(version)),
            );
            one.expect("done");
            other.expect("done, by the other one");
        };
        twice(2).await;
        assert_eq!(effects(&app, id).await, (before.0 + 1, before.1 + 1), "{}", app.database.engine());
        let (one, other) = tokio::join!(
            disable(&app, for_account(&app, &worker(), id).await, order(3)),
            disable(&app, for_account(&app, &worker(), id).await, order(3)),
        );
        one.expect("done");
        other.expect("done, by the other one");
        assert_eq!(effects(&app, id).await, (before.0 + 2, before.1 + 2));

        // Somebody else who decides about what they saw before is told so, and nothing happens.
        let colleague = Who::CaseWorker { id: "colleague".to_owned() };
        let late = disable(&app, for_account(&app, &colleague, id).await, order(3)).await;
        assert!(matches!(late, Err(NotDone::Conflict(_))), "{late:?}");
        assert_eq!(effects(&app, id).await, (before.0 + 2, before.1 + 2));

        let mailbox = &opened.shared_mailbox_id;
        let before = effects(&app, mailbox).await;
        let member =
            || AccessOrder { account: opened.accounts[1].clone(), seen: 1, reason: "a new job".to_owned() };
        let (one, other) = tokio::join!(
            change_access(&app, for_mailbox(&app, mailbox).await, member(), Access::Member),
            change_access(&app, for_mailbox(&app, mailbox).await, member(), Access::Member),
        );
        one.expect("done");
        other.expect("done, by the other one");
        assert_eq!(effects(&app, mailbox).await.0, before.0 + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permits_hold_only_while_the_subject_is_as_it_was_judged() {
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NOON));
        let opened = with_owners(&app, "VM195", 1, 3).await;
        let id = &opened.accounts[0];
        let permitted = for_account(&app, &worker(), id).await;
        run(&app.database, "UPDATE sites SET management = 'Organisation'").await;
        let late = disable(&app, permitted, order(2)).await;
        assert!(matches!(late, Err(NotDone::Conflict(_))), "{late:?}");
        let account = store::find_account(&app.database, id).await.expect("read").expect("there");
        assert_eq!(account.state, AccountState::Active);
        let subject = store::subject_of_account(&app.database, id).await.expect("read").expect("there");
        let refused = permit::<deed::Disable>(&worker(), subject).err();
        assert_eq!(refused, Some(NotAllowed::LookedAfterBy(crate::directory::Management::Organisation)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reasons_stand_beside_the_trail_and_not_in_it() {
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NOON));
        let opened = with_owners(&app, "VM195", 1, 3).await;
        let id = &opened.accounts[0];
        disable(&app, for_account(&app, &worker(), id).await, order(2)).await.expect("disabled");
        let entries = audit::store::history(&app.database, id).await.expect("read");
        let entry = entries.last().expect("one");
        assert_eq!((entry.detail.as_str(), entry.text.as_str()), ("", "left for a year"));
        let (found,): (i64,) = app
            .database
            .one("SELECT COUNT(*) FROM audit_entries WHERE detail LIKE '%year%' OR action LIKE '%year%'", &[])
            .await
            .expect("counted");
        assert_eq!(found, 0);
    }
}
