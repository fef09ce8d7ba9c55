//! Domains that take part in secure email, as imported.

use super::ask_for_comparison;
use crate::audit::{self, Actor, Entry};
use crate::clock::Timestamp;
use crate::database::{Database, Reads, Result, transaction};
use std::collections::BTreeMap;

/// The accredited secure domains as imported.
pub async fn list_secure_domains(from: &Database) -> Result<Vec<String>> {
    let found: Vec<(String,)> =
        from.all("SELECT domain FROM secure_domains ORDER BY domain LIMIT 100000", &[]).await?;
    Ok(found.into_iter().map(|(domain,)| domain).collect())
}

/// Keeps exactly these secure domains, each with its organisation; answers how many there were.
pub async fn keep_secure_domains(
    database: &Database,
    now: Timestamp,
    domains: BTreeMap<String, String>,
) -> Result<i64> {
    database
        .write(transaction!(async move |tx| {
            let (before,): (i64,) = tx.one("SELECT COUNT(*) FROM secure_domains", &[]).await?;
            tx.run("DELETE FROM secure_domains", &[]).await?;
            for (domain, organisation) in &domains {
                tx.run(
                    "INSERT INTO secure_domains (domain, organisation, imported_at) VALUES ($1, $2, $3)",
                    &[domain, organisation, &now],
                )
                .await?;
            }
            ask_for_comparison(tx, now, &Actor::Operator).await?;
            let entry = Entry::new(Actor::Operator, "secure domains imported", "mail")
                .because(format!("{} domains, {before} before", domains.len()));
            audit::store::add(tx, now, &entry).await?;
            Ok(before)
        }))
        .await
}
