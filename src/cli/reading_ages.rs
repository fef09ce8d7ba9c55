//! `carepost reading-ages`: the reading age of every article, for `make docs`.

use super::Ended;
use crate::guidance::Library;
use crate::settings::Settings;
use std::process::ExitCode;

pub fn run() -> Ended {
    let settings = Settings::defaults().map_err(|wrong| wrong.join("\n"))?;
    print!("{}", Library::open(&settings).map_err(|wrong| wrong.join("\n"))?.reading_ages());
    Ok(ExitCode::SUCCESS)
}
