//! A registration before it is sent.

use super::answers::{Answers, PeopleBounds, QUESTIONS_VERSION};
use super::complete::Complete;
use super::journey::Page;
use super::reasons::Reason;
use super::state::{DraftState, RegistrationMove, RegistrationState};
use super::{Refusal, Registration};
use crate::audit::{Actor, Entry};
use crate::clock::{Span, Timestamp};
use crate::id::Reference;
use crate::outbox::transitions::Transition;
use crate::outbox::{Change, Work};

/// What a registrant has said so far, or had said when it ended without being sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub id: String,
    pub reference: Reference,
    /// Goes up with every save; a save of an older version is refused.
    pub version: i64,
    pub state: DraftState,
    pub answers: Answers,
    pub questions_version: i64,
    /// Hash of the browser it was begun in.
    pub browser: String,
    pub network: String,
    pub started_at: Timestamp,
    pub expires_at: Timestamp,
}

impl Draft {
    pub fn begin(id: String, browser: String, network: String, at: Timestamp, lasts: Span) -> Self {
        Draft {
            id,
            reference: Reference::new(),
            version: 1,
            state: DraftState::Draft,
            answers: Answers::default(),
            questions_version: QUESTIONS_VERSION,
            browser,
            network,
            started_at: at,
            expires_at: at.plus(lasts),
        }
    }

    /// Whether the table has a move from where the draft is.
    fn may(&self, verb: RegistrationMove) -> Result<(), Refusal> {
        verb.leads(self.state.kind()).map(|_| ()).ok_or(Refusal::DraftIsOver)
    }

    fn ended(
        self,
        verb: RegistrationMove,
        state: DraftState,
        actor: Actor,
        action: &'static str,
        detail: &str,
    ) -> Result<Change<Draft>, Refusal> {
        self.may(verb)?;
        let entry = Entry::new(actor, action, &self.id).because(detail);
        Ok(Change::new(Draft { state, ..self }, entry))
    }

    /// Sends it.
    ///
    /// # Errors
    /// [`Refusal::DraftIsOver`], [`Refusal::Unanswered`] with the page that is missing.
    pub fn submit(
        self,
        by: Actor,
        at: Timestamp,
        decided_within: Span,
        people: PeopleBounds,
    ) -> Result<Change<Registration>, Refusal> {
        self.may(RegistrationMove::Submit)?;
        if self.answers.people_done && self.answers.people_problem(people).is_some() {
            return Err(Refusal::Unanswered(Page::People));
        }
        let entry = Entry::new(by, "registration submitted", &self.id);
        let sent = Registration {
            answers: Complete::of(self.answers).map_err(Refusal::Unanswered)?,
            id: self.id,
            reference: self.reference,
            version: self.version,
            state: RegistrationState::Submitted,
            browser: self.browser,
            started_at: self.started_at,
            submitted_at: at,
            due_at: at.plus(decided_within),
            high_risk: false,
            referred_because: String::new(),
        };
        let checks = Work::RunChecks { registration: sent.id.clone() };
        Ok(Change::new(sent, entry).then(checks))
    }

    /// The journey ended at an exit.
    ///
    /// # Errors
    /// [`Refusal::DraftIsOver`].
    pub fn leave(self, by: Actor, reason: Reason) -> Result<Change<Draft>, Refusal> {
        let state = DraftState::Ineligible { reason };
        self.ended(RegistrationMove::Leave, state, by, "registration left", reason.code())
    }

    /// Nobody continued it.
    ///
    /// # Errors
    /// [`Refusal::DraftIsOver`].
    pub fn expire(self, by: Actor) -> Result<Change<Draft>, Refusal> {
        self.ended(RegistrationMove::Expire, DraftState::Expired, by, "draft expired", "")
    }

    /// The name the site goes by, or nothing before one was chosen.
    pub fn site_name(&self) -> &str {
        self.answers.site.as_ref().map_or("", |site| &site.name)
    }

    /// The registrant's address, once it has been confirmed.
    pub fn registrant_email(&self) -> Option<&crate::contact::Email> {
        self.answers.email.as_ref().filter(|_| self.answers.email_confirmed)
    }
}
