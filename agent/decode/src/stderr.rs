//! PostgreSQL stderr log: text lines behind `log_line_prefix`.
//!
//! A record is its first line, the continuation lines (the server puts a TAB before each), and the DETAIL, HINT, QUERY,
//! CONTEXT, STATEMENT and LOCATION lines that follow with a prefix of their own from the same process; the server writes
//! them in one go. Names in the prefix are raw: a client can forge records here before it is logged in, by a user name
//! with newlines, so every event of this format is [`Trust::Forgeable`].

use crate::account::{Account, line_length};
use crate::format::DecodeOptions;
use crate::postgres::{Postgres, Record, Severity, Verdict, session};
use crate::prefix::{Fields, Prefix};
use crate::sessions::{Session, Sessions};
use crate::times::{Times, number};
use crate::{Chunk, Decoded, Decoder, Edge, login};
use kuzet_event::{Code, Event, Place, SessionId, Timestamp, Trust};

/// Prefixes tried on every line when the setting is not given, the most telling first.
const WELL_KNOWN: &[&str] = &[
    "%m [%p] %q%u@%d/%a %h %c:%l %v/%x %Q ",
    "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%m [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: user=%u,db=%d,app=%a,client=%h ",
    "%m [%p]: user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: [%l-1] user=%u,db=%d ",
    "%t:%r:%u@%d:[%p]:", // a large cloud's default
    "%m [%p] %q%u@%d ",  // Debian, Ubuntu; also PostgreSQL's own `%m [%p] `, when no session is meant
    "%m [%p] %q[user=%u,db=%d,app=%a] ",
    "%m [%p] %u@%d ",
    "%t [%p-%l] %q%u@%d ", // older Debian
    "%m [%p] ",            // PostgreSQL's default since 10
    "< %m >",              // older Red Hat
    "%t ",
];

/// Prefixes tried besides when the envelope tells the time and the process, so that the prefix need not.
const ENVELOPED: &[&str] = &[
    "%q%u@%d/%a %h ",
    "%q[user=%u,db=%d,app=%a,client=%h] ",
    "user=%u,db=%d,app=%a,client=%h ",
    "user=%u,db=%d,client=%h ",
    "user=%u,db=%d ",
    "%q%u@%d/%a ",
    "%q%u@%d ",
    "",
];

/// The time of a prefix that has none.
const NO_TIME: Timestamp = Timestamp(i64::MIN);
/// What a file tells around its records.
const OUTSIDE: (Timestamp, Option<u32>) = (NO_TIME, None);

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// Begins a record.
    First(Severity),
    Detail,
    Context,
    Statement,
    /// HINT, QUERY, LOCATION, BACKTRACE: belongs to the record, not looked at.
    Other,
}

/// The word before `:  `, in English or Russian, and the length with the colon and blanks.
fn word(text: &[u8]) -> Option<(Word, usize)> {
    let head = &text[..text.len().min(40)];
    let end = memchr::memchr(b':', head)?;
    if text.get(end + 1..end + 3) != Some(b"  ") {
        return None;
    }
    let name = &text[..end];
    let found = match name {
        b"DETAIL" => Word::Detail,
        b"CONTEXT" => Word::Context,
        b"STATEMENT" => Word::Statement,
        b"HINT" | b"QUERY" | b"LOCATION" | b"BACKTRACE" => Word::Other,
        _ => match std::str::from_utf8(name).ok()? {
            "ПОДРОБНОСТИ" => Word::Detail,
            "КОНТЕКСТ" => Word::Context,
            "ОПЕРАТОР" => Word::Statement,
            "ПОДСКАЗКА" | "ЗАПРОС" | "ПОЛОЖЕНИЕ" => Word::Other,
            _ => Word::First(Severity::parse(name)?),
        },
    };
    Some((found, end + 3))
}

fn severity_follows(text: &[u8]) -> bool {
    word(text).is_some()
}

/// A line with a prefix.
struct Line<'a> {
    fields: Fields<'a>,
    word: Word,
    text: &'a [u8],
}

fn read_line<'a>(prefixes: &[Prefix], line: &'a [u8]) -> Option<Line<'a>> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    prefixes.iter().find_map(|prefix| {
        let (fields, end) = prefix.read(line, &severity_follows)?;
        let (word, length) = word(&line[end..])?;
        Some(Line { fields, word, text: &line[end + length..] })
    })
}

