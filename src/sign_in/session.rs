//! Sessions and permits: who may open which page.
//!
//! Every route has a [`Policy`]. The layer that enforces it looks the session up once and hands the
//! permit on; a handler that asks for a permit its route does not grant gets a fault, never a page.

use super::store;
use crate::app::App;
use crate::clock::{Span, Timestamp};
use crate::database::{Error, Tx, transaction};
use crate::web::page::{Interrupt, Visit};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use sha2::{Digest, Sha256};

/// Who may open a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Anybody.
    Anyone,
    /// Whoever began a draft in this browser, or came back to it with a code.
    Registrant,
    /// Whoever showed with a code that a registration is theirs; its registrant, too.
    StatusReader,
    /// A case worker who has given the password and not yet the code of the app.
    HalfSignedIn,
    /// A case worker.
    CaseWorker,
    /// An account holder between the link and the password.
    Activating,
    /// An account holder who has given the password and not yet a code.
    HolderHalfSignedIn,
    /// An account holder who may bind an authenticator app now: they have just activated, or given
    /// the password and a code.
    SettingUpApp,
    /// An account holder whose account is active.
    AccountHolder,
    /// Anybody, in the demo only; elsewhere the page does not exist.
    Demo,
}

/// Whoever fills in a registration.
#[derive(Clone, Debug)]
pub struct Registrant {
    /// The registration this session acts for, and no other.
    pub registration: String,
    /// Whether the draft was opened again with a code: then stored contact details are masked.
    pub masked: bool,
}

/// Whoever may read how a registration is doing.
#[derive(Clone, Debug)]
pub struct StatusReader {
    pub registration: String,
}

/// A case worker half way through signing in.
#[derive(Clone, Debug)]
pub struct HalfSignedIn {
    pub case_worker: String,
}

/// A case worker of the central team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseWorker {
    pub id: String,
    pub name: String,
}

/// An account holder between the link and the password.
#[derive(Clone, Debug)]
pub struct Activating {
    pub account: String,
    pub link: String,
}

/// An account holder half way through signing in.
#[derive(Clone, Debug)]
pub struct HolderHalfSignedIn {
    pub account: String,
}

/// An account holder who may bind an authenticator app now.
#[derive(Clone, Debug)]
pub struct SettingUpApp {
    pub account: String,
}

/// The person an account belongs to, signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountHolder {
    pub account: String,
    pub name: String,
    pub address: String,
}

/// A kind of session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    Registrant,
    StatusReader,
    HalfSignedIn,
    CaseWorker,
    Activating,
    HolderHalfSignedIn,
    SettingUpApp,
    AccountHolder,
}

impl SessionKind {
    pub fn stored(self) -> &'static str {
        match self {
            SessionKind::Registrant => "Registrant",
            SessionKind::StatusReader => "StatusReader",
            SessionKind::HalfSignedIn => "HalfSignedIn",
            SessionKind::CaseWorker => "CaseWorker",
            SessionKind::Activating => "Activating",
            SessionKind::HolderHalfSignedIn => "HolderHalfSignedIn",
            SessionKind::SettingUpApp => "SettingUpApp",
            SessionKind::AccountHolder => "AccountHolder",
        }
    }

    /// How long it may go unused.
    fn idle(self, app: &App) -> Span {
        match self {
            SessionKind::Registrant | SessionKind::StatusReader => {
                Span::minutes(i64::from(app.settings.registrant_idle_minutes))
            }
            SessionKind::CaseWorker => Span::minutes(i64::from(app.settings.case_worker_idle_minutes)),
            SessionKind::AccountHolder => Span::minutes(i64::from(app.settings.account_holder_idle_minutes)),
            SessionKind::HalfSignedIn | SessionKind::HolderHalfSignedIn => Span::minutes(10),
            SessionKind::Activating | SessionKind::SettingUpApp => Span::minutes(30),
        }
    }
}

/// How much later than the last note a session's use is noted again: often enough for idle limits
/// in minutes, seldom enough not to write with every page.
const NOTED_EVERY: Span = Span::minutes(1);

/// What the database keeps of a browser's secret.
pub fn browser_hash(browser: &str) -> String {
    crate::id::hex(&Sha256::digest(browser.as_bytes()))
}

/// Begins a session in this visit's browser, beside those of other kinds it has.
pub async fn begin(
    tx: &mut Tx,
    app: &App,
    browser: &str,
    kind: SessionKind,
    subject: &str,
    masked: bool,
) -> Result<(), Error> {
    let now = app.clock.now();
    let ends_at = now.plus(Span::hours(i64::from(app.settings.session_hours_max)));
    store::begin_session(tx, &browser_hash(browser), kind.stored(), subject, masked, now, ends_at).await
}

