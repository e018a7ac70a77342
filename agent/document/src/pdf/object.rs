//! The objects of PDF, read from bytes.

use std::borrow::Cow;

use crate::text::Charset;

/// Arrays and dictionaries nest to this depth.
const DEPTH: usize = 32;
/// A container holds at most so many.
const ITEMS: usize = 100_000;

/// An object.
#[derive(Clone, Debug, Default)]
pub(super) enum Object {
    #[default]
    Null,
    Number(f64),
    Name(Vec<u8>),
    Text(Vec<u8>),
    Array(Vec<Object>),
    Dict(Dict),
    Reference(u32),
    /// Any other word: an operator, `true`, `obj`.
    Word(Vec<u8>),
}

/// A dictionary.
#[derive(Clone, Debug, Default)]
pub(super) struct Dict(Vec<(Vec<u8>, Object)>);

impl Dict {
    pub(super) fn get(&self, key: &[u8]) -> Option<&Object> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    pub(super) fn is(&self, key: &[u8], name: &[u8]) -> bool {
        matches!(self.get(key), Some(Object::Name(found)) if found == name)
    }

    pub(super) fn values(&mut self) -> impl Iterator<Item = &mut Object> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    pub(super) fn each(&self) -> impl Iterator<Item = &(Vec<u8>, Object)> {
        self.0.iter()
    }
}

impl Object {
    pub(super) fn number(&self) -> Option<f64> {
        if let Object::Number(number) = self { Some(*number) } else { None }
    }

    pub(super) fn int(&self) -> Option<i64> {
        #[expect(clippy::cast_possible_truncation)] // saturates, as it should
        self.number().map(|number| number as i64)
    }
}

/// A text outside of pages: UTF-16 or UTF-8 with a mark, else nearly Latin 1 – or what careless programs write.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    if bytes.starts_with(b"\xFE\xFF") {
        return encoding_rs::UTF_16BE.decode_with_bom_removal(bytes).0;
    }
    Charset::told(None, bytes).decode(bytes)
}

/// Reads objects one after the other.
pub(super) struct Lexer<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | 9 | 10 | 12 | 13 | 32)
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

impl<'a> Lexer<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Lexer<'a> {
        Lexer { bytes, at: at.min(bytes.len()) }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn skip_space(&mut self) {
        while let Some(byte) = self.peek() {
            if byte == b'%' {
                let rest = &self.bytes[self.at..];
                self.at += rest.iter().position(|byte| matches!(byte, 10 | 13)).unwrap_or(rest.len());
            } else if is_space(byte) {
                self.at += 1;
            } else {
                break;
            }
        }
    }

    /// The next object; none at the end. `2 0 R` is one object here.
    pub(super) fn object(&mut self) -> Option<Object> {
        self.nested(0)
    }

    fn nested(&mut self, depth: usize) -> Option<Object> {
        self.skip_space();
        let byte = self.peek()?;
        match byte {
            b'/' => {
                self.at += 1;
                Some(Object::Name(self.name()))
            }
            b'(' => Some(Object::Text(self.literal())),
            b'<' if self.bytes.get(self.at + 1) == Some(&b'<') => {
                self.at += 2;
                Some(Object::Dict(self.dict(depth)))
            }
            b'<' => Some(Object::Text(self.hex())),
            b'[' => {
                self.at += 1;
                let mut items = Vec::new();
                if depth < DEPTH {
                    while items.len() < ITEMS {
                        self.skip_space();
                        match self.peek() {
                            None => break,
                            Some(b']') => {
                                self.at += 1;
                                break;
                            }
                            Some(b'>') if self.bytes.get(self.at + 1) == Some(&b'>') => break,
                            Some(_) => items.extend(self.nested(depth + 1)),
                        }
                    }
                }
                Some(Object::Array(items))
            }
            b'0'..=b'9' | b'+' | b'-' | b'.' => Some(self.number_or_reference()),
            b')' | b'>' | b']' | b'{' | b'}' => {
                self.at += 1;
                Some(Object::Word(vec![byte]))
            }
            _ => {
                let word = self.word();
                Some(if word == b"null" { Object::Null } else { Object::Word(word.to_vec()) })
            }
        }
    }

