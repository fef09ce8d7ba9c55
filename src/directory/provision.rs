//! Making the mail engine hold what the directory says.
//!
//! Each run reads what should be true now, tells the engine with no transaction open, and then saves
//! in one transaction that the work is done and what follows from it. A crash in between runs the
//! work again, which finds everything right already.

use super::letters;
use super::{
    Access, Account, AccountState, Scope, SharedMailbox, SharedMailboxState, SiteState, address, store,
};
use crate::app::App;
use crate::clock::Span;
use crate::database::{Error, Reads, Tx, transaction};
use crate::letter::Letterhead;
use crate::mail::{EngineError, Ensured, Standing, WantedAccount, WantedPassword, WantedSharedMailbox};
use crate::outbox::store::Taken;
use crate::outbox::{self, Work, WorkError};
use crate::settings::Settings;
use crate::sign_in::links::{self, LinkFor};
use crate::sign_in::secrets::Purpose;
use std::future::Future;
use std::time::Duration;

/// How long the mail engine may take for one mailbox; well inside the lease of the work.
const ENGINE_LIMIT: Duration = Duration::from_secs(120);
/// Bytes in a GiB, in which quotas are set.
const GIB: u64 = 1 << 30;

/// The sizes of mailboxes, from the settings.
#[derive(Clone, Copy)]
struct Quotas {
    account_bytes: u64,
    shared_mailbox_bytes: u64,
}

impl Quotas {
    fn of(settings: &Settings) -> Self {
        Quotas {
            account_bytes: u64::from(settings.account_quota_gib) * GIB,
            shared_mailbox_bytes: u64::from(settings.shared_mailbox_quota_gib) * GIB,
        }
    }
}

async fn told(asking: impl Future<Output = Result<Ensured, EngineError>>) -> Result<Ensured, WorkError> {
    match tokio::time::timeout(ENGINE_LIMIT, asking).await {
        Ok(answer) => Ok(answer?),
        // Unknown is not failed: the next run looks again.
        Err(_) => Err(WorkError::Later("the mail engine did not answer in time".to_owned())),
    }
}

fn changed_meanwhile() -> WorkError {
    WorkError::Later("the directory changed while the mail engine was told".to_owned())
}

/// How often the mail engine is told anew because the directory changed while it was told. What it
/// was told last may be what no longer holds (access that was taken away in between), so it must
/// hear at once and not when the work is next due.
const TELLS_MAX: u32 = 8;

/// Whether what the engine was told is still what the directory says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sync {
    Current,
    Stale,
}

/// Tells the engine until what it was told last is what the directory says.
async fn until_current<F>(tell: impl Fn() -> F) -> Result<(), WorkError>
where
    F: Future<Output = Result<Sync, WorkError>>,
{
    for _ in 0..TELLS_MAX {
        if tell().await? == Sync::Current {
            return Ok(());
        }
    }
    Err(changed_meanwhile())
}

/// A shared mailbox and what the mail engine should hold for it.
async fn wanted_shared_mailbox(
    from: &impl Reads,
    quotas: Quotas,
    id: &str,
) -> Result<Option<(SharedMailbox, WantedSharedMailbox)>, Error> {
    let Some(mailbox) = store::find_shared_mailbox(from, id).await? else { return Ok(None) };
    let Some(site) = store::find_site(from, &mailbox.site_id).await? else { return Ok(None) };
    let people = store::list_people(&Scope::All, from, &mailbox.site_id).await?;
    let with = |access: Access| {
        people.iter().filter(|person| person.access == access).map(|person| person.address.clone()).collect()
    };
    let wanted = WantedSharedMailbox {
        id: mailbox.id.clone(),
        address: mailbox.address.clone(),
        aliases: store::list_aliases(from, id).await?,
        display_name: mailbox.display_name.clone(),
        quota_bytes: quotas.shared_mailbox_bytes,
        standing: standing_of_site(mailbox.state, site.state),
        owners: with(Access::Owner),
        members: with(Access::Member),
    };
    Ok(Some((mailbox, wanted)))
}

