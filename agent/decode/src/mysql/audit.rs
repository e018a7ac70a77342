//! The audit logs of MySQL Enterprise, Percona Server and their relatives: what the JSON, XML and CSV forms have in common.
//!
//! Every form tells the same: NAME of the command, connection, account, status, text. Names and texts are escaped, so a
//! client cannot write what looks like a record: [`Trust::Structured`]. Times are UTC.
//!
//! With table access logged, a statement is told by a record for each table and then by one with its text and status.
//! There is no number that joins them, so they are given one here: records for tables of one connection, text and second
//! belong together, and the next statement of the connection ends them.

use super::stamps::Stamps;
use super::{Family, Who, account, number, rows, session, used};
use crate::account::Account;
use crate::postgres::Verdict;
use crate::sessions::{Session, Sessions};
use crate::{Chunk, DecodeOptions, Decoded, Decoder, Edge, statement};
use kuzet_event::{Access, Action, Code, Count, Event, Outcome, Place, System, Timestamp, Trust, Witness};
use lru::LruCache;
use std::num::NonZeroUsize;

/// Connections whose tables await their statement.
const AWAITING: NonZeroUsize = NonZeroUsize::new(128).unwrap();

/// What stands at the front of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Front {
    /// A record of so many bytes.
    Record(usize),
    /// A line of the frame around the records.
    Frame(usize),
    /// So many bytes that are neither.
    Junk(usize),
    /// More bytes are needed to tell.
    Open,
}

/// A form of the log.
pub(crate) struct Form {
    /// What stands at the front of some bytes.
    pub(super) front: fn(&[u8], Edge) -> Front,
    /// How many bytes of a record that was too long to skip, and whether another one begins behind them.
    pub(super) resume: fn(&[u8]) -> (usize, bool),
    /// Reads a record and gives it to [`Audit::record`].
    pub(super) read: fn(&mut Audit, &[u8], Place, &mut Vec<Event>) -> Verdict,
}

/// One record of any form; empty is absent.
#[derive(Default)]
pub(super) struct Record<'a> {
    pub(super) time: &'a [u8],
    /// As in the XML form: `Connect`, `Query`, `TableRead`.
    pub(super) name: &'a [u8],
    pub(super) connection: &'a [u8],
    pub(super) status: &'a [u8],
    /// `app` or `app[app] @ host [ip]`.
    pub(super) user: &'a [u8],
    pub(super) host: &'a [u8],
    pub(super) ip: &'a [u8],
    pub(super) program: &'a [u8],
    pub(super) database: &'a [u8],
    pub(super) table: &'a [u8],
    pub(super) text: &'a [u8],
    pub(super) rows_sent: Option<u64>,
    pub(super) bytes_sent: Option<u64>,
}

/// Tables told before their statement.
struct Awaiting {
    /// Text and second of their records.
    of: u64,
    /// Number given to them.
    number: u64,
}

/// Turns records into events.
pub(super) struct Audit {
    family: Family,
    stamps: Stamps,
    /// Database and program of a connection: only its first record tells them.
    sessions: Sessions,
    awaiting: LruCache<u64, Awaiting>,
}

impl Audit {
    /// Appends the event of `record`, if it has one.
    pub(super) fn record(&mut self, record: &Record<'_>, place: Place, events: &mut Vec<Event>) -> Verdict {
        let Some(at) = self.stamps.read(record.time) else { return Verdict::Lost };
        if record.name.is_empty() {
            return Verdict::Lost;
        }
        match self.event(record, at, place) {
            Some(event) => {
                events.push(event);
                Verdict::Handled
            }
            None => Verdict::Suppressed,
        }
    }

