//! Percona Server's `audit_log_format = CSV`.
//!
//! ```text
//! "Query","22567_2021-06-30T16:10:09","2021-06-30T16:19:00 UTC","select","2",0,"select count(*) from one","root[root] @ localhost []","localhost","","",""
//! ```
//!
//! Fields are quoted and quotes in them doubled; newlines are not escaped.

use super::audit::{Audit, Form, Front, Record};
use crate::Edge;
use crate::account::line_length;
use crate::pgaudit::unescape;
use crate::postgres::Verdict;
use crate::structural::{FIELDS, Found, Inside, scan};
use kuzet_event::{Event, Place};

/// The form.
pub(crate) const FORM: Form = Form { front, resume, read };

/// Bytes that are enough to tell a first line.
const HEAD: usize = 64;

fn read(audit: &mut Audit, bytes: &[u8], place: Place, events: &mut Vec<Event>) -> Verdict {
    let mut ends = [0; FIELDS];
    let mut line = bytes.to_vec();
    if !line.ends_with(b"\n") {
        line.push(b'\n');
    }
    let Found::Record { fields: count, .. } = scan(&line, Inside::START, &mut ends) else { return Verdict::Lost };
    let mut fields: [Vec<u8>; 12] = Default::default();
    let mut start = 0;
    for (field, end) in fields.iter_mut().zip(&ends[..count.min(FIELDS)]) {
        let raw = line[start..*end as usize].trim_ascii_end();
        match raw {
            [b'"', inner @ .., b'"'] => unescape(inner, field),
            _ => field.extend_from_slice(raw),
        }
        start = *end as usize + 1;
    }
    let [name, _, time, fourth, fifth, sixth, seventh, eighth, ninth, tenth, eleventh, twelfth] = &fields;
    let record = match (name.as_slice(), count) {
        // name, record, time, version, options, system
        (b"Audit" | b"NoAudit", _) => Record { time, name, ..Record::default() },
        // name, record, time, connection, status, user, privileged user, OS login, proxy user, host, address, database
        (b"Connect" | b"Quit" | b"Change user", 11..) => Record {
            time,
            name,
            connection: fourth,
            status: fifth,
            user: sixth,
            host: tenth,
            ip: eleventh,
            database: twelfth,
            ..Record::default()
        },
        // name, record, time, class, connection, status, text, user, host, OS user, address, database
        (_, 11..) => Record {
            time,
            name,
            connection: fifth,
            status: sixth,
            text: seventh,
            user: eighth,
            host: ninth,
            ip: eleventh,
            database: twelfth,
            ..Record::default()
        },
        _ => return Verdict::Lost,
    };
    audit.record(&record, place, events)
}

fn front(bytes: &[u8], edge: Edge) -> Front {
    let line = line_length(bytes);
    if line.is_none() && bytes.len() < HEAD && edge != Edge::End {
        return Front::Open;
    }
    if !recognises(bytes) {
        return match line {
            Some(1) => Front::Frame(1),
            Some(length) => Front::Junk(length),
            None => Front::Open,
        };
    }
    // Positions are 32 bits wide.
    let bytes = &bytes[..bytes.len().min(u32::MAX as usize)];
    match scan(bytes, Inside::START, &mut [0; FIELDS]) {
        Found::Record { length, .. } => Front::Record(length),
        Found::Broken { at } => line_length(&bytes[at..]).map_or(Front::Open, |length| Front::Junk(at + length)),
        Found::Open(inside) if !inside.quoted && edge == Edge::End => Front::Record(bytes.len()),
        Found::Open(_) => Front::Open,
    }
}

/// The next line that looks like a record: quotes in a text are doubled, so no text can hold one.
fn resume(bytes: &[u8]) -> (usize, bool) {
    for newline in memchr::memchr_iter(b'\n', bytes) {
        let rest = &bytes[newline + 1..];
        if recognises(rest) {
            return (newline + 1, true);
        }
        if rest.len() < HEAD && memchr::memchr(b'\n', rest).is_none() {
            return (newline, false);
        }
    }
    (bytes.len(), false)
}

/// Whether `line` could be the first one of a record: a name, then `number_time`.
pub(crate) fn recognises(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"\"") else { return false };
    let name = rest.iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte == b' ').count();
    let Some(rest) = rest[name..].strip_prefix(b"\",\"") else { return false };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (1..=32).contains(&name) && (1..=20).contains(&digits) && rest.get(digits) == Some(&b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_what_stands_around_them() {
        let record = b"\"Query\",\"1_2021\",\"x\n\"\"Query\"\",\"\"2_2021\"\"\",0\n";
        assert_eq!(front(record, Edge::More), Front::Record(record.len()));
        assert_eq!(front(&record[..30], Edge::More), Front::Open);
        assert_eq!(front(b"torn\",0\n", Edge::More), Front::Junk(8));
        assert_eq!(resume(record), (record.len() - 1, false));
        assert_eq!(resume(&[b"x\n", &record[..]].concat()), (2, true));
    }
}
