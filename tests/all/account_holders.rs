//! Account holders sign in, set up and replace their authenticator app, and keep their mail programs:
//! what each page answers and what it refuses. The browser's own view of it is in the stories.

use crate::guest::{Guest, does_all_work, letter, run};
use crate::harness::{Got, Harness, PASSWORD};
use carepost::clock::Span;
use carepost::database::Reads;
use carepost::directory;
use carepost::letter::store::list_newest;
use carepost::sign_in::session::SessionKind;

const ASHA: &str = "asha.patel@carepost.example";

fn sees(got: &Got, words: &str) {
    assert!(got.body.contains(words), "“{words}” is not on this page:\n{}", got.body);
}

async fn gives_password(guest: &mut Guest<'_>, address: &str) -> String {
    guest.passes("/sign-in", &[("address", address), ("password", PASSWORD)]).await
}

/// Signs in with the code of the app.
async fn signs_in(harness: &Harness, guest: &mut Guest<'_>, account: &str) {
    harness.app.clock.advance(Span::seconds(30));
    assert_eq!(gives_password(guest, ASHA).await, "/sign-in/code");
    let code = harness.code_of(account);
    assert_eq!(guest.passes("/sign-in/code", &[("code", &code)]).await, "/my-account");
}

async fn letters(harness: &Harness) -> Vec<String> {
    let letters = list_newest(&harness.app.database, "asha.195@home.example").await.expect("letters");
    let mut names: Vec<String> = letters.into_iter().map(|letter| letter.name).collect();
    names.reverse();
    names
}

/// The recovery codes a page shows.
fn codes_on(got: &Got) -> Vec<String> {
    let shown = got.body.split("<li><span class=\"app-secret\">").skip(1);
    shown.map(|rest| rest.split('<').next().unwrap_or("").to_owned()).collect()
}

