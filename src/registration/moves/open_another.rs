//! Going on to another registration of the same person.

use crate::app::App;
use crate::database::transaction;
use crate::id::Reference;
use crate::outbox::outcome::{Conflict, NotDone};
use crate::registration::{Refusal, Stored, store};
use crate::settings::Secret;
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::session::{self, Rotated, SessionKind};

/// Gives the browser a session for the registration with this reference, if it is of the same person.
///
/// # Errors
/// A conflict where there is none of theirs any more.
pub async fn open_another(
    app: &App,
    permit: Permit<deed::FillIn>,
    reference: Reference,
    browser: Secret<String>,
) -> Result<(Stored, Rotated), NotDone<Refusal>> {
    let in_app = app.clone();
    app.database
        .write(transaction!(async move |tx| {
            let mine = store::list_mine(tx, permit.id()).await?;
            let Some(wanted) = mine.into_iter().find(|stored| *stored.reference() == reference) else {
                return Err(Conflict::new("This registration is not there any more.").into());
            };
            let kind = SessionKind::Registrant;
            let rotated = session::rotate(tx, &in_app, browser.reveal(), kind, wanted.id(), true).await?;
            Ok((wanted, rotated))
        }))
        .await
}
