//! What the central team, and the service in its place, does with a registration: a file a deed.
//!
//! Each takes the permit of its deed and an order and does everything in one transaction: it makes other
//! writers of the registration wait, reads it as it is now, compares it with what the person saw, asks
//! the rules, and saves the change with its entry, letters and work. Registers are asked before the
//! transaction begins.

mod approve;
mod ask_for_more;
mod confirm_site;
mod decide;
mod decline;
mod follow_site;
mod give_up_work;
mod import_register;
mod release_import;
mod run_checks;
mod stop;
#[cfg(test)]
mod tests;
mod try_work_again;

pub use approve::{Approved, approve};
pub use ask_for_more::{QuestionOrder, ask_for_more};
pub use confirm_site::confirm_site;
pub use decide::decide;
pub use decline::{DeclineOrder, decline};
pub use follow_site::follow_site;
pub use give_up_work::give_up_work;
pub use import_register::import_register;
pub use release_import::{ReleasedImport, discard_import, release_import};
pub use run_checks::run_checks;
pub use stop::{Stopped, stop};
pub use try_work_again::try_work_again;

use super::verify;
use crate::app::App;
use crate::audit::Actor;
use crate::clock::{Span, Timestamp};
use crate::database::{Error, Tx};
use crate::directory::{self, KnownOrganisation};
use crate::letter::Letterhead;
use crate::outbox::outcome::{Conflict, NotDone};
use crate::outbox::{Change, WorkError};
use crate::registration::answers::AskedAccess;
use crate::registration::checks::{self, RegisterCheck};
use crate::registration::store::{self as registrations, Saved};
use crate::registration::{self, Registration, Stage, letters};
use crate::settings::SecretKey;
use crate::sign_in::authority::{IsDeed, Permit, Subject, Who, permit};

/// Why something was not done with a registration.
#[derive(Clone, Debug)]
pub enum Refusal {
    Registration(registration::Refusal),
    Directory(directory::Refusal),
}

impl Refusal {
    pub fn words(&self) -> String {
        match self {
            Refusal::Registration(refusal) => refusal.words(),
            Refusal::Directory(refusal) => refusal.words(),
        }
    }
}

fn refused(refusal: registration::Refusal) -> NotDone<Refusal> {
    NotDone::Refusal(Refusal::Registration(refusal))
}

/// The permit of the service itself for what it does with a registration.
///
/// # Errors
/// Never, where the policy lets nobody do it but people.
pub fn of_service<D: IsDeed>(registration: &str) -> Result<Permit<D>, WorkError> {
    let subject = Subject::Registration { id: registration.to_owned() };
    permit(&Who::Service, subject).map_err(|why| WorkError::Never(why.words().to_owned()))
}

fn gone() -> NotDone<Refusal> {
    Conflict::new("This case is not there any more.").into()
}

/// The registration a permit is for as it is now, locked.
async fn case_of(tx: &mut Tx, id: &str) -> Result<Registration, NotDone<Refusal>> {
    registrations::lock(tx, id).await?;
    registrations::find_sent(tx, id).await?.ok_or_else(gone)
}

/// What happened to a case since somebody looked at it.
fn moved_on(case: &Registration) -> NotDone<Refusal> {
    let words = if case.state.is_undecided() {
        "Somebody else has just changed this case. Nothing was changed by you.".to_owned()
    } else {
        format!(
            "Somebody else was faster: the case is now “{}”. Nothing was changed by you.",
            case.state.in_words()
        )
    };
    Conflict::new(words).into()
}

/// Saves a move of a case that is locked.
async fn save(tx: &mut Tx, now: Timestamp, change: &Change<Registration>) -> Result<(), NotDone<Refusal>> {
    match registrations::save(tx, now, change).await? {
        Saved::Yes => Ok(()),
        Saved::VersionConflict => Err(moved_on(&change.state)),
    }
}

