//! "This was not us": the contact on record for a site stops a registration, before its decision or after.

use super::{Refusal, case_of, gone, refused, save};
use crate::app::App;
use crate::database::transaction;
use crate::directory::freeze::Frozen;
use crate::directory::moves::{FreezeOrder, freeze_code_in, freeze_site_in};
use crate::directory::{self, SiteState};
use crate::letter::Letterhead;
use crate::outbox;
use crate::outbox::outcome::NotDone;
use crate::registration::{Registration, RegistrationState, Stage, letters};
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::links::{self, Link, LinkFor};
use crate::sign_in::secrets::Purpose;

/// What case workers read as the reason of the freeze.
const NOT_US: &str = "The contact that CQC has for the site said that the registration was not theirs.";

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It was not decided: nothing is set up, and nothing will be until two case workers have looked.
    Registration,
    /// The site had joined: its accounts and its shared mailbox are closed.
    Site,
    /// It had ended already without the site joining.
    Ended,
}

impl Stopped {
    /// What a registration is stopped by, where it is now.
    pub fn of(case: &Registration) -> Self {
        match case.state.kind().stage() {
            Stage::BeingChecked | Stage::ToDecide | Stage::WaitingForRegistrant => Stopped::Registration,
            Stage::Joined => Stopped::Site,
            Stage::Draft | Stage::NeverSent | Stage::Ended => Stopped::Ended,
        }
    }
}

/// Stops a registration and freezes its site, so that nobody registers it again unseen; where it has
/// joined, accounts and shared mailbox are closed. The link is used up, the registrant and the helpdesk are
/// told. Twice is once.
///
/// # Errors
/// A refusal where the link works no more.
pub async fn stop(
    app: &App,
    permit: Permit<deed::StopRegistration>,
    link: Link,
) -> Result<Stopped, NotDone<Refusal>> {
    let now = app.clock.now();
    let from = Letterhead::of(&app.settings);
    let helpdesk = app.settings.helpdesk_email.clone();
    app.database
        .write(transaction!(async move |tx| {
            let case = case_of(tx, permit.id()).await?;
            if case.state == RegistrationState::Stopped {
                return Ok(Stopped::Registration);
            }
            let site = directory::store::find_site_of_registration(tx, &case.id).await?;
            if site.as_ref().is_some_and(|site| site.state == SiteState::Frozen) {
                return Ok(Stopped::Site);
            }
            let stopped = Stopped::of(&case);
            if stopped == Stopped::Ended {
                return Ok(stopped);
            }
            if !links::redeem(tx, &link.id, &LinkFor::as_sent(Purpose::StopLink, &link), now).await? {
                return Err(refused(crate::registration::Refusal::DeadLink));
            }
            let order =
                FreezeOrder { by: permit.actor(), reason: NOT_US.to_owned(), registration: case.id.clone() };
            let told = case.clone();
            match site {
                Some(site) => {
                    freeze_site_in(tx, now, &from, &site.id, &order).await.map_err(of_directory)?;
                    outbox::store::write_letter(tx, now, &letters::site_frozen(&from, now, &case)).await?;
                }
                None if stopped == Stopped::Site => return Err(gone()),
                None => {
                    let named = (case.answers.site.ods_code.as_str(), case.site_name());
                    freeze_code_in(tx, now, named, &order).await?;
                    let change = case.stop(permit.actor()).map_err(refused)?;
                    let letter = letters::stopped(&from, now, &change.state);
                    save(tx, now, &change.telling(letter)).await?;
                }
            }
            let ods = Frozen::Site { ods_code: told.answers.site.ods_code.clone() };
            if let Some(freeze) = directory::store::find_freeze_of(tx, &ods).await? {
                let urgent = letters::not_us(&from, now, &told, &helpdesk, &freeze.id);
                outbox::store::write_letter(tx, now, &urgent).await?;
            }
            Ok(stopped)
        }))
        .await
}

fn of_directory(why: NotDone<directory::Refusal>) -> NotDone<Refusal> {
    match why {
        NotDone::Refusal(refusal) => NotDone::Refusal(Refusal::Directory(refusal)),
        NotDone::Conflict(conflict) => NotDone::Conflict(conflict),
        NotDone::Fault(error) => NotDone::Fault(error),
    }
}
