//! What happens round every request, in this order: a number, the browser's secret, where it comes
//! from, size limits, the forged-form check, the handler (detached from the connection where it may
//! change something), the page of a refusal or fault, headers, one log line.

use super::csrf;
use super::form::{Fields, TOKEN_FIELD};
use super::page::{Fault, FaultKind, Interrupt, Service, Visit, page_of};
use axum::body::Bytes;
use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http_body_util::{BodyExt, Limited};
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Largest form we take, in bytes. The longest honest one is a message of 4,000 letters.
const BODY_MAX: usize = 64 * 1024;
/// How long a browser may take to send a form: a slow telephone line needs seconds.
const BODY_LIMIT: Duration = Duration::from_secs(20);
/// How long a page may take before we say so. Work that takes longer is done afterwards.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// The cookie that holds the browser's secret. `__Host-` ties it to this host, this path and TLS
/// (browsers take loopback for safe).
const COOKIE: &str = "__Host-carepost";

/// What the browser may load and where a page may be shown: only our own, and nowhere else.
const CONTENT_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
     font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

/// The layer itself.
pub async fn around(State(service): State<Arc<Service>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let number = crate::id::hex(&crate::id::random_bytes::<5>()).to_ascii_uppercase();
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "(none)".to_owned(), |matched| matched.as_str().to_owned());
    let visit = Visit::new(
        Arc::clone(&service),
        number,
        cookie(request.headers()),
        network(&request, service.trusted_proxies),
        path,
    );
    request.extensions_mut().insert(visit.clone());

    let changes = !matches!(method, Method::GET | Method::HEAD | Method::OPTIONS);
    let prepared = match changes {
        true if service.non_form_routes.contains(&route.as_str()) => with_body(request).await,
        true => with_fields(request, &service, &visit).await,
        false => Ok(request),
    };
    let answered = match prepared {
        Err(stop) => Ok(stop.into_response()),
        Ok(request) => {
            let running = AssertUnwindSafe(next.run(request)).catch_unwind();
            let answered = if changes {
                // A task of its own: a browser that hangs up never leaves half a change.
                let joined = tokio::time::timeout(ANSWER_LIMIT, tokio::spawn(running)).await;
                joined.map(|joined| joined.unwrap_or_else(|error| Err(Box::new(error.to_string()))))
            } else {
                tokio::time::timeout(ANSWER_LIMIT, running).await
            };
            answered.unwrap_or_else(|_| Ok(too_slow(&route).into_response()))
        }
    };
    let response = answered.unwrap_or_else(|_| {
        Interrupt::fault(&format!("answering {route}"), "a handler panicked").into_response()
    });
    let response = finish(response, &visit, &service);
    let took = started.elapsed();
    (service.watcher)(&route, response.status().as_u16(), took);
    tracing::info!(
        request = visit.number(),
        %method,
        route,
        status = response.status().as_u16(),
        took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        "answered"
    );
    response
}

fn too_slow(route: &str) -> Interrupt {
    Interrupt::Fault(Fault {
        doing: format!("answering {route}"),
        cause: format!("it took longer than {} s", ANSWER_LIMIT.as_secs()),
        kind: FaultKind::Unavailable,
    })
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, value)| {
            *name == COOKIE && value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
        .map(|(_, value)| value.to_owned())
}

/// The address the request came from: the connection's own, or, behind trusted proxies, what the
/// outermost of them saw. Counted from our side, because whatever stands further left was written
/// by whoever asked.
fn network(request: &Request, trusted_proxies: u8) -> String {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map_or_else(|| "unknown".to_owned(), |ConnectInfo(address)| address.ip().to_string());
    if trusted_proxies == 0 {
        return peer;
    }
    let forwarded: Vec<&str> = request
        .headers()
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    forwarded
        .len()
        .checked_sub(usize::from(trusted_proxies))
        .and_then(|place| forwarded[place].parse::<std::net::IpAddr>().ok())
        .map_or(peer, |address| address.to_string())
}

