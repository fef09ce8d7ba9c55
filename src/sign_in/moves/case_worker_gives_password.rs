//! The first step of a case worker: address and password.

use super::{PasswordOrder, SignInRefusal};
use crate::app::App;
use crate::database::transaction;
use crate::outbox::outcome::NotDone;
use crate::sign_in::realm::{Realm, was_right, was_wrong, whose_password};
use crate::sign_in::session::{self, Rotated, SessionKind};
use crate::sign_in::store;

/// The browser is half way in: what is missing is the code of the app.
///
/// # Errors
/// A refusal where they are not somebody's who may sign in, or too many were tried.
pub async fn case_worker_gives_password(
    app: &App,
    order: PasswordOrder,
) -> Result<Rotated, NotDone<SignInRefusal>> {
    let now = app.clock.now();
    let known_by = order.known_by.as_deref();
    let counted = Realm::CaseWork
        .count_password(app, now, &order.address, &order.network, known_by)
        .await?
        .map_err(|used_up| NotDone::Refusal(SignInRefusal::TooManyPasswords(used_up)))?;
    let row = store::find_case_worker(&app.database, &order.address).await?.filter(|row| !row.disabled);
    let theirs =
        whose_password(app, row, |row| row.password_hash.clone(), order.password.reveal().as_str()).await?;
    let Some(known) = theirs else {
        was_wrong(app, now, counted).await?;
        return Err(NotDone::Refusal(SignInRefusal::NotRecognised));
    };
    was_right(app, counted).await?;
    let in_app = app.clone();
    app.database
        .write(transaction!(async move |tx| {
            let row = store::case_worker(tx, &known.id).await?;
            // Hashing takes a while, in which somebody may have been shut out.
            if row.is_none_or(|row| row.disabled || row.password_hash != known.password_hash) {
                return Err(NotDone::Refusal(SignInRefusal::NotRecognised));
            }
            let browser = order.browser.reveal();
            Ok(session::rotate(tx, &in_app, browser, SessionKind::HalfSignedIn, &known.id, false).await?)
        }))
        .await
}
