//! Sending a registration.

use super::{Keeping, draft_of, saved};
use crate::app::App;
use crate::clock::Span;
use crate::database::transaction;
use crate::letter::Letterhead;
use crate::outbox::outcome::NotDone;
use crate::registration::answers::PeopleBounds;
use crate::registration::store::SiteHeld;
use crate::registration::{Refusal, letters, store, verify};
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::links::{self, LinkFor};
use crate::sign_in::secrets::Purpose;

/// How long the site may stop a registration it did not ask for.
const STOP_LINK_LASTS: Span = Span::days(30);

/// Sends the draft: the registrant hears that it came in, the contact on record for the site hears of it
/// with a way to stop it, and the checks are queued. Sending it twice sends it once.
///
/// # Errors
/// A refusal where an answer is missing, the draft is over, or the site has accounts or a registration
/// already; then the answers lead to recovery.
pub async fn submit(app: &App, permit: Permit<deed::FillIn>) -> Result<(), NotDone<Refusal>> {
    let keeping = Keeping::of(app);
    let within = Span::hours(i64::from(app.settings.decision_hours));
    let people = PeopleBounds::of(&app.settings);
    let (from, key) = (Letterhead::of(&app.settings), app.key.clone());
    app.database
        .write::<_, NotDone<Refusal>, _>(transaction!(async move |tx| {
            let now = keeping.now;
            let mut draft = match draft_of(tx, permit.id()).await {
                Err(NotDone::Refusal(Refusal::AlreadySent)) => return Ok(Ok(())),
                other => other?,
            };
            let change =
                draft.clone().submit(permit.actor(), now, within, people).map_err(NotDone::Refusal)?;
            let answers = &change.state.answers;
            // Unique indexes would refuse as well; asked first so that it can be told apart.
            let site = &answers.site;
            let again = store::has_sent_one_of(tx, &site.ods_code, answers.email.as_str()).await?;
            match store::who_holds(tx, &site.ods_code, &site.cqc_location_id).await? {
                // What is not proved is looked at together with what is.
                SiteHeld::UnderReview if !change.state.reserves_site() && !again => {}
                SiteHeld::Free if !again => {}
                SiteHeld::UnderReview | SiteHeld::Free => {
                    return Err(NotDone::Refusal(Refusal::UnderReview(site.name.clone())));
                }
                SiteHeld::Joined => {
                    draft.answers.has_account = Some(true);
                    keeping.save(tx, &draft).await?;
                    return Ok(Err(NotDone::Refusal(Refusal::SiteTaken)));
                }
            }
            let received = letters::received(&from, now, &change.state);
            let location = verify::location_of(&draft.answers)?;
            let contact = match &location {
                Some(location) => verify::site_email(tx, location).await?,
                None => None,
            };
            let mut change = change.telling(received);
            if let Some(contact) = contact {
                let link = LinkFor::new(&key, Purpose::StopLink, &draft.id, contact.as_str());
                let link = links::make(tx, &link, now, STOP_LINK_LASTS).await?;
                let notice = letters::notice_to_site(&from, now, &change.state, &contact, &link);
                change = change.telling(notice);
            }
            saved(store::save_submission(tx, now, &draft, &change).await?)?;
            Ok(Ok(()))
        }))
        .await?
}
