//! Registrations in the database.

use super::answers::{Answers, Person};
use super::checks::{Outcome, RegisterCheck};
use super::complete::Complete;
use super::reasons::Reason;
use super::{Draft, Forgotten, Registration, RegistrationStateKind, Stored};
use crate::clock::{Span, Timestamp};
use crate::database::{Database, Error, FromRow, Param, Params, Reads, Result, Row, Tx};
use crate::id::Reference;
use crate::outbox::transitions::{StateKind, sql_list};
use crate::outbox::{self, Change};
use crate::registration::answers::SiteAnswer;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// Drafts expired in one visit of the housekeeping.
const EXPIRED_AT_ONCE: i64 = 200;
/// Registrations forgotten in one visit of the housekeeping.
const FORGOTTEN_AT_ONCE: i64 = 200;
/// Registrations of one person that are listed.
const LISTED_MAX: i64 = 50;

/// What was confirmed and sent, as it is kept.
#[derive(Serialize, Deserialize)]
struct SentDocument<A> {
    questions_version: i64,
    answers: A,
    sent_at: String,
}

fn broken(what: &str, why: impl std::fmt::Display) -> Error {
    Error::Broken(format!("{what} of a registration: {why}"))
}

fn of_json<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| broken(what, error))
}

impl FromRow for Stored {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (id, reference, kind): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(3)?);
        let reference = Reference::parse(&reference).ok_or_else(|| broken("reference", &reference))?;
        let kind = RegistrationStateKind::read(&kind)?;
        let forgotten_at: Option<Timestamp> = row.get(15)?;
        if forgotten_at.is_some() {
            return Ok(Stored::Forgotten(Forgotten { id, reference, state: kind }));
        }
        let (state, answers): (String, String) = (row.get(4)?, row.get(5)?);
        if !kind.was_sent() {
            return Ok(Stored::Draft(Draft {
                id,
                reference,
                version: row.get(2)?,
                state: of_json("state", &state)?,
                answers: of_json("answers", &answers)?,
                questions_version: row.get(7)?,
                browser: row.get(8)?,
                network: row.get(9)?,
                started_at: row.get(10)?,
                expires_at: row.get(11)?,
            }));
        }
        let document: Option<String> = row.get(6)?;
        let document = document.ok_or_else(|| broken("document", "there is none"))?;
        let document: SentDocument<Answers> = of_json("document", &document)?;
        let at = |time: Option<Timestamp>| time.ok_or_else(|| broken("time", "there is none"));
        Ok(Stored::Sent(Registration {
            id,
            reference,
            version: row.get(2)?,
            state: of_json("state", &state)?,
            answers: Complete::of(document.answers)
                .map_err(|page| broken("document", format!("nothing for {}", page.slug())))?,
            browser: row.get(8)?,
            started_at: row.get(10)?,
            submitted_at: at(row.get(12)?)?,
            due_at: at(row.get(13)?)?,
            high_risk: row.get(14)?,
            referred_because: row.get(16)?,
        }))
    }
}

macro_rules! registration_by {
    ($rest:literal) => {
        concat!(
            "SELECT id, reference, version, state, state_data, answers, sent_document, questions_version, browser, \
             network, started_at, expires_at, submitted_at, due_at, high_risk, forgotten_at, referred_because \
             FROM registrations ",
            $rest
        )
    };
}

/// Makes other writers of a registration wait until this transaction ends, so that what is read next is
/// the newest.
pub async fn lock(tx: &mut Tx, id: &str) -> Result<()> {
    let hash = Sha256::digest(format!("registration {id}").as_bytes());
    let mut key = [0_u8; 8];
    key.copy_from_slice(&hash[..8]);
    tx.lock(i64::from_be_bytes(key)).await
}

pub async fn find(from: &impl Reads, id: &str) -> Result<Option<Stored>> {
    from.maybe(registration_by!("WHERE id = $1"), &[&id]).await
}

/// A registration that has not been sent.
pub async fn find_draft(from: &impl Reads, id: &str) -> Result<Option<Draft>> {
    Ok(find(from, id).await?.and_then(Stored::draft))
}

/// A registration that was sent.
pub async fn find_sent(from: &impl Reads, id: &str) -> Result<Option<Registration>> {
    Ok(find(from, id).await?.and_then(Stored::sent))
}

pub async fn find_by_reference(from: &impl Reads, reference: &Reference) -> Result<Option<Stored>> {
    from.maybe(registration_by!("WHERE reference = $1"), &[&reference.as_str()]).await
}

