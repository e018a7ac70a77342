//! What this host calls things: users by number, control groups by number, processes by /proc. Each is asked for once.

use super::record::Who;
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Control groups that are remembered.
const MAX_GROUPS: usize = 16_384;
/// Longest list of users that is read.
const MAX_PASSWD: u64 = 4 << 20;

/// Where they are mounted does not change.
static CONTROL_GROUPS: OnceLock<Option<PathBuf>> = OnceLock::new();

/// Where control groups (version 2) are mounted.
pub(super) fn control_groups() -> Option<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").ok()?;
    mounts.lines().find_map(|line| {
        let mut parts = line.split(' ');
        let (_, path, kind) = (parts.next()?, parts.next()?, parts.next()?);
        (kind == "cgroup2").then(|| PathBuf::from(path))
    })
}

/// Names of users and of containers.
#[derive(Default)]
pub(super) struct Host {
    users: HashMap<u32, Box<str>>,
    /// State of the list of users when it was read.
    passwd: Option<(i64, i64, u64)>,
    /// Containers by number of their control group; `None`: no container.
    groups: HashMap<u64, Option<Box<str>>>,
    root: Option<PathBuf>,
}

impl Host {
    pub(super) fn new() -> Host {
        Host { root: control_groups(), ..Host::default() }
    }

    /// Name of a user; its number where the host knows none.
    pub(super) fn user(&mut self, uid: u32) -> Box<str> {
        self.read_users();
        self.users.get(&uid).cloned().unwrap_or_else(|| uid.to_string().into())
    }

    fn read_users(&mut self) {
        let path = Path::new("/etc/passwd");
        let Ok(meta) = std::fs::metadata(path) else { return };
        let state = Some((meta.mtime(), meta.mtime_nsec(), meta.ino()));
        if self.passwd == state || meta.len() > MAX_PASSWD {
            return;
        }
        let Ok(text) = std::fs::read_to_string(path) else { return };
        self.passwd = state;
        self.users.clear();
        for line in text.lines() {
            let mut parts = line.split(':');
            if let (Some(name), Some(uid)) = (parts.next(), parts.nth(1).and_then(|uid| uid.parse().ok())) {
                // The first name of a number counts, as for the system.
                self.users.entry(uid).or_insert_with(|| name.into());
            }
        }
    }

    /// The container of a control group, by the first 12 digits of its number, as the usual tools show it.
    pub(super) fn container(&mut self, group: u64) -> Option<Box<str>> {
        if !self.groups.contains_key(&group) {
            if self.groups.len() >= MAX_GROUPS {
                self.groups.clear();
            }
            // One walk learns of every group that is there now.
            if let Some(root) = self.root.clone() {
                self.walk(&root, 0);
            }
            self.groups.entry(group).or_insert(None);
        }
        self.groups.get(&group).cloned().flatten()
    }

    fn walk(&mut self, folder: &Path, depth: usize) {
        if depth > 12 || self.groups.len() >= MAX_GROUPS {
            return;
        }
        if let Ok(meta) = std::fs::metadata(folder) {
            self.groups.insert(meta.ino(), container(folder));
        }
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.walk(&entry.path(), depth + 1);
            }
        }
    }
}

/// 64 hexadecimal digits in the last part of a path that has them: docker, podman, containerd, cri-o.
fn container(path: &Path) -> Option<Box<str>> {
    let is_number = |text: &&str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts = path.iter().rev().filter_map(|part| part.to_str());
    parts
        .flat_map(|part| part.split(|c: char| !c.is_ascii_alphanumeric()))
        .find(is_number)
        .map(|text| text[..12].into())
}

/// What /proc says of a process, as long as it is there.
pub(super) struct Seen {
    pub(super) parent: u32,
    /// Nanoseconds since boot, to a hundredth of a second.
    pub(super) began: u64,
    pub(super) uid: u32,
    pub(super) session: u32,
    pub(super) name: String,
    pub(super) path: Option<String>,
}

