//! YAML with places: bytes → nodes that know their line and column, within hard limits.
//!
//! Documents of one file are read apart from each other: a fault in one does not take the others with it.

use crate::diagnostic::{Code, Fault, Place};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, StrInput, Tag};
use std::borrow::Cow;

/// Largest file, in bytes.
pub(crate) const FILE: usize = 4 << 20;
/// Deepest nesting.
const DEPTH: usize = 32;
/// Most nodes of one document, aliases written out.
const NODES: usize = 200_000;
/// Most bytes of text that aliases may add to a document.
const COPIES: usize = 1 << 20;

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub value: Yaml,
}

/// A value of the YAML 1.2 core schema.
#[derive(Debug, Clone, PartialEq)]
pub enum Yaml {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// A number with a fraction, and how it was written.
    Float(f64, String),
    /// Everything else.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file; keys are unique.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// The value of `key`, where this is a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, value)| value)
    }

    /// Key and value of `key`, where this is a mapping.
    pub fn entry(&self, key: &str) -> Option<&(Node, Node)> {
        self.map()?.iter().find(|(name, _)| matches!(&name.value, Yaml::Text(text) if text == key))
    }

    /// The entries, where this is a mapping.
    pub fn map(&self) -> Option<&[(Node, Node)]> {
        if let Yaml::Map(entries) = &self.value { Some(entries) } else { None }
    }

    /// The text, where this is one.
    pub fn text(&self) -> Option<&str> {
        if let Yaml::Text(text) = &self.value { Some(text) } else { None }
    }

    /// A scalar as it would stand in a log: numbers and booleans are text too. `None` for null, lists and mappings.
    pub fn scalar(&self) -> Option<Cow<'_, str>> {
        match &self.value {
            Yaml::Text(text) | Yaml::Float(_, text) => Some(Cow::Borrowed(text)),
            Yaml::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
            Yaml::Int(value) => Some(Cow::Owned(value.to_string())),
            Yaml::Null | Yaml::List(_) | Yaml::Map(_) => None,
        }
    }

    /// What it is, for messages.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Yaml::Null => "null",
            Yaml::Bool(_) => "a boolean",
            Yaml::Int(_) | Yaml::Float(..) => "a number",
            Yaml::Text(_) => "text",
            Yaml::List(_) => "a list",
            Yaml::Map(_) => "a mapping",
        }
    }

    /// Nodes, bytes of text and levels in here.
    fn weight(&self) -> Weight {
        let own = |bytes| Weight { nodes: 1, bytes, levels: 1 };
        let add = |sum: Weight, of: &Node| {
            let more = of.weight();
            let levels = sum.levels.max(more.levels + 1);
            Weight { nodes: sum.nodes + more.nodes, bytes: sum.bytes + more.bytes, levels }
        };
        match &self.value {
            Yaml::Text(text) | Yaml::Float(_, text) => own(text.len()),
            Yaml::List(items) => items.iter().fold(own(0), add),
            Yaml::Map(entries) => entries.iter().fold(own(0), |sum, (key, value)| add(add(sum, key), value)),
            Yaml::Null | Yaml::Bool(_) | Yaml::Int(_) => own(0),
        }
    }
}

struct Weight {
    nodes: usize,
    bytes: usize,
    levels: usize,
}

/// The documents of a file, each read or refused on its own. Empty documents are left out.
pub(crate) fn read(bytes: &[u8]) -> Vec<Result<Node, Fault>> {
    let start = Place { line: 1, column: 1 };
    if bytes.len() > FILE {
        let message = format!("the file has {} bytes, at most {FILE} are read", bytes.len());
        return vec![Err(Fault::new(start, Code::Unreadable, message, "split it"))];
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let line = 1 + memchr::memchr_iter(b'\n', &bytes[..error.valid_up_to()]).count();
            let place = Place { line: u32::try_from(line).unwrap_or(u32::MAX), column: 1 };
            return vec![Err(Fault::new(place, Code::Unreadable, "the file is not UTF-8", "save it as UTF-8"))];
        }
    };
    let mut documents = Vec::new();
    for (line, part) in parts(text) {
        Reader::new(part, line).documents(&mut documents);
    }
    documents
}

