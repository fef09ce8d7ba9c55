//! `carepost mail-guard`: looks at each message before Postfix takes it.

use super::Ended;
use super::process::{start_logging, stop_signal};
use crate::mail::postfix_dovecot::guard;
use crate::settings::Settings;
use std::process::ExitCode;

pub async fn run(settings: &Settings) -> Ended {
    start_logging(settings);
    guard::serve(settings, stop_signal()).await?;
    Ok(ExitCode::SUCCESS)
}
