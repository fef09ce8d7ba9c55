//! The command line.

use carepost::app::{App, Outside, contact_key};
use carepost::audit;
use carepost::clock::{Clock, Day};
use carepost::contact::{Email, Name};
use carepost::database::{Database, Error, Tx};
use carepost::directory::upkeep::{self, store::MailboxDifference};
use carepost::guidance::Library;
use carepost::letter::Transport;
use carepost::mail::postfix_dovecot::config::Places;
use carepost::mail::postfix_dovecot::servers::{self, OwnLines, Servers};
use carepost::mail::postfix_dovecot::{self, PostfixDovecot};
use carepost::mail::{Embedded, MailEngine, secure_domains};
use carepost::register::import::{self, ImportKind};
use carepost::register::{Register, samples};
use carepost::settings::{SecretKey, Settings, service_key};
use carepost::{directory, register, routes, sign_in, work};
use clap::{Parser, Subcommand};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Carepost gets social care organisations onto secure email and keeps them there.
#[derive(Parser)]
#[command(name = "carepost", version, about)]
struct Line {
    /// A TOML file with settings; CAREPOST_… variables win over it
    #[arg(long, global = true, value_name = "FILE")]
    settings: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve pages and do the background work
    Serve {
        /// Where to serve, like 127.0.0.1:8080
        #[arg(long, value_name = "ADDR")]
        listen: Option<SocketAddr>,
    },
    /// Make or update the tables
    Migrate,
    /// Import a register file
    Import {
        /// cqc-locations, cqc-providers, ods-sites, ods-hqs, ods-succession, dspt or site-contacts
        kind: String,
        file: PathBuf,
        /// Count and report, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Allow a file that closes or removes more than 5 % of what is there
        #[arg(long)]
        allow_shrink: bool,
        /// Where the file comes from
        #[arg(long, value_name = "WORDS")]
        source: Option<String>,
        /// The day the data is of, like 2026-03-02
        #[arg(long, value_name = "DAY")]
        data_date: Option<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Find a site in the imported registers
    Find {
        #[arg(required = true)]
        words: Vec<String>,
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Add a case worker; asks for the password unless it is given on standard input
    AddCaseWorker {
        email: String,
        /// First and last name
        #[arg(long)]
        name: String,
        /// Make a password and print it once
        #[arg(long)]
        make_password: bool,
    },
    /// Write the configuration of Postfix and Dovecot, or print what the mail domain must publish
    MailConfig {
        /// Where the configuration is written
        #[arg(long, value_name = "FOLDER", default_value = "/etc/carepost/mail")]
        out: PathBuf,
        /// Where the mail servers keep their queue, sockets, logs and the signing key
        #[arg(long, value_name = "FOLDER", default_value = "/var/lib/carepost-mail")]
        state: PathBuf,
        /// Print the DNS records instead
        #[arg(long)]
        dns: bool,
    },
    /// Look at each message before Postfix takes it: run this beside Postfix
    MailGuard,
    /// Compare the directory with the mail servers and have what differs put right
    MailCompare {
        /// Also remove mailboxes, with their mail, that the directory does not know
        #[arg(long)]
        remove_unknown: bool,
    },
    /// Import the list of domains accredited for secure email (DCB1596)
    ImportSecureDomains {
        /// A CSV file with a column called domain, and perhaps one called organisation
        file: PathBuf,
        /// Allow a list that is more than a tenth shorter than the one before
        #[arg(long)]
        allow_shrink: bool,
    },
    /// Verify the audit chain and every invariant
    Check {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Serve a demo on this machine: sample registers, letters on a page
    Demo {
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
        listen: SocketAddr,
        /// Where the demo keeps its database
        #[arg(long, value_name = "FOLDER", default_value = "carepost-data/demo")]
        folder: PathBuf,
        /// Where Postfix and Dovecot keep the demo's mail; nothing there needs to be
        #[arg(long, value_name = "FOLDER", default_value = "/var/lib/carepost-demo")]
        mail_folder: PathBuf,
    },
    /// Print every setting with its value, unit and source
    Settings,
    /// Print the guide to the settings as Markdown
    #[command(hide = true)]
    SettingsGuide,
    /// Print the reading age of every article as Markdown
    #[command(hide = true)]
    ReadingAges,
    /// Print the pictures of the states as Markdown
    #[command(hide = true)]
    States,
}

fn main() -> ExitCode {
    let line = Line::parse();
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("The cryptography could not be set up.");
        return ExitCode::FAILURE;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("The program could not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(line)) {
        Ok(code) => code,
        Err(words) => {
            eprintln!("{words}");
            ExitCode::FAILURE
        }
    }
}

async fn run(line: Line) -> Result<ExitCode, String> {
    if let Command::SettingsGuide = line.command {
        print!("{}", Settings::guide());
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::ReadingAges = line.command {
        let settings = Settings::defaults().map_err(|wrong| wrong.join("\n"))?;
        print!("{}", Library::open(&settings).map_err(|wrong| wrong.join("\n"))?.reading_ages());
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::States = line.command {
        print!("{STATES_HEAD}{}\n{}", carepost::registration::picture(), carepost::directory::picture());
        return Ok(ExitCode::SUCCESS);
    }
    let settings = Settings::read(line.settings.as_deref())
        .map_err(|wrong| format!("These settings are wrong:\n  {}", wrong.join("\n  ")))?;
    match line.command {
        Command::Serve { listen } => serve(settings, listen).await,
        Command::Migrate => {
            let database = open(&settings).await?;
            let applied = database.migrate(now_ms()).await.map_err(words)?;
            println!("{applied} migrations applied; the tables are current.");
            Ok(ExitCode::SUCCESS)
        }
        Command::Import { kind, file, dry_run, allow_shrink, source, data_date, json } => {
            let kind = ImportKind::parse(&kind)?;
            let data_date = match data_date {
                None => None,
                Some(text) => Some(Day::parse_iso(&text).ok_or("--data-date must be a day like 2026-03-02")?),
            };
            let key = if kind == ImportKind::SiteContacts {
                Some(contact_key(&service_key(&settings)?))
            } else {
                None
            };
            let options = import::Options {
                dry_run,
                allow_shrink,
                source,
                data_date,
                by: "operator".to_owned(),
                contact_key: key,
            };
            let database = open_current(&settings).await?;
            let report = import::run(&database, &Clock::system(), kind, &file, &options)
                .await
                .map_err(|refusal| refusal.to_string())?;
            if json {
                println!("{}", report.json())
            } else {
                println!("{report}")
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Find { words: typed, json } => {
            let database = open_current(&settings).await?;
            let rows = register::find(&database, &typed.join(" ")).await.map_err(words)?;
            if json {
                println!("{}", serde_json::to_string(&rows).map_err(|error| error.to_string())?);
            } else if rows.is_empty() {
                println!("Nothing found.");
            } else {
                for row in &rows {
                    println!("{row}");
                }
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::AddCaseWorker { email, name, make_password } => {
            let password = if make_password { made_password() } else { typed_password()? };
            let database = open_current(&settings).await?;
            let key = service_key(&settings)?;
            let clock = Clock::system();
            let added = add_case_worker(&database, &clock, &email, &name, &password).await?;
            println!("Case worker {name} can sign in at {}/casework", settings.public_address);
            if make_password {
                println!("Password (shown once): {password}");
            }
            println!(
                "Authenticator app: enter this key, or scan it from {}",
                sign_in::app_code::address(
                    &key,
                    sign_in::secrets::Purpose::CaseWorkerApp,
                    &added,
                    &email,
                    &settings.service_name
                )
            );
            println!(
                "Key: {}",
                sign_in::app_code::key_text(&key, sign_in::secrets::Purpose::CaseWorkerApp, &added)
            );
            Ok(ExitCode::SUCCESS)
        }
        Command::MailConfig { out, state, dns } => mail_config(&settings, out, state, dns).await,
        Command::MailGuard => {
            start_logging(&settings);
            postfix_dovecot::guard::serve(&settings, stop_signal()).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::MailCompare { remove_unknown } => mail_compare(settings, remove_unknown).await,
        Command::ImportSecureDomains { file, allow_shrink } => {
            import_secure_domains(&settings, &file, allow_shrink).await
        }
        Command::Check { json } => check(&settings, json).await,
        Command::Demo { listen, folder, mail_folder } => demo(settings, listen, folder, mail_folder).await,
        Command::Settings => {
            for line in settings.lines() {
                println!("{} = {} ({}, {})", line.name, line.value, line.unit, line.source);
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::SettingsGuide | Command::ReadingAges | Command::States => Ok(ExitCode::SUCCESS),
    }
}

/// How the document of the states begins.
const STATES_HEAD: &str = "# States\n\nMade from the code's own tables of moves by `make docs`.\n\n";

fn words(error: Error) -> String {
    error.to_string()
}

fn now_ms() -> i64 {
    Clock::system().now().as_milliseconds()
}

async fn open(settings: &Settings) -> Result<Database, String> {
    Database::open(&settings.database).await.map_err(|error| format!("{}: {error}", settings.database))
}

/// Opens a database whose tables are current, and says what to do where they are not.
async fn open_current(settings: &Settings) -> Result<Database, String> {
    let database = open(settings).await?;
    match database.migrations_current().await.map_err(words)? {
        Ok(()) => Ok(database),
        Err(why) => Err(format!("{}: {why}. Run `carepost migrate`.", settings.database)),
    }
}

fn start_logging(settings: &Settings) {
    let filter = tracing_subscriber::EnvFilter::try_new(format!("warn,carepost={}", settings.log_level))
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let logging = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if settings.log_format == "json" {
        logging.json().init();
    } else {
        logging.with_target(false).init();
    }
}

async fn serve(settings: Settings, listen: Option<SocketAddr>) -> Result<ExitCode, String> {
    start_logging(&settings);
    let database = open(&settings).await?;
    database.migrate(now_ms()).await.map_err(words)?;
    let key = service_key(&settings)?;
    let clock = Clock::system();
    let outside = outside(&settings, &database, &key, &clock).await?;
    let listen = listen.unwrap_or(settings.listen);
    let app = App::new(database, settings, clock, key, outside);
    serve_app(app, listen, &[]).await
}

/// Everything outside that the settings name, for whoever does the service's work.
async fn outside(
    settings: &Settings,
    database: &Database,
    key: &SecretKey,
    clock: &Clock,
) -> Result<Outside, String> {
    let mut live: Vec<Arc<dyn Register>> = Vec::new();
    if let (true, Some(key)) = (settings.cqc_live, &settings.cqc_key) {
        let cqc = register::cqc::Settings {
            enabled: true,
            key: register::Key::new(key.reveal()),
            ..Default::default()
        };
        live.push(Arc::new(register::cqc::LiveCqc::open(&cqc, clock.clone())?));
    }
    if let (true, Some(key)) = (settings.ods_live, &settings.ods_key) {
        let ods = register::ods::Settings {
            enabled: true,
            key: register::Key::new(key.reveal()),
            ..Default::default()
        };
        live.push(Arc::new(register::ods::LiveOds::open(&ods, clock.clone())?));
    }
    let mail = mail_engine(settings, database, key, clock).await?;
    Ok(Outside { live, mail, letters: Transport::open(settings)?, demo: false })
}

/// The engine the settings name. Where it does not hold everything yet, the directory is compared with it
/// at once.
async fn mail_engine(
    settings: &Settings,
    database: &Database,
    key: &SecretKey,
    clock: &Clock,
) -> Result<Arc<dyn MailEngine>, String> {
    match settings.mail_engine.as_str() {
        "embedded" => Ok(Arc::new(Embedded::new(database.clone(), clock.clone()))),
        "postfix-dovecot" => {
            let engine = PostfixDovecot::open(settings, key).await?;
            if !matches!(engine.filling().await, Ok(None)) {
                let now = clock.now();
                database
                    .write::<_, Error, _>(move |tx: &mut Tx| {
                        Box::pin(async move {
                            upkeep::store::ask_for_comparison(tx, now, &audit::Actor::Service).await
                        })
                    })
                    .await
                    .map_err(words)?;
            }
            Ok(Arc::new(engine))
        }
        other => Err(format!("mail_engine: there is no engine called {other}")),
    }
}

async fn mail_config(
    settings: &Settings,
    out: PathBuf,
    state: PathBuf,
    dns: bool,
) -> Result<ExitCode, String> {
    let absolute = |path: PathBuf| std::path::absolute(&path).map_err(|error| error.to_string());
    let places = Places { config: absolute(out)?, state: absolute(state)? };
    if dns {
        print!("{}", postfix_dovecot::config::dns_lines(settings, &places)?);
        return Ok(ExitCode::SUCCESS);
    }
    let key = service_key(settings)?;
    // What the servers read must be there before they start.
    PostfixDovecot::open(settings, &key).await?;
    postfix_dovecot::config::write(settings, &key, &places)?;
    println!("Written below {}. Look at it with:", places.config.display());
    println!("  postconf -c {}/postfix -n", places.config.display());
    println!("  doveconf -c {}/dovecot/dovecot.conf -n", places.config.display());
    Ok(ExitCode::SUCCESS)
}

async fn mail_compare(settings: Settings, remove_unknown: bool) -> Result<ExitCode, String> {
    let database = open_current(&settings).await?;
    let (key, clock) = (service_key(&settings)?, Clock::system());
    // Other work may be due at the same moment and is done alike, letters with it.
    let outside = outside(&settings, &database, &key, &clock).await?;
    let app = App::new(database, settings, clock, key, outside);
    let now = app.clock.now();
    app.database
        .write::<_, Error, _>(move |tx: &mut Tx| {
            Box::pin(async move { upkeep::store::ask_for_comparison(tx, now, &audit::Actor::Operator).await })
        })
        .await
        .map_err(words)?;
    // The service may have taken it, so it is waited for whoever does it.
    while let Some(waiting) = upkeep::store::waiting_comparison(&app.database).await.map_err(words)? {
        if work::do_due(&app).await.map_err(words)? == 0 {
            if !waiting.reason.is_empty() {
                return Err(format!("Not compared yet: {}. It is tried again by itself.", waiting.reason));
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    }
    // What differed is put right before it is listed.
    while work::do_due(&app).await.map_err(words)? > 0 {}
    let newest = upkeep::store::newest_comparison(&app.database).await.map_err(words)?;
    let Some(newest) = newest else {
        return Err("The comparison was given up; the page of work that needs attention says why.".to_owned());
    };
    println!("{} mailboxes compared, {} differed: {}", newest.mailboxes, newest.differences, newest.outcome);
    if !matches!(app.mail.filling().await, Ok(None)) {
        println!(
            "The mail servers do not hold everything yet; senders to addresses they do not know are told to try again. Compare again."
        );
    }
    for listed in upkeep::store::list_differences(&app.database).await.map_err(words)? {
        let MailboxDifference { mailbox_id: id, address, difference } = listed.found;
        println!("  {id} {address}: {}", difference.stored());
        if remove_unknown && !difference.is_repaired() {
            upkeep::store::remove_unknown(&app, &id).await?;
            println!("  {id} removed");
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn import_secure_domains(
    settings: &Settings,
    file: &Path,
    allow_shrink: bool,
) -> Result<ExitCode, String> {
    let bytes = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let read = secure_domains::read(&bytes)?;
    let database = open_current(settings).await?;
    let before = upkeep::store::list_secure_domains(&database).await.map_err(words)?.len();
    if !allow_shrink && read.domains.len() * 10 < before * 9 {
        return Err(format!(
            "The list has {} domains and the one before had {before}. If that is right, say --allow-shrink.",
            read.domains.len()
        ));
    }
    let count = read.domains.len();
    upkeep::store::keep_secure_domains(&database, Clock::system().now(), read.domains)
        .await
        .map_err(words)?;
    println!("{count} domains kept, {before} before; {} rows rejected.", read.rejected.len());
    for (line, why) in read.rejected.iter().take(20) {
        println!("  line {line}: {why}");
    }
    Ok(ExitCode::SUCCESS)
}

async fn serve_app(app: App, listen: SocketAddr, say: &[String]) -> Result<ExitCode, String> {
    let library = Library::open(&app.settings)
        .map(Arc::new)
        .map_err(|wrong| format!("These files of the support site are wrong:\n  {}", wrong.join("\n  ")))?;
    let listener =
        tokio::net::TcpListener::bind(listen).await.map_err(|error| format!("{listen}: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    if let Some(metrics) = app.settings.metrics_listen {
        let listener =
            tokio::net::TcpListener::bind(metrics).await.map_err(|error| format!("{metrics}: {error}"))?;
        let router = routes::metrics_router(&app);
        tokio::spawn(carepost::web::serve::serve(listener, router, std::future::pending()));
    }
    if let (Some(reports), "postfix-dovecot") =
        (app.settings.mail_reports_listen, app.settings.mail_engine.as_str())
    {
        let listener =
            tokio::net::TcpListener::bind(reports).await.map_err(|error| format!("{reports}: {error}"))?;
        let router = routes::reports_router(&app);
        tokio::spawn(carepost::web::serve::serve(listener, router, std::future::pending()));
    }
    // The first search would otherwise wait for the index.
    let warming = app.clone();
    tokio::spawn(async move {
        if let Err(error) = warming.search.find("", 0).await {
            tracing::warn!(%error, "the search index could not be made yet");
        }
    });
    tokio::spawn(work::work_until_stopped(app.clone()));
    println!("Carepost serves http://{address}");
    for line in say {
        println!("{line}");
    }
    let router = routes::router(&app, library);
    carepost::web::serve::serve(listener, router, stop_signal()).await.map_err(|error| error.to_string())?;
    Ok(ExitCode::SUCCESS)
}

async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupted = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminated) => {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
        }
        Err(_) => {
            let _ = interrupted.await;
        }
    }
}

/// The demo's case worker: known to everybody, which is why the demo refuses any address but
/// loopback.
const DEMO_EMAIL: &str = "case.worker@carepost.example";
const DEMO_PASSWORD: &str = "teapot lantern gravel";
const DEMO_SECOND_EMAIL: &str = "second.worker@carepost.example";

async fn demo(
    settings: Settings,
    listen: SocketAddr,
    folder: PathBuf,
    mail_folder: PathBuf,
) -> Result<ExitCode, String> {
    if !listen.ip().is_loopback() {
        return Err(format!("The demo is for this machine alone: {listen} is not a loopback address."));
    }
    start_logging(&settings);
    let mut settings = settings;
    settings.database = carepost::database::Address::Sqlite(folder.join("carepost.db"));
    settings.secret_file = None;
    settings.smtp_server = None;
    settings.text_gateway = None;
    settings.cqc_live = false;
    settings.ods_live = false;
    settings.tls_in_front = false;
    settings.public_address = format!("http://{listen}");
    let is_new = !folder.join("carepost.db").exists();
    let database = open(&settings).await?;
    database.migrate(now_ms()).await.map_err(words)?;
    let key = service_key(&settings)?;
    let clock = Clock::system();
    let mail = demo_mail(&mut settings, &key, &mail_folder, is_new).await?;
    samples::load(&database, &clock, &contact_key(&key)).await.map_err(|refusal| refusal.to_string())?;
    let mut say = Vec::new();
    for (email, name) in [(DEMO_EMAIL, "Casey Worker"), (DEMO_SECOND_EMAIL, "Sam Second")] {
        if sign_in::store::find_case_worker(&database, email).await.map_err(words)?.is_none() {
            add_case_worker(&database, &clock, email, name, DEMO_PASSWORD).await?;
        }
    }
    say.push(format!(
        "  Register a care home:  http://{listen}/register   (try “Home Instead”, or read samples/README.md)"
    ));
    say.push(format!("  Read the letters:      http://{listen}/demo/letters"));
    say.push(format!("  Case work:             http://{listen}/casework   {DEMO_EMAIL}, password “{DEMO_PASSWORD}”; the code is on http://{listen}/demo/codes"));
    say.push(format!("  A second case worker:  {DEMO_SECOND_EMAIL}, same password"));
    say.push(match &mail {
        Ok(_) => format!(
            "  Mail programs:         make an app password on http://{listen}/my-account; IMAP localhost:{}, SMTP localhost:{} (both TLS, a certificate of our own)",
            settings.imap_port, settings.submission_port
        ),
        Err(why) => format!("  Mail:                  no mail is moved, because {why} (docs/guides/mail-postfix-dovecot.md)"),
    });
    let outside = Outside {
        live: Vec::new(),
        mail: mail_engine(&settings, &database, &key, &clock).await?,
        letters: Transport::Kept,
        demo: true,
    };
    let app = App::new(database, settings, clock, key, outside);
    let served = serve_app(app, listen, &say).await;
    drop(mail);
    served
}

/// The demo's mail servers, on high ports of this machine; or why there are none, and the demo moves no
/// mail.
async fn demo_mail(
    settings: &mut Settings,
    key: &SecretKey,
    folder: &Path,
    is_new: bool,
) -> Result<Result<Servers, String>, String> {
    if let Some(why) = servers::missing() {
        settings.mail_engine = "embedded".to_owned();
        return Ok(Err(why));
    }
    let marker = folder.join("mail-of-a-carepost-demo");
    if is_new && marker.exists() {
        // The mail of an earlier demo belongs to nobody any more.
        std::fs::remove_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    std::fs::write(&marker, "").map_err(|error| format!("{}: {error}", marker.display()))?;
    // Mail goes round in the demo and nowhere else.
    let own =
        OwnLines { postfix: "default_transport = error:5.4.1 the demo sends nothing out\n", dovecot: "" };
    let started = servers::start_below(folder, settings, key, servers::Ports::DEMO, own).await?;
    Ok(Ok(started.servers))
}

/// Adds a case worker; answers the identifier.
async fn add_case_worker(
    database: &Database,
    clock: &Clock,
    email: &str,
    name: &str,
    password: &str,
) -> Result<String, String> {
    let email = Email::parse(email)?;
    Name::parse(name, "name")?;
    if let Some(problem) = sign_in::password::problem(password, &[name, email.as_str()]) {
        return Err(problem);
    }
    let hash = sign_in::password::hash_now(password)?;
    let now = clock.now();
    let id = carepost::id::new_id(now);
    let (for_row, name, taken) = (id.clone(), name.to_owned(), email.clone());
    let added = database
        .write::<_, Error, _>(move |tx: &mut Tx| {
            Box::pin(async move {
                let added =
                    sign_in::store::add_case_worker(tx, &for_row, &name, email.as_str(), &hash, now).await?;
                if added {
                    let entry = audit::Entry::new(audit::Actor::Operator, "case worker added", &for_row);
                    audit::store::add(tx, now, &entry).await?;
                }
                Ok(added)
            })
        })
        .await
        .map_err(words)?;
    if added { Ok(id) } else { Err(format!("There is a case worker with the address {taken} already.")) }
}

/// A password nobody has to think of: 100 bits, in groups that can be read out.
fn made_password() -> String {
    let token = carepost::id::new_token();
    [&token[..5], &token[5..10], &token[10..15], &token[15..20], &token[20..25]].join("-")
}

fn typed_password() -> Result<String, String> {
    use std::io::{BufRead, IsTerminal, Write};
    let input = std::io::stdin();
    if input.is_terminal() {
        print!("Password (it is shown as you type): ");
        std::io::stdout().flush().map_err(|error| error.to_string())?;
    }
    let mut line = String::new();
    input.lock().read_line(&mut line).map_err(|error| error.to_string())?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

async fn check(settings: &Settings, json: bool) -> Result<ExitCode, String> {
    let database = open_current(settings).await?;
    let chain = audit::store::verify_chain(&database, Clock::system().now()).await.map_err(words)?;
    let mut counts: Vec<(String, i64)> = vec![
        ("broken links of the audit chain".to_owned(), chain.broken),
        ("audit entries that are not on the chain".to_owned(), chain.unchained),
    ];
    for (name, count) in directory::store::invariants(&database).await.map_err(words)? {
        counts.push((name.to_owned(), count));
    }
    let ok = counts.iter().all(|(_, count)| *count == 0);
    if json {
        let invariants: serde_json::Map<String, serde_json::Value> =
            counts.into_iter().map(|(name, count)| (name, count.into())).collect();
        println!("{}", serde_json::json!({ "ok": ok, "chain_links": chain.links, "invariants": invariants }));
    } else {
        println!("audit chain: {} links", chain.links);
        for (name, count) in counts {
            println!("{count:>8}  {name}");
        }
        println!("{}", if ok { "Everything holds." } else { "There are breaches." });
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
