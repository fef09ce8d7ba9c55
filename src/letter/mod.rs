//! Letters: every email and text message we send.
//!
//! A letter is written in the transaction of what it tells about and sent afterwards by work. It
//! goes to one person. It never carries a password; where it carries a code or a link, the body has
//! a mark ([`CODE_MARK`], [`LINK_MARK`]) that is filled in when it is sent, from a secret that is
//! derived and not stored. A letter with a code waits for no other letter.

pub mod store;
mod transport;

use crate::clock::Timestamp;
use crate::id::new_id;
use crate::language::{Language, words};
use crate::settings::Settings;

pub use transport::{SendError, Transport};

/// Stands in a body where the code goes.
pub const CODE_MARK: &str = "{{code}}";
/// Stands in a body where the link goes.
pub const LINK_MARK: &str = "{{link}}";

/// What letters need to know of the service.
#[derive(Clone, Debug)]
pub struct Letterhead {
    /// What its letters are written in.
    pub language: Language,
    pub service: String,
    pub domain: String,
    pub public_address: String,
    pub helpdesk: String,
    pub feedback: String,
    pub code_minutes: u16,
    pub decision_hours: u16,
    pub activation_days: u16,
    pub activation_hours: u16,
}

impl Letterhead {
    pub fn of(settings: &Settings) -> Self {
        Letterhead {
            language: Language::English,
            service: settings.service_name.clone(),
            domain: settings.mail_domain.clone(),
            public_address: settings.public_address.clone(),
            helpdesk: format!("{} or {}", settings.helpdesk_email, settings.helpdesk_telephone),
            feedback: settings.feedback_email.clone(),
            code_minutes: settings.code_minutes,
            decision_hours: settings.decision_hours,
            activation_days: settings.activation_days,
            activation_hours: settings.activation_hours,
        }
    }

    /// An email with the service and the helpdesk at its end.
    pub fn email(
        &self,
        at: Timestamp,
        name: &'static str,
        to: &str,
        subject: String,
        paragraphs: &[&str],
    ) -> Letter {
        let help = LetterWords::in_language(self.language).help();
        let body = format!("{}\n\n{}\n{help} {}\n", paragraphs.join("\n\n"), self.service, self.helpdesk);
        Letter { language: self.language, ..Letter::email(at, &self.domain, name, to, subject, body) }
    }
}

words! {
    /// Words that stand in every letter.
    LetterWords {
        help { English => "Need help?" }
    }
}

/// How a letter travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Email,
    Text,
}

impl Channel {
    pub fn stored(self) -> &'static str {
        match self {
            Channel::Email => "Email",
            Channel::Text => "Text",
        }
    }
}

/// What the mark in a body stands for: which kind of secret, and the row it is derived from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretMark {
    pub purpose: String,
    pub id: String,
}

/// One letter to one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    pub id: String,
    /// `Message-ID` of the email, made here so that sending twice is one message to the recipient.
    pub message_id: String,
    pub channel: Channel,
    pub language: Language,
    /// An email address, or a mobile number like +447700900123.
    pub recipient: String,
    /// Which letter it is, for stories and figures: "code", "registration received".
    pub name: &'static str,
    pub subject: String,
    pub body: String,
    /// The identifier of the registration, account or case it is about.
    pub about: String,
    pub secret: Option<SecretMark>,
    /// Whether somebody sits in front of a page and waits for it; it then waits for no other letter.
    pub waited_for: bool,
}

impl Letter {
    /// An email in plain words. Lines of `body` are paragraphs where an empty line stands between.
    pub fn email(
        at: Timestamp,
        domain: &str,
        name: &'static str,
        to: &str,
        subject: String,
        body: String,
    ) -> Self {
        let id = new_id(at);
        Letter {
            message_id: format!("{id}@{domain}"),
            id,
            channel: Channel::Email,
            language: Language::English,
            recipient: to.to_owned(),
            name,
            subject,
            body,
            about: String::new(),
            secret: None,
            waited_for: false,
        }
    }

    /// A text message.
    pub fn text(at: Timestamp, domain: &str, name: &'static str, to: &str, body: String) -> Self {
        Letter { channel: Channel::Text, ..Self::email(at, domain, name, to, String::new(), body) }
    }

    #[must_use]
    pub fn about(mut self, subject: &str) -> Self {
        self.about = subject.to_owned();
        self
    }

    #[must_use]
    pub fn carrying(mut self, purpose: &str, id: &str) -> Self {
        self.secret = Some(SecretMark { purpose: purpose.to_owned(), id: id.to_owned() });
        // A code lives some minutes, and whoever asked for it has its page open.
        self.waited_for |= self.body.contains(CODE_MARK);
        self
    }

    /// Somebody has just asked for it and waits.
    #[must_use]
    pub fn waited_for(mut self) -> Self {
        self.waited_for = true;
        self
    }
}

/// A letter as it was written, for sending and for the demo's page of letters.
#[derive(Clone, Debug)]
pub struct Written {
    pub id: String,
    pub message_id: String,
    pub channel: Channel,
    pub language: Language,
    pub recipient: String,
    pub name: String,
    pub subject: String,
    pub body: String,
    pub about: String,
    pub secret: Option<SecretMark>,
    pub written_at: Timestamp,
    pub sent_at: Option<Timestamp>,
}

impl Written {
    /// The body with its marks filled in.
    pub fn filled(&self, code: &str, link: &str) -> String {
        self.body.replace(CODE_MARK, code).replace(LINK_MARK, link)
    }
}
