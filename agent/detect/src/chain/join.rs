//! What joins a reading with a connection, the surest first: one program, one login session or script, one account, one host.

use super::near::Near;
use super::{AHEAD, Read, STEPS};
use crate::flows::Live;
use crate::story::ActorRow;
use crate::{Joined, Step, Thresholds};
use kuzet_event::{Process, Timestamp};
use std::net::IpAddr;
use std::sync::Arc;

/// Programs that start others for everybody: to have one of them in common joins nothing.
const INITS: [&str; 14] = [
    "systemd",
    "init",
    "sshd",
    "sshd-session",
    "cron",
    "crond",
    "atd",
    "login",
    "su",
    "sudo",
    "containerd-shim",
    "tini",
    "runc",
    "supervisord",
];

/// Programs that speak with databases.
const CLIENTS: [&str; 14] = [
    "psql",
    "pg_dump",
    "pg_dumpall",
    "pg_basebackup",
    "mysql",
    "mariadb",
    "mysqldump",
    "mariadb-dump",
    "mongosh",
    "mongodump",
    "redis-cli",
    "python3",
    "python",
    "perl",
];

/// Programs that let people in from elsewhere and act as them, a process for each connection.
const DOORS: [&str; 6] = ["sshd", "sshd-session", "dropbear", "vsftpd", "proftpd", "pure-ftpd"];

/// Whether two records tell of one process. When it began is told to within the clock's corrections.
pub(super) fn same(one: &Process, other: &Process) -> bool {
    one.pid == other.pid && one.began.0.abs_diff(other.began.0) < 1_000_000
}

/// Whether the program is known to speak with databases.
pub(super) fn is_client(process: &Process) -> bool {
    CLIENTS.contains(&&*process.name) || CLIENTS.iter().any(|name| process.path.rsplit('/').next() == Some(name))
}

/// Whether the other side began it, and a person answers: one who was let in, or who started the program that does. A service
/// answers everybody, and what a database answers is the reading.
pub(super) fn fetched(live: &Live, thresholds: &Thresholds) -> bool {
    let database = live.local.is_none_or(|local| thresholds.database_ports.contains(&local.port()));
    let Some(process) = live.process.as_deref().filter(|_| !live.leaves && !database) else { return false };
    match is_door(&process.name) {
        true => lets_in(process),
        false => process.login.is_some() || process.parents.iter().any(|(name, _)| is_door(name)),
    }
}

fn is_door(name: &str) -> bool {
    DOORS.contains(&name)
}

/// Whether a door serves one connection: everybody comes by the one that waits for them, which no other started.
fn lets_in(process: &Process) -> bool {
    is_door(&process.name) && process.parents.first().is_some_and(|(name, _)| is_door(name))
}

/// Whether `process` was started by whoever came in by `door`.
fn came_by(door: &Process, process: &Process) -> bool {
    lets_in(door) && process.began >= door.began && process.parents.iter().any(|(_, pid)| *pid == door.pid)
}

impl Read {
    /// What joins it with a connection; `server` says whether a program runs as a server's account.
    pub(super) fn joins(&self, live: &Live, near: &Near, server: &dyn Fn(&Process) -> bool) -> Option<Joined> {
        let Some(sender) = live.process.as_deref() else {
            // Another host's connection, as a gateway tells it: the database's client has that address.
            let address = self.actor.as_ref().and_then(ActorRow::address).filter(|address| !address.is_loopback())?;
            return from(live, address).then_some(Joined::Host);
        };
        if live.leaves {
            return self.reaches(sender, live, server);
        }
        if !lets_in(sender) {
            // What reads and answers is an application: its users are no recipients of the whole.
            let application = self.processes.iter().any(|reader| reader.path == sender.path);
            return self.reaches(sender, live, server).filter(|_| !application);
        }
        // Until somebody is let in, and in its guarding half for longer, a door belongs to root.
        let unnamed = |joined: &Joined| *joined == Joined::Account && sender.login.is_none() && *sender.user == *"root";
        let own = self.reaches(sender, live, server).filter(|joined| !unnamed(joined));
        let within = near.programs().filter(|(_, process)| came_by(sender, process));
        within.filter_map(|(_, process)| self.reaches(process, live, server)).chain(own).min()
    }

