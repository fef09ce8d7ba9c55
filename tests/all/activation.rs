//! Activating an account, page by page, without a browser: what each page answers and what it
//! refuses. The browser's own view of it is in the stories.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use carepost::app::{App, Outside};
use carepost::audit::Actor;
use carepost::clock::{Clock, Span, Timestamp};
use carepost::contact::{Email, Mobile, Name};
use carepost::database::{Address, Database, Error, transaction};
use carepost::directory::{self, Access, NewPerson, NewSite};
use carepost::letter::{self, Transport};
use carepost::mail::fake::FakeEngine;
use carepost::settings::{Secret, Settings};
use carepost::{id, routes, work};
use http_body_util::BodyExt;
use std::sync::Arc;
use tower::ServiceExt;

const PASSWORD: &str = "gravel teapot lantern";

struct World {
    app: App,
    engine: FakeEngine,
}

impl World {
    /// A service in which one site has just been approved and its mailboxes are set up.
    async fn new() -> Self {
        let path = std::env::temp_dir().join("carepost-tests").join(format!("{}.db", id::new_token()));
        let database = Database::open(&Address::Sqlite(path)).await.expect("opened");
        database.migrate(0).await.expect("migrated");
        let clock = Clock::still(Timestamp::parse_london("2026-03-02 21:00").expect("a time"));
        let engine = FakeEngine::default();
        let outside = Outside {
            live: Vec::new(),
            mail: Arc::new(engine.clone()),
            letters: Transport::Kept,
            demo: false,
        };
        let settings = Settings::defaults().expect("settings");
        let app = App::new(database, settings, clock, Secret::new([7; 32]), outside);
        let name = |text: &str| Name::parse(text, "name").expect(text);
        let person = |first: &str, number: usize, access: Access| NewPerson {
            first_name: name(first),
            last_name: name("Patel"),
            role: "Manager".to_owned(),
            email: Email::parse(&format!("{}@home.example", first.to_lowercase())).expect("an address"),
            mobile: Mobile::parse(&format!("0770090012{number}")).expect("a mobile"),
            access,
            existing_account: None,
        };
        let new = NewSite {
            activates_at: None,
            origin: carepost::directory::Origin::Registration("registration".to_owned()),
            organisation: carepost::directory::KnownOrganisation::unknown("Rose Court Limited"),
            management: carepost::directory::Management::Nas,
            ods_code: "VM195".to_owned(),
            cqc_location_id: "1-100".to_owned(),
            name: "Rose Court".to_owned(),
            town: "Lincoln".to_owned(),
            postcode: "LN1 1AA".to_owned(),
            people: vec![person("Asha", 1, Access::Owner), person("Bo", 2, Access::Member)],
        };
        let now = app.clock.now();
        app.database
            .write::<_, Error, _>(transaction!(async move |tx| {
                directory::store::open_site(tx, "carepost.example", now, &Actor::Service, &new).await
            }))
            .await
            .expect("written")
            .expect("opened");
        let world = World { app, engine };
        world.does_all_work().await;
        world
    }

    async fn does_all_work(&self) {
        while work::do_due(&self.app).await.expect("work") > 0 {}
    }

    /// The newest letter of one name to somebody: its body, its code and its link's path.
    async fn letter(&self, to: &str, name: &str) -> (String, String, String) {
        let letters = letter::store::list_newest(&self.app.database, to).await.expect("letters");
        let found = letters.iter().find(|letter| letter.name == name).expect(name);
        let (code, link) = carepost::sign_in::secrets::of_letter(&self.app, found);
        let path = link.strip_prefix(&self.app.settings.public_address).unwrap_or("").to_owned();
        (found.filled(&code, &link), code, path)
    }

    fn browser(&self) -> Browser {
        Browser { app: self.app.clone(), cookie: None, page: String::new() }
    }
}

/// A browser without scripts: keeps its cookie and the form token of the page it shows.
struct Browser {
    app: App,
    cookie: Option<String>,
    page: String,
}

/// What a request was answered with.
#[derive(Debug, PartialEq, Eq)]
struct Answered {
    status: StatusCode,
    goes_to: String,
}

impl Browser {
    async fn send(&mut self, method: &str, path: &str, body: String) -> Answered {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let request = request.body(Body::from(body)).expect("a request");
        let response =
            routes::router(&self.app, crate::harness::words()).oneshot(request).await.expect("answered");
        if let Some(cookie) = response.headers().get(header::SET_COOKIE) {
            let text = cookie.to_str().expect("text");
            self.cookie = text.split(';').next().map(str::to_owned);
        }
        let status = response.status();
        let goes_to = response
            .headers()
            .get(header::LOCATION)
            .map_or_else(String::new, |value| value.to_str().expect("text").to_owned());
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        self.page = String::from_utf8(bytes.to_vec()).expect("text");
        Answered { status, goes_to }
    }

