//! What a registrant, the contact of a site, or the clock does to a registration: a file a deed.
//!
//! Each takes the permit of its deed and an order and does everything in one transaction: it makes other
//! writers of the registration wait, reads it as it is now, asks the rules, and saves the change with its
//! entry, letters and work. What somebody does before there is a registration to have a permit for
//! (beginning one, asking for a code to come back) is open to everybody and bounded by budgets.

mod answer_question;
mod ask_for_email_code;
mod ask_for_site_code;
mod ask_for_status_code;
mod ask_to_return;
mod begin;
mod choose_proof;
mod come_back;
mod confirm_email;
mod confirm_site_code;
mod expire;
mod forget_ended;
mod leave;
mod open_another;
mod open_status;
mod prove_by_contact_id;
mod save_answer;
mod send_return_code;
mod submit;
#[cfg(test)]
mod tests;
mod withdraw;

pub use answer_question::{AnswerOrder, answer_question};
pub use ask_for_email_code::{EmailCodeOrder, ask_for_email_code};
pub use ask_for_site_code::ask_for_site_code;
pub use ask_for_status_code::{StatusCodeOrder, ask_for_status_code};
pub use ask_to_return::{ReturnOrder, ask_to_return};
pub use begin::{BeginOrder, begin};
pub use choose_proof::{ProofOrder, choose_proof};
pub use come_back::{CameBack, ComeBackOrder, come_back};
pub use confirm_email::{ConfirmOrder, Confirmed, confirm_email};
pub use confirm_site_code::confirm_site_code;
pub use expire::expire_overdue;
pub use forget_ended::forget_ended;
pub use leave::{LeaveOrder, leave};
pub use open_another::open_another;
pub use open_status::{OpenStatusOrder, open_status};
pub use prove_by_contact_id::prove_by_contact_id;
pub use save_answer::save_answer;
pub use send_return_code::send_return_code;
pub use submit::submit;
pub use withdraw::withdraw;

use super::store::{self, Saved};
use super::verify;
use super::{Draft, DraftState, Refusal, Registration, Stored};
use crate::app::App;
use crate::clock::{Span, Timestamp};
use crate::contact::Email;
use crate::database::Tx;
use crate::letter::Letterhead;
use crate::outbox::outcome::{Conflict, NotDone};
use crate::outbox::{self, Change};
use crate::register::CqcLocationId;
use crate::registration::letters;
use crate::settings::SecretKey;
use crate::sign_in::codes::{self, CodeFor, Issued, Rules};
use crate::sign_in::secrets::Purpose;

/// What the saving of a draft's answers needs to know of the moment and the settings.
#[derive(Clone, Copy, Debug)]
struct Keeping {
    now: Timestamp,
    /// Until when the draft is kept if nobody continues it.
    expires_at: Timestamp,
}

impl Keeping {
    fn of(app: &App) -> Self {
        let now = app.clock.now();
        Keeping { now, expires_at: now.plus(Span::days(i64::from(app.settings.draft_days))) }
    }

    /// Saves the answers of a draft that is locked.
    async fn save(self, tx: &mut Tx, draft: &Draft) -> Result<(), NotDone<Refusal>> {
        let Draft { id, version, answers, .. } = draft;
        saved(store::save_answers(tx, id, *version, answers, self.now, self.expires_at).await?)
    }
}

/// A lock was held, so a version that is not the one just read is somebody who writes without it.
fn saved(outcome: Saved) -> Result<(), NotDone<Refusal>> {
    match outcome {
        Saved::Yes => Ok(()),
        Saved::VersionConflict => Err(Conflict::of_version().into()),
    }
}

fn gone() -> NotDone<Refusal> {
    Conflict::new("This registration is not there any more.").into()
}

