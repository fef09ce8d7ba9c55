//! `carepost check`: verifies the audit chain and every invariant.

use super::Ended;
use super::tables::{self, words};
use crate::clock::Clock;
use crate::settings::Settings;
use crate::{audit, directory};
use std::process::ExitCode;

#[derive(clap::Args)]
pub struct Check {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Check {
    pub async fn run(self, settings: &Settings) -> Ended {
        let database = tables::open_current(settings).await?;
        let chain = audit::store::verify_chain(&database, Clock::system().now()).await.map_err(words)?;
        let mut counts: Vec<(String, i64)> = vec![
            ("broken links of the audit chain".to_owned(), chain.broken),
            ("audit entries that are not on the chain".to_owned(), chain.unchained),
        ];
        for (name, count) in directory::store::invariants(&database).await.map_err(words)? {
            counts.push((name.to_owned(), count));
        }
        let ok = counts.iter().all(|(_, count)| *count == 0);
        if self.json {
            let invariants: serde_json::Map<String, serde_json::Value> =
                counts.into_iter().map(|(name, count)| (name, count.into())).collect();
            println!(
                "{}",
                serde_json::json!({ "ok": ok, "chain_links": chain.links, "invariants": invariants })
            );
        } else {
            println!("audit chain: {} links", chain.links);
            for (name, count) in counts {
                println!("{count:>8}  {name}");
            }
            println!("{}", if ok { "Everything holds." } else { "There are breaches." });
        }
        Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
