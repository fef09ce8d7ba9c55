//! The whole service without a socket or a browser, for tests that send many requests.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use carepost::app::{App, Outside, contact_key};
use carepost::audit::Actor;
use carepost::clock::{Clock, Span, Timestamp};
use carepost::contact::{Email, Mobile, Name};
use carepost::database::{Address, Database, Error, transaction};
use carepost::directory::{self, Access, NewPerson, NewSite};
use carepost::guidance::Library;
use carepost::letter::Transport;
use carepost::mail::fake::FakeEngine;
use carepost::register::samples;
use carepost::registration::{Draft, store};
use carepost::settings::{Secret, Settings};
use carepost::sign_in::session::{self, SessionKind};
use carepost::web::csrf;
use carepost::{id, readiness, routes, sign_in};
use http_body_util::BodyExt;
use std::sync::{Arc, OnceLock};
use tower::ServiceExt;

use crate::twice::{Presses, chosen};

tokio::task_local! {
    /// Set for a walk whose forms are counted (`twice.rs`).
    pub static PRESSES: Arc<Presses>;
}

pub struct Harness {
    pub app: App,
    /// The mail engine, to be changed behind the directory's back.
    pub mail: FakeEngine,
    router: Router,
}

/// The words of the support site, read and rendered once for all tests.
pub fn words() -> Arc<Library> {
    static WORDS: OnceLock<Arc<Library>> = OnceLock::new();
    let settings = Settings::defaults().expect("defaults");
    Arc::clone(
        WORDS.get_or_init(|| Arc::new(Library::open(&settings).expect("the words built in are right"))),
    )
}

/// A new PostgreSQL database after a script, if there is a server; `make test` starts one.
#[expect(clippy::disallowed_methods, reason = "tests are told by the test run where its servers are")]
pub async fn fresh_postgres(what: &str, script: &str) -> Option<Database> {
    let Ok(server) = std::env::var("CAREPOST_TEST_POSTGRES") else {
        assert!(std::env::var("CAREPOST_TEST_REQUIRE_ALL").is_err(), "run the tests with `make test`");
        return None;
    };
    let name = format!("{what}_{}", &id::new_token()[..16]);
    let talk = async |database: &str, script: &str| {
        let (client, connection) =
            tokio_postgres::connect(&format!("{server}/{database}"), tokio_postgres::NoTls)
                .await
                .expect("the test server answers");
        let running = tokio::spawn(connection);
        client.batch_execute(script).await.expect("the script runs");
        drop(client);
        let _ = running.await;
    };
    talk("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0")).await;
    talk(&name, script).await;
    Some(Database::open(&Address::Postgres(format!("{server}/{name}"))).await.expect("opened"))
}

/// What [`Harness::home`] made.
pub struct Home {
    pub site: String,
    pub shared_mailbox: String,
    pub asha: String,
    pub bo: String,
}

/// The password of every account of [`Harness::home`].
pub const PASSWORD: &str = "gravel teapot lantern";

/// Its hash, made once: hashing is slow on purpose.
pub fn password_hash() -> String {
    static HASH: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    HASH.get_or_init(|| sign_in::password::hash_now(PASSWORD).expect("hashed")).clone()
}

/// What came back.
#[derive(Debug)]
pub struct Got {
    pub status: u16,
    pub location: String,
    pub body: String,
    pub headers: axum::http::HeaderMap,
}

impl Got {
    /// The value of a hidden field of the page.
    pub fn hidden(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let rest = self.body.split(&start).nth(1).unwrap_or_else(|| panic!("no {name} on:\n{}", self.body));
        rest.split('"').next().unwrap_or("").to_owned()
    }
}

impl Harness {
    pub async fn new(with_samples: bool) -> Self {
        if PRESSES.try_with(|presses| presses.engine == "postgres").unwrap_or(false) {
            let database = fresh_postgres("walk", "").await.expect("run the tests with `make test`");
            database.migrate(0).await.expect("tables");
            return Self::on(database, with_samples).await;
        }
        let path = std::env::temp_dir().join("carepost-tests").join(format!("{}.db", id::new_token()));
        let database = Database::open(&Address::Sqlite(path)).await.expect("a database");
        database.migrate(0).await.expect("tables");
        Self::on(database, with_samples).await
    }

    pub async fn on(database: Database, with_samples: bool) -> Self {
        let harness = Self::starting_on(database, with_samples).await;
        readiness::fill_caches(&harness.app).await;
        harness
    }

