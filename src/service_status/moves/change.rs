//! Changes what an announcement says.

use super::show_at_once;
use crate::app::App;
use crate::database::transaction;
use crate::outbox::outcome::{Conflict, NotDone};
use crate::service_status::{AnnouncementText, store};
use crate::sign_in::authority::{Permit, deed};
use std::convert::Infallible;

/// An announcement as somebody saw it, and what it is to say.
#[derive(Clone, Debug)]
pub struct ChangeAnnouncement {
    pub id: String,
    pub version: i64,
    pub text: AnnouncementText,
    /// Whether it starts now, whenever that is, and not at a set moment.
    pub starts_now: bool,
}

/// Changes an announcement as it was seen. Where it says so already, it is done.
///
/// # Errors
/// A conflict where somebody else changed it meanwhile.
pub async fn change(
    app: &App,
    permit: Permit<deed::TellStatus>,
    order: ChangeAnnouncement,
) -> Result<(), NotDone<Infallible>> {
    let (actor, now) = (permit.actor(), app.clock.now());
    app.database
        .write::<_, NotDone<Infallible>, _>(transaction!(async move |tx| {
            let seen = store::find_announcement_to_change(tx, &order.id).await?;
            let Some(seen) = seen else { return Err(Conflict::of_version().into()) };
            if seen.version == order.version {
                let change = seen.change(order.text, actor, now);
                return Ok(store::save_announcement(tx, now, &change).await?);
            }
            let starts_at = if order.starts_now { seen.told.starts_at } else { order.text.starts_at };
            if seen.told == (AnnouncementText { starts_at, ..order.text }) {
                return Ok(());
            }
            Err(Conflict::of_version().into())
        }))
        .await?;
    show_at_once(app).await;
    Ok(())
}
