//! The promises of every mail engine, asked of each.

use super::fake::FakeEngine;
use super::{Embedded, EngineError, Ensured, MailEngine, WantedAccount, WantedSharedMailbox};
use crate::clock::{Clock, Timestamp};

fn account() -> WantedAccount {
    WantedAccount {
        address: "asha.patel@carepost.example".to_owned(),
        display_name: "Asha Patel".to_owned(),
        quota_bytes: 4 << 30,
        enabled: true,
    }
}

fn shared_mailbox() -> WantedSharedMailbox {
    WantedSharedMailbox {
        address: "care.vm195@carepost.example".to_owned(),
        display_name: "Care.VM195 (Rose Court, Lincoln)".to_owned(),
        quota_bytes: 50 << 30,
        enabled: true,
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
    let held = engine.look(&wanted.address).await.expect("looked").expect("held");
    assert!(held.contains("cy.fox@carepost.example"), "{held}");

    // Disabling is a difference like any other.
    let disabled = WantedAccount { enabled: false, ..account() };
    assert_eq!(engine.ensure_account(&disabled).await, Ok(Ensured::Updated));

    // Remove, and remove again.
    assert_eq!(engine.ensure_absent(&account().address).await, Ok(Ensured::Updated));
    assert_eq!(engine.ensure_absent(&account().address).await, Ok(Ensured::AlreadyRight));
    assert_eq!(engine.look(&account().address).await, Ok(None));

    // A bad name is refused for good, and nothing is made.
    for address in
        ["", "no-domain", "asha patel@carepost.example", "ásha@carepost.example", "a@b@c.example\r\n"]
    {
        let bad = WantedAccount { address: address.to_owned(), ..account() };
        let refused = engine.ensure_account(&bad).await;
        assert!(matches!(refused, Err(EngineError::Never(_))), "{address}: {refused:?}");
        assert_eq!(engine.look(address).await, Ok(None));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_engine() {
    for database in crate::database::for_tests::both_engines().await {
        keeps_every_promise(&Embedded::new(database, Clock::still(Timestamp::from_milliseconds(0)))).await;
    }
}

#[tokio::test]
async fn the_fake() {
    let fake = FakeEngine::default();
    keeps_every_promise(&fake).await;

    // What only the fake can show: a difference made behind our back is put right.
    assert_eq!(fake.ensure_account(&account()).await, Ok(Ensured::Created));
    fake.tamper(&account().address, "somebody else's");
    assert_eq!(fake.ensure_account(&account()).await, Ok(Ensured::Updated));
    fake.set_down(true);
    assert!(matches!(fake.ensure_account(&account()).await, Err(EngineError::Later(_))));
}
