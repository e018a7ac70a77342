//! The inventory: walks the configured folders now and then, has a worker look inside what is new or was changed, and tells what
//! it found as records of the format `inventory` (agent/decode/src/inventory.rs).
//!
//! What was looked at is known from the store, which the data thread writes in the transaction of these records: killed anywhere,
//! the inventory goes on where the records that were handled end.

mod book;
mod line;

use crate::clock::Clock;
use crate::inspect::{Looked, Met, Pressure, Walk, inspect};
use crate::message::Outlet;
use crate::store::{Shelves, StoreError};
use crate::worker;
use book::Book;
use kuzet_personal::Key;
use line::{Accounts, Line};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long until the store is asked again where it could not be read.
const AGAIN: Duration = Duration::from_secs(30);
/// How often a host under pressure is asked whether it is at rest, and how long it is waited for before one more question: an
/// inventory that stands still sees nothing.
const REST: Duration = Duration::from_secs(1);
const LONGEST: u32 = 60;
/// How soon a change is looked for, and how many times the length of a walk passes before the next one.
const SOON: Duration = Duration::from_secs(5);
const SHARE: u32 = 20;

/// What is looked through.
#[derive(Clone)]
pub struct Settings {
    /// Folders, by their paths.
    pub folders: Vec<PathBuf>,
    /// How often at least.
    pub every: Duration,
    /// Set when a file was changed; taken back when it is looked for.
    pub changed: Arc<AtomicBool>,
    /// Other file systems that are mounted below a folder belong to it.
    pub cross: bool,
    /// It waits while the host is under pressure.
    pub polite: bool,
    /// How it is looked: where that changes, all is looked at and told anew ([`way`]).
    pub way: u64,
    /// The state directory.
    pub state: PathBuf,
    /// The pseudonym key.
    pub secret: [u8; 32],
}

/// Rises when a look finds more than before.
const VERSION: u64 = 1;

/// Number of a way to look: this version's, for folders of these uses.
#[must_use]
pub fn way(uses: &str) -> u64 {
    let mut first = [0; 8];
    let hash = blake3::Hasher::new().update(&VERSION.to_le_bytes()).update(uses.as_bytes()).finalize();
    first.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_le_bytes(first)
}

/// Whether the walk through another of the folders comes through this one as well.
fn is_walked(folder: &Path, settings: &Settings) -> bool {
    let device = |path: &Path| rustix::fs::stat(path).map(|stat| stat.st_dev).ok();
    let covers = |other: &PathBuf| {
        other != folder && folder.starts_with(other) && (settings.cross || device(other) == device(folder))
    };
    settings.folders.iter().any(covers)
}

/// Walks until the outlet says that the agent stops: when it is time, and soon after a file was changed.
pub fn run(settings: &Settings, outlet: &dyn Outlet, clock: &Arc<dyn Clock>) {
    loop {
        let begun = clock.monotonic();
        settings.changed.store(false, Ordering::Relaxed);
        let walk = |folder: &PathBuf| Round::new(settings, outlet, clock).walk(folder).err();
        let alone = settings.folders.iter().filter(|folder| !is_walked(folder, settings));
        let problems: Vec<String> = alone.filter_map(walk).collect();
        let took = clock.monotonic().saturating_sub(begun);
        let every = if problems.is_empty() { settings.every } else { AGAIN.min(settings.every) };
        outlet.problem((!problems.is_empty()).then(|| problems.join("; ")));
        let soon = (took * SHARE).max(SOON).min(every);
        let mut waited = Duration::ZERO;
        while waited < soon || waited < every && !settings.changed.load(Ordering::Relaxed) {
            if !outlet.pause(REST) {
                return;
            }
            waited = clock.monotonic().saturating_sub(begun + took);
        }
    }
}

/// One walk through one folder.
struct Round<'a> {
    settings: &'a Settings,
    outlet: &'a dyn Outlet,
    clock: &'a Arc<dyn Clock>,
    accounts: Accounts,
}

impl<'a> Round<'a> {
    fn new(settings: &'a Settings, outlet: &'a dyn Outlet, clock: &'a Arc<dyn Clock>) -> Round<'a> {
        Round { settings, outlet, clock, accounts: Accounts::read() }
    }

    /// Walks the folder; says why it could not.
    fn walk(&self, folder: &Path) -> Result<(), String> {
        let fault = |error: StoreError| format!("what was looked at before is not known: {error}");
        let shelves = Shelves::open(&self.settings.state).map_err(fault)?;
        let walk = Walk::new(folder, self.settings.cross)
            .map_err(|error| format!("{} cannot be looked through: {error}", crate::inspect::shown(folder)))?;
        let key = Key::new(self.settings.secret);
        let (book, stopped) = (RefCell::new(Book::new(&shelves, &key, self.settings.way)), std::cell::Cell::new(false));
        let tell = |line: &Line<'_>| stopped.set(stopped.get() || !self.outlet.send(&line.record()));
        let new = walk.take_while(|_| !stopped.get()).filter(|met| {
            let at = self.clock.wall().0;
            match met {
                Met::Entered(path, stat) => {
                    if book.borrow_mut().enter(path, stat) {
                        tell(&Line::folder(at, path));
                    }
                    false
                }
                Met::Left(..) => {
                    for keys in book.borrow_mut().leave() {
                        tell(&Line::gone(at, keys));
                    }
                    false
                }
                Met::File(entry) => book.borrow_mut().is_new(entry.name(), &entry.stat),
                Met::Aside(path, _) => {
                    book.borrow_mut().pass_over(path);
                    false
                }
            }
        });
        let mut pressure = Pressure::new(Arc::clone(self.clock));
        let mut pause = || self.rest(&mut pressure, &stopped);
        let mut take = |looked: Looked| {
            let at = self.clock.wall().0;
            match looked {
                Looked::Answered(entry, answer) => {
                    let seen = book.borrow_mut().seen(&entry, Some(&answer));
                    tell(&Line::file(at, &entry, &answer, seen, &self.accounts));
                }
                Looked::Unopened(entry, _) => {
                    let seen = book.borrow_mut().seen(&entry, None);
                    if !seen.closed {
                        tell(&Line::file(at, &entry, &worker::Answer::unopened(), seen, &self.accounts));
                    }
                }
                Looked::Aside(..) => {}
            }
        };
        let workers = worker::Settings::new(self.settings.secret);
        inspect(new, &workers, true, 1, self.clock, &mut pause, &mut take)
            .map_err(|error| format!("files cannot be looked into: {error}"))?;
        book.into_inner().fault.map_or(Ok(()), |error| Err(fault(error)))
    }

    /// Waits while the host has better things to do.
    fn rest(&self, pressure: &mut Pressure, stopped: &std::cell::Cell<bool>) {
        for _ in 0..LONGEST {
            if !self.settings.polite || stopped.get() || pressure.high().is_none() {
                return;
            }
            stopped.set(!self.outlet.pause(REST));
        }
    }
}
