//! Log formats: bytes in, events out. Pure, and cannot fail: what cannot be understood is counted and kept in place.
//!
//! One file a format. A decoder takes the bytes at hand, turns every complete record into events and says how many
//! bytes it is done with; the rest stays with the caller, who gives it again with more behind it. So a checkpoint that
//! stands at the consumed offset never cuts a record, however many lines it has.

mod access_json;
mod access_log;
mod account;
mod actors;
mod blank;
mod csvlog;
mod deeds;
mod envelope;
mod flat;
mod format;
mod gateway;
mod haproxy;
mod inventory;
mod journald;
mod json;
mod jsonlog;
mod lines;
mod linux_audit;
mod login;
mod mapped;
mod messages;
mod minio_audit;
mod mongodb;
mod mysql;
mod names;
mod netflow;
mod parameters;
mod paths;
mod persons;
mod pgaudit;
mod pgbouncer;
mod postgres;
mod prefix;
mod query;
mod recent;
mod redis;
mod s3;
mod s3_access;
mod samba;
mod sensor;
mod server_audit;
mod sessions;
mod sketch;
mod spoken;
mod squid;
pub mod statement;
mod status;
mod stderr;
mod structural;
mod suricata_eve;
mod syslog;
mod times;
mod web;
mod zeek;

pub use actors::Actors;
pub use format::{DecodeOptions, FORMATS, Format, FormatInfo, sniff};
pub use mapped::{MapAction, MapForm, MapObject, MapPerson, MapTime, Mapping, word_matches};
pub use parameters::Parameters;
pub use paths::{Paths, path_key, shown_path};
pub use persons::{Pool, PoolFault};
pub use statement::{Analyzer, audit_effect};

use kuzet_event::{Event, FileId, SourceId};

/// Bytes of one file, from the first one that is not yet consumed.
#[derive(Clone, Copy)]
pub struct Chunk<'a> {
    /// Source they belong to.
    pub source: SourceId,
    /// File they belong to.
    pub file: FileId,
    /// Offset of `bytes[0]` in the file.
    pub offset: u64,
    /// The bytes.
    pub bytes: &'a [u8],
    /// What comes behind them.
    pub edge: Edge,
}

/// What comes behind the bytes of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// More may come any moment: a last record that may still grow is left alone.
    More,
    /// Nothing came for a while: a last record that ends with a newline is complete.
    Quiet,
    /// The file is finished: a last record without a newline is all there will ever be.
    End,
    /// The caller's buffer is full and cannot grow: something must be consumed; an endless record is cut and the rest
    /// of it is skipped and accounted for as lost.
    Full,
}

/// `seen = handled + suppressed + lost`, in records of the format; bytes beside them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records found.
    pub seen: u64,
    /// Records that gave events.
    pub handled: u64,
    /// Records understood and of no interest (durations, checkpoints, autovacuum).
    pub suppressed: u64,
    /// Records not understood, cut or skipped.
    pub lost: u64,
    /// Bytes of the lost records.
    pub lost_bytes: u64,
}

impl Tally {
    /// Adds `other`.
    pub fn add(&mut self, other: Tally) {
        self.seen += other.seen;
        self.handled += other.handled;
        self.suppressed += other.suppressed;
        self.lost += other.lost;
        self.lost_bytes += other.lost_bytes;
    }
}

/// What [`Decoder::decode`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Bytes from the front of the chunk that need not be given again.
    pub consumed: usize,
    /// Records in them.
    pub tally: Tally,
}

/// A log format. One decoder serves one file at a time.
pub trait Decoder: Send {
    /// Appends the events of every complete record at the front of `chunk` to `events`.
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded;

    /// What must survive a restart at the consumed offset (sessions whose user only earlier lines tell, being inside an
    /// endless record). Empty when there is nothing. At most 64 KiB.
    fn snapshot(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Takes back a [`snapshot`](Decoder::snapshot). Bytes that are not one are ignored.
    fn restore(&mut self, _snapshot: &[u8]) {}
}
