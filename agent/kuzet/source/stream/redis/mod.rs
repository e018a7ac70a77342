//! A Redis server, asked for what it denied (ACL LOG) and, where that is wanted, for every command (MONITOR).

mod log;
mod wire;

pub use wire::RedisAddress;

use super::{StreamSender, hash};
use crate::clock::Clock;
use crate::secret;
use log::{Entry, Known};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use wire::{Client, Reply};

/// First and longest pause before a server is asked again that did not answer.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// More entries than Redis keeps (`acllog-max-len` is 128).
const ENTRIES: &str = "4096";

/// Where `redis-cli` looks for a password, too.
const ENVIRONMENT: &str = "REDISCLI_AUTH";

/// Which server is asked, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisSettings {
    /// The server.
    pub address: RedisAddress,
    /// Role; `None` is the server's default.
    pub user: Option<String>,
    /// File with the password.
    pub password_file: Option<PathBuf>,
    /// Whether every command is followed: costs the server up to half of its speed.
    pub monitor: bool,
    /// How often ACL LOG is asked for.
    pub poll: Duration,
    /// Whether entries of before the first start are told.
    pub from_beginning: bool,
}

impl RedisSettings {
    pub(super) fn describe(&self) -> String {
        let what = if self.monitor { "ACL LOG and MONITOR" } else { "ACL LOG" };
        format!("asks Redis at {} for {what}", self.address)
    }

    /// A connection that may ask.
    fn connect(&self) -> Result<Client, String> {
        let password = match &self.password_file {
            Some(path) => Some(secret::from_file(path)?),
            None if std::env::var_os(ENVIRONMENT).is_some() => Some(secret::from_environment(ENVIRONMENT)?),
            None => None,
        };
        let mut client = Client::connect(&self.address)?;
        match (&self.user, &password) {
            (Some(user), Some(password)) => drop(client.ask(&["AUTH", user, password.expose()])?),
            (None, Some(password)) => drop(client.ask(&["AUTH", password.expose()])?),
            _ => {}
        }
        Ok(client)
    }
}

/// Asks until the agent stops.
pub(super) fn run(settings: &RedisSettings, sender: &StreamSender, clock: &Arc<dyn Clock>) {
    if settings.monitor {
        let (own, teller, working) = (settings.clone(), sender.clone(), sender.working());
        let thread = std::thread::Builder::new().name("redis-monitor".to_owned()).stack_size(super::STACK);
        let started = thread.spawn(move || {
            let _working = working;
            again(&teller, |teller| monitor(&own, teller));
        });
        if let Err(error) = started {
            return sender.problem(Some(format!("the system refuses a thread: {error}")));
        }
    }
    let mut known = serde_json::from_slice(sender.position()).ok();
    if settings.from_beginning {
        known.get_or_insert_with(Vec::new);
    }
    again(sender, |sender| poll(settings, sender, clock.as_ref(), &mut known));
}

/// Does `work` until the agent stops; it comes back with what is wrong.
fn again(sender: &StreamSender, mut work: impl FnMut(&StreamSender) -> Result<(), String>) {
    let mut pause = PAUSES.0;
    loop {
        match work(sender) {
            Ok(()) => pause = PAUSES.0,
            Err(problem) => sender.problem(Some(problem)),
        }
        if !sender.pause(pause) {
            return;
        }
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Asks one connection for ACL LOG until it fails.
fn poll(
    settings: &RedisSettings,
    sender: &StreamSender,
    clock: &dyn Clock,
    known: &mut Option<Vec<Known>>,
) -> Result<(), String> {
    let mut client = settings.connect()?;
    let handle = client.handle()?;
    let _hook = sender.on_stop(move || handle.shut());
    let mut sessions = BTreeMap::new();
    loop {
        let reply = client.ask(&["ACL", "LOG", ENTRIES])?;
        let Reply::List(entries) = reply else { return Err("the server has no ACL LOG: Redis 6 is needed".to_owned()) };
        let now = clock.wall().0;
        let log: Vec<Entry> = entries.iter().filter_map(|entry| Entry::new(entry, now)).collect();
        sender.lost((entries.len() - log.len()) as u64, 0);
        let fresh = known.as_deref().map_or_else(Vec::new, |before| log::news(before, &log));
        let after = log::known(&log);
        // All of them or none are told again after a kill: one position for one look.
        let position = serde_json::to_vec(&after).unwrap_or_default();
        let moved = known.as_ref() != Some(&after);
        for (entry, count) in &fresh {
            if !sender.send(&entry.record(*count)) {
                return Ok(());
            }
        }
        if moved && !sender.send_at(b"", &position) {
            return Ok(());
        }
        *known = Some(after);
        if settings.monitor {
            tell_sessions(&mut client, sender, now, &mut sessions)?;
        }
        sender.problem(None);
        if !sender.pause(settings.poll) {
            return Ok(());
        }
    }
}

/// Tells which user an address is, once for each connection: MONITOR names addresses only.
fn tell_sessions(
    client: &mut Client,
    sender: &StreamSender,
    now: i64,
    told: &mut BTreeMap<String, u64>,
) -> Result<(), String> {
    let list = client.ask(&["CLIENT", "LIST"])?.text();
    let mut seen = BTreeMap::new();
    for line in list.lines() {
        let part = |name: &str| line.split(' ').find_map(|part| part.strip_prefix(name)).unwrap_or_default();
        let who = hash([part("addr="), part("name="), part("user=")].join("\0").as_bytes());
        if told.get(part("id=")) != Some(&who) {
            let record = serde_json::json!({ "at": now, "sessions": line }).to_string();
            if !sender.send(record.as_bytes()) {
                return Ok(());
            }
        }
        seen.insert(part("id=").to_owned(), who);
    }
    *told = seen;
    Ok(())
}

/// Follows every command of the server. Whoever does not read as fast as it works makes its memory grow, so nothing waits
/// here: what finds no room is lost.
fn monitor(settings: &RedisSettings, sender: &StreamSender) -> Result<(), String> {
    let mut client = settings.connect()?;
    let handle = client.handle()?;
    let _hook = sender.on_stop(move || handle.shut());
    client.ask(&["MONITOR"])?;
    client.wait_for_ever()?;
    loop {
        let line = client.line()?;
        if !sender.offer(line.strip_prefix(b"+").unwrap_or(&line)) {
            return Ok(());
        }
    }
}
