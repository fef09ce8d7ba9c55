//! What is done with messages: each deed a file, with what must hold inside one transaction.

mod claim;
mod close;
#[cfg(test)]
mod for_tests;
mod note;
mod receive;

pub use claim::{Claim, Claimed, claim};
pub use close::{Close, close};
pub use note::{TakesNotes, WriteNote, note};
pub use receive::{Receive, receive, receive_within};

use crate::database::Error;
use crate::outbox::outcome::Conflict;
use crate::sign_in::authority::{IsDeed, Permit, Who};

/// The case worker a permit is for.
///
/// # Errors
/// [`Error::Broken`] where the policy lets somebody else do it and this move does not know how.
fn case_worker<D: IsDeed>(permit: &Permit<D>) -> Result<String, Error> {
    match permit.who() {
        Who::CaseWorker { id } => Ok(id.clone()),
        Who::Registrant { .. }
        | Who::SiteContact { .. }
        | Who::AccountHolder { .. }
        | Who::LocalAdministrator { .. }
        | Who::ApiKey { .. }
        | Who::Service
        | Who::Operator => Err(Error::Broken("only case workers work at the desk".to_owned())),
    }
}

/// Where somebody else changed the enquiry meanwhile.
fn overtaken() -> Conflict {
    Conflict::new("Somebody else was faster. Nothing was sent by you.")
}
