//! What the configuration says of a channel, and what of it cannot be honoured.

use super::http::{Auth, Http};
use super::{Backoff, alertmanager, jsonlines, webhook};
use crate::secret::{self, Secret};
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The notifiers there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelKind {
    /// Alertmanager, API version 2.
    Alertmanager,
    /// POST of JSON.
    Webhook,
    /// A JSON document a line, to a file or to standard output.
    JsonLines,
    /// Text for a person, to standard error.
    Terminal,
}

impl ChannelKind {
    /// Every kind, for lists.
    pub const ALL: [ChannelKind; 4] =
        [ChannelKind::Alertmanager, ChannelKind::Webhook, ChannelKind::JsonLines, ChannelKind::Terminal];

    /// Name in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ChannelKind::Alertmanager => "alertmanager",
            ChannelKind::Webhook => "webhook",
            ChannelKind::JsonLines => "jsonlines",
            ChannelKind::Terminal => "terminal",
        }
    }
}

/// One `[[notify]]` table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelSettings {
    /// Name: label of the channel's metrics, key of its rows in the outbox. Kept over restarts.
    pub name: String,
    /// Which notifier.
    pub kind: Option<ChannelKind>,
    /// Alertmanager: base address. Webhook: the address itself.
    pub url: Option<String>,
    /// Plain `http` to another host is refused unless this is set; then it is a warning.
    #[serde(default)]
    pub insecure_http: bool,
    /// Certificates (PEM) of the authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Proxy to go through (`http://…`). The environment's proxies are not used.
    pub proxy: Option<String>,
    /// File with a bearer token; readable by its owner only.
    pub token_file: Option<PathBuf>,
    /// Environment variable with a bearer token.
    pub token_env: Option<String>,
    /// User of basic authentication.
    pub user: Option<String>,
    /// File with the password of basic authentication; readable by its owner only.
    pub password_file: Option<PathBuf>,
    /// Environment variable with the password of basic authentication.
    pub password_env: Option<String>,
    /// Webhook: file with the key of the signature (Standard Webhooks, `whsec_…`); readable by its owner only.
    pub secret_file: Option<PathBuf>,
    /// Webhook: environment variable with the key of the signature.
    pub secret_env: Option<String>,
    /// Time for one attempt, seconds; 10 unless set.
    pub timeout_seconds: Option<u64>,
    /// Alertmanager: alerts of open incidents are sent again this often, seconds; 60 unless set.
    pub resend_seconds: Option<u64>,
    /// Alertmanager: link of every alert (`generatorURL`).
    pub generator_url: Option<String>,
    /// A notification is given up after this time, seconds; 7 days unless set.
    pub dead_after_seconds: Option<u64>,
    /// A notification is given up after this many attempts; without limit unless set.
    pub max_attempts: Option<u32>,
    /// JSON lines: file, made with mode 0600; standard output when absent.
    pub path: Option<PathBuf>,
}

/// A channel that cannot be honoured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("channel {channel:?}: {message}")]
pub struct SettingsError {
    /// Name of the channel.
    pub channel: String,
    /// Stable code.
    pub code: &'static str,
    /// What is wrong, without secrets.
    pub message: String,
    /// What a person can do.
    pub help: &'static str,
}

/// What a notifier is made of.
pub(super) enum Plan {
    Alertmanager(alertmanager::Plan),
    Webhook(webhook::Plan),
    JsonLines(jsonlines::Plan),
    Terminal,
}

/// A channel that can be honoured.
pub(super) struct Channel {
    pub(super) name: String,
    pub(super) plan: Arc<Plan>,
    pub(super) backoff: Backoff,
    pub(super) dead_after: Duration,
    pub(super) max_attempts: u32,
}

impl ChannelSettings {
    /// Resolves the settings, reading the secrets. `host` names this host in alerts.
    pub(super) fn resolve(&self, host: &str) -> Result<Channel, Vec<SettingsError>> {
        let mut faults = Faults { channel: &self.name, all: Vec::new() };
        let named = !self.name.is_empty()
            && self.name.len() <= 64
            && self.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if !named {
            faults.add("channel-name", "the name must be 1 to 64 letters, digits, -, _ or .", "set name");
        }
        let Some(kind) = self.kind else {
            faults.add("channel-kind", "kind is missing", "set kind to alertmanager, webhook, jsonlines or terminal");
            return Err(faults.all);
        };
        self.refuse_foreign(kind, &mut faults);
        let plan = match kind {
            ChannelKind::Alertmanager => self.alertmanager(host, &mut faults).map(Plan::Alertmanager),
            ChannelKind::Webhook => self.webhook(&mut faults).map(Plan::Webhook),
            ChannelKind::JsonLines => Some(Plan::JsonLines(jsonlines::Plan { path: self.path.clone() })),
            ChannelKind::Terminal => Some(Plan::Terminal),
        };
        match plan {
            Some(plan) if faults.all.is_empty() => Ok(Channel {
                name: self.name.clone(),
                plan: Arc::new(plan),
                backoff: Backoff::default(),
                dead_after: Duration::from_secs(self.dead_after_seconds.unwrap_or(7 * 24 * 3600)),
                max_attempts: self.max_attempts.unwrap_or(u32::MAX),
            }),
            _ => Err(faults.all),
        }
    }

