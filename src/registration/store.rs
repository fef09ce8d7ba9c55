//! Registrations in the database.

use super::answers::{Answers, Person};
use super::checks::{Outcome, RegisterCheck};
use super::reasons::Reason;
use super::{Registration, RegistrationState};
use crate::clock::{Span, Timestamp};
use crate::database::{Database, Error, FromRow, Reads, Result, Row, Tx, transaction};
use crate::id::Reference;
use crate::outbox::transitions::StateKind;
use crate::outbox::{self, Change};

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
                    let kind = crate::sign_in::session::SessionKind::Registrant;
                    crate::sign_in::store::end_sessions_of(tx, kind, &id).await?;
                    count += 1;
                }
            }
            Ok(count)
        }))
        .await
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
