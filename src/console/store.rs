//! Who works at the console, in the database.

use crate::database::{Reads, Result};

/// More case workers than any central team has.
const CASE_WORKERS_MAX: i64 = 1_000;

/// Names of case workers by identifier, for the history; at most 1,000.
pub async fn list_names(from: &impl Reads) -> Result<Vec<(String, String)>> {
    from.all("SELECT id, name FROM case_workers ORDER BY added_at, id LIMIT $1", &[&CASE_WORKERS_MAX]).await
}
