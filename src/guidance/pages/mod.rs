//! The pages of the support site. They are open to everybody and show everybody the same.

pub mod article;
pub mod contact;
pub mod feeds;
pub mod home;
pub mod reviews;
pub mod search;
pub mod section;
pub mod which_route;

use super::Library;
use super::article::Article;
use crate::web::components::{Breadcrumb, BreadcrumbItem, Label, SearchInput, Size};
use crate::web::{Layout, Visit};
use axum::Extension;
use std::sync::Arc;

/// What every handler here asks for: the words, rendered at start.
pub type Words = Extension<Arc<Library>>;

const SUPPORT: &str = "/support";
/// The parts of the service that are open to everybody.
const NAVIGATION: [(&str, &str); 4] = [
    ("/register", "Register"),
    ("/registration", "See your registration"),
    ("/sign-in", "Sign in"),
    (SUPPORT, "Help and support"),
];

/// What stands round every page of the support site.
pub fn layout(visit: &Visit, title: &str) -> Layout {
    visit.layout(title).with_navigation(&NAVIGATION, SUPPORT)
}

/// Where a page stands: the home page, the support site, and what is above it.
pub fn breadcrumb(above: &[(&str, &str)]) -> Breadcrumb {
    let first = [("/", "Home"), (SUPPORT, "Help and support")];
    let item = |&(href, text): &(&str, &str)| BreadcrumbItem {
        href: href.to_owned(),
        text: text.to_owned(),
        ..Default::default()
    };
    Breadcrumb { items: first.iter().chain(above).map(item).collect(), ..Default::default() }
}

/// The field to search with.
fn search_field(typed: &str) -> SearchInput {
    SearchInput {
        id: "q".to_owned(),
        name: "q".to_owned(),
        value: typed.to_owned(),
        label: Label {
            text: "Search help and support".to_owned(),
            size: Some(Size::S),
            ..Default::default()
        },
        ..Default::default()
    }
}

/// An article as a list shows it.
pub struct ArticleLine {
    pub href: String,
    pub title: String,
    pub summary: String,
}

impl ArticleLine {
    fn of(article: &Article) -> Self {
        ArticleLine {
            href: super::path(&article.slug),
            title: article.title.clone(),
            summary: article.summary.clone(),
        }
    }
}

/// A section with its articles.
pub struct Part {
    pub href: String,
    pub title: String,
    pub summary: String,
    pub articles: Vec<ArticleLine>,
}

fn parts(library: &Library) -> Vec<Part> {
    library
        .sections
        .iter()
        .map(|section| Part {
            href: section::path(&section.slug),
            title: section.title.clone(),
            summary: section.summary.clone(),
            articles: library.of_section(&section.slug).map(ArticleLine::of).collect(),
        })
        .collect()
}
