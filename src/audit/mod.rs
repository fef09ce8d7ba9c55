//! The audit trail: what happened, by whom, why, in an order nobody can rewrite unnoticed.
//!
//! An entry is written in the transaction of the change it belongs to. Within a second it is put into a log
//! over a Merkle tree (`src/transparency_log`), and within a minute a signed checkpoint of that log stands
//! outside the database ([`checkpoints`]). What was changed, moved or taken away since a checkpoint is found by
//! whoever holds it: `carepost check --since`, every start, witnesses. Entries name people by identifier and
//! carry no codes, passwords or telephone numbers; what somebody wrote about a change is kept beside them,
//! where it can be destroyed.

pub mod checkpoints;
pub mod store;

use crate::clock::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Carepost itself, doing work that follows a change.
    Service,
    /// Whoever fills in the registration the entry is about.
    Registrant,
    /// Whoever holds a link sent to the contact that the register knows for a site.
    SiteContact,
    /// Somebody we do not know, on a page that is open to everybody.
    Anybody,
    CaseWorker(String),
    AccountHolder(String),
    /// Somebody who looks after an organisation's accounts, by their own account.
    LocalAdministrator(String),
    /// A program of an organisation.
    ApiKey(String),
    /// Somebody at the command line of the machine.
    Operator,
}

impl Actor {
    /// As stored: a kind and, where there is one, an identifier.
    pub fn stored(&self) -> String {
        match self {
            Actor::Service => "service".to_owned(),
            Actor::Registrant => "registrant".to_owned(),
            Actor::SiteContact => "site contact".to_owned(),
            Actor::Anybody => "anybody".to_owned(),
            Actor::CaseWorker(id) => format!("case worker {id}"),
            Actor::AccountHolder(id) => format!("account holder {id}"),
            Actor::LocalAdministrator(id) => format!("local administrator {id}"),
            Actor::ApiKey(id) => format!("api key {id}"),
            Actor::Operator => "operator".to_owned(),
        }
    }
}

/// One line of the audit trail, before it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub actor: Actor,
    /// What was done, in words with a past participle: "registration submitted".
    pub action: &'static str,
    /// The identifier of what it was done to.
    pub subject: String,
    /// Why, or with what result, in words of ours; empty where the action says it all.
    pub detail: String,
    /// What a person wrote about it, which may name people. It is kept beside the trail, and can be
    /// destroyed; the trail holds a keyed hash.
    pub text: Option<String>,
}

impl Entry {
    pub fn new(actor: Actor, action: &'static str, subject: &str) -> Self {
        Entry { actor, action, subject: subject.to_owned(), detail: String::new(), text: None }
    }

    /// Says why, or with what result: in words of ours that name nobody.
    #[must_use]
    pub fn because(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Keeps what a person wrote about it beside the trail.
    #[must_use]
    pub fn written(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into()).filter(|text| !text.is_empty());
        self
    }
}

/// An entry as it stands in the trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub id: String,
    pub at: Timestamp,
    pub actor: String,
    pub action: String,
    pub subject: String,
    pub detail: String,
    /// The keyed hash of what a person wrote; empty where nobody wrote anything.
    pub text_hash: String,
    /// What a person wrote; empty where nobody wrote anything, or it has been destroyed.
    pub text: String,
}

/// The keyed hash of what a person wrote about an entry.
pub fn text_hash(key: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("a key of any length is taken");
    mac.update(text.as_bytes());
    crate::id::hex(&mac.finalize().into_bytes())
}

/// What every leaf of the log begins with, so that its hash is that of no other thing.
const LEAF: &str = "carepost audit entry 1";

/// What stands in an entry's leaf of the log: the mark, then identifier, time in milliseconds, actor, action,
/// subject, detail and hash of the text, each after its length in bytes as eight bytes, big end first, so that
/// moving a letter from one field to the next makes another leaf.
pub fn leaf(entry: &Written) -> Vec<u8> {
    let at = entry.at.as_milliseconds().to_string();
    let mut bytes = Vec::new();
    for text in
        [LEAF, &entry.id, &at, &entry.actor, &entry.action, &entry.subject, &entry.detail, &entry.text_hash]
    {
        bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}
