//! The pages of the central team: signing in, the queue, a case, an enquiry, the sites that have
//! joined and their people, work that needs attention, the mail server. What is shown of a
//! registration is what was sent, what the registers said about it and what has been done with it; who
//! opens it is an entry, too.

pub mod ask;
pub mod attention;
pub mod case;
pub mod decline;
pub mod demo_codes;
pub mod enquiry;
pub mod history;
pub mod mail;
pub mod queue;
pub mod sign_in;
pub mod site;
pub mod site_access;
mod site_loaded;
pub mod site_person;
pub mod sites;

use crate::app::App;
use crate::audit::{self, Actor, Entry};
use crate::clock::{Span, Timestamp};
use crate::database::{Error, transaction};
use crate::registration::{Registration, RegistrationState};
use crate::sign_in::CaseWorker;
use crate::web::components::{Heading, Table, TableCell, TableHeader, Tag, TagColour};
use crate::web::parts::{Preline, error, fact, html_fact, not_done, success, tag, wrapped};
use crate::web::{Interrupt, Layout, Visit};

/// Where the queue is.
const QUEUE: &str = "/casework";
/// Where the sites are that have joined.
const SITES: &str = "/casework/sites";
/// Where work that needs attention is.
const ATTENTION: &str = "/casework/attention";
/// Where the review dates of the support site's articles are.
pub const ARTICLES: &str = "/casework/articles";
/// Where the central team sets what everybody reads of the service.
pub const STATUS: &str = "/casework/status";
/// The parts of case work.
const NAVIGATION: [(&str, &str); 5] = [
    (QUEUE, "Queue"),
    (SITES, "Sites"),
    (ATTENTION, "Work that needs attention"),
    (ARTICLES, "Articles"),
    (STATUS, "Service status"),
];

/// Longest note, question or answer, in characters: as long as what a registrant may answer.
const TEXT_LETTERS_MAX: usize = 4_000;

/// Looking at a case again within this time is the same look.
const LOOKED_FOR: Span = Span::hours(1);
/// What the entry of a look says.
const OPENED: &str = "case opened";
/// What the entry of a note says; its words are beside the case.
const NOTED: &str = "note added";

/// What stands round every page of a case worker.
pub fn layout(visit: &Visit, by: &CaseWorker, title: &str, part: &str) -> Layout {
    visit.layout(title).for_person(&by.name, "/casework/sign-out", QUEUE).with_navigation(&NAVIGATION, part)
}

/// Notes that a case worker looks at a case, once an hour; before anything of it is shown.
async fn note_opened(app: &App, by: &CaseWorker, case: &str) -> Result<(), Interrupt> {
    let now = app.clock.now();
    let since = now.minus(LOOKED_FOR);
    let actor = Actor::CaseWorker(by.id.clone());
    // A read costs next to nothing and is the usual case; only the first look waits for the writer.
    if audit::store::happened_since(&app.database, case, &actor, OPENED, since).await? {
        return Ok(());
    }
    let case = case.to_owned();
    app.database
        .write::<_, Error, _>(transaction!(async move |tx| {
            if !audit::store::happened_since(tx, &case, &actor, OPENED, since).await? {
                audit::store::add(tx, now, &Entry::new(actor, OPENED, &case)).await?;
            }
            Ok(())
        }))
        .await?;
    Ok(())
}

/// Why a text cannot be taken, or nothing where it can.
fn text_problem(text: &str, missing: &str, called: &str) -> Option<String> {
    if text.is_empty() {
        Some(missing.to_owned())
    } else if text.chars().count() > TEXT_LETTERS_MAX {
        Some(format!("{called} must be {TEXT_LETTERS_MAX} characters or fewer"))
    } else {
        None
    }
}

/// A table in which the first cell names the row. Its own name is for those who do not see it under its
/// heading.
fn named_table<const COLUMNS: usize>(name: &str, head: [&str; COLUMNS], rows: Vec<Vec<TableCell>>) -> Table {
    Table {
        caption: Some(Heading {
            text: name.to_owned(),
            classes: "nhsuk-u-visually-hidden".to_owned(),
            ..Default::default()
        }),
        head: head.into_iter().map(TableHeader::from).collect(),
        rows,
        first_cell_is_header: true,
        responsive: true,
        compact: true,
        ..Default::default()
    }
}

/// Where a registration is, as case workers say it.
fn state_tag(state: &str) -> Tag {
    let (words, colour) = match state {
        "Submitted" | "Checking" => ("Being checked", TagColour::Grey),
        "Referred" => ("To decide", TagColour::Blue),
        "MoreInformationAsked" => ("Waiting for the registrant", TagColour::Yellow),
        "Approved" => ("Approved", TagColour::Green),
        "Provisioning" => ("Ready to activate", TagColour::Green),
        "Live" => ("Live", TagColour::Green),
        "Declined" => ("Declined", TagColour::Red),
        "Withdrawn" => ("Withdrawn", TagColour::Grey),
        "Stopped" => ("Stopped by the site", TagColour::Red),
        "Open" => ("To answer", TagColour::Blue),
        "Closed" => ("Closed", TagColour::Grey),
        other => (other, TagColour::Grey),
    };
    tag(words, colour)
}

/// A moment by which something is due, with a tag when it has passed.
#[derive(askama::Template)]
#[template(source = r#"{{ at }}{% if late %} {{ tag }}{% endif %}"#, ext = "html")]
struct Due {
    at: String,
    late: bool,
    tag: Tag,
}
impl askama::filters::HtmlSafe for Due {}

impl Due {
    fn new(due_at: Timestamp, now: Timestamp, is_open: bool) -> Self {
        Due { at: due_at.in_words(), late: is_open && due_at < now, tag: tag("Late", TagColour::Red) }
    }
}

/// Whether a registration was sent, so that it is a case; drafts are nobody else’s business.
fn is_case(case: &Registration) -> bool {
    match case.state {
        RegistrationState::Draft | RegistrationState::Ineligible { .. } | RegistrationState::Expired => false,
        RegistrationState::Submitted
        | RegistrationState::Checking
        | RegistrationState::Referred
        | RegistrationState::MoreInformationAsked { .. }
        | RegistrationState::Approved
        | RegistrationState::Provisioning
        | RegistrationState::Live
        | RegistrationState::Declined { .. }
        | RegistrationState::Withdrawn
        | RegistrationState::Stopped => case.submitted_at.is_some(),
    }
}
