//! The pages of case work: signing in, the queue, a case, the sites that have joined and their people,
//! work that needs attention, the mail server. What is shown of a registration is what was sent, what
//! the registers said about it and what has been done with it; who opens it is an entry, too.

pub mod ask;
pub mod attention;
pub mod case;
pub mod decline;
pub mod demo_codes;
pub mod frozen;
pub mod mail;
pub mod queue;
pub mod registers;
pub mod sign_in;
pub mod site;
pub mod site_access;
mod site_loaded;
pub mod site_person;
pub mod sites;
pub mod stop;

use crate::console::{
    Due, Room, VERSION, history, layout, named_table, note_opened, notes, permit, text_problem, version_of,
};
use crate::registration::RegistrationStateKind;
use crate::web::components::{Tag, TagColour};
use crate::web::parts::{Preline, error, fact, html_fact, not_done, tag, wrapped};

/// Where the queue is.
const QUEUE: &str = crate::console::HOME;
/// Where the sites are that have joined.
const SITES: &str = "/casework/sites";
/// Where work that needs attention is.
const ATTENTION: &str = "/casework/attention";
/// Where the registers are, and the imports that wait.
const REGISTERS: &str = "/casework/registers";
/// Where what is frozen is listed.
const FROZEN: &str = "/casework/frozen";
/// The rooms of the console that are case work's.
pub const QUEUE_ROOM: Room = (QUEUE, "Queue");
pub const SITES_ROOM: Room = (SITES, "Sites");
pub const FROZEN_ROOM: Room = (FROZEN, "Frozen");
pub const ATTENTION_ROOM: Room = (ATTENTION, "Work that needs attention");

/// Where a registration is, as case workers say it.
fn state_tag(state: RegistrationStateKind) -> Tag {
    let (words, colour) = match state {
        RegistrationStateKind::Draft => ("Not sent", TagColour::Grey),
        RegistrationStateKind::Submitted | RegistrationStateKind::Checking => {
            ("Being checked", TagColour::Grey)
        }
        RegistrationStateKind::Referred => ("To decide", TagColour::Blue),
        RegistrationStateKind::MoreInformationAsked => ("Waiting for the registrant", TagColour::Yellow),
        RegistrationStateKind::Approved => ("Approved", TagColour::Green),
        RegistrationStateKind::Provisioning => ("Ready to activate", TagColour::Green),
        RegistrationStateKind::Live => ("Live", TagColour::Green),
        RegistrationStateKind::Ineligible => ("Not eligible", TagColour::Grey),
        RegistrationStateKind::Declined => ("Declined", TagColour::Red),
        RegistrationStateKind::Withdrawn => ("Withdrawn", TagColour::Grey),
        RegistrationStateKind::Expired => ("Expired", TagColour::Grey),
        RegistrationStateKind::Stopped => ("Stopped by the site", TagColour::Red),
    };
    tag(words, colour)
}
