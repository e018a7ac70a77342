//! The raw log of the Linux audit daemon: records of one serial number put together into one event.
//!
//! ```text
//! type=SYSCALL msg=audit(1795406983.459:10): arch=c000003e syscall=59 success=yes … comm="ls" exe="/usr/bin/ls" key="exec"
//! type=EXECVE msg=audit(1795406983.459:10): argc=2 a0="ls" a1="-la"
//! type=PROCTITLE msg=audit(1795406983.459:10): proctitle=6C73002D6C61
//! ```
//!
//! The kernel ends an event with PROCTITLE; records of other events may stand between. Lines are read until no event is
//! open, or some have waited for too long: then all of them are given, in the order of their first records, and their
//! bytes are done with. An event stands where its first record stands.

mod deed;
mod laurel;
mod record;
mod tell;

use crate::account::{Account, Lines, line_length, place};
use crate::postgres::Verdict;
use crate::{Chunk, DecodeOptions, Decoded, Decoder, Edge};
use kuzet_event::Event;
use record::{Fields, Head, Kind};
use tell::{Record, Teller};

pub(crate) use laurel::{Laurel, recognises as recognises_laurel};

/// Lines and bytes that are read together, at most: what is open then is given as it is.
const LINES: usize = 256;
const BYTES: usize = 256 << 10;
/// Lines of other events between two records of one, and the time by which others may be ahead, in microseconds.
const BETWEEN: usize = 32;
const BEHIND: i64 = 2_000_000;

/// Decoder of one log.
pub(crate) struct LinuxAudit {
    lines: Lines,
    teller: Teller,
}

impl LinuxAudit {
    pub(crate) fn new(options: &DecodeOptions) -> LinuxAudit {
        LinuxAudit { lines: Lines::default(), teller: Teller::new(options) }
    }
}

/// One line.
struct Line<'a> {
    start: usize,
    text: &'a [u8],
    head: Option<Head<'a>>,
}

/// An event that may go on.
struct Open {
    serial: u64,
    at: i64,
    last: usize,
}

/// Lines from the front of `bytes` that belong together, and whether nothing can be missing from them.
fn batch<'a>(bytes: &'a [u8], start: usize, edge: Edge) -> (Vec<Line<'a>>, bool) {
    let (mut lines, mut open, mut at): (Vec<Line<'a>>, Vec<Open>, usize) = (Vec::new(), Vec::new(), start);
    while at < bytes.len() {
        let length = match line_length(&bytes[at..]) {
            Some(length) => length,
            None if edge == Edge::End => bytes.len() - at,
            None => return (lines, false),
        };
        let text = &bytes[at..at + length];
        let head = Head::read(text.trim_ascii_end());
        let number = lines.len();
        if let Some(head) = &head {
            open.retain(|one| head.at.0 - one.at <= BEHIND && number - one.last <= BETWEEN);
            let known = open.iter().position(|one| one.serial == head.serial);
            match (head.kind, known) {
                (Kind::Last, Some(known)) => drop(open.swap_remove(known)),
                (Kind::Alone | Kind::Last, _) => {}
                (Kind::Part, Some(known)) => open[known].last = number,
                (Kind::Part, None) => open.push(Open { serial: head.serial, at: head.at.0, last: number }),
            }
        }
        lines.push(Line { start: at, text, head });
        at += length;
        if open.is_empty() || lines.len() >= LINES || at - start >= BYTES {
            return (lines, true);
        }
    }
    (lines, edge == Edge::End)
}

impl LinuxAudit {
    /// Tells the events of `lines`.
    fn give(&mut self, chunk: &Chunk<'_>, lines: &[Line<'_>], account: &mut Account, events: &mut Vec<Event>) {
        let mut given = vec![false; lines.len()];
        for first in 0..lines.len() {
            if given[first] {
                continue;
            }
            let Some(head) = &lines[first].head else {
                account.record(lines[first].text.len(), Verdict::Lost);
                continue;
            };
            let mut records = Vec::new();
            for (number, line) in lines.iter().enumerate().skip(first) {
                if let Some(own) = line.head.as_ref().filter(|own| own.serial == head.serial && own.at == head.at) {
                    given[number] = true;
                    let line = line.text.trim_ascii_end();
                    records.push(Record { head: *own, fields: Fields::read(own), line });
                }
            }
            let place = place(chunk, lines[first].start, lines[first].text.len());
            let event = self.teller.event(&records, place);
            let verdict = if event.is_some() { Verdict::Handled } else { Verdict::Suppressed };
            events.extend(event);
            for (number, line) in lines.iter().enumerate().skip(first).filter(|(number, _)| given[*number]) {
                if line.head.as_ref().is_some_and(|own| own.serial == head.serial && own.at == head.at) {
                    account.record(lines[number].text.len(), verdict);
                }
            }
        }
    }
}

impl Decoder for LinuxAudit {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let mut account = Account::default();
        self.lines.skip(chunk, &mut account);
        while account.consumed < chunk.bytes.len() {
            let start = account.consumed;
            let (lines, whole) = batch(chunk.bytes, start, chunk.edge);
            let forced = chunk.edge == Edge::Quiet || (chunk.edge == Edge::Full && start == 0);
            if lines.is_empty() && chunk.edge == Edge::Full && start == 0 {
                self.lines.cut(chunk.bytes.len(), &mut account);
                break;
            }
            if lines.is_empty() || !(whole || forced) {
                break;
            }
            self.give(&chunk, &lines, &mut account, events);
        }
        account.decoded()
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
    Head::read(line.trim_ascii_end()).is_some()
}
