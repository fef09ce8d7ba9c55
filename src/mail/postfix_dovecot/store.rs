//! The projection: the tables and views that Postfix and Dovecot read, and the guard with them.

use super::super::{EngineError, Ensured, Standing, WantedAccount, WantedPassword, WantedSharedMailbox};
use crate::database::{Address, Database, Error, FromRow, Reads, Result, Row, Tx};
use sha2::{Digest, Sha256};
use std::path::Path;

/// Goes up when the tables or views change; then they are made again, empty.
const VERSION: i64 = 1;
/// On PostgreSQL: the service's own tables, and the views others may read.
const SCHEMAS: &str = "mail_kept,mail";
const SCHEMAS_TO_READ: &str = "mail";

const TABLES: &str = include_str!("tables.sql");
const VIEWS: &str = include_str!("views.sql");
const VIEW_NAMES: [&str; 8] = [
    "sign_ins",
    "users",
    "visible",
    "visible_otherwise",
    "recipients",
    "refusals",
    "senders",
    "enforced_domains",
];
const TABLE_NAMES: [&str; 7] =
    ["steps", "access", "passwords", "names", "secure_domains", "mailboxes", "projection"];

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
    script.push_str(&format!("INSERT INTO projection VALUES ({VERSION});"));
    script
}

/// The role that the mail servers sign in as, where the database has one.
pub const POSTGRES_ROLE: &str = "carepost_mail";

fn postgres_script() -> String {
    let views = VIEWS.replace("JOINED", "string_agg").replace("CREATE VIEW ", "CREATE VIEW mail.");
    format!(
        "DROP SCHEMA IF EXISTS mail_kept CASCADE;
         CREATE SCHEMA mail_kept;
         CREATE SCHEMA IF NOT EXISTS mail;
         {TABLES}
         {views}
         INSERT INTO projection VALUES ({VERSION});
         DO $$ BEGIN
           IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{POSTGRES_ROLE}') THEN
             GRANT USAGE ON SCHEMA mail TO {POSTGRES_ROLE};
             GRANT SELECT ON ALL TABLES IN SCHEMA mail TO {POSTGRES_ROLE};
           END IF;
         END $$;"
    )
}

/// Opens the projection to write, and makes its tables where they are not those of this program.
/// Answers whether they were made, and are empty therefore.
///
/// # Errors
/// What the engine answered.
pub(super) async fn open(address: &Address) -> Result<(Database, bool)> {
    if let Address::Sqlite(path) = address {
        make_file(path)?;
    }
    let database = Database::open_projection(address, SCHEMAS).await?;
    let version: Result<Option<(i64,)>> = (&database).maybe("SELECT version FROM projection", &[]).await;
    let current = match version {
        Ok(found) => found == Some((VERSION,)),
        // The table is not there.
        Err(Error::Broken(_)) => false,
        Err(error) => return Err(error),
    };
    if !current {
        database.make_projection(sqlite_script(), postgres_script()).await?;
    }
    Ok((database, !current))
}

/// Opens the projection as the mail servers do.
///
/// # Errors
/// What the engine answered.
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

/// A mailbox as the projection keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mailbox {
    Account(WantedAccount),
    SharedMailbox(WantedSharedMailbox),
}

/// What the servers must be told for a change to take effect.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Prepare the storage of a shared mailbox at this address.
    Prepare(String),
    /// Forget what is remembered of this name.
    Forget(String),
    /// End the sessions of this address.
    EndSessions(String),
    /// Remove this folder.
    RemoveStorage(String),
}

impl Step {
    fn stored(&self) -> (&'static str, &str) {
        match self {
            Step::Prepare(name) => ("Prepare", name),
            Step::Forget(name) => ("Forget", name),
            Step::EndSessions(name) => ("EndSessions", name),
            Step::RemoveStorage(name) => ("RemoveStorage", name),
        }
    }

    /// The name that is to be forgotten, where this is such a step.
    pub(super) fn forgotten(&self) -> Option<&str> {
        match self {
            Step::Forget(name) => Some(name),
            Step::Prepare(_) | Step::EndSessions(_) | Step::RemoveStorage(_) => None,
        }
    }

    fn parse(kind: &str, name: String) -> Option<Self> {
        match kind {
            "Prepare" => Some(Step::Prepare(name)),
            "Forget" => Some(Step::Forget(name)),
            "EndSessions" => Some(Step::EndSessions(name)),
            "RemoveStorage" => Some(Step::RemoveStorage(name)),
            _ => None,
        }
    }
}

