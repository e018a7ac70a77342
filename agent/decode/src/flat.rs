//! Reads the one JSON shape that PostgreSQL writes, a flat object on one line, without a general parser.
//!
//! What does not fit (blanks between tokens, nested values, odd escapes) is left to the general parser: this one says
//! `None` and never guesses.

use crate::structural::classify;

/// A string value as it stands between its quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text<'a> {
    pub(crate) raw: &'a [u8],
    /// Holds a backslash.
    pub(crate) escaped: bool,
}

/// Calls `member` with each key and value of `line`: a string without its quotes, a
/// number as it stands; `true`, `false` and `null` are passed over.
/// `None` when the line is not such an object.
pub(crate) fn object<'a>(line: &'a [u8], mut member: impl FnMut(&'a [u8], Text<'a>)) -> Option<()> {
    let mut quotes = Quotes { line, start: 0, bits: 0 };
    quotes.fill();
    let mut at = 1;
    if line.first() != Some(&b'{') {
        return None;
    }
    loop {
        if quotes.next()? != at {
            return None;
        }
        let end = quotes.next()?;
        let key = &line[at + 1..end];
        if line.get(end + 1) != Some(&b':') {
            return None;
        }
        at = end + 2;
        if *line.get(at)? == b'"' {
            quotes.next()?;
            let start = at + 1;
            let mut escaped = false;
            let end = loop {
                let end = quotes.next()?;
                if line[end - 1] != b'\\' {
                    break end;
                }
                escaped = true;
                let slashes = line[start..end].iter().rev().take_while(|byte| **byte == b'\\').count();
                if slashes % 2 == 0 {
                    break end;
                }
            };
            let raw = &line[start..end];
            escaped = escaped || memchr::memchr(b'\\', raw).is_some();
            member(key, Text { raw, escaped });
            at = end + 1;
        } else {
            let scalar = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(**byte, b'-' | b'+' | b'.');
            let length = line[at..].iter().take_while(scalar).count();
            if length == 0 {
                return None;
            }
            if line[at].is_ascii_digit() {
                member(key, Text { raw: &line[at..at + length], escaped: false });
            }
            at += length;
        }
        match *line.get(at)? {
            b',' => at += 1,
            b'}' => return line[at + 1..].trim_ascii_end().is_empty().then_some(()),
            _ => return None,
        }
    }
}

/// Positions of all quotes of a line, in order.
struct Quotes<'a> {
    line: &'a [u8],
    start: usize,
    bits: u64,
}

impl Quotes<'_> {
    fn fill(&mut self) {
        let rest = &self.line[self.start..];
        self.bits = match rest.first_chunk::<64>() {
            Some(block) => classify(block).quote,
            None => {
                let mut block = [0; 64];
                block[..rest.len()].copy_from_slice(rest);
                classify(&block).quote
            }
        };
    }

    fn next(&mut self) -> Option<usize> {
        while self.bits == 0 {
            self.start += 64;
            if self.start >= self.line.len() {
                return None;
            }
            self.fill();
        }
        let at = self.start + self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        Some(at)
    }
}

/// Appends `raw` to `into`, escapes undone. `None` when an escape is none of JSON's.
pub(crate) fn unescape(mut raw: &[u8], into: &mut Vec<u8>) -> Option<()> {
    while let Some(at) = memchr::memchr(b'\\', raw) {
        into.extend_from_slice(&raw[..at]);
        let escape = *raw.get(at + 1)?;
        raw = &raw[at + 2..];
        into.push(match escape {
            b'"' | b'\\' | b'/' => escape,
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 8,
            b'f' => 12,
            b'u' => {
                let mut code = unit(&mut raw)?;
                if (0xd800..0xdc00).contains(&code) {
                    raw = raw.strip_prefix(b"\\u")?;
                    let low = unit(&mut raw).filter(|low| (0xdc00..0xe000).contains(low))?;
                    code = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                }
                let mut buffer = [0; 4];
                into.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut buffer).as_bytes());
                continue;
            }
            _ => return None,
        });
    }
    into.extend_from_slice(raw);
    Some(())
}

/// Four hexadecimal digits.
fn unit(raw: &mut &[u8]) -> Option<u32> {
    let (digits, rest) = raw.split_first_chunk::<4>()?;
    *raw = rest;
    digits.iter().try_fold(0, |code, digit| Some(code << 4 | char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(line: &str) -> Option<Vec<(String, String)>> {
        let mut members = Vec::new();
        let mut sound = true;
        object(line.as_bytes(), |key, text| {
            let mut plain = Vec::new();
            sound &= unescape(text.raw, &mut plain).is_some();
            assert_eq!(text.escaped, text.raw.contains(&b'\\'));
            let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            members.push((show(key), show(&plain)));
        })?;
        sound.then_some(members)
    }

    #[test]
    fn what_does_not_fit_is_left_alone() {
        for line in [
            "",
            "{",
            "{}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":[1]}",
            "{ \"a\":1}",
            "{\"a\":\"x\"",
            "{\"a\":1}x",
            "{\"a\":\"\\x\"}",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
        assert_eq!(read("{\"a\":\"\\ud83d\\ude00\\\\\",\"n\":-1.5e3,\"b\":null}\r\n").unwrap()[0].1, "😀\\");
        assert_eq!(read("{\"a\":\"\\ud83d\"}"), None);
    }

    proptest! {
        #[test]
        fn reads_what_another_library_wrote(values in prop::collection::vec("[ -~\n\tқ\u{1f600}\u{1}\"\\\\]{0,90}", 1..6)) {
            let object: serde_json::Map<String, serde_json::Value> =
                values.iter().enumerate().map(|(number, value)| (format!("k{number}"), value.as_str().into())).collect();
            let expected: Vec<_> =
                values.iter().enumerate().map(|(number, value)| (format!("k{number}"), value.clone())).collect();
            let line = serde_json::Value::Object(object).to_string();
            prop_assert_eq!(read(&line), Some(expected));
        }
    }
}
