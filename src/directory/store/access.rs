//! Who may use which shared mailbox.

use super::broken;
use crate::clock::Timestamp;
use crate::database::{FromRow, Reads, Result, Row, Tx};
use crate::directory::access::AccessChange;
use crate::directory::organisation::scoped;
use crate::directory::{Access, AccountState, Scope};
use crate::outbox::{self, Change};

/// Sites listed for one account. People work at two or three; agencies at a few dozen.
const SITES_OF_ACCOUNT_MAX: i64 = 100;

/// Somebody who may use a site's shared mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonOfSite {
    pub account_id: String,
    pub first_name: String,
    pub last_name: String,
    pub role: String,
    pub address: String,
    pub state: AccountState,
    pub access: Access,
    /// Their numbered place at this site; none where their account belongs to another site.
    pub slot: Option<i64>,
    pub last_used_at: Option<Timestamp>,
}

impl FromRow for PersonOfSite {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (state, access): (String, String) = (row.get(5)?, row.get(6)?);
        Ok(PersonOfSite {
            account_id: row.get(0)?,
            first_name: row.get(1)?,
            last_name: row.get(2)?,
            role: row.get(3)?,
            address: row.get(4)?,
            state: AccountState::parse(&state).ok_or_else(|| broken("state of an account", &state))?,
            access: Access::parse(&access).ok_or_else(|| broken("access to a shared mailbox", &access))?,
            slot: row.get(7)?,
            last_used_at: row.get(8)?,
        })
    }
}

/// Everybody who may use a site's shared mailbox: those with a place there first, at most 350 (a
/// shared mailbox has at most 250 members and 100 owners).
pub async fn list_people(scope: &Scope, from: &impl Reads, site: &str) -> Result<Vec<PersonOfSite>> {
    let (organisation, sites) = scope.parameters();
    let statement = scope.statement(&scoped!(
        "SELECT a.id, a.first_name, a.last_name, a.role, a.address, a.state, x.access, s.slot, a.last_used_at
           FROM sites t
           JOIN shared_mailboxes m ON m.site_id = t.id
           JOIN shared_mailbox_access x ON x.shared_mailbox_id = m.id
           JOIN accounts a ON a.id = x.account_id
           LEFT JOIN account_slots s ON s.account_id = a.id AND s.site_id = t.id",
        "AND t.id = $3 ORDER BY CASE WHEN s.slot IS NULL THEN 1 ELSE 0 END, s.slot, a.id LIMIT 350"
    ));
    from.all(statement, &[&organisation, &sites, &site]).await
}

/// A site as one of its people sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteOfAccount {
    pub site_id: String,
    pub name: String,
    pub town: String,
    pub shared_mailbox: String,
    pub access: Access,
}

impl FromRow for SiteOfAccount {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let access: String = row.get(4)?;
        Ok(SiteOfAccount {
            site_id: row.get(0)?,
            name: row.get(1)?,
            town: row.get(2)?,
            shared_mailbox: row.get(3)?,
            access: Access::parse(&access).ok_or_else(|| broken("access to a shared mailbox", &access))?,
        })
    }
}

/// The sites whose shared mailboxes an account may use; the one it has its place at comes first.
pub async fn list_sites_of_account(
    scope: &Scope,
    from: &impl Reads,
    account: &str,
) -> Result<Vec<SiteOfAccount>> {
    let (organisation, sites) = scope.parameters();
    let statement = scope.statement(&scoped!(
        "SELECT t.id, t.name, t.town, m.address, x.access
           FROM sites t
           JOIN shared_mailboxes m ON m.site_id = t.id
           JOIN shared_mailbox_access x ON x.shared_mailbox_id = m.id
           LEFT JOIN account_slots s ON s.account_id = x.account_id AND s.site_id = t.id",
        "AND x.account_id = $3
          ORDER BY CASE WHEN s.slot IS NULL THEN 1 ELSE 0 END, x.since, t.id LIMIT $4"
    ));
    from.all(statement, &[&organisation, &sites, &account, &SITES_OF_ACCOUNT_MAX]).await
}

/// Saves who may use a shared mailbox; false when somebody else changed it in between.
pub async fn save_access(tx: &mut Tx, now: Timestamp, change: &Change<AccessChange>) -> Result<bool> {
    let AccessChange { mailbox, account, access } = &change.state;
    let saved = tx
        .run(
            "UPDATE shared_mailboxes SET version = version + 1 WHERE id = $1 AND version = $2",
            &[&mailbox.id, &mailbox.version],
        )
        .await?;
    if saved == 0 {
        return Ok(false);
    }
    match access {
        Some(access) => {
            tx.run(
                "INSERT INTO shared_mailbox_access (shared_mailbox_id, account_id, access, since) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (shared_mailbox_id, account_id) DO UPDATE SET access = $3, since = $4",
                &[&mailbox.id, account, &access.stored(), &now],
            )
            .await?;
        }
        None => {
            tx.run(
                "DELETE FROM shared_mailbox_access WHERE shared_mailbox_id = $1 AND account_id = $2",
                &[&mailbox.id, account],
            )
            .await?;
        }
    }
    outbox::store::save_with(tx, now, change).await?;
    Ok(true)
}
