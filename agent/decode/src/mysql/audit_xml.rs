//! MySQL's audit log as XML: the new style (an element a value) and the old one (an attribute a value) of MySQL Enterprise
//! Audit, and both as Percona Server writes them.
//!
//! ```text
//! <AUDIT_RECORD><TIMESTAMP>2019-10-03T14:09:38 UTC</TIMESTAMP><NAME>Query</NAME><CONNECTION_ID>5</CONNECTION_ID> …
//! <AUDIT_RECORD TIMESTAMP="2019-10-03T14:25:24 UTC" NAME="Query" CONNECTION_ID="4" STATUS="0" … />
//! ```
//!
//! `<`, `>`, `"` and `&` of a value are always escaped, so a tag is a tag wherever it stands; a newline is not always, so
//! records are found by their tags alone.

use super::audit::{Audit, Form, Front, Record};
use crate::Edge;
use crate::postgres::Verdict;
use kuzet_event::{Event, Place};
use memchr::memmem::find;

/// The form.
pub(crate) const FORM: Form = Form { front, resume, read };

/// What begins a record.
const BEGIN: &[u8] = b"<AUDIT_RECORD";
/// What ends one of the new style.
const END: &[u8] = b"</AUDIT_RECORD>";

/// Values looked at, in the order in which [`Record`] gets them.
const NAMES: [&[u8]; 11] = [
    b"TIMESTAMP",
    b"NAME",
    b"CONNECTION_ID",
    b"STATUS",
    b"USER",
    b"HOST",
    b"IP",
    b"DB",
    b"TABLE",
    b"SQLTEXT",
    b"CONNECTION_ATTRIBUTES",
];

fn read(audit: &mut Audit, bytes: &[u8], place: Place, events: &mut Vec<Event>) -> Verdict {
    let mut values: [Vec<u8>; NAMES.len()] = Default::default();
    let mut program = Vec::new();
    let mut take = |name: &[u8], raw: &[u8]| {
        if name == b"CONNECTION_ATTRIBUTES" {
            program = unescape(program_name(raw).unwrap_or_default());
        } else if let Some(index) = NAMES.iter().position(|known| *known == name) {
            values[index] = unescape(raw);
        }
    };
    let Some(begin) = find(bytes, BEGIN) else { return Verdict::Lost };
    let inner = &bytes[begin + BEGIN.len()..];
    match inner.strip_prefix(b">") {
        Some(elements) => each_element(elements, &mut take),
        None => each_attribute(inner, &mut take),
    }
    let [time, name, connection, status, user, host, ip, database, table, text, _] = &values;
    let record = Record {
        time,
        name,
        connection,
        status,
        user,
        host,
        ip,
        program: &program,
        database,
        table,
        text,
        rows_sent: None,
        bytes_sent: None,
    };
    audit.record(&record, place, events)
}

/// Calls `take` with name and value of every element, nested ones in one piece.
fn each_element(mut rest: &[u8], take: &mut impl FnMut(&[u8], &[u8])) {
    while let Some(open) = memchr::memchr(b'<', rest) {
        rest = &rest[open + 1..];
        let Some(close) = memchr::memchr(b'>', rest) else { return };
        let name = &rest[..close];
        rest = &rest[close + 1..];
        if name.starts_with(b"/") {
            return;
        }
        if name.ends_with(b"/") {
            continue;
        }
        let end = [b"</", name, b">"].concat();
        let Some(length) = find(rest, &end) else { return };
        take(name, &rest[..length]);
        rest = &rest[length + end.len()..];
    }
}

/// Calls `take` with name and value of every attribute.
fn each_attribute(mut rest: &[u8], take: &mut impl FnMut(&[u8], &[u8])) {
    while let Some(sign) = find(rest, b"=\"") {
        let name = rest[..sign].rsplit(u8::is_ascii_whitespace).next().unwrap_or_default();
        // Old versions of Percona Server quote names as well.
        let name = name.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\"")).unwrap_or(name);
        let value = &rest[sign + 2..];
        let Some(length) = memchr::memchr(b'"', value) else { return };
        take(name, &value[..length]);
        rest = &value[length + 1..];
    }
}

/// `program_name` of `<ATTRIBUTE><NAME>program_name</NAME><VALUE>mysqladmin</VALUE></ATTRIBUTE>`.
fn program_name(attributes: &[u8]) -> Option<&[u8]> {
    let behind = &attributes[find(attributes, b"<NAME>program_name</NAME>")?..];
    let value = &behind[find(behind, b"<VALUE>")? + 7..];
    Some(&value[..find(value, b"</VALUE>")?])
}

/// Undoes the escapes; what is none stays.
fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'&', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let end = memchr::memchr(b';', &rest[..rest.len().min(12)]);
        match end.and_then(|end| Some((entity(&rest[1..end])?, end))) {
            Some((c, end)) => {
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[end + 1..];
            }
            None => {
                out.push(b'&');
                rest = &rest[1..];
            }
        }
    }
    out.extend_from_slice(rest);
    out
}

