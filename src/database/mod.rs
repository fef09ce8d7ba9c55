//! The only place that names a database driver.
//!
//! Statements are written once, in what SQLite and PostgreSQL both accept (`$1` parameters, ids as
//! TEXT, times as BIGINT milliseconds, `ON CONFLICT`, `RETURNING`). What differs sits here: how a
//! database is opened, how a writing transaction begins and ends, and what an error means.
//!
//! - **Reads** go straight to the engine. On SQLite they run on the calling thread, on a connection
//!   of that thread's own, and never wait for the writer; each has a time limit.
//! - **Writes** are closures over a [`Tx`]. On SQLite one thread runs them, each in its own
//!   savepoint, and commits those that are waiting together; on PostgreSQL each is a transaction on
//!   a pooled connection, run again when the server asks for it. A write is acknowledged only when
//!   it is durable. Nothing but the database may be awaited inside.
//! - A panic inside a write is contained: that write is rolled back and answered as a fault.
//!
//! `docs/decisions/0002-one-sql-two-engines.md` has the measurements behind this.

mod migrate;
pub mod page;
mod postgres;
mod signals;
mod sqlite;
mod values;

use signals::Signals;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

pub use migrate::MIGRATIONS;
pub use values::{Field, FromRow, Param, Params, Row};

/// A future that may be handed to another thread.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a database answered instead of what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// There is no room left where the database lives; reads go on working.
    Full,
    /// The database could not be reached or did not answer in time; nothing was changed.
    Unavailable(String),
    /// The connection broke while committing: whether the change was made is not known, and whoever
    /// asked must look by identifier before trying again.
    Unknown(String),
    /// A statement took longer than [`READ_LIMIT_MS`].
    TooSlow,
    /// A constraint said no where the code did not expect it, or the code asked for nonsense.
    Broken(String),
    /// A write waited for something other than the database, or panicked.
    Misused(String),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Full => f.write_str("the disk of the database is full"),
            Error::Unavailable(why) => write!(f, "the database is not available: {why}"),
            Error::Unknown(why) => write!(f, "the outcome of a commit is not known: {why}"),
            Error::TooSlow => f.write_str("a database read took too long"),
            Error::Broken(why) => write!(f, "the database refused a statement: {why}"),
            Error::Misused(why) => write!(f, "a write was abandoned: {why}"),
        }
    }
}

impl std::error::Error for Error {}

pub type Result<T> = std::result::Result<T, Error>;

/// How long one read may take before it is stopped, in milliseconds. Pages read by key and answer
/// in well under one; the limit keeps a mistake from holding a thread. Long reads say so by name.
pub const READ_LIMIT_MS: u64 = 2_000;

/// The words of [`Tx::all_skipping_locked`].
pub const SKIP_LOCKED: &str = "FOR UPDATE SKIP LOCKED";

/// Where a database is: `sqlite:PATH` or `postgres://…`.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    Sqlite(std::path::PathBuf),
    Postgres(String),
}

impl Address {
    /// # Errors
    /// Words that say what an address looks like.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            if path.is_empty() {
                return Err("sqlite: must be followed by the path of a file".to_owned());
            }
            return Ok(Address::Sqlite(path.into()));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            text.parse::<tokio_postgres::Config>().map_err(|error| error.to_string())?;
            return Ok(Address::Postgres(text.to_owned()));
        }
        Err("must begin sqlite: or postgres://".to_owned())
    }
}

impl std::fmt::Display for Address {
    /// The address without its password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Address::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Address::Postgres(text) => {
                let (scheme, rest) = text.split_once("://").unwrap_or(("postgres", text));
                match rest.split_once('@') {
                    Some((who, place)) => {
                        let user = who.split(':').next().unwrap_or("");
                        write!(f, "{scheme}://{user}@{place}")
                    }
                    None => write!(f, "{scheme}://{rest}"),
                }
            }
        }
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// Writes the closure that [`Database::write`] takes: `transaction!(async move |tx| { … })`.
///
/// An `async` closure cannot say yet that its future may go to another thread, so the future is boxed
/// here, and nowhere else.
#[macro_export]
macro_rules! transaction {
    (async move |$tx:ident| $body:block) => {
        move |$tx: &mut $crate::database::Tx| Box::pin(async move $body)
    };
}
pub use crate::transaction;

/// The database, shared by everything that reads or writes. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    engine: Engine,
    signals: Arc<Signals>,
}

#[derive(Clone)]
enum Engine {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

/// A writing transaction. It ends by itself: committed if the closure answered `Ok`, rolled back
/// if not.
pub struct Tx {
    session: Session,
    /// Channels that are signalled once this transaction is durable, a bit each.
    signals: u32,
}

/// The connection a transaction runs on.
enum Session {
    /// The lock is never contended: it lets a look-up borrow the transaction as shared.
    Sqlite(Mutex<sqlite::Connection>),
    Postgres(postgres::Transaction),
}

impl Database {
    fn on(engine: Engine) -> Self {
        Database { engine, signals: Arc::default() }
    }

