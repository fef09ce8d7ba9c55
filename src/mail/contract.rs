//! The promises of every mail engine, asked of each.

use super::fake::FakeEngine;
use super::postfix_dovecot::servers::for_tests;
use super::{
    Embedded, EngineError, Ensured, Filling, MailEngine, Standing, WantedAccount, WantedPassword,
    WantedSharedMailbox,
};
use crate::clock::{Clock, Timestamp};

fn account() -> WantedAccount {
    WantedAccount {
        id: "a-1".to_owned(),
        address: "asha.patel@carepost.example".to_owned(),
        aliases: Vec::new(),
        display_name: "Asha Patel".to_owned(),
        quota_bytes: 4 << 30,
        standing: Standing::Open,
        passwords: vec![WantedPassword { selector: "k7mq".to_owned(), hash: "ab".repeat(32) }],
    }
}

fn shared_mailbox() -> WantedSharedMailbox {
    WantedSharedMailbox {
        id: "s-1".to_owned(),
        address: "care.vm195@carepost.example".to_owned(),
        aliases: vec!["care.vm100@carepost.example".to_owned()],
        display_name: "Care.VM195 (Rose Court, Lincoln)".to_owned(),
        quota_bytes: 50 << 30,
        standing: Standing::Open,
        owners: vec!["asha.patel@carepost.example".to_owned()],
        members: vec!["bo.li@carepost.example".to_owned()],
    }
}

