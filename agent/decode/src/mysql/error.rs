//! The error log of MariaDB and MySQL: who was refused, which connections broke, what became of the server and its audit.
//!
//! ```text
//! 2026-11-22 16:28:00 21 [Warning] Access denied for user 'app'@'127.0.0.1' (using password: YES)
//! 261122 16:28:01 server_audit: logging was stopped.
//! 2026-10-02T17:14:35.106233Z 12 [Note] [MY-010926] [Server] Access denied for user 'app'@'10.0.0.5' (using password: YES)
//! ```
//!
//! Names are written as they are, newlines included, so a refused client can write what looks like a record:
//! [`Trust::Forgeable`].

use super::frames::Frames;
use super::stamps::{self, Stamps};
use super::{Denied, Family, Who, denied, number};
use crate::postgres::Verdict;
use crate::{Chunk, DecodeOptions, Decoded, Decoder, statement};
use kuzet_event::{Action, Event, Outcome, Place, System, Timestamp, Trust, Witness};

/// Messages about the server itself that are worth an event.
const WORTH: &[(&[u8], Outcome)] = &[
    (b" as process ", Outcome::Unknown),
    (b": ready for connections", Outcome::Success),
    (b": Normal shutdown", Outcome::Unknown),
    (b"Received SHUTDOWN from user", Outcome::Unknown),
    (b": Shutdown complete", Outcome::Success),
    (b" got signal ", Outcome::Failure),
    (b" got exception ", Outcome::Failure),
    (b"Assertion failure", Outcome::Failure),
    (b"Starting crash recovery", Outcome::Failure),
    (b"Starting XA crash recovery", Outcome::Failure),
    (b"was not shut down normally", Outcome::Failure),
    (b"mariadbd: Aborting", Outcome::Failure),
    (b"mysqld: Aborting", Outcome::Failure),
    (b"Audit Plugin version", Outcome::Unknown),
    (b"server_audit: Logging was disabled", Outcome::Failure),
    (b"plugin can't create file", Outcome::Failure),
    (b"Shutting down plugin 'audit_log", Outcome::Unknown),
    (b"Shutting down plugin 'server_audit", Outcome::Unknown),
    (b"Plugin 'server_audit' registration", Outcome::Failure),
    (b"Plugin 'audit_log' registration", Outcome::Failure),
];

/// Decoder of one error log.
pub(crate) struct Errors {
    family: Family,
    frames: Frames,
    stamps: Stamps,
}

/// Time, connection and message of a record.
struct Head<'a> {
    stamp: &'a [u8],
    system: System,
    connection: Option<u64>,
    message: &'a [u8],
}

fn head(bytes: &[u8]) -> Option<Head<'_>> {
    let (stamp, mysql) = stamps::leading(bytes)?;
    let mut rest = bytes[stamp.len()..].strip_prefix(b" ")?.trim_ascii_start();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let connection = number(&rest[..digits]);
    if digits > 0 {
        rest = rest[digits..].strip_prefix(b" ")?;
    }
    // `[Warning]`, and in MySQL `[MY-010926] [Server]`.
    let mut marked = false;
    for _ in 0..3 {
        let Some(inner) = rest.strip_prefix(b"[") else { break };
        let Some(end) = memchr::memchr(b']', &inner[..inner.len().min(24)]) else { break };
        (rest, marked) = (inner[end + 1..].trim_ascii_start(), true);
    }
    let system = if mysql { System::Mysql } else { System::Mariadb };
    let known = marked
        || rest.starts_with(b"server_audit: ")
        || rest.starts_with(b"UTC - mysqld got ")
        || (digits == 0 && memchr::memmem::find(rest, b"mysqld_safe ").is_some());
    known.then_some(Head { stamp, system, connection: connection.filter(|number| *number > 0), message: rest })
}

/// Whether `line` could be the first one of a record.
pub(crate) fn recognises(line: &[u8]) -> bool {
    head(line).is_some()
}

impl Errors {
    pub(crate) fn new(options: &DecodeOptions) -> Errors {
        Errors {
            family: Family::new(options, Trust::Forgeable, Witness::Log),
            frames: Frames::default(),
            stamps: Stamps::new(options.timezone),
        }
    }
}