/// Texts of the record being put together.
#[derive(Default)]
struct Texts {
    message: Vec<u8>,
    detail: Vec<u8>,
    context: Vec<u8>,
    statement: Vec<u8>,
    other: Vec<u8>,
}

impl Texts {
    fn clear(&mut self) {
        for text in [&mut self.message, &mut self.detail, &mut self.context, &mut self.statement, &mut self.other] {
            text.clear();
            text.shrink_to(64 << 10);
        }
    }

    fn of(&mut self, word: Word) -> &mut Vec<u8> {
        match word {
            Word::First(_) => &mut self.message,
            Word::Detail => &mut self.detail,
            Word::Context => &mut self.context,
            Word::Statement => &mut self.statement,
            Word::Other => &mut self.other,
        }
    }
}

/// The first line of a record whose end is not found yet.
struct Open<'a> {
    start: usize,
    fields: Fields<'a>,
    severity: Severity,
    /// Where continuation lines go.
    last: Word,
}

/// Decoder of one stderr file.
pub(crate) struct Stderr {
    postgres: Postgres,
    times: Times,
    starts: Times,
    prefixes: Vec<Prefix>,
    sessions: Sessions,
    texts: Texts,
    skipping: Skipping,
}

/// Whether the decoder is inside a record that was too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Skipping {
    No,
    /// Inside one of its lines.
    Line,
    /// Between its lines.
    Record,
}

impl Stderr {
    pub(crate) fn new(options: &DecodeOptions) -> Stderr {
        Stderr::with(options, &[])
    }

    /// A decoder of records in envelopes, see [`Stderr::wrapped`].
    pub(crate) fn enveloped(options: &DecodeOptions) -> Stderr {
        Stderr::with(options, ENVELOPED)
    }

    fn with(options: &DecodeOptions, more: &[&str]) -> Stderr {
        let prefixes = match &options.log_line_prefix {
            Some(setting) => vec![Prefix::new(setting)],
            None => WELL_KNOWN.iter().chain(more).map(|setting| Prefix::new(setting)).collect(),
        };
        Stderr {
            postgres: Postgres::new(options),
            times: Times::new(options.timezone),
            starts: Times::new(options.timezone),
            prefixes,
            sessions: Sessions::new(),
            texts: Texts::default(),
            skipping: Skipping::No,
        }
    }

    /// Skips the rest of a record that was too long.
    fn skip(&mut self, chunk: Chunk<'_>, account: &mut Account) {
        while self.skipping != Skipping::No && account.consumed < chunk.bytes.len() {
            let rest = &chunk.bytes[account.consumed..];
            let length = match line_length(rest) {
                Some(length) => length,
                None if chunk.edge == Edge::End => rest.len(),
                // The middle of a line is never its beginning.
                None if self.skipping == Skipping::Line || chunk.edge == Edge::Full => {
                    self.skipping = Skipping::Line;
                    account.skip(rest.len());
                    return;
                }
                None => return,
            };
            if self.skipping == Skipping::Record
                && matches!(read_line(&self.prefixes, &rest[..length]), Some(Line { word: Word::First(_), .. }))
            {
                self.skipping = Skipping::No;
                return;
            }
            self.skipping = Skipping::Record;
            account.skip(length);
        }
        if chunk.edge == Edge::End {
            self.skipping = Skipping::No;
        }
    }

    /// Takes `line` into the record that is open, if it goes on with it. `read` is the line by its prefix.
    fn continues(&mut self, open: &mut Open<'_>, line: &[u8], read: Option<&Line<'_>>) -> bool {
        if let [b'\t', text @ ..] = line {
            let text = text.strip_suffix(b"\n").unwrap_or(text);
            let into = self.texts.of(open.last);
            into.push(b'\n');
            into.extend_from_slice(text);
            return true;
        }
        let Some(line) = read else { return false };
        let same = (line.fields.pid, line.fields.session) == (open.fields.pid, open.fields.session);
        let goes_on = same && !matches!(line.word, Word::First(_));
        if goes_on {
            open.last = line.word;
            self.texts.of(line.word).extend_from_slice(line.text);
        }
        goes_on
    }

