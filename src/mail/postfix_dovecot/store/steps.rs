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

/// Ends what an account's open submission sessions may do: no session counts that was opened before.
pub(super) async fn sign_out(tx: &mut Tx, id: &str) -> Result<()> {
    tx.run("UPDATE projection SET revision = revision + 1", &[]).await?;
    tx.run(
        "INSERT INTO sign_outs (mailbox_id, revision) SELECT $1, revision FROM projection WHERE TRUE
         ON CONFLICT (mailbox_id) DO UPDATE SET revision = EXCLUDED.revision",
        &[&id],
    )
    .await?;
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

/// In the place of a mailbox: what concerns everybody.
pub(in super::super) const EVERYBODY: &str = "";

/// Notes that everybody must be forgotten.
pub(in super::super) async fn forget_everybody(database: &Database) -> Result<()> {
    database.write(transaction!(async move |tx| { add(tx, EVERYBODY, &[Step::forget("")]).await })).await
}

/// Notes what the access lists of mailboxes said that they should not. A shared mailbox must be prepared again.
pub(in super::super) async fn note_wrong_access(
    database: &Database,
    wrong: Vec<(String, String, Vec<Step>)>,
) -> Result<()> {
    database
        .write(transaction!(async move |tx| {
            for (id, says, steps) in &wrong {
                tx.run(
                    "INSERT INTO wrong_access (mailbox_id, says, told) VALUES ($1, $2, FALSE)
                     ON CONFLICT (mailbox_id) DO UPDATE SET says = $2, told = FALSE",
                    &[id, says],
                )
                .await?;
                add(tx, id, steps).await?;
            }
            Ok(())
        }))
        .await
}

/// What was noted of the mailboxes after one identifier and up to another. It is told once, or again while
/// the mailbox has not been seen to since.
pub(in super::super) async fn tell_wrong_access(
    database: &Database,
    after: &str,
    last: &str,
) -> Result<Vec<(String, String)>> {
    let sql = "SELECT mailbox_id, says FROM wrong_access WHERE mailbox_id > $1 AND mailbox_id <= $2";
    let found: Vec<(String, String)> = database.all(sql, &[&after, &last]).await?;
    if !found.is_empty() {
        let (after, last) = (after.to_owned(), last.to_owned());
        database
            .write::<_, Error, _>(transaction!(async move |tx| {
                let sql = "UPDATE wrong_access SET told = TRUE WHERE mailbox_id > $1 AND mailbox_id <= $2";
                tx.run(sql, &[&after, &last]).await
            }))
            .await?;
    }
    Ok(found)
}

/// Notes that steps have been taken.
pub(in super::super) async fn steps_taken(database: &Database, id: &str, taken: Steps) -> Result<()> {
    let id = id.to_owned();
    database
        .write(transaction!(async move |tx| {
            for change in &taken.changes {
                tx.run("DELETE FROM steps WHERE mailbox_id = $1 AND change_id = $2", &[&id, change]).await?;
            }
            tx.run("DELETE FROM wrong_access WHERE mailbox_id = $1 AND told", &[&id]).await?;
            // Between the change and now Dovecot may have let somebody in by what it remembered.
            let known: Option<(i64,)> =
                tx.maybe("SELECT revision FROM sign_outs WHERE mailbox_id = $1", &[&id]).await?;
            if known.is_some() && taken.steps.iter().any(|step| step.kind == StepKind::EndSessions) {
                sign_out(tx, &id).await?;
            }
            Ok(())
        }))
        .await
}
