//! What holds of every deed of a registrant: nothing is lost, twice is once, and what was proved is what
//! it is used for.

mod model;

use super::*;
use crate::app::for_tests::app;
use crate::clock::Clock;
use crate::contact::Mobile;
use crate::database::for_tests::both_engines;
use crate::database::{Error, Reads, transaction};
use crate::outbox::{self, Work};
use crate::register::for_tests::on_record;
use crate::registration::RegistrationState;
use crate::registration::answer::OneAnswer;
use crate::registration::answers::{Answers, Person, Proof, ProofWay};
use crate::registration::for_tests::{case, draft, of_registrant, sent};
use crate::registration::journey::tests::complete;
use crate::registration::store::find_draft;
use crate::settings::Secret;
use crate::sign_in::codes::CodeProblem;
use crate::sign_in::session::browser_hash;

const NINE: Timestamp = Timestamp::from_milliseconds(1_790_000_000_000);
const BROWSER: &str = "the browser's secret";

fn email(text: &str) -> Email {
    Email::parse(text).expect("an address")
}

async fn count(app: &App, sql: &'static str) -> i64 {
    let (count,): (i64,) = app.database.one(sql, &[]).await.expect("counted");
    count
}

async fn answers_of(app: &App, id: &str) -> Answers {
    find_draft(&app.database, id).await.expect("read").expect("a draft").answers
}

/// The code in the newest letter to an address.
async fn code_to(app: &App, to: &str) -> String {
    let (id, purpose): (String, String) = app
        .database
        .one(
            "SELECT secret_id, secret_purpose FROM letters WHERE recipient = $1 AND secret_id IS NOT NULL
              ORDER BY written_at DESC, id DESC LIMIT 1",
            &[&to],
        )
        .await
        .expect("a letter");
    let purpose = Purpose::parse(&purpose).expect("a purpose");
    crate::sign_in::secrets::code(&app.key, purpose, &id)
}