/// How a shared mailbox stands, at a site that is in this state.
fn standing_of_site(state: SharedMailboxState, site: SiteState) -> Standing {
    match (state, site) {
        (SharedMailboxState::Deleted | SharedMailboxState::Purged, _) => Standing::Deleted,
        (
            SharedMailboxState::Pending | SharedMailboxState::Active | SharedMailboxState::Closing,
            SiteState::Frozen,
        ) => Standing::Frozen,
        (
            SharedMailboxState::Pending | SharedMailboxState::Active | SharedMailboxState::Closing,
            SiteState::Open | SiteState::Closing | SiteState::Closed,
        ) => Standing::Open,
    }
}

/// Makes the mail engine hold a shared mailbox; the first time, it becomes active.
///
/// # Errors
/// Later, or never until a person has acted.
pub async fn shared_mailbox(app: &App, taken: &Taken, id: &str) -> Result<(), WorkError> {
    until_current(|| tell_of_shared_mailbox(app, taken, id)).await
}

async fn tell_of_shared_mailbox(app: &App, taken: &Taken, id: &str) -> Result<Sync, WorkError> {
    let quotas = Quotas::of(&app.settings);
    let missing = || WorkError::Never("there is no such shared mailbox".to_owned());
    let (_, wanted) = wanted_shared_mailbox(&app.database, quotas, id).await?.ok_or_else(missing)?;
    told(app.mail.ensure_shared_mailbox(&wanted)).await?;

    let now = app.clock.now();
    let from = Letterhead::of(&app.settings);
    let (taken, id) = (taken.clone(), id.to_owned());
    app.database
        .write::<_, WorkError, _>(transaction!(async move |tx| {
            let site = site_of_shared_mailbox(tx, &id).await?;
            store::lock_site(tx, &site.id).await?;
            let Some((mailbox, wanted_now)) = wanted_shared_mailbox(tx, quotas, &id).await? else {
                return Err(changed_meanwhile());
            };
            if wanted_now != wanted {
                return Ok(Sync::Stale);
            }
            if !outbox::store::done(tx, now, &taken).await? {
                return Ok(Sync::Current);
            }
            let told = mailbox.clone();
            let Some(mut change) = mailbox.provisioned() else {
                return Ok(Sync::Current);
            };
            // Whoever has an account from another site would not hear of it otherwise.
            for person in store::list_people(&Scope::All, tx, &site.id).await? {
                if person.slot.is_none() {
                    let letter = letters::access_given(&from, now, &person.address, &told, &site.name);
                    change = change.telling(letter);
                }
            }
            if !store::save_shared_mailbox(tx, now, &change).await? {
                return Err(changed_meanwhile());
            }
            follow_if_complete(tx, now, &site.id).await?;
            Ok(Sync::Current)
        }))
        .await
}

async fn site_of_shared_mailbox(tx: &mut Tx, id: &str) -> Result<super::Site, WorkError> {
    let missing = || WorkError::Never("the shared mailbox belongs to no site".to_owned());
    let mailbox = store::find_shared_mailbox(tx, id).await?.ok_or_else(missing)?;
    store::find_site(tx, &mailbox.site_id).await?.ok_or_else(missing)
}

/// Queues what follows when the last mailbox of a site has just been provisioned.
async fn follow_if_complete(tx: &mut Tx, now: crate::clock::Timestamp, site: &str) -> Result<(), WorkError> {
    if store::progress(tx, site).await?.unprovisioned == 0 {
        let work = Work::FollowSite { site: site.to_owned() };
        outbox::store::queue(tx, now, now, &work).await?;
    }
    Ok(())
}

/// An account, what the mail engine should hold for it, and where its holder works, in words.
async fn wanted_account(
    from: &impl Reads,
    quotas: Quotas,
    id: &str,
) -> Result<Option<(Account, WantedAccount, String)>, Error> {
    let Some(account) = store::find_account(from, id).await? else { return Ok(None) };
    let (name, town) = store::home_of_account(from, id).await?.unwrap_or_default();
    let passwords = store::list_app_passwords_in_force(from, id).await?;
    let wanted = WantedAccount {
        id: account.id.clone(),
        address: account.address.clone(),
        aliases: store::list_aliases(from, id).await?,
        display_name: address::person_display_name(&account.first_name, &account.last_name, &name, &town),
        quota_bytes: quotas.account_bytes,
        standing: account.state.facts().mail,
        passwords: passwords
            .into_iter()
            .map(|password| WantedPassword {
                selector: password.selector,
                hash: password.hash.reveal().clone(),
            })
            .collect(),
    };
    Ok(Some((account, wanted, format!("{name}, {town}"))))
}

