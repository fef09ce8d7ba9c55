//! How soon a letter with a code is handed over while everything else has much to do.
//!
//! A directory of 30,000 sites with 330,000 mailboxes, none of which the mail engine holds: a comparison runs
//! and has all of them provisioned again. Meanwhile letters with codes are written as a page writes them, and
//! the time counts from the beginning of that transaction until the mail server has the whole message. Once
//! with an engine that is slow, and once with all the trouble that a day can bring at the same time.

use crate::percentiles;
use crate::server::{fresh_folder, fresh_postgres_for_mail};
use carepost::app::{App, Outside};
use carepost::clock::Clock;
use carepost::database::{BoxFuture, Database, Error, Param, Reads, Tx, transaction};
use carepost::letter::{CODE_MARK, Letter, Transport};
use carepost::mail::postfix_dovecot::PostfixDovecot;
use carepost::mail::{
    Embedded, EngineError, Ensured, Filling, Held, MailEngine, WantedAccount, WantedSharedMailbox,
};
use carepost::outbox::{self, Work};
use carepost::settings::{Secret, Settings};
use carepost::{id, work};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const SITES: usize = 30_000;
const ACCOUNTS_A_SITE: usize = 10;
/// How much longer the slow engine takes for a mailbox.
const SLOW_BY: Duration = Duration::from_millis(20);
/// How long letters with codes are written, and how often one.
const LASTS: Duration = Duration::from_secs(120);
const WRITTEN_EVERY: Duration = Duration::from_millis(50);
/// How long the last of them may take to arrive.
const LATE_MAX: Duration = Duration::from_secs(120);
/// How long the comparison may take until its first repair.
const REPAIR_MAX: Duration = Duration::from_secs(120);
const OTHER_LETTERS: usize = 20_000;
const SLOW_LETTER: Duration = Duration::from_secs(25);

/// The embedded engine, made slow, and how many mailboxes it was told of.
struct Slow(Embedded, Arc<AtomicU64>);

impl Slow {
    async fn takes_its_time(&self) {
        tokio::time::sleep(SLOW_BY).await;
        self.1.fetch_add(1, Ordering::Relaxed);
    }
}

impl MailEngine for Slow {
    fn ensure_account<'a>(
        &'a self,
        wanted: &'a WantedAccount,
    ) -> BoxFuture<'a, Result<Ensured, EngineError>> {
        Box::pin(async move {
            self.takes_its_time().await;
            self.0.ensure_account(wanted).await
        })
    }

    fn ensure_shared_mailbox<'a>(
        &'a self,
        wanted: &'a WantedSharedMailbox,
    ) -> BoxFuture<'a, Result<Ensured, EngineError>> {
        Box::pin(async move {
            self.takes_its_time().await;
            self.0.ensure_shared_mailbox(wanted).await
        })
    }

    fn ensure_absent<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Ensured, EngineError>> {
        self.0.ensure_absent(id)
    }

    fn look<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<String>, EngineError>> {
        self.0.look(id)
    }

    fn list<'a>(&'a self, after: &'a str, limit: u32) -> BoxFuture<'a, Result<Vec<Held>, EngineError>> {
        self.0.list(after, limit)
    }

    fn list_storage(&self) -> BoxFuture<'_, Result<Vec<String>, EngineError>> {
        self.0.list_storage()
    }

    fn count_unread<'a>(
        &'a self,
        addresses: &'a [String],
        hours: u32,
    ) -> BoxFuture<'a, Result<Vec<u64>, EngineError>> {
        self.0.count_unread(addresses, hours)
    }

    fn answers(&self) -> BoxFuture<'_, Result<(), EngineError>> {
        self.0.answers()
    }

    fn ensure_secure_domains<'a>(
        &'a self,
        domains: &'a [String],
    ) -> BoxFuture<'a, Result<Ensured, EngineError>> {
        self.0.ensure_secure_domains(domains)
    }

    fn filling(&self) -> BoxFuture<'_, Result<Option<Filling>, EngineError>> {
        self.0.filling()
    }

    fn ensure_filled<'a>(&'a self, filling: &'a Filling) -> BoxFuture<'a, Result<Ensured, EngineError>> {
        self.0.ensure_filled(filling)
    }
}

