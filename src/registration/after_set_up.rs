//! Who looks after accounts once they are set up, on each way of joining, and how to reach them.
//!
//! The article on registering, the confirmation and the status page all show it, and all from the
//! settings, so that none can disagree with another.

use crate::settings::Settings;
use crate::web::components::{Heading, Size, Table, TableCell, TableHeader};

/// One way of joining.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AfterSetUpRow {
    pub joined: &'static str,
    pub who: String,
    pub reach: String,
}

pub fn lines(settings: &Settings) -> [AfterSetUpRow; 2] {
    [
        AfterSetUpRow {
            joined: "Site by site, on this service",
            who: settings.central_team.clone(),
            reach: format!("{} or {}", settings.helpdesk_email, settings.helpdesk_telephone),
        },
        AfterSetUpRow {
            joined: "Self-management",
            who: settings.own_team.clone(),
            reach: settings.own_team_reach.clone(),
        },
    ]
}

/// The same as a table.
pub fn table(settings: &Settings) -> Table {
    let heading = "Who looks after the accounts later";
    let cells = |line: AfterSetUpRow| {
        vec![
            line.joined.into(),
            line.who.as_str().into(),
            TableCell { classes: "app-wrap".to_owned(), ..line.reach.as_str().into() },
        ]
    };
    Table {
        caption: Some(Heading { text: heading.to_owned(), size: Some(Size::M), ..Default::default() }),
        head: ["How you joined", "Who looks after accounts", "How to reach them"]
            .map(TableHeader::from)
            .into(),
        rows: lines(settings).map(cells).into(),
        first_cell_is_header: true,
        responsive: true,
        ..Default::default()
    }
}