impl Mailbox {
    pub(super) fn id(&self) -> &str {
        match self {
            Mailbox::Account(account) => &account.id,
            Mailbox::SharedMailbox(mailbox) => &mailbox.id,
        }
    }

    pub(super) fn address(&self) -> &str {
        match self {
            Mailbox::Account(account) => &account.address,
            Mailbox::SharedMailbox(mailbox) => &mailbox.address,
        }
    }

    fn names(&self) -> Vec<&String> {
        match self {
            Mailbox::Account(account) => std::iter::once(&account.address).chain(&account.aliases).collect(),
            Mailbox::SharedMailbox(mailbox) => {
                std::iter::once(&mailbox.address).chain(&mailbox.aliases).collect()
            }
        }
    }

    fn standing(&self) -> Standing {
        match self {
            Mailbox::Account(account) => account.standing,
            Mailbox::SharedMailbox(mailbox) => mailbox.standing,
        }
    }

    /// The same with every list in order, so that two can be compared.
    fn in_order(mut self) -> Self {
        match &mut self {
            Mailbox::Account(account) => {
                account.aliases.sort();
                account.passwords.sort();
            }
            Mailbox::SharedMailbox(mailbox) => {
                mailbox.aliases.sort();
                mailbox.owners.sort();
                mailbox.members.sort();
            }
        }
        self
    }

    pub(super) fn in_full(&self) -> String {
        match self {
            Mailbox::Account(account) => account.in_full(),
            Mailbox::SharedMailbox(mailbox) => mailbox.in_full(),
        }
    }

    fn folder(&self) -> String {
        match self {
            Mailbox::Account(account) => format!("accounts/{}", account.id),
            Mailbox::SharedMailbox(mailbox) => format!("shared/{}", mailbox.id),
        }
    }
}

/// What the servers must be told when one mailbox becomes another. Whatever they may remember is
/// forgotten before sessions end, so that nobody comes back with what they knew.
pub(super) fn steps_between(before: Option<&Mailbox>, after: &Mailbox) -> Vec<Step> {
    let mut steps = Vec::new();
    let people = |mailbox: &WantedSharedMailbox| -> Vec<String> {
        mailbox.owners.iter().chain(&mailbox.members).cloned().collect()
    };
    if let Some(before) = before {
        for name in before.names().into_iter().chain(after.names()) {
            steps.push(Step::Forget(name.clone()));
        }
    }
    match (before, after) {
        (Some(Mailbox::Account(before)), Mailbox::Account(after)) => {
            let closed = before.standing == Standing::Open && after.standing != Standing::Open;
            let password_gone = before.passwords.iter().any(|password| !after.passwords.contains(password));
            if closed || password_gone || before.address != after.address {
                steps.push(Step::EndSessions(before.address.clone()));
            }
        }
        (Some(Mailbox::SharedMailbox(before)), Mailbox::SharedMailbox(after)) => {
            let (were, are) = (people(before), people(after));
            for person in were.iter().filter(|person| !are.contains(person)) {
                steps.push(Step::Forget(person.clone()));
                steps.push(Step::EndSessions(person.clone()));
            }
            for person in are.iter().filter(|person| !were.contains(person)) {
                steps.push(Step::Forget(person.clone()));
            }
            if before.address != after.address {
                // Where it is seen has changed for everybody.
                for person in &are {
                    steps.push(Step::Forget(person.clone()));
                    steps.push(Step::EndSessions(person.clone()));
                }
            }
        }
        (None, Mailbox::SharedMailbox(after)) => {
            steps.push(Step::Prepare(after.address.clone()));
            steps.extend(people(after).into_iter().map(Step::Forget));
        }
        (None | Some(_), Mailbox::Account(_) | Mailbox::SharedMailbox(_)) => {}
    }
    steps.sort();
    steps.dedup();
    steps
}

struct MailboxRow {
    id: String,
    kind: String,
    address: String,
    display_name: String,
    quota_bytes: i64,
    standing: String,
}

impl FromRow for MailboxRow {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(MailboxRow {
            id: row.get(0)?,
            kind: row.get(1)?,
            address: row.get(2)?,
            display_name: row.get(3)?,
            quota_bytes: row.get(4)?,
            standing: row.get(5)?,
        })
    }
}

