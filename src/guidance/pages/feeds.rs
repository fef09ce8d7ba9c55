//! What programs read: the feed of changes, the map of the site, and what they may look at.

use super::Words;
use crate::app::App;
use axum::Extension;
use axum::extract::State as Shared;
use axum::http::header;
use axum::response::{IntoResponse, Response};

fn text_of(kind: &'static str, text: String) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// GET /support/feed.xml
pub async fn feed(Extension(library): Words) -> Response {
    text_of("application/atom+xml; charset=utf-8", library.feed.clone())
}

/// GET /sitemap.xml
pub async fn sitemap(Extension(library): Words) -> Response {
    text_of("application/xml; charset=utf-8", library.sitemap.clone())
}

/// GET /robots.txt
pub async fn robots(Shared(app): Shared<App>) -> Response {
    let text = format!(
        "User-agent: *\nDisallow: /casework\nDisallow: /demo\nDisallow: /support/search\nSitemap: {}/sitemap.xml\n",
        app.settings.public_address
    );
    text_of("text/plain; charset=utf-8", text)
}
