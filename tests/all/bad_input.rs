//! Hostile text in every field, forged forms, bodies without end, browsers that hang up, full disks.

use crate::harness::Harness;
use axum::body::Body;
use axum::http::{Request, header};
use carepost::contact::{Email, Mobile, Name};
use carepost::registration::Draft;
use carepost::registration::answers::{AskedAccess, DsptAnswer, Person, Proof, ProofWay, SiteAnswer, Sites};
use carepost::sign_in::session::SessionKind;

/// Texts that have broken somebody's form, each alone and round a name: 400 in all.
fn hostile() -> Vec<String> {
    let seeds = [
        "'",
        "\"",
        "' OR '1'='1",
        "'; DROP TABLE registrations; --",
        "\\",
        "\\'",
        "%",
        "_",
        "%00",
        "\0",
        "a\0b",
        "\r\nBcc: all@x.example",
        "\nX-Header: 1",
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "javascript:alert(1)",
        "{{7*7}}",
        "{% raw %}",
        "${7*7}",
        "#{7*7}",
        "{{code}}",
        "{{link}}",
        "../../etc/passwd",
        "..\\..\\x",
        "/dev/null",
        "file:///etc/passwd",
        "http://127.0.0.1/",
        "=cmd|' /C calc'!A0",
        "+1+1",
        "@SUM(1)",
        "-2+3",
        "\u{202e}evil",
        "\u{200b}",
        "\u{feff}",
        "\u{2066}x\u{2069}",
        "😀😀😀",
        "Ａｓｈａ",
        "ﬁ",
        "İ",
        "ß",
        "K",
        "\u{1f468}\u{200d}\u{1f469}",
        "e\u{301}\u{301}\u{301}\u{301}",
        "\u{fffd}",
        "\u{d7ff}",
        "null",
        "undefined",
        "NaN",
        "true",
        "0",
        "-1",
        "9999999999999999999999",
        "1e309",
        "0x10",
        "1-",
        "V",
        "VVVVV",
        "1-000000",
        "CON1-",
        "(((((((((((((((((((((((((",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
        "a@b",
        "a@b@c.example",
        "@",
        "a@",
        "a,b@c.example",
        "a@b.example,c@d.example",
        "\"a b\"@c.example",
        "a@[127.0.0.1]",
        "+44",
        "+447",
        "07",
        "07700900123x",
        "00447700900123 ext 1",
        "٠٧٧٠٠٩٠٠١٢٣",
        "x'||pg_sleep(5)||'",
        "1;SELECT 1",
        "admin'--",
        "*)(uid=*))(|(uid=*",
        "\u{7f}",
        "\u{1b}[31mred",
        "&lt;b&gt;",
        "&#x27;",
        "<!--",
        "-->",
        "]]>",
        "<svg/onload=1>",
        "\t\t\t",
        "   ",
        "\u{a0}",
        "a b c d e f g h i j k l m n o p",
        "..",
        ".",
        "-",
        "--",
        "’",
        "`id`",
        "$(id)",
        "|id",
        ";id",
        "%0d%0a",
    ];
    let mut texts: Vec<String> = seeds.iter().map(|seed| (*seed).to_owned()).collect();
    for seed in seeds {
        texts.push(format!("Rose {seed} Court"));
        texts.push(format!("{seed}{seed}{seed}"));
        texts.push(format!("amy{seed}@oakhouse.example"));
    }
    texts.push("x".repeat(50_000));
    texts.push("é".repeat(20_000));
    while texts.len() < 400 {
        texts.push(format!("{}{}", "<".repeat(texts.len()), "'".repeat(texts.len())));
    }
    texts
}

