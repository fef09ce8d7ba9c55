//! The program: sets up what every command needs and runs the one that was named.

use carepost::cli::{self, CommandLine};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let command_line = CommandLine::parse();
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("The cryptography could not be set up.");
        return ExitCode::FAILURE;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("The program could not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(cli::run(command_line)) {
        Ok(code) => code,
        Err(words) => {
            eprintln!("{words}");
            ExitCode::FAILURE
        }
    }
}
