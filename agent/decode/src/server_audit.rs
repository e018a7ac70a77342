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
//!
//! **Dialects of Amazon**, told apart line by line: RDS for MariaDB writes the form above, RDS for MySQL more fields behind
//! the code (`,0,,` behind a statement, `,0,SSL/TLS` behind a login), Aurora MySQL microseconds since 1970 as the time and
//! statements of any length. Both of the latter are MySQL.

mod record;

use crate::mysql::{Family, Who};
use crate::postgres::Verdict;
use crate::{Chunk, DecodeOptions, Decoded, Decoder, Edge};
use kuzet_event::{Access, Action, Code, Event, Outcome, Place, System, Timestamp, Trust, Witness};
use record::{Operation, Record, Stamp};

/// Longest record of several lines, bytes: names end at 128 characters.
const BROKEN: usize = 2048;
/// Most lines of such a record.
const BROKEN_LINES: usize = 8;

/// Decoder of one `server_audit` file.
pub(crate) struct ServerAudit {
    offset_micros: i64,
    query_log_limit: usize,
    family: Family,
    text: Vec<u8>,
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
            family: Family::new(options, Trust::Forgeable, Witness::Audit),
            text: Vec::new(),
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
                crate::persons::tell_before(&event, events);
                events.push(event);
                Line::Record(length)
            }
            None => Line::Suppressed(length),
        })
    }

    /// A record whose time the envelope tells: the syslog form.
    pub(crate) fn wrapped(&mut self, text: &[u8], at: Timestamp, place: Place, events: &mut Vec<Event>) -> Verdict {
        let Some(record) = record::fields(Stamp::Outside, text) else { return Verdict::Lost };
        match self.event(&record, at, place) {
            Some(event) => {
                events.push(event);
                Verdict::Handled
            }
            None => Verdict::Suppressed,
        }
    }

    fn timestamp(&mut self, time: Stamp<'_>) -> Option<Timestamp> {
        let time = match time {
            Stamp::Outside => return None,
            Stamp::Epoch(micros) => return Some(Timestamp(micros)),
            Stamp::Civil(time) => time,
        };
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
        let (action, outcome, code) = match record.operation {
            Operation::ProxyConnect => return None,
            Operation::Read | Operation::Write if is_statistics(record) => return None,
            Operation::Connect => (Action::Login, result, code),
            Operation::FailedConnect => (Action::Login, Outcome::Failure, code),
            Operation::Disconnect => (Action::Logout, Outcome::Success, Code::NONE),
            Operation::Read | Operation::Write => (Action::Statement, Outcome::Unknown, Code::NONE),
            Operation::Query => (Action::Statement, result, code),
        };
        let who = Who {
            system: if record.mysql { System::Mysql } else { System::Mariadb },
            user: record.user,
            client: record.client,
            database: record.database,
            connection: Some(record.connection),
            ..Who::default()
        };
        let mut event = self.family.event(&who, at, place, action);
        (event.outcome, event.code, event.statement_number) = (outcome, code, record.query);
        match record.operation {
            Operation::Read => {
                event.relation = Some(self.family.relation(record.database, table(record), Access::Read));
            }
            Operation::Write => {
                event.relation = Some(self.family.relation(record.database, table(record), Access::Write));
            }
            Operation::Query => {
                // The limit counts escaped bytes, and half an escape is left out. Aurora has none.
                let limited = !matches!(record.time, Stamp::Epoch(_));
                let truncated = limited && record.object.len() + 1 >= self.query_log_limit;
                let text = record::unescape(record.object, &mut self.text);
                self.family.tell(&mut event, text, truncated);
            }
            _ => {}
        }
        Some(event)
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

/// The table of a record; RENAME writes `old|database.new`.
fn table<'a>(record: &Record<'a>) -> &'a [u8] {
    record.object.split(|byte| *byte == b'|').next().unwrap_or_default()
}

/// Tables of the optimiser's statistics: the server reads them by itself for nearly every statement.
fn is_statistics(record: &Record<'_>) -> bool {
    record.database == b"mysql" && matches!(record.object, b"table_stats" | b"column_stats" | b"index_stats")
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
        self.family.persons.snapshot(if self.skipping { vec![1] } else { Vec::new() })
    }

    fn restore(&mut self, snapshot: &[u8]) {
        self.skipping = self.family.persons.restore(snapshot) == [1];
    }
}
