//! The embedded store: incidents, detector state, checkpoints and outbox, recorded in one transaction.
//!
//! The trait stands here and not beside the folder because a checkpoint names files, which no pure crate knows.
//! [`Sqlite`] is the store of a running agent, [`Memory`] that of a replay, [`Reader`] what the command line looks through
//! while the agent runs.

mod acts;
mod canary;
mod configuration;
mod error;
mod files;
mod inventory;
mod load;
mod memory;
mod migrate;
mod outbox;
mod purge;
mod reader;
mod sqlite;
#[cfg(test)]
mod tests;

pub use acts::PendingAct;
pub use canary::Canary;
pub use configuration::{Configuration, Standing};
pub use error::{StoreError, StoreErrorKind};
pub use files::in_use;
pub use inventory::{Held, Known, Shelves};
pub use load::Shelved;
pub use memory::Memory;
pub use outbox::{OutboxBacklog, OutboxRow};
pub use reader::{DeadLetter, Filter, GapRow, Reader};
pub use sqlite::{Options, Sqlite};

use crate::message::{Checkpoint, FileIdentity, Gap, Learnt};
use kuzet_event::Timestamp;
use kuzet_incident::{Change, Saved, What};
use std::collections::BTreeMap;

/// Where results are recorded.
pub trait Store {
    /// Records the whole batch or nothing.
    ///
    /// # Errors
    /// [`StoreError`]; the batch is the caller's still, to be recorded later ([`Batch::absorb`]).
    fn record(&mut self, batch: &Batch) -> Result<(), StoreError>;
}

/// One notification to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Channel by its configured name.
    pub channel: String,
    /// Incident.
    pub incident: String,
    /// Number of this state of the incident.
    pub sequence: u64,
    /// Incident document.
    pub payload: String,
    /// A later message of the same incident and channel may take this one's place while it waits: a channel that was
    /// unreachable for days then tells the latest state and not every step. First and last states are not replaceable.
    pub replaceable: bool,
    /// When it was made; also when it is due.
    pub created: Timestamp,
}

/// Counters of one source since its first start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Configured name.
    pub source: String,
    /// Records seen: handled + suppressed + lost.
    pub seen: u64,
    /// Records that became events.
    pub handled: u64,
    /// Records of no interest.
    pub suppressed: u64,
    /// Records that could not be read.
    pub lost: u64,
    /// Time of the latest event.
    pub last_event: Option<Timestamp>,
}

/// What one transaction records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Changes of incidents.
    pub changes: Vec<Change>,
    /// Rows of detector state as `kuzet_detect::Detectors::changes` gives them: a key, and the value that now stands
    /// under it (`None`: the row is gone). The later one of a key wins.
    pub detector_state: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// Checkpoints; each replaces the earlier one of its source, device and inode.
    pub checkpoints: Vec<Checkpoint>,
    /// Checkpoints that are not needed any more, by source and identity.
    pub expired: Vec<(String, FileIdentity)>,
    /// Gaps, with the name of their source.
    pub gaps: Vec<(String, Gap)>,
    /// Notifications.
    pub outbox: Vec<Message>,
    /// Counters; each replaces the earlier one of its source.
    pub tallies: Vec<Tally>,
    /// What is wrong with sources, by name, where that has changed; `None`: nothing any more.
    pub problems: Vec<(String, Option<String>)>,
    /// Acts of people that are in `changes` now ([`PendingAct::id`]).
    pub acts: Vec<i64>,
    /// What inspections found in files; the later one of a path wins.
    pub learnt: Vec<Learnt>,
}

impl Batch {
    /// There is nothing to record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Batch { changes, detector_state, checkpoints, expired, gaps, outbox, tallies, problems, acts, learnt } =
            self;
        changes.is_empty()
            && detector_state.is_empty()
            && checkpoints.is_empty()
            && expired.is_empty()
            && gaps.is_empty()
            && outbox.is_empty()
            && tallies.is_empty()
            && problems.is_empty()
            && acts.is_empty()
            && learnt.is_empty()
    }

    /// Whether the batch has to be on the disk when [`Store::record`] returns.
    ///
    /// A batch of checkpoints, detector state and counters alone need not: the three are of one transaction, so losing
    /// the last of them in a power cut means that the agent reads the same bytes again with the state it had before
    /// them, and folds the same detections under the same ids. What has been told to people or would be lost to them
    /// (incidents, gaps, notifications, acts) is synced.
    #[must_use]
    pub fn durable(&self) -> bool {
        let told = self.changes.iter().any(|change| change.what != What::Forgotten);
        told || !self.outbox.is_empty() || !self.gaps.is_empty() || !self.acts.is_empty()
    }

    /// Joins a later batch, where this one could not be recorded. Bounded by what there is (incidents in memory, files,
    /// detectors), except for gaps, notifications and what inspections found, which add up.
    pub fn absorb(&mut self, later: Batch) {
        if self.is_empty() {
            *self = later;
            return;
        }
        for change in later.changes {
            match self.changes.iter_mut().find(|one| one.incident.id == change.incident.id) {
                Some(one) => one.absorb(change),
                None => self.changes.push(change),
            }
        }
        // Detectors may bring thousands of rows: joined through a map, in the order of the keys.
        let mut rows: BTreeMap<Vec<u8>, Option<Vec<u8>>> =
            std::mem::take(&mut self.detector_state).into_iter().collect();
        rows.extend(later.detector_state);
        self.detector_state = rows.into_iter().collect();
        let identity = |source: &str, file: &FileIdentity| (source.to_owned(), file.device, file.inode);
        for (source, file) in &later.expired {
            self.checkpoints.retain(|one| identity(&one.source, &one.identity) != identity(source, file));
        }
        for one in &later.checkpoints {
            self.expired.retain(|(source, file)| identity(source, file) != identity(&one.source, &one.identity));
        }
        replace(&mut self.checkpoints, later.checkpoints, |one| identity(&one.source, &one.identity));
        replace(&mut self.expired, later.expired, |(source, file)| identity(source, file));
        replace(&mut self.tallies, later.tallies, |one| one.source.clone());
        replace(&mut self.problems, later.problems, |(source, _)| source.clone());
        for message in later.outbox {
            if message.replaceable {
                let same = |one: &Message| one.channel == message.channel && one.incident == message.incident;
                self.outbox.retain(|one| !(one.replaceable && same(one)));
            }
            self.outbox.push(message);
        }
        self.gaps.extend(later.gaps);
        self.acts.extend(later.acts);
        self.learnt.extend(later.learnt);
    }
}

fn replace<T, K: PartialEq>(list: &mut Vec<T>, later: Vec<T>, key: impl Fn(&T) -> K) {
    for one in later {
        match list.iter_mut().find(|other| key(other) == key(&one)) {
            Some(other) => *other = one,
            None => list.push(one),
        }
    }
}

/// What a restart goes on from; all of one transaction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Stories for [`Folder::restore`](kuzet_incident::Folder::restore), in the order in which they were opened.
    pub stories: Vec<Saved>,
    /// Rows of detector state, for `kuzet_detect::Detectors::restore`.
    pub detector_state: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Checkpoints, by source, device and inode.
    pub checkpoints: Vec<Checkpoint>,
    /// Counters, by source.
    pub tallies: Vec<Tally>,
}
