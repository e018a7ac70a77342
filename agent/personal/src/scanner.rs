//! The scan of inputs of any size in bounded memory.

use crate::Finding;
use crate::classifier::{Classifier, LOOK, Scratch};

/// Bytes scanned in one go. 64 KiB to 1 MiB cost the same; the least takes the least memory.
const CHUNK: usize = 64 << 10;

/// A scan that gets its input piece by piece and finds exactly what [`Classifier::scan`] finds in the whole. Memory is
/// 66 KiB and what one chunk gives.
///
/// Read into [`space`](Scanner::space), say how much came with [`advance`](Scanner::advance), end with
/// [`finish`](Scanner::finish). `found` gets the offset of its text in the whole input, the findings (whose spans are of
/// that text) and the text.
pub struct Scanner<'a> {
    classifier: &'a Classifier,
    buffer: Vec<u8>,
    fill: usize,
    /// First byte of the buffer not yet scanned.
    next: usize,
    /// Offset of the buffer in the input.
    base: u64,
    scratch: Scratch,
    found: Vec<Finding>,
}

impl<'a> Scanner<'a> {
    /// A scan from the beginning of an input.
    #[must_use]
    pub fn new(classifier: &'a Classifier) -> Scanner<'a> {
        Scanner {
            classifier,
            buffer: vec![0; LOOK + CHUNK + LOOK],
            fill: 0,
            next: 0,
            base: 0,
            scratch: Scratch::default(),
            found: Vec::new(),
        }
    }

    /// Where the next bytes go; never empty.
    #[must_use]
    pub fn space(&mut self) -> &mut [u8] {
        &mut self.buffer[self.fill..]
    }

    /// `count` bytes were written into [`space`](Scanner::space).
    pub fn advance(&mut self, count: usize, found: &mut impl FnMut(u64, &[Finding], &[u8])) {
        self.fill = self.buffer.len().min(self.fill + count);
        if self.fill < self.buffer.len() {
            return;
        }
        self.run(self.fill - LOOK, found);
        let gone = self.next - LOOK;
        self.buffer.copy_within(gone..self.fill, 0);
        self.fill -= gone;
        self.next -= gone;
        self.scratch.taken = self.scratch.taken.saturating_sub(gone);
        self.base += gone as u64;
    }

    /// Gives `bytes` to the scan, however many.
    pub fn push(&mut self, mut bytes: &[u8], found: &mut impl FnMut(u64, &[Finding], &[u8])) {
        while !bytes.is_empty() {
            let space = self.space();
            let count = space.len().min(bytes.len());
            space[..count].copy_from_slice(&bytes[..count]);
            bytes = &bytes[count..];
            self.advance(count, found);
        }
    }

    /// The input ends here; what comes next is another one.
    pub fn finish(&mut self, found: &mut impl FnMut(u64, &[Finding], &[u8])) {
        self.run(self.fill, found);
        (self.fill, self.next, self.base, self.scratch.taken) = (0, 0, 0, 0);
    }

    fn run(&mut self, end: usize, found: &mut impl FnMut(u64, &[Finding], &[u8])) {
        let text = &self.buffer[..self.fill];
        self.found.clear();
        self.classifier.scan_pieces(text, self.next..end, &mut self.scratch, &mut self.found);
        self.next = end;
        if !self.found.is_empty() {
            found(self.base, &self.found, text);
        }
    }
}
