//! A database of every earlier release is brought up to this one with its rows, on both engines, and
//! both then have the same tables and columns.
//!
//! `upgrade/` holds, for each migration, rows that are put in before the next is applied. A table
//! without one fails this test: whoever adds a table says what a row of it looks like.

use crate::harness::fresh_postgres;
use carepost::database::{Address, Database, Reads};
use carepost::id;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const VERSIONS: &str = "CREATE TABLE schema_versions (
  number BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL);";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The migrations of one engine, oldest first: name and text.
fn migrations(engine: &str) -> Vec<(String, String)> {
    let other = if engine == "sqlite" { ".postgres" } else { ".sqlite" };
    let mut found = BTreeMap::new();
    for file in std::fs::read_dir(folder("migrations")).expect("the migrations") {
        let path = file.expect("a file").path();
        let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if !stem.ends_with(other) {
            let name = stem.trim_end_matches(&format!(".{engine}")).to_owned();
            found.insert(name, std::fs::read_to_string(&path).expect("read"));
        }
    }
    found.into_iter().collect()
}

/// What a release with the first `count` migrations left behind, as one script.
fn left_by(engine: &str, count: usize) -> String {
    let mut script = VERSIONS.to_owned();
    for (number, (name, text)) in (1..=count).zip(migrations(engine)) {
        let rows = folder("tests/all/upgrade").join(format!("{name}.sql"));
        let rows = std::fs::read_to_string(&rows).unwrap_or_else(|_| panic!("upgrade/{name}.sql is missing"));
        let checksum = id::hex(&Sha256::digest(text.as_bytes()));
        script.push_str(&format!(
            "{text}\nINSERT INTO schema_versions VALUES ({number}, '{name}', '{checksum}', 0);\n{rows}\n"
        ));
    }
    script
}

async fn sqlite(count: usize) -> Database {
    let path = std::env::temp_dir().join("carepost-tests").join(format!("{}.db", id::new_token()));
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    let raw = rusqlite::Connection::open(&path).expect("opened");
    raw.execute_batch(&left_by("sqlite", count)).expect("the earlier release");
    drop(raw);
    Database::open(&Address::Sqlite(path)).await.expect("opened")
}

async fn postgres(count: usize) -> Option<Database> {
    fresh_postgres("upgrade", &left_by("postgres", count)).await
}

/// Tables with their columns.
async fn columns(database: &Database) -> BTreeSet<(String, String)> {
    let sql = match database.engine() {
        "sqlite" => {
            "SELECT m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table'"
        }
        _ => {
            "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) FROM information_schema.columns
              WHERE table_schema = 'public'"
        }
    };
    let rows: Vec<(String, String)> = database.all(sql, &[]).await.expect("the columns");
    rows.into_iter().collect()
}

async fn rows(database: &Database) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    let tables: BTreeSet<String> = columns(database).await.into_iter().map(|(table, _)| table).collect();
    for table in tables.into_iter().filter(|table| table != "schema_versions") {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let (count,): (i64,) = database.one(sql.leak(), &[]).await.expect("counted");
        counts.insert(table, count);
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_earlier_release_is_upgraded_with_its_rows() {
    let all = migrations("sqlite").len();
    assert_eq!(all, migrations("postgres").len());
    for count in 1..=all {
        let mut shapes = Vec::new();
        let databases = [Some(sqlite(count).await), postgres(count).await];
        for database in databases.into_iter().flatten() {
            let before = rows(&database).await;
            let empty: Vec<&String> =
                before.iter().filter(|(_, rows)| **rows == 0).map(|(table, _)| table).collect();
            assert!(empty.is_empty(), "upgrade/ has no row for {empty:?}");
            assert_eq!(database.migrate(0).await.expect("upgraded"), all - count, "{}", database.engine());
            assert_eq!(database.migrations_current().await.expect("read"), Ok(()));
            let after = rows(&database).await;
            for (table, rows) in before {
                assert_eq!(after.get(&table), Some(&rows), "{table} on {}", database.engine());
            }
            shapes.push(columns(&database).await);
        }
        for shape in &shapes {
            let differs: Vec<_> = shape.symmetric_difference(&shapes[0]).collect();
            assert!(differs.is_empty(), "the engines differ in {differs:?}");
        }
    }
}
