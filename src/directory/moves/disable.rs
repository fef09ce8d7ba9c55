//! Disabling an account while its holder is away.

use super::{Order, account_of, if_not_sent_twice, lock_sites_owned, refuse_last_owner};
use crate::app::App;
use crate::clock::Span;
use crate::database::transaction;
use crate::directory::{Refusal, account, letters, store};
use crate::letter::Letterhead;
use crate::outbox::outcome::{Conflict, NotDone};
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::store as sign_ins;

/// Nobody gets in and no mail comes in until it is enabled again; sessions end, the person is told.
///
/// # Errors
/// A refusal where the account is not active or its holder is the last owner of a site who can act.
pub async fn disable(app: &App, permit: Permit<deed::Disable>, order: Order) -> Result<(), NotDone<Refusal>> {
    let now = app.clock.now();
    let from = Letterhead::of(&app.settings);
    let until = now.plus(Span::days(i64::from(app.settings.disabled_days_max)));
    app.database
        .write(transaction!(async move |tx| {
            let owned = lock_sites_owned(tx, permit.id()).await?;
            let account = account_of(tx, &permit).await?;
            let (id, actor) = (account.id.clone(), permit.actor());
            if account.version != order.seen {
                return if_not_sent_twice(tx, &id, &actor, account::DISABLED, "", &order.reason).await;
            }
            refuse_last_owner(tx, &owned, &id).await?;
            let letter = letters::disabled(&from, now, &account, until);
            let change =
                account.disable(now, actor, &order.reason).map_err(NotDone::Refusal)?.telling(letter);
            if !store::save_account(tx, now, &change).await? {
                return Err(Conflict::of_version().into());
            }
            sign_ins::end_sessions_of_holder(tx, &id).await?;
            Ok(())
        }))
        .await
}
