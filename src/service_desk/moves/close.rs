//! Closes an enquiry, with or without an answer.

use super::{case_worker, overtaken};
use crate::app::App;
use crate::database::transaction;
use crate::letter::Letterhead;
use crate::outbox::outcome::{Conflict, NotDone};
use crate::service_desk::note::{NewNote, NoteAuthor};
use crate::service_desk::{Closing, letters, store};
use crate::sign_in::authority::{Permit, deed};
use std::convert::Infallible;

/// An enquiry as somebody saw it who closes it.
#[derive(Clone, Debug)]
pub struct Close {
    pub version: i64,
    pub how: Closing,
}

/// Closes an enquiry as it was seen, with its letter and note. Closing it again in the same way and
/// words is the same closing, and sends nothing more.
///
/// # Errors
/// A conflict where somebody else changed or closed it meanwhile; nothing was sent.
pub async fn close(
    app: &App,
    permit: Permit<deed::WorkOnEnquiry>,
    order: Close,
) -> Result<(), NotDone<Infallible>> {
    let by = case_worker(&permit)?;
    let now = app.clock.now();
    let (id, actor, from) = (permit.id().to_owned(), permit.actor(), Letterhead::of(&app.settings));
    app.database
        .write(transaction!(async move |tx| {
            let Some(seen) = store::find_to_change(tx, &id).await? else { return Err(overtaken().into()) };
            let once = order.how.once(&actor, &id);
            if !seen.is_open() {
                if store::is_closed_by(tx, &id, &once).await? {
                    return Ok(());
                }
                return Err(Conflict::new("It is closed already. Nothing was sent this time.").into());
            }
            if seen.version != order.version {
                return Err(overtaken().into());
            }
            let Some(mut change) = seen.close(actor, &order.how) else { return Err(overtaken().into()) };
            if let Closing::Email(answer) = &order.how {
                let letter = letters::answered(&from, now, &change.state, answer);
                change = change.telling(letter);
            }
            store::save(tx, now, &change, Some(&once)).await?;
            if let Some(text) = order.how.note() {
                let note = NewNote::with_a_change(&id, NoteAuthor::CaseWorker(by), text);
                store::add_note(tx, now, &note).await?;
            }
            Ok(())
        }))
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service_desk::moves::for_tests::Desk;

    fn with_answer(words: &str) -> Close {
        Close { version: 1, how: Closing::Email(words.to_owned()) }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn closing_many_times_at_once_sends_one_answer() {
        for desk in Desk::both().await {
            let many = (0..6).map(|_| close(&desk.app, desk.permit("casey"), with_answer("We are sorry.")));
            for outcome in futures_util::future::join_all(many).await {
                outcome.expect("closed");
            }
            assert_eq!(desk.count("enquiry answered", "enquiry closed").await, (1, 1));
            let notes = store::list_notes(&desk.app.database, &desk.enquiry).await.expect("read");
            assert_eq!(notes.len(), 1);
            assert_eq!(notes[0].case_worker.as_deref(), Some("Casey Worker"));
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn closing_with_other_words_or_by_somebody_else_says_that_nothing_was_sent() {
        for desk in Desk::both().await {
            let close = |by: &str, order: Close| close(&desk.app, desk.permit(by), order);
            let stale = Close { version: 7, ..with_answer("Hello.") };
            assert!(matches!(close("casey", stale).await, Err(NotDone::Conflict(_))));
            close("casey", with_answer("We are sorry.")).await.expect("closed");
            for (by, words) in [("casey", "We are very sorry."), ("sam", "We are sorry.")] {
                let Err(NotDone::Conflict(conflict)) = close(by, with_answer(words)).await else {
                    panic!("{by} closed it again");
                };
                assert_eq!(conflict.words, "It is closed already. Nothing was sent this time.");
            }
            assert_eq!(desk.count("enquiry answered", "enquiry closed").await, (1, 1));
        }
    }
}
