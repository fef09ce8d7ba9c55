//! Databases for tests: a fresh SQLite file always, a fresh PostgreSQL schema where the test run
//! has started a server.

use super::{Address, Database, Error};

/// Both engines, each with its tables made and nothing in them.
///
/// PostgreSQL is there when `CAREPOST_TEST_POSTGRES` gives the address of a server in which
/// databases may be created; `make test` starts one and sets it, and also sets
/// `CAREPOST_TEST_REQUIRE_ALL`, with which its absence is a failure.
pub async fn both_engines() -> Vec<Database> {
    let mut engines = vec![sqlite().await];
    if let Some(postgres) = postgres().await {
        engines.push(postgres);
    }
    engines
}

/// A fresh SQLite database with its tables made.
pub async fn sqlite() -> Database {
    let path = std::env::temp_dir().join("carepost-tests").join(format!("{}.db", crate::id::new_token()));
    let database =
        Database::open(&Address::Sqlite(path)).await.expect("a SQLite file in the temporary folder");
    database.migrate(0).await.expect("the tables can be made");
    database
}

/// A fresh PostgreSQL database with its tables made, if there is a server.
#[expect(clippy::disallowed_methods, reason = "tests are told by the test run where its servers are")]
pub async fn postgres() -> Option<Database> {
    let Ok(server) = std::env::var("CAREPOST_TEST_POSTGRES") else {
        assert!(
            std::env::var("CAREPOST_TEST_REQUIRE_ALL").is_err(),
            "CAREPOST_TEST_POSTGRES is not set: run the tests with `make test`"
        );
        return None;
    };
    let name = format!("test_{}", &crate::id::new_token()[..16]);
    let (client, connection) = tokio_postgres::connect(&format!("{server}/postgres"), tokio_postgres::NoTls)
        .await
        .expect("the test server answers");
    let running = tokio::spawn(connection);
    client
        .batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0"))
        .await
        .expect("a database can be created");
    drop(client);
    let _ = running.await;
    let database =
        Database::open(&Address::Postgres(format!("{server}/{name}"))).await.expect("the new database opens");
    database.migrate(0).await.expect("the tables can be made");
    Some(database)
}

/// A fresh PostgreSQL database with the role of the mail servers, if there is a server: the service's
/// address and theirs.
#[expect(clippy::disallowed_methods, reason = "tests are told by the test run where its servers are")]
pub async fn postgres_for_mail() -> Option<(String, String)> {
    let server = std::env::var("CAREPOST_TEST_POSTGRES").ok()?;
    let name = format!("mail_{}", &crate::id::new_token()[..16]);
    let (client, connection) = tokio_postgres::connect(&format!("{server}/postgres"), tokio_postgres::NoTls)
        .await
        .expect("the test server answers");
    let running = tokio::spawn(connection);
    let role = "DO $$ BEGIN CREATE ROLE carepost_mail LOGIN; EXCEPTION WHEN OTHERS THEN NULL; END $$";
    client.batch_execute(role).await.expect("the role is there");
    client
        .batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0"))
        .await
        .expect("a database can be created");
    drop(client);
    let _ = running.await;
    let own = format!("{server}/{name}");
    let (_, place) = server.split_once('@').expect("an address with a user");
    Some((own, format!("postgres://carepost_mail@{place}/{name}")))
}

/// Runs statements that only a test may run (inserting rows by hand, say).
pub async fn run(database: &Database, sql: &'static str) {
    database
        .write::<_, Error, _>(transaction!(async move |tx| { tx.script(sql).await }))
        .await
        .expect("the statement runs");
}
