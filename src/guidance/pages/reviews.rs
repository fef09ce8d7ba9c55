//! For the central team: which articles are due for review, and what people say of them.

use super::Words;
use crate::app::App;
use crate::clock::{Day, Span};
use crate::console::{Room, layout};
use crate::guidance::{self, store};
use crate::sign_in::CaseWorker;
use crate::web::components::{
    Heading, Html, Size, Table, TableCell, TableFormat, TableHeader, Tag, TagColour,
};
use crate::web::parts::tag;
use crate::web::{Answer, Layout, Problems, Visit, show};
use axum::Extension;
use axum::extract::State as Shared;

/// Where the review dates of the support site's articles are.
const ARTICLES: &str = "/casework/articles";
/// The room of the console.
pub const ROOM: Room = (ARTICLES, "Articles");

/// How far back votes are counted.
const VOTES_DAYS: i64 = 90;
/// A review this near is shown as coming.
const SOON: Span = Span::days(60);

/// The title of an article, leading to it.
#[derive(askama::Template)]
#[template(source = r#"<a href="{{ href }}">{{ title }}</a>"#, ext = "html")]
struct Title<'a> {
    href: String,
    title: &'a str,
}
impl askama::filters::HtmlSafe for Title<'_> {}

/// By when it is to be reviewed, with a tag where that is near or past.
#[derive(askama::Template)]
#[template(source = r#"{{ due }}{% if let Some(tag) = tag %} {{ tag }}{% endif %}"#, ext = "html")]
struct ReviewBy {
    due: Day,
    tag: Option<Tag>,
}
impl askama::filters::HtmlSafe for ReviewBy {}

#[derive(askama::Template)]
#[template(path = "guidance/pages/reviews.html")]
pub struct ReviewsPage {
    pub layout: Layout,
    pub overdue: usize,
    pub articles: Table,
}

/// GET /casework/articles
pub async fn page(
    Shared(app): Shared<App>,
    Extension(library): Words,
    visit: Visit,
    by: CaseWorker,
) -> Answer {
    let now = app.clock.now();
    let votes = store::votes(&app.database, now.minus(Span::days(VOTES_DAYS))).await?;
    let (today, soon) = (now.day(), now.plus(SOON).day());
    let mut by_due: Vec<_> =
        library.articles.iter().map(|article| (library.review_due(article), article)).collect();
    by_due.sort_by_key(|(due, _)| *due);
    let rows = by_due
        .iter()
        .map(|(due, article)| {
            let said = votes.iter().find(|votes| votes.article == article.slug);
            let tag = if *due < today {
                Some(tag("Overdue", TagColour::Red))
            } else if *due <= soon {
                Some(tag("Soon", TagColour::Yellow))
            } else {
                None
            };
            let title = Title { href: guidance::path(&article.slug), title: &article.title };
            let number = |count: i64| TableCell {
                text: count.to_string(),
                format: Some(TableFormat::Numeric),
                ..Default::default()
            };
            vec![
                TableCell { html: Some(Html::of(&title)), ..Default::default() },
                TableCell { html: Some(Html::of(&ReviewBy { due: *due, tag })), ..Default::default() },
                number(said.map_or(0, |votes| votes.helped)),
                number(said.map_or(0, |votes| votes.did_not)),
            ]
        })
        .collect();
    let header = |text: &str, format: Option<TableFormat>| TableHeader {
        text: text.to_owned(),
        format,
        ..Default::default()
    };
    let articles = Table {
        caption: Some(Heading {
            text: format!("By review date, with what readers said in the last {VOTES_DAYS} days"),
            size: Some(Size::M),
            ..Default::default()
        }),
        head: vec![
            header("Article", None),
            header("Review by", None),
            header("It helped", Some(TableFormat::Numeric)),
            header("It did not", Some(TableFormat::Numeric)),
        ],
        rows,
        first_cell_is_header: true,
        responsive: true,
        ..Default::default()
    };
    let template = ReviewsPage {
        layout: layout(&visit, &by, "Articles of the support site", ARTICLES),
        overdue: by_due.iter().filter(|(due, _)| *due < today).count(),
        articles,
    };
    show(&template, &Problems::none())
}
