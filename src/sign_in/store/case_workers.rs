//! Case workers.

use crate::clock::Timestamp;
use crate::database::{Database, FromRow, Reads, Result, Row, Tx};

/// A case worker as stored.
#[derive(Clone, Debug)]
pub struct CaseWorkerRow {
    pub id: String,
    pub name: String,
    pub email: String,
    pub password_hash: String,
    pub last_code_step: i64,
    pub disabled: bool,
}

impl FromRow for CaseWorkerRow {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let disabled_at: Option<Timestamp> = row.get(5)?;
        Ok(CaseWorkerRow {
            id: row.get(0)?,
            name: row.get(1)?,
            email: row.get(2)?,
            password_hash: row.get(3)?,
            last_code_step: row.get(4)?,
            disabled: disabled_at.is_some(),
        })
    }
}

pub async fn find_case_worker(from: &impl Reads, email: &str) -> Result<Option<CaseWorkerRow>> {
    from.maybe(
        "SELECT id, name, email, password_hash, last_code_step, disabled_at FROM case_workers WHERE email = $1",
        &[&email],
    )
    .await
}

pub async fn case_worker(from: &impl Reads, id: &str) -> Result<Option<CaseWorkerRow>> {
    from.maybe(
        "SELECT id, name, email, password_hash, last_code_step, disabled_at FROM case_workers WHERE id = $1",
        &[&id],
    )
    .await
}

/// The first case workers, at most 20: for the demo, whose codes stand on a page.
pub async fn list_case_workers(from: &Database) -> Result<Vec<CaseWorkerRow>> {
    from.all(
        "SELECT id, name, email, password_hash, last_code_step, disabled_at FROM case_workers
          ORDER BY added_at, id LIMIT 20",
        &[],
    )
    .await
}

/// Adds a case worker; false when the email address is taken.
pub async fn add_case_worker(
    tx: &mut Tx,
    id: &str,
    name: &str,
    email: &str,
    password_hash: &str,
    now: Timestamp,
) -> Result<bool> {
    let added = tx
        .run(
            "INSERT INTO case_workers (id, name, email, password_hash, added_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (email) DO NOTHING",
            &[&id, &name, &email, &password_hash, &now],
        )
        .await?;
    Ok(added == 1)
}

/// Marks a step of the authenticator app's clock as used; false when it, or a later one, was used
/// already.
pub async fn use_app_step(tx: &mut Tx, id: &str, step: i64) -> Result<bool> {
    let used = tx
        .run(
            "UPDATE case_workers SET last_code_step = $1 WHERE id = $2 AND last_code_step < $1",
            &[&step, &id],
        )
        .await?;
    Ok(used == 1)
}
