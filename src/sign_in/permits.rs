//! Kinds of session, and the permit that each gives: one table.
//!
//! A handler that needs a right asks for a permit as an argument, and its route names the kind
//! ([`Policy`]). To add a kind of person, add a line to `session_kinds!` and say with
//! [`SessionPermit`] how its permit is read from the session.

use super::authority::Who;
use super::limits::FACTOR_LASTS;
use super::session;
use super::store::{self, HolderRow, Session};
use crate::app::App;
use crate::clock::{Span, Timestamp};
use crate::database::Error;
use crate::settings::Settings;
use crate::web::page::{Interrupt, Visit};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// Where account holders sign in.
pub const SIGN_IN: &str = "/sign-in";
/// Where case workers sign in.
pub const CASE_WORK_SIGN_IN: &str = "/casework/sign-in";

/// How long a session may go unused.
#[derive(Clone, Copy)]
enum Idle {
    Setting(fn(&Settings) -> u16),
    Minutes(u16),
}

/// Whose sessions are ended together when an account holder, or somebody for them, ends all of theirs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    AccountHolders,
    Others,
}

macro_rules! session_kinds {
    ($( $(#[doc = $doc:literal])+ $kind:ident: $idle:expr, $without:expr, $whose:ident; )+) => {
        /// A kind of session.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum SessionKind { $( $(#[doc = $doc])+ $kind, )+ }

        impl SessionKind {
            pub const ALL: &[SessionKind] = &[ $( SessionKind::$kind, )+ ];

            pub fn stored(self) -> &'static str {
                match self { $( SessionKind::$kind => stringify!($kind), )+ }
            }

            fn idle_limit(self) -> Idle {
                match self { $( SessionKind::$kind => $idle, )+ }
            }

            /// Where whoever has no session of this kind is sent.
            pub fn without_one(self) -> &'static str {
                match self { $( SessionKind::$kind => $without, )+ }
            }

            /// Whether its subject is an account whose holder is signing in or signed in.
            pub fn is_account_holders(self) -> bool {
                match self { $( SessionKind::$kind => Whose::$whose == Whose::AccountHolders, )+ }
            }
        }

        /// Who may open a route.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Policy {
            /// Anybody.
            Anyone,
            /// Anybody, in the demo only; elsewhere the page does not exist.
            Demo,
            $( $(#[doc = $doc])+ $kind, )+
        }

        /// Enforces a policy: leaves the permit in the request, or says where to go instead.
        ///
        /// # Errors
        /// Where to sign in, that there is no such page, or a fault.
        pub async fn admit(app: &App, policy: Policy, parts: &mut Parts) -> Result<(), Interrupt> {
            match policy {
                Policy::Anyone => Ok(()),
                Policy::Demo if app.demo => Ok(()),
                Policy::Demo => Err(Interrupt::not_found()),
                $( Policy::$kind => {
                    hand_on::<$kind>(app, parts, SessionKind::$kind.without_one()).await
                } )+
            }
        }

        $( impl<S: Send + Sync> FromRequestParts<S> for $kind {
            type Rejection = Interrupt;

            async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Interrupt> {
                parts.extensions.get::<$kind>().cloned().ok_or_else(|| {
                    let words = concat!("the route does not grant ", stringify!($kind));
                    Interrupt::fault("asking for a permit", words)
                })
            }
        } )+
    };
}

session_kinds! {
    /// Whoever began a draft in this browser, or came back to it with a code.
    Registrant: Idle::Setting(|settings| settings.registrant_idle_minutes), "/register/return", Others;
    /// Whoever showed with a code that a registration is theirs; its registrant, too.
    StatusReader: Idle::Setting(|settings| settings.registrant_idle_minutes), "/registration", Others;
    /// A case worker who has given the password and not yet the code of the app.
    HalfSignedIn: Idle::Minutes(10), CASE_WORK_SIGN_IN, Others;
    /// A case worker.
    CaseWorker: Idle::Setting(|settings| settings.case_worker_idle_minutes), CASE_WORK_SIGN_IN, Others;
    /// An account holder between the link and the password.
    Activating: Idle::Minutes(30), "/activate", Others;
    /// An account holder who has given the password and not yet a code.
    HolderHalfSignedIn: Idle::Minutes(10), SIGN_IN, AccountHolders;
    /// An account holder who may bind an authenticator app now: they have just activated, or given
    /// the password and a code.
    SettingUpApp: Idle::Minutes(30), SIGN_IN, AccountHolders;
    /// An account holder whose account is active.
    AccountHolder: Idle::Setting(|settings| settings.account_holder_idle_minutes), SIGN_IN, AccountHolders;
}

impl SessionKind {
    /// The kind that was stored so; nothing for one that this version does not know.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.stored() == text)
    }

    /// How long a session of this kind may go unused.
    pub fn idle(self, settings: &Settings) -> Span {
        Span::minutes(i64::from(match self.idle_limit() {
            Idle::Setting(of) => of(settings),
            Idle::Minutes(minutes) => minutes,
        }))
    }
}

