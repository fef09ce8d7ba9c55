//! Letters in the database.

use super::{Channel, Letter, SecretMark, Written};
use crate::clock::Timestamp;
use crate::database::{Database, Error, FromRow, Reads, Result, Row, Tx};

/// How many letters the demo's page shows.
const SHOWN_MAX: i64 = 100;

impl FromRow for Written {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let channel: String = row.get(2)?;
        let purpose: Option<String> = row.get(8)?;
        let secret_id: Option<String> = row.get(9)?;
        Ok(Written {
            id: row.get(0)?,
            message_id: row.get(1)?,
            channel: match channel.as_str() {
                "Email" => Channel::Email,
                "Text" => Channel::Text,
                other => return Err(Error::Broken(format!("a letter by {other}"))),
            },
            recipient: row.get(3)?,
            name: row.get(4)?,
            subject: row.get(5)?,
            body: row.get(6)?,
            about: row.get(7)?,
            secret: purpose.zip(secret_id).map(|(purpose, id)| SecretMark { purpose, id }),
            written_at: row.get(10)?,
            sent_at: row.get(11)?,
        })
    }
}

/// Writes a letter; the work that sends it is queued beside it.
pub async fn add(tx: &mut Tx, at: Timestamp, letter: &Letter) -> Result<()> {
    let purpose = letter.secret.as_ref().map(|secret| secret.purpose.as_str());
    let secret_id = letter.secret.as_ref().map(|secret| secret.id.as_str());
    tx.run(
        "INSERT INTO letters (id, message_id, channel, recipient, name, subject, body, about, secret_purpose, secret_id, written_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        &[
            &letter.id,
            &letter.message_id,
            &letter.channel.stored(),
            &letter.recipient,
            &letter.name,
            &letter.subject,
            &letter.body,
            &letter.about,
            &purpose,
            &secret_id,
            &at,
        ],
    )
    .await?;
    Ok(())
}

pub async fn find(from: &Database, id: &str) -> Result<Option<Written>> {
    from.maybe(
        "SELECT id, message_id, channel, recipient, name, subject, body, about, secret_purpose, secret_id, written_at, sent_at
           FROM letters WHERE id = $1",
        &[&id],
    )
    .await
}

pub async fn mark_sent(tx: &mut Tx, now: Timestamp, id: &str) -> Result<()> {
    tx.run("UPDATE letters SET sent_at = $1 WHERE id = $2 AND sent_at IS NULL", &[&now, &id]).await?;
    Ok(())
}

/// The newest letters first, at most 100; to one recipient where one is given.
pub async fn list_newest(from: &Database, recipient: &str) -> Result<Vec<Written>> {
    from.all(
        "SELECT id, message_id, channel, recipient, name, subject, body, about, secret_purpose, secret_id, written_at, sent_at
           FROM letters WHERE $1 = '' OR recipient = $1 ORDER BY written_at DESC, id DESC LIMIT $2",
        &[&recipient, &SHOWN_MAX],
    )
    .await
}
