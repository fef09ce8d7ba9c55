//! Registrations and enquiries in the database.

use super::answers::{Answers, Person};
use super::checks::{Outcome, RegisterCheck};
use super::enquiry::{self, Enquiry, NewEnquiry};
use super::reasons::Reason;
use super::{Registration, RegistrationState, letters};
use crate::clock::{Span, Timestamp};
use crate::database::{Database, Error, FromRow, Reads, Result, Row, Tx, transaction};
use crate::id::Reference;
use crate::letter::Letterhead;
use crate::outbox::transitions::StateKind;
use crate::outbox::{self, Change};
use crate::settings::Settings;
use crate::sign_in::limits::{self, UsedUp};

/// Drafts expired in one visit of the housekeeping.
const EXPIRED_AT_ONCE: i64 = 200;
/// Registrations of one person that are listed.
const LISTED_MAX: i64 = 50;

impl FromRow for Registration {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let broken = |what: &str, text: &str| Error::Broken(format!("{what} of a registration: {text}"));
        let reference: String = row.get(1)?;
        let state: String = row.get(3)?;
        let answers: String = row.get(4)?;
        Ok(Registration {
            id: row.get(0)?,
            reference: Reference::parse(&reference).ok_or_else(|| broken("reference", &reference))?,
            version: row.get(2)?,
            state: serde_json::from_str(&state).map_err(|error| broken("state", &error.to_string()))?,
            answers: serde_json::from_str(&answers).map_err(|error| broken("answers", &error.to_string()))?,
            questions_version: row.get(5)?,
            browser: row.get(6)?,
            network: row.get(7)?,
            started_at: row.get(8)?,
            expires_at: row.get(9)?,
            submitted_at: row.get(10)?,
            due_at: row.get(11)?,
            high_risk: row.get(12)?,
            referred_because: row.get(13)?,
        })
    }
}

macro_rules! registration_by {
    ($rest:literal) => {
        concat!(
            "SELECT id, reference, version, state_data, answers, questions_version, browser, network, started_at, \
             expires_at, submitted_at, due_at, high_risk, referred_because FROM registrations ",
            $rest
        )
    };
}

pub async fn find(from: &impl Reads, id: &str) -> Result<Option<Registration>> {
    from.maybe(registration_by!("WHERE id = $1"), &[&id]).await
}

pub async fn find_by_reference(from: &Database, reference: &Reference) -> Result<Option<Registration>> {
    from.maybe(registration_by!("WHERE reference = $1"), &[&reference.as_str()]).await
}

/// The registrations one person began, newest first, at most 50. The address must have been
/// confirmed with a code before this is shown to anybody.
pub async fn list_of_email(from: &Database, email: &str) -> Result<Vec<Registration>> {
    from.all(
        registration_by!(
            "WHERE email = $1 AND state <> 'Expired' ORDER BY started_at DESC, id DESC LIMIT $2"
        ),
        &[&email, &LISTED_MAX],
    )
    .await
}

/// The undecided or approved registration of a site, if there is one.
pub async fn find_of_site(from: &impl Reads, ods_code: &str) -> Result<Option<Registration>> {
    from.maybe(
        registration_by!(
            "WHERE ods_code = $1 AND state IN ('Submitted', 'Checking', 'Referred', 'MoreInformationAsked', 'Approved', 'Provisioning', 'Live')"
        ),
        &[&ods_code],
    )
    .await
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::Broken(error.to_string()))
}

/// References tried before something else must be wrong. Among 30,000 registrations about one in
/// 150,000 new references is taken already.
const REFERENCES_TRIED: usize = 5;

/// Adds a draft; answers its reference, which is another one where chance had chosen one that is
/// taken.
pub async fn add(tx: &mut Tx, draft: &Registration) -> Result<Reference> {
    let mut reference = draft.reference.clone();
    for _ in 0..REFERENCES_TRIED {
        let added = tx
            .run(
                "INSERT INTO registrations (id, reference, version, state, state_data, questions_version, answers, browser,
                                            network, started_at, changed_at, expires_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11) ON CONFLICT (reference) DO NOTHING",
                &[
                    &draft.id,
                    &reference.as_str(),
                    &draft.version,
                    &draft.state.kind().stored(),
                    &json(&draft.state)?,
                    &draft.questions_version,
                    &json(&draft.answers)?,
                    &draft.browser,
                    &draft.network,
                    &draft.started_at,
                    &draft.expires_at,
                ],
            )
            .await?;
        if added == 1 {
            return Ok(reference);
        }
        reference = Reference::new();
    }
    Err(Error::Broken("no reference is free".to_owned()))
}