/// Answers to everything, for a site of the sample whose proof is a call.
pub fn everything(draft: &mut Draft) {
    let person = |first: &str, number: u32, access| Person {
        first_name: Name::parse(first, "first name").expect("a name"),
        last_name: Name::parse("Reed", "last name").expect("a name"),
        role: "Carer".to_owned(),
        email: Email::parse(&format!("{first}@oakhouse.example")).expect("an address"),
        mobile: Mobile::parse(&format!("07700900{number:03}")).expect("a mobile"),
        access,
        has_account: None,
    };
    let answers = &mut draft.answers;
    answers.social_care = Some(true);
    answers.cqc_registered = Some(true);
    answers.hospice = Some(false);
    answers.sites = Some(Sites::One);
    answers.has_account = Some(false);
    answers.email = Email::parse("amy@oakhouse.example").ok();
    answers.email_confirmed = true;
    answers.site = Some(SiteAnswer {
        ods_code: "VN4F6".to_owned(),
        cqc_location_id: "1-530528300".to_owned(),
        name: "Home Instead".to_owned(),
        address: "1 High Street".to_owned(),
        town: "Oldham".to_owned(),
        postcode: "OL3 6BD".to_owned(),
        provider_name: "Oak Care Limited".to_owned(),
        typed: false,
    });
    answers.site_confirmed = true;
    answers.dspt = Some(DsptAnswer { words: "Standards Met".to_owned(), by_hq: false });
    answers.proof_way = Some(ProofWay::CallBack);
    answers.proof = Some(Proof::CallBack {
        location: "1-530528300".to_owned(),
        ask_for: Name::parse("Amy Reed", "name").expect("a name"),
        when: "mornings".to_owned(),
        telephone: "01632 960001".to_owned(),
    });
    answers.town = Some("Oldham".to_owned());
    answers.people = vec![person("amy", 1, AskedAccess::Owner), person("bo", 2, AskedAccess::Member)];
    answers.people_done = true;
}

/// Every form with its fields.
const FORMS: &[(&str, &[&str])] = &[
    ("/register/social-care", &["answer"]),
    ("/register/how-many-sites", &["answer"]),
    ("/register/your-email", &["email"]),
    ("/register/find-your-site", &["site", "q"]),
    ("/register/site-codes", &["ods_code", "location_id"]),
    ("/register/confirm-your-site", &["right"]),
    ("/register/prove-your-authority", &["way"]),
    ("/register/call-back", &["ask_for", "when"]),
    ("/register/town", &["town"]),
    (
        "/register/people/2",
        &["first_name", "last_name", "role", "email", "mobile", "access", "has_account", "account"],
    ),
    ("/register/people/2/remove", &["remove"]),
    ("/register/check-your-answers", &["declaration"]),
    ("/register/mine", &["registration"]),
    ("/register/return", &["email"]),
    ("/register/return/code", &["email", "code"]),
    ("/registration", &["reference"]),
    ("/activate", &["email"]),
    ("/casework/sign-in", &["email"]),
    (
        "/contact/email/write",
        &[
            "message",
            "saw",
            "people",
            "addresses",
            "name",
            "email",
            "telephone",
            "no_call",
            "organisation",
            "more",
            "once",
        ],
    ),
    ("/feedback/hospice", &["message", "name", "email", "telephone", "organisation", "once"]),
    ("/feedback/complaint", &["message", "name", "email", "telephone", "organisation", "once"]),
];

