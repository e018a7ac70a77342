//! The audit log as Laurel writes it: all records of an event in one JSON object a line, arguments in clear, with the
//! program of the parent process.

use super::record::{Fields, Head, Kind};
use super::tell::{PARENT, Record, Teller};
use crate::account::Lines;
use crate::json::{self, Step, Value};
use crate::postgres::Verdict;
use crate::times::Times;
use crate::{Chunk, DecodeOptions, Decoded, Decoder};
use kuzet_event::Event;
use std::borrow::Cow;

/// Records of one event, at most.
const RECORDS: usize = 128;

/// Decoder of one log.
pub(crate) struct Laurel {
    lines: Lines,
    teller: Teller,
}

impl Laurel {
    pub(crate) fn new(options: &DecodeOptions) -> Laurel {
        Laurel { lines: Lines::default(), teller: Teller::new(options) }
    }
}

/// A record that is being put together: its name, its number among those of the name, its fields.
struct Part<'a> {
    name: &'a str,
    item: usize,
    fields: Fields<'a>,
}

/// The records of a line.
fn read(line: &[u8]) -> Option<Vec<Record<'_>>> {
    let (mut parts, mut id, mut parent): (Vec<Part<'_>>, _, _) = (Vec::new(), String::new(), String::new());
    json::walk(line, |path, value| {
        let text = match value {
            Value::Text(text) => text,
            Value::Number(number) => Cow::Borrowed(number),
            Value::Bool(_) | Value::Null | Value::Empty => return,
        };
        let text = match text {
            Cow::Borrowed(text) => String::from_utf8_lossy(text),
            Cow::Owned(text) => Cow::Owned(String::from_utf8_lossy(&text).into_owned()),
        };
        let [Step::Key(Cow::Borrowed(name)), rest @ ..] = path else { return };
        let (item, rest) = match rest {
            [Step::Item(item), rest @ ..] => (*item, rest),
            _ => (0, rest),
        };
        match (*name, rest) {
            (b"ID", []) => id = text.into_owned(),
            (b"PARENT_INFO", [Step::Key(key)]) if **key == *b"exe" => parent = text.into_owned(),
            (b"PARENT_INFO", _) | (_, []) => {}
            (name, rest) => {
                let Ok(name) = std::str::from_utf8(name) else { return };
                let known = parts.iter().position(|part| part.name == name && part.item == item);
                let at = known.unwrap_or_else(|| {
                    parts.push(Part { name, item, fields: Fields::default() });
                    parts.len() - 1
                });
                if at < RECORDS {
                    field(&mut parts[at], rest, text);
                }
            }
        }
    })?;
    let (at, serial) = id.split_once(':')?;
    let (at, serial) = (Times::epoch(at.as_bytes())?, serial.parse().ok()?);
    parts.truncate(RECORDS);
    let kind = if parts.iter().any(|part| part.name == "SYSCALL") { Kind::Part } else { Kind::Alone };
    if let Some(syscall) = parts.iter_mut().find(|part| part.name == "SYSCALL").filter(|_| !parent.is_empty()) {
        syscall.fields.push(Cow::Borrowed(PARENT), Cow::Owned(parent));
    }
    let mut records = Vec::new();
    for Part { name, fields, .. } in parts {
        // The line is shown to rules once.
        let line = if records.is_empty() { line } else { &line[..0] };
        records.push(Record { head: Head { kind, name, at, serial, body: b"" }, fields, line });
    }
    Some(records)
}

/// Adds a value under the name that the raw log has for it.
fn field<'a>(part: &mut Part<'a>, path: &[Step<'a>], text: Cow<'a, str>) {
    let fields = &mut part.fields;
    match path {
        [Step::Key(key), Step::Item(number)] if **key == *b"ARGV" => match part.name {
            "PROCTITLE" => fields.join("proctitle", text),
            _ => fields.push(Cow::Owned(format!("a{number}")), bare(text)),
        },
        [Step::Key(key), Step::Key(inner)] => match (&**key, &**inner) {
            (b"SADDR", b"addr") => fields.push(Cow::Borrowed("laddr"), text),
            (b"SADDR", b"port") => fields.push(Cow::Borrowed("lport"), text),
            (b"PPID", b"exe") => fields.push(Cow::Borrowed(PARENT), text),
            _ => {}
        },
        [Step::Key(key)] if **key == *b"msg" => fields.report(&text),
        [Step::Key(key)] if **key == *b"ARGV_STR" => fields.push(Cow::Borrowed("a0"), text),
        [Step::Key(Cow::Borrowed(key))] => {
            let Ok(key) = std::str::from_utf8(key) else { return };
            fields.push(Cow::Borrowed(key), bare(text));
        }
        _ => {}
    }
}

/// A number without the mark of its base, as the raw log has it.
fn bare(text: Cow<'_, str>) -> Cow<'_, str> {
    let number = text.strip_prefix("0x").or_else(|| text.strip_prefix("0o"));
    match number.filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        Some(digits) => Cow::Owned(digits.to_owned()),
        None => text,
    }
}

impl Decoder for Laurel {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let teller = &mut self.teller;
        self.lines.decode(chunk, |line, place| {
            let Some(records) = read(line.trim_ascii_end()).filter(|records| !records.is_empty()) else {
                return Verdict::Lost;
            };
            let event = teller.event(&records, place);
            let verdict = if event.is_some() { Verdict::Handled } else { Verdict::Suppressed };
            events.extend(event);
            verdict
        })
    }

    fn snapshot(&self) -> Vec<u8> {
        let mut out = vec![u8::from(!self.lines.snapshot().is_empty())];
        self.teller.snapshot(&mut out);
        out
    }

    fn restore(&mut self, snapshot: &[u8]) {
        let [skipping, rest @ ..] = snapshot else { return };
        self.lines.restore(&[*skipping]);
        self.teller.restore(rest);
    }
}

/// Whether `line` could be a record.
pub(crate) fn recognises(line: &[u8]) -> bool {
    line.starts_with(b"{\"ID\":\"") && memchr::memmem::find(&line[..line.len().min(64)], b"\",\"").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_those_of_the_raw_log() {
        let line = br#"{"ID":"1795406983.459:10","SYSCALL":{"arch":"0xc000003e","syscall":42,"pid":7,"key":null,"ARGV":["0x3"],"PPID":{"exe":"/bin/sh"}},"SOCKADDR":[{"SADDR":{"addr":"203.0.113.9","port":443}}],"EXECVE":{"ARGV":["sh","-c","0x\"y"]},"USER_END":{"msg":"op=x acct=\"a\" res=failed"}}"#;
        let records = read(line).unwrap();
        let show = |record: &Record<'_>| {
            let fields: Vec<String> = record.fields.all().map(|(key, value)| format!("{key}={value}")).collect();
            format!("{} {}", record.head.name, fields.join(" "))
        };
        assert_eq!(
            records.iter().map(show).collect::<Vec<String>>(),
            [
                "SYSCALL arch=c000003e syscall=42 pid=7 a0=3 ppid exe=/bin/sh",
                "SOCKADDR laddr=203.0.113.9 lport=443",
                "EXECVE a0=sh a1=-c a2=0x\"y",
                "USER_END op=x acct=a res=failed",
            ]
        );
        assert_eq!(
            (records[0].head.serial, records[0].head.at.to_string()),
            (10, "2026-11-23T04:09:43.459000Z".to_owned())
        );
        for line in ["{}", "[]", "{\"ID\":\"x\"}", "{\"ID\":\"1.2:3\""] {
            assert!(read(line.as_bytes()).is_none_or(|records| records.is_empty()), "{line}");
        }
    }
}
