//! Beginning a registration.

use crate::app::App;
use crate::clock::Span;
use crate::database::{Error, transaction};
use crate::id::new_id;
use crate::outbox::outcome::NotDone;
use crate::registration::{Draft, store};
use crate::sign_in::limits::{self, Budget, SAME_PRESS, UsedUp};
use crate::sign_in::session::{self, SessionKind};

/// Where somebody begins.
#[derive(Clone, Debug)]
pub struct BeginOrder {
    /// The secret of their browser.
    pub browser: String,
    pub network: String,
}

/// Begins a draft and a session in the browser that fills it in. Anybody may; how many are begun from
/// one network is bounded. Pressing the button twice begins one.
///
/// # Errors
/// The refusal is a budget that is used up.
pub async fn begin(app: &App, order: BeginOrder) -> Result<(), NotDone<UsedUp>> {
    let now = app.clock.now();
    let most = i64::from(app.settings.starts_a_network_an_hour_max);
    let budget = Budget::an_hour("starts", &order.network, most);
    let lasts = Span::days(i64::from(app.settings.draft_days));
    let browser = session::browser_hash(&order.browser);
    let draft = Draft::begin(new_id(now), browser, session::browser_hash(&order.network), now, lasts);
    let in_app = app.clone();
    app.database
        .write::<_, Error, _>(transaction!(async move |tx| {
            store::lock(tx, &draft.browser).await?;
            let just_begun = store::find_untouched(tx, &draft.browser, now.minus(SAME_PRESS)).await?;
            let id = match just_begun {
                Some(id) => id,
                None => {
                    if let Err(used_up) = limits::take(tx, now, &budget).await? {
                        return Ok(Err(NotDone::Refusal(used_up)));
                    }
                    store::add(tx, &draft).await?;
                    draft.id
                }
            };
            session::begin(tx, &in_app, &order.browser, SessionKind::Registrant, &id, false).await?;
            Ok(Ok(()))
        }))
        .await?
}