/// What a session lets its browser do: the value a handler asks for as an argument.
pub trait SessionPermit: Clone + Send + Sync + 'static {
    /// The kinds that give it, the first that is found.
    const KINDS: &'static [SessionKind];

    /// Reads it from a session that lasts; nothing where its holder may not come in any more.
    fn of(app: &App, session: Session) -> impl Future<Output = Result<Option<Self>, Error>> + Send;
}

/// The permit this browser has, if it has a session that gives it.
pub async fn find<P: SessionPermit>(app: &App, visit: &Visit) -> Result<Option<P>, Interrupt> {
    for kind in P::KINDS {
        if let Some(session) = session::open_session(app, visit, *kind).await? {
            return Ok(P::of(app, session).await?);
        }
    }
    Ok(None)
}

async fn hand_on<P: SessionPermit>(app: &App, parts: &mut Parts, without: &str) -> Result<(), Interrupt> {
    let visit = parts.extensions.get::<Visit>().cloned();
    let visit = visit.ok_or_else(|| Interrupt::fault("admitting", "no visit"))?;
    let found = find::<P>(app, &visit).await?;
    parts.extensions.insert(found.ok_or_else(|| Interrupt::Redirect(without.to_owned()))?);
    Ok(())
}

/// Whoever fills in a registration.
#[derive(Clone, Debug)]
pub struct Registrant {
    /// The registration this session acts for, and no other.
    pub registration: String,
    /// Whether the draft was opened again with a code: then stored contact details are masked.
    pub masked: bool,
}

impl SessionPermit for Registrant {
    const KINDS: &'static [SessionKind] = &[SessionKind::Registrant];

    async fn of(_app: &App, session: Session) -> Result<Option<Self>, Error> {
        Ok(Some(Registrant { registration: session.subject, masked: session.masked }))
    }
}

impl Registrant {
    pub fn who(&self) -> Who {
        Who::Registrant { registration: self.registration.clone() }
    }
}

/// Whoever may read how a registration is doing.
#[derive(Clone, Debug)]
pub struct StatusReader {
    pub registration: String,
}

impl SessionPermit for StatusReader {
    const KINDS: &'static [SessionKind] = &[SessionKind::StatusReader, SessionKind::Registrant];

    async fn of(_app: &App, session: Session) -> Result<Option<Self>, Error> {
        Ok(Some(StatusReader { registration: session.subject }))
    }
}

impl StatusReader {
    pub fn who(&self) -> Who {
        Who::Registrant { registration: self.registration.clone() }
    }
}

/// A case worker half way through signing in.
#[derive(Clone, Debug)]
pub struct HalfSignedIn {
    pub case_worker: String,
}

impl SessionPermit for HalfSignedIn {
    const KINDS: &'static [SessionKind] = &[SessionKind::HalfSignedIn];

    async fn of(_app: &App, session: Session) -> Result<Option<Self>, Error> {
        Ok(Some(HalfSignedIn { case_worker: session.subject }))
    }
}

/// A case worker of the central team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseWorker {
    pub id: String,
    pub name: String,
}

impl SessionPermit for CaseWorker {
    const KINDS: &'static [SessionKind] = &[SessionKind::CaseWorker];

    async fn of(app: &App, session: Session) -> Result<Option<Self>, Error> {
        let row = store::case_worker(&app.database, &session.subject).await?;
        Ok(row.filter(|row| !row.disabled).map(|row| CaseWorker { id: row.id, name: row.name }))
    }
}

