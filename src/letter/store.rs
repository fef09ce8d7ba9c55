//! Letters in the database.

use super::{Channel, Letter, SecretMark, Written};
use crate::clock::Timestamp;
use crate::database::{Database, Error, FromRow, Reads, Result, Row, Tx, transaction};
use crate::language::Language;

/// How many letters the demo's page shows.
const SHOWN_MAX: i64 = 100;
/// Letters whose text is removed in one transaction.
const FORGOTTEN_TOGETHER: i64 = 500;
/// Transactions of one visit that removes texts.
const FORGOTTEN_TIMES_MAX: usize = 1_000;

impl FromRow for Written {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let channel: String = row.get(2)?;
        let tag: String = row.get(12)?;
        let language =
            Language::parse(&tag).ok_or_else(|| Error::Broken(format!("a letter in the language {tag}")))?;
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
            language,
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
        "INSERT INTO letters (id, message_id, channel, recipient, name, subject, body, about, secret_purpose, secret_id, written_at,
           language)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
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
            &letter.language.tag(),
        ],
    )
    .await?;
    Ok(())
}

pub async fn find(from: &Database, id: &str) -> Result<Option<Written>> {
    from.maybe(
        "SELECT id, message_id, channel, recipient, name, subject, body, about, secret_purpose, secret_id, written_at, sent_at, language
           FROM letters WHERE id = $1",
        &[&id],
    )
    .await
}

pub async fn mark_sent(tx: &mut Tx, now: Timestamp, id: &str) -> Result<()> {
    tx.run("UPDATE letters SET sent_at = $1 WHERE id = $2 AND sent_at IS NULL", &[&now, &id]).await?;
    Ok(())
}

/// Removes the text of letters that were sent before `before`, in steps; answers of how many. That each was
/// sent, to whom and when, stays.
pub async fn forget_bodies(database: &Database, before: Timestamp) -> Result<u64> {
    let mut forgotten = 0;
    for _ in 0..FORGOTTEN_TIMES_MAX {
        let some = database
            .write(transaction!(async move |tx| {
                tx.run(
                    "UPDATE letters SET body = '' WHERE id IN
                       (SELECT id FROM letters WHERE body <> '' AND sent_at < $1 ORDER BY sent_at LIMIT $2)",
                    &[&before, &FORGOTTEN_TOGETHER],
                )
                .await
            }))
            .await?;
        forgotten += some;
        if some < FORGOTTEN_TOGETHER.unsigned_abs() {
            break;
        }
    }
    Ok(forgotten)
}

/// The newest letters first, at most 100; to one recipient where one is given.
pub async fn list_newest(from: &Database, recipient: &str) -> Result<Vec<Written>> {
    from.all(
        "SELECT id, message_id, channel, recipient, name, subject, body, about, secret_purpose, secret_id, written_at, sent_at, language
           FROM letters WHERE $1 = '' OR recipient = $1 ORDER BY written_at DESC, id DESC LIMIT $2",
        &[&recipient, &SHOWN_MAX],
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::for_tests::both_engines;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_text_of_a_letter_goes_some_time_after_it_was_sent() {
        for database in both_engines().await {
            let at = Timestamp::from_milliseconds(1_000_000);
            let ids = database
                .write::<_, Error, _>(transaction!(async move |tx| {
                    let mut ids = Vec::new();
                    for number in 0..3 {
                        let to = format!("amy{number}@oakhouse.example");
                        let (subject, body) = ("Received".to_owned(), "Hello".to_owned());
                        let letter = Letter::email(
                            at,
                            "carepost.example",
                            "registration received",
                            &to,
                            subject,
                            body,
                        );
                        add(tx, at, &letter).await?;
                        ids.push(letter.id);
                    }
                    mark_sent(tx, at, &ids[0]).await?;
                    mark_sent(tx, Timestamp::from_milliseconds(2_000_000), &ids[1]).await?;
                    Ok(ids)
                }))
                .await
                .expect("written");
            let before = Timestamp::from_milliseconds(2_000_000);
            assert_eq!(forget_bodies(&database, before).await.expect("forgotten"), 1);
            assert_eq!(forget_bodies(&database, before).await.expect("forgotten"), 0);
            let mut bodies = Vec::new();
            for id in &ids {
                let letter = find(&database, id).await.expect("read").expect("it is there");
                bodies.push((letter.body, letter.sent_at.is_some()));
            }
            let text = || "Hello".to_owned();
            assert_eq!(bodies, [(String::new(), true), (text(), true), (text(), false)]);
        }
    }
}
