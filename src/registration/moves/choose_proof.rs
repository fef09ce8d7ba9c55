//! Choosing how to show that one may act for the site.

use super::{Keeping, SiteCode, draft_before, draft_of};
use crate::app::App;
use crate::database::transaction;
use crate::outbox::outcome::{Conflict, NotDone};
use crate::registration::Refusal;
use crate::registration::answer::OneAnswer;
use crate::registration::answers::{Answers, PeopleBounds, ProofWay};
use crate::sign_in::authority::{Permit, deed};

/// The way that was chosen.
#[derive(Clone, Debug)]
pub struct ProofOrder {
    pub way: ProofWay,
    /// Hash of the browser a code will be typed into.
    pub browser: String,
}

/// Notes the way; where it is the code to the site, one is sent with it.
///
/// # Errors
/// A refusal where the draft is one no longer, the question has not been asked yet, or no code can be
/// sent.
pub async fn choose_proof(
    app: &App,
    permit: Permit<deed::FillIn>,
    order: ProofOrder,
) -> Result<Answers, NotDone<Refusal>> {
    let before = draft_before(app, permit.id()).await?;
    let site_code = match order.way {
        ProofWay::EmailedCode => Some(SiteCode::of(app, &before, &order.browser).await?),
        ProofWay::ContactId | ProofWay::CallBack => None,
    };
    let keeping = Keeping::of(app);
    let bounds = PeopleBounds::of(&app.settings);
    app.database
        .write(transaction!(async move |tx| {
            let mut draft = draft_of(tx, permit.id()).await?;
            let before = draft.answers.clone();
            draft.answers.lay(OneAnswer::ProofWay(order.way), bounds).map_err(NotDone::Refusal)?;
            if draft.answers == before {
                return Ok(draft.answers);
            }
            if let Some(code) = site_code {
                if !code.is_for(tx, &draft).await? {
                    return Err(other_site());
                }
                code.send(tx, &draft).await?;
            }
            keeping.save(tx, &draft).await?;
            Ok(draft.answers)
        }))
        .await
}

/// The site, or the address on record for it, was changed while somebody proved that they act for it.
pub(super) fn other_site() -> NotDone<Refusal> {
    Conflict::new(
        "The site of this registration, or the address that CQC has for it, was changed in the meantime. Check which site it is, and try again.",
    )
    .into()
}
