//! The worker: looks inside files of strangers in a process that can do nothing else.
//!
//! It is this binary once more (`kuzet worker`), asked over a socket pair: descriptors in, one line of JSON a file out. Before it
//! reads the first byte of a file it gives up everything ([`sandbox`]): no path, no network, no program, no file but those
//! that are handed to it. What comes out are counts, kinds and keyed hashes, never a value; the asking side ([`Worker`])
//! holds its answers against closed lists all the same, for what reads hostile bytes may have been taken over by them.

mod answer;
mod asking;
mod attempts;
mod look;
mod pictures;
mod sandbox;
mod serve;
mod tally;
mod wire;

pub use answer::{Answer, IdentityScan, People, Trouble, Verdict, reasons};
pub use asking::{Given, Proof, Settings, Work, Worker, WorkerError};
pub use serve::serve;

/// Files in one question: small ones share a system call and a switch of processes.
pub const BATCH: usize = 16;
/// Files up to this many bytes are read in one go, and may share a question.
pub const SMALL: usize = 1 << 20;
/// Keyed hashes of people told of one file; beyond them the number is "at least".
pub const MOST_PEOPLE: usize = 65_536;
/// Identity documents told of one file.
pub const MOST_SCANS: usize = 1_000;
