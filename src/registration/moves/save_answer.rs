//! Answering a question of a draft.

use super::{Keeping, draft_of};
use crate::app::App;
use crate::database::transaction;
use crate::outbox::outcome::NotDone;
use crate::registration::Refusal;
use crate::registration::answer::OneAnswer;
use crate::registration::answers::{Answers, PeopleBounds};
use crate::sign_in::authority::{Permit, deed};

/// Why an address of ours is no person's own: the link that opens a mailbox must not go into it.
fn own_domain(domain: &str) -> String {
    format!(
        "Enter an address that they read already. We send the link to it that opens their mailbox, so it cannot end in @{domain}"
    )
}

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
    if let OneAnswer::Person { person, .. } = &answer
        && person.email.is_at(&app.settings.mail_domain)
    {
        let words = own_domain(&app.settings.mail_domain);
        return Err(NotDone::Refusal(Refusal::Answer { field: "email", words }));
    }
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
