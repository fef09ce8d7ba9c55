//! Making somebody who has access to a shared mailbox an owner or a member.

use super::{gone, if_not_sent_twice, lock_sites_owned, mailbox_of};
use crate::app::App;
use crate::database::transaction;
use crate::directory::access::{Among, change_action};
use crate::directory::{Access, Refusal, Room, Scope, letters, store};
use crate::letter::Letterhead;
use crate::outbox::outcome::{Conflict, NotDone};
use crate::sign_in::authority::{Permit, deed};

/// What somebody decided about one person's access to the shared mailbox of the permit.
#[derive(Clone, Debug)]
pub struct AccessOrder {
    pub account: String,
    /// Version of the shared mailbox as they saw it.
    pub seen: i64,
    /// Why, in their own words.
    pub reason: String,
}

/// Changes what somebody may do; they are told.
///
/// # Errors
/// A refusal where they have no access or just this, where the site would have no owner who can act, or
/// where there is no room.
pub async fn change_access(
    app: &App,
    permit: Permit<deed::ChangeAccess>,
    order: AccessOrder,
    to: Access,
) -> Result<(), NotDone<Refusal>> {
    let now = app.clock.now();
    let (from, room) = (Letterhead::of(&app.settings), Room::of(&app.settings));
    app.database
        .write(transaction!(async move |tx| {
            lock_sites_owned(tx, &order.account).await?;
            let (mailbox, site) = mailbox_of(tx, &permit).await?;
            let (id, actor) = (mailbox.id.clone(), permit.actor());
            if mailbox.version != order.seen {
                let action = change_action(to);
                return if_not_sent_twice(tx, &id, &actor, action, &order.account, &order.reason).await;
            }
            let account = store::find_account(tx, &order.account).await?.ok_or_else(gone)?;
            let people = store::list_people(&Scope::All, tx, &site.id).await?;
            let letter = letters::access_changed(&from, now, &account, &mailbox, &site.name, Some(to));
            let among = Among { people: &people, room };
            let change = mailbox
                .change_access(among, &account.id, to, &site.name, actor, &order.reason)
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