impl CaseWorker {
    pub fn who(&self) -> Who {
        Who::CaseWorker { id: self.id.clone() }
    }
}

/// An account holder between the link and the password.
#[derive(Clone, Debug)]
pub struct Activating {
    pub account: String,
    pub link: String,
}

impl SessionPermit for Activating {
    const KINDS: &'static [SessionKind] = &[SessionKind::Activating];

    async fn of(_app: &App, session: Session) -> Result<Option<Self>, Error> {
        let found = session.subject.split_once(' ');
        Ok(found.map(|(account, link)| Activating { account: account.to_owned(), link: link.to_owned() }))
    }
}

impl Activating {
    /// What a session of activation acts for.
    pub fn subject(account: &str, link: &str) -> String {
        format!("{account} {link}")
    }

    /// Nobody has shown yet that they own anything.
    pub fn who(&self) -> Who {
        Who::AccountHolder { account: self.account.clone(), owns: Vec::new() }
    }
}

/// The holder of an account a session acts for, while they may sign in.
async fn holder(app: &App, session: &Session) -> Result<Option<HolderRow>, Error> {
    let row = store::holder(&app.database, &session.subject).await?;
    Ok(row.filter(|row| row.state.may_sign_in()))
}

/// An account holder half way through signing in.
#[derive(Clone, Debug)]
pub struct HolderHalfSignedIn {
    pub account: String,
}

impl SessionPermit for HolderHalfSignedIn {
    const KINDS: &'static [SessionKind] = &[SessionKind::HolderHalfSignedIn];

    async fn of(app: &App, session: Session) -> Result<Option<Self>, Error> {
        Ok(holder(app, &session).await?.map(|row| HolderHalfSignedIn { account: row.id }))
    }
}

/// An account holder who may bind an authenticator app now.
#[derive(Clone, Debug)]
pub struct SettingUpApp {
    pub account: String,
}

impl SessionPermit for SettingUpApp {
    const KINDS: &'static [SessionKind] = &[SessionKind::SettingUpApp];

    async fn of(app: &App, session: Session) -> Result<Option<Self>, Error> {
        Ok(holder(app, &session).await?.map(|row| SettingUpApp { account: row.id }))
    }
}

impl SettingUpApp {
    /// Until the app has shown a code they act for their own account alone.
    pub fn who(&self) -> Who {
        Who::AccountHolder { account: self.account.clone(), owns: Vec::new() }
    }
}

/// The person an account belongs to, signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountHolder {
    pub account: String,
    pub name: String,
    pub address: String,
    /// The sites whose shared mailboxes they own, as they were when the request began.
    pub owns: Vec<String>,
    /// When they last showed a second factor in this browser.
    pub factor_at: Timestamp,
}

impl SessionPermit for AccountHolder {
    const KINDS: &'static [SessionKind] = &[SessionKind::AccountHolder];

    async fn of(app: &App, session: Session) -> Result<Option<Self>, Error> {
        let Some(row) = holder(app, &session).await? else { return Ok(None) };
        let owns = store::list_sites_owned(&app.database, &row.id).await?;
        let factor_at = session.factor_at;
        Ok(Some(AccountHolder { account: row.id, name: row.name, address: row.address, owns, factor_at }))
    }
}

impl AccountHolder {
    /// Whether they must show the password and a second factor again before they make what outlives the
    /// session, such as an app password.
    pub fn must_prove_again(&self, now: Timestamp) -> bool {
        now.since(self.factor_at) > FACTOR_LASTS
    }

    pub fn who(&self) -> Who {
        Who::AccountHolder { account: self.account.clone(), owns: self.owns.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_kinds_are_read_as_they_are_stored() {
        for kind in SessionKind::ALL {
            assert_eq!(SessionKind::parse(kind.stored()), Some(*kind));
            assert!(kind.without_one().starts_with('/'), "{kind:?}");
        }
        assert_eq!(SessionKind::parse("Unheard of"), None);
    }

    #[test]
    fn activating_acts_for_the_account_and_the_link() {
        assert_eq!(Activating::subject("account", "link"), "account link");
    }
}
