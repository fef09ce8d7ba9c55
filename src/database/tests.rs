use super::for_tests::{both_engines, run, sqlite};
use super::*;

async fn engines() -> Vec<Database> {
    let engines = both_engines().await;
    for database in &engines {
        run(database, "CREATE TABLE things (name TEXT PRIMARY KEY, number BIGINT NOT NULL)").await;
    }
    engines
}

async fn add(database: &Database, name: String, number: i64) -> Result<u64> {
    database
        .write(transaction!(async move |tx| {
            tx.run("INSERT INTO things (name, number) VALUES ($1, $2)", &[&name, &number]).await
        }))
        .await
}

async fn count(from: &impl Reads) -> i64 {
    let (count,): (i64,) = from.one("SELECT COUNT(*) FROM things", &[]).await.expect("a count");
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters_are_told_apart_by_their_numbers_wherever_they_stand() {
    for database in engines().await {
        add(&database, "one".to_owned(), 1).await.expect("written");
        let found: Vec<(String,)> = database
            .all(
                "SELECT name FROM things WHERE number = $2 AND name = $1 AND number <= $2",
                &[&"one", &1_i64],
            )
            .await
            .expect("read");
        assert_eq!(found, [("one".to_owned(),)], "{}", database.engine());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_is_read_and_what_failed_is_not() {
    for database in engines().await {
        add(&database, "one".to_owned(), 1).await.expect("written");
        add(&database, "one".to_owned(), 2).await.expect_err("the name is taken");
        let failed: Result<()> = database
            .write(transaction!(async move |tx| {
                tx.run("INSERT INTO things (name, number) VALUES ('two', 2)", &[]).await?;
                assert_eq!(count(tx).await, 2, "a transaction sees its own rows");
                Err(Error::Broken("the rule says no".to_owned()))
            }))
            .await;
        assert!(failed.is_err());
        assert_eq!(count(&database).await, 1, "{}", database.engine());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_rows_are_written_however_many_there_are() {
    for database in engines().await {
        let mut there = 0;
        for count_of_rows in [0_i64, 1, 15, 16, 17, 63, 64, 65, 130, 500] {
            let changed = database
                .write::<_, Error, _>(transaction!(async move |tx| {
                    let names: Vec<(String, i64)> =
                        (0..count_of_rows).map(|row| (format!("{count_of_rows} {row}"), row)).collect();
                    let rows: Vec<[&(dyn Param + '_); 2]> = names
                        .iter()
                        .map(|(name, number)| -> [&(dyn Param + '_); 2] { [name, number] })
                        .collect();
                    let head = "INSERT INTO things (name, number)";
                    let changed = tx.run_rows(head, &rows, "").await?;
                    let again = tx.run_rows(head, &rows, "ON CONFLICT DO NOTHING").await?;
                    Ok((changed, again))
                }))
                .await
                .expect("written");
            there += count_of_rows;
            assert_eq!(changed, (u64::try_from(count_of_rows).expect("few"), 0), "{}", database.engine());
            assert_eq!(count(&database).await, there, "{}", database.engine());
        }
        let (sum,): (i64,) = database
            .one("SELECT CAST(SUM(number) AS BIGINT) FROM things WHERE name LIKE '500 %'", &[])
            .await
            .expect("a sum");
        assert_eq!(sum, 499 * 250, "each row has its own values");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_is_contained_and_the_next_write_works() {
    for database in engines().await {
        let panicked: Result<()> = database
            .write(transaction!(async move |tx| {
                tx.run("INSERT INTO things (name, number) VALUES ('lost', 1)", &[]).await?;
                panic!("a mistake in a rule")
            }))
            .await;
        assert!(matches!(panicked, Err(Error::Misused(_))), "{panicked:?}");
        add(&database, "kept".to_owned(), 1).await.expect("the writer lives");
        assert_eq!(count(&database).await, 1, "{}", database.engine());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_may_wait_for_nothing_but_the_database() {
    let database = sqlite().await;
    let waited: Result<()> = database
        .write(transaction!(async move |_tx| {
            tokio::task::yield_now().await;
            Ok(())
        }))
        .await;
    assert!(matches!(waited, Err(Error::Misused(_))), "{waited:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_share_commits_and_each_hears_its_own_answer() {
    for database in engines().await {
        let writers: Vec<_> = (0..200)
            .map(|number| {
                let database = database.clone();
                // Every fourth name is taken already, so that answers differ.
                tokio::spawn(async move { add(&database, format!("thing {}", number % 150), number).await })
            })
            .collect();
        let mut kept = 0;
        for writer in writers {
            kept += i64::from(writer.await.expect("no panic").is_ok());
        }
        assert_eq!(kept, 150, "{}", database.engine());
        assert_eq!(count(&database).await, 150);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_goes_away_leaves_no_half_change() {
    for database in engines().await {
        for number in 0..50 {
            let database = database.clone();
            let task = tokio::spawn(async move {
                let _: Result<()> = database
                    .write(transaction!(async move |tx| {
                        let (first, second) = (format!("a{number}"), format!("b{number}"));
                        tx.run("INSERT INTO things (name, number) VALUES ($1, 1)", &[&first]).await?;
                        tx.run("INSERT INTO things (name, number) VALUES ($1, 1)", &[&second]).await?;
                        Ok(())
                    }))
                    .await;
            });
            tokio::task::yield_now().await;
            task.abort();
        }
        add(&database, "last".to_owned(), 1).await.expect("the engine goes on");
        let halves: Vec<(String,)> = database
            .all(
                "SELECT a.name FROM things a WHERE a.name LIKE 'a%'
                   AND NOT EXISTS (SELECT 1 FROM things b WHERE b.name = 'b' || SUBSTR(a.name, 2))",
                &[],
            )
            .await
            .expect("read");
        assert!(halves.is_empty(), "{halves:?}");
    }
}

#[tokio::test]
async fn a_read_that_never_ends_is_stopped() {
    let database = sqlite().await;
    let endless: Result<Vec<(i64,)>> = database
        .all(
            "WITH RECURSIVE counting(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counting)
             SELECT COUNT(*) FROM counting",
            &[],
        )
        .await;
    assert!(matches!(endless, Err(Error::TooSlow)), "{endless:?}");
}

#[tokio::test]
async fn migrating_twice_changes_nothing_and_a_newer_database_is_refused() {
    for database in both_engines().await {
        assert_eq!(database.migrate(0).await.expect("again"), 0);
        assert_eq!(database.migrations_current().await.expect("read"), Ok(()));
        run(
            &database,
            "INSERT INTO schema_versions (number, name, checksum, applied_at) VALUES (9999, 'future', 'x', 0)",
        )
        .await;
        let refused = database.migrate(0).await.expect_err("newer");
        assert!(refused.to_string().contains("newer version of Carepost"), "{refused}");
        assert!(database.migrations_current().await.expect("read").is_err());
    }
}

#[test]
fn an_address_never_shows_its_password() {
    let address = Address::parse("postgres://carepost:hunter2@db.example:5432/carepost").expect("an address");
    assert_eq!(address.to_string(), "postgres://carepost@db.example:5432/carepost");
    assert_eq!(format!("{address:?}"), address.to_string());
    assert!(Address::parse("mysql://x").is_err());
    assert!(Address::parse("sqlite:").is_err());
}