/// The registrations one person began, newest first, at most 50. The address must have been
/// confirmed with a code before this is shown to anybody.
pub async fn list_of_email(from: &impl Reads, email: &str) -> Result<Vec<Stored>> {
    from.all(
        registration_by!("WHERE email = $1 AND state <> $2 ORDER BY started_at DESC, id DESC LIMIT $3"),
        &[&email, &RegistrationStateKind::Expired.stored(), &LISTED_MAX],
    )
    .await
}

/// The registrations of whoever filled in the one with this identifier, newest first. Only an address
/// that was confirmed with a code opens the others of the same address.
pub async fn list_mine(from: &impl Reads, id: &str) -> Result<Vec<Stored>> {
    let Some(stored) = find(from, id).await? else { return Ok(Vec::new()) };
    let email = match &stored {
        Stored::Draft(draft) => draft.registrant_email().cloned(),
        Stored::Sent(registration) => Some(registration.answers.email.clone()),
        Stored::Forgotten(_) => None,
    };
    match email {
        Some(email) => list_of_email(from, email.as_str()).await,
        None => Ok(vec![stored]),
    }
}

/// A draft that was begun in this browser at `since` or later and that nobody has touched.
pub async fn find_untouched(from: &impl Reads, browser: &str, since: Timestamp) -> Result<Option<String>> {
    let found: Option<(String,)> = from
        .maybe(
            "SELECT id FROM registrations
              WHERE browser = $1 AND submitted_at IS NULL AND started_at >= $2 AND version = 1 AND state = $3 LIMIT 1",
            &[&browser, &since, &RegistrationStateKind::Draft.stored()],
        )
        .await?;
    Ok(found.map(|(id,)| id))
}

/// Whether a site is free to be registered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SiteHeld {
    #[default]
    Free,
    /// By a registration that is being decided and whose registrant has shown that they may act for it.
    UnderReview,
    /// It has joined.
    Joined,
}

/// Who holds a site, under either of its codes.
pub async fn who_holds(from: &impl Reads, ods_code: &str, cqc_location_id: &str) -> Result<SiteHeld> {
    let site: Option<(String,)> = from
        .maybe(
            "SELECT id FROM sites WHERE ods_code = $1 OR cqc_location_id = $2 LIMIT 1",
            &[&ods_code, &cqc_location_id],
        )
        .await?;
    if site.is_some() {
        return Ok(SiteHeld::Joined);
    }
    let found: Option<(String,)> = from
        .maybe("SELECT id FROM registrations WHERE ods_code = $1 AND reserves_site", &[&ods_code])
        .await?;
    Ok(if found.is_some() { SiteHeld::UnderReview } else { SiteHeld::Free })
}

/// Whether this person has sent a registration of a site that is still being decided.
pub async fn has_sent_one_of(from: &impl Reads, ods_code: &str, email: &str) -> Result<bool> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT id FROM registrations WHERE ods_code = $1 AND email = $2 AND state IN ({})",
            sql_list(RegistrationStateKind::is_undecided)
        )
    });
    let found: Option<(String,)> = from.maybe(&SQL, &[&ods_code, &email]).await?;
    Ok(found.is_some())
}

/// References of other registrations of a site that are being decided, under either of its codes.
pub async fn list_others_of_site(from: &impl Reads, id: &str, site: &SiteAnswer) -> Result<Vec<String>> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT reference FROM registrations
              WHERE (ods_code = $1 OR cqc_location_id = $2) AND id <> $3 AND state IN ({}) ORDER BY reference LIMIT 10",
            sql_list(RegistrationStateKind::is_undecided)
        )
    });
    let found: Vec<(String,)> = from.all(&SQL, &[&site.ods_code, &site.cqc_location_id, &id]).await?;
    Ok(found.into_iter().map(|(reference,)| reference).collect())
}

/// Notes that the contact of the site said that a registration is theirs; false where that was noted.
pub async fn confirm_by_site(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool> {
    let noted = tx
        .run(
            "UPDATE registrations SET site_confirmed_at = $1 WHERE id = $2 AND site_confirmed_at IS NULL",
            &[&now, &id],
        )
        .await?;
    Ok(noted == 1)
}

/// Until when the accounts of the site that a registration opened wait to be activated; nothing where they
/// can be now.
pub async fn activation_waits_until(
    from: &impl Reads,
    id: &str,
    now: Timestamp,
) -> Result<Option<Timestamp>> {
    let found: Option<(Timestamp,)> = from
        .maybe(
            "SELECT activates_at FROM sites
              WHERE origin = 'Registration' AND origin_id = $1 AND activates_at > $2",
            &[&id, &now],
        )
        .await?;
    Ok(found.map(|(at,)| at))
}

/// Whether the contact of the site has said that a registration is theirs.
pub async fn is_confirmed_by_site(from: &impl Reads, id: &str) -> Result<bool> {
    let found: Option<(String,)> = from
        .maybe("SELECT id FROM registrations WHERE id = $1 AND site_confirmed_at IS NOT NULL", &[&id])
        .await?;
    Ok(found.is_some())
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::Broken(error.to_string()))
}

