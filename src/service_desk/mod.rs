//! What people ask or tell us beside registering: on the ways out of a registration, by contacting
//! support, and as feedback or a complaint. Each is a case of its own kind ([`Enquiry`]), with a
//! reference and a time by which it is due, so that nobody reaches a dead end; and notes
//! ([`note`]), which case workers write beside enquiries and registrations alike.
//!
//! Whoever takes a message calls [`moves::receive`], which asks for no permit: anybody may write to us,
//! within budgets. What case workers do afterwards takes a permit to work on that enquiry.
//!
//! The pages are the central team's; forms in which people write to us belong to the pages they stand on.

pub mod letters;
pub mod moves;
pub mod note;
pub mod pages;
pub mod store;

use crate::audit::{Actor, Entry};
use crate::clock::{Span, Timestamp};
use crate::contact::Email;
use crate::id::{Once, Reference, new_id};
use crate::outbox::Change;
use crate::outbox::transitions::{self, Transition, states, transitions};
use crate::settings::Settings;
use crate::sign_in::limits::{self, Budget, UsedUp};
use crate::web::components::{Tag, TagColour};
use crate::web::parts::tag;
use serde::{Deserialize, Serialize};

/// What an enquiry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnquiryKind {
    /// A hospice wants to join; reaches the feedback team under its set subject.
    Hospice,
    /// An organisation with several sites wants to look after its accounts itself.
    SelfManagement,
    /// A site has accounts and cannot get at them.
    Recovery,
    /// Somebody needs help with the service.
    Support,
    /// What somebody thinks of the service, or has noticed.
    Feedback,
    /// Somebody is not content with what we did.
    Complaint,
}

pub const KINDS: [EnquiryKind; 6] = [
    EnquiryKind::Hospice,
    EnquiryKind::SelfManagement,
    EnquiryKind::Recovery,
    EnquiryKind::Support,
    EnquiryKind::Feedback,
    EnquiryKind::Complaint,
];

impl EnquiryKind {
    pub fn stored(self) -> &'static str {
        match self {
            EnquiryKind::Hospice => "Hospice",
            EnquiryKind::SelfManagement => "SelfManagement",
            EnquiryKind::Recovery => "Recovery",
            EnquiryKind::Support => "Support",
            EnquiryKind::Feedback => "Feedback",
            EnquiryKind::Complaint => "Complaint",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        KINDS.into_iter().find(|kind| kind.stored() == text)
    }

    /// As case workers read it.
    pub fn in_words(self) -> &'static str {
        match self {
            EnquiryKind::Hospice => "Hospice query",
            EnquiryKind::SelfManagement => "Self-management enquiry",
            EnquiryKind::Recovery => "Account recovery",
            EnquiryKind::Support => "Support",
            EnquiryKind::Feedback => "Feedback",
            EnquiryKind::Complaint => "Complaint",
        }
    }

    /// The subject under which it reaches the team, where the person did not choose one. The hospice
    /// subject is set by the service's joining rules, letter for letter.
    pub const fn subject(self) -> &'static str {
        match self {
            EnquiryKind::Hospice => "Hospice NHSmail Application Query",
            EnquiryKind::SelfManagement => "Self-management enquiry",
            EnquiryKind::Recovery => "Account recovery for a site",
            EnquiryKind::Support => "Request for support",
            EnquiryKind::Feedback => "Feedback",
            EnquiryKind::Complaint => "Complaint",
        }
    }

    /// The address of the team that answers it.
    pub fn team(self, settings: &Settings) -> &str {
        match self {
            EnquiryKind::Hospice | EnquiryKind::Feedback => &settings.feedback_email,
            EnquiryKind::SelfManagement
            | EnquiryKind::Recovery
            | EnquiryKind::Support
            | EnquiryKind::Complaint => &settings.helpdesk_email,
        }
    }

    /// By when somebody hears from a person: an answer, or, where it is a complaint, who looks into it.
    pub fn due_at(self, asked_at: Timestamp, settings: &Settings) -> Timestamp {
        match self {
            EnquiryKind::Complaint => asked_at.working_days_later(settings.complaint_working_days),
            EnquiryKind::Hospice
            | EnquiryKind::SelfManagement
            | EnquiryKind::Recovery
            | EnquiryKind::Support
            | EnquiryKind::Feedback => asked_at.plus(answered_within(settings)),
        }
    }
}