fn record(family: &mut Family, stamps: &mut Stamps, bytes: &[u8], place: Place, events: &mut Vec<Event>) -> Verdict {
    let Some(head) = head(bytes) else { return Verdict::Lost };
    let Some(at) = stamps.read(head.stamp) else { return Verdict::Lost };
    match event(family, &head, at, place) {
        Some(event) => {
            events.push(event);
            Verdict::Handled
        }
        None => Verdict::Suppressed,
    }
}

fn event(family: &mut Family, head: &Head<'_>, at: Timestamp, place: Place) -> Option<Event> {
    let (system, connection) = (head.system, head.connection);
    if let Some(refusal) = denied(head.message) {
        let Denied { user, client, database, code } = refusal;
        let who = Who { system, user, client, database, connection, ..Who::default() };
        let mut event = family.event(&who, at, place, Action::Login);
        (event.outcome, event.code) = (Outcome::Failure, code);
        return Some(event);
    }
    if let Some(aborted) = aborted(head.message) {
        // A client that never said who it is.
        if aborted.user == b"unauthenticated" {
            return None;
        }
        let mut event = family.event(&Who { system, ..aborted }, at, place, Action::Logout);
        event.outcome = Outcome::Failure;
        return Some(event);
    }
    // The plugin ends some of its messages without a newline, so the last one of a line counts.
    let audit = memchr::memmem::rfind(head.message, b"server_audit: ").map(|start| &head.message[start + 14..]);
    if let Some((name, value)) = audit.and_then(setting) {
        let mut event = family.event(&Who { system, ..Who::default() }, at, place, Action::Setting);
        event.outcome = Outcome::Success;
        event.statement = Some(statement::changed(name, Some(value)));
        return Some(event);
    }
    // Names of clients stand in other messages than these, further back.
    let beginning = &head.message[..head.message.len().min(400)];
    let (_, outcome) = WORTH.iter().find(|(text, _)| memchr::memmem::find(beginning, text).is_some())?;
    let mut event = family.event(&Who { system, ..Who::default() }, at, place, Action::Server);
    event.outcome = *outcome;
    Some(event)
}

/// `Aborted connection 65 to db: 'mfo' user: 'analyst' host: '127.0.0.1' (KILLED)`.
fn aborted(message: &[u8]) -> Option<Who<'_>> {
    let rest = message.strip_prefix(b"Aborted connection ")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let connection = number(&rest[..digits]);
    let rest = rest[digits..].strip_prefix(b" to db: '")?;
    let host = memchr::memmem::rfind(rest, b"' host: '")?;
    let (front, behind) = (&rest[..host], &rest[host + 9..]);
    let client = &behind[..memchr::memchr(b'\'', behind)?];
    let user = memchr::memmem::find(front, b"' user: '")?;
    let (database, user) = (&front[..user], &front[user + 9..]);
    let database = if database == b"unconnected" { &b""[..] } else { database };
    Some(Who { user, client, database, connection, ..Who::default() })
}

/// What `server_audit` says of its own settings.
fn setting(message: &[u8]) -> Option<(&[u8], &[u8])> {
    if message.starts_with(b"logging was stopped") {
        return Some((b"server_audit_logging", b"OFF"));
    }
    if message.starts_with(b"logging started") {
        return Some((b"server_audit_logging", b"ON"));
    }
    let at = memchr::memmem::find(message, b"_users set to '")?;
    let name = &message[..at + 6];
    let value = &message[at + 15..];
    name.starts_with(b"server_audit_").then_some((name, &value[..memchr::memrchr(b'\'', value)?]))
}

impl Decoder for Errors {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let Errors { family, frames, stamps } = self;
        let begins = |_: &[u8], line: &[u8]| head(line).is_some();
        frames.decode(chunk, begins, |bytes, place| record(family, stamps, bytes, place, events))
    }

    fn snapshot(&self) -> Vec<u8> {
        vec![self.frames.snapshot()]
    }

    fn restore(&mut self, snapshot: &[u8]) {
        if let [frames] = snapshot {
            self.frames.restore(*frames);
        }
    }
}
