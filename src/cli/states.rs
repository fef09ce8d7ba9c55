//! `carepost states`: the pictures of the states, for `make docs`.

use super::Ended;
use crate::{directory, registration, service_desk};
use std::process::ExitCode;

/// How the document begins.
const HEAD: &str = "# States\n\nMade from the code's own tables of moves by `make docs`.\n\n";

pub fn run() -> Ended {
    print!("{HEAD}{}\n{}\n{}", registration::picture(), directory::picture(), service_desk::picture());
    Ok(ExitCode::SUCCESS)
}
