//! Activating, signing in and changing how one signs in, pressed once and twice, on both databases.

use super::*;
use crate::app::for_tests::app;
use crate::clock::{Clock, Span};
use crate::contact::{Email, Mobile, Name};
use crate::database::for_tests::both_engines;
use crate::database::{Database, Error, transaction};
use crate::directory::{Access, KnownOrganisation, Management, NewPerson, NewSite, Origin};
use crate::letter::store::list_newest;
use crate::my_account::store;
use crate::outbox::Work;
use crate::outbox::outcome::NotDone;
use crate::sign_in::authority::{NotAllowed, Permit, Who, deed, permit};
use crate::sign_in::moves::{CodeOrder, PasswordOrder, SignInRefusal};
use crate::sign_in::permits::{HolderHalfSignedIn, SessionKind};
use crate::sign_in::session::{self, browser_hash};
use crate::sign_in::{app_code, password, secrets};

const NOON: Timestamp = Timestamp::from_milliseconds(43_200_000);
const BROWSER: &str = "the browser's secret";
const PASSWORD: &str = "gravel teapot lantern";
const AWAY: Span = Span::seconds(11);

/// A service with one pending account, its link, and the account itself.
async fn with_account(database: Database) -> (App, Account, String) {
    let (app, _) = app(database, Clock::still(NOON));
    let name = |text: &str| Name::parse(text, "name").expect(text);
    let new = NewSite {
        activates_at: None,
        origin: Origin::Registration("registration".to_owned()),
        organisation: KnownOrganisation::unknown("Rose Court Limited"),
        management: Management::Nas,
        ods_code: "VM195".to_owned(),
        cqc_location_id: "1-100".to_owned(),
        name: "Rose Court".to_owned(),
        town: "Lincoln".to_owned(),
        postcode: "LN1 1AA".to_owned(),
        people: vec![NewPerson {
            first_name: name("Asha"),
            last_name: name("Patel"),
            role: "Manager".to_owned(),
            email: Email::parse("asha@home.example").expect("an address"),
            mobile: Mobile::parse("07700900123").expect("a mobile"),
            access: Access::Owner,
            existing_account: None,
        }],
    };
    let id = app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            let domain = "carepost.example";
            let opened = directory::store::open_site(tx, domain, NOON, &Actor::Service, &new).await?;
            Ok(opened.map(|opened| opened.accounts[0].clone()))
        }))
        .await
        .expect("written")
        .expect("opened");
    let taken = outbox::store::take(&app.database, NOON).await.expect("taken");
    for taken in &taken {
        if let Work::ProvisionAccount { account } = &taken.work {
            directory::provision::account(&app, taken, account).await.expect("provisioned");
        }
    }
    let account = directory::store::find_account(&app.database, &id).await.expect("read").expect("one");
    let link = newest_link(&app).await;
    (app, account, link)
}

async fn letters(app: &App, to: &str, name: &str) -> usize {
    let letters = list_newest(&app.database, to).await.expect("listed");
    letters.iter().filter(|letter| letter.name == name).count()
}

async fn newest_link(app: &App) -> String {
    let letters = list_newest(&app.database, "asha@home.example").await.expect("listed");
    let letter = letters.iter().find(|letter| letter.name == "activation").expect("a letter");
    letter.secret.clone().expect("a link").id
}

/// The code of the newest text message.
async fn texted(app: &App, purpose: Purpose) -> String {
    let letters = list_newest(&app.database, "+447700900123").await.expect("listed");
    let mark = letters.first().expect("a text message").secret.clone().expect("a code");
    assert_eq!(mark.purpose, purpose.stored());
    secrets::code(&app.key, purpose, &mark.id)
}

fn holder(account: &str) -> Who {
    Who::AccountHolder { account: account.to_owned(), owns: Vec::new() }
}

async fn own(app: &App, account: &str) -> Permit<deed::SecureOwnAccount> {
    let subject = directory::store::subject_of_account(&app.database, account).await.expect("read");
    permit(&holder(account), subject.expect("a subject")).expect("their own")
}