    async fn opens(&mut self, path: &str) -> StatusCode {
        let answered = self.send("GET", path, String::new()).await;
        assert_eq!(answered.goes_to, "", "{path} leads elsewhere");
        answered.status
    }

    async fn sends(&mut self, path: &str, fields: &[(&str, &str)]) -> Answered {
        let token = self.page.split("name=\"form_token\" value=\"").nth(1).expect("a form");
        let token = token.split('"').next().expect("a token").to_owned();
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("form_token", &token).extend_pairs(fields);
        self.send("POST", path, body.finish()).await
    }

    fn sees(&self, words: &str) {
        assert!(self.page.contains(words), "“{words}” is not on this page:\n{}", self.page);
    }
}

fn on_to(path: &str) -> Answered {
    Answered { status: StatusCode::SEE_OTHER, goes_to: path.to_owned() }
}

fn wrong() -> Answered {
    Answered { status: StatusCode::UNPROCESSABLE_ENTITY, goes_to: String::new() }
}

#[tokio::test]
async fn somebody_activates_their_account() {
    let world = World::new().await;
    let (letter, _, link) = world.letter("asha@home.example", "activation").await;
    assert!(letter.contains("asha.patel@carepost.example"), "{letter}");

    // Whatever opens the link beforehand uses nothing up.
    for _ in 0..3 {
        assert_eq!(world.browser().opens(&link).await, StatusCode::OK);
        assert_eq!(world.browser().send("HEAD", &link, String::new()).await.status, StatusCode::OK);
    }

    let mut asha = world.browser();
    assert_eq!(asha.opens(&link).await, StatusCode::OK);
    asha.sees("Activate your account");
    asha.sees("07••• •••121");
    let before = asha.cookie.clone();
    assert_eq!(asha.sends(&link, &[]).await, on_to("/activate/code"));
    assert_ne!(asha.cookie, before, "a browser that may do more has a new secret");

    // No step is skipped.
    for later in ["/activate/password", "/activate/policy"] {
        assert_eq!(asha.send("GET", later, String::new()).await, on_to("/activate/code"));
    }
    for elsewhere in ["/activate/done", "/sign-in/app", "/my-account"] {
        assert_eq!(asha.send("GET", elsewhere, String::new()).await, on_to("/sign-in"));
    }

    world.does_all_work().await;
    let (text, first_code, _) = world.letter("+447700900121", "activation code").await;
    assert!(text.starts_with(&first_code), "{text}");
    asha.opens("/activate/code").await;
    assert_eq!(asha.sends("/activate/code", &[("code", "12")]).await, wrong());
    asha.sees("Code must be 6 digits");
    let bad = if first_code == "123456" { "654321" } else { "123456" };
    assert_eq!(asha.sends("/activate/code", &[("code", bad)]).await, wrong());
    asha.sees("The code is not right");
    asha.sees("Error: ");

    world.app.clock.advance(Span::minutes(1));
    assert_eq!(asha.sends("/activate/code/again", &[]).await, on_to("/activate/code?sent=again"));
    world.does_all_work().await;
    assert_eq!(asha.opens("/activate/code?sent=again").await, StatusCode::OK);
    asha.sees("We have sent a new code");
    assert_eq!(asha.sends("/activate/code", &[("code", &first_code)]).await, wrong());
    let (_, code, _) = world.letter("+447700900121", "activation code").await;
    assert_eq!(asha.sends("/activate/code", &[("code", &code)]).await, on_to("/activate/password"));

    // The link and the code's page in another browser open nothing.
    let mut other = world.browser();
    assert_eq!(other.send("GET", "/activate/password", String::new()).await, on_to("/activate"));

    asha.opens("/activate/password").await;
    asha.sees("12 characters or more");
    asha.sees("autocomplete=\"new-password\"");
    for (password, words) in [
        ("short", "12 characters or more"),
        ("asha likes green tea", "must not contain your name"),
        ("we love rose court", "the name of your site"),
        ("password1234", "too easy to guess"),
    ] {
        assert_eq!(asha.sends("/activate/password", &[("password", password)]).await, wrong(), "{password}");
        asha.sees(words);
        assert!(!asha.page.contains(password), "a password is never shown again");
    }
    assert_eq!(asha.sends("/activate/password", &[("password", PASSWORD)]).await, on_to("/activate/policy"));
    asha.opens("/activate/policy").await;
    assert_eq!(asha.sends("/activate/policy", &[]).await, wrong());
    asha.sees("Tick the box if you agree");
    let before = asha.cookie.clone();
    assert_eq!(asha.sends("/activate/policy", &[("agree", "yes")]).await, on_to("/activate/done"));
    assert_ne!(asha.cookie, before, "a browser that may do more has a new secret");

    assert_eq!(asha.opens("/activate/done").await, StatusCode::OK);
    asha.sees("asha.patel@carepost.example");
    asha.sees("care.vm195@carepost.example");
    asha.sees("You are an owner");
    asha.sees("One thing is left: your authenticator app");
    assert_eq!(asha.opens("/sign-in/app").await, StatusCode::OK);
    assert_eq!(asha.send("GET", "/my-account", String::new()).await, on_to("/sign-in"), "not before the app");
    world.does_all_work().await;
    world.letter("asha@home.example", "activated").await;
    let held = world.engine.mailboxes();
    assert!(held["asha.patel@carepost.example"].contains("; Open; "), "{held:?}");
    assert!(held["bo.patel@carepost.example"].contains("; NotActivated; "), "{held:?}");

    // Nothing is left to do, and nothing opens twice.
    assert_eq!(asha.send("GET", "/activate/policy", String::new()).await, on_to("/activate"));
    assert_eq!(world.browser().opens(&link).await, StatusCode::GONE);
    let breaches: Vec<_> = directory::store::invariants(&world.app.database)
        .await
        .expect("checked")
        .into_iter()
        // The site came from no registration, so what would follow for it is about nothing.
        .filter(|(name, count)| *count > 0 && *name != "work about nothing")
        .collect();
    assert_eq!(breaches, []);
}

