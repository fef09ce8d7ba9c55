//! Sending a new activation link, where an account waits to be activated at the address somebody typed.

use super::link_for;
use crate::app::App;
use crate::audit::{self, Actor, Entry};
use crate::clock::Span;
use crate::contact::Email;
use crate::database::transaction;
use crate::directory::letters::{activation as activation_letter, activation_waits};
use crate::directory::{self, Account, AccountState, Scope};
use crate::letter::Letterhead;
use crate::outbox::store::Taken;
use crate::outbox::{self, Work, WorkError};
use crate::sign_in::links;

/// The link goes to the address that was given for the person, whichever of theirs was typed; older
/// links stop working.
///
/// # Errors
/// Later.
pub async fn send_activation_link(app: &App, taken: &Taken, asked: &str) -> Result<(), WorkError> {
    let now = app.clock.now();
    let from = Letterhead::of(&app.settings);
    let (taken, asked, key) = (taken.clone(), Email::parse(asked), app.key.clone());
    app.database
        .write::<_, WorkError, _>(transaction!(async move |tx| {
            if !outbox::store::done(tx, now, &taken).await? {
                return Ok(());
            }
            let Ok(asked) = asked else { return Ok(()) };
            let account = directory::store::find_account_by_any_email(tx, &asked).await?;
            // Before it is provisioned its first link is still to come.
            let waits = |account: &Account| {
                account.state == AccountState::Pending && account.provisioned_at.is_some()
            };
            let Some(account) = account.filter(waits) else { return Ok(()) };
            let home = directory::store::find_home_of_account(tx, &account.id).await?;
            if let Some(until) = home.and_then(|home| home.waits_until(now)) {
                // What waits for that moment is the same work, and was brought forward by asking.
                let asked = account.personal_email.as_str().to_owned();
                outbox::store::queue(tx, now, until, &Work::SendActivationLink { asked }).await?;
                let letter = activation_waits(&from, now, &account, until);
                outbox::store::write_letter(tx, now, &letter).await?;
                return Ok(());
            }
            let site = directory::store::list_sites_of_account(&Scope::All, tx, &account.id).await?;
            let site = site.into_iter().next();
            let site = site.map_or_else(String::new, |site| format!("{}, {}", site.name, site.town));
            let lasts = Span::hours(i64::from(from.activation_hours));
            // Of two that are asked for together, one waits and replaces the other's.
            let link = links::make(tx, &link_for(&key, &account), now, lasts).await?;
            let letter = activation_letter(&from, now, &account, &site, &link);
            outbox::store::write_letter(tx, now, &letter.waited_for()).await?;
            let entry = Entry::new(Actor::Service, "activation link sent", &account.id)
                .because("somebody asked for a new one");
            audit::store::add(tx, now, &entry).await?;
            Ok(())
        }))
        .await
}
