//! Tokens, passwords and keys: read from a file that only its owner can read or from the environment, never from an
//! argument or the configuration itself, and never shown.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Longest secret, bytes.
const LONGEST: u64 = 16 * 1024;

/// A secret. It has no `Debug`, `Display` or `Serialize`, so that it cannot reach a log.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl Secret {
    /// The value, for the one place that sends or signs with it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn new(text: &str) -> Result<Secret, String> {
        let text = text.trim_end_matches(['\n', '\r']);
        if text.is_empty() {
            return Err("is empty".into());
        }
        if text.chars().any(char::is_control) {
            return Err("holds a control character".into());
        }
        Ok(Secret(text.into()))
    }
}

/// From a file.
pub(crate) fn from_file(path: &Path) -> Result<Secret, String> {
    Secret::new(&guarded_text(path)?).map_err(|why| format!("{} {why}", path.display()))
}

/// The text of a file that only its owner may read. The permissions are those of the file that was opened.
pub(crate) fn guarded_text(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let told = |error: std::io::Error| format!("{shown}: {error}");
    let file = File::open(path).map_err(told)?;
    let facts = file.metadata().map_err(told)?;
    if !facts.is_file() {
        return Err(format!("{shown} is not a file"));
    }
    let mode = facts.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!("{shown} can be read by others (mode {mode:04o}): chmod 600 {shown}"));
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).map_err(told)?;
    Ok(text)
}

/// From the environment.
pub(crate) fn from_environment(name: &str) -> Result<Secret, String> {
    match std::env::var(name) {
        Ok(text) => Secret::new(&text).map_err(|why| format!("environment variable {name} {why}")),
        Err(std::env::VarError::NotPresent) => Err(format!("environment variable {name} is not set")),
        Err(std::env::VarError::NotUnicode(_)) => Err(format!("environment variable {name} is not text")),
    }
}
