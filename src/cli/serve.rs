//! `carepost serve`: pages and background work.

use super::outside::outside;
use super::process::{start_logging, stop_signal};
use super::tables::words;
use super::{Ended, tables};
use crate::app::App;
use crate::audit::{self, checkpoints};
use crate::clock::Clock;
use crate::database::Database;
use crate::guidance::Library;
use crate::settings::{Settings, service_key};
use crate::transparency_log::Keeper;
use crate::{readiness, routes, web, work};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;

#[derive(clap::Args)]
pub struct Serve {
    /// Where to serve, like 127.0.0.1:8080
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Begin a new log of the audit trail, because the one of the last checkpoint is lost; says why
    #[arg(long, value_name = "WHY")]
    new_audit_log: Option<String>,
}

impl Serve {
    pub async fn run(self, settings: Settings) -> Ended {
        start_logging(&settings);
        let (database, _) = tables::open_and_migrate(&settings).await?;
        let key = service_key(&settings)?;
        let clock = Clock::system();
        let keeper = audit_keeper(&database, &settings, &clock, self.new_audit_log.as_deref()).await?;
        let outside = outside(&settings, &database, &key, &clock).await?;
        let listener = listen_on(self.listen.unwrap_or(settings.listen)).await?;
        let app = App::new(database, settings, clock, key, outside).keeping(keeper);
        serve_app(app, listener, &[]).await
    }
}

/// What signs checkpoints of the audit trail, once the database is found to be that of the last one.
///
/// # Errors
/// In words: the audit trail is not the one of its last checkpoint, or key or file cannot be read.
pub async fn audit_keeper(
    database: &Database,
    settings: &Settings,
    clock: &Clock,
    begin_anew: Option<&str>,
) -> Result<Keeper, String> {
    let open = async || {
        let has_checkpoints = audit::store::log::has_checkpoints(database).await.map_err(words)?;
        Keeper::open(settings, has_checkpoints)
    };
    let mut keeper = open().await?;
    if let Some(why) = begin_anew {
        checkpoints::begin_anew(database, settings, &keeper, clock.now(), why).await?;
        keeper = open().await?;
    }
    checkpoints::may_start(database, &keeper).await?;
    Ok(keeper)
}

/// Takes a port.
pub async fn listen_on(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| format!("{address}: {error}"))
}

/// Serves pages, figures and reports and does background work until the process is told to end. Prints
/// where it serves, and then what the caller has to say.
pub async fn serve_app(app: App, listener: TcpListener, say: &[String]) -> Ended {
    let library = Library::open(&app.settings)
        .map(Arc::new)
        .map_err(|wrong| format!("These files of the support site are wrong:\n  {}", wrong.join("\n  ")))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    if let Some(metrics) = app.settings.metrics_listen {
        let listener = listen_on(metrics).await?;
        let router = routes::metrics_router(&app);
        tokio::spawn(web::serve::serve(listener, router, std::future::pending()));
    }
    if let (Some(reports), "postfix-dovecot") =
        (app.settings.mail_reports_listen, app.settings.mail_engine.as_str())
    {
        let listener = listen_on(reports).await?;
        let router = routes::reports_router(&app);
        tokio::spawn(web::serve::serve(listener, router, std::future::pending()));
    }
    let starting = app.clone();
    tokio::spawn(async move { readiness::fill_caches(&starting).await });
    let working = tokio::spawn(work::work_until_stopped(app.clone(), stop_signal()));
    println!("Carepost serves http://{address}");
    for line in say {
        println!("{line}");
    }
    let router = routes::router(&app, library);
    web::serve::serve(listener, router, stop_signal()).await.map_err(|error| error.to_string())?;
    // What is under way ends, or is given back for another node to take.
    let _ = working.await;
    Ok(ExitCode::SUCCESS)
}
