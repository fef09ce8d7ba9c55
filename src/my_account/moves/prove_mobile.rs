//! The second step of signing in for somebody who has no authenticator app yet: a code by text message.

use super::{active_account, code_for};
use crate::app::App;
use crate::database::transaction;
use crate::directory;
use crate::outbox::outcome::NotDone;
use crate::sign_in::codes::{self, CodeProblem};
use crate::sign_in::moves::{CodeOrder, SignInRefusal};
use crate::sign_in::permits::HolderHalfSignedIn;
use crate::sign_in::secrets::Purpose;
use crate::sign_in::session::{self, Rotated, SessionKind, browser_hash};
use crate::sign_in::store as sign_ins;

/// This browser may set up an app. Not where one is in force, which must show its own code.
///
/// # Errors
/// A refusal where the code is not right or does not work any more, or the step is over.
pub async fn prove_mobile(
    app: &App,
    half: HolderHalfSignedIn,
    order: CodeOrder,
) -> Result<Rotated, NotDone<SignInRefusal>> {
    let (now, id) = (app.clock.now(), half.account);
    let hash = browser_hash(order.browser.reveal());
    let over = || NotDone::Refusal(SignInRefusal::Over);
    let account = active_account(&app.database, &id).await?.ok_or_else(over)?;
    let code = code_for(&app.key, Purpose::SignInCode, &account, &hash);
    let right = match codes::check(app, &code, &order.typed).await? {
        Ok(right) => Some(right),
        Err(CodeProblem::JustUsed) => None,
        Err(problem) => return Err(NotDone::Refusal(SignInRefusal::Code(problem))),
    };
    let in_app = app.clone();
    app.database
        .write(transaction!(async move |tx| {
            let (browser, kind) = (order.browser.reveal(), SessionKind::SettingUpApp);
            let over = || NotDone::Refusal(SignInRefusal::Over);
            let stale = || NotDone::Refusal(SignInRefusal::Code(CodeProblem::Stale));
            directory::store::lock_account(tx, &id).await?;
            let account = active_account(tx, &id).await?.ok_or_else(over)?;
            let code = code_for(&in_app.key, Purpose::SignInCode, &account, &hash);
            let is_used = match &right {
                Some(right) => codes::redeem(tx, right, &code, now).await?,
                None => false,
            };
            if !is_used {
                let rotated = session::rotated_just_now(tx, &in_app, browser, kind, &id).await?;
                return rotated.ok_or_else(stale);
            }
            if sign_ins::authenticator(tx, &id).await?.is_some()
                || !sign_ins::use_session(tx, &hash, SessionKind::HolderHalfSignedIn, &id).await?
            {
                return Err(over());
            }
            sign_ins::add_authenticator(tx, &id, now).await?;
            Ok(session::rotate(tx, &in_app, browser, kind, &id, false).await?)
        }))
        .await
}
