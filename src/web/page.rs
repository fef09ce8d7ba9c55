//! What surrounds every page: who visits, how an answer is made, and the three ways to fail.

use crate::clock::{Clock, Timestamp};
use crate::language::Language;
use crate::settings::SecretKey;
use crate::web::assets;
use crate::web::components::{
    BackLink, Footer, FooterItem, FooterMeta, Header, HeaderAccount, HeaderAccountItem, HeaderNavigation,
    HeaderNavigationItem, HeaderService, Html, SkipLink,
};
use crate::web::doors::RouteKind;
use crate::web::form::{Fields, Form, Problems};
use crate::web::notices::{Notice, Notices};
use axum::extract::FromRequestParts;
use axum::http::{HeaderValue, StatusCode, header, request::Parts};
use axum::response::{IntoResponse, Response};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Answers the kind of a route.
pub type KindOf = dyn Fn(&str) -> RouteKind + Send + Sync;

/// Called for every answer with its route, status and how long it took.
pub type Watcher = dyn Fn(&str, u16, Duration) + Send + Sync;

/// What pages need to know of the service they belong to.
pub struct Service {
    pub name: String,
    pub helpdesk_email: String,
    pub helpdesk_telephone: String,
    pub public_address: String,
    pub key: SecretKey,
    pub clock: Clock,
    pub trusted_proxies: u8,
    pub tls_in_front: bool,
    pub demo: bool,
    /// Messages on top of every page.
    pub notices: Notices,
    /// Where help is to be had, at the bottom of every page: address and words.
    pub help: &'static [(&'static str, &'static str)],
    /// The kind of a route by its path; a page where there is no such route.
    pub kind_of: Box<KindOf>,
    /// The rooms of the console, in the order of its navigation: address and words.
    pub rooms: &'static [(&'static str, &'static str)],
    pub watcher: Box<Watcher>,
}

/// One request, as far as pages are concerned.
#[derive(Clone)]
pub struct Visit(Arc<Inside>);

struct Inside {
    /// Stands on every log line and error page of this request.
    number: String,
    kind: RouteKind,
    had_cookie: bool,
    /// The secret that the browser's cookie holds.
    browser: Mutex<String>,
    /// Whether the cookie must be sent with the answer.
    set_cookie: Mutex<bool>,
    network: String,
    /// What the browser was known by before, and what it is to be known by from now on.
    known_by: Option<String>,
    make_known: Mutex<Option<String>>,
    path: String,
    service: Arc<Service>,
    /// Until when the session lasts unless it is used again.
    session_ends_at: Mutex<Option<Timestamp>>,
}

fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Visit {
    pub fn new(
        service: Arc<Service>,
        number: String,
        kind: RouteKind,
        browser: Option<String>,
        known_by: Option<String>,
        network: String,
        path: String,
    ) -> Self {
        let is_new = browser.is_none();
        Visit(Arc::new(Inside {
            number,
            kind,
            had_cookie: !is_new,
            browser: Mutex::new(browser.unwrap_or_else(crate::id::new_token)),
            set_cookie: Mutex::new(is_new),
            network,
            known_by,
            make_known: Mutex::new(None),
            path,
            service,
            session_ends_at: Mutex::new(None),
        }))
    }

    /// The number to quote.
    pub fn number(&self) -> &str {
        &self.0.number
    }

    /// The kind of the route that was asked.
    pub fn kind(&self) -> RouteKind {
        self.0.kind
    }

    /// Whether the browser sent a secret of ours along.
    pub(super) fn had_cookie(&self) -> bool {
        self.0.had_cookie
    }

    /// The secret in the browser's cookie: the key to its session.
    pub fn browser(&self) -> String {
        held(&self.0.browser).clone()
    }

    /// Gives the browser a new secret, because it may now do more than before: a secret somebody
    /// planted beforehand is worth nothing.
    pub fn renew_browser(&self) -> String {
        let fresh = crate::id::new_token();
        self.change_browser(fresh.clone());
        fresh
    }

    /// Gives the browser a new secret that was chosen before, once what hangs on it is saved.
    pub fn change_browser(&self, fresh: String) {
        *held(&self.0.browser) = fresh;
        *held(&self.0.set_cookie) = true;
    }

    /// What the browser says it is known by, beside its secret: kept for longer, and worth no session.
    pub fn known_by(&self) -> Option<&str> {
        self.0.known_by.as_deref()
    }

    /// The browser is known by this from now on.
    pub fn make_known(&self, by: String) {
        *held(&self.0.make_known) = Some(by);
    }

    /// What to tell the browser that it is known by, if that has changed.
    pub(super) fn newly_known_by(&self) -> Option<String> {
        held(&self.0.make_known).clone()
    }

    /// Where the request came from, as far as it can be trusted.
    pub fn network(&self) -> &str {
        &self.0.network
    }

    pub fn path(&self) -> &str {
        &self.0.path
    }

    pub fn service(&self) -> &Service {
        &self.0.service
    }

    pub fn session_lasts_until(&self, at: Timestamp) {
        *held(&self.0.session_ends_at) = Some(at);
    }

    /// The cookie to send to the browser with the answer, if it has not got it yet.
    pub(super) fn cookie(&self) -> Option<String> {
        held(&self.0.set_cookie).then(|| super::browser::cookie_value(&self.0.service.key, &self.browser()))
    }

    /// A form of this visit, as typed and with its problems.
    pub fn form(&self, fields: Fields, problems: Problems) -> Form {
        Form::new(super::csrf::token(&self.0.service.key, &self.browser()), fields, problems)
    }

    /// A form nobody has typed into yet.
    pub fn empty_form(&self) -> Form {
        self.form(Fields::default(), Problems::none())
    }

    /// Shows a page with a form, with what is known already.
    ///
    /// # Errors
    /// A fault when the template cannot be rendered.
    pub fn show_form<T: askama::Template>(&self, fields: Fields, page: impl FnOnce(Form) -> T) -> Answer {
        show_with(StatusCode::OK, &page(self.form(fields, Problems::none())))
    }

    /// Shows a page with a form again, with what was typed and what must be put right.
    ///
    /// # Errors
    /// A fault when the template cannot be rendered.
    pub fn show_again<T: askama::Template>(
        &self,
        fields: Fields,
        again: impl Into<Again>,
        page: impl FnOnce(Form) -> T,
    ) -> Answer {
        let Again { status, problems } = again.into();
        show_with(status, &page(self.form(fields, problems)))
    }

    /// The language that whoever visits reads: English, until there is another to choose.
    pub fn language(&self) -> Language {
        Language::English
    }

    /// What stands round a page with this title.
    pub fn layout(&self, title: &str) -> Layout {
        let service = &self.0.service;
        let ends_at = *held(&self.0.session_ends_at);
        Layout {
            language: self.language(),
            title: title.to_owned(),
            wrong: false,
            service_name: service.name.clone(),
            home: "/",
            helpdesk_email: service.helpdesk_email.clone(),
            helpdesk_telephone: service.helpdesk_telephone.clone(),
            back: None,
            person: None,
            navigation: Vec::new(),
            form_token: super::csrf::token(&service.key, &self.browser()),
            demo: service.demo,
            notices: service.notices.at(service.clock.now()),
            help: service.help,
            session: ends_at.map(|ends_at| SessionEnd {
                seconds: ends_at.since(service.clock.now()).as_seconds(),
                at: ends_at.time_in_words(),
            }),
            style: assets::path("carepost.css"),
            scripts: [assets::path("init.js"), assets::path("carepost.js")],
            icon: assets::path("icon.svg"),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Interrupt;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Interrupt> {
        parts
            .extensions
            .get::<Visit>()
            .cloned()
            .ok_or_else(|| Interrupt::fault("reading a request", "no visit"))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Fields {
    type Rejection = Interrupt;

    /// The fields of a form that has passed the forged-form check; of anything else, none.
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Interrupt> {
        Ok(parts.extensions.get::<Fields>().cloned().unwrap_or_default())
    }
}

/// When the session ends, for the warning before it does.
pub struct SessionEnd {
    pub seconds: i64,
    pub at: String,
}

/// What stands round a page.
pub struct Layout {
    /// What the words of the page are written in.
    pub language: Language,
    pub title: String,
    /// Whether something on the page must be put right: the title then begins "Error:".
    pub wrong: bool,
    pub service_name: String,
    pub home: &'static str,
    pub helpdesk_email: String,
    pub helpdesk_telephone: String,
    /// Where the back link leads.
    pub back: Option<String>,
    /// Who is signed in, with the address that signs them out.
    pub person: Option<(String, &'static str)>,
    /// The parts of the service this person can open: address, words, whether this page is in it.
    pub navigation: Vec<(&'static str, &'static str, bool)>,
    pub form_token: String,
    pub demo: bool,
    /// Messages on top of the page.
    pub notices: Vec<Notice>,
    help: &'static [(&'static str, &'static str)],
    pub session: Option<SessionEnd>,
    pub style: &'static str,
    pub scripts: [&'static str; 2],
    pub icon: &'static str,
}

impl Layout {
    #[must_use]
    pub fn back_to(mut self, href: impl Into<String>) -> Self {
        self.back = Some(href.into());
        self
    }

    #[must_use]
    pub fn for_person(mut self, name: &str, sign_out: &'static str, home: &'static str) -> Self {
        self.person = Some((name.to_owned(), sign_out));
        self.home = home;
        self
    }

    /// Shows the parts of the service, the one that this page is in set apart.
    #[must_use]
    pub fn with_navigation(mut self, parts: &[(&'static str, &'static str)], current: &str) -> Self {
        self.navigation = parts.iter().map(|&(href, words)| (href, words, href == current)).collect();
        self
    }

    /// The top of the page: whose service it is, where one can go, who is signed in.
    pub fn header(&self) -> Header {
        let account = self.person.as_ref().map(|(name, sign_out)| HeaderAccount {
            items: vec![
                HeaderAccountItem { text: name.clone(), ..Default::default() },
                HeaderAccountItem {
                    action: (*sign_out).to_owned(),
                    text: "Sign out".to_owned(),
                    form_html: Some(super::form::hidden_token(&self.form_token)),
                    ..Default::default()
                },
            ],
            ..Default::default()
        });
        let items: Vec<_> = self
            .navigation
            .iter()
            .map(|&(href, text, active)| HeaderNavigationItem {
                href: href.to_owned(),
                text: text.to_owned(),
                active,
                ..Default::default()
            })
            .collect();
        Header {
            service: HeaderService { text: self.service_name.clone(), href: self.home.to_owned() },
            account,
            navigation: Some(HeaderNavigation { items, ..Default::default() }),
            ..Default::default()
        }
    }

    /// The bottom of the page: where help is to be had.
    pub fn footer(&self) -> Footer {
        let help = FooterHelp { email: &self.helpdesk_email, telephone: &self.helpdesk_telephone };
        let items = self
            .help
            .iter()
            .map(|&(href, text)| FooterItem {
                href: href.to_owned(),
                text: text.to_owned(),
                ..Default::default()
            })
            .collect();
        Footer {
            meta: FooterMeta { items, html: Some(Html::of(&help)), ..Default::default() },
            ..Default::default()
        }
    }

    pub fn skip_link(&self) -> SkipLink {
        SkipLink::default()
    }

    pub fn back_link(&self) -> Option<BackLink> {
        self.back.as_ref().map(|href| BackLink { href: href.clone(), ..Default::default() })
    }

    #[must_use]
    pub fn with_problems(mut self, form: &Form) -> Self {
        self.wrong = !form.problems.is_empty();
        self
    }
}

/// The line of help that every page ends with.
#[derive(askama::Template)]
#[template(
    source = r#"<p class="nhsuk-body-s">Need help? Email <a class="nhsuk-footer__list-item-link" href="mailto:{{ email }}">{{ email }}</a> or call {{ telephone }}.</p>"#,
    ext = "html"
)]
struct FooterHelp<'a> {
    email: &'a str,
    telephone: &'a str,
}
impl askama::filters::HtmlSafe for FooterHelp<'_> {}

/// Why a form is shown again: what must be put right, and the status that says so.
#[derive(Clone, Debug)]
pub struct Again {
    pub status: StatusCode,
    pub problems: Problems,
}

impl Again {
    /// Somebody else changed meanwhile what the form is about.
    pub fn after_conflict(field: &str, words: impl Into<String>) -> Self {
        Again { status: StatusCode::CONFLICT, problems: Problems::one(field, words) }
    }

    /// It was tried too often.
    pub fn too_often(field: &str, words: impl Into<String>) -> Self {
        Again { status: StatusCode::TOO_MANY_REQUESTS, problems: Problems::one(field, words) }
    }
}

impl From<Problems> for Again {
    fn from(problems: Problems) -> Self {
        Again { status: StatusCode::UNPROCESSABLE_ENTITY, problems }
    }
}

/// What a handler gives: a page, or the reason there is none.
pub type Answer = Result<Response, Interrupt>;

/// A page as the answer, with status 422 where something on it must be put right.
///
/// # Errors
/// A fault when the template cannot be rendered.
pub fn show(template: &impl askama::Template, problems: &Problems) -> Answer {
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    show_with(status, template)
}

/// A page as the answer with a status of its own.
///
/// # Errors
/// A fault when the template cannot be rendered.
pub fn show_with(status: StatusCode, template: &impl askama::Template) -> Answer {
    let html = template.render().map_err(|error| Interrupt::fault("rendering a page", error))?;
    Ok((status, [(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))], html)
        .into_response())
}

/// On to another page, by GET.
///
/// # Errors
/// None; it is an [`Answer`] so that handlers can end with it.
pub fn go_to(path: impl AsRef<str>) -> Answer {
    Ok(redirect(path.as_ref()))
}

fn redirect(path: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(value) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}

/// What ends a request before its page is made: somewhere else to go, a refusal, a fault.
#[derive(Clone, Debug)]
pub enum Interrupt {
    /// On to another page; no failure.
    Redirect(String),
    /// Our rule says no, in words that say what to do.
    Refused(Refused),
    /// Something of ours broke.
    Fault(Fault),
}

/// A refusal as people see it.
#[derive(Clone, Debug)]
pub struct Refused {
    pub status: StatusCode,
    pub title: String,
    pub words: Vec<String>,
    /// Where to go from here, and what the link says.
    pub next: Option<(String, String)>,
}

/// A fault: what we were doing and what went wrong. Logged once, at the edge.
#[derive(Clone, Debug)]
pub struct Fault {
    pub doing: String,
    pub cause: String,
    pub kind: FaultKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// A mistake of ours, or something unforeseen: 500.
    Broken,
    /// Something we need cannot be reached: 503, try again.
    Unavailable,
    /// There is no room to write: 503, reading goes on.
    Full,
}

impl Interrupt {
    pub fn fault(doing: &str, cause: impl ToString) -> Self {
        Interrupt::Fault(Fault { doing: doing.to_owned(), cause: cause.to_string(), kind: FaultKind::Broken })
    }

    pub fn refused(status: StatusCode, title: &str, words: &str) -> Self {
        Interrupt::Refused(Refused {
            status,
            title: title.to_owned(),
            words: vec![words.to_owned()],
            next: None,
        })
    }

    /// There is no such page, or not for you: the two look alike.
    pub fn not_found() -> Self {
        Interrupt::Refused(Refused {
            status: StatusCode::NOT_FOUND,
            title: "Page not found".to_owned(),
            words: vec![
                "If you typed the web address, check it is correct.".to_owned(),
                "If you pasted the web address, check you copied the whole of it.".to_owned(),
            ],
            next: None,
        })
    }

    /// The status it is answered with.
    pub fn status(&self) -> StatusCode {
        match self {
            Interrupt::Redirect(_) => StatusCode::SEE_OTHER,
            Interrupt::Refused(refused) => refused.status,
            Interrupt::Fault(fault) => match fault.kind {
                FaultKind::Broken => StatusCode::INTERNAL_SERVER_ERROR,
                FaultKind::Unavailable | FaultKind::Full => StatusCode::SERVICE_UNAVAILABLE,
            },
        }
    }

    /// Somebody else may do this, and you may not; says who, or what to do instead.
    pub fn forbidden(words: &str) -> Self {
        Interrupt::refused(StatusCode::FORBIDDEN, "You cannot do this", words)
    }

    /// Too often; says when to try again.
    pub fn too_often(words: &str) -> Self {
        Interrupt::refused(StatusCode::TOO_MANY_REQUESTS, "Please wait before you try again", words)
    }

    /// Adds where to go from here to a refusal.
    #[must_use]
    pub fn then(self, href: impl Into<String>, words: &str) -> Self {
        match self {
            Interrupt::Refused(refused) => {
                Interrupt::Refused(Refused { next: Some((href.into(), words.to_owned())), ..refused })
            }
            Interrupt::Redirect(_) | Interrupt::Fault(_) => self,
        }
    }
}

impl From<crate::database::Error> for Interrupt {
    fn from(error: crate::database::Error) -> Self {
        use crate::database::Error;
        let kind = match &error {
            Error::Full => FaultKind::Full,
            Error::Unavailable(_) | Error::TooSlow | Error::Unknown(_) => FaultKind::Unavailable,
            Error::Broken(_) | Error::Misused(_) => FaultKind::Broken,
        };
        Interrupt::Fault(Fault { doing: "using the database".to_owned(), cause: error.to_string(), kind })
    }
}

impl IntoResponse for Interrupt {
    /// The layers round every request know the visit and make the page; here the reason only
    /// travels.
    fn into_response(self) -> Response {
        match self {
            Interrupt::Redirect(path) => redirect(&path),
            Interrupt::Refused(refused) => {
                let mut response = refused.status.into_response();
                response.extensions_mut().insert(Interrupt::Refused(refused));
                response
            }
            Interrupt::Fault(fault) => {
                let interrupt = Interrupt::Fault(fault.clone());
                let mut response = interrupt.status().into_response();
                response.extensions_mut().insert(Interrupt::Fault(fault));
                response
            }
        }
    }
}

#[derive(askama::Template)]
#[template(path = "web/refused.html")]
struct RefusedPage {
    layout: Layout,
    refused: Refused,
}

#[derive(askama::Template)]
#[template(path = "web/fault.html")]
struct FaultPage {
    layout: Layout,
    number: String,
    kind: FaultKind,
}

/// Makes the page of a refusal or a fault, and logs a fault, once.
pub(super) fn page_of(stop: &Interrupt, visit: &Visit) -> Option<String> {
    use askama::Template;
    match stop {
        Interrupt::Redirect(_) => None,
        Interrupt::Refused(refused) => {
            tracing::info!(request = visit.number(), status = refused.status.as_u16(), title = %refused.title, "refused");
            RefusedPage { layout: visit.layout(&refused.title), refused: refused.clone() }.render().ok()
        }
        Interrupt::Fault(fault) => {
            tracing::error!(request = visit.number(), doing = %fault.doing, cause = %fault.cause, "fault");
            let title = match fault.kind {
                FaultKind::Broken => "Sorry, there is a problem with the service",
                FaultKind::Unavailable => "Sorry, the service is unavailable for a moment",
                FaultKind::Full => "Sorry, we cannot save anything at the moment",
            };
            FaultPage { layout: visit.layout(title), number: visit.number().to_owned(), kind: fault.kind }
                .render()
                .ok()
        }
    }
}
