//! Postfix, Dovecot and the signer as programs of this one, on ports of their own: for the demo and
//! for tests. In production the system starts them (`docs/guides/mail-postfix-dovecot.md`).

use super::config::{self, Places};
use super::{PostfixDovecot, guard};
use crate::settings::{SecretKey, Settings};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// The programs that must be installed, and the Debian packages they come in.
const PROGRAMS: [(&str, &str); 7] = [
    ("/usr/sbin/postfix", "postfix"),
    ("/usr/sbin/dovecot", "dovecot-core"),
    ("/usr/lib/dovecot/imap", "dovecot-imapd"),
    ("/usr/lib/dovecot/lmtp", "dovecot-lmtpd"),
    ("/usr/bin/sievec", "dovecot-sieve"),
    ("/usr/sbin/opendkim", "opendkim"),
    ("/usr/bin/openssl", "openssl"),
];
/// The drivers for both databases, and the packages they come in.
const DRIVERS: [(&str, &str); 3] = [
    ("/usr/lib/postfix/postfix-pgsql.so", "postfix-pgsql"),
    ("/usr/lib/dovecot/modules/libdriver_sqlite.so", "dovecot-sqlite"),
    ("/usr/lib/dovecot/modules/libdriver_pgsql.so", "dovecot-pgsql"),
];
/// How long they may take to come up.
const START_LIMIT: Duration = Duration::from_secs(120);
/// How long one that was left over may take to stop.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// What is missing to start the servers, as the end of a sentence that says so.
pub fn missing() -> Option<String> {
    let packages: Vec<&str> = PROGRAMS
        .iter()
        .chain(&DRIVERS)
        .filter(|(file, _)| !Path::new(file).exists())
        .map(|(_, package)| *package)
        .collect();
    match (packages.is_empty(), config::is_root()) {
        (true, true) => None,
        (true, false) => Some("only root can start the mail servers".to_owned()),
        (false, true) => Some(format!("these packages are not installed: {}", packages.join(" "))),
        (false, false) => Some(format!(
            "these packages are not installed: {}, and only root can install them and start the mail servers",
            packages.join(" ")
        )),
    }
}

/// The ports of one set of servers.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    pub smtp: u16,
    pub submission: u16,
    pub submission_starttls: u16,
    pub imap: u16,
    pub doveadm: u16,
    pub guard: u16,
    pub lookups: u16,
    pub reports: u16,
}

impl Ports {
    /// The highest base from which every port is one.
    pub const BASE_MAX: u16 = u16::MAX - 8483;

    /// The usual ports (25, 465, 587, 993, and 8480 to 8483 for what the servers say to one another), each
    /// so much higher: base 10000 gives 10025, 10465, …, 18483. `base` is [`Ports::BASE_MAX`] at most.
    pub fn above(base: u16) -> Ports {
        let port = |usual: u16| base.min(Self::BASE_MAX) + usual;
        Ports {
            smtp: port(25),
            submission: port(465),
            submission_starttls: port(587),
            imap: port(993),
            doveadm: port(8480),
            guard: port(8481),
            reports: port(8482),
            lookups: port(8483),
        }
    }

    /// The lowest of them that another program of this machine uses.
    pub fn first_in_use(&self) -> Option<u16> {
        let Ports { smtp, submission, submission_starttls, imap, doveadm, guard, lookups, reports } = *self;
        let mut ports = [smtp, submission, submission_starttls, imap, doveadm, guard, lookups, reports];
        ports.sort_unstable();
        ports.into_iter().find(|port| std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_err())
    }

    /// Ports that nobody uses at the moment, and nobody is given by chance: they lie below those that
    /// the system hands out for outgoing connections, and this program gives none of them twice.
    ///
    /// # Errors
    /// Where there are none left.
    pub fn free() -> std::io::Result<Ports> {
        static FIRST: OnceLock<u32> = OnceLock::new();
        static GIVEN: AtomicU32 = AtomicU32::new(0);
        let first = *FIRST.get_or_init(|| u32::from(u16::from_be_bytes(crate::id::random_bytes())));
        let mut ports = [0; 8];
        // Held together, so that all are different.
        let mut held = Vec::new();
        for port in &mut ports {
            let mut last = Err(std::io::Error::from(std::io::ErrorKind::AddrInUse));
            for _ in 0..FREE_PORTS {
                let place = first.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed)) % FREE_PORTS;
                let candidate = FREE_FROM + u16::try_from(place).unwrap_or(0);
                last = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, candidate));
                if last.is_ok() {
                    *port = candidate;
                    break;
                }
            }
            held.push(last?);
        }
        let [smtp, submission, submission_starttls, imap, doveadm, guard, lookups, reports] = ports;
        Ok(Ports { smtp, submission, submission_starttls, imap, doveadm, guard, lookups, reports })
    }
}

