//! Opening a site, with everything it needs at once, and how far it has come.

use super::accounts::{add_account, taken_of};
use super::addresses::{add_address, take_address};
use super::freezes::find_freeze_of;
use super::organisations::organisation_of;
use super::{broken, find_account_by_address};
use crate::audit::{self, Actor, Entry};
use crate::clock::Timestamp;
use crate::database::{Param, Reads, Result, Tx};
use crate::directory::freeze::Frozen;
use crate::directory::{
    Access, AccountState, NewPerson, NewSite, Refusal, SharedMailboxState, SiteState, address, plain_words,
    same_last_name,
};
use crate::id::new_id;
use crate::outbox::{self, Work};

/// What was made for a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    pub site_id: String,
    pub shared_mailbox_id: String,
    pub shared_mailbox_address: String,
    /// The accounts made, in the order of the people; those who had one are not among them.
    pub accounts: Vec<String>,
}

/// Opens a site: everything that is in the directory because a registration was approved, in the
/// transaction of the approval. Where it is refused, nothing was changed, so the caller may go on
/// and commit what it has to say about that.
pub async fn open_site(
    tx: &mut Tx,
    domain: &str,
    at: Timestamp,
    by: &Actor,
    new: &NewSite,
) -> Result<std::result::Result<Opened, Refusal>> {
    if let Err(refusal) = new.check() {
        return Ok(Err(refusal));
    }
    let frozen = Frozen::Site { ods_code: new.ods_code.clone() };
    if find_freeze_of(tx, &frozen).await?.is_some() {
        return Ok(Err(Refusal::SiteFrozen(new.name.clone())));
    }
    tx.run("SAVEPOINT site", &[]).await?;
    let opened = open(tx, domain, at, by, new).await?;
    // Two writers can only be told apart by the constraints, which speak up half way through.
    let end = if opened.is_ok() { "RELEASE site" } else { "ROLLBACK TO site" };
    tx.run(end, &[]).await?;
    Ok(opened)
}

