//! Looks around on this host: which database servers run or are installed, where they log, and what their settings
//! are.
//!
//! Reads process arguments and configuration files only; connects to nothing and changes nothing.

mod folders;
mod mariadb;
mod postgresql;

pub use folders::folders;
pub use mariadb::audits;

use super::SourceConfig;
use crate::source::stream::{SensorSettings, StreamSettings};
use kuzet_event::System;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Most processes that are looked at.
const MAX_PROCESSES: usize = 65_536;

/// Largest configuration file of a server that is read.
const MAX_BYTES: u64 = 1 << 20;

/// A database server found on this host.
#[derive(Clone, Debug)]
pub struct Server {
    /// Software.
    pub system: System,
    /// Process id, when it runs.
    pub pid: Option<u32>,
    /// Data directory.
    pub data_directory: PathBuf,
    /// Settings read from files and arguments, names in lower case.
    pub settings: BTreeMap<String, String>,
    /// The log to follow, when the server writes one that tells who did what.
    pub source: Option<SourceConfig>,
    /// Logs that tell more of the same: volumes, and what the first one may hide.
    pub more: Vec<SourceConfig>,
    /// The file of its settings, if that cannot be read: what is known of them is then a guess.
    pub unreadable: Option<PathBuf>,
}

/// Every PostgreSQL and MariaDB server under `root` (`/`, or a test's directory), running ones first.
#[must_use]
pub fn find(root: &Path) -> Vec<Server> {
    let processes = processes(&root.join("proc"));
    let mut servers = postgresql::find(root, &processes);
    servers.extend(mariadb::find(root, &processes));
    servers
}

/// Everything to follow on this host when nothing is configured: its servers, its programs and connections.
#[must_use]
pub fn everything() -> Vec<SourceConfig> {
    let mut sources = sources(&find(Path::new("/")));
    sources.push(sensor());
    sources
}

/// The sources to follow, names made unique.
#[must_use]
pub fn sources(servers: &[Server]) -> Vec<SourceConfig> {
    let mut sources: Vec<SourceConfig> = Vec::new();
    for source in servers.iter().flat_map(|server| server.source.iter().chain(&server.more)).cloned() {
        let taken = |name: &str| sources.iter().any(|other| other.name == name);
        let mut unique = source.clone();
        let mut number = 2;
        while taken(&unique.name) {
            unique.name = format!("{}-{number}", source.name);
            number += 1;
        }
        sources.push(unique);
    }
    sources
}

/// Where the packaged sensor listens.
const SENSOR: &str = "/run/kuzet-sensor/sensor.sock";
/// Its service.
const SENSOR_UNIT: &str = "/lib/systemd/system/kuzet-sensor.service";

/// The source of programs and connections: the packaged sensor where it runs, else one of the agent's own.
#[must_use]
pub fn sensor() -> SourceConfig {
    sensed(Path::new(SENSOR).exists())
}

/// Whether the packaged sensor is installed.
#[must_use]
pub fn sensor_is_packaged() -> bool {
    Path::new(SENSOR_UNIT).exists()
}

/// The source of programs and connections, by the packaged sensor or not.
#[must_use]
pub fn sensed(packaged: bool) -> SourceConfig {
    let settings = SensorSettings { socket: packaged.then(|| SENSOR.into()), ..SensorSettings::default() };
    SourceConfig {
        name: "host".to_owned(),
        format: Some(kuzet_decode::Format::Sensor.name().to_owned()),
        stream: Some(StreamSettings::Sensor(settings)),
        ..SourceConfig::default()
    }
}

/// A process, as far as `/proc` shows it.
struct Process {
    pid: u32,
    parent: u32,
    name: String,
    arguments: Vec<String>,
}

fn processes(proc: &Path) -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir(proc) else { return Vec::new() };
    let mut found: Vec<Process> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
        .take(MAX_PROCESSES)
        .filter_map(|(pid, path)| process(pid, &path))
        .collect();
    found.sort_by_key(|process| process.pid);
    found
}

fn process(pid: u32, path: &Path) -> Option<Process> {
    let stat = std::fs::read_to_string(path.join("stat")).ok()?;
    let name = stat.get(stat.find('(')? + 1..stat.rfind(')')?)?.to_owned();
    if !matches!(name.as_str(), "postgres" | "postmaster" | "mariadbd" | "mysqld") {
        return None; // most processes: their arguments are not read
    }
    let parent = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace().nth(1)?.parse().ok()?;
    let arguments = std::fs::read(path.join("cmdline")).ok()?;
    let arguments = arguments.split(|byte| *byte == 0).map(|part| String::from_utf8_lossy(part).into_owned()).collect();
    Some(Process { pid, parent, name, arguments })
}

fn read_small(path: &Path) -> Option<String> {
    if std::fs::metadata(path).ok()?.len() > MAX_BYTES {
        return None;
    }
    Some(String::from_utf8_lossy(&std::fs::read(path).ok()?).into_owned())
}

/// `path` as seen from `root`, so that tests can stand in a directory.
fn under(root: &Path, path: &Path) -> PathBuf {
    if root == Path::new("/") {
        return path.to_owned();
    }
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Entries of a directory in name order.
fn entries(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).take(1024).collect();
    paths.sort();
    paths
}

fn is_on(value: Option<&str>) -> bool {
    value.is_some_and(|value| {
        let value = value.to_ascii_lowercase();
        ["on", "true", "yes", "1", "force_plus_permanent", "force"].contains(&value.as_str())
    })
}
