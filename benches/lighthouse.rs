//! What Lighthouse says of the pages people arrive at, in a real browser.

use crate::server::{Server, fresh_folder};
use std::path::Path;
use std::process::Command;

/// Where people arrive: the start page, the page of help, and an article with a table and steps.
const PAGES: [&str; 3] = ["/", "/support", "/support/find-your-codes"];
const CATEGORIES: [&str; 4] = ["performance", "accessibility", "best-practices", "seo"];

/// Scores of 100 by page and category, with what was transferred; needs the program that
/// `scripts/bench.sh lighthouse` installs.
#[expect(clippy::disallowed_methods, reason = "the run says where the program is")]
pub async fn measure() {
    let Ok(program) = std::env::var("LIGHTHOUSE") else {
        println!("lighthouse: not measured, scripts/bench.sh lighthouse installs it");
        return;
    };
    let folder = fresh_folder();
    let database = format!("sqlite:{}", folder.join("carepost.db").display());
    let (server, _) = Server::start(&database, "sqlite").await;
    for page in PAGES {
        for form in ["mobile", "desktop"] {
            let file = folder.join("lighthouse.json");
            match report(&program, &format!("{}{page}", server.address), form, &file) {
                Some(said) => println!("lighthouse: {page} as {form}: {}", in_words(&said)),
                None => println!("lighthouse: {page} as {form}: it gave no report"),
            }
        }
    }
    drop(server);
    let _ = std::fs::remove_dir_all(&folder);
}

fn report(program: &str, address: &str, form: &str, file: &Path) -> Option<serde_json::Value> {
    let mut command = Command::new(program);
    command.arg(address).args(["--quiet", "--output=json"]).arg(format!("--output-path={}", file.display()));
    command.arg(format!("--only-categories={}", CATEGORIES.join(",")));
    command.arg("--chrome-flags=--headless=new --no-sandbox");
    if form == "desktop" {
        command.arg("--preset=desktop");
    }
    command.status().ok().filter(std::process::ExitStatus::success)?;
    serde_json::from_str(&std::fs::read_to_string(file).ok()?).ok()
}

fn in_words(said: &serde_json::Value) -> String {
    let scores = CATEGORIES.map(|category| {
        let score = said["categories"][category]["score"].as_f64().unwrap_or(0.0);
        format!("{category} {:.0}", score * 100.0)
    });
    let bytes = said["audits"]["total-byte-weight"]["numericValue"].as_f64().unwrap_or(0.0);
    let short: Vec<&str> = CATEGORIES
        .iter()
        .flat_map(|category| said["categories"][category]["auditRefs"].as_array().into_iter().flatten())
        .filter(|audit| audit["weight"].as_f64().is_some_and(|weight| weight > 0.0))
        .filter_map(|audit| audit["id"].as_str())
        .filter(|id| said["audits"][*id]["score"].as_f64().is_some_and(|score| score < 0.9))
        .collect();
    let short = if short.is_empty() { String::new() } else { format!("; short in {}", short.join(", ")) };
    format!("{}; {:.0} kB{short}", scores.join(", "), bytes / 1000.0)
}
