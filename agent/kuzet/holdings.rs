//! What files hold, brought to the events of deeds at them: from what inspections told lately, else from the store.

use crate::message::Learnt;
use kuzet_event::{Count, Deed, Event, FileAct, FilePath, Holding, Identifier, IdentifierKind};
use lru::LruCache;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Files that are remembered, and people in all of them.
const FILES: NonZeroUsize = NonZeroUsize::new(4_096).unwrap();
const PEOPLE: usize = 65_536;

/// Asks for what a file holds; `None`: nothing was found there, or nobody looked yet.
pub(crate) type Ask = Box<dyn FnMut(&FilePath) -> Option<Holding> + Send>;

/// What is known of files.
pub(crate) struct Holdings {
    recent: LruCache<u128, Option<Arc<Holding>>>,
    /// People of all that is remembered.
    people: usize,
    ask: Option<Ask>,
    learnt: Vec<Learnt>,
    /// Somebody made or wrote a file since the last walk: the inventory looks, and takes it back.
    changed: Arc<AtomicBool>,
}

impl Holdings {
    /// Without `ask` only what is told is known, as in a replay.
    pub(crate) fn new(ask: Option<Ask>) -> Holdings {
        Holdings { recent: LruCache::new(FILES), people: 0, ask, learnt: Vec::new(), changed: Arc::default() }
    }

    /// Whether files were made or written.
    pub(crate) fn changed(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.changed)
    }

    /// What was told since the last call, for the store.
    pub(crate) fn take(&mut self) -> Vec<Learnt> {
        std::mem::take(&mut self.learnt)
    }

    /// Learns from an inspection; completes a deed with what its file holds, and with the people whose data that is.
    pub(crate) fn complete(&mut self, event: &mut Event) {
        let Some(act) = event.file.as_ref() else { return };
        if act.deed == Deed::Inspect {
            let learnt =
                Learnt { path: act.path.clone(), folder: act.folder, holding: act.holding.clone(), at: event.at };
            if !act.folder {
                self.remember(act.path.key, act.holding.clone().filter(|holding| holding.is_something()));
            }
            // A replay has nowhere to keep it.
            if self.ask.is_some() {
                self.learnt.push(learnt);
            }
            return;
        }
        if !matches!(act.deed, Deed::Read) {
            self.changed.store(true, Ordering::Relaxed);
        }
        if act.folder
            || act.holding.is_some()
            || !matches!(act.deed, Deed::Read | Deed::Write | Deed::Rename | Deed::Delete | Deed::Link)
        {
            return;
        }
        let Some(holding) = self.of(&act.path) else { return };
        // What it is called from now on holds the same.
        if let (Deed::Rename | Deed::Link, Some(to)) = (act.deed, &act.to) {
            self.remember(to.key, Some(Arc::clone(&holding)));
        }
        event.rows = match holding.missed.is_empty() && !holding.encrypted {
            true => Count::Known(holding.persons),
            false => Count::Unknown,
        };
        let people = holding.people.iter().map(|key| Identifier::new(0, IdentifierKind::Iin, *key));
        event.identifiers = people.collect();
        event.file = Some(Arc::new(FileAct { holding: Some(holding), ..FileAct::clone(act) }));
    }

    fn of(&mut self, path: &FilePath) -> Option<Arc<Holding>> {
        if let Some(known) = self.recent.get(&path.key) {
            return known.clone();
        }
        let found = self.ask.as_mut().and_then(|ask| ask(path)).map(Arc::new);
        self.remember(path.key, found.clone());
        found
    }

    fn remember(&mut self, key: u128, holding: Option<Arc<Holding>>) {
        let weight = |holding: &Option<Arc<Holding>>| holding.as_ref().map_or(0, |one| one.people.len());
        self.people += weight(&holding);
        if let Some((_, gone)) = self.recent.push(key, holding) {
            self.people -= weight(&gone);
        }
        while self.people > PEOPLE {
            let Some((_, gone)) = self.recent.pop_lru() else { return };
            self.people -= weight(&gone);
        }
    }
}
