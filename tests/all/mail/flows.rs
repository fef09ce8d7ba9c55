//! Mail comes in, is read by owner and member, is answered as the home, and the copy is where
//! colleagues see it.

use super::clients::base64;
use super::world::MailWorld;
use carepost::mail::postfix_dovecot::guard::SENT_BY;

fn header<'a>(message: &'a str, name: &str) -> Vec<&'a str> {
    message
        .lines()
        .filter(|line| line.to_lowercase().starts_with(&format!("{}:", name.to_lowercase())))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_home_receives_reads_and_answers() {
    for world in MailWorld::on_both_databases().await {
        let home = world.joins("VM195", &[("Asha", "Patel"), ("Bo", "Li")]).await;
        let [asha, bo] = [&home.people[0], &home.people[1]];

        // From outside to the home: both see it in the same place without setting anything up.
        assert_eq!(world.delivers(&home.address, "Discharge today").await.0, 250);
        let shared = "Shared/care.vm195";
        for person in [asha, bo] {
            let message = world.arrives(person, shared, "Discharge today").await;
            assert!(message.contains("ward@trust.example"), "{message}");
            let mut imap = world.imap(person).await;
            for command in ["LIST \"\" \"*\"", "LSUB \"\" \"*\""] {
                let listed = imap.done(command).await;
                for folder in [shared.to_owned(), format!("{shared}/Sent"), format!("{shared}/Archive")] {
                    assert!(
                        listed.lines().any(|line| line.ends_with(&folder)),
                        "{command}: {folder} in {listed}"
                    );
                }
            }
        }

        // Both file and delete; what one has read, the other sees as read.
        let mut imap = world.imap(bo).await;
        imap.done(&format!("SELECT \"{shared}\"")).await;
        imap.done("STORE 1 +FLAGS (\\Seen)").await;
        assert!(world.arrives(asha, shared, "Discharge today").await.contains("\\Seen"));
        imap.done(&format!("MOVE 1 \"{shared}/Archive\"")).await;
        assert!(world.imap(asha).await.find(shared, "Discharge today").await.is_empty());
        world.arrives(asha, &format!("{shared}/Archive"), "Discharge today").await;
        let mut imap = world.imap(asha).await;
        imap.done(&format!("CREATE \"{shared}/Archive/Residents\"")).await;
        imap.done(&format!("SELECT \"{shared}/Archive\"")).await;
        imap.done("MOVE 1 Trash").await;

        // Answering as the home, to a colleague of our own and in the thread.
        let answer = format!(
            "From: Rose Court <{home}>\r\nTo: {to}\r\nSubject: Re: Discharge today\r\nMessage-ID: <answer@laptop.example>\r\nIn-Reply-To: <x@trust.example>\r\nReferences: <x@trust.example>\r\n{SENT_BY}: somebody else\r\n\r\nWe are ready.",
            home = home.address,
            to = asha.address,
        );
        let mut smtp = world.smtp(bo).await;
        let (code, words) = smtp.send(&home.address, &[&asha.address], &answer).await;
        assert_eq!(code, 250, "{words}");
        let received = world.arrives(asha, "INBOX", "Re: Discharge today").await;
        assert_eq!(header(&received, "References"), ["References: <x@trust.example>"], "replies thread");
        assert_eq!(
            header(&received, SENT_BY),
            [format!("{SENT_BY}: {}", bo.account)],
            "who sent it, and nobody else's word"
        );
        assert!(!received.contains("127.0.0.1") || !received.contains("laptop.example ["), "{received}");
        let in_one_line = received.replace("\r\n\t", " ").replace("\r\n ", " ");
        assert!(in_one_line.contains("d=carepost.example; s=carepost;"), "it is signed: {received}");

        // The copy is in the shared mailbox's own Sent folder, read, for both.
        let copy = world.arrives(asha, &format!("{shared}/Sent"), "Re: Discharge today").await;
        assert!(copy.contains("\\Seen"), "{copy}");
        assert_eq!(header(&copy, SENT_BY), [format!("{SENT_BY}: {}", bo.account)]);
        assert!(world.imap(bo).await.find("Sent", "Re: Discharge today").await.is_empty());

        // A message from one's own address makes no copy anywhere.
        let own = format!("From: {}\r\nSubject: From Bo\r\n\r\nHi", bo.address);
        assert_eq!(smtp.send(&bo.address, &[&home.address], &own).await.0, 250);
        world.arrives(asha, shared, "From Bo").await;
        assert!(world.imap(asha).await.find(&format!("{shared}/Sent"), "From Bo").await.is_empty());

        // Nobody outside can put anything among what the home has sent.
        let (code, words) = world.delivers("care.vm195+sent@carepost.example", "Forged").await;
        assert_eq!(code, 550, "{words}");
        assert!(words.contains("5.1.1"), "{words}");
    }
}