    fn event(&mut self, record: &Record<'_>, at: Timestamp, place: Place) -> Option<Event> {
        let connection = number(record.connection);
        let known = connection.and_then(|key| self.sessions.get(key)).cloned().unwrap_or_default();
        let (user, client) = account(record.user).unwrap_or((record.user, b""));
        let client = [record.ip, record.host, client].into_iter().find(|name| !name.is_empty()).unwrap_or_default();
        let told =
            |told: &'_ [u8], known: &str| if told.is_empty() { known.as_bytes().to_vec() } else { told.to_vec() };
        // A record for a table names the database of the table.
        let database = if record.table.is_empty() { record.database } else { b"" };
        let (database, program) = (told(database, &known.database), told(record.program, &known.program));
        let who = Who { system: System::Mysql, user, client, program: &program, database: &database, connection };
        let access = match record.name {
            b"Connect" | b"Change user" => return Some(self.arrival(record, &who, at, place)),
            b"Quit" => {
                let mut event = self.family.event(&who, at, place, Action::Logout);
                event.outcome = Outcome::Success;
                if let Some(key) = connection {
                    self.sessions.remove(key);
                }
                return Some(event);
            }
            b"Init DB" if record.status == b"0" => {
                self.enter(connection, record.text);
                return None;
            }
            b"Query" | b"Execute" if !record.text.is_empty() => {
                return Some(self.statement(record, &who, at, place));
            }
            b"Audit" | b"NoAudit" | b"Shutdown" => return Some(self.server(record, &who, at, place)),
            b"TableRead" => Access::Read,
            b"TableInsert" | b"TableUpdate" | b"TableDelete" => Access::Write,
            _ => return None,
        };
        let mut event = self.family.event(&who, at, place, Action::Statement);
        event.relation = Some(self.family.relation(record.database, record.table, access));
        event.statement_number = self.await_statement(connection?, record.text, &event);
        Some(event)
    }

    fn arrival(&mut self, record: &Record<'_>, who: &Who<'_>, at: Timestamp, place: Place) -> Event {
        let mut event = self.family.event(who, at, place, Action::Login);
        (event.outcome, event.code) = outcome(record.status);
        if let Some(key) = who.connection.filter(|_| event.outcome != Outcome::Failure) {
            let (program, database) = (self.family.name(who.program), self.family.name(record.database));
            self.sessions.put(key, Session { program, database, ..Session::default() });
        }
        event
    }

    fn statement(&mut self, record: &Record<'_>, who: &Who<'_>, at: Timestamp, place: Place) -> Event {
        let mut event = self.family.event(who, at, place, Action::Statement);
        (event.outcome, event.code) = outcome(record.status);
        self.family.tell(&mut event, record.text, false);
        if let Some(statement) = &event.statement {
            event.rows = rows(statement, record.rows_sent, None);
        }
        event.bytes = record.bytes_sent.map_or(Count::Unknown, Count::Known);
        let awaited = who.connection.and_then(|connection| self.awaiting.pop(&connection));
        event.statement_number = awaited.map_or(0, |awaiting| awaiting.number);
        if let Some(database) = used(record.text).filter(|_| event.outcome != Outcome::Failure) {
            self.enter(who.connection, database);
        }
        event
    }

    /// Audit and server, begun or ended. Somebody who ends the audit has an account; a server that stops has none.
    fn server(&mut self, record: &Record<'_>, who: &Who<'_>, at: Timestamp, place: Place) -> Event {
        if record.name == b"NoAudit" && !who.user.is_empty() {
            let mut event = self.family.event(who, at, place, Action::Setting);
            event.outcome = Outcome::Success;
            event.statement = Some(statement::changed(b"audit_log", Some(b"OFF")));
            return event;
        }
        self.family.event(who, at, place, Action::Server)
    }

    /// The number for a record of a table of `connection`.
    fn await_statement(&mut self, connection: u64, text: &[u8], event: &Event) -> u64 {
        let of = crate::recent::hash(text) ^ event.at.0 as u64;
        if let Some(awaiting) = self.awaiting.get(&connection)
            && awaiting.of == of
        {
            return awaiting.number;
        }
        // Any number will do that the connection did not have before: made of the place.
        let number = session(event.place.offset ^ (event.at.0 as u64).rotate_left(32)).0 | 1;
        self.awaiting.put(connection, Awaiting { of, number });
        number
    }