fn entity(name: &[u8]) -> Option<char> {
    Some(match name {
        b"lt" => '<',
        b"gt" => '>',
        b"amp" => '&',
        b"quot" => '"',
        b"apos" => '\'',
        [b'#', b'x', digits @ ..] => char::from_u32(u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?)?,
        [b'#', digits @ ..] => char::from_u32(std::str::from_utf8(digits).ok()?.parse().ok()?)?,
        _ => return None,
    })
}

/// A record reaches from the blanks and the outer tags before it to the end of its last line.
fn front(bytes: &[u8], edge: Edge) -> Front {
    // Of a whole record the rest of its last line may still come.
    let patient = edge == Edge::More;
    let mut begin = 0;
    loop {
        let rest = &bytes[begin..];
        let line = memchr::memchr(b'\n', rest);
        match rest {
            [] if patient => return Front::Open,
            [] => return Front::Frame(begin),
            [b'\n', ..] => return Front::Frame(begin + 1),
            [b' ' | b'\t' | b'\r', ..] => begin += 1,
            _ if rest.starts_with(BEGIN) => break,
            _ if rest.starts_with(b"<AUDIT>") => begin += 7,
            _ if rest.starts_with(b"</AUDIT>") => begin += 8,
            _ if rest.starts_with(b"<?xml") => match (find(&rest[..line.unwrap_or(rest.len())], b"?>"), line) {
                (Some(end), _) => begin += end + 2,
                (None, Some(end)) => return Front::Junk(begin + end + 1),
                (None, None) => return Front::Open,
            },
            _ => return line.map_or(Front::Open, |end| Front::Junk(begin + end + 1)),
        }
    }
    let inner = &bytes[begin + BEGIN.len()..];
    let closed = memchr::memchr(b'>', inner).and_then(|close| {
        let old = close > 0 && inner[close - 1] == b'/';
        if old { Some(close + 1) } else { find(&inner[close..], END).map(|end| close + end + END.len()) }
    });
    // A record that another one begins in was torn.
    if let Some(next) = find(&inner[..closed.unwrap_or(inner.len())], BEGIN) {
        return Front::Junk(begin + BEGIN.len() + next);
    }
    let Some(length) = closed else { return Front::Open };
    let end = begin + BEGIN.len() + length;
    let blanks = bytes[end..].iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
    match bytes.get(end + blanks) {
        Some(b'\n') => Front::Record(end + blanks + 1),
        None if patient => Front::Open,
        _ => Front::Record(end + blanks),
    }
}

/// The next tag that begins a record: no value can hold one.
fn resume(bytes: &[u8]) -> (usize, bool) {
    match find(bytes, BEGIN) {
        Some(at) => (at, true),
        None => {
            let kept = (1..BEGIN.len()).rev().find(|length| bytes.ends_with(&BEGIN[..*length])).unwrap_or(0);
            (bytes.len() - kept, false)
        }
    }
}

/// Whether `line` could be of a record.
pub(crate) fn recognises(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    line.starts_with(BEGIN) || line.starts_with(b"<AUDIT>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_what_stands_around_them() {
        for (bytes, expected) in [
            (&b"<?xml version=\"1.0\"?>\n<AUDIT>"[..], Front::Frame(22)),
            (b"<AUDIT>\n", Front::Frame(8)),
            (b" <AUDIT_RECORD>\n<A/>\n</AUDIT_RECORD>\n</AUDIT>", Front::Record(37)),
            (b"<AUDIT_RECORD\n A=\"x\ny\"/>\n", Front::Record(25)),
            (b"<AUDIT_RECORD><A>torn\n<AUDIT_RECORD/>\n", Front::Junk(22)),
            (b"<AUDIT_RECORD\n A=\"torn<AUDIT_RECORD/>\n", Front::Junk(22)),
            (b"torn</A>\n", Front::Junk(9)),
            (b"<AUDIT_RECORD><A>x</A>", Front::Open),
            (b"<AUDIT_RECORD/>", Front::Open),
            (b"<AUDI", Front::Open),
        ] {
            assert_eq!(front(bytes, Edge::More), expected, "{}", String::from_utf8_lossy(bytes));
        }
        assert_eq!(resume(b"text &lt;AUDIT_RECORD <AUDIT_R"), (22, false));
        assert_eq!(resume(b"text <AUDIT_RECORD>"), (5, true));
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(unescape(b"a &lt;b&gt; &amp;&amp; &quot;c&quot;&#10;&#x43;"), b"a <b> && \"c\"\nC");
        assert_eq!(unescape(b"&nothing; & &#1114112; &"), b"&nothing; & &#1114112; &");
    }
}
