//! The NAS route: one person registers one site, and the central team looks after its accounts.
//!
//! A registration is a draft until it is sent; then it is checked against the registers and either
//! decided straight away (every check green, nothing flagged) or referred to a case worker. The
//! journey is derived from the answers; the state moves by the functions here and in no other way;
//! each move is saved with its entry, its work and its letters.
//!
//! What is deliberately not here: making the site, its mailbox and its accounts (the directory does,
//! when a decision takes effect), and who may decide (case work).

pub mod after_set_up;
pub mod answers;
pub mod checks;
pub mod journey;
pub mod letters;
pub mod moves;
pub mod pages;
pub mod reasons;
pub mod site_choice;
pub mod store;
pub mod verify;

use crate::audit::{Actor, Entry};
use crate::clock::{Span, Timestamp};
use crate::id::Reference;
use crate::outbox::transitions::{self, Transition, states, transitions};
use crate::outbox::{Change, Work};
use answers::{Answers, QUESTIONS_VERSION};
use reasons::Reason;
use serde::{Deserialize, Serialize};

/// Where a registration is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegistrationState {
    Draft,
    /// Sent; its checks wait to be run.
    Submitted,
    /// The registers are being asked; something may have to be asked again.
    Checking,
    /// A case worker decides.
    Referred,
    /// A case worker has asked the registrant something.
    MoreInformationAsked {
        question: String,
    },
    /// Decided; the site is in the directory and its mailboxes are being set up.
    Approved,
    /// The mailboxes are there; nobody has activated yet.
    Provisioning,
    /// At least one owner has activated.
    Live,
    /// It ended before it was sent: the way is not for this organisation.
    Ineligible {
        reason: Reason,
    },
    Declined {
        reason: Reason,
        words: String,
    },
    Withdrawn,
    /// A draft that nobody continued in time.
    Expired,
    /// The site itself said "this was not us".
    Stopped,
}

impl RegistrationState {
    pub fn kind(&self) -> RegistrationStateKind {
        match self {
            RegistrationState::Draft => RegistrationStateKind::Draft,
            RegistrationState::Submitted => RegistrationStateKind::Submitted,
            RegistrationState::Checking => RegistrationStateKind::Checking,
            RegistrationState::Referred => RegistrationStateKind::Referred,
            RegistrationState::MoreInformationAsked { .. } => RegistrationStateKind::MoreInformationAsked,
            RegistrationState::Approved => RegistrationStateKind::Approved,
            RegistrationState::Provisioning => RegistrationStateKind::Provisioning,
            RegistrationState::Live => RegistrationStateKind::Live,
            RegistrationState::Ineligible { .. } => RegistrationStateKind::Ineligible,
            RegistrationState::Declined { .. } => RegistrationStateKind::Declined,
            RegistrationState::Withdrawn => RegistrationStateKind::Withdrawn,
            RegistrationState::Expired => RegistrationStateKind::Expired,
            RegistrationState::Stopped => RegistrationStateKind::Stopped,
        }
    }

    /// As the registrant reads it.
    pub fn in_words(&self) -> &'static str {
        match self {
            RegistrationState::Draft => "Not sent yet",
            RegistrationState::Submitted | RegistrationState::Checking => "Being checked",
            RegistrationState::Referred => "With our team",
            RegistrationState::MoreInformationAsked { .. } => "We need more information from you",
            RegistrationState::Approved => "Approved. We are setting up your mailboxes",
            RegistrationState::Provisioning => "Ready to activate",
            RegistrationState::Live => "Live",
            RegistrationState::Ineligible { .. } => "Not eligible",
            RegistrationState::Declined { .. } => "Declined",
            RegistrationState::Withdrawn => "Withdrawn",
            RegistrationState::Expired => "Expired",
            RegistrationState::Stopped => "Stopped by the site",
        }
    }

    /// Whether its checks have not been concluded.
    pub fn is_being_checked(&self) -> bool {
        matches!(self, RegistrationState::Submitted | RegistrationState::Checking)
    }

    /// Whether a question of ours waits for its answer.
    pub fn is_asked(&self) -> bool {
        matches!(self, RegistrationState::MoreInformationAsked { .. })
    }

    /// Whether a decision is still to come.
    pub fn is_undecided(&self) -> bool {
        self.kind().is_undecided()
    }
}

states! {
    /// Where a registration is, without what belongs to the state.
    RegistrationStateKind {
        Draft,
        Submitted,
        Checking,
        Referred,
        MoreInformationAsked,
        Approved,
        Provisioning,
        Live,
        Ineligible,
        Declined,
        Withdrawn,
        Expired,
        Stopped,
    }
}

