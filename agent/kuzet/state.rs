//! The state directory: made private, and home of the pseudonym key.

use kuzet_detect::Diagnostic;
use kuzet_personal::Key;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Name of the key file inside the state directory.
pub const KEY_FILE: &str = "pseudonym.key";
/// Blocks of addresses that `kuzet geo update` installed.
pub const INSTALLED_BLOCKS: &str = "geo/blocks.txt";

pub(crate) fn fault(code: &str, path: &Path, message: String, help: &str) -> Diagnostic {
    Diagnostic {
        code: code.to_owned(),
        file: path.display().to_string(),
        line: 0,
        column: 0,
        message,
        help: help.to_owned(),
        warning: false,
    }
}

/// Makes the state directory (mode 0700), or checks that nobody else may write into it.
///
/// # Errors
/// One diagnostic with what to do.
pub fn prepare(directory: &Path) -> Result<(), Diagnostic> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|error| {
        fault(
            "KZ030",
            directory,
            format!("cannot make the state directory: {error}"),
            "set state = \"…\" to a place you may write",
        )
    })?;
    let metadata = std::fs::metadata(directory)
        .map_err(|error| fault("KZ030", directory, format!("cannot look at it: {error}"), "check its permissions"))?;
    if metadata.mode() & 0o022 != 0 {
        let message = format!("others may write into the state directory (mode {:03o})", metadata.mode() & 0o777);
        return Err(fault("KZ031", directory, message, "chmod 0700 it: who can write there can forge incidents"));
    }
    Ok(())
}

/// The pseudonym key: made at first run, 32 random bytes in a file of mode 0600.
///
/// # Errors
/// The file cannot be read or made, has the wrong length, or others may read it.
pub fn key(directory: &Path) -> Result<Key, Diagnostic> {
    secret(directory).map(Key::new)
}

/// The bytes of the pseudonym key, for a worker that makes hashes under it.
///
/// # Errors
/// As [`key`].
pub fn secret(directory: &Path) -> Result<[u8; 32], Diagnostic> {
    let path = directory.join(KEY_FILE);
    match OpenOptions::new().read(true).open(&path) {
        Ok(file) => read_key(file, &path),
        Err(error) if error.kind() == ErrorKind::NotFound => make_key(&path),
        Err(error) => {
            Err(fault("KZ032", &path, format!("cannot read the key: {error}"), "run as the user that made it"))
        }
    }
}

fn read_key(file: std::fs::File, path: &Path) -> Result<[u8; 32], Diagnostic> {
    let unreadable =
        |error: std::io::Error| fault("KZ032", path, format!("cannot read the key: {error}"), "check the disk");
    let mode = file.metadata().map_err(unreadable)?.mode();
    if mode & 0o077 != 0 {
        let message = format!("others may read the pseudonym key (mode {:03o})", mode & 0o777);
        return Err(fault(
            "KZ033",
            path,
            message,
            "chmod 0600 it; if it may have leaked, stop the agent, remove it and its store",
        ));
    }
    let mut bytes = Vec::with_capacity(33);
    file.take(33).read_to_end(&mut bytes).map_err(unreadable)?;
    bytes.try_into().map_err(|_| {
        fault(
            "KZ034",
            path,
            "is not a key: 32 bytes are expected".to_owned(),
            "restore it from a backup; a new key cannot join old incidents",
        )
    })
}

fn make_key(path: &Path) -> Result<[u8; 32], Diagnostic> {
    let failed = |error: std::io::Error| {
        fault("KZ035", path, format!("cannot make the key: {error}"), "check space and permissions")
    };
    let mut bytes = [0_u8; 32];
    std::fs::File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut bytes)).map_err(failed)?;
    // Written under another name first: a crash must not leave half a key behind.
    let temporary = path.with_extension("new");
    let _ = std::fs::remove_file(&temporary);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).map_err(failed)?;
    file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::hard_link(&temporary, path).map_err(failed)?; // fails if another process was first
    std::fs::remove_file(&temporary).map_err(failed)?;
    Ok(bytes)
}

/// A key for work that leaves nothing behind (`replay`, `classify`), unless the installation has one.
///
/// # Errors
/// A key stands there and cannot be used.
pub fn key_if_any(directory: &Path) -> Result<Option<Key>, Diagnostic> {
    if directory.join(KEY_FILE).exists() { key(directory).map(Some) } else { Ok(None) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_key_is_made_once_and_guarded() {
        let directory = std::env::temp_dir().join(format!("kuzet-state-{}", std::process::id()));
        prepare(&directory).unwrap();
        let first = key(&directory).unwrap();
        let second = key(&directory).unwrap();
        assert_eq!(first.pseudonym("iin", b"1"), second.pseudonym("iin", b"1"));
        let path = directory.join(KEY_FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(key(&directory).unwrap_err().code, "KZ033");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, b"short").unwrap();
        assert_eq!(key(&directory).unwrap_err().code, "KZ034");
        std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(prepare(&directory).unwrap_err().code, "KZ031");
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
