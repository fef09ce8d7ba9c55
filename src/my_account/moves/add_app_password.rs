//! An app password for a mail program.

use crate::app::App;
use crate::database::{Error, transaction};
use crate::directory;
use crate::directory::app_password::NewAppPassword;
use crate::letter::Letterhead;
use crate::my_account::letters;
use crate::outbox::outcome::{Conflict, NotDone};
use crate::sign_in::authority::{Permit, deed};

/// How often an app password is drawn again that begins like another of the account: of 234,000
/// beginnings at most a few dozen are taken.
const SELECTOR_TRIES_MAX: usize = 10;

/// Makes an app password and answers it: the only time it can be read.
///
/// # Errors
/// A refusal where there are too many, or one of this name.
pub async fn add_app_password(
    app: &App,
    permit: Permit<deed::SecureOwnAccount>,
    name: &str,
) -> Result<NewAppPassword, NotDone<directory::Refusal>> {
    let (now, from, name) = (app.clock.now(), Letterhead::of(&app.settings), name.to_owned());
    app.database
        .write(transaction!(async move |tx| {
            let id = permit.id();
            directory::store::lock_account(tx, id).await?;
            let Some(account) = directory::store::find_account(tx, id).await? else {
                return Err(Conflict::new("Your account is not there any more.").into());
            };
            let in_force = directory::store::list_app_passwords_in_force(tx, id).await?;
            for _ in 0..SELECTOR_TRIES_MAX {
                let change = account.add_app_password(now, &name, &in_force).map_err(NotDone::Refusal)?;
                let change = change.telling(letters::app_password_made(&from, now, &account, &name));
                if directory::store::add_app_password(tx, now, &change).await? {
                    return Ok(change.state);
                }
            }
            let words = "no app password could be found that begins differently";
            Err(Error::Unavailable(words.to_owned()).into())
        }))
        .await
}
