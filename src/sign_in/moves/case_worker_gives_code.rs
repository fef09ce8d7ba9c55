//! The second step of a case worker: the code of the authenticator app.

use super::{CodeOrder, SignInRefusal};
use crate::app::App;
use crate::audit::{self, Actor, Entry};
use crate::database::transaction;
use crate::outbox::outcome::NotDone;
use crate::sign_in::factor::{FactorAsked, FactorProblem};
use crate::sign_in::permits::HalfSignedIn;
use crate::sign_in::realm::{Realm, was_right, was_wrong};
use crate::sign_in::secrets::Purpose;
use crate::sign_in::session::{self, Rotated, SessionKind, browser_hash};
use crate::sign_in::{app_code, store};

/// The code is used up and the case worker is signed in.
///
/// # Errors
/// A refusal where the code is not right or was used, too many were tried, or they may not sign in.
pub async fn case_worker_gives_code(
    app: &App,
    half: HalfSignedIn,
    order: CodeOrder,
) -> Result<Rotated, NotDone<SignInRefusal>> {
    let refused = |problem| NotDone::Refusal(SignInRefusal::Factor(problem));
    if let Some(slip) = FactorAsked::App.slip(&order.typed) {
        return Err(refused(slip));
    }
    let (now, id) = (app.clock.now(), half.case_worker);
    let row = store::case_worker(&app.database, &id).await?.ok_or(NotDone::Refusal(SignInRefusal::Over))?;
    let hash = browser_hash(order.browser.reveal());
    let counted = Realm::CaseWork
        .count_code(app, now, &row.email, &hash, order.known_by.as_deref())
        .await?
        .map_err(|used_up| NotDone::Refusal(SignInRefusal::TooManyCodes(used_up)))?;
    let Some(step) = app_code::step_of(&app.key, Purpose::CaseWorkerApp, &id, &order.typed, now) else {
        was_wrong(app, now, counted).await?;
        return Err(refused(FactorProblem::Wrong(FactorAsked::App)));
    };
    was_right(app, counted).await?;
    let in_app = app.clone();
    app.database
        .write(transaction!(async move |tx| {
            let browser = order.browser.reveal();
            let kind = SessionKind::CaseWorker;
            store::lock_case_worker(tx, &id).await?;
            if !store::use_session(tx, &browser_hash(browser), SessionKind::HalfSignedIn, &id).await? {
                let rotated = session::rotated_just_now(tx, &in_app, browser, kind, &id).await?;
                return rotated.ok_or(NotDone::Refusal(SignInRefusal::Over));
            }
            if store::case_worker(tx, &id).await?.is_none_or(|row| row.disabled) {
                return Err(NotDone::Refusal(SignInRefusal::Over));
            }
            if !store::use_app_step(tx, &id, step).await? {
                return Err(NotDone::Refusal(SignInRefusal::Factor(FactorProblem::AppCodeUsed)));
            }
            let entry = Entry::new(Actor::CaseWorker(id.clone()), "case worker signed in", &id);
            audit::store::add(tx, now, &entry).await?;
            Ok(session::rotate(tx, &in_app, browser, kind, &id, false).await?)
        }))
        .await
}
