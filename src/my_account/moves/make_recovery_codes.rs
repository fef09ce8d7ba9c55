//! New recovery codes.

use super::{ProofOrder, ProofRefusal, active_account, note_change, prove, prove_again, use_factor_again};
use crate::app::App;
use crate::database::transaction;
use crate::directory;
use crate::my_account::letters::Changed;
use crate::outbox::outcome::NotDone;
use crate::sign_in::authority::{Permit, deed};
use crate::sign_in::limits::SAME_PRESS;
use crate::sign_in::permits::AccountHolder;
use crate::sign_in::recovery::{CODES, RecoveryCode};
use crate::sign_in::store as sign_ins;

/// Makes ten and answers them: the only time they can be read. Those before stop working. The first
/// ones need nothing more where an app was set up a moment ago; all others need the password and a code.
///
/// Nothing can show the first ones again, so a second press makes them anew: whichever answer the
/// browser keeps is the last one, and shows codes that work.
///
/// # Errors
/// A refusal where the password and the code are not right, or were not given and are needed.
pub async fn make_recovery_codes(
    app: &App,
    permit: Permit<deed::SecureOwnAccount>,
    by: &AccountHolder,
    order: ProofOrder,
) -> Result<Vec<RecoveryCode>, NotDone<ProofRefusal>> {
    let now = app.clock.now();
    let just_now = now.minus(SAME_PRESS);
    let made_at = sign_ins::recovery_codes(&app.database, permit.id()).await?.made_at;
    let is_blank = order.password.reveal().is_empty() && order.code.is_empty();
    let factor = match made_at {
        None => prove_again(app, by, &order).await?.map_err(NotDone::Refusal)?,
        Some(at) if is_blank && at >= just_now => None,
        Some(_) => Some(prove(app, by, &order).await?.map_err(NotDone::Refusal)?),
    };
    let codes: Vec<RecoveryCode> = (0..CODES).map(|_| RecoveryCode::new()).collect();
    let hashes: Vec<String> = codes.iter().map(RecoveryCode::hash).collect();
    let (in_app, browser) = (app.clone(), order.browser);
    app.database
        .write::<_, NotDone<ProofRefusal>, _>(transaction!(async move |tx| {
            let id = permit.id();
            let over = || NotDone::Refusal(ProofRefusal::Over);
            directory::store::lock_account(tx, id).await?;
            let account = active_account(tx, id).await?.ok_or_else(over)?;
            let made_at = sign_ins::recovery_codes(tx, id).await?.made_at;
            match (&factor, made_at) {
                (Some(factor), _) => use_factor_again(tx, &in_app, &account, factor, &browser)
                    .await?
                    .map_err(|problem| NotDone::Refusal(ProofRefusal::code(problem)))?,
                (None, None) => {}
                (None, Some(at)) if at >= just_now => {
                    sign_ins::replace_recovery_codes(tx, id, &hashes, at).await?;
                    return Ok(());
                }
                (None, Some(_)) => return Err(over()),
            }
            sign_ins::replace_recovery_codes(tx, id, &hashes, now).await?;
            note_change(tx, &in_app, &account, "recovery codes made", Changed::RecoveryCodesMade).await?;
            Ok(())
        }))
        .await?;
    Ok(codes)
}
