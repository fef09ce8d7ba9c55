//! What holds of every deed: authority is judged for the subject as it is, twice is once, the last
//! owners cannot go at once.

use super::*;
use crate::app::App;
use crate::app::for_tests::app;
use crate::clock::{Clock, Timestamp};
use crate::database::for_tests::{both_engines, run};
use crate::database::{Reads, transaction};
use crate::directory::freeze::Frozen;
use crate::directory::store::Opened;
use crate::directory::store::for_tests::{add_registrations, breaches, open_in};
use crate::directory::tests::{new_site, person};
use crate::directory::{Access, AccountState, SiteState};
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

async fn to_freeze(app: &App, account: &str) -> Permit<deed::Freeze> {
    for_account(app, &worker(), account).await
}

async fn to_freeze_site(app: &App, site: &str) -> Permit<deed::FreezeSite> {
    let subject = store::subject_of_site(&app.database, site).await.expect("read").expect("there");
    permit(&worker(), subject).expect("allowed")
}

async fn state_of(app: &App, account: &str) -> AccountState {
    store::find_account(&app.database, account).await.expect("read").expect("there").state
}

/// One case worker agrees to lift the freeze of something.
async fn agrees(
    app: &App,
    who: &str,
    what: &Frozen,
    reason: &str,
) -> std::result::Result<Lifting, NotDone<Refusal>> {
    let freeze = store::find_freeze_of(&app.database, what).await.expect("read").expect("frozen");
    let who = Who::CaseWorker { id: who.to_owned() };
    let permit = permit(&who, Subject::Freeze { id: freeze.id.clone() }).expect("allowed");
    lift_freeze(app, permit, LiftOrder { seen: freeze.version, reason: reason.to_owned() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_accounts_let_nobody_in_and_only_two_people_lift_that() {
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NOON));
        let opened = with_owners(&app, "VM195", 1, 1).await;
        let id = &opened.accounts[0];
        let session =
            "INSERT INTO sessions (token_hash, kind, subject, started_at, seen_at, ends_at, factor_at)
                       SELECT 't', 'AccountHolder', id, 1, 1, 99999999999, 1 FROM accounts";
        run(&app.database, session).await;
        // The last owner, in one step; pressed twice at once.
        let (one, other) = tokio::join!(
            freeze_account(&app, to_freeze(&app, id).await, "a strange sign-in".to_owned()),
            freeze_account(&app, to_freeze(&app, id).await, "a strange sign-in".to_owned()),
        );
        one.expect("frozen");
        other.expect("frozen, by the other one");
        assert_eq!(state_of(&app, id).await, AccountState::Frozen);
        let (sessions,): (i64,) =
            app.database.one("SELECT COUNT(*) FROM sessions", &[]).await.expect("counted");
        assert_eq!(sessions, 0);
        let (letters,): (i64,) = app
            .database
            .one("SELECT COUNT(*) FROM letters WHERE name = 'account frozen'", &[])
            .await
            .expect("counted");
        assert_eq!(letters, 1, "{}", app.database.engine());
        let version = store::find_account(&app.database, id).await.expect("read").expect("there").version;
        let enabled = enable(&app, for_account(&app, &worker(), id).await, order(version)).await;
        assert!(matches!(enabled, Err(NotDone::Refusal(Refusal::NotDisabled(_)))), "{enabled:?}");
        add_registrations(&app.database).await;
        link_used(&app).await;
        assert_eq!(breaches(&app.database).await, [""; 0]);

        let what = Frozen::Account { id: id.clone() };
        assert_eq!(agrees(&app, "one", &what, "it was them").await.expect("agreed"), Lifting::FirstOfTwo);
        let again = agrees(&app, "one", &what, "sure").await;
        assert!(matches!(again, Err(NotDone::Refusal(Refusal::SecondPersonNeeded))), "{again:?}");
        assert_eq!(state_of(&app, id).await, AccountState::Frozen);
        assert_eq!(agrees(&app, "other", &what, "spoke to Asha").await.expect("lifted"), Lifting::Lifted);
        assert_eq!(state_of(&app, id).await, AccountState::Active);
        assert_eq!(breaches(&app.database).await, [""; 0]);
    }
}