states! {
    /// Where an enquiry is on its way.
    EnquiryState {
        /// Somebody waits for us.
        Open,
        Closed,
    }
}

transitions! {
    /// Every move of an enquiry.
    EnquiryMove of EnquiryState {
        Claim "claim": Open => Open;
        Close "close": Open => Closed;
    }
}

/// The picture of the states, as a Mermaid diagram, made from [`EnquiryMove`].
pub fn picture() -> String {
    transitions::picture::<EnquiryMove>("Enquiry")
}

impl EnquiryState {
    /// As case workers see it.
    pub fn tag(self) -> Tag {
        match self {
            EnquiryState::Open => tag("To answer", TagColour::Blue),
            EnquiryState::Closed => tag("Closed", TagColour::Grey),
        }
    }
}

/// How an enquiry is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closing {
    /// With this answer, by email.
    Email(String),
    Telephone,
    /// Without an answer, for this reason.
    Without(String),
}

impl Closing {
    /// As the entry says it; what was written is in the letter or a note, not in the audit trail.
    pub fn in_words(&self) -> &'static str {
        match self {
            Closing::Email(_) => "answered by email",
            Closing::Telephone => "answered by telephone",
            Closing::Without(_) => "closed without an answer",
        }
    }

    /// What colleagues read afterwards.
    pub fn note(&self) -> Option<String> {
        match self {
            Closing::Email(answer) => Some(format!("Answer sent by email:\n{answer}")),
            Closing::Telephone => None,
            Closing::Without(why) => Some(format!("Closed without an answer: {why}")),
        }
    }

    /// What makes closing twice in the same way one closing.
    pub fn once(&self, by: &Actor, enquiry: &str) -> Once {
        let text = match self {
            Closing::Email(text) | Closing::Without(text) => text.as_str(),
            Closing::Telephone => "",
        };
        Once::of(&["close", &by.stored(), enquiry, self.in_words(), text])
    }
}

/// Where case workers open an enquiry.
pub fn path(id: &str) -> String {
    format!("/casework/enquiries/{id}")
}

/// How soon an enquiry is answered.
pub fn answered_within(settings: &Settings) -> Span {
    Span::hours(i64::from(settings.enquiry_hours))
}

/// Why a message is not taken now, and what to do instead. What was typed stays on the page.
pub fn too_often(settings: &Settings, now: Timestamp, used_up: UsedUp) -> String {
    format!(
        "We cannot take another message now, because many were sent. Nothing is lost: try again {}, or call {}",
        limits::wait_in_words(now, used_up.until),
        settings.helpdesk_telephone
    )
}

/// What whoever helps needs to know beside the message, so that nobody has to write back and ask.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affected {
    /// How many people cannot work because of it.
    pub people: u16,
    /// Their addresses, as typed.
    pub addresses: String,
    /// The words of the error message.
    pub saw: String,
    /// Whatever else may help.
    pub more: String,
    /// Whether whoever wrote cannot be called, and is to be written to.
    #[serde(default)]
    pub no_call: bool,
}

/// One enquiry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enquiry {
    pub id: String,
    pub reference: Reference,
    pub version: i64,
    pub kind: EnquiryKind,
    pub subject: String,
    pub state: EnquiryState,
    pub name: String,
    pub email: Email,
    pub telephone: String,
    pub organisation: String,
    pub message: String,
    pub affected: Option<Affected>,
    /// The account whose holder was signed in when it was sent; nobody else is known to be who they
    /// say.
    pub account: Option<String>,
    pub asked_at: Timestamp,
    pub due_at: Timestamp,
    /// The case worker who looks after it.
    pub claimed_by: Option<String>,
}

