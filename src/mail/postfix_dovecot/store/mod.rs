//! The projection: the tables and views that Postfix and Dovecot read, and the guard with them.
//!
//! Statements only, a file a subject. What a row says is decided in `rules.rs`.

mod filling;
mod lookups;
mod mailboxes;
mod secure_domains;
mod steps;

pub(super) use filling::{ensure_filled, filling};
pub(super) use lookups::{LookupTable, Sender, look_up, revision, sender, signed_out_at};
pub(super) use mailboxes::{ensure, ensure_absent, find, list, list_used};
pub(super) use secure_domains::ensure_secure_domains;
pub(super) use steps::{
    EVERYBODY, forget_everybody, list_steps, note_wrong_access, steps_taken, tell_wrong_access,
};

use super::rules::{UNFILLED_REPLY, UNFILLED_WORDS};
use crate::database::{Address, Database, Error, Reads, Result, Tx, transaction};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::time::Duration;

/// Goes up when the tables, the views or what the rules decide for them change: the projection then begins
/// again, with nothing in it.
const VERSION: i64 = 5;
/// On PostgreSQL: the service's own tables, and the views others may read.
const SCHEMAS: &str = "mail_kept,mail";
const SCHEMAS_TO_READ: &str = "mail";

const TABLES: &str = include_str!("tables.sql");
const VIEWS: &str = include_str!("views.sql");
const VIEW_NAMES: [&str; 12] = [
    "sign_ins",
    "users",
    "visible",
    "visible_otherwise",
    "recipients",
    "refusals",
    "senders",
    "revisions",
    "signed_out",
    "enforced_domains",
    "enforced_for_now",
    "unfilled",
];
const TABLE_NAMES: [&str; 9] = [
    "sign_outs",
    "wrong_access",
    "steps",
    "access",
    "passwords",
    "names",
    "secure_domains",
    "mailboxes",
    "projection",
];

/// What the tables and views look like: the same for those that were made by the same statements.
fn layout() -> String {
    let statements: Vec<&str> = TABLES
        .lines()
        .chain(VIEWS.lines())
        .map(|line| line.split("--").next().unwrap_or(line).trim())
        .filter(|line| !line.is_empty())
        .collect();
    crate::id::hex(&Sha256::digest(statements.join(" ").as_bytes())[..16])
}

/// The row that says whose tables these are: new ones, in which nothing is yet.
fn row() -> String {
    let (made, layout) = (crate::id::new_token(), layout());
    // Later than any revision of tables before: nobody is signed out a thousand times a second.
    let revision = crate::clock::Clock::system().now().as_milliseconds();
    format!(
        "INSERT INTO projection VALUES
           ({VERSION}, '{layout}', '{made}', FALSE, {revision}, {revision}, FALSE, '{UNFILLED_REPLY}',
            '{UNFILLED_WORDS}');"
    )
}

fn sqlite_script() -> String {
    let mut script = String::new();
    for view in VIEW_NAMES {
        script.push_str(&format!("DROP VIEW IF EXISTS {view};\n"));
    }
    for table in TABLE_NAMES {
        script.push_str(&format!("DROP TABLE IF EXISTS {table};\n"));
    }
    script.push_str(TABLES);
    script.push_str(&VIEWS.replace("JOINED", "group_concat"));
    script.push_str(&row());
    script
}

/// The role that the mail servers sign in as, where the database has one.
pub const POSTGRES_ROLE: &str = "carepost_mail";

/// The schemas that stand aside are locked by nobody: whoever reads at that moment reads on, and whoever
/// comes next finds the new ones by their names. Dropping them in their place would have readers and this
/// transaction wait for one another, and a reader whose query is ended loses its connection.
fn postgres_script() -> String {
    let views = VIEWS.replace("JOINED", "string_agg").replace("CREATE VIEW ", "CREATE VIEW mail.");
    let row = row();
    format!(
        "{POSTGRES_CLEAN_UP}
         DO $$ BEGIN
           IF EXISTS (SELECT FROM pg_namespace WHERE nspname = 'mail') THEN
             ALTER SCHEMA mail RENAME TO mail_before;
           END IF;
           IF EXISTS (SELECT FROM pg_namespace WHERE nspname = 'mail_kept') THEN
             ALTER SCHEMA mail_kept RENAME TO mail_kept_before;
           END IF;
         END $$;
         CREATE SCHEMA mail_kept;
         CREATE SCHEMA mail;
         {TABLES}
         {views}
         {row}
         DO $$ BEGIN
           IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{POSTGRES_ROLE}') THEN
             GRANT USAGE ON SCHEMA mail TO {POSTGRES_ROLE};
             GRANT SELECT ON ALL TABLES IN SCHEMA mail TO {POSTGRES_ROLE};
           END IF;
         END $$;"
    )
}