/// The activation links of accounts that tests have activated by hand.
async fn link_used(app: &App) {
    run(
        &app.database,
        "INSERT INTO links (id, purpose, subject, recipient, made_at, expires_at, used_at)
         SELECT id || 'l', 'ActivationLink', id, '', 0, activated_at + 1, activated_at FROM accounts
          WHERE activated_at IS NOT NULL",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_sites_close_every_account_and_open_to_how_it_was() {
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NOON));
        let opened = with_owners(&app, "VM195", 1, 3).await;
        let [pending, disabled, own] = [0, 1, 2].map(|place| opened.accounts[place].clone());
        run(
            &app.database,
            "UPDATE accounts SET state = 'Pending', password_hash = NULL, activated_at = NULL, provisioned_at = 1
              WHERE id = (SELECT account_id FROM account_slots WHERE slot = 1)",
        )
        .await;
        disable(&app, for_account(&app, &worker(), &disabled).await, order(2)).await.expect("disabled");
        let before = store::find_account(&app.database, &disabled).await.expect("read").expect("there");
        freeze_account(&app, to_freeze(&app, &own).await, "a lost phone".to_owned()).await.expect("frozen");

        for _ in 0..2 {
            let permit = to_freeze_site(&app, &opened.site_id).await;
            freeze_site(&app, permit, "not us".to_owned()).await.expect("frozen");
        }
        for id in &opened.accounts {
            assert_eq!(state_of(&app, id).await, AccountState::Frozen);
        }
        let site = store::find_site(&app.database, &opened.site_id).await.expect("read").expect("there");
        assert_eq!(site.state, SiteState::Frozen);
        // No change reaches it but those for freezes.
        let subject = store::subject_of_account(&app.database, &own).await.expect("read").expect("there");
        let refused = permit::<deed::Disable>(&worker(), subject).err();
        assert_eq!(refused, Some(NotAllowed::SiteNotOpen));
        let wanted = provision_standing(&app, &opened.shared_mailbox_id).await;
        assert_eq!(wanted, crate::mail::Standing::Frozen);

        let what = Frozen::Site { ods_code: "VM195".to_owned() };
        agrees(&app, "one", &what, "it was them").await.expect("agreed");
        agrees(&app, "other", &what, "it was them").await.expect("lifted");
        assert_eq!(state_of(&app, &pending).await, AccountState::Pending);
        let after = store::find_account(&app.database, &disabled).await.expect("read").expect("there");
        assert_eq!((after.state, &after.state_reason), (AccountState::Disabled, &before.state_reason));
        assert_eq!(after.state_since, before.state_since);
        assert_eq!(state_of(&app, &own).await, AccountState::Frozen, "it has a freeze of its own");
        assert_eq!(provision_standing(&app, &opened.shared_mailbox_id).await, crate::mail::Standing::Open);
        let (links,): (i64,) = app
            .database
            .one("SELECT COUNT(*) FROM outbox WHERE kind = 'SendActivationLink'", &[])
            .await
            .expect("counted");
        assert_eq!(links, 1, "the one who has not activated gets a new link");
    }
}

async fn provision_standing(app: &App, mailbox: &str) -> crate::mail::Standing {
    let wanted = crate::directory::provision::shared_mailbox_wanted(app, mailbox).await;
    wanted.expect("read").expect("there").standing
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn freezing_wins_whatever_happens_to_the_account_at_the_same_moment() {
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NOON));
        for round in 0..20 {
            let opened = with_owners(&app, &format!("VM{round}"), round * 10, 2).await;
            let id = opened.accounts[0].clone();
            let (in_one, in_other) = (app.clone(), app.clone());
            let (site, account) = (opened.site_id.clone(), id.clone());
            let permit = to_freeze_site(&in_one, &site).await;
            let to_disable = for_account(&in_other, &worker(), &account).await;
            let freezing =
                tokio::spawn(async move { freeze_site(&in_one, permit, "not us".to_owned()).await });
            let disabling = tokio::spawn(async move { disable(&in_other, to_disable, order(2)).await });
            freezing.await.expect("no panic").expect("frozen");
            // It may have been disabled first, or refused; either way it is frozen in the end.
            let _ = disabling.await.expect("no panic");
            assert_eq!(state_of(&app, &id).await, AccountState::Frozen, "round {round}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_person_cannot_lift_a_freeze_by_writing_past_the_program() {
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NOON));
        let opened = with_owners(&app, "VM195", 1, 1).await;
        let id = &opened.accounts[0];
        freeze_account(&app, to_freeze(&app, id).await, "x".to_owned()).await.expect("frozen");
        for sql in [
            "UPDATE freezes SET state = 'Lifted', agreed_by = 'one', lifted_by = 'one', lifted_at = 1",
            "UPDATE freezes SET state = 'Lifted', lifted_by = 'one', lifted_at = 1",
            "UPDATE freezes SET state = 'Lifted'",
        ] {
            let written = app
                .database
                .write::<_, Error, _>(transaction!(async move |tx| { tx.run(sql, &[]).await.map(|_| ()) }))
                .await;
            assert!(written.is_err(), "{sql} on {}", app.database.engine());
        }
    }
}
