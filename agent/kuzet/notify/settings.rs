//! What the configuration says of a channel, and what of it cannot be honoured.

use serde::Deserialize;
use std::path::PathBuf;

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
    /// Proxy to go through. The environment's proxies are not used.
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
    pub help: String,
}