/// Whether an enquiry has this reference already.
async fn is_reference_of_enquiry(from: &impl Reads, reference: &Reference) -> Result<bool> {
    let taken: Option<(String,)> =
        from.maybe("SELECT id FROM enquiries WHERE reference = $1", &[&reference.as_str()]).await?;
    Ok(taken.is_some())
}

/// What became of a save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    Yes,
    /// Somebody else saved in between; nothing was changed.
    VersionConflict,
}

/// Saves the answers of a draft. No state moves, so there is no entry: what somebody typed and has
/// not sent is theirs.
pub async fn save_answers(
    tx: &mut Tx,
    id: &str,
    version: i64,
    answers: &Answers,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<Saved> {
    let email = answers.email.as_ref().filter(|_| answers.email_confirmed).map(|email| email.as_str());
    let saved = tx
        .run(
            "UPDATE registrations SET answers = $1, email = $2, version = version + 1, changed_at = $3, expires_at = $4
              WHERE id = $5 AND version = $6 AND state = 'Draft'",
            &[&json(answers)?, &email, &now, &expires_at, &id, &version],
        )
        .await?;
    Ok(if saved == 1 { Saved::Yes } else { Saved::VersionConflict })
}

/// Saves a move with its entry, its work and its letters.
pub async fn save(tx: &mut Tx, now: Timestamp, change: &Change<Registration>) -> Result<Saved> {
    let case = &change.state;
    let saved = tx
        .run(
            "UPDATE registrations SET state = $1, state_data = $2, version = version + 1, changed_at = $3,
                    submitted_at = $4, due_at = $5, high_risk = $6, referred_because = $7
              WHERE id = $8 AND version = $9",
            &[
                &case.state.kind().stored(),
                &json(&case.state)?,
                &now,
                &case.submitted_at,
                &case.due_at,
                &case.high_risk,
                &case.referred_because,
                &case.id,
                &case.version,
            ],
        )
        .await?;
    if saved == 0 {
        return Ok(Saved::VersionConflict);
    }
    outbox::store::save_with(tx, now, change).await?;
    Ok(Saved::Yes)
}

/// Saves the sending of a draft: the move, the document exactly as it was confirmed, and the columns
/// by which case workers search. False when the site has a registration already.
pub async fn save_submission(
    tx: &mut Tx,
    now: Timestamp,
    change: &Change<Registration>,
) -> Result<Option<Saved>> {
    let case = &change.state;
    let Some(site) = &case.answers.site else {
        return Err(Error::Misused("a registration without a site was sent".to_owned()));
    };
    // The unique index would refuse as well; asked first so that it can be told apart.
    if find_of_site(tx, &site.ods_code).await?.is_some() {
        return Ok(None);
    }
    let document = json(&serde_json::json!({
        "questions_version": case.questions_version,
        "answers": case.answers,
        "sent_at": now.rfc3339(),
    }))?;
    let copied = tx
        .run(
            "UPDATE registrations SET sent_document = $1, ods_code = $2, cqc_location_id = $3, site_name = $4, postcode = $5
              WHERE id = $6 AND version = $7",
            &[&document, &site.ods_code, &site.cqc_location_id, &site.name, &site.postcode, &case.id, &case.version],
        )
        .await?;
    if copied == 0 {
        return Ok(Some(Saved::VersionConflict));
    }
    let saved = save(tx, now, change).await?;
    if saved == Saved::Yes {
        for (place, person) in (0_i64..).zip(&case.answers.people) {
            tx.run(
                "INSERT INTO registration_contacts (registration_id, person, email, mobile) VALUES ($1, $2, $3, $4)",
                &[&case.id, &place, &person.email.as_str(), &person.mobile.as_str()],
            )
            .await?;
        }
    }
    Ok(Some(saved))
}

/// People whose email or mobile stands in another registration that is undecided, by place.
pub async fn people_in_other_registrations(
    from: &Database,
    registration: &str,
    people: &[Person],
) -> Result<Vec<usize>> {
    let mut found = Vec::new();
    for (place, person) in people.iter().enumerate() {
        let other: Option<(String,)> = from
            .maybe(
                "SELECT r.id FROM registration_contacts c JOIN registrations r ON r.id = c.registration_id
                  WHERE (c.email = $1 OR c.mobile = $2) AND c.registration_id <> $3
                    AND r.state IN ('Submitted', 'Checking', 'Referred', 'MoreInformationAsked') LIMIT 1",
                &[&person.email.as_str(), &person.mobile.as_str(), &registration],
            )
            .await?;
        if other.is_some() {
            found.push(place);
        }
    }
    Ok(found)
}

/// How many registrations were sent since `since` from this browser or by this person.
pub async fn count_lately(from: &Database, browser: &str, email: &str, since: Timestamp) -> Result<i64> {
    let (count,): (i64,) = from
        .one(
            "SELECT COUNT(*) FROM registrations WHERE submitted_at >= $1 AND (browser = $2 OR email = $3)",
            &[&since, &browser, &email],
        )
        .await?;
    Ok(count)
}

/// Replaces the checks of a registration by newer ones.
pub async fn save_checks(tx: &mut Tx, registration: &str, checks: &[RegisterCheck]) -> Result<()> {
    for check in checks {
        let reason = match check.outcome {
            Outcome::Fail(reason) => reason.code(),
            Outcome::Pass | Outcome::Warn | Outcome::HighRisk | Outcome::Unavailable => "",
        };
        tx.run(
            "INSERT INTO register_checks (registration_id, name, outcome, words, reason_code, evidence, checked_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (registration_id, name) DO UPDATE SET
               outcome = $3, words = $4, reason_code = $5, evidence = $6, checked_at = $7",
            &[
                &registration,
                &check.check.stored(),
                &check.outcome.stored(),
                &check.words,
                &reason,
                &check.evidence,
                &check.checked_at,
            ],
        )
        .await?;
    }
    Ok(())
}

impl FromRow for RegisterCheck {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (name, outcome, reason): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(3)?);
        let broken = || Error::Broken(format!("a register check {name} with outcome {outcome} {reason}"));
        Ok(RegisterCheck {
            check: super::checks::CHECKS
                .into_iter()
                .find(|check| check.stored() == name)
                .ok_or_else(broken)?,
            outcome: match outcome.as_str() {
                "Pass" => Outcome::Pass,
                "Fail" => Outcome::Fail(Reason::parse(&reason).ok_or_else(broken)?),
                "Warn" => Outcome::Warn,
                "HighRisk" => Outcome::HighRisk,
                "Unavailable" => Outcome::Unavailable,
                _ => return Err(broken()),
            },
            words: row.get(2)?,
            evidence: row.get(4)?,
            checked_at: row.get(5)?,
        })
    }
}

