//! Signing somebody out everywhere and revoking every app password: for a lost phone, or when somebody
//! else may have got in.

use super::{Order, account_of, if_not_sent_twice};
use crate::app::App;
use crate::database::transaction;
use crate::directory::{Refusal, account, letters, store};
use crate::letter::Letterhead;
use crate::outbox::outcome::{Conflict, NotDone};
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::store as sign_ins;

/// Ends every session, forgets authenticator apps that wait to be confirmed, revokes every app password;
/// the person is told. Their password and authenticator app stay.
///
/// # Errors
/// A conflict where the account is not as it was seen.
pub async fn sign_out_and_revoke(
    app: &App,
    permit: Permit<deed::SignOutAndRevoke>,
    order: Order,
) -> Result<(), NotDone<Refusal>> {
    let now = app.clock.now();
    let from = Letterhead::of(&app.settings);
    app.database
        .write(transaction!(async move |tx| {
            let account = account_of(tx, &permit).await?;
            let (id, actor) = (account.id.clone(), permit.actor());
            if account.version != order.seen {
                return if_not_sent_twice(tx, &id, &actor, account::SIGNED_OUT, "", &order.reason).await;
            }
            let letter = letters::signed_out_and_revoked(&from, now, &account);
            let change = account.sign_out_and_revoke(actor, &order.reason).telling(letter);
            if !store::save_account(tx, now, &change).await? {
                return Err(Conflict::of_version().into());
            }
            sign_ins::end_sessions_of_holder(tx, &id).await?;
            sign_ins::forget_waiting_authenticators(tx, &id).await?;
            store::revoke_app_passwords(tx, now, &id).await?;
            Ok(())
        }))
        .await
}
