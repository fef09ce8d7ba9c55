//! How far activations have come, in the database.

use super::Activation;
use crate::clock::Timestamp;
use crate::database::{Database, FromRow, Reads, Result, Row, Tx, transaction};
use crate::settings::Secret;
use crate::sign_in::secrets::Purpose;

impl FromRow for Activation {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let hash: Option<String> = row.get(1)?;
        Ok(Activation { confirmed_at: row.get(0)?, password_hash: hash.map(Secret::new) })
    }
}

/// How far somebody has come with a link in a browser; nothing before the code was right.
pub async fn find_activation(from: &impl Reads, link: &str, browser: &str) -> Result<Option<Activation>> {
    from.maybe(
        "SELECT confirmed_at, password_hash FROM activations WHERE link_id = $1 AND browser = $2",
        &[&link, &browser],
    )
    .await
}

/// Notes that the code was right.
pub async fn add_activation(tx: &mut Tx, link: &str, browser: &str, now: Timestamp) -> Result<()> {
    tx.run(
        "INSERT INTO activations (link_id, browser, confirmed_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        &[&link, &browser, &now],
    )
    .await?;
    Ok(())
}

/// Keeps a password until the policy is accepted; false where the code was not right before.
pub async fn keep_password(tx: &mut Tx, link: &str, browser: &str, hash: &Secret<String>) -> Result<bool> {
    let kept = tx
        .run(
            "UPDATE activations SET password_hash = $1 WHERE link_id = $2 AND browser = $3",
            &[hash.reveal(), &link, &browser],
        )
        .await?;
    Ok(kept == 1)
}

/// Forgets how far anybody has come with any link of an account.
pub async fn forget_activations(tx: &mut Tx, account: &str) -> Result<()> {
    tx.run(
        "DELETE FROM activations WHERE link_id IN (SELECT id FROM links WHERE subject = $1 AND purpose = $2)",
        &[&account, &Purpose::ActivationLink.stored()],
    )
    .await?;
    Ok(())
}

/// Removes what is left of activations that nobody finished while their link worked.
pub async fn forget_abandoned(database: &Database, now: Timestamp) -> Result<u64> {
    database
        .write(transaction!(async move |tx| {
            tx.run(
                "DELETE FROM activations WHERE link_id IN
                       (SELECT id FROM links WHERE expires_at < $1 OR used_at IS NOT NULL)",
                &[&now],
            )
            .await
        }))
        .await
}
