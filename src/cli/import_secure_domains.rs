//! `carepost import-secure-domains`: takes the list of domains accredited for secure email (DCB1596).

use super::Ended;
use super::tables::{self, words};
use crate::clock::Clock;
use crate::directory::upkeep;
use crate::mail::secure_domains;
use crate::settings::Settings;
use std::path::PathBuf;
use std::process::ExitCode;

/// Rejected rows that are printed: enough to see what is wrong with a file, and no flood.
const REJECTED_SHOWN_MAX: usize = 20;

#[derive(clap::Args)]
pub struct ImportSecureDomains {
    /// A CSV file with a column called domain, and perhaps one called organisation
    file: PathBuf,
    /// Allow a list that is more than a tenth shorter than the one before
    #[arg(long)]
    allow_shrink: bool,
}

impl ImportSecureDomains {
    pub async fn run(self, settings: &Settings) -> Ended {
        let bytes = std::fs::read(&self.file).map_err(|error| format!("{}: {error}", self.file.display()))?;
        let read = secure_domains::read(&bytes)?;
        let database = tables::open_current(settings).await?;
        let before = upkeep::store::list_secure_domains(&database).await.map_err(words)?.len();
        if !self.allow_shrink && read.domains.len() * 10 < before * 9 {
            return Err(format!(
                "The list has {} domains and the one before had {before}. If that is right, say --allow-shrink.",
                read.domains.len()
            ));
        }
        let count = read.domains.len();
        upkeep::store::keep_secure_domains(&database, Clock::system().now(), read.domains)
            .await
            .map_err(words)?;
        println!("{count} domains kept, {before} before; {} rows rejected.", read.rejected.len());
        for (line, why) in read.rejected.iter().take(REJECTED_SHOWN_MAX) {
            println!("  line {line}: {why}");
        }
        Ok(ExitCode::SUCCESS)
    }
}
