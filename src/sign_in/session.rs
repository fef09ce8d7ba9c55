//! Sessions: what a browser is known as, until when, and how it gets a new secret when it may do more.
//!
//! A session hangs on the secret in the browser's cookie, of which only a hash is kept. Which kinds
//! there are, and the permit each gives, stands in [`super::permits`].

use super::limits::SAME_PRESS;
use super::permits::{self, AccountHolder, StatusReader};
use super::secrets;
use super::store;
use crate::app::App;
use crate::clock::{Span, Timestamp};
use crate::database::{Error, Tx, transaction};
use crate::web::page::{Interrupt, Visit};
use sha2::{Digest, Sha256};

pub use super::permits::SessionKind;

/// How much later than the last note a session's use is noted again: often enough for idle limits
/// in minutes, seldom enough not to write with every page.
const NOTED_EVERY: Span = Span::minutes(1);

/// What the database keeps of a browser's secret.
pub fn browser_hash(browser: &str) -> String {
    crate::id::hex(&Sha256::digest(browser.as_bytes()))
}

/// Begins a session under a browser's secret, beside those of other kinds it has.
pub async fn begin(
    tx: &mut Tx,
    app: &App,
    browser: &str,
    kind: SessionKind,
    subject: &str,
    masked: bool,
) -> Result<(), Error> {
    let new = store::NewSession { kind, subject, masked, rotated: None };
    begin_new(tx, app, &browser_hash(browser), &new).await
}

async fn begin_new(
    tx: &mut Tx,
    app: &App,
    browser_hash: &str,
    new: &store::NewSession<'_>,
) -> Result<(), Error> {
    let now = app.clock.now();
    let ends_at = now.plus(Span::hours(i64::from(app.settings.session_hours_max)));
    store::begin_session(tx, browser_hash, new, now, ends_at).await
}

/// A browser that gets a new secret, because it may now do more than before: a secret that somebody
/// planted beforehand is worth nothing.
#[derive(Clone, Debug)]
#[must_use = "the browser must be told its new secret once the rotation is saved"]
pub struct Rotated {
    fresh: String,
}

impl Rotated {
    /// Hash of the new secret.
    pub fn browser_hash(&self) -> String {
        browser_hash(&self.fresh)
    }

    /// The transaction is durable: the browser gets its new secret with the answer.
    pub fn is_saved(self, visit: &Visit) {
        visit.change_browser(self.fresh);
    }
}

/// Rotates a session: ends whatever hung on the browser's secret and begins a session under a new one.
///
/// A button that is pressed twice sends two requests with the old secret, and the browser keeps the
/// answer of either. Both are given the same new secret: it is derived from the old one and a salt that
/// is drawn once and stored, so it can be found again for a moment and told from nothing in the
/// database.
pub async fn rotate(
    tx: &mut Tx,
    app: &App,
    browser: &str,
    kind: SessionKind,
    subject: &str,
    masked: bool,
) -> Result<Rotated, Error> {
    let old = browser_hash(browser);
    store::lock_browser(tx, &old).await?;
    if let Some(rotated) = rotated_just_now(tx, app, browser, kind, subject).await? {
        return Ok(rotated);
    }
    let salt = crate::id::new_token();
    let fresh = secrets::rotated_secret(&app.key, browser, &salt);
    store::end_sessions_of_browser(tx, &old).await?;
    let rotated = Some(store::Rotation { from: &old, salt: &salt });
    begin_new(tx, app, &browser_hash(&fresh), &store::NewSession { kind, subject, masked, rotated }).await?;
    Ok(Rotated { fresh })
}

/// The rotation that another press of the same button made a moment ago: whoever finds that the
/// session they came with has been used answers as that press was answered.
pub async fn rotated_just_now(
    tx: &mut Tx,
    app: &App,
    browser: &str,
    kind: SessionKind,
    subject: &str,
) -> Result<Option<Rotated>, Error> {
    let since = app.clock.now().minus(SAME_PRESS);
    let salt = store::salt_of_rotation(tx, &browser_hash(browser), kind, subject, since).await?;
    Ok(salt.map(|salt| Rotated { fresh: secrets::rotated_secret(&app.key, browser, &salt) }))
}

/// Rotates a session where nothing else is to be saved with it.
pub async fn rotate_session(
    app: &App,
    visit: &Visit,
    kind: SessionKind,
    subject: &str,
    masked: bool,
) -> Result<(), Error> {
    let (in_app, browser, subject) = (app.clone(), visit.browser(), subject.to_owned());
    let rotated = app
        .database
        .write::<_, Error, _>(transaction!(async move |tx| {
            rotate(tx, &in_app, &browser, kind, &subject, masked).await
        }))
        .await?;
    rotated.is_saved(visit);
    Ok(())
}

