//! Addresses: each names one mailbox for good, and may lead on to another.

use super::save_shared_mailbox;
use crate::clock::Timestamp;
use crate::database::{Error, Reads, Result, Tx};
use crate::directory::{NewPerson, SharedMailbox, address};
use crate::outbox::Change;

/// How often the next number after a name is tried in one transaction. Each try that fails means
/// that somebody else took a number meanwhile.
const NUMBER_TRIES_MAX: usize = 500;

/// Takes an address for good; false when it was ever taken.
pub(super) async fn add_address(
    tx: &mut Tx,
    at: Timestamp,
    address: &str,
    stem: &str,
    number: i64,
    names: &str,
) -> Result<bool> {
    let added = tx
        .run(
            "INSERT INTO addresses (canonical, stem, number, names, taken_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
            &[&address, &stem, &number, &names, &at],
        )
        .await?;
    Ok(added == 1)
}

/// Takes the next address that a person's name gives.
pub(super) async fn take_address(
    tx: &mut Tx,
    at: Timestamp,
    person: &NewPerson,
    domain: &str,
    names: &str,
) -> Result<String> {
    let stem = address::stem(&person.first_name, &person.last_name);
    let mut number = 0;
    for _ in 0..NUMBER_TRIES_MAX {
        let address = address::of_person(&stem, number, domain);
        if add_address(tx, at, &address, &stem, number, names).await? {
            return Ok(address);
        }
        let last: Option<(i64,)> = tx
            .maybe("SELECT number FROM addresses WHERE stem = $1 ORDER BY number DESC LIMIT 1", &[&stem])
            .await?;
        number = last.map_or(0, |(last,)| last).max(number) + 1;
    }
    Err(Error::Unavailable(format!("too many people are called {stem} just now")))
}

/// Further addresses that lead to a mailbox of an account or a site, in order; at most 100.
pub async fn list_aliases(from: &impl Reads, mailbox: &str) -> Result<Vec<String>> {
    let found: Vec<(String,)> = from
        .all("SELECT canonical FROM aliases WHERE mailbox_id = $1 ORDER BY canonical LIMIT 100", &[&mailbox])
        .await?;
    Ok(found.into_iter().map(|(address,)| address).collect())
}

/// Where an address of the past stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PastAddress {
    /// It was a shared mailbox's and leads nowhere now.
    Free,
    /// It was never a site's.
    NotASites,
    /// A mailbox that is in use has it, or it is an alias.
    InUse,
}

/// Whether an address of the past can lead to another shared mailbox.
pub async fn past_address(from: &impl Reads, canonical: &str) -> Result<PastAddress> {
    let found: Option<(String,)> =
        from.maybe("SELECT stem FROM addresses WHERE canonical = $1", &[&canonical]).await?;
    if !found.is_some_and(|(stem,)| address::is_shared_mailbox_stem(&stem)) {
        return Ok(PastAddress::NotASites);
    }
    let (used,): (i64,) = from
        .one(
            "SELECT (SELECT COUNT(*) FROM shared_mailboxes WHERE address = $1 AND state NOT IN ('Deleted', 'Purged'))
                  + (SELECT COUNT(*) FROM accounts WHERE address = $1)
                  + (SELECT COUNT(*) FROM aliases WHERE canonical = $1)",
            &[&canonical],
        )
        .await?;
    Ok(if used == 0 { PastAddress::Free } else { PastAddress::InUse })
}

/// Lets an address of the past lead to a shared mailbox; false when it leads somewhere already, or
/// the mailbox changed in between.
pub async fn add_alias(
    tx: &mut Tx,
    now: Timestamp,
    change: &Change<SharedMailbox>,
    canonical: &str,
    because: &str,
) -> Result<bool> {
    let added = tx
        .run(
            "INSERT INTO aliases (canonical, mailbox_id, since, because) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            &[&canonical, &change.state.id, &now, &because],
        )
        .await?;
    Ok(added == 1 && save_shared_mailbox(tx, now, change).await?)
}

#[cfg(test)]
mod tests {
    use super::super::for_tests::{DOMAIN, NOON, WRITERS, open_in, races, site_of};
    use super::super::list_people;
    use super::*;
    use crate::database::for_tests::{both_engines, run};
    use crate::database::transaction;
    use crate::directory::tests::{name, person};
    use crate::directory::{Access, Refusal};
    use crate::id::new_id;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_address_once_used_never_names_anybody_else() {
        for database in both_engines().await {
            open_in(&database, site_of("VM195", 1, 1)).await.expect("written").expect("opened");
            // However an account ends, its address stays taken.
            run(
                &database,
                "DELETE FROM shared_mailbox_access; DELETE FROM account_slots; DELETE FROM accounts;
                 DELETE FROM shared_mailboxes; DELETE FROM sites",
            )
            .await;
            let again = open_in(&database, site_of("VM195", 1, 1)).await.expect("answered");
            assert_eq!(again, Err(Refusal::AddressIsTaken("care.vm195@carepost.example".to_owned())));
            let other = open_in(&database, site_of("VM196", 1, 1)).await.expect("written").expect("opened");
            let people =
                list_people(&crate::directory::Scope::All, &database, &other.site_id).await.expect("listed");
            assert_eq!(people[0].address, "asha.patel1@carepost.example");
            for sql in ["UPDATE addresses SET names = 'x'", "DELETE FROM addresses"] {
                let refused = database.write(transaction!(async move |tx| { tx.run(sql, &[]).await })).await;
                assert!(matches!(refused, Err(Error::Broken(_))), "{}: {refused:?}", database.engine());
            }
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_race_gives_two_people_one_address() {
        for database in both_engines().await {
            for race in 0..races() {
                let last: String =
                    race.to_string().bytes().map(|digit| char::from(b'a' + digit - b'0')).collect();
                let writers: Vec<_> = (0..WRITERS)
                    .map(|writer| {
                        let database = database.clone();
                        let new = NewPerson {
                            last_name: name(&last),
                            ..person("Asha", "Patel", writer, Access::Member)
                        };
                        tokio::spawn(async move {
                            database
                                .write(transaction!(async move |tx| {
                                    take_address(tx, NOON, &new, DOMAIN, &new_id(NOON)).await
                                }))
                                .await
                        })
                    })
                    .collect();
                let mut taken = Vec::new();
                for writer in writers {
                    taken.push(writer.await.expect("no panic").expect("an address"));
                }
                taken.sort();
                taken.dedup();
                assert_eq!(taken.len(), WRITERS, "race {race} on {}", database.engine());
                let (highest,): (i64,) = database
                    .one("SELECT MAX(number) FROM addresses WHERE stem = $1", &[&format!("asha.{last}")])
                    .await
                    .expect("read");
                assert_eq!(highest, 63, "no number is left out");
            }
        }
    }
}
