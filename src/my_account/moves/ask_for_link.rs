//! Asking for a new activation link.

use crate::app::App;
use crate::contact::Email;
use crate::database::transaction;
use crate::outbox::outcome::NotDone;
use crate::outbox::{self, Work};
use crate::sign_in::limits::{self, Budget, SAME_PRESS, UsedUp};

/// Who asks, and from where.
#[derive(Clone, Debug)]
pub struct LinkOrder {
    pub email: Email,
    pub network: String,
}

/// Whoever it is, the same is done; who gets a link is found out afterwards.
///
/// # Errors
/// A refusal where too many were asked for from one network.
pub async fn ask_for_link(app: &App, order: LinkOrder) -> Result<(), NotDone<UsedUp>> {
    let now = app.clock.now();
    let settings = &app.settings;
    let email = order.email.as_str();
    let from_network = Budget::an_hour(
        "activation links from",
        &order.network,
        i64::from(settings.starts_a_network_an_hour_max),
    );
    let to_address = Budget::an_hour("activation links to", email, i64::from(settings.codes_an_hour_max));
    let this_press = Budget::of("activation links just asked for by", email, 1, SAME_PRESS);
    let asked = app
        .database
        .write::<_, crate::database::Error, _>(transaction!(async move |tx| {
            if let Err(used_up) = limits::take(tx, now, &from_network).await? {
                return Ok(Err(used_up));
            }
            // Nobody is flooded, and nobody learns that it was one too many.
            if limits::take(tx, now, &this_press).await?.is_ok()
                && limits::take(tx, now, &to_address).await?.is_ok()
            {
                let work = Work::SendActivationLink { asked: order.email.as_str().to_owned() };
                outbox::store::queue(tx, now, now, &work).await?;
            }
            Ok(Ok(()))
        }))
        .await?;
    asked.map_err(NotDone::Refusal)
}
