//! XML and HTML as a stream of tags and text, in bounded memory: entities that a document declares are never expanded.

use std::io::BufRead;

use crate::desk::{Desk, Flow};
use crate::input;
use crate::text::{self, Charset};

/// A piece of a document.
pub(crate) enum Token<'a> {
    /// A tag that opens, and what stands behind its name.
    Open(&'a str, &'a str),
    /// A tag that closes. An empty tag opens and closes.
    Close(&'a str),
    /// Text, its entities decoded.
    Text(&'a str),
}

/// A longer tag is passed over.
const TAG: usize = 256 << 10;
/// A longer entity is text.
const ENTITY: usize = 12;

#[derive(Clone, Copy, PartialEq)]
enum Inside {
    Text,
    /// Passed over until this comes.
    Skip(&'static str),
    /// Given as it is until `]]>`.
    Data,
}

/// Cuts text into tokens, whatever the pieces that it comes in.
pub(crate) struct Markup {
    rest: String,
    inside: Inside,
}

impl Markup {
    pub(crate) fn new() -> Markup {
        Markup { rest: String::new(), inside: Inside::Text }
    }

    pub(crate) fn push(&mut self, piece: &str, give: &mut impl FnMut(Token<'_>) -> Flow) -> Flow {
        if self.rest.is_empty() {
            let used = self.cut(piece, false, give)?;
            self.rest.push_str(&piece[used..]);
            return Ok(());
        }
        let mut all = std::mem::take(&mut self.rest);
        all.push_str(piece);
        let used = self.cut(&all, false, give)?;
        all.drain(..used);
        self.rest = all;
        Ok(())
    }

    pub(crate) fn finish(&mut self, give: &mut impl FnMut(Token<'_>) -> Flow) -> Flow {
        let all = std::mem::take(&mut self.rest);
        let used = self.cut(&all, true, give)?;
        give(Token::Text(&all[used..]))
    }

    /// Gives the tokens of `all` and says how much of it they are.
    fn cut(&mut self, all: &str, last: bool, give: &mut impl FnMut(Token<'_>) -> Flow) -> Result<usize, crate::Why> {
        let mut at = 0;
        loop {
            let rest = &all[at..];
            match self.inside {
                Inside::Skip(end) => match rest.find(end) {
                    Some(found) => {
                        at += found + end.len();
                        self.inside = Inside::Text;
                    }
                    None => return Ok(at + back(rest, end.len() - 1)),
                },
                Inside::Data => {
                    let found = rest.find("]]>");
                    let to = found.unwrap_or_else(|| back(rest, 2));
                    give(Token::Text(&rest[..to]))?;
                    at += to;
                    if found.is_none() {
                        return Ok(at);
                    }
                    at += 3;
                    self.inside = Inside::Text;
                }
                Inside::Text => {
                    let tag = near(b'<', rest.as_bytes());
                    let mut to = tag.unwrap_or(rest.len());
                    if tag.is_none()
                        && !last
                        && let Some(entity) = rest.rfind('&')
                        && rest.len() - entity < ENTITY
                    {
                        to = entity;
                    }
                    entities(&rest[..to], give)?;
                    at += to;
                    if tag.is_none() {
                        return Ok(at);
                    }
                    match self.tag(&all[at..], last, give)? {
                        0 => return Ok(at),
                        used => at += used,
                    }
                }
            }
        }
    }

    /// Gives what begins with `<`; 0 where its end has not come yet.
    fn tag(&mut self, rest: &str, last: bool, give: &mut impl FnMut(Token<'_>) -> Flow) -> Result<usize, crate::Why> {
        match rest.as_bytes().get(1) {
            Some(b'!' | b'?') => {}
            Some(b'/' | b'_' | b'A'..=b'Z' | b'a'..=b'z' | 0x80..) => return self.element(rest, give),
            None if !last => return Ok(0),
            _ => {
                give(Token::Text("<"))?;
                return Ok(1);
            }
        }
        if rest.len() < 9 && !last {
            return Ok(0);
        }
        let (used, inside) = if rest.starts_with("<!--") {
            (4, Inside::Skip("-->"))
        } else if rest.starts_with("<![CDATA[") {
            (9, Inside::Data)
        } else if rest.starts_with("<?") {
            (2, Inside::Skip("?>"))
        } else {
            // A declaration; one with a subset (that may declare entities) ends behind the subset.
            let end = rest.find('>').unwrap_or(rest.len());
            (2, Inside::Skip(if rest[..end].contains('[') { "]" } else { ">" }))
        };
        self.inside = inside;
        Ok(used)
    }

    /// Gives a tag; 0 where its end has not come yet.
    fn element(&mut self, rest: &str, give: &mut impl FnMut(Token<'_>) -> Flow) -> Result<usize, crate::Why> {
        let bytes = rest.as_bytes();
        let closing = usize::from(bytes.get(1) == Some(&b'/'));
        // The name without its prefix, and where it ends.
        let (mut name, mut at) = (1 + closing, 1 + closing);
        let end = loop {
            match bytes.get(at) {
                Some(b'>') => break Some(at),
                Some(b' ' | b'/' | b'\t' | b'\r' | b'\n') => break end(&bytes[at..]).map(|end| at + end),
                Some(b':') => name = at + 1,
                Some(_) => {}
                None => break None,
            }
            at += 1;
        };
        let Some(end) = end else {
            if rest.len() > TAG {
                self.inside = Inside::Skip(">");
                return Ok(1);
            }
            return Ok(0);
        };
        let name = &rest[name..at];
        if closing == 1 {
            give(Token::Close(name))?;
            return Ok(end + 1);
        }
        let attributes = &rest[at..end];
        match attributes.strip_suffix('/') {
            Some(attributes) => {
                give(Token::Open(name, attributes.trim_ascii()))?;
                give(Token::Close(name))?;
            }
            None => give(Token::Open(name, attributes.trim_ascii()))?,
        }
        Ok(end + 1)
    }
}

/// Where the tag ends: the first `>` outside quotes.
fn end(rest: &[u8]) -> Option<usize> {
    let mut quote = 0;
    for (at, byte) in rest.iter().enumerate() {
        match byte {
            b'"' | b'\'' if quote == 0 => quote = *byte,
            byte if *byte == quote => quote = 0,
            b'>' if quote == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

/// Where `byte` is. Most often it is near, and then a search with its preparations costs more than a look.
fn near(byte: u8, bytes: &[u8]) -> Option<usize> {
    let (first, rest) = bytes.split_at(bytes.len().min(16));
    first.iter().position(|at| *at == byte).or_else(|| memchr::memchr(byte, rest).map(|at| first.len() + at))
}

/// All but the last `keep` bytes, or a little more, so that no character is cut.
fn back(rest: &str, keep: usize) -> usize {
    let mut to = rest.len().saturating_sub(keep);
    while !rest.is_char_boundary(to) {
        to -= 1;
    }
    to
}

/// A name without its prefix.
fn local(name: &str) -> &str {
    name.bytes().rposition(|byte| byte == b':').map_or(name, |colon| &name[colon + 1..])
}

/// The value of an attribute, as it is written.
pub(crate) fn attribute<'a>(attributes: &'a str, wanted: &str) -> Option<&'a str> {
    each_attribute(attributes).find(|(name, _)| local(name) == wanted).map(|(_, value)| value)
}

/// Names and values of attributes.
pub(crate) fn each_attribute(mut rest: &str) -> impl Iterator<Item = (&str, &str)> {
    std::iter::from_fn(move || {
        let equals = rest.bytes().position(|byte| byte == b'=')?;
        let (name, behind) = (rest[..equals].trim_ascii(), rest[equals + 1..].trim_ascii_start());
        let (from, to) = match behind.as_bytes().first() {
            Some(quote @ (b'"' | b'\'')) => (1, behind[1..].bytes().position(|byte| byte == *quote).map(|at| at + 1)),
            _ => (0, behind.bytes().position(|byte| byte.is_ascii_whitespace())),
        };
        let to = to.unwrap_or(behind.len());
        rest = behind.get(to + 1..).unwrap_or_default();
        // What stands alone before a name is an attribute without a value.
        let alone = name.bytes().rposition(|byte| byte.is_ascii_whitespace()).map_or(0, |at| at + 1);
        Some((&name[alone..], &behind[from..to]))
    })
}

/// Gives text with its entities decoded.
fn entities(mut text: &str, give: &mut impl FnMut(Token<'_>) -> Flow) -> Flow {
    while let Some(at) = near(b'&', text.as_bytes()) {
        if at > 0 {
            give(Token::Text(&text[..at]))?;
        }
        let rest = &text[at..];
        let end = rest.bytes().take(ENTITY).position(|byte| byte == b';');
        match end.and_then(|end| Some((end, entity(&rest[1..end])?))) {
            Some((end, c)) => {
                give(Token::Text(c.encode_utf8(&mut [0; 4])))?;
                text = &rest[end + 1..];
            }
            None => {
                give(Token::Text("&"))?;
                text = &rest[1..];
            }
        }
    }
    if text.is_empty() { Ok(()) } else { give(Token::Text(text)) }
}

/// The character of an entity.
fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        return char::from_u32(code.ok()?);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" | "ensp" | "emsp" | "thinsp" => ' ',
        "laquo" => '«',
        "raquo" => '»',
        "ndash" => '–',
        "mdash" => '—',
        "numero" => '№',
        _ => return None,
    })
}

/// Gives the text of an attribute's value.
pub(crate) fn value(text: &str, give: &mut dyn FnMut(&str) -> Flow) -> Flow {
    entities(text, &mut |token| if let Token::Text(text) = token { give(text) } else { Ok(()) })
}

/// Cuts a stream into tokens.
pub(crate) fn tokens(
    desk: &mut Desk<'_>,
    stream: &mut dyn BufRead,
    give: &mut (impl FnMut(&mut Desk<'_>, Token<'_>) -> Flow + ?Sized),
) -> Flow {
    let head = input::head(stream, desk.budget)?;
    let charset = if text::is_utf8(head) { Charset::UTF8 } else { Charset::told(declared(head), head) };
    let mut markup = Markup::new();
    let outcome =
        text::decode(desk, charset, stream, &mut |desk, piece| markup.push(piece, &mut |token| give(desk, token)));
    markup.finish(&mut |token| give(desk, token))?;
    outcome
}

/// The encoding that the document says it has.
fn declared(head: &[u8]) -> Option<Charset> {
    let head = head[..head.len().min(1024)].to_ascii_lowercase();
    let at = ["encoding=", "charset="]
        .into_iter()
        .find_map(|key| memchr::memmem::find(&head, key.as_bytes()).map(|at| at + key.len()))?;
    let rest = head[at..].trim_ascii_start();
    let rest = rest.strip_prefix(b"\"").or_else(|| rest.strip_prefix(b"'")).unwrap_or(rest);
    let end = rest.iter().position(|byte| !byte.is_ascii_alphanumeric() && !b"-_".contains(byte)).unwrap_or(rest.len());
    Charset::labelled(&rest[..end])
}

/// The first characters, whatever the width of characters, in small letters; nothing where they do not begin a tag.
fn beginning(head: &[u8]) -> Vec<u8> {
    let head = [&b"\xEF\xBB\xBF"[..], b"\xFF\xFE", b"\xFE\xFF"]
        .into_iter()
        .find_map(|mark| head.strip_prefix(mark))
        .unwrap_or(head);
    let mut text = head.iter().copied().filter(|byte| *byte != 0).skip_while(u8::is_ascii_whitespace).peekable();
    if text.peek() != Some(&b'<') {
        return Vec::new();
    }
    text.take(1024).map(|byte| byte.to_ascii_lowercase()).collect()
}

pub(crate) fn is_html(head: &[u8], name: &str) -> bool {
    let beginning = beginning(head);
    let tag = |tag: &&str| memchr::memmem::find(&beginning, tag.as_bytes()).is_some();
    !beginning.is_empty()
        && (["<html", "<!doctype html", "<head", "<body", "<table", "<div", "<p>"].iter().any(tag)
            || name.to_ascii_lowercase().ends_with(".html")
            || name.to_ascii_lowercase().ends_with(".htm"))
}

pub(crate) fn is_xml(head: &[u8]) -> bool {
    let beginning = beginning(head);
    beginning.starts_with(b"<?xml") || beginning.get(1).is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'!')
}

/// Attributes of HTML whose values a person may have written.
const SPOKEN: [&str; 7] = ["value", "content", "alt", "title", "placeholder", "href", "label"];
/// Elements of HTML that stand inside a line.
const INLINE: [&str; 17] = [
    "a", "abbr", "b", "big", "em", "font", "i", "mark", "nobr", "s", "small", "span", "strong", "sub", "sup", "u",
    "wbr",
];

pub(crate) fn html(desk: &mut Desk<'_>, stream: &mut dyn BufRead) -> Flow {
    tokens(desk, stream, &mut |desk, token| match token {
        Token::Text(text) => desk.text(text),
        Token::Open(name, attributes) => {
            if !INLINE.iter().any(|inline| name.eq_ignore_ascii_case(inline)) {
                desk.text(if matches!(name, "td" | "th" | "TD" | "TH") { "\t" } else { "\n" })?;
            }
            for (_, written) in each_attribute(attributes).filter(|(name, _)| {
                name.starts_with("data-") || SPOKEN.iter().any(|known| name.eq_ignore_ascii_case(known))
            }) {
                desk.text(" ")?;
                value(written, &mut |text| desk.text(text))?;
                desk.text(" ")?;
            }
            Ok(())
        }
        Token::Close(name) if INLINE.iter().any(|inline| name.eq_ignore_ascii_case(inline)) => Ok(()),
        Token::Close(_) => desk.text("\n"),
    })
}

/// Names of elements and attributes are given as well: they are what tells a number from a number.
pub(crate) fn xml(desk: &mut Desk<'_>, stream: &mut dyn BufRead) -> Flow {
    tokens(desk, stream, &mut |desk, token| match token {
        Token::Text(text) => desk.text(text),
        Token::Open(name, attributes) => {
            desk.text(name)?;
            for (name, written) in each_attribute(attributes).filter(|(name, _)| !name.starts_with("xmlns")) {
                desk.text(" ")?;
                desk.text(local(name))?;
                desk.text(": ")?;
                value(written, &mut |text| desk.text(text))?;
            }
            desk.text(": ")
        }
        Token::Close(_) => desk.text("\n"),
    })
}
