//! Finding a site that has joined.

use super::{SITES, layout, named_table, wrapped};
use crate::app::App;
use crate::directory::store::{AfterSite, SITES_PAGE, SiteLine, list_sites, search_sites};
use crate::directory::{Scope, SiteSearch, access};
use crate::sign_in::CaseWorker;
use crate::web::components::{
    Html, Pagination, PaginationLink, SearchInput, Table, TableCell, Tag, TagColour,
};
use crate::web::form::{encoded, query};
use crate::web::parts::tag;
use crate::web::{Answer, Layout, Problems, Visit, show as show_page};
use axum::extract::State as Shared;

/// The site after which the page begins.
const AFTER: &str = "after";
const AFTER_ID: &str = "after-id";
/// Longest text that is searched for, in characters; the longest name of a site has about 150.
const SEARCH_LETTERS_MAX: usize = 200;

#[derive(askama::Template)]
#[template(path = "casework/pages/sites.html")]
pub struct SitesPage {
    pub layout: Layout,
    pub search: SearchInput,
    pub typed: String,
    pub sites: Option<Table>,
    pub pagination: Option<Pagination>,
}

/// GET /casework/sites
pub async fn page(Shared(app): Shared<App>, visit: Visit, by: CaseWorker, uri: axum::http::Uri) -> Answer {
    let fields = query(&uri);
    let after = AfterSite { name: fields.text(AFTER).to_owned(), id: fields.text(AFTER_ID).to_owned() };
    let typed: String = fields.text("q").chars().take(SEARCH_LETTERS_MAX).collect();
    let mut lines = match SiteSearch::read(&typed, &app.settings.mail_domain) {
        Some(search) => search_sites(&Scope::All, &app.database, &search, &after).await?,
        None if typed.is_empty() => list_sites(&Scope::All, &app.database, &after).await?,
        None => Vec::new(),
    };
    let shown = usize::try_from(SITES_PAGE).unwrap_or(usize::MAX);
    let is_more = lines.len() > shown;
    lines.truncate(shown);
    let is_first = after == AfterSite::default();
    let title = match (typed.is_empty(), is_first) {
        (true, true) => "Sites",
        (false, true) => "Sites found",
        (true, false) => "Sites (continued)",
        (false, false) => "Sites found (continued)",
    };
    let template = SitesPage {
        layout: layout(&visit, &by, title, SITES),
        search: SearchInput {
            name: "q".to_owned(),
            label: "Find a site".into(),
            hint: Some("Its name or the beginning of it, ODS code, CQC location ID, postcode, or an address of the site or of somebody who works there".into()),
            value: typed.clone(),
            ..Default::default()
        },
        sites: (!lines.is_empty()).then(|| table(&lines, title)),
        pagination: pagination(&typed, is_first, lines.last().filter(|_| is_more)),
        typed,
    };
    show_page(&template, &Problems::none())
}

/// On to the sites after the last one shown, and back to the first.
fn pagination(typed: &str, is_first: bool, last: Option<&SiteLine>) -> Option<Pagination> {
    let start = format!("{SITES}?q={}", encoded(typed));
    let previous = (!is_first).then(|| PaginationLink {
        href: start.clone(),
        text: "First page".to_owned(),
        label: "Sites from the beginning".into(),
        ..Default::default()
    });
    let next = last.map(|last| PaginationLink {
        href: format!("{start}&{AFTER}={}&{AFTER_ID}={}", encoded(&last.name), encoded(&last.id)),
        label: format!("Sites after {}", last.name).into(),
        ..Default::default()
    });
    (previous.is_some() || next.is_some()).then(|| Pagination {
        aria_label: "Pages of sites".to_owned(),
        previous,
        next,
        ..Default::default()
    })
}

/// How many owners a site has, with a tag where they are too few.
#[derive(askama::Template)]
#[template(source = r#"{{ owners }}{% if is_few %} {{ tag }}{% endif %}"#, ext = "html")]
struct Owners {
    owners: i64,
    is_few: bool,
    tag: Tag,
}
impl askama::filters::HtmlSafe for Owners {}

fn table(lines: &[SiteLine], title: &str) -> Table {
    let rows = lines
        .iter()
        .map(|line| {
            let owners = Owners {
                owners: line.owners,
                is_few: usize::try_from(line.owners).unwrap_or(0) < access::OWNERS_GOOD,
                tag: tag("Too few", TagColour::Yellow),
            };
            vec![
                TableCell {
                    text: line.name.clone(),
                    href: format!("{SITES}/{}", line.id),
                    ..Default::default()
                },
                line.ods_code.clone().into(),
                format!("{}, {}", line.town, line.postcode).into(),
                wrapped(&line.shared_mailbox),
                TableCell { html: Some(Html::of(&owners)), ..Default::default() },
            ]
        })
        .collect();
    named_table(title, ["Site", "ODS code", "Where", "Shared mailbox", "Active owners"], rows)
}
