//! The articles of one section.

use super::{ArticleLine, Words, breadcrumb, layout};
use crate::web::components::Breadcrumb;
use crate::web::{Answer, Interrupt, Layout, Problems, Visit, show};
use axum::Extension;
use axum::extract::Path;

/// Where a section is.
pub fn path(slug: &str) -> String {
    format!("/support/sections/{slug}")
}

#[derive(askama::Template)]
#[template(path = "guidance/pages/section.html")]
pub struct SectionPage {
    pub layout: Layout,
    pub breadcrumb: Breadcrumb,
    pub summary: String,
    pub articles: Vec<ArticleLine>,
}

/// GET /support/sections/{section}
pub async fn page(Extension(library): Words, visit: Visit, Path(slug): Path<String>) -> Answer {
    let section = library.section(&slug).ok_or_else(Interrupt::not_found)?;
    let template = SectionPage {
        layout: layout(&visit, &section.title),
        breadcrumb: breadcrumb(&[]),
        summary: section.summary.clone(),
        articles: library.of_section(&slug).map(ArticleLine::of).collect(),
    };
    show(&template, &Problems::none())
}
