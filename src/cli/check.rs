//! `carepost check`: proves that the audit trail is the one of its checkpoints, and verifies every invariant.

use super::Ended;
use super::tables::{self, words};
use crate::audit::checkpoints::{self, judge};
use crate::audit::store::{guards, walk};
use crate::clock::Clock;
use crate::directory;
use crate::settings::Settings;
use crate::transparency_log::Places;
use crate::transparency_log::checkpoint::{Keys, Signed};
use crate::transparency_log::file::CheckpointFile;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A file given as --since is at most so long, in bytes: a letter, or a day of checkpoints.
const SINCE_MAX: u64 = 4 * 1024 * 1024;

#[derive(clap::Args)]
pub struct Check {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Prove that the audit trail begins as a checkpoint says: a file that holds one, or a letter with one; - reads it
    /// from standard input. The last checkpoint in it counts
    #[arg(long, value_name = "CHECKPOINT")]
    since: Option<PathBuf>,
    /// Believe checkpoints of this public key alone, like carepost.example/audit+1a2b3c4d+AX…; without it, of the keys
    /// that the audit folder lists
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

/// A checkpoint that the trail is held against.
struct Held {
    /// Where it comes from, for people.
    place: String,
    signed: Signed,
}

impl Check {
    pub async fn run(self, settings: &Settings) -> Ended {
        let held = self.checkpoints(settings)?;
        let database = tables::open_current(settings).await?;
        let sizes: Vec<u64> = held.iter().map(|held| held.signed.checkpoint.size).collect();
        let found = walk::walk(&database, Clock::system().now(), &sizes).await.map_err(words)?;
        let mut counts: Vec<(String, i64)> =
            found.in_words().map(|(name, count)| (name.to_owned(), count)).to_vec();
        counts.push((checkpoints::GUARDS.to_owned(), guards::missing(&database).await.map_err(words)?));
        for (name, count) in directory::store::invariants(&database).await.map_err(words)? {
            counts.push((name.to_owned(), count));
        }
        let judged: Vec<(&Held, Result<(), String>)> =
            held.iter().map(|held| (held, judge(&found, &held.signed))).collect();
        let ok =
            counts.iter().all(|(_, count)| *count == 0) && judged.iter().all(|(_, judged)| judged.is_ok());
        if self.json {
            let invariants: serde_json::Map<String, serde_json::Value> =
                counts.into_iter().map(|(name, count)| (name, count.into())).collect();
            let checkpoints: Vec<serde_json::Value> = judged
                .iter()
                .map(|(held, judged)| {
                    let (size, wrong) = (held.signed.checkpoint.size, judged.as_ref().err());
                    serde_json::json!({ "from": held.place, "entries": size, "wrong": wrong })
                })
                .collect();
            println!(
                "{}",
                serde_json::json!({ "ok": ok, "audit_entries": found.entries, "checkpoints": checkpoints, "invariants": invariants })
            );
        } else {
            println!("audit log: {} entries", found.entries);
            for (held, judged) in &judged {
                let size = held.signed.checkpoint.size;
                match judged {
                    Ok(()) => {
                        println!("It begins with the {size} entries of the checkpoint of {}.", held.place)
                    }
                    Err(why) => println!("Checkpoint of {}: {why}", held.place),
                }
            }
            if judged.is_empty() {
                println!(
                    "No checkpoint outside the database is known, so entries that are gone cannot be found."
                );
            }
            for (name, count) in counts {
                println!("{count:>8}  {name}");
            }
            println!("{}", if ok { "Everything holds." } else { "There are breaches." });
        }
        Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// The checkpoint that was given, and the newest of the file outside the database.
    fn checkpoints(&self, settings: &Settings) -> Result<Vec<Held>, String> {
        let places = Places::of(settings).ok();
        let keys = match (&self.key, &places) {
            (Some(key), _) => Keys::parse(key).map_err(|why| format!("--key: {why}"))?,
            (None, Some(places)) => known_keys(&places.keys)?,
            (None, None) => Keys::default(),
        };
        let mut held = Vec::new();
        if let Some(since) = &self.since {
            let text = read(since)?;
            let signed =
                Signed::last_in(&text).ok_or_else(|| format!("{}: holds no checkpoint", since.display()))?;
            signed.verify(&keys).map_err(|why| format!("{}: {why}", since.display()))?;
            held.push(Held { place: since.display().to_string(), signed });
        }
        // With a key that somebody brought along, what lies here proves nothing to them.
        if let (Some(places), None) = (&places, &self.key) {
            let file = CheckpointFile::new(places.checkpoints.clone());
            if let Some(signed) = file.last(&keys)? {
                held.push(Held { place: places.checkpoints.display().to_string(), signed });
            }
        }
        Ok(held)
    }
}

fn known_keys(path: &Path) -> Result<Keys, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Keys::parse(&text).map_err(|why| format!("{}: {why}", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Keys::default()),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

fn read(path: &Path) -> Result<String, String> {
    let wrong = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().take(SINCE_MAX).read_to_string(&mut text).map_err(wrong)?;
    } else {
        let file = std::fs::File::open(path).map_err(wrong)?;
        file.take(SINCE_MAX).read_to_string(&mut text).map_err(wrong)?;
    }
    Ok(text)
}
