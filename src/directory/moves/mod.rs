//! What is done to accounts and shared mailboxes that are there: a file a deed.
//!
//! Each takes the permit of its deed and an order, and does everything in one transaction: it locks the
//! sites whose owners it may change, loads what it is about, compares that with the permit and with what
//! the person saw, asks the rules, and saves the change with its entry, letters and work.

mod add_address;
mod change_access;
mod compare_mail;
mod disable;
mod enable;
mod freeze;
mod give_access;
mod lift_freeze;
mod open_activation;
mod remove_access;
mod sign_out_and_revoke;
#[cfg(test)]
mod tests;

pub use add_address::{AddressOrder, add_address};
pub use change_access::{AccessOrder, change_access};
pub use compare_mail::compare_mail;
pub use disable::disable;
pub use enable::enable;
pub use freeze::{FreezeOrder, freeze_account, freeze_code_in, freeze_site, freeze_site_in};
pub use give_access::{GivingOrder, give_access};
pub use lift_freeze::{LiftOrder, Lifting, keep_freeze, lift_freeze};
pub use open_activation::open_activation_in;
pub use remove_access::remove_access;
pub use sign_out_and_revoke::sign_out_and_revoke;

use super::{Account, Refusal, Scope, SharedMailbox, Site, access, store};
use crate::audit::{self, Actor};
use crate::database::{Error, Tx};
use crate::outbox::outcome::{Conflict, NotDone};
use crate::sign_in::authority::{IsDeed, Permit, Subject};

/// What somebody decided about an account.
#[derive(Clone, Debug)]
pub struct Order {
    /// Version of the account as they saw it.
    pub seen: i64,
    /// Why, in their own words.
    pub reason: String,
}

fn gone() -> Conflict {
    Conflict::new("This is not there any more. Look at the site as it is now.")
}

/// The account a permit is for, as it is now.
async fn account_of<D: IsDeed>(tx: &mut Tx, permit: &Permit<D>) -> Result<Account, NotDone<Refusal>> {
    // Whoever does something to the same account waits, and then sees what was done.
    store::lock_account(tx, permit.id()).await?;
    is_still_so(store::subject_of_account(tx, permit.id()).await?, permit)?;
    Ok(store::find_account(tx, permit.id()).await?.ok_or_else(gone)?)
}

/// The shared mailbox a permit is for, as it is now, and its site.
async fn mailbox_of<D: IsDeed>(
    tx: &mut Tx,
    permit: &Permit<D>,
) -> Result<(SharedMailbox, Site), NotDone<Refusal>> {
    let mailbox = store::find_shared_mailbox(tx, permit.id()).await?.ok_or_else(gone)?;
    store::lock_site(tx, &mailbox.site_id).await?;
    is_still_so(store::subject_of_shared_mailbox(tx, permit.id()).await?, permit)?;
    let site = store::find_site(tx, &mailbox.site_id).await?.ok_or_else(gone)?;
    // Read again: it may have changed while this transaction waited for the lock.
    let mailbox = store::find_shared_mailbox(tx, permit.id()).await?.ok_or_else(gone)?;
    Ok((mailbox, site))
}

/// Authority was judged for a subject as it was read; it holds where the subject is still so.
fn is_still_so<D: IsDeed>(now: Option<Subject>, permit: &Permit<D>) -> Result<(), Conflict> {
    match now {
        Some(subject) if subject == *permit.subject() => Ok(()),
        Some(_) => Err(Conflict::new(
            "Who looks after this site, or whether it takes changes, has just changed. Look at it as it is now.",
        )),
        None => Err(gone()),
    }
}

/// What becomes of a decision about an older version: done, where the same person decided the same just
/// now (a form sent twice); otherwise a conflict.
async fn if_not_sent_twice(
    tx: &mut Tx,
    subject: &str,
    actor: &Actor,
    action: &str,
    detail: &str,
    reason: &str,
) -> Result<(), NotDone<Refusal>> {
    if audit::store::is_repeat(tx, subject, actor, action, detail, reason).await? {
        return Ok(());
    }
    Err(Conflict::of_version().into())
}

/// Makes whoever changes owners of a site that an account owns wait, so that the last two cannot go at
/// once.
async fn lock_sites_owned(tx: &mut Tx, account: &str) -> Result<Vec<Site>, Error> {
    let mut owned = store::list_sites_owned(&Scope::All, tx, account).await?;
    owned.sort_by(|one, other| one.id.cmp(&other.id));
    for site in &owned {
        store::lock_site(tx, &site.id).await?;
    }
    Ok(owned)
}

/// Refuses where a site that an account owns would be left without an owner who can act.
async fn refuse_last_owner(tx: &mut Tx, owned: &[Site], account: &str) -> Result<(), NotDone<Refusal>> {
    for site in owned {
        let people = store::list_people(&Scope::All, tx, &site.id).await?;
        access::can_do_without(&people, account, &site.name).map_err(NotDone::Refusal)?;
    }
    Ok(())
}
