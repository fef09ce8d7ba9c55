//! Asking for a code to see how a registration is doing.

use crate::app::App;
use crate::contact::Email;
use crate::database::transaction;
use crate::id::Reference;
use crate::letter::Letterhead;
use crate::outbox::{self, outcome::NotDone};
use crate::registration::{Refusal, Stored, letters, store};
use crate::settings::SecretKey;
use crate::sign_in::codes::{self, CodeFor, Issued, Rules};
use crate::sign_in::secrets::Purpose;

/// Which registration, and where the code will be typed.
#[derive(Clone, Debug)]
pub struct StatusCodeOrder {
    pub reference: Reference,
    /// Hash of the browser the code will be typed into.
    pub browser: String,
    pub network: String,
}

/// What a code for the status is about.
fn subject(reference: &Reference) -> String {
    format!("status {reference}")
}

/// The code for the status, which goes to the registrant; where there is none, a code that nobody gets.
pub(super) fn status_code(
    key: &SecretKey,
    reference: &Reference,
    to: Option<&Email>,
    browser: &str,
    network: &str,
) -> CodeFor {
    let recipient = to.map_or(reference.as_str(), |email| email.as_str());
    CodeFor::new(key, Purpose::EmailCode, &subject(reference), recipient, browser).tried_by(network)
}

/// The registrant's address of what has this reference, once it was confirmed.
pub(super) fn registrant_email(stored: Option<&Stored>) -> Option<&Email> {
    match stored? {
        Stored::Draft(draft) => draft.registrant_email(),
        Stored::Sent(registration) => Some(&registration.answers.email),
        Stored::Forgotten(_) => None,
    }
}

/// Sends a code to the registrant, and answers the same where there is nobody to send one to.
///
/// # Errors
/// The refusal says when codes are sent again.
pub async fn ask_for_status_code(app: &App, order: StatusCodeOrder) -> Result<(), NotDone<Refusal>> {
    let now = app.clock.now();
    let (rules, from) = (Rules::of(app), Letterhead::of(&app.settings));
    let stored = store::find_by_reference(&app.database, &order.reference).await?;
    let email = registrant_email(stored.as_ref()).cloned();
    let code = status_code(&app.key, &order.reference, email.as_ref(), &order.browser, &order.network);
    app.database
        .write::<_, NotDone<Refusal>, _>(transaction!(async move |tx| {
            match (codes::issue(tx, &rules, &code, now).await?, email) {
                (Ok(Issued::New(id)), Some(email)) => {
                    let letter = letters::email_code(&from, now, &email, &subject(&order.reference), &id);
                    outbox::store::write_letter(tx, now, &letter).await?;
                    Ok(())
                }
                (Ok(Issued::New(_) | Issued::JustNow), _) => Ok(()),
                (Err(problem), _) => Err(NotDone::Refusal(Refusal::Code(problem))),
            }
        }))
        .await
}