/// The text cut before each line that begins with `---`, which ends a document whatever stands before it; with the
/// number of lines before the cut.
fn parts(text: &str) -> Vec<(usize, &str)> {
    let mut parts = Vec::new();
    let (mut begin, mut first, mut at) = (0, 0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let marker = line.strip_prefix("---").is_some_and(|rest| rest.chars().next().is_none_or(char::is_whitespace));
        if marker && at > begin {
            parts.push((first, &text[begin..at]));
            (begin, first) = (at, number);
        }
        at += line.len();
    }
    parts.push((first, &text[begin..]));
    parts
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    /// Lines before this part of the file.
    line: usize,
    nodes: usize,
    copied: usize,
    /// Finished nodes that have an anchor.
    anchors: Vec<(usize, Node)>,
}

enum Open {
    List(Place, usize, Vec<Node>),
    Map(Place, usize, Vec<(Node, Node)>, Option<Node>),
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, line: usize) -> Self {
        Self { parser: Parser::new_from_str(text), line, nodes: 0, copied: 0, anchors: Vec::new() }
    }

    fn place(&self, marker: &Marker) -> Place {
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        Place { line: number(self.line + marker.line()), column: number(marker.col() + 1) }
    }

    fn documents(mut self, found: &mut Vec<Result<Node, Fault>>) {
        loop {
            match self.document() {
                Ok(None) => return,
                Ok(Some(node)) if node.value == Yaml::Null => {}
                Ok(Some(node)) => found.push(Ok(node)),
                Err(fault) => return found.push(Err(fault)),
            }
        }
    }

    /// The next document; `None` at the end.
    fn document(&mut self) -> Result<Option<Node>, Fault> {
        (self.nodes, self.copied) = (0, 0);
        self.anchors.clear();
        let mut open: Vec<Open> = Vec::new();
        loop {
            let (event, span) = match self.parser.next_event() {
                None => return Ok(None),
                Some(Ok(event)) => event,
                Some(Err(error)) => {
                    let help = "quote texts that hold any of : # ' \" [ ] { } % @ ` or begin with * & ! | > - ?";
                    return Err(Fault::new(self.place(error.marker()), Code::Yaml, error.info(), help));
                }
            };
            let place = self.place(&span.start);
            let mut done = match event {
                Event::StreamEnd => return Ok(None),
                Event::Scalar(text, style, anchor, tag) => {
                    self.count(place, 1)?;
                    self.keep(anchor, Node { place, value: scalar(text, style, tag.as_deref()) })
                }
                Event::Alias(anchor) => self.alias(place, anchor, open.len())?,
                Event::SequenceStart(anchor, _) => {
                    self.deepen(place, &mut open, Open::List(place, anchor, Vec::new()))?;
                    continue;
                }
                Event::MappingStart(anchor, _) => {
                    self.deepen(place, &mut open, Open::Map(place, anchor, Vec::new(), None))?;
                    continue;
                }
                Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                    Some(Open::List(place, anchor, items)) => {
                        self.keep(anchor, Node { place, value: Yaml::List(items) })
                    }
                    Some(Open::Map(place, anchor, entries, _)) => {
                        unique(&entries)?;
                        self.keep(anchor, Node { place, value: Yaml::Map(entries) })
                    }
                    None => continue,
                },
                Event::Nothing | Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd => continue,
            };
            match open.last_mut() {
                None => return Ok(Some(done)),
                Some(Open::List(_, _, items)) => items.push(done),
                Some(Open::Map(_, _, entries, key)) => match key.take() {
                    Some(name) => entries.push((name, done)),
                    None => {
                        // A key is text, however it looks: `1:` and `true:` are names.
                        if let Some(text) = done.scalar().map(Cow::into_owned) {
                            done.value = Yaml::Text(text);
                        }
                        *key = Some(done);
                    }
                },
            }
        }
    }

    fn count(&mut self, place: Place, nodes: usize) -> Result<(), Fault> {
        self.nodes += nodes;
        if self.nodes <= NODES && self.copied <= COPIES {
            return Ok(());
        }
        let message = format!("the document has more than {NODES} values or {COPIES} bytes of copies by alias");
        Err(Fault::new(place, Code::YamlLimit, message, "write fewer aliases, or split the document"))
    }

    fn deepen(&mut self, place: Place, open: &mut Vec<Open>, start: Open) -> Result<(), Fault> {
        self.count(place, 1)?;
        if open.len() == DEPTH {
            return Err(too_deep(place));
        }
        open.push(start);
        Ok(())
    }

    fn keep(&mut self, anchor: usize, node: Node) -> Node {
        if anchor != 0 {
            // What an anchor keeps is a copy too.
            let weight = node.weight();
            (self.nodes, self.copied) = (self.nodes + weight.nodes, self.copied + weight.bytes);
            self.anchors.push((anchor, node.clone()));
        }
        node
    }

    fn alias(&mut self, place: Place, anchor: usize, level: usize) -> Result<Node, Fault> {
        let Some(at) = self.anchors.iter().rposition(|(id, _)| *id == anchor) else {
            return Err(Fault::new(place, Code::Yaml, "an alias stands inside its own anchor", "write the value out"));
        };
        let weight = self.anchors[at].1.weight();
        if level + weight.levels > DEPTH {
            return Err(too_deep(place));
        }
        self.copied += weight.bytes;
        self.count(place, weight.nodes)?;
        Ok(self.anchors[at].1.clone())
    }
}

