//! The letter that gives auditors the newest checkpoint of the audit trail once a day.

use crate::app::App;
use crate::audit::store::log;
use crate::clock::Timestamp;
use crate::database::{Error, transaction};
use crate::letter::{Letter, Letterhead};
use crate::outbox;

/// One auditor's letter.
fn letter(from: &Letterhead, now: Timestamp, to: &str, checkpoint: &str, size: u64) -> Letter {
    from.email(
        now,
        "audit checkpoint",
        to,
        format!("Checkpoint of the audit trail: {size} entries"),
        &[
            "Keep this letter. It proves what the audit trail of the service was on this day.",
            checkpoint.trim_end(),
            "To have it proved that nothing was changed since, save this letter in a file and ask for\ncarepost check \
             --since FILE\nto be run where you can see it. A letter that does not come is a sign, too.",
        ],
    )
}

/// Writes a letter with the newest checkpoint to each auditor that the settings name; none where there is no
/// checkpoint yet.
///
/// # Errors
/// What the database answered.
pub async fn send_checkpoint(app: &App) -> Result<(), Error> {
    let (Some(keeper), now) = (app.log_keeper(), app.clock.now()) else { return Ok(()) };
    if app.settings.auditor_emails.trim().is_empty() {
        return Ok(());
    }
    let Some((newest, _)) = log::newest_checkpoint(&app.database, keeper.key.name()).await? else {
        return Ok(());
    };
    let lines = log::cosignatures(&app.database, &newest).await?.concat();
    let (text, size) = (format!("{}{lines}", newest.text()), newest.checkpoint.size);
    let from = Letterhead::of(&app.settings);
    let letters: Vec<Letter> = app
        .settings
        .auditor_emails
        .split_whitespace()
        .map(|to| letter(&from, now, to, &text, size))
        .collect();
    app.database
        .write::<_, Error, _>(transaction!(async move |tx| {
            for letter in &letters {
                outbox::store::write_letter(tx, now, letter).await?;
            }
            Ok(())
        }))
        .await
}