/// A mail server that notes when it has the whole message to somebody.
#[derive(Clone, Default)]
struct MailServer {
    had: Arc<Mutex<HashMap<String, Instant>>>,
    /// The next connection says nothing once it has heard MAIL.
    next_is_silent: Arc<AtomicBool>,
    silent: Arc<AtomicU64>,
}

impl MailServer {
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let server = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                tokio::spawn(async move { server.talks(stream).await });
            }
        });
        address
    }

    async fn talks(&self, stream: TcpStream) -> Option<()> {
        let is_silent = self.next_is_silent.swap(false, Ordering::SeqCst);
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        write.write_all(b"220 mail.example\r\n").await.ok()?;
        let (mut to, mut in_data) = (String::new(), false);
        while let Some(line) = lines.next_line().await.ok()? {
            if is_silent && line.starts_with("MAIL") {
                self.silent.fetch_add(1, Ordering::SeqCst);
                std::future::pending::<()>().await;
            }
            let answer: &[u8] = if in_data {
                if line != "." {
                    continue;
                }
                in_data = false;
                if to.starts_with("slow") {
                    tokio::time::sleep(SLOW_LETTER).await;
                }
                self.had.lock().expect("not poisoned").insert(std::mem::take(&mut to), Instant::now());
                b"250 taken\r\n"
            } else if line == "DATA" {
                in_data = true;
                b"354 go on\r\n"
            } else {
                if let Some(address) = line.strip_prefix("RCPT TO:<") {
                    to = address.split('>').next().unwrap_or("").to_owned();
                }
                b"250 fine\r\n"
            };
            write.write_all(answer).await.ok()?;
        }
        Some(())
    }

    fn count(&self, start: &str) -> usize {
        self.had.lock().expect("not poisoned").keys().filter(|to| to.starts_with(start)).count()
    }
}

/// Something that takes connections and says nothing: a Dovecot that hangs.
async fn silent_dovecot() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    address
}