/// The checks of a registration, in the order of the case page.
pub async fn list_checks(from: &impl Reads, registration: &str) -> Result<Vec<RegisterCheck>> {
    let mut checks: Vec<RegisterCheck> = from
        .all(
            "SELECT name, outcome, words, reason_code, evidence, checked_at FROM register_checks WHERE registration_id = $1",
            &[&registration],
        )
        .await?;
    checks.sort_by_key(|check| check.check);
    Ok(checks)
}

/// Ends drafts that nobody continued in time; answers how many.
pub async fn expire_drafts(database: &Database, now: Timestamp) -> Result<usize> {
    let due: Vec<Registration> = database
        .all(
            registration_by!("WHERE state = 'Draft' AND expires_at < $1 ORDER BY expires_at LIMIT $2"),
            &[&now, &EXPIRED_AT_ONCE],
        )
        .await?;
    if due.is_empty() {
        return Ok(0);
    }
    database
        .write(transaction!(async move |tx| {
            let mut count = 0;
            for draft in due {
                let id = draft.id.clone();
                if let Ok(change) = draft.expire()
                    && save(tx, now, &change).await? == Saved::Yes
                {
                    // What was typed and never sent is forgotten with the draft.
                    tx.run("UPDATE registrations SET answers = '{}', email = NULL WHERE id = $1", &[&id])
                        .await?;
                    crate::sign_in::store::end_sessions_of(tx, "Registrant", &id).await?;
                    count += 1;
                }
            }
            Ok(count)
        }))
        .await
}

