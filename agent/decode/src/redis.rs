//! Redis: lines of MONITOR and entries of ACL LOG, as the agent's own connection writes them down.
//!
//! ```text
//! 1339518083.107412 [0 127.0.0.1:60866] "keys" "*"
//! {"at":1339518083107412,"count":1,"reason":"key","context":"toplevel","object":"borrower:1","username":"analyst","client":"addr=…"}
//! {"at":1339518083107412,"sessions":"id=3 addr=127.0.0.1:60866 name=crm user=app …"}
//! ```
//!
//! MONITOR shows no administrative command (CONFIG, ACL, DEBUG, REPLICAOF), no command that was denied, no user and no
//! count of rows: <https://redis.io/docs/latest/commands/monitor/>. The third form, a line of CLIENT LIST, tells which
//! user an address is. A key is a path whose parts are joined by `:`; the parts that are values are masked, and what
//! is left (`borrower:*`) is the relation.

mod command;

use crate::account::Lines;
use crate::json::{self, Step, Value};
use crate::postgres::Verdict;
use crate::sessions::{Session, Sessions};
use crate::times::Times;
use crate::{Actors, Chunk, DecodeOptions, Decoded, Decoder, blank};
use kuzet_event::{Action, Event, Outcome, Place, SessionId, System, Timestamp, Trust, Witness};
use kuzet_personal::Key;
use std::ops::Range;

/// Decoder of one feed of MONITOR and ACL LOG.
pub(crate) struct Redis {
    key: Key,
    actors: Actors,
    /// By hash of the client's address.
    sessions: Sessions,
    lines: Lines,
    /// The words of a command, one behind the other.
    text: Vec<u8>,
    words: Vec<Range<usize>>,
}

impl Redis {
    pub(crate) fn new(options: &DecodeOptions) -> Redis {
        Redis {
            key: options.key.clone(),
            actors: Actors::new(System::Redis),
            sessions: Sessions::new(),
            lines: Lines::default(),
            text: Vec::new(),
            words: Vec::new(),
        }
    }

    fn line(&mut self, line: &[u8], place: Place, events: &mut Vec<Event>) -> Verdict {
        let line = line.trim_ascii_end();
        match line {
            [b'{', ..] => self.entry(line, place, events),
            _ => self.monitor(line, place, events).unwrap_or(Verdict::Lost),
        }
    }

    /// A line of MONITOR.
    fn monitor(&mut self, line: &[u8], place: Place, events: &mut Vec<Event>) -> Option<Verdict> {
        let Head { at, database, client, words } = head(line)?;
        self.text.clear();
        self.text.shrink_to(64 << 10);
        self.words.clear();
        split(words, &mut self.text, &mut self.words)?;
        let words: Vec<&[u8]> = self.words.iter().map(|range| &self.text[range.clone()]).collect();
        let (name, rest) = words.split_first()?;
        let Some(act) = command::act(name, rest, &self.key) else { return Some(Verdict::Suppressed) };
        let known = self.sessions.get(crate::recent::hash(client)).cloned().unwrap_or_default();
        let actor = self.actors.intern(known.user.as_bytes(), address(client), known.program.as_bytes(), database);
        let (statement, identifiers) = act.sketch.finish(act.word);
        events.push(Event {
            session: session(client),
            statement: Some(statement),
            identifiers,
            witness: Witness::Log,
            ..blank::event(at, place, actor, Action::Statement, Outcome::Unknown)
        });
        Some(Verdict::Handled)
    }

    /// An entry of ACL LOG or a line of CLIENT LIST.
    fn entry(&mut self, line: &[u8], place: Place, events: &mut Vec<Event>) -> Verdict {
        let mut entry = Entry::default();
        if json::walk(line, |path, value| entry.member(path, &value)).is_none() {
            return Verdict::Lost;
        }
        let Some(at) = entry.at.and_then(|at| i64::try_from(at).ok()).map(Timestamp) else { return Verdict::Lost };
        if !entry.sessions.is_empty() {
            return self.learn(&entry.sessions);
        }
        let peer = info(&entry.client, b"addr=").unwrap_or_default();
        let database = info(&entry.client, b"db=").unwrap_or_default();
        let program = info(&entry.client, b"name=").unwrap_or_default();
        let actor = self.actors.intern(&entry.username, address(peer), program, database);
        let (action, act) = match entry.reason.as_slice() {
            b"auth" => (Action::Login, None),
            b"key" => {
                let name = info(&entry.client, b"cmd=").unwrap_or_default();
                (Action::Statement, Some(command::denied_key(name, &entry.object, &self.key)))
            }
            b"command" => (Action::Statement, Some(command::denied(&entry.object))),
            b"channel" => (Action::Statement, Some(command::denied(b"publish"))),
            _ => return Verdict::Lost,
        };
        let mut event = blank::event(at, place, actor, action, Outcome::Failure);
        event.session = session(peer);
        event.calls = entry.count.unwrap_or(1).max(1);
        if let Some(act) = act {
            let (statement, identifiers) = act.sketch.finish(act.word);
            (event.statement, event.identifiers) = (Some(statement), identifiers);
        }
        events.push(Event { trust: Trust::Structured, ..event });
        Verdict::Handled
    }

