//! A registration that was sent: one site's request to join.

use super::Refusal;
use super::checks::{self, RegisterCheck};
use super::complete::Complete;
use super::reasons::Reason;
use super::state::{RegistrationMove, RegistrationState, Stage};
use crate::audit::{Actor, Entry};
use crate::clock::Timestamp;
use crate::id::Reference;
use crate::outbox::Change;
use crate::outbox::transitions::Transition;

/// What the entries of a question and of a decline say.
pub const ASKED: &str = "more information asked";
pub const DECLINED: &str = "registration declined";

/// One site's request to join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    pub id: String,
    pub reference: Reference,
    /// Goes up with every save; a save of an older version is refused.
    pub version: i64,
    pub state: RegistrationState,
    /// What was confirmed and sent.
    pub answers: Complete,
    /// Hash of the browser it was begun in.
    pub browser: String,
    pub started_at: Timestamp,
    pub submitted_at: Timestamp,
    pub due_at: Timestamp,
    /// Two different case workers must approve.
    pub high_risk: bool,
    pub referred_because: String,
}

/// A move with what it saves, or why it cannot be made.
pub type Moved = Result<Change<Registration>, Refusal>;

impl Registration {
    /// Whether the site can have no other undecided registration with a proof beside it. One that has shown
    /// nothing yet keeps nobody out.
    pub fn reserves_site(&self) -> bool {
        self.state.is_undecided() && self.answers.proof.is_shown()
    }

    pub fn site_name(&self) -> &str {
        &self.answers.site.name
    }

    /// Makes a move of the table.
    ///
    /// # Errors
    /// Why the table does not have the move from where the registration is.
    fn moved(
        self,
        verb: RegistrationMove,
        state: RegistrationState,
        actor: Actor,
        action: &'static str,
        detail: impl Into<String>,
    ) -> Moved {
        if verb.leads(self.state.kind()) != Some(state.kind()) {
            return Err(self.cannot(verb));
        }
        let entry = Entry::new(actor, action, &self.id).because(detail);
        Ok(Change::new(Registration { state, ..self }, entry))
    }

    /// Why a move cannot be made from here.
    fn cannot(&self, verb: RegistrationMove) -> Refusal {
        let stage = self.state.kind().stage();
        match verb {
            RegistrationMove::Submit | RegistrationMove::Leave | RegistrationMove::Expire => {
                Refusal::AlreadySent
            }
            RegistrationMove::AnswerMore => Refusal::NotAsked,
            RegistrationMove::Provisioned | RegistrationMove::FirstOwnerActive => Refusal::NotReady,
            RegistrationMove::Approve if stage == Stage::BeingChecked => Refusal::BeingChecked,
            RegistrationMove::AskForMore if stage == Stage::WaitingForRegistrant => Refusal::AskedAlready,
            RegistrationMove::AskRegisters
            | RegistrationMove::ApproveGreen
            | RegistrationMove::Refer
            | RegistrationMove::AskForMore
            | RegistrationMove::Approve
            | RegistrationMove::Decline
            | RegistrationMove::Stop
            | RegistrationMove::Withdraw => Refusal::NotUndecided(self.state.in_words()),
        }
    }

    /// The registers are being asked.
    ///
    /// # Errors
    /// [`Refusal::NotUndecided`].
    pub fn begin_checking(self, by: Actor) -> Moved {
        let verb = RegistrationMove::AskRegisters;
        self.moved(verb, RegistrationState::Checking, by, "register checks begun", "")
    }

    /// Hands the case to a case worker, with the reasons. The reasons may name people and telephone
    /// numbers, so they stay with the case; the audit trail says only that it was referred.
    ///
    /// # Errors
    /// [`Refusal::NotUndecided`].
    pub fn refer(self, by: Actor, because: &str, high_risk: bool) -> Moved {
        let case = Registration { high_risk, referred_because: because.to_owned(), ..self };
        let action = "registration referred to a case worker";
        let detail = if high_risk { "high risk" } else { "" };
        case.moved(RegistrationMove::Refer, RegistrationState::Referred, by, action, detail)
    }

    /// A case worker asks the registrant something.
    ///
    /// # Errors
    /// [`Refusal::AskedAlready`]: one question at a time, a second would hide the first.
    /// [`Refusal::NotUndecided`].
    pub fn ask_for_more(self, by: Actor, question: &str) -> Moved {
        let state = RegistrationState::MoreInformationAsked { question: question.to_owned() };
        self.moved(RegistrationMove::AskForMore, state, by, ASKED, "")
    }

    /// The registrant answers; the case goes back to the case worker.
    ///
    /// # Errors
    /// [`Refusal::NotAsked`].
    pub fn answer_more(self, by: Actor) -> Moved {
        let verb = RegistrationMove::AnswerMore;
        self.moved(verb, RegistrationState::Referred, by, "more information given", "")
    }

    /// The service approves, because every check is green.
    ///
    /// # Errors
    /// [`Refusal::NotUndecided`].
    pub fn approve_green(self, by: Actor) -> Moved {
        let (verb, state) = (RegistrationMove::ApproveGreen, RegistrationState::Approved);
        self.moved(verb, state, by, "registration approved", "every check is green")
    }

    /// A case worker approves, knowing what the registers say. Whether a second person is needed is
    /// for case work.
    ///
    /// # Errors
    /// [`Refusal::BeingChecked`] or [`Refusal::RegistersSilent`] before every register has answered;
    /// [`Refusal::NotUndecided`].
    pub fn approve(self, by: Actor, evidence: &[RegisterCheck], why: &str) -> Moved {
        let unanswered = checks::unanswered(evidence);
        let verb = RegistrationMove::Approve;
        let change = self.moved(verb, RegistrationState::Approved, by, "registration approved", why)?;
        match unanswered {
            None => Ok(change),
            Some(what) => Err(Refusal::RegistersSilent(what)),
        }
    }

    /// # Errors
    /// [`Refusal::NotUndecided`].
    pub fn decline(self, by: Actor, reason: Reason, words: &str) -> Moved {
        let state = RegistrationState::Declined { reason, words: words.to_owned() };
        self.moved(RegistrationMove::Decline, state, by, DECLINED, reason.code())
    }

    /// The site itself says that this registration is not its own.
    ///
    /// # Errors
    /// [`Refusal::NotUndecided`] once it has been decided: then the central team must act.
    pub fn stop(self, by: Actor) -> Moved {
        let (verb, state) = (RegistrationMove::Stop, RegistrationState::Stopped);
        self.moved(verb, state, by, "registration stopped by the site", "this was not us")
    }

    /// # Errors
    /// [`Refusal::NotUndecided`] once it has been decided.
    pub fn withdraw(self, by: Actor) -> Moved {
        let verb = RegistrationMove::Withdraw;
        self.moved(verb, RegistrationState::Withdrawn, by, "registration withdrawn", "")
    }

    /// The mailboxes are there.
    ///
    /// # Errors
    /// [`Refusal::NotReady`].
    pub fn provisioned(self, by: Actor) -> Moved {
        let verb = RegistrationMove::Provisioned;
        self.moved(verb, RegistrationState::Provisioning, by, "mailboxes provisioned", "")
    }

    /// The first owner has activated.
    ///
    /// # Errors
    /// [`Refusal::NotReady`].
    pub fn first_owner_active(self, account: &str) -> Moved {
        let by = Actor::AccountHolder(account.to_owned());
        let verb = RegistrationMove::FirstOwnerActive;
        self.moved(verb, RegistrationState::Live, by, "registration live", "first owner active")
    }
}
