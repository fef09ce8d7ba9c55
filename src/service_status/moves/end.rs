//! Ends an announcement before its time.

use super::show_at_once;
use crate::app::App;
use crate::database::transaction;
use crate::outbox::outcome::{Conflict, NotDone};
use crate::service_status::{Phase, store};
use crate::sign_in::authority::{Permit, deed};
use std::convert::Infallible;

/// An announcement as somebody saw it who ends it.
#[derive(Clone, Debug)]
pub struct EndAnnouncement {
    pub id: String,
    pub version: i64,
}

/// Ends an announcement as it was seen, now. Where it is over already, it is done.
///
/// # Errors
/// A conflict where somebody else changed it meanwhile and it is not over.
pub async fn end(
    app: &App,
    permit: Permit<deed::TellStatus>,
    order: EndAnnouncement,
) -> Result<(), NotDone<Infallible>> {
    let (actor, now) = (permit.actor(), app.clock.now());
    app.database
        .write::<_, NotDone<Infallible>, _>(transaction!(async move |tx| {
            let seen = store::find_announcement_to_change(tx, &order.id).await?;
            let Some(seen) = seen else { return Err(Conflict::of_version().into()) };
            if seen.phase(now) == Phase::Over {
                return Ok(());
            }
            if seen.version != order.version {
                return Err(Conflict::of_version().into());
            }
            match seen.end(actor, now) {
                Some(change) => Ok(store::save_announcement(tx, now, &change).await?),
                None => Ok(()),
            }
        }))
        .await?;
    show_at_once(app).await;
    Ok(())
}
