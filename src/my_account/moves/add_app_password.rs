//! An app password for a mail program.

use super::{ProofOrder, ProofRefusal, active_account, prove_again, use_factor_again};
use crate::app::App;
use crate::database::{Error, transaction};
use crate::directory;
use crate::directory::app_password::NewAppPassword;
use crate::letter::Letterhead;
use crate::my_account::letters;
use crate::outbox::outcome::NotDone;
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::permits::AccountHolder;

/// How often an app password is drawn again that begins like another of the account: of 234,000
/// beginnings at most a few dozen are taken.
const SELECTOR_TRIES_MAX: usize = 10;

/// Why an app password was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppPasswordRefusal {
    /// The password and a code were needed again and are not right.
    Proof(ProofRefusal),
    /// There are too many, or one of this name.
    Directory(directory::Refusal),
}

/// Makes an app password and answers it: the only time it can be read. It outlives the session, so one
/// whose second factor was shown more than ten minutes ago needs the password and a code again.
///
/// # Errors
/// A refusal where there are too many, one of this name, or the proof is not right.
pub async fn add_app_password(
    app: &App,
    permit: Permit<deed::SecureOwnAccount>,
    by: &AccountHolder,
    order: ProofOrder,
    name: &str,
) -> Result<NewAppPassword, NotDone<AppPasswordRefusal>> {
    let unproven = |refusal| NotDone::Refusal(AppPasswordRefusal::Proof(refusal));
    let factor = prove_again(app, by, &order).await?.map_err(unproven)?;
    let (now, from, name) = (app.clock.now(), Letterhead::of(&app.settings), name.to_owned());
    let in_app = app.clone();
    app.database
        .write(transaction!(async move |tx| {
            let id = permit.id();
            directory::store::lock_account(tx, id).await?;
            let account = active_account(tx, id).await?.ok_or_else(|| unproven(ProofRefusal::Over))?;
            let in_force = directory::store::list_app_passwords_in_force(tx, id).await?;
            for _ in 0..SELECTOR_TRIES_MAX {
                let change = account.add_app_password(now, &name, &in_force);
                let change =
                    change.map_err(|refusal| NotDone::Refusal(AppPasswordRefusal::Directory(refusal)))?;
                let change = change.telling(letters::app_password_made(&from, now, &account, &name));
                if directory::store::add_app_password(tx, now, &change).await? {
                    if let Some(factor) = &factor {
                        use_factor_again(tx, &in_app, &account, factor, &order.browser)
                            .await?
                            .map_err(|problem| unproven(ProofRefusal::code(problem)))?;
                    }
                    return Ok(change.state);
                }
            }
            let words = "no app password could be found that begins differently";
            Err(Error::Unavailable(words.to_owned()).into())
        }))
        .await
}