    /// Settings that this kind does not know would be silently without effect.
    fn refuse_foreign(&self, kind: ChannelKind, faults: &mut Faults<'_>) {
        use ChannelKind::{Alertmanager, JsonLines, Webhook};
        let both: &[ChannelKind] = &[Alertmanager, Webhook];
        let given: [(&str, bool, &[ChannelKind]); 14] = [
            ("url", self.url.is_some(), both),
            ("insecure_http", self.insecure_http, both),
            ("ca_file", self.ca_file.is_some(), both),
            ("proxy", self.proxy.is_some(), both),
            ("token_file", self.token_file.is_some(), both),
            ("token_env", self.token_env.is_some(), both),
            ("user", self.user.is_some(), both),
            ("password_file", self.password_file.is_some(), both),
            ("password_env", self.password_env.is_some(), both),
            ("timeout_seconds", self.timeout_seconds.is_some(), both),
            ("secret_file", self.secret_file.is_some(), &[Webhook]),
            ("secret_env", self.secret_env.is_some(), &[Webhook]),
            ("resend_seconds", self.resend_seconds.is_some(), &[Alertmanager]),
            ("path", self.path.is_some(), &[JsonLines]),
        ];
        for (field, set, kinds) in given {
            if set && !kinds.contains(&kind) {
                let message = format!("{field} means nothing to kind {:?}", kind.name());
                faults.add("channel-field", &message, "remove it");
            }
        }
        if self.generator_url.is_some() && kind != Alertmanager {
            faults.add("channel-field", "generator_url is for kind \"alertmanager\"", "remove it");
        }
    }

    fn alertmanager(&self, host: &str, faults: &mut Faults<'_>) -> Option<alertmanager::Plan> {
        let resend = self.resend_seconds.unwrap_or(60);
        if !(1..=3600).contains(&resend) {
            faults.add("channel-resend", "resend_seconds must be from 1 to 3600", "leave it out for 60");
        }
        let http = self.http("api/v2/alerts", faults)?;
        Some(alertmanager::Plan {
            http,
            host: host.to_owned(),
            resend: Duration::from_secs(resend),
            generator: self.generator_url.clone(),
        })
    }

    fn webhook(&self, faults: &mut Faults<'_>) -> Option<webhook::Plan> {
        let secret = faults.secret("secret", self.secret_file.as_deref(), self.secret_env.as_deref());
        let key = match secret.map(|secret| webhook::Key::new(&secret)).transpose() {
            Ok(key) => key,
            Err(message) => {
                faults.add("channel-key", &message, "make one: echo whsec_$(openssl rand -base64 32)");
                None
            }
        };
        Some(webhook::Plan { http: self.http("", faults)?, key })
    }

    fn http(&self, path: &str, faults: &mut Faults<'_>) -> Option<Http> {
        let token = faults.secret("token", self.token_file.as_deref(), self.token_env.as_deref());
        let password = faults.secret("password", self.password_file.as_deref(), self.password_env.as_deref());
        let auth = match (token, &self.user, password) {
            (None, None, None) => Auth::None,
            (Some(token), None, None) => Auth::Bearer(token),
            (None, Some(user), Some(password)) => Auth::Basic(user.clone(), password),
            _ => {
                let help = "set a token, or user and password_file";
                faults.add("channel-auth", "user and password belong together, and exclude a token", help);
                Auth::None
            }
        };
        let timeout = self.timeout_seconds.unwrap_or(10);
        if !(1..=120).contains(&timeout) {
            faults.add("channel-timeout", "timeout_seconds must be from 1 to 120", "leave it out for 10");
        }
        let Some(url) = self.url.as_deref() else {
            faults.add("channel-url", "url is missing", "set url");
            return None;
        };
        let made = Http::new(url, path, auth, Duration::from_secs(timeout)).and_then(|http| {
            http.allow_plain(self.insecure_http)?;
            http.with_ca(self.ca_file.as_deref())?.with_proxy(self.proxy.as_deref())
        });
        match made {
            Ok(http) => {
                if http.is_exposed() {
                    tracing::warn!(channel = self.name, "plain http: whoever is on the way reads what is told");
                }
                Some(http)
            }
            Err(fault) => {
                faults.add(fault.code, &fault.message, fault.help);
                None
            }
        }
    }
}

struct Faults<'a> {
    channel: &'a str,
    all: Vec<SettingsError>,
}

impl Faults<'_> {
    fn add(&mut self, code: &'static str, message: &str, help: &'static str) {
        self.all.push(SettingsError { channel: self.channel.into(), code, message: message.into(), help });
    }

    fn secret(&mut self, what: &str, file: Option<&std::path::Path>, variable: Option<&str>) -> Option<Secret> {
        let read = match (file, variable) {
            (None, None) => return None,
            (Some(file), None) => secret::from_file(file),
            (None, Some(variable)) => secret::from_environment(variable),
            (Some(_), Some(_)) => Err(format!("{what} comes from a file or from the environment, not both")),
        };
        match read {
            Ok(secret) => Some(secret),
            Err(message) => {
                self.add("channel-secret", &message, "keep it in a file of mode 0600 that the agent's user owns");
                None
            }
        }
    }
}
