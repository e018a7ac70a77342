//! What one file may cost, and the account of it.

use std::cell::Cell;

use crate::Why;
use crate::pool::Pool;

/// What one file may cost. What exceeds a limit is left out and counted.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of unpacked members, text and pictures together.
    pub output: u64,
    /// How many bytes one packed byte may become, asked from the first megabyte on.
    pub ratio: u64,
    /// Files in files in files.
    pub depth: usize,
    /// Members of archives, parts of mails, streams of documents.
    pub members: u32,
    /// Pages of PDF files.
    pub pages: u32,
    /// Pixels of one picture, by its header.
    pub pixels: u64,
    /// Bytes of members held in memory at a time.
    pub held: usize,
    /// Steps of work. A step is about what one byte of text costs.
    pub work: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            output: 1 << 30,
            ratio: 250,
            depth: 6,
            members: 50_000,
            pages: 5_000,
            pixels: 100_000_000,
            held: 64 << 20,
            work: 4 << 30,
        }
    }
}

/// The account of one file. Readers and parsers share it, so its counters are cells.
pub(crate) struct Budget<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) pool: &'a Pool,
    output: Cell<u64>,
    members: Cell<u32>,
    pages: Cell<u32>,
    held: Cell<usize>,
    work: Cell<u64>,
    /// The limit of the whole file that was met; nothing goes on behind it.
    over: Cell<Option<Why>>,
    /// Why the last reader gave up, which an `io::Error` cannot tell.
    fault: Cell<Option<Why>>,
}

impl<'a> Budget<'a> {
    pub(crate) fn new(limits: &'a Limits, pool: &'a Pool) -> Budget<'a> {
        Budget {
            limits,
            pool,
            output: Cell::new(0),
            members: Cell::new(0),
            pages: Cell::new(0),
            held: Cell::new(0),
            work: Cell::new(0),
            over: Cell::new(None),
            fault: Cell::new(None),
        }
    }

    /// The limit that ended everything.
    pub(crate) fn over(&self) -> Option<Why> {
        self.over.get()
    }

    fn end(&self, why: Why) -> Result<(), Why> {
        let first = self.over.get().unwrap_or(why);
        self.over.set(Some(first));
        Err(first)
    }

    /// Spends steps of work.
    pub(crate) fn work(&self, steps: usize) -> Result<(), Why> {
        let work = self.work.get().saturating_add(steps as u64);
        self.work.set(work);
        match self.over.get() {
            Some(why) => Err(why),
            None if work > self.limits.work => self.end(Why::Work),
            None => Ok(()),
        }
    }

    /// Spends bytes that come out.
    pub(crate) fn output(&self, bytes: usize) -> Result<(), Why> {
        let output = self.output.get().saturating_add(bytes as u64);
        self.output.set(output);
        if output > self.limits.output { self.end(Why::Output) } else { self.work(bytes) }
    }

    /// Spends bytes that an unpacker gave, `whole` so far out of `packed`.
    pub(crate) fn unpacked(&self, bytes: usize, packed: u64, whole: u64) -> Result<(), Why> {
        self.output(bytes)?;
        if whole > 1 << 20 && whole / packed.max(1) > self.limits.ratio { Err(Why::Ratio) } else { Ok(()) }
    }

    /// One more member. Behind the limit the archive is left, what surrounds it goes on.
    pub(crate) fn member(&self) -> Result<(), Why> {
        self.members.set(self.members.get().saturating_add(1));
        if self.members.get() > self.limits.members { Err(Why::Members) } else { self.work(64) }
    }

    /// One more page.
    pub(crate) fn page(&self) -> Result<(), Why> {
        self.pages.set(self.pages.get().saturating_add(1));
        if self.pages.get() > self.limits.pages { Err(Why::Pages) } else { self.work(64) }
    }

    /// How much more may be held.
    pub(crate) fn room(&self) -> usize {
        self.limits.held.saturating_sub(self.held.get())
    }

    /// Holds bytes until [`release`](Budget::release).
    pub(crate) fn hold(&self, bytes: usize) {
        self.held.set(self.held.get().saturating_add(bytes));
    }

    pub(crate) fn release(&self, bytes: usize) {
        self.held.set(self.held.get().saturating_sub(bytes));
    }

    /// A reader gives up.
    pub(crate) fn give_up(&self, why: Why) -> std::io::Error {
        self.fault.set(Some(why));
        std::io::Error::other("limit")
    }

    /// Why a reader failed.
    pub(crate) fn fault(&self) -> Why {
        self.fault.take().or(self.over.get()).unwrap_or(Why::Damaged)
    }
}
