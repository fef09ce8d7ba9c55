//! A registrant's browser for the load driver: keeps its cookie, fills in forms, reads tokens.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::time::{Duration, Instant};

type Http = Client<HttpConnector, Full<Bytes>>;

pub fn http() -> Http {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).build(connector)
}

pub async fn is_ready(address: &str) -> bool {
    let request = Request::get(format!("{address}/ready")).body(Full::default()).expect("a request");
    match tokio::time::timeout(Duration::from_secs(1), http().request(request)).await {
        Ok(Ok(answer)) => answer.status() == StatusCode::OK,
        Ok(Err(_)) | Err(_) => false,
    }
}

/// One browser.
pub struct Browser {
    http: Http,
    address: String,
    cookie: String,
    pub token: String,
    /// The network that a proxy in front says it is on.
    pub network: Option<String>,
    /// How long each answer took.
    pub times: Vec<Duration>,
    pub failures: usize,
    /// Paces the requests, where set.
    pub pause: Duration,
}

/// A page as it came.
pub struct Page {
    pub status: u16,
    pub location: String,
    pub body: String,
}

impl Browser {
    pub fn new(http: Http, address: &str) -> Self {
        Browser {
            http,
            address: address.to_owned(),
            cookie: String::new(),
            token: String::new(),
            network: None,
            times: Vec::new(),
            failures: 0,
            pause: Duration::ZERO,
        }
    }

    async fn send(&mut self, method: &str, path: &str, body: String) -> Page {
        if !self.pause.is_zero() {
            tokio::time::sleep(self.pause).await;
        }
        let started = Instant::now();
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.address));
        if !self.cookie.is_empty() {
            request = request.header("cookie", &self.cookie);
        }
        if let Some(network) = &self.network {
            request = request.header("x-forwarded-for", network);
        }
        if method == "POST" {
            request = request
                .header("content-type", "application/x-www-form-urlencoded")
                .header("sec-fetch-site", "same-origin");
        }
        let request = request.body(Full::new(Bytes::from(body))).expect("a request");
        let answer = self.http.request(request).await.expect("the server answers");
        let status = answer.status().as_u16();
        for cookie in answer.headers().get_all("set-cookie") {
            let text = cookie.to_str().unwrap_or("");
            self.cookie = text.split(';').next().unwrap_or("").to_owned();
        }
        let location =
            answer.headers().get("location").and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
        let bytes = answer.into_body().collect().await.expect("the whole page").to_bytes();
        let body = String::from_utf8_lossy(&bytes).into_owned();
        self.times.push(started.elapsed());
        if status >= 500 {
            self.failures += 1;
        }
        if let Some((_, rest)) = body.split_once("name=\"form_token\" value=\"") {
            self.token = rest.split('"').next().unwrap_or("").to_owned();
        }
        Page { status, location, body }
    }

    pub async fn get(&mut self, path: &str) -> Page {
        self.send("GET", path, String::new()).await
    }

    /// Sends a form; answers what came, also where it leads elsewhere.
    pub async fn send_form(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let mut body = format!("form_token={}", self.token);
        for (name, value) in fields {
            body.push('&');
            body.push_str(name);
            body.push('=');
            body.push_str(&form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>());
        }
        self.send("POST", path, body).await
    }

    /// Sends a form and follows to the page it leads to, as a browser does.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let page = self.send_form(path, fields).await;
        if page.status == 303 {
            let location = page.location.clone();
            let mut next = self.get(&location).await;
            next.location = location;
            return next;
        }
        page
    }
}
