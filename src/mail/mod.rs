//! The mail engine: whatever holds the mailboxes. It is told what should be true, never what to do;
//! every call may be made again.
//!
//! Three engines keep the same promises (`contract.rs`): Postfix and Dovecot ([`postfix_dovecot`]),
//! an engine embedded in the service for trying it out (it keeps state and moves no mail), and a
//! fake for stories that fails on demand.
//!
//! A mailbox is known by the identifier of its account or shared mailbox and never by its address:
//! an address may change, and whatever is stored must never be reached by somebody else.

#[cfg(test)]
mod contract;
mod embedded;
pub mod fake;
pub mod postfix_dovecot;
pub mod secure_domains;
mod store;

use crate::database::BoxFuture;

pub use embedded::Embedded;

/// Writes an enum that is stored: its variants, the list of them and their words are one, so that a new
/// variant is in all three.
macro_rules! stored_enum {
    ($(#[$about:meta])* $vis:vis enum $name:ident { $($(#[$doc:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        $vis enum $name { $($(#[$doc])* $variant),+ }

        impl $name {
            $vis const ALL: [$name; [$($name::$variant),+].len()] = [$($name::$variant),+];

            $vis fn stored(self) -> &'static str {
                match self { $($name::$variant => stringify!($variant)),+ }
            }

            $vis fn from_stored(text: &str) -> Option<Self> {
                $name::ALL.into_iter().find(|known| known.stored() == text)
            }
        }
    };
}
use stored_enum;

stored_enum! {
    /// Whether a mailbox takes mail and lets its holder in, and if not, why.
    pub enum Standing {
        Open,
        /// Its holder has not activated it.
        NotActivated,
        /// Not used for too long.
        Inactive,
        /// Switched off: a long leave, or for safety.
        Disabled,
        /// Stopped in a hurry, until somebody has found out what happened.
        Frozen,
        /// Its holder has left.
        Leaver,
        /// Deleted, and kept for a while in case that was wrong.
        Deleted,
    }
}

/// A password of one mail program: 24 random characters, of which only a hash is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WantedPassword {
    /// Its first four characters, by which it is found.
    pub selector: String,
    /// SHA-256, in hexadecimal, of each way in which it is typed, in order, with a space between them.
    pub hash: String,
}

/// A person's mailbox as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedAccount {
    pub id: String,
    pub address: String,
    /// Further addresses that lead to it.
    pub aliases: Vec<String>,
    pub display_name: String,
    pub quota_bytes: u64,
    pub standing: Standing,
    pub passwords: Vec<WantedPassword>,
}

/// A site's shared mailbox as it should be. It has no password: people reach it through their own
/// accounts, which is why owners and members are addresses of accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedSharedMailbox {
    pub id: String,
    pub address: String,
    /// Further addresses that lead to it: those of the sites that came before.
    pub aliases: Vec<String>,
    pub display_name: String,
    pub quota_bytes: u64,
    pub standing: Standing,
    pub owners: Vec<String>,
    pub members: Vec<String>,
}

/// What had to be done to make it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ensured {
    Created,
    Updated,
    AlreadyRight,
}

/// Why it could not be made so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineError {
    /// Ask again later.
    Later(String),
    /// A person must act first; says what.
    Never(String),
}

impl From<crate::database::Error> for EngineError {
    fn from(error: crate::database::Error) -> Self {
        EngineError::Later(error.to_string())
    }
}

/// What an engine's words for a mailbox say last, where its access lists were wrong.
pub const ACCESS_LISTS_SAY: &str = "; the access lists on the server say: ";

/// One mailbox as an engine holds it, for comparing directory and engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub id: String,
    /// Everything that can differ, in words that change when it changes.
    pub holds: String,
}

/// The time between an engine's beginning with nothing and its being told that it holds everything. Each
/// has a name of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filling(String);

/// What a mail engine can be asked. Each answers within the time that its setting gives it, whatever its
/// servers do, and says [`EngineError::Later`] where they are silent.
pub trait MailEngine: Send + Sync {
    fn ensure_account<'a>(&'a self, wanted: &'a WantedAccount)
    -> BoxFuture<'a, Result<Ensured, EngineError>>;

