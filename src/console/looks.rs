//! Looking at a case is an entry of the audit trail (`docs/decisions/0010-looking-is-an-entry.md`).

use crate::app::App;
use crate::audit::{self, Actor, Entry};
use crate::clock::Span;
use crate::database::{Error, transaction};
use crate::sign_in::CaseWorker;

/// Looking at a case again within this time is the same look.
pub const LOOKED_FOR: Span = Span::hours(1);
/// What the entry of a look says.
pub const OPENED: &str = "case opened";

/// Notes that a case worker looks at a case, once an hour; before anything of it is shown.
///
/// # Errors
/// A fault.
pub async fn note_opened(app: &App, by: &CaseWorker, case: &str) -> Result<(), Error> {
    note_look(app, by, case, OPENED).await
}

/// Notes a look at a subject under the action that stands for it, once an hour.
///
/// # Errors
/// A fault.
pub async fn note_look(app: &App, by: &CaseWorker, subject: &str, action: &'static str) -> Result<(), Error> {
    let now = app.clock.now();
    let since = now.minus(LOOKED_FOR);
    let actor = Actor::CaseWorker(by.id.clone());
    // A read costs next to nothing and is the usual case; only the first look waits for the writer.
    if audit::store::happened_since(&app.database, subject, &actor, action, since).await? {
        return Ok(());
    }
    let subject = subject.to_owned();
    app.database
        .write(transaction!(async move |tx| {
            if !audit::store::happened_since(tx, &subject, &actor, action, since).await? {
                audit::store::add(tx, now, &Entry::new(actor, action, &subject)).await?;
            }
            Ok(())
        }))
        .await
}
