use super::super::rules::tests::{account, shared_mailbox};
use super::super::rules::{Mailbox, MailboxAccess, MailboxKind, Step, StepKind, facts};
use super::*;
use crate::database::for_tests;
use crate::mail::{Ensured, Standing, WantedPassword};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where a projection can be made: a fresh file, and a fresh PostgreSQL database where there is a server.
async fn places() -> Vec<Address> {
    let folder = std::env::temp_dir().join("carepost-tests").join(crate::id::new_token());
    let mut places = vec![Address::Sqlite(folder.join("mail.db"))];
    if let Some((own, _)) = for_tests::postgres_for_mail().await {
        places.push(Address::Postgres(own));
    }
    places
}

/// Rows decided by the rules before stay as they are unless the tables are made again.
#[test]
fn version_goes_up_when_the_tables_or_what_the_rules_decide_for_them_change() {
    let mut all = format!("{}{UNFILLED_REPLY}{:?}{:?}", layout(), MailboxAccess::ALL, StepKind::ALL);
    for standing in Standing::ALL {
        for mailbox in [account("asha", standing), shared_mailbox(standing, &["asha"], &["bo"])] {
            all.push_str(&format!("{:?}{standing:?}{:?}", mailbox.kind(), facts(&mailbox)));
        }
    }
    assert_eq!(MailboxKind::ALL.len(), 2, "the loop above knows both kinds");
    let fingerprint = crate::id::hex(&Sha256::digest(all.as_bytes())[..8]);
    assert_eq!(
        (VERSION, fingerprint.as_str()),
        (5, "3bc55a90ab8b9659"),
        "raise VERSION and note the new fingerprint"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_were_made_anew_are_not_filled_whoever_says_so_of_those_before() {
    for place in places().await {
        let database = open(&place).await.expect("made");
        let first = filling(&database).await.expect("read").expect("new tables are filled first");
        ensure(&database, account("asha", Standing::Open)).await.expect("kept");
        assert_eq!(filling(&database).await.expect("read"), Some(first.clone()), "one is not all");
        assert_eq!(ensure_filled(&database, &first).await.expect("noted"), Ensured::Updated);
        assert_eq!(filling(&database).await.expect("read"), None);

        // Nothing is made anew for a program that knows these tables.
        let database = open(&place).await.expect("opened");
        assert_eq!(filling(&database).await.expect("read"), None);
        assert!(find(&database, "of-asha").await.expect("read").is_some());

        // Tables of other rules are emptied, those of another layout made anew; for whoever asks it is the same.
        let mut before = first;
        for other in [
            "UPDATE projection SET version = version - 1",
            "UPDATE projection SET layout = 'another'",
            "DROP VIEW unfilled; DROP VIEW enforced_for_now; DROP VIEW visible_otherwise; DROP VIEW revisions; DROP TABLE projection;",
        ] {
            ensure(&database, account("asha", Standing::Open)).await.expect("kept");
            ensure_secure_domains(&database, vec!["trust.example".to_owned()]).await.expect("kept");
            for_tests::run(&database, other).await;
            let database = open(&place).await.expect("begun again");
            assert_eq!(find(&database, "of-asha").await.expect("read"), None);
            let domain = look_up(&database, LookupTable::SecureDomains, "elsewhere.example").await;
            assert_eq!(domain.expect("read").len(), 1, "they are not known any more");
            let second = filling(&database).await.expect("read").expect("new tables are filled first");
            assert_ne!(before, second);
            assert_eq!(ensure_filled(&database, &before).await.expect("answered"), Ensured::AlreadyRight);
            assert_eq!(filling(&database).await.expect("read"), Some(second.clone()));
            assert_eq!(ensure_filled(&database, &second).await.expect("noted"), Ensured::Updated);
            // Whoever comes after finds it as it should be.
            open(&place).await.expect("opened");
            assert_eq!(filling(&database).await.expect("read"), None);
            before = second;
        }
    }
}

/// A person who was taken off while Dovecot was away is told of all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_outlive_the_rows_they_came_from() {
    for place in places().await {
        let database = open(&place).await.expect("made");
        ensure(&database, account("asha", Standing::Open)).await.expect("kept");
        ensure(&database, account("asha", Standing::Disabled)).await.expect("kept");
        let before = list_steps(&database, "of-asha").await.expect("read").steps;
        assert_eq!(before.last().map(|step| step.kind), Some(StepKind::EndSessions));
        for_tests::run(&database, "UPDATE projection SET version = version - 1").await;
        let database = open(&place).await.expect("begun again");
        assert_eq!(list_steps(&database, "of-asha").await.expect("read").steps, before);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn until_everything_is_there_nobody_is_nobody_and_every_domain_may_be_a_secure_one() {
    for place in places().await {
        let database = open(&place).await.expect("made");
        for (name, standing) in [("asha", Standing::Open), ("bo", Standing::Leaver)] {
            ensure(&database, account(name, standing)).await.expect("kept");
        }
        let says = async |table: LookupTable, key: &str| look_up(&database, table, key).await.expect("read");
        let unfilled =
            async |name: &str| says(LookupTable::Unfilled, &format!("{name}@carepost.example")).await;
        assert_eq!(unfilled("cy").await, [UNFILLED_REPLY]);
        assert_eq!(unfilled("asha").await, [""; 0]);
        assert_eq!(unfilled("bo").await, [""; 0]);
        assert_eq!(says(LookupTable::SecureDomains, "trust.example").await.len(), 1);

        // The secure domains are told first, and then only they are secure.
        let domains = vec!["trust.example".to_owned()];
        let told = || ensure_secure_domains(&database, domains.clone());
        assert_eq!(told().await.expect("kept"), Ensured::Updated);
        assert_eq!(told().await.expect("kept"), Ensured::AlreadyRight);
        assert_eq!(says(LookupTable::SecureDomains, "trust.example").await.len(), 1);
        assert_eq!(says(LookupTable::SecureDomains, "elsewhere.example").await, [""; 0]);

        let filling = filling(&database).await.expect("read").expect("it is filling");
        ensure_filled(&database, &filling).await.expect("noted");
        assert_eq!(unfilled("cy").await, [""; 0]);

        // An empty list is told, too.
        for_tests::run(&database, "UPDATE projection SET version = version - 1").await;
        let database = open(&place).await.expect("made anew");
        let says = async |key: &str| look_up(&database, LookupTable::SecureDomains, key).await.expect("read");
        assert_eq!(says("elsewhere.example").await.len(), 1);
        ensure_secure_domains(&database, Vec::new()).await.expect("kept");
        assert_eq!(says("elsewhere.example").await, [""; 0]);
    }
}

/// Every view says of each standing what the rules decided, and a mailbox is read as it was kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_say_what_the_rules_decided() {
    for place in places().await {
        let database = open(&place).await.expect("made");
        let password = WantedPassword { selector: "aaaa".to_owned(), hash: "ab".to_owned() };
        for standing in Standing::ALL {
            let Mailbox::Account(mut asha) = account("asha", standing) else { panic!("not an account") };
            asha.aliases = vec!["asha.khan@carepost.example".to_owned()];
            asha.passwords = vec![password.clone()];
            let asha = Mailbox::Account(asha);
            ensure(&database, asha.clone()).await.expect("kept");
            assert_eq!(find(&database, asha.id()).await.expect("read"), Some(asha.clone()));
            let open = standing == Standing::Open;
            for name in ["asha@carepost.example", "asha.khan@carepost.example"] {
                let says = async |table| look_up(&database, table, name).await.expect("read");
                let own = ["asha@carepost.example"];
                let expected: &[&str] = if open { &own } else { &[] };
                assert_eq!(says(LookupTable::Recipients).await, expected, "{standing:?}");
                assert_eq!(says(LookupTable::Senders).await, expected, "{standing:?}");
                let refusal: Vec<&str> = facts(&asha).refusal.into_iter().collect();
                assert_eq!(says(LookupTable::Refusals).await, refusal);
                let rows: Vec<(String, String)> = database
                    .all("SELECT selector, folder FROM sign_ins WHERE name = $1", &[&name])
                    .await
                    .expect("read");
                assert_eq!(rows.len(), usize::from(open), "{standing:?}");
                let stored: Option<(String,)> =
                    database.maybe("SELECT folder FROM users WHERE name = $1", &[&name]).await.expect("read");
                assert_eq!(stored, Some(("accounts/of-asha".to_owned(),)), "mail taken before is stored");
            }
        }
        // Whoever has access uses a shared mailbox while both stand open.
        let of_asha = async || -> (Vec<String>, Option<String>, usize) {
            let shared = "care.vm195@carepost.example";
            let senders = look_up(&database, LookupTable::Senders, shared).await.expect("read");
            let groups: Option<(Option<String>,)> = database
                .maybe("SELECT groups FROM users WHERE name = $1", &[&"asha@carepost.example"])
                .await
                .expect("read");
            let seen: Vec<(String,)> = database
                .all("SELECT yes FROM visible WHERE person = $1", &[&"asha@carepost.example"])
                .await
                .expect("read");
            (senders, groups.and_then(|(groups,)| groups), seen.len())
        };
        for standing in Standing::ALL {
            let shared = shared_mailbox(standing, &["asha"], &["bo"]);
            ensure(&database, shared.clone()).await.expect("kept");
            assert_eq!(find(&database, shared.id()).await.expect("read"), Some(shared.clone()));
            ensure(&database, account("asha", Standing::Open)).await.expect("kept");
            let open = standing == Standing::Open;
            let (senders, groups, seen) = of_asha().await;
            assert_eq!(senders.len(), usize::from(open), "{standing:?}");
            assert_eq!(groups.as_deref(), open.then_some("s-1,s-1-owners"), "{standing:?}");
            assert_eq!(seen, usize::from(open), "{standing:?}");
            let alias = "care.vm100@carepost.example";
            let held = sender(&database, "asha@carepost.example", alias).await.expect("read");
            assert_eq!(held.is_some(), open);
            if let Some(held) = held {
                assert_eq!(held.account_id, "of-asha");
                assert_eq!(held.sent_copy.as_deref(), Some("care.vm195+sent@carepost.example"));
            }
            assert_eq!(sender(&database, "bo@carepost.example", alias).await.expect("read"), None);
        }
        ensure(&database, shared_mailbox(Standing::Open, &["asha"], &["bo"])).await.expect("kept");
        ensure(&database, account("asha", Standing::Disabled)).await.expect("kept");
        assert_eq!(of_asha().await.0, [""; 0], "an account that is switched off sends as nobody");
    }
}

/// What Dovecot must be told is there until it was told, each change by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_stay_until_they_are_taken_and_unknown_ones_are_not_passed_over() {
    for place in places().await {
        let database = open(&place).await.expect("made");
        ensure(&database, shared_mailbox(Standing::Open, &["asha"], &[])).await.expect("kept");
        let first = list_steps(&database, "s-1").await.expect("read");
        assert_eq!(first.steps.first().map(|step| step.kind), Some(StepKind::Prepare));
        ensure(&database, shared_mailbox(Standing::Open, &[], &[])).await.expect("kept");
        steps_taken(&database, "s-1", first).await.expect("noted");
        let second = list_steps(&database, "s-1").await.expect("read");
        assert_eq!(second.steps.last().map(|step| step.kind), Some(StepKind::CheckAccess));
        let step = Step::prepare("care.vm195@carepost.example");
        let says = "INBOX: user=mallory lookup".to_owned();
        note_wrong_access(&database, vec![("s-1".to_owned(), says.clone(), vec![step])])
            .await
            .expect("noted");
        // It is told until the mailbox has been seen to.
        for _ in 0..2 {
            let told = tell_wrong_access(&database, "", "s-1").await.expect("read");
            assert_eq!(told, [("s-1".to_owned(), says.clone())]);
        }
        assert!(ensure_absent(&database, "s-1").await.expect("removed"));
        let last = list_steps(&database, "s-1").await.expect("read");
        let kinds: Vec<StepKind> = last.steps.iter().map(|step| step.kind).collect();
        assert_eq!(kinds, [StepKind::Forget, StepKind::Forget, StepKind::RemoveStorage]);
        steps_taken(&database, "s-1", last).await.expect("noted");
        assert!(list_steps(&database, "s-1").await.expect("read").steps.is_empty());
        assert_eq!(tell_wrong_access(&database, "", "s-1").await.expect("read"), []);
        // A newer program may have written what this one cannot do.
        for_tests::run(&database, "INSERT INTO steps VALUES ('c', 's-1', 'Sing', 'care')").await;
        assert!(list_steps(&database, "s-1").await.is_err());
    }
}

/// An error would cost a mail server its connection: readers and the maker of the tables must never wait for
/// one another. On SQLite they cannot.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_are_made_anew_without_an_error_for_whoever_reads_them() {
    const READERS: usize = 6;
    const TIMES: usize = 15;
    let Some((own, mail)) = for_tests::postgres_for_mail().await else { return };
    let database = open(&Address::Postgres(own)).await.expect("made");
    let enough = Arc::new(AtomicBool::new(false));
    let queries = [
        "SELECT folder FROM mail.users WHERE name = 'x'
         UNION ALL SELECT words FROM mail.unfilled WHERE NOT EXISTS (SELECT 1 FROM mail.users WHERE name = 'x')",
        "SELECT address FROM mail.recipients WHERE name = 'x'
         UNION ALL SELECT reply FROM mail.unfilled WHERE NOT EXISTS (SELECT 1 FROM mail.users WHERE name = 'x')",
    ];
    let mut readers = Vec::new();
    for number in 0..READERS {
        let (mail, enough) = (mail.clone(), Arc::clone(&enough));
        readers.push(tokio::spawn(async move {
            let (client, connection) =
                tokio_postgres::connect(&mail, tokio_postgres::NoTls).await.expect("connected");
            tokio::spawn(connection);
            let mut read = 0;
            while !enough.load(Ordering::SeqCst) {
                client.simple_query(queries[number % queries.len()]).await.expect("an answer and no error");
                read += 1;
            }
            read
        }));
    }
    for _ in 0..TIMES {
        make_anew(&database).await.expect("made anew");
        assert!(filling(&database).await.expect("read").is_some());
    }
    enough.store(true, Ordering::SeqCst);
    for reader in readers {
        assert!(reader.await.expect("no error") > TIMES, "it read all the time");
    }
    // Nothing of the versions before is left.
    let schemas: Vec<(String,)> = database
        .all("SELECT nspname::TEXT FROM pg_namespace WHERE nspname LIKE 'mail%' ORDER BY nspname", &[])
        .await
        .expect("read");
    assert_eq!(schemas, [("mail".to_owned(),), ("mail_kept".to_owned(),)]);
}

