//! The service status as everybody reads it.

use crate::app::App;
use crate::clock::Timestamp;
use crate::database::Error;
use crate::database::page::{Page, Seek};
use crate::guidance::pages::{breadcrumb, layout};
use crate::language::{Language, words};
use crate::service_status::{
    Announcement, Board, Component, HISTORY, Health, PATH, Phase, Said, Standing, store,
};
use crate::web::components::{
    Breadcrumb, Heading, Html, Pagination, Size, Table, TableCell, TableHeader, Tag, TagColour,
};
use crate::web::form::query;
use crate::web::page::show_with;
use crate::web::paging;
use crate::web::parts::tag;
use crate::web::{Answer, Interrupt, Layout, Problems, Visit, show};
use axum::extract::State as Shared;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

/// An announcement as the page shows it.
pub struct Told {
    pub kind: &'static str,
    pub title: String,
    pub words: String,
    pub when: String,
    /// What it is about; empty where it is about everything.
    pub about: &'static str,
}

impl Told {
    pub fn of(announcement: &Announcement) -> Self {
        let told = &announcement.told;
        Told {
            kind: told.kind.in_words(),
            title: told.title.clone(),
            words: told.words.clone(),
            when: announcement.when(),
            about: told.component.map_or("", Component::in_words),
        }
    }
}

/// A line of the history.
pub struct Was {
    pub at: String,
    pub words: String,
}

impl Was {
    fn of(said: &Said) -> Self {
        let (component, health) = (said.component.in_words(), said.health.in_words().to_lowercase());
        let more = if said.words.is_empty() { String::new() } else { format!(". {}", said.words) };
        Was { at: said.since.in_words(), words: format!("{component}: {health}{more}") }
    }
}

words! {
    /// Words of the page of the service status.
    StatusWords {
        title { English => "Service status" }
        what_it_tells { English => "What works, what does not, and what is planned." }
        all_working { English => "All services are working." }
        some_problems { English => "There are some problems." }
        some_not_working { English => "Some parts of the service are not working." }
        parts { English => "Parts of the service" }
        part { English => "Part" }
        state { English => "Status" }
        now { English => "Now" }
        coming { English => "Planned work" }
        nothing_coming { English => "No work is planned." }
        nothing_reported { English => "No problems were reported." }
        pages { English => "Pages of earlier changes" }
        newer { English => "Newer changes" }
        older { English => "Older changes" }
        get_updates { English => "Get updates" }
        follow { English => "Follow the status with a feed reader" }
        not_listed { English => "Is something not working that is not listed here?" }
        contact { English => "Contact support" }
    }
}

impl StatusWords {
    pub fn last_days(self, days: i64) -> String {
        match self.0 {
            Language::English => format!("The last {days} days"),
        }
    }
}

#[derive(askama::Template)]
#[template(path = "service_status/pages/status.html")]
pub struct StatusPage {
    pub layout: Layout,
    pub words: StatusWords,
    pub breadcrumb: Breadcrumb,
    pub overall: &'static str,
    pub now: Vec<Told>,
    pub components: Table,
    pub coming: Vec<Told>,
    pub over: Vec<Told>,
    pub changes: Vec<Was>,
    pub pagination: Option<Pagination>,
    pub days: i64,
}

/// A state with its colour; the words say as much as the colour.
pub fn health_tag(health: Health) -> Tag {
    let colour = match health {
        Health::Working => TagColour::Green,
        Health::Problems => TagColour::Orange,
        Health::NotWorking => TagColour::Red,
    };
    tag(health.in_words(), colour)
}

/// The state of a component with what is said of it.
#[derive(askama::Template)]
#[template(
    source = r#"{{ tag }}{% for words in words %}<br><span class="app-wrap">{{ words }}</span>{% endfor %}{% if !since.is_empty() %}<br>Since {{ since }}{% endif %}"#,
    ext = "html"
)]
struct StatusState<'a> {
    tag: Tag,
    words: Vec<&'a str>,
    since: String,
}
impl askama::filters::HtmlSafe for StatusState<'_> {}

/// The cell that tells how a component is.
pub fn state_of(standing: &Standing) -> Html {
    Html::of(&StatusState {
        tag: health_tag(standing.health()),
        words: standing.words(),
        since: standing.since().map_or_else(String::new, |at| at.in_words()),
    })
}

/// Shown where nothing can be read: then above all people want to know how the service is.
#[derive(askama::Template)]
#[template(path = "service_status/pages/unknown.html")]
pub struct UnknownPage {
    pub layout: Layout,
    pub breadcrumb: Breadcrumb,
    pub helpdesk_hours: String,
}

/// What is known of the service, and a page of what was said of it before.
async fn read(app: &App, seek: &Seek<Timestamp>) -> Result<(Board, Page<(String, Said), Timestamp>), Error> {
    let now = app.clock.now();
    Ok((store::board(&app.database, now).await?, store::changes(&app.database, now, seek).await?))
}

/// GET /service-status
pub async fn page(Shared(app): Shared<App>, visit: Visit, uri: Uri) -> Answer {
    let now = app.clock.now();
    let words = StatusWords::in_language(visit.language());
    let (board, changes) = match read(&app, &paging::seek(&query(&uri))).await {
        Ok(read) => read,
        Err(error) => {
            tracing::warn!(%error, "the service status could not be read");
            let template = UnknownPage {
                layout: layout(&visit, "Service status"),
                breadcrumb: breadcrumb(&[]),
                helpdesk_hours: app.settings.helpdesk_hours.clone(),
            };
            return show_with(StatusCode::SERVICE_UNAVAILABLE, &template);
        }
    };
    let rows = board
        .standings
        .iter()
        .map(|standing| {
            vec![
                TableCell::from(standing.component.in_words()),
                TableCell { html: Some(state_of(standing)), ..Default::default() },
            ]
        })
        .collect();
    let components = Table {
        caption: Some(Heading { text: words.parts().to_owned(), size: Some(Size::M), ..Default::default() }),
        head: [words.part(), words.state()].map(TableHeader::from).into(),
        rows,
        first_cell_is_header: true,
        responsive: true,
        ..Default::default()
    };
    let in_phase = |phase| board.in_phase(phase, now).map(Told::of).collect::<Vec<_>>();
    let mut coming = in_phase(Phase::Coming);
    coming.reverse();
    let template = StatusPage {
        layout: layout(&visit, words.title()),
        words,
        breadcrumb: breadcrumb(&[]),
        overall: match board.health() {
            Health::Working => words.all_working(),
            Health::Problems => words.some_problems(),
            Health::NotWorking => words.some_not_working(),
        },
        now: in_phase(Phase::Now),
        components,
        coming,
        over: in_phase(Phase::Over),
        pagination: paging::links(PATH, &changes, words.pages(), [words.newer(), words.older()]),
        changes: changes.rows.iter().map(|(_, said)| Was::of(said)).collect(),
        days: HISTORY.as_seconds() / 86_400,
    };
    show(&template, &Problems::none())
}

/// GET /service-status/feed.xml
pub async fn feed(Shared(app): Shared<App>) -> Result<Response, Interrupt> {
    let (board, changes) = read(&app, &Seek::First).await?;
    let text = board.feed(&changes.rows, &app.settings, app.clock.now());
    Ok(([(header::CONTENT_TYPE, "application/atom+xml; charset=utf-8")], text).into_response())
}
