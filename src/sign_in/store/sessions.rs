//! Sessions. Of a browser's secret there is only a hash.

use crate::clock::Timestamp;
use crate::database::{FromRow, Reads, Result, Row, Tx};
use crate::sign_in::permits::SessionKind;

/// A session as stored.
#[derive(Clone, Debug)]
pub struct Session {
    pub kind: SessionKind,
    pub subject: String,
    pub masked: bool,
    pub seen_at: Timestamp,
    pub ends_at: Timestamp,
    /// When a second factor was last shown in it.
    pub factor_at: Timestamp,
}

/// A session; nothing where its kind is one that this version does not know.
struct KnownSession(Option<Session>);

impl FromRow for KnownSession {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let kind: String = row.get(0)?;
        let Some(kind) = SessionKind::parse(&kind) else { return Ok(KnownSession(None)) };
        Ok(KnownSession(Some(Session {
            kind,
            subject: row.get(1)?,
            masked: row.get(2)?,
            seen_at: row.get(3)?,
            ends_at: row.get(4)?,
            factor_at: row.get(5)?,
        })))
    }
}

/// A session that is to begin.
pub struct NewSession<'a> {
    pub kind: SessionKind,
    pub subject: &'a str,
    pub masked: bool,
    pub rotated: Option<Rotation<'a>>,
}

/// How a browser came to the secret that a session hangs on.
pub struct Rotation<'a> {
    /// Hash of the secret before.
    pub from: &'a str,
    pub salt: &'a str,
}

/// Makes others that rotate the same browser's session wait until this transaction ends.
pub(in crate::sign_in) async fn lock_browser(tx: &mut Tx, token_hash: &str) -> Result<()> {
    super::lock(tx, &["browser", token_hash]).await
}

/// The sessions that hang on one browser's secret, at most one a kind.
pub async fn list_sessions(from: &impl Reads, token_hash: &str) -> Result<Vec<Session>> {
    let known: Vec<KnownSession> = from
        .all(
            "SELECT kind, subject, masked, seen_at, ends_at, factor_at FROM sessions WHERE token_hash = $1",
            &[&token_hash],
        )
        .await?;
    Ok(known.into_iter().filter_map(|KnownSession(session)| session).collect())
}

pub(in crate::sign_in) async fn begin_session(
    tx: &mut Tx,
    token_hash: &str,
    new: &NewSession<'_>,
    now: Timestamp,
    ends_at: Timestamp,
) -> Result<()> {
    let (from, salt) = new.rotated.as_ref().map_or(("", ""), |rotation| (rotation.from, rotation.salt));
    tx.run(
        "INSERT INTO sessions (token_hash, kind, subject, masked, started_at, seen_at, ends_at, factor_at, rotated_from,
           salt)
         VALUES ($1, $2, $3, $4, $5, $5, $6, $5, $7, $8)
         ON CONFLICT (token_hash, kind) DO UPDATE SET
           subject = $3, masked = $4, started_at = $5, seen_at = $5, ends_at = $6, factor_at = $5,
           rotated_from = $7, salt = $8",
        &[&token_hash, &new.kind.stored(), &new.subject, &new.masked, &now, &ends_at, &from, &salt],
    )
    .await?;
    Ok(())
}

/// The salt of a rotation from a secret to a session of this kind and subject, made at `since` or later.
pub(in crate::sign_in) async fn salt_of_rotation(
    from: &impl Reads,
    old_hash: &str,
    kind: SessionKind,
    subject: &str,
    since: Timestamp,
) -> Result<Option<String>> {
    let found: Option<(String,)> = from
        .maybe(
            "SELECT salt FROM sessions
              WHERE rotated_from = $1 AND rotated_from <> '' AND kind = $2 AND subject = $3 AND started_at >= $4",
            &[&old_hash, &kind.stored(), &subject, &since],
        )
        .await?;
    Ok(found.map(|(salt,)| salt))
}

/// Whether a browser's session of one kind and subject began at `since` or later.
pub async fn has_begun_since(
    from: &impl Reads,
    token_hash: &str,
    kind: SessionKind,
    subject: &str,
    since: Timestamp,
) -> Result<bool> {
    let found: Option<(String,)> = from
        .maybe(
            "SELECT subject FROM sessions
              WHERE token_hash = $1 AND kind = $2 AND subject = $3 AND started_at >= $4",
            &[&token_hash, &kind.stored(), &subject, &since],
        )
        .await?;
    Ok(found.is_some())
}

pub async fn session_seen(tx: &mut Tx, token_hash: &str, kind: SessionKind, now: Timestamp) -> Result<()> {
    tx.run(
        "UPDATE sessions SET seen_at = $1 WHERE token_hash = $2 AND kind = $3",
        &[&now, &token_hash, &kind.stored()],
    )
    .await?;
    Ok(())
}

/// A second factor was shown again in the session that a browser has for one subject.
pub async fn factor_shown(
    tx: &mut Tx,
    token_hash: &str,
    kind: SessionKind,
    subject: &str,
    now: Timestamp,
) -> Result<()> {
    tx.run(
        "UPDATE sessions SET factor_at = $1 WHERE token_hash = $2 AND kind = $3 AND subject = $4",
        &[&now, &token_hash, &kind.stored(), &subject],
    )
    .await?;
    Ok(())
}

/// Ends every session of one browser.
pub async fn end_sessions_of_browser(tx: &mut Tx, token_hash: &str) -> Result<u64> {
    tx.run("DELETE FROM sessions WHERE token_hash = $1", &[&token_hash]).await
}

/// Ends every session of one kind that acts for one subject (a draft, a case worker), in whatever browser.
pub async fn end_sessions_of(tx: &mut Tx, kind: SessionKind, subject: &str) -> Result<u64> {
    tx.run("DELETE FROM sessions WHERE kind = $1 AND subject = $2", &[&kind.stored(), &subject]).await
}

/// Ends the session of one kind that one browser has for one subject; false when it is not there any
/// more. Whoever goes on from it asks this first, so that it leads on once.
pub async fn use_session(tx: &mut Tx, token_hash: &str, kind: SessionKind, subject: &str) -> Result<bool> {
    let used = tx
        .run(
            "DELETE FROM sessions WHERE token_hash = $1 AND kind = $2 AND subject = $3",
            &[&token_hash, &kind.stored(), &subject],
        )
        .await?;
    Ok(used == 1)
}

/// Ends every session of an account holder, in whatever browser, those that are only half way
/// through signing in or setting up an app included; answers how many there were.
pub async fn end_sessions_of_holder(tx: &mut Tx, account: &str) -> Result<u64> {
    let mut ended = 0;
    for kind in SessionKind::ALL.iter().filter(|kind| kind.is_account_holders()) {
        ended += end_sessions_of(tx, *kind, account).await?;
    }
    Ok(ended)
}
