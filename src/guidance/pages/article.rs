//! One article, and whether it helped.

use super::{ArticleLine, Words, breadcrumb, layout};
use crate::app::App;
use crate::guidance::article::Article;
use crate::guidance::{self, Library, moves};
use crate::web::components::{Breadcrumb, Button, ContentsList, ContentsListItem};
use crate::web::form::query;
use crate::web::{Answer, Fields, Form, Interrupt, Layout, Problems, Visit, go_to, show};
use axum::Extension;
use axum::extract::{Path, State as Shared};
use axum::http::Uri;

const HELPED: &str = "helped";
/// Fewer headings than this need no contents.
const CONTENTS_MIN: usize = 3;

#[derive(askama::Template)]
#[template(path = "guidance/pages/article.html")]
pub struct ArticlePage<'a> {
    pub layout: Layout,
    pub breadcrumb: Breadcrumb,
    pub article: &'a Article,
    pub contents: Option<ContentsList>,
    pub audience: String,
    pub reviewed_on: String,
    pub updated_on: String,
    pub related: Vec<ArticleLine>,
    pub form: Form,
    pub yes: Button,
    pub no: Button,
    /// What was voted just now, where something was.
    pub voted: String,
    pub helpdesk_hours: &'a str,
}

fn find<'a>(library: &'a Library, slug: &str) -> Result<&'a Article, Interrupt> {
    library
        .find(slug)
        .ok_or_else(|| Interrupt::not_found().then("/support".to_owned(), "Look through help and support"))
}

/// The headings of an article as the contents of its page.
fn contents(article: &Article) -> Option<ContentsList> {
    let items: Vec<ContentsListItem> = article
        .headings
        .iter()
        .filter(|heading| heading.level == 2)
        .map(|heading| ContentsListItem {
            href: format!("#{}", heading.id),
            text: heading.text.clone(),
            ..Default::default()
        })
        .collect();
    (items.len() >= CONTENTS_MIN).then(|| ContentsList {
        aria_label: "On this page".to_owned(),
        visually_hidden_text: "On this page".to_owned(),
        classes: "app-no-print".to_owned(),
        items,
        ..Default::default()
    })
}

/// GET /support/{article}
pub async fn page(
    Shared(app): Shared<App>,
    Extension(library): Words,
    visit: Visit,
    Path(slug): Path<String>,
    uri: Uri,
) -> Answer {
    let article = find(&library, &slug)?;
    let section = library.section(&article.section).ok_or_else(Interrupt::not_found)?;
    let form = visit.empty_form();
    let template = ArticlePage {
        layout: layout(&visit, &article.title),
        breadcrumb: breadcrumb(&[(&super::section::path(&section.slug), &section.title)]),
        article,
        contents: contents(article),
        audience: article.audience.join(", "),
        reviewed_on: article.reviewed_on.to_string(),
        updated_on: article.updated_on.to_string(),
        related: article.related.iter().filter_map(|slug| library.find(slug)).map(ArticleLine::of).collect(),
        yes: form.second_button("Yes").sending(HELPED, "yes"),
        no: form.second_button("No").sending(HELPED, "no"),
        form,
        voted: query(&uri).text("voted").to_owned(),
        helpdesk_hours: &app.settings.helpdesk_hours,
    };
    show(&template, &Problems::none())
}

/// POST /support/{article}/helpful
pub async fn vote(
    Shared(app): Shared<App>,
    Extension(library): Words,
    visit: Visit,
    Path(slug): Path<String>,
    fields: Fields,
) -> Answer {
    let article = find(&library, &slug)?;
    let path = guidance::path(&article.slug);
    let typed = fields.text(HELPED).to_owned();
    if !["yes", "no"].contains(&typed.as_str()) {
        return go_to(path);
    }
    moves::vote(&app, visit.network(), &article.slug, typed == "yes").await?;
    go_to(format!("{path}?voted={typed}#was-this-page-helpful"))
}
