//! Sending a code for coming back, where the address that somebody typed has a registration.

use super::ask_to_return::subject;
use crate::app::App;
use crate::contact::Email;
use crate::database::transaction;
use crate::letter::Letterhead;
use crate::outbox::store::Taken;
use crate::outbox::{self, WorkError};
use crate::registration::{letters, store};

/// Writes the letter with a code that was made when somebody asked; nothing where nobody has this address.
///
/// # Errors
/// Later.
pub async fn send_return_code(app: &App, taken: &Taken, code: &str, email: &str) -> Result<(), WorkError> {
    let (now, from) = (app.clock.now(), Letterhead::of(&app.settings));
    let (taken, code, email) = (taken.clone(), code.to_owned(), Email::parse(email));
    app.database
        .write::<_, WorkError, _>(transaction!(async move |tx| {
            if !outbox::store::done(tx, now, &taken).await? {
                return Ok(());
            }
            let Ok(email) = email else { return Ok(()) };
            if !store::list_of_email(tx, email.as_str()).await?.is_empty() {
                let letter = letters::email_code(&from, now, &email, &subject(&email), &code);
                outbox::store::write_letter(tx, now, &letter).await?;
            }
            Ok(())
        }))
        .await
}
