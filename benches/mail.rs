//! Mailboxes with real servers: signing in among 330,000 accounts, provisioning a thousand sites, and
//! how soon somebody who is taken off is out. Needs root and the packages of the mail servers.

#[path = "../tests/all/mail/clients.rs"]
#[allow(dead_code, reason = "the tests use all of it")]
mod clients;

use self::clients::Imap;
use crate::percentiles;
use crate::server::fresh_postgres_for_mail;
use carepost::app::{App, Outside};
use carepost::audit::Actor;
use carepost::clock::Clock;
use carepost::contact::{Email, Mobile, Name};
use carepost::database::{Database, Error, Tx};
use carepost::directory::{Access, NewPerson, NewSite, app_password, store};
use carepost::letter::Transport;
use carepost::mail::postfix_dovecot::PostfixDovecot;
use carepost::mail::postfix_dovecot::servers::{self, OwnLines, TemporaryServers};
use carepost::mail::{MailEngine, Standing, WantedAccount, WantedPassword, WantedSharedMailbox};
use carepost::settings::Secret;
use carepost::{id, outbox, work};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

const ACCOUNTS: usize = 330_000;
const SIGN_INS: usize = 5_000;
const SITES: usize = 1_000;
const REMOVALS: usize = 100;
const PASSWORD: &str = "k7mq7777777777777777777w";

struct World {
    app: App,
    engine: PostfixDovecot,
    mail: TemporaryServers,
}

async fn world(postgres: Option<(String, String)>) -> World {
    let folder = servers::temporary_folder().expect("a folder");
    let mut settings = servers::temporary_settings(&folder, postgres).expect("settings");
    settings.mail_reports_listen = None;
    let key = Secret::new([9; 32]);
    let mail = TemporaryServers::start(folder, &mut settings, &key, OwnLines::default())
        .await
        .expect("the servers start");
    let engine = mail.engine.clone();
    let database = Database::open(&settings.database).await.expect("a database");
    database.migrate(0).await.expect("tables");
    let outside =
        Outside { live: Vec::new(), mail: Arc::new(engine.clone()), letters: Transport::Kept, demo: false };
    let app = App::new(database, settings, Clock::system(), key, outside);
    World { app, engine, mail }
}

fn account(number: usize) -> WantedAccount {
    WantedAccount {
        id: format!("a{number:06}"),
        address: format!("person{number}@carepost.example"),
        aliases: Vec::new(),
        display_name: format!("Person {number} (Rose Court, Lincoln)"),
        quota_bytes: 4 << 30,
        standing: Standing::Open,
        passwords: vec![WantedPassword {
            selector: app_password::selector(PASSWORD).to_owned(),
            hash: app_password::hash(PASSWORD),
        }],
    }
}

/// Dovecot's own protocol for those who ask it to check a password, as Postfix does.
async fn sign_ins(world: &World) -> Vec<Duration> {
    let socket = world.mail.folder.join("state/dovecot/auth-postfix");
    let mut stream = BufReader::new(UnixStream::connect(socket).await.expect("Dovecot's socket"));
    stream.write_all(b"VERSION\t1\t1\nCPID\t1\n").await.expect("said");
    let mut line = String::new();
    while !line.starts_with("DONE") {
        line.clear();
        stream.read_line(&mut line).await.expect("a line");
    }
    let mut times = Vec::new();
    for number in 0..SIGN_INS {
        // Spread over all of them, none twice: nothing is remembered.
        let address = format!("person{}@carepost.example", number * (ACCOUNTS / SIGN_INS));
        let secret = clients::base64(format!("\0{address}\0{PASSWORD}").as_bytes());
        let begun = Instant::now();
        stream
            .write_all(
                format!("AUTH\t{}\tPLAIN\tservice=imap\tsecured\tresp={secret}\n", number + 1).as_bytes(),
            )
            .await
            .expect("said");
        line.clear();
        stream.read_line(&mut line).await.expect("a line");
        times.push(begun.elapsed());
        assert!(line.starts_with("OK"), "{line}");
    }
    times
}

async fn look_ups(name: &str, world: &World) {
    let begun = Instant::now();
    let mut making = Vec::new();
    for worker in 0..64 {
        let engine = world.engine.clone();
        making.push(tokio::spawn(async move {
            for number in (worker..ACCOUNTS).step_by(64) {
                engine.ensure_account(&account(number)).await.expect("made");
            }
        }));
    }
    for task in making {
        task.await.expect("made");
    }
    println!("{name}: {ACCOUNTS} accounts made in the projection in {:.0} s", begun.elapsed().as_secs_f64());
    let mut times = sign_ins(world).await;
    println!(
        "{name}: signing in among {ACCOUNTS} accounts, asked of Dovecot, {SIGN_INS} people: {}",
        percentiles(&mut times)
    );
}

