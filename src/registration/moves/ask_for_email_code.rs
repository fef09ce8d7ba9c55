//! Sending a code to the address of a registrant.

use super::{Keeping, draft_of, email_code};
use crate::app::App;
use crate::contact::Email;
use crate::database::transaction;
use crate::letter::Letterhead;
use crate::outbox::{self, outcome::NotDone};
use crate::registration::answers::Answers;
use crate::registration::journey::{self, Page};
use crate::registration::{Refusal, letters};
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::codes::{self, Issued, Rules};

/// Where a code is to go.
#[derive(Clone, Debug)]
pub struct EmailCodeOrder {
    /// Another address than the one given before.
    pub to: Option<Email>,
    /// Hash of the browser the code will be typed into.
    pub browser: String,
}

/// Sends a code and notes the address as the registrant's, to be confirmed with it: both or neither, so
/// that the code that was sent is always for the address that stands in the draft. An address that is
/// confirmed already gets none. Answers the answers as they are then.
///
/// # Errors
/// A refusal where the draft is one no longer, or too many codes were asked for.
pub async fn ask_for_email_code(
    app: &App,
    permit: Permit<deed::FillIn>,
    order: EmailCodeOrder,
) -> Result<Answers, NotDone<Refusal>> {
    let keeping = Keeping::of(app);
    let (rules, from, key) = (Rules::of(app), Letterhead::of(&app.settings), app.key.clone());
    app.database
        .write(transaction!(async move |tx| {
            let now = keeping.now;
            let mut draft = draft_of(tx, permit.id()).await?;
            let Some(email) = order.to.or_else(|| draft.answers.email.clone()) else {
                return Err(NotDone::Refusal(Refusal::Unanswered(Page::Email)));
            };
            if !journey::can_visit(&draft.answers, Page::Email) {
                return Err(NotDone::Refusal(Refusal::NotAskedYet(journey::next(&draft.answers))));
            }
            let is_known = draft.answers.email.as_ref() == Some(&email);
            if is_known && draft.answers.email_confirmed {
                return Ok(draft.answers);
            }
            let code = email_code(&key, &draft.id, &email, &order.browser);
            let issued = codes::issue(tx, &rules, &code, now).await?;
            match issued.map_err(|problem| NotDone::Refusal(Refusal::Code(problem)))? {
                Issued::New(code) => {
                    let letter = letters::email_code(&from, now, &email, &draft.id, &code);
                    outbox::store::write_letter(tx, now, &letter).await?;
                }
                Issued::JustNow => {}
            }
            if !is_known {
                draft.answers.email = Some(email);
                draft.answers.email_confirmed = false;
                keeping.save(tx, &draft).await?;
            }
            Ok(draft.answers)
        }))
        .await
}