/// References tried before something else must be wrong. Among 30,000 registrations about one in
/// 150,000 new references is taken already.
const REFERENCES_TRIED: usize = 5;

/// Adds a draft; answers its reference, which is another one where chance had chosen one that is
/// taken.
pub async fn add(tx: &mut Tx, draft: &Draft) -> Result<Reference> {
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
              WHERE id = $5 AND version = $6 AND state = $7",
            &[
                &json(answers)?,
                &email,
                &now,
                &expires_at,
                &id,
                &version,
                &RegistrationStateKind::Draft.stored(),
            ],
        )
        .await?;
    Ok(if saved == 1 { Saved::Yes } else { Saved::VersionConflict })
}

/// Saves how a draft ended, with its entry.
pub async fn save_ended(tx: &mut Tx, now: Timestamp, change: &Change<Draft>) -> Result<Saved> {
    let draft = &change.state;
    let saved = tx
        .run(
            "UPDATE registrations SET state = $1, state_data = $2, version = version + 1, changed_at = $3
              WHERE id = $4 AND version = $5",
            &[&draft.state.kind().stored(), &json(&draft.state)?, &now, &draft.id, &draft.version],
        )
        .await?;
    if saved == 0 {
        return Ok(Saved::VersionConflict);
    }
    outbox::store::save_with(tx, now, change).await?;
    Ok(Saved::Yes)
}

/// Saves a move with its entry, its work and its letters.
pub async fn save(tx: &mut Tx, now: Timestamp, change: &Change<Registration>) -> Result<Saved> {
    let case = &change.state;
    let saved = tx
        .run(
            "UPDATE registrations SET state = $1, state_data = $2, version = version + 1, changed_at = $3,
                    high_risk = $4, referred_because = $5, reserves_site = $6
              WHERE id = $7 AND version = $8",
            &[
                &case.state.kind().stored(),
                &json(&case.state)?,
                &now,
                &case.high_risk,
                &case.referred_because,
                &case.reserves_site(),
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

/// Makes a registration one that nobody has seen yet, because what is shown beside it changed.
pub async fn raise_version(tx: &mut Tx, id: &str) -> Result<()> {
    tx.run("UPDATE registrations SET version = version + 1 WHERE id = $1", &[&id]).await.map(|_| ())
}

/// Saves the sending of a draft: the move, the answers exactly as they were confirmed, and the columns
/// by which case workers search. The site must be free ([`who_holds`]).
pub async fn save_submission(
    tx: &mut Tx,
    now: Timestamp,
    draft: &Draft,
    change: &Change<Registration>,
) -> Result<Saved> {
    let case = &change.state;
    let document = SentDocument {
        questions_version: draft.questions_version,
        answers: &draft.answers,
        sent_at: case.submitted_at.rfc3339(),
    };
    let site = &case.answers.site;
    let copied = tx
        .run(
            "UPDATE registrations SET sent_document = $1, answers = '{}', ods_code = $2, cqc_location_id = $3,
                    site_name = $4, postcode = $5, submitted_at = $6, due_at = $7
              WHERE id = $8 AND version = $9",
            &[
                &json(&document)?,
                &site.ods_code,
                &site.cqc_location_id,
                &site.name,
                &site.postcode,
                &case.submitted_at,
                &case.due_at,
                &case.id,
                &case.version,
            ],
        )
        .await?;
    if copied == 0 || save(tx, now, change).await? == Saved::VersionConflict {
        return Ok(Saved::VersionConflict);
    }
    let contacts: Vec<_> = (0_i64..).zip(&case.answers.people).collect();
    let contacts: Vec<_> = contacts
        .iter()
        .map(|(place, person)| (place, person.email.as_str(), person.mobile.as_str()))
        .collect();
    let rows: Vec<[&(dyn Param + '_); 4]> = contacts
        .iter()
        .map(|(place, email, mobile)| -> [&(dyn Param + '_); 4] { [&case.id, *place, email, mobile] })
        .collect();
    tx.run_rows("INSERT INTO registration_contacts (registration_id, person, email, mobile)", &rows, "")
        .await?;
    Ok(Saved::Yes)
}

/// People whose email or mobile stands in another registration that is undecided, by place.
pub async fn people_in_other_registrations(
    from: &Database,
    registration: &str,
    people: &[Person],
) -> Result<Vec<usize>> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT r.id FROM registration_contacts c JOIN registrations r ON r.id = c.registration_id
              WHERE (c.email = $1 OR c.mobile = $2) AND c.registration_id <> $3 AND r.state IN ({}) LIMIT 1",
            sql_list(RegistrationStateKind::is_undecided)
        )
    });
    let mut found = Vec::new();
    for (place, person) in people.iter().enumerate() {
        let params: Params<'_> = &[&person.email.as_str(), &person.mobile.as_str(), &registration];
        let other: Option<(String,)> = from.maybe(&SQL, params).await?;
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

/// Drafts that nobody continued in time, the oldest first, a limited number.
pub async fn list_overdue_drafts(from: &impl Reads, now: Timestamp) -> Result<Vec<String>> {
    // The state is spelled as in the index that finds them.
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT id FROM registrations WHERE state = '{}' AND expires_at < $1 ORDER BY expires_at LIMIT $2",
            RegistrationStateKind::Draft.stored()
        )
    });
    let due: Vec<(String,)> = from.all(&SQL, &[&now, &EXPIRED_AT_ONCE]).await?;
    Ok(due.into_iter().map(|(id,)| id).collect())
}

/// Registrations that ended before `before` without the site joining and of which something is still
/// known, the longest ended first, a limited number.
pub async fn list_to_forget(from: &impl Reads, before: Timestamp) -> Result<Vec<String>> {
    // The list is spelled as in the index that finds them.
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT id FROM registrations WHERE forgotten_at IS NULL AND state IN ({}) AND changed_at < $1
              ORDER BY changed_at LIMIT $2",
            sql_list(RegistrationStateKind::is_over)
        )
    });
    let over: Vec<(String,)> = from.all(&SQL, &[&before, &FORGOTTEN_AT_ONCE]).await?;
    Ok(over.into_iter().map(|(id,)| id).collect())
}