/// What the mail engine should hold for an account, for comparing.
///
/// # Errors
/// Later.
pub async fn account_wanted(app: &App, id: &str) -> Result<Option<WantedAccount>, Error> {
    let found = wanted_account(&app.database, Quotas::of(&app.settings), id).await?;
    Ok(found.map(|(_, wanted, _)| wanted))
}

/// What the mail engine should hold for a shared mailbox, for comparing.
///
/// # Errors
/// Later.
pub async fn shared_mailbox_wanted(app: &App, id: &str) -> Result<Option<WantedSharedMailbox>, Error> {
    let found = wanted_shared_mailbox(&app.database, Quotas::of(&app.settings), id).await?;
    Ok(found.map(|(_, wanted)| wanted))
}

/// Makes the mail engine hold an account's mailbox; the first time, its holder is sent the link to
/// activate it.
///
/// # Errors
/// Later, or never until a person has acted.
pub async fn account(app: &App, taken: &Taken, id: &str) -> Result<(), WorkError> {
    until_current(|| tell_of_account(app, taken, id)).await
}

async fn tell_of_account(app: &App, taken: &Taken, id: &str) -> Result<Sync, WorkError> {
    let quotas = Quotas::of(&app.settings);
    let missing = || WorkError::Never("there is no such account".to_owned());
    let (_, wanted, _) = wanted_account(&app.database, quotas, id).await?.ok_or_else(missing)?;
    told(app.mail.ensure_account(&wanted)).await?;

    let now = app.clock.now();
    let from = Letterhead::of(&app.settings);
    let (taken, id, key) = (taken.clone(), id.to_owned(), app.key.clone());
    app.database
        .write::<_, WorkError, _>(transaction!(async move |tx| {
            let home = store::find_home_of_account(tx, &id).await?;
            if let Some(home) = &home {
                store::lock_site(tx, &home.id).await?;
            }
            let Some((account, wanted_now, site)) = wanted_account(tx, quotas, &id).await? else {
                return Err(changed_meanwhile());
            };
            // Two runs for one account may tell the engine in either order; the one that told
            // it what no longer holds must tell it again.
            if wanted_now != wanted {
                return Ok(Sync::Stale);
            }
            if !outbox::store::done(tx, now, &taken).await? {
                return Ok(Sync::Current);
            }
            let holder = account.clone();
            let Some(mut change) = account.provisioned(now) else {
                return Ok(Sync::Current);
            };
            let waits_until = home.as_ref().and_then(|home| home.waits_until(now));
            if let Some(until) = waits_until.filter(|_| holder.state == AccountState::Pending) {
                let asked = holder.personal_email.as_str().to_owned();
                outbox::store::queue(tx, now, until, &Work::SendActivationLink { asked }).await?;
            } else if holder.state == AccountState::Pending {
                let lasts = Span::hours(i64::from(from.activation_hours));
                let to = holder.personal_email.as_str();
                let link = LinkFor::new(&key, Purpose::ActivationLink, &id, to);
                let link = links::make(tx, &link, now, lasts).await?;
                change = change.telling(letters::activation(&from, now, &holder, &site, &link));
            }
            if !store::save_account(tx, now, &change).await? {
                return Err(changed_meanwhile());
            }
            if let Some(home) = home {
                follow_if_complete(tx, now, &home.id).await?;
            }
            Ok(Sync::Current)
        }))
        .await
}

#[cfg(test)]
mod tests {
    use super::super::NewSite;
    use super::super::store::for_tests::open_in;
    use super::super::tests::{new_site, person};
    use super::*;
    use crate::app::for_tests::app;
    use crate::clock::{Clock, Timestamp};
    use crate::database::Database;
    use crate::database::for_tests::both_engines;
    use crate::letter::Channel;
    use crate::letter::store::list_newest;
    use crate::mail::fake::FakeEngine;

    const NOON: Timestamp = Timestamp::from_milliseconds(43_200_000);