    /// On each database, with samples, where accounts wait for so long to be activated.
    pub async fn waiting(hours: u16) -> Vec<Self> {
        let mut settings = Settings::defaults().expect("defaults");
        settings.activation_wait_hours = hours;
        let path = std::env::temp_dir().join("carepost-tests").join(format!("{}.db", id::new_token()));
        let mut databases = vec![Database::open(&Address::Sqlite(path)).await.expect("a database")];
        databases.extend(fresh_postgres("waiting", "").await);
        let mut made = Vec::new();
        for database in databases {
            database.migrate(0).await.expect("tables");
            let harness = Self::starting_with(database, true, settings.clone()).await;
            readiness::fill_caches(&harness.app).await;
            made.push(harness);
        }
        made
    }

    /// A service whose caches have not been filled.
    pub async fn starting_on(database: Database, with_samples: bool) -> Self {
        // Most tests are about what comes after the wait; `waiting.rs` is about the wait.
        let mut settings = Settings::defaults().expect("defaults");
        settings.activation_wait_hours = 0;
        Self::starting_with(database, with_samples, settings).await
    }

    async fn starting_with(database: Database, with_samples: bool, settings: Settings) -> Self {
        let clock = Clock::still(Timestamp::parse_london("2026-11-23 09:00").expect("a time"));
        let key = Secret::new([42; 32]);
        if with_samples {
            samples::load(&database, &clock, &contact_key(&key)).await.expect("the sample loads");
        }
        let mail = FakeEngine::default();
        let outside =
            Outside { live: Vec::new(), mail: Arc::new(mail.clone()), letters: Transport::Kept, demo: false };
        let app = App::new(database, settings, clock, key, outside);
        let router = routes::router(&app, words());
        Harness { app, mail, router }
    }

    /// A browser's secret that nobody else has.
    pub fn browser() -> String {
        id::new_token()
    }

    /// A draft, with answers as they are handed in.
    pub async fn draft(&self, change: impl FnOnce(&mut Draft)) -> Draft {
        let now = self.app.clock.now();
        let mut draft =
            Draft::begin(id::new_id(now), "browser".to_owned(), "network".to_owned(), now, Span::days(30));
        change(&mut draft);
        let added = draft.clone();
        draft.reference = self
            .app
            .database
            .write::<_, Error, _>(transaction!(async move |tx| {
                let reference = store::add(tx, &added).await?;
                store::save_answers(tx, &added.id, 1, &added.answers, now, added.expires_at).await?;
                Ok(reference)
            }))
            .await
            .expect("a draft");
        draft.version = 2;
        draft
    }

    /// Begins a session in a browser.
    pub async fn begins(&self, browser: &str, kind: SessionKind, subject: &str) {
        let (app, browser, subject) = (self.app.clone(), browser.to_owned(), subject.to_owned());
        self.app
            .database
            .write::<_, Error, _>(transaction!(async move |tx| {
                session::begin(tx, &app, &browser, kind, &subject, false).await
            }))
            .await
            .expect("a session");
    }

    pub async fn case_worker(&self, email: &str) -> String {
        let now = self.app.clock.now();
        let worker = id::new_id(now);
        let (row, email) = (worker.clone(), email.to_owned());
        self.app
            .database
            .write::<_, Error, _>(transaction!(async move |tx| {
                sign_in::store::add_case_worker(tx, &row, "Casey Worker", &email, "no hash", now).await
            }))
            .await
            .expect("a case worker");
        worker
    }

