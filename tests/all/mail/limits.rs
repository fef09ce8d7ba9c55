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

/// An account with one app password, and its sign-in.
async fn opened(world: &MailWorld, id: &str, password: &str, quota_bytes: u64) -> String {
    let mut wanted = account(id, Standing::Open, quota_bytes);
    wanted.passwords.push(WantedPassword {
        selector: app_password::selector(password).to_owned(),
        hash: app_password::hash(password),
    });
    world.engine.ensure_account(&wanted).await.expect("made");
    wanted.address
}

/// What counts is whose folder it is: the limit of a member is for the member's own folders, that of a shared
/// mailbox for what anybody files in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_of_a_folder_is_that_of_its_owner() {
    for world in MailWorld::on_both_databases().await {
        let password = "k7mq7777777777777777777w";
        let bo = opened(&world, "bo", password, 30 << 20).await;
        let mut shared = shared_mailbox("vm195", Standing::Open, "care.old@carepost.example");
        shared.members.push(bo.clone());
        world.engine.ensure_shared_mailbox(&shared).await.expect("made");
        let mut imap = Imap::signed_in(world.ports.imap, &bo, password).await;
        let text = |megabytes: usize| format!("Subject: Filed\r\n\r\n{}", "x".repeat(megabytes << 20));
        let append = |folder: &str, text: &str| format!("APPEND \"{folder}\" {{{}+}}\r\n{text}", text.len());
        let folder = "Shared/care.vm195";
        let (nine, one) = (text(9), text(1));
        // It holds more than the member's own limit, and takes more from the member.
        for _ in 0..4 {
            imap.done(&append(folder, &nine)).await;
        }
        imap.done(&append("Shared/care.vm195/Drafts", &one)).await;
        imap.done(&append("INBOX", &one)).await;
        assert!(imap.can_open("INBOX").await);
        imap.done("COPY 1 \"Shared/care.vm195/Archive\"").await;
        assert!(imap.can_open(folder).await);
        imap.done("COPY 1 \"Shared/care.vm195/Archive\"").await;
        // The member's own limit is for the member's own folders.
        for _ in 0..2 {
            imap.done(&append("INBOX", &nine)).await;
        }
        let (_, end) = imap.command(&append("INBOX", &text(15))).await;
        assert!(end.starts_with("NO [OVERQUOTA]"), "{end}");
        imap.done(&append(folder, &one)).await;

        // Its own limit stops what a member files, whatever room the member has; and is raised at once.
        shared.quota_bytes = 50 << 20;
        world.engine.ensure_shared_mailbox(&shared).await.expect("made smaller");
        for folder in [folder, "Shared/care.vm195/Drafts"] {
            let (_, end) = imap.command(&append(folder, &nine)).await;
            assert!(end.starts_with("NO [OVERQUOTA]"), "{folder}: {end}");
        }
        assert!(imap.can_open("INBOX").await);
        let (_, end) = imap.command("COPY 2 \"Shared/care.vm195/Archive\"").await;
        assert!(end.starts_with("NO [OVERQUOTA]"), "{end}");
        let (code, words) =
            world.outside().await.command("MAIL FROM:<ward@trust.example> SIZE=29000000").await;
        assert_eq!(code, 250, "{words}");
        let mut ward = world.outside().await;
        assert_eq!(ward.command("MAIL FROM:<ward@trust.example> SIZE=29000000").await.0, 250);
        let (code, words) = ward.command(&format!("RCPT TO:<{}>", shared.address)).await;
        assert!(code == 552 && words.contains("full"), "{code} {words}");
        shared.quota_bytes = 90 << 20;
        world.engine.ensure_shared_mailbox(&shared).await.expect("made larger");
        imap.done(&append(folder, &nine)).await;
        // Room is there again once something is removed.
        shared.quota_bytes = 56 << 20;
        world.engine.ensure_shared_mailbox(&shared).await.expect("made smaller");
        let (_, end) = imap.command(&append(folder, &nine)).await;
        assert!(end.starts_with("NO [OVERQUOTA]"), "{end}");
        assert!(imap.can_open(folder).await);
        imap.done("STORE 1:3 +FLAGS (\\Deleted)").await;
        imap.done("EXPUNGE").await;
        imap.done(&append(folder, &nine)).await;
    }
}