/// Where free ports are looked for, and among how many.
const FREE_FROM: u16 = 12_000;
const FREE_PORTS: u32 = 20_000;

/// Puts everything of the mail servers below one folder, listening on this machine alone. Where the
/// service takes no reports of sign-ins, it takes none here either.
pub fn settle_in(settings: &mut Settings, folder: &Path, ports: Ports) {
    let path = |name: &str| folder.join(name).display().to_string();
    let local = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    settings.mail_engine = "postfix-dovecot".to_owned();
    settings.mail_listen = "127.0.0.1".to_owned();
    settings.mail_server_name = "localhost".to_owned();
    settings.mail_user = "mail".to_owned();
    settings.mail_storage = path("storage");
    settings.mail_certificate = path("mail.crt");
    settings.mail_certificate_key = path("mail.key");
    settings.mail_projection = Some(folder.join("db/mail.db"));
    settings.smtp_port = ports.smtp;
    settings.submission_port = ports.submission;
    settings.submission_starttls_port = ports.submission_starttls;
    settings.imap_port = ports.imap;
    settings.doveadm_address = local(ports.doveadm);
    settings.mail_guard_listen = local(ports.guard);
    settings.mail_lookups_listen = local(ports.lookups);
    settings.mail_reports_listen = settings.mail_reports_listen.map(|_| local(ports.reports));
}

/// The running servers. They stop when this is dropped.
pub struct Servers {
    places: Places,
    dovecot: Option<Child>,
    postfix: Option<Child>,
    signer: Option<Child>,
    ports: Vec<u16>,
}

fn ran(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}

fn started(command: &mut Command) -> Result<Child, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.spawn().map_err(|error| format!("{name}: {error}"))
}

/// The process of a program that says in a file who it is, while it runs.
fn running(pid_file: &Path, program: &str) -> Option<u32> {
    let pid: u32 = std::fs::read_to_string(pid_file).ok()?.split_whitespace().next()?.parse().ok()?;
    // The number may be somebody else's by now.
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    (name.trim_end() == program).then_some(pid)
}