impl RegistrationStateKind {
    /// Whether a decision is still to come.
    pub fn is_undecided(self) -> bool {
        match self {
            RegistrationStateKind::Submitted
            | RegistrationStateKind::Checking
            | RegistrationStateKind::Referred
            | RegistrationStateKind::MoreInformationAsked => true,
            RegistrationStateKind::Draft
            | RegistrationStateKind::Approved
            | RegistrationStateKind::Provisioning
            | RegistrationStateKind::Live
            | RegistrationStateKind::Ineligible
            | RegistrationStateKind::Declined
            | RegistrationStateKind::Withdrawn
            | RegistrationStateKind::Expired
            | RegistrationStateKind::Stopped => false,
        }
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

/// One site's request to join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    pub id: String,
    pub reference: Reference,
    /// Goes up with every save; a save of an older version is refused.
    pub version: i64,
    pub state: RegistrationState,
    pub answers: Answers,
    pub questions_version: i64,
    /// Hash of the browser it was begun in.
    pub browser: String,
    pub network: String,
    pub started_at: Timestamp,
    pub expires_at: Timestamp,
    pub submitted_at: Option<Timestamp>,
    pub due_at: Option<Timestamp>,
    /// Two different case workers must approve.
    pub high_risk: bool,
    pub referred_because: String,
}

/// Why a move cannot be made, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A page has no answer yet.
    Unanswered(journey::Page),
    NotADraft,
    /// The case has moved on; says where it is now.
    NotUndecided(&'static str),
    NotAsked,
    /// The registers have not all answered.
    BeingChecked,
    /// A question of ours waits for its answer.
    AskedAlready,
    NotReady,
}

impl Refusal {
    pub fn words(&self) -> String {
        match self {
            Refusal::Unanswered(_) => "Some questions have no answer yet.".to_owned(),
            Refusal::NotADraft => "This registration has been sent already. Nothing was changed.".to_owned(),
            Refusal::NotUndecided(state) => {
                format!("This case has moved on: it is now “{state}”. Nothing was changed.")
            }
            Refusal::NotAsked => "We have not asked you anything about this registration.".to_owned(),
            Refusal::BeingChecked => {
                "You can approve when the registers have answered. They are asked again by themselves."
                    .to_owned()
            }
            Refusal::AskedAlready => {
                "The registrant has been asked something already. Wait for the answer before you ask again."
                    .to_owned()
            }
            Refusal::NotReady => "The mailboxes are not ready for that yet.".to_owned(),
        }
    }
}

/// A move with what it saves, or why it cannot be made.
pub type Moved = Result<Change<Registration>, Refusal>;

impl Registration {
    /// A new draft.
    pub fn begin(id: String, browser: String, network: String, at: Timestamp, lasts: Span) -> Self {
        Registration {
            id,
            reference: Reference::new(),
            version: 1,
            state: RegistrationState::Draft,
            answers: Answers::default(),
            questions_version: QUESTIONS_VERSION,
            browser,
            network,
            started_at: at,
            expires_at: at.plus(lasts),
            submitted_at: None,
            due_at: None,
            high_risk: false,
            referred_because: String::new(),
        }
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
        match verb {
            RegistrationMove::Submit | RegistrationMove::Leave | RegistrationMove::Expire => {
                Refusal::NotADraft
            }
            RegistrationMove::AnswerMore => Refusal::NotAsked,
            RegistrationMove::Provisioned | RegistrationMove::FirstOwnerActive => Refusal::NotReady,
            RegistrationMove::Approve if self.state.is_being_checked() => Refusal::BeingChecked,
            RegistrationMove::AskForMore if self.state.is_asked() => Refusal::AskedAlready,
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

    /// Sends the draft.
    ///
    /// # Errors
    /// [`Refusal::NotADraft`] on a double click, [`Refusal::Unanswered`] with the page that is missing.
    pub fn submit(self, at: Timestamp, decided_within: Span) -> Moved {
        if self.state == RegistrationState::Draft && !journey::is_complete(&self.answers) {
            return Err(Refusal::Unanswered(journey::next(&self.answers)));
        }
        let id = self.id.clone();
        let sent = Registration { submitted_at: Some(at), due_at: Some(at.plus(decided_within)), ..self };
        let sent = sent.moved(
            RegistrationMove::Submit,
            RegistrationState::Submitted,
            Actor::Registrant,
            "registration submitted",
            "",
        )?;
        Ok(sent.then(Work::RunChecks { registration: id }))
    }

    /// The journey ended at an exit.
    ///
    /// # Errors
    /// [`Refusal::NotADraft`].
    pub fn leave(self, reason: Reason) -> Moved {
        self.moved(
            RegistrationMove::Leave,
            RegistrationState::Ineligible { reason },
            Actor::Registrant,
            "registration left",
            reason.code(),
        )
    }

    /// The registers are being asked.
    ///
    /// # Errors
    /// [`Refusal::NotUndecided`].
    pub fn begin_checking(self) -> Moved {
        self.moved(
            RegistrationMove::AskRegisters,
            RegistrationState::Checking,
            Actor::Service,
            "register checks begun",
            "",
        )
    }

    /// Hands the case to a case worker, with the reasons. The reasons may name people and telephone
    /// numbers, so they stay with the case; the audit trail says only that it was referred.
    ///
    /// # Errors
    /// [`Refusal::NotUndecided`].
    pub fn refer(self, because: &str, high_risk: bool) -> Moved {
        let case = Registration { high_risk, referred_because: because.to_owned(), ..self };
        case.moved(
            RegistrationMove::Refer,
            RegistrationState::Referred,
            Actor::Service,
            "registration referred to a case worker",
            if high_risk { "high risk" } else { "" },
        )
    }

    /// A case worker asks the registrant something.
    ///
    /// # Errors
    /// [`Refusal::AskedAlready`]: one question at a time, a second would hide the first.
    /// [`Refusal::NotUndecided`].
    pub fn ask_for_more(self, by: &str, question: &str) -> Moved {
        self.moved(
            RegistrationMove::AskForMore,
            RegistrationState::MoreInformationAsked { question: question.to_owned() },
            Actor::CaseWorker(by.to_owned()),
            "more information asked",
            "",
        )
    }

    /// The registrant answers; the case goes back to the case worker.
    ///
    /// # Errors
    /// [`Refusal::NotAsked`].
    pub fn answer_more(self) -> Moved {
        self.moved(
            RegistrationMove::AnswerMore,
            RegistrationState::Referred,
            Actor::Registrant,
            "more information given",
            "",
        )
    }

    /// The service approves, because every check is green.
    ///
    /// # Errors
    /// [`Refusal::NotUndecided`].
    pub fn approve_green(self) -> Moved {
        self.moved(
            RegistrationMove::ApproveGreen,
            RegistrationState::Approved,
            Actor::Service,
            "registration approved",
            "every check is green",
        )
    }

    /// A case worker approves. Whether a second person is needed is for case work.
    ///
    /// # Errors
    /// [`Refusal::BeingChecked`] before the registers have answered, [`Refusal::NotUndecided`].
    pub fn approve(self, by: Actor, why: &str) -> Moved {
        self.moved(RegistrationMove::Approve, RegistrationState::Approved, by, "registration approved", why)
    }

    /// # Errors
    /// [`Refusal::NotUndecided`].
    pub fn decline(self, by: &str, reason: Reason, words: &str) -> Moved {
        self.moved(
            RegistrationMove::Decline,
            RegistrationState::Declined { reason, words: words.to_owned() },
            Actor::CaseWorker(by.to_owned()),
            "registration declined",
            reason.code(),
        )
    }

    /// The site itself says that this registration is not its own.
    ///
    /// # Errors
    /// [`Refusal::NotUndecided`] once it has been decided: then the central team must act.
    pub fn stop(self) -> Moved {
        self.moved(
            RegistrationMove::Stop,
            RegistrationState::Stopped,
            Actor::SiteContact,
            "registration stopped by the site",
            "this was not us",
        )
    }

    /// # Errors
    /// [`Refusal::NotUndecided`] once it has been decided.
    pub fn withdraw(self) -> Moved {
        self.moved(
            RegistrationMove::Withdraw,
            RegistrationState::Withdrawn,
            Actor::Registrant,
            "registration withdrawn",
            "",
        )
    }

    /// A draft nobody continued.
    ///
    /// # Errors
    /// [`Refusal::NotADraft`].
    pub fn expire(self) -> Moved {
        self.moved(RegistrationMove::Expire, RegistrationState::Expired, Actor::Service, "draft expired", "")
    }

    /// The mailboxes are there.
    ///
    /// # Errors
    /// [`Refusal::NotReady`].
    pub fn provisioned(self) -> Moved {
        self.moved(
            RegistrationMove::Provisioned,
            RegistrationState::Provisioning,
            Actor::Service,
            "mailboxes provisioned",
            "",
        )
    }

    /// The first owner has activated.
    ///
    /// # Errors
    /// [`Refusal::NotReady`].
    pub fn first_owner_active(self, account: &str) -> Moved {
        self.moved(
            RegistrationMove::FirstOwnerActive,
            RegistrationState::Live,
            Actor::AccountHolder(account.to_owned()),
            "registration live",
            "first owner active",
        )
    }

    /// The name the site goes by, or nothing before one was chosen.
    pub fn site_name(&self) -> &str {
        self.answers.site.as_ref().map_or("", |site| &site.name)
    }

    /// Whom letters about it go to.
    pub fn registrant_email(&self) -> Option<&crate::contact::Email> {
        self.answers.email.as_ref().filter(|_| self.answers.email_confirmed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::transitions::StateKind;

    fn draft() -> Registration {
        let mut draft = Registration::begin(
            "id".to_owned(),
            "browser".to_owned(),
            "network".to_owned(),
            Timestamp::from_milliseconds(0),
            Span::days(30),
        );
        draft.answers = journey::tests::complete();
        draft
    }

    fn in_state(state: RegistrationState) -> Registration {
        Registration { state, ..draft() }
    }

    fn every_state() -> Vec<RegistrationState> {
        let reason = Reason::DsptNotMet;
        vec![
            RegistrationState::Draft,
            RegistrationState::Submitted,
            RegistrationState::Checking,
            RegistrationState::Referred,
            RegistrationState::MoreInformationAsked { question: "Which floor?".to_owned() },
            RegistrationState::Approved,
            RegistrationState::Provisioning,
            RegistrationState::Live,
            RegistrationState::Ineligible { reason },
            RegistrationState::Declined { reason, words: String::new() },
            RegistrationState::Withdrawn,
            RegistrationState::Expired,
            RegistrationState::Stopped,
        ]
    }

    /// Each move of the table as it is made.
    fn made_by(verb: RegistrationMove) -> fn(Registration) -> Moved {
        match verb {
            RegistrationMove::Submit => |case| case.submit(Timestamp::from_milliseconds(1), Span::hours(48)),
            RegistrationMove::Leave => |case| case.leave(Reason::Hospice),
            RegistrationMove::Expire => Registration::expire,
            RegistrationMove::AskRegisters => Registration::begin_checking,
            RegistrationMove::ApproveGreen => Registration::approve_green,
            RegistrationMove::Refer => |case| case.refer("because", false),
            RegistrationMove::AskForMore => |case| case.ask_for_more("worker", "Which floor?"),
            RegistrationMove::AnswerMore => Registration::answer_more,
            RegistrationMove::Approve => |case| case.approve(Actor::CaseWorker("worker".to_owned()), ""),
            RegistrationMove::Decline => |case| case.decline("worker", Reason::DsptNotMet, ""),
            RegistrationMove::Stop => Registration::stop,
            RegistrationMove::Withdraw => Registration::withdraw,
            RegistrationMove::Provisioned => Registration::provisioned,
            RegistrationMove::FirstOwnerActive => |case| case.first_owner_active("account"),
        }
    }

    #[test]
    fn registrations_move_as_the_table_says_and_in_no_other_way() {
        let states = every_state();
        let kinds: Vec<_> = states.iter().map(RegistrationState::kind).collect();
        assert_eq!(kinds, RegistrationStateKind::ALL);
        for state in states {
            for verb in RegistrationMove::ALL {
                let moved = made_by(*verb)(in_state(state.clone()));
                let led = moved.map(|change| change.state.state.kind()).ok();
                assert_eq!(led, verb.leads(state.kind()), "{:?} {verb:?}", state.kind());
            }
        }
    }

    #[test]
    fn drafts_are_sent_when_complete_and_once() {
        let mut half = draft();
        half.answers.town = None;
        assert_eq!(
            half.submit(Timestamp::from_milliseconds(1), Span::hours(48)).expect_err("refused"),
            Refusal::Unanswered(journey::Page::Town)
        );
        let sent = draft().submit(Timestamp::from_milliseconds(1), Span::hours(48)).expect("sent");
        assert_eq!(sent.work, [Work::RunChecks { registration: "id".to_owned() }]);
        assert_eq!(sent.state.due_at, Some(Timestamp::from_milliseconds(1).plus(Span::hours(48))));
        let again = sent.state.submit(Timestamp::from_milliseconds(2), Span::hours(48));
        assert_eq!(again.expect_err("refused"), Refusal::NotADraft);
    }

    #[test]
    fn approval_waits_for_the_registers_and_questions_for_their_answer() {
        let by = || Actor::CaseWorker("worker".to_owned());
        for state in [RegistrationState::Submitted, RegistrationState::Checking] {
            assert_eq!(in_state(state).approve(by(), "").expect_err("refused"), Refusal::BeingChecked);
        }
        let asked = RegistrationState::MoreInformationAsked { question: "Which floor?".to_owned() };
        let again = in_state(asked).ask_for_more("worker", "And which door?");
        assert_eq!(again.expect_err("refused"), Refusal::AskedAlready);
        let withdrawn = in_state(RegistrationState::Withdrawn).approve(by(), "").expect_err("refused");
        assert_eq!(withdrawn, Refusal::NotUndecided("Withdrawn"));
    }
}
