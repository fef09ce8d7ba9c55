//! The kinds of address there are, and what follows from the kind: which body is taken and how much of
//! it, whether the browser's session counts, the forged-form check, and how a refusal or a fault looks.
//!
//! | kind | body | session | forged-form check | problems, refusals and faults |
//! |---|---|---|---|---|
//! | page | a form, 64 KiB | yes | yes | a page |
//! | upload | a form with one file, the file to disk up to its limit | yes | yes | a page |
//! | API | JSON, 1 MiB | no | none is needed: no cookie counts | JSON (RFC 9457) |
//! | machine | anything, 64 KiB | no | none is needed: no cookie counts | a line of text |
//!
//! A route names its kind in the one table of routes; nothing else decides about any of these.

use super::csrf;
use super::form::{Fields, TOKEN_FIELD};
use super::page::{FaultKind, Interrupt, Service, Visit, page_of};
use axum::body::{Body as HttpBody, Bytes};
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use std::io::Write;
use std::time::Duration;

/// Largest form we take, in bytes. The longest honest one is a message of 4,000 letters.
const FORM_MAX: usize = 64 * 1024;
/// Largest JSON document a program may send, in bytes: a thousand people in one request.
const JSON_MAX: usize = 1024 * 1024;
/// How long a browser may take to send a form: a slow telephone line needs seconds.
const FORM_LIMIT: Duration = Duration::from_secs(20);
/// How long a file may take: 10 MiB over a slow line.
const FILE_LIMIT: Duration = Duration::from_secs(300);

/// What kind of address a route is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteKind {
    /// For people: pages and their forms.
    Page,
    /// For people: a form with one file of at most so many bytes.
    Upload { max_bytes: u64 },
    /// For the programs of an organisation.
    Api,
    /// What programs ask by themselves: mail programs, monitors, search engines.
    Machine,
}

impl RouteKind {
    /// Whether the cookie of a browser means anything here.
    pub fn has_session(self) -> bool {
        match self {
            RouteKind::Page | RouteKind::Upload { .. } => true,
            RouteKind::Api | RouteKind::Machine => false,
        }
    }
}

/// Takes the body of a request that may change something, as its route's kind says.
///
/// # Errors
/// The refusal of a body that is too long, too slow, of another kind, or forged.
pub(super) async fn take_body(
    kind: RouteKind,
    request: Request,
    service: &Service,
    visit: &Visit,
) -> Result<Request, Interrupt> {
    match kind {
        RouteKind::Page => with_fields(request, service, visit).await,
        RouteKind::Upload { max_bytes } => with_file(request, service, visit, max_bytes).await,
        RouteKind::Api => with_json(request).await,
        RouteKind::Machine => with_body(request, FORM_MAX).await,
    }
}

/// A body that is no form of ours: what a program sends that has no session and nothing to forge with.
#[derive(Clone, Default)]
pub struct Body(pub Bytes);

impl<S: Send + Sync> FromRequestParts<S> for Body {
    type Rejection = Interrupt;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Interrupt> {
        Ok(parts.extensions.get::<Body>().cloned().unwrap_or_default())
    }
}

/// A file that came with a form. It is deleted when the last copy of this goes.
#[derive(Clone, Debug)]
pub struct Uploaded {
    /// The name of the form's field.
    pub field: String,
    /// As the browser calls the file; nothing is to be opened by it.
    pub file_name: String,
    pub size_bytes: u64,
    pub file: std::sync::Arc<tempfile::TempPath>,
}

impl<S: Send + Sync> FromRequestParts<S> for Uploaded {
    type Rejection = Interrupt;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Interrupt> {
        let file = parts.extensions.get::<Uploaded>().cloned();
        file.ok_or_else(|| {
            Interrupt::refused(
                StatusCode::UNPROCESSABLE_ENTITY,
                "No file arrived",
                "Go back and choose a file.",
            )
        })
    }
}

