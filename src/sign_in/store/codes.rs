//! Codes sent by email or text. The code itself is derived from the row's identifier.

use crate::clock::Timestamp;
use crate::database::{Reads, Result, Tx};
use crate::id::new_id;
use crate::sign_in::codes::CodeFor;

/// Makes others that issue the same code wait until this transaction ends.
pub(in crate::sign_in) async fn lock_code(tx: &mut Tx, code: &CodeFor) -> Result<()> {
    super::lock(tx, &["code", code.purpose().stored(), code.subject(), code.browser()]).await
}

/// A code for exactly this that was made at `since` or later and can still be used.
pub(in crate::sign_in) async fn fresh_code(
    tx: &mut Tx,
    code: &CodeFor,
    since: Timestamp,
    tries_max: i64,
) -> Result<Option<String>> {
    let found: Option<(String,)> = tx
        .maybe(
            "SELECT id FROM codes
              WHERE purpose = $1 AND subject = $2 AND browser = $3 AND recipient = $4
                AND used_at IS NULL AND made_at >= $5 AND tries < $6",
            &[
                &code.purpose().stored(),
                &code.subject(),
                &code.browser(),
                &code.recipient(),
                &since,
                &tries_max,
            ],
        )
        .await?;
    Ok(found.map(|(id,)| id))
}

/// Adds a code in place of the one that could be used until now; answers its identifier.
pub(in crate::sign_in) async fn add_code(
    tx: &mut Tx,
    code: &CodeFor,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<String> {
    let id = new_id(now);
    tx.run(
        "INSERT INTO codes (id, purpose, subject, recipient, browser, made_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (purpose, subject, browser) WHERE used_at IS NULL DO UPDATE SET
           id = $1, recipient = $4, made_at = $6, expires_at = $7, tries = 0",
        &[
            &id,
            &code.purpose().stored(),
            &code.subject(),
            &code.recipient(),
            &code.browser(),
            &now,
            &expires_at,
        ],
    )
    .await?;
    Ok(id)
}

/// Spends one try; the identifier of the code, if there is one for exactly this that may still be tried.
pub(in crate::sign_in) async fn count_try(
    tx: &mut Tx,
    code: &CodeFor,
    now: Timestamp,
    tries_max: i64,
) -> Result<Option<String>> {
    let counted: Option<(String,)> = tx
        .maybe(
            "UPDATE codes SET tries = tries + 1
              WHERE purpose = $1 AND subject = $2 AND browser = $3 AND recipient = $4
                AND used_at IS NULL AND expires_at > $5 AND tries < $6
          RETURNING id",
            &[
                &code.purpose().stored(),
                &code.subject(),
                &code.browser(),
                &code.recipient(),
                &now,
                &tries_max,
            ],
        )
        .await?;
    Ok(counted.map(|(id,)| id))
}

/// Uses a code up; false where it is for something else, was used, replaced, or has run out.
pub(in crate::sign_in) async fn use_code(
    tx: &mut Tx,
    id: &str,
    code: &CodeFor,
    now: Timestamp,
) -> Result<bool> {
    let used = tx
        .run(
            "UPDATE codes SET used_at = $1
              WHERE id = $2 AND purpose = $3 AND subject = $4 AND browser = $5 AND recipient = $6
                AND used_at IS NULL AND expires_at > $1",
            &[&now, &id, &code.purpose().stored(), &code.subject(), &code.browser(), &code.recipient()],
        )
        .await?;
    Ok(used == 1)
}

/// A code for exactly this that was used at `since` or later.
pub(in crate::sign_in) async fn code_used_since(
    from: &impl Reads,
    code: &CodeFor,
    since: Timestamp,
) -> Result<Option<String>> {
    let found: Option<(String,)> = from
        .maybe(
            "SELECT id FROM codes
              WHERE purpose = $1 AND subject = $2 AND browser = $3 AND recipient = $4 AND used_at >= $5
              ORDER BY used_at DESC, id DESC LIMIT 1",
            &[&code.purpose().stored(), &code.subject(), &code.browser(), &code.recipient(), &since],
        )
        .await?;
    Ok(found.map(|(id,)| id))
}
