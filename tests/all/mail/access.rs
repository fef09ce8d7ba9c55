//! Who is taken off is out: of a shared mailbox, of one mail program, of everything.

use super::clients::{Imap, Smtp};
use super::world::{MailWorld, Person, until};
use carepost::clock::Span;
use carepost::directory::{Access, store};
use carepost::mail::MailEngine;

fn message(from: &str, subject: &str) -> String {
    format!("From: {from}\r\nSubject: {subject}\r\n\r\nHi")
}

async fn refused_by_imap(world: &MailWorld, login: &str, password: &str) {
    let mut imap = Imap::program(world.ports.imap).await;
    let (_, end) = imap.sign_in(login, password).await;
    assert!(end.starts_with("NO [AUTHENTICATIONFAILED]"), "{end}");
}

async fn refused_by_smtp(world: &MailWorld, login: &str, password: &str) {
    let mut smtp = Smtp::program(world.ports.submission).await;
    assert_eq!(smtp.sign_in(login, password).await.0, 535);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_who_is_removed_is_out_at_once() {
    for world in MailWorld::on_both_databases().await {
        let home = world.joins("VM195", &[("Asha", "Patel"), ("Bo", "Li")]).await;
        let [asha, bo] = [&home.people[0], &home.people[1]];
        let shared = "Shared/care.vm195";
        world.delivers(&home.address, "Before").await;
        world.arrives(bo, shared, "Before").await;

        // Bo reads and has a message half written when the access ends.
        let mut reading = world.imap(bo).await;
        assert!(reading.can_open(shared).await);
        let mut writing = world.smtp(bo).await;
        let from_home = message(&home.address, "As the home");
        assert_eq!(writing.send(&home.address, &[&asha.address], &from_home).await.0, 250);
        world.changes_access(&home, &bo.account, None).await;
        world.settle().await;

        assert!(reading.has_ended().await, "the open session is cut");
        let mut again = world.imap(bo).await;
        for command in ["LIST \"\" \"*\"", "LSUB \"\" \"*\""] {
            let listed = again.done(command).await;
            assert!(!listed.contains("Shared"), "{command}: {listed}");
        }
        assert!(!again.can_open(shared).await);
        assert!(!again.can_open(&format!("{shared}/Sent")).await);
        let (code, words) = writing.send(&home.address, &[&asha.address], &from_home).await;
        assert_eq!(code, 553, "{words}");
        let _ = writing.command("RSET").await;
        let (code, words) = writing.send(&bo.address, &[&asha.address], &from_home).await;
        assert_eq!(code, 550, "{words}");

        // Bo's own mailbox and Asha's access are as before.
        assert!(again.can_open("INBOX").await);
        assert_eq!(writing.send(&bo.address, &[&asha.address], &message(&bo.address, "Own")).await.0, 250);
        world.arrives(asha, shared, "Before").await;

        // Given back, it is there again.
        world.changes_access(&home, &bo.account, Some(Access::Member)).await;
        world.settle().await;
        world.arrives(bo, shared, "Before").await;

        // Somebody of another home never sees any of it.
        let other = world.joins("VM200", &[("Cy", "Fox")]).await;
        let mut stranger = world.imap(&other.people[0]).await;
        assert!(!stranger.done("LIST \"\" \"*\"").await.contains("vm195"));
        assert!(!stranger.can_open(shared).await);
        for command in [
            format!("SETACL \"Shared/care.vm200\" {} lrswipkxtea", bo.address),
            format!("GETACL \"{shared}\""),
            format!("APPEND \"{shared}\" {{2+}}\r\nHi"),
        ] {
            let (_, end) = stranger.command(&command).await;
            assert!(end.starts_with("NO") || end.starts_with("BAD"), "{command}: {end}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_switched_off_is_out_of_everything() {
    for world in MailWorld::on_both_databases().await {
        let home = world.joins("VM195", &[("Asha", "Patel"), ("Bo", "Li")]).await;
        let [asha, bo] = [&home.people[0], &home.people[1]];
        let mut reading = world.imap(bo).await;
        let mut in_shared = world.imap(bo).await;
        assert!(in_shared.can_open("Shared/care.vm195").await);
        let mut writing = world.smtp(bo).await;
        assert_eq!(world.delivers(&bo.address, "Before").await.0, 250);

        world.disables(&bo.account).await;

        // The four probes: delivery, reading, sending, and what was open.
        let (code, words) = world.delivers(&bo.address, "After").await;
        assert_eq!(code, 550, "{words}");
        assert!(words.contains("5.2.1") && words.contains("switched off"), "{words}");
        refused_by_imap(&world, &bo.address, &bo.password).await;
        refused_by_smtp(&world, &bo.address, &bo.password).await;
        assert!(reading.has_ended().await && in_shared.has_ended().await, "open sessions are cut");
        let (code, words) = writing.send(&bo.address, &[&asha.address], &message(&bo.address, "After")).await;
        assert_eq!(code, 421, "{words}");
        assert_eq!(writing.command("NOOP").await.0, 0, "the connection has ended");
        // A colleague's mail to it is refused, too, in words.
        let (code, words) =
            world.smtp(asha).await.send(&asha.address, &[&bo.address], &message(&asha.address, "Hi")).await;
        assert_eq!(code, 550, "{words}");
        assert!(words.contains("switched off"), "{words}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_app_password_opens_nothing_and_the_others_go_on() {
    for world in MailWorld::on_both_databases().await {
        let home = world.joins("VM195", &[("Asha", "Patel"), ("Bo", "Li")]).await;
        let asha = &home.people[0];
        let phone = world.makes_app_password(&asha.account, "Phone").await;
        // Both are remembered by the servers by now.
        for password in [&asha.password, &phone, &asha.password, &phone] {
            Imap::signed_in(world.ports.imap, &asha.address, password).await;
            Smtp::signed_in(world.ports.submission, &asha.address, password).await;
        }
        let mut open = Imap::signed_in(world.ports.imap, &asha.address, &phone).await;
        world.revokes_app_password(&asha.account, "Phone").await;
        assert!(open.has_ended().await);
        for _ in 0..2 {
            refused_by_imap(&world, &asha.address, &phone).await;
            refused_by_smtp(&world, &asha.address, &phone).await;
            Imap::signed_in(world.ports.imap, &asha.address, &asha.password).await;
            Smtp::signed_in(world.ports.submission, &asha.address, &asha.password).await;
        }

        // What is no app password never opens anything: the password of the pages, a part of one, one
        // with the right beginning, somebody else's, none.
        let wrong_end = format!("{}{}", &asha.password[..4], "3".repeat(20));
        for password in
            ["teapot lantern gravel", &asha.password[..23], &wrong_end, &home.people[1].password, ""]
        {
            refused_by_imap(&world, &asha.address, password).await;
            if !password.is_empty() {
                refused_by_smtp(&world, &asha.address, password).await;
            }
        }
        // A shared mailbox has no password, and a name that is none opens nothing.
        for login in [home.address.as_str(), "nobody@carepost.example", "asha.patel", "' OR '1'='1", "%u"] {
            refused_by_imap(&world, login, &asha.password).await;
        }
    }
}

/// A submission session that was opened before its holder was signed out sends nothing more, whatever it has
/// done so far: it only signed in, or is in the middle of a message.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_from_before_sends_nothing_once_its_holder_is_signed_out() {
    for mut world in MailWorld::on_both_databases().await {
        let home = world.joins("VM195", &[("Asha", "Patel"), ("Bo", "Li")]).await;
        let [asha, bo] = [home.people[0].clone(), home.people[1].clone()];
        let phone = world.makes_app_password(&bo.account, "Phone").await;
        let sessions = async || {
            let mut sessions = Vec::new();
            for password in [&bo.password, &phone] {
                // One has only signed in, one has sent before, one is in the middle of a message.
                let idle = Smtp::signed_in(world.ports.submission, &bo.address, password).await;
                let mut busy = Smtp::signed_in(world.ports.submission, &bo.address, password).await;
                let before = message(&home.address, "Before");
                assert_eq!(busy.send(&home.address, &[&asha.address], &before).await.0, 250);
                let mut begun = Smtp::signed_in(world.ports.submission, &bo.address, password).await;
                assert_eq!(begun.command(&format!("MAIL FROM:<{}>", home.address)).await.0, 250);
                assert_eq!(begun.command(&format!("RCPT TO:<{}>", asha.address)).await.0, 250);
                assert_eq!(begun.command("DATA").await.0, 354);
                sessions.push((idle, busy, begun));
            }
            sessions
        };
        let nothing_goes = async |sessions: Vec<(Smtp, Smtp, Smtp)>| {
            for (mut idle, mut busy, mut begun) in sessions {
                for session in [&mut idle, &mut busy] {
                    let text = message(&home.address, "Too late");
                    let (code, words) = session.send(&home.address, &[&asha.address], &text).await;
                    assert!(code == 421 && words.contains("signed-out"), "{code} {words}");
                    assert_eq!(session.command("NOOP").await.0, 0, "the connection has ended");
                }
                let text = format!("{}\r\n.\r\n", message(&home.address, "Too late"));
                let (code, words) = begun.raw(text.as_bytes()).await;
                assert!(code == 421 && words.contains("signed-out"), "{code} {words}");
            }
        };
        // One program is revoked: the others sign in again and go on.
        let open = sessions().await;
        world.revokes_app_password(&bo.account, "Phone").await;
        nothing_goes(open).await;
        refused_by_smtp(&world, &bo.address, &phone).await;
        let again = message(&home.address, "Again");
        let (code, words) = world.smtp(&bo).await.send(&home.address, &[&asha.address], &again).await;
        assert_eq!(code, 250, "{words}");
        let mut colleague = world.smtp(&asha).await;

        // It is so at once, even where Dovecot cannot be told.
        let mut open = world.smtp(&bo).await;
        world.servers().stop_dovecot();
        world.revokes_app_password_later(&bo.account, "Laptop").await;
        until("it is refused", || async {
            let revision = world.engine.look(&bo.account).await.expect("looked").expect("held");
            revision.ends_with("passwords: ")
        })
        .await;
        let text = message(&bo.address, "Too late");
        let (code, words) = open.send(&bo.address, &[&asha.address], &text).await;
        assert!(code == 421 && words.contains("signed-out"), "{code} {words}");
        world.servers().start_dovecot().expect("started");
        world.servers().wait().expect("up");
        world.app.clock.advance(Span::minutes(2));
        world.settle().await;
        refused_by_smtp(&world, &bo.address, &bo.password).await;

        // Nobody else is asked to sign in again, and nothing came of what was too late.
        let again = message(&asha.address, "Not concerned");
        assert_eq!(colleague.send(&asha.address, &[&bo.address], &again).await.0, 250);
        world.arrives(&asha, "INBOX", "Again").await;
        assert!(world.imap(&asha).await.find("INBOX", "Too late").await.is_empty());
    }
}

/// People type what they see; and whatever strangers type is wrong and nothing worse.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_password_is_taken_as_people_type_it() {
    for world in MailWorld::on_both_databases().await {
        let home = world.joins("VM195", &[("Asha", "Patel"), ("Bo", "Li")]).await;
        let asha = &home.people[0];
        let word = asha.password.clone();
        let groups: Vec<&str> =
            word.as_bytes().chunks(4).map(|four| std::str::from_utf8(four).expect("letters")).collect();
        let groups = groups.join(" ");
        let capital = |text: &str| text[..1].to_uppercase() + &text[1..];
        for typed in [&word, &groups] {
            for typed in [typed.clone(), typed.to_uppercase(), capital(typed)] {
                for _ in 0..2 {
                    Imap::signed_in(world.ports.imap, &asha.address, &typed).await;
                    Smtp::signed_in(world.ports.submission, &asha.address, &typed).await;
                }
                refused_by_imap(&world, &home.people[1].address, &typed).await;
            }
        }
        for wrong in [
            "abc'",
            "abc''",
            "'' OR 1=1 --",
            "a'b",
            "abc\\\\",
            "%u",
            "{SHA256.HEX}",
            "%{sha256:password}",
            "abc'); --",
            "\u{e9}\u{e9}'",
        ] {
            refused_by_imap(&world, &asha.address, wrong).await;
            refused_by_smtp(&world, &asha.address, wrong).await;
        }
        // Each way goes with the password.
        world.revokes_app_password(&asha.account, "Laptop").await;
        for typed in [word.to_uppercase(), groups] {
            refused_by_imap(&world, &asha.address, &typed).await;
        }
    }
}

/// CVE-2025-30189: with a cache, everybody became the same user.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_ever_taken_for_somebody_else() {
    for world in MailWorld::on_both_databases().await {
        let home = world.joins("VM195", &[("Asha", "Patel"), ("Bo", "Li"), ("Cy", "Fox")]).await;
        for person in &home.people {
            assert_eq!(world.delivers(&person.address, &format!("Only {}", person.account)).await.0, 250);
            world.arrives(person, "INBOX", &person.account).await;
        }
        let sees_own = |person: Person, port: u16| async move {
            for _ in 0..8 {
                let mut imap = Imap::signed_in(port, &person.address, &person.password).await;
                let mail = imap.find("INBOX", "Only").await;
                assert_eq!(mail.len(), 1);
                assert!(mail[0].contains(&person.account), "{} reads {}", person.address, mail[0]);
            }
        };
        let tasks: Vec<_> = home
            .people
            .iter()
            .map(|person| tokio::spawn(sees_own(person.clone(), world.ports.imap)))
            .collect();
        for task in tasks {
            task.await.expect("everybody sees their own");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn use_of_a_mail_program_is_use_of_the_account() {
    for world in MailWorld::on_both_databases().await {
        let home = world.joins("VM195", &[("Asha", "Patel"), ("Bo", "Li"), ("Cy", "Fox")]).await;
        let [asha, bo, cy] = [&home.people[0], &home.people[1], &home.people[2]];
        world.app.clock.advance(Span::hours(1));
        let now = world.app.clock.now();
        world.imap(asha).await;
        world.smtp(bo).await;
        refused_by_imap(&world, &cy.address, "wrong").await;
        let used = |person: &Person| {
            let (database, account) = (world.app.database.clone(), person.account.clone());
            async move {
                let found = store::find_account(&database, &account).await.expect("read").expect("there");
                let programs = store::list_app_passwords_in_force(&database, &account).await.expect("listed");
                (found.last_used_at, programs[0].last_used_at)
            }
        };
        for person in [asha, bo] {
            until("the use is noted", || async { used(person).await == (Some(now), Some(now)) }).await;
        }
        assert_eq!(used(cy).await, (None, None), "a wrong password is no use");
    }
}
