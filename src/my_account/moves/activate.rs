//! The last step of an activation: the policy is accepted.

use super::{ActivationRefusal, StepOrder, link_for};
use crate::app::App;
use crate::database::transaction;
use crate::directory::{self, Access, Scope};
use crate::letter::Letterhead;
use crate::my_account::{letters, store};
use crate::outbox::outcome::{Conflict, NotDone};
use crate::outbox::{self, Work};
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::permits::Activating;
use crate::sign_in::session::{self, Rotated, SessionKind, browser_hash};
use crate::sign_in::{links, store as sign_ins};

/// The link is used up, the password is in force, the account is active, and every other browser that
/// was half way through has to stop. This browser goes on to set up an authenticator app: it has just
/// shown the link, the mobile and the password.
///
/// # Errors
/// A refusal where the link does not work or a step before has not been done; a conflict where somebody
/// else changed the account.
pub async fn activate(
    app: &App,
    permit: Permit<deed::SecureOwnAccount>,
    order: StepOrder,
) -> Result<Rotated, NotDone<ActivationRefusal>> {
    let (in_app, now) = (app.clone(), app.clock.now());
    app.database
        .write(transaction!(async move |tx| {
            let (id, browser, kind) = (permit.id(), order.browser.reveal(), SessionKind::SettingUpApp);
            let refused = |refusal| Err(NotDone::Refusal(refusal));
            directory::store::lock_account(tx, id).await?;
            let activation = store::find_activation(tx, &order.link, &browser_hash(browser)).await?;
            let Some(hash) = activation.and_then(|activation| activation.password_hash) else {
                let rotated = session::rotated_just_now(tx, &in_app, browser, kind, id).await?;
                return rotated.ok_or(NotDone::Refusal(ActivationRefusal::NotReady));
            };
            let Some(account) = directory::store::find_account(tx, id).await? else {
                return refused(ActivationRefusal::LinkGone);
            };
            let letter = letters::activated(&Letterhead::of(&in_app.settings), now, &account);
            let link = link_for(&in_app.key, &account);
            let Ok(change) = account.activate(now, hash) else {
                return refused(ActivationRefusal::LinkGone);
            };
            if !links::redeem(tx, &order.link, &link, now).await? {
                return refused(ActivationRefusal::LinkGone);
            }
            if !directory::store::save_account(tx, now, &change.telling(letter)).await? {
                return Err(Conflict::of_version().into());
            }
            for site in directory::store::list_sites_of_account(&Scope::All, tx, id).await? {
                match site.access {
                    Access::Owner => {
                        let work = Work::FollowSite { site: site.site_id };
                        outbox::store::queue(tx, now, now, &work).await?;
                    }
                    Access::Member => {}
                }
            }
            store::forget_activations(tx, id).await?;
            let subject = Activating::subject(id, &order.link);
            sign_ins::end_sessions_of(tx, SessionKind::Activating, &subject).await?;
            sign_ins::add_authenticator(tx, id, now).await?;
            Ok(session::rotate(tx, &in_app, browser, kind, id, false).await?)
        }))
        .await
}
