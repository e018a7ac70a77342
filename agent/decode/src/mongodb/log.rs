//! MongoDB structured log (4.4 and later): logins, ends of connections, slow queries with their rows.
//!
//! ```text
//! {"t":{"$date":"2020-05-20T20:10:08.731+00:00"},"s":"I","c":"COMMAND","id":51803,"ctx":"conn281","msg":"Slow query",
//!  "attr":{"type":"command","ns":"mfo.borrowers","appName":"crm","command":{"find":"borrowers",…},"nreturned":101,…}}
//! ```
//!
//! Fields: <https://www.mongodb.com/docs/manual/reference/log-messages/>. A slow query names no user: the login of its
//! connection does. Its rows are measured. Only statements slower than `slowms` are told (with the profiler's level 0),
//! unless it is 0.

use super::command::Command;
use super::{address, date, is};
use crate::account::Lines;
use crate::json::{self, Step, Value, key};
use crate::postgres::Verdict;
use crate::sessions::{Session, Sessions};
use crate::{Actors, Chunk, DecodeOptions, Decoded, Decoder, blank};
use kuzet_event::{Action, Code, Count, Event, Outcome, Place, SessionId, System, Timestamp, Verb, Witness};
use kuzet_personal::Key;

/// Decoder of one log.
pub(crate) struct MongodbLog {
    key: Key,
    actors: Actors,
    /// By number of the connection.
    sessions: Sessions,
    lines: Lines,
}

/// What a record says.
struct Record {
    at: Option<Timestamp>,
    severity: Vec<u8>,
    context: Vec<u8>,
    message: Vec<u8>,
    kind: Vec<u8>,
    client: Vec<u8>,
    user: Vec<u8>,
    database: Vec<u8>,
    program: Vec<u8>,
    returned: Option<u64>,
    changed: Option<u64>,
    bytes: Option<u64>,
    code: Option<u64>,
    result: Option<u64>,
    connection: Option<u64>,
    command: Command,
}

impl Record {
    fn new() -> Record {
        Record {
            at: None,
            severity: Vec::new(),
            context: Vec::new(),
            message: Vec::new(),
            kind: Vec::new(),
            client: Vec::new(),
            user: Vec::new(),
            database: Vec::new(),
            program: Vec::new(),
            returned: None,
            changed: None,
            bytes: None,
            code: None,
            result: None,
            connection: None,
            command: Command::new(),
        }
    }

