//! Where an account is. The directory owns the moves between these states; the type is here because
//! signing in, which the directory builds on, must know whether somebody may sign in at all.

use crate::outbox::transitions::StateKind;

/// The state of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccountState {
    /// Nobody has activated it yet: no password, no mail.
    Pending,
    Active,
    /// Nobody has used it for long: it is deleted unless somebody does in time.
    Inactive,
    /// The person is away for long: nobody gets in and no mail comes in, and everything is kept.
    Disabled,
    /// Stopped in a hurry: nobody gets in and no mail comes in until two case workers lift it.
    Frozen,
    /// The person has left their site: another site may take the account over for a time.
    Leaver,
    /// Nobody gets in and no mail comes in; it can be restored for a time.
    Deleted,
    /// The mailbox is gone for good. The row stays, because its address never names anybody else.
    Purged,
}

impl AccountState {
    pub const ALL: [AccountState; 8] = [
        AccountState::Pending,
        AccountState::Active,
        AccountState::Inactive,
        AccountState::Disabled,
        AccountState::Frozen,
        AccountState::Leaver,
        AccountState::Deleted,
        AccountState::Purged,
    ];

    pub fn stored(self) -> &'static str {
        match self {
            AccountState::Pending => "Pending",
            AccountState::Active => "Active",
            AccountState::Inactive => "Inactive",
            AccountState::Disabled => "Disabled",
            AccountState::Frozen => "Frozen",
            AccountState::Leaver => "Leaver",
            AccountState::Deleted => "Deleted",
            AccountState::Purged => "Purged",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.stored() == text)
    }

    pub fn in_words(self) -> &'static str {
        match self {
            AccountState::Pending => "Not activated yet",
            AccountState::Active => "Active",
            AccountState::Inactive => "Not used for a long time",
            AccountState::Disabled => "Disabled (long leave)",
            AccountState::Frozen => "Frozen",
            AccountState::Leaver => "Has left the site",
            AccountState::Deleted => "Deleted",
            AccountState::Purged => "Deleted for good",
        }
    }

    /// Whether its holder may sign in with a password they already have.
    pub fn may_sign_in(self) -> bool {
        match self {
            AccountState::Active => true,
            AccountState::Pending
            | AccountState::Inactive
            | AccountState::Disabled
            | AccountState::Frozen
            | AccountState::Leaver
            | AccountState::Deleted
            | AccountState::Purged => false,
        }
    }
}

impl StateKind for AccountState {
    const ALL: &'static [Self] = &AccountState::ALL;

    fn stored(self) -> &'static str {
        AccountState::stored(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_states_are_read_as_they_are_stored() {
        for state in AccountState::ALL {
            assert_eq!(AccountState::parse(state.stored()), Some(state));
        }
        assert_eq!(AccountState::parse("Unheard of"), None);
    }

    #[test]
    fn account_states_let_nobody_sign_in_but_holders_of_active_accounts() {
        let allowed: Vec<_> = AccountState::ALL.into_iter().filter(|state| state.may_sign_in()).collect();
        assert_eq!(allowed, [AccountState::Active]);
    }
}