fn site(number: usize) -> NewSite {
    const FIRST: [&str; 10] = ["Amy", "Bo", "Cy", "Dee", "Eli", "Fay", "Gus", "Hal", "Ida", "Jo"];
    NewSite {
        activates_at: None,
        origin: carepost::directory::Origin::Registration(id::new_id(Clock::system().now())),
        organisation: carepost::directory::KnownOrganisation::unknown("Rose Court Limited"),
        management: carepost::directory::Management::Nas,
        ods_code: format!("V{number:05}"),
        cqc_location_id: format!("1-{number}"),
        name: format!("Oak House {number}"),
        town: "Lincoln".to_owned(),
        postcode: "LN1 1AA".to_owned(),
        people: (0..10)
            .map(|place| NewPerson {
                first_name: Name::parse(FIRST[place], "first name").expect("a name"),
                last_name: Name::parse("Reed", "last name").expect("a name"),
                role: "Carer".to_owned(),
                email: Email::parse(&format!("p{number}x{place}@people.example")).expect("an address"),
                mobile: Mobile::parse(&format!("07{:09}", 100_000_000 + number * 10 + place))
                    .expect("a mobile"),
                access: if place < 2 { Access::Owner } else { Access::Member },
                existing_account: None,
            })
            .collect(),
    }
}

async fn provisioning(name: &str, world: &World) {
    for number in 0..SITES {
        let new = site(number);
        let now = world.app.clock.now();
        world
            .app
            .database
            .write::<_, Error, _>(move |tx: &mut Tx| {
                Box::pin(
                    async move { store::open_site(tx, "carepost.example", now, &Actor::Service, &new).await },
                )
            })
            .await
            .expect("written")
            .expect("opened");
    }
    let begun = Instant::now();
    loop {
        work::do_due(&world.app).await.expect("worked");
        let (waiting, attention) =
            outbox::store::count_unfinished(&world.app.database).await.expect("counted");
        assert_eq!(attention, 0);
        if waiting == 0 {
            break;
        }
    }
    let took = begun.elapsed();
    let held = world.engine.list("", 20_000).await.expect("listed");
    assert_eq!(held.len(), SITES * 11);
    println!(
        "{name}: {SITES} sites, {} mailboxes provisioned and {} letters handed over in {:.1} s",
        SITES * 11,
        SITES * 10,
        took.as_secs_f64()
    );
}

async fn removals(name: &str, world: &World) {
    let port = world.app.settings.imap_port;
    let person = account(900_000);
    world.engine.ensure_account(&person).await.expect("made");
    let mut shared = WantedSharedMailbox {
        id: "s-1".to_owned(),
        address: "care.bench@carepost.example".to_owned(),
        aliases: Vec::new(),
        display_name: "Care".to_owned(),
        quota_bytes: 1 << 30,
        standing: Standing::Open,
        owners: Vec::new(),
        members: vec![person.address.clone()],
    };
    world.engine.ensure_shared_mailbox(&shared).await.expect("made");
    let mut times = Vec::new();
    for _ in 0..REMOVALS {
        let mut program = Imap::signed_in(port, &person.address, PASSWORD).await;
        assert!(program.can_open("Shared/care.bench").await);
        let begun = Instant::now();
        shared.members.clear();
        world.engine.ensure_shared_mailbox(&shared).await.expect("changed");
        // Until the open session is gone and a new one is refused.
        while !program.has_ended().await {}
        let mut again = Imap::signed_in(port, &person.address, PASSWORD).await;
        assert!(!again.can_open("Shared/care.bench").await);
        times.push(begun.elapsed());
        shared.members.push(person.address.clone());
        world.engine.ensure_shared_mailbox(&shared).await.expect("changed");
    }
    println!(
        "{name}: from taking a member off to a cut session and a refused one, {REMOVALS} times: {}",
        percentiles(&mut times)
    );
}

/// All of it, on both databases.
pub async fn measure() {
    if let Some(why) = servers::missing() {
        println!("mail: not measured, because {why}");
        return;
    }
    for postgres in [false, true] {
        let name = if postgres { "mail, PostgreSQL" } else { "mail, SQLite" };
        let address = || if postgres { fresh_postgres_for_mail() } else { None };
        let world_of_sites = world(address()).await;
        provisioning(name, &world_of_sites).await;
        drop(world_of_sites);
        let world_of_accounts = world(address()).await;
        removals(name, &world_of_accounts).await;
        look_ups(name, &world_of_accounts).await;
    }
}
