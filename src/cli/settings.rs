//! `carepost settings`: every setting with its value, unit and source.

use super::Ended;
use crate::settings::Settings;
use std::process::ExitCode;

pub fn run(settings: &Settings) -> Ended {
    for line in settings.lines() {
        println!("{} = {} ({}, {})", line.name, line.value, line.unit, line.source);
    }
    Ok(ExitCode::SUCCESS)
}
