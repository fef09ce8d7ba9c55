//! An import that is killed at any moment leaves the old picture whole, and runs through afterwards.

use carepost::database::{Address, Database, Reads};
use carepost::id;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const OLD: usize = 2_000;
const NEW: usize = 40_000;

/// A file of so many locations, all of them named after their picture.
fn file(folder: &Path, picture: &str, count: usize) -> PathBuf {
    let mut text = String::new();
    for number in 0..count {
        text.push_str(&format!(
            r#"{{"locationId":"1-{}","providerId":"1-101612188","organisationType":"Location","type":"Social Care Org","name":"{picture} house {number}","registrationStatus":"Registered","registrationDate":"2021-03-31","careHome":"Y","numberOfBeds":9,"postalAddressLine1":"1 High Street","postalAddressTownCity":"Oldham","postalCode":"OL3 6BD","gacServiceTypes":[],"relationships":[]}}"#,
            500_000_000 + number
        ));
        text.push('\n');
    }
    let path = folder.join(format!("{picture}.ndjson"));
    std::fs::write(&path, text).expect("written");
    path
}

/// Starts an import as an operator would.
fn import(folder: &Path, file: &Path) -> std::process::Child {
    Command::new(env!("CARGO_BIN_EXE_carepost"))
        .args(["import", "cqc-locations"])
        .arg(file)
        .env("CAREPOST_DATABASE", format!("sqlite:{}", folder.join("carepost.db").display()))
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// How many imports there were, and how many locations are of each picture.
async fn picture(folder: &Path) -> (i64, i64, i64) {
    let database = Database::open(&Address::Sqlite(folder.join("carepost.db"))).await.expect("opened");
    database
        .one(
            "SELECT (SELECT COUNT(*) FROM imports),
                    (SELECT COUNT(*) FROM cqc_locations WHERE facts LIKE '%old house%'),
                    (SELECT COUNT(*) FROM cqc_locations WHERE facts LIKE '%new house%')",
            &[],
        )
        .await
        .expect("read")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_killed_leaves_the_old_picture() {
    let folder = std::env::temp_dir().join("carepost-tests").join(id::new_token());
    std::fs::create_dir_all(&folder).expect("a folder");
    let database = Database::open(&Address::Sqlite(folder.join("carepost.db"))).await.expect("opened");
    database.migrate(0).await.expect("tables");
    drop(database);
    let (old, new) = (file(&folder, "old", OLD), file(&folder, "new", NEW));
    let done = import(&folder, &old).wait_with_output().expect("it ends");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let (before, after) =
        ((1, i64::try_from(OLD).expect("small"), 0), (2, 0, i64::try_from(NEW).expect("small")));
    assert_eq!(picture(&folder).await, before);

    // How long it takes decides where the moments lie; a copy is imported to find out.
    let trial = folder.join("trial");
    std::fs::create_dir(&trial).expect("a folder");
    std::fs::copy(folder.join("carepost.db"), trial.join("carepost.db")).expect("copied");
    let begun = Instant::now();
    assert!(import(&trial, &new).wait_with_output().expect("it ends").status.success());
    let whole = begun.elapsed();
    let mut killed = 0;
    for moment in [5, 20, 35, 50, 65, 75, 80, 85, 90, 95, 99] {
        let mut running = import(&folder, &new);
        std::thread::sleep(whole * moment / 100);
        if running.try_wait().expect("asked").is_none() {
            killed += 1;
        }
        let _ = running.kill();
        running.wait().expect("it ends");
        let now = picture(&folder).await;
        assert!(now == before || now == after, "killed at {moment} %: {now:?}");
        if now == after {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    // How many depends on the machine; none would prove nothing.
    assert!(killed >= 1, "no import was killed while it ran");
    if picture(&folder).await == before {
        assert!(import(&folder, &new).wait_with_output().expect("it ends").status.success());
    }
    assert_eq!(picture(&folder).await, after);
    let _ = std::fs::remove_dir_all(&folder);
}
