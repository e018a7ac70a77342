//! Where a syslog record ends in a stream of bytes (RFC 6587): at a newline, or where its own count says.

/// Longest record that is taken; what is behind it is lost.
pub(super) const LONGEST: usize = 64 << 10;

/// Most digits of a count: a longer one is no count.
const DIGITS: usize = 7;

/// What came out of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// One record.
    Record(&'a [u8]),
    /// A record that is too long or was cut, or more of it.
    Lost { records: u64, bytes: u64 },
}

/// The rest of a record that is lost.
#[derive(Clone, Copy, Default)]
enum Skip {
    #[default]
    Nothing,
    ToNewline,
    Bytes(usize),
}

/// Cuts the bytes of one connection into records. Holds less than one record of [`LONGEST`] bytes and its count.
#[derive(Default)]
pub(super) struct Framer {
    held: Vec<u8>,
    skip: Skip,
}

enum Step {
    /// A record in so many bytes behind so many others.
    Record(usize, usize),
    /// More bytes are needed to tell.
    More,
    /// A record by newline without an end.
    Endless,
    /// A counted record that is too long, behind its count.
    Long(usize, usize),
}

impl Framer {
    /// Gives what is complete in the bytes so far. Ends when `give` says `false`, and says so.
    pub(super) fn feed(&mut self, bytes: &[u8], give: &mut dyn FnMut(Frame<'_>) -> bool) -> bool {
        let bytes = self.skipped(bytes, give);
        self.held.extend_from_slice(bytes);
        let mut at = 0;
        let goes_on = loop {
            at += self.held[at..].iter().take_while(|byte| matches!(byte, b'\n' | b'\r' | 0)).count();
            match step(&self.held[at..]) {
                Step::More => break true,
                Step::Record(start, length) => {
                    let (from, to) = (at + start, at + start + length);
                    at = to;
                    if !give(Frame::Record(&self.held[from..to])) {
                        break false;
                    }
                }
                Step::Endless => {
                    let lost = (self.held.len() - at) as u64;
                    (self.skip, at) = (Skip::ToNewline, self.held.len());
                    break give(Frame::Lost { records: 1, bytes: lost });
                }
                Step::Long(start, length) => {
                    let here = length.min(self.held.len() - at - start);
                    at += start + here;
                    self.skip = if here < length { Skip::Bytes(length - here) } else { Skip::Nothing };
                    if !give(Frame::Lost { records: 1, bytes: length as u64 }) {
                        break false;
                    }
                }
            }
        };
        self.held.drain(..at);
        goes_on
    }

    /// Whether a record has begun and not ended.
    pub(super) fn is_inside(&self) -> bool {
        !self.held.is_empty() || !matches!(self.skip, Skip::Nothing)
    }

    /// The other side has ended: what it held is a record if nothing says that it was longer.
    pub(super) fn end(&mut self, cut: bool, give: &mut dyn FnMut(Frame<'_>) -> bool) {
        let held = std::mem::take(&mut self.held);
        if held.is_empty() {
            return;
        }
        let counted = matches!(count(&held), Count::Is(..) | Count::Open);
        let lost = Frame::Lost { records: 1, bytes: held.len() as u64 };
        give(if cut || counted { lost } else { Frame::Record(&held) });
    }

    /// `bytes` without what belongs to a lost record.
    fn skipped<'a>(&mut self, bytes: &'a [u8], give: &mut dyn FnMut(Frame<'_>) -> bool) -> &'a [u8] {
        match self.skip {
            Skip::Nothing => bytes,
            Skip::Bytes(left) => {
                let here = left.min(bytes.len());
                self.skip = if here < left { Skip::Bytes(left - here) } else { Skip::Nothing };
                &bytes[here..]
            }
            Skip::ToNewline => {
                let end = memchr::memchr(b'\n', bytes);
                let here = end.unwrap_or(bytes.len());
                if end.is_some() {
                    self.skip = Skip::Nothing;
                }
                give(Frame::Lost { records: 0, bytes: here as u64 });
                &bytes[here..]
            }
        }
    }
}

enum Count {
    /// Bytes of the count and its space, and the count.
    Is(usize, usize),
    /// It may become one.
    Open,
    Not,
}

/// The count before a record: digits, a space and the `<` that every syslog record begins with. A line that begins with a
/// date is none.
fn count(bytes: &[u8]) -> Count {
    let digits = bytes.iter().take(DIGITS + 1).take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || digits > DIGITS || bytes[0] == b'0' {
        return Count::Not;
    }
    match (bytes.get(digits), bytes.get(digits + 1)) {
        (None, _) | (Some(b' '), None) => Count::Open,
        (Some(b' '), Some(b'<')) => {
            let number = bytes[..digits].iter().fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
            Count::Is(digits + 1, number)
        }
        _ => Count::Not,
    }
}

fn step(bytes: &[u8]) -> Step {
    match count(bytes) {
        Count::Open => Step::More,
        Count::Is(start, length) if length > LONGEST => Step::Long(start, length),
        Count::Is(start, length) if bytes.len() - start < length => Step::More,
        Count::Is(start, length) => Step::Record(start, length),
        Count::Not => match memchr::memchr(b'\n', bytes) {
            Some(end) if end <= LONGEST => Step::Record(0, end),
            None if bytes.len() <= LONGEST => Step::More,
            Some(end) => Step::Long(0, end),
            None => Step::Endless,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Records, lost records and lost bytes of a stream that comes in pieces.
    fn cut(pieces: &[&[u8]], cut: bool) -> (Vec<Vec<u8>>, u64, u64) {
        let (mut framer, mut records, mut lost) = (Framer::default(), Vec::new(), (0, 0));
        let mut give = |frame: Frame<'_>| {
            match frame {
                Frame::Record(record) => records.push(record.to_vec()),
                Frame::Lost { records, bytes } => lost = (lost.0 + records, lost.1 + bytes),
            }
            true
        };
        for piece in pieces {
            assert!(framer.feed(piece, &mut give));
            assert!(framer.held.len() <= LONGEST + DIGITS + 1);
        }
        framer.end(cut, &mut give);
        (records, lost.0, lost.1)
    }

    #[test]
    fn both_framings_may_follow_each_other() {
        let (records, lost, _) = cut(&[b"<1>a\n5 <2>bc<3>d\r\n\0", b"8 <4>\ne\nf\n2026-11-22 g\n7 <5>h"], false);
        let text: Vec<_> = records.iter().map(|record| String::from_utf8_lossy(record)).collect();
        assert_eq!(text, ["<1>a", "<2>bc", "<3>d\r", "<4>\ne\nf\n", "2026-11-22 g"]);
        assert_eq!(lost, 1, "the last one is shorter than its count");
    }

    #[test]
    fn an_end_without_a_newline_is_a_record_unless_it_was_cut() {
        assert_eq!(cut(&[b"<1>a\n<1>b"], false), (vec![b"<1>a".to_vec(), b"<1>b".to_vec()], 0, 0));
        assert_eq!(cut(&[b"<1>a\n<1>b"], true), (vec![b"<1>a".to_vec()], 1, 4));
    }

    #[test]
    fn long_records_are_lost_and_the_next_is_found() {
        let long = vec![b'x'; 3 * LONGEST];
        let by_line = [&long[..], b"\n<1>a\n"];
        assert_eq!(cut(&by_line, false), (vec![b"<1>a".to_vec()], 1, 3 * LONGEST as u64));
        let one = [&long[..], b"\n<1>a\n"].concat();
        assert_eq!(cut(&[&one], false), (vec![b"<1>a".to_vec()], 1, 3 * LONGEST as u64));
        let header = format!("{} <", long.len() + 1);
        let counted = [header.as_bytes(), &long[..], b"4 <1>a"];
        assert_eq!(cut(&counted, false), (vec![b"<1>a".to_vec()], 1, 3 * LONGEST as u64 + 1));
        assert_eq!(cut(&[b"9999999 <x"], false), (vec![], 1, 9_999_999));
    }

    proptest! {
        /// Records are the same however the network cuts them.
        #[test]
        fn cuts_do_not_matter(
            records in proptest::collection::vec(("<[0-9]{1,3}>[ -~]{0,40}", any::<bool>()), 0..12),
            at in proptest::collection::vec(any::<proptest::sample::Index>(), 0..12),
        ) {
            let mut stream = Vec::new();
            for (record, counted) in &records {
                let framed = if *counted { format!("{} {record}", record.len()) } else { format!("{record}\n") };
                stream.extend_from_slice(framed.as_bytes());
            }
            let mut cuts: Vec<usize> = at.iter().map(|index| index.index(stream.len() + 1)).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
            let expected: Vec<Vec<u8>> = records.iter().map(|(record, _)| record.as_bytes().to_vec()).collect();
            prop_assert_eq!(cut(&pieces, false), (expected, 0, 0));
        }

        /// Whatever comes, nothing is held beyond the bound and nothing panics.
        #[test]
        fn noise_is_bounded(pieces in proptest::collection::vec("[0-9 <>\n\ra]{0,30}", 0..40)) {
            let pieces: Vec<&[u8]> = pieces.iter().map(|piece| piece.as_bytes()).collect();
            cut(&pieces, false);
        }
    }
}
