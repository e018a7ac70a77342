//! One POST, within limits: no redirects, no proxy unless configured, bounded time and answer, plain http only to this
//! host, and TLS roots loaded only when there is something to send.

use super::NotifyError;
use crate::secret::Secret;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Certificate, Client, Proxy, StatusCode, Url, redirect};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;
use tokio::sync::OnceCell;

/// Of an answer that refuses, this much is read and this much shown, bytes.
const ANSWER_BYTES: usize = 2048;
const SHOWN_CHARACTERS: usize = 200;
/// Of any other answer, this much is read so that the connection can be used again.
const DRAINED_BYTES: usize = 64 * 1024;
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// How the agent proves who it is.
#[derive(Clone)]
pub(super) enum Auth {
    None,
    Bearer(Secret),
    Basic(String, Secret),
}

impl Auth {
    fn secret(&self) -> Option<&Secret> {
        match self {
            Auth::None => None,
            Auth::Bearer(secret) | Auth::Basic(_, secret) => Some(secret),
        }
    }
}

/// A fault of the settings.
pub(super) struct Fault {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: &'static str,
}

/// An address to post to.
pub(super) struct Http {
    url: Url,
    auth: Auth,
    timeout: Duration,
    roots: Option<Vec<Certificate>>,
    proxy: Option<Proxy>,
    client: OnceCell<Client>,
}

impl Http {
    /// `path` is added to the path of `url`.
    pub(super) fn new(url: &str, path: &str, auth: Auth, timeout: Duration) -> Result<Http, Fault> {
        let fault =
            |message: String| Fault { code: "channel-url", message, help: "an address as https://host:port/path" };
        let mut url = Url::parse(url).map_err(|error| fault(format!("url: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(fault("url must begin with https:// or http:// and name a host".into()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Fault {
                code: "channel-url-secret",
                message: "url holds a user or a password".into(),
                help: "set user and password_file instead",
            });
        }
        if !path.is_empty() {
            let joined = format!("{}/{path}", url.path().trim_end_matches('/'));
            url.set_path(&joined);
        }
        Ok(Http { url, auth, timeout, roots: None, proxy: None, client: OnceCell::new() })
    }

    fn is_plain(&self) -> bool {
        self.url.scheme() == "http"
    }

