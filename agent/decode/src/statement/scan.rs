//! One pass over a statement: a keyed hash of its literal-free form and where its literals are. Allocates nothing once
//! warm; the tokens themselves are kept only for a shape that is new.
//!
//! What differs between two runs of one shape is folded away: case, white space and comments, the values of literals
//! and parameters, the length of lists of them (`IN (1,2,3)`) and of repeated groups (`VALUES (1,2),(3,4)`). What
//! changes the facts stays in: the number after LIMIT, whether `1=1` compares equal values, and the whole text of
//! statements whose facts are in their literals (settings, roles, function bodies).

use super::class::{self, CLASS};
use kuzet_event::System;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Keyword or unquoted name.
    Word,
    /// Quoted name, quotes included.
    Quoted,
    /// String, number or bound parameter, or a list of them.
    Literal,
    /// One byte of punctuation.
    Op,
}

/// A token of a new shape.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    /// What it is.
    pub(super) kind: Kind,
    /// First byte.
    pub(super) start: u32,
    /// Behind the last byte.
    pub(super) end: u32,
    /// For a literal: its slot.
    pub(super) slot: u32,
}

/// How a literal is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `'…'` with doubled quotes, and backslashes in MariaDB.
    Text,
    /// PostgreSQL `E'…'`.
    Escaped,
    /// PostgreSQL `$tag$…$tag$`.
    Dollar,
    /// Number.
    Number,
    /// `$n` or the n-th `?`.
    Parameter(u32),
    /// NULL, TRUE, FALSE, DEFAULT inside a list.
    Word,
}

/// One literal; several share a slot when they stand in one list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Literal {
    /// First byte of the value, quotes excluded.
    pub(super) start: u32,
    /// Behind the last byte of the value.
    pub(super) end: u32,
    /// Slot.
    pub(super) slot: u32,
    /// How it is written.
    pub(super) form: Form,
}

/// What stood before, as far as folding needs it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Start,
    Literal,
    Comma,
    Open,
    Close,
    Equals,
    Operator,
    Other,
}

/// An open parenthesis and the last group that was closed inside it.
#[derive(Clone, Copy, Default)]
struct Frame {
    before: u64,
    literals: usize,
    slot: u32,
    repeats: bool,
    child: u64,
    child_after: u64,
    child_tokens: usize,
    child_slot: u32,
}

/// Deepest nesting of parentheses that is folded; deeper ones are plain punctuation.
const DEPTH: usize = 256;
/// Tokens kept for a new shape; the rest of a longer statement gives no facts.
const TOKENS: usize = 32_768;

/// Secret constants of the hash: without them nobody can make a statement that takes another one's shape.
#[derive(Clone, Copy)]
pub(crate) struct Seed(pub(crate) u64, pub(crate) u64);

/// Result and working memory of a pass.
pub(crate) struct Scan {
    system: System,
    seed: Seed,
    hash: u64,
    last: Last,
    before_last: Last,
    after_literal: u64,
    slot: u32,
    questions: u32,
    frames: Vec<Frame>,
    root: Frame,
    wants_limit: bool,
    statement_start: bool,
    executable: bool,
    /// Literals in order.
    pub(super) literals: Vec<Literal>,
    /// Tokens, when asked for.
    pub(super) tokens: Vec<Token>,
    /// The shape depends on the values of literals.
    pub(super) bound: bool,
    /// A string or comment had no end.
    pub(super) unterminated: bool,
    /// Ends in a comment that cuts the rest of a statement.
    pub(super) comment_cut: bool,
    /// `/*!40001 SQL_NO_CACHE */` or `/*!32311 LOCAL */`: written by a dump program.
    pub(super) dump: bool,
}

#[inline]
fn mix(hash: u64, value: u64, multiplier: u64) -> u64 {
    let product = u128::from(hash ^ value) * u128::from(multiplier);
    (product as u64) ^ ((product >> 64) as u64)
}

