//! A reader that keeps results and checkpoints together, as the store does, and can be killed between two commits.

use super::writer::number;
use crate::support::{Scratch, until};
use kuzet::clock::System;
use kuzet::message::{Checkpoint, Gap, GapReason};
use kuzet::source::{FileInfo, Sink, SourceStatus, Start, TailOptions, TailSource, Tailer};
use kuzet_decode::{Chunk, Edge};
use kuzet_event::{FileId, SourceId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for anything.
pub const LIMIT: Duration = Duration::from_secs(20);

/// What came out, in order.
#[derive(Clone, Default)]
pub struct Taken {
    /// Numbers of records.
    pub records: Vec<u64>,
    /// Lines that hold no record, at most their first 20 bytes.
    pub others: Vec<String>,
    /// Gaps.
    pub gaps: Vec<Gap>,
    /// Files that are finished.
    pub finished: Vec<FileId>,
    /// Bytes taken with [`Edge::Full`].
    pub cut: u64,
    /// Chunks given with [`Edge::Quiet`].
    pub quiet: u64,
    /// Whether every chunk began where the one before of its file ended.
    pub ends: BTreeMap<FileId, u64>,
}

impl Taken {
    fn line(&mut self, line: &[u8]) {
        match number(line) {
            Some(number) => self.records.push(number),
            None if line.is_empty() => {}
            None => self.others.push(String::from_utf8_lossy(&line[..line.len().min(20)]).trim_end().to_owned()),
        }
    }
}

impl Sink for Taken {
    fn chunk(&mut self, info: &FileInfo, chunk: Chunk<'_>) -> usize {
        assert_eq!((info.source, info.file), (chunk.source, chunk.file));
        let whole = match chunk.edge {
            Edge::End => chunk.bytes.len(),
            _ => chunk.bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1),
        };
        self.quiet += u64::from(chunk.edge == Edge::Quiet);
        if chunk.edge == Edge::Full && whole == 0 {
            self.cut += chunk.bytes.len() as u64;
            return chunk.bytes.len();
        }
        for line in chunk.bytes[..whole].split_inclusive(|&byte| byte == b'\n') {
            self.line(line);
        }
        self.ends.insert(info.file, chunk.offset + whole as u64);
        whole
    }

    fn gap(&mut self, gap: Gap) {
        self.gaps.push(gap);
    }

    fn finished(&mut self, _: SourceId, file: FileId) {
        self.finished.push(file);
    }
}

/// Tailer, sink and what was made durable.
pub struct Reader {
    sources: Vec<TailSource>,
    options: TailOptions,
    tailer: Option<Tailer>,
    /// Since the last commit and before.
    pub taken: Taken,
    durable: Taken,
    checkpoints: BTreeMap<(String, u64, u64), Checkpoint>,
}

/// Short times, so that tests need not wait.
pub fn options() -> TailOptions {
    TailOptions {
        quiet: Duration::from_millis(5),
        linger: Duration::from_millis(30),
        poll: Duration::from_millis(20),
        poll_only: Duration::from_millis(5),
        ..TailOptions::default()
    }
}

/// A source that follows `patterns` of a directory from the beginning.
pub fn source(directory: &Scratch, patterns: &[&str]) -> TailSource {
    TailSource {
        id: SourceId(0),
        name: "crm".to_owned(),
        patterns: patterns.iter().map(|pattern| directory.join(pattern).to_str().unwrap().to_owned()).collect(),
        current_logfiles: None,
        start: Start::Beginning,
    }
}

impl Reader {
    /// Begins without checkpoints.
    pub fn new(source: TailSource, options: TailOptions) -> Reader {
        let mut reader = Reader {
            sources: vec![source],
            options,
            tailer: None,
            taken: Taken::default(),
            durable: Taken::default(),
            checkpoints: BTreeMap::new(),
        };
        reader.start();
        reader
    }

    /// Starts with the checkpoints of the last commit.
    pub fn start(&mut self) {
        let checkpoints: Vec<Checkpoint> = self.checkpoints.values().cloned().collect();
        let clock = Arc::new(System);
        self.tailer = Some(Tailer::open(self.sources.clone(), &checkpoints, self.options, clock).unwrap());
    }

    /// Loses everything since the last commit.
    pub fn kill(&mut self) {
        self.tailer = None;
        self.taken = self.durable.clone();
    }

    /// Waits shortly and reads once.
    pub fn step(&mut self) {
        let tailer = self.tailer.as_mut().unwrap();
        tailer.wait(Duration::from_millis(5));
        tailer.read(&mut self.taken);
    }

    /// Number of stored checkpoints.
    pub fn checkpoints(&self) -> usize {
        self.checkpoints.len()
    }

    /// Drops the checkpoints of files that cannot come back; says how many.
    pub fn forget(&mut self) -> usize {
        let forgotten = self.tailer.as_mut().unwrap().forgotten();
        self.checkpoints.retain(|_, row| !row.finished || !forgotten.iter().any(|(_, one)| *one == row.identity));
        forgotten.len()
    }

    /// Reads once without waiting.
    pub fn read(&mut self) -> bool {
        self.tailer.as_mut().unwrap().read(&mut self.taken).more
    }

    /// Makes results and checkpoints durable together.
    pub fn commit(&mut self) {
        for checkpoint in self.tailer.as_mut().unwrap().checkpoints() {
            let identity = checkpoint.identity;
            self.checkpoints.insert((checkpoint.source.clone(), identity.device, identity.inode), checkpoint);
        }
        self.durable = self.taken.clone();
    }

    /// Commits, kills and starts again.
    pub fn restart(&mut self) {
        self.commit();
        self.kill();
        self.start();
    }

    /// Reads until `check` holds.
    pub fn until(&mut self, what: &str, mut check: impl FnMut(&Taken) -> bool) {
        until(what, LIMIT, || {
            self.step();
            check(&self.taken).then_some(())
        });
    }

    /// Reads until exactly the records `0..count` came, once and in order.
    pub fn expect(&mut self, count: u64) {
        let mut last = 0;
        let got = crate::support::poll(LIMIT, || {
            self.step();
            last = self.taken.records.len() as u64;
            (last >= count).then_some(())
        });
        assert!(got.is_some(), "{last} of {count} records; gaps {:?}; {:?}", self.taken.gaps, self.status());
        assert_eq!(self.taken.records, (0..count).collect::<Vec<_>>());
    }

    /// Reads until the file's state and everything else has come to rest, at least `rounds` ticks long.
    pub fn rest(&mut self, rounds: u32) {
        for _ in 0..rounds {
            let tailer = self.tailer.as_mut().unwrap();
            tailer.wait(self.options.poll);
            tailer.read(&mut self.taken);
        }
    }

    /// Reasons of all gaps.
    pub fn reasons(&self) -> Vec<GapReason> {
        self.taken.gaps.iter().map(|gap| gap.reason).collect()
    }

    /// How the source stands.
    pub fn status(&self) -> SourceStatus {
        self.tailer.as_ref().unwrap().status().remove(0)
    }
}
