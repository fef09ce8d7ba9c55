//! Letting the accounts of a site be activated before their waiting time is over.

use crate::audit::{self, Actor, Entry};
use crate::clock::Timestamp;
use crate::database::{Error, Tx};
use crate::directory::{AccountState, Scope, store};
use crate::outbox::{self, Work};

/// Ends the waiting time of a site, in a transaction of somebody who may: whoever has not activated is sent
/// their link now.
///
/// # Errors
/// A fault.
pub async fn open_activation_in(tx: &mut Tx, now: Timestamp, by: Actor, site: &str) -> Result<(), Error> {
    store::lock_site(tx, site).await?;
    if !store::end_activation_wait(tx, site).await? {
        return Ok(());
    }
    audit::store::add(tx, now, &Entry::new(by, "activation opened before its time", site)).await?;
    for id in store::list_accounts_of_site(&Scope::All, tx, site).await? {
        let Some(account) = store::find_account(tx, &id).await? else { continue };
        if account.state == AccountState::Pending && account.provisioned_at.is_some() {
            let asked = account.personal_email.as_str().to_owned();
            outbox::store::queue(tx, now, now, &Work::SendActivationLink { asked }).await?;
        }
    }
    Ok(())
}
