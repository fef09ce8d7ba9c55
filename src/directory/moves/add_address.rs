//! Letting the address of the site that was there before lead to a shared mailbox.

use super::{if_not_sent_twice, mailbox_of};
use crate::app::App;
use crate::database::transaction;
use crate::directory::Refusal;
use crate::directory::access::ADDRESS_ADDED;
use crate::directory::store::{self, PastAddress};
use crate::outbox::outcome::{Conflict, NotDone};
use crate::sign_in::authority::{Permit, deed};

/// Which address, in its one written form.
#[derive(Clone, Debug)]
pub struct AddressOrder {
    pub address: String,
    /// Version of the shared mailbox as they saw it.
    pub seen: i64,
    /// Why, in their own words.
    pub reason: String,
}

/// Mail to the address arrives in the shared mailbox.
///
/// # Errors
/// A refusal where it was never a site's address, or a mailbox in use has it.
pub async fn add_address(
    app: &App,
    permit: Permit<deed::AddAddress>,
    order: AddressOrder,
) -> Result<(), NotDone<Refusal>> {
    let now = app.clock.now();
    app.database
        .write(transaction!(async move |tx| {
            let (mailbox, _) = mailbox_of(tx, &permit).await?;
            let (id, actor) = (mailbox.id.clone(), permit.actor());
            if mailbox.version != order.seen {
                return if_not_sent_twice(tx, &id, &actor, ADDRESS_ADDED, &order.address, &order.reason)
                    .await;
            }
            match store::past_address(tx, &order.address).await? {
                PastAddress::Free => {}
                PastAddress::NotASites => {
                    return Err(NotDone::Refusal(Refusal::NotASitesAddress(order.address)));
                }
                PastAddress::InUse => return Err(NotDone::Refusal(Refusal::AddressIsInUse(order.address))),
            }
            let change = mailbox.add_alias(&order.address, actor, &order.reason);
            if store::add_alias(tx, now, &change, &order.address, &order.reason).await? {
                Ok(())
            } else {
                Err(Conflict::of_version().into())
            }
        }))
        .await
}
