//! The demo as somebody starts it: a program of its own, with and without mail servers.

use crate::mail::clients::{Imap, Smtp};
use carepost::id;
use carepost::mail::postfix_dovecot::servers::{self, Ports};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A demo that takes longer to come up, or to end, never will.
const LIMIT: Duration = Duration::from_secs(120);

/// A demo that runs, with a folder of its own.
struct Demo {
    program: Child,
    /// What it printed, up to where it says how mail is reached.
    said: String,
    listens: String,
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carepost"));
    command
        .args(["demo", "--listen", "127.0.0.1:0", "--folder"])
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Words with which a demo refuses to start.
fn refuses(folder: &Path, arguments: &[&str]) -> String {
    let output = command(folder, arguments).output().expect("it starts");
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

impl Demo {
    fn start(folder: &Path, arguments: &[&str]) -> Demo {
        let mut program =
            command(folder, arguments).stderr(Stdio::inherit()).spawn().expect("the program starts");
        let printed = BufReader::new(program.stdout.take().expect("its output"));
        let mut said = String::new();
        for line in printed.lines() {
            let line = line.expect("text");
            said.push_str(&line);
            said.push('\n');
            if line.contains("Mail programs:") {
                break;
            }
        }
        let listens = said
            .lines()
            .find_map(|line| line.strip_prefix("Carepost serves http://"))
            .unwrap_or_else(|| panic!("it does not say where it serves: {said}"))
            .to_owned();
        Demo { program, said, listens }
    }

    /// The status and body of a page.
    fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.listens).expect("it listens");
        stream.set_read_timeout(Some(LIMIT)).expect("a limit");
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.listens);
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        (status, answer)
    }

    fn becomes_ready(&self) {
        let begun = Instant::now();
        while self.get("/ready").0 != 200 {
            assert!(begun.elapsed() < LIMIT, "it never becomes ready");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it as somebody does who has seen enough.
    fn ends(mut self) {
        self.terminate();
        let begun = Instant::now();
        loop {
            if let Some(status) = self.program.try_wait().expect("asked") {
                assert!(status.success(), "{status}");
                return;
            }
            assert!(begun.elapsed() < LIMIT, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn terminate(&self) {
        let told = Command::new("kill").arg(self.program.id().to_string()).status();
        assert!(told.expect("kill runs").success());
    }
}

impl Drop for Demo {
    /// After a test that failed: mail servers are stopped by the program that started them.
    fn drop(&mut self) {
        if matches!(self.program.try_wait(), Ok(None)) {
            let _ = Command::new("kill").arg(self.program.id().to_string()).status();
            let begun = Instant::now();
            while matches!(self.program.try_wait(), Ok(None)) && begun.elapsed() < LIMIT {
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = self.program.kill();
        }
    }
}

fn folder() -> PathBuf {
    std::env::temp_dir().join("carepost-tests").join(id::new_token())
}

#[test]
fn demo_without_mail_serves_and_says_that_no_mail_moves() {
    let folder = folder();
    let demo = Demo::start(&folder, &["--without-mail"]);
    assert!(demo.said.contains("no mail moves, because --without-mail says so"), "{}", demo.said);
    demo.becomes_ready();
    let (status, page) = demo.get("/demo/letters");
    assert_eq!(status, 200, "{page}");
    // The same folder is not used twice, and what was typed is named.
    let why = refuses(&folder, &["--without-mail"]);
    assert!(why.contains("Another demo uses the folder") && why.contains("--folder"), "{why}");
    let why = refuses(&folder, &["--without-mail", "--mail-port-base", "20000"]);
    assert!(why.contains("cannot be used with"), "{why}");
    demo.ends();
    let _ = std::fs::remove_dir_all(&folder);
}

/// A base from which every port is free. None of them is one that other tests are given.
fn free_base() -> u16 {
    (0..1_000)
        .map(|_| 1_100 + u16::from_be_bytes(id::random_bytes()) % 1_900)
        .find(|base| Ports::above(*base).first_in_use().is_none())
        .expect("some ports are free")
}

#[expect(clippy::disallowed_methods, reason = "tests are told by the test run what must be there")]
fn mail_servers_are_there() -> bool {
    let missing = servers::missing();
    assert!(missing.is_none() || std::env::var("CAREPOST_TEST_REQUIRE_ALL").is_err(), "{missing:?}");
    missing.is_none()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn demos_run_side_by_side_on_ports_of_their_own_and_after_being_killed() {
    if !mail_servers_are_there() {
        return;
    }
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let folders: [_; 2] = std::array::from_fn(|_| folder());
    let mail_folders: [_; 2] = std::array::from_fn(|_| servers::temporary_folder().expect("a folder"));
    let mail = |place: usize| mail_folders[place].to_str().expect("text");
    let first_base = free_base();
    let ports = Ports::above(first_base);
    let first_based = first_base.to_string();
    let first_arguments = ["--mail-folder", mail(0), "--mail-port-base", first_based.as_str()];
    let first = Demo::start(&folders[0], &first_arguments);
    let bases = [first_base, free_base()];
    let based = bases.map(|base| base.to_string());
    for port in [ports.imap, ports.submission] {
        assert!(first.said.contains(&format!("localhost:{port}")), "{}", first.said);
    }
    // Neither its folder nor its ports are taken from it.
    let why = refuses(&folders[1], &["--mail-folder", mail(0), "--mail-port-base", &based[1]]);
    assert!(why.contains("Another demo uses the folder") && why.contains("--mail-folder"), "{why}");
    let why = refuses(&folders[1], &["--mail-folder", mail(1), "--mail-port-base", &based[0]]);
    assert!(why.contains(&ports.smtp.to_string()) && why.contains("--mail-port-base"), "{why}");

    let second = Demo::start(&folders[1], &["--mail-folder", mail(1), "--mail-port-base", &based[1]]);
    for base in bases {
        let ports = Ports::above(base);
        Imap::program(ports.imap).await;
        Smtp::program(ports.submission).await;
        Smtp::outside(ports.smtp).await;
    }

    // Killed, it leaves its mail servers running; the next one on the same folder takes their place.
    let mut killed = first;
    killed.program.kill().expect("killed");
    killed.program.wait().expect("it ends");
    assert_eq!(ports.first_in_use(), Some(ports.smtp), "Postfix goes on");
    let again = Demo::start(&folders[0], &first_arguments);
    again.becomes_ready();
    Imap::program(ports.imap).await;
    Smtp::program(ports.submission).await;

    again.ends();
    second.ends();
    for base in bases {
        let begun = Instant::now();
        while let Some(port) = Ports::above(base).first_in_use() {
            assert!(begun.elapsed() < LIMIT, "something goes on at port {port}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    for folder in folders.iter().chain(&mail_folders) {
        let _ = std::fs::remove_dir_all(folder);
    }
}
