//! Where an account is. The directory owns the moves between these states; the type is here because
//! signing in, which the directory builds on, must know whether somebody may sign in at all.

use crate::mail::Standing;
use crate::outbox::transitions::StateKind;
use crate::web::components::TagColour;

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

/// What is true of every account in a state.
#[derive(Clone, Copy, Debug)]
pub struct AccountFacts {
    /// As it is stored.
    pub stored: &'static str,
    /// As case workers read it.
    pub words: &'static str,
    pub colour: TagColour,
    /// How its mailbox stands. Before activation nobody could read the mail, and whoever sends it must hear
    /// that.
    pub mail: Standing,
    pub may_sign_in: bool,
    /// Whether there may be sessions and app passwords to end.
    pub may_have_sessions: bool,
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

    /// All that the rest of the service has to know of a state. A new state is an arm here and its moves in
    /// the table of the directory.
    pub fn facts(self) -> AccountFacts {
        let facts = |stored, words, colour, mail| AccountFacts {
            stored,
            words,
            colour,
            mail,
            may_sign_in: false,
            may_have_sessions: true,
        };
        let nobodys = |facts| AccountFacts { may_have_sessions: false, ..facts };
        match self {
            AccountState::Pending => {
                nobodys(facts("Pending", "Not activated yet", TagColour::Grey, Standing::NotActivated))
            }
            AccountState::Active => AccountFacts {
                may_sign_in: true,
                ..facts("Active", "Active", TagColour::Green, Standing::Open)
            },
            AccountState::Inactive => {
                facts("Inactive", "Not used for a long time", TagColour::Yellow, Standing::Inactive)
            }
            AccountState::Disabled => {
                facts("Disabled", "Disabled (long leave)", TagColour::Yellow, Standing::Disabled)
            }
            // The freeze ended its sessions; whatever is left of them is ended by hand.
            AccountState::Frozen => facts("Frozen", "Frozen", TagColour::Red, Standing::Frozen),
            AccountState::Leaver => facts("Leaver", "Has left the site", TagColour::Yellow, Standing::Leaver),
            AccountState::Deleted => nobodys(facts("Deleted", "Deleted", TagColour::Red, Standing::Deleted)),
            AccountState::Purged => {
                nobodys(facts("Purged", "Deleted for good", TagColour::Grey, Standing::Deleted))
            }
        }
    }

    pub fn stored(self) -> &'static str {
        self.facts().stored
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.stored() == text)
    }

    pub fn in_words(self) -> &'static str {
        self.facts().words
    }

    /// Whether its holder may sign in with a password they already have, and so reads their mail here.
    pub fn may_sign_in(self) -> bool {
        self.facts().may_sign_in
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