/// Forms behind a sign-in, with who may send them; `{account}`, `{site}` stand for rows that exist.
const FORMS_BEHIND_SIGN_IN: &[(&str, SessionKind, &[&str])] = &[
    ("/sign-in", SessionKind::HolderHalfSignedIn, &["address"]),
    ("/sign-in/code", SessionKind::HolderHalfSignedIn, &["code"]),
    ("/sign-in/recovery-code", SessionKind::HolderHalfSignedIn, &["code"]),
    ("/sign-in/text-code", SessionKind::HolderHalfSignedIn, &["code"]),
    ("/sign-in/app", SessionKind::SettingUpApp, &["code"]),
    ("/my-account/mail-programs/add", SessionKind::AccountHolder, &["name"]),
    ("/my-account/security/app", SessionKind::AccountHolder, &["password", "code"]),
    ("/my-account/security/recovery-codes", SessionKind::AccountHolder, &["code"]),
    (
        "/casework/sites/{site}/give-access",
        SessionKind::CaseWorker,
        &["address", "access", "reason", "confirm", "account"],
    ),
    ("/casework/status/components/mail", SessionKind::CaseWorker, &["health", "words", "seen"]),
    (
        "/casework/status/announce",
        SessionKind::CaseWorker,
        &["kind", "about", "title", "words", "starts-day", "starts-time", "ends-month", "everywhere", "once"],
    ),
    ("/casework/sites/{site}/add-address", SessionKind::CaseWorker, &["address", "reason", "confirm"]),
    ("/casework/mail/compare", SessionKind::CaseWorker, &["done"]),
    (
        "/casework/sites/{site}/people/{account}/disable",
        SessionKind::CaseWorker,
        &["version", "reason", "confirm"],
    ),
    (
        "/casework/sites/{site}/people/{account}/sign-out",
        SessionKind::CaseWorker,
        &["version", "reason", "confirm"],
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_text_behind_a_sign_in() {
    let harness = Harness::new(false).await;
    let home = harness.home("VM195").await;
    let worker = harness.case_worker("casey@carepost.example").await;
    let mut browsers = std::collections::BTreeMap::new();
    for kind in [
        SessionKind::HolderHalfSignedIn,
        SessionKind::SettingUpApp,
        SessionKind::AccountHolder,
        SessionKind::CaseWorker,
    ] {
        let browser = Harness::browser();
        let subject = if kind == SessionKind::CaseWorker { &worker } else { &home.asha };
        harness.begins(&browser, kind, subject).await;
        browsers.insert(kind.stored(), browser);
    }
    let mut reached = 0;
    for (path, kind, names) in FORMS_BEHIND_SIGN_IN {
        let path = path.replace("{site}", &home.site).replace("{account}", &home.bo);
        // Passwords cost a core for a while each, and are hashed whatever they are.
        let texts = hostile().into_iter().step_by(if names.contains(&"password") { 20 } else { 1 });
        for text in texts {
            let fields: Vec<(&str, &str)> = names.iter().map(|name| (*name, text.as_str())).collect();
            let got = harness.post(&path, &browsers[kind.stored()], &fields).await;
            let shown: String = text.chars().take(60).collect();
            assert!(got.status < 500, "{path} with {shown:?}: {} {}", got.status, got.body);
            for raw in ["<script>alert(1)", "<img src=x", "<svg/onload", "\"><img"] {
                assert!(!got.body.contains(raw), "{path} with {shown:?} echoes {raw}");
            }
            assert!(!got.location.contains(['\r', '\n']), "{path}: a header was split");
            reached += usize::from(got.status == 422 || got.status == 409 || got.status == 200);
            if got.status == 429 {
                harness.app.clock.advance(carepost::clock::Span::minutes(5));
            }
        }
    }
    assert!(reached > 2_000, "only {reached} forms were read");
    let casey = &browsers[SessionKind::CaseWorker.stored()];
    let asha = &browsers[SessionKind::AccountHolder.stored()];
    for text in hostile() {
        let query = carepost::web::form::encoded(&text);
        for (path, browser) in [
            (format!("/casework/sites?q={query}&page={query}"), casey),
            (format!("/casework/sites/{query}"), casey),
            (format!("/casework/mail?done={query}"), casey),
            (format!("/casework/sites/{}/people/{query}/{query}", home.site), casey),
            (format!("/my-account/mail-programs/{query}/revoke"), asha),
            (format!("/my-account?done={query}"), asha),
            (format!("/mail/config-v1.1.xml?emailaddress={query}"), asha),
        ] {
            if path.len() > 60_000 {
                continue;
            }
            let Ok(request) =
                Request::get(&path).header(header::COOKIE, harness.cookie(browser)).body(Body::empty())
            else {
                continue;
            };
            let got = harness.send(request).await;
            assert!(got.status < 500, "{path}: {}", got.status);
            assert!(!got.body.contains("<script>alert(1)"), "{path} echoes");
        }
        let question =
            format!("<Autodiscover><EMailAddress>{text}@carepost.example</EMailAddress></Autodiscover>");
        let request =
            Request::post("/autodiscover/autodiscover.xml").body(Body::from(question)).expect("a request");
        let got = harness.send(request).await;
        assert!(got.status == 200 || got.status == 413, "{}", got.status);
        assert!(!got.body.contains("<script>alert(1)") && !got.body.contains("<svg"), "{}", got.body);
    }
    // Nobody was disabled, given access or signed out by any of it.
    let people = carepost::directory::store::list_people(
        &carepost::directory::Scope::All,
        &harness.app.database,
        &home.site,
    )
    .await;
    let states: Vec<_> = people.expect("listed").into_iter().map(|person| person.state).collect();
    assert_eq!(states, [carepost::directory::AccountState::Active; 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_text_in_every_field() {
    let harness = Harness::new(true).await;
    let browser = Harness::browser();
    let draft = harness.draft(everything).await;
    harness.begins(&browser, SessionKind::Registrant, &draft.id).await;
    for (path, names) in FORMS {
        for text in hostile() {
            let fields: Vec<(&str, &str)> = names.iter().map(|name| (*name, text.as_str())).collect();
            let got = harness.post(path, &browser, &fields).await;
            let shown: String = text.chars().take(60).collect();
            assert!(got.status < 500, "{path} with {shown:?}: {} {}", got.status, got.body);
            for raw in ["<script>alert(1)", "<img src=x", "<svg/onload", "\"><img"] {
                assert!(!got.body.contains(raw), "{path} with {shown:?} echoes {raw}");
            }
            let word_49 = |text: &str| {
                text.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|word| word == "49")
            };
            assert!(
                !word_49(&got.body) || !text.contains("7*7") || word_49(&text),
                "{path}: a template was run"
            );
            assert!(!got.location.contains(['\r', '\n']), "{path}: a header was split");
            // Asking for codes is limited; an hour later it may be asked again.
            if got.status == 429 {
                harness.app.clock.advance(carepost::clock::Span::minutes(59));
            }
        }
    }
    for text in hostile() {
        let query = carepost::web::form::encoded(&text);
        for path in [
            format!("/register/find-your-site?q={query}"),
            format!("/registration/{query}"),
            format!("/stop/{query}"),
            format!("/activate/{query}"),
            format!("/register/{query}"),
            format!("/register/people/{query}"),
            format!("/contact?subject={query}&asked={query}"),
            format!("/contact/{query}"),
            format!("/contact/email/sent/{query}"),
            format!("/feedback/{query}"),
        ] {
            if path.len() > 60_000 {
                continue;
            }
            let Ok(request) =
                Request::get(&path).header(header::COOKIE, harness.cookie(&browser)).body(Body::empty())
            else {
                continue;
            };
            let got = harness.send(request).await;
            assert!(got.status < 500, "{path}: {}", got.status);
            assert!(!got.body.contains("<script>alert(1)"), "{path} echoes");
        }
    }
    // Whatever was sent, the draft is there and whole.
    let kept = carepost::registration::store::find_draft(&harness.app.database, &draft.id)
        .await
        .expect("read")
        .expect("there");
    assert!(kept.answers.email_confirmed || kept.answers.email.is_some());
}

/// What honest people are called passes, and comes back as it was typed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn good_names_pass() {
    let harness = Harness::new(true).await;
    for (number, (first, last)) in [
        ("Seán", "O'Brien"),
        ("Niamh", "Ní Bhriain"),
        ("Þór", "Ágústsson"),
        ("X", "Æ"),
        ("Mary-Jane", "van der Berg"),
        ("Łukasz", "Żak"),
        ("Nguyễn", "Thị Hoa"),
        ("José María", "de la Cruz"),
        ("Ольга", "Петрова"),
        ("Jr.", "St. John"),
        ("李", "小龙"),
        ("D’Arcy", "Ap-Rhys"),
    ]
    .into_iter()
    .chain(std::iter::once((LONG, LONG)))
    .enumerate()
    {
        let browser = Harness::browser();
        let draft = harness.draft(everything).await;
        harness.begins(&browser, SessionKind::Registrant, &draft.id).await;
        let (email, mobile) = (format!("p{number}@oakhouse.example"), format!("07700 9008{number:02}"));
        let got = harness
            .post(
                "/register/people/2",
                &browser,
                &[
                    ("first_name", first),
                    ("last_name", last),
                    ("role", "Carer"),
                    ("email", &email),
                    ("mobile", &mobile),
                    ("access", "member"),
                    ("has_account", "no"),
                ],
            )
            .await;
        assert_eq!(
            (got.status, got.location.as_str()),
            (303, "/register/people"),
            "{first} {last}: {}",
            got.body
        );
        let kept = carepost::registration::store::find_draft(&harness.app.database, &draft.id)
            .await
            .expect("read")
            .expect("there");
        assert_eq!(kept.answers.people[1].full_name(), format!("{first} {last}"));
    }
}

const LONG: &str = "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewis";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_forms_change_nothing() {
    let harness = Harness::new(false).await;
    let (mine, other) = (Harness::browser(), Harness::browser());
    let draft = harness.draft(|_| {}).await;
    harness.begins(&mine, SessionKind::Registrant, &draft.id).await;
    let others_token = carepost::web::csrf::token(&harness.app.key, &other);
    for route in carepost::routes::all().into_iter().filter(|route| route.method == "POST") {
        if route.kind == carepost::web::doors::RouteKind::Machine {
            // What programs send has no token; there it must be that nobody is anybody.
            assert_eq!(route.policy, carepost::sign_in::Policy::Anyone, "{}", route.path);
            continue;
        }
        let path = route
            .path
            .replace("{page}", "social-care")
            .replace("{place}", "1")
            .replace("{token}", "x.y")
            .replace("{reference}", draft.reference.as_str())
            .replace("{article}", "dspt")
            .replace("{component}", "mail")
            .replace("{subject}", if route.path.starts_with("/feedback") { "hospice" } else { "email" })
            .replace("{id}", &draft.id);
        for token in ["", "0", others_token.as_str()] {
            let got = harness.post_with_token(&path, &mine, &[("answer", "yes")], token).await;
            assert_eq!(got.status, 403, "{path} with token {token:?}");
        }
        let token = carepost::web::csrf::token(&harness.app.key, &mine);
        let cross_site = Request::post(&path)
            .header(header::COOKIE, harness.cookie(&mine))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "cross-site")
            .body(Body::from(format!("form_token={token}&answer=yes")))
            .expect("a request");
        assert_eq!(harness.send(cross_site).await.status, 403, "{path} from another site");
    }
    let kept = carepost::registration::store::find_draft(&harness.app.database, &draft.id)
        .await
        .expect("read")
        .expect("there");
    assert_eq!(kept.answers, draft.answers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_are_bounded_and_every_answer_is_guarded() {
    let harness = Harness::new(false).await;
    let browser = Harness::browser();
    let huge = "x".repeat(1_000_000);
    let got = harness.post("/registration", &browser, &[("reference", &huge)]).await;
    assert_eq!(got.status, 413);
    assert!(got.body.contains("Nothing was changed"));
    let json = Request::post("/registration")
        .header(header::COOKIE, harness.cookie(&browser))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from("{}"))
        .expect("a request");
    assert_eq!(harness.send(json).await.status, 415);
    for path in [
        "/",
        "/register",
        "/register/social-care",
        "/nowhere",
        "/casework",
        "/demo/letters",
        "/stop/x",
        "/health",
    ] {
        let got = harness.send(Request::get(path).body(Body::empty()).expect("a request")).await;
        let header = |name: &str| got.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
        assert!(header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert!(!header("content-security-policy").contains("unsafe"), "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert!(
            !got.body.contains("<script>") && !got.body.contains("style=\""),
            "{path} has something inline"
        );
        for cookie in got.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().expect("text");
            assert!(cookie.starts_with("__Host-"), "{cookie}");
            for part in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
                assert!(cookie.contains(part), "{cookie}");
            }
        }
    }
}

/// A browser that hangs up at any moment leaves the change whole or undone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hanging_up_leaves_no_half_change() {
    let harness = Harness::new(true).await;
    for round in 0..60_u64 {
        let browser = Harness::browser();
        let draft = harness.draft(everything).await;
        harness.begins(&browser, SessionKind::Registrant, &draft.id).await;
        let token = carepost::web::csrf::token(&harness.app.key, &browser);
        let request = Request::post("/register/check-your-answers")
            .header(header::COOKIE, harness.cookie(&browser))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(format!("form_token={token}&declaration=yes")))
            .expect("a request");
        let task = tokio::spawn(Harness::sent_to(harness.router(), request));
        tokio::time::sleep(std::time::Duration::from_micros(round * 150)).await;
        task.abort();
    }
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    use carepost::database::Reads;
    let (sent, entries, work, whole): (i64, i64, i64, i64) = harness.app.database
        .one(
            "SELECT (SELECT COUNT(*) FROM registrations WHERE state = 'Submitted'),
                    (SELECT COUNT(*) FROM audit_entries WHERE action = 'registration submitted'),
                    (SELECT COUNT(*) FROM outbox WHERE kind = 'RunChecks'),
                    (SELECT COUNT(*) FROM registrations WHERE state = 'Submitted' AND sent_document IS NOT NULL AND ods_code IS NOT NULL)",
            &[],
        )
        .await
        .expect("read");
    // One site can be registered once, so exactly one of all of them went through.
    assert_eq!((sent, entries, work, whole), (1, 1, 1, 1));
}

