//! What people ask where a registration is not the way. Each is a case of its own kind, with a
//! reference, so that nobody reaches a dead end.

use crate::audit::{Actor, Entry};
use crate::clock::{Span, Timestamp};
use crate::contact::Email;
use crate::id::{Reference, new_id};
use crate::outbox::Change;

/// What an enquiry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A hospice wants to join; reaches the feedback team under its set subject.
    Hospice,
    /// An organisation with several sites wants to look after its accounts itself.
    SelfManagement,
    /// A site has accounts and cannot get at them.
    Recovery,
}

pub const KINDS: [Kind; 3] = [Kind::Hospice, Kind::SelfManagement, Kind::Recovery];

impl Kind {
    pub fn stored(self) -> &'static str {
        match self {
            Kind::Hospice => "Hospice",
            Kind::SelfManagement => "SelfManagement",
            Kind::Recovery => "Recovery",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        KINDS.into_iter().find(|kind| kind.stored() == text)
    }

    /// As case workers read it.
    pub fn in_words(self) -> &'static str {
        match self {
            Kind::Hospice => "Hospice query",
            Kind::SelfManagement => "Self-management enquiry",
            Kind::Recovery => "Account recovery",
        }
    }

    /// The subject under which it reaches the team. The hospice subject is set by the service's
    /// joining rules, letter for letter.
    pub fn subject(self) -> &'static str {
        match self {
            Kind::Hospice => "Hospice NHSmail Application Query",
            Kind::SelfManagement => "Self-management enquiry",
            Kind::Recovery => "Account recovery for a site",
        }
    }
}

/// One enquiry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enquiry {
    pub id: String,
    pub reference: Reference,
    pub version: i64,
    pub kind: Kind,
    pub open: bool,
    pub name: String,
    pub email: Email,
    pub telephone: String,
    pub organisation: String,
    pub message: String,
    pub asked_at: Timestamp,
    pub due_at: Timestamp,
}

/// What somebody wrote into the form of an enquiry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub name: String,
    pub email: Email,
    pub telephone: String,
    pub organisation: String,
    pub message: String,
}

impl Enquiry {
    /// Opens an enquiry.
    pub fn open(kind: Kind, asked: Asked, at: Timestamp, answered_within: Span) -> Change<Self> {
        let enquiry = Enquiry {
            id: new_id(at),
            reference: Reference::new(),
            version: 1,
            kind,
            open: true,
            name: asked.name,
            email: asked.email,
            telephone: asked.telephone,
            organisation: asked.organisation,
            message: asked.message,
            asked_at: at,
            due_at: at.plus(answered_within),
        };
        let entry = Entry::new(Actor::Registrant, "enquiry opened", &enquiry.id).because(kind.in_words());
        Change::new(enquiry, entry)
    }

    /// Closes it, with how; nothing when it is closed already.
    pub fn close(self, by: &str, how: &str) -> Option<Change<Self>> {
        if !self.open {
            return None;
        }
        let entry = Entry::new(Actor::CaseWorker(by.to_owned()), "enquiry closed", &self.id).because(how);
        Some(Change::new(Enquiry { open: false, ..self }, entry))
    }
}