async fn mailbox_of(from: &mut impl Reads, row: MailboxRow) -> Result<Mailbox> {
    let names: Vec<(String,)> =
        from.all("SELECT name FROM names WHERE mailbox_id = $1 ORDER BY name", &[&row.id]).await?;
    let aliases = names.into_iter().map(|(name,)| name).filter(|name| *name != row.address).collect();
    let standing = Standing::ALL
        .into_iter()
        .find(|known| known.stored() == row.standing)
        .ok_or_else(|| Error::Broken(format!("a mailbox stands {}", row.standing)))?;
    let quota_bytes = u64::try_from(row.quota_bytes).unwrap_or(0);
    if row.kind == "Account" {
        let passwords: Vec<(String, String)> = from
            .all("SELECT selector, hash FROM passwords WHERE mailbox_id = $1 ORDER BY selector", &[&row.id])
            .await?;
        return Ok(Mailbox::Account(WantedAccount {
            id: row.id,
            address: row.address,
            aliases,
            display_name: row.display_name,
            quota_bytes,
            standing,
            passwords: passwords
                .into_iter()
                .map(|(selector, hash)| WantedPassword { selector, hash })
                .collect(),
        }));
    }
    let people: Vec<(String, String)> = from
        .all("SELECT person, access FROM access WHERE shared_mailbox_id = $1 ORDER BY person", &[&row.id])
        .await?;
    let with = |access: &str| {
        people.iter().filter(|(_, has)| has == access).map(|(person, _)| person.clone()).collect()
    };
    Ok(Mailbox::SharedMailbox(WantedSharedMailbox {
        id: row.id,
        address: row.address,
        aliases,
        display_name: row.display_name,
        quota_bytes,
        standing,
        owners: with("Owner"),
        members: with("Member"),
    }))
}

/// A mailbox as it is kept now.
pub(super) async fn find(from: &mut impl Reads, id: &str) -> Result<Option<Mailbox>> {
    let row: Option<MailboxRow> = from
        .maybe(
            "SELECT id, kind, address, display_name, quota_bytes, standing FROM mailboxes WHERE id = $1",
            &[&id],
        )
        .await?;
    match row {
        None => Ok(None),
        Some(row) => Ok(Some(mailbox_of(from, row).await?)),
    }
}

/// The mailboxes after an identifier, in order.
pub(super) async fn list(mut from: &Database, after: &str, limit: u32) -> Result<Vec<Mailbox>> {
    let limit = i64::from(limit);
    let rows: Vec<MailboxRow> = from
        .all(
            "SELECT id, kind, address, display_name, quota_bytes, standing FROM mailboxes
              WHERE id > $1 ORDER BY id LIMIT $2",
            &[&after, &limit],
        )
        .await?;
    let mut mailboxes = Vec::with_capacity(rows.len());
    for row in rows {
        mailboxes.push(mailbox_of(&mut from, row).await?);
    }
    Ok(mailboxes)
}

/// Writers of one mailbox wait for one another.
async fn alone(tx: &mut Tx, id: &str) -> Result<()> {
    let hash = Sha256::digest(id.as_bytes());
    let mut key = [0; 8];
    key.copy_from_slice(&hash[..8]);
    tx.alone(i64::from_be_bytes(key)).await
}

async fn add_steps(tx: &mut Tx, id: &str, steps: &[Step]) -> Result<()> {
    let change = crate::id::new_token();
    for step in steps {
        let (kind, name) = step.stored();
        tx.run(
            "INSERT INTO steps (change_id, mailbox_id, step, name) VALUES ($1, $2, $3, $4)",
            &[&change, &id, &kind, &name],
        )
        .await?;
    }
    Ok(())
}

async fn remove_rows(tx: &mut Tx, id: &str) -> Result<u64> {
    tx.run("DELETE FROM access WHERE shared_mailbox_id = $1", &[&id]).await?;
    tx.run("DELETE FROM passwords WHERE mailbox_id = $1", &[&id]).await?;
    tx.run("DELETE FROM names WHERE mailbox_id = $1", &[&id]).await?;
    tx.run("DELETE FROM mailboxes WHERE id = $1", &[&id]).await
}

/// Keeps a mailbox as wanted, with the steps that follow.
pub(super) async fn ensure(
    database: &Database,
    wanted: Mailbox,
) -> std::result::Result<Ensured, EngineError> {
    let wanted = wanted.in_order();
    // Nothing to do is the usual case, and needs no transaction.
    if find(&mut &*database, wanted.id()).await?.as_ref() == Some(&wanted) {
        return Ok(Ensured::AlreadyRight);
    }
    database
        .write::<_, EngineError, _>(move |tx: &mut Tx| {
            Box::pin(async move {
                alone(tx, wanted.id()).await?;
                let before = find(tx, wanted.id()).await?;
                if before.as_ref() == Some(&wanted) {
                    return Ok(Ensured::AlreadyRight);
                }
                let id = wanted.id().to_owned();
                for name in wanted.names() {
                    let other: Option<(String,)> = tx
                        .maybe(
                            "SELECT mailbox_id FROM names WHERE name = $1 AND mailbox_id <> $2",
                            &[name, &id],
                        )
                        .await?;
                    if other.is_some() {
                        // It is released when the other mailbox is provisioned.
                        return Err(EngineError::Later(format!("{name} still belongs to another mailbox")));
                    }
                }
                remove_rows(tx, &id).await?;
                add_rows(tx, &wanted).await?;
                add_steps(tx, &id, &steps_between(before.as_ref(), &wanted)).await?;
                Ok(if before.is_some() { Ensured::Updated } else { Ensured::Created })
            })
        })
        .await
}

