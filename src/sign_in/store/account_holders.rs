//! Accounts as signing in sees them.

use crate::database::{Error, FromRow, Reads, Result, Row};
use crate::settings::Secret;
use crate::sign_in::AccountState;
use crate::sign_in::access::Access;

/// An account as signing in sees it.
#[derive(Clone, Debug)]
pub struct HolderRow {
    pub id: String,
    pub name: String,
    pub address: String,
    pub state: AccountState,
    pub password_hash: Option<Secret<String>>,
}

impl FromRow for HolderRow {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (first, last, state): (String, String, String) = (row.get(1)?, row.get(2)?, row.get(4)?);
        let hash: Option<String> = row.get(5)?;
        Ok(HolderRow {
            id: row.get(0)?,
            name: format!("{first} {last}"),
            address: row.get(3)?,
            state: AccountState::parse(&state)
                .ok_or_else(|| Error::Broken(format!("unknown state of an account: {state}")))?,
            password_hash: hash.map(Secret::new),
        })
    }
}

pub async fn holder(from: &impl Reads, account: &str) -> Result<Option<HolderRow>> {
    from.maybe(
        "SELECT id, first_name, last_name, address, state, password_hash FROM accounts WHERE id = $1",
        &[&account],
    )
    .await
}

/// The account at an address in its one written form.
pub async fn find_holder(from: &impl Reads, canonical: &str) -> Result<Option<HolderRow>> {
    from.maybe(
        "SELECT id, first_name, last_name, address, state, password_hash FROM accounts WHERE address = $1",
        &[&canonical],
    )
    .await
}

/// Sites whose shared mailboxes one person can own: as many as the largest organisations have.
const SITES_OWNED_MAX: i64 = 500;

/// The sites whose shared mailboxes an account owns.
pub(in crate::sign_in) async fn list_sites_owned(from: &impl Reads, account: &str) -> Result<Vec<String>> {
    let sites: Vec<(String,)> = from
        .all(
            "SELECT m.site_id FROM shared_mailbox_access x JOIN shared_mailboxes m ON m.id = x.shared_mailbox_id
              WHERE x.account_id = $1 AND x.access = $2 ORDER BY m.site_id LIMIT $3",
            &[&account, &Access::Owner.stored(), &SITES_OWNED_MAX],
        )
        .await?;
    Ok(sites.into_iter().map(|(site,)| site).collect())
}
