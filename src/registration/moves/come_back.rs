//! Coming back to a registration with a code.

use super::ask_to_return::return_code;
use crate::app::App;
use crate::contact::Email;
use crate::database::transaction;
use crate::outbox::outcome::NotDone;
use crate::registration::{DraftState, Refusal, Stored, store};
use crate::sign_in::codes::{self, CodeProblem};
use crate::sign_in::session::{SessionKind, SessionRotation};

/// A code that was typed.
#[derive(Clone)]
pub struct ComeBackOrder {
    pub email: Email,
    pub typed: String,
    /// The browser it was typed into, which may do more afterwards.
    pub session: SessionRotation,
    pub network: String,
}

/// Opens the newest draft of the address, or else its newest registration, with contact details masked;
/// answers every registration of the address, the one that was opened first. None, and no session, where
/// there is nothing to come back to.
///
/// # Errors
/// A refusal where the code is not taken.
pub async fn come_back(app: &App, order: ComeBackOrder) -> Result<Vec<Stored>, NotDone<Refusal>> {
    let of_code = |problem| NotDone::Refusal(Refusal::Code(problem));
    let code = return_code(&app.key, &order.email, order.session.old(), &order.network);
    let right = codes::check(app, &code, &order.typed).await?.map_err(of_code)?;
    let (in_app, now) = (app.clone(), app.clock.now());
    app.database
        .write(transaction!(async move |tx| {
            if !codes::redeem(tx, &right, &code, now).await? {
                return Err(of_code(CodeProblem::Stale));
            }
            let mut mine = store::list_of_email(tx, order.email.as_str()).await?;
            let is_draft = |stored: &Stored| match stored {
                Stored::Draft(draft) => draft.state == DraftState::Draft,
                Stored::Sent(_) | Stored::Forgotten(_) => false,
            };
            mine.sort_by_key(|stored| !is_draft(stored));
            if let Some(first) = mine.first() {
                order.session.begin(tx, &in_app, SessionKind::Registrant, first.id(), true).await?;
            }
            Ok(mine)
        }))
        .await
}