    /// Waits until a transaction of this program that signalled `channel` is durable; at once if one
    /// was since the last wait.
    pub async fn signalled(&self, channel: usize) {
        self.signals.wait(channel).await;
    }

    /// Opens a database without changing its tables; see [`Database::migrate`].
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it cannot be reached.
    pub async fn open(address: &Address) -> Result<Self> {
        Ok(Self::on(match address {
            Address::Sqlite(path) => Engine::Sqlite(sqlite::Sqlite::open(path, sqlite::File::Own)?),
            Address::Postgres(text) => Engine::Postgres(postgres::Postgres::open(text, None).await?),
        }))
    }

    /// Opens tables that other programs read: on SQLite a file with a rollback journal, because a
    /// write-ahead log cannot be read by others once this program has stopped; on PostgreSQL schemas
    /// of their own beside the service's tables.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it cannot be reached.
    pub async fn open_projection(address: &Address, schemas: &'static str) -> Result<Self> {
        Ok(Self::on(match address {
            Address::Sqlite(path) => Engine::Sqlite(sqlite::Sqlite::open(path, sqlite::File::Shared)?),
            Address::Postgres(text) => Engine::Postgres(postgres::Postgres::open(text, Some(schemas)).await?),
        }))
    }

    /// Opens what [`Database::open_projection`] keeps as somebody who may only read it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it cannot be reached.
    pub async fn open_projection_to_read(address: &Address, schemas: &'static str) -> Result<Self> {
        Ok(Self::on(match address {
            Address::Sqlite(path) => Engine::Sqlite(sqlite::Sqlite::open(path, sqlite::File::OnlyRead)?),
            Address::Postgres(text) => Engine::Postgres(postgres::Postgres::open(text, Some(schemas)).await?),
        }))
    }

    /// Makes the tables of a projection with a script in its engine's own words. Only for tables
    /// that can be made again from others: there is no history.
    pub async fn make_projection(&self, sqlite: String, postgres: String) -> Result<()> {
        let script = match &self.engine {
            Engine::Sqlite(_) => sqlite,
            Engine::Postgres(_) => postgres,
        };
        self.write(transaction!(async move |tx| {
            tx.lock(migrate::PROJECTION_LOCK).await?;
            tx.script(&script).await
        }))
        .await
    }

    /// `sqlite` or `postgres`, for logs and figures.
    pub fn engine(&self) -> &'static str {
        match &self.engine {
            Engine::Sqlite(_) => "sqlite",
            Engine::Postgres(_) => "postgres",
        }
    }

    /// Brings the tables up to this program's version.
    ///
    /// # Errors
    /// [`Error::Broken`] in words when the database is newer than this program or a released
    /// migration was edited.
    pub async fn migrate(&self, now_ms: i64) -> Result<usize> {
        migrate::migrate(self, now_ms).await
    }

    /// Whether the tables are those of this program: `Ok(())`, or words that say what is missing.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn migrations_current(&self) -> Result<std::result::Result<(), String>> {
        migrate::current(self).await
    }

    /// Runs `change` in one transaction and answers when it is durable, or has been undone.
    ///
    /// `change` may run more than once on PostgreSQL, which is why it must be `Clone`: what it
    /// captured is copied for each try.
    ///
    /// # Errors
    /// What `change` answered, or what the database did.
    pub async fn write<T, E, F>(&self, change: F) -> std::result::Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, std::result::Result<T, E>> + Clone + Send + 'static,
    {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.write(change, &self.signals).await,
            Engine::Postgres(postgres) => postgres.write(change, &self.signals).await,
        }
    }

    /// Reads many rows one after the other without holding them, off the threads that serve pages.
    /// For imports, indexes and checks: there is no time limit.
    ///
    /// # Errors
    /// What the database answered, or the first error of `each`.
    pub async fn each<F>(&self, sql: &'static str, each: F) -> Result<()>
    where
        F: FnMut(&Row<'_>) -> Result<()> + Send + 'static,
    {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.each(sql, each).await,
            Engine::Postgres(postgres) => postgres.each(sql, each).await,
        }
    }

    /// Prepares a statement without running it, so that a test can hold every one against both
    /// engines.
    ///
    /// # Errors
    /// What the engine said about it.
    pub async fn prepares(&self, sql: &'static str) -> Result<()> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.prepares(sql),
            Engine::Postgres(postgres) => postgres.prepares(sql).await,
        }
    }
}

/// What both the database and a transaction can be asked, so that one look-up serves pages and
/// decisions.
pub trait Reads: Send + Sync {
    /// Every row, in the order the statement gives. The statement bounds how many there are.
    fn all<T: FromRow + Send>(
        &self,
        sql: &'static str,
        params: Params<'_>,
    ) -> impl Future<Output = Result<Vec<T>>> + Send;

