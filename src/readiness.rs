//! Whether this node may be sent requests: its tables are those of this program, and every cache that
//! answers pages has been filled.

use crate::app::App;
use crate::cache::Cache;
use crate::database::Error;
use crate::service_status;
use futures_util::future::join_all;
use std::time::Duration;

/// How long to wait before a cache that could not be filled is tried again.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Fills one cache from the database.
async fn fill(app: &App, cache: Cache) -> Result<(), Error> {
    match cache {
        Cache::SiteSearch => app.search.fill().await,
        Cache::Notices => service_status::verify::refresh(app).await,
    }
}

/// Fills every cache, all at once, and ends when each is filled: at the start of the program, without
/// waiting for a first request. What cannot be filled is tried again until the program ends.
pub async fn fill_caches(app: &App) {
    join_all(Cache::ALL.iter().map(|cache| fill_until_filled(app, *cache))).await;
}

async fn fill_until_filled(app: &App, cache: Cache) {
    let mut is_logged = false;
    while let Err(error) = fill(app, cache).await {
        if !is_logged {
            tracing::error!(cache = cache.words(), %error, "a cache could not be filled; until it is, this node is not ready");
            is_logged = true;
        }
        tokio::time::sleep(TRY_AGAIN_AFTER).await;
    }
}

/// Why this node should be sent no requests, or nothing.
pub async fn why_not_ready(app: &App) -> Option<String> {
    match app.database.migrations_current().await {
        Ok(Ok(())) => {}
        Ok(Err(_)) => return Some("the tables are not current".to_owned()),
        Err(_) => return Some("the database does not answer".to_owned()),
    }
    let not_filled: Vec<&str> = app.caches.not_filled().into_iter().map(Cache::words).collect();
    (!not_filled.is_empty()).then(|| format!("not filled yet: {}", not_filled.join(", ")))
}
