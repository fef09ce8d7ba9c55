//! Servers that stop and come back, differences that are found and put right, mail that is removed
//! for good.

use super::clients::Imap;
use super::world::{MailWorld, until};
use carepost::audit::Actor;
use carepost::clock::Span;
use carepost::database::{Error, transaction};
use carepost::directory::upkeep::store as upkeep;
use carepost::letter;
use carepost::mail::{Ensured, MailEngine, Standing, WantedAccount};
use carepost::outbox;
use carepost::service_status::{self as status, Component, Health, verify};

/// Compares directory and mail servers; answers how many differences there were, and the outcome.
pub async fn compare(world: &MailWorld) -> (i64, String) {
    let now = world.app.clock.now();
    world
        .app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            upkeep::ask_for_comparison(tx, now, &Actor::Operator).await
        }))
        .await
        .expect("asked");
    world.settle().await;
    let newest = upkeep::newest_comparison(&world.app.database).await.expect("read").expect("one");
    world.app.clock.advance(Span::minutes(1));
    (newest.differences, newest.outcome)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_goes_on_while_the_service_is_stopped() {
    for mut world in MailWorld::on_both_databases().await {
        let home = world.joins("VM195", &[("Asha", "Patel"), ("Bo", "Li")]).await;
        let [asha, bo] = [home.people[0].clone(), home.people[1].clone()];
        world.stop_service();
        assert_eq!(world.delivers(&home.address, "While stopped").await.0, 250);
        world.arrives(&bo, "Shared/care.vm195", "While stopped").await;
        let text = format!("From: {}\r\nSubject: Answered\r\n\r\nHi", home.address);
        assert_eq!(world.smtp(&bo).await.send(&home.address, &[&asha.address], &text).await.0, 250);
        world.arrives(&asha, "INBOX", "Answered").await;
        world.arrives(&asha, "Shared/care.vm195/Sent", "Answered").await;
        assert_eq!(world.delivers("nobody@carepost.example", "x").await.0, 550);
    }
}

