//! The full register files, where they are beside the project, and search over them.

use crate::percentiles;
use crate::server::{Server, fresh_folder, memory_of, program};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const FILES: [(&str, &str); 2] = [
    ("cqc-locations", "cqc-ratings-2021/cqc_latest_ratings_overall_2021.csv"),
    ("dspt", "dspt-2022/dspt_search_results_2022-09-09_half.csv"),
];

fn data_folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    folder.exists().then_some(folder)
}

pub async fn measure() {
    let Some(data) = data_folder() else {
        println!("imports: the full register files are not beside the project; nothing measured");
        return;
    };
    let folder = fresh_folder();
    let database = format!("sqlite:{}", folder.join("carepost.db").display());
    let (server, _) = Server::start(&database, "sqlite").await;
    for (kind, file) in FILES {
        // A copy: what an import rejects is written beside the file it read.
        let copy = folder.join(Path::new(file).file_name().expect("a name"));
        std::fs::copy(data.join(file), &copy).expect("a copy");
        let started = Instant::now();
        let mut child = Command::new(program())
            .args(["import", kind, "--json", "--allow-shrink"])
            .arg(&copy)
            .env("CAREPOST_DATABASE", &database)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the import starts");
        // Pages meanwhile: what somebody looking at the start page feels.
        let mut browser = crate::browser::Browser::new(crate::browser::http(), &server.address);
        let mut peak: f64 = 0.0;
        while child.try_wait().expect("a child of ours").is_none() {
            peak = peak.max(memory_of(child.id(), "VmHWM:"));
            browser.get("/register").await;
            browser.post("/register", &[]).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let took = started.elapsed();
        let output = child.wait_with_output().expect("its output");
        println!("import {kind} on SQLite: {:.2} s, peak memory {peak:.0} MiB", took.as_secs_f64());
        println!("  {}", String::from_utf8_lossy(&output.stdout).trim());
        println!(
            "  pages and drafts meanwhile ({} requests): {}",
            browser.times.len(),
            percentiles(&mut browser.times)
        );
    }
    let index = carepost::register::search::SearchIndex::build(&server.database).await.expect("an index");
    let searches = [
        "rose court",
        "care home oldham",
        "ol1 4jx",
        "1-1000210669",
        "kingswod house",
        "st",
        "the",
        "residental",
        "nursing home leeds",
        "orchids care",
        "charlotte",
        "regency care centre bury",
        "m45 7sg",
        "house",
        "homecare",
        "sunrise senior",
    ];
    let mut times = Vec::new();
    for round in 0..2_000 {
        let started = Instant::now();
        let found = index.find(searches[round % searches.len()], 0);
        times.push(started.elapsed());
        std::hint::black_box(found.total);
    }
    println!("search over {} sites ({} searches): {}", index.len(), times.len(), percentiles(&mut times));
    drop(server);
    let _ = std::fs::remove_dir_all(folder);
}
