//! Making the mail engine hold what the directory says.
//!
//! Each run reads what should be true now, tells the engine with no transaction open, and then saves
//! in one transaction that the work is done and what follows from it. A crash in between runs the
//! work again, which finds everything right already.

use super::letters::{self, From};
use super::{Access, Account, SharedMailbox, State, address, store};
use crate::app::App;
use crate::clock::Span;
use crate::database::{Error, Reads, Tx};
use crate::mail::{EngineError, Ensured, WantedAccount, WantedSharedMailbox};
use crate::outbox::store::Taken;
use crate::outbox::{self, NotDone, Work};
use crate::settings::Settings;
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

async fn told(asking: impl Future<Output = Result<Ensured, EngineError>>) -> Result<Ensured, NotDone> {
    match tokio::time::timeout(ENGINE_LIMIT, asking).await {
        Ok(Ok(ensured)) => Ok(ensured),
        Ok(Err(EngineError::Later(why))) => Err(NotDone::Later(why)),
        Ok(Err(EngineError::Never(why))) => Err(NotDone::Never(why)),
        // Unknown is not failed: the next run looks again.
        Err(_) => Err(NotDone::Later("the mail engine did not answer in time".to_owned())),
    }
}

fn changed_meanwhile() -> NotDone {
    NotDone::Later("the directory changed while the mail engine was told".to_owned())
}

/// A shared mailbox and what the mail engine should hold for it.
async fn wanted_shared_mailbox(
    from: &mut impl Reads,
    quotas: Quotas,
    id: &str,
) -> Result<Option<(SharedMailbox, WantedSharedMailbox)>, Error> {
    let Some(mailbox) = store::find_shared_mailbox(from, id).await? else { return Ok(None) };
    let people = store::list_people(from, &mailbox.site_id).await?;
    let with = |access: Access| {
        people.iter().filter(|person| person.access == access).map(|person| person.address.clone()).collect()
    };
    let wanted = WantedSharedMailbox {
        address: mailbox.address.clone(),
        display_name: mailbox.display_name.clone(),
        quota_bytes: quotas.shared_mailbox_bytes,
        enabled: true,
        owners: with(Access::Owner),
        members: with(Access::Member),
    };
    Ok(Some((mailbox, wanted)))
}

/// Makes the mail engine hold a shared mailbox; the first time, it becomes active.
///
/// # Errors
/// Later, or never until a person has acted.
pub async fn shared_mailbox(app: &App, taken: &Taken, id: &str) -> Result<(), NotDone> {
    let quotas = Quotas::of(&app.settings);
    let mut reads = &app.database;
    let missing = || NotDone::Never("there is no such shared mailbox".to_owned());
    let (_, wanted) = wanted_shared_mailbox(&mut reads, quotas, id).await?.ok_or_else(missing)?;
    told(app.mail.ensure_shared_mailbox(&wanted)).await?;

    let now = app.clock.now();
    let from = From::of(&app.settings);
    let (taken, id) = (taken.clone(), id.to_owned());
    app.database
        .write::<_, NotDone, _>(move |tx: &mut Tx| {
            Box::pin(async move {
                let site = site_of_shared_mailbox(tx, &id).await?;
                store::alone_with_site(tx, &site.registration_id).await?;
                let Some((mailbox, wanted_now)) = wanted_shared_mailbox(tx, quotas, &id).await? else {
                    return Err(changed_meanwhile());
                };
                if wanted_now != wanted {
                    return Err(changed_meanwhile());
                }
                if !outbox::store::done(tx, now, &taken).await? {
                    return Ok(());
                }
                let told = mailbox.clone();
                let Some(mut change) = mailbox.provisioned() else { return Ok(()) };
                // Whoever has an account from another site would not hear of it otherwise.
                for person in store::list_people(tx, &site.id).await? {
                    if person.slot.is_none() {
                        let letter = letters::access_given(&from, now, &person.address, &told, &site.name);
                        change = change.telling(letter);
                    }
                }
                if !store::save_shared_mailbox(tx, now, &change).await? {
                    return Err(changed_meanwhile());
                }
                follow_if_complete(tx, now, &site.registration_id).await
            })
        })
        .await?;
    app.work_waits.notify_one();
    Ok(())
}