/// The rows of some sites, as if all of them had joined, been activated and set up.
async fn sites(tx: &mut Tx, from: usize, until: usize) -> Result<(), Error> {
    let (mut addresses, mut sites, mut mailboxes) = (Vec::new(), Vec::new(), Vec::new());
    let (mut accounts, mut slots, mut access) = (Vec::new(), Vec::new(), Vec::new());
    for number in from..until {
        let (site, mailbox) = (format!("site-{number:06}"), format!("mailbox-{number:06}"));
        let address = format!("care.v{number:05}@carepost.example");
        addresses.push([address.clone(), format!("care.v{number:05}"), mailbox.clone()]);
        sites.push([
            site.clone(),
            format!("V{number:05}"),
            format!("1-{number}"),
            format!("Oak House {number}"),
            format!("registration-{number}"),
        ]);
        mailboxes.push([mailbox.clone(), site.clone(), address, format!("Care.V{number:05} (Oak House)")]);
        for place in 0..ACCOUNTS_A_SITE {
            let account = format!("account-{number:06}-{place}");
            let address = format!("person{number}x{place}@carepost.example");
            addresses.push([address.clone(), format!("person{number}x{place}"), account.clone()]);
            accounts.push([
                account.clone(),
                address,
                format!("person{number}x{place}@people.example"),
                format!("+4477{:08}", number * ACCOUNTS_A_SITE + place),
            ]);
            slots.push((site.clone(), account.clone(), place));
            access.push([mailbox.clone(), account, if place < 2 { "Owner" } else { "Member" }.to_owned()]);
        }
    }
    for address in addresses.chunks(500) {
        let rows: Vec<[&(dyn Param + '_); 5]> = address
            .iter()
            .map(|[canonical, stem, names]| -> [&(dyn Param + '_); 5] {
                [canonical, stem, &0_i64, names, &0_i64]
            })
            .collect();
        let head = "INSERT INTO addresses (canonical, stem, number, names, taken_at)";
        tx.run_rows(head, &rows, "").await?;
    }
    let rows: Vec<[&(dyn Param + '_); 14]> = sites
        .iter()
        .map(|[id, code, location, name, origin]| -> [&(dyn Param + '_); 14] {
            [
                id,
                &1_i64,
                &"organisation",
                &"Open",
                code,
                location,
                name,
                name,
                &"Lincoln",
                &"LN1 1AA",
                &"Nas",
                &"Registration",
                origin,
                &0_i64,
            ]
        })
        .collect();
    tx.run_rows(
        "INSERT INTO sites (id, version, organisation_id, state, ods_code, cqc_location_id, name, name_plain, town,
                            postcode, management, origin, origin_id, joined_at)",
        &rows,
        "",
    )
    .await?;
    let rows: Vec<[&(dyn Param + '_); 7]> = mailboxes
        .iter()
        .map(|[id, site, address, name]| -> [&(dyn Param + '_); 7] {
            [id, &1_i64, site, &"Active", address, name, &0_i64]
        })
        .collect();
    let head = "INSERT INTO shared_mailboxes (id, version, site_id, state, address, display_name, made_at)";
    tx.run_rows(head, &rows, "").await?;
    let rows: Vec<[&(dyn Param + '_); 13]> = accounts
        .iter()
        .map(|[id, address, email, mobile]| -> [&(dyn Param + '_); 13] {
            [
                id, &1_i64, &"Active", &"Amy", &"Reed", &"Carer", address, email, mobile, &true, &0_i64,
                &0_i64, &0_i64,
            ]
        })
        .collect();
    tx.run_rows(
        "INSERT INTO accounts (id, version, state, first_name, last_name, role, address, personal_email, mobile,
                               contact_is_live, made_at, provisioned_at, state_since)",
        &rows,
        "",
    )
    .await?;
    let slots: Vec<(String, String, i64)> = slots
        .into_iter()
        .map(|(site, account, place)| (site, account, i64::try_from(place + 1).expect("few")))
        .collect();
    let rows: Vec<[&(dyn Param + '_); 3]> = slots
        .iter()
        .map(|(site, account, slot)| -> [&(dyn Param + '_); 3] { [site, slot, account] })
        .collect();
    tx.run_rows("INSERT INTO account_slots (site_id, slot, account_id)", &rows, "").await?;
    let rows: Vec<[&(dyn Param + '_); 4]> = access
        .iter()
        .map(|[mailbox, account, access]| -> [&(dyn Param + '_); 4] { [mailbox, account, access, &0_i64] })
        .collect();
    let head = "INSERT INTO shared_mailbox_access (shared_mailbox_id, account_id, access, since)";
    tx.run_rows(head, &rows, "").await?;
    Ok(())
}

async fn fill(database: &Database) {
    database
        .write::<_, Error, _>(transaction!(async move |tx| {
            tx.run(
                "INSERT INTO organisations (id, version, name, management, made_at)
                 VALUES ('organisation', 1, 'Rose Court Limited', 'Nas', 0)",
                &[],
            )
            .await
        }))
        .await
        .expect("an organisation");
    for from in (0..SITES).step_by(50) {
        database
            .write::<_, Error, _>(transaction!(async move |tx| { sites(tx, from, from + 50).await }))
            .await
            .expect("sites");
    }
}

fn settings(database: &str, mail_database: &str, smtp_server: &str) -> Settings {
    let texts = BTreeMap::from([
        ("database".to_owned(), database.to_owned()),
        ("mail_database".to_owned(), mail_database.to_owned()),
        ("smtp_server".to_owned(), smtp_server.to_owned()),
        ("smtp_security".to_owned(), "none".to_owned()),
    ]);
    Settings::from_texts(&BTreeMap::new(), &texts).expect("settings")
}

async fn queue(app: &App, works: Vec<Work>) {
    let now = app.clock.now();
    app.database
        .write::<_, Error, _>(transaction!(async move |tx| {
            outbox::store::queue_many(tx, now, now, &works).await
        }))
        .await
        .expect("queued");
}

/// Writes letters that nobody waits for.
async fn other_letters(app: &App, start: &'static str, count: usize) {
    for from in (0..count).step_by(500) {
        let now = app.clock.now();
        app.database
            .write::<_, Error, _>(transaction!(async move |tx| {
                for number in from..(from + 500).min(count) {
                    let to = format!("{start}{number}@people.example");
                    let (subject, body) = ("Received".to_owned(), "We have received it.".to_owned());
                    let letter = Letter::email(now, "carepost.example", "other", &to, subject, body);
                    outbox::store::write_letter(tx, now, &letter).await?;
                }
                Ok(())
            }))
            .await
            .expect("written");
    }
}

/// Writes letters with codes for a while, one after the other at fixed times, and answers how long each took to
/// be handed over, and how many never were.
async fn codes(app: &App, server: &MailServer, start: &'static str) -> (Vec<Duration>, usize) {
    let mut writing = Vec::new();
    let begun = Instant::now();
    let mut ticks = tokio::time::interval(WRITTEN_EVERY);
    for number in 0.. {
        ticks.tick().await;
        if begun.elapsed() > LASTS {
            break;
        }
        let app = app.clone();
        writing.push(tokio::spawn(async move {
            let asked = Instant::now();
            let (now, to) = (app.clock.now(), format!("{start}{number}@people.example"));
            let recipient = to.clone();
            app.database
                .write::<_, Error, _>(transaction!(async move |tx| {
                    let body = format!("Your code is {CODE_MARK}");
                    let letter = Letter::email(
                        now,
                        "carepost.example",
                        "email code",
                        &to,
                        "Your code".to_owned(),
                        body,
                    )
                    .carrying("EmailCode", &id::new_id(now));
                    outbox::store::write_letter(tx, now, &letter).await
                }))
                .await
                .expect("written");
            (recipient, asked)
        }));
    }
    let mut asked = Vec::new();
    for one in writing {
        asked.push(one.await.expect("no panic"));
    }
    let late = Instant::now();
    while server.count(start) < asked.len() && late.elapsed() < LATE_MAX {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let had = server.had.lock().expect("not poisoned");
    let times: Vec<Duration> =
        asked.iter().filter_map(|(to, asked)| Some(had.get(to)?.duration_since(*asked))).collect();
    let never = asked.len() - times.len();
    (times, never)
}

async fn state(app: &App) -> String {
    let rows: Vec<(String, String, i64)> = app
        .database
        .all("SELECT lane, state, COUNT(*) FROM outbox GROUP BY lane, state ORDER BY lane, state", &[])
        .await
        .expect("counted");
    rows.iter().map(|(lane, state, count)| format!("{lane} {state} {count}")).collect::<Vec<_>>().join(", ")
}

async fn on(name: &str, database: &str, mail_database: &str) {
    let server = MailServer::default();
    let smtp = server.start().await;
    let database_of = settings(database, mail_database, &smtp);
    let opened = Database::open(&database_of.database).await.expect("a database");
    opened.migrate(0).await.expect("tables");
    let begun = Instant::now();
    fill(&opened).await;
    println!(
        "lanes, {name}: {SITES} sites with {} mailboxes in the directory after {:.0} s",
        SITES * (ACCOUNTS_A_SITE + 1),
        begun.elapsed().as_secs_f64()
    );

    // An engine that is slow and holds nothing.
    let told = Arc::new(AtomicU64::new(0));
    let engine = Arc::new(Slow(Embedded::new(opened.clone(), Clock::system()), Arc::clone(&told)));
    let (app, stop, working) = node(&opened, database_of.clone(), engine);
    queue(&app, vec![Work::CompareMail]).await;
    // Until the comparison has found something and the repair has begun.
    let asked = Instant::now();
    while told.load(Ordering::Relaxed) == 0 {
        assert!(
            asked.elapsed() < REPAIR_MAX,
            "no mailbox was provisioned: {}; {}",
            state(&app).await,
            reasons(&app).await
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let before = told.load(Ordering::Relaxed);
    let (mut times, never) = codes(&app, &server, "quiet").await;
    println!(
        "lanes, {name}: while {} mailboxes were provisioned again by an engine slower by {} ms, and the comparison {}: {} letters with codes handed over, {never} not: {}",
        told.load(Ordering::Relaxed) - before,
        SLOW_BY.as_millis(),
        if is_comparing(&app).await { "ran all the time" } else { "ran for a part of the time" },
        times.len(),
        percentiles(&mut times)
    );
    println!("lanes, {name}: then {}", state(&app).await);
    drop(stop);
    working.await.expect("no panic");

    // Everything at once.
    let mut settings = database_of;
    settings.doveadm_address = silent_dovecot().await;
    let key = Secret::new([7; 32]);
    let engine = PostfixDovecot::open(&settings, &key).await.expect("an engine");
    let (app, stop, working) = node(&opened, settings, Arc::new(engine));
    other_letters(&app, "slow", 1).await;
    other_letters(&app, "other", OTHER_LETTERS).await;
    queue(&app, vec![Work::CompareMail]).await;
    queue(
        &app,
        (0..64).map(|number| Work::ProvisionAccount { account: format!("account-{number:06}-0") }).collect(),
    )
    .await;
    server.next_is_silent.store(true, Ordering::SeqCst);
    let (mut times, never) = codes(&app, &server, "busy").await;
    println!(
        "lanes, {name}: while {} connection of the mail server was silent, one letter took {} s, Dovecot took connections and said nothing, {} of {OTHER_LETTERS} other letters left, and a comparison was {}: {} letters with codes handed over, {never} not: {}",
        server.silent.load(Ordering::SeqCst),
        SLOW_LETTER.as_secs(),
        server.count("other"),
        if is_comparing(&app).await { "under way or waiting" } else { "done" },
        times.len(),
        percentiles(&mut times)
    );
    println!("lanes, {name}: then {}", state(&app).await);
    drop(stop);
    working.await.expect("no panic");
}

/// Why work has not been done at its last try.
async fn reasons(app: &App) -> String {
    let rows: Vec<(String, String)> = app
        .database
        .all("SELECT DISTINCT o.kind, t.reason FROM outbox o JOIN outbox_attempts t ON t.work_id = o.id WHERE t.reason <> '' LIMIT 20", &[])
        .await
        .expect("read");
    rows.iter().map(|(kind, reason)| format!("{kind}: {reason}")).collect::<Vec<_>>().join("; ")
}

async fn is_comparing(app: &App) -> bool {
    carepost::directory::upkeep::store::waiting_comparison(&app.database).await.expect("read").is_some()
}

type Stop = tokio::sync::oneshot::Sender<()>;

/// A node that works as the program does.
fn node(
    database: &Database,
    settings: Settings,
    mail: Arc<dyn MailEngine>,
) -> (App, Stop, tokio::task::JoinHandle<()>) {
    let letters = Transport::open(&settings).expect("a transport");
    let outside = Outside { live: Vec::new(), mail, letters, demo: false };
    let app = App::new(database.clone(), settings, Clock::system(), Secret::new([7; 32]), outside);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let stopping = async move {
        let _ = stopped.await;
    };
    let working = tokio::spawn(work::work_until_stopped(app.clone(), stopping));
    (app, stop, working)
}

/// On both databases.
pub async fn measure() {
    let folder = fresh_folder();
    on("SQLite", &format!("sqlite:{}", folder.join("carepost.db").display()), "").await;
    let _ = std::fs::remove_dir_all(folder);
    match fresh_postgres_for_mail() {
        Some((own, theirs)) => on("PostgreSQL", &own, &theirs).await,
        None => println!("lanes, PostgreSQL: no server in this run; nothing measured"),
    }
}
