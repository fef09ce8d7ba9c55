//! Opening the status of a registration with a code.

use super::ask_for_status_code::{registrant_email, status_code};
use crate::app::App;
use crate::database::transaction;
use crate::id::Reference;
use crate::outbox::outcome::NotDone;
use crate::registration::{Refusal, store};
use crate::settings::Secret;
use crate::sign_in::codes::{self, CodeProblem};
use crate::sign_in::session::{self, Rotated, SessionKind};

/// A code that was typed.
pub struct OpenStatusOrder {
    pub reference: Reference,
    pub typed: String,
    /// The browser it was typed into, which may do more afterwards.
    pub browser: Secret<String>,
    pub network: String,
}

/// Gives the browser a session in which the status can be read, the registration be withdrawn, and a
/// question of ours be answered.
///
/// # Errors
/// A refusal where the code is not taken.
pub async fn open_status(app: &App, order: OpenStatusOrder) -> Result<Rotated, NotDone<Refusal>> {
    let of_code = |problem| NotDone::Refusal(Refusal::Code(problem));
    let stored = store::find_by_reference(&app.database, &order.reference).await?;
    let email = registrant_email(stored.as_ref());
    let code = status_code(
        &app.key,
        &order.reference,
        email,
        &session::browser_hash(order.browser.reveal()),
        &order.network,
    );
    let right = match codes::check(app, &code, &order.typed).await? {
        Ok(right) => Some(right),
        Err(CodeProblem::JustUsed) => None,
        Err(problem) => return Err(of_code(problem)),
    };
    let (in_app, now) = (app.clone(), app.clock.now());
    app.database
        .write(transaction!(async move |tx| {
            let (browser, kind) = (order.browser.reveal(), SessionKind::StatusReader);
            let stale = || of_code(CodeProblem::Stale);
            let stored = store::find_by_reference(tx, &order.reference).await?.ok_or_else(stale)?;
            let is_used = match &right {
                Some(right) => codes::redeem(tx, right, &code, now).await?,
                None => false,
            };
            if !is_used {
                let rotated = session::rotated_just_now(tx, &in_app, browser, kind, stored.id()).await?;
                return rotated.ok_or_else(stale);
            }
            Ok(session::rotate(tx, &in_app, browser, kind, stored.id(), true).await?)
        }))
        .await
}
