//! The NAS route: one person registers one site, and the central team looks after its accounts.
//!
//! What is typed before a registration is sent is a [`Draft`] with [`answers::Answers`]; the journey is
//! derived from them. What was sent is a [`Registration`] with [`complete::Complete`] answers; it is
//! checked against the registers and either decided straight away (every check green) or referred to a
//! case worker. The state moves as the table in [`state`] says and in no other way; what a registrant,
//! the site's contact or the clock does is a move in `moves/`, saved with its entry, work and letters.
//!
//! What is deliberately not here: making the site, its mailbox and its accounts (the directory does,
//! when a decision takes effect), and who may decide (case work).

pub mod after_set_up;
pub mod answer;
pub mod answers;
pub mod checks;
pub mod complete;
mod draft;
#[cfg(test)]
pub mod for_tests;
pub mod journey;
pub mod letters;
pub mod moves;
pub mod pages;
pub mod reasons;
mod sent;
pub mod site_choice;
pub mod state;
pub mod store;
pub mod summary;
pub mod verify;

pub use draft::Draft;
pub use sent::{ASKED, DECLINED, Moved, Registration};
pub use state::{DraftState, RegistrationMove, RegistrationState, RegistrationStateKind, Stage, picture};

use crate::id::Reference;
use crate::sign_in::codes::CodeProblem;

/// A registration as it is stored, whatever has become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    Draft(Draft),
    Sent(Registration),
    Forgotten(Forgotten),
}

/// What is left of a registration whose answers were deleted some time after it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forgotten {
    pub id: String,
    pub reference: Reference,
    pub state: RegistrationStateKind,
}

impl Stored {
    /// What has not been sent, or ended without being sent.
    pub fn draft(self) -> Option<Draft> {
        match self {
            Stored::Draft(draft) => Some(draft),
            Stored::Sent(_) | Stored::Forgotten(_) => None,
        }
    }

    pub fn id(&self) -> &str {
        match self {
            Stored::Draft(draft) => &draft.id,
            Stored::Sent(registration) => &registration.id,
            Stored::Forgotten(forgotten) => &forgotten.id,
        }
    }

    pub fn reference(&self) -> &Reference {
        match self {
            Stored::Draft(draft) => &draft.reference,
            Stored::Sent(registration) => &registration.reference,
            Stored::Forgotten(forgotten) => &forgotten.reference,
        }
    }

    /// What was sent.
    pub fn sent(self) -> Option<Registration> {
        match self {
            Stored::Sent(registration) => Some(registration),
            Stored::Draft(_) | Stored::Forgotten(_) => None,
        }
    }
}

/// Why a move cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A page has no answer yet.
    Unanswered(journey::Page),
    /// The answer is to a question that the answers so far do not lead to.
    NotAskedYet(journey::Page),
    /// An answer cannot stand beside the others; says why, in words for its field.
    Answer {
        field: &'static str,
        words: String,
    },
    /// It has been sent.
    AlreadySent,
    /// The draft expired, or the journey ended at an exit.
    DraftIsOver,
    /// The site has accounts.
    SiteTaken,
    /// A registration of this site whose registrant has shown that they may act for it is being decided.
    UnderReview(String),
    /// A code was not sent or not taken.
    Code(CodeProblem),
    /// There is nowhere to send a code for the site.
    NoSiteEmail,
    /// The contact ID is not the one on record.
    WrongContactId,
    /// Too many tries or messages; says when to try again.
    TooOften(crate::sign_in::limits::UsedUp),
    /// The case has moved on; says where it is now.
    NotUndecided(&'static str),
    NotAsked,
    /// The registers have not all answered.
    BeingChecked,
    /// These checks have no outcome; names them.
    RegistersSilent(String),
    /// A question of ours waits for its answer.
    AskedAlready,
    NotReady,
    /// The link was used, replaced, or has run out.
    DeadLink,
}

/// What somebody is told who wants to register a site that is being decided already.
pub fn under_review(name: &str) -> String {
    format!(
        "We are already checking a registration of {name}, so you do not need to send another. If neither you nor a colleague sent it, call our helpdesk"
    )
}