async fn add_rows(tx: &mut Tx, wanted: &Mailbox) -> Result<()> {
    let (id, address, standing) = (wanted.id(), wanted.address(), wanted.standing().stored());
    let (kind, display_name, quota_bytes) = match wanted {
        Mailbox::Account(account) => ("Account", &account.display_name, account.quota_bytes),
        Mailbox::SharedMailbox(mailbox) => ("SharedMailbox", &mailbox.display_name, mailbox.quota_bytes),
    };
    let quota_bytes = i64::try_from(quota_bytes).unwrap_or(i64::MAX);
    tx.run(
        "INSERT INTO mailboxes (id, kind, address, display_name, quota_bytes, standing)
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[&id, &kind, &address, display_name, &quota_bytes, &standing],
    )
    .await?;
    for name in wanted.names() {
        tx.run("INSERT INTO names (name, mailbox_id) VALUES ($1, $2)", &[name, &id]).await?;
    }
    match wanted {
        Mailbox::Account(account) => {
            for password in &account.passwords {
                tx.run(
                    "INSERT INTO passwords (mailbox_id, selector, hash) VALUES ($1, $2, $3)",
                    &[&id, &password.selector, &password.hash],
                )
                .await?;
            }
        }
        Mailbox::SharedMailbox(mailbox) => {
            let owners = mailbox.owners.iter().map(|person| (person, "Owner"));
            let members = mailbox.members.iter().map(|person| (person, "Member"));
            for (person, access) in owners.chain(members) {
                tx.run(
                    "INSERT INTO access (shared_mailbox_id, person, access) VALUES ($1, $2, $3)",
                    &[&id, person, &access],
                )
                .await?;
            }
        }
    }
    Ok(())
}

/// Keeps nothing for a mailbox any more, with the steps that follow. Answers whether it was kept.
pub(super) async fn ensure_absent(database: &Database, id: &str) -> Result<bool> {
    let id = id.to_owned();
    database
        .write(move |tx: &mut Tx| {
            Box::pin(async move {
                alone(tx, &id).await?;
                let before = find(tx, &id).await?;
                let mut steps = match &before {
                    None => vec![
                        Step::RemoveStorage(format!("accounts/{id}")),
                        Step::RemoveStorage(format!("shared/{id}")),
                    ],
                    Some(mailbox) => vec![Step::RemoveStorage(mailbox.folder())],
                };
                if let Some(mailbox) = &before {
                    steps.extend(mailbox.names().into_iter().cloned().map(Step::Forget));
                    let people = match mailbox {
                        Mailbox::Account(account) => vec![account.address.clone()],
                        Mailbox::SharedMailbox(shared) => {
                            shared.owners.iter().chain(&shared.members).cloned().collect()
                        }
                    };
                    for person in people {
                        steps.push(Step::Forget(person.clone()));
                        steps.push(Step::EndSessions(person));
                    }
                }
                steps.sort();
                steps.dedup();
                tx.run("DELETE FROM steps WHERE mailbox_id = $1", &[&id]).await?;
                remove_rows(tx, &id).await?;
                add_steps(tx, &id, &steps).await?;
                Ok(before.is_some())
            })
        })
        .await
}

/// Steps still to be taken for a mailbox, with the changes they belong to.
#[derive(Clone)]
pub(super) struct Steps {
    pub(super) steps: Vec<Step>,
    changes: Vec<String>,
}

/// The steps still to be taken for a mailbox: what is prepared first, what is removed last.
pub(super) async fn list_steps(mut from: &Database, id: &str) -> Result<Steps> {
    let rows: Vec<(String, String, String)> =
        from.all("SELECT change_id, step, name FROM steps WHERE mailbox_id = $1", &[&id]).await?;
    let mut changes: Vec<String> = rows.iter().map(|(change, _, _)| change.clone()).collect();
    changes.sort();
    changes.dedup();
    let mut steps: Vec<Step> =
        rows.into_iter().filter_map(|(_, kind, name)| Step::parse(&kind, name)).collect();
    steps.sort();
    steps.dedup();
    Ok(Steps { steps, changes })
}

