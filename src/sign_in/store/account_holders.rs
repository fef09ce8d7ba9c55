//! Accounts as signing in sees them.

use crate::database::{Error, FromRow, Reads, Result, Row};
use crate::settings::Secret;
use crate::sign_in::AccountState;

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
