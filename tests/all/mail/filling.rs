//! A new version of the service makes the projection anew. Until everything is in it again, mail waits
//! and nobody is turned away for good.

use super::clients::{Imap, Smtp};
use super::life::compare;
use super::world::{MailWorld, Person, until};
use carepost::mail::postfix_dovecot::servers::Ports;
use carepost::mail::{EngineError, MailEngine};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Something that is answered and not waited for takes less, on a loaded machine, too.
const AT_ONCE: Duration = Duration::from_secs(15);
/// Three mailboxes are put in within this time, on a loaded machine, too. A command that waited for Dovecot
/// would take longer by itself.
const FILLED_WITHIN: Duration = Duration::from_secs(45);

fn said(command: &mut Command) -> String {
    let output = command.output().expect("the program is there");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// What Postfix itself finds about how a domain is connected to.
fn connected_to(world: &MailWorld, domain: &str) -> String {
    let config = world.folder.join("config/postfix");
    let map = said(Command::new("postconf").arg("-c").arg(&config).args(["-h", "smtp_tls_policy_maps"]));
    let map = map.trim_start_matches("proxy:").to_owned();
    said(Command::new("postmap").arg("-c").arg(&config).args(["-q", domain, &map]))
}

fn sends_what_waits(world: &MailWorld) {
    let config = world.folder.join("config/postfix");
    said(Command::new("postqueue").arg("-c").arg(config).arg("-f"));
}

fn postfix_log(world: &MailWorld) -> String {
    std::fs::read_to_string(world.folder.join("state/postfix/log")).unwrap_or_default()
}

/// Dovecot's list of its users, and whether it says that it is complete.
fn lists_users(world: &MailWorld) -> (bool, Vec<String>) {
    let config = world.folder.join("config/dovecot/dovecot.conf");
    let output =
        Command::new("doveadm").arg("-c").arg(config).args(["user", "*"]).output().expect("doveadm is there");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success(), text.lines().map(str::to_owned).collect())
}

