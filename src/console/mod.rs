//! The console of the central team: what stands round each of its pages, whatever it is about. The
//! rooms of the console (case work, the service desk, the service status, articles) show their pages
//! in it; it knows none of them. Each declares its entry of the navigation as a [`Room`], and
//! `routes.rs` has the list.

pub mod history;
mod looks;
pub mod notes;
pub mod store;

use crate::clock::Timestamp;
use crate::sign_in::CaseWorker;
use crate::sign_in::authority::{self, IsDeed, NotAllowed, Permit, Subject, Who};
use crate::web::components::{Heading, Table, TableCell, TableHeader, Tag, TagColour};
use crate::web::parts::tag;
use crate::web::{Interrupt, Layout, Visit};

pub use looks::{LOOKED_FOR, OPENED, note_look, note_opened};

/// Where the console begins.
pub const HOME: &str = "/casework";
const SIGN_OUT: &str = "/casework/sign-out";

/// A room of the console as its navigation shows it: address and words.
pub type Room = (&'static str, &'static str);

/// The field in which a form says which version of something a person saw.
pub const VERSION: &str = "version";

/// Longest note, question or answer, in characters: as long as what a registrant may answer.
const TEXT_LETTERS_MAX: usize = 4_000;

/// What stands round every page of a case worker; `room` is the address of the room it is in.
pub fn layout(visit: &Visit, by: &CaseWorker, title: &str, room: &str) -> Layout {
    visit.layout(title).for_person(&by.name, SIGN_OUT, HOME).with_navigation(visit.service().rooms, room)
}

/// A permit for a case worker to do a deed to something.
///
/// # Errors
/// Not found where it is none of theirs, a refusal in words where the policy says no.
pub fn permit<D: IsDeed>(by: &CaseWorker, subject: Subject) -> Result<Permit<D>, Interrupt> {
    let who = Who::CaseWorker { id: by.id.clone() };
    authority::permit(&who, subject).map_err(|why| match why {
        NotAllowed::NotTheirs => Interrupt::not_found(),
        NotAllowed::NotForRole | NotAllowed::LookedAfterBy(_) | NotAllowed::SiteNotOpen => {
            Interrupt::forbidden(why.words())
        }
    })
}

/// Why a text cannot be taken, or nothing where it can.
pub fn text_problem(text: &str, missing: &str, called: &str) -> Option<String> {
    if text.is_empty() {
        Some(missing.to_owned())
    } else if text.chars().count() > TEXT_LETTERS_MAX {
        Some(format!("{called} must be {TEXT_LETTERS_MAX} characters or fewer"))
    } else {
        None
    }
}

/// The version in a form; one that is no number is nobody's.
pub fn version_of(text: &str) -> i64 {
    text.parse().unwrap_or(-1)
}

/// A table in which the first cell names the row. Its own name is for those who do not see it under its
/// heading.
pub fn named_table<const COLUMNS: usize>(
    name: &str,
    head: [&str; COLUMNS],
    rows: Vec<Vec<TableCell>>,
) -> Table {
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

/// A moment by which something is due, with a tag when it has passed.
#[derive(askama::Template)]
#[template(source = r#"{{ at }}{% if late %} {{ tag }}{% endif %}"#, ext = "html")]
pub struct Due {
    at: String,
    late: bool,
    tag: Tag,
}
impl askama::filters::HtmlSafe for Due {}

impl Due {
    pub fn new(due_at: Timestamp, now: Timestamp, is_open: bool) -> Self {
        Due { at: due_at.in_words(), late: is_open && due_at < now, tag: tag("Late", TagColour::Red) }
    }
}
