//! Another authenticator app, for somebody who is signed in.

use super::{ProofOrder, ProofRefusal, active_account, prove, use_factor};
use crate::app::App;
use crate::database::transaction;
use crate::directory;
use crate::outbox::outcome::NotDone;
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::limits::SAME_PRESS;
use crate::sign_in::permits::AccountHolder;
use crate::sign_in::session::{self, SessionKind, browser_hash};
use crate::sign_in::store as sign_ins;

/// They have shown the password and a code again: this browser may set up another app, beside being
/// signed in.
///
/// # Errors
/// A refusal where the two are not right, the code was used, or the step is over.
pub async fn replace_app(
    app: &App,
    permit: Permit<deed::SecureOwnAccount>,
    by: &AccountHolder,
    order: ProofOrder,
) -> Result<(), NotDone<ProofRefusal>> {
    let factor = prove(app, by, &order).await?.map_err(NotDone::Refusal)?;
    let (in_app, now) = (app.clone(), app.clock.now());
    app.database
        .write(transaction!(async move |tx| {
            let (id, browser, kind) = (permit.id(), order.browser.reveal(), SessionKind::SettingUpApp);
            directory::store::lock_account(tx, id).await?;
            let hash = browser_hash(browser);
            let just_now = now.minus(SAME_PRESS);
            if sign_ins::has_begun_since(tx, &hash, kind, id, just_now).await?
                && factor.was_just_used(tx, id, just_now).await?
            {
                return Ok(());
            }
            let account = active_account(tx, id).await?.ok_or(NotDone::Refusal(ProofRefusal::Over))?;
            use_factor(tx, &in_app, &account, &factor)
                .await?
                .map_err(|problem| NotDone::Refusal(ProofRefusal::code(problem)))?;
            sign_ins::add_authenticator(tx, id, now).await?;
            session::begin(tx, &in_app, browser, kind, id, false).await?;
            Ok(())
        }))
        .await
}
