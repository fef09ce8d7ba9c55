//! Who does what happens at a time: an occurrence is claimed once, by one node.

use crate::clock::{Span, Timestamp};
use crate::database::{Result, Tx};

/// A claim that lies so far ahead of the clock was made by a clock that was wrong, and does not count.
const AHEAD_MAX: Span = Span::hours(1);

/// Claims an occurrence; false where it, or a later one, was claimed before.
pub async fn claim(
    tx: &mut Tx,
    name: &str,
    occurrence: Timestamp,
    node: &str,
    now: Timestamp,
) -> Result<bool> {
    let claimed = tx
        .run(
            "INSERT INTO schedule_claims (name, occurrence, node, claimed_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (name) DO UPDATE SET occurrence = $2, node = $3, claimed_at = $4
              WHERE schedule_claims.occurrence < $2 OR schedule_claims.occurrence > $5",
            &[&name, &occurrence, &node, &now, &now.plus(AHEAD_MAX)],
        )
        .await?;
    Ok(claimed == 1)
}