async fn open(
    tx: &mut Tx,
    domain: &str,
    at: Timestamp,
    by: &Actor,
    new: &NewSite,
) -> Result<std::result::Result<Opened, Refusal>> {
    let site_id = new_id(at);
    let organisation = organisation_of(tx, at, by, &new.organisation).await?;
    let (origin, origin_id) = new.origin.stored();
    // First, so that a second writer for the same site waits here and then hears that it is there.
    let added = tx
        .run(
            "INSERT INTO sites (id, version, organisation_id, state, ods_code, cqc_location_id, name, name_plain, town,
                                postcode, management, origin, origin_id, joined_at, activates_at)
             VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING",
            &[
                &site_id,
                &organisation,
                &SiteState::Open.stored(),
                &new.ods_code,
                &new.cqc_location_id,
                &new.name,
                &plain_words(&new.name),
                &new.town,
                &new.postcode,
                &new.management.stored(),
                &origin,
                &origin_id,
                &at,
                &new.activates_at,
            ],
        )
        .await?;
    if added == 0 {
        let (name,): (String,) = tx
            .one(
                "SELECT name FROM sites WHERE ods_code = $1 OR (origin = $2 AND origin_id = $3) LIMIT 1",
                &[&new.ods_code, &origin, &origin_id],
            )
            .await?;
        return Ok(Err(Refusal::SiteIsThere(name)));
    }
    audit::store::add(tx, at, &Entry::new(by.clone(), "site opened", &site_id).because(origin_id)).await?;

    let shared_mailbox_id = new_id(at);
    let stem = address::shared_mailbox_stem(&new.ods_code);
    let shared_mailbox_address = address::of_person(&stem, 0, domain);
    if !add_address(tx, at, &shared_mailbox_address, &stem, 0, &shared_mailbox_id).await? {
        return Ok(Err(Refusal::AddressIsTaken(shared_mailbox_address)));
    }
    tx.run(
        "INSERT INTO shared_mailboxes (id, version, site_id, state, address, display_name, made_at)
         VALUES ($1, 1, $2, $3, $4, $5, $6)",
        &[
            &shared_mailbox_id,
            &site_id,
            &SharedMailboxState::Pending.stored(),
            &shared_mailbox_address,
            &address::shared_mailbox_display_name(&new.ods_code, &new.name, &new.town),
            &at,
        ],
    )
    .await?;
    let entry = Entry::new(by.clone(), "shared mailbox opened", &shared_mailbox_id).because(&site_id);
    audit::store::add(tx, at, &entry).await?;

    // In the order of their names, so that two sites with the same names never wait for each other.
    let mut order: Vec<&NewPerson> = new.people.iter().collect();
    order.sort_by_cached_key(|person| address::stem(&person.first_name, &person.last_name));
    let mut accounts: Vec<(&NewPerson, String)> = Vec::new();
    for person in order {
        let account = match &person.existing_account {
            Some(theirs) => {
                let found = find_account_by_address(tx, theirs).await?;
                match found.filter(|account| same_last_name(&account.last_name, &person.last_name)) {
                    Some(account) => account.id,
                    None => {
                        return Ok(Err(Refusal::NotTheirAccount {
                            person: person.full_name(),
                            address: theirs.clone(),
                        }));
                    }
                }
            }
            None => {
                let id = new_id(at);
                let address = take_address(tx, at, person, domain, &id).await?;
                if !add_account(tx, at, person, &id, &address).await? {
                    let taken = taken_of(tx, &person.email, &person.mobile).await?;
                    let contact = taken.into_iter().next().ok_or_else(|| broken("a new account", &id))?;
                    return Ok(Err(Refusal::ContactIsTaken { person: person.full_name(), contact }));
                }
                id
            }
        };
        accounts.push((person, account));
    }

    let in_order = |person: &NewPerson| accounts.iter().find(|(known, _)| std::ptr::eq(*known, person));
    let (mut made, mut slots, mut access, mut entries) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for person in &new.people {
        let Some((_, account)) = in_order(person) else { continue };
        access.push((account, person.access.stored()));
        let (action, detail) = match person.existing_account {
            Some(_) => ("shared mailbox access given", &shared_mailbox_id),
            None => {
                made.push(account.clone());
                slots.push((i64::try_from(made.len()).unwrap_or(i64::MAX), account));
                ("account opened", &site_id)
            }
        };
        entries.push(Entry::new(by.clone(), action, account).because(detail));
    }
    let access: Vec<[&(dyn Param + '_); 4]> = access
        .iter()
        .map(|(account, access)| -> [&(dyn Param + '_); 4] { [&shared_mailbox_id, account, access, &at] })
        .collect();
    let head = "INSERT INTO shared_mailbox_access (shared_mailbox_id, account_id, access, since)";
    tx.run_rows(head, &access, "").await?;
    let slots: Vec<[&(dyn Param + '_); 3]> =
        slots.iter().map(|(slot, account)| -> [&(dyn Param + '_); 3] { [&site_id, slot, account] }).collect();
    tx.run_rows("INSERT INTO account_slots (site_id, slot, account_id)", &slots, "").await?;
    audit::store::add_many(tx, at, &entries).await?;

    for account in &made {
        outbox::store::queue(tx, at, at, &Work::ProvisionAccount { account: account.clone() }).await?;
    }
    let work = Work::ProvisionSharedMailbox { shared_mailbox: shared_mailbox_id.clone() };
    outbox::store::queue(tx, at, at, &work).await?;
    Ok(Ok(Opened { site_id, shared_mailbox_id, shared_mailbox_address, accounts: made }))
}

/// How far a site is on its way to being used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Mailboxes that the mail engine does not hold yet.
    pub unprovisioned: i64,
    /// An owner who has activated, if there is one: the first.
    pub first_owner: Option<String>,
}

/// How far a site is.
pub async fn progress(from: &impl Reads, site: &str) -> Result<Progress> {
    let (unprovisioned,): (i64,) = from
        .one(
            "SELECT (SELECT COUNT(*) FROM account_slots s JOIN accounts a ON a.id = s.account_id
                      WHERE s.site_id = $1 AND a.provisioned_at IS NULL)
                  + (SELECT COUNT(*) FROM shared_mailboxes m WHERE m.site_id = $1 AND m.state = $2)",
            &[&site, &SharedMailboxState::Pending.stored()],
        )
        .await?;
    let first_owner: Option<(String,)> = from
        .maybe(
            "SELECT a.id FROM shared_mailboxes m
               JOIN shared_mailbox_access x ON x.shared_mailbox_id = m.id AND x.access = $1
               JOIN accounts a ON a.id = x.account_id AND a.state = $2
              WHERE m.site_id = $3 ORDER BY a.activated_at, a.id LIMIT 1",
            &[&Access::Owner.stored(), &AccountState::Active.stored(), &site],
        )
        .await?;
    Ok(Progress { unprovisioned, first_owner: first_owner.map(|(id,)| id) })
}

#[cfg(test)]
mod tests {
    use super::super::for_tests::{
        DOMAIN, NOON, WRITERS, add_registrations, breaches, counts, open_in, races, site_of,
    };
    use super::super::*;
    use super::*;
    use crate::contact::Email;
    use crate::database::Error;
    use crate::database::for_tests::both_engines;
    use crate::database::transaction;
    use crate::directory::tests::person;
    use crate::directory::{Access, AccountState, Contact, Management, Origin, Scope};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_site_is_opened_with_everything_it_needs() {
        for database in both_engines().await {
            let mut new = site_of("VM195", 2, 1);
            new.people.push(person("Bo", "Li", 3, Access::Owner));
            let opened = open_in(&database, new).await.expect("written").expect("opened");
            assert_eq!(opened.shared_mailbox_address, "care.vm195@carepost.example");
            assert_eq!(opened.accounts.len(), 3);
            assert_eq!(counts(&database).await, [1, 1, 3, 3, 3, 4, 6, 4]);

            let site = find_site_by_ods_code(&database, "VM195").await.expect("read").expect("a site");
            assert_eq!(find_site(&database, &opened.site_id).await.expect("read").as_ref(), Some(&site));
            let by_location = find_site_by_cqc_location(&database, "1-VM195").await.expect("read");
            assert_eq!(by_location.as_ref(), Some(&site));
            assert_eq!(site.management, Management::Nas);
            let of_registration =
                find_site_of_registration(&database, "registration of VM195").await.expect("read");
            assert_eq!(of_registration, Some(site.clone()));

            let mailbox = find_shared_mailbox_of_site(&database, &site.id).await.expect("read").expect("one");
            assert_eq!(mailbox.display_name, "Care.VM195 (Rose Court, Lincoln)");
            assert_eq!(mailbox.state, SharedMailboxState::Pending);

            let people = list_people(&Scope::All, &database, &site.id).await.expect("listed");
            let seen: Vec<_> =
                people.iter().map(|person| (person.address.as_str(), person.access, person.slot)).collect();
            assert_eq!(
                seen,
                [
                    ("asha.patel@carepost.example", Access::Owner, Some(1)),
                    ("asha.patel1@carepost.example", Access::Member, Some(2)),
                    ("bo.li@carepost.example", Access::Owner, Some(3)),
                ]
            );
            let bo = find_account_by_address(&database, "Bo.Li@Carepost.Example").await.expect("read");
            let bo = bo.expect("an account");
            assert_eq!(
                (bo.state, bo.password_hash.is_none(), bo.last_name.as_str()),
                (AccountState::Pending, true, "Li")
            );
            let sites = list_sites_of_account(&Scope::All, &database, &bo.id).await.expect("listed");
            assert_eq!((sites.len(), sites[0].shared_mailbox.as_str()), (1, "care.vm195@carepost.example"));
            let home = find_home_of_account(&database, &bo.id).await.expect("read").expect("a home");
            assert_eq!(home.origin.registration(), Some("registration of VM195"));
            let progress = progress(&database, &home.id).await.expect("read");
            assert_eq!(progress, Progress { unprovisioned: 4, first_owner: None });

            let by_email = find_account_by_any_email(&database, &bo.personal_email).await.expect("read");
            assert_eq!(by_email.map(|account| account.id), Some(bo.id.clone()));
            let own = Email::parse(&bo.address).expect("an address");
            let by_address = find_account_by_any_email(&database, &own).await.expect("read");
            assert_eq!(by_address.map(|account| account.id), Some(bo.id));

            add_registrations(&database).await;
            assert_eq!(breaches(&database).await, [""; 0]);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_is_refused_leaves_nothing_behind() {
        for database in both_engines().await {
            open_in(&database, site_of("VM195", 2, 1)).await.expect("written").expect("opened");
            let before = counts(&database).await;
            let check = async |new: NewSite, expect: &str| {
                let refusal = open_in(&database, new).await.expect("answered").expect_err(expect);
                assert!(refusal.words().contains(expect), "{}", refusal.words());
                assert_eq!(counts(&database).await, before, "{}: {expect}", database.engine());
            };
            check(site_of("VM195", 2, 11), "joined already, as Rose Court").await;
            check(
                NewSite {
                    origin: Origin::Registration("registration of VM195".to_owned()),
                    ..site_of("VM196", 2, 11)
                },
                "joined already",
            )
            .await;
            check(site_of("VM196", 0, 11), "Nobody is named").await;
            check(site_of("VM196", 11, 11), "11 people are named").await;

            // The last of the people stands in the way, when everything before is written.
            let mut new = site_of("VM196", 3, 11);
            new.people.push(person("Cy", "Fox", 2, Access::Member));
            let contacts: Vec<_> = new.people.iter().map(|person| (&person.email, &person.mobile)).collect();
            let taken = taken_contacts(&database, &contacts).await.expect("read");
            assert_eq!(taken, [(3, Contact::Email), (3, Contact::Mobile)]);
            check(new.clone(), "The email address given for Cy Fox belongs to another account").await;
            new.people[3].email = Email::parse("cy@home.example").expect("an address");
            check(new.clone(), "The mobile number given for Cy Fox belongs to another account").await;

            new.people[3].existing_account = Some("nobody@carepost.example".to_owned());
            check(new.clone(), "could not match Cy Fox to the account nobody@").await;
            new.people[3].existing_account = Some("asha.patel@carepost.example".to_owned());
            check(new, "could not match Cy Fox to the account asha.patel@").await;
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn somebody_who_works_at_two_sites_has_one_account() {
        for database in both_engines().await {
            open_in(&database, site_of("VM195", 1, 1)).await.expect("written").expect("opened");
            let mut new = site_of("VM196", 1, 11);
            // The same person, with the same contacts, which are theirs.
            new.people.push(NewPerson {
                existing_account: Some("Asha.Patel@carepost.example".to_owned()),
                ..person("Asha", "Patel", 1, Access::Owner)
            });
            let opened = open_in(&database, new).await.expect("written").expect("opened");
            assert_eq!(opened.accounts.len(), 1);
            let people = list_people(&Scope::All, &database, &opened.site_id).await.expect("listed");
            let seen: Vec<_> = people.iter().map(|person| (person.address.as_str(), person.slot)).collect();
            assert_eq!(
                seen,
                [("asha.patel1@carepost.example", Some(1)), ("asha.patel@carepost.example", None)]
            );
            let sites =
                list_sites_of_account(&Scope::All, &database, &people[1].account_id).await.expect("listed");
            assert_eq!(sites.len(), 2);
            assert_eq!(sites[0].shared_mailbox, "care.vm195@carepost.example", "their own site first");
            add_registrations(&database).await;
            assert_eq!(breaches(&database).await, [""; 0]);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_transaction_that_fails_half_way_leaves_nothing() {
        for database in both_engines().await {
            let failed: Result<()> = database
                .write(transaction!(async move |tx| {
                    let opened =
                        open_site(tx, DOMAIN, NOON, &Actor::Service, &site_of("VM195", 10, 1)).await?;
                    assert!(opened.is_ok());
                    Err(Error::Broken("the power went".to_owned()))
                }))
                .await;
            assert!(failed.is_err());
            assert_eq!(counts(&database).await, [0; 8], "{}", database.engine());
            open_in(&database, site_of("VM195", 10, 1)).await.expect("written").expect("opened afterwards");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_race_gives_a_site_an_eleventh_account() {
        for database in both_engines().await {
            for race in 0..races() {
                let code = format!("R{race}");
                let site = open_in(&database, site_of(&code, 7, race * 1_000)).await;
                let site = site.expect("written").expect("opened").site_id;
                let writers: Vec<_> = (0..WRITERS)
                    .map(|writer| {
                        let (database, site) = (database.clone(), site.clone());
                        let code = format!("Q{race}");
                        tokio::spawn(async move {
                            if writer % 4 == 0 {
                                // The same site, opened from many sides at once.
                                let new = site_of(&code, 3, race * 1_000 + 100 + writer * 4);
                                return open_in(&database, new).await.is_ok_and(|answer| answer.is_ok());
                            }
                            // A writer who knows nothing of the rules and takes whatever place it likes.
                            let slot = i64::try_from(writer % 13).expect("small");
                            let new = person("Asha", "Patel", race * 1_000 + 500 + writer, Access::Member);
                            let written: Result<()> = database
                                .write(transaction!(async move |tx| {
                                        let id = new_id(NOON);
                                        let address = take_address(tx, NOON, &new, DOMAIN, &id).await?;
                                        add_account(tx, NOON, &new, &id, &address).await?;
                                        tx.run(
                                            "INSERT INTO account_slots (site_id, slot, account_id) VALUES ($1, $2, $3)",
                                            &[&site, &slot, &id],
                                        )
                                        .await?;
                                        Ok(())
                                    }))
                                .await;
                            written.is_ok()
                        })
                    })
                    .collect();
                let mut won = [0; 2];
                for (writer, task) in writers.into_iter().enumerate() {
                    won[usize::from(writer % 4 == 0)] += usize::from(task.await.expect("no panic"));
                }
                assert_eq!(won, [3, 1], "race {race} on {}", database.engine());
            }
            let found = invariants(&database).await.expect("checked");
            // The writers above gave nobody access and queued no work; places and addresses hold.
            for (name, count) in found {
                if name.contains("place") || name.contains("ten accounts") || name.contains("addresses") {
                    assert_eq!(count, 0, "{name} on {}", database.engine());
                }
            }
            let (most,): (i64,) = database
                .one(
                    "SELECT MAX(people) FROM (SELECT COUNT(*) AS people FROM account_slots GROUP BY site_id) t",
                    &[],
                )
                .await
                .expect("counted");
            assert_eq!(most, 10);
        }
    }
}