/// Forgets everything that was said in a registration or found out about it: answers, what was sent, the
/// contacts of its people, checks, notes, reasons. Its reference, its state and the codes of its site
/// stay. False where it is not over, or was forgotten before.
pub async fn forget(tx: &mut Tx, now: Timestamp, id: &str) -> Result<bool> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!(
            "UPDATE registrations SET forgotten_at = $1, version = version + 1, answers = '{{}}', state_data = '',
                    sent_document = NULL, email = NULL, browser = '', network = '', referred_because = ''
              WHERE id = $2 AND forgotten_at IS NULL AND state IN ({})",
            sql_list(RegistrationStateKind::is_over)
        )
    });
    if tx.run(&SQL, &[&now, &id]).await? == 0 {
        return Ok(false);
    }
    tx.run("DELETE FROM registration_contacts WHERE registration_id = $1", &[&id]).await?;
    tx.run("DELETE FROM register_checks WHERE registration_id = $1", &[&id]).await?;
    tx.run("DELETE FROM approvals WHERE registration_id = $1", &[&id]).await?;
    tx.run("DELETE FROM case_notes WHERE case_id = $1", &[&id]).await?;
    Ok(true)
}

/// Forgets what was typed into a draft that ended.
pub async fn forget_answers(tx: &mut Tx, id: &str) -> Result<()> {
    tx.run("UPDATE registrations SET answers = '{}', email = NULL WHERE id = $1", &[&id]).await.map(|_| ())
}

/// How long after sending registrations count as "lately".
pub const LATELY: Span = Span::days(30);

/// What the registrant answered last to a question of ours.
pub async fn last_answer(from: &impl Reads, case: &str) -> Result<Option<String>> {
    let found: Option<(String,)> = from
        .maybe(
            "SELECT text FROM case_notes WHERE case_id = $1 AND case_worker_id = '' ORDER BY id DESC LIMIT 1",
            &[&case],
        )
        .await?;
    Ok(found.map(|(text,)| text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::for_tests::both_engines;
    use crate::database::transaction;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_reference_that_is_taken_is_replaced() {
        for database in both_engines().await {
            let now = Timestamp::from_milliseconds(1_000);
            let first = Draft::begin("one".to_owned(), "b".to_owned(), "n".to_owned(), now, Span::days(30));
            let second = Draft { id: "two".to_owned(), ..first.clone() };
            let (mine, other) = database
                .write::<_, Error, _>(transaction!(async move |tx| {
                    Ok((add(tx, &first).await?, add(tx, &second).await?))
                }))
                .await
                .expect("both are added");
            assert_ne!(mine, other);
            let found = find_by_reference(&database, &other).await.expect("read").and_then(Stored::draft);
            assert_eq!(found.expect("there").id, "two", "{}", database.engine());
        }
    }
}