/// Takes in what somebody asks or tells us, once: with its entry, the letter to the team and the one
/// that confirms it. What was sent before under the same `once` is answered with its reference and
/// counts against nothing.
pub async fn receive_enquiry(
    tx: &mut Tx,
    now: Timestamp,
    settings: &Settings,
    asked: NewEnquiry,
    once: &str,
    network: &str,
) -> Result<std::result::Result<Reference, UsedUp>> {
    let known: Option<(String,)> =
        tx.maybe("SELECT reference FROM enquiries WHERE once = $1", &[&once]).await?;
    if let Some((reference,)) = known {
        let parsed = Reference::parse(&reference);
        return parsed.map(Ok).ok_or_else(|| Error::Broken(format!("enquiry {reference}")));
    }
    for budget in asked.budgets(settings, network) {
        if let Err(used_up) = limits::take(tx, now, &budget).await? {
            return Ok(Err(used_up));
        }
    }
    let due_at = asked.kind.due_at(now, settings);
    let mut change = Enquiry::open(asked.clone(), now, due_at);
    while is_reference_of_enquiry(tx, &change.state.reference).await? {
        change = Enquiry::open(asked.clone(), now, due_at);
    }
    let from = Letterhead::of(settings);
    let to_team = letters::enquiry_to_team(&from, now, &change.state, asked.kind.team(settings));
    let received = letters::enquiry_received(&from, now, &change.state);
    let change = change.telling(to_team).telling(received);
    Ok(Ok(add_enquiry(tx, now, &change, once).await?))
}

/// Adds an enquiry, unless the same was added at the same moment; answers its reference.
async fn add_enquiry(
    tx: &mut Tx,
    now: Timestamp,
    enquiry: &Change<Enquiry>,
    once: &str,
) -> Result<Reference> {
    let asked = &enquiry.state;
    let details = match &asked.affected {
        Some(affected) => serde_json::to_string(affected)
            .map_err(|error| Error::Broken(format!("the details of an enquiry: {error}")))?,
        None => String::new(),
    };
    let added = tx.run(
        "INSERT INTO enquiries (id, reference, version, kind, state, name, email, telephone, organisation, message,
                                subject, asked_at, due_at, once, details, account_id)
         VALUES ($1, $2, 1, $3, 'Open', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         ON CONFLICT (once) DO NOTHING",
        &[
            &asked.id,
            &asked.reference.as_str(),
            &asked.kind.stored(),
            &asked.name,
            &asked.email.as_str(),
            &asked.telephone,
            &asked.organisation,
            &asked.message,
            &asked.subject,
            &asked.asked_at,
            &asked.due_at,
            &once,
            &details,
            &asked.account,
        ],
    )
    .await?;
    if added == 0 {
        let (reference,): (String,) =
            tx.one("SELECT reference FROM enquiries WHERE once = $1", &[&once]).await?;
        return Reference::parse(&reference).ok_or_else(|| Error::Broken(format!("enquiry {reference}")));
    }
    outbox::store::save_with(tx, now, enquiry).await?;
    Ok(asked.reference.clone())
}

impl FromRow for Enquiry {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let broken = |what: &str| Error::Broken(format!("an enquiry with {what}"));
        let (reference, kind, state, email): (String, String, String, String) =
            (row.get(1)?, row.get(2)?, row.get(3)?, row.get(5)?);
        let details: String = row.get(13)?;
        let affected = if details.is_empty() {
            None
        } else {
            Some(serde_json::from_str(&details).map_err(|error| broken(&error.to_string()))?)
        };
        Ok(Enquiry {
            id: row.get(0)?,
            reference: Reference::parse(&reference).ok_or_else(|| broken(&reference))?,
            kind: enquiry::EnquiryKind::parse(&kind).ok_or_else(|| broken(&kind))?,
            open: state == "Open",
            name: row.get(4)?,
            email: crate::contact::Email::parse(&email).map_err(|words| broken(&words))?,
            telephone: row.get(6)?,
            organisation: row.get(7)?,
            message: row.get(8)?,
            asked_at: row.get(9)?,
            due_at: row.get(10)?,
            version: row.get(11)?,
            subject: row.get(12)?,
            affected,
            claimed_by: row.get(14)?,
            account: row.get(15)?,
        })
    }
}

