//! What Dovecot must still be told, written down with the change it follows from.

use super::super::rules::{Step, StepKind};
use crate::database::{Database, Error, Reads, Result, Tx, transaction};

/// Steps still to be taken for a mailbox, with the changes they belong to.
#[derive(Clone)]
pub(in super::super) struct Steps {
    pub(in super::super) steps: Vec<Step>,
    changes: Vec<String>,
}

/// Adds the steps of one change.
pub(super) async fn add(tx: &mut Tx, id: &str, steps: &[Step]) -> Result<()> {
    let change = crate::id::new_token();
    for step in steps {
        let kind = step.kind.stored();
        tx.run(
            "INSERT INTO steps (change_id, mailbox_id, step, name) VALUES ($1, $2, $3, $4)",
            &[&change, &id, &kind, &step.name],
        )
        .await?;
    }
    Ok(())
}

/// The steps still to be taken for a mailbox: what is prepared first, what is removed last.
pub(in super::super) async fn list_steps(from: &Database, id: &str) -> Result<Steps> {
    let rows: Vec<(String, String, String)> =
        from.all("SELECT change_id, step, name FROM steps WHERE mailbox_id = $1", &[&id]).await?;
    let (mut steps, mut changes) = (Vec::new(), Vec::new());
    for (change, kind, name) in rows {
        let kind = StepKind::from_stored(&kind)
            .ok_or_else(|| Error::Broken(format!("Dovecot must be told to {kind}")))?;
        steps.push(Step { kind, name });
        changes.push(change);
    }
    changes.sort();
    changes.dedup();
    steps.sort();
    steps.dedup();
    Ok(Steps { steps, changes })
}

/// Notes that a mailbox's storage must be prepared again.
pub(in super::super) async fn prepare_again(database: &Database, id: &str, address: &str) -> Result<()> {
    let (id, step) = (id.to_owned(), Step::prepare(address));
    database.write(transaction!(async move |tx| { add(tx, &id, &[step]).await })).await
}

/// Notes that steps have been taken.
pub(in super::super) async fn steps_taken(database: &Database, id: &str, taken: Steps) -> Result<()> {
    let id = id.to_owned();
    database
        .write(transaction!(async move |tx| {
            for change in &taken.changes {
                tx.run("DELETE FROM steps WHERE mailbox_id = $1 AND change_id = $2", &[&id, change]).await?;
            }
            Ok(())
        }))
        .await
}