/// Ends every session of this visit's browser and gives it a new secret.
pub async fn end_all(app: &App, visit: &Visit) -> Result<(), Error> {
    let old = browser_hash(&visit.browser());
    visit.renew_browser();
    app.database
        .write(transaction!(async move |tx| { store::end_sessions_of_browser(tx, &old).await.map(|_| ()) }))
        .await
}

/// The session of one kind, if this browser has one that still lasts; its use is noted.
pub(super) async fn open_session(
    app: &App,
    visit: &Visit,
    kind: SessionKind,
) -> Result<Option<store::Session>, Interrupt> {
    let now = app.clock.now();
    let hash = browser_hash(&visit.browser());
    let sessions = store::list_sessions(&app.database, &hash).await?;
    let Some(session) = sessions.into_iter().find(|session| session.kind == kind) else {
        return Ok(None);
    };
    let idle = kind.idle(&app.settings);
    if session.seen_at.plus(idle) <= now || session.ends_at <= now {
        return Ok(None);
    }
    if now.since(session.seen_at) >= NOTED_EVERY {
        app.database
            .write::<_, Error, _>(transaction!(async move |tx| {
                store::session_seen(tx, &hash, kind, now).await
            }))
            .await?;
    }
    visit.session_lasts_until(now.plus(idle).min(session.ends_at));
    Ok(Some(session))
}

/// Whoever may read the status of a registration in this browser, if anybody: somebody who gave the
/// code for it, or its registrant.
pub async fn status_reader(app: &App, visit: &Visit) -> Result<Option<StatusReader>, Interrupt> {
    permits::find(app, visit).await
}

/// The account holder who is signed in in this browser, if anybody: for pages that are open to
/// everybody and can spare them some typing.
pub async fn account_holder(app: &App, visit: &Visit) -> Result<Option<AccountHolder>, Interrupt> {
    permits::find(app, visit).await
}

/// How many seconds the longest-lasting session of this browser has left; for the page that asks to
/// stay open.
pub async fn stay(app: &App, visit: &Visit) -> Result<Option<i64>, Interrupt> {
    let now = app.clock.now();
    let mut ends_at: Option<Timestamp> = None;
    for kind in SessionKind::ALL {
        if let Some(session) = open_session(app, visit, *kind).await? {
            ends_at = ends_at.max(Some(now.plus(kind.idle(&app.settings)).min(session.ends_at)));
        }
    }
    Ok(ends_at.map(|at| at.since(now).as_seconds()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::for_tests;
    use crate::clock::Clock;
    use crate::database::for_tests::both_engines;

    const NOON: Timestamp = Timestamp::from_milliseconds(43_200_000);

    async fn rotated(app: &App, browser: &str, kind: SessionKind, subject: &str) -> String {
        let (in_app, browser, subject) = (app.clone(), browser.to_owned(), subject.to_owned());
        app.database
            .write::<_, Error, _>(transaction!(async move |tx| {
                rotate(tx, &in_app, &browser, kind, &subject, false).await
            }))
            .await
            .expect("rotated")
            .fresh
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn rotations_by_two_presses_give_one_secret_and_later_ones_another() {
        for database in both_engines().await {
            let (app, _) = for_tests::app(database, Clock::still(NOON));
            let kind = SessionKind::Activating;
            let presses: Vec<_> = (0..8)
                .map(|_| {
                    let app = app.clone();
                    tokio::spawn(async move { rotated(&app, "old", kind, "a l").await })
                })
                .collect();
            let mut secrets = Vec::new();
            for press in presses {
                secrets.push(press.await.expect("no panic"));
            }
            secrets.dedup();
            let [fresh] = secrets.as_slice() else { panic!("one: {secrets:?}") };
            assert_eq!(fresh.len(), crate::id::new_token().len(), "as long as any secret");
            let sessions = store::list_sessions(&app.database, &browser_hash(fresh)).await.expect("read");
            assert_eq!(sessions.len(), 1, "{}", app.database.engine());
            assert_ne!(rotated(&app, "old", SessionKind::Registrant, "a l").await, *fresh, "another kind");
            assert_ne!(rotated(&app, "old", kind, "b l").await, *fresh, "another subject");
            assert_ne!(rotated(&app, "planted", kind, "a l").await, *fresh, "another browser");
            app.clock.advance(SAME_PRESS);
            app.clock.advance(Span::seconds(1));
            assert_ne!(rotated(&app, "old", kind, "a l").await, *fresh, "another press");
        }
    }
}