    /// Begins a record.
    fn begin<'a>(&mut self, start: usize, line: Line<'a>) -> Option<Open<'a>> {
        let Line { fields, word: Word::First(severity), text } = line else { return None };
        self.texts.clear();
        self.texts.message.extend_from_slice(text);
        Some(Open { start, fields, severity, last: Word::First(severity) })
    }

    /// A whole record out of an envelope that tells the time and the process as well; its lines may lack both.
    pub(crate) fn wrapped(
        &mut self,
        text: &[u8],
        outside: (Timestamp, Option<u32>),
        place: Place,
        events: &mut Vec<Event>,
    ) -> Verdict {
        let mut lines = text.split(|byte| *byte == b'\n');
        let first = lines.next().and_then(|line| read_line(&self.prefixes, line));
        let Some(mut open) = first.and_then(|line| self.begin(0, line)) else { return Verdict::Lost };
        for line in lines {
            let read = read_line(&self.prefixes, line);
            if !self.continues(&mut open, line, read.as_ref()) {
                // Text that was broken elsewhere than at a newline of the server's own.
                let into = self.texts.of(open.last);
                into.push(b'\n');
                into.extend_from_slice(line);
            }
        }
        self.finish(&open, outside, place, events)
    }

    /// Whether a line of an envelope begins a record.
    pub(crate) fn begins(&self, line: &[u8]) -> bool {
        matches!(read_line(&self.prefixes, line), Some(Line { word: Word::First(_), .. }))
    }

    /// Whether a line of an envelope goes on with a record: a TAB, or DETAIL, STATEMENT and the like.
    pub(crate) fn goes_on(&self, line: &[u8]) -> bool {
        line.first() == Some(&b'\t')
            || read_line(&self.prefixes, line).is_some_and(|line| !matches!(line.word, Word::First(_)))
    }

    /// The record that `open` began and `self.texts` holds. `outside` stands in for what the prefix lacks.
    fn finish(
        &mut self,
        open: &Open<'_>,
        outside: (Timestamp, Option<u32>),
        place: Place,
        events: &mut Vec<Event>,
    ) -> Verdict {
        let fields = &open.fields;
        let at = match (fields.time, fields.epoch) {
            (Some(time), _) => self.times.parse(time),
            (None, Some(epoch)) => Times::epoch(epoch),
            (None, None) => Some(outside.0).filter(|at| *at != NO_TIME),
        };
        let Some(at) = at else { return Verdict::Lost };
        let texts = std::mem::take(&mut self.texts);
        let mut message = texts.message.as_slice();
        let mut code = fields.code.map_or(Code::NONE, sqlstate);
        // `log_error_verbosity = verbose` puts the code before the message.
        if let [head @ .., b':', b' '] = message.get(..7).unwrap_or_default()
            && head.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
            && head.iter().any(u8::is_ascii_digit)
        {
            code = sqlstate(head);
            message = &message[7..];
        }
        let pid = fields.pid.and_then(|pid| u32::try_from(number(pid)?).ok()).or(outside.1);
        let known = pid.map(|pid| self.learn(pid, message, at)).unwrap_or_default();
        let record = Record {
            at,
            place,
            user: fields.user.unwrap_or(known.user.as_bytes()),
            database: fields.database.unwrap_or(known.database.as_bytes()),
            program: fields.program.unwrap_or(known.program.as_bytes()),
            client: fields.client.unwrap_or(known.client.as_bytes()),
            port: fields.port.map_or(0, crate::csvlog::port),
            session: self.session(fields, pid, &known),
            number: 0,
            severity: open.severity,
            code,
            message,
            detail: &texts.detail,
            context: &texts.context,
            query: &texts.statement,
            trust: Trust::Forgeable,
        };
        let verdict = self.postgres.record(&record, events);
        if let Some(pid) = pid
            && message.starts_with(b"disconnection: ")
        {
            self.sessions.remove(pid.into());
        }
        self.texts = texts;
        verdict
    }

    /// Takes what a connection line tells; gives what is known of the process.
    fn learn(&mut self, pid: u32, message: &[u8], at: Timestamp) -> Session {
        if let Some(client) = login::received(message) {
            let start = u32::try_from(at.0.div_euclid(1_000_000)).unwrap_or(0);
            let client = self.postgres.actors.name(client);
            self.sessions.put(pid.into(), Session { start, client, ..Session::default() });
        } else if let Some(login) = login::authorized(message) {
            let actors = &mut self.postgres.actors;
            let (user, database, program) =
                (actors.name(login.user), actors.name(login.database), actors.name(login.program));
            let session = self.sessions.entry(pid.into());
            (session.user, session.database, session.program) = (user, database, program);
        }
        self.sessions.get(pid.into()).cloned().unwrap_or_default()
    }

    /// `%c`; or what it consists of, `%s` and `%p`; or the time of the connection line and `%p`.
    fn session(&mut self, fields: &Fields<'_>, pid: Option<u32>, known: &Session) -> SessionId {
        // With names in the prefix, a line without any is of the server itself.
        if fields.background || (fields.user == Some(b"") && fields.client == Some(b"")) {
            return SessionId(0);
        }
        if let Some(text) = fields.session {
            return session(text);
        }
        let start = fields.start.and_then(|start| self.starts.parse(start));
        let start = start.map_or(u64::from(known.start), |start| start.0.div_euclid(1_000_000) as u64 & 0xffff_ffff);
        pid.map_or(SessionId(0), |pid| SessionId(start << 32 | u64::from(pid)))
    }
}