fn too_deep(place: Place) -> Fault {
    let message = format!("the document is nested more than {DEPTH} levels deep");
    Fault::new(place, Code::YamlLimit, message, "no Sigma rule needs this")
}

fn unique(entries: &[(Node, Node)]) -> Result<(), Fault> {
    let mut names: Vec<(&str, Place)> = Vec::with_capacity(entries.len());
    for (key, _) in entries {
        let Some(name) = key.text() else {
            let message = format!("a key is {}", key.kind());
            return Err(Fault::new(
                key.place,
                Code::Yaml,
                message,
                "keys are text; quote texts that begin with { or [",
            ));
        };
        if name == "<<" {
            let help = "merge keys are not YAML 1.2: write the entries out";
            return Err(Fault::new(key.place, Code::Yaml, "a merge key", help));
        }
        names.push((name, key.place));
    }
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        None => Ok(()),
        Some(pair) => {
            let message = format!("the key {:?} stands twice, first in line {}", pair[1].0, pair[0].1.line);
            let help = "the second would silently replace the first: merge their values, or use a list of mappings";
            Err(Fault::new(pair[1].1, Code::DuplicateKey, message, help))
        }
    }
}

fn scalar(text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>) -> Yaml {
    let as_text = style != ScalarStyle::Plain || tag.is_some_and(|tag| tag.suffix == "str");
    if as_text {
        return Yaml::Text(text.into_owned());
    }
    match &*text {
        "" | "~" | "null" | "Null" | "NULL" => return Yaml::Null,
        "true" | "True" | "TRUE" => return Yaml::Bool(true),
        "false" | "False" | "FALSE" => return Yaml::Bool(false),
        _ => {}
    }
    number(&text).unwrap_or_else(|| Yaml::Text(text.into_owned()))
}

/// Numbers that read the same in YAML 1.1 and 1.2. `010` is octal in one and decimal in the other: it stays text.
fn number(text: &str) -> Option<Yaml> {
    if let Some(digits) = text.strip_prefix("0x") {
        let hexadecimal = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        return hexadecimal.then(|| i128::from_str_radix(digits, 16).ok().map(Yaml::Int)).flatten();
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let first = digits.bytes().next()?;
    if !(first.is_ascii_digit() || first == b'.') || (first == b'0' && digits.len() > 1 && !digits.starts_with("0.")) {
        return None;
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Yaml::Int);
    }
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    let value: f64 =
        if plain && digits.bytes().any(|byte| byte.is_ascii_digit()) { text.parse().ok()? } else { return None };
    value.is_finite().then(|| Yaml::Float(value, text.to_owned()))
}
