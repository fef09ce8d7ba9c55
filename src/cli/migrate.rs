//! `carepost migrate`: makes or updates the tables.

use super::{Ended, tables};
use crate::settings::Settings;
use std::process::ExitCode;

pub async fn run(settings: &Settings) -> Ended {
    let (_, applied) = tables::open_and_migrate(settings).await?;
    println!("{applied} migrations applied; the tables are current.");
    Ok(ExitCode::SUCCESS)
}