    /// The connection now works in `database`.
    fn enter(&mut self, connection: Option<u64>, database: &[u8]) {
        if let Some(key) = connection {
            self.sessions.entry(key).database = self.family.name(database);
        }
    }
}

/// Zero is success, absent unknown, all else the server's error number.
fn outcome(status: &[u8]) -> (Outcome, Code) {
    match status {
        b"" => (Outcome::Unknown, Code::NONE),
        b"0" => (Outcome::Success, Code::NONE),
        _ => (Outcome::Failure, Code::new(status)),
    }
}

/// Decoder of one audit log.
pub(crate) struct AuditLog {
    form: &'static Form,
    audit: Audit,
    /// Inside a record that was too long.
    skipping: bool,
}

impl AuditLog {
    pub(crate) fn new(options: &DecodeOptions, form: &'static Form) -> AuditLog {
        AuditLog {
            form,
            audit: Audit {
                family: Family::new(options, Trust::Structured, Witness::Audit),
                stamps: Stamps::new(0),
                sessions: Sessions::new(),
                awaiting: LruCache::new(AWAITING),
            },
            skipping: false,
        }
    }

    fn skip(&mut self, chunk: Chunk<'_>, account: &mut Account) {
        let (length, found) = (self.form.resume)(chunk.bytes);
        let all = !found && (chunk.edge == Edge::End || (chunk.edge == Edge::Full && length == 0));
        account.skip(if all { chunk.bytes.len() } else { length });
        self.skipping = !found && chunk.edge != Edge::End;
    }
}

impl Decoder for AuditLog {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let mut account = Account::default();
        if self.skipping {
            self.skip(chunk, &mut account);
            if self.skipping {
                return account.decoded();
            }
        }
        while account.consumed < chunk.bytes.len() {
            let start = account.consumed;
            let rest = &chunk.bytes[start..];
            match (self.form.front)(rest, chunk.edge) {
                Front::Record(length) => {
                    let place = Place {
                        source: chunk.source,
                        file: chunk.file,
                        offset: chunk.offset + start as u64,
                        length: u32::try_from(length).unwrap_or(u32::MAX),
                    };
                    let verdict = (self.form.read)(&mut self.audit, &rest[..length], place, events);
                    account.record(length, verdict);
                }
                Front::Frame(length) => account.record(length, Verdict::Suppressed),
                Front::Junk(length) => account.record(length, Verdict::Lost),
                Front::Open if chunk.edge == Edge::End => account.record(rest.len(), Verdict::Lost),
                Front::Open if chunk.edge == Edge::Full && start == 0 => {
                    account.record(rest.len(), Verdict::Lost);
                    self.skipping = true;
                }
                Front::Open => break,
            }
        }
        account.decoded()
    }

    fn snapshot(&self) -> Vec<u8> {
        let audit = &self.audit;
        let mut out = vec![u8::from(self.skipping), u8::try_from(audit.awaiting.len()).unwrap_or(0)];
        for (connection, awaiting) in &audit.awaiting {
            for value in [*connection, awaiting.of, awaiting.number] {
                out.extend_from_slice(&value.to_le_bytes());
            }
        }
        out.extend_from_slice(&audit.sessions.snapshot());
        out
    }

    fn restore(&mut self, snapshot: &[u8]) {
        let [skipping @ (0 | 1), count, rest @ ..] = snapshot else { return };
        let Some((awaiting, sessions)) = rest.split_at_checked(24 * usize::from(*count)) else { return };
        self.skipping = *skipping == 1;
        let (values, _) = awaiting.as_chunks::<8>();
        let (values, _) = values.as_chunks::<3>();
        for [connection, of, number] in values.iter().rev().map(|values| values.map(u64::from_le_bytes)) {
            self.audit.awaiting.put(connection, Awaiting { of, number });
        }
        self.audit.sessions.restore(sessions);
    }
}
