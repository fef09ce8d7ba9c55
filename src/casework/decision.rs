//! Decisions, and what takes effect with them in the same transaction.

use super::{store, verify};
use crate::app::App;
use crate::audit::{Actor, Entry};
use crate::clock::{Span, Timestamp};
use crate::database::{Error, Tx, transaction};
use crate::directory::{self, KnownOrganisation};
use crate::letter::Letterhead;
use crate::outbox::store::Taken;
use crate::outbox::{self, Change, WorkError};
use crate::registration::answers::AskedAccess;
use crate::registration::checks::{self, RegisterCheck, Verdict};
use crate::registration::reasons::Reason;
use crate::registration::store::{self as registrations, Saved};
use crate::registration::{Refusal, Registration, RegistrationState, letters};
use crate::service_desk;
use crate::service_desk::note::{NewNote, NoteAuthor};
use crate::sign_in::CaseWorker;

/// Why a decision did not take effect, in words.
#[derive(Clone, Debug)]
pub enum NotDecided {
    /// The case is no longer where this person saw it; says what happened.
    MovedOn(String),
    /// The directory says no.
    Directory(directory::Refusal),
    /// The evidence was read again and something is not as it was.
    EvidenceChanged(String),
    Fault(Error),
}

impl From<Error> for NotDecided {
    fn from(error: Error) -> Self {
        NotDecided::Fault(error)
    }
}

impl From<Refusal> for NotDecided {
    fn from(refusal: Refusal) -> Self {
        NotDecided::MovedOn(refusal.words())
    }
}

/// What became of an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approved {
    /// The site is in the directory.
    Effective,
    /// A second case worker must approve, too.
    FirstOfTwo,
}

/// Work: approves a registration all of whose checks were green. What is not any more goes to a case
/// worker.
///
/// # Errors
/// Later, while the database or a register does not answer.
pub async fn decide(app: &App, taken: &Taken, id: &str) -> Result<(), WorkError> {
    let Some(case) = registrations::find(&app.database, id).await? else { return Ok(()) };
    if !matches!(case.state, RegistrationState::Submitted | RegistrationState::Checking) {
        return Ok(());
    }
    let evidence = fresh_evidence(app, &case).await?;
    let verdict = match &evidence {
        Some(checks) => checks::verdict(checks),
        None => Verdict::Straight,
    };
    let now = app.clock.now();
    let settings = Effect::of(app, &case).await?;
    let taken = taken.clone();
    let outcome = app
        .database
        .write::<_, NotDecided, _>(transaction!(async move |tx| {
            if let Some(checks) = &evidence {
                registrations::save_checks(tx, &case.id, checks).await?;
            }
            let because = match verdict {
                Verdict::Straight => {
                    match take_effect(tx, now, &settings, case.clone(), Actor::Service, "").await {
                        Ok(()) => None,
                        Err(NotDecided::Directory(refusal)) => Some((refusal.words(), false)),
                        Err(other) => return Err(other),
                    }
                }
                Verdict::AskAgain(what) => return Ok(Some(what)),
                Verdict::Refer { because, high_risk } => Some((because, high_risk)),
            };
            if let Some((because, high_risk)) = because {
                let change = case.refer(&because, high_risk)?;
                if registrations::save(tx, now, &change).await? == Saved::VersionConflict {
                    return Err(moved_on());
                }
            }
            outbox::store::done(tx, now, &taken).await?;
            Ok(None)
        }))
        .await;
    match outcome {
        Ok(None) => Ok(()),
        Ok(Some(what)) => Err(WorkError::Later(format!("no answer yet: {what}"))),
        Err(NotDecided::Fault(error)) => Err(error.into()),
        Err(NotDecided::MovedOn(why) | NotDecided::EvidenceChanged(why)) => Err(WorkError::Later(why)),
        Err(NotDecided::Directory(refusal)) => Err(WorkError::Later(refusal.words())),
    }
}

fn moved_on() -> NotDecided {
    NotDecided::MovedOn("Somebody else has just changed this case. Nothing was changed by you.".to_owned())
}

/// The checks read again, where the evidence is older than the settings allow; nothing where it is
/// fresh.
async fn fresh_evidence(app: &App, case: &Registration) -> Result<Option<Vec<RegisterCheck>>, WorkError> {
    let limit = Span::hours(i64::from(app.settings.evidence_hours_max));
    let oldest = verify::oldest_evidence(&app.database, &case.id).await?;
    match oldest {
        Some(at) if app.clock.now().since(at) <= limit => Ok(None),
        Some(_) | None => verify::check(app, case).await.map(Some),
    }
}

/// What an approval needs to know of the settings.
#[derive(Clone, Debug)]
struct Effect {
    domain: String,
    from: Letterhead,
    /// Whose site it is, as the registers say.
    organisation: KnownOrganisation,
}

