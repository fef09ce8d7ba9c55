//! What a command that goes on running shares: its log, and the signals that end it.

use crate::settings::Settings;

/// Writes the log to standard error as the settings say. Once a process.
pub fn start_logging(settings: &Settings) {
    let filter = tracing_subscriber::EnvFilter::try_new(format!("warn,carepost={}", settings.log_level))
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let logging = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if settings.log_format == "json" {
        logging.json().init();
    } else {
        logging.with_target(false).init();
    }
}

/// Waits for SIGINT or SIGTERM.
pub async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupted = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminated) => {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
        }
        Err(_) => {
            let _ = interrupted.await;
        }
    }
}
