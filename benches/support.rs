//! The support site: pages a second, and how long a search takes.

use crate::browser::{Browser, http};
use crate::percentiles;
use crate::server::{Server, fresh_folder};
use carepost::guidance::{Library, path};
use carepost::settings::Settings;
use std::time::{Duration, Instant};

/// Readers at once.
const READERS: usize = 16;
/// How long they read.
const LASTS: Duration = Duration::from_secs(10);
/// What they type: the questions that the tests keep, as asked and misspelt.
const QUESTIONS: &str = include_str!("../tests/all/support_questions.txt");

pub async fn measure() {
    let library =
        Library::open(&Settings::defaults().expect("defaults")).expect("the words built in are right");
    let typed: Vec<&str> = QUESTIONS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| line.split(" | ").skip(1))
        .collect();
    let mut searches = Vec::new();
    for _ in 0..20 {
        for words in &typed {
            let started = Instant::now();
            std::hint::black_box(library.index.find(words));
            searches.push(started.elapsed());
        }
    }
    println!("support: {} searches in memory: {}", searches.len(), percentiles(&mut searches));

    let folder = fresh_folder();
    let database = format!("sqlite:{}", folder.join("carepost.db").display());
    let (server, _) = Server::start(&database, "sqlite").await;
    let pages: Vec<String> = library
        .articles
        .iter()
        .map(|article| path(&article.slug))
        .chain(["/".to_owned(), "/support".to_owned()])
        .collect();
    let questions: Vec<String> = typed
        .iter()
        .map(|words| format!("/support/search?q={}", words.replace(' ', "+").replace('\'', "%27")))
        .collect();
    for (what, paths) in [("pages", pages), ("searches", questions)] {
        let (client, cpu, started) = (http(), server.cpu_seconds(), Instant::now());
        let readers: Vec<_> = (0..READERS)
            .map(|reader| {
                let (mut browser, paths) = (Browser::new(client.clone(), &server.address), paths.clone());
                tokio::spawn(async move {
                    for place in reader.. {
                        if started.elapsed() > LASTS {
                            break;
                        }
                        browser.get(&paths[place % paths.len()]).await;
                    }
                    browser
                })
            })
            .collect();
        let (mut times, mut failures) = (Vec::new(), 0);
        for reader in readers {
            let browser = reader.await.expect("a reader");
            times.extend(browser.times);
            failures += browser.failures;
        }
        let seconds = started.elapsed().as_secs_f64();
        println!(
            "support: {:.0} {what} a second, {READERS} readers, {failures} failures, {:.2} ms of server processor each: {}",
            times.len() as f64 / seconds,
            (server.cpu_seconds() - cpu) * 1000.0 / times.len() as f64,
            percentiles(&mut times)
        );
    }
    drop(server);
    let _ = std::fs::remove_dir_all(&folder);
}