/// Stops servers below a folder whose own program was killed before it could stop them. Only for whoever
/// knows that no other program uses the folder.
///
/// # Errors
/// In words, where one of them goes on running.
pub fn stop_left_over(folder: &Path) -> Result<(), String> {
    let Places { config, state } = places_below(folder);
    let with_config = |program: &str, file: &str| {
        let mut command = Command::new(program);
        command.arg("-c").arg(config.join(file)).arg("stop");
        command
    };
    let postfix = with_config("postfix", "postfix");
    let dovecot = with_config("doveadm", "dovecot/dovecot.conf");
    let servers = [
        (state.join("postfix/queue/pid/master.pid"), "master", Some(postfix)),
        (state.join("dovecot/master.pid"), "dovecot", Some(dovecot)),
        (state.join("dkim/opendkim.pid"), "opendkim", None),
    ];
    for (pid_file, program, stop) in servers {
        let Some(pid) = running(&pid_file, program) else { continue };
        tracing::warn!(program, pid, "stopping a mail server that was left over");
        let mut kill = Command::new("kill");
        kill.arg(pid.to_string());
        ran(&mut stop.unwrap_or(kill))?;
        let begun = Instant::now();
        while running(&pid_file, program).is_some() {
            if begun.elapsed() > STOP_LIMIT {
                return Err(format!(
                    "{program}, left over from an earlier start, does not stop: process {pid}"
                ));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}

/// A certificate that nobody but its maker trusts, for the demo and for tests.
pub fn self_signed(settings: &Settings) -> Result<(), String> {
    if Path::new(&settings.mail_certificate).exists() {
        return Ok(());
    }
    let name = &settings.mail_server_name;
    ran(Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "365"])
        .args(["-subj", &format!("/CN={name}")])
        .args(["-addext", &format!("subjectAltName=DNS:{name},DNS:localhost,IP:127.0.0.1")])
        .args(["-keyout", &settings.mail_certificate_key, "-out", &settings.mail_certificate]))
}

impl Servers {
    /// Writes the configuration and starts all three. What they read must be there: open the engine
    /// first.
    ///
    /// # Errors
    /// In words; what was started is stopped again.
    pub fn start(settings: &Settings, key: &SecretKey, places: &Places) -> Result<Self, String> {
        config::write(settings, key, places)?;
        let sieve = places.config.join("dovecot/sent.sieve");
        ran(Command::new("sievec").arg(&sieve))?;
        let mut servers = Servers {
            places: places.clone(),
            dovecot: None,
            postfix: None,
            signer: None,
            ports: vec![
                settings.doveadm_address.port(),
                settings.imap_port,
                settings.smtp_port,
                settings.submission_port,
                settings.submission_starttls_port,
            ],
        };
        servers.start_dovecot()?;
        let config = places.config.join("opendkim.conf");
        let signer = started(Command::new("opendkim").arg("-f").arg("-x").arg(config))?;
        let signer = servers.signer.insert(signer);
        let socket = places.state.join("dkim/socket");
        let begun = Instant::now();
        while !socket.exists() {
            if matches!(signer.try_wait(), Ok(Some(_))) {
                return Err(format!(
                    "the signer stopped at once; its words are in the system's log. It takes no key below a folder that others may write to, like /tmp: {}",
                    places.state.display()
                ));
            }
            if begun.elapsed() > START_LIMIT {
                return Err("the signer did not start; its words are in the system's log".to_owned());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        servers.start_postfix()?;
        servers.wait()?;
        Ok(servers)
    }

    /// Starts Dovecot.
    pub fn start_dovecot(&mut self) -> Result<(), String> {
        let config = self.places.config.join("dovecot/dovecot.conf");
        self.dovecot = Some(started(Command::new("dovecot").arg("-F").arg("-c").arg(config))?);
        Ok(())
    }

    /// Starts Postfix.
    pub fn start_postfix(&mut self) -> Result<(), String> {
        let config = self.places.config.join("postfix");
        self.postfix = Some(started(Command::new("postfix").arg("-c").arg(config).arg("start-fg"))?);
        Ok(())
    }

    /// Waits until every port answers.
    ///
    /// # Errors
    /// In words, with the end of the logs.
    pub fn wait(&self) -> Result<(), String> {
        let begun = Instant::now();
        for port in &self.ports {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
            while TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_err() {
                if begun.elapsed() > START_LIMIT {
                    return Err(format!("the mail servers did not come up on {address}\n{}", self.logs()));
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        Ok(())
    }

    /// What the servers wrote last.
    pub fn logs(&self) -> String {
        let state = &self.places.state;
        [state.join("postfix/log"), state.join("dovecot-log/log")]
            .iter()
            .map(|path| {
                let text = std::fs::read(path).unwrap_or_default();
                let text = String::from_utf8_lossy(&text).into_owned();
                let lines: Vec<&str> = text.lines().collect();
                format!("{}:\n{}\n", path.display(), lines[lines.len().saturating_sub(60)..].join("\n"))
            })
            .collect()
    }

    /// Stops Dovecot with all its sessions.
    pub fn stop_dovecot(&mut self) {
        if let Some(mut child) = self.dovecot.take() {
            let config = self.places.config.join("dovecot/dovecot.conf");
            if let Err(why) = ran(Command::new("doveadm").arg("-c").arg(config).arg("stop")) {
                tracing::warn!(%why, "Dovecot was not told to stop");
                let _ = child.kill();
            }
            let _ = child.wait();
        }
    }

    /// Stops Postfix.
    pub fn stop_postfix(&mut self) {
        if let Some(mut child) = self.postfix.take() {
            let config = self.places.config.join("postfix");
            if let Err(why) = ran(Command::new("postfix").arg("-c").arg(config).arg("stop")) {
                tracing::warn!(%why, "Postfix was not told to stop");
                let _ = child.kill();
            }
            let _ = child.wait();
        }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.stop_postfix();
        if let Some(mut child) = self.signer.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        self.stop_dovecot();
    }
}

fn places_below(folder: &Path) -> Places {
    Places { config: folder.join("config"), state: folder.join("state") }
}

/// Lines added to the servers' configuration.
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnLines<'a> {
    pub postfix: &'a str,
    pub dovecot: &'a str,
}

/// Servers that were started, with the mail guard as a task of this program.
pub struct Started {
    pub servers: Servers,
    pub engine: PostfixDovecot,
    pub guard: JoinHandle<()>,
}

/// Starts the servers and the guard with everything below one folder: certificate, tables, configuration.
/// The settings say afterwards where that is.
///
/// # Errors
/// In words; what was started is stopped again.
pub async fn start_below(
    folder: &Path,
    settings: &mut Settings,
    key: &SecretKey,
    ports: Ports,
    own: OwnLines<'_>,
) -> Result<Started, String> {
    let places = places_below(folder);
    for (file, lines) in [("postfix/local.cf", own.postfix), ("dovecot/local.conf", own.dovecot)] {
        let file = places.config.join(file);
        file.parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&file, lines))
            .map_err(|error| format!("{}: {error}", file.display()))?;
    }
    settle_in(settings, folder, ports);
    self_signed(settings)?;
    // What the servers read must be there before they start.
    let engine = PostfixDovecot::open(settings, key).await?;
    let servers = Servers::start(settings, key, &places)?;
    let guarded = settings.clone();
    let guard = tokio::spawn(async move {
        if let Err(why) = guard::serve(&guarded, std::future::pending()).await {
            tracing::error!(%why, "the mail guard has stopped");
        }
    });
    let begun = Instant::now();
    while tokio::net::TcpStream::connect(settings.mail_guard_listen).await.is_err() {
        if begun.elapsed() > START_LIMIT || guard.is_finished() {
            return Err(format!("the mail guard did not come up\n{}", servers.logs()));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(Started { servers, engine, guard })
}

/// Servers for a test or a measurement, in a folder and on ports of their own. They stop, and the folder
/// goes, when this is dropped; where that is because a test failed, the end of their logs is printed.
pub struct TemporaryServers {
    pub folder: PathBuf,
    pub ports: Ports,
    pub engine: PostfixDovecot,
    started: Option<Started>,
}

/// A new folder for [`TemporaryServers`].
pub fn temporary_folder() -> Result<PathBuf, String> {
    // Sockets have short names at most, so it lies as high as it can.
    let folder = PathBuf::from("/run").join(format!("carepost-mail-{}", &crate::id::new_token()[..8]));
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

/// Settings for [`TemporaryServers`] over a PostgreSQL database, by the service's address and that of the mail
/// servers; else over a SQLite file in their folder.
pub fn temporary_settings(folder: &Path, postgres: Option<(String, String)>) -> Result<Settings, String> {
    let (database, mail_database) =
        postgres.unwrap_or_else(|| (format!("sqlite:{}/own/carepost.db", folder.display()), String::new()));
    let texts = [("database", database), ("mail_database", mail_database)];
    let texts = texts.map(|(name, value)| (name.to_owned(), value)).into();
    Settings::from_texts(&texts, &BTreeMap::new()).map_err(|wrong| wrong.join("; "))
}

impl TemporaryServers {
    /// Starts them below a folder that goes with them.
    pub async fn start(
        folder: PathBuf,
        settings: &mut Settings,
        key: &SecretKey,
        own: OwnLines<'_>,
    ) -> Result<Self, String> {
        // Whoever comes first installs it for the whole program.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let ports = Ports::free().map_err(|error| error.to_string())?;
        match start_below(&folder, settings, key, ports, own).await {
            Ok(started) => {
                Ok(TemporaryServers { folder, ports, engine: started.engine.clone(), started: Some(started) })
            }
            Err(why) => {
                let _ = std::fs::remove_dir_all(&folder);
                Err(why)
            }
        }
    }

    /// The servers, to stop one of them and start it again.
    pub fn servers(&mut self) -> Option<&mut Servers> {
        self.started.as_mut().map(|started| &mut started.servers)
    }

    /// Stops the mail guard.
    pub fn stop_guard(&self) {
        if let Some(started) = &self.started {
            started.guard.abort();
        }
    }
}

impl Drop for TemporaryServers {
    fn drop(&mut self) {
        if let Some(started) = self.started.take() {
            if std::thread::panicking() {
                eprintln!("{}", started.servers.logs());
            }
            started.guard.abort();
            // They are told to stop by what is in the folder.
            drop(started);
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[cfg(test)]
pub(in crate::mail) mod for_tests {
    //! The servers in a folder of their own for each database.

    use super::*;
    use crate::database::for_tests;
    use crate::settings::Secret;

    /// Servers over a fresh SQLite projection, and over a PostgreSQL database where there is a server.
    /// Empty where the packages are not installed, unless the test run says that they must be.
    #[expect(clippy::disallowed_methods, reason = "tests are told by the test run where its servers are")]
    pub(in crate::mail) async fn on_both_databases() -> Vec<TemporaryServers> {
        if let Some(why) = missing() {
            assert!(std::env::var("CAREPOST_TEST_REQUIRE_ALL").is_err(), "{why}");
            return Vec::new();
        }
        let mut running = vec![on(None).await];
        if let Some(address) = for_tests::postgres_for_mail().await {
            running.push(on(Some(address)).await);
        }
        running
    }

    async fn on(postgres: Option<(String, String)>) -> TemporaryServers {
        let folder = temporary_folder().expect("a folder");
        let mut settings = temporary_settings(&folder, postgres).expect("settings");
        let key = Secret::new([9; 32]);
        TemporaryServers::start(folder, &mut settings, &key, OwnLines::default())
            .await
            .expect("the servers start")
    }
}
