//! Saying whether an article helped.

use crate::app::App;
use crate::database::{Error, transaction};
use crate::guidance::store;
use crate::sign_in::limits::{self, Budget};

/// Votes counted from one network in an hour; more are thanked for and not counted. A home with ten
/// people behind one address reads a few dozen pages in an hour.
const VOTES_AN_HOUR_MAX: i64 = 60;

/// Counts a vote of a network, up to the budget of the hour; beyond it nothing is counted.
///
/// # Errors
/// A fault.
pub async fn vote(app: &App, network: &str, article: &str, helped: bool) -> Result<(), Error> {
    let now = app.clock.now();
    let budget = Budget::an_hour("vote of a network", network, VOTES_AN_HOUR_MAX);
    let article = article.to_owned();
    app.database
        .write(transaction!(async move |tx| {
            if limits::take(tx, now, &budget).await?.is_ok() {
                store::add_vote(tx, now, &article, helped).await?;
            }
            Ok(())
        }))
        .await
}
