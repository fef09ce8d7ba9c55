//! The shared mailboxes of sites.

use super::broken;
use crate::clock::Timestamp;
use crate::database::{FromRow, Reads, Result, Row, Tx};
use crate::directory::{SharedMailbox, SharedMailboxState};
use crate::outbox::{self, Change};

macro_rules! shared_mailbox_by {
    ($rest:literal) => {
        concat!(
            "SELECT id, version, site_id, state, address, display_name, made_at FROM shared_mailboxes ",
            $rest
        )
    };
}

impl FromRow for SharedMailbox {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let state: String = row.get(3)?;
        Ok(SharedMailbox {
            id: row.get(0)?,
            version: row.get(1)?,
            site_id: row.get(2)?,
            state: SharedMailboxState::parse(&state)
                .ok_or_else(|| broken("state of a shared mailbox", &state))?,
            address: row.get(4)?,
            display_name: row.get(5)?,
            made_at: row.get(6)?,
        })
    }
}

pub async fn find_shared_mailbox(from: &impl Reads, id: &str) -> Result<Option<SharedMailbox>> {
    from.maybe(shared_mailbox_by!("WHERE id = $1"), &[&id]).await
}

pub async fn find_shared_mailbox_of_site(from: &impl Reads, site: &str) -> Result<Option<SharedMailbox>> {
    from.maybe(shared_mailbox_by!("WHERE site_id = $1"), &[&site]).await
}

/// Saves a move of a shared mailbox; false when somebody else saved in between.
pub async fn save_shared_mailbox(
    tx: &mut Tx,
    now: Timestamp,
    change: &Change<SharedMailbox>,
) -> Result<bool> {
    let mailbox = &change.state;
    let saved = tx
        .run(
            "UPDATE shared_mailboxes SET state = $1, version = version + 1 WHERE id = $2 AND version = $3",
            &[&mailbox.state.stored(), &mailbox.id, &mailbox.version],
        )
        .await?;
    if saved == 0 {
        return Ok(false);
    }
    outbox::store::save_with(tx, now, change).await?;
    Ok(true)
}

/// Unread mail in a shared mailbox that has waited too long, as last looked at: how many messages,
/// and when. Nothing where nobody has looked or nothing waits.
pub async fn unread_alarm(from: &impl Reads, shared_mailbox: &str) -> Result<Option<(i64, Timestamp)>> {
    from.maybe(
        "SELECT unread, looked_at FROM unread_alarms WHERE shared_mailbox_id = $1 AND unread > 0",
        &[&shared_mailbox],
    )
    .await
}
