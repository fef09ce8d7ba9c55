//! Proving authority with the CQC contact ID of the registered manager.

use super::{Keeping, draft_of};
use crate::app::App;
use crate::database::transaction;
use crate::outbox::outcome::NotDone;
use crate::register::CqcContactId;
use crate::register::site_contacts::ContactIdHash;
use crate::registration::answers::{Answers, Proof};
use crate::registration::journey::{self, Page};
use crate::registration::{Refusal, verify};
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::limits::{self, Budget};

/// Contact IDs that may be tried in one draft in an hour: a few slips, and no search.
const TRIES_AN_HOUR_MAX: i64 = 10;

/// Compares a contact ID with the one on record for the site; its keyed hash is kept where it is right.
/// Each try counts, whatever comes of it.
///
/// # Errors
/// A refusal where the draft is one no longer, the contact ID is wrong, or it was tried too often.
pub async fn prove_by_contact_id(
    app: &App,
    permit: Permit<deed::FillIn>,
    typed: CqcContactId,
) -> Result<Answers, NotDone<Refusal>> {
    let keeping = Keeping::of(app);
    let key = app.contact_key();
    let a_day = i64::from(app.settings.wrong_tries_a_day_max);
    app.database
        .write::<_, NotDone<Refusal>, _>(transaction!(async move |tx| {
            let mut draft = draft_of(tx, permit.id()).await?;
            let location = verify::location_of(&draft.answers)?;
            let (Some(location), true) = (location, journey::can_visit(&draft.answers, Page::ContactId))
            else {
                let next = journey::next(&draft.answers);
                return Err(NotDone::Refusal(Refusal::NotAskedYet(next)));
            };
            for budget in [
                Budget::an_hour("contact ID by", &draft.id, TRIES_AN_HOUR_MAX),
                Budget::a_day("contact ID of", location.as_str(), a_day),
            ] {
                if let Err(used_up) = limits::take(tx, keeping.now, &budget).await? {
                    return Ok(Err(NotDone::Refusal(Refusal::TooOften(used_up))));
                }
            }
            let contacts = crate::register::store::site_contacts(tx, &location).await?;
            if contacts.and_then(|contacts| contacts.id_matches(&key, &typed)) != Some(true) {
                // What was counted is kept.
                return Ok(Err(NotDone::Refusal(Refusal::WrongContactId)));
            }
            let hash = ContactIdHash::of(&key, &location, &typed);
            draft.answers.proof = Some(Proof::ContactId { hash: hash.as_str().to_owned() });
            keeping.save(tx, &draft).await?;
            Ok(Ok(draft.answers))
        }))
        .await?
}
