//! Confirming the address of a registrant with the code that was sent to it.

use super::{Keeping, draft_before, draft_of, email_code};
use crate::app::App;
use crate::database::transaction;
use crate::outbox::outcome::NotDone;
use crate::registration::Refusal;
use crate::registration::answers::Answers;
use crate::registration::journey::Page;
use crate::settings::Secret;
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::codes::{self, CodeProblem};
use crate::sign_in::session::{self, Rotated, SessionKind};

/// A code that was typed.
pub struct ConfirmOrder {
    pub typed: String,
    /// The browser it was typed into, which may do more afterwards.
    pub browser: Secret<String>,
    /// Whether stored contact details are masked in that browser.
    pub masked: bool,
}

/// What became of it.
#[derive(Debug)]
pub struct Confirmed {
    pub answers: Answers,
    /// The browser's new session; none where the address had been confirmed before.
    pub rotated: Option<Rotated>,
}

/// Confirms the address and gives the browser a new session. The code must have been sent to the
/// address that stands in the draft when it is used.
///
/// # Errors
/// A refusal where the draft is one no longer, or the code is not taken.
pub async fn confirm_email(
    app: &App,
    permit: Permit<deed::FillIn>,
    order: ConfirmOrder,
) -> Result<Confirmed, NotDone<Refusal>> {
    let of_code = |problem| NotDone::Refusal(Refusal::Code(problem));
    let hash = session::browser_hash(order.browser.reveal());
    let before = draft_before(app, permit.id()).await?;
    if before.answers.email_confirmed {
        // Perhaps by another press of the same button, whose new session is this one's, too.
        let in_app = app.clone();
        return app
            .database
            .write(transaction!(async move |tx| {
                let (browser, kind) = (order.browser.reveal(), SessionKind::Registrant);
                let rotated = session::rotated_just_now(tx, &in_app, browser, kind, permit.id()).await?;
                Ok(Confirmed { answers: before.answers, rotated })
            }))
            .await;
    }
    let Some(email) = before.answers.email else {
        return Err(NotDone::Refusal(Refusal::Unanswered(Page::Email)));
    };
    let code = email_code(&app.key, permit.id(), &email, &hash);
    let right = match codes::check(app, &code, &order.typed).await? {
        Ok(right) => Some(right),
        Err(CodeProblem::JustUsed) => None,
        Err(problem) => return Err(of_code(problem)),
    };
    let (keeping, in_app) = (Keeping::of(app), app.clone());
    app.database
        .write(transaction!(async move |tx| {
            let mut draft = draft_of(tx, permit.id()).await?;
            let (browser, kind) = (order.browser.reveal(), SessionKind::Registrant);
            if draft.answers.email_confirmed {
                let rotated = session::rotated_just_now(tx, &in_app, browser, kind, &draft.id).await?;
                return Ok(Confirmed { answers: draft.answers, rotated });
            }
            let stale = || NotDone::Refusal(Refusal::Code(CodeProblem::Stale));
            let Some(email) = &draft.answers.email else { return Err(stale()) };
            let code = email_code(&in_app.key, &draft.id, email, &hash);
            match &right {
                Some(right) if codes::redeem(tx, right, &code, keeping.now).await? => {}
                _ => return Err(stale()),
            }
            draft.answers.email_confirmed = true;
            keeping.save(tx, &draft).await?;
            let rotated = session::rotate(tx, &in_app, browser, kind, &draft.id, order.masked).await?;
            Ok(Confirmed { answers: draft.answers, rotated: Some(rotated) })
        }))
        .await
}
