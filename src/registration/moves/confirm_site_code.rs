//! Proving authority with the code that was sent to the address on record for a site.

use super::{Keeping, SiteCode, draft_before, draft_of};
use crate::app::App;
use crate::database::transaction;
use crate::outbox::outcome::NotDone;
use crate::registration::Refusal;
use crate::registration::answers::{Answers, Proof, ProofWay};
use crate::registration::journey::Page;
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::codes::{self, CodeProblem};

/// Takes a code that was typed in the browser with this hash. It proves authority for the site it was
/// sent for, and for no other that was chosen since.
///
/// # Errors
/// A refusal where the draft is one no longer, another way was chosen, or the code is not taken.
pub async fn confirm_site_code(
    app: &App,
    permit: Permit<deed::FillIn>,
    typed: &str,
    browser: &str,
) -> Result<Answers, NotDone<Refusal>> {
    let of_code = |problem| NotDone::Refusal(Refusal::Code(problem));
    let before = draft_before(app, permit.id()).await?;
    if let Some(Proof::EmailedCode { .. }) = before.answers.proof {
        return Ok(before.answers);
    }
    let code = SiteCode::of(app, &before, browser).await?;
    let right = match codes::check(app, &code.code, typed).await? {
        Ok(right) => Some(right),
        // The press that used it has saved the proof, which is read below.
        Err(CodeProblem::JustUsed) => None,
        Err(problem) => return Err(of_code(problem)),
    };
    let keeping = Keeping::of(app);
    app.database
        .write(transaction!(async move |tx| {
            let mut draft = draft_of(tx, permit.id()).await?;
            if let Some(Proof::EmailedCode { .. }) = draft.answers.proof {
                return Ok(draft.answers);
            }
            if draft.answers.proof_way != Some(ProofWay::EmailedCode) {
                return Err(NotDone::Refusal(Refusal::NotAskedYet(Page::Proof)));
            }
            let is_for_draft = code.is_for(tx, &draft).await?;
            match &right {
                Some(right) if is_for_draft && codes::redeem(tx, right, &code.code, keeping.now).await? => {}
                _ => return Err(of_code(CodeProblem::Stale)),
            }
            draft.answers.proof = Some(Proof::EmailedCode {
                location: code.location.as_str().to_owned(),
                recipient: code.code.recipient().to_owned(),
                sent_to: code.email.masked(),
                at: keeping.now,
            });
            keeping.save(tx, &draft).await?;
            Ok(draft.answers)
        }))
        .await
}