    async fn with_site(database: Database, new: NewSite) -> (App, FakeEngine, store::Opened) {
        let (app, engine) = app(database, Clock::still(NOON));
        let opened = open_in(&app.database, new).await.expect("written").expect("opened");
        (app, engine, opened)
    }

    fn two_people() -> NewSite {
        new_site(
            "VM195",
            vec![person("Asha", "Patel", 1, Access::Owner), person("Bo", "Li", 2, Access::Member)],
        )
    }

    /// Does all provisioning that is due, and answers what became of each piece.
    async fn provision_due(app: &App) -> Vec<Result<(), WorkError>> {
        let mut outcomes = Vec::new();
        for taken in outbox::store::take(&app.database, app.clock.now()).await.expect("taken") {
            let outcome = if let Work::ProvisionSharedMailbox { shared_mailbox: id } = &taken.work {
                shared_mailbox(app, &taken, id).await
            } else if let Work::ProvisionAccount { account: id } = &taken.work {
                account(app, &taken, id).await
            } else {
                continue;
            };
            if let Err(why) = &outcome {
                let took = Span::milliseconds(1);
                outbox::store::not_done(&app.database, app.clock.now(), took, &taken, why)
                    .await
                    .expect("noted");
            }
            outcomes.push(outcome);
        }
        outcomes
    }

    async fn queue(app: &App, work: Work) {
        let now = app.clock.now();
        app.database
            .write::<_, Error, _>(transaction!(async move |tx| {
                outbox::store::queue(tx, now, now, &work).await
            }))
            .await
            .expect("queued");
    }

