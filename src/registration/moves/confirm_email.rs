//! Confirming the address of a registrant with the code that was sent to it.

use super::{Keeping, draft_before, draft_of, email_code};
use crate::app::App;
use crate::database::transaction;
use crate::outbox::outcome::NotDone;
use crate::registration::Refusal;
use crate::registration::answers::Answers;
use crate::registration::journey::Page;
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::codes::{self, CodeProblem};
use crate::sign_in::session::{SessionKind, SessionRotation};

/// A code that was typed.
#[derive(Clone)]
pub struct ConfirmOrder {
    pub typed: String,
    /// The browser it was typed into, which may do more afterwards.
    pub session: SessionRotation,
    /// Whether stored contact details are masked in that browser.
    pub masked: bool,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmed {
    pub answers: Answers,
    /// Whether the browser has a new session; not where the address had been confirmed before.
    pub rotated: bool,
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
    let browser = order.session.old().to_owned();
    let before = draft_before(app, permit.id()).await?;
    if before.answers.email_confirmed {
        return Ok(Confirmed { answers: before.answers, rotated: false });
    }
    let Some(email) = before.answers.email else {
        return Err(NotDone::Refusal(Refusal::Unanswered(Page::Email)));
    };
    let code = email_code(&app.key, permit.id(), &email, &browser);
    let right = codes::check(app, &code, &order.typed).await?.map_err(of_code)?;
    let (keeping, in_app) = (Keeping::of(app), app.clone());
    app.database
        .write(transaction!(async move |tx| {
            let mut draft = draft_of(tx, permit.id()).await?;
            if draft.answers.email_confirmed {
                return Ok(Confirmed { answers: draft.answers, rotated: false });
            }
            let stale = || NotDone::Refusal(Refusal::Code(CodeProblem::Stale));
            let Some(email) = &draft.answers.email else { return Err(stale()) };
            let code = email_code(&in_app.key, &draft.id, email, &browser);
            if !codes::redeem(tx, &right, &code, keeping.now).await? {
                return Err(stale());
            }
            draft.answers.email_confirmed = true;
            keeping.save(tx, &draft).await?;
            order.session.begin(tx, &in_app, SessionKind::Registrant, &draft.id, order.masked).await?;
            Ok(Confirmed { answers: draft.answers, rotated: true })
        }))
        .await
}
