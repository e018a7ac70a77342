//! PostgreSQL jsonlog (15 and later): one JSON object a line.
//!
//! Keys: <https://www.postgresql.org/docs/15/runtime-config-logging.html#RUNTIME-CONFIG-LOGGING-JSONLOG>.

use crate::account::Lines;
use crate::flat::{self, Text};
use crate::format::DecodeOptions;
use crate::postgres::{Postgres, Record, Severity, Verdict, client_session};
use crate::times::Times;
use crate::{Chunk, Decoded, Decoder};
use kuzet_event::{Code, Event, Place, Trust};
use serde::Deserialize;
use std::borrow::Cow;

/// Decoder of one jsonlog file.
pub(crate) struct Jsonlog {
    postgres: Postgres,
    times: Times,
    /// Room for values that must be unescaped.
    room: Vec<u8>,
    lines: Lines,
}

/// The string values that are looked at, in the order of [`KEYS`].
type Values<'a> = [Text<'a>; KEYS.len()];

/// Their keys.
const KEYS: [&[u8]; 14] = [
    b"timestamp",
    b"user",
    b"dbname",
    b"remote_host",
    b"session_id",
    b"error_severity",
    b"state_code",
    b"message",
    b"detail",
    b"context",
    b"statement",
    b"application_name",
    b"line_num",
    b"remote_port",
];

/// Place of a key in [`KEYS`].
fn place_of(key: &[u8]) -> Option<usize> {
    Some(match key {
        b"timestamp" => 0,
        b"user" => 1,
        b"dbname" => 2,
        b"remote_host" => 3,
        b"session_id" => 4,
        b"error_severity" => 5,
        b"state_code" => 6,
        b"message" => 7,
        b"detail" => 8,
        b"context" => 9,
        b"statement" => 10,
        b"application_name" => 11,
        b"line_num" => 12,
        b"remote_port" => 13,
        _ => return None,
    })
}

/// The same for the general parser; other keys are ignored.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(borrow, default)]
    user: Cow<'a, str>,
    #[serde(borrow, default)]
    dbname: Cow<'a, str>,
    #[serde(borrow, default)]
    remote_host: Cow<'a, str>,
    #[serde(borrow, default)]
    session_id: Cow<'a, str>,
    #[serde(borrow)]
    error_severity: Cow<'a, str>,
    #[serde(borrow, default)]
    state_code: Cow<'a, str>,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
    #[serde(borrow, default)]
    detail: Cow<'a, str>,
    #[serde(borrow, default)]
    context: Cow<'a, str>,
    #[serde(borrow, default)]
    statement: Cow<'a, str>,
    #[serde(borrow, default)]
    application_name: Cow<'a, str>,
    #[serde(default)]
    line_num: u64,
    #[serde(default)]
    remote_port: u64,
}

impl Jsonlog {
    pub(crate) fn new(options: &DecodeOptions) -> Jsonlog {
        Jsonlog {
            postgres: Postgres::new(options),
            times: Times::new(options.timezone),
            room: Vec::new(),
            lines: Lines::default(),
        }
    }

    fn record(&mut self, bytes: &[u8], place: Place, events: &mut Vec<Event>) -> Verdict {
        let mut values = Values::default();
        let flat = flat::object(bytes, |key, text| {
            if let Some(index) = place_of(key) {
                values[index] = text;
            }
        });
        let mut room = std::mem::take(&mut self.room);
        room.clear();
        room.shrink_to(64 << 10);
        let verdict = match flat.and_then(|()| plain(&values, &mut room)) {
            Some(fields) => self.fields(&fields, place, events),
            // A database whose encoding is not UTF-8 logs its own bytes.
            None => match std::str::from_utf8(bytes) {
                Ok(text) => self.general(text, place, events),
                Err(_) => self.general(&String::from_utf8_lossy(bytes), place, events),
            },
        };
        self.room = room;
        verdict
    }

    fn general(&mut self, text: &str, place: Place, events: &mut Vec<Event>) -> Verdict {
        let Ok(line) = sonic_rs::from_str::<Line<'_>>(text) else { return Verdict::Lost };
        let number = Cow::Owned(line.line_num.to_string());
        let port = Cow::Owned(line.remote_port.to_string());
        let fields = [
            &line.timestamp,
            &line.user,
            &line.dbname,
            &line.remote_host,
            &line.session_id,
            &line.error_severity,
            &line.state_code,
            &line.message,
            &line.detail,
            &line.context,
            &line.statement,
            &line.application_name,
            &number,
            &port,
        ];
        self.fields(&fields.map(|field| field.as_bytes()), place, events)
    }

    fn fields(&mut self, fields: &[&[u8]; KEYS.len()], place: Place, events: &mut Vec<Event>) -> Verdict {
        let [time, user, database, client, id, severity, code, message, detail, context, query, program, number, port] =
            *fields;
        if severity.is_empty() {
            return Verdict::Lost;
        }
        let Some(at) = self.times.parse(time) else { return Verdict::Lost };
        let record = Record {
            at,
            place,
            user,
            database,
            program,
            client,
            port: crate::csvlog::port(port),
            session: client_session(id, user, client),
            number: crate::csvlog::number(number),
            severity: Severity::of(severity, code),
            code: if code == b"00000" { Code::NONE } else { Code::new(code) },
            message,
            detail,
            context,
            query,
            trust: Trust::Structured,
        };
        self.postgres.record(&record, events)
    }
}

/// The values with escapes undone in `room`.
fn plain<'a>(values: &Values<'a>, room: &'a mut Vec<u8>) -> Option<[&'a [u8]; KEYS.len()]> {
    let mut ends = [0; KEYS.len()];
    for (value, end) in values.iter().zip(&mut ends) {
        if value.escaped {
            flat::unescape(value.raw, room)?;
        }
        *end = room.len();
    }
    let mut start = 0;
    let mut fields = values.map(|value| value.raw);
    for (field, (value, end)) in fields.iter_mut().zip(values.iter().zip(ends)) {
        if value.escaped {
            *field = &room[start..end];
        }
        start = end;
    }
    Some(fields)
}

impl Decoder for Jsonlog {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let mut lines = std::mem::take(&mut self.lines);
        let done = lines.decode(chunk, |line, place| self.record(line, place, events));
        self.lines = lines;
        done
    }

    fn snapshot(&self) -> Vec<u8> {
        self.postgres.persons.snapshot(self.lines.snapshot())
    }

    fn restore(&mut self, snapshot: &[u8]) {
        self.lines.restore(self.postgres.persons.restore(snapshot));
    }
}

/// Whether `line` could be a record.
pub(crate) fn recognises(line: &[u8]) -> bool {
    line.starts_with(b"{\"timestamp\":\"")
        || (line.starts_with(b"{") && memchr::memmem::find(line, b"\"error_severity\"").is_some())
}