fn sqlstate(text: &[u8]) -> Code {
    if text == b"00000" { Code::NONE } else { Code::new(text) }
}

impl Decoder for Stderr {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let mut account = Account::default();
        self.skip(chunk, &mut account);
        if self.skipping != Skipping::No {
            return account.decoded();
        }
        let place = |start: usize, end: usize| Place {
            source: chunk.source,
            file: chunk.file,
            offset: chunk.offset + start as u64,
            length: u32::try_from(end - start).unwrap_or(u32::MAX),
        };
        let first = account.consumed;
        let mut open: Option<Open<'_>> = None;
        let mut at = first;
        while at < chunk.bytes.len() {
            let rest = &chunk.bytes[at..];
            let length = match line_length(rest) {
                Some(length) => length,
                None if chunk.edge == Edge::End => rest.len(),
                None => break,
            };
            let line = &rest[..length];
            // A continuation line is not looked at for a prefix.
            let read = if open.is_some() && line[0] == b'\t' { None } else { read_line(&self.prefixes, line) };
            if open.as_mut().is_some_and(|open| self.continues(open, line, read.as_ref())) {
                at += length;
                continue;
            }
            if let Some(open) = open.take() {
                let verdict = self.finish(&open, OUTSIDE, place(open.start, at), events);
                account.record(at - open.start, verdict);
            }
            open = read.and_then(|line| self.begin(at, line));
            if open.is_none() {
                // Output of another program, or half a record.
                account.record(length, Verdict::Lost);
            }
            at += length;
        }
        let whole = at == chunk.bytes.len();
        if let Some(open) = open
            && (chunk.edge == Edge::End || (chunk.edge == Edge::Quiet && whole))
        {
            let verdict = self.finish(&open, OUTSIDE, place(open.start, at), events);
            account.record(at - open.start, verdict);
        }
        if chunk.edge == Edge::Full && account.consumed == 0 && !chunk.bytes.is_empty() {
            account.record(chunk.bytes.len(), Verdict::Lost);
            self.skipping = if whole { Skipping::Record } else { Skipping::Line };
        }
        account.decoded()
    }

    fn snapshot(&self) -> Vec<u8> {
        let mut out = vec![match self.skipping {
            Skipping::No => 0,
            Skipping::Line => 1,
            Skipping::Record => 2,
        }];
        out.extend_from_slice(&self.sessions.snapshot());
        self.postgres.persons.snapshot(out)
    }

    fn restore(&mut self, snapshot: &[u8]) {
        let [skipping, sessions @ ..] = self.postgres.persons.restore(snapshot) else { return };
        self.skipping = match skipping {
            0 => Skipping::No,
            1 => Skipping::Line,
            2 => Skipping::Record,
            _ => return,
        };
        self.sessions.restore(sessions);
    }
}

/// Whether `line` could be the first one of a record: a well-known prefix, or any words with a time, then a severity.
pub(crate) fn recognises(line: &[u8]) -> bool {
    let head = &line[..line.len().min(512)];
    let Some(at) = [&b"LOG:  "[..], b"ERROR:  ", b"FATAL:  ", b"WARNING:  ", b"STATEMENT:  ", b"DETAIL:  "]
        .iter()
        .chain(&["СООБЩЕНИЕ:  ".as_bytes(), "ОШИБКА:  ".as_bytes(), "ВАЖНО:  ".as_bytes()])
        .filter_map(|word| memchr::memmem::find(head, word))
        .min()
    else {
        return false;
    };
    (0..at).any(|start| crate::times::looks_like_time(&head[start..at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_two_languages() {
        assert_eq!(word(b"LOG:  x"), Some((Word::First(Severity::Log), 6)));
        assert_eq!(word("ОПЕРАТОР:  x".as_bytes()).map(|found| found.0), Some(Word::Statement));
        assert_eq!(word(b"LOG: x"), None);
        assert_eq!(word(b"note:  x"), None);
    }
}