fn in_browser(link: &str, browser: &str) -> StepOrder {
    StepOrder { link: link.to_owned(), browser: Secret::new(browser.to_owned()) }
}

fn refusal<T, R>(outcome: Result<T, NotDone<R>>) -> Option<R> {
    match outcome {
        Err(NotDone::Refusal(refusal)) => Some(refusal),
        Err(NotDone::Conflict(conflict)) => panic!("{conflict:?}"),
        Err(NotDone::Fault(error)) => panic!("{error}"),
        Ok(_) => None,
    }
}

type Result<T, E> = std::result::Result<T, E>;

async fn come_as_far_as_the_policy(app: &App, link: &str, browser: &'static str) {
    let (link, now) = (link.to_owned(), app.clock.now());
    let kept = app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            let browser = browser_hash(browser);
            store::add_activation(tx, &link, &browser, now).await?;
            store::keep_password(tx, &link, &browser, &Secret::new("a hash".to_owned())).await
        }))
        .await
        .expect("written");
    assert!(kept);
}

async fn activates(app: &App, account: &Account, link: &str, browser: &str) -> Option<ActivationRefusal> {
    refusal(activate(app, own(app, &account.id).await, in_browser(link, browser)).await)
}

async fn actions(app: &App, account: &str) -> Vec<String> {
    let history = audit::store::history(&app.database, account).await.expect("read");
    // The clock stands still, so they have no order.
    let mut actions: Vec<_> = history.into_iter().map(|entry| entry.action).collect();
    actions.sort_unstable();
    actions
}

async fn kinds(app: &App, browser_hash: &str) -> Vec<SessionKind> {
    let sessions = sign_ins::list_sessions(&app.database, browser_hash).await.expect("read");
    sessions.into_iter().map(|session| session.kind).collect()
}