pub async fn find_enquiry(from: &impl Reads, id: &str) -> Result<Option<Enquiry>> {
    from.maybe(
        "SELECT id, reference, kind, state, name, email, telephone, organisation, message, asked_at, due_at, version,
                subject, details, claimed_by, account_id
           FROM enquiries WHERE id = $1",
        &[&id],
    )
    .await
}

/// Saves the closing of an enquiry with its entry and letter.
pub async fn close_enquiry(tx: &mut Tx, now: Timestamp, change: &Change<Enquiry>) -> Result<Saved> {
    let closed = tx
        .run(
            "UPDATE enquiries SET state = 'Closed', closed_at = $1, version = version + 1
              WHERE id = $2 AND version = $3 AND state = 'Open'",
            &[&now, &change.state.id, &change.state.version],
        )
        .await?;
    if closed == 0 {
        return Ok(Saved::VersionConflict);
    }
    outbox::store::save_with(tx, now, change).await?;
    Ok(Saved::Yes)
}

/// Saves who looks after an enquiry, with its entry and letter.
pub async fn claim_enquiry(tx: &mut Tx, now: Timestamp, change: &Change<Enquiry>) -> Result<Saved> {
    let claimed = tx
        .run(
            "UPDATE enquiries SET claimed_by = $1, due_at = $2, version = version + 1
              WHERE id = $3 AND version = $4 AND state = 'Open'",
            &[&change.state.claimed_by, &change.state.due_at, &change.state.id, &change.state.version],
        )
        .await?;
    if claimed == 0 {
        return Ok(Saved::VersionConflict);
    }
    outbox::store::save_with(tx, now, change).await?;
    Ok(Saved::Yes)
}

/// How long after sending registrations count as "lately".
pub const LATELY: Span = Span::days(30);

/// States in which a registration has been decided favourably, for the invariants.
pub fn is_approved(state: &RegistrationState) -> bool {
    matches!(state, RegistrationState::Approved | RegistrationState::Provisioning | RegistrationState::Live)
}

/// Whether a site has accounts or a registration that is being decided, under either of its codes.
pub async fn has_accounts(from: &impl Reads, ods_code: &str, cqc_location_id: &str) -> Result<bool> {
    if find_of_site(from, ods_code).await?.is_some() {
        return Ok(true);
    }
    let site: Option<(String,)> = from
        .maybe(
            "SELECT id FROM sites WHERE ods_code = $1 OR cqc_location_id = $2 LIMIT 1",
            &[&ods_code, &cqc_location_id],
        )
        .await?;
    Ok(site.is_some())
}

/// Adds a note to a case; without a case worker it is the registrant's own.
pub async fn add_note(tx: &mut Tx, case: &str, case_worker: &str, now: Timestamp, text: &str) -> Result<()> {
    tx.run(
        "INSERT INTO case_notes (id, case_id, case_worker_id, at, text) VALUES ($1, $2, $3, $4, $5)",
        &[&crate::id::new_id(now), &case, &case_worker, &now, &text],
    )
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::for_tests::both_engines;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_reference_that_is_taken_is_replaced() {
        for database in both_engines().await {
            let now = Timestamp::from_milliseconds(1_000);
            let first =
                Registration::begin("one".to_owned(), "b".to_owned(), "n".to_owned(), now, Span::days(30));
            let second = Registration { id: "two".to_owned(), ..first.clone() };
            let (mine, other) = database
                .write::<_, Error, _>(transaction!(async move |tx| {
                    Ok((add(tx, &first).await?, add(tx, &second).await?))
                }))
                .await
                .expect("both are added");
            assert_ne!(mine, other);
            let found = find_by_reference(&database, &other).await.expect("read").expect("there");
            assert_eq!(found.id, "two", "{}", database.engine());
        }
    }
}