/// What somebody wrote into the form of an enquiry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEnquiry {
    pub kind: EnquiryKind,
    pub subject: String,
    pub name: String,
    pub email: Email,
    pub telephone: String,
    pub organisation: String,
    pub message: String,
    pub affected: Option<Affected>,
    /// The account whose holder is signed in.
    pub account: Option<String>,
}

impl NewEnquiry {
    /// What makes a form that is sent twice one enquiry: the page it came from and every word of it.
    /// Sent again with other words it is another enquiry, so that nothing is lost.
    pub fn once(&self, page: &str) -> Once {
        let affected = self.affected.as_ref().map(|affected| serde_json::json!(affected).to_string());
        Once::of(&[
            "enquiry",
            self.kind.stored(),
            &self.subject,
            &self.name,
            self.email.as_str(),
            &self.telephone,
            &self.organisation,
            &self.message,
            affected.as_deref().unwrap_or(""),
            self.account.as_deref().unwrap_or(""),
            page,
        ])
    }

    /// What a message is counted against: nobody fills our queue, and nobody has letters sent to
    /// somebody else. The narrowest first.
    pub fn budgets(&self, settings: &Settings, network: &str) -> Vec<Budget> {
        vec![
            Budget::a_day(
                "messages in the name of",
                self.email.as_str(),
                i64::from(settings.messages_an_address_a_day_max),
            ),
            Budget::an_hour(
                "messages from a network",
                network,
                i64::from(settings.messages_a_network_an_hour_max),
            ),
            Budget::a_day("messages", "everybody", i64::from(settings.messages_a_day_max)),
        ]
    }
}

impl Enquiry {
    /// Opens an enquiry.
    pub fn open(asked: NewEnquiry, at: Timestamp, due_at: Timestamp) -> Change<Self> {
        let enquiry = Enquiry {
            id: new_id(at),
            reference: Reference::new(),
            version: 1,
            kind: asked.kind,
            subject: asked.subject,
            state: EnquiryState::Open,
            name: asked.name,
            email: asked.email,
            telephone: asked.telephone,
            organisation: asked.organisation,
            message: asked.message,
            affected: asked.affected,
            account: asked.account,
            asked_at: at,
            due_at,
            claimed_by: None,
        };
        let actor = enquiry.account.clone().map_or(Actor::Anybody, Actor::AccountHolder);
        let entry = Entry::new(actor, "enquiry opened", &enquiry.id).because(enquiry.kind.in_words());
        Change::new(enquiry, entry)
    }

    pub fn is_open(&self) -> bool {
        match self.state {
            EnquiryState::Open => true,
            EnquiryState::Closed => false,
        }
    }

    /// Whether its sender is to hear who looks after it.
    pub fn is_to_be_acknowledged(&self) -> bool {
        self.is_open() && self.kind == EnquiryKind::Complaint && self.claimed_by.is_none()
    }

    /// Lets a case worker look after it; nothing where they do already or it is closed. Whoever
    /// complained hears of it, and from then on the answer is what is due.
    pub fn claim(self, by: &str, answer_due_at: Timestamp) -> Option<Change<Self>> {
        let state =
            EnquiryMove::Claim.leads(self.state).filter(|_| self.claimed_by.as_deref() != Some(by))?;
        let due_at = if self.is_to_be_acknowledged() { answer_due_at } else { self.due_at };
        let entry = Entry::new(Actor::CaseWorker(by.to_owned()), "enquiry claimed", &self.id);
        Some(Change::new(Enquiry { state, claimed_by: Some(by.to_owned()), due_at, ..self }, entry))
    }

