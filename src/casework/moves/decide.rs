//! The service decides a registration all of whose checks were green.

use super::run_checks::later;
use super::{Opening, Refusal, case_of, evidence_again, evidence_now, is_being_checked, refused, save};
use crate::app::App;
use crate::database::transaction;
use crate::outbox::outcome::NotDone;
use crate::outbox::store::Taken;
use crate::outbox::{self, WorkError};
use crate::registration::checks::{self, Verdict};
use crate::registration::store as registrations;
use crate::sign_in::authority::{Permit, deed};

/// Approves a registration while every check is green; what is not any more, or cannot be opened, goes
/// to a case worker with its reason.
///
/// # Errors
/// Later, while a register or the database does not answer.
pub async fn decide(app: &App, permit: Permit<deed::Decide>, taken: &Taken) -> Result<(), WorkError> {
    let case = registrations::find_sent(&app.database, permit.id()).await?;
    let Some(case) = case.filter(is_being_checked) else { return Ok(()) };
    let evidence = evidence_again(app, &case).await?;
    let opening = Opening::of(app, &case).await?;
    let (taken, now, key) = (taken.clone(), app.clock.now(), app.key.clone());
    let decided = app
        .database
        .write::<_, NotDone<Refusal>, _>(transaction!(async move |tx| {
            let case = case_of(tx, permit.id()).await?;
            if !is_being_checked(&case) {
                return Ok(None);
            }
            let by = permit.actor();
            if let Some(checks) = &evidence {
                registrations::save_checks(tx, &case.id, checks).await?;
            }
            let refer = match checks::verdict(&evidence_now(tx, &key, now, &case).await?) {
                Verdict::AskAgain(what) => return Ok(Some(what)),
                Verdict::Refer { because, high_risk } => Some((because, high_risk)),
                Verdict::Straight => {
                    let approval = case.clone().approve_green(by.clone()).map_err(refused)?;
                    match opening.take_effect(tx, now, &by, approval).await {
                        Ok(()) => None,
                        Err(NotDone::Refusal(Refusal::Directory(refusal))) => Some((refusal.words(), false)),
                        Err(other) => return Err(other),
                    }
                }
            };
            if let Some((because, high_risk)) = refer {
                save(tx, now, &case.refer(by, &because, high_risk).map_err(refused)?).await?;
            }
            outbox::store::done(tx, now, &taken).await?;
            Ok(None)
        }))
        .await;
    match decided {
        Ok(None) => Ok(()),
        Ok(Some(what)) => Err(WorkError::Later(format!("no answer yet: {what}"))),
        Err(why) => Err(later(why)),
    }
}
