//! What holds of what the central team, and the contact of a site, does with a registration.

use super::*;
use crate::app::for_tests::app;
use crate::clock::Clock;
use crate::database::for_tests::both_engines;
use crate::database::{Reads, transaction};
use crate::directory::freeze::Frozen;
use crate::directory::{AccountState, SiteState};
use crate::register::for_tests::on_record;
use crate::register::site_contacts::ContactIdHash;
use crate::register::{CqcContactId, CqcLocationId};
use crate::registration::RegistrationState;
use crate::registration::answers::{Answers, Proof};
use crate::registration::checks::{Check, Outcome};
use crate::registration::complete::Complete;
use crate::registration::for_tests::{case, evidence, of, sent};
use crate::registration::journey::tests::complete;
use crate::sign_in::links::{self, Link, LinkFor};
use crate::sign_in::secrets::{Purpose, recipient_hash};

const NINE: Timestamp = Timestamp::from_milliseconds(1_790_000_000_000);

async fn put(app: &App, id: &str, state: RegistrationState) {
    let (stored, data) = (
        crate::outbox::transitions::StateKind::stored(state.kind()),
        serde_json::to_string(&state).expect("text"),
    );
    let id = id.to_owned();
    app.database
        .write::<_, Error, _>(transaction!(async move |tx| {
            let sql =
                "UPDATE registrations SET state = $1, state_data = $2, version = version + 1 WHERE id = $3";
            tx.run(sql, &[&stored, &data, &id]).await.map(|_| ())
        }))
        .await
        .expect("put");
}

/// The link of the letter to the contact of the site.
async fn stop_link(app: &App, id: &str) -> Link {
    let (key, subject) = (app.key.clone(), id.to_owned());
    app.database
        .write::<_, Error, _>(transaction!(async move |tx| {
            let link = LinkFor::new(&key, Purpose::StopLink, &subject, "office@oak.example");
            let made = links::make(tx, &link, NINE, Span::days(30)).await?;
            Ok(links::find(tx, Purpose::StopLink, &made).await?.expect("made"))
        }))
        .await
        .expect("a link")
}

async fn stop_it(app: &App, id: &str, link: &Link) -> Result<Stopped, NotDone<Refusal>> {
    let contact = Who::SiteContact { registration: id.to_owned() };
    stop(app, of(&contact, id), link.clone()).await
}

async fn count(app: &App, sql: &'static str) -> i64 {
    let (count,): (i64,) = app.database.one(sql, &[]).await.expect("counted");
    count
}

