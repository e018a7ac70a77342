//! Records of other formats inside syslog and the journal: unwrapped, put together again, handed to the format within.
//!
//! The server cuts a record into messages and other processes write between them, so the pieces of a record are found by
//! their process. A record is whole when its process begins the next one, when so many other messages came between, or
//! when it is quiet. Records are given in the order of their first pieces, and the way stops at the first that is not
//! whole; pieces behind that place which belong to records given before are marked, so that they are not read twice.
//!
//! An event stands where its first piece stands. All of them are [`Trust::Forgeable`]: every process of the host may
//! write to the log under any name.

use crate::account::{Account, Lines, line_length, place};
use crate::pgbouncer::Pgbouncer;
use crate::postgres::Verdict;
use crate::samba::Samba;
use crate::server_audit::ServerAudit;
use crate::stderr::Stderr;
use crate::times::utc;
use crate::{Chunk, DecodeOptions, Decoded, Decoder, Edge, FORMATS, Format, Tally};
use kuzet_event::{Event, Place, Timestamp, Trust};
use smallvec::SmallVec;
use std::borrow::Cow;

/// Messages between two pieces of one record, at most.
const BETWEEN: usize = 64;
/// Records that are open at once; the one open for longest is taken as whole.
const OPEN: usize = 64;
/// Pieces of one record. The server makes them 900 bytes long.
const PIECES: usize = 2048;
/// Marks kept. Pieces beyond them are lost.
const MARKS: usize = 400;
/// Bytes of a snapshot.
const SNAPSHOT: usize = 64 << 10;
/// A day, by which a hint about the year may be behind.
const DAY: i64 = 86_400_000_000;

/// When a message was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stamp {
    /// Known.
    At(Timestamp),
    /// Month, day and second of the day; neither year nor zone.
    Yearless(u8, u8, u32),
}

/// One message out of its envelope.
pub(crate) struct Envelope<'a> {
    pub(crate) stamp: Stamp,
    /// Name of the program.
    pub(crate) ident: Cow<'a, [u8]>,
    pub(crate) pid: Option<u32>,
    /// Hash of host, program and process: who wrote it.
    pub(crate) writer: u64,
    pub(crate) text: Cow<'a, [u8]>,
}

/// What a line of the log is.
enum Role {
    /// Piece of a record that was given before.
    Marked,
    /// Not understood, or a record of its own.
    Alone,
    /// First piece of a record; the lines of the others; whether it may go on.
    First(SmallVec<[usize; 4]>, bool),
    /// Another piece.
    Piece,
}

/// A line of the log.
struct Line<'a> {
    start: usize,
    length: usize,
    at: Option<Timestamp>,
    envelope: Option<Envelope<'a>>,
    role: Role,
    /// Piece of a record that was given, and was lost.
    lost: bool,
    given: bool,
}

/// Decoder of a log whose lines are envelopes.
pub(crate) struct Enveloped {
    parse: fn(&[u8]) -> Option<Envelope<'_>>,
    zone: i64,
    /// Nothing in the log is later than this, give or take a day.
    latest: Option<Timestamp>,
    /// Stamp of the last message consumed.
    last: Option<Timestamp>,
    /// Offsets of marked lines, and whether their records were lost.
    marks: Vec<(u64, bool)>,
    lines: Lines,
    inner: Inner,
    text: Vec<u8>,
}

impl Enveloped {
    pub(crate) fn new(options: &DecodeOptions, parse: fn(&[u8]) -> Option<Envelope<'_>>) -> Enveloped {
        Enveloped {
            parse,
            zone: i64::from(options.timezone),
            latest: options.latest,
            last: None,
            marks: Vec::new(),
            lines: Lines::default(),
            inner: Inner::new(options),
            text: Vec::new(),
        }
    }

