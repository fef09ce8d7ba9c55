//! `carepost authority`: who may do what to whom, for `make docs`.

use super::Ended;
use crate::sign_in::authority;
use std::process::ExitCode;

pub fn run() -> Ended {
    print!("{}", authority::table());
    Ok(ExitCode::SUCCESS)
}