/// The checks asked again, where the evidence is older than the settings allow or a register has not
/// answered; nothing where it is fresh and whole.
async fn evidence_again(app: &App, case: &Registration) -> Result<Option<Vec<RegisterCheck>>, Error> {
    let limit = Span::hours(i64::from(app.settings.evidence_hours_max));
    let known = registrations::list_checks(&app.database, &case.id).await?;
    let oldest = known.iter().map(|check| check.checked_at).min();
    let is_fresh = oldest.is_some_and(|at| app.clock.now().since(at) <= limit);
    if is_fresh && checks::unanswered(&known).is_none() {
        return Ok(None);
    }
    verify::check(app, case).await.map(Some)
}

/// The evidence of a case as it is stored, with what stands in our own tables judged again in the
/// transaction of the decision.
async fn evidence_now(
    tx: &mut Tx,
    key: &SecretKey,
    now: Timestamp,
    case: &Registration,
) -> Result<Vec<RegisterCheck>, Error> {
    let again = verify::check_again(tx, key, now, case).await?;
    let mut all = registrations::list_checks(tx, &case.id).await?;
    let mut changed = false;
    for new in again {
        if let Some(old) = all.iter_mut().find(|old| old.check == new.check)
            && (old.outcome, &old.words) != (new.outcome, &new.words)
        {
            *old = new;
            changed = true;
        }
    }
    if changed {
        registrations::save_checks(tx, &case.id, &all).await?;
    }
    Ok(all)
}

/// What opening a site needs to know of the settings and the registers.
#[derive(Clone, Debug)]
struct Opening {
    domain: String,
    from: Letterhead,
    /// How long accounts wait to be activated where the proof did not pass through the site's contact.
    wait: Span,
    /// Whose site it is, as the registers say.
    organisation: KnownOrganisation,
}

impl Opening {
    async fn of(app: &App, case: &Registration) -> Result<Self, Error> {
        Ok(Opening {
            domain: app.settings.mail_domain.clone(),
            from: Letterhead::of(&app.settings),
            wait: Span::hours(i64::from(app.settings.activation_wait_hours)),
            organisation: verify::organisation_of(app, case).await?,
        })
    }

    /// The site as the directory is asked to open it.
    fn new_site(&self, case: &Registration, activates_at: Option<Timestamp>) -> directory::NewSite {
        let answers = &case.answers;
        let people = answers
            .people
            .iter()
            .map(|person| directory::NewPerson {
                first_name: person.first_name.clone(),
                last_name: person.last_name.clone(),
                role: person.role.clone(),
                email: person.email.clone(),
                mobile: person.mobile.clone(),
                access: match person.access {
                    AskedAccess::Owner => directory::Access::Owner,
                    AskedAccess::Member => directory::Access::Member,
                },
                existing_account: person.has_account.as_ref().map(|email| email.as_str().to_owned()),
            })
            .collect();
        directory::NewSite {
            origin: directory::Origin::Registration(case.id.clone()),
            organisation: self.organisation.clone(),
            management: directory::Management::Nas,
            ods_code: answers.site.ods_code.clone(),
            cqc_location_id: answers.site.cqc_location_id.clone(),
            name: answers.site.name.clone(),
            town: answers.town.clone(),
            postcode: answers.site.postcode.clone(),
            people,
            activates_at,
        }
    }

    /// Opens the site of an approval and saves both: state, site, mailbox, accounts, addresses, entries,
    /// work and letters, all or nothing.
    async fn take_effect(
        &self,
        tx: &mut Tx,
        now: Timestamp,
        by: &Actor,
        approval: Change<Registration>,
    ) -> Result<(), NotDone<Refusal>> {
        let case = &approval.state;
        let waits = !case.answers.proof.passed_through_the_contact()
            && !registrations::is_confirmed_by_site(tx, &case.id).await?
            && self.wait > Span::hours(0);
        let activates_at = waits.then(|| now.plus(self.wait));
        let new = self.new_site(case, activates_at);
        let opened = directory::store::open_site(tx, &self.domain, now, by, &new)
            .await?
            .map_err(|refusal| NotDone::Refusal(Refusal::Directory(refusal)))?;
        let letter =
            letters::approved(&self.from, now, &approval.state, &opened.shared_mailbox_address, activates_at);
        save(tx, now, &approval.telling(letter)).await
    }
}

/// Whether the service may still decide by itself.
fn is_being_checked(case: &Registration) -> bool {
    case.state.kind().stage() == Stage::BeingChecked
}
