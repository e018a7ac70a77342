//! PostgreSQL csvlog, versions 11 to 17 (23 to 26 columns).
//!
//! Columns: <https://www.postgresql.org/docs/15/runtime-config-logging.html#RUNTIME-CONFIG-LOGGING-CSVLOG>. Later
//! versions only appended to them.

use crate::account::{Account, line_length};
use crate::format::DecodeOptions;
use crate::pgaudit::unescape;
use crate::postgres::{Postgres, Record, Severity, Verdict, client_session};
use crate::structural::{FIELDS, Found, Inside, scan};
use crate::times::{Times, looks_like_time};
use crate::{Chunk, Decoded, Decoder, Edge};
use kuzet_event::{Code, Event, Place, Trust};

/// Columns of PostgreSQL 11 and 12, which later versions keep.
const COLUMNS: usize = 23;

/// Decoder of one csvlog file.
pub(crate) struct Csvlog {
    postgres: Postgres,
    times: Times,
    fields: Unescaped,
    /// Inside a record that was too long and is being skipped.
    skipping: Option<Skip>,
}

/// How the end of a record that was cut is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Skip {
    /// At the next newline: it was no record at all.
    Line,
    /// At the next newline outside quotes. Text of a client inside the record cannot pass for a record.
    Record(Inside),
}

/// Room for the fields that must be unescaped.
#[derive(Default)]
struct Unescaped {
    user: Vec<u8>,
    database: Vec<u8>,
    program: Vec<u8>,
    message: Vec<u8>,
    detail: Vec<u8>,
    context: Vec<u8>,
    query: Vec<u8>,
}

impl Csvlog {
    pub(crate) fn new(options: &DecodeOptions) -> Csvlog {
        Csvlog {
            postgres: Postgres::new(options),
            times: Times::new(options.timezone),
            fields: Unescaped::default(),
            skipping: None,
        }
    }

    /// One record, without its newline, whose fields end at `ends`.
    fn record(&mut self, bytes: &[u8], ends: &[u32], place: Place, events: &mut Vec<Event>) -> Verdict {
        if ends.len() < COLUMNS {
            return Verdict::Lost;
        }
        let raw = |index: usize| {
            let start = if index == 0 { 0 } else { ends[index - 1] as usize + 1 };
            let field = &bytes[start..ends[index] as usize];
            match field {
                [b'"', inner @ .., b'"'] => inner,
                _ => field,
            }
        };
        let Some(at) = self.times.parse(raw(0)) else { return Verdict::Lost };
        let (word, code) = (raw(11), raw(12));
        if code.len() != 5 {
            return Verdict::Lost;
        }
        let (client, port) = split_port(raw(4));
        let room = &mut self.fields;
        let record = Record {
            at,
            place,
            user: plain(raw(1), &mut room.user),
            database: plain(raw(2), &mut room.database),
            client,
            port,
            program: plain(raw(22), &mut room.program),
            session: client_session(raw(5), raw(1), raw(4)),
            number: number(raw(6)),
            severity: Severity::of(word, code),
            code: if code == b"00000" { Code::NONE } else { Code::new(code) },
            message: plain(raw(13), &mut room.message),
            detail: plain(raw(14), &mut room.detail),
            context: plain(raw(18), &mut room.context),
            query: plain(raw(19), &mut room.query),
            trust: Trust::Structured,
        };
        self.postgres.record(&record, events)
    }

    /// Goes on skipping a record that was too long. Gives the bytes skipped.
    fn skip(&mut self, bytes: &[u8], skip: Skip, edge: Edge) -> usize {
        let inside = match skip {
            Skip::Line => None,
            Skip::Record(inside) => Some(inside),
        };
        let mut ends = [0; FIELDS];
        let length = match inside.map(|inside| scan(bytes, inside, &mut ends)) {
            None => line_length(bytes),
            Some(Found::Record { length, .. }) => Some(length),
            Some(Found::Broken { at }) => {
                let length = line_length(&bytes[at..]).map(|length| at + length);
                self.skipping = Some(Skip::Line);
                length
            }
            Some(Found::Open(inside)) => {
                self.skipping = Some(Skip::Record(inside));
                None
            }
        };
        if length.is_some() || edge == Edge::End {
            self.skipping = None;
        }
        length.unwrap_or(bytes.len())
    }
}

