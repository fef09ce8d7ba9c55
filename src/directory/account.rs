//! Accounts: a person's own mailbox and place in the directory.

use super::Refusal;
use crate::audit::{Actor, Entry};
use crate::clock::{Span, Timestamp};
use crate::contact::{Email, Mobile, Name};
use crate::outbox::{Change, Work};
use crate::settings::Secret;

/// Where an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountState {
    /// Nobody has activated it yet: no password, no mail.
    Pending,
    Active,
    /// The person is away for long: nobody gets in and no mail comes in, and everything is kept.
    Disabled,
}

impl AccountState {
    pub fn stored(self) -> &'static str {
        match self {
            AccountState::Pending => "Pending",
            AccountState::Active => "Active",
            AccountState::Disabled => "Disabled",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [AccountState::Pending, AccountState::Active, AccountState::Disabled]
            .into_iter()
            .find(|known| known.stored() == text)
    }

    pub fn in_words(self) -> &'static str {
        match self {
            AccountState::Pending => "Not activated yet",
            AccountState::Active => "Active",
            AccountState::Disabled => "Disabled (long leave)",
        }
    }
}

/// Every move of an account from state to state, for the picture in the documents and the test that
/// holds the code against it.
pub const MOVES: &[(&str, &str, &str)] =
    &[("Pending", "activate", "Active"), ("Active", "disable", "Disabled"), ("Disabled", "enable", "Active")];

/// The picture of an account's states, made from [`MOVES`].
pub fn picture() -> String {
    crate::outbox::picture_of("Account", MOVES)
}

/// A person's own mailbox and place in the directory.
#[derive(Clone, Debug)]
pub struct Account {
    pub id: String,
    /// Goes up with every save; a save of an older version is refused.
    pub version: i64,
    pub state: AccountState,
    pub first_name: Name,
    pub last_name: Name,
    pub role: String,
    pub address: String,
    pub personal_email: Email,
    pub mobile: Mobile,
    pub password_hash: Option<Secret<String>>,
    pub made_at: Timestamp,
    pub activated_at: Option<Timestamp>,
    pub policy_accepted_at: Option<Timestamp>,
    /// When the mail engine first held its mailbox.
    pub provisioned_at: Option<Timestamp>,
    /// When it came into its state.
    pub state_since: Timestamp,
    /// Why, where a person moved it; empty where the state says it all.
    pub state_reason: String,
    /// When its holder last signed in, read mail or sent some.
    pub last_used_at: Option<Timestamp>,
}

impl Account {
    pub fn full_name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
    }

    /// The person has shown who they are, chosen a password and accepted the policy.
    ///
    /// # Errors
    /// [`Refusal::NotPending`].
    pub fn activate(self, at: Timestamp, password_hash: Secret<String>) -> Result<Change<Self>, Refusal> {
        match self.state {
            AccountState::Pending => {
                let entry = Entry::new(Actor::AccountHolder(self.id.clone()), "account activated", &self.id);
                let work = Work::ProvisionAccount { account: self.id.clone() };
                let active = Account {
                    state: AccountState::Active,
                    password_hash: Some(password_hash),
                    activated_at: Some(at),
                    policy_accepted_at: Some(at),
                    state_since: at,
                    ..self
                };
                // The engine lets nobody in and takes no mail before this.
                Ok(Change::new(active, entry).then(work))
            }
            AccountState::Active | AccountState::Disabled => Err(Refusal::NotPending),
        }
    }

    /// The person is away for long: nobody gets in and no mail comes in until it is enabled again.
    ///
    /// # Errors
    /// [`Refusal::NotActive`].
    pub fn disable(self, at: Timestamp, by: Actor, reason: &str) -> Result<Change<Self>, Refusal> {
        match self.state {
            AccountState::Active => {
                let entry = Entry::new(by, "account disabled", &self.id).because(reason);
                let work = Work::ProvisionAccount { account: self.id.clone() };
                let disabled = Account {
                    state: AccountState::Disabled,
                    state_since: at,
                    state_reason: reason.to_owned(),
                    ..self
                };
                Ok(Change::new(disabled, entry).then(work))
            }
            AccountState::Pending | AccountState::Disabled => Err(Refusal::NotActive(self.full_name())),
        }
    }

    /// Until when it can stay disabled; nothing where it is not.
    pub fn disabled_until(&self, most: Span) -> Option<Timestamp> {
        match self.state {
            AccountState::Disabled => Some(self.state_since.plus(most)),
            AccountState::Pending | AccountState::Active => None,
        }
    }

    /// The person is back: everything is as it was.
    ///
    /// # Errors
    /// [`Refusal::NotDisabled`].
    pub fn enable(self, at: Timestamp, by: Actor, reason: &str) -> Result<Change<Self>, Refusal> {
        match self.state {
            AccountState::Disabled => {
                let entry = Entry::new(by, "account enabled", &self.id).because(reason);
                let work = Work::ProvisionAccount { account: self.id.clone() };
                let active = Account {
                    state: AccountState::Active,
                    state_since: at,
                    state_reason: reason.to_owned(),
                    ..self
                };
                Ok(Change::new(active, entry).then(work))
            }
            AccountState::Pending | AccountState::Active => Err(Refusal::NotDisabled(self.full_name())),
        }
    }

    /// The mail engine holds the mailbox. Nothing where it was known to hold it already.
    pub fn provisioned(self, at: Timestamp) -> Option<Change<Self>> {
        if self.provisioned_at.is_some() {
            return None;
        }
        let entry = Entry::new(Actor::Service, "account provisioned", &self.id);
        Some(Change::new(Account { provisioned_at: Some(at), ..self }, entry))
    }
}
