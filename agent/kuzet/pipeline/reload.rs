//! Another configuration while the agent runs: all of it or nothing, and no record lost or counted twice.
//!
//! What can fail comes first and touches nothing. Then everything read is committed, and the parts change in place: a
//! source that is the same goes on in the middle of its file, another one as after a restart, from its checkpoint;
//! detectors get their own rows back under the new rules; stories, counters and the outbox stay.

use super::{Agent, GRACE, MOST_REMEMBERED, StartError, base, told};
use crate::config::{Config, Content};
use crate::message::Checkpoint;
use crate::metrics::Metrics;
use crate::notify::Desk;
use crate::outbox::Ledger;
use crate::setup;
use crate::store::{Batch, Configuration, Snapshot};
use kuzet_event::SourceId;
use kuzet_personal::Key;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the agent is to go on with.
pub struct Next {
    /// Configuration; its state directory is not looked at.
    pub config: Config,
    /// Catalogue, policy, severities.
    pub content: Content,
    /// The metrics for its names.
    pub metrics: Arc<Metrics>,
    /// A secret of a channel has changed.
    pub secrets: bool,
}

impl Agent {
    /// Goes on under another configuration.
    ///
    /// # Errors
    /// As [`Agent::open`]; then nothing has changed.
    pub fn reconfigure(&mut self, next: Next, key: &Key) -> Result<(), StartError> {
        let Next { config, content, metrics, secrets } = next;
        let tail = setup::tail_sources(&config);
        crate::source::check(&tail)?;
        let notify = secrets || config.notify != self.config.notify || config.host != self.config.host;
        let desk = if notify { Some(self.new_desk(&config)?) } else { None };
        self.read();
        self.commit();
        if self.failing.is_some() {
            return Err(StartError::Unwritten);
        }
        let mut snapshot = self.store.load()?;

        let same = unchanged(&self.config, &config);
        let number = |name: &str| same.get(name).copied();
        let same = |name: &str| same.contains_key(name);
        self.stop_streams(&|name| number(name).is_none());
        let last = self.collect();
        self.pending.absorb(last);
        overlay(&mut snapshot, &self.pending);
        let (streams, files): (Vec<_>, Vec<_>) = snapshot.checkpoints.into_iter().partition(Checkpoint::is_stream);
        self.streams.retain(&number, streams);
        self.tailer.reconfigure(tail, &files, config.poll, &same)?;

        let before: Vec<String> = self.core.names().map(str::to_owned).collect();
        let at = |name: &str| before.iter().position(|one| one == name);
        self.evicted = self.forgotten();
        let told = told(&metrics, &self.clock);
        let feeds = setup::feeds(&config, key);
        self.core.reconfigure(setup::parts(feeds, content, config.thresholds.clone(), &config.fold, told), &same);
        self.core.suppressions().restore(&snapshot.detector_state);
        self.core.detectors().restore(snapshot.detector_state);
        (self.expired, self.canaries) = (None, None);
        self.watch_canaries();
        let kept = |name: &str| at(name).map(|at| (self.base[at].clone(), self.stamps[at]));
        let fresh = |name: &str| (base(&snapshot.tallies, name), (0, 0));
        let books = self.core.names().map(|name| kept(name).unwrap_or_else(|| fresh(name)));
        (self.base, self.stamps) = books.unzip();
        let beside = setup::Beside { clock: &self.clock, changed: &self.core.files_changed(), metrics: &metrics };
        if let Err(error) = setup::streams(&config, &mut self.streams, &beside, &|name| !same(name)) {
            tracing::error!(%error, "The system refuses a thread for a source: it is not watched; restart the agent.");
        }
        if let Some(desk) = desk {
            self.swap(desk);
        }
        (self.config, self.metrics) = (config, metrics);
        self.commit();
        Ok(())
    }

    /// Records that a configuration came into force, or was refused; `json` holds no secret.
    pub fn note_configuration(&mut self, loaded: bool, json: String) {
        let one = Configuration { at: self.clock.wall(), loaded, json };
        if let Err(error) = self.store.note_configuration(&one) {
            self.store_failed(&error);
        }
    }

    fn new_desk(&mut self, config: &Config) -> Result<Desk, StartError> {
        let waker = self.tailer.waker();
        let wake = Arc::new(move || waker.wake());
        Desk::new(&config.notify, &config.host, Arc::clone(&self.clock), wake).map_err(StartError::Channels)
    }

    /// What the old channels have not told stays in the outbox, for the new ones of the same names.
    fn swap(&mut self, mut desk: Desk) {
        let mut ledger = Ledger { store: &mut self.store, unsaved: &mut self.unsaved };
        if let Err(error) = self.desk.stop(&mut ledger, GRACE) {
            self.store_failed(&error);
        }
        match self.store.open_documents(MOST_REMEMBERED) {
            Ok(open) => desk.remember(open.into_iter().map(Arc::from)),
            Err(error) => self.store_failed(&error),
        }
        self.channels = desk.channels().to_vec();
        self.desk = desk;
    }
}

/// Sources, databases and the inventory that are the same under both configurations, with their new numbers.
fn unchanged(old: &Config, new: &Config) -> BTreeMap<String, SourceId> {
    let sources = new.sources.iter().map(|source| {
        let same = old.offset_seconds == new.offset_seconds && old.sources.contains(source);
        (same, &source.name)
    });
    let databases = new.databases.iter().map(|database| (old.databases.contains(database), &database.name));
    let walked = old.folders == new.folders && old.inventory == new.inventory;
    let inventory =
        setup::names(new).into_iter().skip(new.sources.len() + new.databases.len()).map(|name| (walked, name));
    let named = sources.chain(databases).map(|(same, name)| (same, name.clone())).chain(inventory);
    let numbered = (0..u16::MAX).zip(named).filter(|(_, (same, _))| *same);
    numbered.map(|(number, (_, name))| (name, SourceId(number))).collect()
}

/// What the store does not hold yet over what it holds.
fn overlay(snapshot: &mut Snapshot, pending: &Batch) {
    for (key, value) in &pending.detector_state {
        match value {
            Some(value) => snapshot.detector_state.insert(key.clone(), value.clone()),
            None => snapshot.detector_state.remove(key),
        };
    }
    let file = |one: &Checkpoint| (one.source.clone(), one.identity.device, one.identity.inode);
    for later in &pending.checkpoints {
        snapshot.checkpoints.retain(|one| file(one) != file(later));
        snapshot.checkpoints.push(later.clone());
    }
}