/// Neither server met an error of the database, of which each would cost it its connection.
fn no_query_has_failed(world: &MailWorld) {
    for log in ["state/dovecot-log/log", "state/postfix/log"] {
        let text = std::fs::read_to_string(world.folder.join(log)).expect("a log");
        let failed: Vec<&str> = text
            .lines()
            .filter(|line| {
                ["query failed", "Query failed", "Not connected to database", "sql_connect", "pgsql query"]
                    .iter()
                    .any(|words| line.contains(words))
            })
            .collect();
        assert!(failed.is_empty(), "{log}: {failed:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filling_puts_mail_and_mail_programs_off_until_everything_is_there_again() {
    for mut world in MailWorld::on_both_databases().await {
        let home = world.joins("VM195", &[("Asha", "Patel"), ("Bo", "Li")]).await;
        let [asha, bo] = [home.people[0].clone(), home.people[1].clone()];
        assert_eq!(world.delivers("nobody@carepost.example", "x").await.0, 550);
        assert_eq!(connected_to(&world, "elsewhere.example"), "");
        let mut program = world.smtp(&asha).await;

        // One message was taken before and waits to be stored.
        world.servers().stop_dovecot();
        assert_eq!(world.delivers(&home.address, "Taken before").await.0, 250);
        world.stop_service();
        world.makes_projection_anew().await;
        world.servers().start_dovecot().expect("started");
        world.servers().wait().expect("up");

        let nobody = "nobody@carepost.example";
        for address in [&asha.address, &home.address, &home.address.to_uppercase(), nobody] {
            let (code, words) = world.delivers(address, "Meanwhile").await;
            assert_eq!(code, 451, "{address}: {words}");
            assert!(words.contains("4.3.2") && words.contains("try again later"), "{words}");
        }
        // Whoever has something to report about us reaches the help desk all the same.
        for role in ["postmaster@carepost.example", "Abuse@Carepost.example"] {
            assert_eq!(world.delivers(role, "A report").await.0, 250, "{role}");
        }
        // What is not for us is as it was.
        let (code, words) = world
            .outside()
            .await
            .send("a@trust.example", &["b@elsewhere.example"], "Subject: x\r\n\r\nx")
            .await;
        assert_eq!(code, 554, "{words}");
        // Somebody who had signed in before is not told that their address is not theirs.
        let text = format!("From: {}\r\nSubject: Hello\r\n\r\nHi", asha.address);
        // They are asked to sign in again: whether they were signed out is not known any more.
        let (code, words) = program.send(&asha.address, &["ward@trust.example"], &text).await;
        assert_eq!(code, 421, "{words}");
        // Mail programs that read are told to try again, and not to ask for the password. To those that
        // send Postfix knows one code only, and says why.
        let (_, end) = world.imap_program().await.sign_in(&bo.address, &bo.password).await;
        assert!(end.starts_with("NO [UNAVAILABLE]"), "{end}");
        let (code, words) = world.smtp_program().await.sign_in(&bo.address, &bo.password).await;
        assert!([454, 535].contains(&code) && words.contains("try again later"), "{code} {words}");
        // A list of users says that it is not complete.
        assert_eq!(lists_users(&world), (false, Vec::new()));
        // Any domain may be one that must not be written to in the clear.
        assert_eq!(connected_to(&world, "elsewhere.example"), "encrypt");
        // The service status sees no server that is down.
        assert_eq!(world.engine.answers().await, Ok(()));
        // A command about a user who is not known yet is put off at once.
        let asked = Instant::now();
        let counted = world.engine.count_unread(std::slice::from_ref(&home.address), 1).await;
        assert!(matches!(counted, Err(EngineError::Later(_))), "{counted:?}");
        assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
        sends_what_waits(&world);
        until("what was taken before is put off", || async {
            postfix_log(&world)
                .lines()
                .any(|line| line.contains("status=deferred") && line.contains("said: 451"))
        })
        .await;

        // The service finds out what is missing, and puts it in.
        world.start_service().await;
        assert_eq!(compare(&world).await, (3, "put right".to_owned()));
        assert_eq!(connected_to(&world, "elsewhere.example"), "");
        assert_eq!(world.delivers(&asha.address, "Known again").await.0, 250);
        assert_eq!(world.delivers(nobody, "x").await.0, 451, "nobody has looked whether all is there");
        let (complete, users) = lists_users(&world);
        assert!(!complete && users.contains(&asha.address), "{users:?}");
        // By itself it looks again, and from then on nobody is nobody.
        assert!(carepost::schedule::run_due(&world.app).await.is_empty());
        world.settle().await;
        assert_eq!(world.engine.filling().await, Ok(None));
        let (code, words) = world.delivers(nobody, "x").await;
        assert!(code == 550 && words.contains("5.1.1"), "{code} {words}");
        let (complete, users) = lists_users(&world);
        assert!(complete && users.len() == 3, "{users:?}");
        world.arrives(&asha, "INBOX", "Known again").await;
        sends_what_waits(&world);
        world.arrives(&bo, "Shared/care.vm195", "Taken before").await;
        let ours = |line: &&str| line.contains("carepost.example") && !line.contains("orig_to=");
        let log = postfix_log(&world);
        let returned: Vec<&str> =
            log.lines().filter(|line| line.contains("status=bounced")).filter(ours).collect();
        assert!(returned.is_empty(), "{returned:#?}");
        no_query_has_failed(&world);
    }
}

/// The service is updated and started again, twice, while Dovecot is away: by the time Dovecot comes everything
/// is in the tables again, and mail flows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filling_goes_through_without_dovecot_however_often_the_service_starts() {
    for mut world in MailWorld::on_both_databases().await {
        let home = world.joins("VM195", &[("Asha", "Patel"), ("Bo", "Li")]).await;
        let [asha, bo] = [home.people[0].clone(), home.people[1].clone()];
        // What Dovecot remembers from before does not outlive the filling.
        world.imap(&bo).await;
        world.servers().stop_dovecot();
        world.ends_service().await;
        world.makes_projection_anew().await;
        let name = world.engine.filling().await.expect("asked");
        for _ in 0..2 {
            world.start_service().await;
            world.opens_engine_again().await;
            assert!([name.clone(), None].contains(&world.engine.filling().await.expect("asked")));
            tokio::time::sleep(Duration::from_millis(700)).await;
            world.ends_service().await;
        }
        world.start_service().await;
        let mut minutes = 0;
        while world.engine.filling().await != Ok(None) {
            minutes += 1;
            assert!(minutes <= 4, "it is not filled while Dovecot is away");
            world.app.clock.advance(carepost::clock::Span::minutes(1));
            assert!(carepost::schedule::run_due(&world.app).await.is_empty());
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        assert_eq!(world.delivers(&home.address, "While Dovecot is away").await.0, 250);
        assert_eq!(world.delivers("nobody@carepost.example", "x").await.0, 550);
        world.servers().start_dovecot().expect("started");
        world.servers().wait().expect("up");
        sends_what_waits(&world);
        world.arrives(&asha, "Shared/care.vm195", "While Dovecot is away").await;
        assert_eq!(world.delivers(&bo.address, "Afterwards").await.0, 250);
        world.arrives(&bo, "INBOX", "Afterwards").await;
        // It is told at the next look what it could not be told before.
        assert_eq!(world.engine.answers().await, Ok(()));
        world.app.clock.advance(carepost::clock::Span::hours(2));
        world.settle().await;
        assert_eq!(compare(&world).await, (0, "nothing differed".to_owned()));
    }
}

/// How often somebody who asks all the time was answered, and put off.
#[derive(Default)]
struct Counts {
    answers: AtomicUsize,
    put_off: AtomicUsize,
}

/// Asks both servers about somebody they should know and somebody they should not, until it is enough.
/// Whatever happens meanwhile, the first is never refused for good.
async fn asks_all_the_time(ports: Ports, asha: Person, counts: Arc<Counts>, enough: Arc<AtomicBool>) {
    let nobody = Person { address: "nobody@carepost.example".to_owned(), ..asha.clone() };
    let count = |is_put_off: bool| {
        counts.answers.fetch_add(1, Ordering::SeqCst);
        counts.put_off.fetch_add(usize::from(is_put_off), Ordering::SeqCst);
    };
    while !enough.load(Ordering::SeqCst) {
        for (person, is_somebody) in [(&asha, true), (&nobody, false)] {
            let (_, end) = Imap::program(ports.imap).await.sign_in(&person.address, &person.password).await;
            let is_put_off = end.starts_with("NO [UNAVAILABLE]");
            let expected = if is_somebody { "OK" } else { "NO [AUTHENTICATIONFAILED]" };
            assert!(is_put_off || end.starts_with(expected), "{}: {end}", person.address);
            count(is_put_off);
            let mut program = Smtp::program(ports.submission).await;
            let (code, words) = program.sign_in(&person.address, &person.password).await;
            let is_put_off = words.contains("try again later");
            let expected = if is_somebody { 235 } else { 535 };
            assert!(is_put_off || code == expected, "{}: {code} {words}", person.address);
            count(is_put_off);
            let mut outside = Smtp::outside(ports.smtp).await;
            assert_eq!(outside.command("MAIL FROM:<ward@trust.example>").await.0, 250);
            let (code, words) = outside.command(&format!("RCPT TO:<{}>", person.address)).await;
            let expected = if is_somebody { 250 } else { 550 };
            // Where the tables begin again between two questions of Postfix, Dovecot has it put off (450).
            assert!(code / 100 == 4 || code == expected, "{}: {code} {words}", person.address);
            count(code / 100 == 4);
        }
    }
}

/// How many differences all comparisons so far have found.
async fn differences_found(world: &MailWorld) -> i64 {
    use carepost::database::Reads;
    let rows: Vec<(i64,)> =
        world.app.database.all("SELECT differences FROM mail_comparisons", &[]).await.expect("read");
    rows.into_iter().map(|(found,)| found).sum()
}

/// How often the tables are made again in the test below.
const FILLINGS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filling_goes_through_each_time_while_others_ask_all_the_time() {
    for mut world in MailWorld::on_both_databases().await {
        let home = world.joins("VM195", &[("Asha", "Patel"), ("Bo", "Li")]).await;
        let (counts, enough) = (Arc::new(Counts::default()), Arc::new(AtomicBool::new(false)));
        let asking: Vec<_> = home
            .people
            .iter()
            .map(|person| {
                let (counts, enough) = (Arc::clone(&counts), Arc::clone(&enough));
                tokio::spawn(asks_all_the_time(world.ports, person.clone(), counts, enough))
            })
            .collect();
        for _ in 0..FILLINGS {
            world.stop_service();
            world.makes_projection_anew().await;
            let before = counts.put_off.load(Ordering::SeqCst);
            until("others are put off", || async {
                assert!(asking.iter().all(|task| !task.is_finished()), "somebody was told what is not so");
                counts.put_off.load(Ordering::SeqCst) > before + 4
            })
            .await;
            let begun = Instant::now();
            let found_before = differences_found(&world).await;
            world.start_service().await;
            // The schedule may have compared before this does: by itself, while the tables are being filled.
            let (_, outcome) = compare(&world).await;
            assert!(["put right", "nothing differed"].contains(&outcome.as_str()), "{outcome}");
            assert!(carepost::schedule::run_due(&world.app).await.is_empty());
            world.settle().await;
            assert_eq!(world.engine.filling().await, Ok(None));
            assert_eq!(differences_found(&world).await - found_before, 3, "each mailbox was put in once");
            assert!(begun.elapsed() < FILLED_WITHIN, "{:?}", begun.elapsed());
            assert_eq!(world.delivers(&home.address, "After").await.0, 250);
        }
        enough.store(true, Ordering::SeqCst);
        for task in asking {
            task.await.expect("nobody was told what is not so");
        }
        no_query_has_failed(&world);
    }
}
