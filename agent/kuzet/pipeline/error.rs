//! Why an agent cannot start, in words.

use crate::notify::SettingsError;
use crate::store::StoreError;

/// Why an agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The sources.
    #[error(transparent)]
    Source(#[from] crate::source::SourceError),
    /// The channels.
    #[error("{}", channel_faults(.0))]
    Channels(Vec<SettingsError>),
    /// The threads of sources that are no files, or of hashes.
    #[error("the system refuses a thread for a source: {0}")]
    Thread(std::io::Error),
    /// What was read is not durable yet, so that no source may be left.
    #[error("the store cannot be written, and what was read must be durable first")]
    Unwritten,
    /// A story in the store cannot be read back.
    #[error(transparent)]
    Restore(#[from] kuzet_incident::RestoreError),
}

fn channel_faults(faults: &[SettingsError]) -> String {
    let told: Vec<String> =
        faults.iter().map(|fault| format!("{fault} [{}]; help: {}", fault.code, fault.help)).collect();
    told.join("\n")
}
