//! MongoDB audit log in JSON form (Enterprise, Atlas, Percona Server for MongoDB).
//!
//! ```text
//! {"atype":"authCheck","ts":{"$date":"…"},"local":{…},"remote":{"ip":"…","port":…},"users":[{"user":"…","db":"…"}],
//!  "roles":[…],"param":{"command":"find","ns":"mfo.borrowers","args":{…}},"result":0}
//! ```
//!
//! Fields: <https://www.mongodb.com/docs/manual/reference/audit-message/mongo/>. `authCheck` tells of a command before
//! it runs: no count of rows. Successful ones are written only with `auditAuthorizationSuccess`.

use super::command::Command;
use super::{date, is};
use crate::account::Lines;
use crate::json::{self, Step, Value, key};
use crate::postgres::Verdict;
use crate::{Actors, Chunk, DecodeOptions, Decoded, Decoder, blank};
use kuzet_event::{Action, Code, Event, Outcome, Place, SessionId, System, Timestamp};
use kuzet_personal::Key;

/// Decoder of one audit log.
pub(crate) struct MongodbAudit {
    key: Key,
    actors: Actors,
    lines: Lines,
}

/// What a record says.
struct Record {
    kind: Vec<u8>,
    at: Option<Timestamp>,
    client: Vec<u8>,
    port: Vec<u8>,
    connection: Vec<u8>,
    user: Vec<u8>,
    /// The user that a record about a login names.
    claimed: Vec<u8>,
    database: Vec<u8>,
    result: Option<u64>,
    command: Command,
}

impl Record {
    fn member(&mut self, path: &[Step<'_>], value: &Value<'_>, secret: &Key) {
        let text = || value.bytes().to_vec();
        let [first, rest @ ..] = path else { return };
        match (key(first), rest) {
            (b"atype", []) => {
                self.kind = text();
                if self.kind != b"authCheck" {
                    self.command.name(&self.kind);
                }
            }
            (b"ts", rest) => self.at = self.at.or_else(|| date(rest, value)),
            (b"uuid", _) if is(rest, &[b"$binary"]) || is(rest, &[b"$binary", b"base64"]) => self.connection = text(),
            (b"remote", [step]) if key(step) == b"ip" => self.client = text(),
            (b"remote", [step]) if key(step) == b"unix" => self.client = b"[local]".to_vec(),
            (b"remote", [step, ..]) if key(step) == b"port" => self.port = text(),
            (b"users", [Step::Item(0), step]) if key(step) == b"user" => self.user = text(),
            (b"result", _) => self.result = value.number(),
            (b"param", rest) => self.parameter(rest, value, secret),
            _ => {}
        }
    }

    fn parameter(&mut self, path: &[Step<'_>], value: &Value<'_>, secret: &Key) {
        match path {
            [Step::Key(name)] if name.as_ref() == b"command" => self.command.name(value.bytes()),
            [Step::Key(name)] if name.as_ref() == b"ns" || name.as_ref() == b"old" => {
                self.command.namespace(value.bytes());
            }
            [Step::Key(name)] if matches!(name.as_ref(), b"db" | b"database") => self.database = value.bytes().to_vec(),
            [Step::Key(name), rest @ ..] if matches!(name.as_ref(), b"args" | b"config") => {
                self.command.member(rest, value, secret);
            }
            // What a setting was before.
            [Step::Key(name), ..] if name.as_ref() == b"previous" => {}
            [Step::Key(name), rest @ ..] => {
                if rest.is_empty() && name.as_ref() == b"user" {
                    self.claimed = value.bytes().to_vec();
                }
                self.command.member(path, value, secret);
            }
            _ => {}
        }
    }
}

impl MongodbAudit {
    pub(crate) fn new(options: &DecodeOptions) -> MongodbAudit {
        MongodbAudit { key: options.key.clone(), actors: Actors::new(System::Mongodb), lines: Lines::default() }
    }

    fn record(&mut self, line: &[u8], place: Place, events: &mut Vec<Event>) -> Verdict {
        let mut record = Record {
            kind: Vec::new(),
            at: None,
            client: Vec::new(),
            port: Vec::new(),
            connection: Vec::new(),
            user: Vec::new(),
            claimed: Vec::new(),
            database: Vec::new(),
            result: None,
            command: Command::new(),
        };
        let whole = json::walk(line, |path, value| record.member(path, &value, &self.key));
        let (Some(()), Some(at), false) = (whole, record.at, record.kind.is_empty()) else { return Verdict::Lost };
        let action = match record.kind.as_slice() {
            b"authenticate" => Action::Login,
            b"logout" => Action::Logout,
            b"startup" | b"shutdown" => Action::Server,
            _ if record.command.is_known() => Action::Statement,
            _ => return Verdict::Suppressed,
        };
        let user = if action == Action::Login { &record.claimed } else { &record.user };
        let database = match record.command.database() {
            b"" => record.database.as_slice(),
            database => database,
        };
        let actor = self.actors.intern(user, &record.client, b"", database);
        let outcome = match record.result {
            Some(0) => Outcome::Success,
            Some(_) => Outcome::Failure,
            None => Outcome::Unknown,
        };
        let mut event = blank::event(at, place, actor, action, outcome);
        if let Some(code) = record.result.filter(|code| *code > 0) {
            event.code = Code::new(code.to_string().as_bytes());
        }
        // A check of rights says that the command may run, not that it ran.
        if record.kind == b"authCheck" && outcome == Outcome::Success {
            event.outcome = Outcome::Unknown;
        }
        let connection = if record.connection.is_empty() { &record.port } else { &record.connection };
        if !connection.is_empty() {
            event.session = SessionId(crate::recent::hash(connection) ^ crate::recent::hash(&record.client));
        }
        if action == Action::Statement {
            let (sketch, word) = record.command.finish(b"");
            let (statement, identifiers) = sketch.finish(word);
            (event.statement, event.identifiers) = (Some(statement), identifiers);
        }
        events.push(event);
        Verdict::Handled
    }
}

impl Decoder for MongodbAudit {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let mut lines = std::mem::take(&mut self.lines);
        let done = lines.decode(chunk, |line, place| self.record(line, place, events));
        self.lines = lines;
        done
    }

    fn snapshot(&self) -> Vec<u8> {
        self.lines.snapshot()
    }

    fn restore(&mut self, snapshot: &[u8]) {
        self.lines.restore(snapshot);
    }
}

/// Whether `line` could be a record.
pub(crate) fn recognises(line: &[u8]) -> bool {
    let head = &line[..line.len().min(256)];
    line.starts_with(b"{") && memchr::memmem::find(head, b"\"atype\"").is_some()
}
