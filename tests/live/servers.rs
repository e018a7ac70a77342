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