/// A browser that is about to get a new secret, because it may then do more than before. What hangs
/// on the old one ends in the same transaction in which the new session begins; the browser hears of
/// its new secret when that is saved.
#[derive(Clone)]
pub struct SessionRotation {
    old: String,
    fresh: String,
}

impl SessionRotation {
    pub fn of(visit: &Visit) -> Self {
        Self::of_secret(&visit.browser())
    }

    /// The same for a browser's secret.
    pub fn of_secret(secret: &str) -> Self {
        SessionRotation { old: browser_hash(secret), fresh: crate::id::new_token() }
    }

    /// Hash of the secret the browser still has.
    pub fn old(&self) -> &str {
        &self.old
    }

    /// Hash of the secret the browser will have.
    pub fn fresh_hash(&self) -> String {
        browser_hash(&self.fresh)
    }

    /// Ends what the browser had and begins the new session.
    pub async fn begin(
        &self,
        tx: &mut Tx,
        app: &App,
        kind: SessionKind,
        subject: &str,
        masked: bool,
    ) -> Result<(), Error> {
        store::end_sessions_of_browser(tx, &self.old).await?;
        begin(tx, app, &self.fresh, kind, subject, masked).await
    }

    /// It is saved: the browser gets its new secret with the answer.
    pub fn is_saved(self, visit: &Visit) {
        visit.change_browser(self.fresh);
    }
}