/// Does the work that writes letters with codes for coming back.
pub(super) async fn writes_return_letters(app: &App) {
    for taken in outbox::store::take(&app.database, app.clock.now()).await.expect("taken") {
        if let Work::SendReturnCode { code, email } = &taken.work {
            send_return_code(app, &taken, code, email).await.expect("done");
        }
    }
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T, NotDone<Refusal>>) -> Refusal {
    match outcome {
        Err(NotDone::Refusal(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beginning_twice_begins_one_draft() {
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NINE));
        let presses: Vec<_> = (0..4)
            .map(|_| {
                let app = app.clone();
                let order = BeginOrder { browser: BROWSER.to_owned(), network: "here".to_owned() };
                tokio::spawn(async move { begin(&app, order).await })
            })
            .collect();
        for press in presses {
            press.await.expect("no panic").expect("begun");
        }
        assert_eq!(count(&app, "SELECT COUNT(*) FROM registrations").await, 1, "{}", app.database.engine());
        app.clock.advance(Span::minutes(1));
        let order = BeginOrder { browser: BROWSER.to_owned(), network: "here".to_owned() };
        begin(&app, order).await.expect("begun");
        assert_eq!(count(&app, "SELECT COUNT(*) FROM registrations").await, 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_given_at_once_in_many_windows_are_all_kept() {
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NINE));
        let id = draft(&app, Answers { people: Vec::new(), people_done: false, ..complete() }).await;
        let windows: Vec<_> = (0..8)
            .map(|number| {
                let (app, permit) = (app.clone(), of_registrant(&id));
                let person = Person {
                    email: email(&format!("person{number}@oakhouse.example")),
                    mobile: Mobile::parse(&format!("0770090010{number}")).expect("a mobile"),
                    ..complete().people[0].clone()
                };
                let answer = OneAnswer::Person { was: None, person };
                tokio::spawn(async move { save_answer(&app, permit, answer).await })
            })
            .collect();
        for window in windows {
            window.await.expect("no panic").expect("saved");
        }
        assert_eq!(answers_of(&app, &id).await.people.len(), 8, "{}", app.database.engine());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_to_what_was_sent_or_ended_are_refused_as_what_they_are() {
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NINE));
        let town = || OneAnswer::Town("Leeds".to_owned());
        let sent = sent(&app, complete()).await;
        let late = save_answer(&app, of_registrant(&sent.id), town()).await;
        assert_eq!(refusal(late), Refusal::AlreadySent);

        let id = draft(&app, complete()).await;
        app.clock.advance(Span::days(31));
        assert_eq!(expire_overdue(&app).await.expect("expired"), 1);
        assert_eq!(expire_overdue(&app).await.expect("expired"), 0);
        let late = save_answer(&app, of_registrant(&id), town()).await;
        assert_eq!(refusal(late), Refusal::DraftIsOver);
        assert_eq!(answers_of(&app, &id).await, Answers::default(), "what was typed is forgotten");
        let early = draft(&app, Answers::default()).await;
        let early = save_answer(&app, of_registrant(&early), town()).await;
        assert_eq!(refusal(early), Refusal::NotAskedYet(crate::registration::journey::Page::SocialCare));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_confirm_the_address_they_were_sent_to_and_no_other() {
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NINE));
        let unconfirmed = Answers { email: None, email_confirmed: false, site: None, ..complete() };
        let id = draft(&app, unconfirmed).await;
        let ask = async |to: Option<&str>| {
            let order = EmailCodeOrder { to: to.map(email), browser: browser_hash(BROWSER) };
            ask_for_email_code(&app, of_registrant(&id), order).await.expect("sent")
        };
        let confirm = async |typed: &str| {
            let order = ConfirmOrder {
                typed: typed.to_owned(),
                browser: Secret::new(BROWSER.to_owned()),
                masked: false,
            };
            confirm_email(&app, of_registrant(&id), order).await
        };
        ask(Some("eve@elsewhere.example")).await;
        let eves = code_to(&app, "eve@elsewhere.example").await;
        // A stranger's address takes the place of Eve's, and she types the code that she got.
        ask(Some("amy@oakhouse.example")).await;
        assert!(matches!(refusal(confirm(&eves).await), Refusal::Code(_)));
        assert!(!answers_of(&app, &id).await.email_confirmed);

        // Pressed twice, the letter is one.
        let letters = count(&app, "SELECT COUNT(*) FROM letters").await;
        ask(None).await;
        assert_eq!(count(&app, "SELECT COUNT(*) FROM letters").await, letters);

        let amys = code_to(&app, "amy@oakhouse.example").await;
        let confirmed = confirm(&amys).await.expect("right");
        assert!(confirmed.rotated.is_some() && confirmed.answers.email_confirmed);
        let again = confirm(&amys).await.expect("confirmed before");
        assert!(again.rotated.is_some() && again.answers.email_confirmed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_prove_authority_for_the_site_they_were_sent_for() {
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NINE));
        // One head office answers for both sites.
        for location in ["1-123456789", "1-987654321"] {
            on_record(&app.database, &app.contact_key(), location, Some("office@oak.example"), None).await;
        }
        let id = draft(&app, Answers { proof: None, proof_way: None, ..complete() }).await;
        let browser = browser_hash(BROWSER);
        let order = || ProofOrder { way: ProofWay::EmailedCode, browser: browser.clone() };
        choose_proof(&app, of_registrant(&id), order()).await.expect("sent");
        choose_proof(&app, of_registrant(&id), order()).await.expect("chosen before");
        assert_eq!(count(&app, "SELECT COUNT(*) FROM letters").await, 1, "one letter for two presses");
        let code = code_to(&app, "office@oak.example").await;

        // Another site of the same provider is chosen, with the code for the first in hand.
        let mut other = complete().site.expect("a site");
        other.cqc_location_id = "1-987654321".to_owned();
        other.ods_code = "VM196".to_owned();
        let mut answers = complete();
        answers.choose_site(other);
        let moved = draft(
            &app,
            Answers {
                site_confirmed: true,
                dspt: complete().dspt,
                proof_way: Some(ProofWay::EmailedCode),
                ..answers
            },
        )
        .await;
        let used = confirm_site_code(&app, of_registrant(&moved), &code, &browser).await;
        assert_eq!(refusal(used), Refusal::Code(CodeProblem::Stale));

        let proved = confirm_site_code(&app, of_registrant(&id), &code, &browser).await.expect("right");
        assert!(matches!(proved.proof, Some(Proof::EmailedCode { .. })));
        let again =
            confirm_site_code(&app, of_registrant(&id), &code, &browser).await.expect("proved before");
        assert_eq!(again.proof, proved.proof);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sending_twice_at_once_sends_once() {
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NINE));
        let id = draft(&app, complete()).await;
        let presses: Vec<_> = (0..4)
            .map(|_| {
                let (app, permit) = (app.clone(), of_registrant(&id));
                tokio::spawn(async move { submit(&app, permit).await })
            })
            .collect();
        for press in presses {
            press.await.expect("no panic").expect("sent");
        }
        for (what, sql) in [
            ("entries", "SELECT COUNT(*) FROM audit_entries WHERE action = 'registration submitted'"),
            ("letters", "SELECT COUNT(*) FROM letters WHERE name = 'registration received'"),
            ("checks", "SELECT COUNT(*) FROM outbox WHERE kind = 'RunChecks'"),
        ] {
            assert_eq!(count(&app, sql).await, 1, "{what} on {}", app.database.engine());
        }
        let sent = case(&app, &id).await;
        assert_eq!(sent.state, RegistrationState::Submitted);
        assert_eq!(sent.answers.people, complete().people);

        // The site is being decided: nothing of the other draft is lost, and once it has joined the draft
        // leads to recovery.
        let other = draft(&app, complete()).await;
        let under_review = refusal(submit(&app, of_registrant(&other)).await);
        assert_eq!(under_review, Refusal::UnderReview("Oak House".to_owned()));
        assert_eq!(answers_of(&app, &other).await, complete());
        joined(&app, &id).await;
        assert_eq!(refusal(submit(&app, of_registrant(&other)).await), Refusal::SiteTaken);
        let next = crate::registration::journey::next(&answers_of(&app, &other).await);
        assert_eq!(next, crate::registration::journey::Page::Recovery);
    }
}