/// Reads a form, refuses a forged one, and leaves the fields for the handler.
async fn with_fields(request: Request, service: &Service, visit: &Visit) -> Result<Request, Interrupt> {
    let forged = || {
        Interrupt::refused(
            StatusCode::FORBIDDEN,
            "This page is out of date",
            "Nothing was changed. The page was open for too long, was opened in another window, or your browser does not send our cookie.",
        )
        .then(visit.path().to_owned(), "Open the page again")
    };
    let had_cookie = cookie(request.headers()).is_some();
    if !had_cookie || csrf::is_from_elsewhere(request.headers(), &service.public_address) {
        return Err(forged());
    }
    let is_form = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(';').next() == Some("application/x-www-form-urlencoded"));
    if !is_form {
        return Err(Interrupt::refused(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "We could not read that form",
            "Go back and send the form from our page.",
        ));
    }
    let (mut parts, body) = request.into_parts();
    let body = read(body).await?;
    let fields = Fields::parse(&body);
    if !csrf::is_ours(&service.key, &visit.browser(), fields.text(TOKEN_FIELD)) {
        return Err(forged());
    }
    parts.extensions.insert(fields);
    Ok(Request::from_parts(parts, axum::body::Body::empty()))
}

/// A body that is no form of ours: what a program sends that has no session, no cookie and nothing to
/// forge with.
#[derive(Clone, Default)]
pub struct Body(pub Bytes);

impl<S: Send + Sync> FromRequestParts<S> for Body {
    type Rejection = Interrupt;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Interrupt> {
        Ok(parts.extensions.get::<Body>().cloned().unwrap_or_default())
    }
}

/// Reads a body within its limits and leaves it for the handler. No cookie goes along, so that nobody
/// is anybody there.
async fn with_body(request: Request) -> Result<Request, Interrupt> {
    let (mut parts, body) = request.into_parts();
    let body = read(body).await?;
    parts.extensions.insert(Body(body));
    Ok(Request::from_parts(parts, axum::body::Body::empty()))
}

/// The bytes of a body that is not too long and does not take too long.
async fn read(body: axum::body::Body) -> Result<Bytes, Interrupt> {
    match tokio::time::timeout(BODY_LIMIT, Limited::new(body, BODY_MAX).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_)) => Err(Interrupt::refused(
            StatusCode::PAYLOAD_TOO_LARGE,
            "That is too much text",
            "Nothing was changed. Go back, shorten your answer and send it again.",
        )),
        Err(_) => Err(Interrupt::refused(
            StatusCode::REQUEST_TIMEOUT,
            "Your form did not arrive",
            "The connection was too slow. Nothing was changed. Go back and try again.",
        )),
    }
}

fn finish(mut response: Response, visit: &Visit, service: &Service) -> Response {
    let stop = response.extensions_mut().remove::<Interrupt>().or_else(|| {
        // What the router answers by itself gets a page of ours, too.
        match response.status() {
            // A part of the address that cannot be read names no page.
            StatusCode::BAD_REQUEST => Some(Interrupt::not_found()),
            StatusCode::NOT_FOUND if response.headers().get(header::CONTENT_TYPE).is_none() => {
                Some(Interrupt::not_found())
            }
            StatusCode::METHOD_NOT_ALLOWED => Some(Interrupt::refused(
                StatusCode::METHOD_NOT_ALLOWED,
                "That page cannot be used in this way",
                "Go back and try again.",
            )),
            _ => None,
        }
    });
    if let Some(html) = stop.as_ref().and_then(|stop| page_of(stop, visit)) {
        let (mut parts, _) = response.into_parts();
        if parts.status == StatusCode::BAD_REQUEST {
            parts.status = StatusCode::NOT_FOUND;
        }
        response = Response::from_parts(parts, axum::body::Body::from(html));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.remove(header::CONTENT_LENGTH);
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
        }
    }
    let is_asset = visit.path().starts_with("/assets/");
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-security-policy", CONTENT_POLICY),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if service.tls_in_front {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=63072000; includeSubDomains"),
        );
    }
    if !is_asset {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Ok(number) = HeaderValue::from_str(visit.number()) {
        headers.insert("x-request-id", number);
    }
    // Assets and machine answers are the same for everybody and carry no cookie.
    let is_page =
        headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
            || response.status().is_redirection();
    if let Some(secret) = visit.cookie().filter(|_| is_page && !is_asset)
        && let Ok(value) =
            HeaderValue::from_str(&format!("{COOKIE}={secret}; Path=/; Secure; HttpOnly; SameSite=Lax"))
    {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}