/// `None`: it is gone.
pub(super) fn process(pid: u32) -> Option<Seen> {
    let folder = PathBuf::from(format!("/proc/{pid}"));
    let stat = std::fs::read(folder.join("stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    // The name may hold anything, brackets too: the last one ends it.
    let (open, close) = (stat.find('(')?, stat.rfind(')')?);
    let name = stat.get(open + 1..close)?.replace(|c: char| c.is_control(), "\u{fffd}");
    let rest: Vec<&str> = stat.get(close + 1..)?.split_ascii_whitespace().collect();
    // Behind the name: state, parent, group, session …; the time of the beginning is the 20th.
    let number = |at: usize| rest.get(at).and_then(|text| text.parse::<u64>().ok());
    let ticks = number(19)?;
    Some(Seen {
        parent: u32::try_from(number(1)?).ok()?,
        // A tick is a hundredth of a second on every architecture that Kuzet runs on.
        began: ticks.saturating_mul(10_000_000),
        uid: std::fs::metadata(&folder).ok()?.uid(),
        session: u32::try_from(number(3)?).ok()?,
        name,
        path: std::fs::read_link(folder.join("exe")).ok().map(|path| path.to_string_lossy().into_owned()),
    })
}

/// Numbers of the processes that run.
pub(super) fn processes() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// A process as the kernel program would tell it, and the file of its program. `None`: it is gone.
pub(super) fn who(pid: u32) -> Option<(Who, Option<String>)> {
    asked(pid).map(|(who, path, _)| (who, path))
}

/// A process that is at work on files, and the file of its program.
#[derive(Clone, Debug)]
pub(super) struct Acting {
    /// Its user is the one with whose rights it opens files, if it runs as root and has put on those of another: servers
    /// of file shares do so for each of their clients.
    pub(super) who: Who,
    pub(super) path: Option<String>,
}

/// `None`: it is gone.
pub(super) fn acting(pid: u32) -> Option<Acting> {
    let (mut who, path, files) = asked(pid)?;
    if who.uid == 0 {
        who.uid = files;
    }
    Some(Acting { who, path })
}

/// A process, the file of its program, and the user with whose rights it opens files.
fn asked(pid: u32) -> Option<(Who, Option<String>, u32)> {
    let Seen { parent, began, uid, session, name, path } = process(pid)?;
    let text = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let status = text("status");
    // Real, effective, saved, of the file system.
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
    let uids: Vec<u32> = uids.split_ascii_whitespace().filter_map(|uid| uid.parse().ok()).collect();
    let (real, files) = (uids.first().copied().unwrap_or(uid), uids.get(3).copied().unwrap_or(uid));
    let login = text("loginuid").trim().parse().ok().filter(|login| *login != u32::MAX);
    let group = text("cgroup").lines().find_map(|line| Some(line.strip_prefix("0::/")?.to_owned()));
    let folder = group.and_then(|group| Some(CONTROL_GROUPS.get_or_init(control_groups).as_ref()?.join(group)));
    let cgroup = folder.and_then(|folder| std::fs::metadata(folder).ok()).map_or(0, |meta| meta.ino());
    let who = Who { began, cgroup, pid, parent, uid: real, login, session, namespace: 0, name };
    Some((who, path, files))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_seen() {
        let own = process(std::process::id()).expect("this process runs");
        assert!(own.path.is_some_and(|path| path.contains("kuzet")) && own.began > 0 && own.parent > 0);
        assert!(process(u32::MAX).is_none());
    }

    #[test]
    fn a_container_is_told_by_its_number() {
        let digits = "4f".repeat(32);
        for path in [format!("/sys/fs/cgroup/system.slice/docker-{digits}.scope"), format!("/x/{digits}/init")] {
            assert_eq!(container(Path::new(&path)).as_deref(), Some("4f4f4f4f4f4f"), "{path}");
        }
        assert_eq!(container(Path::new("/sys/fs/cgroup/system.slice/ssh.service")), None);
    }

    #[test]
    fn users_have_names() {
        assert_eq!(&*Host::new().user(0), "root");
        assert_eq!(&*Host::new().user(4_000_000_000), "4000000000");
    }
}