/// Opens the site of a registration in the directory.
async fn joined(app: &App, id: &str) {
    let site = case(app, id).await.answers.site;
    let people = vec![crate::directory::tests::person("Amy", "Reed", 1, crate::directory::Access::Owner)];
    let new = crate::directory::NewSite {
        cqc_location_id: site.cqc_location_id,
        ..crate::directory::tests::new_site(&site.ods_code, people)
    };
    app.database
        .write::<_, Error, _>(transaction!(async move |tx| {
            let by = crate::audit::Actor::Service;
            crate::directory::store::open_site(tx, "carepost.example", NINE, &by, &new).await
        }))
        .await
        .expect("opened")
        .expect("free");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registrations_that_proved_nothing_keep_nobody_out() {
    let call = || {
        Some(Proof::CallBack {
            location: "1-123456789".to_owned(),
            ask_for: crate::contact::Name::parse("Eve", "name").expect("a name"),
            when: "now".to_owned(),
            telephone: "01632 960001".to_owned(),
        })
    };
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NINE));
        let unproved = |from: &str| Answers {
            email: Some(email(from)),
            proof_way: Some(ProofWay::CallBack),
            proof: call(),
            ..complete()
        };
        let strangers = sent(&app, unproved("eve@elsewhere.example")).await;
        let again = draft(&app, unproved("eve@elsewhere.example")).await;
        assert!(matches!(refusal(submit(&app, of_registrant(&again)).await), Refusal::UnderReview(_)));
        let held = async || store::who_holds(&app.database, "VM195", "1-123456789").await.expect("read");
        assert_eq!(held().await, store::SiteHeld::Free);
        let honest = sent(&app, complete()).await;
        assert_eq!(held().await, store::SiteHeld::UnderReview);
        // Whoever still comes without a proof is looked at, too, and whoever comes with one is told.
        let late = sent(&app, unproved("bo@elsewhere.example")).await;
        let proved = Answers { email: Some(email("cy@elsewhere.example")), ..complete() };
        let proved = draft(&app, proved).await;
        assert!(matches!(refusal(submit(&app, of_registrant(&proved)).await), Refusal::UnderReview(_)));
        let site = &honest.answers.site;
        let others = store::list_others_of_site(&app.database, &honest.id, site).await.expect("read");
        let mut expect = vec![strangers.reference.as_str().to_owned(), late.reference.as_str().to_owned()];
        expect.sort();
        assert_eq!(others, expect, "{}", app.database.engine());
        withdraw(&app, of_registrant(&honest.id)).await.expect("withdrawn");
        assert_eq!(held().await, store::SiteHeld::Free);
    }
}

