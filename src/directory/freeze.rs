//! Freezes: a site or an account stopped in a hurry, until two case workers together lift it.
//!
//! Freezing takes one step, so that nobody has to wait while a stranger reads mail or uses an address
//! that clinicians trust. Lifting takes two different people, because whoever talked one of them round
//! would otherwise undo it. A site can be frozen by its ODS code before it has joined: then no
//! registration of it takes effect until the freeze is lifted.

use super::Refusal;
use crate::audit::{Actor, Entry};
use crate::clock::Timestamp;
use crate::outbox::Change;
use crate::outbox::transitions::{Transition, states, transitions};

/// What the entries of these deeds say.
pub const SITE_FROZEN: &str = "site frozen";
pub const ACCOUNT_FROZEN: &str = "account frozen";
pub const LIFT_AGREED: &str = "first of two agreed to lift a freeze";
pub const KEPT: &str = "freeze kept";
pub const LIFTED: &str = "freeze lifted";

states! {
    /// Where a freeze is.
    FreezeState {
        InForce,
        /// One case worker has agreed to lift it; it is in force.
        LiftAgreed,
        Lifted,
    }
}

transitions! {
    /// Every move of a freeze from state to state.
    FreezeMove of FreezeState {
        Agree "agree to lift": InForce => LiftAgreed;
        Keep "keep": LiftAgreed => InForce;
        Lift "second person agrees": LiftAgreed => Lifted;
    }
}

/// What a freeze stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frozen {
    /// A site, by its ODS code: whoever registers it, whether it has joined or not.
    Site {
        ods_code: String,
    },
    Account {
        id: String,
    },
}

impl Frozen {
    /// As stored: the kind and what names it.
    pub fn stored(&self) -> (&'static str, &str) {
        match self {
            Frozen::Site { ods_code } => ("Site", ods_code),
            Frozen::Account { id } => ("Account", id),
        }
    }

    pub fn parse(kind: &str, named: &str) -> Option<Self> {
        match kind {
            "Site" => Some(Frozen::Site { ods_code: named.to_owned() }),
            "Account" => Some(Frozen::Account { id: named.to_owned() }),
            _ => None,
        }
    }

    fn action(&self) -> &'static str {
        match self {
            Frozen::Site { .. } => SITE_FROZEN,
            Frozen::Account { .. } => ACCOUNT_FROZEN,
        }
    }
}

/// Who agreed to lift a freeze, when and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    pub case_worker: String,
    pub at: Timestamp,
    pub reason: String,
}

/// A site or an account that is stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    pub id: String,
    /// Goes up with every save; a save of an older version is refused.
    pub version: i64,
    pub what: Frozen,
    /// As case workers read it: "Rose Court (VM195)", "Amy Reed".
    pub name: String,
    /// The site, account or registration whose history it belongs to.
    pub about: String,
    /// The registration that somebody said was not theirs; empty where there is none.
    pub registration: String,
    pub state: FreezeState,
    pub frozen_at: Timestamp,
    /// As the trail names them.
    pub frozen_by: String,
    pub reason: String,
    pub agreed: Option<Agreement>,
    pub lifted: Option<Agreement>,
}

impl Freeze {
    /// The entry of a freeze that has just been made.
    pub fn entry(&self, by: Actor) -> Entry {
        Entry::new(by, self.what.action(), &self.about).written(&self.reason)
    }

    /// One case worker agrees to lift it.
    ///
    /// # Errors
    /// [`Refusal::NotFrozen`].
    pub fn agree(self, by: Agreement) -> Result<Change<Self>, Refusal> {
        let Some(state) = FreezeMove::Agree.leads(self.state) else { return Err(self.cannot()) };
        let entry = entry_of(&by, LIFT_AGREED, &self.about);
        Ok(Change::new(Freeze { state, agreed: Some(by), ..self }, entry))
    }

    /// Another case worker agrees, too: it is lifted.
    ///
    /// # Errors
    /// [`Refusal::NotFrozen`]; [`Refusal::SecondPersonNeeded`] for whoever agreed first.
    pub fn lift(self, by: Agreement) -> Result<Change<Self>, Refusal> {
        let Some(state) = FreezeMove::Lift.leads(self.state) else { return Err(self.cannot()) };
        match &self.agreed {
            Some(first) if first.case_worker != by.case_worker => {
                let entry = entry_of(&by, LIFTED, &self.about);
                Ok(Change::new(Freeze { state, lifted: Some(by), ..self }, entry))
            }
            Some(_) | None => Err(Refusal::SecondPersonNeeded),
        }
    }

    /// Somebody wants it kept: what one person agreed to counts no more.
    ///
    /// # Errors
    /// [`Refusal::NotFrozen`] where nobody has agreed to lift it.
    pub fn keep(self, by: Agreement) -> Result<Change<Self>, Refusal> {
        let Some(state) = FreezeMove::Keep.leads(self.state) else { return Err(self.cannot()) };
        let entry = entry_of(&by, KEPT, &self.about);
        Ok(Change::new(Freeze { state, agreed: None, ..self }, entry))
    }

    fn cannot(&self) -> Refusal {
        match self.state {
            FreezeState::InForce | FreezeState::LiftAgreed => Refusal::NobodyAgreed,
            FreezeState::Lifted => Refusal::NotFrozen(self.name.clone()),
        }
    }
}

fn entry_of(by: &Agreement, action: &'static str, about: &str) -> Entry {
    Entry::new(Actor::CaseWorker(by.case_worker.clone()), action, about).written(&by.reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn freeze() -> Freeze {
        Freeze {
            id: "f1".to_owned(),
            version: 1,
            what: Frozen::Site { ods_code: "VM195".to_owned() },
            name: "Rose Court (VM195)".to_owned(),
            about: "site".to_owned(),
            registration: String::new(),
            state: FreezeState::InForce,
            frozen_at: Timestamp::from_milliseconds(1),
            frozen_by: "site contact".to_owned(),
            reason: "not us".to_owned(),
            agreed: None,
            lifted: None,
        }
    }

    fn by(case_worker: &str) -> Agreement {
        Agreement {
            case_worker: case_worker.to_owned(),
            at: Timestamp::from_milliseconds(2),
            reason: "spoke to the manager".to_owned(),
        }
    }

    #[test]
    fn a_freeze_is_lifted_by_two_different_people_only() {
        assert_eq!(freeze().lift(by("one")).err(), Some(Refusal::NobodyAgreed));
        let agreed = freeze().agree(by("one")).expect("agreed").state;
        assert_eq!(agreed.clone().lift(by("one")).err(), Some(Refusal::SecondPersonNeeded));
        let lifted = agreed.clone().lift(by("other")).expect("lifted").state;
        assert_eq!(lifted.state, FreezeState::Lifted);
        assert_eq!(lifted.agree(by("one")).err(), Some(Refusal::NotFrozen("Rose Court (VM195)".to_owned())));

        // Whoever wants it kept begins the count anew.
        let kept = agreed.keep(by("other")).expect("kept").state;
        assert_eq!((kept.state, &kept.agreed), (FreezeState::InForce, &None));
        assert_eq!(kept.lift(by("other")).err(), Some(Refusal::NobodyAgreed));
    }
}
