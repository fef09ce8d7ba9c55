//! The way in, and the first page of the support site.

use super::{ArticleLine, NAVIGATION, Part, SUPPORT, Words, breadcrumb, layout, parts, search_field};
use crate::app::App;
use crate::web::components::{Breadcrumb, SearchInput};
use crate::web::{Answer, Layout, Problems, Visit, show};
use axum::Extension;
use axum::extract::State as Shared;

/// The articles that most people want first, by their addresses.
const FIRST: [&str; 6] = [
    "register-a-care-organisation",
    "starter-guide",
    "forgotten-password",
    "joiners-and-leavers",
    "staying-active",
    "getting-help",
];

#[derive(askama::Template)]
#[template(path = "guidance/pages/home.html")]
pub struct HomePage {
    pub layout: Layout,
    pub search: SearchInput,
    pub first: Vec<ArticleLine>,
    pub parts: Vec<Part>,
    pub people_max: u8,
}

/// GET /
pub async fn page(Shared(app): Shared<App>, Extension(library): Words, visit: Visit) -> Answer {
    let template = HomePage {
        layout: visit.layout("Secure email for social care").with_navigation(&NAVIGATION, "/"),
        search: search_field(""),
        first: FIRST.iter().filter_map(|slug| library.find(slug)).map(ArticleLine::of).collect(),
        parts: parts(&library),
        people_max: app.settings.people_max,
    };
    show(&template, &Problems::none())
}

#[derive(askama::Template)]
#[template(path = "guidance/pages/support.html")]
pub struct SupportPage {
    pub layout: Layout,
    pub breadcrumb: Breadcrumb,
    pub search: SearchInput,
    pub parts: Vec<Part>,
}

/// GET /support
pub async fn support(Extension(library): Words, visit: Visit) -> Answer {
    let mut breadcrumb = breadcrumb(&[]);
    breadcrumb.items.retain(|item| item.href != SUPPORT);
    let template = SupportPage {
        layout: layout(&visit, "Help and support"),
        breadcrumb,
        search: search_field(""),
        parts: parts(&library),
    };
    show(&template, &Problems::none())
}
