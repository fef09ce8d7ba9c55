//! Every call ends in its time, whatever the servers do.

use super::rules::tests::{account, shared_mailbox};
use super::*;
use crate::database::for_tests;
use crate::mail::Standing;
use crate::settings::Secret;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the setting says here, and what a loaded machine may need on top.
const DEADLINE_SECONDS: u8 = 1;
const IN_TIME: Duration = Duration::from_secs(8);

/// What a server does with whoever connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behaviour {
    /// Accepts and says nothing.
    IsSilent,
    Closes,
    /// Bytes of no protocol.
    AnswersRubbish,
    /// The right protocol, and nothing in it that was asked for.
    AnswersSomethingElse,
    /// A byte now and then, and never the end.
    Trickles,
    /// As much as is taken, and never the end.
    Floods,
    /// Begins as it should and says no more.
    StopsInTheMiddle,
    /// Says of every command that it is done.
    Works,
}

async fn behave(behaviour: Behaviour, stream: TcpStream) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    match behaviour {
        Behaviour::IsSilent => std::future::pending().await,
        Behaviour::Closes => Ok(()),
        Behaviour::AnswersRubbish => stream.write_all(&[7; 300]).await,
        Behaviour::AnswersSomethingElse => {
            commands(&mut stream).await?;
            stream.write_all(format!("{head}Content-Length: 9\r\n\r\n[[\"\", 1]]").as_bytes()).await
        }
        Behaviour::Trickles => {
            commands(&mut stream).await?;
            stream.write_all(format!("{head}Content-Length: 99999\r\n\r\n[").as_bytes()).await?;
            loop {
                stream.write_all(b" ").await?;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Behaviour::Floods => {
            commands(&mut stream).await?;
            stream.write_all(format!("{head}Content-Length: 9999999999999\r\n\r\n[").as_bytes()).await?;
            loop {
                stream.write_all(&[b' '; 1 << 16]).await?;
            }
        }
        Behaviour::StopsInTheMiddle => {
            stream.write_all(head.as_bytes()).await?;
            std::future::pending().await
        }
        Behaviour::Works => {
            while let Some(tags) = commands(&mut stream).await? {
                let answers: Vec<Value> =
                    tags.into_iter().map(|tag| serde_json::json!(["doveadmResponse", [], tag])).collect();
                let text = Value::from(answers).to_string();
                let answer = format!("{head}Content-Length: {}\r\n\r\n{text}", text.len());
                stream.write_all(answer.as_bytes()).await?;
            }
            Ok(())
        }
    }
}

/// Reads one request; the tags of its commands, or nothing at the end.
async fn commands(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<Vec<Value>>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        if let Some(number) = line.to_lowercase().strip_prefix("content-length:") {
            length = number.trim().parse().expect("a number");
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let commands: Vec<(String, Value, Value)> = serde_json::from_slice(&body).expect("commands");
    Ok(Some(commands.into_iter().map(|(_, _, tag)| tag).collect()))
}

/// Serves on a free port until the test ends.
async fn server(behaviour: Behaviour) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(behave(behaviour, stream));
        }
    });
    address
}

fn settings(database: &str, doveadm: SocketAddr, postfix: SocketAddr) -> Settings {
    let texts = [
        ("database", database.to_owned()),
        ("doveadm_address", doveadm.to_string()),
        ("smtp_port", postfix.port().to_string()),
        ("mail_engine_deadline_seconds", DEADLINE_SECONDS.to_string()),
    ];
    let texts = texts.map(|(name, value)| (name.to_owned(), value)).into();
    Settings::from_texts(&texts, &BTreeMap::new()).expect("settings")
}

async fn engine(database: &str, dovecot: Behaviour, postfix: Behaviour) -> PostfixDovecot {
    // Whoever comes first installs it for the whole program.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let settings = settings(database, server(dovecot).await, server(postfix).await);
    PostfixDovecot::open(&settings, &Secret::new([9; 32])).await.expect("opened")
}

fn fresh_file() -> String {
    let folder = std::env::temp_dir().join("carepost-tests").join(crate::id::new_token());
    format!("sqlite:{}", folder.join("carepost.db").display())
}

/// Says later, in time.
async fn is_put_off<T: std::fmt::Debug>(what: &str, call: BoxFuture<'_, Result<T, EngineError>>) {
    let begun = Instant::now();
    let answer = call.await;
    assert!(matches!(answer, Err(EngineError::Later(_))), "{what}: {answer:?}");
    assert!(begun.elapsed() < IN_TIME, "{what}: {:?}", begun.elapsed());
}

