//! A new version of the service makes the projection anew. Until everything is in it again, mail waits
//! and nobody is turned away for good.

use super::life::compare;
use super::world::{MailWorld, until};
use carepost::mail::MailEngine;
use std::process::Command;

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn until_everything_is_there_again_mail_waits_and_nobody_is_told_it_is_for_nobody() {
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
        // What is not for us is as it was.
        let (code, words) = world
            .outside()
            .await
            .send("a@trust.example", &["b@elsewhere.example"], "Subject: x\r\n\r\nx")
            .await;
        assert_eq!(code, 554, "{words}");
        // Somebody who had signed in before is not told that their address is not theirs.
        let text = format!("From: {}\r\nSubject: Hello\r\n\r\nHi", asha.address);
        let (code, words) = program.send(&asha.address, &["ward@trust.example"], &text).await;
        assert_eq!(code, 451, "{words}");
        // Mail programs that read are told to try again, and not to ask for the password. To those that
        // send Postfix can say only that the sign-in failed.
        let (_, end) = world.imap_program().await.sign_in(&bo.address, &bo.password).await;
        assert!(end.starts_with("NO [UNAVAILABLE]"), "{end}");
        let (code, words) = world.smtp_program().await.sign_in(&bo.address, &bo.password).await;
        assert!([454, 535].contains(&code), "{code} {words}");
        // Any domain may be one that must not be written to in the clear.
        assert_eq!(connected_to(&world, "elsewhere.example"), "encrypt");
        // The service status sees no server that is down.
        assert_eq!(world.engine.answers().await, Ok(()));
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
        // By itself it looks again, and from then on nobody is nobody.
        assert!(carepost::schedule::run_due(&world.app).await.is_empty());
        world.settle().await;
        assert_eq!(world.engine.filling().await, Ok(None));
        let (code, words) = world.delivers(nobody, "x").await;
        assert!(code == 550 && words.contains("5.1.1"), "{code} {words}");
        world.arrives(&asha, "INBOX", "Known again").await;
        sends_what_waits(&world);
        world.arrives(&bo, "Shared/care.vm195", "Taken before").await;
        assert!(!postfix_log(&world).contains("status=bounced"), "nothing went back");
    }
}
