//! PostgreSQL 15 or newer: pooled connections, any number of nodes.

use super::{BoxFuture, Error, FromRow, Params, Result, Row, Session, Signals, Tx};
use deadpool_postgres::{Object, Pool};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio_postgres::error::SqlState;

/// Connections a node keeps. Writes hold one for a few milliseconds; two cores cannot use more.
const CONNECTIONS_MAX: usize = 16;
/// How long somebody waits for a free connection before being told the database is busy.
const WAIT_LIMIT: Duration = Duration::from_secs(10);
/// How often a write that the server asked to repeat is repeated.
const TRIES_MAX: u32 = 8;

#[derive(Clone)]
pub(super) struct Postgres {
    pool: Pool,
}

/// A transaction on a connection it holds alone.
pub(super) struct Transaction {
    /// Absent once the transaction has ended.
    client: Option<Object>,
    /// The server asked for the whole transaction to be tried again (40001 or 40P01).
    again: AtomicBool,
}

fn meaning(error: &tokio_postgres::Error) -> Error {
    let Some(code) = error.code() else {
        return Error::Unavailable(chain(error));
    };
    if *code == SqlState::DISK_FULL {
        return Error::Full;
    }
    if *code == SqlState::QUERY_CANCELED {
        return Error::TooSlow;
    }
    match &code.code()[..2] {
        "08" | "53" | "57" => Error::Unavailable(chain(error)),
        _ => Error::Broken(chain(error)),
    }
}

fn asks_again(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| {
        *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED
    })
}

/// An error of the server by its message and by what it is about. Its detail is left out, because it
/// repeats the row ("Key (email)=(…) already exists") and this text goes into the log.
fn of_server(error: &tokio_postgres::error::DbError) -> String {
    let place = [error.table(), error.column(), error.constraint()].into_iter().flatten();
    let place: String = place.map(|name| format!(", {name}")).collect();
    format!("{} {}: {}{place}", error.severity(), error.code().code(), error.message())
}

/// An error and its causes in one line; the drivers keep the useful half in the cause.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut texts = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        next = error.source();
        texts.push(match error.downcast_ref::<tokio_postgres::error::DbError>() {
            Some(of_database) => of_server(of_database),
            None => error.to_string(),
        });
    }
    texts.join(": ")
}

fn bound<'a>(params: Params<'a>) -> Vec<&'a (dyn tokio_postgres::types::ToSql + Sync)> {
    params.iter().map(|value| *value as &(dyn tokio_postgres::types::ToSql + Sync)).collect()
}

