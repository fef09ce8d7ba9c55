//! The service lays the answers of a registration beside what the registers say.

use super::{Refusal, case_of, is_being_checked, refused, save};
use crate::app::App;
use crate::casework::verify;
use crate::database::transaction;
use crate::outbox::outcome::NotDone;
use crate::outbox::store::Taken;
use crate::outbox::{self, Work, WorkError};
use crate::registration::checks::{self, Verdict};
use crate::registration::{RegistrationState, store as registrations};
use crate::sign_in::authority::{Permit, deed};

/// Runs the checks of a registration and keeps their evidence: on to the decision where all is green, to
/// a case worker where something is not, again later where a register did not answer.
///
/// # Errors
/// Later, while a register or the database does not answer.
pub async fn run_checks(app: &App, permit: Permit<deed::MoveOn>, taken: &Taken) -> Result<(), WorkError> {
    let case = registrations::find_sent(&app.database, permit.id()).await?;
    // Withdrawn, stopped, or decided by a case worker in the meantime: there is nothing to check.
    let Some(case) = case.filter(is_being_checked) else { return Ok(()) };
    let evidence = verify::check(app, &case).await?;
    let verdict = checks::verdict(&evidence);
    let silent = match &verdict {
        Verdict::AskAgain(what) => Some(format!("no answer yet: {what}")),
        Verdict::Straight | Verdict::Refer { .. } => None,
    };
    let (taken, now) = (taken.clone(), app.clock.now());
    let kept = app
        .database
        .write::<_, NotDone<Refusal>, _>(transaction!(async move |tx| {
            let case = case_of(tx, permit.id()).await?;
            if !is_being_checked(&case) {
                return Ok(());
            }
            let (id, by) = (case.id.clone(), permit.actor());
            let is_over = match verdict {
                Verdict::AskAgain(_) => false,
                Verdict::Straight | Verdict::Refer { .. } => true,
            };
            // Whoever holds this work by now keeps the evidence.
            if is_over && !outbox::store::done(tx, now, &taken).await? {
                return Ok(());
            }
            registrations::save_checks(tx, &id, &evidence).await?;
            match verdict {
                Verdict::AskAgain(_) if case.state == RegistrationState::Submitted => {
                    save(tx, now, &case.begin_checking(by).map_err(refused)?).await?;
                }
                Verdict::AskAgain(_) => {}
                Verdict::Straight => {
                    outbox::store::queue(tx, now, now, &Work::Decide { registration: id }).await?;
                }
                Verdict::Refer { because, high_risk } => {
                    save(tx, now, &case.refer(by, &because, high_risk).map_err(refused)?).await?;
                }
            }
            Ok(())
        }))
        .await;
    match (kept, silent) {
        (Ok(()), None) => Ok(()),
        (Ok(()), Some(why)) => Err(WorkError::Later(why)),
        (Err(why), _) => Err(later(why)),
    }
}

/// Why the service did not do something that it does again.
pub(super) fn later(why: NotDone<Refusal>) -> WorkError {
    match why {
        NotDone::Refusal(refusal) => WorkError::Later(refusal.words()),
        NotDone::Conflict(conflict) => WorkError::Later(conflict.words),
        NotDone::Fault(error) => error.into(),
    }
}
