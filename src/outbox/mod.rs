//! Work that must follow a change, written with it and done afterwards, at least once.
//!
//! [`Work`] is closed: a new kind that nobody does would not compile (`work.rs` is the list of who
//! does what). Each kind has a [`Lane`], in which it waits for nothing but its own like, and a deadline.
//! Whoever takes a piece holds a lease: longer than the deadline, given back when the program stops, and
//! taken over by another node within half a minute when it dies. A late attempt cannot finish what
//! somebody else holds by then.

mod lane;
pub mod outcome;
pub mod store;
pub mod transitions;

use crate::audit::Entry;
use crate::clock::Span;
use crate::letter::Letter;
use serde::{Deserialize, Serialize};

pub use lane::{Lane, Movement, STUCK_AFTER};

macro_rules! kinds {
    ($( $(#[doc = $meaning:literal])+ $name:ident $({ $( $(#[$attribute:meta])* $field:ident : $type:ty ),+ })? ),+ $(,)?) => {
        /// Everything that is done after the page has been answered.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Work {
            $( $(#[doc = $meaning])+ $name $({ $( $(#[$attribute])* $field: $type ),+ })? ),+
        }

        /// The kinds of work, without what a piece is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind {
            $( $name ),+
        }

        impl Work {
            pub fn kind(&self) -> Kind {
                match self {
                    $( Work::$name { .. } => Kind::$name ),+
                }
            }
        }

        impl Kind {
            pub const ALL: &[Kind] = &[$( Kind::$name ),+];

            /// As it is stored and named in figures.
            pub const fn stored(self) -> &'static str {
                match self {
                    $( Kind::$name => stringify!($name) ),+
                }
            }
        }
    };
}

kinds! {
    /// Lay a registration's answers beside what the registers say.
    RunChecks { registration: String },
    /// Decide a registration all of whose checks are green, or refer it to a case worker.
    Decide { registration: String },
    /// Hand a letter to its transport. Somebody may be waiting for it in front of a page.
    SendLetter { letter: String, #[serde(default)] waited_for: bool },
    /// Make the mail engine hold a site's shared mailbox as the directory says.
    ProvisionSharedMailbox { shared_mailbox: String },
    /// Make the mail engine hold a person's mailbox as the directory says.
    ProvisionAccount { account: String },
    /// Move on whatever a site came from, as its mailboxes are provisioned and its first owner activates.
    FollowSite { site: String },
    /// Send a new activation link, if an account waits to be activated at the address typed.
    SendActivationLink { asked: String },
    /// Send a code for coming back to a registration, if the address typed has one.
    SendReturnCode { code: String, email: String },
    /// Compare the directory with the mail engine and have what differs provisioned again.
    CompareMail,
    /// Count unread mail in shared mailboxes and tell owners.
    WatchUnread,
}

/// What is true of every piece of a kind.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// What it is in words, for the page of work that needs attention.
    pub words: &'static str,
    pub lane: Lane,
    /// After so long an attempt is stopped, whatever it waits for, and tried again later.
    pub deadline: Span,
}

impl Kind {
    pub fn facts(self) -> Facts {
        let fact = |words, lane, deadline| Facts { words, lane, deadline };
        match self {
            Kind::RunChecks => {
                fact("Check a registration against the registers", Lane::Checks, Span::minutes(3))
            }
            Kind::Decide => fact("Decide a registration", Lane::Checks, Span::minutes(3)),
            Kind::SendLetter => fact("Send a letter", Lane::Letters, Span::minutes(2)),
            Kind::ProvisionSharedMailbox => {
                fact("Set up a shared mailbox", Lane::Mailboxes, Span::minutes(5))
            }
            Kind::ProvisionAccount => fact("Set up an account", Lane::Mailboxes, Span::minutes(5)),
            Kind::FollowSite => {
                fact("Move on after the mailboxes of a site were set up", Lane::Checks, Span::minutes(1))
            }
            // Whoever asked waits for the letter that it writes.
            Kind::SendActivationLink => {
                fact("Send a new activation link", Lane::LettersWithCodes, Span::minutes(1))
            }
            Kind::SendReturnCode => fact(
                "Send a code for coming back to a registration",
                Lane::LettersWithCodes,
                Span::minutes(1),
            ),
            // A third of a million mailboxes are read from both sides.
            Kind::CompareMail => {
                fact("Compare the directory with the mail server", Lane::Upkeep, Span::hours(2))
            }
            // Each of 30,000 mailboxes is opened by the mail server.
            Kind::WatchUnread => fact("Count unread mail in shared mailboxes", Lane::Upkeep, Span::hours(1)),
        }
    }

    pub fn parse(stored: &str) -> Option<Self> {
        Kind::ALL.iter().copied().find(|kind| kind.stored() == stored)
    }

    /// Whether work of this kind can stand in a lane.
    fn may_be_in(self, lane: Lane) -> bool {
        lane == Lane::Bulk
            || self.facts().lane == lane
            || (self == Kind::SendLetter && lane == Lane::LettersWithCodes)
    }
}

/// What a piece of work is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About<'a> {
    Registration(&'a str),
    Letter(&'a str),
    Site(&'a str),
    SharedMailbox(&'a str),
    Account(&'a str),
    /// What somebody typed on a page, which may be anybody's.
    Typed(&'a str),
    /// A code that somebody asked for.
    Code(&'a str),
    /// The mail server as a whole.
    MailServer,
}

impl Work {
    pub fn about(&self) -> About<'_> {
        match self {
            Work::RunChecks { registration } | Work::Decide { registration } => {
                About::Registration(registration)
            }
            Work::SendLetter { letter, .. } => About::Letter(letter),
            Work::FollowSite { site } => About::Site(site),
            Work::ProvisionSharedMailbox { shared_mailbox } => About::SharedMailbox(shared_mailbox),
            Work::ProvisionAccount { account } => About::Account(account),
            Work::SendActivationLink { asked } => About::Typed(asked),
            Work::SendReturnCode { code, .. } => About::Code(code),
            Work::CompareMail | Work::WatchUnread => About::MailServer,
        }
    }

    /// The identifier of what it is about.
    pub fn subject(&self) -> &str {
        match self.about() {
            About::Registration(id)
            | About::Letter(id)
            | About::Site(id)
            | About::SharedMailbox(id)
            | About::Account(id)
            | About::Typed(id)
            | About::Code(id) => id,
            About::MailServer => "mail",
        }
    }

    /// Equal work has an equal key: while one waits and is not begun, a second is not queued.
    pub fn key(&self) -> String {
        format!("{} {}", self.kind().stored(), self.subject())
    }

    /// Where it waits, unless it is queued in bulk.
    pub fn lane(&self) -> Lane {
        if matches!(self, Work::SendLetter { waited_for: true, .. }) {
            return Lane::LettersWithCodes;
        }
        self.kind().facts().lane
    }

    pub fn in_words(&self) -> &'static str {
        self.kind().facts().words
    }
}

/// Why work was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkError {
    /// Try again later: something outside did not answer.
    Later(String),
    /// Trying again is no use until a person has acted; says what they can do.
    Never(String),
    /// What all work of this kind needs is out of order. It is tried again for as long as that takes, and
    /// reported once for all of it ([`store::list_blocked`]).
    Blocked(String),
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

/// The channel of the database that is signalled when work was queued in any lane; each lane has one of its
/// own beside it ([`Lane::channel`]).
pub const QUEUED: usize = 0;

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

/// When work is tried again that is blocked by something outside: soon at first, then every quarter of an
/// hour, so that all of it goes on soon after it is mended.
pub fn next_try_blocked(attempts: i64) -> Span {
    const LATER: Span = Span::minutes(15);
    next_try(attempts).map_or(LATER, |span| span.min(LATER))
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
    fn a_kind_is_read_as_it_is_stored() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.stored()), Some(*kind));
            assert!(
                kind.stored().bytes().all(|letter| letter.is_ascii_alphanumeric()),
                "it stands in a pattern"
            );
        }
        assert_eq!(Kind::parse("MakeTea"), None);
    }

    #[test]
    fn a_letter_that_somebody_waits_for_waits_for_no_other() {
        let letter = |waited_for| Work::SendLetter { letter: "l".to_owned(), waited_for };
        assert_eq!(letter(true).lane(), Lane::LettersWithCodes);
        assert_eq!(letter(false).lane(), Lane::Letters);
        assert_eq!(letter(true).key(), letter(false).key(), "it is one letter");
        let before = r#"{"SendLetter":{"letter":"l"}}"#;
        assert_eq!(serde_json::from_str::<Work>(before).expect("read"), letter(false));
    }

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
