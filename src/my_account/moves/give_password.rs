//! The first step of signing in: address and password.

use super::{active_account, send_code};
use crate::app::App;
use crate::database::transaction;
use crate::outbox::outcome::NotDone;
use crate::sign_in::moves::{PasswordOrder, SignInRefusal};
use crate::sign_in::realm::{Realm, was_right, was_wrong, whose_password};
use crate::sign_in::secrets::Purpose;
use crate::sign_in::session::{self, Rotated, SessionKind};
use crate::sign_in::store as sign_ins;

/// What somebody half way in is asked for next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HalfWay {
    CodeOfApp,
    CodeByText,
}

/// The browser is half way in. Where no app is set up yet, a code goes to the mobile that was given for
/// the person, which is the second thing they must show.
///
/// # Errors
/// A refusal where they are not somebody's who may sign in, or too many were tried.
pub async fn give_password(
    app: &App,
    order: PasswordOrder,
) -> Result<(Rotated, HalfWay), NotDone<SignInRefusal>> {
    let now = app.clock.now();
    let known_by = order.known_by.as_deref();
    let counted = Realm::MyAccount
        .count_password(app, now, &order.address, &order.network, known_by)
        .await?
        .map_err(|used_up| NotDone::Refusal(SignInRefusal::TooManyPasswords(used_up)))?;
    let found = sign_ins::find_holder(&app.database, &order.address).await?;
    let found = found.filter(|row| row.state.may_sign_in());
    let found = found.and_then(|row| row.password_hash.map(|hash| (row.id, hash)));
    let typed = order.password.reveal().as_str();
    let theirs = whose_password(app, found, |(_, hash)| hash.reveal().clone(), typed).await?;
    let Some((id, hash)) = theirs else {
        was_wrong(app, now, counted).await?;
        return Err(NotDone::Refusal(SignInRefusal::NotRecognised));
    };
    was_right(app, counted).await?;
    let in_app = app.clone();
    app.database
        .write(transaction!(async move |tx| {
            // Hashing takes a while, in which the account may have been disabled.
            let account = active_account(tx, &id).await?.filter(|account| {
                account.password_hash.as_ref().is_some_and(|now| now.reveal() == hash.reveal())
            });
            let Some(account) = account else {
                return Err(NotDone::Refusal(SignInRefusal::NotRecognised));
            };
            let (browser, kind) = (order.browser.reveal(), SessionKind::HolderHalfSignedIn);
            let rotated = session::rotate(tx, &in_app, browser, kind, &account.id, false).await?;
            if sign_ins::authenticator(tx, &account.id).await?.is_some() {
                return Ok((rotated, HalfWay::CodeOfApp));
            }
            send_code(tx, &in_app, &account, Purpose::SignInCode, &rotated.browser_hash())
                .await?
                .map_err(|problem| NotDone::Refusal(SignInRefusal::Code(problem)))?;
            Ok((rotated, HalfWay::CodeByText))
        }))
        .await
}