fn forged(visit: &Visit) -> Interrupt {
    Interrupt::refused(
        StatusCode::FORBIDDEN,
        "This page is out of date",
        "Nothing was changed. The page was open for too long, was opened in another window, or your browser is blocking cookies.",
    )
    .then(visit.path().to_owned(), "Open the page again")
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("")
}

fn is_of_type(headers: &HeaderMap, wanted: &str) -> bool {
    content_type(headers).split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted))
}

fn unreadable_form() -> Interrupt {
    Interrupt::refused(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "We could not read that form",
        "Go back and send the form from our page.",
    )
}

/// Reads a form, refuses a forged one, and leaves the fields for the handler.
async fn with_fields(request: Request, service: &Service, visit: &Visit) -> Result<Request, Interrupt> {
    if !visit.had_cookie() || csrf::is_from_elsewhere(request.headers(), &service.public_address) {
        return Err(forged(visit));
    }
    if !is_of_type(request.headers(), "application/x-www-form-urlencoded") {
        return Err(unreadable_form());
    }
    let (mut parts, body) = request.into_parts();
    let fields = Fields::parse(&read(body, FORM_MAX).await?);
    if !csrf::is_ours(&service.key, &visit.browser(), fields.text(TOKEN_FIELD)) {
        return Err(forged(visit));
    }
    parts.extensions.insert(fields);
    Ok(Request::from_parts(parts, HttpBody::empty()))
}

/// Reads a form with a file, which goes to disk as it arrives. The form's token comes before the file, so
/// that nothing of a forged one is written.
async fn with_file(
    request: Request,
    service: &Service,
    visit: &Visit,
    max_bytes: u64,
) -> Result<Request, Interrupt> {
    if !visit.had_cookie() || csrf::is_from_elsewhere(request.headers(), &service.public_address) {
        return Err(forged(visit));
    }
    let boundary = multer::parse_boundary(content_type(request.headers())).map_err(|_| unreadable_form())?;
    let (mut parts, body) = request.into_parts();
    let reading = read_file(body, boundary, service, visit, max_bytes);
    let (fields, uploaded) = tokio::time::timeout(FILE_LIMIT, reading).await.map_err(|_| too_slow())??;
    parts.extensions.insert(fields);
    if let Some(uploaded) = uploaded {
        parts.extensions.insert(uploaded);
    }
    Ok(Request::from_parts(parts, HttpBody::empty()))
}

async fn read_file(
    body: HttpBody,
    boundary: String,
    service: &Service,
    visit: &Visit,
    max_bytes: u64,
) -> Result<(Fields, Option<Uploaded>), Interrupt> {
    let mut form = multer::Multipart::new(body.into_data_stream(), boundary);
    let (mut fields, mut read_bytes) = (Fields::default(), 0_usize);
    let mut uploaded: Option<Uploaded> = None;
    while let Some(mut field) = form.next_field().await.map_err(|_| unreadable_form())? {
        let name = field.name().unwrap_or("").to_owned();
        let Some(file_name) = field.file_name().map(str::to_owned) else {
            let mut text = Vec::new();
            while let Some(chunk) = field.chunk().await.map_err(|_| unreadable_form())? {
                read_bytes += chunk.len();
                if read_bytes > FORM_MAX {
                    return Err(too_long());
                }
                text.extend_from_slice(&chunk);
            }
            fields = fields.and(&name, &String::from_utf8_lossy(&text));
            continue;
        };
        if !csrf::is_ours(&service.key, &visit.browser(), fields.text(TOKEN_FIELD)) {
            return Err(forged(visit));
        }
        if uploaded.is_some() {
            return Err(unreadable_form());
        }
        let broken = |error: std::io::Error| Interrupt::fault("keeping an uploaded file", error);
        let mut file = tempfile::NamedTempFile::new().map_err(broken)?;
        let mut size_bytes = 0_u64;
        while let Some(chunk) = field.chunk().await.map_err(|_| unreadable_form())? {
            size_bytes += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            if size_bytes > max_bytes {
                return Err(Interrupt::refused(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "That file is too large",
                    &format!(
                        "Nothing was changed. A file here can have {} MB at most.",
                        max_bytes / 1_000_000
                    ),
                ));
            }
            file.write_all(&chunk).map_err(broken)?;
        }
        // A browser sends an empty part where no file was chosen.
        if !file_name.is_empty() {
            let file = std::sync::Arc::new(file.into_temp_path());
            uploaded = Some(Uploaded { field: name, file_name, size_bytes, file });
        }
    }
    if !csrf::is_ours(&service.key, &visit.browser(), fields.text(TOKEN_FIELD)) {
        return Err(forged(visit));
    }
    Ok((fields, uploaded))
}

