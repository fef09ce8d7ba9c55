//! Real mail servers with the service beside them, in a folder of their own.

use super::clients::{Imap, Smtp};
use carepost::app::{App, Outside};
use carepost::audit::Actor;
use carepost::clock::Clock;
use carepost::contact::{Email, Mobile, Name};
use carepost::database::{Database, Error, transaction};
use carepost::directory::access::Among;
use carepost::directory::{Access, NewPerson, NewSite, Room, store};
use carepost::letter::Transport;
use carepost::mail::MailEngine;
use carepost::mail::postfix_dovecot::servers::{self, OwnLines, Ports, Servers, TemporaryServers};
use carepost::mail::postfix_dovecot::{PostfixDovecot, projection_address};
use carepost::my_account::moves::ProofOrder;
use carepost::settings::{Secret, SecretKey, Settings};
use carepost::sign_in::AccountHolder;
use carepost::sign_in::authority::{Permit, Who, deed, permit};
use carepost::{id, my_account, outbox, routes, web, work};
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Something that does not come true in this time never will.
const LIMIT: Duration = Duration::from_secs(180);

pub struct MailWorld {
    pub app: App,
    pub engine: PostfixDovecot,
    pub ports: Ports,
    pub folder: PathBuf,
    mail: TemporaryServers,
    service: Vec<JoinHandle<()>>,
}

/// A site that has joined, with its people.
pub struct Home {
    pub site: String,
    pub shared_mailbox: String,
    pub address: String,
    pub people: Vec<Person>,
}

/// An account whose holder has activated it and made an app password.
#[derive(Clone, Debug)]
pub struct Person {
    pub account: String,
    pub address: String,
    pub password: String,
}

