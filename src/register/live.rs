//! The door through which a register is asked over the network: one host, a key, a time limit, a
//! size limit, no redirects.

use super::AskError;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// The largest answer that is read, in bytes. The largest location body seen is 60 KB; ODS answers
/// may reach 10 MB, but one organisation is a few KB.
const ANSWER_MAX_BYTES: usize = 2 * 1024 * 1024;
/// How long connecting may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// CQC answers 403 to a request that does not say who asks.
const USER_AGENT: &str = concat!("carepost/", env!("CARGO_PKG_VERSION"));

/// A key for a register. It cannot be printed.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Key(String);

impl Key {
    pub fn new(key: &str) -> Self {
        Key(key.to_owned())
    }

    /// Whether no key was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "(no key)" } else { "(a key)" })
    }
}

/// What came back.
pub(super) enum RegisterAnswer {
    Body(String),
    /// The register answered that there is no such thing.
    Nothing,
}

/// An open way to one register.
pub(super) struct RegisterClient {
    client: reqwest::Client,
    base: reqwest::Url,
}

impl RegisterClient {
    pub(super) fn open(
        address: &str,
        key_header: &'static str,
        key: &Key,
        time_limit_ms: u64,
    ) -> Result<Self, String> {
        let mut base: reqwest::Url = address.parse().map_err(|_| format!("{address} is not an address"))?;
        let here = matches!(base.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        if base.scheme() != "https" && !here {
            return Err(format!("{address} must begin https://, so that the key is not sent in the clear"));
        }
        if !base.path().ends_with('/') {
            let path = format!("{}/", base.path());
            base.set_path(&path);
        }
        let mut headers = reqwest::header::HeaderMap::new();
        if !key.is_empty() {
            let mut value = reqwest::header::HeaderValue::from_str(&key.0)
                .map_err(|_| "the key has letters that cannot be sent".to_owned())?;
            value.set_sensitive(true);
            headers.insert(
                reqwest::header::HeaderName::from_bytes(key_header.as_bytes())
                    .map_err(|error| error.to_string())?,
                value,
            );
        }
        let tls = {
            use rustls_platform_verifier::BuilderVerifierExt;
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            rustls::ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .and_then(BuilderVerifierExt::with_platform_verifier)
                .map_err(|error| error.to_string())?
                .with_no_client_auth()
        };
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(USER_AGENT)
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_LIMIT)
            .timeout(Duration::from_millis(time_limit_ms))
            .build()
            .map_err(|error| chain(&error))?;
        Ok(RegisterClient { client, base })
    }

    /// Asks for one thing below the base address.
    pub(super) async fn ask(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<RegisterAnswer, AskError> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut answer = self
            .client
            .get(url)
            .header(reqwest::header::ACCEPT, "application/json, application/fhir+json")
            .send()
            .await
            .map_err(|error| AskError::Later(chain(&error)))?;
        let status = answer.status().as_u16();
        match status {
            200 => {}
            404 | 410 => return Ok(RegisterAnswer::Nothing),
            // 401 and 403: the key is wrong or missing. 400 and 422: we ask in a way that is no
            // longer understood. A redirect would leave the host we trust.
            400 | 401 | 403 | 422 => {
                return Err(AskError::Never(format!(
                    "it answered {status}; check the key and the address in the settings"
                )));
            }
            300..=399 => {
                return Err(AskError::Never(format!(
                    "it answered {status} and pointed elsewhere; check the address in the settings"
                )));
            }
            429 => return Err(AskError::Later("it is asked too often (429)".to_owned())),
            other => return Err(AskError::Later(format!("it answered {other}"))),
        }
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|error| AskError::Later(chain(&error)))? {
            if body.len() + part.len() > ANSWER_MAX_BYTES {
                return Err(AskError::Later("its answer was too long".to_owned()));
            }
            body.extend_from_slice(&part);
        }
        let body =
            String::from_utf8(body).map_err(|_| AskError::Later("its answer was not text".to_owned()))?;
        Ok(RegisterAnswer::Body(body))
    }
}

/// An error with its causes. The address is left out: it may hold what somebody typed.
fn chain(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it did not answer in time".to_owned();
    }
    let mut words = if error.is_connect() {
        "it could not be reached".to_owned()
    } else {
        "the conversation broke off".to_owned()
    };
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}