    /// Every whole line from `start` on.
    fn read<'a>(&self, chunk: &Chunk<'a>, start: usize) -> Vec<Line<'a>> {
        let mut lines = Vec::new();
        let (mut start, mut last) = (start, self.last);
        while start < chunk.bytes.len() {
            let rest = &chunk.bytes[start..];
            let length = match line_length(rest) {
                Some(length) => length,
                None if chunk.edge == Edge::End => rest.len(),
                None => break,
            };
            let envelope = (self.parse)(rest[..length].trim_ascii_end());
            let at = envelope.as_ref().and_then(|envelope| self.time(envelope.stamp, last));
            last = at.or(last);
            lines.push(Line { start, length, at, envelope, role: Role::Alone, lost: false, given: false });
            start += length;
        }
        lines
    }

    /// A stamp without a year takes the one that brings it nearest to the message before; the first one the latest that
    /// is not beyond the hint. Without either nothing is known.
    fn time(&self, stamp: Stamp, last: Option<Timestamp>) -> Option<Timestamp> {
        let (month, day, second) = match stamp {
            Stamp::At(at) => return Some(at),
            Stamp::Yearless(month, day, second) => (i64::from(month), i64::from(day), i64::from(second)),
        };
        let near = last.or(self.latest)?;
        let year = near.civil(0).0.clamp(1, 9998);
        let stamps = [year + 1, year, year - 1]
            .map(|year| Timestamp((utc(year, month, day, second) - self.zone).saturating_mul(1_000_000)));
        match last {
            Some(last) => stamps.into_iter().min_by_key(|at| at.0.abs_diff(last.0)),
            None => stamps.into_iter().find(|at| at.0 <= near.0.saturating_add(DAY)),
        }
    }

    /// Finds out which lines belong together.
    fn group(&self, lines: &mut [Line<'_>], offset: u64) {
        /// A record that may go on.
        struct Open {
            writer: u64,
            first: usize,
            last: usize,
        }
        let mut open: Vec<Open> = Vec::new();
        let close = |lines: &mut [Line<'_>], first: usize| {
            if let Role::First(_, open) = &mut lines[first].role {
                *open = false;
            }
        };
        for index in 0..lines.len() {
            while let Some(place) = open.iter().position(|record| record.last + BETWEEN < index) {
                close(lines, open.remove(place).first);
            }
            let line = &lines[index];
            let at = offset + line.start as u64;
            if let Ok(mark) = self.marks.binary_search_by_key(&at, |mark| mark.0) {
                (lines[index].role, lines[index].lost) = (Role::Marked, self.marks[mark].1);
                continue;
            }
            let Some(envelope) = &line.envelope else { continue };
            let writer = envelope.writer;
            let known = open.iter().position(|record| record.writer == writer);
            match self.inner.part(envelope, known.is_some()) {
                Part::Whole => {}
                Part::Next => {
                    let Some(record) = known.map(|place| &mut open[place]) else { continue };
                    if let Role::First(pieces, _) = &mut lines[record.first].role
                        && pieces.len() < PIECES
                    {
                        pieces.push(index);
                        record.last = index;
                        lines[index].role = Role::Piece;
                    }
                }
                Part::First => {
                    if let Some(place) = known {
                        close(lines, open.remove(place).first);
                    } else if open.len() == OPEN {
                        close(lines, open.remove(0).first);
                    }
                    open.push(Open { writer, first: index, last: index });
                    lines[index].role = Role::First(SmallVec::new(), true);
                }
            }
        }
    }

    /// Gives records up to the first that is not whole; with `all`, every one. Gives how many lines that were.
    fn give(
        &mut self,
        chunk: &Chunk<'_>,
        lines: &mut [Line<'_>],
        all: bool,
        account: &mut Account,
        events: &mut Vec<Event>,
    ) -> usize {
        for index in 0..lines.len() {
            let length = lines[index].length;
            let place = place(chunk, lines[index].start, length);
            match &lines[index].role {
                Role::Marked | Role::Piece => {
                    if lines[index].lost {
                        account.skip(length);
                    } else {
                        account.consumed += length;
                    }
                }
                Role::First(_, true) if !all => return index,
                Role::Alone => {
                    let verdict = match (&lines[index].envelope, lines[index].at) {
                        (Some(envelope), Some(at)) => self.inner.alone(envelope, at, place, events),
                        _ => Verdict::Lost,
                    };
                    account.record(length, verdict);
                }
                Role::First(pieces, _) => {
                    let pieces = pieces.clone();
                    let verdict = self.joined(lines, index, &pieces, place, events);
                    for piece in pieces {
                        (lines[piece].given, lines[piece].lost) = (true, verdict == Verdict::Lost);
                    }
                    account.record(length, verdict);
                }
            }
            self.last = lines[index].at.or(self.last);
        }
        lines.len()
    }

    /// The record whose first piece is line `first`.
    fn joined(
        &mut self,
        lines: &[Line<'_>],
        first: usize,
        pieces: &[usize],
        place: Place,
        events: &mut Vec<Event>,
    ) -> Verdict {
        let (Some(envelope), Some(at)) = (&lines[first].envelope, lines[first].at) else { return Verdict::Lost };
        self.text.clear();
        self.text.shrink_to(64 << 10);
        self.text.extend_from_slice(numbered(&envelope.text).1);
        for piece in pieces.iter().filter_map(|piece| lines[*piece].envelope.as_ref()) {
            let text = numbered(&piece.text).1;
            // A line of the server's own; else the text was cut inside a line.
            if self.inner.stderr.goes_on(text) {
                self.text.push(b'\n');
            }
            self.text.extend_from_slice(text);
        }
        self.inner.postgres(&self.text, (at, envelope.pid), place, events)
    }
}

impl Decoder for Enveloped {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let mut account = Account::default();
        self.lines.skip(chunk, &mut account);
        let mut lines = self.read(&chunk, account.consumed);
        let end = lines.last().map_or(account.consumed, |line| line.start + line.length);
        self.group(&mut lines, chunk.offset);
        let whole = end == chunk.bytes.len();
        let all = chunk.edge == Edge::End || (chunk.edge == Edge::Quiet && whole);
        let mut stop = self.give(&chunk, &mut lines, all, &mut account, events);
        if chunk.edge == Edge::Full && account.consumed == 0 && !chunk.bytes.is_empty() {
            if lines.is_empty() {
                self.lines.cut(chunk.bytes.len(), &mut account);
            } else {
                stop = self.give(&chunk, &mut lines, true, &mut account, events);
            }
        }
        let left = &lines[stop..];
        let mark = |line: &Line<'_>| (chunk.offset + line.start as u64, line.lost);
        self.marks.clear();
        let marked = left.iter().filter(|line| line.given || matches!(line.role, Role::Marked));
        self.marks.extend(marked.map(mark).take(MARKS));
        account.decoded()
    }

    fn snapshot(&self) -> Vec<u8> {
        let mut out = vec![u8::from(!self.lines.snapshot().is_empty())];
        out.extend_from_slice(&self.last.map_or(i64::MIN, |last| last.0).to_le_bytes());
        out.extend_from_slice(&(self.marks.len() as u16).to_le_bytes());
        for (offset, lost) in &self.marks {
            out.extend_from_slice(&(offset << 1 | u64::from(*lost)).to_le_bytes());
        }
        self.inner.snapshot(&mut out);
        out
    }

    fn restore(&mut self, snapshot: &[u8]) {
        let [skipping, rest @ ..] = snapshot else { return };
        let Some((last, rest)) = rest.split_first_chunk::<8>() else { return };
        let Some((count, rest)) = rest.split_first_chunk::<2>() else { return };
        let count = usize::from(u16::from_le_bytes(*count)).min(MARKS);
        let Some((marks, rest)) = rest.split_at_checked(count * 8) else { return };
        self.lines.restore(&[*skipping]);
        let last = i64::from_le_bytes(*last);
        self.last = (last != i64::MIN).then_some(Timestamp(last));
        self.marks = marks
            .as_chunks::<8>()
            .0
            .iter()
            .map(|mark| u64::from_le_bytes(*mark))
            .map(|mark| (mark >> 1, mark & 1 == 1))
            .collect();
        self.marks.sort_unstable();
        self.inner.restore(rest);
    }
}

/// Which part of a record a message is.
enum Part {
    /// A whole one, or of no interest.
    Whole,
    First,
    /// One that goes on with what its writer began.
    Next,
}

/// The formats within.
struct Inner {
    options: DecodeOptions,
    stderr: Stderr,
    server_audit: ServerAudit,
    pgbouncer: Pgbouncer,
    samba: Samba,
    others: Vec<(Format, Box<dyn Decoder>)>,
}

impl Inner {
    fn new(options: &DecodeOptions) -> Inner {
        Inner {
            options: options.clone(),
            stderr: Stderr::enveloped(options),
            server_audit: ServerAudit::new(options),
            pgbouncer: Pgbouncer::new(options),
            samba: Samba::new(options),
            others: Vec::new(),
        }
    }

    /// Only PostgreSQL's plain text comes in parts.
    fn part(&self, envelope: &Envelope<'_>, open: bool) -> Part {
        let text = envelope.text.as_ref();
        let (number, bare) = numbered(text);
        let named = memchr::memmem::find(&envelope.ident, b"postgres").is_some();
        if within(text).is_some() || !(open || named || crate::stderr::recognises(bare)) {
            return Part::Whole;
        }
        let next = match number {
            // `[record-part]`: what the text says does not matter.
            Number::Both(part) => part > 1,
            Number::One(part) => part > 1 && !self.stderr.begins(bare),
            Number::None => open && self.stderr.goes_on(bare),
        };
        match next {
            true => Part::Next,
            false if named || self.stderr.begins(bare) => Part::First,
            false => Part::Whole,
        }
    }

    fn postgres(
        &mut self,
        text: &[u8],
        outside: (Timestamp, Option<u32>),
        place: Place,
        events: &mut Vec<Event>,
    ) -> Verdict {
        let before = events.len();
        let verdict = self.stderr.wrapped(text, outside, place, events);
        settle(&mut events[before..], place);
        verdict
    }

    /// A message that is a record of its own.
    fn alone(&mut self, envelope: &Envelope<'_>, at: Timestamp, place: Place, events: &mut Vec<Event>) -> Verdict {
        let before = events.len();
        let text = envelope.text.as_ref();
        let named = |name: &[u8]| memchr::memmem::find(&envelope.ident, name).is_some();
        let verdict = match within(text) {
            Some(format) => self.other(format, text, place, events),
            None if named(b"server_audit") => self.server_audit.wrapped(text, at, place, events),
            None if named(b"pgbouncer") => self.pgbouncer.message(text, at, place, events),
            None if named(b"smbd_audit") => self.samba.wrapped(text, at, place, events),
            // A part whose record is gone.
            None if named(b"postgres") => Verdict::Lost,
            None => Verdict::Suppressed,
        };
        settle(&mut events[before..], place);
        verdict
    }

    /// A message in a format that tells its own time.
    fn other(&mut self, format: Format, text: &[u8], place: Place, events: &mut Vec<Event>) -> Verdict {
        let index = match self.others.iter().position(|(known, _)| *known == format) {
            Some(index) => index,
            None => {
                self.others.push((format, format.decoder(&self.options)));
                self.others.len() - 1
            }
        };
        let Place { source, file, .. } = place;
        let chunk = Chunk { source, file, offset: 0, bytes: text, edge: Edge::End };
        match self.others[index].1.decode(chunk, events).tally {
            Tally { handled: 1.., .. } => Verdict::Handled,
            Tally { suppressed: 1.., lost: 0, .. } => Verdict::Suppressed,
            _ => Verdict::Lost,
        }
    }

    /// States of the formats within, as many as fit.
    fn snapshot(&self, out: &mut Vec<u8>) {
        let place = |format: Format| FORMATS.iter().position(|info| info.format == format).unwrap_or(0);
        let states = [(u8::MAX, self.stderr.snapshot()), (place(Format::SambaFullAudit) as u8, self.samba.snapshot())]
            .into_iter()
            .chain(self.others.iter().map(|(format, decoder)| (place(*format) as u8, decoder.snapshot())));
        for (format, state) in states {
            if out.len() + 3 + state.len() <= SNAPSHOT {
                out.push(format);
                out.extend_from_slice(&(state.len() as u16).to_le_bytes());
                out.extend_from_slice(&state);
            }
        }
    }

    fn restore(&mut self, mut rest: &[u8]) {
        while let [format, low, high, behind @ ..] = rest {
            let length = usize::from(u16::from_le_bytes([*low, *high]));
            let Some((state, behind)) = behind.split_at_checked(length) else { return };
            rest = behind;
            if *format == u8::MAX {
                self.stderr.restore(state);
            } else if FORMATS.get(usize::from(*format)).is_some_and(|info| info.format == Format::SambaFullAudit) {
                self.samba.restore(state);
            } else if let Some(info) = FORMATS.get(usize::from(*format)).filter(|info| info.nests) {
                let mut decoder = info.format.decoder(&self.options);
                decoder.restore(state);
                self.others.retain(|(known, _)| *known != info.format);
                self.others.push((info.format, decoder));
            }
        }
    }
}

/// The format of a message that tells its own time, if one is recognised.
fn within(text: &[u8]) -> Option<Format> {
    FORMATS.iter().find(|info| info.nests && (info.recognises)(text)).map(|info| info.format)
}

/// An event stands where its envelope stands, and cannot be trusted more than it.
fn settle(events: &mut [Event], place: Place) {
    for event in events {
        (event.place, event.trust) = (place, Trust::Forgeable);
    }
}

/// What PostgreSQL writes before a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    /// Nothing: `syslog_split_messages` is off.
    None,
    /// `[part] `: `syslog_sequence_numbers` is off.
    One(u32),
    /// `[record-part] `: the part.
    Both(u32),
}

