//! What happens round every request, in this order: a number, the browser's secret, where it comes
//! from, what the kind of the route says of its body ([`doors`]), the handler (detached from the connection where it may
//! change something), the page of a refusal or fault, headers, one log line.

use super::browser;
use super::doors;
use super::network;
use super::page::{Fault, FaultKind, Interrupt, Service, Visit};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a page may take before we say so. Work that takes longer is done afterwards.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// The cookie that holds the browser's secret. `__Host-` ties it to this host, this path and TLS
/// (browsers take loopback for safe).
const COOKIE: &str = "__Host-carepost";

/// The cookie by which a browser is known that somebody was signed in with before.
const KNOWN_COOKIE: &str = "__Host-carepost-known";
/// Longest value of it that is read, in bytes.
const KNOWN_LETTERS_MAX: usize = 1_024;
/// How long browsers keep it: 180 days, in seconds.
const KNOWN_SECONDS: u32 = 15_552_000;

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
    let kind = (service.kind_of)(&route);
    let visit = Visit::new(
        Arc::clone(&service),
        number,
        kind,
        secret(&service, request.headers()).filter(|_| kind.has_session()),
        cookie(request.headers(), KNOWN_COOKIE)
            .filter(|value| kind.has_session() && value.len() <= KNOWN_LETTERS_MAX)
            .map(str::to_owned),
        network::of_request(&request, service.trusted_proxies),
        path,
    );
    request.extensions_mut().insert(visit.clone());

    let changes = !matches!(method, Method::GET | Method::HEAD | Method::OPTIONS);
    let prepared =
        if changes { doors::take_body(kind, request, &service, &visit).await } else { Ok(request) };
    let answered = match prepared {
        Err(interrupt) => Ok(interrupt.into_response()),
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

/// The browser's secret, if what it sends is one of ours.
fn secret(service: &Service, headers: &HeaderMap) -> Option<String> {
    cookie(headers, COOKIE).and_then(|value| browser::secret_of(&service.key, value))
}

fn cookie<'a>(headers: &'a HeaderMap, called: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == called)
        .map(|(_, value)| value)
}

fn finish(mut response: Response, visit: &Visit, service: &Service) -> Response {
    let kind = visit.kind();
    let has_body_of_ours = response.headers().get(header::CONTENT_TYPE).is_some();
    let interrupt = response
        .extensions_mut()
        .remove::<Interrupt>()
        .or_else(|| doors::of_router(kind, response.status(), has_body_of_ours));
    let rendered = interrupt
        .as_ref()
        .and_then(|interrupt| Some((interrupt.status(), doors::render(kind, interrupt, visit)?)));
    if let Some((status, (media_type, body))) = rendered {
        let (mut parts, _) = response.into_parts();
        parts.status = status;
        response = Response::from_parts(parts, axum::body::Body::from(body));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
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
    if let Some(value) = visit.cookie().filter(|_| is_page && !is_asset)
        && let Ok(value) =
            HeaderValue::from_str(&format!("{COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=Lax"))
    {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    if let Some(known_by) = visit.newly_known_by()
        && let Ok(value) = HeaderValue::from_str(&format!(
            "{KNOWN_COOKIE}={known_by}; Path=/; Max-Age={KNOWN_SECONDS}; Secure; HttpOnly; SameSite=Lax"
        ))
    {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}