/// Puts a registration into a state without the way there.
async fn put(app: &App, id: &str, state: RegistrationState) -> Registration {
    let found = case(app, id).await;
    let entry = crate::audit::Entry::new(crate::audit::Actor::Service, "put there by a test", id);
    let change = Change::new(Registration { state, ..found }, entry);
    let now = app.clock.now();
    app.database
        .write::<_, Error, _>(transaction!(async move |tx| { store::save(tx, now, &change).await }))
        .await
        .expect("put");
    case(app, id).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_to_a_question_are_sent_once_or_said_not_to_be() {
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NINE));
        let id = sent(&app, complete()).await.id;
        let asked = RegistrationState::MoreInformationAsked { question: "Which floor?".to_owned() };
        let seen = put(&app, &id, asked.clone()).await.version;
        let answer = async |seen: i64, text: &str| {
            let order = AnswerOrder { seen, text: text.to_owned() };
            answer_question(&app, of_registrant(&id), order).await
        };
        answer(seen, "The second.").await.expect("sent");
        answer(seen, "The second.").await.expect("sent before");
        assert_eq!(count(&app, "SELECT COUNT(*) FROM case_notes").await, 1);
        assert_eq!(case(&app, &id).await.state, RegistrationState::Referred);

        // Another question waits by now: the answer to the first is not taken for one to it.
        put(&app, &id, asked).await;
        let late = answer(seen, "The third.").await;
        assert!(matches!(late, Err(NotDone::Conflict(_))), "{late:?}");
        assert_eq!(count(&app, "SELECT COUNT(*) FROM case_notes").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withdrawing_happens_once_and_before_the_decision() {
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NINE));
        let id = sent(&app, complete()).await.id;
        put(&app, &id, RegistrationState::Approved).await;
        assert!(matches!(refusal(withdraw(&app, of_registrant(&id)).await), Refusal::NotUndecided(_)));
        put(&app, &id, RegistrationState::Referred).await;
        for _ in 0..2 {
            withdraw(&app, of_registrant(&id)).await.expect("withdrawn");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coming_back_opens_what_the_code_was_sent_for() {
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NINE));
        sent(&app, complete()).await;
        let newest = draft(&app, complete()).await;
        let amy = "amy@oakhouse.example";
        let order = |to: &str| ReturnOrder {
            email: email(to),
            browser: browser_hash(BROWSER),
            network: "here".to_owned(),
        };
        let letters = count(&app, "SELECT COUNT(*) FROM letters").await;
        ask_to_return(&app, order("nobody@elsewhere.example")).await.expect("said the same");
        writes_return_letters(&app).await;
        assert_eq!(count(&app, "SELECT COUNT(*) FROM letters").await, letters, "nobody is written to");
        ask_to_return(&app, order(amy)).await.expect("sent");
        writes_return_letters(&app).await;
        let typed = code_to(&app, amy).await;
        let come = async |to: &str| {
            come_back(
                &app,
                ComeBackOrder {
                    email: email(to),
                    typed: typed.clone(),
                    browser: Secret::new(BROWSER.to_owned()),
                    network: "here".to_owned(),
                },
            )
            .await
        };
        assert!(matches!(refusal(come("nobody@elsewhere.example").await), Refusal::Code(_)));
        let mine = come(amy).await.expect("opened").mine;
        assert_eq!(mine.len(), 2);
        assert_eq!(mine[0].id(), newest, "the draft goes first");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registrations_that_ended_are_forgotten_after_their_time_and_others_are_not() {
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NINE));
        let ended = sent(&app, complete()).await;
        withdraw(&app, of_registrant(&ended.id)).await.expect("withdrawn");
        let kept = sent(&app, complete()).await;
        put(&app, &kept.id, RegistrationState::Live).await;
        app.clock.advance(Span::days(i64::from(app.settings.ended_case_days)));
        assert_eq!(forget_ended(&app).await.expect("too early"), 0);
        app.clock.advance(Span::minutes(1));
        assert_eq!(forget_ended(&app).await.expect("forgotten"), 1);
        assert_eq!(forget_ended(&app).await.expect("once"), 0);
        let left = store::find(&app.database, &ended.id).await.expect("read").expect("there");
        let Stored::Forgotten(forgotten) = left else { panic!("{left:?}") };
        assert_eq!(forgotten.reference, ended.reference);
        let row: Vec<(String, Option<String>, Option<String>, String)> = app
            .database
            .all(
                "SELECT answers, sent_document, email, browser FROM registrations WHERE forgotten_at IS NOT NULL",
                &[],
            )
            .await
            .expect("read");
        assert_eq!(row, [("{}".to_owned(), None, None, String::new())]);
        let people = "SELECT COUNT(*) FROM registration_contacts";
        assert_eq!(count(&app, people).await, i64::try_from(complete().people.len()).expect("few"));
        assert_eq!(case(&app, &kept.id).await.answers, kept.answers);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_states_in_indexes_are_those_of_the_code() {
    use crate::outbox::transitions::sql_list;
    use crate::registration::RegistrationStateKind as Kind;
    let baseline = include_str!("../../../migrations/0001_baseline.sql");
    for (index, list) in [
        ("registrations_one_a_site_and_registrant", sql_list(Kind::is_undecided)),
        ("registrations_waiting", sql_list(Kind::is_undecided)),
        ("registrations_over", sql_list(Kind::is_over)),
    ] {
        let made = baseline.split(&format!("INDEX {index} ")).nth(1).expect(index);
        let made = made.split(';').next().expect("an end");
        assert!(made.contains(&format!("state IN ({list})")), "{index} is made for other states: {made}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contact_ids_that_strangers_guess_shut_out_nobody_who_is_right() {
    for database in both_engines().await {
        let (app, _) = app(database, Clock::still(NINE));
        let right = crate::register::CqcContactId::parse("1-7200000002").expect("an id");
        let wrong = crate::register::CqcContactId::parse("1-7200000003").expect("an id");
        let key = app.contact_key();
        on_record(&app.database, &key, "1-123456789", None, Some("1-7200000002")).await;
        let by_contact_id = || Answers { proof: None, proof_way: Some(ProofWay::ContactId), ..complete() };
        let mut drafts = Vec::new();
        for _ in 0..7 {
            drafts.push(draft(&app, by_contact_id()).await);
        }
        let tries = async |id: &str, typed: &crate::register::CqcContactId| {
            prove_by_contact_id(&app, of_registrant(id), typed.clone()).await
        };
        let mut judged = 0;
        for number in 0..90 {
            let refused = refusal(tries(&drafts[number % 6], &wrong).await);
            judged += usize::from(refused == Refusal::WrongContactId);
        }
        assert_eq!(judged, 50, "{}", app.database.engine());
        let late = refusal(tries(&drafts[0], &right).await);
        assert!(matches!(late, Refusal::TooOften(_)), "right or wrong: {late:?}");
        // Somebody else, in a draft of their own, with one slip.
        assert_eq!(refusal(tries(&drafts[6], &wrong).await), Refusal::WrongContactId);
        let proved = tries(&drafts[6], &right).await.expect("right");
        assert!(matches!(proved.proof, Some(Proof::ContactId { .. })));
    }
}
