//! Answering a question of a draft.

use super::{Keeping, draft_of};
use crate::app::App;
use crate::database::transaction;
use crate::outbox::outcome::NotDone;
use crate::registration::Refusal;
use crate::registration::answer::OneAnswer;
use crate::registration::answers::{Answers, PeopleBounds};
use crate::sign_in::authority::{Permit, deed};

/// Lays an answer over the newest ones and saves them; answers the answers as they are then. Two windows
/// on one draft lose nothing.
///
/// # Errors
/// A refusal where the draft is one no longer, the question has not been asked yet, or the answer cannot
/// stand beside the others.
pub async fn save_answer(
    app: &App,
    permit: Permit<deed::FillIn>,
    answer: OneAnswer,
) -> Result<Answers, NotDone<Refusal>> {
    let keeping = Keeping::of(app);
    let bounds = PeopleBounds::of(&app.settings);
    app.database
        .write(transaction!(async move |tx| {
            let mut draft = draft_of(tx, permit.id()).await?;
            let before = draft.answers.clone();
            draft.answers.lay(answer, bounds).map_err(NotDone::Refusal)?;
            if draft.answers != before {
                keeping.save(tx, &draft).await?;
            }
            Ok(draft.answers)
        }))
        .await
}
