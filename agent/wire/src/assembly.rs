//! Bytes of one direction put in order, within a window.

/// Bytes behind the first missing one that are kept: the longest hello.
pub(crate) const WINDOW: usize = 8 << 10;
/// Pieces apart from each other that are kept.
const PIECES: usize = 32;

/// A window of a direction.
#[derive(Default)]
pub(crate) struct Assembly {
    /// Place of the first byte.
    base: u64,
    bytes: Vec<u8>,
    /// What of `bytes` is there, in order, apart from each other.
    there: Vec<(usize, usize)>,
}

impl Assembly {
    /// Puts in what fits of `bytes`, which stand at `offset`; gives how many of them are done with, whether they
    /// were put in or stand before the window.
    pub(crate) fn insert(&mut self, offset: u64, bytes: &[u8]) -> usize {
        let before = usize::try_from(self.base.saturating_sub(offset)).unwrap_or(usize::MAX).min(bytes.len());
        let Ok(start) = usize::try_from((offset + before as u64).saturating_sub(self.base)) else { return before };
        let fresh = &bytes[before..];
        let fresh = &fresh[..fresh.len().min(WINDOW.saturating_sub(start))];
        if fresh.is_empty() {
            return before;
        }
        let end = start + fresh.len();
        let (mut from, mut to) = (start, end);
        let apart = |(left, right): &(usize, usize)| *right < start || *left > end;
        if self.there.iter().filter(|piece| apart(piece)).count() >= PIECES {
            return before;
        }
        self.there.retain(|piece| {
            if !apart(piece) {
                (from, to) = (from.min(piece.0), to.max(piece.1));
            }
            apart(piece)
        });
        let at = self.there.partition_point(|piece| piece.0 < from);
        self.there.insert(at, (from, to));
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[start..end].copy_from_slice(fresh);
        before + fresh.len()
    }

    /// What is there without a hole.
    pub(crate) fn prefix(&self) -> &[u8] {
        match self.there.first() {
            Some((0, end)) => &self.bytes[..*end],
            _ => &[],
        }
    }

    /// Whether no more can come of what is there without a hole.
    pub(crate) fn is_full(&self) -> bool {
        self.prefix().len() >= WINDOW
    }

    /// Forgets the first `count` bytes.
    pub(crate) fn advance(&mut self, count: usize) {
        let count = count.min(self.bytes.len());
        self.base = self.base.saturating_add(count as u64);
        self.bytes.drain(..count);
        self.there.retain_mut(|(from, to)| {
            (*from, *to) = (from.saturating_sub(count), to.saturating_sub(count));
            *to > 0
        });
    }

    /// Passes over what is missing: on to the next bytes that are there, or to `offset`.
    pub(crate) fn jump(&mut self, offset: u64) {
        let whole = self.prefix().len();
        match self.there.iter().find(|(from, _)| *from > 0) {
            Some((from, _)) => self.advance(*from),
            None if whole > 0 => self.advance(whole),
            None => *self = Assembly { base: offset, ..Assembly::default() },
        }
    }

    /// Bytes held.
    pub(crate) fn held(&self) -> usize {
        self.bytes.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_join_in_any_order() {
        let mut assembly = Assembly::default();
        assert_eq!(assembly.insert(3, b"de"), 2);
        assert_eq!(assembly.prefix(), b"");
        assert_eq!(assembly.insert(0, b"abc"), 3);
        assert_eq!(assembly.insert(7, b"h"), 1);
        assert_eq!(assembly.prefix(), b"abcde");
        assembly.advance(4);
        assert_eq!(assembly.insert(2, b"cdefg"), 5);
        assert_eq!(assembly.prefix(), b"efgh");
        assert_eq!(assembly.insert(u64::MAX, b"x"), 0);
    }

    #[test]
    fn a_window_is_all_that_is_kept() {
        let mut assembly = Assembly::default();
        assert_eq!(assembly.insert(0, &[7; WINDOW + 9]), WINDOW);
        assert!(assembly.is_full() && assembly.held() <= 2 * WINDOW);
        let mut holes = Assembly::default();
        for at in 1..4000 {
            holes.insert(2 * at, b"x");
        }
        assert_eq!(holes.there.len(), PIECES);
        holes.jump(0);
        assert_eq!(holes.prefix(), b"x");
        let mut late = Assembly::default();
        late.jump(1 << 40);
        assert_eq!((late.insert(1 << 40, b"ab"), late.prefix()), (2, &b"ab"[..]));
    }
}
