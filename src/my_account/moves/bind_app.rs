//! The first code of an authenticator app: it is in force from now on.

use super::{active_account, note_change};
use crate::app::App;
use crate::database::transaction;
use crate::directory;
use crate::my_account::letters::Changed;
use crate::outbox::outcome::NotDone;
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::factor::{FactorAsked, FactorProblem};
use crate::sign_in::moves::{CodeOrder, SignInRefusal};
use crate::sign_in::secrets::Purpose;
use crate::sign_in::session::{self, Rotated, SessionKind, browser_hash};
use crate::sign_in::{app_code, store as sign_ins};

/// Which app is bound now.
#[derive(Debug)]
pub enum Bound {
    First(Rotated),
    /// In place of another.
    Another(Rotated),
}

/// The app before is not in force any more, every other browser is signed out, and this one is signed
/// in. Codes are not counted here: whoever is here is being shown the key itself.
///
/// # Errors
/// A refusal where the code is not right, or the step is over.
pub async fn bind_app(
    app: &App,
    permit: Permit<deed::SecureOwnAccount>,
    order: CodeOrder,
) -> Result<Bound, NotDone<SignInRefusal>> {
    let now = app.clock.now();
    let over = || NotDone::Refusal(SignInRefusal::Over);
    let refused = |problem| NotDone::Refusal(SignInRefusal::Factor(problem));
    if let Some(slip) = FactorAsked::App.slip(&order.typed) {
        return Err(refused(slip));
    }
    // Where none waits, another press of the same button may just have bound it.
    let shown = match sign_ins::waiting_authenticator(&app.database, permit.id()).await? {
        Some(waiting) => waiting,
        None => sign_ins::authenticator(&app.database, permit.id()).await?.ok_or_else(over)?,
    };
    let step = app_code::step_of(&app.key, Purpose::AccountApp, &shown.id, &order.typed, now)
        .ok_or_else(|| refused(FactorProblem::Wrong(FactorAsked::App)))?;
    let in_app = app.clone();
    app.database
        .write(transaction!(async move |tx| {
            let (id, browser, kind) = (permit.id(), order.browser.reveal(), SessionKind::AccountHolder);
            directory::store::lock_account(tx, id).await?;
            if let Some(rotated) = session::rotated_just_now(tx, &in_app, browser, kind, id).await? {
                let is_first = sign_ins::count_authenticators(tx, id).await? == 1;
                return Ok(if is_first { Bound::First(rotated) } else { Bound::Another(rotated) });
            }
            let hash = browser_hash(browser);
            if !sign_ins::use_session(tx, &hash, SessionKind::SettingUpApp, id).await? {
                return Err(over());
            }
            let account = active_account(tx, id).await?.ok_or_else(over)?;
            let is_first = sign_ins::authenticator(tx, id).await?.is_none();
            if !sign_ins::confirm_authenticator(tx, id, &shown.id, step, now).await? {
                return Err(over());
            }
            sign_ins::end_sessions_of_holder(tx, id).await?;
            let (action, what) = match is_first {
                true => ("authenticator app set up", Changed::AppSetUp),
                false => ("authenticator app replaced", Changed::AppReplaced),
            };
            note_change(tx, &in_app, &account, action, what).await?;
            directory::store::mark_used(tx, id, now).await?;
            let rotated = session::rotate(tx, &in_app, browser, kind, id, false).await?;
            Ok(if is_first { Bound::First(rotated) } else { Bound::Another(rotated) })
        }))
        .await
}
