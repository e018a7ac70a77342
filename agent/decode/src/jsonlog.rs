//! PostgreSQL jsonlog (15 and later): one JSON object a line.
//!
//! Keys: <https://www.postgresql.org/docs/15/runtime-config-logging.html#RUNTIME-CONFIG-LOGGING-JSONLOG>.

use crate::account::{Account, line_length};
use crate::format::DecodeOptions;
use crate::postgres::{Postgres, Record, Severity, Verdict, client_session};
use crate::times::Times;
use crate::{Chunk, Decoded, Decoder, Edge};
use kuzet_event::{Code, Event, Place, Trust};
use serde::Deserialize;
use std::borrow::Cow;

/// Decoder of one jsonlog file.
pub(crate) struct Jsonlog {
    postgres: Postgres,
    times: Times,
    /// Inside a line that was too long and is being skipped.
    skipping: bool,
}

/// The keys that are looked at; others are ignored.
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
}

impl Jsonlog {
    pub(crate) fn new(options: &DecodeOptions) -> Jsonlog {
        Jsonlog { postgres: Postgres::new(options), times: Times::new(options.timezone), skipping: false }
    }

    fn record(&mut self, bytes: &[u8], place: Place, events: &mut Vec<Event>) -> Verdict {
        // A database whose encoding is not UTF-8 logs its own bytes.
        match std::str::from_utf8(bytes) {
            Ok(text) => self.text(text, place, events),
            Err(_) => self.text(&String::from_utf8_lossy(bytes), place, events),
        }
    }

    fn text(&mut self, text: &str, place: Place, events: &mut Vec<Event>) -> Verdict {
        let Ok(line) = sonic_rs::from_str::<Line<'_>>(text) else { return Verdict::Lost };
        let Some(at) = self.times.parse(line.timestamp.as_bytes()) else { return Verdict::Lost };
        let code = line.state_code.as_bytes();
        let record = Record {
            at,
            place,
            user: line.user.as_bytes(),
            database: line.dbname.as_bytes(),
            program: line.application_name.as_bytes(),
            client: line.remote_host.as_bytes(),
            session: client_session(line.session_id.as_bytes(), line.user.as_bytes(), line.remote_host.as_bytes()),
            severity: Severity::of(line.error_severity.as_bytes(), code),
            code: if code == b"00000" { Code::NONE } else { Code::new(code) },
            message: line.message.as_bytes(),
            detail: line.detail.as_bytes(),
            context: line.context.as_bytes(),
            query: line.statement.as_bytes(),
            trust: Trust::Structured,
        };
        self.postgres.record(&record, events)
    }
}

impl Decoder for Jsonlog {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let mut account = Account::default();
        if self.skipping {
            let length = line_length(chunk.bytes);
            self.skipping = length.is_none() && chunk.edge != Edge::End;
            account.skip(length.unwrap_or(chunk.bytes.len()));
        }
        while account.consumed < chunk.bytes.len() {
            let start = account.consumed;
            let rest = &chunk.bytes[start..];
            let length = match line_length(rest) {
                Some(length) => length,
                None if chunk.edge == Edge::End => rest.len(),
                None if chunk.edge == Edge::Full && start == 0 => {
                    account.record(rest.len(), Verdict::Lost);
                    self.skipping = true;
                    break;
                }
                None => break,
            };
            let place = Place {
                source: chunk.source,
                file: chunk.file,
                offset: chunk.offset + start as u64,
                length: u32::try_from(length).unwrap_or(u32::MAX),
            };
            let verdict = self.record(&rest[..length], place, events);
            account.record(length, verdict);
        }
        account.decoded()
    }

    fn snapshot(&self) -> Vec<u8> {
        if self.skipping { vec![1] } else { Vec::new() }
    }

    fn restore(&mut self, snapshot: &[u8]) {
        self.skipping |= snapshot == [1];
    }
}

/// Whether `line` could be a record.
pub(crate) fn recognises(line: &[u8]) -> bool {
    line.starts_with(b"{\"timestamp\":\"")
        || (line.starts_with(b"{") && memchr::memmem::find(line, b"\"error_severity\"").is_some())
}