/// A decimal number; 0 when it is none.
pub(crate) fn number(text: &[u8]) -> u64 {
    if text.len() > 18 || !text.iter().all(u8::is_ascii_digit) {
        return 0;
    }
    text.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

/// What stands at the front of some bytes.
enum Front {
    /// A record of that many bytes and columns.
    Record(usize, usize),
    /// So many bytes that are none.
    Junk(usize),
    /// More bytes are needed; how to go on if they are not awaited.
    Open(Skip),
}

fn front(bytes: &[u8], ends: &mut [u32; FIELDS]) -> Front {
    if !looks_like_time(bytes) {
        return match line_length(bytes) {
            Some(length) => Front::Junk(length),
            // Also when it is too short to tell.
            None => Front::Open(Skip::Line),
        };
    }
    match scan(bytes, Inside::START, ends) {
        Found::Record { length, fields } => Front::Record(length, fields),
        Found::Broken { at } => match line_length(&bytes[at..]) {
            Some(length) => Front::Junk(at + length),
            None => Front::Open(Skip::Line),
        },
        Found::Open(inside) => Front::Open(Skip::Record(inside)),
    }
}

impl Decoder for Csvlog {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let mut account = Account::default();
        // Positions are 32 bits wide.
        let bytes = &chunk.bytes[..chunk.bytes.len().min(u32::MAX as usize)];
        let mut ends = [0; FIELDS];
        if let Some(skip) = self.skipping {
            let skipped = self.skip(bytes, skip, chunk.edge);
            account.skip(skipped);
        }
        while account.consumed < bytes.len() {
            let start = account.consumed;
            let rest = &bytes[start..];
            let place = |length: usize| Place {
                source: chunk.source,
                file: chunk.file,
                offset: chunk.offset + start as u64,
                length: length as u32,
            };
            match front(rest, &mut ends) {
                Front::Record(length, fields) => {
                    let kept = fields.min(FIELDS);
                    if rest[..length].ends_with(b"\r\n") && fields <= FIELDS {
                        ends[fields - 1] -= 1;
                    }
                    let verdict = self.record(rest, &ends[..kept], place(length), events);
                    account.record(length, verdict);
                }
                Front::Junk(length) => account.record(length, Verdict::Lost),
                Front::Open(skip) => match chunk.edge {
                    Edge::More | Edge::Quiet => break,
                    Edge::End => {
                        // The file ends without a newline: the record is whole if its columns are.
                        let mut line = rest.to_vec();
                        line.push(b'\n');
                        let verdict = match front(&line, &mut ends) {
                            Front::Record(length, fields) if length == line.len() => {
                                self.record(&line, &ends[..fields.min(FIELDS)], place(rest.len()), events)
                            }
                            _ => Verdict::Lost,
                        };
                        account.record(rest.len(), verdict);
                    }
                    Edge::Full if start == 0 => {
                        account.record(rest.len(), Verdict::Lost);
                        self.skipping = Some(skip);
                    }
                    Edge::Full => break,
                },
            }
        }
        account.decoded()
    }

    fn snapshot(&self) -> Vec<u8> {
        let own = match self.skipping {
            None => Vec::new(),
            Some(Skip::Line) => vec![0],
            Some(Skip::Record(inside)) => vec![1 | u8::from(inside.quoted) << 1 | u8::from(inside.opener) << 2],
        };
        self.postgres.persons.snapshot(own)
    }

    fn restore(&mut self, snapshot: &[u8]) {
        self.skipping = match self.postgres.persons.restore(snapshot) {
            [0] => Some(Skip::Line),
            [flags @ (1 | 3 | 5 | 7)] => Some(Skip::Record(Inside { quoted: flags & 2 != 0, opener: flags & 4 != 0 })),
            _ => self.skipping,
        };
    }
}

/// A field without doubled quotes; the common field has none and is borrowed.
#[inline]
fn plain<'a>(field: &'a [u8], room: &'a mut Vec<u8>) -> &'a [u8] {
    // Most are short; a search over long ones is worth its call.
    let quoted = if field.len() < 24 { field.contains(&b'"') } else { memchr::memchr(b'"', field).is_some() };
    if !quoted {
        return field;
    }
    room.clear();
    room.shrink_to(64 << 10);
    unescape(field, room);
    room
}

/// `127.0.0.1:45170` or `::1:45170` as address and port; `[local]` as it is, with port 0.
fn split_port(field: &[u8]) -> (&[u8], u16) {
    match memchr::memrchr(b':', field) {
        Some(at) if field[at + 1..].iter().all(u8::is_ascii_digit) => (&field[..at], port(&field[at + 1..])),
        _ => (field, 0),
    }
}

/// A port; 0 when it is none.
pub(crate) fn port(text: &[u8]) -> u16 {
    u16::try_from(number(text)).unwrap_or(0)
}

/// Whether `line` could be the first one of a record: a time, a zone, then the quoted or empty user.
pub(crate) fn recognises(line: &[u8]) -> bool {
    if !looks_like_time(line) {
        return false;
    }
    let head = &line[..line.len().min(48)];
    let Some(comma) = memchr::memchr(b',', head) else { return false };
    Times::new(0).parse(&line[..comma]).is_some() && matches!(line.get(comma + 1), Some(b'"' | b','))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_cut() {
        assert_eq!(split_port(b"127.0.0.1:45170"), (&b"127.0.0.1"[..], 45170));
        assert_eq!(split_port(b"::1:45170"), (&b"::1"[..], 45170));
        assert_eq!(split_port(b"[local]"), (&b"[local]"[..], 0));
        assert_eq!(split_port(b""), (&b""[..], 0));
        assert_eq!(split_port(b"10.0.0.1:70000"), (&b"10.0.0.1"[..], 0));
    }
}
