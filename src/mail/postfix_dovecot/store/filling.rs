//! Whether everything that should be in the projection is in it.

use super::super::super::{Ensured, Filling};
use crate::database::{Database, Reads, Result, transaction};

/// Whether everything is still to be put into the tables.
pub(in super::super) async fn filling(from: &Database) -> Result<Option<Filling>> {
    let found: Option<(String,)> = from.maybe("SELECT made FROM projection WHERE NOT filled", &[]).await?;
    Ok(found.map(|(made,)| Filling(made)))
}

/// Notes that everything is in the tables that were being filled then; others are left as they are.
pub(in super::super) async fn ensure_filled(database: &Database, filling: &Filling) -> Result<Ensured> {
    let made = filling.0.clone();
    let noted = database
        .write(transaction!(async move |tx| {
            tx.run("UPDATE projection SET filled = TRUE WHERE made = $1 AND NOT filled", &[&made]).await
        }))
        .await?;
    Ok(if noted > 0 { Ensured::Updated } else { Ensured::AlreadyRight })
}
