//! Sites for the tests of this folder.

use super::invariants::INVARIANTS;
use super::{Opened, invariants, open_site};
use crate::audit::Actor;
use crate::clock::Timestamp;
use crate::database::{Database, Reads, Result, Tx, transaction};
use crate::directory::tests::{new_site, person};
use crate::directory::{Access, NewSite, Refusal};

pub(in crate::directory) const DOMAIN: &str = "carepost.example";

pub(in crate::directory) const NOON: Timestamp = Timestamp::from_milliseconds(43_200_000);

pub(in crate::directory) type Answer = std::result::Result<Opened, Refusal>;

pub(in crate::directory) async fn open_in(database: &Database, new: NewSite) -> Result<Answer> {
    open_at(database, NOON, new).await
}

pub(in crate::directory) async fn open_at(
    database: &Database,
    at: Timestamp,
    new: NewSite,
) -> Result<Answer> {
    database
        .write(move |tx: &mut Tx| {
            Box::pin(
                async move { open_site(tx, DOMAIN, at, &Actor::CaseWorker("worker".to_owned()), &new).await },
            )
        })
        .await
}

/// A site with this many people, whose contacts begin at `first`.
pub(in crate::directory) fn site_of(ods_code: &str, people: usize, first: usize) -> NewSite {
    let people = (0..people)
        .map(|place| {
            let access = if place == 0 { Access::Owner } else { Access::Member };
            person("Asha", "Patel", first + place, access)
        })
        .collect();
    new_site(ods_code, people)
}

/// How many rows each table of the directory holds, and how many entries and pieces of work
/// there are.
pub(in crate::directory) async fn counts(from: &Database) -> [i64; 8] {
    let (a, b, c, d, e, f, g, h) = from
        .one(
            "SELECT (SELECT COUNT(*) FROM sites), (SELECT COUNT(*) FROM shared_mailboxes),
                    (SELECT COUNT(*) FROM accounts), (SELECT COUNT(*) FROM account_slots),
                    (SELECT COUNT(*) FROM shared_mailbox_access), (SELECT COUNT(*) FROM addresses),
                    (SELECT COUNT(*) FROM audit_entries), (SELECT COUNT(*) FROM outbox)",
            &[],
        )
        .await
        .expect("counted");
    [a, b, c, d, e, f, g, h]
}

pub(in crate::directory) async fn breaches(database: &Database) -> Vec<&'static str> {
    let found = invariants(database).await.expect("checked");
    assert_eq!(found.len(), INVARIANTS.len() + 1);
    found.into_iter().filter(|(_, count)| *count > 0).map(|(name, _)| name).collect()
}

/// The registrations that sites of tests say they come from.
pub(in crate::directory) async fn add_registrations(database: &Database) {
    database
        .write(transaction!(async move |tx| {
                tx.run(
                    "INSERT INTO registrations (id, reference, version, state, state_data, questions_version, answers,
                                                browser, network, started_at, changed_at, expires_at)
                     SELECT origin_id, id, 1, 'Approved', '\"Approved\"', 1, '{}', '', '', 0, 0, 0 FROM sites
                     WHERE TRUE ON CONFLICT DO NOTHING",
                    &[],
                )
                .await
            }))
        .await
        .expect("added");
}

/// How many races are run: a few while working, a thousand in `make test`.
#[expect(clippy::disallowed_methods, reason = "the test run says how many races there are")]
pub(in crate::directory) fn races() -> usize {
    std::env::var("CAREPOST_TEST_RACES").ok().and_then(|text| text.parse().ok()).unwrap_or(25)
}

/// Writers that set off together.
pub(in crate::directory) const WRITERS: usize = 64;
