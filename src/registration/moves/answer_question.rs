//! Answering what a case worker asked.

use super::{save_moved, sent_of};
use crate::app::App;
use crate::database::transaction;
use crate::outbox::outcome::{Conflict, NotDone};
use crate::registration::{Refusal, store};
use crate::service_desk;
use crate::service_desk::note::{NewNote, NoteAuthor};
use crate::sign_in::authority::{Permit, deed};

/// An answer to the question that was seen.
#[derive(Clone, Debug)]
pub struct AnswerOrder {
    /// Version of the registration as it was seen, and with it the question.
    pub seen: i64,
    pub text: String,
}

/// Writes the answer as a note on the case and hands it back to the case worker. The same answer sent
/// twice is one.
///
/// # Errors
/// A conflict where the question is not the one that was seen, or waits for no answer any more: the
/// answer was not sent, and the person still has it.
pub async fn answer_question(
    app: &App,
    permit: Permit<deed::AnswerQuestion>,
    order: AnswerOrder,
) -> Result<(), NotDone<Refusal>> {
    let now = app.clock.now();
    app.database
        .write(transaction!(async move |tx| {
            let case = sent_of(tx, permit.id()).await?;
            if case.version != order.seen {
                if store::last_answer(tx, &case.id).await?.is_some_and(|answer| answer == order.text) {
                    return Ok(());
                }
                return Err(Conflict::new(format!(
                    "This registration changed while you were writing, so your answer was not sent. It is now “{}”.",
                    case.state.in_words()
                ))
                .into());
            }
            let change = case.answer_more(permit.actor()).map_err(NotDone::Refusal)?;
            let note = NewNote::with_a_change(permit.id(), NoteAuthor::Registrant, order.text);
            service_desk::store::add_note(tx, now, &note).await?;
            save_moved(tx, now, &change).await
        }))
        .await
}
