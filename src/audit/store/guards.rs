//! The triggers that keep rows from being changed, as they stand in the database.

use crate::database::{Database, Reads, Result};

/// The tables whose rows are only ever added.
const KEPT: [&str; 5] =
    ["addresses", "audit_entries", "audit_log", "audit_checkpoints", "audit_cosignatures"];

const SQLITE: &str = include_str!("../../../migrations/0002_guards.sqlite.sql");
const POSTGRES: &str = include_str!("../../../migrations/0002_guards.postgres.sql");

/// Whether `script` holds a statement, whatever its spaces.
fn holds(script: &str, statement: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    plain(script).contains(&plain(statement))
}

/// How many guards are missing, switched off or not those of the program.
pub async fn missing(database: &Database) -> Result<i64> {
    let sound = match database.engine() {
        "sqlite" => {
            let rows: Vec<(String,)> =
                database.all("SELECT sql FROM sqlite_master WHERE type = 'trigger'", &[]).await?;
            rows.iter().filter(|(sql,)| holds(SQLITE, sql)).count()
        }
        _ => {
            let rows: Vec<(String, String)> = database
                .all(
                    "SELECT CAST(c.relname AS TEXT), p.prosrc FROM pg_trigger t
                       JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
                      WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgtype = 27
                        AND t.tgqual IS NULL",
                    &[],
                )
                .await?;
            rows.iter()
                .filter(|(table, source)| KEPT.contains(&table.as_str()) && holds(POSTGRES, source))
                .count()
        }
    };
    let needed = match database.engine() {
        // One against changes and one against removal.
        "sqlite" => KEPT.len() * 2,
        _ => KEPT.len(),
    };
    Ok(i64::try_from(needed.saturating_sub(sound)).unwrap_or(i64::MAX))
}
