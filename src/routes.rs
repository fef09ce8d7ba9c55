//! Every address of the service, who may open it, and what answers; and the layers round them all.
//!
//! The router is built from this table and from nothing else, so a route without a policy cannot be
//! written down. `tests/all/authorisation.rs` opens each of them as everybody and compares with the
//! reviewed file.

use crate::app::App;
use crate::casework::pages as casework;
use crate::console;
use crate::directory::upkeep::{self, SignInReport};
use crate::guidance::{Library, pages as guidance};
use crate::my_account::pages as my_account;
use crate::readiness;
use crate::registration::pages as registration;
use crate::service_desk::pages as service_desk;
use crate::service_status::pages as service_status;
use crate::sign_in::Policy;
use crate::sign_in::{permits, session};
use crate::web::doors::RouteKind;
use crate::web::page::Service;
use crate::web::{Answer, Interrupt, Layout, Problems, Visit, assets, layers, show};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Extension, Router};
use std::collections::HashMap;
use std::sync::Arc;

/// One address with one method.
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub kind: RouteKind,
    pub policy: Policy,
    answer: MethodRouter<App>,
}

fn on_get<H, T>(path: &'static str, policy: Policy, handler: H) -> Route
where
    H: axum::handler::Handler<T, App>,
    T: 'static,
{
    Route { method: "GET", path, kind: RouteKind::Page, policy, answer: get(handler) }
}

fn on_post<H, T>(path: &'static str, policy: Policy, handler: H) -> Route
where
    H: axum::handler::Handler<T, App>,
    T: 'static,
{
    Route { method: "POST", path, kind: RouteKind::Page, policy, answer: post(handler) }
}

/// Names the kind of a route that is no page. Whatever asks at such an address has no session, so it is
/// for anybody.
fn machine(route: Route) -> Route {
    Route { kind: RouteKind::Machine, ..route }
}

/// Where Outlook asks, in whatever letters: servers it was made for do not tell capitals from small ones. What
/// it sends is no form of ours, so these addresses are for anybody and change nothing.
pub const AUTODISCOVER: &[&str] = &["/autodiscover/autodiscover.xml", "/autodiscover/autodiscover.json"];

/// Writes the path of a request that is one of [`AUTODISCOVER`] but for capitals as it stands in the table.
async fn in_small_letters(mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let known = AUTODISCOVER.iter().find(|known| path != **known && path.eq_ignore_ascii_case(known));
    if let Some(known) = known {
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = format!("{known}{query}").parse().ok();
        if let Ok(uri) = axum::http::Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    next.run(request).await
}

/// The rooms of the console, in the order of its navigation. A room that has a page is a line here.
const CONSOLE: &[console::Room] = &[
    casework::QUEUE_ROOM,
    casework::SITES_ROOM,
    casework::FROZEN_ROOM,
    casework::ATTENTION_ROOM,
    guidance::reviews::ROOM,
    service_status::ROOM,
];

/// The table of contents.
pub fn all() -> Vec<Route> {
    use Policy::{
        AccountHolder, Activating, Anyone, CaseWorker, Demo, HalfSignedIn, HolderHalfSignedIn, Registrant,
        SettingUpApp, StatusReader,
    };
    vec![
        on_get("/", Anyone, guidance::home::page),
        machine(on_get("/health", Anyone, health)),
        machine(on_get("/ready", Anyone, ready)),
        on_get("/session/stay", Anyone, stay),
        machine(on_get("/assets/{name}", Anyone, asset)),
        machine(on_get("/.well-known/mta-sts.txt", Anyone, mta_sts)),
        // The support site.
        on_get("/support", Anyone, guidance::home::support),
        on_get("/support/search", Anyone, guidance::search::page),
        on_get("/support/which-route", Anyone, guidance::which_route::page),
        on_get("/support/sections/{section}", Anyone, guidance::section::page),
        machine(on_get("/support/feed.xml", Anyone, guidance::feeds::feed)),
        on_get("/support/{article}", Anyone, guidance::article::page),
        on_post("/support/{article}/helpful", Anyone, guidance::article::vote),
        machine(on_get("/sitemap.xml", Anyone, guidance::feeds::sitemap)),
        machine(on_get("/robots.txt", Anyone, guidance::feeds::robots)),
        // Contacting support, and feedback.
        on_get("/contact", Anyone, guidance::contact::contact),
        on_get("/contact/{subject}", Anyone, guidance::contact::offer),
        on_get("/contact/{subject}/write", Anyone, guidance::contact::write_contact),
        on_post("/contact/{subject}/write", Anyone, guidance::contact::send_contact),
        on_get("/contact/{subject}/sent/{reference}", Anyone, guidance::contact::sent_contact),
        on_get("/feedback", Anyone, guidance::contact::feedback),
        on_get("/feedback/{subject}", Anyone, guidance::contact::write_feedback),
        on_post("/feedback/{subject}", Anyone, guidance::contact::send_feedback),
        on_get("/feedback/{subject}/sent/{reference}", Anyone, guidance::contact::sent_feedback),
        on_get("/service-status", Anyone, service_status::status::page),
        machine(on_get("/service-status/feed.xml", Anyone, service_status::status::feed)),
        // The log of the audit trail, for witnesses and auditors.
        machine(on_get("/audit/checkpoint", Anyone, service_status::audit_log::checkpoint)),
        machine(on_get("/audit/key", Anyone, service_status::audit_log::key)),
        machine(on_get("/audit/consistency/{old}", Anyone, service_status::audit_log::consistency)),
        machine(on_post("/audit/cosignatures", Anyone, service_status::audit_log::cosign)),
        // One site registers.
        on_get("/register", Anyone, registration::start::page),
        on_post("/register", Anyone, registration::start::begin),
        on_get("/register/return", Anyone, registration::resume::page),
        on_post("/register/return", Anyone, registration::resume::ask),
        on_post("/register/return/code", Anyone, registration::resume::open),
        on_get("/register/closed", Anyone, registration::resume::closed),
        on_post("/register/leave", Anyone, registration::resume::leave),
        on_get("/register/message-sent/{reference}", Anyone, registration::exits::message_sent),
        on_get("/register/mine", Registrant, registration::resume::mine),
        on_post("/register/mine", Registrant, registration::resume::choose),
        on_get("/register/sent", Registrant, registration::check_answers::sent),
        on_get("/register/summary", Registrant, registration::check_answers::summary),
        on_get("/register/site-codes", Registrant, registration::find_site::show_codes),
        on_post("/register/site-codes", Registrant, registration::find_site::save_codes),
        on_post("/register/email-code/again", Registrant, registration::email::again_code),
        on_post("/register/site-code/again", Registrant, registration::proof::again_site_code),
        on_get("/register/people/{place}", Registrant, registration::people::show_person),
        on_post("/register/people/{place}", Registrant, registration::people::save_person),
        on_get("/register/people/{place}/remove", Registrant, registration::people::show_remove),
        on_post("/register/people/{place}/remove", Registrant, registration::people::save_remove),
        on_get("/register/{page}", Registrant, registration::show),
        on_post("/register/{page}", Registrant, registration::save),
        // How a registration is doing, and stopping one.
        on_get("/registration", Anyone, registration::status::page),
        on_post("/registration", Anyone, registration::status::find),
        on_get("/registration/{reference}", Anyone, registration::status::show),
        on_post("/registration/{reference}/code", Anyone, registration::status::ask),
        on_post("/registration/{reference}/open", Anyone, registration::status::open),
        on_post("/registration/{reference}/answer", StatusReader, registration::status::answer),
        on_post("/registration/{reference}/withdraw", StatusReader, registration::status::withdraw),
        on_get("/stop/{token}", Anyone, casework::stop::page),
        on_post("/stop/{token}", Anyone, casework::stop::stop),
        // Activating an account.
        on_get("/activate", Anyone, my_account::new_link::page),
        on_post("/activate", Anyone, my_account::new_link::ask),
        on_get("/activate/link-sent", Anyone, my_account::new_link::sent),
        on_get("/activate/code", Activating, my_account::code::page),
        on_post("/activate/code", Activating, my_account::code::save),
        on_post("/activate/code/again", Activating, my_account::code::again),
        on_get("/activate/password", Activating, my_account::password::page),
        on_post("/activate/password", Activating, my_account::password::save),
        on_get("/activate/policy", Activating, my_account::policy::page),
        on_post("/activate/policy", Activating, my_account::policy::save),
        on_get("/activate/done", SettingUpApp, my_account::done::page),
        on_get("/activate/{token}", Anyone, my_account::start::page),
        on_post("/activate/{token}", Anyone, my_account::start::begin),
        // Account holders sign in and set up their authenticator app.
        on_get("/sign-in", Anyone, my_account::sign_in::page),
        on_post("/sign-in", Anyone, my_account::sign_in::sign_in),
        on_get("/sign-in/code", HolderHalfSignedIn, my_account::sign_in_code::page),
        on_post("/sign-in/code", HolderHalfSignedIn, my_account::sign_in_code::open),
        on_get("/sign-in/recovery-code", HolderHalfSignedIn, my_account::sign_in_code::recovery_page),
        on_post(
            "/sign-in/recovery-code",
            HolderHalfSignedIn,
            my_account::sign_in_code::open_with_recovery_code,
        ),
        on_get("/sign-in/text-code", HolderHalfSignedIn, my_account::text_code::page),
        on_post("/sign-in/text-code", HolderHalfSignedIn, my_account::text_code::open),
        on_post("/sign-in/text-code/again", HolderHalfSignedIn, my_account::text_code::again),
        on_get("/sign-in/app", SettingUpApp, my_account::set_up_app::page),
        on_post("/sign-in/app", SettingUpApp, my_account::set_up_app::confirm),
        on_post("/sign-out", AccountHolder, my_account::sign_in::sign_out),
        // Their own pages.
        on_get("/my-account", AccountHolder, my_account::overview::page),
        on_get("/my-account/mail-programs", AccountHolder, my_account::mail_programs::page),
        on_get("/my-account/mail-programs/add", AccountHolder, my_account::mail_programs::add_page),
        on_post("/my-account/mail-programs/add", AccountHolder, my_account::mail_programs::add),
        on_get(
            "/my-account/mail-programs/{id}/revoke",
            AccountHolder,
            my_account::mail_programs::revoke_page,
        ),
        on_post("/my-account/mail-programs/{id}/revoke", AccountHolder, my_account::mail_programs::revoke),
        on_get("/my-account/mail-programs/settings", AccountHolder, my_account::mail_settings::page),
        on_get(
            "/my-account/mail-programs/apple.mobileconfig",
            AccountHolder,
            my_account::mail_settings::apple,
        ),
        on_get("/my-account/security", AccountHolder, my_account::security::page),
        on_get("/my-account/security/app", AccountHolder, my_account::security::replace_page),
        on_post("/my-account/security/app", AccountHolder, my_account::security::replace),
        on_get("/my-account/security/recovery-codes", AccountHolder, my_account::recovery_codes::page),
        on_post("/my-account/security/recovery-codes", AccountHolder, my_account::recovery_codes::make),
        on_post(
            "/my-account/security/recovery-codes/written",
            AccountHolder,
            my_account::recovery_codes::written,
        ),
        on_get(
            "/my-account/security/sign-out-everywhere",
            AccountHolder,
            my_account::security::everywhere_page,
        ),
        on_post("/my-account/security/sign-out-everywhere", AccountHolder, my_account::security::everywhere),
        // What mail programs ask for by themselves.
        machine(on_get(
            "/.well-known/autoconfig/mail/config-v1.1.xml",
            Anyone,
            my_account::autoconfiguration::thunderbird,
        )),
        machine(on_get("/mail/config-v1.1.xml", Anyone, my_account::autoconfiguration::thunderbird)),
        machine(on_post(AUTODISCOVER[0], Anyone, my_account::autoconfiguration::outlook)),
        machine(on_get(AUTODISCOVER[1], Anyone, my_account::autoconfiguration::outlook_json)),
        // Case work.
        on_get("/casework/sign-in", Anyone, casework::sign_in::page),
        on_post("/casework/sign-in", Anyone, casework::sign_in::sign_in),
        on_get("/casework/sign-in/code", HalfSignedIn, casework::sign_in::code),
        on_post("/casework/sign-in/code", HalfSignedIn, casework::sign_in::open),
        on_post("/casework/sign-out", CaseWorker, casework::sign_in::sign_out),
        on_get("/casework", CaseWorker, casework::queue::page),
        on_get("/casework/cases/{id}", CaseWorker, casework::case::page),
        on_post("/casework/cases/{id}", CaseWorker, casework::case::act),
        on_get("/casework/cases/{id}/ask", CaseWorker, casework::ask::page),
        on_post("/casework/cases/{id}/ask", CaseWorker, casework::ask::save),
        on_get("/casework/cases/{id}/decline", CaseWorker, casework::decline::page),
        on_post("/casework/cases/{id}/decline", CaseWorker, casework::decline::save),
        on_get("/casework/enquiries/{id}", CaseWorker, service_desk::enquiry::page),
        on_post("/casework/enquiries/{id}", CaseWorker, service_desk::enquiry::act),
        on_get("/casework/sites", CaseWorker, casework::sites::page),
        on_get("/casework/sites/{id}", CaseWorker, casework::site::page),
        on_get("/casework/sites/{id}/give-access", CaseWorker, casework::site_access::give_page),
        on_post("/casework/sites/{id}/give-access", CaseWorker, casework::site_access::give),
        on_get("/casework/sites/{id}/add-address", CaseWorker, casework::site_access::add_page),
        on_post("/casework/sites/{id}/add-address", CaseWorker, casework::site_access::add),
        on_get("/casework/sites/{id}/people/{account}/{doing}", CaseWorker, casework::site_person::page),
        on_post("/casework/sites/{id}/people/{account}/{doing}", CaseWorker, casework::site_person::save),
        on_get("/casework/sites/{id}/freeze", CaseWorker, casework::frozen::site_page),
        on_post("/casework/sites/{id}/freeze", CaseWorker, casework::frozen::freeze_site),
        on_get("/casework/frozen", CaseWorker, casework::frozen::list),
        on_get("/casework/frozen/{id}", CaseWorker, casework::frozen::page),
        on_post("/casework/frozen/{id}", CaseWorker, casework::frozen::decide),
        on_get("/casework/attention", CaseWorker, casework::attention::page),
        on_post("/casework/attention/{id}/try-again", CaseWorker, casework::attention::try_again),
        on_post("/casework/attention/{id}/give-up", CaseWorker, casework::attention::give_up),
        on_get("/casework/registers", CaseWorker, casework::registers::page),
        on_get("/casework/registers/{id}", CaseWorker, casework::registers::held),
        on_post("/casework/registers/{id}/release", CaseWorker, casework::registers::release),
        on_post("/casework/registers/{id}/discard", CaseWorker, casework::registers::discard),
        on_get("/casework/mail", CaseWorker, casework::mail::page),
        on_post("/casework/mail/compare", CaseWorker, casework::mail::compare),
        on_get("/casework/articles", CaseWorker, guidance::reviews::page),
        on_get("/casework/status", CaseWorker, service_status::team::page),
        on_get("/casework/status/components/{component}", CaseWorker, service_status::team::component),
        on_post("/casework/status/components/{component}", CaseWorker, service_status::team::set_component),
        on_get("/casework/status/announce", CaseWorker, service_status::team::announce),
        on_post("/casework/status/announce", CaseWorker, service_status::team::make),
        on_get("/casework/status/announcements/{id}", CaseWorker, service_status::team::announcement),
        on_post("/casework/status/announcements/{id}", CaseWorker, service_status::team::change),
        // The demo.
        on_get("/demo/codes", Demo, casework::demo_codes::page),
        on_get("/demo/letters", Demo, demo_letters),
    ]
}

/// The router with its layers: round everything `layers::around`, round each route its policy. The
/// words of the support site are handed in, read and rendered.
pub fn router(app: &App, words: Arc<Library>) -> Router {
    let mut router = Router::new();
    for route in all() {
        let (policy, guard) = (route.policy, app.clone());
        let guarded = route.answer.layer(middleware::from_fn(move |request: Request, next: Next| {
            let guard = guard.clone();
            async move { admit(guard, policy, request, next).await }
        }));
        router = router.route(route.path, guarded);
    }
    let watcher = app.clone();
    let kinds: HashMap<&'static str, RouteKind> =
        all().into_iter().map(|route| (route.path, route.kind)).collect();
    let service = Arc::new(Service {
        name: app.settings.service_name.clone(),
        helpdesk_email: app.settings.helpdesk_email.clone(),
        helpdesk_telephone: app.settings.helpdesk_telephone.clone(),
        public_address: app.settings.public_address.clone(),
        key: app.key.clone(),
        clock: app.clock.clone(),
        trusted_proxies: app.settings.trusted_proxies,
        tls_in_front: app.settings.tls_in_front,
        demo: app.demo,
        notices: app.notices.clone(),
        help: &[("/contact", "Contact us"), ("/feedback", "Feedback"), ("/service-status", "Service status")],
        rooms: CONSOLE,
        kind_of: Box::new(move |path| kinds.get(path).copied().unwrap_or(RouteKind::Page)),
        watcher: Box::new(move |route, status, took| watcher.figures.answered(route, status, took)),
    });
    let routed = router
        .fallback(|| async { Interrupt::not_found() })
        .with_state(app.clone())
        .layer(Extension(words))
        .layer(middleware::from_fn_with_state(service, layers::around));
    // A layer runs when a route has been found, so what changes a path stands before all of them.
    Router::new().fallback_service(routed).layer(middleware::from_fn(in_small_letters))
}

async fn admit(app: App, policy: Policy, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match permits::admit(&app, policy, &mut parts).await {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(stop) => stop.into_response(),
    }
}

/// The figures for Prometheus, on a listener of their own.
pub fn metrics_router(app: &App) -> Router {
    let app = app.clone();
    Router::new().route("/metrics", get(move || async move { app.figures.text() }))
}

/// Where Dovecot reports sign-ins, on a listener of its own: `POST /sign-ins`, with the key that only
/// the mail servers have. What is reported counts as use of an account within seconds.
pub fn reports_router(app: &App) -> Router {
    let key = crate::mail::postfix_dovecot::report_key(&app.key);
    let (reports, waiting) = tokio::sync::mpsc::channel(REPORTS_MAX);
    tokio::spawn(note_reports(app.clone(), waiting));
    Router::new()
        .route(
            "/sign-ins",
            post(move |headers: axum::http::HeaderMap, body: axum::body::Bytes| {
                let (key, reports) = (key.clone(), reports.clone());
                async move {
                    use subtle::ConstantTimeEq;
                    let shown = headers.get("carepost-report").map_or(&b""[..], HeaderValue::as_bytes);
                    if !bool::from(shown.ct_eq(key.reveal().as_bytes())) {
                        return (StatusCode::FORBIDDEN, "").into_response();
                    }
                    if let Ok(report) = serde_json::from_slice::<SignInReport>(&body) {
                        // Where there is no room, one of many uses goes unnoticed, and nobody waits.
                        let _ = reports.try_send(report);
                    }
                    // Dovecot's word for "carry on".
                    ([(header::CONTENT_TYPE, "application/json")], "{\"status\":0,\"msg\":\"\"}")
                        .into_response()
                }
            }),
        )
        .layer(axum::extract::DefaultBodyLimit::max(16 * 1024))
}

/// Reports that may wait to be noted.
const REPORTS_MAX: usize = 10_000;
/// How long reports are gathered before they are noted together.
const REPORTS_GATHERED: std::time::Duration = std::time::Duration::from_secs(2);

async fn note_reports(app: App, mut waiting: tokio::sync::mpsc::Receiver<SignInReport>) {
    let mut some = Vec::new();
    while waiting.recv_many(&mut some, 1_000).await > 0 {
        let now = app.clock.now();
        if let Err(error) = upkeep::store::note_use(&app.database, now, std::mem::take(&mut some)).await {
            tracing::warn!(%error, "sign-ins with mail programs could not be noted");
        }
        tokio::time::sleep(REPORTS_GATHERED).await;
    }
}

/// GET /health: the program runs.
async fn health() -> &'static str {
    "alive\n"
}

/// GET /ready: the database answers, its tables are those of this program, and every cache is filled.
async fn ready(State(app): State<App>) -> Response {
    match readiness::why_not_ready(&app).await {
        None => (StatusCode::OK, "ready\n").into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

/// GET /session/stay: keeps the session open; answers the seconds it now has.
async fn stay(State(app): State<App>, visit: Visit) -> Result<String, Interrupt> {
    session::stay(&app, &visit).await?.map(|seconds| seconds.to_string()).ok_or_else(|| {
        Interrupt::refused(StatusCode::GONE, "This page has closed", "Open the page again to go on.")
    })
}

/// GET /.well-known/mta-sts.txt: how other mail servers should connect to ours (RFC 8461), on the host
/// `mta-sts.` of the mail domain.
async fn mta_sts(State(app): State<App>) -> String {
    crate::mail::postfix_dovecot::dns::mta_sts_policy(&app.settings)
}

/// GET /assets/{name}: part of the program, under a name that changes with its contents.
async fn asset(request: Request) -> Response {
    let Some(asset) = assets::find(request.uri().path()) else {
        return Interrupt::not_found().into_response();
    };
    let accepts = request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let (body, encoding) = asset.body(accepts);
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.mime));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = encoding.header() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// A letter as the demo shows it.
struct ShownLetter {
    to: String,
    subject: String,
    channel: &'static str,
    at: String,
    /// Text, with links that can be followed.
    parts: Vec<(String, bool)>,
}

#[derive(askama::Template)]
#[template(path = "demo_letters.html")]
struct LettersPage {
    layout: Layout,
    letters: Vec<ShownLetter>,
}

/// GET /demo/letters: what would have been sent.
async fn demo_letters(State(app): State<App>, visit: Visit, uri: axum::http::Uri) -> Answer {
    let to = crate::web::form::query(&uri).text("to").to_owned();
    let newest = crate::letter::store::list_newest(&app.database, &to).await?;
    let letters = newest
        .into_iter()
        .map(|letter| {
            let (code, link) = crate::sign_in::secrets::of_letter(&app, &letter);
            ShownLetter {
                to: letter.recipient.clone(),
                subject: letter.subject.clone(),
                channel: match letter.channel {
                    crate::letter::Channel::Email => "Email",
                    crate::letter::Channel::Text => "Text message",
                },
                at: letter.written_at.in_words(),
                parts: with_links(&letter.filled(&code, &link), &app.settings.public_address),
            }
        })
        .collect();
    show(&LettersPage { layout: visit.layout("Letters").back_to("/"), letters }, &Problems::none())
}

/// A text cut into words and our own links, so that a page can show the links as such.
fn with_links(text: &str, public_address: &str) -> Vec<(String, bool)> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(place) = rest.find(public_address) {
        let (before, from) = rest.split_at(place);
        let end = from.find(char::is_whitespace).unwrap_or(from.len());
        parts.push((before.to_owned(), false));
        parts.push((from[..end].to_owned(), true));
        rest = &from[end..];
    }
    parts.push((rest.to_owned(), false));
    parts
}
