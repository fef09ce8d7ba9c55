//! Sets how well a part of the service works, as the central team sees it.

use super::show_at_once;
use crate::app::App;
use crate::clock::Timestamp;
use crate::database::transaction;
use crate::outbox::outcome::{Conflict, NotDone};
use crate::service_status::{Component, Health, Said, Source, store};
use crate::sign_in::authority::{Permit, deed};
use std::convert::Infallible;

/// What somebody says of a component.
#[derive(Clone, Debug)]
pub struct SetComponent {
    pub component: Component,
    pub health: Health,
    /// For everybody to read.
    pub words: String,
    /// Since when it was as they saw it.
    pub seen: Timestamp,
}

/// Sets a component that is as it was seen. Where it is set so already, it is done.
///
/// # Errors
/// A conflict where somebody else has set it meanwhile.
pub async fn set_component(
    app: &App,
    permit: Permit<deed::TellStatus>,
    order: SetComponent,
) -> Result<(), NotDone<Infallible>> {
    let (actor, now) = (permit.actor(), app.clock.now());
    app.database
        .write::<_, NotDone<Infallible>, _>(transaction!(async move |tx| {
            let SetComponent { component, health, words, seen } = order;
            let change = Said::by_team(component, health, words.clone(), actor, now);
            if store::say(tx, now, &change, seen).await? {
                return Ok(());
            }
            let there = store::said(tx, component, Source::Team).await?;
            if there.health == health && there.words == words {
                return Ok(());
            }
            Err(Conflict::new(format!(
                "Somebody else set it to “{}” on {}. Look at what you wrote, and set it again if it is right.",
                there.health.in_words(),
                there.since.in_words()
            ))
            .into())
        }))
        .await?;
    show_at_once(app).await;
    Ok(())
}
