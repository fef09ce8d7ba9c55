//! A case worker asks the registrant something.

use super::{Refusal, case_of, moved_on, refused, save};
use crate::app::App;
use crate::audit;
use crate::database::transaction;
use crate::letter::Letterhead;
use crate::outbox::outcome::NotDone;
use crate::registration::{ASKED, RegistrationState, letters};
use crate::service_desk;
use crate::service_desk::note::{NewNote, NoteAuthor};
use crate::sign_in::authority::{Permit, Who, deed};

/// A question about the case as it was seen.
#[derive(Clone, Debug)]
pub struct QuestionOrder {
    /// Version of the case as it was seen.
    pub seen: i64,
    pub question: String,
}

/// Asks: by email, and on the status page, where it is answered. Asking the same again is done already.
///
/// # Errors
/// A refusal while another question waits for its answer; a conflict where somebody else was faster.
pub async fn ask_for_more(
    app: &App,
    permit: Permit<deed::Decide>,
    order: QuestionOrder,
) -> Result<(), NotDone<Refusal>> {
    let now = app.clock.now();
    let from = Letterhead::of(&app.settings);
    app.database
        .write(transaction!(async move |tx| {
            let case = case_of(tx, permit.id()).await?;
            let QuestionOrder { seen, question } = order;
            let (id, by) = (case.id.clone(), permit.actor());
            if case.version != seen {
                let asked = RegistrationState::MoreInformationAsked { question };
                let is_repeat =
                    case.state == asked && audit::store::is_repeat(tx, &id, &by, ASKED, "", "").await?;
                return if is_repeat { Ok(()) } else { Err(moved_on(&case)) };
            }
            let change = case.ask_for_more(by, &question).map_err(refused)?;
            if let Who::CaseWorker { id: worker } = permit.who() {
                // The state forgets the question when it is answered; the note keeps it beside the answer.
                let author = NoteAuthor::CaseWorker(worker.clone());
                let note = NewNote::with_a_change(&id, author, format!("Asked the registrant: {question}"));
                service_desk::store::add_note(tx, now, &note).await?;
            }
            let letter = letters::more_information(&from, now, &change.state, &question);
            save(tx, now, &change.telling(letter)).await
        }))
        .await
}