/// What a session noted when it was opened counts until its holder is signed out, or the tables begin again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revisions_go_up_for_whoever_is_signed_out_and_when_the_tables_begin_again() {
    for place in places().await {
        let database = open(&place).await.expect("made");
        let counts = async |database: &Database, opened: i64, name: &str| {
            let login = format!("{name}@carepost.example");
            opened >= signed_out_at(database, &login).await.expect("read")
        };
        let with = |passwords: &[&str]| {
            let Mailbox::Account(mut asha) = account("asha", Standing::Open) else {
                panic!("not an account")
            };
            let wanted = passwords.iter().map(|selector| WantedPassword {
                selector: (*selector).to_owned(),
                hash: format!("of-{selector}"),
            });
            asha.passwords = wanted.collect();
            Mailbox::Account(asha)
        };
        ensure(&database, with(&["aaaa", "bbbb"])).await.expect("kept");
        ensure(&database, account("bo", Standing::Open)).await.expect("kept");
        let first = revision(&database).await.expect("read");
        // A password more signs nobody out, one less does: before Dovecot has been told, and after.
        ensure(&database, with(&["aaaa", "bbbb", "cccc"])).await.expect("kept");
        assert!(counts(&database, first, "asha").await);
        ensure(&database, with(&["aaaa", "cccc"])).await.expect("kept");
        assert!(!counts(&database, first, "asha").await && counts(&database, first, "bo").await);
        let second = revision(&database).await.expect("read");
        assert!(counts(&database, second, "asha").await);
        let steps = list_steps(&database, "of-asha").await.expect("read");
        steps_taken(&database, "of-asha", steps).await.expect("noted");
        assert!(!counts(&database, second, "asha").await, "it may have been let in by what was remembered");
        let third = revision(&database).await.expect("read");
        assert!(counts(&database, third, "asha").await && counts(&database, first, "bo").await);
        for other in
            ["UPDATE projection SET version = version - 1", "UPDATE projection SET layout = 'another'"]
        {
            for_tests::run(&database, other).await;
            let before = revision(&database).await.expect("read");
            let database = open(&place).await.expect("begun again");
            assert!(!counts(&database, before, "bo").await, "{other}");
            assert!(counts(&database, revision(&database).await.expect("read"), "bo").await);
        }
    }
}
