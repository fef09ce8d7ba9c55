//! The mail engine: whatever holds the mailboxes. It is told what should be true, never what to do;
//! every call may be made again.
//!
//! The real mail server comes with an issue of its own. Here are the promises every engine keeps
//! (`contract.rs`), an engine embedded in the service for the demo (it keeps state and moves no
//! mail), and a fake for stories that fails on demand.

#[cfg(test)]
mod contract;
mod embedded;
pub mod fake;
mod store;

use crate::database::BoxFuture;

pub use embedded::Embedded;

/// A person's mailbox as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedAccount {
    pub address: String,
    pub display_name: String,
    pub quota_bytes: u64,
    /// A mailbox that is not enabled takes no mail and lets nobody in.
    pub enabled: bool,
}

/// A site's shared mailbox as it should be. It has no password: people reach it through their own
/// accounts, which is why owners and members are addresses of accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedSharedMailbox {
    pub address: String,
    pub display_name: String,
    pub quota_bytes: u64,
    pub enabled: bool,
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

/// What a mail engine can be asked.
pub trait MailEngine: Send + Sync {
    fn ensure_account<'a>(&'a self, wanted: &'a WantedAccount)
    -> BoxFuture<'a, Result<Ensured, EngineError>>;

    fn ensure_shared_mailbox<'a>(
        &'a self,
        wanted: &'a WantedSharedMailbox,
    ) -> BoxFuture<'a, Result<Ensured, EngineError>>;

    /// Makes sure nothing answers at an address any more.
    fn ensure_absent<'a>(&'a self, address: &'a str) -> BoxFuture<'a, Result<Ensured, EngineError>>;

    /// What the engine holds at an address, in words that change when it changes; for comparing
    /// directory and engine.
    fn look<'a>(&'a self, address: &'a str) -> BoxFuture<'a, Result<Option<String>, EngineError>>;
}

impl WantedAccount {
    /// Everything that must be true of it, in one line that two engines would write alike.
    pub(crate) fn in_full(&self) -> String {
        format!("account; {}; {} bytes; enabled: {}", self.display_name, self.quota_bytes, self.enabled)
    }
}

impl WantedSharedMailbox {
    pub(crate) fn in_full(&self) -> String {
        let sorted = |addresses: &[String]| {
            let mut addresses = addresses.to_vec();
            addresses.sort();
            addresses.join(", ")
        };
        format!(
            "shared mailbox; {}; {} bytes; enabled: {}; owners: {}; members: {}",
            self.display_name,
            self.quota_bytes,
            self.enabled,
            sorted(&self.owners),
            sorted(&self.members)
        )
    }
}

/// Refuses what no engine should be asked to hold.
fn refuse_bad_address(address: &str) -> Result<(), EngineError> {
    let (local, domain) = address.split_once('@').unwrap_or(("", ""));
    let fine = !local.is_empty()
        && domain.contains('.')
        && address
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-@'_".contains(&byte));
    if fine {
        Ok(())
    } else {
        Err(EngineError::Never(format!("“{address}” is not an address a mailbox can have")))
    }
}
