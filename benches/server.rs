//! The release program as a process of its own.

use carepost::database::{Address, Database};
use carepost::settings::{SecretKey, Settings, service_key};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Where the release program is: beside the bench.
pub fn program() -> PathBuf {
    let bench = std::env::current_exe().expect("this program has a path");
    bench.ancestors().nth(2).expect("target/release").join("carepost")
}

/// A running server; it stops when dropped.
pub struct Server {
    child: Child,
    pub address: String,
    pub engine: &'static str,
    pub database: Database,
    pub key: SecretKey,
    folder: PathBuf,
}

pub fn fresh_folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("carepost-bench-{}", &carepost::id::new_token()[..12]));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// The address of a fresh PostgreSQL database, if the run has a server.
#[expect(clippy::disallowed_methods, reason = "the run says where its servers are")]
pub fn fresh_postgres() -> Option<String> {
    let server = std::env::var("CAREPOST_TEST_POSTGRES").ok()?;
    let name = format!("bench_{}", &carepost::id::new_token()[..12]);
    let made = Command::new("psql")
        .args(["-q", "-d", &format!("{server}/postgres"), "-c", &format!("CREATE DATABASE {name}")])
        .status();
    made.is_ok_and(|status| status.success()).then(|| format!("{server}/{name}"))
}

/// A fresh PostgreSQL database with the role of the mail servers: our address and theirs.
pub fn fresh_postgres_for_mail() -> Option<(String, String)> {
    let own = fresh_postgres()?;
    let role = "DO $$ BEGIN CREATE ROLE carepost_mail LOGIN; EXCEPTION WHEN OTHERS THEN NULL; END $$";
    let made = Command::new("psql").args(["-q", "-d", &own, "-c", role]).status();
    let (_, place) = own.split_once('@')?;
    let theirs = format!("postgres://carepost_mail@{place}");
    made.is_ok_and(|status| status.success()).then_some((own, theirs))
}

impl Server {
    /// Starts the program on a database; answers when it is ready, with how long that took.
    pub async fn start(database: &str, engine: &'static str) -> (Self, Duration) {
        Self::start_with(database, engine, &[]).await
    }

    /// The same with more settings, as variables of the environment.
    pub async fn start_with(
        database: &str,
        engine: &'static str,
        settings: &[(&str, &str)],
    ) -> (Self, Duration) {
        let folder = fresh_folder();
        let secret = folder.join("key");
        std::fs::write(&secret, carepost::id::new_token()).expect("a key");
        let port = free_port();
        let address = format!("http://127.0.0.1:{port}");
        let started = Instant::now();
        let child = Command::new(program())
            .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
            .env("CAREPOST_DATABASE", database)
            .env("CAREPOST_SECRET_FILE", &secret)
            .env("CAREPOST_AUDIT_FOLDER", folder.join("audit"))
            .env("CAREPOST_PUBLIC_ADDRESS", &address)
            .env("CAREPOST_LOG_LEVEL", "warn")
            .env("CAREPOST_STARTS_A_NETWORK_AN_HOUR_MAX", "1000000")
            .env("CAREPOST_REGISTRATIONS_A_PERSON_MAX", "60000")
            .envs(settings.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the program starts");
        let mut ready = false;
        for _ in 0..2_000 {
            if crate::browser::is_ready(&address).await {
                ready = true;
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(ready, "the server did not get ready");
        let took = started.elapsed();
        let mut settings = Settings::defaults().expect("defaults");
        settings.secret_file = Some(secret);
        let key = service_key(&settings).expect("the key that was written");
        let database =
            Database::open(&Address::parse(database).expect("an address")).await.expect("the database opens");
        (Server { child, address, engine, database, key, folder }, took)
    }

    /// Seconds of processor time the server has used so far.
    pub fn cpu_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
        (ticks(11) + ticks(12)) / 100.0
    }

    pub fn memory_mib(&self) -> f64 {
        memory_of(self.child.id(), "VmRSS:")
    }

    pub fn memory_peak_mib(&self) -> f64 {
        memory_of(self.child.id(), "VmHWM:")
    }
}

/// A line of a process's memory account, in MiB.
pub fn memory_of(process: u32, line: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let kib = status
        .lines()
        .find_map(|text| text.strip_prefix(line))
        .and_then(|text| text.trim().split(' ').next())
        .and_then(|text| text.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// How large the program is and how fast it starts on a database that is there already.
pub async fn binary_and_start() {
    let size = std::fs::metadata(program()).map_or(0, |file| file.len());
    println!("release program: {:.1} MiB", size as f64 / 1_048_576.0);
    let folder = fresh_folder();
    let database = format!("sqlite:{}", folder.join("carepost.db").display());
    let (first, fresh) = Server::start(&database, "sqlite").await;
    drop(first);
    let (again, started) = Server::start(&database, "sqlite").await;
    println!(
        "start: {:.0} ms with new tables, {:.0} ms again; memory when idle {:.1} MiB",
        fresh.as_secs_f64() * 1000.0,
        started.as_secs_f64() * 1000.0,
        again.memory_mib()
    );
    drop(again);
    let _ = std::fs::remove_dir_all(Path::new(&folder));
}