/// Notes that a mailbox's storage must be prepared again.
pub(super) async fn prepare_again(database: &Database, id: &str, address: &str) -> Result<()> {
    let (id, step) = (id.to_owned(), Step::Prepare(address.to_owned()));
    database.write(move |tx: &mut Tx| Box::pin(async move { add_steps(tx, &id, &[step]).await })).await
}

/// Notes that steps have been taken.
pub(super) async fn steps_taken(database: &Database, id: &str, taken: Steps) -> Result<()> {
    let id = id.to_owned();
    database
        .write(move |tx: &mut Tx| {
            Box::pin(async move {
                for change in &taken.changes {
                    tx.run("DELETE FROM steps WHERE mailbox_id = $1 AND change_id = $2", &[&id, change])
                        .await?;
                }
                Ok(())
            })
        })
        .await
}

/// Keeps exactly these secure domains.
pub(super) async fn ensure_secure_domains(database: &Database, domains: Vec<String>) -> Result<Ensured> {
    let mut wanted = domains;
    wanted.sort();
    wanted.dedup();
    database
        .write(move |tx: &mut Tx| {
            Box::pin(async move {
                let before: Vec<(String,)> =
                    tx.all("SELECT domain FROM secure_domains ORDER BY domain", &[]).await?;
                let before: Vec<String> = before.into_iter().map(|(domain,)| domain).collect();
                if before == wanted {
                    return Ok(Ensured::AlreadyRight);
                }
                tx.run("DELETE FROM secure_domains", &[]).await?;
                for domain in &wanted {
                    tx.run("INSERT INTO secure_domains (domain) VALUES ($1)", &[domain]).await?;
                }
                Ok(Ensured::Updated)
            })
        })
        .await
}

/// How somebody holds the address they send from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sender {
    pub(super) account_id: String,
    /// Where the copy goes that colleagues see; for a shared mailbox only.
    pub(super) sent_copy: Option<String>,
}

impl FromRow for Sender {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let sent_copy: String = row.get(1)?;
        Ok(Sender { account_id: row.get(0)?, sent_copy: Some(sent_copy).filter(|copy| !copy.is_empty()) })
    }
}

/// Whether somebody who has signed in holds an address, and how.
pub(super) async fn sender(mut from: &Database, login: &str, address: &str) -> Result<Option<Sender>> {
    from.maybe(
        "SELECT account_id, sent_copy FROM senders WHERE login = $1 AND name = $2",
        &[&login, &address],
    )
    .await
}

/// A table that Postfix looks things up in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    /// Addresses that take mail.
    Recipients,
    /// What senders to the others are told.
    Refusals,
    /// Who may send from an address.
    Senders,
    /// Domains that take part in secure email.
    SecureDomains,
}

impl Table {
    pub(super) const ALL: [Table; 4] =
        [Table::Recipients, Table::Refusals, Table::Senders, Table::SecureDomains];

    /// What it is called in Postfix's configuration.
    pub(super) fn name(self) -> &'static str {
        match self {
            Table::Recipients => "recipients",
            Table::Refusals => "refusals",
            Table::Senders => "senders",
            Table::SecureDomains => "secure-domains",
        }
    }

    /// How Postfix asks it by itself.
    pub(super) fn query(self, schema: &str, secure: &str) -> String {
        let select = match self {
            Table::Recipients => format!("SELECT address FROM {schema}recipients WHERE name"),
            Table::Refusals => format!("SELECT answer FROM {schema}refusals WHERE name"),
            Table::Senders => format!("SELECT login FROM {schema}senders WHERE name"),
            Table::SecureDomains => {
                format!("SELECT '{secure}' FROM {schema}enforced_domains WHERE domain")
            }
        };
        format!("{select} = lower('%s')")
    }
}

/// What a table says about a key.
pub(super) async fn look_up(mut from: &Database, table: Table, key: &str) -> Result<Vec<String>> {
    let found: Vec<(String,)> = match table {
        Table::Recipients => from.all("SELECT address FROM recipients WHERE name = $1", &[&key]).await?,
        Table::Refusals => from.all("SELECT answer FROM refusals WHERE name = $1", &[&key]).await?,
        Table::Senders => {
            from.all("SELECT login FROM senders WHERE name = $1 ORDER BY login LIMIT 400", &[&key]).await?
        }
        Table::SecureDomains => {
            from.all("SELECT domain FROM enforced_domains WHERE domain = $1", &[&key]).await?
        }
    };
    Ok(found.into_iter().map(|(value,)| value).collect())
}