async fn site_of_shared_mailbox(tx: &mut Tx, id: &str) -> Result<super::Site, NotDone> {
    let missing = || NotDone::Never("the shared mailbox belongs to no site".to_owned());
    let mailbox = store::find_shared_mailbox(tx, id).await?.ok_or_else(missing)?;
    store::find_site(tx, &mailbox.site_id).await?.ok_or_else(missing)
}

/// Queues what follows when the last mailbox of a registration's site has just been provisioned.
async fn follow_if_complete(
    tx: &mut Tx,
    now: crate::clock::Timestamp,
    registration: &str,
) -> Result<(), NotDone> {
    if store::progress(tx, registration).await?.is_some_and(|progress| progress.unprovisioned == 0) {
        let work = Work::FollowSite { registration: registration.to_owned() };
        outbox::store::queue(tx, now, now, &work).await?;
    }
    Ok(())
}

/// An account, what the mail engine should hold for it, and where its holder works, in words.
async fn wanted_account(
    from: &mut impl Reads,
    quotas: Quotas,
    id: &str,
) -> Result<Option<(Account, WantedAccount, String)>, Error> {
    let Some(account) = store::find_account(from, id).await? else { return Ok(None) };
    let site = store::list_sites_of_account(from, id).await?.into_iter().next();
    let (name, town) = site.map_or_else(Default::default, |site| (site.name, site.town));
    let wanted = WantedAccount {
        address: account.address.clone(),
        display_name: address::person_display_name(&account.first_name, &account.last_name, &name, &town),
        quota_bytes: quotas.account_bytes,
        // Before activation nobody could read the mail, and whoever sends it must hear that.
        enabled: match account.state {
            State::Pending => false,
            State::Active => true,
        },
    };
    Ok(Some((account, wanted, format!("{name}, {town}"))))
}

/// Makes the mail engine hold an account's mailbox; the first time, its holder is sent the link to
/// activate it.
///
/// # Errors
/// Later, or never until a person has acted.
pub async fn account(app: &App, taken: &Taken, id: &str) -> Result<(), NotDone> {
    let quotas = Quotas::of(&app.settings);
    let mut reads = &app.database;
    let missing = || NotDone::Never("there is no such account".to_owned());
    let (_, wanted, _) = wanted_account(&mut reads, quotas, id).await?.ok_or_else(missing)?;
    told(app.mail.ensure_account(&wanted)).await?;

    let now = app.clock.now();
    let from = From::of(&app.settings);
    let (taken, id) = (taken.clone(), id.to_owned());
    app.database
        .write::<_, NotDone, _>(move |tx: &mut Tx| {
            Box::pin(async move {
                let registration = store::registration_of_account(tx, &id).await?;
                if let Some(registration) = &registration {
                    store::alone_with_site(tx, registration).await?;
                }
                let Some((account, wanted_now, site)) = wanted_account(tx, quotas, &id).await? else {
                    return Err(changed_meanwhile());
                };
                // Two runs for one account may tell the engine in either order; the one that told
                // it what no longer holds must run again.
                if wanted_now != wanted {
                    return Err(changed_meanwhile());
                }
                if !outbox::store::done(tx, now, &taken).await? {
                    return Ok(());
                }
                let holder = account.clone();
                let Some(mut change) = account.provisioned(now) else { return Ok(()) };
                if holder.state == State::Pending {
                    let lasts = Span::hours(i64::from(from.activation_hours));
                    let link =
                        crate::sign_in::store::add_activation_link(tx, &id, now, now.plus(lasts)).await?;
                    change = change.telling(letters::activation(&from, now, &holder, &site, &link));
                }
                if !store::save_account(tx, now, &change).await? {
                    return Err(changed_meanwhile());
                }
                match registration {
                    Some(registration) => follow_if_complete(tx, now, &registration).await,
                    None => Ok(()),
                }
            })
        })
        .await?;
    app.work_waits.notify_one();
    Ok(())
}
