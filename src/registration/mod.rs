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
pub mod enquiry;
pub mod journey;
pub mod letters;
pub mod pages;
pub mod reasons;
pub mod site_choice;
pub mod store;

use crate::audit::{Actor, Entry};
use crate::clock::{Span, Timestamp};
use crate::id::Reference;
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
    pub fn name(&self) -> &'static str {
        match self {
            RegistrationState::Draft => "Draft",
            RegistrationState::Submitted => "Submitted",
            RegistrationState::Checking => "Checking",
            RegistrationState::Referred => "Referred",
            RegistrationState::MoreInformationAsked { .. } => "MoreInformationAsked",
            RegistrationState::Approved => "Approved",
            RegistrationState::Provisioning => "Provisioning",
            RegistrationState::Live => "Live",
            RegistrationState::Ineligible { .. } => "Ineligible",
            RegistrationState::Declined { .. } => "Declined",
            RegistrationState::Withdrawn => "Withdrawn",
            RegistrationState::Expired => "Expired",
            RegistrationState::Stopped => "Stopped",
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

    /// Whether a decision is still to come.
    pub fn is_undecided(&self) -> bool {
        match self {
            RegistrationState::Submitted
            | RegistrationState::Checking
            | RegistrationState::Referred
            | RegistrationState::MoreInformationAsked { .. } => true,
            RegistrationState::Draft
            | RegistrationState::Approved
            | RegistrationState::Provisioning
            | RegistrationState::Live
            | RegistrationState::Ineligible { .. }
            | RegistrationState::Declined { .. }
            | RegistrationState::Withdrawn
            | RegistrationState::Expired
            | RegistrationState::Stopped => false,
        }
    }
}

/// Every move from state to state, for the picture in the documents and the test that holds the
/// code against it.
pub const MOVES: &[(&str, &str, &str)] = &[
    ("Draft", "submit", "Submitted"),
    ("Draft", "leave by an exit", "Ineligible"),
    ("Draft", "expire", "Expired"),
    ("Draft", "withdraw", "Withdrawn"),
    ("Submitted", "ask the registers", "Checking"),
    ("Submitted", "approve", "Approved"),
    ("Submitted", "refer", "Referred"),
    ("Submitted", "stop", "Stopped"),
    ("Submitted", "withdraw", "Withdrawn"),
    ("Checking", "approve", "Approved"),
    ("Checking", "refer", "Referred"),
    ("Checking", "stop", "Stopped"),
    ("Checking", "withdraw", "Withdrawn"),
    ("Referred", "ask for more", "MoreInformationAsked"),
    ("Referred", "approve", "Approved"),
    ("Referred", "decline", "Declined"),
    ("Referred", "stop", "Stopped"),
    ("Referred", "withdraw", "Withdrawn"),
    ("MoreInformationAsked", "answer", "Referred"),
    ("MoreInformationAsked", "approve", "Approved"),
    ("MoreInformationAsked", "decline", "Declined"),
    ("MoreInformationAsked", "stop", "Stopped"),
    ("MoreInformationAsked", "withdraw", "Withdrawn"),
    ("Approved", "provisioned", "Provisioning"),
    ("Provisioning", "first owner active", "Live"),
];