    fn is_local(&self) -> bool {
        let host = self.url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Whether others can read along.
    pub(super) fn is_exposed(&self) -> bool {
        self.is_plain() && !self.is_local()
    }

    pub(super) fn allow_plain(&self, insecure: bool) -> Result<(), Fault> {
        if self.is_exposed() && !insecure {
            return Err(Fault {
                code: "channel-plain-http",
                message: "plain http to another host".into(),
                help: "use https, or set insecure_http = true if the way there is protected otherwise",
            });
        }
        Ok(())
    }

    pub(super) fn with_ca(mut self, file: Option<&Path>) -> Result<Http, Fault> {
        if let Some(file) = file {
            let fault = |why: String| Fault {
                code: "channel-ca",
                message: format!("ca_file {}: {why}", file.display()),
                help: "a file of certificates in PEM",
            };
            let text = std::fs::read(file).map_err(|error| fault(error.to_string()))?;
            let roots = Certificate::from_pem_bundle(&text).map_err(|error| fault(error.to_string()))?;
            if roots.is_empty() {
                return Err(fault("holds no certificate".into()));
            }
            self.roots = Some(roots);
        }
        Ok(self)
    }

    pub(super) fn with_proxy(mut self, proxy: Option<&str>) -> Result<Http, Fault> {
        if let Some(proxy) = proxy {
            let made = Proxy::all(proxy).map_err(|error| Fault {
                code: "channel-proxy",
                message: format!("proxy: {}", error.without_url()),
                help: "an address as http://host:port",
            })?;
            self.proxy = Some(made);
        }
        Ok(self)
    }

    fn make_client(&self) -> Result<Client, NotifyError> {
        // The second and later calls find a provider installed, which is what is wanted.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut builder = Client::builder()
            .user_agent(concat!("kuzet/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .http1_max_headers(64)
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(Duration::from_secs(30))
            .connect_timeout(CONNECT_TIME.min(self.timeout))
            .timeout(self.timeout)
            .no_proxy();
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(proxy.clone());
        }
        if let Some(roots) = &self.roots {
            builder = builder.tls_certs_only(roots.iter().cloned());
        } else if self.is_plain() {
            // No roots: some 140 certificates that nothing here would use.
            builder = builder.tls_certs_only([]);
        }
        builder.build().map_err(|error| NotifyError::Retry { reason: explain(&error), after: None })
    }

    /// Posts JSON. 2xx is taken; what speaks against this very notification is refused; all else may be tried again,
    /// also 401, 403, 404 and the like: they speak of the address or the credentials, which a person can mend.
    pub(super) async fn post(&self, headers: HeaderMap, body: Vec<u8>) -> Result<(), NotifyError> {
        let client = self.client.get_or_try_init(|| async { self.make_client() }).await?;
        let mut request = client.post(self.url.clone()).headers(headers).header("Content-Type", "application/json");
        request = match &self.auth {
            Auth::None => request,
            Auth::Bearer(token) => request.bearer_auth(token.expose()),
            Auth::Basic(user, password) => request.basic_auth(user, Some(password.expose())),
        };
        let retry = |error: reqwest::Error| NotifyError::Retry { reason: explain(&error), after: None };
        let mut response = request.body(body).send().await.map_err(retry)?;
        let status = response.status();
        let after = retry_after(response.headers());
        if status.is_success() {
            // Taken: what happens to the rest of the answer does not matter.
            drop(read(&mut response, DRAINED_BYTES).await);
            return Ok(());
        }
        let reason = match read(&mut response, ANSWER_BYTES).await {
            Ok(answer) => self.reason(status, &answer),
            Err(_) => self.reason(status, b""),
        };
        Err(if refuses(status) { NotifyError::Refused { reason } } else { NotifyError::Retry { reason, after } })
    }

    /// Status and the start of the answer, without control characters and without the secret, should it be echoed.
    fn reason(&self, status: StatusCode, answer: &[u8]) -> String {
        let text = String::from_utf8_lossy(answer);
        let echoed = self.auth.secret().is_some_and(|secret| text.contains(secret.expose()));
        let mut reason = format!("HTTP {}", status.as_u16());
        if status.is_redirection() {
            reason.push_str(" (redirects are not followed)");
        } else if !echoed && !text.trim().is_empty() {
            reason.push_str(": ");
            reason.extend(text.trim().chars().filter(|letter| !letter.is_control()).take(SHOWN_CHARACTERS));
        }
        reason
    }
}

/// Whether a status speaks against this notification, whatever comes later.
fn refuses(status: StatusCode) -> bool {
    status.is_client_error() && !matches!(status.as_u16(), 401 | 403 | 404 | 405 | 407 | 408 | 421 | 425 | 429)
}

/// `Retry-After` in seconds; the form with a date is rare and not read.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

async fn read(response: &mut reqwest::Response, most: usize) -> reqwest::Result<Vec<u8>> {
    let mut answer = Vec::new();
    while answer.len() < most {
        match response.chunk().await? {
            Some(chunk) => answer.extend_from_slice(&chunk[..chunk.len().min(most - answer.len())]),
            None => break,
        }
    }
    Ok(answer)
}

/// The error and its causes, without the address: paths of webhooks are often secrets.
fn explain(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".into();
    }
    let mut text = if error.is_connect() { "cannot connect".to_owned() } else { "not sent".to_owned() };
    let mut cause = std::error::Error::source(error);
    let mut last = String::new();
    while let Some(error) = cause {
        last = error.to_string();
        cause = error.source();
    }
    if !last.is_empty() {
        text.push_str(": ");
        text.push_str(&last);
    }
    text
}