impl Postgres {
    /// Opens a database; with a path, statements find their tables in these schemas alone.
    pub(super) async fn open(address: &str, search_path: Option<&str>) -> Result<Self> {
        let mut config: tokio_postgres::Config =
            address.parse().map_err(|error: tokio_postgres::Error| Error::Broken(chain(&error)))?;
        let mut options = "-c statement_timeout=30000 -c lock_timeout=10000 -c timezone=UTC".to_owned();
        if let Some(search_path) = search_path {
            options.push_str(" -c search_path=");
            options.push_str(search_path);
        }
        config.options(&options);
        config.application_name("carepost");
        config.connect_timeout(Duration::from_secs(5));
        let tls = {
            use rustls_platform_verifier::BuilderVerifierExt;
            let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
            let config = rustls::ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .and_then(BuilderVerifierExt::with_platform_verifier)
                .map_err(|error| Error::Unavailable(error.to_string()))?;
            tokio_postgres_rustls::MakeRustlsConnect::new(config.with_no_client_auth())
        };
        let manager = deadpool_postgres::Manager::from_config(
            config,
            tls,
            deadpool_postgres::ManagerConfig { recycling_method: deadpool_postgres::RecyclingMethod::Fast },
        );
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS_MAX)
            .wait_timeout(Some(WAIT_LIMIT))
            .create_timeout(Some(WAIT_LIMIT))
            .runtime(deadpool_postgres::Runtime::Tokio1)
            .build()
            .map_err(|error| Error::Unavailable(chain(&error)))?;
        let opened = Postgres { pool };
        drop(opened.client().await?);
        Ok(opened)
    }

    async fn client(&self) -> Result<Object> {
        self.pool.get().await.map_err(|error| Error::Unavailable(chain(&error)))
    }

    pub(super) async fn all<T: FromRow>(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<T>> {
        let client = self.client().await?;
        let statement = client.prepare_cached(sql).await.map_err(|error| meaning(&error))?;
        let rows = client.query(&statement, &bound(params)).await.map_err(|error| meaning(&error))?;
        rows.iter().map(|row| T::from_row(&Row::Postgres(row))).collect()
    }

    pub(super) async fn each<F>(&self, sql: &'static str, mut each: F) -> Result<()>
    where
        F: FnMut(&Row<'_>) -> Result<()> + Send + 'static,
    {
        use futures_util::TryStreamExt;
        let client = self.client().await?;
        let none: [&(dyn tokio_postgres::types::ToSql + Sync); 0] = [];
        let rows = client.query_raw(sql, none).await.map_err(|error| meaning(&error))?;
        let mut rows = std::pin::pin!(rows);
        while let Some(row) = rows.try_next().await.map_err(|error| meaning(&error))? {
            each(&Row::Postgres(&row))?;
        }
        Ok(())
    }

    pub(super) async fn prepares(&self, sql: &str) -> Result<()> {
        self.client().await?.prepare(sql).await.map(|_| ()).map_err(|error| meaning(&error))
    }

    pub(super) async fn write<T, E, F>(&self, change: F, signals: &Arc<Signals>) -> std::result::Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, std::result::Result<T, E>> + Clone + Send + 'static,
    {
        let (postgres, signals) = (self.clone(), Arc::clone(signals));
        // A task of its own: a caller that goes away cannot leave a transaction open on a
        // connection that goes back to the pool.
        tokio::spawn(async move { postgres.write_with_tries(change, &signals).await })
            .await
            .unwrap_or_else(|_| Err(Error::Misused("a write panicked".to_owned()).into()))
    }

    async fn write_with_tries<T, E, F>(&self, change: F, signals: &Signals) -> std::result::Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, std::result::Result<T, E>> + Clone + Send + 'static,
    {
        let mut tried = 0;
        loop {
            tried += 1;
            let client = self.client().await?;
            client.batch_execute("BEGIN").await.map_err(|error| meaning(&error))?;
            let transaction = Transaction { client: Some(client), again: AtomicBool::new(false) };
            let mut tx = Tx { session: Session::Postgres(transaction), signals: 0 };
            let outcome = (change.clone())(&mut tx).await;
            let Tx { session: Session::Postgres(mut transaction), signals: raised } = tx else {
                return Err(Error::Misused("not a PostgreSQL transaction".to_owned()).into());
            };
            let again = transaction.again.load(Ordering::Relaxed) && tried < TRIES_MAX;
            match outcome {
                Ok(answer) => match transaction.end("COMMIT").await {
                    Ok(()) => {
                        signals.wake(raised);
                        return Ok(answer);
                    }
                    Err(error) if asks_again(&error) && tried < TRIES_MAX => {}
                    Err(error) if error.code().is_some() => return Err(meaning(&error).into()),
                    Err(error) => return Err(Error::Unknown(chain(&error)).into()),
                },
                Err(error) => {
                    // Whether the rollback is heard or the connection is closed, nothing is kept.
                    let _ = transaction.end("ROLLBACK").await;
                    if !again {
                        return Err(error);
                    }
                }
            }
            // A little longer each time, so that the one we collided with can finish.
            tokio::time::sleep(Duration::from_millis(u64::from(5 * tried * tried))).await;
        }
    }
}

impl Drop for Transaction {
    /// A transaction that was not ended (a panic, an error while ending it) closes its connection,
    /// so that nothing half-done goes back to the pool.
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            drop(Object::take(client));
        }
    }
}

impl Transaction {
    /// Ends the transaction and gives the connection back to the pool if that went well.
    async fn end(&mut self, how: &'static str) -> std::result::Result<(), tokio_postgres::Error> {
        if let Some(client) = &self.client {
            client.batch_execute(how).await?;
        }
        self.client = None;
        Ok(())
    }

    fn client(&self) -> Result<&Object> {
        self.client.as_ref().ok_or_else(|| Error::Misused("the transaction has ended".to_owned()))
    }

    fn noted(&self, error: &tokio_postgres::Error) -> Error {
        self.again.fetch_or(asks_again(error), Ordering::Relaxed);
        meaning(error)
    }

    pub(super) async fn all<T: FromRow>(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<T>> {
        let statement = match self.client()?.prepare_cached(sql).await {
            Ok(statement) => statement,
            Err(error) => return Err(self.noted(&error)),
        };
        match self.client()?.query(&statement, &bound(params)).await {
            Ok(rows) => rows.iter().map(|row| T::from_row(&Row::Postgres(row))).collect(),
            Err(error) => Err(self.noted(&error)),
        }
    }

    pub(super) async fn run(&self, sql: &str, params: Params<'_>) -> Result<u64> {
        let statement = match self.client()?.prepare_cached(sql).await {
            Ok(statement) => statement,
            Err(error) => return Err(self.noted(&error)),
        };
        match self.client()?.execute(&statement, &bound(params)).await {
            Ok(count) => Ok(count),
            Err(error) => Err(self.noted(&error)),
        }
    }

    pub(super) async fn script(&self, sql: &str) -> Result<()> {
        match self.client()?.batch_execute(sql).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.noted(&error)),
        }
    }

    pub(super) async fn lock(&self, key: i64) -> Result<()> {
        self.run("SELECT pg_advisory_xact_lock($1)", &[&key]).await.map(|_| ())
    }
}