/// Approves a case by the service, with every check green.
async fn approve_green(app: &App, id: &str) {
    let checks = evidence(app, Check::OdsOpen, Outcome::Pass);
    let (id, opening) = (id.to_owned(), Opening::of(app, &case(app, id).await).await.expect("read"));
    let now = app.clock.now();
    app.database
        .write::<_, NotDone<Refusal>, _>(transaction!(async move |tx| {
            registrations::save_checks(tx, &id, &checks).await?;
            let case = case_of(tx, &id).await?;
            let approval = case.approve_green(Actor::Service).map_err(refused)?;
            opening.take_effect(tx, now, &Actor::Service, approval).await
        }))
        .await
        .expect("approved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn this_was_not_us_stops_a_registration_before_its_decision_once() {
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NINE));
        let id = sent(&app, complete()).await.id;
        let link = stop_link(&app, &id).await;
        put(&app, &id, RegistrationState::Referred).await;
        let (one, other) = tokio::join!(stop_it(&app, &id, &link), stop_it(&app, &id, &link));
        assert_eq!([one.expect("stopped"), other.expect("stopped")], [Stopped::Registration; 2]);
        assert_eq!(case(&app, &id).await.state, RegistrationState::Stopped);
        for name in ["registration stopped", "urgent: not us"] {
            let (letters,): (i64,) = app
                .database
                .one("SELECT COUNT(*) FROM letters WHERE name = $1", &[&name])
                .await
                .expect("counted");
            assert_eq!(letters, 1, "{name} on {}", app.database.engine());
        }
        put(&app, &id, RegistrationState::Referred).await;
        let used = stop_it(&app, &id, &link).await;
        let dead = crate::registration::Refusal::DeadLink;
        assert!(
            matches!(&used, Err(NotDone::Refusal(Refusal::Registration(refusal))) if *refusal == dead),
            "{used:?}"
        );

        // Nobody gets the site past the freeze.
        let opening = Opening::of(&app, &case(&app, &id).await).await.expect("read");
        let again = id.clone();
        let opened = app
            .database
            .write::<_, NotDone<Refusal>, _>(transaction!(async move |tx| {
                let checks_pass = case_of(tx, &again).await?;
                let change = crate::outbox::Change::new(
                    checks_pass,
                    crate::audit::Entry::new(Actor::Service, "registration approved", &again),
                );
                opening.take_effect(tx, NINE, &Actor::Service, change).await
            }))
            .await;
        assert!(
            matches!(&opened, Err(NotDone::Refusal(Refusal::Directory(directory::Refusal::SiteFrozen(_))))),
            "{opened:?}"
        );
        assert_eq!(count(&app, "SELECT COUNT(*) FROM sites").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn this_was_not_us_closes_a_site_that_was_approved_before_anybody_read_the_letter() {
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NINE));
        let id = sent(&app, complete()).await.id;
        let link = stop_link(&app, &id).await;
        approve_green(&app, &id).await;
        let (one, other) = tokio::join!(stop_it(&app, &id, &link), stop_it(&app, &id, &link));
        assert_eq!([one.expect("closed"), other.expect("closed")], [Stopped::Site; 2]);
        let site = directory::store::find_site_of_registration(&app.database, &id).await.expect("read");
        let site = site.expect("joined");
        assert_eq!(site.state, SiteState::Frozen);
        let accounts =
            directory::store::list_accounts_of_site(&directory::Scope::All, &app.database, &site.id)
                .await
                .expect("listed");
        assert!(!accounts.is_empty());
        for account in accounts {
            let account = directory::store::find_account(&app.database, &account).await.expect("read");
            assert_eq!(account.expect("there").state, AccountState::Frozen);
        }
        let what = Frozen::Site { ods_code: site.ods_code };
        let freeze = directory::store::find_freeze_of(&app.database, &what).await.expect("read");
        let freeze = freeze.expect("frozen");
        assert_eq!((freeze.frozen_by.as_str(), &freeze.registration), ("site contact", &id));
        assert_eq!(count(&app, "SELECT COUNT(*) FROM letters WHERE name = 'urgent: not us'").await, 1);
        assert_eq!(count(&app, "SELECT COUNT(*) FROM audit_entries WHERE action = 'site frozen'").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn this_was_not_us_and_an_approval_at_the_same_moment_leave_nothing_open() {
    for _ in 0..5 {
        for database in both_engines().await {
            let (app, _) = app(database, Clock::still(NINE));
            let id = sent(&app, complete()).await.id;
            let link = stop_link(&app, &id).await;
            let checks = evidence(&app, Check::OdsOpen, Outcome::Pass);
            let opening = Opening::of(&app, &case(&app, &id).await).await.expect("read");
            let (in_one, subject) = (app.clone(), id.clone());
            let approving = tokio::spawn(async move {
                in_one
                    .database
                    .write::<_, NotDone<Refusal>, _>(transaction!(async move |tx| {
                        let case = case_of(tx, &subject).await?;
                        registrations::save_checks(tx, &subject, &checks).await?;
                        let approval = case.approve_green(Actor::Service).map_err(refused)?;
                        opening.take_effect(tx, NINE, &Actor::Service, approval).await
                    }))
                    .await
            });
            let stopped = stop_it(&app, &id, &link).await.expect("stopped");
            let approved = approving.await.expect("no panic");
            match stopped {
                Stopped::Registration => assert!(approved.is_err(), "{approved:?}"),
                Stopped::Site => approved.expect("approved before"),
                Stopped::Ended => panic!("it had not ended"),
            }
            let open = count(&app, "SELECT COUNT(*) FROM sites WHERE state <> 'Frozen'").await;
            assert_eq!(open, 0, "{}", app.database.engine());
        }
    }
}

const SITE: &str = "1-123456789";
const CONTACT_ID: &str = "1-7200000002";

fn by_contact_id(app: &App, location: &str) -> Proof {
    let site = CqcLocationId::parse(SITE).expect("an ID");
    let id = CqcContactId::parse(CONTACT_ID).expect("an ID");
    let hash = ContactIdHash::of(&app.contact_key(), &site, &id);
    Proof::ContactId { location: location.to_owned(), hash: hash.as_str().to_owned(), at: NINE }
}

fn by_code(app: &App, location: &str) -> Proof {
    Proof::EmailedCode {
        location: location.to_owned(),
        recipient: recipient_hash(&app.key, "office@oak.example"),
        sent_to: "o…@oak.example".to_owned(),
        at: NINE,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn approvals_judge_the_proof_by_what_is_on_record_at_that_moment() {
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NINE));
        let judged = async |proof: Proof| {
            let answers = Complete { proof, ..Complete::of(complete()).expect("complete") };
            let case = Registration { answers, ..sent_once(&app).await };
            let (key, now) = (app.key.clone(), NINE);
            app.database
                .write::<_, Error, _>(transaction!(async move |tx| {
                    verify::check_again(tx, &key, now, &case).await
                }))
                .await
                .expect("judged")[0]
                .outcome
        };
        let known = |location: &str| by_contact_id(&app, location);
        assert_eq!(judged(by_code(&app, "1-123456789")).await, Outcome::Warn, "nothing is on record");
        on_record(&app.database, &app.contact_key(), SITE, Some("office@oak.example"), Some(CONTACT_ID))
            .await;
        assert_eq!(judged(by_code(&app, "1-123456789")).await, Outcome::Pass);
        assert_eq!(judged(known("1-123456789")).await, Outcome::Pass);
        // Another home of the same head office.
        for proof in [by_code(&app, "1-987654321"), known("1-987654321")] {
            assert!(matches!(judged(proof).await, Outcome::Fail(_)));
        }

        // The evidence was green when the case worker opened the page.
        let id = sent_once(&app).await.id;
        let checks = evidence(&app, Check::OdsOpen, Outcome::Pass);
        let (saved, of_case) = (checks.clone(), id.clone());
        app.database
            .write::<_, Error, _>(transaction!(async move |tx| {
                registrations::save_checks(tx, &of_case, &saved).await
            }))
            .await
            .expect("saved");
        put(&app, &id, RegistrationState::Referred).await;
        on_record(&app.database, &app.contact_key(), SITE, None, Some(CONTACT_ID)).await;
        let worker = Who::CaseWorker { id: "worker".to_owned() };
        let seen = case(&app, &id).await.version;
        let outcome = approve(&app, of(&worker, &id), seen).await;
        assert!(matches!(&outcome, Err(NotDone::Conflict(_))), "{outcome:?}");
        let case_now = case(&app, &id).await;
        assert_eq!((case_now.state, case_now.version), (RegistrationState::Referred, seen + 1));
        assert_eq!(count(&app, "SELECT COUNT(*) FROM approvals").await, 0);
        let now = registrations::list_checks(&app.database, &id).await.expect("read");
        let proof = now.iter().find(|check| check.check == Check::Proof).expect("judged");
        assert_eq!(proof.outcome, Outcome::Warn, "{}: nobody was told", app.database.engine());
    }
}

/// The one registration of a test, sent the first time it is asked for.
async fn sent_once(app: &App) -> Registration {
    let found: Option<(String,)> =
        app.database.maybe("SELECT id FROM registrations", &[]).await.expect("read");
    match found {
        Some((id,)) => case(app, &id).await,
        None => sent(app, Answers { proof: Some(by_contact_id(app, SITE)), ..complete() }).await,
    }
}
