//! Taking somebody's access to a shared mailbox away.

use super::{AccessOrder, gone, if_not_sent_twice, lock_sites_owned, mailbox_of};
use crate::app::App;
use crate::database::transaction;
use crate::directory::access::REMOVED;
use crate::directory::{Refusal, Scope, letters, store};
use crate::letter::Letterhead;
use crate::outbox::outcome::{Conflict, NotDone};
use crate::sign_in::authority::{Permit, deed};

/// They can no longer open the shared mailbox; their account and its place stay; they are told.
///
/// # Errors
/// A refusal where they have no access, or the site would have no owner who can act.
pub async fn remove_access(
    app: &App,
    permit: Permit<deed::RemoveAccess>,
    order: AccessOrder,
) -> Result<(), NotDone<Refusal>> {
    let now = app.clock.now();
    let from = Letterhead::of(&app.settings);
    app.database
        .write(transaction!(async move |tx| {
            lock_sites_owned(tx, &order.account).await?;
            let (mailbox, site) = mailbox_of(tx, &permit).await?;
            let (id, actor) = (mailbox.id.clone(), permit.actor());
            if mailbox.version != order.seen {
                return if_not_sent_twice(tx, &id, &actor, REMOVED, &order.account, &order.reason).await;
            }
            let account = store::find_account(tx, &order.account).await?.ok_or_else(gone)?;
            let people = store::list_people(&Scope::All, tx, &site.id).await?;
            let letter = letters::access_changed(&from, now, &account, &mailbox, &site.name, None);
            let change = mailbox
                .remove_access(&people, &account.id, &site.name, actor, &order.reason)
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
