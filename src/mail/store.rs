//! The embedded engine's mailboxes.

use super::Ensured;
use crate::clock::Timestamp;
use crate::database::{Database, Reads, Result, Tx};

/// Makes an address hold this and nothing else.
pub(super) async fn ensure(
    database: &Database,
    now: Timestamp,
    address: String,
    holds: String,
) -> Result<Ensured> {
    let before = look(database, &address).await?;
    if before.as_deref() == Some(holds.as_str()) {
        return Ok(Ensured::AlreadyRight);
    }
    database
        .write(move |tx: &mut Tx| {
            Box::pin(async move {
                tx.run(
                    "INSERT INTO embedded_mailboxes (address, holds, changed_at) VALUES ($1, $2, $3)
                     ON CONFLICT (address) DO UPDATE SET holds = $2, changed_at = $3",
                    &[&address, &holds, &now],
                )
                .await
            })
        })
        .await?;
    Ok(if before.is_some() { Ensured::Updated } else { Ensured::Created })
}

pub(super) async fn ensure_absent(database: &Database, address: String) -> Result<Ensured> {
    let removed = database
        .write(move |tx: &mut Tx| {
            Box::pin(
                async move { tx.run("DELETE FROM embedded_mailboxes WHERE address = $1", &[&address]).await },
            )
        })
        .await?;
    Ok(if removed > 0 { Ensured::Updated } else { Ensured::AlreadyRight })
}

pub(super) async fn look(mut from: &Database, address: &str) -> Result<Option<String>> {
    let found: Option<(String,)> =
        from.maybe("SELECT holds FROM embedded_mailboxes WHERE address = $1", &[&address]).await?;
    Ok(found.map(|(holds,)| holds))
}