/// Begins a session that may do more than this browser could before, where nothing else is to be
/// saved with it.
pub async fn rotate_session(
    app: &App,
    visit: &Visit,
    kind: SessionKind,
    subject: &str,
    masked: bool,
) -> Result<(), Error> {
    let anew = SessionRotation::of(visit);
    let (in_app, subject, begun) = (app.clone(), subject.to_owned(), anew.clone());
    app.database
        .write::<_, Error, _>(transaction!(async move |tx| {
            begun.begin(tx, &in_app, kind, &subject, masked).await
        }))
        .await?;
    anew.is_saved(visit);
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
async fn open_session(
    app: &App,
    visit: &Visit,
    kind: SessionKind,
) -> Result<Option<store::Session>, Interrupt> {
    let now = app.clock.now();
    let hash = browser_hash(&visit.browser());
    let sessions = store::list_sessions(&app.database, &hash).await?;
    let Some(session) = sessions.into_iter().find(|session| session.kind == kind.stored()) else {
        return Ok(None);
    };
    let idle_ends_at = session.seen_at.plus(kind.idle(app));
    if idle_ends_at <= now || session.ends_at <= now {
        return Ok(None);
    }
    if now.since(session.seen_at) >= NOTED_EVERY {
        app.database
            .write::<_, Error, _>(transaction!(async move |tx| {
                store::session_seen(tx, &hash, kind.stored(), now).await
            }))
            .await?;
    }
    visit.session_lasts_until(now.plus(kind.idle(app)).min(session.ends_at));
    Ok(Some(session))
}

/// Whoever may read the status of a registration in this browser, if anybody: somebody who gave the
/// code for it, or its registrant.
pub async fn status_reader(app: &App, visit: &Visit) -> Result<Option<StatusReader>, Interrupt> {
    let session = match open_session(app, visit, SessionKind::StatusReader).await? {
        Some(session) => Some(session),
        None => open_session(app, visit, SessionKind::Registrant).await?,
    };
    Ok(session.map(|session| StatusReader { registration: session.subject }))
}

/// Enforces a policy: leaves the permit in the request, or says where to go instead.
///
/// # Errors
/// Where to sign in, that there is no such page, or a fault.
pub async fn admit(app: &App, policy: Policy, parts: &mut Parts) -> Result<(), Interrupt> {
    let visit =
        parts.extensions.get::<Visit>().cloned().ok_or_else(|| Interrupt::fault("admitting", "no visit"))?;
    match policy {
        Policy::Anyone => Ok(()),
        Policy::Demo => {
            if app.demo {
                Ok(())
            } else {
                Err(Interrupt::not_found())
            }
        }
        Policy::Registrant => match open_session(app, &visit, SessionKind::Registrant).await? {
            Some(session) => {
                parts.extensions.insert(Registrant { registration: session.subject, masked: session.masked });
                Ok(())
            }
            None => Err(Interrupt::Redirect("/register/return".to_owned())),
        },
        Policy::StatusReader => match status_reader(app, &visit).await? {
            Some(reader) => {
                parts.extensions.insert(reader);
                Ok(())
            }
            None => Err(Interrupt::Redirect("/registration".to_owned())),
        },
        Policy::HalfSignedIn => match open_session(app, &visit, SessionKind::HalfSignedIn).await? {
            Some(session) => {
                parts.extensions.insert(HalfSignedIn { case_worker: session.subject });
                Ok(())
            }
            None => Err(Interrupt::Redirect("/casework/sign-in".to_owned())),
        },
        Policy::CaseWorker => {
            let session = open_session(app, &visit, SessionKind::CaseWorker).await?;
            let row = match session {
                Some(session) => store::case_worker(&app.database, &session.subject).await?,
                None => None,
            };
            match row.filter(|row| !row.disabled) {
                Some(row) => {
                    parts.extensions.insert(CaseWorker { id: row.id, name: row.name });
                    Ok(())
                }
                None => Err(Interrupt::Redirect("/casework/sign-in".to_owned())),
            }
        }
        Policy::Activating => match open_session(app, &visit, SessionKind::Activating).await? {
            Some(session) => {
                let (account, link) = session.subject.split_once(' ').unwrap_or((&session.subject, ""));
                parts.extensions.insert(Activating { account: account.to_owned(), link: link.to_owned() });
                Ok(())
            }
            None => Err(Interrupt::Redirect("/activate".to_owned())),
        },
        Policy::HolderHalfSignedIn => {
            let holder = or_sign_in(holder(app, &visit, SessionKind::HolderHalfSignedIn).await?)?;
            parts.extensions.insert(HolderHalfSignedIn { account: holder.id });
            Ok(())
        }
        Policy::SettingUpApp => {
            let holder = or_sign_in(holder(app, &visit, SessionKind::SettingUpApp).await?)?;
            parts.extensions.insert(SettingUpApp { account: holder.id });
            Ok(())
        }
        Policy::AccountHolder => {
            parts.extensions.insert(or_sign_in(account_holder(app, &visit).await?)?);
            Ok(())
        }
    }
}

/// Where account holders sign in.
pub const SIGN_IN: &str = "/sign-in";

/// Sends anybody who is not signed in to where account holders sign in.
fn or_sign_in<T>(holder: Option<T>) -> Result<T, Interrupt> {
    holder.ok_or_else(|| Interrupt::Redirect(SIGN_IN.to_owned()))
}

/// The account holder of this browser's session of one kind, while their account is active.
async fn holder(app: &App, visit: &Visit, kind: SessionKind) -> Result<Option<store::HolderRow>, Interrupt> {
    let row = match open_session(app, visit, kind).await? {
        Some(session) => store::holder(&app.database, &session.subject).await?,
        None => None,
    };
    Ok(row.filter(|row| row.state.may_sign_in()))
}

/// The account holder who is signed in in this browser, if anybody: for pages that are open to
/// everybody and can spare them some typing.
pub async fn account_holder(app: &App, visit: &Visit) -> Result<Option<AccountHolder>, Interrupt> {
    let holder = holder(app, visit, SessionKind::AccountHolder).await?;
    Ok(holder.map(|row| AccountHolder { account: row.id, name: row.name, address: row.address }))
}

/// How many seconds the longest-lasting session of this browser has left; for the page that asks to
/// stay open.
pub async fn stay(app: &App, visit: &Visit) -> Result<Option<i64>, Interrupt> {
    let mut ends_at: Option<Timestamp> = None;
    for kind in [
        SessionKind::CaseWorker,
        SessionKind::Registrant,
        SessionKind::StatusReader,
        SessionKind::Activating,
        SessionKind::SettingUpApp,
        SessionKind::AccountHolder,
    ] {
        if let Some(session) = open_session(app, visit, kind).await? {
            ends_at = ends_at.max(Some(app.clock.now().plus(kind.idle(app)).min(session.ends_at)));
        }
    }
    Ok(ends_at.map(|at| at.since(app.clock.now()).as_seconds()))
}

macro_rules! handed_on {
    ($($permit:ty),+) => { $(
        impl<S: Send + Sync> FromRequestParts<S> for $permit {
            type Rejection = Interrupt;

            async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Interrupt> {
                parts.extensions.get::<$permit>().cloned().ok_or_else(|| {
                    Interrupt::fault("asking for a permit", concat!("the route does not grant ", stringify!($permit)))
                })
            }
        }
    )+ };
}
handed_on!(
    Registrant,
    StatusReader,
    HalfSignedIn,
    CaseWorker,
    Activating,
    HolderHalfSignedIn,
    SettingUpApp,
    AccountHolder
);