/// Hash of a whole text under `seed`.
pub(super) fn hash_text(text: &[u8], seed: Seed) -> u64 {
    let mut hash = seed.0 ^ (text.len() as u64);
    let (chunks, rest) = text.as_chunks::<8>();
    for chunk in chunks {
        hash = mix(hash, u64::from_le_bytes(*chunk), seed.1);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(mix(hash, u64::from_le_bytes(last), seed.1), seed.0, seed.1)
}

impl Scan {
    pub(crate) fn new(system: System, seed: Seed) -> Scan {
        Scan {
            system,
            seed: Seed(seed.0, seed.1 | 1),
            hash: 0,
            last: Last::Start,
            before_last: Last::Start,
            after_literal: 0,
            slot: 0,
            questions: 0,
            frames: Vec::new(),
            root: Frame::default(),
            wants_limit: false,
            statement_start: true,
            executable: false,
            literals: Vec::new(),
            tokens: Vec::new(),
            bound: false,
            unterminated: false,
            comment_cut: false,
            dump: false,
        }
    }

    fn reset(&mut self) {
        self.hash = self.seed.0;
        (self.last, self.before_last) = (Last::Start, Last::Start);
        (self.slot, self.questions) = (0, 0);
        self.frames.clear();
        self.root = Frame::default();
        (self.wants_limit, self.statement_start, self.executable) = (false, true, false);
        (self.bound, self.unterminated, self.comment_cut, self.dump) = (false, false, false, false);
        self.tokens.clear();
        self.literals.clear();
        if self.literals.capacity() > 16 << 10 {
            self.literals.shrink_to(1 << 10);
        }
        if self.tokens.capacity() > 16 << 10 {
            self.tokens.shrink_to(1 << 10);
        }
    }

    /// Scans `text`; gives the keyed hash of its shape. With `KEEP`, fills `tokens`.
    pub(super) fn run<const KEEP: bool>(&mut self, text: &[u8]) -> u64 {
        self.reset();
        let mut at = 0;
        while let Some(&byte) = text.get(at) {
            at = match CLASS[usize::from(byte)] {
                class::SPACE => at + 1,
                class::WORD => self.word::<KEEP>(text, at),
                class::DIGIT => self.number::<KEEP>(text, at),
                class::QUOTE => self.string::<KEEP>(text, at, byte, Form::Text),
                _ => self.other::<KEEP>(text, at, byte),
            };
        }
        let mut hash = self.hash;
        while let Some(frame) = self.frames.pop() {
            hash = mix(frame.before, hash, self.seed.1);
        }
        let marks = u64::from(self.unterminated) | u64::from(self.comment_cut) << 1;
        hash = mix(hash, marks | 0x5A00, self.seed.1);
        if self.bound { hash ^ hash_text(text, self.seed) } else { hash }
    }

    #[inline]
    fn keep<const KEEP: bool>(&mut self, kind: Kind, start: usize, end: usize) {
        if KEEP && self.tokens.len() < TOKENS {
            self.tokens.push(Token { kind, start: start as u32, end: end as u32, slot: self.slot });
        }
    }

    #[inline]
    fn step(&mut self, last: Last) {
        self.before_last = self.last;
        self.last = last;
    }

    fn word<const KEEP: bool>(&mut self, text: &[u8], start: usize) -> usize {
        let mut end = start + 1;
        while text.get(end).is_some_and(|byte| class::PART[usize::from(*byte)]) {
            end += 1;
        }
        let word = &text[start..end];
        if word.len() == 1 && text.get(end) == Some(&b'\'') && matches!(word[0] | 0x20, b'e' | b'n' | b'b' | b'x') {
            let form = if word[0] | 0x20 == b'e' { Form::Escaped } else { Form::Text };
            return self.string::<KEEP>(text, end, b'\'', form);
        }
        let multiplier = self.seed.1.wrapping_add((word.len() as u64) << 1);
        let mut hash = self.hash;
        let mut first = 0;
        for (index, chunk) in word.chunks(8).enumerate() {
            let folded = class::fold(chunk);
            if index == 0 {
                first = folded;
            }
            hash = mix(hash, folded, multiplier);
        }
        if matches!(self.last, Last::Comma | Last::Open) && class::is_constant(first, word.len()) {
            self.literal::<KEEP>(text, start, end, start, end, Form::Word);
            return end;
        }
        self.hash = hash;
        self.keep::<KEEP>(Kind::Word, start, end);
        self.notice(word, first);
        self.step(Last::Other);
        end
    }

    /// Words after which literals matter.
    #[inline]
    fn notice(&mut self, word: &[u8], first: u64) {
        self.wants_limit = class::is_limit(first, word.len());
        if self.statement_start {
            self.statement_start = false;
            self.bound |= class::binds_at_start(first, word.len());
        }
        if word.len() >= 6 {
            self.bound |= class::binds_anywhere(first, word);
        }
        if self.executable && class::is_dump_hint(first, word) {
            self.dump = true;
        }
    }

    fn number<const KEEP: bool>(&mut self, text: &[u8], start: usize) -> usize {
        let mut end = start + usize::from(text[start] == b'-');
        let digits = |mut at: usize| {
            while text.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            at
        };
        if text[end] == b'0' && text.get(end + 1).is_some_and(|byte| byte | 0x20 == b'x') {
            end += 2;
            while text.get(end).is_some_and(u8::is_ascii_hexdigit) {
                end += 1;
            }
        } else {
            end = digits(end);
            if text.get(end) == Some(&b'.') {
                end = digits(end + 1);
            }
            if text.get(end).is_some_and(|byte| byte | 0x20 == b'e') {
                let sign = usize::from(text.get(end + 1).is_some_and(|byte| matches!(byte, b'+' | b'-')));
                let behind = digits(end + 1 + sign);
                if behind > end + 1 + sign {
                    end = behind;
                }
            }
        }
        let wants_limit = self.wants_limit;
        self.literal::<KEEP>(text, start, end, start, end, Form::Number);
        if wants_limit {
            // `LIMIT offset, rows`: only the last number bounds anything.
            self.wants_limit = next_is_comma(text, end);
            if !self.wants_limit {
                let digits = class::plain(&text[start..end.min(start + 8)]) ^ ((end - start) as u64) << 60;
                self.hash = mix(self.hash, digits, self.seed.1);
            }
        }
        self.cast(text, end)
    }

    fn string<const KEEP: bool>(&mut self, text: &[u8], start: usize, quote: u8, form: Form) -> usize {
        let is_name = quote == b'`' || (quote == b'"' && self.system == System::Postgresql);
        let escapes = !is_name && (self.system.speaks_mysql() || form == Form::Escaped);
        let mut at = start + 1;
        let inner_end = loop {
            let rest = text.get(at..).unwrap_or_default();
            let found = if escapes { memchr::memchr2(quote, b'\\', rest) } else { memchr::memchr(quote, rest) };
            match found {
                None => {
                    self.unterminated = true;
                    break text.len();
                }
                Some(place) if rest[place] == b'\\' => at += place + 2,
                Some(place) if rest.get(place + 1) == Some(&quote) => at += place + 2,
                Some(place) => break at + place,
            }
        };
        let end = (inner_end + 1).min(text.len());
        if is_name {
            let multiplier = self.seed.1.wrapping_add(((end - start) as u64) << 1);
            for chunk in text[start..end].chunks(8) {
                self.hash = mix(self.hash, class::plain(chunk), multiplier);
            }
            self.keep::<KEEP>(Kind::Quoted, start, end);
            let inner = text.get(start + 1..inner_end).unwrap_or_default();
            self.bound |= inner.len() >= 6 && class::binds_anywhere(class::fold(&inner[..8.min(inner.len())]), inner);
            self.wants_limit = false;
            self.statement_start = false;
            self.step(Last::Other);
            return end;
        }
        self.literal::<KEEP>(text, start, end, start + 1, inner_end.max(start + 1).min(text.len()), form);
        self.cast(text, end)
    }

    /// Skips `::type` behind a literal, so that lists of casts fold as well.
    #[inline]
    fn cast(&self, text: &[u8], at: usize) -> usize {
        if text.get(at) != Some(&b':') || text.get(at + 1) != Some(&b':') {
            return at;
        }
        let mut end = at + 2;
        while text.get(end).is_some_and(|byte| class::PART[usize::from(*byte)] || matches!(byte, b'[' | b']')) {
            end += 1;
        }
        if end == at + 2 { at } else { end }
    }

    fn literal<const KEEP: bool>(&mut self, text: &[u8], start: usize, end: usize, from: usize, to: usize, form: Form) {
        self.wants_limit = false;
        self.statement_start = false;
        let literal = |slot| Literal { start: from as u32, end: to as u32, slot, form };
        let follows = self.last == Last::Comma && self.before_last == Last::Literal;
        if (follows || self.last == Last::Literal) && self.slot > 0 {
            // The list goes on: as if neither the comma nor this value were there.
            self.hash = self.after_literal;
            if KEEP && follows && self.tokens.last().is_some_and(|token| text[token.start as usize] == b',') {
                self.tokens.pop();
            }
            self.literals.push(literal(self.slot - 1));
            self.last = Last::Literal;
            self.before_last = Last::Other;
            return;
        }
        self.hash = mix(self.hash, 0xFF01, self.seed.1);
        if self.last == Last::Equals && self.before_last == Last::Literal && self.equals_last(text, from, to, form) {
            self.hash = mix(self.hash, 0xFF02, self.seed.1);
        }
        self.keep::<KEEP>(Kind::Literal, start, end);
        self.literals.push(literal(self.slot));
        self.slot += 1;
        self.after_literal = self.hash;
        self.step(Last::Literal);
    }

    fn equals_last(&self, text: &[u8], from: usize, to: usize, form: Form) -> bool {
        self.literals.last().is_some_and(|last| {
            !matches!(form, Form::Parameter(_))
                && text.get(last.start as usize..last.end as usize) == text.get(from..to)
        })
    }

    fn other<const KEEP: bool>(&mut self, text: &[u8], at: usize, byte: u8) -> usize {
        let next = text.get(at + 1).copied().unwrap_or(0);
        let maria = self.system.speaks_mysql();
        match byte {
            b'-' if next == b'-' && (!maria || text.get(at + 2).is_none_or(|byte| *byte <= b' ')) => {
                self.line_comment(text, at + 2)
            }
            b'#' if maria => self.line_comment(text, at + 1),
            b'/' if next == b'*' => self.block_comment(text, at),
            b'*' if next == b'/' && self.executable => {
                self.executable = false;
                at + 2
            }
            b'-' | b'.'
                if next.is_ascii_digit()
                    && matches!(self.last, Last::Comma | Last::Open | Last::Equals | Last::Operator) =>
            {
                self.number::<KEEP>(text, at)
            }
            b'$' if !maria => self.dollar::<KEEP>(text, at),
            b'?' if maria => {
                self.questions += 1;
                self.literal::<KEEP>(text, at, at + 1, at, at + 1, Form::Parameter(self.questions));
                at + 1
            }
            b'@' | b'$' if maria => self.word::<KEEP>(text, at),
            b'(' => self.open::<KEEP>(at),
            b')' => self.close::<KEEP>(at),
            _ => self.operator::<KEEP>(at, byte),
        }
    }

    fn operator<const KEEP: bool>(&mut self, at: usize, byte: u8) -> usize {
        self.hash = mix(self.hash, 0xFE00 | u64::from(byte), self.seed.1);
        self.keep::<KEEP>(Kind::Op, at, at + 1);
        self.step(match byte {
            b',' => Last::Comma,
            b'=' if self.last != Last::Operator => Last::Equals,
            b';' | b'.' | b']' => Last::Other,
            b'[' => Last::Open,
            _ => Last::Operator,
        });
        self.statement_start |= byte == b';';
        self.wants_limit &= byte == b',';
        at + 1
    }

    fn dollar<const KEEP: bool>(&mut self, text: &[u8], at: usize) -> usize {
        let mut end = at + 1;
        while text.get(end).is_some_and(u8::is_ascii_digit) {
            end += 1;
        }
        if end > at + 1 {
            let number = std::str::from_utf8(&text[at + 1..end]).ok().and_then(|digits| digits.parse().ok());
            self.literal::<KEEP>(text, at, end, at, end, Form::Parameter(number.unwrap_or(0)));
            return self.cast(text, end);
        }
        while text.get(end).is_some_and(|byte| class::PART[usize::from(*byte)] && *byte != b'$') {
            end += 1;
        }
        if text.get(end) != Some(&b'$') {
            return self.operator::<KEEP>(at, b'$');
        }
        let tag = &text[at..=end];
        let body = end + 1;
        let (inner_end, end) = match memchr::memmem::find(&text[body..], tag) {
            Some(place) => (body + place, body + place + tag.len()),
            None => {
                self.unterminated = true;
                (text.len(), text.len())
            }
        };
        self.literal::<KEEP>(text, at, end, body, inner_end, Form::Dollar);
        end
    }

    fn open<const KEEP: bool>(&mut self, at: usize) -> usize {
        self.keep::<KEEP>(Kind::Op, at, at + 1);
        if self.frames.len() < DEPTH {
            self.frames.push(Frame {
                before: self.hash,
                literals: self.literals.len(),
                slot: self.slot,
                repeats: self.last == Last::Comma && self.before_last == Last::Close,
                ..Frame::default()
            });
            self.hash = self.seed.0 ^ 0x28;
        } else {
            self.hash = mix(self.hash, 0xFE28, self.seed.1);
        }
        self.wants_limit = false;
        self.step(Last::Open);
        at + 1
    }

    fn close<const KEEP: bool>(&mut self, at: usize) -> usize {
        self.keep::<KEEP>(Kind::Op, at, at + 1);
        self.wants_limit = false;
        let group = mix(self.hash, 0xFE29, self.seed.1);
        let Some(frame) = self.frames.pop() else {
            self.hash = group;
            self.step(Last::Close);
            return at + 1;
        };
        let parent = self.frames.last_mut().unwrap_or(&mut self.root);
        if frame.repeats && parent.child == group {
            self.hash = parent.child_after;
            let shift = frame.slot - parent.child_slot;
            for literal in &mut self.literals[frame.literals..] {
                literal.slot -= shift;
            }
            self.slot = frame.slot;
            if KEEP {
                self.tokens.truncate(parent.child_tokens);
            }
        } else {
            self.hash = mix(frame.before, group, self.seed.1);
            parent.child = group;
            parent.child_after = self.hash;
            parent.child_tokens = self.tokens.len();
            parent.child_slot = frame.slot;
        }
        self.last = Last::Close;
        self.before_last = Last::Other;
        at + 1
    }

    fn line_comment(&mut self, text: &[u8], body: usize) -> usize {
        let rest = text.get(body..).unwrap_or_default();
        match memchr::memchr(b'\n', rest) {
            Some(place) => body + place + 1,
            None => {
                self.comment_cut = self.last != Last::Start && cuts(rest);
                text.len()
            }
        }
    }

    fn block_comment(&mut self, text: &[u8], at: usize) -> usize {
        let mut body = at + 2;
        if self.system.speaks_mysql() {
            let mark = body + usize::from(text.get(body).is_some_and(|byte| byte | 0x20 == b'm'));
            if text.get(mark) == Some(&b'!') {
                let mut inner = mark + 1;
                while text.get(inner).is_some_and(u8::is_ascii_digit) {
                    inner += 1;
                }
                self.executable = true;
                self.hash = mix(self.hash, 0xFF03, self.seed.1);
                return inner;
            }
        }
        let mut depth = 1;
        while depth > 0 {
            let rest = text.get(body..).unwrap_or_default();
            let Some(place) = memchr::memchr2(b'*', b'/', rest) else {
                self.unterminated = true;
                return text.len();
            };
            body += place + 1;
            match (rest[place], rest.get(place + 1)) {
                (b'*', Some(b'/')) => (depth, body) = (depth - 1, body + 1),
                (b'/', Some(b'*')) if self.system == System::Postgresql => (depth, body) = (depth + 1, body + 1),
                _ => {}
            }
        }
        body
    }
}

fn next_is_comma(text: &[u8], at: usize) -> bool {
    text.get(at..).unwrap_or_default().iter().find(|byte| **byte > b' ') == Some(&b',')
}

/// Whether the body of a comment looks like the rest of a statement that an injection cut off, not like a remark.
fn cuts(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    let word = body.split(|byte| !byte.is_ascii_alphabetic()).next().unwrap_or_default();
    match body.first() {
        None => true,
        Some(b'\'' | b'"' | b')' | b';' | b'-' | b'+' | b'%') => true,
        Some(_) => [&b"and"[..], b"or", b"limit", b"order"].iter().any(|known| word.eq_ignore_ascii_case(known)),
    }
}