impl Effect {
    async fn of(app: &App, case: &Registration) -> Result<Self, Error> {
        Ok(Effect {
            domain: app.settings.mail_domain.clone(),
            from: Letterhead::of(&app.settings),
            organisation: verify::organisation_of(app, case).await?,
        })
    }
}

/// The site as the directory is asked to open it.
fn new_site(case: &Registration, organisation: KnownOrganisation) -> Option<directory::NewSite> {
    let site = case.answers.site.as_ref()?;
    let people = case
        .answers
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
    Some(directory::NewSite {
        origin: directory::Origin::Registration(case.id.clone()),
        organisation,
        management: directory::Management::Nas,
        ods_code: site.ods_code.clone(),
        cqc_location_id: site.cqc_location_id.clone(),
        name: site.name.clone(),
        town: case.answers.town.clone().unwrap_or_default(),
        postcode: site.postcode.clone(),
        people,
    })
}

/// Approves and opens the site: state, site, mailbox, accounts, addresses, entries, work and letters,
/// all or nothing.
async fn take_effect(
    tx: &mut Tx,
    now: Timestamp,
    effect: &Effect,
    case: Registration,
    by: Actor,
    why: &str,
) -> Result<(), NotDecided> {
    let new = new_site(&case, effect.organisation.clone()).ok_or_else(|| {
        NotDecided::Fault(Error::Misused("a registration without a site is decided".to_owned()))
    })?;
    let opened = match directory::store::open_site(tx, &effect.domain, now, &by, &new).await? {
        Ok(opened) => opened,
        Err(refusal) => return Err(NotDecided::Directory(refusal)),
    };
    let mut change = if by == Actor::Service { case.approve_green()? } else { case.approve(by, why)? };
    if let Some(email) = change.state.registrant_email().cloned() {
        let letter =
            letters::approved(&effect.from, now, &change.state, &email, &opened.shared_mailbox_address);
        change = change.telling(letter);
    }
    save(tx, now, &change).await
}

/// Saves a move of a case as it was seen.
async fn save(tx: &mut Tx, now: Timestamp, change: &Change<Registration>) -> Result<(), NotDecided> {
    match registrations::save(tx, now, change).await? {
        Saved::Yes => Ok(()),
        Saved::VersionConflict => Err(moved_on()),
    }
}

/// A case worker approves a case as they saw it. A high-risk case needs a second, different one.
///
/// # Errors
/// What happened instead, in words.
pub async fn approve(app: &App, by: &CaseWorker, id: &str, version: i64) -> Result<Approved, NotDecided> {
    let case = registrations::find(&app.database, id).await?.ok_or_else(moved_on)?;
    let evidence = match fresh_evidence(app, &case).await {
        Ok(evidence) => evidence,
        Err(WorkError::Later(why) | WorkError::Never(why)) => return Err(NotDecided::EvidenceChanged(why)),
    };
    let now = app.clock.now();
    let effect = Effect::of(app, &case).await?;
    let (by, id) = (by.clone(), id.to_owned());

    app.database
        .write::<_, NotDecided, _>(transaction!(async move |tx| {
            let case = seen_by(tx, &id, version).await?;
            if let Some(checks) = &evidence {
                let before = registrations::list_checks(tx, &id).await?;
                registrations::save_checks(tx, &id, checks).await?;
                if let Some(words) = worse(&before, checks) {
                    // The newer evidence is kept; the person looks at it and decides anew. Whoever
                    // approved before approved something else.
                    store::forget_approvals(tx, &id).await?;
                    return Ok(Err(NotDecided::EvidenceChanged(words)));
                }
            }
            let is_new = store::add_approval(tx, &id, &by.id, now).await?;
            let approvals = store::count_approvals(tx, &id).await?;
            // Evidence that was read after the case was referred counts, too.
            let high_risk =
                case.high_risk || checks::is_high_risk(&registrations::list_checks(tx, &id).await?);
            if high_risk && approvals < 2 {
                if !is_new {
                    return Ok(Ok(Approved::FirstOfTwo));
                }
                let entry =
                    Entry::new(Actor::CaseWorker(by.id.clone()), "first approval of a high-risk case", &id);
                crate::audit::store::add(tx, now, &entry).await?;
                return Ok(Ok(Approved::FirstOfTwo));
            }
            let why = if high_risk { "second of two approvals" } else { "" };
            take_effect(tx, now, &effect, case, Actor::CaseWorker(by.id.clone()), why).await?;
            Ok(Ok(Approved::Effective))
        }))
        .await?
}

