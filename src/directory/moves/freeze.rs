//! Freezing a site or an account, in one step, whoever owns what.

use super::gone;
use crate::app::App;
use crate::audit::{self, Actor};
use crate::clock::Timestamp;
use crate::database::{Tx, transaction};
use crate::directory::freeze::{Freeze, FreezeState, Frozen};
use crate::directory::{AccountMove, Refusal, Scope, Site, SiteMove, SiteState, letters, store};
use crate::id::new_id;
use crate::letter::Letterhead;
use crate::outbox::outcome::{Conflict, NotDone};
use crate::outbox::transitions::Transition;
use crate::outbox::{self, Work};
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::store as sign_ins;

/// How often an account is read again because somebody else saved it in between.
const TRIES_MAX: usize = 5;

/// Why something is frozen, and who wants it.
#[derive(Clone, Debug)]
pub struct FreezeOrder {
    pub by: Actor,
    pub reason: String,
    /// The registration that somebody said was not theirs; empty where there is none.
    pub registration: String,
}

/// Freezes an account: nobody gets in, nothing is sent or received, and its activation link does not
/// work. The last owner of a site can be frozen, too. Twice is once.
///
/// # Errors
/// A refusal where the account is deleted.
pub async fn freeze_account(
    app: &App,
    permit: Permit<deed::Freeze>,
    reason: String,
) -> Result<(), NotDone<Refusal>> {
    let now = app.clock.now();
    let from = Letterhead::of(&app.settings);
    app.database
        .write(transaction!(async move |tx| {
            store::lock_account(tx, permit.id()).await?;
            let account = store::find_account(tx, permit.id()).await?.ok_or_else(gone)?;
            let freeze = Freeze {
                id: new_id(now),
                version: 1,
                what: Frozen::Account { id: account.id.clone() },
                name: account.full_name(),
                about: account.id.clone(),
                registration: String::new(),
                state: FreezeState::InForce,
                frozen_at: now,
                frozen_by: permit.actor().stored(),
                reason,
                agreed: None,
                lifted: None,
            };
            if !store::add_freeze(tx, &freeze).await? {
                return Ok(());
            }
            audit::store::add(tx, now, &freeze.entry(permit.actor())).await?;
            stop_account(tx, now, &from, permit.actor(), &account.id).await
        }))
        .await
}

/// Freezes a site: every account that has its place there, the shared mailbox, and every change. Twice is
/// once.
///
/// # Errors
/// A refusal where the site is closed.
pub async fn freeze_site(
    app: &App,
    permit: Permit<deed::FreezeSite>,
    reason: String,
) -> Result<(), NotDone<Refusal>> {
    let now = app.clock.now();
    let from = Letterhead::of(&app.settings);
    app.database
        .write(transaction!(async move |tx| {
            let order = FreezeOrder { by: permit.actor(), reason, registration: String::new() };
            freeze_site_in(tx, now, &from, permit.id(), &order).await
        }))
        .await
}

/// Freezes a site that has joined, in a transaction of somebody who may.
///
/// # Errors
/// A refusal where the site is closed.
pub async fn freeze_site_in(
    tx: &mut Tx,
    now: Timestamp,
    from: &Letterhead,
    site: &str,
    order: &FreezeOrder,
) -> Result<(), NotDone<Refusal>> {
    store::lock_site(tx, site).await?;
    let site = store::find_site(tx, site).await?.ok_or_else(gone)?;
    if site.state == SiteState::Frozen {
        return Ok(());
    }
    let Some(state) = SiteMove::Freeze.leads(site.state) else {
        return Err(NotDone::Refusal(Refusal::SiteClosed(site.name)));
    };
    let freeze = freeze_of_code(now, &site.ods_code, &site.name, &site.id, order);
    if store::add_freeze(tx, &freeze).await? {
        audit::store::add(tx, now, &freeze.entry(order.by.clone())).await?;
    }
    if !store::set_site_state(tx, &site, state).await? {
        return Err(Conflict::of_version().into());
    }
    for account in store::list_accounts_of_site(&Scope::All, tx, &site.id).await? {
        store::lock_account(tx, &account).await?;
        stop_account(tx, now, from, order.by.clone(), &account).await?;
    }
    tell_mail_of_site(tx, now, &site).await
}

/// Freezes a site that has not joined, by its ODS code: no registration of it takes effect.
///
/// # Errors
/// A fault.
pub async fn freeze_code_in(
    tx: &mut Tx,
    now: Timestamp,
    (ods_code, name): (&str, &str),
    order: &FreezeOrder,
) -> Result<(), crate::database::Error> {
    let freeze = freeze_of_code(now, ods_code, name, &order.registration, order);
    if store::add_freeze(tx, &freeze).await? {
        audit::store::add(tx, now, &freeze.entry(order.by.clone())).await?;
    }
    Ok(())
}

fn freeze_of_code(now: Timestamp, ods_code: &str, name: &str, about: &str, order: &FreezeOrder) -> Freeze {
    Freeze {
        id: new_id(now),
        version: 1,
        what: Frozen::Site { ods_code: ods_code.to_owned() },
        name: format!("{name} ({ods_code})"),
        about: about.to_owned(),
        registration: order.registration.clone(),
        state: FreezeState::InForce,
        frozen_at: now,
        frozen_by: order.by.stored(),
        reason: order.reason.clone(),
        agreed: None,
        lifted: None,
    }
}

/// Queues telling the mail engine how a shared mailbox stands now.
pub(super) async fn tell_mail_of_site(
    tx: &mut Tx,
    now: Timestamp,
    site: &Site,
) -> Result<(), NotDone<Refusal>> {
    let mailbox = store::find_shared_mailbox_of_site(tx, &site.id).await?.ok_or_else(gone)?;
    let work = Work::ProvisionSharedMailbox { shared_mailbox: mailbox.id };
    outbox::store::queue(tx, now, now, &work).await?;
    Ok(())
}

/// Puts an account that is locked into the state in which nobody gets in, and ends its sessions.
async fn stop_account(
    tx: &mut Tx,
    now: Timestamp,
    from: &Letterhead,
    by: Actor,
    id: &str,
) -> Result<(), NotDone<Refusal>> {
    for _ in 0..TRIES_MAX {
        let account = store::find_account(tx, id).await?.ok_or_else(gone)?;
        if AccountMove::Freeze.leads(account.state).is_none() {
            return Ok(());
        }
        let letter = letters::frozen(from, now, &account);
        let change = account.freeze(by.clone()).map_err(NotDone::Refusal)?.telling(letter);
        if store::save_account(tx, now, &change).await? {
            sign_ins::end_sessions_of_holder(tx, id).await?;
            return Ok(());
        }
    }
    Err(Conflict::of_version().into())
}