/// Removes what stood aside. Gives up where somebody still reads it, before they would wait for one another.
const POSTGRES_CLEAN_UP: &str = "
    SET LOCAL lock_timeout = '300ms';
    DROP SCHEMA IF EXISTS mail_before CASCADE;
    DROP SCHEMA IF EXISTS mail_kept_before CASCADE;";
/// How often that is tried, a moment apart: a query of the mail servers takes milliseconds.
const CLEAN_UPS_MAX: u32 = 10;

async fn make_anew(database: &Database) -> Result<()> {
    database.make_projection(sqlite_script(), postgres_script()).await?;
    let mut cleaned = Ok(());
    for tried in 1..=CLEAN_UPS_MAX {
        cleaned = database.make_projection(String::new(), POSTGRES_CLEAN_UP.to_owned()).await;
        if cleaned.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50) * tried).await;
    }
    if let Err(error) = cleaned {
        tracing::warn!(%error, "the mail servers' tables of the version before are still there");
    }
    Ok(())
}

/// Opens the projection to write, and begins it again where it is not that of this program.
pub(super) async fn open(address: &Address) -> Result<Database> {
    if let Address::Sqlite(path) = address {
        make_file(path)?;
    }
    let database = Database::open_projection(address, SCHEMAS).await?;
    let found: Result<Option<(i64, String)>> =
        database.maybe("SELECT version, layout FROM projection", &[]).await;
    match found {
        Ok(Some((VERSION, known))) if known == layout() => {}
        Ok(Some((_, known))) if known == layout() => begin_again(&database).await?,
        // There are other tables, or none.
        Ok(_) | Err(Error::Broken(_)) => make_anew(&database).await?,
        Err(error) => return Err(error),
    }
    Ok(database)
}

/// Empties tables that look as they should. Tables that are made anew cost each connection of the mail
/// servers an error, so this is done wherever it is enough. What Dovecot must still be told stays.
async fn begin_again(database: &Database) -> Result<()> {
    let made = crate::id::new_token();
    database
        .write(transaction!(async move |tx| {
            let begun = tx
                .run(
                    "UPDATE projection
                        SET version = $1, made = $2, filled = FALSE, secure_domains_told = FALSE,
                            revision = revision + 1, first_revision = revision + 1,
                            unfilled_reply = $3, unfilled_words = $4
                      WHERE version <> $1",
                    &[&VERSION, &made, &UNFILLED_REPLY, &UNFILLED_WORDS],
                )
                .await?;
            // Another node was faster.
            if begun == 0 {
                return Ok(());
            }
            for emptied in [
                "DELETE FROM access",
                "DELETE FROM passwords",
                "DELETE FROM names",
                "DELETE FROM mailboxes",
                "DELETE FROM secure_domains",
            ] {
                tx.run(emptied, &[]).await?;
            }
            Ok(())
        }))
        .await
}

/// Opens the projection as the mail servers do.
pub(super) async fn open_to_read(address: &Address) -> Result<Database> {
    Database::open_projection_to_read(address, SCHEMAS_TO_READ).await
}

/// The file is there before SQLite opens it, so that its group may read it and others may not.
fn make_file(path: &Path) -> Result<()> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    let failed = |error: std::io::Error| Error::Unavailable(format!("{}: {error}", path.display()));
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        if let Some(above) = folder.parent() {
            std::fs::create_dir_all(above).map_err(failed)?;
        }
        std::fs::DirBuilder::new().recursive(true).mode(0o750).create(folder).map_err(failed)?;
    }
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o640).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// Writers of one mailbox wait for one another.
async fn lock_mailbox(tx: &mut Tx, id: &str) -> Result<()> {
    let hash = Sha256::digest(id.as_bytes());
    let mut key = [0; 8];
    key.copy_from_slice(&hash[..8]);
    tx.lock(i64::from_be_bytes(key)).await
}

#[cfg(test)]
mod tests;
