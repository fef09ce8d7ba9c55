//! The last step of signing in: a code of the authenticator app, or a recovery code.

use super::{active_account, use_factor};
use crate::app::App;
use crate::audit::{self, Actor, Entry};
use crate::database::transaction;
use crate::directory;
use crate::outbox::outcome::NotDone;
use crate::sign_in::factor::{Factor, FactorAsked, FactorProblem};
use crate::sign_in::limits::SAME_PRESS;
use crate::sign_in::moves::{CodeOrder, SignInRefusal};
use crate::sign_in::permits::HolderHalfSignedIn;
use crate::sign_in::realm::{Realm, was_right, was_wrong};
use crate::sign_in::session::{self, Rotated, SessionKind, browser_hash};
use crate::sign_in::store as sign_ins;

/// What became of the code.
#[derive(Debug)]
pub enum GivenCode {
    SignedIn(Rotated),
    /// There is no app whose code could be asked for; the mobile is.
    NoApp,
}

/// The code is used up and the session begins.
///
/// # Errors
/// A refusal where the code is not right or was used, too many were tried, or the step is over.
pub async fn give_code(
    app: &App,
    half: HolderHalfSignedIn,
    asked: FactorAsked,
    order: CodeOrder,
) -> Result<GivenCode, NotDone<SignInRefusal>> {
    let refused = |problem: FactorProblem| NotDone::Refusal(SignInRefusal::Factor(problem));
    let (now, id) = (app.clock.now(), half.account);
    let Some(authenticator) = sign_ins::authenticator(&app.database, &id).await? else {
        return Ok(GivenCode::NoApp);
    };
    if let Some(slip) = asked.slip(&order.typed) {
        return Err(refused(slip));
    }
    let over = || NotDone::Refusal(SignInRefusal::Over);
    let holder = sign_ins::holder(&app.database, &id).await?.ok_or_else(over)?;
    let hash = browser_hash(order.browser.reveal());
    let counted = Realm::MyAccount
        .count_code(app, now, &holder.address, &hash, order.known_by.as_deref())
        .await?
        .map_err(|used_up| NotDone::Refusal(SignInRefusal::TooManyCodes(used_up)))?;
    let factor = match asked.read(&app.key, &authenticator, &order.typed, now) {
        Ok(factor) => factor,
        Err(problem) => {
            was_wrong(app, now, counted).await?;
            return Err(refused(problem));
        }
    };
    // Whether a recovery code is right is known when it is used up, and not judged twice.
    match &factor {
        Factor::App { .. } => was_right(app, counted).await?,
        Factor::Recovery { .. } => {}
    }
    let in_app = app.clone();
    app.database
        .write(transaction!(async move |tx| {
            let (browser, kind) = (order.browser.reveal(), SessionKind::AccountHolder);
            let over = || NotDone::Refusal(SignInRefusal::Over);
            directory::store::lock_account(tx, &id).await?;
            let half = SessionKind::HolderHalfSignedIn;
            if !sign_ins::use_session(tx, &browser_hash(browser), half, &id).await? {
                if !factor.was_just_used(tx, &id, now.minus(SAME_PRESS)).await? {
                    return Err(over());
                }
                let rotated = session::rotated_just_now(tx, &in_app, browser, kind, &id).await?;
                return rotated.map(GivenCode::SignedIn).ok_or_else(over);
            }
            let account = active_account(tx, &id).await?.ok_or_else(over)?;
            use_factor(tx, &in_app, &account, &factor)
                .await?
                .map_err(|problem| NotDone::Refusal(SignInRefusal::Factor(problem)))?;
            let entry = Entry::new(Actor::AccountHolder(id.clone()), "account holder signed in", &id);
            audit::store::add(tx, now, &entry).await?;
            directory::store::mark_used(tx, &id, now).await?;
            let rotated = session::rotate(tx, &in_app, browser, kind, &id, false).await?;
            Ok(GivenCode::SignedIn(rotated))
        }))
        .await
}
