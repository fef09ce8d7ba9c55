//! Coming back to a registration with a code.

use super::ask_to_return::return_code;
use crate::app::App;
use crate::contact::Email;
use crate::database::transaction;
use crate::outbox::outcome::NotDone;
use crate::registration::{DraftState, Refusal, Stored, store};
use crate::settings::Secret;
use crate::sign_in::codes::{self, CodeProblem};
use crate::sign_in::session::{self, Rotated, SessionKind};

/// A code that was typed.
pub struct ComeBackOrder {
    pub email: Email,
    pub typed: String,
    /// The browser it was typed into, which may do more afterwards.
    pub browser: Secret<String>,
    pub network: String,
}

/// What somebody came back to.
#[derive(Debug)]
pub struct CameBack {
    /// Every registration of the address, the one that was opened first.
    pub mine: Vec<Stored>,
    /// The browser's new session; none where there is nothing to come back to.
    pub rotated: Option<Rotated>,
}

/// Opens the newest draft of the address, or else its newest registration, with contact details masked.
/// Pressed twice, both presses are answered alike.
///
/// # Errors
/// A refusal where the code is not taken.
pub async fn come_back(app: &App, order: ComeBackOrder) -> Result<CameBack, NotDone<Refusal>> {
    let of_code = |problem| NotDone::Refusal(Refusal::Code(problem));
    let code =
        return_code(&app.key, &order.email, &session::browser_hash(order.browser.reveal()), &order.network);
    let right = match codes::check(app, &code, &order.typed).await? {
        Ok(right) => Some(right),
        Err(CodeProblem::JustUsed) => None,
        Err(problem) => return Err(of_code(problem)),
    };
    let (in_app, now) = (app.clone(), app.clock.now());
    app.database
        .write(transaction!(async move |tx| {
            let stale = || of_code(CodeProblem::Stale);
            let is_used = match &right {
                Some(right) => codes::redeem(tx, right, &code, now).await?,
                None => false,
            };
            let mut mine = store::list_of_email(tx, order.email.as_str()).await?;
            let is_draft = |stored: &Stored| match stored {
                Stored::Draft(draft) => draft.state == DraftState::Draft,
                Stored::Sent(_) | Stored::Forgotten(_) => false,
            };
            mine.sort_by_key(|stored| !is_draft(stored));
            let (browser, kind) = (order.browser.reveal(), SessionKind::Registrant);
            let first = mine.first().map(|first| first.id().to_owned());
            let rotated = match first {
                Some(first) if is_used => {
                    Some(session::rotate(tx, &in_app, browser, kind, &first, true).await?)
                }
                Some(first) => {
                    let rotated = session::rotated_just_now(tx, &in_app, browser, kind, &first).await?;
                    Some(rotated.ok_or_else(stale)?)
                }
                None if is_used => None,
                None => return Err(stale()),
            };
            Ok(CameBack { mine, rotated })
        }))
        .await
}