/// What readers read differently, on the servers that people use: nobody outside is shown as one of us, no
/// message ends the guard, and honest names of attachments are no programs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guard_reads_what_readers_read_and_outlives_every_message() {
    let Some(world) = MailWorld::on_sqlite().await else { return };
    let home = world.joins("VM195", &[("Asha", "Patel"), ("Bo", "Li")]).await;
    let [asha, bo] = [&home.people[0], &home.people[1]];
    let to = home.address.as_str();
    let outside = async |text: &str| world.outside().await.send("ward@trust.example", &[to], text).await;
    let head = "From: ward@trust.example\r\nSubject: Look\r\n";
    let one = |kind: &str, how: &str| {
        format!(
            "{head}MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: {kind}\r\n{how}\r\nSubject: inner\r\n\r\nHi\r\n--b--"
        )
    };
    // One message inside another, deeper than anybody could read.
    for depth in [33_000, 20_000, 60] {
        let deep = format!("{head}{}", "Content-Type: message/rfc822\r\n\r\n".repeat(depth));
        let (code, words) = outside(&deep).await;
        assert!((500..600).contains(&code) && words.contains("rule: "), "{depth}: {code} {words}");
    }
    // Ways in which one of us could be shown as the sender.
    let encoded = asha.address.replace('@', "=40");
    let commented = asha.address.replace('@', "@(x)");
    for from in [
        format!("From: Bo Li <{}>\r\nFrom: x <x@evil.example>", bo.address),
        format!("From: x <x@evil.example>\r\nFrom: Bo Li <{}>", bo.address),
        format!("From: =?utf-8?Q?{encoded}?="),
        format!("From: {commented}"),
        format!("From: {} <x@evil.example>", asha.address),
        format!("From: x <x@evil.example>, {}", asha.address),
        format!("From: us: {};", asha.address),
    ] {
        let (code, words) = outside(&format!("{from}\r\nSubject: Look\r\n\r\nHi")).await;
        assert_eq!(code, 550, "{from}: {words}");
    }
    let boss = format!("From: boss@carepost.example <{}>\r\nSubject: From the boss\r\n\r\nHi", asha.address);
    let (code, words) = world.smtp(asha).await.send(&asha.address, &[to], &boss).await;
    if code == 250 {
        let shown = world.arrives(bo, "Shared/care.vm195", "From the boss").await;
        assert!(!shown.contains("boss@carepost.example"), "{shown}");
    } else {
        assert_eq!(code, 550, "{words}");
    }
    // A program under a name in two pieces; and two names that only look like one.
    let program = "Content-Disposition: attachment; filename=\"=?UTF-8?Q?run.e?= =?UTF-8?Q?xe?=\"\r\n";
    let (code, words) = outside(&one("application/octet-stream", program)).await;
    assert!(code == 550 && words.contains("attachment-ending"), "{code} {words}");
    let order = one("message/rfc822; name=\"Your order at www.shop.com\"", "");
    // A picture is one by its bytes; words that only call themselves a picture are judged by their name.
    let picture = |body: &str| {
        format!(
            "{head}MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: image/png; name=\"logo@firm.com\"\r\nContent-Disposition: inline; filename=\"logo@firm.com\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}\r\n--b--"
        )
    };
    let png = base64(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0");
    for honest in [order, picture(&png)] {
        let (code, words) = outside(&honest).await;
        assert_eq!(code, 250, "{honest}: {words}");
    }
    let (code, words) = outside(&picture(&base64(b"not a picture"))).await;
    assert!(code == 550 && words.contains("attachment-ending"), "{code} {words}");
    assert_eq!(world.delivers(to, "Still there").await.0, 250);
    world.arrives(bo, "Shared/care.vm195", "Still there").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_sends_as_somebody_else() {
    for world in MailWorld::on_both_databases().await {
        let home = world.joins("VM195", &[("Asha", "Patel"), ("Bo", "Li")]).await;
        let other = world.joins("VM200", &[("Cy", "Fox")]).await;
        let [asha, bo, cy] = [&home.people[0], &home.people[1], &other.people[0]];
        let to = asha.address.as_str();
        let from = |address: &str| format!("From: {address}\r\nSubject: Who\r\n\r\nHi");

        let mut smtp = world.smtp(bo).await;
        // The envelope, which Postfix looks at.
        for (envelope, code) in [
            (bo.address.as_str(), 250),
            (home.address.as_str(), 250),
            (asha.address.as_str(), 553),
            (other.address.as_str(), 553),
            ("bo.li@trust.example", 553),
        ] {
            let header = if code == 250 { envelope } else { bo.address.as_str() };
            let (got, words) = smtp.send(envelope, &[to], &from(header)).await;
            assert_eq!(got, code, "{envelope}: {words}");
            let _ = smtp.command("RSET").await;
        }
        // The header people read, which the guard looks at.
        let refused = [
            from(&asha.address),
            from(&other.address),
            from("manager@trust.example"),
            from(&format!("{} <{}>", bo.address, asha.address)),
            from(&format!("{}, {}", bo.address, home.address)),
            format!("From: {}\r\nFrom: {}\r\nSubject: Who\r\n\r\nHi", bo.address, asha.address),
            format!("From: {}\r\nSender: {}\r\nSubject: Who\r\n\r\nHi", bo.address, cy.address),
            "Subject: Who\r\n\r\nHi".to_owned(),
        ];
        for message in refused {
            let (code, words) = smtp.send(&bo.address, &[to], &message).await;
            assert_eq!(code, 550, "{message}: {words}");
            assert!(words.contains("5.7.1"), "{words}");
        }
        // The home, by its member who may.
        assert_eq!(
            smtp.send(
                &bo.address,
                &[to],
                &from(&format!("\"Rose Court\" <{}>", home.address.to_uppercase()))
            )
            .await
            .0,
            250
        );

        // Another mail server says it is one of us.
        let (code, words) = world.outside().await.send(&bo.address, &[to], &from(&bo.address)).await;
        assert_eq!(code, 553, "{words}");
        let (code, words) = world.outside().await.send("a@trust.example", &[to], &from(&home.address)).await;
        assert_eq!(code, 550, "{words}");
        // Nobody relays through us, and nobody hands in mail without signing in.
        let (code, words) = world
            .outside()
            .await
            .send("a@trust.example", &["b@elsewhere.example"], &from("a@trust.example"))
            .await;
        assert_eq!(code, 554, "{words}");
        let mut stranger = super::clients::Smtp::program(world.ports.submission).await;
        let (code, words) = stranger.send(&bo.address, &[to], &from(&bo.address)).await;
        assert!([530, 554].contains(&code), "{code} {words}");
        // Passwords are never taken in the clear.
        let mut clear = super::clients::Smtp::outside(world.ports.submission_starttls).await;
        assert_eq!(clear.sign_in(&bo.address, &bo.password).await.0, 530);
        let mut clear = clear.starttls().await;
        assert_eq!(clear.sign_in(&bo.address, &bo.password).await.0, 235);
    }
}
