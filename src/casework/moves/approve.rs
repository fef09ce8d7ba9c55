//! A case worker approves a registration.

use super::{Opening, Refusal, case_of, evidence_again, evidence_now, gone, moved_on, refused};
use crate::app::App;
use crate::audit::{self, Entry};
use crate::casework::store;
use crate::database::transaction;
use crate::outbox::outcome::{Conflict, NotDone};
use crate::registration::checks::{self, Outcome, RegisterCheck};
use crate::registration::{Stage, store as registrations};
use crate::sign_in::authority::{Permit, Who, deed};

/// What became of an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approved {
    /// The site is in the directory.
    Effective,
    /// A second case worker must approve, too.
    FirstOfTwo,
}

/// Approves a case as it was seen. A high-risk case needs two different people. Evidence that is old, or
/// that a register has not given yet, is asked for first.
///
/// # Errors
/// A refusal before every register has answered, once the case is decided, or where the directory cannot
/// open the site. A conflict where somebody else was faster, or where a register says something worse
/// than what was on the page; that is then on the page.
pub async fn approve(
    app: &App,
    permit: Permit<deed::Decide>,
    seen: i64,
) -> Result<Approved, NotDone<Refusal>> {
    let case = registrations::find_sent(&app.database, permit.id()).await?.ok_or_else(gone)?;
    let can_be_decided = match case.state.kind().stage() {
        Stage::ToDecide | Stage::WaitingForRegistrant => case.version == seen,
        Stage::Draft | Stage::NeverSent | Stage::BeingChecked | Stage::Joined | Stage::Ended => false,
    };
    let evidence = if can_be_decided { evidence_again(app, &case).await? } else { None };
    let opening = Opening::of(app, &case).await?;
    let (now, key) = (app.clock.now(), app.key.clone());
    app.database
        .write::<_, NotDone<Refusal>, _>(transaction!(async move |tx| {
            let case = case_of(tx, permit.id()).await?;
            let (id, by) = (case.id.clone(), permit.actor());
            let me = case_worker(&permit);
            if case.state.kind().stage() == Stage::Joined && store::has_approved(tx, &id, me).await? {
                // The same button pressed twice.
                return Ok(Ok(Approved::Effective));
            }
            if case.version != seen || !case.state.is_undecided() {
                return Err(moved_on(&case));
            }
            let before = registrations::list_checks(tx, &id).await?;
            if let Some(checks) = &evidence {
                registrations::save_checks(tx, &id, checks).await?;
            }
            let evidence = evidence_now(tx, &key, now, &case).await?;
            if let Some(words) = worse(&before, &evidence) {
                // The newer evidence is kept; the person looks at it and decides anew. Whoever
                // approved before, or looks at the page as it was, saw something else.
                store::forget_approvals(tx, &id).await?;
                registrations::raise_version(tx, &id).await?;
                return Ok(Err(evidence_changed(&words)));
            }
            // Evidence that was read after the case was referred counts, too.
            let high_risk = case.high_risk || checks::is_high_risk(&evidence);
            let is_new = store::add_approval(tx, &id, me, now).await?;
            let is_second = store::count_approvals(tx, &id).await? >= 2;
            let why = if high_risk { "second of two approvals" } else { "" };
            // The rules are asked for a first approval as well: it must not wait for what cannot be.
            let approval = case.approve(by.clone(), &evidence, why).map_err(refused)?;
            if high_risk && !is_second {
                if is_new {
                    let entry = Entry::new(by, "first approval of a high-risk case", &id);
                    audit::store::add(tx, now, &entry).await?;
                }
                return Ok(Ok(Approved::FirstOfTwo));
            }
            opening.take_effect(tx, now, &by, approval).await?;
            Ok(Ok(Approved::Effective))
        }))
        .await?
}

/// The case worker a permit is for; the service has moves of its own.
fn case_worker(permit: &Permit<deed::Decide>) -> &str {
    match permit.who() {
        Who::CaseWorker { id } => id,
        Who::Registrant { .. }
        | Who::SiteContact { .. }
        | Who::AccountHolder { .. }
        | Who::LocalAdministrator { .. }
        | Who::ApiKey { .. }
        | Who::Service
        | Who::Operator => "",
    }
}

fn evidence_changed(words: &str) -> NotDone<Refusal> {
    Conflict::new(format!(
        "We looked at the evidence again, and it now says something else: {words} Look at the checks again before you decide."
    ))
    .into()
}

/// What got worse between two readings of the evidence, in words. That a register did not answer is no
/// news of the site.
fn worse(before: &[RegisterCheck], after: &[RegisterCheck]) -> Option<String> {
    let grave = |outcome: &Outcome| match outcome {
        Outcome::Pass | Outcome::Unavailable => 0,
        Outcome::Warn => 1,
        Outcome::Fail(_) => 2,
        Outcome::HighRisk => 3,
    };
    let changed: Vec<&str> = after
        .iter()
        .filter(|new| {
            let old = before.iter().find(|old| old.check == new.check).map_or(0, |old| grave(&old.outcome));
            grave(&new.outcome) > old
        })
        .map(|check| check.words.as_str())
        .collect();
    (!changed.is_empty()).then(|| changed.join(" "))
}
