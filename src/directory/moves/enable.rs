//! Enabling a disabled account.

use super::{Order, account_of, if_not_sent_twice};
use crate::app::App;
use crate::database::transaction;
use crate::directory::{Refusal, account, letters, store};
use crate::letter::Letterhead;
use crate::outbox::outcome::{Conflict, NotDone};
use crate::sign_in::authority::{Permit, deed};

/// Everything is as it was before the account was disabled; the person is told.
///
/// # Errors
/// A refusal where the account is not disabled.
pub async fn enable(app: &App, permit: Permit<deed::Enable>, order: Order) -> Result<(), NotDone<Refusal>> {
    let now = app.clock.now();
    let from = Letterhead::of(&app.settings);
    app.database
        .write(transaction!(async move |tx| {
            let account = account_of(tx, &permit).await?;
            let (id, actor) = (account.id.clone(), permit.actor());
            if account.version != order.seen {
                return if_not_sent_twice(tx, &id, &actor, account::ENABLED, "", &order.reason).await;
            }
            let letter = letters::enabled(&from, now, &account);
            let change = account.enable(now, actor, &order.reason).map_err(NotDone::Refusal)?.telling(letter);
            if !store::save_account(tx, now, &change).await? {
                return Err(Conflict::of_version().into());
            }
            Ok(())
        }))
        .await
}
