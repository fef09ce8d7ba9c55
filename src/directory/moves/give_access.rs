//! Giving somebody access to a shared mailbox, of this site or another one.

use super::{gone, if_not_sent_twice, mailbox_of};
use crate::app::App;
use crate::database::transaction;
use crate::directory::access::{Among, give_action};
use crate::directory::{Access, Refusal, Room, Scope, letters, store};
use crate::letter::Letterhead;
use crate::outbox::outcome::{Conflict, NotDone};
use crate::sign_in::authority::{Permit, deed};

/// Whom to give which access.
#[derive(Clone, Debug)]
pub struct GivingOrder {
    pub account: String,
    pub access: Access,
    /// Version of the shared mailbox as they saw it.
    pub seen: i64,
    /// Why, in their own words.
    pub reason: String,
}

/// The person can open the shared mailbox and is told.
///
/// # Errors
/// A refusal where they have access already, or there is no room.
pub async fn give_access(
    app: &App,
    permit: Permit<deed::GiveAccess>,
    order: GivingOrder,
) -> Result<(), NotDone<Refusal>> {
    let now = app.clock.now();
    let (from, room) = (Letterhead::of(&app.settings), Room::of(&app.settings));
    app.database
        .write(transaction!(async move |tx| {
            let (mailbox, site) = mailbox_of(tx, &permit).await?;
            let (id, actor) = (mailbox.id.clone(), permit.actor());
            if mailbox.version != order.seen {
                let action = give_action(order.access);
                return if_not_sent_twice(tx, &id, &actor, action, &order.account, &order.reason).await;
            }
            let account = store::find_account(tx, &order.account).await?.ok_or_else(gone)?;
            let people = store::list_people(&Scope::All, tx, &site.id).await?;
            let letter = letters::access_given_to(&from, now, &account, &mailbox, &site.name);
            let among = Among { people: &people, room };
            let change = mailbox
                .give_access(among, &account, order.access, actor, &order.reason)
                .map_err(NotDone::Refusal)?
                .telling(letter);
            if store::save_access(tx, now, &change).await? {
                Ok(())
            } else {
                Err(Conflict::of_version().into())
            }
        }))
        .await
}