    /// A site whose two people have activated their accounts and set up their apps: Asha Patel, its
    /// owner, and Bo Li, a member.
    pub async fn home(&self, ods_code: &str) -> Home {
        let name = |text: &str| Name::parse(text, "name").expect(text);
        let number = ods_code.trim_start_matches(|letter: char| !letter.is_ascii_digit());
        let number: usize = number.parse().expect("a code like VM195");
        let person = |first: &str, last: &str, place: usize, access| NewPerson {
            first_name: name(first),
            last_name: name(last),
            role: "Carer".to_owned(),
            email: Email::parse(&format!("{first}.{number}@home.example")).expect("an address"),
            mobile: Mobile::parse(&format!("077009{number:03}{place:02}")).expect("a mobile"),
            access,
            existing_account: None,
        };
        let new = NewSite {
            activates_at: None,
            origin: carepost::directory::Origin::Registration(format!("registration of {ods_code}")),
            organisation: carepost::directory::KnownOrganisation::unknown("Rose Court Limited"),
            management: carepost::directory::Management::Nas,
            ods_code: ods_code.to_owned(),
            cqc_location_id: format!("1-{number}"),
            name: format!("Rose Court {number}"),
            town: "Lincoln".to_owned(),
            postcode: "LN1 1AA".to_owned(),
            people: vec![person("Asha", "Patel", 1, Access::Owner), person("Bo", "Li", 2, Access::Member)],
        };
        let now = self.app.clock.now();
        let hash = password_hash();
        let domain = self.app.settings.mail_domain.clone();
        let opened = self
            .app
            .database
            .write::<_, Error, _>(transaction!(async move |tx| {
                    let opened = directory::store::open_site(tx, &domain, now, &Actor::Service, &new).await?;
                    let opened = opened.expect("a site");
                    for account in &opened.accounts {
                        tx.run(
                            "UPDATE accounts SET state = 'Active', password_hash = $1, activated_at = $2,
                                    policy_accepted_at = $2, state_since = $2, provisioned_at = $2 WHERE id = $3",
                            &[&hash, &now, account],
                        )
                        .await?;
                        tx.run(
                            "INSERT INTO authenticators (id, account_id, made_at, confirmed_at) VALUES ($1, $2, $3, $3)",
                            &[&format!("app of {account}"), account, &now],
                        )
                        .await?;
                    }
                    tx.run("UPDATE shared_mailboxes SET state = 'Active'", &[]).await?;
                    tx.run("UPDATE outbox SET state = 'Done'", &[]).await?;
                    Ok(opened)
                }))
            .await
            .expect("written");
        let [asha, bo] = opened.accounts.as_slice() else { panic!("two accounts") };
        Home {
            site: opened.site_id,
            shared_mailbox: opened.shared_mailbox_id,
            asha: asha.clone(),
            bo: bo.clone(),
        }
    }

    /// The code that the authenticator app of an account of [`Harness::home`] shows now.
    pub fn code_of(&self, account: &str) -> String {
        self.code_of_app(&format!("app of {account}"))
    }

    pub fn code_of_app(&self, authenticator: &str) -> String {
        let (key, now) = (&self.app.key, self.app.clock.now());
        sign_in::app_code::code_now(key, sign_in::secrets::Purpose::AccountApp, authenticator, now)
    }

    /// The cookie with which a browser that has this secret is sent.
    pub fn cookie(&self, browser: &str) -> String {
        format!("__Host-carepost={}", carepost::web::browser::cookie_value(&self.app.key, browser))
    }

    pub async fn get(&self, path: &str, browser: &str) -> Got {
        self.send(
            Request::get(path)
                .header(header::COOKIE, self.cookie(browser))
                .body(Body::empty())
                .expect("a request"),
        )
        .await
    }

    /// Sends a form as our own page would.
    pub async fn post(&self, path: &str, browser: &str, fields: &[(&str, &str)]) -> Got {
        let token = csrf::token(&self.app.key, browser);
        self.post_with_token(path, browser, fields, &token).await
    }

    pub async fn post_with_token(
        &self,
        path: &str,
        browser: &str,
        fields: &[(&str, &str)],
        token: &str,
    ) -> Got {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("form_token", token);
        for (name, value) in fields {
            body.append_pair(name, value);
        }
        let body = body.finish();
        let request = || {
            Request::post(path)
                .header(header::COOKIE, self.cookie(browser))
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(Body::from(body.clone()))
                .expect("a request")
        };
        let Ok(presses) = PRESSES.try_with(Arc::clone) else {
            return self.send(request()).await;
        };
        let send = || tokio::spawn(Self::sent_to(self.router(), request()));
        let sent: Vec<_> = (0..if presses.twice { 2 } else { 1 }).map(|_| send()).collect();
        let mut got = Vec::new();
        for answer in sent {
            got.push(answer.await.expect("no panic"));
        }
        presses.note(&self.app.database, path, fields, &got).await;
        chosen(got)
    }

    pub async fn send(&self, request: Request<Body>) -> Got {
        Self::sent_to(self.router.clone(), request).await
    }

    /// The router itself, for requests that run beside one another.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    pub async fn sent_to(router: Router, request: Request<Body>) -> Got {
        let answer = router.oneshot(request).await.expect("an answer");
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let location =
            parts.headers.get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or("");
        Got {
            status: parts.status.as_u16(),
            location: location.to_owned(),
            body: String::from_utf8_lossy(&bytes).into_owned(),
            headers: parts.headers,
        }
    }
}
