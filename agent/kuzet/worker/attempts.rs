//! What code that took over the worker would try: each is really tried from inside the sandbox, for tests and for whoever asks.

use rustix::fd::OwnedFd;
use rustix::fs::{CWD, MemfdFlags, Mode, OFlags};
use rustix::net::{AddressFamily, SocketType};
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, Signal};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// What the attempts need, made while that is still allowed.
pub(super) struct Prepared {
    /// A file that can be written to.
    file: OwnedFd,
    parent: Option<Pid>,
    own: Pid,
}

/// An attempt and what came of it: the number of the error, nothing where it was not refused.
pub(super) type Attempt = (&'static str, Option<i32>);

impl Prepared {
    pub(super) fn new() -> anyhow::Result<Prepared> {
        Ok(Prepared {
            file: rustix::fs::memfd_create("proof", MemfdFlags::CLOEXEC)?,
            parent: rustix::process::getppid(),
            own: rustix::process::getpid(),
        })
    }

    /// Tries everything.
    pub(super) fn try_all(&self) -> Vec<Attempt> {
        let read = |path| rustix::fs::openat(CWD, path, OFlags::RDONLY, Mode::empty()).map(drop);
        let make = OFlags::WRONLY | OFlags::CREATE;
        let socket = |family, kind| rustix::net::socket(family, kind, None).map(drop);
        let signal = |to: Option<Pid>| to.map_or(Ok(()), |to| rustix::process::kill_process(to, Signal::CONT));
        let more = Rlimit { current: Some(1 << 20), maximum: Some(1 << 20) };
        let tried = [
            ("open_file", read("/etc/passwd")),
            ("open_self", read("/proc/self/mem")),
            ("create_file", rustix::fs::openat(CWD, "/tmp/kuzet-worker", make, Mode::RUSR).map(drop)),
            ("stat_file", rustix::fs::stat("/etc/passwd").map(drop)),
            ("list_folder", read("/")),
            ("remove_file", rustix::fs::unlink("/nonexistent")),
            ("make_link", rustix::fs::symlink("/etc/passwd", "/tmp/kuzet-worker")),
            ("write_descriptor", rustix::io::write(&self.file, b"x").map(drop)),
            ("write_at_offset", rustix::io::pwrite(&self.file, b"x", 0).map(drop)),
            ("grow_descriptor", rustix::fs::ftruncate(&self.file, 1)),
            ("new_memory_file", rustix::fs::memfd_create("more", MemfdFlags::CLOEXEC).map(drop)),
            ("socket_inet", socket(AddressFamily::INET, SocketType::STREAM)),
            ("socket_inet6", socket(AddressFamily::INET6, SocketType::DGRAM)),
            ("socket_unix", socket(AddressFamily::UNIX, SocketType::STREAM)),
            ("socket_netlink", socket(AddressFamily::NETLINK, SocketType::RAW)),
            ("signal_parent", signal(self.parent)),
            ("signal_self", signal(Some(self.own))),
            ("hold_process", rustix::process::pidfd_open(self.own, PidfdFlags::empty()).map(drop)),
            ("raise_limit", rustix::process::setrlimit(Resource::Nofile, more)),
            ("change_folder", rustix::process::chdir("/")),
        ];
        let mut all: Vec<Attempt> =
            tried.into_iter().map(|(what, tried)| (what, tried.err().map(rustix::io::Errno::raw_os_error))).collect();
        let refused = |error: io::Error| error.raw_os_error().or(Some(0));
        all.push(("start_thread", std::thread::Builder::new().spawn(|| ()).err().and_then(refused)));
        all.push(("start_program", Command::new("/bin/true").spawn().err().and_then(refused)));
        all.push(("become_program", refused(Command::new("/bin/true").exec())));
        all
    }
}
