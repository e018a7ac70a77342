//! Finds the commas and newlines outside quotes of a csvlog record, 64 bytes at a time.
//!
//! The method is that of G. Langdale and D. Lemire, "Parsing Gigabytes of JSON per Second" (2019): a bit per byte for
//! each character of interest, and a prefix XOR over the quotes that marks what stands inside them. On x86-64 the bits
//! come from SSE2, which every such processor has, so there is no run-time detection.

/// Positions of the ends of the first fields of a record.
pub(crate) const FIELDS: usize = 32;

/// What [`scan`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A record of that many bytes (newline included) and fields.
    Record { length: usize, fields: usize },
    /// A quote opens in the middle of a field: no server writes that. The position of the quote.
    Broken { at: usize },
    /// The bytes end before the record does.
    Open(Inside),
}

/// What must be known to go on in the middle of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inside {
    /// Quotes are open.
    pub(crate) quoted: bool,
    /// The last byte lets a quote open behind it: it was a comma, newline or closing quote.
    pub(crate) opener: bool,
}

impl Inside {
    /// At the first byte of a record.
    pub(crate) const START: Inside = Inside { quoted: false, opener: true };
}

/// Bits of one block of 64 bytes, the first byte lowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bits {
    pub(crate) quote: u64,
    pub(crate) comma: u64,
    newline: u64,
}

/// Goes through `bytes` from the state `inside` up to the end of the record. `ends` gets the positions of the commas and
/// of the final newline, as far as there is room.
pub(crate) fn scan(bytes: &[u8], inside: Inside, ends: &mut [u32; FIELDS]) -> Found {
    let mut quoted = if inside.quoted { u64::MAX } else { 0 };
    let mut opener = u64::from(inside.opener);
    let mut fields = 0;
    let mut start = 0;
    while start < bytes.len() {
        let rest = &bytes[start..];
        let (bits, length) = match rest.first_chunk::<64>() {
            Some(block) => (classify(block), 64),
            None => {
                let mut block = [0; 64];
                block[..rest.len()].copy_from_slice(rest);
                (classify(&block), rest.len())
            }
        };
        let open = prefix_xor(bits.quote) ^ quoted;
        let openers = bits.quote | bits.comma | bits.newline;
        let mut broken = bits.quote & open & !(openers << 1 | opener);
        let mut structure = (bits.comma | bits.newline) & !open;
        if broken != 0 {
            // Only what stands before the fault counts.
            broken &= broken.wrapping_neg();
            structure &= broken - 1;
        }
        let newline = structure & bits.newline;
        let newline = newline & newline.wrapping_neg();
        if newline != 0 {
            structure &= newline | (newline - 1);
        }
        while structure != 0 {
            if let Some(end) = ends.get_mut(fields) {
                *end = (start + structure.trailing_zeros() as usize) as u32;
            }
            fields += 1;
            structure &= structure - 1;
        }
        if newline != 0 {
            return Found::Record { length: start + newline.trailing_zeros() as usize + 1, fields };
        }
        if broken != 0 {
            return Found::Broken { at: start + broken.trailing_zeros() as usize };
        }
        let last = length - 1;
        quoted = if open >> last & 1 == 1 { u64::MAX } else { 0 };
        opener = openers >> last & 1;
        start += length;
    }
    Found::Open(Inside { quoted: quoted != 0, opener: opener != 0 })
}

/// Bit `n` of the result is the XOR of the bits `0..=n`.
fn prefix_xor(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
pub(crate) fn classify(block: &[u8; 64]) -> Bits {
    // SAFETY: the only requirement of `sse2` is that the processor has SSE2, which the x86-64 architecture guarantees.
    unsafe { sse2(block) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[allow(unsafe_code)]
fn sse2(block: &[u8; 64]) -> Bits {
    use std::arch::x86_64::{__m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_set1_epi8};
    let (parts, _) = block.as_chunks::<16>();
    // SAFETY: the reference points to 16 readable bytes; the load has no alignment requirement.
    let load = |part: &[u8; 16]| unsafe { _mm_loadu_si128(part.as_ptr().cast::<__m128i>()) };
    let quarters = [load(&parts[0]), load(&parts[1]), load(&parts[2]), load(&parts[3])];
    let bits = |byte: u8| {
        let wanted = _mm_set1_epi8(byte as i8);
        let part = |quarter: __m128i| u64::from(_mm_movemask_epi8(_mm_cmpeq_epi8(quarter, wanted)) as u16);
        part(quarters[0]) | part(quarters[1]) << 16 | part(quarters[2]) << 32 | part(quarters[3]) << 48
    };
    Bits { quote: bits(b'"'), comma: bits(b','), newline: bits(b'\n') }
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn classify(block: &[u8; 64]) -> Bits {
    plain(block)
}

/// The same, byte by byte.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn plain(block: &[u8; 64]) -> Bits {
    let bits =
        |wanted: u8| block.iter().enumerate().fold(0, |bits, (index, byte)| bits | u64::from(*byte == wanted) << index);
    Bits { quote: bits(b'"'), comma: bits(b','), newline: bits(b'\n') }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What `scan` must find, written as a state machine over bytes.
    fn slow(bytes: &[u8], inside: Inside) -> (Found, Vec<u32>) {
        let Inside { mut quoted, mut opener } = inside;
        let mut ends = Vec::new();
        for (at, byte) in bytes.iter().enumerate() {
            if *byte == b'"' {
                if !quoted && !opener {
                    return (Found::Broken { at }, ends);
                }
                quoted = !quoted;
            } else if !quoted && (*byte == b',' || *byte == b'\n') {
                ends.push(at as u32);
                if *byte == b'\n' {
                    return (Found::Record { length: at + 1, fields: ends.len() }, ends);
                }
            }
            opener = matches!(byte, b'"' | b',' | b'\n');
        }
        (Found::Open(Inside { quoted, opener }), ends)
    }

    proptest! {
        #[test]
        fn finds_what_the_state_machine_finds(
            bytes in prop::collection::vec(prop::sample::select(vec![b'"', b'"', b',', b'\n', b'a', b'b', 0, 0xff]), 0..300),
            quoted: bool,
            opener: bool,
        ) {
            let inside = Inside { quoted, opener };
            let mut ends = [0; FIELDS];
            let found = scan(&bytes, inside, &mut ends);
            let (expected, positions) = slow(&bytes, inside);
            prop_assert_eq!(found, expected);
            let kept = positions.len().min(FIELDS);
            prop_assert_eq!(&ends[..kept], &positions[..kept]);
        }

        #[test]
        fn long_quoted_text_is_found(text in "[a-z\"\n,]{0,700}") {
            let line = format!("1,\"{}\",2\n", text.replace('"', "\"\""));
            let mut ends = [0; FIELDS];
            let found = scan(line.as_bytes(), Inside::START, &mut ends);
            prop_assert_eq!(found, Found::Record { length: line.len(), fields: 3 });
        }

        #[test]
        fn both_classifiers_agree(block: [u8; 32], other in prop::collection::vec(prop::sample::select(vec![b'"', b',', b'\n', b'x']), 32)) {
            let mut all = [0; 64];
            all[..32].copy_from_slice(&block);
            all[32..].copy_from_slice(&other);
            prop_assert_eq!(classify(&all), plain(&all));
        }
    }
}