impl Refusal {
    /// What to say, with what to do about it. Refusals that a page shows beside a field or answers by
    /// leading somewhere else have words for everybody who is not a page.
    pub fn words(&self) -> String {
        let words = match self {
            Refusal::Unanswered(_) | Refusal::NotAskedYet(_) => "Some questions have no answer yet.",
            Refusal::Answer { words, .. } => words,
            Refusal::AlreadySent => {
                "This registration has been sent. Your answers cannot be changed any more. Nothing was changed."
            }
            Refusal::DraftIsOver => {
                "This registration has ended without being sent. Start a new one. Nothing was changed."
            }
            Refusal::SiteTaken => "The site has accounts already.",
            Refusal::UnderReview(name) => return under_review(name),
            Refusal::Code(_) => "The code was not sent or not taken.",
            Refusal::NoSiteEmail => "We have no email address of your site. Choose another way",
            Refusal::WrongContactId => {
                "This contact ID is not the one CQC gave us for the site. Check the certificate, or show it in another way"
            }
            Refusal::TooOften(_) => "This was tried too often. Try again later.",
            Refusal::NotUndecided(state) => {
                return format!("This case has moved on: it is now “{state}”. Nothing was changed.");
            }
            Refusal::NotAsked => "We have not asked you anything about this registration.",
            Refusal::BeingChecked => {
                "You can approve when the registers have answered. They are asked again by themselves."
            }
            Refusal::RegistersSilent(what) => {
                return format!(
                    "A register has not answered, so this cannot be approved yet: {what}. Approve again in a few minutes; the register is then asked again."
                );
            }
            Refusal::AskedAlready => {
                "The registrant has been asked something already. Wait for the answer before you ask again."
            }
            Refusal::DeadLink => "This link no longer works.",
            Refusal::NotReady => "The mailboxes are not ready for that yet.",
        };
        words.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::checks::{CHECKS, Outcome, RegisterCheck};
    use super::complete::Complete;
    use super::*;
    use crate::audit::Actor;
    use crate::clock::{Span, Timestamp};
    use crate::outbox::Work;
    use crate::outbox::transitions::{StateKind, Transition};
    use answers::PeopleBounds;
    use reasons::Reason;

    const NOON: Timestamp = Timestamp::from_milliseconds(43_200_000);
    const PEOPLE: PeopleBounds = PeopleBounds { min: 2, max: 10 };

    fn draft() -> Draft {
        let text = |text: &str| text.to_owned();
        let mut draft = Draft::begin(text("id"), text("browser"), text("network"), NOON, Span::days(30));
        draft.answers = journey::tests::complete();
        draft
    }

    fn sent() -> Registration {
        Registration {
            id: "id".to_owned(),
            reference: Reference::new(),
            version: 1,
            state: RegistrationState::Submitted,
            answers: Complete::of(journey::tests::complete()).expect("complete"),
            browser: "browser".to_owned(),
            started_at: NOON,
            submitted_at: NOON,
            due_at: NOON,
            high_risk: false,
            referred_because: String::new(),
        }
    }

    /// Something in a state, with what belongs to it.
    fn in_state(kind: RegistrationStateKind) -> Stored {
        let reason = Reason::DsptNotMet;
        let of_draft = |state| Stored::Draft(Draft { state, ..draft() });
        let of_sent = |state| Stored::Sent(Registration { state, ..sent() });
        match kind {
            RegistrationStateKind::Draft => of_draft(DraftState::Draft),
            RegistrationStateKind::Ineligible => of_draft(DraftState::Ineligible { reason }),
            RegistrationStateKind::Expired => of_draft(DraftState::Expired),
            RegistrationStateKind::Submitted => of_sent(RegistrationState::Submitted),
            RegistrationStateKind::Checking => of_sent(RegistrationState::Checking),
            RegistrationStateKind::Referred => of_sent(RegistrationState::Referred),
            RegistrationStateKind::MoreInformationAsked => {
                of_sent(RegistrationState::MoreInformationAsked { question: "Which floor?".to_owned() })
            }
            RegistrationStateKind::Approved => of_sent(RegistrationState::Approved),
            RegistrationStateKind::Provisioning => of_sent(RegistrationState::Provisioning),
            RegistrationStateKind::Live => of_sent(RegistrationState::Live),
            RegistrationStateKind::Declined => {
                of_sent(RegistrationState::Declined { reason, words: String::new() })
            }
            RegistrationStateKind::Withdrawn => of_sent(RegistrationState::Withdrawn),
            RegistrationStateKind::Stopped => of_sent(RegistrationState::Stopped),
        }
    }

    fn worker() -> Actor {
        Actor::CaseWorker("worker".to_owned())
    }

    /// Every register has answered.
    fn evidence() -> Vec<RegisterCheck> {
        CHECKS
            .map(|check| RegisterCheck {
                check,
                outcome: Outcome::Pass,
                words: String::new(),
                evidence: String::new(),
                checked_at: NOON,
            })
            .to_vec()
    }

    /// Makes a move, as far as its types allow it: what was sent cannot even be asked to expire.
    fn made(verb: RegistrationMove, from: Stored) -> Option<RegistrationStateKind> {
        match (verb, from) {
            (RegistrationMove::Submit, Stored::Draft(draft)) => {
                let moved = draft.submit(Actor::Registrant, NOON, Span::hours(48), PEOPLE);
                moved.ok().map(|change| change.state.state.kind())
            }
            (RegistrationMove::Leave, Stored::Draft(draft)) => {
                let moved = draft.leave(Actor::Registrant, Reason::Hospice);
                moved.ok().map(|change| change.state.state.kind())
            }
            (RegistrationMove::Expire, Stored::Draft(draft)) => {
                draft.expire(Actor::Service).ok().map(|change| change.state.state.kind())
            }
            (
                RegistrationMove::Submit | RegistrationMove::Leave | RegistrationMove::Expire,
                Stored::Sent(_) | Stored::Forgotten(_),
            ) => None,
            (verb, Stored::Sent(case)) => moved(verb, case).ok().map(|change| change.state.state.kind()),
            (_, Stored::Draft(_) | Stored::Forgotten(_)) => None,
        }
    }

    fn moved(verb: RegistrationMove, case: Registration) -> Moved {
        match verb {
            RegistrationMove::Submit | RegistrationMove::Leave | RegistrationMove::Expire => {
                Err(Refusal::AlreadySent)
            }
            RegistrationMove::AskRegisters => case.begin_checking(Actor::Service),
            RegistrationMove::ApproveGreen => case.approve_green(Actor::Service),
            RegistrationMove::Refer => case.refer(Actor::Service, "because", false),
            RegistrationMove::AskForMore => case.ask_for_more(worker(), "Which floor?"),
            RegistrationMove::AnswerMore => case.answer_more(Actor::Registrant),
            RegistrationMove::Approve => case.approve(worker(), &evidence(), ""),
            RegistrationMove::Decline => case.decline(worker(), Reason::DsptNotMet, ""),
            RegistrationMove::Stop => case.stop(Actor::SiteContact),
            RegistrationMove::Withdraw => case.withdraw(Actor::Registrant),
            RegistrationMove::Provisioned => case.provisioned(Actor::Service),
            RegistrationMove::FirstOwnerActive => case.first_owner_active("account"),
        }
    }

    #[test]
    fn registrations_move_as_the_table_says_and_in_no_other_way() {
        for kind in RegistrationStateKind::ALL {
            for verb in RegistrationMove::ALL {
                assert_eq!(made(*verb, in_state(*kind)), verb.leads(*kind), "{kind:?} {verb:?}");
            }
        }
    }

    #[test]
    fn drafts_are_sent_when_nothing_is_missing() {
        let submit = |draft: Draft| draft.submit(Actor::Registrant, NOON, Span::hours(48), PEOPLE);
        let mut half = draft();
        half.answers.town = None;
        assert_eq!(submit(half).expect_err("refused"), Refusal::Unanswered(journey::Page::Town));
        let mut few = draft();
        few.answers.people.truncate(1);
        assert_eq!(submit(few).expect_err("refused"), Refusal::Unanswered(journey::Page::People));
        let sent = submit(draft()).expect("sent");
        assert_eq!(sent.work, [Work::RunChecks { registration: "id".to_owned() }]);
        assert_eq!(sent.state.due_at, NOON.plus(Span::hours(48)));
        let expired = Draft { state: DraftState::Expired, ..draft() };
        assert_eq!(submit(expired).expect_err("refused"), Refusal::DraftIsOver);
    }

    #[test]
    fn approval_waits_for_the_registers_and_questions_for_their_answer() {
        let refusal = |moved: Moved| moved.expect_err("refused");
        for state in [RegistrationState::Submitted, RegistrationState::Checking] {
            let early = Registration { state, ..sent() };
            assert_eq!(refusal(early.approve(worker(), &evidence(), "")), Refusal::BeingChecked);
        }
        let referred = || Registration { state: RegistrationState::Referred, ..sent() };
        let mut silent = evidence();
        silent[0].outcome = Outcome::Unavailable;
        for unanswered in [silent, Vec::new()] {
            let moved = referred().approve(worker(), &unanswered, "");
            assert!(matches!(refusal(moved), Refusal::RegistersSilent(_)));
        }
        let state = RegistrationState::MoreInformationAsked { question: "Which floor?".to_owned() };
        let asked = Registration { state, ..sent() };
        assert_eq!(refusal(asked.ask_for_more(worker(), "And which door?")), Refusal::AskedAlready);
        let withdrawn = Registration { state: RegistrationState::Withdrawn, ..sent() };
        let moved = withdrawn.approve(worker(), &evidence(), "");
        assert_eq!(refusal(moved), Refusal::NotUndecided("Withdrawn"));
    }
}
