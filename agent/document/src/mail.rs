//! Mails: headers with encoded words, parts in base64 and quoted-printable, attachments, mails in mails.

use std::borrow::Cow;

use crate::desk::{Desk, Flow};
use crate::input::Source;
use crate::text::Charset;
use crate::{Format, Why};

/// Parts nest to this depth.
const DEPTH: usize = 12;
/// A longer header is cut.
const HEADER: usize = 64 << 10;

/// Fields with which mails begin.
#[rustfmt::skip]
const FIRST: [&str; 16] = [
    "received:", "return-path:", "from:", "to:", "subject:", "date:", "message-id:", "mime-version:", "delivered-to:", "x-",
    "content-type:", "dkim-signature:", "reply-to:", "cc:", "user-agent:", "authentication-results:",
];

pub(crate) fn is(head: &[u8], name: &str) -> bool {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let mbox = head.starts_with(b"From ");
    let lines = head[..head.len().min(8192)].split(|byte| *byte == b'\n').skip(usize::from(mbox));
    let mut fields = 0;
    for line in lines.map(<[u8]>::trim_ascii_end).take_while(|line| !line.is_empty()) {
        if matches!(line[0], b' ' | b'\t') {
            continue;
        }
        let colon = line.iter().take(64).position(|byte| *byte == b':').unwrap_or(0);
        if colon == 0 || !line[..colon].iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-') {
            break;
        }
        let begins =
            |field: &&str| line.get(..field.len()).is_some_and(|line| line.eq_ignore_ascii_case(field.as_bytes()));
        fields += usize::from(FIRST.iter().any(begins));
    }
    let ends = |end: &str| {
        name.len() >= end.len() && name.as_bytes()[name.len() - end.len()..].eq_ignore_ascii_case(end.as_bytes())
    };
    let named = [".eml", ".mbox", ".emlx"].into_iter().any(ends);
    fields >= if named || mbox { 1 } else { 3 }
}

pub(crate) fn read(desk: &mut Desk<'_>, bytes: &[u8]) -> Flow {
    let mut number = 0;
    if !bytes.starts_with(b"From ") {
        return part(desk, bytes, &mut number, 0);
    }
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = memchr::memmem::find(&rest[1..], b"\nFrom ").map_or(rest.len(), |at| at + 2);
        let first = memchr::memchr(b'\n', rest).map_or(end, |at| at + 1).min(end);
        part(desk, &rest[first..end], &mut number, 0)?;
        rest = &rest[end..];
    }
    Ok(())
}

/// The fields of a header, unfolded, in small letters on the left, and what stands behind it.
fn header(bytes: &[u8]) -> (Vec<(String, Vec<u8>)>, &[u8]) {
    let mut fields: Vec<(String, Vec<u8>)> = Vec::new();
    let mut rest = bytes;
    let mut size = 0;
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let line = rest[..end].trim_ascii_end();
        rest = &rest[end..];
        if line.is_empty() {
            break;
        }
        size += line.len();
        if size > HEADER {
            continue;
        }
        if line[0] == b' ' || line[0] == b'\t' {
            if let Some((_, value)) = fields.last_mut() {
                value.push(b' ');
                value.extend_from_slice(line.trim_ascii());
            }
        } else if let Some(colon) = memchr::memchr(b':', line) {
            let key = String::from_utf8_lossy(&line[..colon]).trim().to_ascii_lowercase();
            fields.push((key, line[colon + 1..].trim_ascii().to_vec()));
        }
    }
    (fields, rest)
}

fn field<'a>(fields: &'a [(String, Vec<u8>)], key: &str) -> &'a [u8] {
    fields.iter().find(|(known, _)| known == key).map_or(b"", |(_, value)| value)
}

/// The parameter of a field, as `boundary="x"`.
fn parameter(value: &[u8], key: &str) -> Option<String> {
    let text = String::from_utf8_lossy(value);
    let lower = text.to_ascii_lowercase();
    let at = lower.find(&format!("{key}="))? + key.len() + 1;
    let rest = &text[at..];
    Some(match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().unwrap_or_default().to_owned(),
        None => rest.split([';', ' ', '\t']).next().unwrap_or_default().to_owned(),
    })
}