    /// What joins it with a program that sends.
    fn reaches(&self, sender: &Process, live: &Live, server: &dyn Fn(&Process) -> bool) -> Option<Joined> {
        let readers = || self.processes.iter().map(|reader| &**reader);
        let started = |child: &Process, parent: u32| parent > 1 && child.parents.iter().any(|(_, pid)| *pid == parent);
        let one = |reader: &Process| same(reader, sender) || started(sender, reader.pid) || started(reader, sender.pid);
        // Numbers of processes are those of the server's own container: the name has to fit as well.
        let forked = |child: &Process, backend: u32| {
            child.parents.iter().any(|(name, pid)| *pid == backend && name.starts_with("postg"))
        };
        if readers().any(one) || self.backends.iter().any(|backend| forked(sender, *backend)) {
            return Some(Joined::Process);
        }
        if readers().any(|reader| together(reader, sender)) {
            return Some(Joined::Session);
        }
        let role = self.actor.as_ref()?;
        let is = |name: &str| !name.is_empty() && (*sender.user == *name || sender.login.as_deref() == Some(name));
        let accounts = |reader: &Process| {
            reader.login.is_some() && reader.login == sender.login
                || reader.user == sender.user && reader.container == sender.container
                || reader.container.is_some() && reader.container == sender.container
        };
        // Who reads from another host may be called like somebody here.
        let here = || role.address().is_none_or(|address| address.is_loopback() || from(live, address));
        let account = match self.processes.is_empty() {
            true => (is(role.user()) || is(&role.person)) && here(),
            false => readers().any(accounts),
        };
        (account || self.on_server && server(sender)).then_some(Joined::Account)
    }

    /// Programs between it and the connection, in the order in which they were started.
    pub(super) fn steps(&self, live: &Live, near: &Near) -> Vec<Step> {
        let Some(sender) = live.process.as_deref() else { return Vec::new() };
        let mut steps: Vec<Step> = self
            .processes
            .iter()
            .filter(|reader| !same(reader, sender))
            .map(|reader| Step { at: reader.began, process: reader.clone() })
            .collect();
        let from = steps.iter().map(|step| step.at.0).min().unwrap_or(self.since).min(self.since).saturating_sub(AHEAD);
        for (at, process) in near.programs() {
            let fetches = came_by(sender, process);
            let between = at >= from && at <= if fetches { live.latest } else { live.since };
            let other = !same(process, sender) && !steps.iter().any(|known| same(&known.process, process));
            // What started the sender, or the reader, is the way there and no step of the data.
            let above = sender.parents.iter().any(|(_, pid)| *pid == process.pid);
            if between && other && !above && (fetches || together(process, sender)) {
                steps.push(Step { at: Timestamp(at), process: Arc::clone(process) });
            }
        }
        steps.sort_by_key(|step| (step.at, step.process.pid));
        let extra = steps.len().saturating_sub(STEPS);
        steps.drain(..extra);
        steps
    }
}

/// Whether the connection begins at `address`.
fn from(live: &Live, address: IpAddr) -> bool {
    live.local.is_some_and(|local| local.ip().to_canonical() == address.to_canonical())
}

/// Whether two programs are of one login session, or were started by one and the same script.
pub(super) fn together(one: &Process, other: &Process) -> bool {
    let session = one.session > 1 && one.session == other.session;
    let script = || match (one.parents.first(), other.parents.first()) {
        (Some((name, pid)), Some((_, also))) => pid == also && *pid > 1 && !INITS.contains(&&**name),
        _ => false,
    };
    session || script()
}