async fn begins(app: &App, browser: &'static str, kind: SessionKind, subject: &str) {
    let (in_app, subject) = (app.clone(), subject.to_owned());
    app.database
        .write::<_, Error, _>(transaction!(async move |tx| {
            session::begin(tx, &in_app, browser, kind, &subject, false).await
        }))
        .await
        .expect("begun");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn activation_takes_a_link_a_code_and_a_password_and_happens_once() {
    for database in both_engines().await {
        let (app, account, link) = with_account(database).await;
        let token = secrets::link_token(&app.key, Purpose::ActivationLink, &link);
        let planted = Secret::new("planted".to_owned());
        let (one, other) =
            tokio::join!(begin_activation(&app, &token, &planted), begin_activation(&app, &token, &planted));
        let (one, other) = (one.expect("begun"), other.expect("begun"));
        assert_eq!(one.browser_hash(), other.browser_hash(), "one press");
        assert_eq!(kinds(&app, &one.browser_hash()).await, [SessionKind::Activating]);
        assert_eq!(letters(&app, "+447700900123", "activation code").await, 1);

        let own = async || own(&app, &account.id).await;
        let order = || in_browser(&link, BROWSER);
        app.clock.advance(AWAY);
        send_activation_code(&app, own().await, order()).await.expect("sent");
        send_activation_code(&app, own().await, order()).await.expect("sent a moment ago");
        assert_eq!(letters(&app, "+447700900123", "activation code").await, 2);
        let code = texted(&app, Purpose::ActivationCode).await;
        let elsewhere = confirm_mobile(&app, own().await, in_browser(&link, "another"), &code).await;
        assert_eq!(refusal(elsewhere), Some(ActivationRefusal::Code(CodeProblem::Stale)));
        let chosen = |order| async {
            let typed = Secret::new(PASSWORD.to_owned());
            refusal(choose_password(&app, own().await, order, typed).await)
        };
        assert_eq!(chosen(order()).await, Some(ActivationRefusal::NotReady), "not before the code");
        let (one, other) = tokio::join!(
            confirm_mobile(&app, own().await, order(), &code),
            confirm_mobile(&app, own().await, order(), &code)
        );
        one.expect("confirmed");
        other.expect("the same answer");
        app.clock.advance(AWAY);
        let late = confirm_mobile(&app, own().await, in_browser(&link, "another"), &code).await;
        assert_eq!(refusal(late), Some(ActivationRefusal::Code(CodeProblem::Stale)));

        assert_eq!(activates(&app, &account, &link, BROWSER).await, Some(ActivationRefusal::NotReady));
        assert_eq!(chosen(order()).await, None);
        come_as_far_as_the_policy(&app, &link, "second browser").await;
        assert_eq!(
            activates(&app, &account, &link, "third browser").await,
            Some(ActivationRefusal::NotReady)
        );
        assert_eq!(activates(&app, &account, &link, BROWSER).await, None);
        // The other browser's half of it is gone with the link.
        assert_eq!(
            activates(&app, &account, &link, "second browser").await,
            Some(ActivationRefusal::NotReady)
        );

        let now_active = directory::store::find_account(&app.database, &account.id).await.expect("read");
        let now_active = now_active.expect("an account");
        assert_eq!(now_active.state, AccountState::Active);
        assert_eq!(now_active.policy_accepted_at, Some(app.clock.now()));
        assert!(now_active.password_hash.is_some());
        assert_eq!(letters(&app, "asha@home.example", "activated").await, 1);
        let (follows, provisions): (i64, i64) = app
            .database
            .one(
                "SELECT (SELECT COUNT(*) FROM outbox WHERE kind = 'FollowSite'
                           AND subject IN (SELECT id FROM sites WHERE origin_id = 'registration')),
                        (SELECT COUNT(*) FROM outbox WHERE kind = 'ProvisionAccount')",
                &[],
            )
            .await
            .expect("counted");
        assert_eq!((follows, provisions), (1, 2), "{}", app.database.engine());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn activations_finished_many_times_at_once_are_one_with_one_answer() {
    for database in both_engines().await {
        let (app, account, link) = with_account(database).await;
        come_as_far_as_the_policy(&app, &link, BROWSER).await;
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let (app, account, link) = (app.clone(), account.clone(), link.clone());
                tokio::spawn(async move {
                    activate(&app, own(&app, &account.id).await, in_browser(&link, BROWSER)).await
                })
            })
            .collect();
        let mut browsers = Vec::new();
        for task in tasks {
            browsers.push(task.await.expect("no panic").expect("active").browser_hash());
        }
        browsers.dedup();
        let [browser] = browsers.as_slice() else { panic!("one: {browsers:?}") };
        assert_eq!(kinds(&app, browser).await, [SessionKind::SettingUpApp], "{}", app.database.engine());
        assert_eq!(
            actions(&app, &account.id).await,
            ["account activated", "account opened", "account provisioned"]
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn activation_codes_are_not_sent_without_end() {
    for database in both_engines().await {
        let (app, account, link) = with_account(database).await;
        let send = async || {
            let sent = send_activation_code(&app, own(&app, &account.id).await, in_browser(&link, BROWSER));
            refusal(sent.await)
        };
        for _ in 0..app.settings.codes_an_hour_max {
            assert_eq!(send().await, None);
            app.clock.advance(AWAY);
        }
        assert!(matches!(send().await, Some(ActivationRefusal::Code(CodeProblem::TooManySent(_)))));
        let texts = letters(&app, "+447700900123", "activation code").await;
        assert_eq!(texts, usize::from(app.settings.codes_an_hour_max));
        app.clock.advance(Span::hours(1));
        assert_eq!(send().await, None, "an hour later");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn activation_codes_and_links_die_with_the_contact_they_were_sent_to() {
    for database in both_engines().await {
        let (app, account, link) = with_account(database).await;
        let order = || in_browser(&link, BROWSER);
        send_activation_code(&app, own(&app, &account.id).await, order()).await.expect("sent");
        let code = texted(&app, Purpose::ActivationCode).await;
        let change = async |sql: &'static str| {
            app.database
                .write::<_, Error, _>(transaction!(async move |tx| { tx.run(sql, &[]).await }))
                .await
                .expect("changed");
        };
        change("UPDATE accounts SET mobile = '+447700900999'").await;
        let refused = confirm_mobile(&app, own(&app, &account.id).await, order(), &code).await;
        assert_eq!(refusal(refused), Some(ActivationRefusal::Code(CodeProblem::Stale)));
        come_as_far_as_the_policy(&app, &link, BROWSER).await;
        change("UPDATE accounts SET personal_email = 'eve@elsewhere.example'").await;
        assert_eq!(activates(&app, &account, &link, BROWSER).await, Some(ActivationRefusal::LinkGone));
    }
}

/// Asks for a new link by the work that a page queues.
async fn ask_for_link_by_work(app: &App, asked: &str) {
    let work = Work::SendActivationLink { asked: asked.to_owned() };
    let now = app.clock.now();
    app.database
        .write::<_, Error, _>(transaction!(async move |tx| {
            outbox::store::queue(tx, now, now, &work).await
        }))
        .await
        .expect("queued");
    for taken in outbox::store::take(&app.database, now).await.expect("taken") {
        if let Work::SendActivationLink { asked } = &taken.work {
            send_activation_link(app, &taken, asked).await.expect("done");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn activation_links_go_to_the_address_that_was_given_and_end_the_old_one() {
    for database in both_engines().await {
        let (app, account, old) = with_account(database).await;
        app.clock.advance(Span::minutes(5));
        for (asked, letters) in [
            ("nobody@home.example", 1),
            ("not an address", 1),
            ("asha@home.example", 2),
            ("asha.patel@carepost.example", 3),
        ] {
            ask_for_link_by_work(&app, asked).await;
            let sent = list_newest(&app.database, "").await.expect("listed");
            app.clock.advance(Span::seconds(1));
            assert_eq!(sent.len(), letters, "{asked}");
            assert!(sent.iter().all(|letter| letter.recipient == "asha@home.example"));
        }
        come_as_far_as_the_policy(&app, &old, BROWSER).await;
        assert_eq!(activates(&app, &account, &old, BROWSER).await, Some(ActivationRefusal::LinkGone));
        let fresh = newest_link(&app).await;
        assert_ne!(fresh, old);
        come_as_far_as_the_policy(&app, &fresh, BROWSER).await;
        assert_eq!(activates(&app, &account, &fresh, BROWSER).await, None);
        // Once it is active there is nothing to send.
        ask_for_link_by_work(&app, "asha@home.example").await;
        assert_eq!(letters(&app, "", "activation").await, 3);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn activation_links_asked_for_together_leave_one_that_works() {
    for database in both_engines().await {
        let (app, _, _) = with_account(database).await;
        for place in 0..8 {
            // Asked for in the same words, they would be one.
            let work = Work::SendActivationLink { asked: format!("asha@home.example {place}") };
            app.database
                .write::<_, Error, _>(transaction!(async move |tx| {
                    outbox::store::queue(tx, NOON, NOON, &work).await
                }))
                .await
                .expect("queued");
        }
        let tasks: Vec<_> = outbox::store::take(&app.database, NOON)
            .await
            .expect("taken")
            .into_iter()
            .filter(|taken| matches!(taken.work, Work::SendActivationLink { .. }))
            .map(|taken| {
                let app = app.clone();
                tokio::spawn(async move { send_activation_link(&app, &taken, "asha@home.example").await })
            })
            .collect();
        assert_eq!(tasks.len(), 8);
        for task in tasks {
            assert_eq!(task.await.expect("no panic"), Ok(()), "{}", app.database.engine());
        }
        let (work,): (i64,) =
            app.database.one("SELECT COUNT(*) FROM links WHERE used_at IS NULL", &[]).await.expect("counted");
        assert_eq!(work, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn activation_links_asked_for_twice_are_asked_for_once() {
    for database in both_engines().await {
        let (app, _, _) = with_account(database).await;
        let order = || LinkOrder {
            email: Email::parse("asha@home.example").expect("an address"),
            network: "192.0.2.7".to_owned(),
        };
        let (one, other) = tokio::join!(ask_for_link(&app, order()), ask_for_link(&app, order()));
        one.expect("asked");
        other.expect("asked");
        let queued = async || {
            let (queued,): (i64,) = app
                .database
                .one("SELECT COUNT(*) FROM outbox WHERE kind = 'SendActivationLink'", &[])
                .await
                .expect("counted");
            queued
        };
        assert_eq!(queued().await, 1, "{}", app.database.engine());
        app.clock.advance(AWAY);
        ask_for_link(&app, order()).await.expect("asked");
        assert_eq!(queued().await, 1, "the first still waits: equal work is one");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn activation_links_that_have_run_out_finish_nothing_and_leave_nothing() {
    for database in both_engines().await {
        let (app, account, link) = with_account(database).await;
        come_as_far_as_the_policy(&app, &link, BROWSER).await;
        app.clock.advance(Span::hours(25));
        assert_eq!(activates(&app, &account, &link, BROWSER).await, Some(ActivationRefusal::LinkGone));
        assert_eq!(store::forget_abandoned(&app.database, app.clock.now()).await.expect("forgotten"), 1);
        let account = directory::store::find_account(&app.database, &account.id).await.expect("read");
        assert_eq!(account.map(|account| account.state), Some(AccountState::Pending));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permits_for_an_account_are_its_holders_alone() {
    let (app, account, _) = with_account(crate::database::for_tests::sqlite().await).await;
    let subject = directory::store::subject_of_account(&app.database, &account.id).await.expect("read");
    let subject = subject.expect("a subject");
    let case_worker = Who::CaseWorker { id: "casey".to_owned() };
    for who in [holder("somebody"), case_worker] {
        let refused = permit::<deed::SecureOwnAccount>(&who, subject.clone());
        assert!(matches!(refused, Err(NotAllowed::NotTheirs | NotAllowed::NotForRole)), "{who:?}");
    }
}

/// An account that is active, with an authenticator app in force.
async fn with_app(database: Database) -> (App, String) {
    let (app, account, _) = with_account(database).await;
    let (id, hash) = (account.id.clone(), password::hash_now(PASSWORD).expect("hashed"));
    app.database
        .write::<_, Error, _>(transaction!(async move |tx| {
            let hash = Secret::new(hash);
            let change = account.activate(NOON, hash).expect("pending");
            assert!(directory::store::save_account(tx, NOON, &change).await?);
            sign_ins::add_authenticator(tx, &account_id(&change), NOON).await?;
            let waiting = sign_ins::waiting_authenticator(tx, &account_id(&change)).await?.expect("waits");
            sign_ins::confirm_authenticator(tx, &account_id(&change), &waiting.id, 1, NOON).await?;
            tx.run("UPDATE outbox SET state = 'Done'", &[]).await?;
            Ok(())
        }))
        .await
        .expect("written");
    (app, id)
}

fn account_id(change: &outbox::Change<Account>) -> String {
    change.state.id.clone()
}

async fn code_of_app(app: &App, account: &str) -> String {
    let authenticator = sign_ins::authenticator(&app.database, account).await.expect("read").expect("one");
    app_code::code_now(&app.key, Purpose::AccountApp, &authenticator.id, app.clock.now())
}

fn typed(code: &str, browser: &str) -> CodeOrder {
    CodeOrder { typed: code.to_owned(), browser: Secret::new(browser.to_owned()), known_by: None }
}

fn half(account: &str) -> HolderHalfSignedIn {
    HolderHalfSignedIn { account: account.to_owned() }
}

fn signed_in(account: &str) -> AccountHolder {
    AccountHolder {
        account: account.to_owned(),
        name: "Asha Patel".to_owned(),
        address: "asha.patel@carepost.example".to_owned(),
        owns: Vec::new(),
        factor_at: NOON,
    }
}

fn proof(password: &str, code: &str) -> ProofOrder {
    ProofOrder {
        password: Secret::new(password.to_owned()),
        code: code.to_owned(),
        network: "192.0.2.7".to_owned(),
        browser: Secret::new(BROWSER.to_owned()),
        known_by: None,
    }
}

async fn count(app: &App, account: &str, action: &str) -> usize {
    actions(app, account).await.into_iter().filter(|known| known == action).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_in_twice_at_once_is_signing_in_once() {
    for database in both_engines().await {
        let (app, id) = with_app(database).await;
        let order = || PasswordOrder {
            address: "asha.patel@carepost.example".to_owned(),
            password: Secret::new(PASSWORD.to_owned()),
            network: "192.0.2.7".to_owned(),
            browser: Secret::new("at first".to_owned()),
            known_by: None,
        };
        let (one, other) = tokio::join!(give_password(&app, order()), give_password(&app, order()));
        let ((one, next), (other, _)) = (one.expect("half way"), other.expect("half way"));
        assert_eq!(one.browser_hash(), other.browser_hash());
        assert_eq!(next, HalfWay::CodeOfApp);

        begins(&app, BROWSER, SessionKind::HolderHalfSignedIn, &id).await;
        let code = code_of_app(&app, &id).await;
        let give = || give_code(&app, half(&id), FactorAsked::App, typed(&code, BROWSER));
        let (one, other) = tokio::join!(give(), give());
        let (GivenCode::SignedIn(one), GivenCode::SignedIn(other)) =
            (one.expect("signed in"), other.expect("the same answer"))
        else {
            panic!("there is an app")
        };
        assert_eq!(one.browser_hash(), other.browser_hash(), "{}", app.database.engine());
        assert_eq!(kinds(&app, &one.browser_hash()).await, [SessionKind::AccountHolder]);
        assert_eq!(count(&app, &id, "account holder signed in").await, 1);

        // Whoever comes later, or with another code, begins again.
        app.clock.advance(AWAY);
        let late = refusal(give().await);
        let is_over = matches!(late, Some(SignInRefusal::Over | SignInRefusal::Factor(_)));
        assert!(is_over, "{late:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_in_with_the_mobile_leads_to_an_app_once() {
    for database in both_engines().await {
        let (app, id) = with_app(database).await;
        let forget = "DELETE FROM authenticators";
        app.database
            .write::<_, Error, _>(transaction!(async move |tx| { tx.run(forget, &[]).await }))
            .await
            .expect("forgotten");
        begins(&app, BROWSER, SessionKind::HolderHalfSignedIn, &id).await;
        let browser = || Secret::new(BROWSER.to_owned());
        let (one, other) = tokio::join!(
            send_sign_in_code(&app, half(&id), browser()),
            send_sign_in_code(&app, half(&id), browser())
        );
        one.expect("sent");
        other.expect("sent a moment ago");
        assert_eq!(letters(&app, "+447700900123", "activation code").await, 1);
        let code = texted(&app, Purpose::SignInCode).await;
        let prove = || prove_mobile(&app, half(&id), typed(&code, BROWSER));
        let (one, other) = tokio::join!(prove(), prove());
        let (one, other) = (one.expect("proven"), other.expect("the same answer"));
        assert_eq!(one.browser_hash(), other.browser_hash(), "{}", app.database.engine());
        assert_eq!(kinds(&app, &one.browser_hash()).await, [SessionKind::SettingUpApp]);
        // Somebody who knows the browser's secret and not the code gets nowhere by being quick.
        let bad = if code == "123456" { "654321" } else { "123456" };
        let guessed = refusal(prove_mobile(&app, half(&id), typed(bad, BROWSER)).await);
        assert_eq!(guessed, Some(SignInRefusal::Code(CodeProblem::Stale)));

        begins(&app, "setting up", SessionKind::SettingUpApp, &id).await;
        let waiting =
            sign_ins::waiting_authenticator(&app.database, &id).await.expect("read").expect("one waits");
        let code = app_code::code_now(&app.key, Purpose::AccountApp, &waiting.id, app.clock.now());
        let bind = async || bind_app(&app, own(&app, &id).await, typed(&code, "setting up")).await;
        let (one, other) = tokio::join!(bind(), bind());
        let (Bound::First(one), Bound::First(other)) = (one.expect("bound"), other.expect("bound")) else {
            panic!("it is the first")
        };
        assert_eq!(one.browser_hash(), other.browser_hash());
        assert_eq!(count(&app, &id, "authenticator app set up").await, 1);
        assert_eq!(letters(&app, "asha@home.example", "authenticator app set up").await, 1);
        app.clock.advance(AWAY);
        assert_eq!(refusal(bind().await), Some(SignInRefusal::Over), "it leads on once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apps_are_replaced_with_the_password_and_a_code_once() {
    for database in both_engines().await {
        let (app, id) = with_app(database).await;
        let by = signed_in(&id);
        let replace = async |order| refusal(replace_app(&app, own(&app, &id).await, &by, order).await);
        let wrong = Some(ProofRefusal::NotProven {
            password: Some("The password is not right"),
            code: Some(FactorProblem::Wrong(FactorAsked::Either)),
        });
        assert_eq!(replace(proof("wrong", "000000")).await, wrong);
        let code = code_of_app(&app, &id).await;
        let (one, other) = tokio::join!(replace(proof(PASSWORD, &code)), replace(proof(PASSWORD, &code)));
        assert_eq!((one, other), (None, None), "{}", app.database.engine());
        assert_eq!(kinds(&app, &browser_hash(BROWSER)).await, [SessionKind::SettingUpApp]);
        app.clock.advance(AWAY);
        let late = replace(proof(PASSWORD, &code)).await;
        assert_eq!(late, Some(ProofRefusal::code(FactorProblem::AppCodeUsed)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recovery_codes_made_twice_at_once_are_ten_that_work() {
    for database in both_engines().await {
        let (app, id) = with_app(database).await;
        let by = signed_in(&id);
        let make = async |order| make_recovery_codes(&app, own(&app, &id).await, &by, order).await;
        let (one, other) = tokio::join!(make(proof("", "")), make(proof("", "")));
        let shown = [one.expect("made"), other.expect("made")];
        let kept = sign_ins::recovery_codes(&app.database, &id).await.expect("read");
        assert_eq!((kept.left, kept.made_at), (10, Some(NOON)), "{}", app.database.engine());
        let hashes: Vec<(String,)> =
            app.database.all("SELECT hash FROM recovery_codes", &[]).await.expect("read");
        let work = |codes: &Vec<_>| {
            codes.iter().all(|code: &crate::sign_in::recovery::RecoveryCode| hashes.contains(&(code.hash(),)))
        };
        assert_eq!(shown.iter().filter(|codes| work(codes)).count(), 1, "the last answer shows what works");
        assert_eq!(count(&app, &id, "recovery codes made").await, 1);
        assert_eq!(letters(&app, "asha@home.example", "recovery codes made").await, 1);

        let keep = async || keep_recovery_codes(&app, own(&app, &id).await).await;
        let (one, other) = tokio::join!(keep(), keep());
        one.expect("kept");
        other.expect("kept");
        assert_eq!(count(&app, &id, "recovery codes written down").await, 1);

        app.clock.advance(AWAY);
        let missing = refusal(make(proof("", "")).await);
        assert!(matches!(missing, Some(ProofRefusal::NotProven { .. })), "{missing:?}");
        let code = code_of_app(&app, &id).await;
        assert_eq!(make(proof(PASSWORD, &code)).await.expect("made").len(), 10);
        assert_eq!(count(&app, &id, "recovery codes made").await, 2);
        keep().await.expect("kept");
        assert_eq!(count(&app, &id, "recovery codes written down").await, 2, "the new ones");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn app_passwords_are_made_and_revoked_once() {
    for database in both_engines().await {
        let (app, id) = with_app(database).await;
        let by = signed_in(&id);
        let add_with =
            async |name: &str, order| add_app_password(&app, own(&app, &id).await, &by, order, name).await;
        let add = async || add_with("Phone", proof("", "")).await;
        let (one, other) = tokio::join!(add(), add());
        let (made, refused): (Vec<_>, Vec<_>) = [one, other].into_iter().partition(Result::is_ok);
        let refused: Vec<_> = refused.into_iter().filter_map(refusal).collect();
        assert_eq!(
            refused,
            [AppPasswordRefusal::Directory(directory::Refusal::NameIsTaken)],
            "the second is told the truth"
        );
        let made = made.into_iter().next().expect("one").expect("made");
        let revoke = async || revoke_app_password(&app, own(&app, &id).await, &made.id).await;
        let (one, other) = tokio::join!(revoke(), revoke());
        let revoked = [one.expect("revoked"), other.expect("revoked")];
        assert_eq!(revoked.iter().filter(|done| **done).count(), 1, "{}", app.database.engine());
        assert_eq!(count(&app, &id, "app password made").await, 1);
        assert_eq!(count(&app, &id, "app password revoked").await, 1);

        // The session alone is not enough once the factor is old.
        let browser = browser_hash(BROWSER);
        begins(&app, BROWSER, SessionKind::AccountHolder, &id).await;
        let shown_at = async || {
            let sessions = sign_ins::list_sessions(&app.database, &browser).await.expect("read");
            sessions.into_iter().map(|session| session.factor_at).collect::<Vec<_>>()
        };
        assert_eq!(shown_at().await, [NOON]);
        app.clock.advance(Span::minutes(11));
        let code = code_of_app(&app, &id).await;
        for (order, password, wrong) in [
            (proof("", ""), true, true),
            (proof("wrong", &code), true, false),
            (proof(PASSWORD, "000000"), false, true),
        ] {
            let refused = refusal(add_with("Laptop", order).await).expect("refused");
            let AppPasswordRefusal::Proof(ProofRefusal::NotProven { password: of_password, code }) = refused
            else {
                panic!("{refused:?}")
            };
            assert_eq!((of_password.is_some(), code.is_some()), (password, wrong));
        }
        let unproven = refusal(make_recovery_codes(&app, own(&app, &id).await, &by, proof("", "")).await);
        assert!(matches!(unproven, Some(ProofRefusal::NotProven { .. })), "first ones too: {unproven:?}");
        assert_eq!(shown_at().await, [NOON], "nothing wrong counts");
        let (one, other) = tokio::join!(
            add_with("Laptop", proof(PASSWORD, &code)),
            add_with("Laptop", proof(PASSWORD, &code))
        );
        let made = [one, other].into_iter().filter(Result::is_ok).count();
        assert_eq!((made, count(&app, &id, "app password made").await), (1, 2), "{}", app.database.engine());
        assert_eq!(shown_at().await, [app.clock.now()]);
        let used = refusal(add_with("Tablet", proof(PASSWORD, &code)).await);
        let used_up = AppPasswordRefusal::Proof(ProofRefusal::code(FactorProblem::AppCodeUsed));
        assert_eq!(used, Some(used_up), "a code proves once");
        assert_eq!(count(&app, &id, "app password made").await, 2, "nothing is made without");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_is_noted_once() {
    for database in both_engines().await {
        let (app, id) = with_app(database).await;
        let by = signed_in(&id);
        begins(&app, BROWSER, SessionKind::AccountHolder, &id).await;
        begins(&app, "another", SessionKind::AccountHolder, &id).await;
        let (one, other) = tokio::join!(sign_out(&app, &by, BROWSER), sign_out(&app, &by, BROWSER));
        one.expect("out");
        other.expect("out");
        assert_eq!(count(&app, &id, "account holder signed out").await, 1, "{}", app.database.engine());
        assert_eq!(kinds(&app, &browser_hash("another")).await, [SessionKind::AccountHolder]);

        let everywhere = async || sign_out_everywhere(&app, own(&app, &id).await, "another").await;
        let (one, other) = tokio::join!(everywhere(), everywhere());
        one.expect("out");
        other.expect("out");
        assert_eq!(count(&app, &id, "signed out everywhere").await, 1);
        assert_eq!(letters(&app, "asha@home.example", "signed out everywhere").await, 1);
        assert_eq!(kinds(&app, &browser_hash("another")).await, []);
    }
}
