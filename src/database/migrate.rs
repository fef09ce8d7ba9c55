//! Migrations go forward only and are never edited once released.
//!
//! One file serves both engines; where they must differ there is a pair.

use super::{Database, Engine, Error, FromRow, Reads, Result, Row, transaction};
use sha2::{Digest, Sha256};

/// One step of the tables' history.
pub struct Migration {
    pub number: i64,
    pub name: &'static str,
    pub sqlite: &'static str,
    pub postgres: &'static str,
}

macro_rules! migration {
    ($number:literal, $name:literal, pair) => {
        Migration {
            number: $number,
            name: $name,
            sqlite: include_str!(concat!("../../migrations/", $name, ".sqlite.sql")),
            postgres: include_str!(concat!("../../migrations/", $name, ".postgres.sql")),
        }
    };
    ($number:literal, $name:literal) => {
        Migration {
            number: $number,
            name: $name,
            sqlite: include_str!(concat!("../../migrations/", $name, ".sql")),
            postgres: include_str!(concat!("../../migrations/", $name, ".sql")),
        }
    };
}

/// Every migration, in order.
pub const MIGRATIONS: &[Migration] = &[migration!(1, "0001_baseline"), migration!(2, "0002_guards", pair)];

/// The lock two nodes take before they migrate one PostgreSQL database.
const MIGRATION_LOCK: i64 = 0x0043_4152_4550_4f53;
/// The lock two nodes take before they make the tables that other programs read.
pub(super) const PROJECTION_LOCK: i64 = MIGRATION_LOCK + 1;

struct Applied {
    number: i64,
    name: String,
    checksum: String,
}

impl FromRow for Applied {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Applied { number: row.get(0)?, name: row.get(1)?, checksum: row.get(2)? })
    }
}

const CREATE_VERSIONS: &str = "CREATE TABLE IF NOT EXISTS schema_versions (
  number BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)";

const LIST_APPLIED: &str = "SELECT number, name, checksum FROM schema_versions ORDER BY number";

fn text_for(database: &Database, migration: &Migration) -> &'static str {
    match database.engine {
        Engine::Sqlite(_) => migration.sqlite,
        Engine::Postgres(_) => migration.postgres,
    }
}

fn checksum(text: &str) -> String {
    crate::id::hex(&Sha256::digest(text.as_bytes()))
}

pub(super) async fn migrate(database: &Database, now_ms: i64) -> Result<usize> {
    let texts: Vec<&'static str> = MIGRATIONS.iter().map(|migration| text_for(database, migration)).collect();
    database
        .write(transaction!(async move |tx| {
                tx.lock(MIGRATION_LOCK).await?;
                tx.script(CREATE_VERSIONS).await?;
                let applied: Vec<Applied> = tx.all(LIST_APPLIED, &[]).await?;
                refuse_strangers(&applied, &texts)?;
                let mut done = 0;
                for (migration, text) in MIGRATIONS.iter().zip(texts).skip(applied.len()) {
                    tx.script(text).await?;
                    tx.run(
                        "INSERT INTO schema_versions (number, name, checksum, applied_at) VALUES ($1, $2, $3, $4)",
                        &[&migration.number, &migration.name, &checksum(text), &now_ms],
                    )
                    .await?;
                    done += 1;
                }
                Ok(done)
            }))
        .await
}

fn refuse_strangers(applied: &[Applied], texts: &[&str]) -> Result<()> {
    if applied.len() > MIGRATIONS.len() {
        return Err(Error::Broken(format!(
            "this database was written by a newer version of Carepost (it has {} migrations, this program knows {}); start the newer program",
            applied.len(),
            MIGRATIONS.len()
        )));
    }
    for ((row, migration), text) in applied.iter().zip(MIGRATIONS).zip(texts) {
        if row.number != migration.number || row.checksum != checksum(text) {
            return Err(Error::Broken(format!(
                "migration {} ({}) in this database is not the one this program was released with",
                row.number, row.name
            )));
        }
    }
    Ok(())
}

pub(super) async fn current(database: &Database) -> Result<std::result::Result<(), String>> {
    let applied: Vec<Applied> = match database.all(LIST_APPLIED, &[]).await {
        Ok(applied) => applied,
        Err(Error::Broken(_)) => return Ok(Err("the tables have not been made yet".to_owned())),
        Err(error) => return Err(error),
    };
    let texts: Vec<&'static str> = MIGRATIONS.iter().map(|migration| text_for(database, migration)).collect();
    if let Err(error) = refuse_strangers(&applied, &texts) {
        return Ok(Err(error.to_string()));
    }
    if applied.len() < MIGRATIONS.len() {
        return Ok(Err(format!("{} migrations are still to be applied", MIGRATIONS.len() - applied.len())));
    }
    Ok(Ok(()))
}