    /// Closes it, with how; nothing when it is closed already.
    pub fn close(self, by: Actor, how: &Closing) -> Option<Change<Self>> {
        let state = EnquiryMove::Close.leads(self.state)?;
        let entry = Entry::new(by, "enquiry closed", &self.id).because(how.in_words());
        Some(Change::new(Enquiry { state, ..self }, entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(kind: EnquiryKind, message: &str) -> NewEnquiry {
        NewEnquiry {
            kind,
            subject: kind.subject().to_owned(),
            name: "Amy Reed".to_owned(),
            email: Email::parse("amy@oakhouse.example").expect("an address"),
            telephone: String::new(),
            organisation: "Oak House".to_owned(),
            message: message.to_owned(),
            affected: None,
            account: None,
        }
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_london(text).expect(text)
    }

    #[test]
    fn messages_with_the_same_words_from_the_same_page_are_one() {
        let first = asked(EnquiryKind::Support, "No mail.").once("page");
        assert_eq!(first, asked(EnquiryKind::Support, "No mail.").once("page"));
        for other in [
            asked(EnquiryKind::Support, "No mail!").once("page"),
            asked(EnquiryKind::Feedback, "No mail.").once("page"),
            asked(EnquiryKind::Support, "No mail.").once("another page"),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn enquiries_say_who_wrote_only_of_somebody_who_is_signed_in() {
        let known = NewEnquiry { account: Some("a1".to_owned()), ..asked(EnquiryKind::Support, "No mail.") };
        assert_ne!(known.once("page"), asked(EnquiryKind::Support, "No mail.").once("page"));
        let actor = |asked| {
            let opened = Enquiry::open(asked, at("2026-11-27 16:00"), at("2026-11-29 16:00"));
            opened.entry.actor.stored()
        };
        assert_eq!(actor(known), "account holder a1");
        assert_eq!(actor(asked(EnquiryKind::Support, "No mail.")), "anybody");
    }

    #[test]
    fn complaints_are_acknowledged_within_a_working_day_and_answered_after_that() {
        let settings = Settings::defaults().expect("defaults");
        let friday = at("2026-11-27 16:00");
        assert_eq!(EnquiryKind::Complaint.due_at(friday, &settings), at("2026-11-30 16:00"));
        assert_eq!(EnquiryKind::Support.due_at(friday, &settings), at("2026-11-29 16:00"));
        let opened = Enquiry::open(asked(EnquiryKind::Complaint, "Slow."), friday, at("2026-11-30 16:00"));
        let answer_by = at("2026-12-01 09:00");
        let claimed = opened.state.claim("casey", answer_by).expect("claimed").state;
        assert_eq!((claimed.claimed_by.as_deref(), claimed.due_at), (Some("casey"), answer_by));
        assert!(!claimed.is_to_be_acknowledged());
        assert!(claimed.clone().claim("casey", answer_by).is_none(), "twice");
        let taken_over = claimed.claim("sam", at("2026-12-02 09:00")).expect("taken over").state;
        assert_eq!(taken_over.due_at, answer_by, "taking over moves no time");
        let sam = Actor::CaseWorker("sam".to_owned());
        let closed = taken_over.close(sam.clone(), &Closing::Telephone).expect("closed").state;
        assert!(closed.clone().close(sam, &Closing::Telephone).is_none(), "twice");
        assert!(closed.claim("casey", answer_by).is_none(), "closed");
    }

    #[test]
    fn closing_keeps_what_was_answered_in_a_note_and_out_of_the_trail() {
        let how = Closing::Email("Call Asha on 07700 900123.".to_owned());
        assert_eq!(how.in_words(), "answered by email");
        assert!(how.note().is_some_and(|note| note.contains("07700 900123")));
    }

    #[test]
    fn closing_twice_is_one_closing_only_where_person_way_and_words_are_the_same() {
        let casey = Actor::CaseWorker("casey".to_owned());
        let closing = Closing::Email("Yes.".to_owned());
        let first = closing.once(&casey, "e1");
        assert_eq!(first, closing.once(&casey, "e1"));
        for other in [
            closing.once(&Actor::CaseWorker("sam".to_owned()), "e1"),
            closing.once(&casey, "e2"),
            Closing::Email("No.".to_owned()).once(&casey, "e1"),
            Closing::Without("Yes.".to_owned()).once(&casey, "e1"),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn budgets_of_messages_name_nobody() {
        let settings = Settings::defaults().expect("defaults");
        for budget in asked(EnquiryKind::Support, "No mail.").budgets(&settings, "192.0.2.7") {
            assert!(!budget.name.contains("amy") && !budget.name.contains("192"), "{}", budget.name);
        }
    }
}