#[tokio::test]
async fn a_link_that_no_longer_works_leads_to_a_new_one() {
    let world = World::new().await;
    let (_, _, link) = world.letter("asha@home.example", "activation").await;
    let mut asha = world.browser();
    asha.opens(&link).await;
    world.app.clock.advance(Span::hours(25));
    let refused = asha.sends(&link, &[]).await;
    assert_eq!(refused.status, StatusCode::GONE);
    asha.sees("This link no longer works");

    // Run out, damaged and made up look alike.
    let mut pages = Vec::new();
    for path in [link.clone(), format!("{link}0"), "/activate/nothing".to_owned()] {
        assert_eq!(asha.opens(&path).await, StatusCode::GONE, "{path}");
        pages.push(asha.page.clone());
    }
    assert!(pages.iter().all(|page| *page == pages[0]));

    // Whoever asks gets the same answer.
    let mut answers = Vec::new();
    for email in ["asha@home.example", "nobody@home.example", "asha.patel@carepost.example"] {
        assert_eq!(asha.opens("/activate").await, StatusCode::OK);
        assert_eq!(asha.sends("/activate", &[("email", email)]).await, on_to("/activate/link-sent"));
        assert_eq!(asha.opens("/activate/link-sent").await, StatusCode::OK);
        answers.push(asha.page.clone());
        world.does_all_work().await;
        world.app.clock.advance(Span::seconds(1));
    }
    assert!(answers.iter().all(|page| *page == answers[0]));
    asha.sees("If an account waits to be activated at that address, we have sent a new link");
    asha.opens("/activate").await;
    assert_eq!(asha.sends("/activate", &[("email", "asha")]).await, wrong());
    asha.sees("Enter an email address in the correct format");

    // The answer is the same for the sixth time, and no sixth letter goes out.
    let count = async || {
        let letters = letter::store::list_newest(&world.app.database, "asha@home.example").await;
        letters.expect("letters").iter().filter(|letter| letter.name == "activation").count()
    };
    assert_eq!(count().await, 3, "the first, and two that were asked for");
    for _ in 0..9 {
        asha.opens("/activate").await;
        assert_eq!(
            asha.sends("/activate", &[("email", "asha@home.example")]).await,
            on_to("/activate/link-sent")
        );
        world.does_all_work().await;
        world.app.clock.advance(Span::minutes(1));
    }
    assert_eq!(count().await, 7, "five an hour at most for each address typed");

    let (_, _, fresh) = world.letter("asha@home.example", "activation").await;
    assert_eq!(world.browser().opens(&link).await, StatusCode::GONE);
    assert_eq!(world.browser().opens(&fresh).await, StatusCode::OK);
}
