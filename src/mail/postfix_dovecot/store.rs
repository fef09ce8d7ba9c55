//! The projection: the tables and views that Postfix and Dovecot read, and the guard with them.

use super::super::{
    EngineError, Ensured, Filling, Standing, WantedAccount, WantedPassword, WantedSharedMailbox,
};
use crate::database::{Address, Database, Error, FromRow, Reads, Result, Row, Tx};
use sha2::{Digest, Sha256};
use std::path::Path;

/// Goes up when the tables or views change; then they are made again, empty.
const VERSION: i64 = 2;
/// On PostgreSQL: the service's own tables, and the views others may read.
const SCHEMAS: &str = "mail_kept,mail";
const SCHEMAS_TO_READ: &str = "mail";

const TABLES: &str = include_str!("tables.sql");
const VIEWS: &str = include_str!("views.sql");
const VIEW_NAMES: [&str; 10] = [
    "sign_ins",
    "users",
    "visible",
    "visible_otherwise",
    "recipients",
    "refusals",
    "senders",
    "enforced_domains",
    "enforced_for_now",
    "unfilled",
];
const TABLE_NAMES: [&str; 7] =
    ["steps", "access", "passwords", "names", "secure_domains", "mailboxes", "projection"];

/// The row that says whose tables these are: new ones, in which nothing is yet.
fn row() -> String {
    let made = crate::id::new_token();
    format!("INSERT INTO projection VALUES ({VERSION}, '{made}', FALSE, FALSE);")
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

fn postgres_script() -> String {
    let views = VIEWS.replace("JOINED", "string_agg").replace("CREATE VIEW ", "CREATE VIEW mail.");
    let row = row();
    format!(
        "DROP SCHEMA IF EXISTS mail_kept CASCADE;
         CREATE SCHEMA mail_kept;
         CREATE SCHEMA IF NOT EXISTS mail;
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

/// Opens the projection to write, and makes its tables where they are not those of this program.
pub(super) async fn open(address: &Address) -> Result<Database> {
    if let Address::Sqlite(path) = address {
        make_file(path)?;
    }
    let database = Database::open_projection(address, SCHEMAS).await?;
    let version: Result<Option<(i64,)>> = database.maybe("SELECT version FROM projection", &[]).await;
    let current = match version {
        Ok(found) => found == Some((VERSION,)),
        // The table is not there.
        Err(Error::Broken(_)) => false,
        Err(error) => return Err(error),
    };
    if !current {
        database.make_projection(sqlite_script(), postgres_script()).await?;
    }
    Ok(database)
}

/// Whether everything is still to be put into the tables.
pub(super) async fn filling(from: &Database) -> Result<Option<Filling>> {
    let found: Option<(String,)> = from.maybe("SELECT made FROM projection WHERE NOT filled", &[]).await?;
    Ok(found.map(|(made,)| Filling(made)))
}

/// Notes that everything is in the tables that were being filled then; others are left as they are.
pub(super) async fn ensure_filled(database: &Database, filling: &Filling) -> Result<Ensured> {
    let made = filling.0.clone();
    let noted = database
        .write(move |tx: &mut Tx| {
            Box::pin(async move {
                tx.run("UPDATE projection SET filled = TRUE WHERE made = $1 AND NOT filled", &[&made]).await
            })
        })
        .await?;
    Ok(if noted > 0 { Ensured::Updated } else { Ensured::AlreadyRight })
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

async fn mailbox_of(from: &impl Reads, row: MailboxRow) -> Result<Mailbox> {
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
pub(super) async fn find(from: &impl Reads, id: &str) -> Result<Option<Mailbox>> {
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
pub(super) async fn list(from: &Database, after: &str, limit: u32) -> Result<Vec<Mailbox>> {
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
        mailboxes.push(mailbox_of(from, row).await?);
    }
    Ok(mailboxes)
}

/// Writers of one mailbox wait for one another.
async fn alone(tx: &mut Tx, id: &str) -> Result<()> {
    let hash = Sha256::digest(id.as_bytes());
    let mut key = [0; 8];
    key.copy_from_slice(&hash[..8]);
    tx.lock(i64::from_be_bytes(key)).await
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
    if find(database, wanted.id()).await?.as_ref() == Some(&wanted) {
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
pub(super) async fn list_steps(from: &Database, id: &str) -> Result<Steps> {
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
pub(super) async fn sender(from: &Database, login: &str, address: &str) -> Result<Option<Sender>> {
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
    /// What is said of an address of ours that may yet turn out to be somebody's.
    Unfilled,
    /// Domains that take part in secure email.
    SecureDomains,
}

impl Table {
    pub(super) const ALL: [Table; 5] =
        [Table::Recipients, Table::Refusals, Table::Senders, Table::Unfilled, Table::SecureDomains];

    /// What it is called in Postfix's configuration.
    pub(super) fn name(self) -> &'static str {
        match self {
            Table::Recipients => "recipients",
            Table::Refusals => "refusals",
            Table::Senders => "senders",
            Table::Unfilled => "unfilled",
            Table::SecureDomains => "secure-domains",
        }
    }

    /// How Postfix asks it by itself. A query that failed would keep it from this database for a
    /// minute, so each has an answer.
    pub(super) fn query(self, schema: &str, secure: &str, domain: &str) -> String {
        let key = "lower('%s')";
        let unfilled = format!(
            "FROM {schema}unfilled WHERE lower('%d') = '{domain}' AND NOT EXISTS (SELECT 1 FROM {schema}users WHERE name = {key})"
        );
        match self {
            // The second half is for mail that comes while the tables are made again: once it has been
            // asked whether they are filled, nobody must be found to be nobody. Dovecot has it wait.
            Table::Recipients => format!(
                "SELECT address FROM {schema}recipients WHERE name = {key} UNION ALL SELECT 'perhaps' {unfilled}"
            ),
            Table::Refusals => format!("SELECT answer FROM {schema}refusals WHERE name = {key}"),
            Table::Senders => format!("SELECT login FROM {schema}senders WHERE name = {key}"),
            Table::Unfilled => format!("SELECT answer {unfilled}"),
            Table::SecureDomains => format!(
                "SELECT '{secure}' FROM {schema}enforced_domains WHERE domain = {key} UNION ALL SELECT '{secure}' FROM {schema}enforced_for_now"
            ),
        }
    }
}

/// What a table says about a key. Of [`Table::Unfilled`] only addresses of our domain are asked.
pub(super) async fn look_up(from: &Database, table: Table, key: &str) -> Result<Vec<String>> {
    let found: Vec<(String,)> = match table {
        Table::Recipients => from.all("SELECT address FROM recipients WHERE name = $1", &[&key]).await?,
        Table::Refusals => from.all("SELECT answer FROM refusals WHERE name = $1", &[&key]).await?,
        Table::Senders => {
            from.all("SELECT login FROM senders WHERE name = $1 ORDER BY login LIMIT 400", &[&key]).await?
        }
        Table::Unfilled => {
            from.all(
                "SELECT answer FROM unfilled WHERE NOT EXISTS (SELECT 1 FROM users WHERE name = $1)",
                &[&key],
            )
            .await?
        }
        Table::SecureDomains => {
            from.all(
                "SELECT domain FROM enforced_domains WHERE domain = $1
                 UNION ALL SELECT 'every domain' FROM enforced_for_now",
                &[&key],
            )
            .await?
        }
    };
    Ok(found.into_iter().map(|(value,)| value).collect())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::database::for_tests;

    /// Where a projection can be made: a fresh file, and a fresh PostgreSQL database where there is a
    /// server.
    async fn places() -> Vec<Address> {
        let folder = std::env::temp_dir().join("carepost-tests").join(crate::id::new_token());
        let mut places = vec![Address::Sqlite(folder.join("mail.db"))];
        if let Some((own, _)) = for_tests::postgres_for_mail().await {
            places.push(Address::Postgres(own));
        }
        places
    }

    pub(in super::super) fn account(name: &str, standing: Standing) -> Mailbox {
        Mailbox::Account(WantedAccount {
            id: format!("of-{name}"),
            address: format!("{name}@carepost.example"),
            aliases: Vec::new(),
            display_name: String::new(),
            quota_bytes: 1,
            standing,
            passwords: Vec::new(),
        })
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn tables_that_were_made_anew_are_not_filled_whoever_says_so_of_those_before() {
        for place in places().await {
            let database = open(&place).await.expect("made");
            let first = filling(&database).await.expect("read").expect("new tables are filled first");
            ensure(&database, account("asha", Standing::Open)).await.expect("kept");
            assert_eq!(filling(&database).await.expect("read"), Some(first.clone()), "one is not all");
            assert_eq!(ensure_filled(&database, &first).await.expect("noted"), Ensured::Updated);
            assert_eq!(filling(&database).await.expect("read"), None);

            // Nothing is made anew for a program that knows these tables.
            let database = open(&place).await.expect("opened");
            assert_eq!(filling(&database).await.expect("read"), None);
            assert!(find(&database, "of-asha").await.expect("read").is_some());

            for_tests::run(&database, "UPDATE projection SET version = version - 1").await;
            let database = open(&place).await.expect("made anew");
            assert_eq!(find(&database, "of-asha").await.expect("read"), None);
            let second = filling(&database).await.expect("read").expect("new tables are filled first");
            assert_ne!(first, second);
            assert_eq!(ensure_filled(&database, &first).await.expect("answered"), Ensured::AlreadyRight);
            assert_eq!(filling(&database).await.expect("read"), Some(second));
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn until_everything_is_there_nobody_is_nobody_and_every_domain_may_be_a_secure_one() {
        for place in places().await {
            let database = open(&place).await.expect("made");
            for (name, standing) in [("asha", Standing::Open), ("bo", Standing::Leaver)] {
                ensure(&database, account(name, standing)).await.expect("kept");
            }
            let says = async |table: Table, key: &str| look_up(&database, table, key).await.expect("read");
            let unfilled =
                async |name: &str| says(Table::Unfilled, &format!("{name}@carepost.example")).await;
            let asked_again = unfilled("cy").await;
            assert!(asked_again.len() == 1 && asked_again[0].starts_with("451 4.3.2 "), "{asked_again:?}");
            assert_eq!(unfilled("asha").await, [""; 0]);
            assert_eq!(unfilled("bo").await, [""; 0]);
            assert_eq!(says(Table::SecureDomains, "trust.example").await.len(), 1);

            // The secure domains are told first, and then only they are secure.
            let domains = vec!["trust.example".to_owned()];
            let told = || ensure_secure_domains(&database, domains.clone());
            assert_eq!(told().await.expect("kept"), Ensured::Updated);
            assert_eq!(told().await.expect("kept"), Ensured::AlreadyRight);
            assert_eq!(says(Table::SecureDomains, "trust.example").await.len(), 1);
            assert_eq!(says(Table::SecureDomains, "elsewhere.example").await, [""; 0]);

            let filling = filling(&database).await.expect("read").expect("it is filling");
            ensure_filled(&database, &filling).await.expect("noted");
            assert_eq!(unfilled("cy").await, [""; 0]);

            // An empty list is told, too.
            for_tests::run(&database, "UPDATE projection SET version = version - 1").await;
            let database = open(&place).await.expect("made anew");
            let says = async |key: &str| look_up(&database, Table::SecureDomains, key).await.expect("read");
            assert_eq!(says("elsewhere.example").await.len(), 1);
            ensure_secure_domains(&database, Vec::new()).await.expect("kept");
            assert_eq!(says("elsewhere.example").await, [""; 0]);
        }
    }
}
