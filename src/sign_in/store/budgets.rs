//! How much of something was used in the current window.

use crate::clock::{Span, Timestamp};
use crate::database::{Reads, Result, Tx};

pub(in crate::sign_in) async fn use_budget(
    tx: &mut Tx,
    now: Timestamp,
    name: &str,
    window: Span,
) -> Result<(Timestamp, i64)> {
    tx.one(
        "INSERT INTO budgets (name, window_starts_at, used) VALUES ($1, $2, 1)
         ON CONFLICT (name) DO UPDATE SET
           used = CASE WHEN budgets.window_starts_at <= $3 THEN 1 ELSE budgets.used + 1 END,
           window_starts_at = CASE WHEN budgets.window_starts_at <= $3 THEN $2 ELSE budgets.window_starts_at END
         RETURNING window_starts_at, used",
        &[&name, &now, &now.minus(window)],
    )
    .await
}

/// When the window of a budget began, and how much of it is used.
pub(in crate::sign_in) async fn read_budget(
    from: &impl Reads,
    name: &str,
) -> Result<Option<(Timestamp, i64)>> {
    from.maybe("SELECT window_starts_at, used FROM budgets WHERE name = $1", &[&name]).await
}

/// Takes back one that was counted.
pub(in crate::sign_in) async fn give_back(tx: &mut Tx, name: &str) -> Result<()> {
    tx.run("UPDATE budgets SET used = used - 1 WHERE name = $1 AND used > 0", &[&name]).await?;
    Ok(())
}
