//! Ending drafts that nobody continued.

use super::{draft_of, saved};
use crate::app::App;
use crate::database::{Error, transaction};
use crate::outbox::outcome::NotDone;
use crate::registration::{Refusal, store};
use crate::sign_in::authority::{Permit, Subject, Who, deed, permit};
use crate::sign_in::session::SessionKind;

/// Ends the drafts whose time is over, a limited number in one visit; answers how many.
///
/// # Errors
/// What the database answered.
pub async fn expire_overdue(app: &App) -> Result<usize, Error> {
    let mut ended = 0;
    for id in store::list_overdue_drafts(&app.database, app.clock.now()).await? {
        let Ok(permit) = permit(&Who::Service, Subject::Registration { id }) else { continue };
        match expire(app, permit).await {
            Ok(()) => ended += 1,
            // It was sent or continued a moment ago.
            Err(NotDone::Refusal(_) | NotDone::Conflict(_)) => {}
            Err(NotDone::Fault(error)) => return Err(error),
        }
    }
    Ok(ended)
}

/// Ends one draft: what was typed and never sent is forgotten with it, and so are its sessions.
async fn expire(app: &App, permit: Permit<deed::MoveOn>) -> Result<(), NotDone<Refusal>> {
    let now = app.clock.now();
    app.database
        .write(transaction!(async move |tx| {
            let draft = draft_of(tx, permit.id()).await?;
            if draft.expires_at >= now {
                return Err(NotDone::Refusal(Refusal::NotReady));
            }
            let change = draft.expire(permit.actor()).map_err(NotDone::Refusal)?;
            saved(store::save_ended(tx, now, &change).await?)?;
            store::forget_answers(tx, permit.id()).await?;
            let kind = SessionKind::Registrant;
            crate::sign_in::store::end_sessions_of(tx, kind, permit.id()).await?;
            Ok(())
        }))
        .await
}
