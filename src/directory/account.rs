//! Accounts: a person's own mailbox and place in the directory.

use super::freeze::FreezeMove;
use super::{Refusal, SharedMailboxMove, SiteMove};
use crate::audit::{Actor, Entry};
use crate::clock::{Span, Timestamp};
use crate::contact::{Email, Mobile, Name};
use crate::outbox::transitions::{self, Transition, transitions};
use crate::outbox::{Change, Work};
use crate::settings::Secret;
pub use crate::sign_in::account_state::AccountState;

/// What the entries of these deeds say.
pub const DISABLED: &str = "account disabled";
pub const ENABLED: &str = "account enabled";
pub const SIGNED_OUT: &str = "signed out everywhere and app passwords revoked";

transitions! {
    /// Every move of an account from state to state.
    AccountMove of AccountState {
        Activate "activate": Pending => Active;
        NotUsed "not used for long": Active => Inactive;
        Use "used again": Inactive => Active;
        Disable "disable": Active => Disabled;
        Enable "enable": Disabled => Active;
        Freeze "freeze": Pending | Active | Inactive | Disabled | Leaver => Frozen;
        UnfreezePending "unfreeze, not activated yet": Frozen => Pending;
        UnfreezeActive "unfreeze": Frozen => Active;
        UnfreezeInactive "unfreeze, not used": Frozen => Inactive;
        UnfreezeDisabled "unfreeze, on long leave": Frozen => Disabled;
        UnfreezeLeaver "unfreeze, has left": Frozen => Leaver;
        Leave "leave": Active | Inactive | Disabled => Leaver;
        Join "join": Leaver => Active;
        Delete "delete": Pending | Inactive | Disabled | Leaver => Deleted;
        Restore "restore": Deleted => Active;
        Purge "purge": Deleted => Purged;
    }
}

/// The pictures of the states of what the directory keeps, made from the tables of their moves.
pub fn picture() -> String {
    [
        transitions::picture::<AccountMove>("Account"),
        transitions::picture::<SharedMailboxMove>("Shared mailbox"),
        transitions::picture::<SiteMove>("Site"),
        transitions::picture::<FreezeMove>("Freeze"),
    ]
    .join("\n")
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
    /// While it is frozen: the state it goes back to, with its own moment and reason.
    pub frozen_from: Option<AccountState>,
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
        let Some(state) = AccountMove::Activate.leads(self.state) else { return Err(Refusal::NotPending) };
        let entry = Entry::new(Actor::AccountHolder(self.id.clone()), "account activated", &self.id);
        let work = Work::ProvisionAccount { account: self.id.clone() };
        let active = Account {
            state,
            password_hash: Some(password_hash),
            activated_at: Some(at),
            policy_accepted_at: Some(at),
            state_since: at,
            ..self
        };
        // The engine lets nobody in and takes no mail before this.
        Ok(Change::new(active, entry).then(work))
    }

    /// The person is away for long: nobody gets in and no mail comes in until it is enabled again.
    ///
    /// # Errors
    /// [`Refusal::NotActive`].
    pub fn disable(self, at: Timestamp, by: Actor, reason: &str) -> Result<Change<Self>, Refusal> {
        let Some(state) = AccountMove::Disable.leads(self.state) else {
            return Err(Refusal::NotActive(self.full_name()));
        };
        let entry = Entry::new(by, DISABLED, &self.id).written(reason);
        let work = Work::ProvisionAccount { account: self.id.clone() };
        let moved = Account { state, state_since: at, state_reason: reason.to_owned(), ..self };
        Ok(Change::new(moved, entry).then(work))
    }

    /// Until when it can stay disabled; nothing where it is not.
    pub fn disabled_until(&self, most: Span) -> Option<Timestamp> {
        (self.state == AccountState::Disabled).then(|| self.state_since.plus(most))
    }

    /// The person is back: everything is as it was.
    ///
    /// # Errors
    /// [`Refusal::NotDisabled`].
    pub fn enable(self, at: Timestamp, by: Actor, reason: &str) -> Result<Change<Self>, Refusal> {
        let Some(state) = AccountMove::Enable.leads(self.state) else {
            return Err(Refusal::NotDisabled(self.full_name()));
        };
        let entry = Entry::new(by, ENABLED, &self.id).written(reason);
        let work = Work::ProvisionAccount { account: self.id.clone() };
        let moved = Account { state, state_since: at, state_reason: reason.to_owned(), ..self };
        Ok(Change::new(moved, entry).then(work))
    }

    /// Nobody gets in and no mail comes in until the freeze is lifted. Why, and who lifts it, is kept
    /// with the freeze.
    ///
    /// # Errors
    /// [`Refusal::CannotBeFrozen`].
    pub fn freeze(self, by: Actor) -> Result<Change<Self>, Refusal> {
        let Some(state) = AccountMove::Freeze.leads(self.state) else {
            return Err(Refusal::CannotBeFrozen(self.full_name()));
        };
        let entry = Entry::new(by, "account stopped by a freeze", &self.id);
        let work = Work::ProvisionAccount { account: self.id.clone() };
        Ok(Change::new(Account { state, frozen_from: Some(self.state), ..self }, entry).then(work))
    }

    /// Everything is as it was before the freeze.
    ///
    /// # Errors
    /// [`Refusal::NotFrozen`].
    pub fn unfreeze(self, by: Actor) -> Result<Change<Self>, Refusal> {
        let leads_back = |was: AccountState| {
            AccountMove::ALL.iter().any(|verb| verb.to() == was && verb.leads(self.state) == Some(was))
        };
        let Some(state) = self.frozen_from.filter(|was| leads_back(*was)) else {
            return Err(Refusal::NotFrozen(self.full_name()));
        };
        let entry = Entry::new(by, "account freed from a freeze", &self.id);
        let work = Work::ProvisionAccount { account: self.id.clone() };
        Ok(Change::new(Account { state, frozen_from: None, ..self }, entry).then(work))
    }

    /// Everything that lets somebody in but the password and the authenticator app ends. It is a new
    /// version of the account: who decides about an older one looks again.
    pub fn sign_out_and_revoke(self, by: Actor, reason: &str) -> Change<Self> {
        let entry = Entry::new(by, SIGNED_OUT, &self.id).written(reason);
        let work = Work::ProvisionAccount { account: self.id.clone() };
        Change::new(self, entry).then(work)
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
