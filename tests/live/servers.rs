//! What starting any server needs: its own user when the tests run as root, and its program.

use crate::support::run;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `program` with a clean environment, as the system user `user` when the tests run as root.
pub fn command_as(user: &str, program: &Path) -> Command {
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.arg(format!("--reuid={user}")).arg(format!("--regid={user}")).arg("--init-groups").arg(program);
        command
    } else {
        Command::new(program)
    };
    let path = std::env::var("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path + ":/usr/sbin:/sbin").env("HOME", "/tmp");
    command.env("LC_ALL", "C.UTF-8").env("TZ", "UTC").current_dir("/tmp");
    command
}

/// `command` behind `setup`, a shell script with `paths` as `$1`…, in a mount namespace of its own: what `setup` mounts
/// nobody else sees. Needs no root where users may have namespaces.
pub fn in_namespace(setup: &str, paths: &[&Path], command: &Command) -> Command {
    let mut wrapped = Command::new("unshare");
    let back = if rustix::process::geteuid().is_root() {
        "exec \"$@\"".to_owned()
    } else {
        wrapped.arg("--map-root-user");
        format!("exec unshare --user --map-user={} \"$@\"", rustix::process::geteuid().as_raw())
    };
    wrapped.args(["--mount", "sh", "-ec"]).arg(format!("{setup}; shift {}; {back}", paths.len())).arg("sh").args(paths);
    wrapped.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    wrapped
}

/// `command` where `/dev/log` leads to `socket`.
pub fn at_log(socket: &Path, command: &Command) -> Command {
    let devices = socket.with_extension("devices");
    std::fs::create_dir_all(&devices).expect("a directory beside the socket");
    let setup = "mount -t tmpfs devices \"$1\"; \
                 for one in null zero random urandom; do : >\"$1/$one\"; mount --bind \"/dev/$one\" \"$1/$one\"; done; \
                 mkdir \"$1/shm\"; mount --bind /dev/shm \"$1/shm\"; ln -s \"$2\" \"$1/log\"; mount --rbind \"$1\" /dev";
    in_namespace(setup, &[&devices, socket], command)
}

/// Makes `directory` with `mode`, owned by the system user `user` when the tests run as root.
pub fn directory_for(user: &str, directory: &Path, mode: u32) {
    std::fs::create_dir_all(directory).expect("a directory in the scratch directory");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(directory, mode).expect("own directory");
    if rustix::process::geteuid().is_root() {
        run(Command::new("chown").arg(format!("{user}:{user}")).arg(directory));
    }
}

/// The first of `candidates` that exists; panics with how to get it.
pub fn program(package: &str, candidates: &[&str]) -> PathBuf {
    let found = candidates.iter().flat_map(|pattern| glob::glob(pattern).into_iter().flatten().flatten()).last();
    found.unwrap_or_else(|| panic!("{package} is not installed ({candidates:?}); scripts/test.sh installs it"))
}