    /// Takes the user and name of an address.
    fn learn(&mut self, text: &[u8]) -> Verdict {
        let (Some(peer), Some(user)) = (info(text, b"addr="), info(text, b"user=")) else { return Verdict::Lost };
        let program = info(text, b"name=").unwrap_or_default();
        let (user, program) = (self.actors.name(user), self.actors.name(program));
        self.sessions.put(crate::recent::hash(peer), Session { user, program, ..Session::default() });
        Verdict::Suppressed
    }
}

/// The members of an entry.
#[derive(Default)]
struct Entry {
    at: Option<u64>,
    count: Option<u64>,
    reason: Vec<u8>,
    object: Vec<u8>,
    username: Vec<u8>,
    client: Vec<u8>,
    sessions: Vec<u8>,
}

impl Entry {
    fn member(&mut self, path: &[Step<'_>], value: &Value<'_>) {
        let [Step::Key(name)] = path else { return };
        let text = match name.as_ref() {
            b"at" => {
                self.at = value.number();
                return;
            }
            b"count" => {
                self.count = value.number();
                return;
            }
            b"reason" => &mut self.reason,
            b"object" => &mut self.object,
            b"username" => &mut self.username,
            b"client" => &mut self.client,
            b"sessions" => &mut self.sessions,
            _ => return,
        };
        *text = value.bytes().to_vec();
    }
}

/// The value behind `name` in `id=3 addr=127.0.0.1:60866 name= …`.
fn info<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    text.split(|byte| *byte == b' ').find_map(|part| part.strip_prefix(name)).map(|value| value.trim_ascii_end())
}

/// What stands before the words of a command.
struct Head<'a> {
    at: Timestamp,
    database: &'a [u8],
    /// `127.0.0.1:60866`, `unix:/path`, `lua`.
    client: &'a [u8],
    words: &'a [u8],
}

/// `1339518083.107412 [0 127.0.0.1:60866] `
fn head(line: &[u8]) -> Option<Head<'_>> {
    let line = line.strip_prefix(b"+").unwrap_or(line); // as on the wire
    let open = memchr::memmem::find(&line[..line.len().min(32)], b" [")?;
    if !line[..open].contains(&b'.') {
        return None;
    }
    let at = Times::epoch(&line[..open])?;
    let rest = &line[open + 2..];
    let close = memchr::memmem::find(&rest[..rest.len().min(300)], b"] ")?;
    let blank = memchr::memchr(b' ', &rest[..close])?;
    let database = &rest[..blank];
    if database.is_empty() || database.len() > 9 || !database.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(Head { at, database, client: &rest[blank + 1..close], words: &rest[close + 2..] })
}

/// Undoes the quoting of `"SET" "k" "a\x01\""`: the words one behind the other in `text`.
fn split(mut rest: &[u8], text: &mut Vec<u8>, words: &mut Vec<Range<usize>>) -> Option<()> {
    while let [b'"', behind @ ..] = rest.trim_ascii_start() {
        let start = text.len();
        rest = behind;
        loop {
            let at = memchr::memchr2(b'"', b'\\', rest)?;
            text.extend_from_slice(&rest[..at]);
            if rest[at] == b'"' {
                rest = &rest[at + 1..];
                break;
            }
            let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            rest = match &rest[at + 1..] {
                [b'x', high, low, behind @ ..] => {
                    text.push(hex(*high)? << 4 | hex(*low)?);
                    behind
                }
                [escape, behind @ ..] => {
                    text.push(match escape {
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        b'a' => 7,
                        b'b' => 8,
                        other => *other,
                    });
                    behind
                }
                [] => return None,
            };
        }
        words.push(start..text.len());
    }
    (rest.trim_ascii_start().is_empty() && !words.is_empty()).then_some(())
}

/// An address without its port; a script has none of its own.
fn address(peer: &[u8]) -> &[u8] {
    if peer == b"lua" || peer.is_empty() {
        return b"";
    }
    if peer.starts_with(b"unix:") || peer.starts_with(b"/") {
        return b"[local]";
    }
    let address = memchr::memrchr(b':', peer).map_or(peer, |colon| &peer[..colon]);
    address.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(address)
}

/// A connection is its address and port.
fn session(peer: &[u8]) -> SessionId {
    if address(peer).is_empty() { SessionId(0) } else { SessionId(crate::recent::hash(peer)) }
}

impl Decoder for Redis {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let mut lines = std::mem::take(&mut self.lines);
        let done = lines.decode(chunk, |line, place| self.line(line, place, events));
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
    match line {
        [b'{', ..] => {
            let head = &line[..line.len().min(512)];
            line.starts_with(b"{\"at\":") && memchr::memmem::find(head, b"\"username\":").is_some()
        }
        _ => head(line).is_some_and(|head| head.words.starts_with(b"\"")),
    }
}
