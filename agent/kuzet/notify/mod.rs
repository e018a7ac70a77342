//! Tells incidents to Alertmanager, a webhook, a file of JSON lines or a terminal, behind the store's durable outbox.
//!
//! The outbox lives in the store, and the store's one connection belongs to the data thread. The notifier thread
//! therefore has no connection of its own: it is handed entries and hands back what became of them over bounded
//! channels, and the data thread records that in its next transaction ([`Desk::turn`]). A second connection would cost a
//! page cache, a second fsync for each attempt and lock waits on the data path. What is lost when the agent is killed
//! between a delivery and its record is the record: the entry is told twice, under the same [`Entry::delivery`] id.
//!
//! Nothing runs, and no TLS roots are loaded, before the first entry is handed over.

mod alertmanager;
mod backoff;
mod desk;
mod envelope;
mod http;
mod jsonlines;
#[cfg(test)]
mod sample;
mod settings;
mod terminal;
mod webhook;
mod worker;

pub use backoff::Backoff;
pub use desk::{Counts, Desk, Standing, Turn};
pub use envelope::SCHEMA;
pub use settings::{ChannelKind, ChannelSettings, SettingsError};
pub use worker::Waker;

use kuzet_event::Timestamp;
use settings::Plan;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// One notification: the state of one incident, for one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Row of the outbox.
    pub id: i64,
    /// Channel, by its name in the configuration.
    pub channel: Arc<str>,
    /// Incident.
    pub incident: Arc<str>,
    /// Number of this state of the incident; rises.
    pub sequence: u64,
    /// When it was put into the outbox.
    pub created: Timestamp,
    /// Failed attempts so far.
    pub attempts: u32,
    /// The incident as a JSON document (`kuzet.incident/1`).
    pub payload: Arc<str>,
}

impl Entry {
    /// Identifier of this notification, the same for every attempt and after every restart: what a receiver needs to
    /// drop a repetition.
    #[must_use]
    pub fn delivery(&self) -> String {
        format!("{}-{}", self.incident, self.sequence)
    }
}

/// What waits for one channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Entries to deliver.
    pub pending: u64,
    /// Entries given up.
    pub dead: u64,
    /// When the oldest pending entry was made.
    pub oldest: Option<Timestamp>,
}

/// The durable outbox, as the store has it. Called by the data thread only. What it changes may wait for the store's
/// next commit, but later calls must see it at once.
pub trait Outbox {
    /// Why the store failed.
    type Error;

    /// At most `limit` entries of a channel that may be tried at `now`, oldest first: pending, `next_at` reached, and
    /// no earlier entry of the same incident and channel still pending.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn due(&mut self, channel: &str, now: Timestamp, limit: usize) -> Result<Vec<Entry>, Self::Error>;

    /// The earliest `next_at` after `now` of the channel's pending entries; `None` without any.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn next_due(&mut self, channel: &str, now: Timestamp) -> Result<Option<Timestamp>, Self::Error>;

    /// The entry was taken by the other side.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn delivered(&mut self, id: i64) -> Result<(), Self::Error>;

    /// The attempt failed: one attempt more, not before `next_at`. `error` holds no secret and no personal data.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn retry(&mut self, id: i64, next_at: Timestamp, error: &str) -> Result<(), Self::Error>;

    /// The entry is given up; it stays visible as a dead letter.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn dead(&mut self, id: i64, error: &str) -> Result<(), Self::Error>;

    /// What waits for a channel.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn backlog(&mut self, channel: &str) -> Result<Backlog, Self::Error>;
}

/// Why a notification was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotifyError {
    /// It may be taken later.
    #[error("{reason}")]
    Retry {
        /// What happened, without secrets.
        reason: String,
        /// How long the other side asked to wait.
        after: Option<Duration>,
    },
    /// It will never be taken.
    #[error("{reason}")]
    Refused {
        /// What happened, without secrets.
        reason: String,
    },
}

/// One attempt under way.
type Attempt<'a> = Pin<Box<dyn Future<Output = Result<(), NotifyError>> + 'a>>;
/// A repetition under way; gives how many alerts were told.
type Again<'a> = Pin<Box<dyn Future<Output = Result<u64, NotifyError>> + 'a>>;

/// A way to tell. One file each; `worker::open` is the list. Runs on the notifier thread.
trait Notifier {
    /// Tells one entry. Called for one entry at a time, in order.
    fn notify<'a>(&'a mut self, entry: &'a Entry) -> Attempt<'a>;

    /// Learns an incident (JSON) that was told before the agent was started.
    fn remember(&mut self, _payload: &str) {}

    /// How often [`Notifier::again`] is to be called; `None` while there is nothing to repeat.
    fn interval(&self) -> Option<Duration> {
        None
    }

    /// Tells what is still true.
    fn again(&mut self) -> Again<'_> {
        Box::pin(async { Ok(0) })
    }
}

/// Runs a write that may block beside the event loop.
async fn blocking(write: impl FnOnce() -> io::Result<()> + Send + 'static) -> Result<(), NotifyError> {
    match tokio::task::spawn_blocking(write).await {
        Ok(done) => done.map_err(|error| NotifyError::Retry { reason: error.to_string(), after: None }),
        Err(error) => Err(NotifyError::Retry { reason: error.to_string(), after: None }),
    }
}
