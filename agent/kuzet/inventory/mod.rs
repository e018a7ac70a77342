//! The inventory: walks the configured folders now and then, has a worker look inside what is new or was changed, and tells what
//! it found as records of the format `inventory` (agent/decode/src/inventory.rs).
//!
//! What was looked at is known from the store, which the data thread writes in the transaction of these records: killed anywhere,
//! the inventory goes on where the records that were handled end.

mod book;
mod line;
mod stand;

use crate::clock::Clock;
use crate::inspect::{Aside, Looked, Met, Pressure, Walk, inspect};
use crate::message::Outlet;
use crate::metrics::FolderMetrics;
use crate::store::{Shelves, StoreError};
use crate::worker;
use book::{Book, Passed};
use kuzet_personal::Key;
use line::{Accounts, Line};
use stand::Stand;
use std::cell::{Cell, RefCell};
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
    /// Folders, by their paths, with their names.
    pub folders: Vec<(PathBuf, String)>,
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
    // A walk follows no link.
    let lies_in = |other: &Path| match (folder.strip_prefix(other), other.canonicalize(), folder.canonicalize()) {
        (Ok(rest), Ok(above), Ok(real)) => above.join(rest) == real,
        _ => false,
    };
    let covers =
        |other: &PathBuf| other != folder && lies_in(other) && (settings.cross || device(other) == device(folder));
    settings.folders.iter().any(|(other, _)| covers(other))
}

/// Walks until the outlet says that the agent stops: when it is time, and soon after a file was changed.
pub fn run(settings: &Settings, outlet: &dyn Outlet, clock: &Arc<dyn Clock>, metrics: &FolderMetrics) {
    let mut stand = Stand::new(settings, metrics, clock);
    loop {
        let begun = clock.monotonic();
        settings.changed.store(false, Ordering::Relaxed);
        stand.sum();
        let mut problems = Vec::new();
        for (folder, _) in settings.folders.iter().filter(|(folder, _)| !is_walked(folder, settings)) {
            let round = Round::new(settings, outlet, clock, RefCell::new(stand));
            let walked = round.walk(folder);
            stand = round.stand.into_inner();
            stand.end(walked.is_ok());
            problems.extend(walked.err());
        }
        let took = clock.monotonic().saturating_sub(begun);
        let every = if problems.is_empty() { settings.every } else { AGAIN.min(settings.every) };
        outlet.problem((!problems.is_empty()).then(|| problems.join("; ")));
        let soon = (took * SHARE).max(SOON).min(every);
        let mut waited = Duration::ZERO;
        while waited < soon || waited < every && !settings.changed.load(Ordering::Relaxed) {
            if !outlet.pause(REST) {
                return;
            }
            stand.sum();
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
    stand: RefCell<Stand<'a>>,
    stopped: Cell<bool>,
}

impl<'a> Round<'a> {
    fn new(
        settings: &'a Settings,
        outlet: &'a dyn Outlet,
        clock: &'a Arc<dyn Clock>,
        stand: RefCell<Stand<'a>>,
    ) -> Round<'a> {
        Round { settings, outlet, clock, accounts: Accounts::read(), stand, stopped: Cell::new(false) }
    }

    fn tell(&self, line: &Line<'_>) {
        self.stopped.set(self.stopped.get() || !self.outlet.send(&line.record()));
        self.stand.borrow_mut().tell();
    }

    /// Walks the folder; says why it could not.
    fn walk(&self, folder: &Path) -> Result<(), String> {
        let fault = |error: StoreError| format!("what was looked at before is not known: {error}");
        let shelves = Shelves::open(&self.settings.state).map_err(fault)?;
        let walk = Walk::new(folder, self.settings.cross)
            .map_err(|error| format!("{} cannot be looked through: {error}", crate::inspect::shown(folder)))?;
        let key = Key::new(self.settings.secret);
        let book = RefCell::new(Book::new(&shelves, &key, self.settings.way));
        let new = walk.take_while(|_| !self.stopped.get()).filter(|met| self.is_new(&book, met));
        let mut pressure = Pressure::new(Arc::clone(self.clock));
        let mut pause = || {
            self.rest(&mut pressure);
            self.stand.borrow_mut().sum();
        };
        let mut take = |looked: Looked| self.take(&book, looked);
        let work = self.stand.borrow().work();
        let workers = worker::Settings { work, ..worker::Settings::new(self.settings.secret) };
        inspect(new, &workers, true, 1, self.clock, &mut pause, &mut take)
            .map_err(|error| format!("files cannot be looked into: {error}"))?;
        let book = book.into_inner();
        if let Some(error) = book.fault {
            return Err(fault(error));
        }
        match book.unmounted.first() {
            Some(path) => Err(format!("what was mounted at {path} is not there: what is known of its files stays")),
            None => Ok(()),
        }
    }

    /// Whether it is a file to be looked at; folders are told and left here.
    fn is_new(&self, book: &RefCell<Book<'_>>, met: &Met) -> bool {
        let (at, mut book) = (self.clock.wall().0, book.borrow_mut());
        match met {
            Met::Entered(path, stat) => {
                if let Some(mounted) = book.enter(path, stat) {
                    self.tell(&Line::folder(at, path, mounted));
                }
                self.stand.borrow_mut().enter(path);
                false
            }
            Met::Left(..) => {
                book.leave().into_iter().for_each(|keys| self.tell(&Line::gone(at, keys)));
                self.stand.borrow_mut().leave(true);
                false
            }
            Met::File(entry) => {
                self.stand.borrow_mut().meet();
                book.is_new(entry.name(), &entry.stat)
            }
            Met::Aside(path, why) => {
                match book.pass_over(path) {
                    Passed::Left => self.stand.borrow_mut().leave(false),
                    // A folder that may not be looked into is told as a file is that cannot be opened.
                    Passed::New if matches!(why, Aside::Closed | Aside::Depth) => self.tell(&Line::closed(at, path)),
                    Passed::New | Passed::Known => {}
                }
                false
            }
        }
    }

    /// Tells what was found in a file.
    fn take(&self, book: &RefCell<Book<'_>>, looked: Looked) {
        let (at, mut book) = (self.clock.wall().0, book.borrow_mut());
        match looked {
            Looked::Answered(entry, answer) => {
                let seen = book.seen(&entry, Some(&answer));
                self.stand.borrow().looked(&answer);
                self.tell(&Line::file(at, &entry, &answer, seen, &self.accounts));
            }
            // It is gone meanwhile: the next walk tells that, if it was known.
            Looked::Unopened(_, error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Looked::Unopened(entry, _) => {
                let seen = book.seen(&entry, None);
                if !seen.closed {
                    self.tell(&Line::file(at, &entry, &worker::Answer::unopened(), seen, &self.accounts));
                }
            }
            Looked::Aside(..) => {}
        }
    }

    /// Waits while the host has better things to do.
    fn rest(&self, pressure: &mut Pressure) {
        for _ in 0..LONGEST {
            if !self.settings.polite || self.stopped.get() || pressure.high().is_none() {
                return;
            }
            self.stopped.set(!self.outlet.pause(REST));
            self.stand.borrow().paused(REST);
        }
    }
}
