//! The table at which files are opened: recognises, opens what is inside, counts what could not be, hands on what was found.

use std::io::BufRead;

use crate::format::{self, Format, Opens};
use crate::input::{self, PIECE, Source};
use crate::limits::Budget;
use crate::picture::{self, Picture};
use crate::{Place, Reasons, Verdict, Why};

/// What is told besides text and pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Remark {
    /// It is encrypted, wholly or in part: nobody can tell what leaves the house in it.
    Encrypted,
    /// It holds macros.
    Macros,
}

/// Takes what is found.
pub trait Sink {
    /// A piece of text. Pieces of one place follow each other without a gap, and all but the last end behind white space, if
    /// there is any in their last 16 kB: no number is cut.
    fn text(&mut self, place: &Place, run: &str);
    /// A picture as it lies in the file, not decoded.
    fn picture(&mut self, place: &Place, kind: Picture, bytes: &[u8]);
    /// Something to know of the file at this place.
    fn remark(&mut self, place: &Place, remark: Remark);
}

/// How a parser ends: with everything read, or with the reason why the rest was not.
pub(crate) type Flow = Result<(), Why>;

/// Text is handed on in pieces of about this size.
const RUN: usize = 64 << 10;
/// White space to end a piece at is looked for so far back.
const WORD: usize = 16 << 10;

/// Where parsers bring what they find.
pub(crate) struct Desk<'a> {
    pub(crate) budget: &'a Budget<'a>,
    sink: &'a mut dyn Sink,
    place: Place,
    reasons: Reasons,
    run: String,
    /// Something was found.
    given: bool,
    /// The limit that ended everything was counted.
    told: bool,
}

