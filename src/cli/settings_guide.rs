//! `carepost settings-guide`: the guide to the settings, for `make docs`.

use super::Ended;
use crate::settings::Settings;
use std::process::ExitCode;

pub fn run() -> Ended {
    print!("{}", Settings::guide());
    Ok(ExitCode::SUCCESS)
}