/// Waits until something is so.
pub async fn until<F, W>(what: &str, mut is_so: F)
where
    F: FnMut() -> W,
    W: Future<Output = bool>,
{
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < LIMIT, "never came true: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "tests are told by the test run where its servers are")]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

async fn postgres() -> Option<(String, String)> {
    let Some(server) = told("CAREPOST_TEST_POSTGRES") else {
        assert!(told("CAREPOST_TEST_REQUIRE_ALL").is_none(), "CAREPOST_TEST_POSTGRES is not set");
        return None;
    };
    let name = format!("mail_{}", &id::new_token()[..16]);
    let (client, connection) = tokio_postgres::connect(&format!("{server}/postgres"), tokio_postgres::NoTls)
        .await
        .expect("the test server answers");
    let running = tokio::spawn(connection);
    let role = "DO $$ BEGIN CREATE ROLE carepost_mail LOGIN; EXCEPTION WHEN OTHERS THEN NULL; END $$";
    client.batch_execute(role).await.expect("the role is there");
    client.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0")).await.expect("created");
    drop(client);
    let _ = running.await;
    let (_, place) = server.split_once('@').expect("an address with a user");
    Some((format!("{server}/{name}"), format!("postgres://carepost_mail@{place}/{name}")))
}

impl MailWorld {
    /// One world for each database. Empty where the packages are not installed, unless the test run
    /// says that they must be.
    pub async fn on_both_databases() -> Vec<MailWorld> {
        let mut worlds: Vec<MailWorld> = MailWorld::on_sqlite().await.into_iter().collect();
        if worlds.is_empty() {
            return worlds;
        }
        if let Some(addresses) = postgres().await {
            worlds.push(MailWorld::on(Some(addresses), "").await);
        }
        worlds
    }

    pub async fn on_sqlite() -> Option<MailWorld> {
        MailWorld::on_sqlite_with("").await
    }

    /// With lines of one's own in Postfix's configuration.
    pub async fn on_sqlite_with(postfix_lines: &str) -> Option<MailWorld> {
        if let Some(why) = servers::missing() {
            assert!(told("CAREPOST_TEST_REQUIRE_ALL").is_none(), "{why}");
            return None;
        }
        Some(MailWorld::on(None, postfix_lines).await)
    }

    async fn on(postgres: Option<(String, String)>, postfix_lines: &str) -> MailWorld {
        let folder = servers::temporary_folder().expect("a folder");
        let mut settings = servers::temporary_settings(&folder, postgres).expect("settings");
        settings.helpdesk_email = "helpdesk@region.example".to_owned();
        let key = Secret::new([9; 32]);
        // Tests try many wrong passwords.
        let dovecot = "auth_failure_delay = 0\n";
        let own = OwnLines { postfix: postfix_lines, dovecot };
        let mail =
            TemporaryServers::start(folder, &mut settings, &key, own).await.expect("the servers start");
        let database = Database::open(&settings.database).await.expect("a database");
        database.migrate(0).await.expect("tables");
        let app = Self::app(database, settings, &key, &mail.engine);
        let (folder, ports, engine) = (mail.folder.clone(), mail.ports, mail.engine.clone());
        let mut world = MailWorld { app, engine, ports, folder, mail, service: Vec::new() };
        world.is_told_of_the_empty_directory().await;
        world.start_service().await;
        world
    }

    fn app(database: Database, settings: Settings, key: &SecretKey, engine: &PostfixDovecot) -> App {
        let outside = Outside {
            live: Vec::new(),
            mail: Arc::new(engine.clone()),
            letters: Transport::Kept,
            demo: false,
        };
        // It stands still until a test moves it on; the mail servers have their own.
        let clock = Clock::still(Clock::system().now());
        App::new(database, settings, clock, key.clone(), outside)
    }

    /// What the first comparison does with a directory that has nothing in it.
    async fn is_told_of_the_empty_directory(&self) {
        self.engine.ensure_secure_domains(&[]).await.expect("told");
        let filling = self.engine.filling().await.expect("asked").expect("its tables are new");
        self.engine.ensure_filled(&filling).await.expect("told");
    }

    /// What a program does that finds tables of another version; the mail servers go on.
    pub async fn makes_projection_anew(&self) {
        let settings = &self.app.settings;
        let projection = Database::open_projection(&projection_address(settings), "mail_kept,mail")
            .await
            .expect("the projection");
        projection
            .write::<_, Error, _>(transaction!(async move |tx| {
                tx.run("UPDATE projection SET version = version - 1", &[]).await
            }))
            .await
            .expect("another version");
        PostfixDovecot::open(settings, &self.app.key).await.expect("made anew");
        assert_ne!(self.engine.filling().await, Ok(None));
    }

    /// What each start of the service does: opens the engine, and has it compared where it is not filled.
    pub async fn opens_engine_again(&self) {
        let engine = PostfixDovecot::open(&self.app.settings, &self.app.key).await.expect("opened");
        if engine.filling().await != Ok(None) {
            let now = self.app.clock.now();
            self.app
                .database
                .write::<_, Error, _>(transaction!(async move |tx| {
                    carepost::directory::upkeep::store::ask_for_comparison(tx, now, &Actor::Service).await
                }))
                .await
                .expect("asked");
        }
    }

    /// Starts the service's own part: background work, and the listener for reports.
    pub async fn start_service(&mut self) {
        let app = self.app.clone();
        self.service.push(tokio::spawn(async move {
            // As the worker does, without what runs beside it for ever.
            loop {
                match work::do_due(&app).await {
                    Ok(0) => {
                        let _ = tokio::time::timeout(
                            Duration::from_millis(200),
                            app.database.signalled(carepost::outbox::QUEUED),
                        )
                        .await;
                    }
                    Ok(_) => {}
                    Err(error) => panic!("work could not be taken: {error}"),
                }
            }
        }));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", self.ports.reports))
            .await
            .expect("the port for reports");
        let router = routes::reports_router(&self.app);
        self.service.push(tokio::spawn(async move {
            let _ = web::serve::serve(listener, router, std::future::pending()).await;
        }));
    }

    /// As `stop_service`, and waits until its ports are free again.
    pub async fn ends_service(&mut self) {
        for task in self.service.drain(..) {
            task.abort();
            let _ = task.await;
        }
    }

    /// Stops everything of the service; the mail servers and the guard go on.
    pub fn stop_service(&mut self) {
        for task in self.service.drain(..) {
            task.abort();
        }
    }

    /// Stops the mail guard.
    pub fn stop_guard(&self) {
        self.mail.stop_guard();
    }

    pub fn servers(&mut self) -> &mut Servers {
        self.mail.servers().expect("the servers run")
    }

    /// A site joins with these people (the first an owner, the others members), each with an
    /// activated account and an app password.
    pub async fn joins(&self, ods_code: &str, people: &[(&str, &str)]) -> Home {
        let mut home = self.joins_without_programs(ods_code, people).await;
        for person in &mut home.people {
            person.password = self.makes_app_password(&person.account, "Laptop").await;
        }
        home
    }

    async fn joins_without_programs(&self, ods_code: &str, people: &[(&str, &str)]) -> Home {
        let now = self.app.clock.now();
        let new = NewSite {
            activates_at: None,
            origin: carepost::directory::Origin::Registration(id::new_id(now)),
            organisation: carepost::directory::KnownOrganisation::unknown("Rose Court Limited"),
            management: carepost::directory::Management::Nas,
            ods_code: ods_code.to_owned(),
            cqc_location_id: format!("1-{ods_code}"),
            name: format!("Rose Court {ods_code}"),
            town: "Lincoln".to_owned(),
            postcode: "LN1 1AA".to_owned(),
            people: people
                .iter()
                .enumerate()
                .map(|(place, person)| new_person(ods_code, place, person))
                .collect(),
        };
        let domain = self.app.settings.mail_domain.clone();
        let opened = self
            .app
            .database
            .write::<_, Error, _>(transaction!(async move |tx| {
                store::open_site(tx, &domain, now, &Actor::Service, &new).await
            }))
            .await
            .expect("written")
            .expect("opened");
        let mut home = Home {
            site: opened.site_id,
            shared_mailbox: opened.shared_mailbox_id,
            address: opened.shared_mailbox_address,
            people: Vec::new(),
        };
        for account in opened.accounts {
            until("the account is provisioned", || async {
                let found = store::find_account(&self.app.database, &account).await.expect("read");
                found.is_some_and(|account| account.provisioned_at.is_some())
            })
            .await;
            let address = self.activates(&account).await;
            home.people.push(Person { account, address, password: String::new() });
        }
        let shared_mailbox = home.shared_mailbox.clone();
        until("the shared mailbox is provisioned", || async {
            self.engine.look(&shared_mailbox).await.expect("looked").is_some() && self.all_done().await
        })
        .await;
        home
    }

    async fn activates(&self, account: &str) -> String {
        let (account, now) = (account.to_owned(), self.app.clock.now());

        self.app
            .database
            .write::<_, Error, _>(transaction!(async move |tx| {
                let found = store::find_account(tx, &account).await?.expect("the account");
                let address = found.address.clone();
                let hash = Secret::new("no password opens this".to_owned());
                let change = found.activate(now, hash).expect("it waits to be activated");
                assert!(store::save_account(tx, now, &change).await?);
                Ok(address)
            }))
            .await
            .expect("activated")
    }

    /// The permit of somebody for what belongs to their own account.
    async fn own(&self, account: &str) -> Permit<deed::SecureOwnAccount> {
        let subject = store::subject_of_account(&self.app.database, account).await.expect("read");
        let who = Who::AccountHolder { account: account.to_owned(), owns: Vec::new() };
        permit(&who, subject.expect("an account")).expect("their own")
    }

    /// Makes an app password and waits until the mail servers know it.
    pub async fn makes_app_password(&self, account: &str, name: &str) -> String {
        let by = AccountHolder {
            account: account.to_owned(),
            name: String::new(),
            address: String::new(),
            owns: Vec::new(),
            factor_at: self.app.clock.now(),
        };
        let order = ProofOrder {
            password: Secret::new(String::new()),
            code: String::new(),
            network: "192.0.2.7".to_owned(),
            browser: Secret::new(String::new()),
            known_by: None,
        };
        let made = my_account::moves::add_app_password(&self.app, self.own(account).await, &by, order, name)
            .await
            .expect("an app password");
        self.settle().await;
        made.value.reveal().clone()
    }

    /// Revokes the app password of a name, and waits until it is done.
    pub async fn revokes_app_password(&self, account: &str, name: &str) {
        self.revokes_app_password_later(account, name).await;
        self.settle().await;
    }

    /// Revokes the app password of a name.
    pub async fn revokes_app_password_later(&self, account: &str, name: &str) {
        let in_force = store::list_app_passwords_in_force(&self.app.database, account).await.expect("listed");
        let id = in_force.iter().find(|password| password.name == name).expect("in force").id.clone();
        let revoked = my_account::moves::revoke_app_password(&self.app, self.own(account).await, &id)
            .await
            .expect("written");
        assert!(revoked);
    }

    /// Switches an account off, and waits until it is done.
    pub async fn disables(&self, account: &str) {
        let (account, now) = (account.to_owned(), self.app.clock.now());
        self.app
            .database
            .write::<_, Error, _>(transaction!(async move |tx| {
                let found = store::find_account(tx, &account).await?.expect("the account");
                let change =
                    found.disable(now, Actor::Service, "a suspected break-in").expect("it is active");
                assert!(store::save_account(tx, now, &change).await?);
                Ok(())
            }))
            .await
            .expect("disabled");
        self.settle().await;
    }

    /// Takes somebody off a shared mailbox, or gives them access, and queues what follows.
    pub async fn changes_access(&self, home: &Home, account: &str, access: Option<Access>) {
        let (mailbox, site) = (home.shared_mailbox.clone(), home.site.clone());
        let room = Room::of(&self.app.settings);
        let (account, now) = (account.to_owned(), self.app.clock.now());
        self.app
            .database
            .write::<_, Error, _>(transaction!(async move |tx| {
                let mailbox = store::find_shared_mailbox(tx, &mailbox).await?.expect("the mailbox");
                let people = store::list_people(&carepost::directory::Scope::All, tx, &site).await?;
                let change = match access {
                    None => mailbox.remove_access(&people, &account, "Rose Court", Actor::Service, "a test"),
                    Some(access) => {
                        let holder = store::find_account(tx, &account).await?.expect("the account");
                        mailbox.give_access(
                            Among { people: &people, room },
                            &holder,
                            access,
                            Actor::Service,
                            "a test",
                        )
                    }
                };
                assert!(store::save_access(tx, now, &change.expect("allowed")).await?);
                Ok(())
            }))
            .await
            .expect("changed");
    }

    async fn all_done(&self) -> bool {
        let (waiting, attention) =
            outbox::store::count_unfinished(&self.app.database).await.expect("counted");
        assert_eq!(attention, 0, "work needs attention");
        waiting == 0
    }

    /// Waits until all work is done.
    pub async fn settle(&self) {
        until("all work is done", || self.all_done()).await;
    }

    pub async fn imap(&self, person: &Person) -> Imap {
        Imap::signed_in(self.ports.imap, &person.address, &person.password).await
    }

    pub async fn smtp(&self, person: &Person) -> Smtp {
        Smtp::signed_in(self.ports.submission, &person.address, &person.password).await
    }

    /// Mail programs that have not signed in.
    pub async fn imap_program(&self) -> Imap {
        Imap::program(self.ports.imap).await
    }

    pub async fn smtp_program(&self) -> Smtp {
        Smtp::program(self.ports.submission).await
    }

    pub async fn outside(&self) -> Smtp {
        Smtp::outside(self.ports.smtp).await
    }

    /// Delivers a message from another mail server.
    pub async fn delivers(&self, to: &str, subject: &str) -> (u16, String) {
        let message = format!(
            "From: A trust <ward@trust.example>\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{}@trust.example>\r\n\r\nHello",
            id::new_token()
        );
        self.outside().await.send("ward@trust.example", &[to], &message).await
    }

    /// Waits until a folder holds a message with a subject, and answers it.
    pub async fn arrives(&self, person: &Person, folder: &str, subject: &str) -> String {
        let begun = Instant::now();
        loop {
            let mut found = self.imap(person).await.find(folder, subject).await;
            if let Some(message) = found.pop() {
                assert!(found.is_empty(), "{subject} is in {folder} more than once");
                return message;
            }
            assert!(begun.elapsed() < LIMIT, "{subject} never came to {folder}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

impl Drop for MailWorld {
    fn drop(&mut self) {
        self.stop_service();
    }
}

fn new_person(ods_code: &str, place: usize, (first, last): &(&str, &str)) -> NewPerson {
    let number: u32 = ods_code.bytes().map(u32::from).sum();
    NewPerson {
        first_name: Name::parse(first, "first name").expect("a name"),
        last_name: Name::parse(last, "last name").expect("a name"),
        role: "Carer".to_owned(),
        email: Email::parse(&format!("{}.{place}@{}.example", first.to_lowercase(), ods_code.to_lowercase()))
            .expect("an address"),
        mobile: Mobile::parse(&format!(
            "07700{:06}",
            900_000 + (number % 90) * 10 + u32::try_from(place).expect("few")
        ))
        .expect("a mobile"),
        access: if place == 0 { Access::Owner } else { Access::Member },
        existing_account: None,
    }
}
