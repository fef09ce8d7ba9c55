//! Shared mailboxes.

use crate::audit::{Actor, Entry};
use crate::clock::Timestamp;
use crate::outbox::Change;

/// Where a shared mailbox is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedMailboxState {
    /// The mail engine does not hold it yet.
    Pending,
    Active,
}

impl SharedMailboxState {
    pub fn stored(self) -> &'static str {
        match self {
            SharedMailboxState::Pending => "Pending",
            SharedMailboxState::Active => "Active",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [SharedMailboxState::Pending, SharedMailboxState::Active]
            .into_iter()
            .find(|known| known.stored() == text)
    }
}

/// The mailbox of a site. It has no password: people reach it through their own accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedMailbox {
    pub id: String,
    pub version: i64,
    pub site_id: String,
    pub state: SharedMailboxState,
    pub address: String,
    pub display_name: String,
    pub made_at: Timestamp,
}

impl SharedMailbox {
    /// The mail engine holds it. Nothing where it was known to hold it already.
    pub fn provisioned(self) -> Option<Change<Self>> {
        match self.state {
            SharedMailboxState::Pending => {
                let entry = Entry::new(Actor::Service, "shared mailbox provisioned", &self.id);
                Some(Change::new(SharedMailbox { state: SharedMailboxState::Active, ..self }, entry))
            }
            SharedMailboxState::Active => None,
        }
    }
}
