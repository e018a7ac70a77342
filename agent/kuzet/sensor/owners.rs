//! Whose sockets are: the programs that have them open, looked for in /proc when there are new ones.

use super::host;
use super::record::Who;
use std::collections::{HashMap, HashSet};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

/// Open files that are looked at in one search.
const MAX_FILES: usize = 65_536;
/// A search takes at most a thirtieth of the time since the one before; after half a second there may be one in any case.
const SHARE: u64 = 30;
const PAUSE: u64 = 500_000_000;

/// Numbers of capabilities.
const DAC_OVERRIDE: u32 = 1;
const DAC_READ_SEARCH: u32 = 2;
const SYS_PTRACE: u32 = 19;

/// Searches for owners.
#[derive(Default)]
pub(super) struct Owners {
    /// Nanoseconds since boot.
    not_before: u64,
}

impl Owners {
    /// What is not seen without the right to look at the files of others.
    pub(super) fn missing() -> Option<&'static str> {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let rights = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("CapEff:")?.trim(), 16).ok());
        let has = |right: u32| rights.is_some_and(|rights| rights >> right & 1 == 1);
        let all = has(SYS_PTRACE) && (has(DAC_READ_SEARCH) || has(DAC_OVERRIDE));
        (!all).then_some("programs of other users' connections (needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH)")
    }

    /// Whether a search may be made already.
    pub(super) fn ready(&self) -> bool {
        super::boot_nanos() >= self.not_before
    }

    /// When one may be made.
    pub(super) fn not_before(&self) -> u64 {
        self.not_before
    }

    /// The processes that have these sockets open; `sockets` are numbers of their files, with their users.
    pub(super) fn find(&mut self, mut sockets: HashMap<u64, u32>, namespace: u32) -> HashMap<u64, Arc<Who>> {
        let began = super::busy_nanos();
        let (mut found, mut files) = (HashMap::new(), 0);
        let users: HashSet<u32> = sockets.values().copied().collect();
        let mut pids = host::processes();
        // A child has its parent's sockets open too, and it is the one that works with them.
        pids.sort_unstable_by(|one, other| other.cmp(one));
        let (own, others): (Vec<u32>, Vec<u32>) = pids
            .into_iter()
            .partition(|pid| std::fs::metadata(format!("/proc/{pid}")).is_ok_and(|meta| users.contains(&meta.uid())));
        for pid in own.into_iter().chain(others) {
            if sockets.is_empty() || files >= MAX_FILES {
                break;
            }
            let mut who = None;
            for file in std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten() {
                files += 1;
                let Some(inode) = std::fs::read_link(file.path()).ok().and_then(|to| socket(to.to_str()?)) else {
                    continue;
                };
                if sockets.remove(&inode).is_some() {
                    let who =
                        who.get_or_insert_with(|| host::who(pid).map(|(who, _)| Arc::new(Who { namespace, ..who })));
                    found.extend(who.clone().map(|who| (inode, who)));
                }
            }
        }
        let pause = super::busy_nanos().saturating_sub(began).saturating_mul(SHARE).min(PAUSE);
        self.not_before = super::boot_nanos().saturating_add(pause);
        found
    }
}

/// The number in `socket:[4711]`.
fn socket(target: &str) -> Option<u64> {
    target.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn the_owner_of_a_socket_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let inode = rustix::fs::fstat(listener.as_fd()).unwrap().st_ino;
        let uid = rustix::process::geteuid().as_raw();
        let found = Owners::default().find([(inode, uid), (u64::MAX, uid)].into(), 9);
        assert_eq!(found.len(), 1);
        assert_eq!((found[&inode].pid, found[&inode].namespace), (std::process::id(), 9));
    }

    #[test]
    fn only_sockets_have_numbers() {
        assert_eq!(socket("socket:[4711]"), Some(4711));
        for other in ["pipe:[4711]", "socket:[x]", "/tmp/socket:[1]", ""] {
            assert_eq!(socket(other), None, "{other}");
        }
    }
}
