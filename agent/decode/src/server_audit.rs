//! MariaDB `server_audit` in file form.
//!
//! ```text
//! 20261122 16:27:58,vm,analyst,127.0.0.1,12,160,QUERY,mfo,'SELECT * FROM borrowers',0
//! time,host,user,client,connection,query,operation,database,object,code
//! ```
//!
//! Format: <https://mariadb.com/kb/en/mariadb-audit-plugin-log-format/>.
//!
//! **Each statement is told more than once.** For a statement on two tables the plugin writes a READ or WRITE record
//! for each table, then the QUERY record with the text and the code, all with the same connection and query number.
//! The table records become events with [`Event::relation`] and without a statement; the QUERY record becomes one with
//! a statement and without a relation. All of them carry [`Event::statement_number`], so a detector that counts
//! statements counts each pair of session and statement number once (0: unknown, each on its own). The table records
//! name what the server opened, so they hold where the text does not: views, procedures, cut statements.
//!
//! The format has no row counts, no zone and whole seconds only, and a name may break it: user and database are written
//! as they are, so a client can write what looks like a record before it is logged in. Hence [`Trust::Forgeable`]
//! throughout. The clock may step back a second between lines.

mod record;

use crate::{Actors, Analyzer, Chunk, DecodeOptions, Decoded, Decoder, Edge, Parameters};
use kuzet_event::{
    Access, Action, Code, Count, Event, Outcome, Place, Relation, SessionId, System, Timestamp, Trust, Witness,
};
use lru::LruCache;
use record::{Operation, Record};
use smallvec::SmallVec;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Relations kept.
const RELATIONS: NonZeroUsize = NonZeroUsize::new(1024).unwrap();
/// Longest record of several lines, bytes: names end at 128 characters.
const BROKEN: usize = 2048;
/// Most lines of such a record.
const BROKEN_LINES: usize = 8;

/// Decoder of one `server_audit` file.
pub(crate) struct ServerAudit {
    offset_micros: i64,
    query_log_limit: usize,
    analyzer: Analyzer,
    actors: Actors,
    relations: LruCache<Box<[u8]>, Arc<Relation>>,
    parameters: Parameters,
    text: Vec<u8>,
    key: Vec<u8>,
    time: ([u8; 17], Timestamp),
    /// Inside an endless record that is being skipped.
    skipping: bool,
}

/// Whether `line` could begin a record.
pub(crate) fn recognises(line: &[u8]) -> bool {
    record::parse(line).is_some()
}

/// What a line turned out to be.
enum Line {
    /// A record of so many bytes, newline included.
    Record(usize),
    /// Understood, of no interest.
    Suppressed(usize),
    /// Not a record.
    Lost(usize),
    /// More bytes must come to tell.
    Unfinished,
}

impl ServerAudit {
    pub(crate) fn new(options: &DecodeOptions) -> ServerAudit {
        ServerAudit {
            offset_micros: i64::from(options.timezone) * 1_000_000,
            query_log_limit: options.query_log_limit,
            analyzer: Analyzer::new(System::Mariadb, options.key.clone()),
            actors: Actors::new(System::Mariadb),
            relations: LruCache::new(RELATIONS),
            parameters: Parameters::new(),
            text: Vec::new(),
            key: Vec::new(),
            time: ([0; 17], Timestamp(0)),
            skipping: false,
        }
    }

    /// The line at the front of `bytes`, with following ones when a name broke it.
    fn line(&mut self, bytes: &[u8], place: Place, edge: Edge, events: &mut Vec<Event>) -> Line {
        let Some(end) = memchr::memchr(b'\n', bytes) else {
            return match edge {
                Edge::End => self.take(bytes, bytes.len(), place, events).unwrap_or(Line::Lost(bytes.len())),
                _ => Line::Unfinished,
            };
        };
        if let Some(line) = self.take(&bytes[..end], end + 1, place, events) {
            return line;
        }
        if record::starts(bytes).is_none() {
            return Line::Lost(end + 1);
        }
        let mut last = end;
        for _ in 1..BROKEN_LINES {
            let rest = &bytes[last + 1..];
            if record::starts(rest).is_some() || last > BROKEN {
                return Line::Lost(end + 1);
            }
            match memchr::memchr(b'\n', rest) {
                Some(more) => last += 1 + more,
                None if matches!(edge, Edge::More) && rest.len() < BROKEN => return Line::Unfinished,
                None if edge == Edge::End && !rest.is_empty() => last = bytes.len(),
                None => return Line::Lost(end + 1),
            }
            let length = (last + 1).min(bytes.len());
            if let Some(line) = self.take(&bytes[..last], length, place, events) {
                return line;
            }
        }
        Line::Lost(end + 1)
    }