impl<'a> Desk<'a> {
    pub(crate) fn new(budget: &'a Budget<'a>, sink: &'a mut dyn Sink) -> Desk<'a> {
        Desk {
            budget,
            sink,
            place: Place::default(),
            reasons: Reasons::default(),
            run: budget.pool.run(),
            given: false,
            told: false,
        }
    }

    pub(crate) fn verdict(mut self) -> Verdict {
        self.flush();
        self.budget.pool.keep_run(std::mem::take(&mut self.run));
        let missed = self.reasons.each().next().is_some();
        match (missed, self.given) {
            (false, _) => Verdict::Inspected,
            (true, true) => Verdict::Partly(self.reasons),
            (true, false) => Verdict::NotInspected(self.reasons),
        }
    }

    /// Opens a file.
    pub(crate) fn look(&mut self, source: Source<'_>, name: &str) {
        if let Err(why) = self.recognise(source, name) {
            self.miss(why);
        }
        self.flush();
    }

    /// Opens a member of what is being read. Fails where nothing more may be opened.
    pub(crate) fn member(&mut self, number: usize, source: Source<'_>, name: &str) -> Flow {
        self.budget.member()?;
        if self.place.steps().len() + 1 >= self.budget.limits.depth {
            self.miss(Why::Depth);
            return Ok(());
        }
        self.flush();
        self.place.enter(u32::try_from(number).unwrap_or(u32::MAX));
        self.look(source, name);
        self.place.leave();
        self.budget.over().map_or(Ok(()), Err)
    }

    /// As [`member`](Desk::member), for a member whose format is known.
    pub(crate) fn part(&mut self, number: usize, format: Format, read: impl FnOnce(&mut Desk<'a>) -> Flow) -> Flow {
        self.budget.member()?;
        self.flush();
        self.place.enter(u32::try_from(number).unwrap_or(u32::MAX));
        self.place.set(format);
        if let Err(why) = read(self) {
            self.miss(why);
        }
        self.flush();
        self.place.leave();
        self.budget.over().map_or(Ok(()), Err)
    }

    fn recognise(&mut self, source: Source<'_>, name: &str) -> Flow {
        match source {
            Source::Whole(mut bytes) => {
                let format = format::recognise(&bytes[..bytes.len().min(PIECE)], name);
                self.place.set(format);
                match format.opens() {
                    Opens::Stream(read) => read(self, &mut bytes),
                    Opens::Whole(read) => read(self, bytes),
                    Opens::Never(why) => Err(*why),
                }
            }
            Source::Stream(stream) => {
                let format = format::recognise(input::head(stream, self.budget)?, name);
                self.place.set(format);
                match format.opens() {
                    Opens::Stream(read) => read(self, stream),
                    Opens::Whole(read) => self.held(stream, |desk, bytes| read(desk, bytes)),
                    Opens::Never(why) => Err(*why),
                }
            }
        }
    }

    /// Collects a stream, as far as it may be held, and has it read.
    pub(crate) fn held(&mut self, stream: &mut dyn BufRead, read: impl FnOnce(&mut Desk<'a>, &[u8]) -> Flow) -> Flow {
        let (mut bytes, mut fault) = (Vec::new(), None);
        loop {
            let Ok(piece) = stream.fill_buf() else {
                // What came before the fault is worth a look.
                fault = Some(self.budget.fault());
                break;
            };
            let count = piece.len();
            if count == 0 {
                break;
            }
            if bytes.len() + count > self.budget.room() {
                return Err(Why::Size);
            }
            bytes.extend_from_slice(piece);
            stream.consume(count);
        }
        self.budget.hold(bytes.len());
        let outcome = read(self, &bytes);
        self.budget.release(bytes.len());
        fault.map_or(outcome, Err)
    }

    /// Counts why something was left out, and remarks that it is encrypted.
    pub(crate) fn miss(&mut self, why: Why) {
        self.miss_silently(why);
        if why == Why::Encrypted {
            self.remark(Remark::Encrypted);
        }
    }

    /// Counts why something was left out.
    pub(crate) fn miss_silently(&mut self, why: Why) {
        if self.budget.over() == Some(why) {
            if self.told {
                return;
            }
            self.told = true;
        }
        self.reasons.count(why);
    }

    pub(crate) fn remark(&mut self, remark: Remark) {
        self.sink.remark(&self.place, remark);
    }

    /// Text that was found.
    pub(crate) fn text(&mut self, text: &str) -> Flow {
        self.budget.output(text.len())?;
        let mut rest = text;
        while self.run.len() + rest.len() >= RUN {
            // As much as fits is put to what waits; all of that but a word that may go on is handed on.
            let mut fits = RUN.saturating_sub(self.run.len());
            while !rest.is_char_boundary(fits) {
                fits += 1;
            }
            let (now, later) = rest.split_at(fits);
            self.run.push_str(now);
            rest = later;
            let tail = self.run.len() - WORD.min(self.run.len());
            let cut = self.run.as_bytes()[tail..]
                .iter()
                .rposition(u8::is_ascii_whitespace)
                .map_or(self.run.len(), |at| tail + at + 1);
            self.given |= !self.run[..cut].trim().is_empty();
            self.sink.text(&self.place, &self.run[..cut]);
            self.run.drain(..cut);
        }
        self.run.push_str(rest);
        Ok(())
    }

    /// A picture that was found.
    pub(crate) fn picture(&mut self, kind: Picture, bytes: &[u8]) -> Flow {
        self.budget.output(bytes.len())?;
        if picture::pixels(kind, bytes) > self.budget.limits.pixels {
            self.miss(Why::Pixels);
            return Ok(());
        }
        self.flush();
        self.given = true;
        self.sink.picture(&self.place, kind, bytes);
        Ok(())
    }

    /// What is said now belongs to another place than what was said before.
    pub(crate) fn become_format(&mut self, format: Format) {
        self.flush();
        self.place.set(format);
    }

    fn flush(&mut self) {
        if !self.run.is_empty() {
            self.given |= !self.run.trim().is_empty();
            self.sink.text(&self.place, &self.run);
            self.run.clear();
        }
    }
}