/// The picture of the states, as a Mermaid diagram, made from [`MOVES`].
pub fn picture() -> String {
    crate::outbox::picture_of("Registration", MOVES)
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

    fn moved(
        self,
        state: RegistrationState,
        actor: Actor,
        action: &'static str,
        detail: impl Into<String>,
    ) -> Change<Self> {
        let entry = Entry::new(actor, action, &self.id).because(detail);
        Change::new(Registration { state, ..self }, entry)
    }

    fn if_undecided(self, to: impl FnOnce(Self) -> Change<Self>) -> Moved {
        if self.state.is_undecided() {
            Ok(to(self))
        } else {
            Err(Refusal::NotUndecided(self.state.in_words()))
        }
    }

    /// Sends the draft.
    ///
    /// # Errors
    /// [`Refusal::NotADraft`] on a double click, [`Refusal::Unanswered`] with the page that is missing.
    pub fn submit(self, at: Timestamp, decided_within: Span) -> Moved {
        if self.state != RegistrationState::Draft {
            return Err(Refusal::NotADraft);
        }
        if !journey::is_complete(&self.answers) {
            return Err(Refusal::Unanswered(journey::next(&self.answers)));
        }
        let id = self.id.clone();
        let sent = Registration { submitted_at: Some(at), due_at: Some(at.plus(decided_within)), ..self };
        Ok(sent
            .moved(RegistrationState::Submitted, Actor::Registrant, "registration submitted", "")
            .then(Work::RunChecks { registration: id }))
    }

    /// The journey ended at an exit.
    ///
    /// # Errors
    /// [`Refusal::NotADraft`].
    pub fn leave(self, reason: Reason) -> Moved {
        if self.state != RegistrationState::Draft {
            return Err(Refusal::NotADraft);
        }
        Ok(self.moved(
            RegistrationState::Ineligible { reason },
            Actor::Registrant,
            "registration left",
            reason.code(),
        ))
    }

    /// The registers are being asked.
    ///
    /// # Errors
    /// [`Refusal::NotUndecided`].
    pub fn begin_checking(self) -> Moved {
        self.if_undecided(|case| {
            case.moved(RegistrationState::Checking, Actor::Service, "register checks begun", "")
        })
    }

    /// Hands the case to a case worker, with the reasons. The reasons may name people and telephone
    /// numbers, so they stay with the case; the audit trail says only that it was referred.
    ///
    /// # Errors
    /// [`Refusal::NotUndecided`].
    pub fn refer(self, because: &str, high_risk: bool) -> Moved {
        self.if_undecided(|case| {
            let case = Registration { high_risk, referred_because: because.to_owned(), ..case };
            let detail = if high_risk { "high risk" } else { "" };
            case.moved(
                RegistrationState::Referred,
                Actor::Service,
                "registration referred to a case worker",
                detail,
            )
        })
    }

    /// A case worker asks the registrant something.
    ///
    /// # Errors
    /// [`Refusal::NotUndecided`].
    pub fn ask_for_more(self, by: &str, question: &str) -> Moved {
        self.if_undecided(|case| {
            case.moved(
                RegistrationState::MoreInformationAsked { question: question.to_owned() },
                Actor::CaseWorker(by.to_owned()),
                "more information asked",
                "",
            )
        })
    }

    /// The registrant answers; the case goes back to the case worker.
    ///
    /// # Errors
    /// [`Refusal::NotAsked`].
    pub fn answer_more(self) -> Moved {
        if !matches!(self.state, RegistrationState::MoreInformationAsked { .. }) {
            return Err(Refusal::NotAsked);
        }
        Ok(self.moved(RegistrationState::Referred, Actor::Registrant, "more information given", ""))
    }

    /// Approves. Who may, and whether a second person is needed, is for case work.
    ///
    /// # Errors
    /// [`Refusal::NotUndecided`].
    pub fn approve(self, by: Actor, why: &str) -> Moved {
        self.if_undecided(|case| case.moved(RegistrationState::Approved, by, "registration approved", why))
    }

    /// # Errors
    /// [`Refusal::NotUndecided`].
    pub fn decline(self, by: &str, reason: Reason, words: &str) -> Moved {
        self.if_undecided(|case| {
            let state = RegistrationState::Declined { reason, words: words.to_owned() };
            case.moved(state, Actor::CaseWorker(by.to_owned()), "registration declined", reason.code())
        })
    }

    /// The site itself says that this registration is not its own.
    ///
    /// # Errors
    /// [`Refusal::NotUndecided`] once it has been decided: then the central team must act.
    pub fn stop(self) -> Moved {
        self.if_undecided(|case| {
            case.moved(
                RegistrationState::Stopped,
                Actor::SiteContact,
                "registration stopped by the site",
                "this was not us",
            )
        })
    }

    /// # Errors
    /// [`Refusal::NotUndecided`] once it has been decided.
    pub fn withdraw(self) -> Moved {
        if self.state == RegistrationState::Draft || self.state.is_undecided() {
            Ok(self.moved(RegistrationState::Withdrawn, Actor::Registrant, "registration withdrawn", ""))
        } else {
            Err(Refusal::NotUndecided(self.state.in_words()))
        }
    }

    /// A draft nobody continued.
    ///
    /// # Errors
    /// [`Refusal::NotADraft`].
    pub fn expire(self) -> Moved {
        if self.state != RegistrationState::Draft {
            return Err(Refusal::NotADraft);
        }
        Ok(self.moved(RegistrationState::Expired, Actor::Service, "draft expired", ""))
    }

    /// The mailboxes are there.
    ///
    /// # Errors
    /// [`Refusal::NotReady`] from any state but [`RegistrationState::Approved`].
    pub fn provisioned(self) -> Moved {
        if self.state != RegistrationState::Approved {
            return Err(Refusal::NotReady);
        }
        Ok(self.moved(RegistrationState::Provisioning, Actor::Service, "mailboxes provisioned", ""))
    }

    /// The first owner has activated.
    ///
    /// # Errors
    /// [`Refusal::NotReady`] from any state but [`RegistrationState::Provisioning`].
    pub fn first_owner_active(self, account: &str) -> Moved {
        if self.state != RegistrationState::Provisioning {
            return Err(Refusal::NotReady);
        }
        Ok(self.moved(
            RegistrationState::Live,
            Actor::AccountHolder(account.to_owned()),
            "registration live",
            "first owner active",
        ))
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

    /// The name of a move with how it is made.
    type NamedMove = (&'static str, fn(Registration) -> Moved);

    fn every_move() -> Vec<NamedMove> {
        vec![
            ("submit", |case| case.submit(Timestamp::from_milliseconds(1), Span::hours(48))),
            ("leave by an exit", |case| case.leave(Reason::Hospice)),
            ("ask the registers", Registration::begin_checking),
            ("refer", |case| case.refer("because", false)),
            ("ask for more", |case| case.ask_for_more("worker", "Which floor?")),
            ("answer", Registration::answer_more),
            ("approve", |case| case.approve(Actor::Service, "")),
            ("decline", |case| case.decline("worker", Reason::DsptNotMet, "")),
            ("stop", Registration::stop),
            ("withdraw", Registration::withdraw),
            ("expire", Registration::expire),
            ("provisioned", Registration::provisioned),
            ("first owner active", |case| case.first_owner_active("account")),
        ]
    }

    #[test]
    fn the_picture_of_the_states_is_what_the_code_does() {
        for state in every_state() {
            for (name, make) in every_move() {
                let made = make(in_state(state.clone()));
                let drawn: Vec<_> =
                    MOVES.iter().filter(|(from, verb, _)| *from == state.name() && *verb == name).collect();
                match made {
                    // A case that is checked twice, or declined while its checks still run, is
                    // allowed by the code because it does no harm; the picture leaves it out.
                    Ok(change) if drawn.is_empty() => assert!(
                        state.is_undecided() && !["answer", "submit"].contains(&name),
                        "{} --{name}--> {} is not drawn",
                        state.name(),
                        change.state.state.name()
                    ),
                    Ok(change) => assert_eq!(drawn[0].2, change.state.state.name()),
                    Err(_) => assert!(drawn.is_empty(), "{} --{name}--> is drawn and refused", state.name()),
                }
            }
        }
    }

    #[test]
    fn what_is_not_complete_cannot_be_sent_and_nothing_is_sent_twice() {
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
    fn a_decided_case_is_not_decided_again() {
        for state in every_state().into_iter().filter(|state| !state.is_undecided()) {
            assert!(in_state(state.clone()).approve(Actor::Service, "").is_err(), "{}", state.name());
            assert!(in_state(state.clone()).decline("worker", Reason::DsptNotMet, "").is_err());
            assert!(in_state(state).stop().is_err());
        }
    }
}
