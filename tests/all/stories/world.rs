//! The world of a story: the real program on a free port, a still clock, the sample register, a mail
//! engine that keeps state and fails on demand, and a database of its own.

use carepost::app::{App, Outside, contact_key};
use carepost::clock::{Clock, Span, Timestamp};
use carepost::database::{Address, Database, Error, transaction};
use carepost::letter::{self, Transport};
use carepost::mail::MailEngine;
use carepost::mail::fake::FakeEngine;
use carepost::mail::postfix_dovecot::servers::{self, OwnLines, TemporaryServers};
use carepost::register::{import, samples};
use carepost::settings::{Secret, Settings};
use carepost::{audit, outbox, routes, sign_in, work};
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, Mutex};

use super::people::Person;

/// When stories begin: a Monday morning, in the assessment year 2026/27.
pub const MORNING: &str = "2026-11-23 09:00";

/// The password of every case worker in a story.
pub const PASSWORD: &str = "teapot lantern gravel";

pub struct World {
    runtime: tokio::runtime::Runtime,
    pub app: App,
    pub address: String,
    /// Holds the mailboxes, unless real servers do.
    pub mail: FakeEngine,
    /// The real servers of a story that has them.
    _servers: Option<TemporaryServers>,
    /// Letters a person has read, or that the story says do not matter.
    read: Mutex<BTreeSet<String>>,
    ignored: Mutex<BTreeSet<String>>,
}

impl World {
    pub fn new() -> Arc<Self> {
        Self::with(|_| {})
    }

    /// A world whose settings differ.
    pub fn with(change: impl FnOnce(&mut Settings)) -> Arc<Self> {
        Self::made(change, false)
    }

    /// A world with real mail servers; none where they are not installed, unless the test run says that
    /// they must be.
    #[expect(clippy::disallowed_methods, reason = "tests are told by the test run what must be there")]
    pub fn with_mail_servers() -> Option<Arc<Self>> {
        if let Some(why) = servers::missing() {
            assert!(std::env::var("CAREPOST_TEST_REQUIRE_ALL").is_err(), "{why}");
            return None;
        }
        Some(Self::made(|_| {}, true))
    }

