//! `carepost find`: a site in the imported registers.

use super::Ended;
use super::tables::{self, words};
use crate::register;
use crate::settings::Settings;
use std::process::ExitCode;

#[derive(clap::Args)]
pub struct Find {
    #[arg(required = true)]
    words: Vec<String>,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

impl Find {
    pub async fn run(self, settings: &Settings) -> Ended {
        let database = tables::open_current(settings).await?;
        let rows = register::find(&database, &self.words.join(" ")).await.map_err(words)?;
        if self.json {
            println!("{}", serde_json::to_string(&rows).map_err(|error| error.to_string())?);
        } else if rows.is_empty() {
            println!("Nothing found.");
        } else {
            for row in &rows {
                println!("{row}");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
