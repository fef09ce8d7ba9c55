//! The button behind the link in the letter: a code goes to the mobile that was given for the person.

use super::{ActivationRefusal, pending_account, send_code};
use crate::app::App;
use crate::database::{Error, Reads, transaction};
use crate::directory::Account;
use crate::outbox::outcome::NotDone;
use crate::settings::Secret;
use crate::sign_in::links;
use crate::sign_in::permits::Activating;
use crate::sign_in::secrets::{Purpose, read_link_token};
use crate::sign_in::session::{self, Rotated, SessionKind};

/// The account that the token of a link activates, with the link's identifier; nothing where the link
/// does not work.
///
/// # Errors
/// A fault.
pub async fn account_of_link(
    app: &App,
    from: &impl Reads,
    token: &str,
) -> Result<Option<(Account, String)>, Error> {
    let Some(id) = read_link_token(&app.key, Purpose::ActivationLink, token) else { return Ok(None) };
    let Some(link) = links::find(from, Purpose::ActivationLink, &id).await? else { return Ok(None) };
    let account = pending_account(from, &id, &link.subject, app.clock.now()).await?;
    Ok(account.map(|account| (account, id)))
}

/// The browser may go on once it has shown the code. The link is not used up by this.
///
/// # Errors
/// A refusal where the link does not work, or too many codes were sent.
pub async fn begin_activation(
    app: &App,
    token: &str,
    browser: &Secret<String>,
) -> Result<Rotated, NotDone<ActivationRefusal>> {
    let (in_app, token, browser) = (app.clone(), token.to_owned(), browser.clone());
    app.database
        .write(transaction!(async move |tx| {
            let Some((account, link)) = account_of_link(&in_app, tx, &token).await? else {
                return Err(NotDone::Refusal(ActivationRefusal::LinkGone));
            };
            let subject = Activating::subject(&account.id, &link);
            let kind = SessionKind::Activating;
            let rotated = session::rotate(tx, &in_app, browser.reveal(), kind, &subject, false).await?;
            let purpose = Purpose::ActivationCode;
            send_code(tx, &in_app, &account, purpose, &rotated.browser_hash())
                .await?
                .map_err(|problem| NotDone::Refusal(ActivationRefusal::Code(problem)))?;
            Ok(rotated)
        }))
        .await
}