/// A site has one address to the outside: what one mail program gets wrong is no matter for the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_passwords_from_an_address_do_not_hold_up_a_colleague() {
    let Some(world) = MailWorld::on_sqlite().await else { return };
    let asha = opened(&world, "asha", "k7mq7777777777777777777w", 1 << 20).await;
    let bo = opened(&world, "bo", "ke7q7777777777777777777w", 1 << 20).await;
    for round in 0..4 {
        for number in 0..8 {
            let (_, end) = world.imap_program().await.sign_in(&bo, &format!("wrong {round} {number}")).await;
            assert!(end.starts_with("NO [AUTHENTICATIONFAILED]"), "{end}");
            let (code, words) = world.smtp_program().await.sign_in(&bo, &format!("wrong {number}")).await;
            assert_eq!(code, 535, "{words}");
        }
        let begun = std::time::Instant::now();
        let (code, words) = world.smtp_program().await.sign_in(&asha, "k7mq7777777777777777777w").await;
        assert_eq!(code, 235, "{words}");
        Imap::signed_in(world.ports.imap, &asha, "k7mq7777777777777777777w").await;
        assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
    }
}

/// What cannot be delivered is not offered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_in_other_letters_are_refused_at_once_and_other_letters_in_a_subject_are_delivered() {
    let Some(world) = MailWorld::on_sqlite().await else { return };
    let home = world.joins("VM195", &[("Asha", "Patel")]).await;
    let mut outside = world.outside().await;
    for mut server in [outside.command("EHLO elsewhere.example").await, {
        let mut program = world.smtp_program().await;
        program.command("EHLO laptop.example").await
    }] {
        server.1.make_ascii_uppercase();
        assert!(server.0 == 250 && !server.1.contains("SMTPUTF8"), "{}", server.1);
    }
    let (code, words) = outside.command("MAIL FROM:<si\u{e2}n@trust.example> SMTPUTF8").await;
    assert!((500..600).contains(&code), "{code} {words}");
    // Without the extension a name is still written as it is; such mail comes.
    let text = format!(
        "From: Si\u{e2}n <sian@trust.example>\r\nTo: {}\r\nSubject: Si\u{e2}n Plain\r\n\r\nDydd da",
        home.address
    );
    let (code, words) = world.outside().await.send("sian@trust.example", &[&home.address], &text).await;
    assert_eq!(code, 250, "{words}");
    world.arrives(&home.people[0], "Shared/care.vm195", "Plain").await;
}

/// Everybody who waits for mail is told, however many wait: the system tells so many, Dovecot looks for others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_who_waits_for_mail_is_told_of_it() {
    /// More than Linux gives one user by default (`fs.inotify.max_user_instances` is 128).
    const WAITING: usize = 160;
    let Some(world) = MailWorld::on_sqlite().await else { return };
    let password = "k7mq7777777777777777777w";
    let mut shared = shared_mailbox("vm195", Standing::Open, "care.old@carepost.example");
    let mut people = Vec::new();
    for number in 0..4 {
        people.push(opened(&world, &format!("p{number}"), password, 1 << 20).await);
    }
    shared.members.clone_from(&people);
    world.engine.ensure_shared_mailbox(&shared).await.expect("made");
    let mut waiting = Vec::new();
    for number in 0..WAITING {
        let mut imap = Imap::signed_in(world.ports.imap, &people[number % people.len()], password).await;
        assert!(imap.can_open("Shared/care.vm195").await);
        imap.idles().await;
        waiting.push(imap);
    }
    let (code, words) = world.delivers(&shared.address, "News").await;
    assert_eq!(code, 250, "{words}");
    let begun = std::time::Instant::now();
    let told: Vec<_> = waiting
        .into_iter()
        .map(|mut imap| tokio::spawn(async move { imap.is_told("EXISTS").await }))
        .collect();
    for one in told {
        one.await.expect("told");
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(15), "{:?}", begun.elapsed());
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