    async fn count_follow_site(app: &App) -> i64 {
        let (count,): (i64,) = app
            .database
            .one("SELECT COUNT(*) FROM outbox WHERE kind = 'FollowSite'", &[])
            .await
            .expect("counted");
        count
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn mailboxes_are_made_and_each_person_hears_how_to_activate() {
        for database in both_engines().await {
            let (app, engine, opened) = with_site(database, two_people()).await;
            assert_eq!(provision_due(&app).await, [Ok(()), Ok(()), Ok(())]);
            let held = engine.mailboxes();
            assert_eq!(
                held.get("care.vm195@carepost.example").map(String::as_str),
                Some(
                    "shared mailbox; care.vm195@carepost.example; aliases: ; Care.VM195 (Rose Court, Lincoln); 53687091200 bytes; Open; owners: asha.patel@carepost.example; members: bo.li@carepost.example"
                )
            );
            assert_eq!(
                held.get("asha.patel@carepost.example").map(String::as_str),
                Some(
                    "account; asha.patel@carepost.example; aliases: ; Asha Patel (Rose Court, Lincoln); 4294967296 bytes; NotActivated; passwords: "
                )
            );

            let mailbox =
                store::find_shared_mailbox(&app.database, &opened.shared_mailbox_id).await.expect("read");
            assert_eq!(mailbox.map(|mailbox| mailbox.state), Some(SharedMailboxState::Active));
            let progress = store::progress(&app.database, &opened.site_id).await.expect("read");
            assert_eq!(progress.unprovisioned, 0);
            assert_eq!(
                count_follow_site(&app).await,
                1,
                "what follows is queued once, by whichever was last"
            );

            let letters = list_newest(&app.database, "person1@home.example").await.expect("listed");
            let [letter] = letters.as_slice() else { panic!("one letter: {letters:?}") };
            assert_eq!((letter.name.as_str(), letter.channel), ("activation", Channel::Email));
            assert_eq!(letter.secret.as_ref().map(|secret| secret.purpose.as_str()), Some("ActivationLink"));
            assert!(letter.body.contains("asha.patel@carepost.example"), "{}", letter.body);
            assert!(letter.body.contains(crate::letter::LINK_MARK), "{}", letter.body);
            assert!(!letter.body.contains("07700"), "{}", letter.body);

            // The same work again makes nothing new: no second link, no second letter.
            for id in opened.accounts {
                queue(&app, Work::ProvisionAccount { account: id }).await;
            }
            queue(&app, Work::ProvisionSharedMailbox { shared_mailbox: opened.shared_mailbox_id }).await;
            assert_eq!(provision_due(&app).await, [Ok(()), Ok(()), Ok(())]);
            assert_eq!(engine.mailboxes(), held);
            assert_eq!(list_newest(&app.database, "").await.expect("listed").len(), 2);
            assert_eq!(count_follow_site(&app).await, 1);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_engine_that_is_down_is_asked_again() {
        for database in both_engines().await {
            let (app, engine, _) = with_site(database, two_people()).await;
            engine.set_down(true);
            let later = Err(WorkError::Later("the mail engine is down".to_owned()));
            assert_eq!(provision_due(&app).await, [later.clone(), later.clone(), later]);
            assert_eq!(list_newest(&app.database, "").await.expect("listed").len(), 0);
            engine.set_down(false);
            app.clock.advance(Span::minutes(1));
            assert_eq!(provision_due(&app).await, [Ok(()), Ok(()), Ok(())]);
            assert_eq!(list_newest(&app.database, "").await.expect("listed").len(), 2);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_refused_mailbox_holds_up_the_site_and_nobody_else() {
        for database in both_engines().await {
            let mut new = two_people();
            new.people.push(person("Refused-", "Reed", 3, Access::Member));
            new.people.push(person("Slow-", "Shaw", 4, Access::Member));
            let (app, engine, _) = with_site(database, new).await;
            let outcomes = provision_due(&app).await;
            // Hyphens at the end of a name go, so these two are ordinary people.
            assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
            assert_eq!(engine.mailboxes().len(), 5);

            let mut new = new_site("VM196", vec![person("Ann", "Ode", 11, Access::Owner)]);
            new.people.push(person("Refused-Ann", "Reed", 12, Access::Member));
            new.people.push(person("Slow-Ann", "Shaw", 13, Access::Member));
            let (app, engine, opened) = with_site(app.database.clone(), new).await;
            let outcomes = provision_due(&app).await;
            assert_eq!(
                outcomes.iter().filter(|outcome| matches!(outcome, Err(WorkError::Never(_)))).count(),
                1,
                "{outcomes:?}"
            );
            for minutes in [1, 5] {
                app.clock.advance(Span::minutes(minutes));
                provision_due(&app).await;
            }
            assert!(engine.mailboxes().contains_key("slow-ann.shaw@carepost.example"));
            assert!(!engine.mailboxes().contains_key("refused-ann.reed@carepost.example"));
            let needing = outbox::store::list_needing_attention(&app.database).await.expect("listed");
            assert_eq!(needing.len(), 1);
            let progress = store::progress(&app.database, &opened.site_id).await.expect("read");
            assert_eq!(progress.unprovisioned, 1);
            assert_eq!(count_follow_site(&app).await, 1, "only the first site is complete");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn work_that_was_overtaken_changes_nothing() {
        for database in both_engines().await {
            let (app, _, opened) = with_site(database, two_people()).await;
            let late = outbox::store::take(&app.database, app.clock.now()).await.expect("taken");
            app.clock.advance(outbox::Lane::Mailboxes.lease());
            assert_eq!(provision_due(&app).await, [Ok(()), Ok(()), Ok(())]);
            for taken in late {
                if let Work::ProvisionAccount { account: id } = taken.work.clone() {
                    assert_eq!(account(&app, &taken, &id).await, Ok(()));
                }
            }
            assert_eq!(list_newest(&app.database, "").await.expect("listed").len(), 2, "{opened:?}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn somebody_from_another_site_is_told_of_their_new_mailbox() {
        for database in both_engines().await {
            let (app, _, _) = with_site(database, two_people()).await;
            provision_due(&app).await;
            let theirs = super::super::NewPerson {
                existing_account: Some("asha.patel@carepost.example".to_owned()),
                ..person("Asha", "Patel", 1, Access::Owner)
            };
            let (app, engine, _) = with_site(app.database.clone(), new_site("VM196", vec![theirs])).await;
            assert_eq!(provision_due(&app).await, [Ok(())]);
            assert!(engine.mailboxes()["care.vm196@carepost.example"].contains("owners: asha.patel@"));
            let letters = list_newest(&app.database, "asha.patel@carepost.example").await.expect("listed");
            assert_eq!(
                letters.iter().map(|letter| letter.name.as_str()).collect::<Vec<_>>(),
                ["access given"]
            );
        }
    }
}
