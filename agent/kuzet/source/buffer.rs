//! The one buffer through which every file is read, so that an idle file costs nothing but its leftover.

/// Bytes `start..end` of the buffer are read and not consumed.
pub(super) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    usual: usize,
    most: usize,
}

impl Buffer {
    /// `usual` bytes; grows to `most` for a long record.
    pub(super) fn new(usual: usize, most: usize) -> Buffer {
        let usual = usual.max(1);
        Buffer { bytes: Vec::new(), start: 0, end: 0, usual, most: most.max(usual) }
    }

    /// Begins with the leftover of a file.
    pub(super) fn load(&mut self, left: &[u8]) {
        let wanted = self.usual.max(left.len());
        if self.bytes.len() < wanted {
            // Fresh zero pages from the kernel are not touched before they are used; a resized vector would be.
            self.bytes = vec![0; wanted];
        }
        self.bytes[..left.len()].copy_from_slice(left);
        (self.start, self.end) = (0, left.len());
    }

    /// What is not consumed.
    pub(super) fn pending(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// No record longer than this is kept whole.
    pub(super) fn is_full(&self) -> bool {
        self.end - self.start >= self.most
    }

    /// Where to read to: never empty unless [`is_full`](Self::is_full).
    pub(super) fn room(&mut self) -> &mut [u8] {
        let pending = self.end - self.start;
        if pending == 0 {
            (self.start, self.end) = (0, 0);
        } else if self.bytes.len() - self.end < self.usual / 4 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, pending);
            if self.bytes.len() - pending < self.usual / 4 && self.bytes.len() < self.most {
                self.bytes.resize((self.bytes.len() * 2).min(self.most), 0);
            }
        }
        let last = self.bytes.len().min(self.start + self.most);
        &mut self.bytes[self.end..last]
    }

    /// `read` bytes of the room are filled.
    pub(super) fn filled(&mut self, read: usize) {
        self.end = (self.end + read).min(self.bytes.len());
    }

    /// The first `bytes` pending are done with.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.end);
    }

    /// Moves what is pending into `left` and gives back memory that a long record took.
    pub(super) fn store(&mut self, left: &mut Vec<u8>) {
        left.clear();
        left.extend_from_slice(&self.bytes[self.start..self.end]);
        left.shrink_to(left.len().next_power_of_two().max(4096));
        if left.is_empty() {
            *left = Vec::new();
        }
        if self.bytes.len() > self.usual {
            self.bytes = Vec::new();
        }
    }
}