/// How the service finds the mail servers.
async fn found(world: &MailWorld) -> Health {
    world.app.clock.advance(Span::minutes(1));
    verify::look(&world.app).await.expect("looked");
    let board = status::store::board(&world.app.database, world.app.clock.now()).await.expect("read");
    let mail = board.standings.iter().find(|standing| standing.component == Component::Mail);
    mail.expect("there").health()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_status_tells_of_each_server_that_is_down() {
    let Some(mut world) = MailWorld::on_sqlite().await else { return };
    assert_eq!(found(&world).await, Health::Working);
    world.servers().stop_dovecot();
    assert_eq!(found(&world).await, Health::NotWorking, "Dovecot");
    world.servers().start_dovecot().expect("started");
    world.servers().wait().expect("up again");
    assert_eq!(found(&world).await, Health::Working);
    world.servers().stop_postfix();
    assert_eq!(found(&world).await, Health::NotWorking, "Postfix");
    world.servers().start_postfix().expect("started");
    world.servers().wait().expect("up again");
    assert_eq!(found(&world).await, Health::Working);
    world.stop_guard();
    assert_eq!(found(&world).await, Health::NotWorking, "the mail guard");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_waits_for_a_server_that_is_down_and_nothing_is_doubled() {
    for mut world in MailWorld::on_both_databases().await {
        let home = world.joins("VM195", &[("Asha", "Patel"), ("Bo", "Li")]).await;
        world.servers().stop_dovecot();
        // Somebody is taken off, and another joins, while Dovecot is away.
        world.changes_access(&home, &home.people[1].account, None).await;
        until("the work is put off", || async {
            let (waiting, attention) =
                outbox::store::count_unfinished(&world.app.database).await.expect("counted");
            let now = world.app.clock.now();
            let next = outbox::store::next_due(&world.app.database).await.expect("read");
            assert_eq!(attention, 0);
            waiting > 0 && next.is_some_and(|due| due > now)
        })
        .await;
        world.servers().start_dovecot().expect("started");
        world.servers().wait().expect("up");
        world.app.clock.advance(Span::minutes(2));
        world.settle().await;
        assert!(!world.imap(&home.people[1]).await.can_open("Shared/care.vm195").await);
        assert!(world.imap(&home.people[0]).await.can_open("Shared/care.vm195").await);

        // Without Postfix mailboxes are made all the same, and mail is taken once it is back.
        world.servers().stop_postfix();
        let other = world.joins("VM200", &[("Cy", "Fox")]).await;
        world.servers().start_postfix().expect("started");
        world.servers().wait().expect("up");
        assert_eq!(world.delivers(&other.address, "Late").await.0, 250);
        world.arrives(&other.people[0], "Shared/care.vm200", "Late").await;
        let (differences, outcome) = compare(&world).await;
        let listed = upkeep::list_differences(&world.app.database).await.expect("listed");
        assert_eq!((differences, outcome.as_str()), (0, "nothing differed"), "{listed:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn differences_are_found_and_put_right() {
    for world in MailWorld::on_both_databases().await {
        let home = world.joins("VM195", &[("Asha", "Patel"), ("Bo", "Li")]).await;
        let [asha, bo] = [&home.people[0], &home.people[1]];
        assert_eq!(compare(&world).await, (0, "nothing differed".to_owned()));

        // Somebody gives themselves access on the server itself.
        let folder = world.folder.join("storage/shared").join(&home.shared_mailbox).join("Maildir");
        let own = std::fs::read_to_string(folder.join("dovecot-acl")).expect("an access list");
        std::fs::write(
            folder.join("dovecot-acl"),
            format!("{own}user=mallory@carepost.example lrwstipekxa\n"),
        )
        .expect("written");
        let (differences, outcome) = compare(&world).await;
        assert_eq!((differences, outcome.as_str()), (1, "put right"));
        let after = std::fs::read_to_string(folder.join("dovecot-acl")).expect("an access list");
        assert!(!after.contains("mallory") && after.contains(&home.shared_mailbox), "{after}");

        // An account is lost on the server: it is made again, with its mail.
        assert_eq!(world.delivers(&bo.address, "Kept").await.0, 250);
        world.arrives(bo, "INBOX", "Kept").await;
        let held = world.engine.list("", 100).await.expect("listed");
        let stored = world.engine.list_storage().await.expect("listed");
        assert_eq!(held.len(), 3);
        assert!(stored.contains(&home.shared_mailbox) && stored.contains(&bo.account), "{stored:?}");
        let disabled = WantedAccount {
            id: asha.account.clone(),
            address: asha.address.clone(),
            aliases: Vec::new(),
            display_name: String::new(),
            quota_bytes: 1,
            standing: Standing::Disabled,
            passwords: Vec::new(),
        };
        world.engine.ensure_account(&disabled).await.expect("tampered");
        assert_eq!(compare(&world).await, (1, "put right".to_owned()));
        world.imap(asha).await;

        let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&folder).expect("there"));
        // What the directory does not know is shown, and stays until somebody says otherwise.
        let unknown = WantedAccount {
            id: "unknown-1".to_owned(),
            address: "un.known@carepost.example".to_owned(),
            standing: Standing::Open,
            quota_bytes: 1 << 20,
            ..disabled
        };
        world.engine.ensure_account(&unknown).await.expect("made");
        assert_eq!(world.delivers(&unknown.address, "Hello").await.0, 250);
        let left = world.folder.join("storage/accounts/left-behind");
        for folder in [left.clone(), left.join("Maildir")] {
            std::fs::create_dir(&folder).expect("a folder");
            std::os::unix::fs::chown(&folder, Some(owner), Some(owner)).expect("given to the mail user");
        }
        let (differences, outcome) = compare(&world).await;
        assert_eq!((differences, outcome.as_str()), (2, "2 to be looked at"));
        let listed = upkeep::list_differences(&world.app.database).await.expect("listed");
        let ids: Vec<&str> = listed.iter().map(|listed| listed.found.mailbox_id.as_str()).collect();
        assert_eq!(ids, ["left-behind", "unknown-1"]);
        assert!(
            upkeep::remove_unknown(&world.app, &bo.account).await.is_err(),
            "whom the directory knows stays"
        );
        for id in ids {
            upkeep::remove_unknown(&world.app, id).await.expect("removed");
        }
        let (differences, _) = compare(&world).await;
        assert_eq!(differences, 0);
        assert!(!world.folder.join("storage/accounts/unknown-1").exists());
        assert_eq!(world.delivers(&unknown.address, "Hello").await.0, 550);
        world.arrives(bo, "INBOX", "Kept").await;
    }
}

/// The next holder of a name finds an empty mailbox, whatever the one before left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_removed_is_never_reached_again() {
    let Some(world) = MailWorld::on_sqlite().await else { return };
    let hash = carepost::directory::app_password::hash("k7mq7777777777777777777w");
    let account = |id: &str| WantedAccount {
        id: id.to_owned(),
        address: "first.holder@carepost.example".to_owned(),
        aliases: Vec::new(),
        display_name: String::new(),
        quota_bytes: 1 << 20,
        standing: Standing::Open,
        passwords: vec![carepost::mail::WantedPassword { selector: "k7mq".to_owned(), hash: hash.clone() }],
    };
    let sign_in =
        || Imap::signed_in(world.ports.imap, "first.holder@carepost.example", "k7mq7777777777777777777w");
    world.engine.ensure_account(&account("one")).await.expect("made");
    assert_eq!(world.delivers("first.holder@carepost.example", "Secret").await.0, 250);
    until("it has come", || async { sign_in().await.find("INBOX", "Secret").await.len() == 1 }).await;
    let mut open = sign_in().await;
    assert_eq!(world.engine.ensure_absent("one").await, Ok(Ensured::Updated));
    assert!(open.has_ended().await);
    assert!(!world.folder.join("storage/accounts/one").exists());
    world.engine.ensure_account(&account("two")).await.expect("made");
    assert!(sign_in().await.find("INBOX", "Secret").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn owners_hear_of_mail_that_nobody_reads() {
    let Some(world) = MailWorld::on_sqlite().await else { return };
    let home = world.joins("VM195", &[("Asha", "Patel"), ("Bo", "Li")]).await;
    let asha = &home.people[0];
    let mut imap = world.imap(asha).await;
    let shared = "Shared/care.vm195";
    let old = |subject: &str, flags: &str| {
        let text = format!("Subject: {subject}\r\n\r\nconfidential");
        format!("APPEND \"{shared}\" ({flags}) \"01-Nov-2026 09:00:00 +0000\" {{{}+}}\r\n{text}", text.len())
    };
    for (subject, flags) in [("one", ""), ("two", ""), ("read", "\\Seen")] {
        imap.done(&old(subject, flags)).await;
    }
    assert_eq!(world.delivers(&home.address, "new").await.0, 250);
    world.arrives(asha, shared, "new").await;

    let told = || async {
        let letters = letter::store::list_newest(&world.app.database, "").await.expect("listed");
        letters.into_iter().filter(|letter| letter.name == "unread mail").collect::<Vec<_>>()
    };
    let count = || async {
        assert!(carepost::schedule::run_due(&world.app).await.is_empty());
        world.settle().await;
        told().await
    };
    let letters = count().await;
    assert_eq!(letters.len(), 1, "its one owner is told, and no member");
    assert!(letters[0].recipient.starts_with("asha."), "{}", letters[0].recipient);
    assert!(letters[0].body.contains("2 messages in the shared mailbox"), "{}", letters[0].body);
    assert!(!letters[0].body.contains("confidential") && !letters[0].body.contains("one"));
    // Not again within two days; again after; and no more once somebody has read it.
    world.app.clock.advance(Span::hours(2));
    assert_eq!(count().await.len(), 1);
    world.app.clock.advance(Span::days(2));
    assert_eq!(count().await.len(), 2);
    imap.done(&format!("SELECT \"{shared}\"")).await;
    imap.done("STORE 1:* +FLAGS (\\Seen)").await;
    world.app.clock.advance(Span::days(3));
    assert_eq!(count().await.len(), 2);
}

/// What provisioning writes never keeps the mail servers from reading.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_is_taken_while_hundreds_of_mailboxes_are_made() {
    let Some(world) = MailWorld::on_sqlite().await else { return };
    let home = world.joins("VM195", &[("Asha", "Patel")]).await;
    let engine = world.engine.clone();
    let making = tokio::spawn(async move {
        for number in 0..600 {
            let wanted = WantedAccount {
                id: format!("n{number}"),
                address: format!("n{number}@carepost.example"),
                aliases: Vec::new(),
                display_name: String::new(),
                quota_bytes: 1,
                standing: Standing::Open,
                passwords: Vec::new(),
            };
            engine.ensure_account(&wanted).await.expect("made");
        }
    });
    let mut taken = 0;
    while !making.is_finished() {
        let (code, words) = world.delivers(&home.address, "Meanwhile").await;
        assert_eq!(code, 250, "{words}");
        assert_eq!(world.delivers("nobody@carepost.example", "x").await.0, 550);
        taken += 1;
    }
    making.await.expect("all made");
    assert!(taken > 0);
}