    /// The first row, if there is one.
    fn maybe<T: FromRow + Send>(
        &self,
        sql: &'static str,
        params: Params<'_>,
    ) -> impl Future<Output = Result<Option<T>>> + Send {
        async move { Ok(self.all(sql, params).await?.into_iter().next()) }
    }

    /// The one row there must be.
    fn one<T: FromRow + Send>(
        &self,
        sql: &'static str,
        params: Params<'_>,
    ) -> impl Future<Output = Result<T>> + Send {
        async move {
            self.maybe(sql, params)
                .await?
                .ok_or_else(|| Error::Broken(format!("no row where there must be one: {sql}")))
        }
    }
}

impl Reads for Database {
    async fn all<T: FromRow + Send>(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<T>> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.all(sql, params),
            Engine::Postgres(postgres) => postgres.all(sql, params).await,
        }
    }
}

impl Reads for Tx {
    async fn all<T: FromRow + Send>(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<T>> {
        match &self.session {
            Session::Sqlite(connection) => sqlite::locked(connection).all(sql, params),
            Session::Postgres(transaction) => transaction.all(sql, params).await,
        }
    }
}

impl Tx {
    /// Runs a statement that changes rows; answers how many it changed.
    pub async fn run(&mut self, sql: &'static str, params: Params<'_>) -> Result<u64> {
        match &self.session {
            Session::Sqlite(connection) => sqlite::locked(connection).run(sql, params),
            Session::Postgres(transaction) => transaction.run(sql, params).await,
        }
    }

    /// Runs a statement that takes rows for itself and answers them. It says [`SKIP_LOCKED`] where it picks
    /// them: on PostgreSQL, rows that another transaction is taking at the moment are passed over. SQLite has
    /// one writer, so there are none, and the words are left out.
    pub async fn all_skipping_locked<T: FromRow + Send>(
        &mut self,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Vec<T>> {
        match &self.session {
            Session::Sqlite(connection) => {
                sqlite::locked(connection).all(&sql.replace(SKIP_LOCKED, ""), params)
            }
            Session::Postgres(transaction) => transaction.all(sql, params).await,
        }
    }

    /// Runs one statement for many rows, as few times as it takes: `head`, the rows as
    /// `($1, $2), ($3, $4)`, then `tail`; answers how many rows it changed. Nothing is run where there are
    /// none.
    ///
    /// A row that is in conflict with another of the same call may be refused by PostgreSQL, so rows that
    /// `tail` would change twice must not be given together.
    pub async fn run_rows<const COLUMNS: usize>(
        &mut self,
        head: &'static str,
        rows: &[[&(dyn Param + '_); COLUMNS]],
        tail: &'static str,
    ) -> Result<u64> {
        let mut changed = 0;
        let mut left = rows;
        while !left.is_empty() {
            let (some, rest) = left.split_at(rows_together(left.len()));
            let sql = with_rows(head, some.len(), COLUMNS, tail);
            let params: Vec<&(dyn Param + '_)> = some.iter().flatten().copied().collect();
            changed += match &self.session {
                Session::Sqlite(connection) => sqlite::locked(connection).run(&sql, &params)?,
                Session::Postgres(transaction) => transaction.run(&sql, &params).await?,
            };
            left = rest;
        }
        Ok(changed)
    }

    /// Runs several statements without parameters: migrations only.
    async fn script(&mut self, sql: &str) -> Result<()> {
        match &self.session {
            Session::Sqlite(connection) => sqlite::locked(connection).script(sql),
            Session::Postgres(transaction) => transaction.script(sql).await,
        }
    }

    /// Wakes whoever waits for `channel` (see [`Database::signalled`]) once this transaction is durable.
    pub fn signal(&mut self, channel: usize) {
        self.signals |= Signals::bit(channel);
    }

    /// Makes other writers of the same thing wait until this transaction ends. On SQLite there are
    /// none; on PostgreSQL it is an advisory lock.
    pub async fn lock(&mut self, key: i64) -> Result<()> {
        match &self.session {
            Session::Sqlite(_) => Ok(()),
            Session::Postgres(transaction) => transaction.lock(key).await,
        }
    }
}

/// How many of so many rows go into one statement. Few sizes, because each is a statement that every
/// connection keeps prepared.
fn rows_together(count: usize) -> usize {
    match count {
        64.. => 64,
        16.. => 16,
        _ => count,
    }
}

fn with_rows(head: &str, rows: usize, columns: usize, tail: &str) -> String {
    let mut sql = String::with_capacity(head.len() + tail.len() + rows * columns * 6);
    sql.push_str(head);
    sql.push_str(" VALUES ");
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            let comma = if column == 0 { "$" } else { ", $" };
            sql.push_str(comma);
            sql.push_str(&(row * columns + column + 1).to_string());
        }
        sql.push(')');
    }
    sql.push(' ');
    sql.push_str(tail);
    sql
}

#[cfg(test)]
pub mod for_tests;
#[cfg(test)]
mod tests;