/// What got worse between two readings of the evidence, in words.
fn worse(before: &[RegisterCheck], after: &[RegisterCheck]) -> Option<String> {
    use crate::registration::checks::Outcome;
    let grave = |outcome: &Outcome| match outcome {
        Outcome::Pass => 0,
        Outcome::Warn => 1,
        Outcome::Unavailable => 2,
        Outcome::Fail(_) => 3,
        Outcome::HighRisk => 4,
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

/// The case as the person saw it; otherwise what happened to it.
async fn seen_by(tx: &mut Tx, id: &str, version: i64) -> Result<Registration, NotDecided> {
    let case = registrations::find(tx, id).await?.ok_or_else(moved_on)?;
    if !case.state.is_undecided() {
        return Err(NotDecided::MovedOn(format!(
            "Somebody else was faster: the case is now “{}”. Nothing was changed by you.",
            case.state.in_words()
        )));
    }
    if case.version != version {
        return Err(moved_on());
    }
    Ok(case)
}

/// A case worker declines, with a reason of the list and words of their own.
///
/// # Errors
/// What happened instead, in words.
pub async fn decline(
    app: &App,
    by: &CaseWorker,
    id: &str,
    version: i64,
    reason: Reason,
    words: String,
) -> Result<(), NotDecided> {
    let now = app.clock.now();
    let from = Letterhead::of(&app.settings);
    let (by, id) = (by.clone(), id.to_owned());
    app.database
        .write::<_, NotDecided, _>(transaction!(async move |tx| {
            let case = seen_by(tx, &id, version).await?;
            let mut change = case.decline(&by.id, reason, &words)?;
            if let Some(email) = change.state.registrant_email().cloned() {
                let letter = letters::declined(&from, now, &change.state, &email, reason, &words);
                change = change.telling(letter);
            }
            save(tx, now, &change).await
        }))
        .await?;
    Ok(())
}

/// A case worker asks the registrant something.
///
/// # Errors
/// What happened instead, in words.
pub async fn ask_for_more(
    app: &App,
    by: &CaseWorker,
    id: &str,
    version: i64,
    question: String,
) -> Result<(), NotDecided> {
    let now = app.clock.now();
    let from = Letterhead::of(&app.settings);
    let (by, id) = (by.clone(), id.to_owned());
    app.database
        .write::<_, NotDecided, _>(transaction!(async move |tx| {
            let case = seen_by(tx, &id, version).await?;
            let mut change = case.ask_for_more(&by.id, &question)?;
            // The state forgets the question when it is answered; the note keeps it beside the answer.
            let author = NoteAuthor::CaseWorker(by.id);
            let note = NewNote::with_a_change(&id, author, format!("Asked the registrant: {question}"));
            service_desk::store::add_note(tx, now, &note).await?;
            if let Some(email) = change.state.registrant_email().cloned() {
                let letter = letters::more_information(&from, now, &change.state, &email, &question);
                change = change.telling(letter);
            }
            save(tx, now, &change).await
        }))
        .await?;
    Ok(())
}

/// Work: moves on the registration that a site came from as the site gets ready: provisioned when the last mailbox
/// is there, live when the first owner has activated.
///
/// # Errors
/// Later, when somebody else saved in between.
pub async fn follow_site(app: &App, taken: &Taken, id: &str) -> Result<(), WorkError> {
    let now = app.clock.now();
    let from = Letterhead::of(&app.settings);
    let (taken, id) = (taken.clone(), id.to_owned());
    app.database
        .write::<_, WorkError, _>(transaction!(async move |tx| {
            let faster = || WorkError::Later("somebody else changed the registration".to_owned());
            let Some(site) = directory::store::find_site(tx, &id).await? else { return Ok(()) };
            let progress = directory::store::progress(tx, &site.id).await?;
            // A site that came in another way has nothing that waits for it.
            let Some(registration) = site.origin.registration() else { return Ok(()) };
            let Some(mut case) = registrations::find(tx, registration).await? else { return Ok(()) };
            if case.state == RegistrationState::Approved
                && progress.unprovisioned == 0
                && let Ok(change) = case.clone().provisioned()
            {
                if registrations::save(tx, now, &change).await? == Saved::VersionConflict {
                    return Err(faster());
                }
                case = registrations::find(tx, registration).await?.ok_or_else(faster)?;
            }
            if case.state == RegistrationState::Provisioning
                && let Some(account) = &progress.first_owner
                && let Ok(mut change) = case.first_owner_active(account)
            {
                if let Some(email) = change.state.registrant_email().cloned() {
                    let letter = letters::live(&from, now, &change.state, &email);
                    change = change.telling(letter);
                }
                if registrations::save(tx, now, &change).await? == Saved::VersionConflict {
                    return Err(faster());
                }
            }
            outbox::store::done(tx, now, &taken).await?;
            Ok(())
        }))
        .await?;
    Ok(())
}
