//! Lifting a freeze, which two different case workers do together, and keeping it.

use super::freeze::tell_mail_of_site;
use super::gone;
use crate::app::App;
use crate::audit::{self, Actor};
use crate::clock::Timestamp;
use crate::database::{Tx, transaction};
use crate::directory::freeze::{Agreement, Freeze, FreezeState, Frozen, KEPT, LIFT_AGREED, LIFTED};
use crate::directory::{AccountState, Refusal, Scope, SiteMove, SiteState, letters, store};
use crate::letter::Letterhead;
use crate::outbox::outcome::{Conflict, NotDone};
use crate::outbox::transitions::Transition;
use crate::outbox::{self, Work};
use crate::sign_in::authority::{Permit, Who, deed};

/// What somebody decided about a freeze.
#[derive(Clone, Debug)]
pub struct LiftOrder {
    /// Version of the freeze as they saw it.
    pub seen: i64,
    pub reason: String,
}

/// What became of an agreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifting {
    /// A second case worker must agree, too.
    FirstOfTwo,
    Lifted,
}

/// Agrees to lift a freeze; where somebody else has agreed before, it is lifted, and everything is as it
/// was. Twice is once.
///
/// # Errors
/// A refusal for whoever agreed first, and where it is lifted already.
pub async fn lift_freeze(
    app: &App,
    permit: Permit<deed::LiftFreeze>,
    order: LiftOrder,
) -> Result<Lifting, NotDone<Refusal>> {
    let now = app.clock.now();
    let from = Letterhead::of(&app.settings);
    app.database
        .write(transaction!(async move |tx| {
            let freeze = freeze_of(tx, permit.id()).await?;
            if freeze.version != order.seen {
                for (action, done) in [(LIFTED, Lifting::Lifted), (LIFT_AGREED, Lifting::FirstOfTwo)] {
                    if is_repeat(tx, &freeze, &permit.actor(), action, &order).await? {
                        return Ok(done);
                    }
                }
                return Err(Conflict::of_version().into());
            }
            let by = agreement(permit.who(), now, order.reason)?;
            if freeze.state == FreezeState::InForce {
                save(tx, now, freeze.agree(by)).await?;
                return Ok(Lifting::FirstOfTwo);
            }
            let what = freeze.what.clone();
            save(tx, now, freeze.lift(by)).await?;
            match what {
                Frozen::Site { ods_code } => open_again(tx, now, &from, permit.actor(), &ods_code).await?,
                Frozen::Account { id } => {
                    if let Some(home) = store::find_home_of_account(tx, &id).await? {
                        store::lock_site(tx, &home.id).await?;
                    }
                    let home = store::find_home_of_account(tx, &id).await?;
                    let is_open = home.is_none_or(|site| site.state != SiteState::Frozen);
                    if is_open {
                        free_account(tx, now, &from, permit.actor(), &id).await?;
                    }
                }
            }
            Ok(Lifting::Lifted)
        }))
        .await
}

/// Keeps a freeze that somebody has agreed to lift. Twice is once.
///
/// # Errors
/// A refusal where nobody has agreed to lift it.
pub async fn keep_freeze(
    app: &App,
    permit: Permit<deed::LiftFreeze>,
    order: LiftOrder,
) -> Result<(), NotDone<Refusal>> {
    let now = app.clock.now();
    app.database
        .write(transaction!(async move |tx| {
            let freeze = freeze_of(tx, permit.id()).await?;
            if freeze.version != order.seen {
                if is_repeat(tx, &freeze, &permit.actor(), KEPT, &order).await? {
                    return Ok(());
                }
                return Err(Conflict::of_version().into());
            }
            let by = agreement(permit.who(), now, order.reason)?;
            save(tx, now, freeze.keep(by)).await
        }))
        .await
}

/// The freeze as it is now, locked.
async fn freeze_of(tx: &mut Tx, id: &str) -> Result<Freeze, NotDone<Refusal>> {
    store::lock_freeze(tx, id).await?;
    Ok(store::find_freeze(tx, id).await?.ok_or_else(gone)?)
}

async fn is_repeat(
    tx: &mut Tx,
    freeze: &Freeze,
    actor: &Actor,
    action: &str,
    order: &LiftOrder,
) -> Result<bool, NotDone<Refusal>> {
    Ok(audit::store::is_repeat(tx, &freeze.about, actor, action, "", &order.reason).await?)
}

/// What a case worker says; the policy gives nobody else this permit.
fn agreement(who: &Who, at: Timestamp, reason: String) -> Result<Agreement, NotDone<Refusal>> {
    match who {
        Who::CaseWorker { id } => Ok(Agreement { case_worker: id.clone(), at, reason }),
        Who::Registrant { .. }
        | Who::SiteContact { .. }
        | Who::AccountHolder { .. }
        | Who::LocalAdministrator { .. }
        | Who::ApiKey { .. }
        | Who::Service
        | Who::Operator => Err(NotDone::Refusal(Refusal::SecondPersonNeeded)),
    }
}

async fn save(
    tx: &mut Tx,
    now: Timestamp,
    change: Result<outbox::Change<Freeze>, Refusal>,
) -> Result<(), NotDone<Refusal>> {
    if store::save_freeze(tx, now, &change.map_err(NotDone::Refusal)?).await? {
        return Ok(());
    }
    Err(Conflict::of_version().into())
}

/// A site that has joined takes changes again, and its people get in, but for those with a freeze of
/// their own.
async fn open_again(
    tx: &mut Tx,
    now: Timestamp,
    from: &Letterhead,
    by: Actor,
    ods_code: &str,
) -> Result<(), NotDone<Refusal>> {
    let Some(site) = store::find_site_by_ods_code(tx, ods_code).await? else { return Ok(()) };
    store::lock_site(tx, &site.id).await?;
    let site = store::find_site(tx, &site.id).await?.ok_or_else(gone)?;
    let Some(state) = SiteMove::Unfreeze.leads(site.state) else { return Ok(()) };
    if !store::set_site_state(tx, &site, state).await? {
        return Err(Conflict::of_version().into());
    }
    for account in store::list_accounts_of_site(&Scope::All, tx, &site.id).await? {
        let own = Frozen::Account { id: account.clone() };
        if store::find_freeze_of(tx, &own).await?.is_none() {
            free_account(tx, now, from, by.clone(), &account).await?;
        }
    }
    tell_mail_of_site(tx, now, &site).await
}

/// Puts an account back into the state it was in.
async fn free_account(
    tx: &mut Tx,
    now: Timestamp,
    from: &Letterhead,
    by: Actor,
    id: &str,
) -> Result<(), NotDone<Refusal>> {
    store::lock_account(tx, id).await?;
    let account = store::find_account(tx, id).await?.ok_or_else(gone)?;
    if account.state != AccountState::Frozen {
        return Ok(());
    }
    let letter = letters::unfrozen(from, now, &account);
    let change = account.unfreeze(by).map_err(NotDone::Refusal)?.telling(letter);
    if !store::save_account(tx, now, &change).await? {
        return Err(Conflict::of_version().into());
    }
    // The link somebody was sent before may have run out meanwhile.
    if change.state.state == AccountState::Pending && change.state.provisioned_at.is_some() {
        let asked = change.state.personal_email.as_str().to_owned();
        outbox::store::queue(tx, now, now, &Work::SendActivationLink { asked }).await?;
    }
    Ok(())
}
