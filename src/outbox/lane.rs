//! Lanes: kinds of work that do not wait for one another.
//!
//! Each lane has workers of its own on every node, and takes a piece when one of them is free. What is slow,
//! hangs, or comes by the hundred thousand holds up its own lane and no other.

use super::Kind;
use crate::clock::{Span, Timestamp};
use crate::settings::Settings;
use std::sync::atomic::{AtomicI64, Ordering};

/// How long a lane may have due work and not move before that is an alarm.
pub const STUCK_AFTER: Span = Span::minutes(2);
/// What a lease lasts beyond the longest deadline of the lane's work: time to record the outcome.
const LEASE_MARGIN: Span = Span::minutes(1);

/// A lane. The order is that of urgency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Letters that somebody sits in front of a page for: codes live ten minutes.
    LettersWithCodes,
    /// All other letters.
    Letters,
    /// Checks and decisions.
    Checks,
    /// Mailboxes that are set up because somebody changed something.
    Mailboxes,
    /// What is done by the clock.
    Upkeep,
    /// Whatever was queued by the hundred or the hundred thousand (`store::bulk`).
    Bulk,
}

impl Lane {
    pub const ALL: [Lane; 6] =
        [Lane::LettersWithCodes, Lane::Letters, Lane::Checks, Lane::Mailboxes, Lane::Upkeep, Lane::Bulk];

    /// As it is stored with work and named in figures.
    pub const fn stored(self) -> &'static str {
        match self {
            Lane::LettersWithCodes => "LettersWithCodes",
            Lane::Letters => "Letters",
            Lane::Checks => "Checks",
            Lane::Mailboxes => "Mailboxes",
            Lane::Upkeep => "Upkeep",
            Lane::Bulk => "Bulk",
        }
    }

    pub fn parse(stored: &str) -> Option<Self> {
        Lane::ALL.into_iter().find(|lane| lane.stored() == stored)
    }

    /// The channel of the database that is signalled when work was queued in it.
    pub const fn channel(self) -> usize {
        self as usize + 1
    }

    /// How many pieces a node does at once.
    pub fn at_once(self, settings: &Settings) -> usize {
        let set = match self {
            Lane::LettersWithCodes => settings.letters_with_codes_at_once,
            Lane::Letters => settings.letters_at_once,
            Lane::Checks => settings.checks_at_once,
            Lane::Mailboxes => settings.mailboxes_at_once,
            Lane::Upkeep => settings.upkeep_at_once,
            Lane::Bulk => settings.bulk_at_once,
        };
        // A lane that nobody works on would fill without an end.
        usize::from(set).max(1)
    }

    /// How long a piece that was taken in this lane is left to whoever took it, at most: longer than the
    /// deadline of every kind that can be in it. A node that died is noticed much earlier
    /// (`store::nodes`).
    pub fn lease(self) -> Span {
        let longest =
            Kind::ALL.iter().filter(|kind| kind.may_be_in(self)).map(|kind| kind.facts().deadline).max();
        let longest = longest.unwrap_or(Span::minutes(5));
        Span::milliseconds(longest.as_milliseconds() + LEASE_MARGIN.as_milliseconds())
    }
}

/// When each lane of this node last moved: took a piece, or was done with one.
#[derive(Debug)]
pub struct Movement([AtomicI64; Lane::ALL.len()]);

impl Movement {
    /// A node that starts has moved just now: what it finds waiting is no alarm yet.
    pub fn new(now: Timestamp) -> Self {
        Movement(std::array::from_fn(|_| AtomicI64::new(now.as_milliseconds())))
    }

    pub fn moved(&self, lane: Lane, now: Timestamp) {
        self.0[lane as usize].store(now.as_milliseconds(), Ordering::Relaxed);
    }

    pub fn last(&self, lane: Lane) -> Timestamp {
        Timestamp::from_milliseconds(self.0[lane as usize].load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_longer_than_every_deadline_in_its_lane() {
        for lane in Lane::ALL {
            let kinds: Vec<_> = Kind::ALL.iter().filter(|kind| kind.may_be_in(lane)).collect();
            assert!(!kinds.is_empty(), "{lane:?} is for something");
            assert!(kinds.iter().all(|kind| kind.facts().deadline < lane.lease()), "{lane:?}");
        }
        // A code lives ten minutes: a letter that hangs must be tried again while it is of use.
        assert!(Lane::LettersWithCodes.lease() < Span::minutes(5));
    }

    #[test]
    fn a_lane_is_read_as_it_is_stored_and_has_a_channel_of_its_own() {
        for lane in Lane::ALL {
            assert_eq!(Lane::parse(lane.stored()), Some(lane));
            assert_eq!(Lane::ALL.iter().filter(|other| other.channel() == lane.channel()).count(), 1);
            assert_ne!(lane.channel(), super::super::QUEUED);
        }
        assert_eq!(Lane::parse("Express"), None);
    }
}
