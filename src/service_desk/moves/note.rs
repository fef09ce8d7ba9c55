//! Writes a note beside an enquiry or a registration.

use super::case_worker;
use crate::app::App;
use crate::audit;
use crate::database::{Error, transaction};
use crate::service_desk::note::NewNote;
use crate::service_desk::store;
use crate::sign_in::authority::{IsDeed, Permit, deed};

/// A deed that lets somebody write notes on what it is done to.
pub trait TakesNotes: IsDeed {}
impl TakesNotes for deed::WorkOnEnquiry {}
impl TakesNotes for deed::WorkOnCase {}

/// What somebody typed.
#[derive(Clone, Debug)]
pub struct WriteNote {
    pub text: String,
    /// The token of the form it was typed into.
    pub form: String,
}

/// Writes a note with its entry, once for each form and text.
///
/// # Errors
/// A fault; nothing else is in the way of a note.
pub async fn note<D: TakesNotes>(app: &App, permit: Permit<D>, order: WriteNote) -> Result<(), Error> {
    let by = case_worker(&permit)?;
    let note = NewNote::typed(permit.id(), &by, &order.text, &order.form);
    let (actor, now) = (permit.actor(), app.clock.now());
    app.database
        .write(transaction!(async move |tx| {
            if store::add_note(tx, now, &note).await? {
                audit::store::add(tx, now, &note.entry(actor)).await?;
            }
            Ok(())
        }))
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service_desk::moves::for_tests::Desk;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn notes_are_written_once_however_often_their_form_is_sent() {
        for desk in Desk::both().await {
            let write = |by: &str, text: &str, form: &str| {
                let order = WriteNote { text: text.to_owned(), form: form.to_owned() };
                note(&desk.app, desk.permit::<deed::WorkOnEnquiry>(by), order)
            };
            let many = (0..6).map(|_| write("casey", "They called.", "form"));
            for outcome in futures_util::future::join_all(many).await {
                outcome.expect("written");
            }
            write("casey", "They called again.", "form").await.expect("other words are another note");
            write("casey", "They called.", "another form").await.expect("another form is another note");
            write("sam", "They called.", "form").await.expect("somebody else's is another note");
            let notes = store::list_notes(&desk.app.database, &desk.enquiry).await.expect("read");
            assert_eq!(notes.len(), 4, "{notes:?}");
            assert_eq!(desk.count("", "note added").await, (0, 4));
        }
    }
}
