//! The command line: a file a command, which holds its arguments, where it has any, as a struct of its
//! name, and what it does as `run`. Shared by them: `tables.rs` (opening the database), `outside.rs` (mail
//! engine, registers and letters as the settings name them), `process.rs` (log and signals).
//!
//! A new command: a file here, a variant of `Command`, a line in `run`.

mod add_case_worker;
mod authority;
mod check;
mod demo;
mod find;
mod import;
mod import_secure_domains;
mod mail_compare;
mod mail_config;
mod mail_guard;
mod migrate;
mod outside;
mod process;
mod reading_ages;
mod serve;
mod settings;
mod settings_guide;
mod states;
mod tables;

use crate::settings::Settings;
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// How a command ended: its exit code, or words for standard error.
pub type Ended = Result<ExitCode, String>;

/// Carepost gets social care organisations onto secure email and keeps them there.
#[derive(Parser)]
#[command(name = "carepost", version, about)]
pub struct CommandLine {
    /// A TOML file with settings; CAREPOST_… variables win over it
    #[arg(long, global = true, value_name = "FILE")]
    settings: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve pages and do the background work
    Serve(serve::Serve),
    /// Make or update the tables
    Migrate,
    /// Import a register file
    Import(import::Import),
    /// Show what was imported of each register, and which imports wait for two case workers
    Imports,
    /// Find a site in the imported registers
    Find(find::Find),
    /// Add a case worker; asks for the password unless it is given on standard input
    AddCaseWorker(add_case_worker::AddCaseWorker),
    /// Write the configuration of Postfix and Dovecot, or print what the mail domain must publish
    MailConfig(mail_config::MailConfig),
    /// Look at each message before Postfix takes it: run this beside Postfix
    MailGuard,
    /// Compare the directory with the mail servers and have what differs put right
    MailCompare(mail_compare::MailCompare),
    /// Import the list of domains accredited for secure email (DCB1596)
    ImportSecureDomains(import_secure_domains::ImportSecureDomains),
    /// Prove that the audit trail is the one of its checkpoints, and verify every invariant
    Check(check::Check),
    /// Serve a demo on this machine: sample registers, letters on a page
    Demo(demo::Demo),
    /// Print every setting with its value, unit and source
    Settings,
    /// Print the guide to the settings as Markdown
    #[command(hide = true)]
    SettingsGuide,
    /// Print the reading age of every article as Markdown
    #[command(hide = true)]
    ReadingAges,
    /// Print who may do what to whom as Markdown
    #[command(hide = true)]
    Authority,
    /// Print the pictures of the states as Markdown
    #[command(hide = true)]
    States,
}

/// Runs the command that was typed.
pub async fn run(command_line: CommandLine) -> Ended {
    // Documents are made from the code alone: they ask for no settings of this machine.
    let settings = || {
        Settings::read(command_line.settings.as_deref())
            .map_err(|wrong| format!("These settings are wrong:\n  {}", wrong.join("\n  ")))
    };
    match command_line.command {
        Command::Serve(command) => command.run(settings()?).await,
        Command::Migrate => migrate::run(&settings()?).await,
        Command::Import(command) => command.run(&settings()?).await,
        Command::Imports => import::list(&settings()?).await,
        Command::Find(command) => command.run(&settings()?).await,
        Command::AddCaseWorker(command) => command.run(&settings()?).await,
        Command::MailConfig(command) => command.run(&settings()?).await,
        Command::MailGuard => mail_guard::run(&settings()?).await,
        Command::MailCompare(command) => command.run(settings()?).await,
        Command::ImportSecureDomains(command) => command.run(&settings()?).await,
        Command::Check(command) => command.run(&settings()?).await,
        Command::Demo(command) => command.run(settings()?).await,
        Command::Settings => settings::run(&settings()?),
        Command::SettingsGuide => settings_guide::run(),
        Command::ReadingAges => reading_ages::run(),
        Command::Authority => authority::run(),
        Command::States => states::run(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn command_line_has_no_contradictions() {
        CommandLine::command().debug_assert();
    }
}