async fn keeps_every_promise(engine: &dyn MailEngine) {
    // Create, and repeat without effect.
    assert_eq!(engine.ensure_account(&account()).await, Ok(Ensured::Created));
    assert_eq!(engine.ensure_account(&account()).await, Ok(Ensured::AlreadyRight));
    assert_eq!(engine.ensure_shared_mailbox(&shared_mailbox()).await, Ok(Ensured::Created));
    assert_eq!(engine.ensure_shared_mailbox(&shared_mailbox()).await, Ok(Ensured::AlreadyRight));

    // Whoever may read it is part of what must be true, in whatever order they are named.
    let mut wanted = shared_mailbox();
    wanted.members.push("cy.fox@carepost.example".to_owned());
    assert_eq!(engine.ensure_shared_mailbox(&wanted).await, Ok(Ensured::Updated));
    wanted.members.reverse();
    assert_eq!(engine.ensure_shared_mailbox(&wanted).await, Ok(Ensured::AlreadyRight));
    assert_eq!(engine.look(&wanted.id).await, Ok(Some(wanted.in_full())));

    // So are names, sizes, standing and passwords, each by itself.
    let changes: [fn(&mut WantedAccount); 6] = [
        |account| account.aliases.push("asha.stone@carepost.example".to_owned()),
        |account| account.display_name = "Asha Stone".to_owned(),
        |account| account.quota_bytes = 5 << 30,
        |account| account.standing = Standing::Disabled,
        |account| account.passwords[0].hash = "cd".repeat(32),
        |account| account.address = "asha.khan@carepost.example".to_owned(),
    ];
    let mut wanted = account();
    for change in changes {
        change(&mut wanted);
        assert_eq!(engine.ensure_account(&wanted).await, Ok(Ensured::Updated));
        assert_eq!(engine.ensure_account(&wanted).await, Ok(Ensured::AlreadyRight));
        assert_eq!(engine.look(&wanted.id).await, Ok(Some(wanted.in_full())));
    }

    // All of it is listed, in order and in pages.
    let first = engine.list("", 1).await.expect("listed");
    assert_eq!(first.iter().map(|held| held.id.as_str()).collect::<Vec<_>>(), ["a-1"]);
    assert_eq!(first[0].holds, wanted.in_full());
    let rest = engine.list("a-1", 10).await.expect("listed");
    assert_eq!(rest.iter().map(|held| held.id.as_str()).collect::<Vec<_>>(), ["s-1"]);
    assert_eq!(engine.list("s-1", 10).await, Ok(Vec::new()));

    // Once it is told that it holds everything it does not begin anew by itself.
    let other = Filling("of another time".to_owned());
    let filling = engine.filling().await.expect("asked");
    assert_eq!(engine.ensure_filled(&other).await, Ok(Ensured::AlreadyRight));
    assert_eq!(engine.filling().await, Ok(filling.clone()));
    if let Some(filling) = filling {
        assert_eq!(engine.ensure_filled(&filling).await, Ok(Ensured::Updated));
        assert_eq!(engine.ensure_filled(&filling).await, Ok(Ensured::AlreadyRight));
    }
    assert_eq!(engine.filling().await, Ok(None));

    // Nobody has written to it, so nothing is unread.
    assert_eq!(engine.count_unread(&["care.vm195@carepost.example".to_owned()], 48).await, Ok(vec![0]));
    let domains = ["trust.example".to_owned()];
    engine.ensure_secure_domains(&domains).await.expect("kept");
    assert_eq!(engine.ensure_secure_domains(&domains).await, Ok(Ensured::AlreadyRight));

    // Remove, and remove again: nothing is left, not even storage.
    for id in ["a-1", "s-1"] {
        assert_eq!(engine.ensure_absent(id).await, Ok(Ensured::Updated), "{id}");
        assert_eq!(engine.ensure_absent(id).await, Ok(Ensured::AlreadyRight), "{id}");
        assert_eq!(engine.look(id).await, Ok(None));
    }
    assert_eq!(engine.list_storage().await, Ok(Vec::new()));

    // A bad name is refused for good, and nothing is made.
    for address in
        ["", "no-domain", "asha patel@carepost.example", "ásha@carepost.example", "a@b@c.example\r\n"]
    {
        let bad = WantedAccount { address: address.to_owned(), ..account() };
        let refused = engine.ensure_account(&bad).await;
        assert!(matches!(refused, Err(EngineError::Never(_))), "{address}: {refused:?}");
        assert_eq!(engine.look(&bad.id).await, Ok(None));
        let bad = WantedAccount { aliases: vec![address.to_owned()], ..account() };
        assert!(matches!(engine.ensure_account(&bad).await, Err(EngineError::Never(_))), "{address}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_engine() {
    for database in crate::database::for_tests::both_engines().await {
        keeps_every_promise(&Embedded::new(database, Clock::still(Timestamp::from_milliseconds(0)))).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postfix_and_dovecot() {
    for servers in for_tests::on_both_databases().await {
        let engine = &servers.engine;
        keeps_every_promise(engine).await;

        // An identifier that could lead out of the storage is refused.
        for id in ["", "..", "../../etc", "a/b", "A"] {
            assert!(matches!(engine.ensure_absent(id).await, Err(EngineError::Never(_))), "{id}");
        }
        // An address another mailbox holds waits until that one lets it go.
        engine.ensure_account(&account()).await.expect("made");
        let other = WantedAccount { id: "a-2".to_owned(), ..account() };
        assert!(matches!(engine.ensure_account(&other).await, Err(EngineError::Later(_))));
        engine.ensure_absent("a-1").await.expect("gone");
        assert_eq!(engine.ensure_account(&other).await, Ok(Ensured::Created));
    }
}

#[tokio::test]
async fn the_fake() {
    let fake = FakeEngine::default();
    fake.begin_empty();
    keeps_every_promise(&fake).await;

    // What only the fake can show: a difference made behind our back is put right.
    assert_eq!(fake.ensure_account(&account()).await, Ok(Ensured::Created));
    fake.tamper(&account().id, &account().address, "somebody else's");
    assert_eq!(fake.ensure_account(&account()).await, Ok(Ensured::Updated));
    fake.set_down(true);
    assert!(matches!(fake.ensure_account(&account()).await, Err(EngineError::Later(_))));
}
