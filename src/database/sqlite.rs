//! SQLite, inside the program: readers that never wait, one writer that commits in groups.

use super::{BoxFuture, Error, FromRow, Params, READ_LIMIT_MS, Result, Row, Session, Signals, Tx};
use rusqlite::{ErrorCode, OpenFlags};
use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// How many writes may share one commit. More would make the first wait longer than a commit takes.
const GROUP_MAX: usize = 256;
/// How many writes may wait for the writer before callers wait to hand theirs in.
const QUEUE_MAX: usize = 4_096;
/// How long a write waits for another program (the command line, a backup) that is writing.
const BUSY_LIMIT: Duration = Duration::from_secs(10);
/// Page cache of each reading thread, in KiB. A registration reads a few dozen pages.
const READER_CACHE_KIB: u32 = 4_096;
/// Page cache of the writer of the service's own file, in KiB: 256 MiB, taken page by page as the directory
/// grows. An approval reaches into some twenty indexes at places of chance; with a full directory (30,000
/// sites) their leaves fit here, and not in less.
const WRITER_CACHE_KIB: u32 = 262_144;
/// The same of a file that mail servers read too: few writes, found by key.
const SHARED_WRITER_CACHE_KIB: u32 = 16_384;
/// How many statements a connection keeps prepared.
const STATEMENTS_KEPT: usize = 256;
/// How many databases a thread keeps open: the service's own and the mail servers'; more in tests.
const READERS_KEPT: usize = 3;

/// A finished write tells its caller, once it is known whether the commit was durable.
type Tell = Box<dyn FnOnce(Result<()>) + Send>;
/// One write: runs in its savepoint, answers whether to keep what it did.
type Job = Box<dyn FnOnce(&mut Tx) -> (bool, Tell) + Send>;

#[derive(Clone)]
pub(super) struct Sqlite {
    path: Arc<Path>,
    file: File,
    number: u64,
    writer: mpsc::Sender<Job>,
}

/// How a database file is kept, and who else reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum File {
    /// The service's own: a write-ahead log, readers that never wait.
    Own,
    /// Also read by programs that may not write beside it, when the service has stopped, too: a
    /// rollback journal, which is gone once a write has ended.
    Shared,
    /// Another program's, and only to be read.
    OnlyRead,
}

impl File {
    fn writer_cache_kib(self) -> u32 {
        match self {
            File::Own => WRITER_CACHE_KIB,
            File::Shared | File::OnlyRead => SHARED_WRITER_CACHE_KIB,
        }
    }
}

/// An open connection with its prepared statements and the moment at which a read is stopped.
pub(super) struct Connection {
    lite: rusqlite::Connection,
    stop_at_ms: Arc<AtomicU64>,
    /// The error for which SQLite undid the running transaction by itself.
    undone_by: Mutex<Option<Error>>,
}

thread_local! {
    static READERS: RefCell<Vec<(u64, Connection)>> = const { RefCell::new(Vec::new()) };
}

static NEXT_NUMBER: AtomicU64 = AtomicU64::new(1);

/// Milliseconds since this was first asked, from the monotonic clock.
fn monotonic_ms() -> u64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn meaning(error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::Full,
        Some(ErrorCode::OperationInterrupted) => Error::TooSlow,
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::CannotOpen
            | ErrorCode::SystemIoFailure,
        ) => Error::Unavailable(error.to_string()),
        _ => Error::Broken(error.to_string()),
    }
}

/// Gives each parameter its value by its number. SQLite takes `$2` for a name and counts names as they
/// appear, so a statement in which `$2` stands before `$1` would be given its values crosswise.
fn bind(statement: &mut rusqlite::Statement<'_>, params: Params<'_>) -> Result<()> {
    for index in 1..=statement.parameter_count() {
        let name = statement.parameter_name(index).unwrap_or_default();
        let number = name.strip_prefix('$').and_then(|number| number.parse::<usize>().ok());
        let value = number.and_then(|number| params.get(number.checked_sub(1)?));
        let value =
            value.ok_or_else(|| Error::Broken(format!("a statement was given no value for {name}")))?;
        let value: &dyn rusqlite::types::ToSql = value;
        statement.raw_bind_parameter(index, value).map_err(meaning)?;
    }
    Ok(())
}