    /// Takes `line` if it is a whole record; `length` is what it takes of the file.
    fn take(&mut self, line: &[u8], length: usize, place: Place, events: &mut Vec<Event>) -> Option<Line> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let record = record::parse(line)?;
        let at = self.timestamp(record.time)?;
        let place = Place { length: u32::try_from(length).unwrap_or(u32::MAX), ..place };
        Some(match self.event(&record, at, place) {
            Some(event) => {
                events.push(event);
                Line::Record(length)
            }
            None => Line::Suppressed(length),
        })
    }

    fn timestamp(&mut self, time: &[u8; 17]) -> Option<Timestamp> {
        if self.time.0 != *time {
            let local = record::seconds(time)?;
            self.time = (*time, Timestamp(local * 1_000_000 - self.offset_micros));
        }
        Some(self.time.1)
    }

    fn event(&mut self, record: &Record<'_>, at: Timestamp, place: Place) -> Option<Event> {
        let failed = record.code != b"0";
        let code = if failed { Code::new(record.code) } else { Code::NONE };
        let result = if failed { Outcome::Failure } else { Outcome::Success };
        let mut identifiers = SmallVec::new();
        let (action, outcome, code, relation, statement) = match record.operation {
            Operation::ProxyConnect => return None,
            Operation::Connect => (Action::Login, result, code, None, None),
            Operation::FailedConnect => (Action::Login, Outcome::Failure, code, None, None),
            Operation::Disconnect => (Action::Logout, Outcome::Success, Code::NONE, None, None),
            Operation::Read | Operation::Write => {
                if is_statistics(record) {
                    return None;
                }
                let relation = self.relation(record);
                (Action::Statement, Outcome::Unknown, Code::NONE, Some(relation), None)
            }
            Operation::Query => {
                // The limit counts escaped bytes, and half an escape is left out.
                let truncated = record.object.len() + 1 >= self.query_log_limit;
                let text = record::unescape(record.object, &mut self.text);
                let statement = self.analyzer.analyze(text, &self.parameters, truncated, &mut identifiers);
                (Action::Statement, result, code, None, Some(statement))
            }
        };
        let client: &[u8] = if record.client == b"localhost" { b"[local]" } else { record.client };
        Some(Event {
            at,
            place,
            actor: self.actors.intern(record.user, client, b"", record.database),
            session: session(record.connection),
            statement_number: record.query,
            action,
            outcome,
            code,
            relation,
            statement,
            identifiers,
            rows: Count::Unknown,
            trust: Trust::Forgeable,
            witness: Witness::Audit,
            calls: 1,
            bytes: Count::Unknown,
        })
    }

    fn relation(&mut self, record: &Record<'_>) -> Arc<Relation> {
        let access = if record.operation == Operation::Read { Access::Read } else { Access::Write };
        // RENAME: `old|database.new`.
        let name = record.object.split(|byte| *byte == b'|').next().unwrap_or_default();
        self.key.clear();
        self.key.push(access as u8);
        self.key.extend_from_slice(record.database);
        self.key.push(0);
        self.key.extend_from_slice(name);
        if let Some(relation) = self.relations.get(self.key.as_slice()) {
            return Arc::clone(relation);
        }
        let schema = crate::names::object(record.database);
        let relation = Arc::new(Relation { schema, name: crate::names::object(name), access });
        self.relations.put(self.key.as_slice().into(), Arc::clone(&relation));
        relation
    }

    /// Skips the rest of an endless record; gives the bytes skipped.
    fn skip(&mut self, bytes: &[u8]) -> usize {
        match memchr::memchr(b'\n', bytes) {
            Some(end) => {
                self.skipping = false;
                end + 1
            }
            None => bytes.len(),
        }
    }
}

/// Tables of the optimiser's statistics: the server reads them by itself for nearly every statement.
fn is_statistics(record: &Record<'_>) -> bool {
    record.database == b"mysql" && matches!(record.object, b"table_stats" | b"column_stats" | b"index_stats")
}

/// Connection numbers are small and start again with the server; mixed so that they spread (splitmix64).
fn session(connection: u64) -> SessionId {
    let mut value = connection.wrapping_add(0x9E37_79B9_7F4A_7C15);
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    SessionId(value ^ (value >> 31))
}

impl Decoder for ServerAudit {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let mut done = Decoded::default();
        if self.skipping {
            done.consumed = self.skip(chunk.bytes);
            done.tally.lost_bytes += done.consumed as u64;
        }
        while done.consumed < chunk.bytes.len() {
            let place = Place {
                source: chunk.source,
                file: chunk.file,
                offset: chunk.offset + done.consumed as u64,
                length: 0,
            };
            let length = match self.line(&chunk.bytes[done.consumed..], place, chunk.edge, events) {
                Line::Record(length) => {
                    done.tally.handled += 1;
                    length
                }
                Line::Suppressed(length) => {
                    done.tally.suppressed += 1;
                    length
                }
                Line::Lost(length) => {
                    done.tally.lost += 1;
                    done.tally.lost_bytes += length as u64;
                    length
                }
                Line::Unfinished => break,
            };
            done.tally.seen += 1;
            done.consumed += length;
        }
        if chunk.edge == Edge::Full && done.consumed == 0 && !chunk.bytes.is_empty() {
            // A record larger than the buffer: lost, and skipped up to its end.
            self.skipping = true;
            done.consumed = chunk.bytes.len();
            done.tally.seen += 1;
            done.tally.lost += 1;
            done.tally.lost_bytes += done.consumed as u64;
        }
        done
    }

    fn snapshot(&self) -> Vec<u8> {
        if self.skipping { vec![1] } else { Vec::new() }
    }

    fn restore(&mut self, snapshot: &[u8]) {
        self.skipping = snapshot == [1];
    }
}
