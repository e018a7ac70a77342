//! The search for candidates: places whose bytes have the outer shape of a value. Everything dear is done only there.
//!
//! Two searches with one meaning: AVX2 for x86-64 machines that have it, and the scalar one, which defines what is found.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod scalar;

use std::ops::Range;

/// Outer shape of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shape {
    /// First of a run of nine digits or more.
    Digits,
    /// First of exactly four digits, one other byte, four digits, one other, four digits.
    Grouped,
    /// A lone digit, one or two bytes that are none, three digits: `8 701`, `8 (701`.
    Spaced,
    /// `@`, `+7`, `KZ`, or the middle of a Cyrillic patronymic's ending.
    Mark,
}

/// Calls `found` for every candidate that starts in `range`. Bytes around the range are looked at; beyond the ends of
/// `bytes` stand zeros. Candidates come in order of position within a shape, but shapes may be out of order by a block.
#[inline]
pub(crate) fn candidates(bytes: &[u8], range: Range<usize>, mut found: impl FnMut(Shape, usize)) {
    let range = range.start.min(bytes.len())..range.end.min(bytes.len());
    #[cfg(target_arch = "x86_64")]
    if avx2::search(bytes, range.clone(), &mut found) {
        return;
    }
    scalar::search(bytes, range, &mut found);
}

/// Calls `found` for every byte of `range` that may belong to a letter behind one that does not: for each word that
/// begins with a Latin or Cyrillic letter that letter's first byte, or the last one of a sign of several bytes before it.
#[inline]
pub(crate) fn words(bytes: &[u8], range: Range<usize>, mut found: impl FnMut(usize)) {
    let range = range.start.min(bytes.len())..range.end.min(bytes.len());
    #[cfg(target_arch = "x86_64")]
    if avx2::words(bytes, range.clone(), &mut found) {
        return;
    }
    scalar::words(bytes, range, &mut found);
}

/// Endings of Cyrillic patronymics, as second byte of one letter and second byte of the next: `ич`, `вн`, `ұл`, `қы`.
const ENDINGS: [(u8, u8); 4] = [(0xB8, 0x87), (0xB2, 0xBD), (0xB1, 0xBB), (0x9B, 0x8B)];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn gather(search: impl Fn(&mut dyn FnMut(Shape, usize))) -> Vec<(Shape, usize)> {
        let mut all = Vec::new();
        search(&mut |shape, at| all.push((shape, at)));
        all.sort_unstable();
        all
    }

    fn same(bytes: &[u8], range: Range<usize>) {
        let fast = gather(|found| candidates(bytes, range.clone(), found));
        let plain = gather(|found| scalar::search(bytes, range.clone(), found));
        assert_eq!(fast, plain);
    }

    /// Bytes that meet in values, so that shapes are common.
    fn material() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            6 => b'0'..=b'9',
            2 => prop::sample::select(b" -()+7@KZ8\n\0".to_vec()),
            2 => prop::sample::select(vec![0xD0, 0xD1, 0xB8, 0x87, 0xB2, 0xBD, 0xB1, 0xBB, 0x9B, 0x8B, 0xD2]),
            1 => any::<u8>(),
        ];
        prop::collection::vec(byte, 0..400)
    }

    fn same_words(bytes: &[u8], range: Range<usize>) {
        let (mut fast, mut plain) = (Vec::new(), Vec::new());
        words(bytes, range.clone(), |at| fast.push(at));
        scalar::words(bytes, range, &mut |at| plain.push(at));
        assert_eq!(fast, plain);
    }

    proptest! {
        #[test]
        fn both_searches_for_words_agree(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), b'a'..=b'z', 0xD0..=0xD3u8, Just(b' ')], 0..300),
            start in 0usize..300,
            length in 0usize..300,
        ) {
            let start = start.min(bytes.len());
            let end = (start + length).min(bytes.len());
            same_words(&bytes, start..end);
        }

        #[test]
        fn both_searches_agree(bytes in material(), start in 0usize..400, length in 0usize..400) {
            let start = start.min(bytes.len());
            let end = (start + length).min(bytes.len());
            same(&bytes, start..end);
        }
    }

    #[test]
    fn every_alignment_of_a_value_is_found() {
        for length in [0, 1, 12, 63, 64, 65, 127, 128, 129, 200] {
            for at in 0..length {
                let mut bytes = vec![b'.'; length];
                for (slot, byte) in bytes[at..].iter_mut().zip(b"850830346939") {
                    *slot = *byte;
                }
                same(&bytes, 0..length);
            }
        }
    }
}