    fn ensure_shared_mailbox<'a>(
        &'a self,
        wanted: &'a WantedSharedMailbox,
    ) -> BoxFuture<'a, Result<Ensured, EngineError>>;

    /// Makes sure that a mailbox is gone for good: nothing answers at its addresses, and what it
    /// stored is removed.
    fn ensure_absent<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Ensured, EngineError>>;

    /// What the engine holds for a mailbox.
    fn look<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<String>, EngineError>>;

    /// The mailboxes it holds after an identifier, in order: at most `limit`, and perhaps fewer than there
    /// are. Only an empty page is the last.
    fn list<'a>(&'a self, after: &'a str, limit: u32) -> BoxFuture<'a, Result<Vec<Held>, EngineError>>;

    /// The mailboxes that have storage, whether they are held or not.
    fn list_storage(&self) -> BoxFuture<'_, Result<Vec<String>, EngineError>>;

    /// How many messages nobody has read are older than this many hours, for each of these shared
    /// mailboxes, in their order. Counts only.
    fn count_unread<'a>(
        &'a self,
        addresses: &'a [String],
        hours: u32,
    ) -> BoxFuture<'a, Result<Vec<u64>, EngineError>>;

    /// Whether mail goes in and out at this moment: each of its servers answers, and takes a message
    /// as far as a message to nobody goes.
    fn answers(&self) -> BoxFuture<'_, Result<(), EngineError>>;

    /// Domains that take health and care information by an accredited service: the servers insist on
    /// an encrypted connection to them.
    fn ensure_secure_domains<'a>(
        &'a self,
        domains: &'a [String],
    ) -> BoxFuture<'a, Result<Ensured, EngineError>>;

    /// Whether it began with nothing and may not hold everything yet. Meanwhile whoever writes to an
    /// address that it does not hold is asked to try again: it may be somebody's.
    fn filling(&self) -> BoxFuture<'_, Result<Option<Filling>, EngineError>>;

    /// Tells it that it has held everything since this filling began: from now on an address that it
    /// does not hold is nobody's. Of another filling, or of none, nothing follows.
    fn ensure_filled<'a>(&'a self, filling: &'a Filling) -> BoxFuture<'a, Result<Ensured, EngineError>>;
}

fn listed(values: &[String]) -> String {
    let mut values = values.to_vec();
    values.sort();
    values.join(", ")
}

impl WantedAccount {
    /// Everything that must be true of it, in one line that every engine writes alike.
    pub fn in_full(&self) -> String {
        let mut passwords: Vec<String> = self
            .passwords
            .iter()
            // Enough of the hash to see that it differs, too little to be of use.
            .map(|password| format!("{} {}", password.selector, password.hash.get(..8).unwrap_or("")))
            .collect();
        passwords.sort();
        format!(
            "account; {}; aliases: {}; {}; {} bytes; {}; passwords: {}",
            self.address,
            listed(&self.aliases),
            self.display_name,
            self.quota_bytes,
            self.standing.stored(),
            passwords.join(", ")
        )
    }
}

impl WantedSharedMailbox {
    /// Everything that must be true of it, in one line that every engine writes alike.
    pub fn in_full(&self) -> String {
        format!(
            "shared mailbox; {}; aliases: {}; {}; {} bytes; {}; owners: {}; members: {}",
            self.address,
            listed(&self.aliases),
            self.display_name,
            self.quota_bytes,
            self.standing.stored(),
            listed(&self.owners),
            listed(&self.members)
        )
    }
}

/// Refuses what no engine should be asked to hold.
fn refuse_bad_address(address: &str) -> Result<(), EngineError> {
    let (local, domain) = address.split_once('@').unwrap_or(("", ""));
    let fine = !local.is_empty()
        && domain.contains('.')
        && address.len() <= 254
        && address
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-@'_".contains(&byte))
        && !domain.contains(['@', '\'', '_']);
    if fine {
        Ok(())
    } else {
        Err(EngineError::Never(format!("“{address}” is not an address a mailbox can have")))
    }
}

/// Refuses an identifier that could not name a folder.
fn refuse_bad_id(id: &str) -> Result<(), EngineError> {
    let fine = !id.is_empty()
        && id.len() <= 64
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if fine { Ok(()) } else { Err(EngineError::Never(format!("“{id}” cannot name a mailbox"))) }
}

fn refuse_bad(id: &str, address: &str, others: &[&[String]]) -> Result<(), EngineError> {
    refuse_bad_id(id)?;
    refuse_bad_address(address)?;
    others.iter().flat_map(|list| list.iter()).try_for_each(|address| refuse_bad_address(address))
}