impl Connection {
    fn open(path: &Path, file: File, cache_kib: u32) -> Result<Self> {
        let access = match file {
            File::Own | File::Shared => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
            File::OnlyRead => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
        let mut lite = rusqlite::Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(meaning)?;
        lite.busy_timeout(BUSY_LIMIT).map_err(meaning)?;
        lite.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        let journal = match file {
            File::Own => {
                "PRAGMA journal_mode=WAL; PRAGMA journal_size_limit=67108864; PRAGMA wal_autocheckpoint=2000;"
            }
            File::Shared => "PRAGMA journal_mode=DELETE;",
            File::OnlyRead => "",
        };
        lite.execute_batch(&format!(
            "{journal} PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;
             PRAGMA temp_store=MEMORY; PRAGMA cache_size=-{cache_kib};"
        ))
        .map_err(meaning)?;
        let stop_at_ms = Arc::new(AtomicU64::new(u64::MAX));
        let stop = Arc::clone(&stop_at_ms);
        lite.progress_handler(10_000, Some(move || monotonic_ms() > stop.load(Ordering::Relaxed)))
            .map_err(meaning)?;
        Ok(Connection { lite, stop_at_ms, undone_by: Mutex::default() })
    }

    /// What an error means; noted where SQLite has undone the transaction because of it.
    fn noted(&self, error: rusqlite::Error) -> Error {
        let meant = meaning(error);
        if self.lite.is_autocommit() {
            *self.undone_by.lock().unwrap_or_else(PoisonError::into_inner) = Some(meant.clone());
        }
        meant
    }

    fn for_each(
        &self,
        sql: &str,
        params: Params<'_>,
        mut each: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut statement = self.lite.prepare_cached(sql).map_err(meaning)?;
        bind(&mut statement, params)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(|error| self.noted(error))? {
            each(&Row::Sqlite(row))?;
        }
        Ok(())
    }

    pub(super) fn all<T: FromRow>(&self, sql: &str, params: Params<'_>) -> Result<Vec<T>> {
        let mut found = Vec::new();
        self.for_each(sql, params, |row| {
            found.push(T::from_row(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    pub(super) fn run(&self, sql: &str, params: Params<'_>) -> Result<u64> {
        let mut statement = self.lite.prepare_cached(sql).map_err(meaning)?;
        bind(&mut statement, params)?;
        let count = statement.raw_execute().map_err(|error| self.noted(error))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    pub(super) fn script(&self, sql: &str) -> Result<()> {
        self.lite.execute_batch(sql).map_err(meaning)
    }
}

impl Sqlite {
    pub(super) fn open(path: &Path, file: File) -> Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)
                .map_err(|error| Error::Unavailable(format!("{}: {error}", folder.display())))?;
        }
        if file == File::Own {
            make_private(path);
        }
        let first = Connection::open(path, file, file.writer_cache_kib())?;
        let path: Arc<Path> = path.into();
        let (writer, jobs) = mpsc::channel(QUEUE_MAX);
        let again = path.to_path_buf();
        std::thread::Builder::new()
            .name("database-writer".to_owned())
            .spawn(move || keep_writing(first, &again, file, jobs))
            .map_err(|error| Error::Unavailable(error.to_string()))?;
        Ok(Sqlite { path, file, number: NEXT_NUMBER.fetch_add(1, Ordering::Relaxed), writer })
    }

    fn with_reader<T>(&self, limit_ms: u64, read: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        READERS.with(|readers| {
            let mut readers = readers.borrow_mut();
            let place = match readers.iter().position(|(number, _)| *number == self.number) {
                Some(place) => place,
                None => {
                    if readers.len() >= READERS_KEPT {
                        readers.remove(0);
                    }
                    readers.push((self.number, Connection::open(&self.path, self.file, READER_CACHE_KIB)?));
                    readers.len() - 1
                }
            };
            let reader = &readers[place].1;
            reader.stop_at_ms.store(monotonic_ms().saturating_add(limit_ms), Ordering::Relaxed);
            read(reader)
        })
    }

    pub(super) fn all<T: FromRow>(&self, sql: &str, params: Params<'_>) -> Result<Vec<T>> {
        self.with_reader(READ_LIMIT_MS, |reader| reader.all(sql, params))
    }

    pub(super) async fn each<F>(&self, sql: &'static str, each: F) -> Result<()>
    where
        F: FnMut(&Row<'_>) -> Result<()> + Send + 'static,
    {
        let (path, file) = (Arc::clone(&self.path), self.file);
        tokio::task::spawn_blocking(move || {
            Connection::open(&path, file, READER_CACHE_KIB)?.for_each(sql, &[], each)
        })
        .await
        .map_err(|error| Error::Misused(error.to_string()))?
    }

    pub(super) fn prepares(&self, sql: &str) -> Result<()> {
        self.with_reader(READ_LIMIT_MS, |reader| reader.lite.prepare(sql).map(|_| ()).map_err(meaning))
    }

    pub(super) async fn write<T, E, F>(&self, change: F, signals: &Arc<Signals>) -> std::result::Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, std::result::Result<T, E>> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let signals = Arc::clone(signals);
        let job: Job = Box::new(move |tx| {
            tx.signals = 0;
            let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| {
                let mut running = change(tx);
                match running.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(outcome) => outcome,
                    Poll::Pending => {
                        Err(Error::Misused("a write may wait for nothing but the database".to_owned()).into())
                    }
                }
            }))
            .unwrap_or_else(|_| Err(Error::Misused("a write panicked".to_owned()).into()));
            let (keep, raised) = (outcome.is_ok(), tx.signals);
            let tell: Tell = Box::new(move |committed| {
                let outcome = match committed {
                    Ok(()) => {
                        if keep {
                            signals.wake(raised);
                        }
                        outcome
                    }
                    Err(error) => Err(error.into()),
                };
                // Nobody listens any more when the caller was dropped; the write stands.
                let _ = answer.send(outcome);
            });
            (keep, tell)
        });
        let closed = || Error::Unavailable("the database writer has stopped".to_owned());
        self.writer.send(job).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}

/// Makes a new file that only its owner may read: it holds people's data. SQLite's other files take
/// after it.
fn make_private(path: &Path) {
    use std::os::unix::fs::OpenOptionsExt;
    // A file that is there already, or cannot be made, is for SQLite to open or to refuse.
    let _ = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
}

/// The connection of a transaction.
pub(super) fn locked(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

fn on(connection: Connection) -> Tx {
    Tx { session: Session::Sqlite(Mutex::new(connection)), signals: 0 }
}

/// The writer's life: take what is waiting, run each in a savepoint, commit them together, tell
/// everybody. Ends when the last [`Sqlite`] is dropped.
fn keep_writing(first: Connection, path: &Path, file: File, mut jobs: mpsc::Receiver<Job>) {
    let mut tx = on(first);
    while let Some(job) = jobs.blocking_recv() {
        if let Err(error) = script(&tx, "BEGIN IMMEDIATE") {
            // Nothing was begun, so nothing is done: the caller hears why, not silence.
            refuse(job, &mut tx, &error);
            reopen_if_broken(&mut tx, path, file);
            continue;
        }
        let mut tells: Vec<Tell> = Vec::new();
        let mut next = Some(job);
        let mut group_is_sound = Ok(());
        while let Some(job) = next.take() {
            match one_of_group(&mut tx, job) {
                Ok(tell) => tells.push(tell),
                Err((tell, error)) => {
                    tells.push(tell);
                    group_is_sound = Err(error);
                    break;
                }
            }
            if tells.len() < GROUP_MAX {
                next = jobs.try_recv().ok();
            }
        }
        let committed = group_is_sound.and_then(|()| script(&tx, "COMMIT"));
        if committed.is_err() {
            // A COMMIT that failed for lack of room leaves the transaction open.
            let _ = script(&tx, "ROLLBACK");
            reopen_if_broken(&mut tx, path, file);
        }
        for tell in tells {
            tell(committed.clone());
        }
    }
}

/// Runs one write inside the group. An error here means the savepoint itself could not be kept or
/// undone (the disk is full, say), and with it the whole group.
fn one_of_group(tx: &mut Tx, job: Job) -> std::result::Result<Tell, (Tell, Error)> {
    let opened = script(tx, "SAVEPOINT one");
    let _ = undone_by(tx);
    let (keep, tell) = job(tx);
    let closed = opened.and_then(|()| {
        // A full disk undoes the whole transaction at once: there is no savepoint left to close.
        if let Some(error) = undone_by(tx) {
            return Err(error);
        }
        if !keep {
            script(tx, "ROLLBACK TO one")?;
        }
        script(tx, "RELEASE one")
    });
    match closed {
        Ok(()) => Ok(tell),
        Err(error) => Err((tell, error)),
    }
}

/// Why SQLite has undone the transaction by itself, if it has.
fn undone_by(tx: &Tx) -> Option<Error> {
    match &tx.session {
        Session::Sqlite(connection) => {
            locked(connection).undone_by.lock().unwrap_or_else(PoisonError::into_inner).take()
        }
        Session::Postgres(_) => None,
    }
}

fn refuse(job: Job, tx: &mut Tx, error: &Error) {
    // The job must run to know whom to tell; inside a read-only snapshot that is thrown away.
    let _ = script(tx, "PRAGMA query_only=ON");
    let (_, tell) = job(tx);
    let _ = script(tx, "PRAGMA query_only=OFF");
    tell(Err(error.clone()));
}

fn script(tx: &Tx, sql: &'static str) -> Result<()> {
    let Session::Sqlite(connection) = &tx.session else {
        return Err(Error::Misused("not a SQLite transaction".to_owned()));
    };
    let connection = locked(connection);
    match sql {
        "PRAGMA query_only=ON" | "PRAGMA query_only=OFF" => connection.script(sql),
        _ => connection.run(sql, &[]).map(|_| ()),
    }
}

/// A connection that is still inside a transaction after a rollback is not to be trusted again.
fn reopen_if_broken(tx: &mut Tx, path: &Path, file: File) {
    let sound = match &tx.session {
        Session::Sqlite(connection) => locked(connection).lite.is_autocommit(),
        Session::Postgres(_) => false,
    };
    if !sound {
        match Connection::open(path, file, file.writer_cache_kib()) {
            Ok(fresh) => *tx = on(fresh),
            Err(error) => {
                tracing::error!(%error, "the database writer could not open its file again")
            }
        }
    }
}