    fn made(change: impl FnOnce(&mut Settings), with_mail_servers: bool) -> Arc<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let clock = Clock::still(Timestamp::parse_london(MORNING).expect("a time"));
        let mail = FakeEngine::default();
        let fake = mail.clone();
        let (app, address, servers) = runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address = format!("http://{}", listener.local_addr().expect("an address"));
            let database = fresh_database().await;
            let key = Secret::new([42; 32]);
            samples::load(&database, &clock, &contact_key(&key)).await.expect("the sample loads");
            let mut settings = Settings::defaults().expect("defaults");
            settings.public_address = address.clone();
            settings.activation_wait_hours = 0;
            change(&mut settings);
            let mut servers = None;
            let mut engine: Arc<dyn MailEngine> = Arc::new(fake);
            if with_mail_servers {
                let folder = servers::temporary_folder().expect("a folder");
                let started = TemporaryServers::start(folder, &mut settings, &key, OwnLines::default()).await;
                let started = started.expect("the servers start");
                engine = Arc::new(started.engine.clone());
                servers = Some(started);
            }
            let outside = Outside { live: Vec::new(), mail: engine, letters: Transport::Kept, demo: false };
            let app = App::new(database, settings, clock, key, outside);
            let router = routes::router(&app, crate::harness::words());
            tokio::spawn(carepost::web::serve::serve(listener, router, std::future::pending()));
            (app, address, servers)
        });
        Arc::new(World {
            runtime,
            app,
            address,
            mail,
            _servers: servers,
            read: Mutex::default(),
            ignored: Mutex::default(),
        })
    }

    /// Waits for something, as a story does not want to know that one can wait.
    pub fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime.block_on(what)
    }

    /// Somebody with a browser of their own.
    pub fn person(self: &Arc<Self>, email: &str) -> Person {
        Person::new(self, email, true)
    }

    /// Somebody whose browser runs no scripts.
    pub fn person_without_scripts(self: &Arc<Self>, email: &str) -> Person {
        Person::new(self, email, false)
    }

    /// Does all work that is due, and what follows from it, and chains the audit trail.
    pub fn does_all_work(&self) {
        self.wait(async {
            for _ in 0..100 {
                if work::do_due(&self.app).await.expect("work can be taken") == 0 {
                    audit::store::log::extend(&self.app.database).await.expect("the log grows");
                    return;
                }
            }
            panic!("there is always more work");
        });
    }

    pub fn time_passes(&self, span: Span) {
        self.app.clock.advance(span);
    }

    /// A case worker who can sign in.
    pub fn add_case_worker(&self, email: &str, name: &str) {
        let now = self.app.clock.now();
        let (email, name) = (email.to_owned(), name.to_owned());
        // One hash for all stories: hashing is slow on purpose.
        static HASH: std::sync::OnceLock<String> = std::sync::OnceLock::new();
        let hash = HASH.get_or_init(|| sign_in::password::hash_now(PASSWORD).expect("hashed")).clone();
        self.wait(self.app.database.write::<_, Error, _>(transaction!(async move |tx| {
            let id = carepost::id::new_id(now);
            sign_in::store::add_case_worker(tx, &id, &name, &email, &hash, now).await
        })))
        .expect("a case worker is added");
    }

    /// The code a case worker's app shows now.
    pub fn app_code(&self, email: &str) -> String {
        let worker = self
            .wait(sign_in::store::find_case_worker(&self.app.database, email))
            .expect("read")
            .expect("there is such a case worker");
        sign_in::app_code::code_now(
            &self.app.key,
            sign_in::secrets::Purpose::CaseWorkerApp,
            &worker.id,
            self.app.clock.now(),
        )
    }

    /// Everybody whose account waits activates it and sets up an authenticator app, as the story of
    /// activation tells at length.
    pub fn everybody_activates(&self) {
        self.does_all_work();
        let now = self.app.clock.now();
        static HASH: std::sync::OnceLock<String> = std::sync::OnceLock::new();
        let hash = HASH.get_or_init(|| sign_in::password::hash_now(PASSWORD).expect("hashed")).clone();
        self.wait(self.app.database.write::<_, Error, _>(transaction!(async move |tx| {
            tx.run(
                "INSERT INTO authenticators (id, account_id, made_at, confirmed_at)
                     SELECT 'app of ' || id, id, $1, $1 FROM accounts WHERE state = 'Pending'",
                &[&now],
            )
            .await?;
            tx.run(
                "UPDATE links SET used_at = $1
                      WHERE used_at IS NULL AND subject IN (SELECT id FROM accounts WHERE state = 'Pending')",
                &[&now],
            )
            .await?;
            tx.run(
                "UPDATE accounts SET state = 'Active', password_hash = $1, activated_at = $2,
                            policy_accepted_at = $2, state_since = $2 WHERE state = 'Pending'",
                &[&hash, &now],
            )
            .await?;
            use carepost::database::Reads;
            let sites: Vec<(String,)> = tx.all("SELECT id FROM sites", &[]).await?;
            for (site,) in sites {
                let work = outbox::Work::FollowSite { site };
                outbox::store::queue(tx, now, now, &work).await?;
            }
            Ok(())
        })))
        .expect("activated");
        self.does_all_work();
    }

    /// The code that the authenticator app of an account shows now; that of the app that is being set
    /// up where there is one.
    pub fn code_of_account(&self, address: &str) -> String {
        use carepost::database::Reads;
        let (app,): (String,) = self
            .wait(self.app.database.one(
                "SELECT t.id FROM authenticators t JOIN accounts a ON a.id = t.account_id
                  WHERE a.address = $1 AND t.replaced_at IS NULL ORDER BY t.made_at DESC, t.id DESC LIMIT 1",
                &[&address],
            ))
            .expect("there is an app");
        let purpose = sign_in::secrets::Purpose::AccountApp;
        sign_in::app_code::code_now(&self.app.key, purpose, &app, self.app.clock.now())
    }

    /// Imports a register file given as text.
    pub fn imports(&self, kind: import::ImportKind, text: &str) {
        let options = import::Options {
            by: "a story".to_owned(),
            limits: import::Limits::NONE,
            contact_key: Some(contact_key(&self.app.key)),
            ..import::Options::default()
        };
        let imported = self.wait(import::run_bytes(
            &self.app.database,
            &self.app.clock,
            kind,
            "story.csv",
            text.as_bytes(),
            &options,
        ));
        imported.expect("the file is imported");
    }

    /// The letters somebody has got, oldest first, with their codes and links filled in.
    pub fn letters_to(&self, recipient: &str) -> Vec<(letter::Written, String)> {
        let mut letters =
            self.wait(letter::store::list_newest(&self.app.database, recipient)).expect("letters");
        letters.reverse();
        letters
            .into_iter()
            .map(|letter| {
                let (code, link) = sign_in::secrets::of_letter(&self.app, &letter);
                let body = letter.filled(&code, &link);
                (letter, body)
            })
            .collect()
    }

    /// The newest letter of a name that somebody got; it counts as read.
    pub fn letter(&self, recipient: &str, name: &str) -> String {
        self.does_all_work();
        let letters = self.letters_to(recipient);
        let mut read = self.read.lock().expect("not poisoned");
        let found = letters.iter().rev().find(|(letter, _)| letter.name == name && letter.sent_at.is_some());
        let Some((_, body)) = found else {
            let names: Vec<&str> = letters.iter().map(|(letter, _)| letter.name.as_str()).collect();
            panic!("{recipient} has no letter “{name}”, only {names:?}");
        };
        for (letter, _) in letters.iter().filter(|(letter, _)| letter.name == name) {
            read.insert(letter.id.clone());
        }
        body.clone()
    }

    /// These letters are expected and the story does not read them.
    pub fn ignores_letters(&self, names: &[&str]) {
        let mut ignored = self.ignored.lock().expect("not poisoned");
        ignored.extend(names.iter().map(|name| (*name).to_owned()));
    }

    /// The state of a registration, by the name of its site.
    pub fn state_of(&self, site: &str) -> String {
        use carepost::database::Reads;
        let found: Option<(String,)> = self
            .wait(self.app.database.maybe(
                "SELECT state FROM registrations WHERE site_name = $1 ORDER BY submitted_at DESC, id DESC LIMIT 1",
                &[&site],
            ))
            .expect("read");
        found.map_or_else(|| "none".to_owned(), |(state,)| state)
    }

    /// Answers with status 500 and above so far.
    fn faults(&self) -> Vec<String> {
        self.app
            .figures
            .text()
            .lines()
            .filter(|line| line.starts_with("carepost_answers_total") && line.contains("status=\"5"))
            .map(str::to_owned)
            .collect()
    }

    /// What must hold when a story ends.
    fn must_be_tidy(&self) {
        self.does_all_work();
        let (waiting, attention) =
            self.wait(outbox::store::count_unfinished(&self.app.database)).expect("read");
        assert_eq!((waiting, attention), (0, 0), "work was left undone (waiting, needing attention)");
        assert!(self.faults().is_empty(), "the service failed: {:?}", self.faults());
        let read = self.read.lock().expect("not poisoned");
        let ignored = self.ignored.lock().expect("not poisoned");
        let surprising: Vec<String> = self
            .letters_to("")
            .into_iter()
            .filter(|(letter, _)| !read.contains(&letter.id) && !ignored.contains(&letter.name))
            .map(|(letter, _)| format!("{} to {}", letter.name, letter.recipient))
            .collect();
        assert!(surprising.is_empty(), "letters nobody expected: {surprising:?}");
        let now = self.app.clock.now();
        let found = self.wait(audit::store::walk::walk(&self.app.database, now, &[])).expect("walked");
        for (what, count) in found.in_words() {
            assert_eq!(count, 0, "{what}");
        }
        let breaches: Vec<_> = self
            .wait(carepost::directory::store::invariants(&self.app.database))
            .expect("read")
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .collect();
        assert!(breaches.is_empty(), "{breaches:?}");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.must_be_tidy();
        }
    }
}

async fn fresh_database() -> Database {
    let path =
        std::env::temp_dir().join("carepost-stories").join(format!("{}.db", carepost::id::new_token()));
    let database = Database::open(&Address::Sqlite(path)).await.expect("a database");
    database.migrate(0).await.expect("tables");
    database
}
