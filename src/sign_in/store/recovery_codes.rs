//! The hashes of recovery codes.

use crate::clock::Timestamp;
use crate::database::{Reads, Result, Tx};

/// Keeps the hashes of new recovery codes; the ones before stop working.
pub async fn replace_recovery_codes(
    tx: &mut Tx,
    account: &str,
    hashes: &[String],
    now: Timestamp,
) -> Result<()> {
    tx.run("DELETE FROM recovery_codes WHERE account_id = $1", &[&account]).await?;
    for hash in hashes {
        tx.run(
            "INSERT INTO recovery_codes (account_id, hash, made_at) VALUES ($1, $2, $3)",
            &[&account, hash, &now],
        )
        .await?;
    }
    Ok(())
}

/// Uses a recovery code up; false where it is none of theirs or was used before.
pub async fn use_recovery_code(tx: &mut Tx, account: &str, hash: &str, now: Timestamp) -> Result<bool> {
    let used = tx
        .run(
            "UPDATE recovery_codes SET used_at = $1 WHERE account_id = $2 AND hash = $3 AND used_at IS NULL",
            &[&now, &account, &hash],
        )
        .await?;
    Ok(used == 1)
}

/// How many recovery codes an account has that still work, and when they were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveryCodes {
    pub left: i64,
    /// Nothing where none were ever made.
    pub made_at: Option<Timestamp>,
}

pub async fn recovery_codes(from: &impl Reads, account: &str) -> Result<RecoveryCodes> {
    let (left, made_at): (i64, Option<Timestamp>) = from
        .one(
            "SELECT COUNT(*) - COUNT(used_at), MAX(made_at) FROM recovery_codes WHERE account_id = $1",
            &[&account],
        )
        .await?;
    Ok(RecoveryCodes { left, made_at })
}

/// Whether a recovery code of an account was used at `since` or later.
pub(in crate::sign_in) async fn recovery_code_used_since(
    from: &impl Reads,
    account: &str,
    hash: &str,
    since: Timestamp,
) -> Result<bool> {
    let found: Option<(String,)> = from
        .maybe(
            "SELECT hash FROM recovery_codes WHERE account_id = $1 AND hash = $2 AND used_at >= $3",
            &[&account, &hash, &since],
        )
        .await?;
    Ok(found.is_some())
}
