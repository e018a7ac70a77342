//! What a person configures: one TOML file, read once, refused as a whole when anything in it is wrong.
//!
//! With no file the agent looks around itself ([`discover`]) and works on embedded defaults.

mod calendar;
mod content;
pub mod discover;
mod file;
mod folder;
mod imprint;
pub mod init;
mod map;
mod place;
mod pool;
mod rules;
pub mod shipped;
mod stream;
mod watched;

pub use calendar::calendar;
pub use content::Content;
pub use file::{load_text, read_guarded};
pub use folder::{FolderConfig, InventorySettings, own};
pub use imprint::{Difference, Imprint, files};
pub use place::{LoadedPlace, PlaceSettings, told};
pub use pool::PoolConfig;
pub use rules::{LoadedRules, RuleSettings};
pub use watched::{LOOK, Watched};

use crate::database::DatabaseConfig;
use crate::notify::ChannelSettings;
use crate::source::stream::StreamSettings;
use kuzet_decode::Mapping;
use kuzet_detect::{Diagnostic, Thresholds};
use kuzet_incident::FoldConfig;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Where the configuration is looked for when none is named.
pub const DEFAULT_PATH: &str = "/etc/kuzet/kuzet.toml";

/// Everything `run` needs, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// File it came from; `None` when nothing is configured.
    pub path: Option<PathBuf>,
    /// Name of this host in alerts and incidents.
    pub host: String,
    /// Directory of the store and the pseudonym key.
    pub state: PathBuf,
    /// Offset from UTC of working hours and of logs that name no zone, in seconds.
    pub offset_seconds: i32,
    /// Logs to follow.
    pub sources: Vec<SourceConfig>,
    /// Servers to ask what their logs do not tell.
    pub databases: Vec<DatabaseConfig>,
    /// Roles that many people share.
    pub pools: Vec<PoolConfig>,
    /// Folders of files.
    pub folders: Vec<FolderConfig>,
    /// How often they are looked at.
    pub inventory: InventorySettings,
    /// Catalogue of stores of personal data.
    pub catalogue: Option<PathBuf>,
    /// Access policy.
    pub policy: Option<PathBuf>,
    /// What is declared to be noise.
    pub suppressions: Option<PathBuf>,
    /// Sigma rules.
    pub rules: RuleSettings,
    /// Where addresses are, and who may be sent personal data.
    pub place: PlaceSettings,
    /// Address of `/metrics`; `None` switches it off.
    pub metrics: Option<SocketAddr>,
    /// Channels that are told of incidents.
    pub notify: Vec<ChannelSettings>,
    /// Thresholds of the detectors.
    pub thresholds: Thresholds,
    /// When a story ends.
    pub fold: FoldConfig,
    /// How long closed incidents, gaps and dead letters are kept.
    pub keep: Duration,
    /// How often a silent log is looked at when no file system event arrives.
    pub poll: Duration,
    /// The agent's own log.
    pub log: crate::log::Settings,
}

/// One `[[source]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceConfig {
    /// Name, unique; label of metrics.
    pub name: String,
    /// Name of a log format, or `None` to recognise it from the first bytes.
    pub format: Option<String>,
    /// Paths or glob patterns.
    pub paths: Vec<String>,
    /// PostgreSQL data directory whose `current_logfiles` names the file to follow.
    pub data_directory: Option<PathBuf>,
    /// PostgreSQL `log_line_prefix`, for the stderr format.
    pub log_line_prefix: Option<String>,
    /// Offset from UTC of stamps without a zone (server_audit), in seconds; `None` is the agent's own.
    pub offset_seconds: Option<i32>,
    /// Whether files that exist at the very first start are read from their beginning.
    pub from_beginning: bool,
    /// What is watched where it is no file.
    pub stream: Option<StreamSettings>,
    /// What the fields of a mapped journal mean.
    pub map: Option<Arc<Mapping>>,
}

impl Config {
    /// Reads `path`, or the default place, or looks around. Every fault is reported; none is repaired silently.
    ///
    /// # Errors
    /// All faults of the file, or that it cannot be read or is writable by others.
    pub fn load(path: Option<&Path>) -> Result<(Config, Vec<Diagnostic>), Vec<Diagnostic>> {
        match path {
            Some(path) => file::load(path),
            None if Path::new(DEFAULT_PATH).exists() => file::load(Path::new(DEFAULT_PATH)),
            None => Ok((Config::embedded(), Vec::new())),
        }
    }

    /// The state directory that a configuration names, however broken the rest of it may be: the first line of it that
    /// sets `state` at its beginning.
    #[must_use]
    pub fn state_of(path: Option<&Path>) -> Option<PathBuf> {
        let path = path.unwrap_or(Path::new(DEFAULT_PATH));
        let text = read_guarded(path).ok()?;
        let top = text.lines().take_while(|line| !line.trim_start().starts_with('['));
        let mut set = top.filter_map(|line| toml::from_str::<toml::Table>(line).ok()?.remove("state"));
        let state = set.find_map(|state| Some(PathBuf::from(state.as_str()?)));
        Some(state.map_or_else(default_state, |state| path.parent().unwrap_or(Path::new("/")).join(state)))
    }

    /// Embedded defaults, with the sources found on this host.
    #[must_use]
    pub fn embedded() -> Config {
        let (mut sources, folders) = (discover::everything(), discover::folders(Path::new("/")));
        folder::watch(&folders, &mut sources);
        Config {
            path: None,
            host: hostname(),
            state: default_state(),
            offset_seconds: KAZAKHSTAN_OFFSET,
            sources,
            databases: Vec::new(),
            pools: Vec::new(),
            folders,
            inventory: InventorySettings::default(),
            catalogue: None,
            policy: None,
            suppressions: None,
            rules: RuleSettings::default(),
            place: PlaceSettings::default(),
            metrics: Some(DEFAULT_METRICS),
            notify: Vec::new(),
            thresholds: Thresholds::default(),
            fold: FoldConfig::default(),
            keep: KEEP,
            poll: Duration::from_secs(1),
            log: crate::log::Settings::default(),
        }
    }
}

/// Kazakhstan is at UTC+5 as a whole since 1 March 2024; older zone files of hosts say +6, so none is read.
pub const KAZAKHSTAN_OFFSET: i32 = 5 * 3600;

/// Longer than the year after which a yearly review looks back.
pub const KEEP: Duration = Duration::from_secs(400 * 24 * 3600);

/// Loopback only: metrics name hosts and stores.
pub const DEFAULT_METRICS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9478);

/// The kernel's host name, or `localhost`.
#[must_use]
pub fn hostname() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

/// `/var/lib/kuzet` for root and for the account of the service, whose folder that is, otherwise the user's own state directory.
fn default_state() -> PathBuf {
    let (system, account) = (Path::new("/var/lib/kuzet"), rustix::process::geteuid());
    if account.is_root() {
        return system.to_owned();
    }
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let own = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).or_else(home);
    let own = own.unwrap_or_else(|| PathBuf::from(".")).join("kuzet");
    // What is there already is gone on with.
    if !own.exists() && rustix::fs::stat(system).is_ok_and(|stat| stat.st_uid == account.as_raw()) {
        return system.to_owned();
    }
    own
}
