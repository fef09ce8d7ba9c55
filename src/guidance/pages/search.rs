//! Searching the support site.

use super::{ArticleLine, Words, breadcrumb, layout, search_field};
use crate::web::components::{Breadcrumb, SearchInput};
use crate::web::form::query;
use crate::web::{Answer, Layout, Problems, Visit, show};
use axum::Extension;
use axum::http::Uri;

#[derive(askama::Template)]
#[template(path = "guidance/pages/search.html")]
pub struct SearchPage {
    pub layout: Layout,
    pub breadcrumb: Breadcrumb,
    pub search: SearchInput,
    pub typed: String,
    pub articles: Vec<ArticleLine>,
}

/// GET /support/search?q=…
pub async fn page(Extension(library): Words, visit: Visit, uri: Uri) -> Answer {
    let typed = query(&uri).text("q").chars().take(200).collect::<String>();
    let found = library.index.find(&typed);
    let title =
        if typed.is_empty() { "Search".to_owned() } else { format!("Search results for “{typed}”") };
    let template = SearchPage {
        layout: layout(&visit, &title),
        breadcrumb: breadcrumb(&[]),
        search: search_field(&typed),
        articles: found
            .into_iter()
            .filter_map(|place| library.articles.get(place))
            .map(ArticleLine::of)
            .collect(),
        typed,
    };
    show(&template, &Problems::none())
}
