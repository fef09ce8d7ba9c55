//! The domains that connections must be protected to.

use super::super::super::Ensured;
use crate::database::{Database, Reads, Result, transaction};

/// Keeps exactly these secure domains.
pub(in super::super) async fn ensure_secure_domains(
    database: &Database,
    domains: Vec<String>,
) -> Result<Ensured> {
    let mut wanted = domains;
    wanted.sort();
    wanted.dedup();
    database
        .write(transaction!(async move |tx| {
            let before: Vec<(String,)> =
                tx.all("SELECT domain FROM secure_domains ORDER BY domain", &[]).await?;
            let before: Vec<String> = before.into_iter().map(|(domain,)| domain).collect();
            let told = "UPDATE projection SET secure_domains_told = TRUE WHERE NOT secure_domains_told";
            let first_told = tx.run(told, &[]).await? > 0;
            if before == wanted && !first_told {
                return Ok(Ensured::AlreadyRight);
            }
            tx.run("DELETE FROM secure_domains", &[]).await?;
            for domain in &wanted {
                tx.run("INSERT INTO secure_domains (domain) VALUES ($1)", &[domain]).await?;
            }
            Ok(Ensured::Updated)
        }))
        .await
}
