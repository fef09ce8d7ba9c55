//! Opening the service's database for a command.

use crate::clock::Clock;
use crate::database::{Database, Error};
use crate::settings::Settings;

/// A database's error as a command ends with it.
pub fn words(error: Error) -> String {
    error.to_string()
}

/// Opens the database as it is.
pub async fn open(settings: &Settings) -> Result<Database, String> {
    Database::open(&settings.database).await.map_err(|error| format!("{}: {error}", settings.database))
}

/// Opens the database and brings its tables up to this program's version; answers how many migrations
/// that took.
pub async fn open_and_migrate(settings: &Settings) -> Result<(Database, usize), String> {
    let database = open(settings).await?;
    let applied = database.migrate(Clock::system().now().as_milliseconds()).await.map_err(words)?;
    Ok((database, applied))
}

/// Opens a database whose tables are current.
///
/// # Errors
/// In words; where the tables are not current, they say what to do.
pub async fn open_current(settings: &Settings) -> Result<Database, String> {
    let database = open(settings).await?;
    match database.migrations_current().await.map_err(words)? {
        Ok(()) => Ok(database),
        Err(why) => Err(format!("{}: {why}. Run `carepost migrate`.", settings.database)),
    }
}