async fn with_json(request: Request) -> Result<Request, Interrupt> {
    if !is_of_type(request.headers(), "application/json") {
        return Err(Interrupt::refused(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Unsupported media type",
            "Send application/json.",
        ));
    }
    with_body(request, JSON_MAX).await
}

/// Reads a body within its limits and leaves it for the handler.
async fn with_body(request: Request, most: usize) -> Result<Request, Interrupt> {
    let (mut parts, body) = request.into_parts();
    let body = read(body, most).await?;
    parts.extensions.insert(Body(body));
    Ok(Request::from_parts(parts, HttpBody::empty()))
}

/// The bytes of a body that is not too long and does not take too long.
async fn read(body: HttpBody, most: usize) -> Result<Bytes, Interrupt> {
    match tokio::time::timeout(FORM_LIMIT, Limited::new(body, most).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_)) => Err(too_long()),
        Err(_) => Err(too_slow()),
    }
}

fn too_long() -> Interrupt {
    Interrupt::refused(
        StatusCode::PAYLOAD_TOO_LARGE,
        "That is too much text",
        "Nothing was changed. Go back, shorten your answer and send it again.",
    )
}

fn too_slow() -> Interrupt {
    Interrupt::refused(
        StatusCode::REQUEST_TIMEOUT,
        "Your form did not arrive",
        "The connection was too slow. Nothing was changed. Go back and try again.",
    )
}

/// What the router answers by itself, as the interrupt it is.
pub(super) fn of_router(kind: RouteKind, status: StatusCode, has_body_of_ours: bool) -> Option<Interrupt> {
    match status {
        // A part of a page's address that cannot be read names no page.
        StatusCode::BAD_REQUEST if kind.has_session() => Some(Interrupt::not_found()),
        StatusCode::BAD_REQUEST => Some(Interrupt::refused(
            StatusCode::BAD_REQUEST,
            "Bad request",
            "The address or the body could not be read.",
        )),
        StatusCode::NOT_FOUND if !has_body_of_ours => Some(Interrupt::not_found()),
        StatusCode::METHOD_NOT_ALLOWED => Some(Interrupt::refused(
            StatusCode::METHOD_NOT_ALLOWED,
            "That page cannot be used in this way",
            "Go back and try again.",
        )),
        _ => None,
    }
}

/// How a refusal or a fault looks at a route of this kind: media type and body; nothing for a redirect.
pub(super) fn render(
    kind: RouteKind,
    interrupt: &Interrupt,
    visit: &Visit,
) -> Option<(&'static str, String)> {
    match kind {
        RouteKind::Page | RouteKind::Upload { .. } => {
            page_of(interrupt, visit).map(|html| ("text/html; charset=utf-8", html))
        }
        RouteKind::Api | RouteKind::Machine => {
            let (title, detail) = in_words(interrupt, visit)?;
            Some(match kind {
                RouteKind::Api => {
                    let status = interrupt.status().as_u16();
                    let problem = serde_json::json!({
                        "type": "about:blank",
                        "title": title,
                        "status": status,
                        "detail": detail,
                        "instance": format!("urn:carepost:request:{}", visit.number()),
                    });
                    ("application/problem+json", problem.to_string())
                }
                RouteKind::Machine | RouteKind::Page | RouteKind::Upload { .. } => {
                    ("text/plain; charset=utf-8", format!("{title}\n"))
                }
            })
        }
    }
}

