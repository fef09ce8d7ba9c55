//! What keeps directory and mail engine together from day to day.
//!
//! - The comparison: what the directory says against what the engine holds and stores, every day and
//!   when somebody asks. A mailbox that is missing or differs is provisioned again. What the
//!   directory does not know is shown and never removed by itself: a directory restored from an old
//!   backup does not know its newest people, and their mail must not go.
//! - Use: sign-ins that the mail servers report count as use of the account.
//! - The unread alarm: a shared mailbox whose mail nobody reads tells its owners. Counts only.

pub mod store;

use crate::clock::{Span, Timestamp};
use serde::Deserialize;

/// How long an alarm that goes on is not repeated.
pub const TOLD_AGAIN_AFTER: Span = Span::days(2);

/// How directory and engine can differ about one mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The engine does not hold it.
    Missing,
    /// The engine holds something else.
    Differs,
    /// The engine holds it and the directory does not know it.
    Unknown,
    /// There is storage of a mailbox that neither knows.
    StorageUnknown,
}

impl Difference {
    pub const ALL: [Difference; 4] =
        [Difference::Missing, Difference::Differs, Difference::Unknown, Difference::StorageUnknown];

    pub fn stored(self) -> &'static str {
        match self {
            Difference::Missing => "missing",
            Difference::Differs => "differs",
            Difference::Unknown => "unknown",
            Difference::StorageUnknown => "storage of an unknown mailbox",
        }
    }

    pub fn from_stored(text: &str) -> Option<Self> {
        Difference::ALL.into_iter().find(|known| known.stored() == text)
    }

    pub fn in_words(self) -> &'static str {
        match self {
            Difference::Missing => "The mail server did not have it",
            Difference::Differs => "The mail server had something else",
            Difference::Unknown => "The mail server has it and the directory does not know it",
            Difference::StorageUnknown => "There is stored mail of a mailbox nobody knows",
        }
    }

    /// Whether provisioning puts it right by itself.
    pub fn is_repaired(self) -> bool {
        match self {
            Difference::Missing | Difference::Differs => true,
            Difference::Unknown | Difference::StorageUnknown => false,
        }
    }
}

/// How far a mailbox that was missing or differed has been put right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Its work waits or is under way.
    UnderWay,
    Done,
    /// Its work needs a person, or a person has given it up.
    NotDone,
}

/// A sign-in as the mail servers report it.
#[derive(Clone, Debug, Deserialize)]
pub struct SignInReport {
    pub address: String,
    #[serde(default)]
    pub app_password: String,
    #[serde(default)]
    pub success: bool,
}

/// The moment so many working days before, at the same time of day.
pub fn working_days_before(now: Timestamp, days: u16) -> Timestamp {
    let mut at = now;
    let mut left = days;
    while left > 0 {
        at = at.minus(Span::days(1));
        if at.day().is_working() {
            left -= 1;
        }
    }
    // What came on a day off waits from the next working day.
    while !at.day().is_working() {
        at = at.minus(Span::days(1));
    }
    at
}

/// Whether owners are told of unread mail now, when they were last told then.
pub fn is_told(unread: u64, told_at: Option<Timestamp>, now: Timestamp) -> bool {
    unread > 0 && told_at.is_none_or(|told| told.plus(TOLD_AGAIN_AFTER) <= now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_off_do_not_count() {
        let check = |now: &str, days: u16, expect: &str| {
            let at = |text: &str| Timestamp::parse_london(text).expect(text);
            assert_eq!(working_days_before(at(now), days), at(expect), "{now}, {days}");
        };
        // 23 November 2026 is a Monday.
        check("2026-11-26 09:00", 2, "2026-11-24 09:00");
        check("2026-11-23 09:00", 2, "2026-11-19 09:00");
        check("2026-11-24 09:00", 2, "2026-11-20 09:00");
        check("2026-11-22 09:00", 2, "2026-11-19 09:00");
        check("2026-11-23 09:00", 0, "2026-11-23 09:00");
        check("2026-11-22 09:00", 0, "2026-11-20 09:00");
        // Christmas Day is a Friday, and Boxing Day is made up for on the Monday.
        check("2026-12-29 09:00", 1, "2026-12-24 09:00");
    }

    #[test]
    fn an_alarm_is_repeated_after_two_days_and_not_before() {
        let now = Timestamp::from_milliseconds(1_000_000_000);
        assert!(is_told(1, None, now));
        assert!(!is_told(0, None, now));
        assert!(!is_told(9, Some(now.minus(Span::hours(47))), now));
        assert!(is_told(9, Some(now.minus(Span::days(2))), now));
    }
}