/// The app that waits for its first code.
pub async fn waiting_app(harness: &Harness, account: &str) -> String {
    let (id,): (String,) = harness
        .app
        .database
        .one("SELECT id FROM authenticators WHERE account_id = $1 AND confirmed_at IS NULL", &[&account])
        .await
        .expect("one waits");
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_signs_in_with_password_and_code() {
    let harness = Harness::new(false).await;
    let home = harness.home("VM195").await;
    let mut asha = Guest::new(&harness);
    assert_eq!(asha.get("/my-account").await.location, "/sign-in");
    let before = asha.browser.clone();
    assert_eq!(gives_password(&mut asha, " Asha.Patel@CAREPOST.example ").await, "/sign-in/code");
    assert_ne!(asha.browser, before, "a browser that may do more has a new secret");
    let half = asha.browser.clone();
    assert_eq!(asha.get("/my-account").await.location, "/sign-in", "half way is not in");
    for elsewhere in ["/sign-in/text-code", "/sign-in/text-code/again"] {
        let got = asha.post(elsewhere, &[("code", "123456")]).await;
        assert_eq!(got.location, "/sign-in/code", "an app cannot be gone round");
    }
    assert_eq!(asha.get("/sign-in/app").await.location, "/sign-in");

    let code = harness.code_of(&home.asha);
    let bad = if code == "123456" { "654321" } else { "123456" };
    for (typed, words) in
        [("", "Enter the code from"), ("12", "Code must be 6 digits"), (bad, "The code is not right")]
    {
        let got = asha.post("/sign-in/code", &[("code", typed)]).await;
        assert_eq!(got.status, 422);
        sees(&got, words);
    }
    assert_eq!(asha.passes("/sign-in/code", &[("code", &code)]).await, "/my-account");
    assert_ne!(asha.browser, half);
    let got = asha.get("/my-account").await;
    sees(&got, "Asha Patel");
    sees(&got, "care.vm195@carepost.example");
    sees(&got, "Bo Li");
    sees(&got, "You have no recovery codes");
    let account = directory::store::find_account(&harness.app.database, &home.asha).await;
    assert_eq!(account.expect("read").expect("there").last_used_at, Some(harness.app.clock.now()));

    // The same code again, within its time, by somebody who looked over her shoulder.
    let mut eve = Guest::new(&harness);
    gives_password(&mut eve, ASHA).await;
    let got = eve.post("/sign-in/code", &[("code", &code)]).await;
    assert_eq!(got.status, 422);
    sees(&got, "This code has been used already");

    assert_eq!(asha.passes("/sign-out", &[]).await, "/sign-in?done=out");
    assert_eq!(asha.get("/my-account").await.location, "/sign-in");
    asha.browser = half;
    assert_eq!(asha.get("/sign-in/code").await.location, "/sign-in", "no way back half way in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_sign_in_cannot_be_told_apart() {
    let harness = Harness::new(false).await;
    harness.home("VM195").await;
    run(&harness, "UPDATE accounts SET state = 'Disabled' WHERE address LIKE 'bo.li@%'").await;
    run(
        &harness,
        "UPDATE accounts SET password_hash = NULL, state = 'Pending' WHERE address LIKE 'bo.li1@%'",
    )
    .await;
    let mut eve = Guest::new(&harness);
    let tries = [
        (ASHA, "not this one at all"),
        ("nobody@carepost.example", PASSWORD),
        ("bo.li@carepost.example", PASSWORD),
        ("care.vm195@carepost.example", PASSWORD),
        ("asha.195@home.example", PASSWORD),
    ];
    let mut bodies = Vec::new();
    for (address, password) in tries {
        let got = eve.post("/sign-in", &[("address", address), ("password", password)]).await;
        assert_eq!((got.status, got.location.as_str()), (422, ""), "{address}");
        bodies.push(got.body.replace(address, "(address)"));
        assert!(!got.body.contains(password));
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]));

    // Twenty tries an hour from one network at one address; another network stands in nobody's way.
    let mut answers = Vec::new();
    for _ in 0..20 {
        let got = eve.post("/sign-in", &[("address", ASHA), ("password", "wrong")]).await;
        answers.push(got.status);
    }
    assert_eq!(answers.iter().filter(|status| **status == 429).count(), 1, "{answers:?}");
    let right = eve.post("/sign-in", &[("address", ASHA), ("password", PASSWORD)]).await;
    assert_eq!(right.status, 429, "counted before it is judged");
    harness.app.clock.advance(Span::minutes(61));
    assert_eq!(gives_password(&mut eve, ASHA).await, "/sign-in/code");
    let mut answers = Vec::new();
    for _ in 0..22 {
        answers.push(eve.post("/sign-in/code", &[("code", "000000")]).await.status);
    }
    assert!(answers[..20].iter().all(|status| *status == 422), "{answers:?}");
    assert_eq!(answers[20..], [429, 429]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_app_the_mobile_is_the_second_thing_and_the_app_comes_first() {
    let harness = Harness::new(false).await;
    let home = harness.home("VM195").await;
    run(&harness, "DELETE FROM authenticators").await;
    let mut asha = Guest::new(&harness);
    assert_eq!(gives_password(&mut asha, ASHA).await, "/sign-in/text-code");
    assert_eq!(asha.get("/sign-in/code").await.location, "/sign-in/text-code");
    assert_eq!(asha.get("/sign-in/app").await.location, "/sign-in");
    sees(&asha.get("/sign-in/text-code").await, "07••• •••501");
    let (code, _) = letter(&harness, "+447700919501", "activation code").await;

    // Somebody else with the password gets no further with her code, nor with one of their own.
    let mut eve = Guest::new(&harness);
    harness.app.clock.advance(Span::seconds(1));
    gives_password(&mut eve, ASHA).await;
    sees(&eve.post("/sign-in/text-code", &[("code", &code)]).await, "The code is not right");
    assert_eq!(eve.get("/sign-in/app").await.location, "/sign-in");

    assert_eq!(asha.passes("/sign-in/text-code", &[("code", &code)]).await, "/sign-in/app");
    assert_eq!(asha.get("/my-account").await.location, "/sign-in", "the app comes first");
    let got = asha.get("/sign-in/app").await;
    sees(&got, "<svg class=\"app-qr\"");
    let first = waiting_app(&harness, &home.asha).await;
    assert_eq!(asha.post("/sign-in/app", &[("code", "12")]).await.status, 422);
    let code = harness.code_of_app(&first);
    let before = asha.browser.clone();
    assert_eq!(asha.passes("/sign-in/app", &[("code", &code)]).await, "/my-account/security/recovery-codes");
    assert_ne!(asha.browser, before);
    assert_eq!(asha.get("/sign-in/app").await.location, "/sign-in", "it leads on once");
    assert_eq!(eve.get("/sign-in/text-code").await.location, "/sign-in", "half-finished sign-ins end");

    let shown = asha.post("/my-account/security/recovery-codes", &[]).await;
    let codes = codes_on(&shown);
    assert_eq!(codes.len(), 10, "{}", shown.body);
    assert_eq!(shown.headers["cache-control"], "no-store");
    assert_eq!(
        asha.passes("/my-account/security/recovery-codes/written", &[]).await,
        "/my-account?done=recovery-codes"
    );
    harness.app.clock.advance(Span::minutes(1));
    let again = asha.post("/my-account/security/recovery-codes", &[]).await;
    assert_eq!(again.status, 422, "new ones need the password and a code");
    assert!(!again.body.contains(&codes[0]));
    does_all_work(&harness).await;
    assert_eq!(letters(&harness).await, ["authenticator app set up", "recovery codes made"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_phone_is_replaced_with_recovery_codes() {
    let harness = Harness::new(false).await;
    let home = harness.home("VM195").await;
    let mut asha = Guest::new(&harness);
    signs_in(&harness, &mut asha, &home.asha).await;
    let codes = codes_on(&asha.post("/my-account/security/recovery-codes", &[]).await);

    // Another computer, no phone.
    let mut later = Guest::new(&harness);
    gives_password(&mut later, ASHA).await;
    for (typed, words) in
        [("", "Enter one of your"), ("123456", "has 16 letters"), ("AAAACCCCDDDDEEEE", "does not work")]
    {
        let got = later.post("/sign-in/recovery-code", &[("code", typed)]).await;
        assert_eq!(got.status, 422);
        sees(&got, words);
    }
    let typed = codes[0].to_lowercase().replace('-', " ");
    let arrived = later.passes("/sign-in/recovery-code", &[("code", &typed)]).await;
    assert_eq!(arrived, "/my-account?done=recovery-code");
    let mut eve = Guest::new(&harness);
    gives_password(&mut eve, ASHA).await;
    sees(&eve.post("/sign-in/recovery-code", &[("code", &codes[0])]).await, "does not work");

    // Another app: the password and a code once more, each alone is not enough.
    let replace = "/my-account/security/app";
    for (password, code, words) in [
        ("", "", "Enter your password"),
        ("wrong", codes[1].as_str(), "The password is not right"),
        (PASSWORD, "000000", "The code is not right"),
        (PASSWORD, codes[0].as_str(), "This recovery code does not work"),
    ] {
        let got = later.post(replace, &[("password", password), ("code", code)]).await;
        assert_eq!(got.status, 422, "{words}");
        sees(&got, words);
        assert_eq!(later.get("/sign-in/app").await.location, "/sign-in");
    }
    let proof = [("password", PASSWORD), ("code", codes[1].as_str())];
    assert_eq!(later.passes(replace, &proof).await, "/sign-in/app");
    sees(&later.get("/sign-in/app").await, "Set up another authenticator app");
    sees(&asha.get("/my-account").await, "Asha Patel");
    let new = waiting_app(&harness, &home.asha).await;
    let code = harness.code_of_app(&new);
    assert_eq!(later.passes("/sign-in/app", &[("code", &code)]).await, "/my-account/security?done=app");
    sees(&later.get("/my-account/security").await, "8 codes left");
    assert_eq!(asha.get("/my-account").await.location, "/sign-in", "other browsers are signed out");

    // The old app opens nothing any more; the new one does.
    harness.app.clock.advance(Span::minutes(2));
    gives_password(&mut asha, ASHA).await;
    let old = harness.code_of(&home.asha);
    assert_eq!(asha.post("/sign-in/code", &[("code", &old)]).await.status, 422);
    let code = harness.code_of_app(&new);
    assert_eq!(asha.passes("/sign-in/code", &[("code", &code)]).await, "/my-account");

    // New recovery codes: old ones stop.
    harness.app.clock.advance(Span::minutes(2));
    let code = harness.code_of_app(&new);
    let proof = [("password", PASSWORD), ("code", code.as_str())];
    let fresh = codes_on(&asha.post("/my-account/security/recovery-codes", &proof).await);
    assert_eq!(fresh.len(), 10);
    gives_password(&mut eve, ASHA).await;
    sees(&eve.post("/sign-in/recovery-code", &[("code", &codes[5])]).await, "does not work");
    eve.passes("/sign-in/recovery-code", &[("code", &fresh[5])]).await;
    does_all_work(&harness).await;
    assert_eq!(
        letters(&harness).await,
        [
            "recovery codes made",
            "recovery code used",
            "recovery code used",
            "authenticator app replaced",
            "recovery codes made",
            "recovery code used"
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_browsers_that_set_up_an_app_cannot_both_go_on() {
    let harness = Harness::new(false).await;
    let home = harness.home("VM195").await;
    run(&harness, "DELETE FROM authenticators").await;
    let mut guests = [Guest::new(&harness), Guest::new(&harness)];
    for guest in &mut guests {
        gives_password(guest, ASHA).await;
        let (code, _) = letter(&harness, "+447700919501", "activation code").await;
        guest.passes("/sign-in/text-code", &[("code", &code)]).await;
        harness.app.clock.advance(Span::seconds(1));
    }
    let [first, second] = &mut guests;
    assert_eq!(first.get("/sign-in/app").await.location, "/sign-in", "only the newest");
    assert_eq!(second.get("/sign-in/app").await.status, 200);
    let waiting = waiting_app(&harness, &home.asha).await;
    let code = harness.code_of_app(&waiting);
    second.passes("/sign-in/app", &[("code", &code)]).await;
    assert_eq!(first.post("/sign-in/app", &[("code", &code)]).await.location, "/sign-in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_everywhere_ends_what_is_half_finished_too() {
    let harness = Harness::new(false).await;
    let home = harness.home("VM195").await;
    let mut asha = Guest::with(&harness, SessionKind::AccountHolder, &home.asha).await;
    let mut others = Vec::new();
    for kind in [SessionKind::AccountHolder, SessionKind::HolderHalfSignedIn, SessionKind::SettingUpApp] {
        others.push(Guest::with(&harness, kind, &home.asha).await);
    }
    let mut bo = Guest::with(&harness, SessionKind::AccountHolder, &home.bo).await;
    assert_eq!(asha.get("/my-account/security/sign-out-everywhere").await.status, 200);
    assert_eq!(others[1].get("/sign-in/code").await.status, 200);
    let left = asha.passes("/my-account/security/sign-out-everywhere", &[]).await;
    assert_eq!(left, "/sign-in?done=everywhere");
    others.push(asha);
    for guest in &mut others {
        for path in ["/my-account", "/sign-in/code", "/sign-in/app"] {
            assert_eq!(guest.get(path).await.location, "/sign-in", "{path}");
        }
    }
    sees(&bo.get("/my-account").await, "Bo Li");
    does_all_work(&harness).await;
    assert_eq!(letters(&harness).await, ["signed out everywhere"]);
}

/// The app password on the page that shows it, as it is when it is copied.
fn password_on(got: &Got) -> String {
    let shown = got.body.split("app-secret--large\">").nth(1).expect("an app password");
    let shown = shown.split("</p>").next().unwrap_or("");
    shown.split('>').filter_map(|part| part.split('<').next()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_program_gets_a_password_that_is_shown_once() {
    let harness = Harness::new(false).await;
    let home = harness.home("VM195").await;
    let mut asha = Guest::with(&harness, SessionKind::AccountHolder, &home.asha).await;
    let add = "/my-account/mail-programs/add";
    assert_eq!(asha.post(add, &[("name", " ")]).await.status, 422);
    assert_eq!(asha.post(add, &[("name", &"x".repeat(51))]).await.status, 422);
    let shown = asha.post(add, &[("name", "Reception  computer")]).await;
    assert_eq!(shown.status, 200);
    let value = password_on(&shown);
    assert_eq!(value.len(), 24, "{value:?}");
    let kept = directory::store::list_app_passwords_in_force(&harness.app.database, &home.asha)
        .await
        .expect("listed");
    let [password] = kept.as_slice() else { panic!("one: {kept:?}") };
    assert_eq!((password.name.as_str(), password.selector.as_str()), ("Reception computer", &value[..4]));
    assert_eq!(*password.hash.reveal(), directory::app_password::hash(&value));
    let list = asha.get("/my-account/mail-programs").await;
    sees(&list, "Reception computer");
    sees(&list, "Not used yet");
    assert!(!list.body.contains(&value[..8]));
    sees(&asha.post(add, &[("name", "reception computer")]).await, "Choose another name");

    // Somebody else's cannot be revoked, and seems not to be there.
    let revoke = format!("/my-account/mail-programs/{}/revoke", password.id);
    let mut bo = Guest::with(&harness, SessionKind::AccountHolder, &home.bo).await;
    assert_eq!(bo.get(&revoke).await.location, "/my-account/mail-programs");
    assert_eq!(bo.passes(&revoke, &[]).await, "/my-account/mail-programs");
    sees(&asha.get(&revoke).await, "Reception computer");
    assert_eq!(asha.passes(&revoke, &[]).await, "/my-account/mail-programs?done=revoked");
    assert_eq!(asha.passes(&revoke, &[]).await, "/my-account/mail-programs", "twice without harm");
    let (work, entries): (i64, i64) = harness.app.database
        .one(
            "SELECT (SELECT COUNT(*) FROM outbox WHERE kind = 'ProvisionAccount' AND subject = $1 AND state = 'Waiting'),
                    (SELECT COUNT(*) FROM audit_entries WHERE action LIKE 'app password %' AND subject = $1)",
            &[&home.asha],
        )
        .await
        .expect("read");
    assert_eq!((work, entries), (1, 2), "equal work that waits is one");

    for number in 0..20 {
        assert_eq!(asha.post(add, &[("name", &format!("Program {number}"))]).await.status, 200);
    }
    let got = asha.post(add, &[("name", "One more")]).await;
    assert_eq!(got.status, 422);
    sees(&got, "which is the most there can be");
    sees(&asha.get("/my-account/mail-programs").await, "Revoke one you no longer use");
}

/// A computer that was left signed in makes no password that outlives the session.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_password_needs_the_factor_again_after_ten_minutes() {
    let harness = Harness::new(false).await;
    let home = harness.home("VM195").await;
    let mut asha = Guest::with(&harness, SessionKind::AccountHolder, &home.asha).await;
    let (add, codes) = ("/my-account/mail-programs/add", "/my-account/security/recovery-codes");
    assert!(!asha.get(add).await.body.contains("name=\"password\""), "a moment after signing in");
    harness.app.clock.advance(Span::minutes(11));
    for path in [add, codes] {
        let got = asha.get(path).await;
        sees(&got, "name=\"password\"");
        sees(&got, "name=\"code\"");
    }
    let got = asha.post(add, &[("name", "Stolen laptop")]).await;
    assert_eq!(got.status, 422);
    sees(&got, "Enter your password");
    sees(&got, "value=\"Stolen laptop\"");
    assert_eq!(asha.post(codes, &[]).await.status, 422);
    let kept = directory::store::list_app_passwords_in_force(&harness.app.database, &home.asha).await;
    assert_eq!(kept.expect("listed").len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_at_once_are_twenty() {
    let harness = Harness::new(false).await;
    let home = harness.home("VM195").await;
    let browser = Harness::browser();
    harness.begins(&browser, SessionKind::AccountHolder, &home.asha).await;
    let names: Vec<String> = (0..40).map(|number| format!("Program {number}")).collect();
    let making = names.iter().map(async |name| {
        harness.post("/my-account/mail-programs/add", &browser, &[("name", name)]).await.status
    });
    let answers = futures_util::future::join_all(making).await;
    let made = answers.iter().filter(|status| **status == 200).count();
    assert_eq!(made, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_programs_find_their_settings_and_nobody_finds_an_address() {
    let harness = Harness::new(false).await;
    let home = harness.home("VM195").await;
    let nobody = Harness::browser();
    let path = "/mail/config-v1.1.xml";
    let own = harness.get(&format!("{path}?emailaddress={ASHA}"), &nobody).await;
    assert_eq!(
        (own.status, own.headers["content-type"].to_str().expect("text")),
        (200, "text/xml; charset=utf-8")
    );
    sees(&own, "<hostname>mail.carepost.example</hostname>");
    let other = harness.get(&format!("{path}?emailaddress=nobody@carepost.example"), &nobody).await;
    assert_eq!(own.body, other.body);
    let well_known = harness.get("/.well-known/autoconfig/mail/config-v1.1.xml", &nobody).await;
    assert_eq!(own.body, well_known.body);
    let elsewhere = harness.get(&format!("{path}?emailaddress=amy@other.example"), &nobody).await;
    assert_eq!(elsewhere.status, 404);
    sees(&elsewhere, "addresses that end in @carepost.example");

    let ask = async |path: &str, body: String| {
        let request = axum::http::Request::post(path)
            .header("content-type", "text/xml")
            .body(axum::body::Body::from(body))
            .expect("a request");
        harness.send(request).await
    };
    let question = |address: &str| {
        format!("<Autodiscover><Request><EMailAddress>{address}</EMailAddress></Request></Autodiscover>")
    };
    for path in [
        "/autodiscover/autodiscover.xml",
        "/Autodiscover/Autodiscover.xml",
        "/AutoDiscover/AutoDiscover.xml",
        "/AUTODISCOVER/autodiscover.XML",
    ] {
        let own = ask(path, question(ASHA)).await;
        assert_eq!(own.status, 200);
        sees(&own, "<Type>IMAP</Type>");
        sees(&own, &format!("<LoginName>{ASHA}</LoginName>"));
        assert!(own.headers.get("set-cookie").is_none());
        let other = ask(path, question("nobody@carepost.example")).await;
        assert_eq!(own.body.replace(ASHA, ""), other.body.replace("nobody@carepost.example", ""));
    }
    for path in ["/autodiscover/autodiscover.json", "/AutoDiscover/Autodiscover.json"] {
        for (query, name) in [("Protocol", ASHA), ("protocol", "nobody@carepost.example")] {
            let found = harness.get(&format!("{path}?Email={name}&{query}=AutodiscoverV1"), &nobody).await;
            assert_eq!(found.headers["content-type"], "application/json; charset=utf-8");
            let url = format!("{}/autodiscover/autodiscover.xml", harness.app.settings.public_address);
            let expected = format!("{{\"Protocol\":\"AutodiscoverV1\",\"Url\":\"{url}\"}}");
            assert_eq!((found.status, found.body.as_str()), (200, expected.as_str()));
        }
        let other = harness.get(&format!("{path}?Protocol=ActiveSync"), &nobody).await;
        assert_eq!(other.status, 404);
        sees(&other, "\"ErrorCode\":\"InvalidProtocol\"");
    }
    let path = "/autodiscover/autodiscover.xml";
    let refused = ask(path, question("amy@other.example")).await;
    sees(&refused, "<ErrorCode>600</ErrorCode>");
    for body in
        [String::new(), "<".repeat(60_000), question("<!ENTITY x>"), question("a\u{0}@carepost.example")]
    {
        assert_eq!(ask(path, body).await.body, refused.body);
    }
    assert_eq!(ask(path, "x".repeat(70_000)).await.status, 413);

    let mut asha = Guest::with(&harness, SessionKind::AccountHolder, &home.asha).await;
    let profile = asha.get("/my-account/mail-programs/apple.mobileconfig").await;
    assert_eq!(profile.headers["content-type"], "application/x-apple-aspen-config");
    sees(&profile, &format!("<key>EmailAddress</key><string>{ASHA}</string>"));
    sees(&asha.get("/my-account/mail-programs/settings").await, "mail.carepost.example");
}
