//! Choosing the password of an account that is being activated.

use super::{ActivationRefusal, StepOrder};
use crate::app::App;
use crate::database::transaction;
use crate::directory::{self, Scope};
use crate::my_account::store;
use crate::outbox::outcome::NotDone;
use crate::settings::Secret;
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::password;
use crate::sign_in::realm::cannot_hash;
use crate::sign_in::session::browser_hash;

/// The password is kept, as a hash, until the policy is accepted. It is not in force before that.
///
/// # Errors
/// A refusal where it cannot be had, or the code was not right in this browser before.
pub async fn choose_password(
    app: &App,
    permit: Permit<deed::SecureOwnAccount>,
    order: StepOrder,
    typed: Secret<String>,
) -> Result<(), NotDone<ActivationRefusal>> {
    let gone = || NotDone::Refusal(ActivationRefusal::LinkGone);
    let account = directory::store::find_account(&app.database, permit.id()).await?.ok_or_else(gone)?;
    let sites = directory::store::list_sites_of_account(&Scope::All, &app.database, permit.id()).await?;
    let mut own_words = vec![account.first_name.as_str(), account.last_name.as_str()];
    own_words.extend(sites.iter().flat_map(|site| [site.name.as_str(), site.town.as_str()]));
    if let Some(words) = password::problem(typed.reveal(), &own_words) {
        return Err(NotDone::Refusal(ActivationRefusal::Password(words)));
    }
    let hash = password::hash(app, typed.reveal().clone()).await.map_err(cannot_hash)?;
    let (hash, browser) = (Secret::new(hash), browser_hash(order.browser.reveal()));
    app.database
        .write(transaction!(async move |tx| {
            if store::keep_password(tx, &order.link, &browser, &hash).await? {
                Ok(())
            } else {
                Err(NotDone::Refusal(ActivationRefusal::NotReady))
            }
        }))
        .await
}