    fn word(&mut self) -> &'a [u8] {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|byte| is_space(*byte) || is_delimiter(*byte)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn name(&mut self) -> Vec<u8> {
        let raw = self.word();
        if !raw.contains(&b'#') {
            return raw.to_vec();
        }
        let mut name = Vec::with_capacity(raw.len());
        let mut rest = raw;
        while let Some((byte, after)) = rest.split_first() {
            rest = after;
            if *byte == b'#'
                && let [high, low, behind @ ..] = after
                && let (Some(high), Some(low)) = (digit(*high), digit(*low))
            {
                name.push(high << 4 | low);
                rest = behind;
            } else {
                name.push(*byte);
            }
        }
        name
    }

    fn literal(&mut self) -> Vec<u8> {
        self.at += 1;
        let (mut text, mut open) = (Vec::new(), 1);
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'(' => open += 1,
                b')' => {
                    open -= 1;
                    if open == 0 {
                        break;
                    }
                }
                b'\\' => {
                    let Some(byte) = self.peek() else { break };
                    self.at += 1;
                    match byte {
                        b'n' => text.push(b'\n'),
                        b'r' => text.push(b'\r'),
                        b't' => text.push(b'\t'),
                        b'b' => text.push(8),
                        b'f' => text.push(12),
                        b'0'..=b'7' => {
                            let mut code = u32::from(byte - b'0');
                            for _ in 0..2 {
                                let Some(next @ b'0'..=b'7') = self.peek() else { break };
                                code = code * 8 + u32::from(next - b'0');
                                self.at += 1;
                            }
                            text.push((code & 0xFF) as u8);
                        }
                        b'\r' => self.at += usize::from(self.peek() == Some(b'\n')),
                        b'\n' => {}
                        other => text.push(other),
                    }
                    continue;
                }
                _ => {}
            }
            text.push(byte);
        }
        text
    }

    fn hex(&mut self) -> Vec<u8> {
        self.at += 1;
        let (mut text, mut half) = (Vec::new(), None);
        while let Some(byte) = self.peek() {
            self.at += 1;
            if byte == b'>' {
                break;
            }
            let Some(low) = digit(byte) else { continue };
            match half.take() {
                Some(high) => text.push(high << 4 | low),
                None => half = Some(low),
            }
        }
        text.extend(half.map(|high| high << 4));
        text
    }

    fn dict(&mut self, depth: usize) -> Dict {
        let mut dict = Vec::new();
        while depth < DEPTH && dict.len() < ITEMS {
            self.skip_space();
            match self.peek() {
                None => break,
                Some(b'>') => {
                    self.at += if self.bytes.get(self.at + 1) == Some(&b'>') { 2 } else { 1 };
                    break;
                }
                Some(b'/') => {
                    self.at += 1;
                    let key = self.name();
                    self.skip_space();
                    if self.peek() == Some(b'>') {
                        continue;
                    }
                    let before = self.at;
                    let Some(value) = self.nested(depth + 1) else { break };
                    if matches!(&value, Object::Word(word) if word == b"endobj" || word == b"stream") {
                        self.at = before;
                        break;
                    }
                    dict.push((key, value));
                }
                Some(_) => {
                    let before = self.at;
                    if matches!(self.nested(depth + 1), Some(Object::Word(word)) if word == b"endobj" || word == b"stream")
                    {
                        self.at = before;
                        break;
                    }
                }
            }
        }
        Dict(dict)
    }

    fn number(&mut self) -> f64 {
        let rest = &self.bytes[self.at..];
        let length =
            rest.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.')).unwrap_or(rest.len());
        self.at += length.max(1);
        std::str::from_utf8(&rest[..length.min(64)]).ok().and_then(|text| text.parse().ok()).unwrap_or(0.0)
    }

    fn number_or_reference(&mut self) -> Object {
        let start = self.at;
        let number = self.number();
        let plain = self.bytes[start..self.at].iter().all(u8::is_ascii_digit) && self.at - start < 10;
        let after = self.at;
        if plain && self.peek().is_some_and(is_space) {
            self.skip_space();
            let from = self.at;
            if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                self.number();
                if self.at - from <= 5 && self.peek().is_some_and(is_space) {
                    self.skip_space();
                    let ends = self.bytes.get(self.at + 1).is_none_or(|byte| is_space(*byte) || is_delimiter(*byte));
                    if self.peek() == Some(b'R') && ends {
                        self.at += 1;
                        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // below 10^9
                        return Object::Reference(number as u32);
                    }
                }
            }
        }
        self.at = after;
        Object::Number(number)
    }
}

pub(super) fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
