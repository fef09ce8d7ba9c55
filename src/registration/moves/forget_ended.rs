//! Forgetting what was said in registrations that ended long ago without the site joining.

use crate::app::App;
use crate::audit::{self, Entry};
use crate::clock::Span;
use crate::database::{Error, transaction};
use crate::registration::store;
use crate::sign_in::authority::{Permit, Subject, Who, deed, permit};

/// Forgets registrations whose time is over, a limited number in one visit; answers how many.
///
/// # Errors
/// What the database answered.
pub async fn forget_ended(app: &App) -> Result<usize, Error> {
    let kept = Span::days(i64::from(app.settings.ended_case_days));
    let mut count = 0;
    for id in store::list_to_forget(&app.database, app.clock.now().minus(kept)).await? {
        let Ok(permit) = permit(&Who::Service, Subject::Registration { id }) else { continue };
        count += usize::from(forget(app, permit).await?);
    }
    Ok(count)
}

async fn forget(app: &App, permit: Permit<deed::MoveOn>) -> Result<bool, Error> {
    let now = app.clock.now();
    app.database
        .write(transaction!(async move |tx| {
            store::lock(tx, permit.id()).await?;
            let forgotten = store::forget(tx, now, permit.id()).await?;
            if forgotten {
                let entry = Entry::new(permit.actor(), "registration forgotten", permit.id());
                audit::store::add(tx, now, &entry).await?;
            }
            Ok(forgotten)
        }))
        .await
}