/// The draft with this identifier as it is now, locked.
async fn draft_of(tx: &mut Tx, id: &str) -> Result<Draft, NotDone<Refusal>> {
    store::lock(tx, id).await?;
    match store::find(tx, id).await?.ok_or_else(gone)? {
        Stored::Draft(draft) => match draft.state {
            DraftState::Draft => Ok(draft),
            DraftState::Ineligible { .. } | DraftState::Expired => {
                Err(NotDone::Refusal(Refusal::DraftIsOver))
            }
        },
        Stored::Sent(_) | Stored::Forgotten(_) => Err(NotDone::Refusal(Refusal::AlreadySent)),
    }
}

/// The registration with this identifier as it is now, locked.
async fn sent_of(tx: &mut Tx, id: &str) -> Result<Registration, NotDone<Refusal>> {
    store::lock(tx, id).await?;
    store::find_sent(tx, id).await?.ok_or_else(gone)
}

/// Saves a move of a registration that is locked.
async fn save_moved(
    tx: &mut Tx,
    now: Timestamp,
    change: &Change<Registration>,
) -> Result<(), NotDone<Refusal>> {
    saved(store::save(tx, now, change).await?)
}

/// The code that shows a registrant reads an address.
fn email_code(key: &SecretKey, draft: &str, email: &Email, browser: &str) -> CodeFor {
    CodeFor::new(key, Purpose::EmailCode, draft, email.as_str(), browser)
}

/// The code that shows a registrant reads the address on record for a site. It names the location, so
/// that it proves nothing for another site of the same provider.
fn site_code(
    key: &SecretKey,
    draft: &str,
    location: &CqcLocationId,
    email: &Email,
    browser: &str,
) -> CodeFor {
    let subject = format!("{draft} {}", location.as_str());
    CodeFor::new(key, Purpose::SiteCode, &subject, email.as_str(), browser)
}

/// What sending a code to a site needs to know, read before the transaction.
#[derive(Clone)]
struct SiteCode {
    rules: Rules,
    from: Letterhead,
    location: CqcLocationId,
    email: Email,
    code: CodeFor,
    now: Timestamp,
}

impl SiteCode {
    /// # Errors
    /// [`Refusal::NoSiteEmail`], where there is no site yet or nothing to write to.
    async fn of(app: &App, draft: &Draft, browser: &str) -> Result<Self, NotDone<Refusal>> {
        let no_email = || NotDone::Refusal(Refusal::NoSiteEmail);
        let location = verify::location_of(&draft.answers)?.ok_or_else(no_email)?;
        let email = verify::site_email(&app.database, &location).await?.ok_or_else(no_email)?;
        Ok(SiteCode {
            rules: Rules::of(app),
            from: Letterhead::of(&app.settings),
            code: site_code(&app.key, &draft.id, &location, &email, browser),
            location,
            email,
            now: app.clock.now(),
        })
    }

    /// Whether it is for the site that stands in a draft now, and for the address that is on record now.
    async fn is_for(&self, tx: &mut Tx, draft: &Draft) -> Result<bool, NotDone<Refusal>> {
        if verify::location_of(&draft.answers)?.as_ref() != Some(&self.location) {
            return Ok(false);
        }
        Ok(verify::site_email(tx, &self.location).await?.as_ref() == Some(&self.email))
    }

    /// Issues the code and writes its letter.
    async fn send(&self, tx: &mut Tx, draft: &Draft) -> Result<(), NotDone<Refusal>> {
        let issued = codes::issue(tx, &self.rules, &self.code, self.now).await?;
        match issued.map_err(|problem| NotDone::Refusal(Refusal::Code(problem)))? {
            Issued::New(code) => {
                let letter = letters::site_code(&self.from, self.now, &self.email, draft, &code);
                outbox::store::write_letter(tx, self.now, &letter).await?;
            }
            Issued::JustNow => {}
        }
        Ok(())
    }
}

/// The draft with this identifier before a transaction looks at it again.
async fn draft_before(app: &App, id: &str) -> Result<Draft, NotDone<Refusal>> {
    match store::find(&app.database, id).await?.ok_or_else(gone)? {
        Stored::Draft(draft) => Ok(draft),
        Stored::Sent(_) | Stored::Forgotten(_) => Err(NotDone::Refusal(Refusal::AlreadySent)),
    }
}