fn in_words(interrupt: &Interrupt, visit: &Visit) -> Option<(String, String)> {
    match interrupt {
        Interrupt::Redirect(_) => None,
        Interrupt::Refused(refused) => {
            tracing::info!(request = visit.number(), status = refused.status.as_u16(), title = %refused.title, "refused");
            Some((refused.title.clone(), refused.words.join(" ")))
        }
        Interrupt::Fault(fault) => {
            tracing::error!(request = visit.number(), doing = %fault.doing, cause = %fault.cause, "fault");
            let (title, detail) = match fault.kind {
                FaultKind::Broken => ("Internal error", "Something of ours broke. Nothing more is known."),
                FaultKind::Unavailable | FaultKind::Full => ("Unavailable", "Try again in a moment."),
            };
            Some((title.to_owned(), detail.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, Timestamp};
    use crate::settings::Secret;
    use crate::web::notices::Notices;
    use crate::web::{Answer, layers};
    use axum::Router;
    use axum::http::Method;
    use axum::response::IntoResponse;
    use axum::routing::post;
    use std::sync::Arc;
    use tower::util::ServiceExt;

    const BROWSER: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn key() -> crate::settings::SecretKey {
        Secret::new([7; 32])
    }

    async fn told(fields: Fields) -> Answer {
        Ok(fields.text("name").to_owned().into_response())
    }

    async fn filed(fields: Fields, file: Uploaded) -> Answer {
        let text = std::fs::read_to_string(&**file.file).expect("the file is there");
        Ok(format!("{} {} {} {text}", fields.text("name"), file.file_name, file.size_bytes).into_response())
    }

    async fn heard(body: Body) -> Answer {
        Ok(String::from_utf8_lossy(&body.0).into_owned().into_response())
    }

    async fn broken() -> Answer {
        Err(Interrupt::fault("answering", "a test"))
    }

    fn service() -> Router {
        let service = Service {
            name: "Carepost".to_owned(),
            helpdesk_email: "helpdesk@carepost.example".to_owned(),
            helpdesk_telephone: "01632 960 001".to_owned(),
            public_address: "https://carepost.example".to_owned(),
            key: key(),
            clock: Clock::still(Timestamp::from_milliseconds(0)),
            trusted_proxies: 0,
            tls_in_front: false,
            demo: false,
            notices: Notices::new(crate::cache::Caches::default().filled(crate::cache::Cache::Notices)),
            help: &[],
            rooms: &[],
            kind_of: Box::new(|path| match path {
                "/upload" => RouteKind::Upload { max_bytes: 1_000 },
                "/api" | "/api/broken" => RouteKind::Api,
                "/machine" => RouteKind::Machine,
                _ => RouteKind::Page,
            }),
            watcher: Box::new(|_, _, _| {}),
        };
        Router::new()
            .route("/page", post(told))
            .route("/upload", post(filed))
            .route("/api", post(heard))
            .route("/api/broken", post(broken))
            .route("/machine", post(heard))
            .layer(axum::middleware::from_fn_with_state(Arc::new(service), layers::around))
    }

    /// Status, media type and body of the answer.
    async fn ask(path: &str, media_type: &str, body: Vec<u8>, cookie: bool) -> (u16, String, String) {
        let mut request =
            Request::builder().method(Method::POST).uri(path).header("content-type", media_type);
        if cookie {
            request = request.header(
                "cookie",
                format!("__Host-carepost={}", crate::web::browser::cookie_value(&key(), BROWSER)),
            );
        }
        let request = request.body(HttpBody::from(body)).expect("a request");
        let response = service().oneshot(request).await.expect("answered");
        let kind = response.headers().get("content-type").map_or("", |kind| kind.to_str().expect("text"));
        let (status, kind) = (response.status().as_u16(), kind.to_owned());
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        (status, kind, String::from_utf8_lossy(&body).into_owned())
    }

    fn multipart(token: &str, file: &str) -> Vec<u8> {
        format!(
            "--x\r\nContent-Disposition: form-data; name=\"{TOKEN_FIELD}\"\r\n\r\n{token}\r\n--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nAmy\r\n--x\r\nContent-Disposition: form-data; name=\"people\"; filename=\"people.csv\"\r\nContent-Type: text/csv\r\n\r\n{file}\r\n--x--\r\n"
        )
        .into_bytes()
    }

    const FORM: &str = "application/x-www-form-urlencoded";
    const FILE: &str = "multipart/form-data; boundary=x";

    #[tokio::test]
    async fn pages_take_forms_of_their_own_session_and_answer_in_html() {
        let token = csrf::token(&key(), BROWSER);
        let form = format!("{TOKEN_FIELD}={token}&name=Amy").into_bytes();
        assert_eq!(ask("/page", FORM, form.clone(), true).await.2, "Amy");
        for (media_type, body, cookie, status) in [
            (FORM, form.clone(), false, 403),
            (FORM, b"name=Amy".to_vec(), true, 403),
            ("application/json", b"{}".to_vec(), true, 415),
            (FORM, [form, vec![b'a'; FORM_MAX]].concat(), true, 413),
        ] {
            let (seen, kind, body) = ask("/page", media_type, body, cookie).await;
            assert_eq!((seen, kind.as_str()), (status, "text/html; charset=utf-8"));
            assert!(body.contains("<h1"), "{body}");
        }
    }

    #[tokio::test]
    async fn uploads_stream_one_file_to_disk_and_keep_nothing_of_forged_or_large_ones() {
        let token = csrf::token(&key(), BROWSER);
        let (status, _, body) = ask("/upload", FILE, multipart(&token, "a,b"), true).await;
        assert_eq!((status, body.as_str()), (200, "Amy people.csv 3 a,b"));
        assert_eq!(ask("/upload", FILE, multipart(&token, &"a".repeat(1_001)), true).await.0, 413);
        assert_eq!(ask("/upload", FILE, multipart("forged", "a,b"), true).await.0, 403);
        assert_eq!(ask("/upload", FILE, multipart(&token, "a,b"), false).await.0, 403);
        assert_eq!(ask("/upload", FORM, b"name=Amy".to_vec(), true).await.0, 415);
        let cut = multipart(&token, "a,b")[..200].to_vec();
        assert_eq!(ask("/upload", FILE, cut, true).await.0, 415);
    }

    #[tokio::test]
    async fn programs_get_json_problems_and_no_session() {
        let json = "application/json";
        assert_eq!(
            ask("/api", json, b"{\"a\":1}".to_vec(), true).await,
            (200, "text/plain; charset=utf-8".to_owned(), "{\"a\":1}".to_owned())
        );
        for (media_type, path, body, status) in [
            (FORM, "/api", b"a=1".to_vec(), 415),
            (json, "/api", vec![b' '; JSON_MAX + 1], 413),
            (json, "/api/broken", b"{}".to_vec(), 500),
        ] {
            let (seen, kind, body) = ask(path, media_type, body, false).await;
            assert_eq!((seen, kind.as_str()), (status, "application/problem+json"));
            let problem: serde_json::Value = serde_json::from_str(&body).expect("JSON");
            assert_eq!(problem["status"], status);
            assert!(
                problem["instance"].as_str().is_some_and(|text| text.starts_with("urn:carepost:request:"))
            );
        }
    }

    #[tokio::test]
    async fn machines_may_send_anything_short_and_hear_a_line_of_text() {
        assert_eq!(ask("/machine", "text/xml", b"<a/>".to_vec(), false).await.2, "<a/>");
        let (status, kind, body) = ask("/machine", "text/xml", vec![b'a'; FORM_MAX + 1], false).await;
        assert_eq!((status, kind.as_str()), (413, "text/plain; charset=utf-8"));
        assert_eq!(body.lines().count(), 1, "{body}");
    }
}
