//! Shared mailboxes.

use crate::audit::{Actor, Entry};
use crate::clock::Timestamp;
use crate::outbox::Change;
use crate::outbox::transitions::{StateKind, Transition, transitions};

/// Where a shared mailbox is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SharedMailboxState {
    /// The mail engine does not hold it yet.
    Pending,
    Active,
    /// Its site is closing: mail is read and answered, and senders are told where to write.
    Closing,
    /// Nobody reads it and no mail comes in; it can be restored for a time.
    Deleted,
    /// The mailbox is gone for good. The row stays, because its address never names anything else.
    Purged,
}

impl SharedMailboxState {
    pub const ALL: [SharedMailboxState; 5] = [
        SharedMailboxState::Pending,
        SharedMailboxState::Active,
        SharedMailboxState::Closing,
        SharedMailboxState::Deleted,
        SharedMailboxState::Purged,
    ];

    pub fn stored(self) -> &'static str {
        match self {
            SharedMailboxState::Pending => "Pending",
            SharedMailboxState::Active => "Active",
            SharedMailboxState::Closing => "Closing",
            SharedMailboxState::Deleted => "Deleted",
            SharedMailboxState::Purged => "Purged",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.stored() == text)
    }

    pub fn in_words(self) -> &'static str {
        match self {
            SharedMailboxState::Pending => "Being set up",
            SharedMailboxState::Active => "Active",
            SharedMailboxState::Closing => "Closing",
            SharedMailboxState::Deleted => "Deleted",
            SharedMailboxState::Purged => "Deleted for good",
        }
    }
}

impl StateKind for SharedMailboxState {
    const ALL: &'static [Self] = &SharedMailboxState::ALL;

    fn stored(self) -> &'static str {
        SharedMailboxState::stored(self)
    }
}

transitions! {
    /// Every move of a shared mailbox from state to state.
    SharedMailboxMove of SharedMailboxState {
        Provisioned "provisioned": Pending => Active;
        Close "close": Active => Closing;
        KeepOpen "keep open": Closing => Active;
        Delete "delete": Closing => Deleted;
        Restore "restore": Deleted => Active;
        Purge "purge": Deleted => Purged;
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
        let state = SharedMailboxMove::Provisioned.leads(self.state)?;
        let entry = Entry::new(Actor::Service, "shared mailbox provisioned", &self.id);
        Some(Change::new(SharedMailbox { state, ..self }, entry))
    }
}
