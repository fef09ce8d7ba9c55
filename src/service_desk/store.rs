//! Enquiries and notes in the database.

use super::note::{NewNote, Note, NoteAuthor};
use super::{Enquiry, EnquiryKind, EnquiryState};
use crate::clock::Timestamp;
use crate::contact::Email;
use crate::database::{Error, FromRow, Reads, Result, Row, Tx};
use crate::id::{Once, Reference, new_id};
use crate::outbox::transitions::StateKind;
use crate::outbox::{self, Change};

/// Most notes of a case that are shown; a case that has more is a history of its own.
const NOTES_MAX: i64 = 200;

fn reference_of(text: &str) -> Result<Reference> {
    Reference::parse(text).ok_or_else(|| Error::Broken(format!("an enquiry with the reference {text}")))
}

/// The reference under which the same was received before.
pub async fn find_reference(from: &impl Reads, once: &Once) -> Result<Option<Reference>> {
    let known: Option<(String,)> =
        from.maybe("SELECT reference FROM enquiries WHERE once = $1", &[&once.as_str()]).await?;
    known.map(|(reference,)| reference_of(&reference)).transpose()
}

/// Whether an enquiry has this reference already.
pub async fn is_reference_taken(from: &impl Reads, reference: &Reference) -> Result<bool> {
    let taken: Option<(String,)> =
        from.maybe("SELECT id FROM enquiries WHERE reference = $1", &[&reference.as_str()]).await?;
    Ok(taken.is_some())
}

/// Adds an enquiry, unless the same was added at the same moment; answers its reference.
pub async fn add(tx: &mut Tx, now: Timestamp, enquiry: &Change<Enquiry>, once: &Once) -> Result<Reference> {
    let asked = &enquiry.state;
    let details = match &asked.affected {
        Some(affected) => serde_json::to_string(affected)
            .map_err(|error| Error::Broken(format!("the details of an enquiry: {error}")))?,
        None => String::new(),
    };
    let added = tx
        .run(
            "INSERT INTO enquiries (id, reference, version, kind, state, name, email, telephone, organisation, message,
                                    subject, asked_at, due_at, once, details, account_id)
             VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
             ON CONFLICT (once) DO NOTHING",
            &[
                &asked.id,
                &asked.reference.as_str(),
                &asked.kind.stored(),
                &asked.state.stored(),
                &asked.name,
                &asked.email.as_str(),
                &asked.telephone,
                &asked.organisation,
                &asked.message,
                &asked.subject,
                &asked.asked_at,
                &asked.due_at,
                &once.as_str(),
                &details,
                &asked.account,
            ],
        )
        .await?;
    if added == 0 {
        let (reference,): (String,) =
            tx.one("SELECT reference FROM enquiries WHERE once = $1", &[&once.as_str()]).await?;
        return reference_of(&reference);
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
            reference: reference_of(&reference)?,
            kind: EnquiryKind::parse(&kind).ok_or_else(|| broken(&kind))?,
            state: EnquiryState::read(&state)?,
            name: row.get(4)?,
            email: Email::parse(&email).map_err(|words| broken(&words))?,
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

macro_rules! columns {
    () => {
        "id, reference, kind, state, name, email, telephone, organisation, message, asked_at, due_at, version,
         subject, details, claimed_by, account_id"
    };
}

pub async fn find(from: &impl Reads, id: &str) -> Result<Option<Enquiry>> {
    from.maybe(concat!("SELECT ", columns!(), " FROM enquiries WHERE id = $1"), &[&id]).await
}

/// Finds an enquiry and keeps everybody else from changing it until this transaction ends, so that it
/// is judged as it will be changed.
pub async fn find_to_change(tx: &mut Tx, id: &str) -> Result<Option<Enquiry>> {
    tx.maybe(concat!("UPDATE enquiries SET version = version WHERE id = $1 RETURNING ", columns!()), &[&id])
        .await
}

/// Whether an enquiry was closed by this very press.
pub async fn is_closed_by(from: &impl Reads, id: &str, once: &Once) -> Result<bool> {
    let closed: Option<(String,)> = from
        .maybe("SELECT id FROM enquiries WHERE id = $1 AND closed_once = $2", &[&id, &once.as_str()])
        .await?;
    Ok(closed.is_some())
}

/// Saves where an enquiry is and who looks after it, with its entry and letter, in the transaction that
/// found it to change. `closed_once` names the press that closed it.
pub async fn save(
    tx: &mut Tx,
    now: Timestamp,
    change: &Change<Enquiry>,
    closed_once: Option<&Once>,
) -> Result<()> {
    let enquiry = &change.state;
    let closed_at = match enquiry.state {
        EnquiryState::Open => None,
        EnquiryState::Closed => Some(now),
    };
    let saved = tx
        .run(
            "UPDATE enquiries SET state = $1, claimed_by = $2, due_at = $3, closed_at = $4, closed_once = $5,
                    version = version + 1
              WHERE id = $6 AND version = $7",
            &[
                &enquiry.state.stored(),
                &enquiry.claimed_by,
                &enquiry.due_at,
                &closed_at,
                &closed_once.map_or("", Once::as_str),
                &enquiry.id,
                &enquiry.version,
            ],
        )
        .await?;
    if saved == 0 {
        return Err(Error::Broken("an enquiry was saved that was not found to change".to_owned()));
    }
    outbox::store::save_with(tx, now, change).await
}

/// Adds a note to a case; false where the same form has written it before.
pub async fn add_note(tx: &mut Tx, now: Timestamp, note: &NewNote) -> Result<bool> {
    let case_worker = match &note.author {
        NoteAuthor::CaseWorker(id) => id.as_str(),
        NoteAuthor::Registrant => "",
    };
    let added = tx
        .run(
            "INSERT INTO case_notes (id, case_id, case_worker_id, at, text, once) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (once) DO NOTHING",
            &[&new_id(now), &note.case, &case_worker, &now, &note.text, &note.once.as_ref().map(Once::as_str)],
        )
        .await?;
    Ok(added == 1)
}

impl FromRow for Note {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let case_worker: String = row.get(1)?;
        let name: Option<String> = row.get(2)?;
        Ok(Note {
            at: row.get(0)?,
            case_worker: (!case_worker.is_empty()).then(|| name.unwrap_or(case_worker)),
            text: row.get(3)?,
        })
    }
}

/// The newest 200 notes of a case, oldest first.
pub async fn list_notes(from: &impl Reads, case: &str) -> Result<Vec<Note>> {
    let mut notes: Vec<Note> = from
        .all(
            "SELECT n.at, n.case_worker_id, w.name, n.text
               FROM case_notes n LEFT JOIN case_workers w ON w.id = n.case_worker_id
              WHERE n.case_id = $1 ORDER BY n.id DESC LIMIT $2",
            &[&case, &NOTES_MAX],
        )
        .await?;
    notes.reverse();
    Ok(notes)
}