    fn member(&mut self, path: &[Step<'_>], value: &Value<'_>, secret: &Key) {
        let [first, rest @ ..] = path else { return };
        match (key(first), rest) {
            (b"t", rest) => self.at = self.at.or_else(|| date(rest, value)),
            (b"s", []) => self.severity = value.bytes().to_vec(),
            (b"ctx", []) => self.context = value.bytes().to_vec(),
            (b"msg", []) => self.message = value.bytes().to_vec(),
            (b"attr", [first, rest @ ..]) => self.attribute(key(first), rest, value, secret),
            _ => {}
        }
    }

    fn attribute(&mut self, name: &[u8], rest: &[Step<'_>], value: &Value<'_>, secret: &Key) {
        let text = || value.bytes().to_vec();
        if !rest.is_empty() && !is(rest, &[]) {
            match name {
                // What getMore goes on with says more than getMore.
                b"command" => self.command.member(rest, value, secret),
                b"originatingCommand" if !matches!(key(&rest[0]), b"find" | b"aggregate" | b"limit") => {
                    self.command.member(rest, value, secret);
                }
                b"doc" if is(rest, &[b"application", b"name"]) => self.program = text(),
                b"principal" if is(rest, &[b"user"]) => self.user = text(),
                _ => {}
            }
            return;
        }
        match name {
            b"type" => {
                self.kind = text();
                if matches!(self.kind.as_slice(), b"update" | b"remove" | b"insert") {
                    self.command.name(&self.kind);
                }
            }
            b"ns" => self.command.namespace(value.bytes()),
            b"appName" => self.program = text(),
            b"remote" => self.client = text(),
            // `conn3` in the record of a client's metadata.
            b"client" if !value.bytes().starts_with(b"conn") => self.client = text(),
            b"user" | b"principalName" => self.user = text(),
            b"db" | b"authenticationDatabase" => self.database = text(),
            b"nreturned" => self.returned = value.number(),
            b"ninserted" | b"nModified" | b"ndeleted" | b"nMatched" => {
                self.changed = self.changed.max(value.number());
            }
            b"reslen" => self.bytes = value.number(),
            b"errCode" | b"errorCode" => self.code = value.number(),
            b"result" => self.result = value.number(),
            b"connectionId" => self.connection = value.number(),
            _ => {}
        }
    }

    /// Number of the connection: `conn281`.
    fn number(&self) -> Option<u64> {
        let number = || std::str::from_utf8(self.context.strip_prefix(b"conn")?).ok()?.parse().ok();
        self.connection.or_else(number)
    }
}

impl MongodbLog {
    pub(crate) fn new(options: &DecodeOptions) -> MongodbLog {
        MongodbLog {
            key: options.key.clone(),
            actors: Actors::new(System::Mongodb),
            sessions: Sessions::new(),
            lines: Lines::default(),
        }
    }

    fn record(&mut self, line: &[u8], place: Place, events: &mut Vec<Event>) -> Verdict {
        let mut record = Record::new();
        let whole = json::walk(line, |path, value| record.member(path, &value, &self.key));
        let (Some(()), Some(at), false) = (whole, record.at, record.severity.is_empty()) else { return Verdict::Lost };
        let number = record.number();
        let event = match record.message.as_slice() {
            b"Connection accepted" => {
                if let Some(number) = number {
                    let client = self.actors.name(address(&record.client));
                    self.sessions.put(number, Session { client, ..Session::default() });
                }
                return Verdict::Suppressed;
            }
            b"client metadata" => {
                if let Some(number) = number {
                    let program = self.actors.name(&record.program);
                    self.sessions.entry(number).program = program;
                }
                return Verdict::Suppressed;
            }
            b"Connection ended" => {
                let event = self.event(&record, at, place, Action::Logout, Outcome::Success);
                if let Some(number) = number {
                    self.sessions.remove(number);
                }
                event
            }
            b"Authentication succeeded" | b"Successfully authenticated" => {
                if let Some(number) = number {
                    let (user, client) = (self.actors.name(&record.user), self.actors.name(address(&record.client)));
                    let session = self.sessions.entry(number);
                    session.user = user;
                    if !client.is_empty() {
                        session.client = client;
                    }
                }
                self.event(&record, at, place, Action::Login, Outcome::Success)
            }
            b"Authentication failed" | b"Failed to authenticate" => {
                let event = self.event(&record, at, place, Action::Login, Outcome::Failure);
                let code = record.result.or(record.code).unwrap_or(18);
                Event { code: Code::new(code.to_string().as_bytes()), ..event }
            }
            b"Slow query" => match self.slow(record, at, place) {
                Some(event) => event,
                None => return Verdict::Suppressed,
            },
            b"MongoDB starting" | b"Waiting for connections" | b"Now exiting" | b"mongod startup complete" => {
                self.event(&record, at, place, Action::Server, Outcome::Unknown)
            }
            _ => return Verdict::Suppressed,
        };
        events.push(event);
        Verdict::Handled
    }

    fn slow(&mut self, record: Record, at: Timestamp, place: Place) -> Option<Event> {
        if !record.command.is_known() {
            return None;
        }
        let outcome = if record.code.is_some() { Outcome::Failure } else { Outcome::Success };
        let mut event = self.event(&record, at, place, Action::Statement, outcome);
        let rows = match record.command.verb() {
            Verb::Select => record.returned,
            _ => record.changed.or(record.returned),
        };
        event.rows = rows.map_or(Count::Unknown, Count::Known);
        event.bytes = record.bytes.map_or(Count::Unknown, Count::Known);
        event.witness = Witness::Measure;
        if let Some(code) = record.code {
            event.code = Code::new(code.to_string().as_bytes());
        }
        let (sketch, word) = record.command.finish(event.actor.program.as_bytes());
        let (statement, identifiers) = sketch.finish(word);
        (event.statement, event.identifiers) = (Some(statement), identifiers);
        Some(event)
    }

    /// An event of the record's connection.
    fn event(&mut self, record: &Record, at: Timestamp, place: Place, action: Action, outcome: Outcome) -> Event {
        let number = record.number();
        let known = number.and_then(|number| self.sessions.get(number)).cloned().unwrap_or_default();
        let told = |told: &[u8], known: &str| if told.is_empty() { known.as_bytes().to_vec() } else { told.to_vec() };
        let actor = self.actors.intern(
            &told(&record.user, &known.user),
            &told(address(&record.client), &known.client),
            &told(&record.program, &known.program),
            &told(record.command.database(), std::str::from_utf8(&record.database).unwrap_or_default()),
        );
        let session = number.map_or(SessionId(0), |number| SessionId(crate::recent::hash(&number.to_le_bytes())));
        Event { session, witness: Witness::Log, ..blank::event(at, place, actor, action, outcome) }
    }
}

impl Decoder for MongodbLog {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let mut lines = std::mem::take(&mut self.lines);
        let done = lines.decode(chunk, |line, place| self.record(line, place, events));
        self.lines = lines;
        done
    }

    fn snapshot(&self) -> Vec<u8> {
        let mut out = vec![u8::from(!self.lines.snapshot().is_empty())];
        out.extend_from_slice(&self.sessions.snapshot());
        out
    }

    fn restore(&mut self, snapshot: &[u8]) {
        let [skipping, sessions @ ..] = snapshot else { return };
        self.lines.restore(&[*skipping]);
        self.sessions.restore(sessions);
    }
}

/// Whether `line` could be a record.
pub(crate) fn recognises(line: &[u8]) -> bool {
    line.starts_with(b"{\"t\":{\"$date\":") || line.starts_with(b"{ \"t\" : { \"$date\" :")
}