fn shared() -> WantedSharedMailbox {
    let Mailbox::SharedMailbox(shared) = shared_mailbox(Standing::Open, &["asha"], &[]) else {
        panic!("not a shared mailbox")
    };
    shared
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_end_in_time_whatever_dovecot_does() {
    for dovecot in [
        Behaviour::IsSilent,
        Behaviour::Closes,
        Behaviour::AnswersRubbish,
        Behaviour::AnswersSomethingElse,
        Behaviour::Trickles,
        Behaviour::Floods,
        Behaviour::StopsInTheMiddle,
    ] {
        let database = fresh_file();
        let engine_with = |dovecot| engine(&database, dovecot, Behaviour::Closes);
        let engine = engine_with(dovecot).await;
        let (shared, addresses) = (shared(), ["care.vm195@carepost.example".to_owned()]);
        let filling = engine.filling().await.expect("asked").expect("new tables are filled first");
        let what = |call: &str| format!("{dovecot:?}, {call}");
        is_put_off(&what("ensure_shared_mailbox"), engine.ensure_shared_mailbox(&shared)).await;
        // It is kept now, and Dovecot is still to be told.
        is_put_off(&what("ensure_shared_mailbox again"), engine.ensure_shared_mailbox(&shared)).await;
        is_put_off(&what("list_storage"), engine.list_storage()).await;
        is_put_off(&what("count_unread"), engine.count_unread(&addresses, 1)).await;
        is_put_off(&what("answers"), engine.answers()).await;
        // The projection is filled without Dovecot, or mail would not flow when it comes.
        let begun = Instant::now();
        assert_eq!(engine.list("", 10).await.map(|page| page.len()), Ok(1), "{dovecot:?}");
        assert_eq!(engine.ensure_filled(&filling).await, Ok(Ensured::Updated), "{dovecot:?}");
        assert_eq!(engine.filling().await, Ok(None));
        assert!(begun.elapsed() < IN_TIME, "{dovecot:?}: {:?}", begun.elapsed());
        is_put_off(&what("list"), engine.list("", 10)).await;
        is_put_off(&what("answers when filled"), engine.answers()).await;
        is_put_off(&what("ensure_absent"), engine.ensure_absent("x")).await;

        // Once Dovecot works again it is told what it was not.
        let engine = engine_with(Behaviour::Works).await;
        assert_eq!(engine.ensure_shared_mailbox(&shared).await, Ok(Ensured::Updated));
        assert_eq!(engine.ensure_shared_mailbox(&shared).await, Ok(Ensured::AlreadyRight));
        assert_eq!(engine.ensure_filled(&filling).await, Ok(Ensured::AlreadyRight));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_ends_in_time_whatever_postfix_does() {
    for postfix in [
        Behaviour::IsSilent,
        Behaviour::Closes,
        Behaviour::AnswersRubbish,
        Behaviour::StopsInTheMiddle,
        Behaviour::Trickles,
        Behaviour::Floods,
    ] {
        let engine = engine(&fresh_file(), Behaviour::Works, postfix).await;
        is_put_off(&format!("{postfix:?}"), engine.answers()).await;
    }
}

/// Hands on what is said between the engine and its database, until it falls silent.
async fn proxy(to: SocketAddr, silent: Arc<AtomicBool>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let silent = Arc::clone(&silent);
            tokio::spawn(async move {
                let Ok(mut far) = TcpStream::connect(to).await else { return };
                let (mut from_near, mut from_far) = ([0; 8192], [0; 8192]);
                loop {
                    let said = tokio::select! {
                        read = near.read(&mut from_near) => (read, true),
                        read = far.read(&mut from_far) => (read, false),
                    };
                    if silent.load(Ordering::SeqCst) {
                        std::future::pending::<()>().await;
                    }
                    let handed_on = match said {
                        (Ok(0) | Err(_), _) => return,
                        (Ok(count), true) => far.write_all(&from_near[..count]).await,
                        (Ok(count), false) => near.write_all(&from_far[..count]).await,
                    };
                    if handed_on.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_end_in_time_when_the_database_falls_silent() {
    let Some((own, _)) = for_tests::postgres_for_mail().await else { return };
    let (server, name) = own.rsplit_once('/').expect("an address with a name");
    let (who, place) = server.rsplit_once('@').expect("an address with a user");
    let silent = Arc::new(AtomicBool::new(false));
    let proxy = proxy(place.parse().expect("an address"), Arc::clone(&silent)).await;
    let engine = engine(&format!("{who}@{proxy}/{name}"), Behaviour::Works, Behaviour::Closes).await;
    let Mailbox::Account(asha) = account("asha", Standing::Open) else { panic!("not an account") };
    assert_eq!(engine.ensure_account(&asha).await, Ok(Ensured::Created));
    let filling = engine.filling().await.expect("asked").expect("new tables are filled first");
    silent.store(true, Ordering::SeqCst);
    let domains = ["trust.example".to_owned()];
    is_put_off("ensure_account", engine.ensure_account(&asha)).await;
    is_put_off("ensure_shared_mailbox", engine.ensure_shared_mailbox(&shared())).await;
    is_put_off("ensure_absent", engine.ensure_absent("x")).await;
    is_put_off("look", engine.look("of-asha")).await;
    is_put_off("list", engine.list("", 10)).await;
    is_put_off("answers", engine.answers()).await;
    is_put_off("ensure_secure_domains", engine.ensure_secure_domains(&domains)).await;
    is_put_off("filling", engine.filling()).await;
    is_put_off("ensure_filled", engine.ensure_filled(&filling)).await;
}