/// A mail or a part of one.
fn part(desk: &mut Desk<'_>, bytes: &[u8], number: &mut usize, depth: usize) -> Flow {
    desk.budget.work(bytes.len() / 8 + 64)?;
    let (fields, body) = header(bytes);
    for key in ["from", "to", "cc", "reply-to", "subject"] {
        let value = field(&fields, key);
        if !value.is_empty() {
            desk.text(key)?;
            desk.text(": ")?;
            desk.text(&words(value))?;
            desk.text("\n")?;
        }
    }
    let kind = field(&fields, "content-type");
    let lower = String::from_utf8_lossy(kind).to_ascii_lowercase();
    if lower.starts_with("multipart/") {
        let Some(boundary) = parameter(kind, "boundary").filter(|boundary| !boundary.is_empty()) else {
            return Err(Why::Damaged);
        };
        if depth >= DEPTH {
            desk.miss(Why::Depth);
            return Ok(());
        }
        return parts(desk, body, boundary.as_bytes(), number, depth);
    }
    let encoding = String::from_utf8_lossy(field(&fields, "content-transfer-encoding")).trim().to_ascii_lowercase();
    let content = match &encoding[..] {
        "base64" => Cow::Owned(base64(body)),
        "quoted-printable" => Cow::Owned(quoted(body)),
        _ => Cow::Borrowed(body),
    };
    desk.budget.output(content.len())?;
    *number += 1;
    let plain = lower.is_empty() || lower.starts_with("text/plain");
    let attached = field(&fields, "content-disposition").to_ascii_lowercase().starts_with(b"attachment");
    if plain && !attached {
        let label = parameter(kind, "charset").and_then(|label| Charset::labelled(label.as_bytes()));
        let sample = &content[..content.len().min(64 << 10)];
        let text = Charset::told(label, sample).decode(&content);
        return desk.part(*number, Format::Text, |desk| desk.text(&text));
    }
    if lower.starts_with("message/rfc822") && depth < DEPTH {
        return part(desk, &content, number, depth + 1);
    }
    let name = parameter(kind, "name").or_else(|| parameter(field(&fields, "content-disposition"), "filename"));
    let name = name.unwrap_or_else(|| if lower.starts_with("text/html") { "x.html".to_owned() } else { String::new() });
    desk.text(&words(name.as_bytes()))?;
    desk.text("\n")?;
    if lower.starts_with("text/html")
        && let Some(charset) = parameter(kind, "charset").and_then(|label| Charset::labelled(label.as_bytes()))
    {
        // The header knows the encoding better than the look of the text.
        let text = Charset::told(Some(charset), &content[..content.len().min(64 << 10)]).decode(&content);
        return desk.member(*number, Source::Whole(text.as_bytes()), &name);
    }
    desk.member(*number, Source::Whole(&content), &name)
}

fn parts(desk: &mut Desk<'_>, body: &[u8], boundary: &[u8], number: &mut usize, depth: usize) -> Flow {
    let mut mark = b"--".to_vec();
    mark.extend_from_slice(boundary);
    let mut start: Option<usize> = None;
    for at in memchr::memmem::find_iter(body, &mark) {
        desk.budget.work(64)?;
        if at > 0 && body[at - 1] != b'\n' {
            continue;
        }
        if let Some(start) = start {
            part(desk, &body[start..at], number, depth + 1)?;
        }
        let behind = at + mark.len();
        if body[behind..].starts_with(b"--") {
            return Ok(());
        }
        start = Some(behind + memchr::memchr(b'\n', &body[behind..]).map_or(body.len() - behind, |at| at + 1));
    }
    // The closing mark is missing: the mail is cut.
    match start {
        Some(start) => part(desk, &body[start..], number, depth + 1).and(Err(Why::Damaged)),
        None => Err(Why::Damaged),
    }
}

/// The bytes of base64, whatever stands between.
pub(crate) fn base64(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0);
    for byte in text {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(six);
        count += 1;
        if count == 4 {
            out.extend_from_slice(&bits.to_be_bytes()[1..]);
            (bits, count) = (0, 0);
        }
    }
    match count {
        2 => out.push((bits >> 4 & 0xFF) as u8),
        3 => out.extend_from_slice(&((bits >> 2 & 0xFFFF) as u16).to_be_bytes()),
        _ => {}
    }
    out
}

fn quoted(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'=', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        let hex = rest.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        if let Some(byte) = hex {
            out.push(byte);
            rest = &rest[2..];
        } else if let Some(after) = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")) {
            rest = after;
        } else {
            out.push(b'=');
        }
    }
    out.extend_from_slice(rest);
    out
}

/// A header's value with its encoded words, as `=?utf-8?B?…?=`.
fn words(value: &[u8]) -> String {
    let mut out = String::new();
    let mut rest = value;
    let mut after_word = false;
    while let Some(at) = memchr::memmem::find(rest, b"=?") {
        let before = &rest[..at];
        let mut fields = rest[at + 2..].splitn(4, |byte| *byte == b'?');
        let (charset, encoding, text) = (fields.next(), fields.next(), fields.next());
        let behind = fields.next().and_then(|behind| behind.strip_prefix(b"="));
        let (Some(charset), Some(encoding), Some(text), Some(behind)) = (charset, encoding, text, behind) else {
            break;
        };
        // Blanks between two encoded words are none.
        if !(after_word && before.trim_ascii().is_empty()) {
            out.push_str(&Charset::told(None, before).decode(before));
        }
        let bytes = if encoding.eq_ignore_ascii_case(b"b") {
            base64(text)
        } else {
            let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'_' { b' ' } else { *byte }).collect();
            quoted(&spaced)
        };
        out.push_str(&Charset::labelled(charset).unwrap_or(Charset::UTF8).decode(&bytes));
        rest = behind;
        after_word = true;
    }
    out.push_str(&Charset::told(None, rest).decode(rest));
    out
}
