//! Where a registration is, and the table of how it moves.

use super::reasons::Reason;
use crate::outbox::transitions::{self, states, transitions};
use serde::{Deserialize, Serialize};

states! {
    /// Where a registration is, without what belongs to the state.
    RegistrationStateKind {
        /// The registrant answers questions.
        Draft,
        /// Sent; its checks wait to be run.
        Submitted,
        /// The registers are being asked; something may have to be asked again.
        Checking,
        /// A case worker decides.
        Referred,
        /// A case worker has asked the registrant something.
        MoreInformationAsked,
        /// Decided; the site is in the directory and its mailboxes are being set up.
        Approved,
        /// The mailboxes are there; nobody has activated yet.
        Provisioning,
        /// At least one owner has activated.
        Live,
        /// It ended before it was sent: the way is not for this organisation.
        Ineligible,
        Declined,
        Withdrawn,
        /// A draft that nobody continued in time.
        Expired,
        /// The site itself said "this was not us".
        Stopped,
    }
}

transitions! {
    /// Every move of a registration from state to state.
    RegistrationMove of RegistrationStateKind {
        Submit "submit": Draft => Submitted;
        Leave "leave by an exit": Draft => Ineligible;
        Expire "expire": Draft => Expired;
        AskRegisters "ask the registers": Submitted => Checking;
        ApproveGreen "approve, every check green": Submitted | Checking => Approved;
        Refer "refer": Submitted | Checking => Referred;
        AskForMore "ask for more": Submitted | Checking | Referred => MoreInformationAsked;
        AnswerMore "answer": MoreInformationAsked => Referred;
        Approve "approve": Referred | MoreInformationAsked => Approved;
        Decline "decline": Submitted | Checking | Referred | MoreInformationAsked => Declined;
        Stop "stop": Submitted | Checking | Referred | MoreInformationAsked => Stopped;
        Withdraw "withdraw": Submitted | Checking | Referred | MoreInformationAsked => Withdrawn;
        Provisioned "provisioned": Approved => Provisioning;
        FirstOwnerActive "first owner active": Provisioning => Live;
    }
}

/// The picture of the states, as a Mermaid diagram, made from [`RegistrationMove`].
pub fn picture() -> String {
    transitions::picture::<RegistrationMove>("Registration")
}

/// What a state means for what is shown and for what may happen beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Answers are given and nothing has been sent.
    Draft,
    /// It ended without being sent.
    NeverSent,
    /// The checks run, and nobody but the service decides yet.
    BeingChecked,
    /// A case worker can decide.
    ToDecide,
    /// A case worker can decide, and an answer of the registrant is waited for.
    WaitingForRegistrant,
    /// The site has joined.
    Joined,
    /// It was sent and ended without the site joining.
    Ended,
}

impl RegistrationStateKind {
    /// The one place where each state is put in its stage; lists of states in SQL follow it.
    pub fn stage(self) -> Stage {
        match self {
            RegistrationStateKind::Draft => Stage::Draft,
            RegistrationStateKind::Ineligible | RegistrationStateKind::Expired => Stage::NeverSent,
            RegistrationStateKind::Submitted | RegistrationStateKind::Checking => Stage::BeingChecked,
            RegistrationStateKind::Referred => Stage::ToDecide,
            RegistrationStateKind::MoreInformationAsked => Stage::WaitingForRegistrant,
            RegistrationStateKind::Approved
            | RegistrationStateKind::Provisioning
            | RegistrationStateKind::Live => Stage::Joined,
            RegistrationStateKind::Declined
            | RegistrationStateKind::Withdrawn
            | RegistrationStateKind::Stopped => Stage::Ended,
        }
    }

    /// Whether it was sent, so that it is a case; drafts are nobody else's business.
    pub fn was_sent(self) -> bool {
        match self.stage() {
            Stage::Draft | Stage::NeverSent => false,
            Stage::BeingChecked
            | Stage::ToDecide
            | Stage::WaitingForRegistrant
            | Stage::Joined
            | Stage::Ended => true,
        }
    }

    /// Whether a decision is still to come.
    pub fn is_undecided(self) -> bool {
        match self.stage() {
            Stage::BeingChecked | Stage::ToDecide | Stage::WaitingForRegistrant => true,
            Stage::Draft | Stage::NeverSent | Stage::Joined | Stage::Ended => false,
        }
    }

    /// Whether it is over without the site having joined, so that what was said in it is no longer
    /// needed after a while.
    pub fn is_over(self) -> bool {
        match self.stage() {
            Stage::NeverSent | Stage::Ended => true,
            Stage::Draft
            | Stage::BeingChecked
            | Stage::ToDecide
            | Stage::WaitingForRegistrant
            | Stage::Joined => false,
        }
    }

    /// As the registrant reads it.
    pub fn in_words(self) -> &'static str {
        match self {
            RegistrationStateKind::Draft => "Not sent yet",
            RegistrationStateKind::Submitted | RegistrationStateKind::Checking => "Being checked",
            RegistrationStateKind::Referred => "With our team",
            RegistrationStateKind::MoreInformationAsked => "We need more information from you",
            RegistrationStateKind::Approved => "Approved. We are setting up your mailboxes",
            RegistrationStateKind::Provisioning => "Ready to activate",
            RegistrationStateKind::Live => "Live",
            RegistrationStateKind::Ineligible => "Not eligible",
            RegistrationStateKind::Declined => "Declined",
            RegistrationStateKind::Withdrawn => "Withdrawn",
            RegistrationStateKind::Expired => "Expired",
            RegistrationStateKind::Stopped => "Stopped by the site",
        }
    }
}

/// Where something is that was not sent, with what belongs to the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DraftState {
    Draft,
    Ineligible { reason: Reason },
    Expired,
}

impl DraftState {
    pub fn kind(&self) -> RegistrationStateKind {
        match self {
            DraftState::Draft => RegistrationStateKind::Draft,
            DraftState::Ineligible { .. } => RegistrationStateKind::Ineligible,
            DraftState::Expired => RegistrationStateKind::Expired,
        }
    }
}

/// Where a registration is that was sent, with what belongs to the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegistrationState {
    Submitted,
    Checking,
    Referred,
    MoreInformationAsked { question: String },
    Approved,
    Provisioning,
    Live,
    Declined { reason: Reason, words: String },
    Withdrawn,
    Stopped,
}

impl RegistrationState {
    pub fn kind(&self) -> RegistrationStateKind {
        match self {
            RegistrationState::Submitted => RegistrationStateKind::Submitted,
            RegistrationState::Checking => RegistrationStateKind::Checking,
            RegistrationState::Referred => RegistrationStateKind::Referred,
            RegistrationState::MoreInformationAsked { .. } => RegistrationStateKind::MoreInformationAsked,
            RegistrationState::Approved => RegistrationStateKind::Approved,
            RegistrationState::Provisioning => RegistrationStateKind::Provisioning,
            RegistrationState::Live => RegistrationStateKind::Live,
            RegistrationState::Declined { .. } => RegistrationStateKind::Declined,
            RegistrationState::Withdrawn => RegistrationStateKind::Withdrawn,
            RegistrationState::Stopped => RegistrationStateKind::Stopped,
        }
    }

    pub fn in_words(&self) -> &'static str {
        self.kind().in_words()
    }

    /// Whether a decision is still to come.
    pub fn is_undecided(&self) -> bool {
        self.kind().is_undecided()
    }
}
