//! Opening the status of a registration with a code.

use super::ask_for_status_code::{registrant_email, status_code};
use crate::app::App;
use crate::database::transaction;
use crate::id::Reference;
use crate::outbox::outcome::NotDone;
use crate::registration::{Refusal, store};
use crate::sign_in::codes::{self, CodeProblem};
use crate::sign_in::session::{SessionKind, SessionRotation};

/// A code that was typed.
#[derive(Clone)]
pub struct OpenStatusOrder {
    pub reference: Reference,
    pub typed: String,
    /// The browser it was typed into, which may do more afterwards.
    pub session: SessionRotation,
    pub network: String,
}

/// Gives the browser a session in which the status can be read, the registration be withdrawn, and a
/// question of ours be answered.
///
/// # Errors
/// A refusal where the code is not taken.
pub async fn open_status(app: &App, order: OpenStatusOrder) -> Result<(), NotDone<Refusal>> {
    let of_code = |problem| NotDone::Refusal(Refusal::Code(problem));
    let stored = store::find_by_reference(&app.database, &order.reference).await?;
    let email = registrant_email(stored.as_ref());
    let code = status_code(&app.key, &order.reference, email, order.session.old(), &order.network);
    let right = codes::check(app, &code, &order.typed).await?.map_err(of_code)?;
    let (in_app, now) = (app.clone(), app.clock.now());
    app.database
        .write(transaction!(async move |tx| {
            let used = codes::redeem(tx, &right, &code, now).await?;
            let stored = store::find_by_reference(tx, &order.reference).await?;
            match stored.filter(|_| used) {
                Some(stored) => {
                    order.session.begin(tx, &in_app, SessionKind::StatusReader, stored.id(), true).await?;
                    Ok(())
                }
                None => Err(of_code(CodeProblem::Stale)),
            }
        }))
        .await
}
