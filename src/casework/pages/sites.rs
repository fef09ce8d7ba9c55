//! Finding a site that has joined.

use super::{SITES, layout, named_table, wrapped};
use crate::app::App;
use crate::directory::store::{SITES_PAGE, SiteLine, list_sites, search_sites};
use crate::directory::{SiteSearch, access};
use crate::sign_in::CaseWorker;
use crate::web::components::{
    Html, Pagination, PaginationLink, SearchInput, Table, TableCell, Tag, TagColour,
};
use crate::web::form::{encoded, query};
use crate::web::parts::tag;
use crate::web::{Answer, Layout, Problems, Visit, show as show_page};
use axum::extract::State as Shared;

/// The last page that is shown: nobody looks for a site on page 400 of a list.
const PAGES_MAX: i64 = 400;
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
    let number = fields.text("page").parse::<i64>().map_or(1, |number| number.clamp(1, PAGES_MAX));
    let typed: String = fields.text("q").chars().take(SEARCH_LETTERS_MAX).collect();
    let mut lines = match SiteSearch::read(&typed, &app.settings.mail_domain) {
        Some(search) => search_sites(&app.database, &search, number - 1).await?,
        None if typed.is_empty() => list_sites(&app.database, number - 1).await?,
        None => Vec::new(),
    };
    let shown = usize::try_from(SITES_PAGE).unwrap_or(usize::MAX);
    let is_more = lines.len() > shown;
    lines.truncate(shown);
    let title = match (typed.is_empty(), number) {
        (true, 1) => "Sites".to_owned(),
        (false, 1) => "Sites found".to_owned(),
        (true, number) => format!("Sites (page {number})"),
        (false, number) => format!("Sites found (page {number})"),
    };
    let template = SitesPage {
        layout: layout(&visit, &by, &title, SITES),
        search: SearchInput {
            name: "q".to_owned(),
            label: "Find a site".into(),
            hint: Some("Its name or the beginning of it, ODS code, CQC location ID, postcode, or an address of the site or of somebody who works there".into()),
            value: typed.clone(),
            ..Default::default()
        },
        sites: (!lines.is_empty()).then(|| table(&lines, &title)),
        pagination: pagination(&typed, number, is_more),
        typed,
    };
    show_page(&template, &Problems::none())
}

fn pagination(typed: &str, number: i64, is_more: bool) -> Option<Pagination> {
    let link = |page: i64| PaginationLink {
        href: format!("{SITES}?q={}&page={page}", encoded(typed)),
        label: format!("Page {page}").into(),
        ..Default::default()
    };
    let previous = (number > 1).then(|| link(number - 1));
    let next = (is_more && number < PAGES_MAX).then(|| link(number + 1));
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
