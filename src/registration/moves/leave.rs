//! Leaving by an exit that takes a message.

use super::{draft_of, saved};
use crate::app::App;
use crate::database::transaction;
use crate::id::Reference;
use crate::outbox::outcome::NotDone;
use crate::registration::reasons::Reason;
use crate::registration::{Refusal, journey, store};
use crate::service_desk::NewEnquiry;
use crate::service_desk::moves::{Receive, receive_within};
use crate::sign_in::authority::{Permit, deed};

/// A message, and why the way is not for this organisation.
#[derive(Clone, Debug)]
pub struct LeaveOrder {
    pub reason: Reason,
    pub message: NewEnquiry,
    pub network: String,
}

/// Takes the message in and ends the draft. The same message sent twice is one, with one reference.
///
/// # Errors
/// A refusal where too many messages were sent; then the draft goes on.
pub async fn leave(
    app: &App,
    permit: Permit<deed::FillIn>,
    order: LeaveOrder,
) -> Result<Reference, NotDone<Refusal>> {
    let (in_app, now) = (app.clone(), app.clock.now());
    app.database
        .write::<_, NotDone<Refusal>, _>(transaction!(async move |tx| {
            let LeaveOrder { reason, message, network } = order;
            let message = Receive { once: message.once(permit.id()), asked: message, network };
            let left = match draft_of(tx, permit.id()).await {
                Ok(draft) => {
                    let page = journey::next(&draft.answers);
                    if !page.is_exit() {
                        return Err(NotDone::Refusal(Refusal::NotAskedYet(page)));
                    }
                    Some(draft.leave(permit.actor(), reason).map_err(NotDone::Refusal)?)
                }
                // A message that is sent again from a way out is confirmed again.
                Err(NotDone::Refusal(Refusal::DraftIsOver)) => None,
                Err(other) => return Err(other),
            };
            let reference = match receive_within(tx, now, &in_app.settings, message).await? {
                Ok(reference) => reference,
                Err(used_up) => return Ok(Err(NotDone::Refusal(Refusal::TooOften(used_up)))),
            };
            if let Some(change) = left {
                saved(store::save_ended(tx, now, &change).await?)?;
            }
            Ok(Ok(reference))
        }))
        .await?
}
