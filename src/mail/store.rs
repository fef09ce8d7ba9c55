//! The embedded engine's mailboxes.

use super::{Ensured, Held};
use crate::clock::Timestamp;
use crate::database::{Database, FromRow, Reads, Result, Row, transaction};

impl FromRow for Held {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Held { id: row.get(0)?, holds: row.get(1)? })
    }
}

/// Makes a mailbox hold this and nothing else.
pub(super) async fn ensure(
    database: &Database,
    now: Timestamp,
    id: String,
    holds: String,
) -> Result<Ensured> {
    let before = look(database, &id).await?;
    if before.as_deref() == Some(holds.as_str()) {
        return Ok(Ensured::AlreadyRight);
    }
    database
        .write(transaction!(async move |tx| {
            tx.run(
                "INSERT INTO embedded_mailboxes (id, holds, changed_at) VALUES ($1, $2, $3)
                 ON CONFLICT (id) DO UPDATE SET holds = $2, changed_at = $3",
                &[&id, &holds, &now],
            )
            .await
        }))
        .await?;
    Ok(if before.is_some() { Ensured::Updated } else { Ensured::Created })
}

pub(super) async fn ensure_absent(database: &Database, id: String) -> Result<Ensured> {
    let removed = database
        .write(transaction!(async move |tx| {
            tx.run("DELETE FROM embedded_mailboxes WHERE id = $1", &[&id]).await
        }))
        .await?;
    Ok(if removed > 0 { Ensured::Updated } else { Ensured::AlreadyRight })
}

pub(super) async fn look(from: &Database, id: &str) -> Result<Option<String>> {
    let found: Option<(String,)> =
        from.maybe("SELECT holds FROM embedded_mailboxes WHERE id = $1", &[&id]).await?;
    Ok(found.map(|(holds,)| holds))
}

pub(super) async fn list(from: &Database, after: &str, limit: u32) -> Result<Vec<Held>> {
    let limit = i64::from(limit);
    from.all("SELECT id, holds FROM embedded_mailboxes WHERE id > $1 ORDER BY id LIMIT $2", &[&after, &limit])
        .await
}
