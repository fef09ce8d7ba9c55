//! What the mail servers refuse, with the right code and words.

use super::clients::{Imap, Smtp};
use super::world::MailWorld;
use carepost::directory::app_password;
use carepost::mail::{MailEngine, Standing, WantedAccount, WantedPassword, WantedSharedMailbox};
use std::process::{Command, Stdio};

fn account(id: &str, standing: Standing, quota_bytes: u64) -> WantedAccount {
    WantedAccount {
        id: id.to_owned(),
        address: format!("{id}@carepost.example"),
        aliases: Vec::new(),
        display_name: id.to_owned(),
        quota_bytes,
        standing,
        passwords: Vec::new(),
    }
}

fn shared_mailbox(id: &str, standing: Standing, alias: &str) -> WantedSharedMailbox {
    WantedSharedMailbox {
        id: id.to_owned(),
        address: format!("care.{id}@carepost.example"),
        aliases: vec![alias.to_owned()],
        display_name: id.to_owned(),
        quota_bytes: 1 << 30,
        standing,
        owners: Vec::new(),
        members: Vec::new(),
    }
}

/// The code, the enhanced code and words that an address of each standing answers.
fn expected(standing: Standing) -> (u16, &'static str, &'static str) {
    match standing {
        Standing::Open => (250, "", ""),
        Standing::NotActivated => (550, "5.2.1", "has not been opened by its holder yet"),
        Standing::Inactive => (550, "5.2.1", "not in use at present"),
        Standing::Disabled => (550, "5.2.1", "switched off"),
        Standing::Frozen => (450, "4.2.1", "closed for now"),
        Standing::Leaver => (550, "5.2.1", "has left"),
        Standing::Deleted => (550, "5.1.1", "no longer there"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_address_answers_what_is_so() {
    for world in MailWorld::on_both_databases().await {
        for (place, standing) in Standing::ALL.into_iter().enumerate() {
            let (code, enhanced, words) = expected(standing);
            world
                .engine
                .ensure_account(&account(&format!("a{place}"), standing, 1 << 20))
                .await
                .expect("made");
            // A shared mailbox that takes no mail says so; it never swallows any.
            let alias = format!("care.old{place}@carepost.example");
            let shared = shared_mailbox(&format!("s{place}"), standing, &alias);
            world.engine.ensure_shared_mailbox(&shared).await.expect("made");
            for address in [format!("a{place}@carepost.example"), shared.address, alias] {
                for address in [address.to_uppercase(), address] {
                    let (got, said) = world.delivers(&address, "Hello").await;
                    assert_eq!(got, code, "{address}, {standing:?}: {said}");
                    assert!(said.contains(enhanced) && said.contains(words), "{address}: {said}");
                }
            }
        }
        for address in ["nobody@carepost.example", "a0+x@carepost.example"] {
            let (code, said) = world.delivers(address, "Hello").await;
            assert!([550, 501, 553].contains(&code), "{address}: {code} {said}");
        }
        assert!(world.delivers("nobody@carepost.example", "x").await.1.contains("5.1.1"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_or_harmful_is_refused() {
    let Some(world) = MailWorld::on_sqlite().await else { return };
    let home = world.joins("VM195", &[("Asha", "Patel")]).await;
    let asha = &home.people[0];
    let to = asha.address.as_str();

    // Larger than any message may be, said beforehand or found out.
    let mut smtp = world.outside().await;
    let (code, words) = smtp.command("MAIL FROM:<ward@trust.example> SIZE=36700161").await;
    assert_eq!(code, 552, "{words}");
    let body = "x".repeat(998) + "\r\n";
    let large = format!("From: ward@trust.example\r\nSubject: Large\r\n\r\n{}", body.repeat(36_800));
    let (code, words) = world.outside().await.send("ward@trust.example", &[to], &large).await;
    assert!(code == 552 || code == 0, "{code} {words}");
    let fits = format!("From: ward@trust.example\r\nSubject: Fits\r\n\r\n{}", body.repeat(30_000));
    let (code, words) = world.outside().await.send("ward@trust.example", &[to], &fits).await;
    assert_eq!(code, 250, "{words}");

    // A mailbox that is full says so before anything is sent, and its holder cannot fill it either.
    let password = "k7mq7777777777777777777w";
    let mut full = account("full", Standing::Open, 100_000);
    full.passwords.push(WantedPassword {
        selector: app_password::selector(password).to_owned(),
        hash: app_password::hash(password),
    });
    world.engine.ensure_account(&full).await.expect("made");
    let (code, words) = smtp.command("MAIL FROM:<ward@trust.example> SIZE=20000000").await;
    assert_eq!(code, 250, "{words}");
    let (code, words) = smtp.command("RCPT TO:<full@carepost.example>").await;
    assert_eq!(code, 552, "{words}");
    assert!(words.contains("5.2.2") && words.contains("full"), "{words}");

    let mut imap = Imap::signed_in(world.ports.imap, &full.address, password).await;
    let draft = "x".repeat(12_000_000);
    let (_, end) = imap.command(&format!("APPEND Drafts {{{}+}}\r\n{draft}", draft.len())).await;
    assert!(end.starts_with("NO [OVERQUOTA]"), "{end}");

    // Attachments that can harm, from outside and from one of us.
    let harmful = |from: &str| {
        format!(
            "From: {from}\r\nSubject: Invoice\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nHi\r\n--b\r\nContent-Type: application/pdf; name=invoice.pdf\r\nContent-Disposition: attachment;\r\n filename*0=\"invoice.d\";\r\n filename*1=\"ocm\"\r\n\r\nx\r\n--b--"
        )
    };
    for (code, words) in [
        world.outside().await.send("ward@trust.example", &[to], &harmful("ward@trust.example")).await,
        world.smtp(asha).await.send(to, &["ward@trust.example"], &harmful(to)).await,
    ] {
        assert_eq!(code, 550, "{words}");
        assert!(words.contains("5.7.1") && words.contains(".docm"), "{words}");
    }
}

/// CVE-2023-51764: a message ends with CR LF . CR LF and nothing else, or a second one hides inside it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_message_hides_inside_another() {
    let Some(world) = MailWorld::on_sqlite().await else { return };
    let home = world.joins("VM195", &[("Asha", "Patel")]).await;
    let asha = &home.people[0];
    for ending in ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r\n"] {
        let mut smtp = world.outside().await;
        assert_eq!(smtp.command("MAIL FROM:<ward@trust.example>").await.0, 250);
        assert_eq!(smtp.command(&format!("RCPT TO:<{}>", asha.address)).await.0, 250);
        assert_eq!(smtp.command("DATA").await.0, 354);
        let smuggled = format!(
            "From: ward@trust.example\r\nSubject: Outer\r\n\r\nHi{ending}MAIL FROM:<chief@trust.example>\r\nRCPT TO:<{to}>\r\nDATA\r\nFrom: chief@trust.example\r\nSubject: Smuggled\r\n\r\nPay\r\n.\r\n",
            to = asha.address
        );
        let (code, words) = smtp.raw(smuggled.as_bytes()).await;
        if ending.contains("\r.") {
            // A bare CR does not end a line for anybody, so it is one message.
            assert_eq!(code, 250, "{ending:?}: {words}");
        } else {
            assert!((500..600).contains(&code), "{ending:?}: {code} {words}");
        }
    }
    assert_eq!(world.delivers(&asha.address, "Afterwards").await.0, 250);
    world.arrives(asha, "INBOX", "Afterwards").await;
    // The one that was taken holds the other's words as its own text.
    let smuggled = world.imap(asha).await.find("INBOX", "Smuggled").await;
    assert!(smuggled.is_empty(), "a message came that nobody sent: {smuggled:?}");
}

/// Whether a TLS connection with one version comes about.
fn speaks(port: u16, version: &str, starttls: Option<&str>) -> bool {
    let mut command = Command::new("openssl");
    command.args([
        "s_client",
        "-connect",
        &format!("127.0.0.1:{port}"),
        version,
        "-cipher",
        "DEFAULT@SECLEVEL=0",
    ]);
    if let Some(protocol) = starttls {
        command.args(["-starttls", protocol]);
    }
    let output = command.stdin(Stdio::null()).output().expect("openssl is there");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    !text.contains("Cipher is (NONE)") && text.contains("Cipher is ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_versions_of_tls_are_refused() {
    let Some(world) = MailWorld::on_sqlite().await else { return };
    let ports = world.ports;
    for (port, starttls) in [
        (ports.imap, None),
        (ports.submission, None),
        (ports.submission_starttls, Some("smtp")),
        (ports.smtp, Some("smtp")),
    ] {
        for version in ["-tls1_2", "-tls1_3"] {
            assert!(speaks(port, version, starttls), "{version} on {port}");
        }
        for version in ["-tls1", "-tls1_1"] {
            assert!(!speaks(port, version, starttls), "{version} on {port}");
        }
    }
    // A mail program that hands in mail in the clear is told to encrypt.
    let mut clear = Smtp::outside(ports.submission_starttls).await;
    assert_eq!(clear.command("MAIL FROM:<a@carepost.example>").await.0, 530);
}
