//! Sending another code to the address on record for a site.

use super::choose_proof::other_site;
use super::{SiteCode, draft_before, draft_of};
use crate::app::App;
use crate::database::transaction;
use crate::outbox::outcome::NotDone;
use crate::registration::Refusal;
use crate::registration::answers::ProofWay;
use crate::registration::journey::Page;
use crate::sign_in::authority::{Permit, deed};

/// Sends a code, where that is the way that was chosen; `browser` is the hash of the browser it will be
/// typed into.
///
/// # Errors
/// A refusal where the draft is one no longer, another way was chosen, or no code can be sent.
pub async fn ask_for_site_code(
    app: &App,
    permit: Permit<deed::FillIn>,
    browser: &str,
) -> Result<(), NotDone<Refusal>> {
    let before = draft_before(app, permit.id()).await?;
    let code = SiteCode::of(app, &before, browser).await?;
    app.database
        .write(transaction!(async move |tx| {
            let draft = draft_of(tx, permit.id()).await?;
            if draft.answers.proof_way != Some(ProofWay::EmailedCode) {
                return Err(NotDone::Refusal(Refusal::NotAskedYet(Page::Proof)));
            }
            if !code.is_for(tx, &draft).await? {
                return Err(other_site());
            }
            code.send(tx, &draft).await
        }))
        .await
}
