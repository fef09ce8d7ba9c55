//! Importing a file of a register.

use crate::audit::{self, Entry};
use crate::clock::Clock;
use crate::database::{Database, Tx};
use crate::register::import::{self, ImportKind, ImportRefusal, Options, Report, Source};
use crate::sign_in::authority::{Permit, deed};
use std::sync::Arc;

/// Imports a file, with its entry, in one transaction. One that closes or changes too much, or is older than
/// what it replaces, waits until two case workers have released it.
///
/// # Errors
/// Why nothing was imported, in words for the operator.
pub async fn import_register(
    database: &Database,
    clock: &Clock,
    permit: Permit<deed::ImportRegister>,
    kind: ImportKind,
    source: Source<'_>,
    options: &Options,
) -> Result<Report, ImportRefusal> {
    let prepared = import::prepare(database, clock, kind, source, options).await?;
    if options.dry_run {
        return Ok(prepared.report().clone());
    }
    let shared = Arc::new((prepared, permit.actor(), clock.clone()));
    database
        .write(move |tx: &mut Tx| {
            let shared = Arc::clone(&shared);
            Box::pin(async move {
                let (prepared, actor, clock) = &*shared;
                let now = clock.now();
                let report = prepared.write(tx, now).await?;
                let figures = format!(
                    "{}: {} rows, {} applied, {} unchanged, {} rejected, {} closed, {} with other contacts; data of {}; SHA-256 {}",
                    report.kind,
                    report.rows,
                    report.applied,
                    report.unchanged,
                    report.rejected,
                    report.closed,
                    report.details.contacts_changed,
                    report.data_date.as_deref().unwrap_or("a day that is not known"),
                    report.sha256
                );
                let entry = match (&report.held, report.number) {
                    (Some(id), _) => Entry::new(actor.clone(), "register import held", id)
                        .because(format!("{figures}. {}", report.details.waits_because.join(" "))),
                    (None, number) => {
                        let subject = format!("import {}", number.unwrap_or_default());
                        Entry::new(actor.clone(), "register imported", &subject).because(figures)
                    }
                };
                audit::store::add(tx, now, &entry).await?;
                Ok(report)
            })
        })
        .await
}
