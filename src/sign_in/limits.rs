//! Budgets: how much of something may be used in a while, counted in the database.

use super::store;
use crate::clock::{Span, Timestamp};
use crate::database::{Error, Tx};
use sha2::{Digest, Sha256};

/// Two presses of one button within this time are one press: nothing is sent, noted or queued twice.
/// Long enough for a hand that trembles or a slow line, short enough that nobody waits for it.
pub const SAME_PRESS: Span = Span::seconds(10);

/// For so long a second factor stands for whatever is done in the session.
pub const FACTOR_LASTS: Span = Span::minutes(10);

/// One budget: its name, how much, in how long.
#[derive(Clone, Debug)]
pub struct Budget {
    pub name: String,
    pub most: i64,
    pub window: Span,
}

impl Budget {
    /// A budget of `most` for each `of`, in an hour. What it is for is hashed, so that no address or
    /// number stands in the table.
    pub fn an_hour(what: &str, of: &str, most: i64) -> Self {
        Self::of(what, of, most, Span::hours(1))
    }

    pub fn a_day(what: &str, of: &str, most: i64) -> Self {
        Self::of(what, of, most, Span::days(1))
    }

    /// A budget in a window of its own.
    pub fn of(what: &str, of: &str, most: i64, window: Span) -> Self {
        Budget { name: name(what, of), most, window }
    }
}

fn name(what: &str, of: &str) -> String {
    format!("{what} {}", &crate::id::hex(&Sha256::digest(of.as_bytes()))[..32])
}

/// The budget is used up; says when it opens again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsedUp {
    pub until: Timestamp,
}

/// Takes one from a budget, or says when to come back. Counted first and judged afterwards, so that
/// many at once cannot slip through together.
pub async fn take(tx: &mut Tx, now: Timestamp, budget: &Budget) -> Result<Result<(), UsedUp>, Error> {
    let (starts_at, used) = store::use_budget(tx, now, &budget.name, budget.window).await?;
    if used > budget.most {
        return Ok(Err(UsedUp { until: starts_at.plus(budget.window) }));
    }
    Ok(Ok(()))
}

/// "in 12 minutes", for telling somebody when to try again.
pub fn wait_in_words(now: Timestamp, until: Timestamp) -> String {
    let minutes = (until.since(now).as_seconds() + 59).max(60) / 60;
    if minutes == 1 {
        "in 1 minute".to_owned()
    } else if minutes < 90 {
        format!("in {minutes} minutes")
    } else {
        format!("in {} hours", (minutes + 59) / 60)
    }
}
