//! Sessions. Of a browser's secret there is only a hash.

use crate::clock::Timestamp;
use crate::database::{Database, FromRow, Reads, Result, Row, Tx};

/// A session as stored.
#[derive(Clone, Debug)]
pub struct Session {
    pub kind: String,
    pub subject: String,
    pub masked: bool,
    pub seen_at: Timestamp,
    pub ends_at: Timestamp,
}

impl FromRow for Session {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Session {
            kind: row.get(0)?,
            subject: row.get(1)?,
            masked: row.get(2)?,
            seen_at: row.get(3)?,
            ends_at: row.get(4)?,
        })
    }
}

/// The sessions that hang on one browser's secret.
pub async fn list_sessions(from: &Database, token_hash: &str) -> Result<Vec<Session>> {
    from.all(
        "SELECT kind, subject, masked, seen_at, ends_at FROM sessions WHERE token_hash = $1 LIMIT 10",
        &[&token_hash],
    )
    .await
}

pub async fn begin_session(
    tx: &mut Tx,
    token_hash: &str,
    kind: &str,
    subject: &str,
    masked: bool,
    now: Timestamp,
    ends_at: Timestamp,
) -> Result<()> {
    tx.run(
        "INSERT INTO sessions (token_hash, kind, subject, masked, started_at, seen_at, ends_at)
         VALUES ($1, $2, $3, $4, $5, $5, $6)
         ON CONFLICT (token_hash, kind) DO UPDATE SET
           subject = $3, masked = $4, started_at = $5, seen_at = $5, ends_at = $6",
        &[&token_hash, &kind, &subject, &masked, &now, &ends_at],
    )
    .await?;
    Ok(())
}

pub async fn session_seen(tx: &mut Tx, token_hash: &str, kind: &str, now: Timestamp) -> Result<()> {
    tx.run(
        "UPDATE sessions SET seen_at = $1 WHERE token_hash = $2 AND kind = $3",
        &[&now, &token_hash, &kind],
    )
    .await?;
    Ok(())
}

/// Ends every session of one browser.
pub async fn end_sessions_of_browser(tx: &mut Tx, token_hash: &str) -> Result<u64> {
    tx.run("DELETE FROM sessions WHERE token_hash = $1", &[&token_hash]).await
}

/// Ends every session that acts for one subject (a draft, a case worker), in whatever browser.
pub async fn end_sessions_of(tx: &mut Tx, kind: &str, subject: &str) -> Result<u64> {
    tx.run("DELETE FROM sessions WHERE kind = $1 AND subject = $2", &[&kind, &subject]).await
}

/// Ends the session of one kind that one browser has for one subject; false when it is not there any
/// more. Whoever goes on from it asks this first, so that it leads on once.
pub async fn use_session(tx: &mut Tx, token_hash: &str, kind: &str, subject: &str) -> Result<bool> {
    let used = tx
        .run(
            "DELETE FROM sessions WHERE token_hash = $1 AND kind = $2 AND subject = $3",
            &[&token_hash, &kind, &subject],
        )
        .await?;
    Ok(used == 1)
}

/// Ends every session of an account holder, in whatever browser, those that are only half way
/// through signing in or setting up an app included.
pub async fn end_sessions_of_holder(tx: &mut Tx, account: &str) -> Result<u64> {
    tx.run(
        "DELETE FROM sessions WHERE subject = $1 AND kind IN ('HolderHalfSignedIn', 'SettingUpApp', 'AccountHolder')",
        &[&account],
    )
    .await
}