/// The number before a message, and the text behind it.
fn numbered(text: &[u8]) -> (Number, &[u8]) {
    let number = |digits: &[u8]| -> Option<u32> { std::str::from_utf8(digits).ok()?.parse().ok() };
    let bare = text.trim_ascii_start();
    let read = || {
        let close = memchr::memmem::find(&bare[..bare.len().min(32)], b"] ")?;
        let inside = bare[..close].strip_prefix(b"[")?;
        let number = match memchr::memchr(b'-', inside) {
            Some(dash) => number(&inside[..dash]).and(number(&inside[dash + 1..])).map(Number::Both)?,
            None => Number::One(number(inside)?),
        };
        Some((number, &bare[close + 2..]))
    };
    read().unwrap_or((Number::None, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_messages() {
        assert_eq!(numbered(b"[5-12]  FROM t"), (Number::Both(12), &b" FROM t"[..]));
        assert_eq!(numbered(b" [3] \tx"), (Number::One(3), &b"\tx"[..]));
        assert_eq!(numbered(b"[unknown]@[unknown] LOG:  x").0, Number::None);
        assert_eq!(numbered(b"\t[1] x").0, Number::One(1));
    }

    #[test]
    fn years() {
        let mut options = DecodeOptions::new(kuzet_personal::Key::new([1; 32]));
        let show = |decoder: &Enveloped, stamp, last| decoder.time(stamp, last).map(|at: Timestamp| at.to_string());
        let new_year = Stamp::Yearless(1, 1, 5);
        let december = Stamp::Yearless(12, 31, 86_399);
        assert_eq!(show(&Enveloped::new(&options, |_| None), new_year, None), None);
        options.latest = Some(Timestamp(utc(2027, 1, 2, 0) * 1_000_000));
        let decoder = Enveloped::new(&options, |_| None);
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(show(&decoder, december, None), text("2026-12-31T23:59:59.000000Z"));
        let last = decoder.time(december, None);
        assert_eq!(show(&decoder, new_year, last), text("2027-01-01T00:00:05.000000Z"));
        // A step back over the new year as well.
        assert_eq!(show(&decoder, december, decoder.time(new_year, last)), text("2026-12-31T23:59:59.000000Z"));
        // The hint is the end of the log: February was this year's, not the next one's.
        options.latest = Some(Timestamp(utc(2026, 11, 22, 0) * 1_000_000));
        let decoder = Enveloped::new(&options, |_| None);
        assert_eq!(show(&decoder, Stamp::Yearless(2, 10, 0), None), text("2026-02-10T00:00:00.000000Z"));
    }
}
