//! Takes in the message of somebody whose journey ends at a way out, and ends their draft with it.

use crate::app::App;
use crate::database::{Error, transaction};
use crate::id::Reference;
use crate::outbox::outcome::NotDone;
use crate::registration::reasons::Reason;
use crate::registration::store::{self, Saved};
use crate::service_desk::moves::{Receive, receive_within};
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::limits::UsedUp;

/// What is sent at a way out.
#[derive(Clone, Debug)]
pub struct AskAtExit {
    pub message: Receive,
    /// Why no registration comes of the draft.
    pub reason: Reason,
}

/// Takes in the message and ends the draft, where it is one still.
///
/// # Errors
/// The refusal is a budget that is used up; then nothing was taken in and the draft is as it was.
pub async fn ask_at_exit(
    app: &App,
    permit: Permit<deed::FillIn>,
    order: AskAtExit,
) -> Result<Reference, NotDone<UsedUp>> {
    let (in_app, now) = (app.clone(), app.clock.now());
    let id = permit.id().to_owned();
    let received = app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            let received = receive_within(tx, now, &in_app.settings, order.message).await?;
            if received.is_ok()
                && let Some(case) = store::find(tx, &id).await?
                && let Ok(left) = case.leave(order.reason)
            {
                // Where the draft was changed at the same moment it stays a draft, and runs out by itself.
                let _: Saved = store::save(tx, now, &left).await?;
            }
            Ok(received)
        }))
        .await?;
    received.map_err(NotDone::Refusal)
}
