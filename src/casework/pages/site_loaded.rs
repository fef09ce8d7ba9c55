//! A site that has joined, as its pages load it, and who has looked at it.

use super::SITES;
use crate::app::App;
use crate::console::note_look;
use crate::directory::store::PersonOfSite;
use crate::directory::{self, SharedMailbox, Site, access};
use crate::sign_in::CaseWorker;
use crate::web::Interrupt;
use crate::web::components::{Heading, WarningCallout};

/// What the entry of a look says.
pub(super) const LOOKED: &str = "site looked at";

/// A site with everything its pages show.
pub(super) struct Loaded {
    pub site: Site,
    pub mailbox: SharedMailbox,
    pub people: Vec<PersonOfSite>,
}

impl Loaded {
    /// "Rose Court (VM195)"
    pub(super) fn called(&self) -> String {
        format!("{} ({})", self.site.name, self.site.ods_code)
    }

    pub(super) fn path(&self) -> String {
        format!("{SITES}/{}", self.site.id)
    }
}

/// Loads a site, and notes once an hour who looks at it, before anything of it is shown.
pub(super) async fn load(app: &App, by: &CaseWorker, id: &str) -> Result<Loaded, Interrupt> {
    let site = directory::store::find_site(&app.database, id).await?.ok_or_else(Interrupt::not_found)?;
    let mailbox = directory::store::find_shared_mailbox_of_site(&app.database, id).await?;
    let mailbox = mailbox.ok_or_else(Interrupt::not_found)?;
    let people = directory::store::list_people(&crate::directory::Scope::All, &app.database, id).await?;
    note_look(app, by, &site.id, LOOKED).await?;
    Ok(Loaded { site, mailbox, people })
}

/// What to say where a site has fewer owners than is good.
pub(super) fn few_owners(people: &[PersonOfSite]) -> Option<WarningCallout> {
    let text = match access::active_owners(people) {
        0 => "No owner of this site has an active account. Nobody can speak for it.",
        1 => {
            "Only one owner of this site has an active account. Ask them to name a second one, so that the site can act when they are away."
        }
        _ => return None,
    };
    Some(WarningCallout {
        heading: Heading { text: "Too few owners".to_owned(), level: Some(2), ..Default::default() },
        text: text.to_owned(),
        ..Default::default()
    })
}
