//! Work that must follow a change, written with it and done afterwards, at least once.
//!
//! [`Work`] is closed: a new kind that nobody does would not compile (`work.rs` is the list of who
//! does what). Taking work puts it off by a lease, so that work of a worker that died is due again
//! by itself, and a late first attempt cannot finish what a second one holds.

pub mod outcome;
pub mod store;
pub mod transitions;

use crate::audit::Entry;
use crate::clock::Span;
use crate::letter::Letter;
use serde::{Deserialize, Serialize};

/// Everything that is done after the page has been answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// Lay a registration's answers beside what the registers say.
    RunChecks { registration: String },
    /// Decide a registration all of whose checks are green, or refer it to a case worker.
    Decide { registration: String },
    /// Hand a letter to its transport.
    SendLetter { letter: String },
    /// Make the mail engine hold a site's shared mailbox as the directory says.
    ProvisionSharedMailbox { shared_mailbox: String },
    /// Make the mail engine hold a person's mailbox as the directory says.
    ProvisionAccount { account: String },
    /// Move on whatever a site came from, as its mailboxes are provisioned and its first owner activates.
    FollowSite { site: String },
    /// Send a new activation link, if an account waits to be activated at the address typed.
    SendActivationLink { asked: String },
    /// Compare the directory with the mail engine and have what differs provisioned again.
    CompareMail { asked: String },
    /// Count unread mail in shared mailboxes and tell owners.
    WatchUnread { asked: String },
}

impl Work {
    /// Its kind, as stored and as shown in figures.
    pub fn kind(&self) -> &'static str {
        match self {
            Work::RunChecks { .. } => "RunChecks",
            Work::Decide { .. } => "Decide",
            Work::SendLetter { .. } => "SendLetter",
            Work::ProvisionSharedMailbox { .. } => "ProvisionSharedMailbox",
            Work::ProvisionAccount { .. } => "ProvisionAccount",
            Work::FollowSite { .. } => "FollowSite",
            Work::SendActivationLink { .. } => "SendActivationLink",
            Work::CompareMail { .. } => "CompareMail",
            Work::WatchUnread { .. } => "WatchUnread",
        }
    }

    /// What it is in words, for the page of work that needs attention.
    pub fn in_words(&self) -> &'static str {
        match self {
            Work::RunChecks { .. } => "Check a registration against the registers",
            Work::Decide { .. } => "Decide a registration",
            Work::SendLetter { .. } => "Send a letter",
            Work::ProvisionSharedMailbox { .. } => "Set up a shared mailbox",
            Work::ProvisionAccount { .. } => "Set up an account",
            Work::FollowSite { .. } => "Move on after the mailboxes of a site were set up",
            Work::SendActivationLink { .. } => "Send a new activation link",
            Work::CompareMail { .. } => "Compare the directory with the mail server",
            Work::WatchUnread { .. } => "Count unread mail in shared mailboxes",
        }
    }

    /// The identifier of what it is about.
    pub fn subject(&self) -> &str {
        match self {
            Work::RunChecks { registration } | Work::Decide { registration } => registration,
            Work::FollowSite { site } => site,
            Work::SendLetter { letter } => letter,
            Work::ProvisionSharedMailbox { shared_mailbox } => shared_mailbox,
            Work::ProvisionAccount { account } => account,
            Work::SendActivationLink { asked }
            | Work::CompareMail { asked }
            | Work::WatchUnread { asked } => asked,
        }
    }
}

/// Why work was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkError {
    /// Try again later: something outside did not answer.
    Later(String),
    /// Trying again is no use until a person has acted; says what they can do.
    Never(String),
}

impl From<crate::database::Error> for WorkError {
    fn from(error: crate::database::Error) -> Self {
        WorkError::Later(error.to_string())
    }
}

impl From<crate::mail::EngineError> for WorkError {
    fn from(error: crate::mail::EngineError) -> Self {
        match error {
            crate::mail::EngineError::Later(why) => WorkError::Later(why),
            crate::mail::EngineError::Never(why) => WorkError::Never(why),
        }
    }
}

/// The channel of the database that is signalled when work was queued.
pub const QUEUED: usize = 0;
/// How long a taken piece of work is left alone before another worker may take it.
pub const LEASE: Span = Span::minutes(10);

/// When work that failed is tried again, by the number of attempts so far: after 1, 5, 15 and 60
/// minutes, then every 6 hours up to 3 days in all; `None` when a person must look.
pub fn next_try(attempts: i64) -> Option<Span> {
    const EARLY: [Span; 4] = [Span::minutes(1), Span::minutes(5), Span::minutes(15), Span::minutes(60)];
    const LATER: Span = Span::hours(6);
    const LATER_MAX: i64 = 12;
    match usize::try_from(attempts - 1).ok().and_then(|place| EARLY.get(place)) {
        Some(span) => Some(*span),
        None => (attempts <= EARLY.len() as i64 + LATER_MAX).then_some(LATER),
    }
}

/// The picture of the moves of one thing from state to state, as a Mermaid diagram.
pub fn picture_of(name: &str, moves: &[(&str, &str, &str)]) -> String {
    let mut text = format!("## {name}\n\n```mermaid\nstateDiagram-v2\n");
    if let Some((first, _, _)) = moves.first() {
        text.push_str(&format!("  [*] --> {first}\n"));
    }
    for (from, verb, to) in moves {
        text.push_str(&format!("  {from} --> {to}: {verb}\n"));
    }
    text.push_str("```\n");
    text
}

/// A new state with everything that must be saved with it. There is no way to save a state that
/// moved without the entry that says so.
#[derive(Clone, Debug)]
pub struct Change<T> {
    pub state: T,
    pub entry: Entry,
    pub work: Vec<Work>,
    pub letters: Vec<Letter>,
}

impl<T> Change<T> {
    pub fn new(state: T, entry: Entry) -> Self {
        Change { state, entry, work: Vec::new(), letters: Vec::new() }
    }

    #[must_use]
    pub fn then(mut self, work: Work) -> Self {
        self.work.push(work);
        self
    }

    #[must_use]
    pub fn telling(mut self, letter: Letter) -> Self {
        self.letters.push(letter);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_tried_for_three_days_and_then_a_person_looks() {
        let mut waited = Span::milliseconds(0);
        let mut attempts = 1;
        while let Some(span) = next_try(attempts) {
            waited = Span::milliseconds(waited.as_milliseconds() + span.as_milliseconds());
            attempts += 1;
        }
        assert_eq!(attempts, 17);
        assert!(waited >= Span::days(3) && waited < Span::days(4), "{waited:?}");
        assert_eq!(next_try(1), Some(Span::minutes(1)));
        assert_eq!(next_try(4), Some(Span::minutes(60)));
        assert_eq!(next_try(5), Some(Span::hours(6)));
    }
}
