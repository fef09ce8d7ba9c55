//! Single-use links. The mark that only the service can make is derived from the row's identifier.

use crate::clock::Timestamp;
use crate::database::{FromRow, Reads, Result, Row, Tx};
use crate::id::new_id;
use crate::sign_in::links::{Link, LinkFor};
use crate::sign_in::secrets::Purpose;

impl FromRow for Link {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let used_at: Option<Timestamp> = row.get(4)?;
        Ok(Link {
            id: row.get(0)?,
            subject: row.get(1)?,
            recipient: row.get(2)?,
            expires_at: row.get(3)?,
            used: used_at.is_some(),
        })
    }
}

/// Adds a link; the one before for the same purpose and subject stops working.
pub(in crate::sign_in) async fn add_link(
    tx: &mut Tx,
    link: &LinkFor,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<String> {
    let id = new_id(now);
    let purpose = link.purpose().stored();
    super::lock(tx, &["link", purpose, link.subject()]).await?;
    tx.run(
        "UPDATE links SET used_at = CASE WHEN expires_at < $1 THEN expires_at ELSE $1 END
          WHERE purpose = $2 AND subject = $3 AND used_at IS NULL",
        &[&now, &purpose, &link.subject()],
    )
    .await?;
    tx.run(
        "INSERT INTO links (id, purpose, subject, recipient, made_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[&id, &purpose, &link.subject(), &link.recipient(), &now, &expires_at],
    )
    .await?;
    Ok(id)
}

pub(in crate::sign_in) async fn link(from: &impl Reads, purpose: Purpose, id: &str) -> Result<Option<Link>> {
    from.maybe(
        "SELECT id, subject, recipient, expires_at, used_at FROM links WHERE id = $1 AND purpose = $2",
        &[&id, &purpose.stored()],
    )
    .await
}

/// Whether a link for exactly this was made at `since` or later and works.
pub(in crate::sign_in) async fn has_fresh_link(
    from: &impl Reads,
    link: &LinkFor,
    since: Timestamp,
) -> Result<bool> {
    let found: Option<(String,)> = from
        .maybe(
            "SELECT id FROM links
              WHERE purpose = $1 AND subject = $2 AND recipient = $3 AND used_at IS NULL AND made_at >= $4",
            &[&link.purpose().stored(), &link.subject(), &link.recipient(), &since],
        )
        .await?;
    Ok(found.is_some())
}

/// Uses a link up; false where it is for something else, was used, replaced, or has run out.
pub(in crate::sign_in) async fn use_link(
    tx: &mut Tx,
    id: &str,
    link: &LinkFor,
    now: Timestamp,
) -> Result<bool> {
    let used = tx
        .run(
            "UPDATE links SET used_at = $1
              WHERE id = $2 AND purpose = $3 AND subject = $4 AND recipient = $5
                AND used_at IS NULL AND expires_at > $1",
            &[&now, &id, &link.purpose().stored(), &link.subject(), &link.recipient()],
        )
        .await?;
    Ok(used == 1)
}