/// The same over a real connection that breaks after any number of bytes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_at_any_byte_changes_all_or_nothing() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let harness = Harness::new(false).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(carepost::web::serve::serve(listener, harness.router(), std::future::pending()));
    let browser = Harness::browser();
    let draft = harness.draft(|_| {}).await;
    harness.begins(&browser, SessionKind::Registrant, &draft.id).await;
    let token = carepost::web::csrf::token(&harness.app.key, &browser);
    let body = format!("form_token={token}&answer=yes");
    let cookie = harness.cookie(&browser);
    let request = format!(
        "POST /register/social-care HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    for end in 0..request.len() {
        let mut connection = tokio::net::TcpStream::connect(address).await.expect("connected");
        connection.write_all(&request.as_bytes()[..end]).await.expect("sent");
        drop(connection);
    }
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let kept = carepost::registration::store::find_draft(&harness.app.database, &draft.id)
        .await
        .expect("read")
        .expect("there");
    assert_eq!(kept.answers, draft.answers, "an unfinished form changed something");

    // Sent whole, with nobody left to hear the answer: it counts.
    let mut connection = tokio::net::TcpStream::connect(address).await.expect("connected");
    connection.write_all(request.as_bytes()).await.expect("sent");
    let mut first = [0_u8; 1];
    let _ = connection.read(&mut first).await;
    drop(connection);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let kept = carepost::registration::store::find_draft(&harness.app.database, &draft.id)
        .await
        .expect("read")
        .expect("there");
    assert_eq!(kept.answers.social_care, Some(true));
}
