//! The process table: programs that run and those that just ended, with the programs that started them.
//!
//! Short commands are gone before /proc can be read (three in ten, measured), so that what the kernel told at their start
//! is kept; /proc fills in what was there before the sensor.

use super::host::{self, Acting, Host};
use super::record::Who;
use lru::LruCache;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Processes that are remembered.
const MAX: NonZeroUsize = NonZeroUsize::new(32_768).unwrap();
/// A process that is gone is believed to be the one that was known by its number so long ago, in nanoseconds.
const FRESH: u64 = 60_000_000_000;
/// Forks between a process and the program that it runs.
const FORKS: usize = 4;
/// Parents that are told of a process.
const PARENTS: usize = 8;

/// A process.
#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) parent: u32,
    /// Nanoseconds since boot.
    pub(super) began: u64,
    pub(super) name: Arc<str>,
    /// File of its program; empty when not known.
    pub(super) path: Arc<str>,
    pub(super) user: Arc<str>,
    pub(super) login: Option<Arc<str>>,
    pub(super) session: u32,
    pub(super) container: Option<Arc<str>>,
    /// When it was surely there last, in nanoseconds since boot.
    sure: u64,
}

/// Processes by their number.
pub(super) struct Processes {
    known: LruCache<u32, Process>,
    host: Host,
}

impl Processes {
    pub(super) fn new() -> Processes {
        Processes { known: LruCache::new(MAX), host: Host::new() }
    }

    /// Name of a user.
    pub(super) fn user(&mut self, uid: u32) -> Box<str> {
        self.host.user(uid)
    }

    /// A program was started.
    pub(super) fn exec(&mut self, who: &Who, path: &str) -> Process {
        let process = self.told(who, path.into());
        self.known.put(who.pid, process.clone());
        process
    }

    /// The process of a record: the one that was started, or its parent's program, or what /proc knows.
    pub(super) fn of(&mut self, who: &Who) -> Process {
        if let Some(known) = self.known.get(&who.pid)
            && same(known.began, who.began)
        {
            return known.clone();
        }
        let seen = host::process(who.pid).filter(|seen| same(seen.began, who.began));
        let path = match seen.and_then(|seen| seen.path) {
            Some(path) => Arc::from(path),
            // A process that was forked runs its parent's program until it starts another.
            None => self
                .look(who.parent)
                .filter(|parent| *parent.name == *who.name)
                .map_or_else(|| Arc::from(""), |parent| parent.path),
        };
        let process = self.told(who, path);
        self.known.put(who.pid, process.clone());
        process
    }

    /// The process that did something to a file: as /proc had it then, or as it was known or forked where it was gone
    /// already.
    pub(super) fn acting(
        &mut self,
        pid: u32,
        at: u64,
        seen: Option<&Acting>,
        forked: &dyn Fn(u32) -> Option<Who>,
    ) -> Option<Process> {
        let known = self.known.get(&pid).cloned();
        let Some(Acting { who, path }) = seen else {
            let fork = forked(pid).filter(|fork| fork.began <= at);
            // Numbers are given again: whoever was forked last has it.
            if let Some(fork) = fork.filter(|fork| known.as_ref().is_none_or(|known| !same(known.began, fork.began))) {
                return Some(self.child(&fork, forked));
            }
            // But not so soon.
            return known.filter(|known| known.began <= at && at.saturating_sub(known.sure) < FRESH);
        };
        let process = match known.filter(|known| same(known.began, who.began)) {
            // It has put on the rights of another user since it was started.
            Some(known) if *known.name == *who.name => {
                let path = match path {
                    Some(path) if known.path.is_empty() => Arc::from(path.as_str()),
                    _ => Arc::clone(&known.path),
                };
                Process { user: self.host.user(who.uid).into(), path, sure: at, ..known }
            }
            // It has started another program since it was looked at.
            Some(known) => Process { sure: at, ..known },
            None => match path {
                Some(path) => self.told(who, path.as_str().into()),
                None => return Some(self.child(who, forked)),
            },
        };
        self.known.put(pid, process.clone());
        Some(process)
    }

    /// A process that was forked and has started no program: it runs that of the process that forked it.
    fn child(&mut self, fork: &Who, forked: &dyn Fn(u32) -> Option<Who>) -> Process {
        let (mut parent, mut path) = (fork.parent, None);
        for _ in 0..FORKS {
            path = self.look(parent).filter(|parent| *parent.name == *fork.name).map(|parent| parent.path);
            if path.is_some() {
                break;
            }
            let Some(above) = forked(parent) else { break };
            parent = above.parent;
        }
        let process = self.told(fork, path.unwrap_or_else(|| Arc::from("")));
        self.known.put(fork.pid, process.clone());
        process
    }

    fn told(&mut self, who: &Who, path: Arc<str>) -> Process {
        Process {
            pid: who.pid,
            parent: who.parent,
            began: who.began,
            name: who.name.as_str().into(),
            path,
            user: self.host.user(who.uid).into(),
            login: who.login.map(|login| self.host.user(login).into()),
            session: who.session,
            container: self.host.container(who.cgroup).map(Arc::from),
            sure: super::boot_nanos(),
        }
    }

    /// The programs that started it, the nearest first: name and number.
    pub(super) fn parents(&mut self, process: &Process) -> Vec<(Arc<str>, u32)> {
        let mut parents = Vec::new();
        let (mut pid, mut younger) = (process.parent, process.began);
        while pid > 1 && parents.len() < PARENTS {
            let Some(parent) = self.look(pid) else { break };
            // A number is given again: nobody is older than his parent.
            if parent.began > younger {
                break;
            }
            parents.push((parent.name, pid));
            (pid, younger) = (parent.parent, parent.began);
        }
        parents
    }

    fn look(&mut self, pid: u32) -> Option<Process> {
        if let Some(known) = self.known.get(&pid) {
            return Some(known.clone());
        }
        let seen = host::process(pid)?;
        let process = Process {
            pid,
            parent: seen.parent,
            began: seen.began,
            name: seen.name.into(),
            path: seen.path.unwrap_or_default().into(),
            user: self.host.user(seen.uid).into(),
            login: None,
            session: seen.session,
            container: None,
            sure: super::boot_nanos(),
        };
        self.known.put(pid, process.clone());
        Some(process)
    }
}

/// /proc knows the beginning to a hundredth of a second.
fn same(one: u64, other: u64) -> bool {
    one.abs_diff(other) < 20_000_000
}
