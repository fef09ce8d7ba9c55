//! Proving authority with the CQC contact ID of the registered manager.

use super::{Keeping, draft_of};
use crate::app::App;
use crate::clock::Span;
use crate::database::transaction;
use crate::outbox::outcome::NotDone;
use crate::register::CqcContactId;
use crate::register::site_contacts::ContactIdHash;
use crate::registration::answers::{Answers, Proof};
use crate::registration::journey::{self, Page};
use crate::registration::{Refusal, verify};
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::tries::{Allowance, Guess};

/// Contact IDs that may be tried in one draft in a day: a few slips, and no search.
const TRIES_A_DRAFT_MAX: i64 = 10;
/// Tries of one draft that pass when others have used up the tries at its site.
const FIRST_TRIES: i64 = 3;
/// How many times as many first tries as others pass in a day at one site. A contact ID is one of more
/// than a hundred million numbers, so there may be more of them than at a code of six digits; each draft
/// that takes some has shown an address of email first.
const FIRST_TRIES_TIMES: i64 = 10;

fn allowance(wrong_a_day_max: i64) -> Allowance {
    Allowance {
        window: Span::days(1),
        general: wrong_a_day_max,
        separate: wrong_a_day_max * FIRST_TRIES_TIMES,
        first: FIRST_TRIES,
        asker: TRIES_A_DRAFT_MAX,
    }
}

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
    let in_app = app.clone();
    app.database
        .write::<_, NotDone<Refusal>, _>(transaction!(async move |tx| {
            let mut draft = draft_of(tx, permit.id()).await?;
            let location = verify::location_of(&draft.answers)?;
            let (Some(location), true) = (location, journey::can_visit(&draft.answers, Page::ContactId))
            else {
                let next = journey::next(&draft.answers);
                return Err(NotDone::Refusal(Refusal::NotAskedYet(next)));
            };
            let allowance = allowance(i64::from(in_app.settings.wrong_tries_a_day_max));
            let guess = Guess::at(&in_app, "contact ID", location.as_str(), &draft.id, allowance);
            let counted = match guess.count(tx, keeping.now).await? {
                Ok(counted) => counted,
                Err(used_up) => return Ok(Err(NotDone::Refusal(Refusal::TooOften(used_up)))),
            };
            let contacts = crate::register::store::site_contacts(tx, &location).await?;
            if contacts.and_then(|contacts| contacts.id_matches(&key, &typed)) != Some(true) {
                // What was counted is kept.
                counted.was_wrong(&in_app, tx, keeping.now).await?;
                return Ok(Err(NotDone::Refusal(Refusal::WrongContactId)));
            }
            counted.take_back(tx).await?;
            let hash = ContactIdHash::of(&key, &location, &typed);
            draft.answers.proof = Some(Proof::ContactId {
                location: location.as_str().to_owned(),
                hash: hash.as_str().to_owned(),
                at: keeping.now,
            });
            keeping.save(tx, &draft).await?;
            Ok(Ok(draft.answers))
        }))
        .await?
}
