//! The search with AVX2: 64 bytes at a time become bit masks, one bit a byte; shapes are shifts and ands of masks.
//!
//! The only file of the crate with `unsafe`. Each use is one of three, with its proof beside it: calling functions that
//! need a CPU feature after asking the CPU for it, reading 32 bytes of a slice that has them, and an empty `asm!`.
#![allow(unsafe_code, reason = "vector loads, CPU features and an optimiser barrier; proofs at each use")]

use std::arch::asm;
use std::arch::x86_64::{
    __m256i, _mm256_and_si256, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8, _mm256_movemask_epi8,
    _mm256_or_si256, _mm256_set1_epi8, _mm256_setr_epi8, _mm256_shuffle_epi8, _mm256_sub_epi8,
};
use std::ops::Range;

use super::Shape;

/// Bytes of a block.
const BLOCK: usize = 64;
/// A block is looked at with two more bytes behind it.
const WINDOW: usize = BLOCK + 2;

/// Does the search if this machine can; says whether it did.
#[inline]
pub(super) fn search(bytes: &[u8], range: Range<usize>, found: &mut impl FnMut(Shape, usize)) -> bool {
    let able = able();
    if able {
        // SAFETY: the CPU has every feature that `blocks` is compiled for: asked above.
        unsafe { blocks(bytes, range, found) };
    }
    able
}

/// Does the search for words if this machine can; says whether it did.
#[inline]
pub(super) fn words(bytes: &[u8], range: Range<usize>, found: &mut impl FnMut(usize)) -> bool {
    let able = able();
    if able {
        // SAFETY: the CPU has every feature that `word_blocks` is compiled for: asked above.
        unsafe { word_blocks(bytes, range, found) };
    }
    able
}

/// The CPU has every feature that the searches are compiled for.
#[inline]
fn able() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("popcnt")
}

/// Hides a value from the optimiser. Without it LLVM turns `movemask(v) & x` back into vector code and spreads `x` over
/// a vector bit by bit (five times slower), and joins the two halves of a shift into `shrd` (slow on AMD).
#[inline(always)]
fn opaque(mut value: u64) -> u64 {
    // SAFETY: no instruction at all; the register goes in and comes out unchanged, no memory, no flags, no stack.
    unsafe { asm!("/* {0} */", inout(reg) value, options(pure, nomem, nostack, preserves_flags)) };
    value
}

/// One bit a byte of a block.
#[derive(Clone, Copy)]
struct Masks {
    digit: u64,
    mark: u64,
}

/// Masks of the block at `at`; bytes behind the end count as zero.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn masks(bytes: &[u8], at: usize) -> Masks {
    if let Some(window) = bytes.get(at..).and_then(|rest| rest.first_chunk::<WINDOW>()) {
        return window_masks(window);
    }
    let mut window = [0u8; WINDOW];
    if let Some(rest) = bytes.get(at..) {
        window[..rest.len()].copy_from_slice(rest);
    }
    window_masks(&window)
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn window_masks(window: &[u8; WINDOW]) -> Masks {
    let (low_digit, low_mark) = half(window, 0);
    let (high_digit, high_mark) = half(window, 32);
    Masks { digit: low_digit | high_digit << 32, mark: low_mark | high_mark << 32 }
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn load<const AT: usize>(window: &[u8; WINDOW], high: usize) -> __m256i {
    let part = &window[high + AT..high + AT + 32];
    // SAFETY: `part` is a slice of exactly 32 bytes (the line above would have panicked), and the load asks for no
    // alignment.
    unsafe { _mm256_loadu_si256(part.as_ptr().cast()) }
}

/// Digit and mark bits of 32 bytes.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn half(window: &[u8; WINDOW], high: usize) -> (u64, u64) {
    let (first, second, third) = (load::<0>(window, high), load::<1>(window, high), load::<2>(window, high));
    let offset = _mm256_sub_epi8(first, _mm256_set1_epi8(b'0' as i8));
    let digits = _mm256_cmpeq_epi8(_mm256_min_epu8(offset, _mm256_set1_epi8(9)), offset);
    let pair = |one: u8, two: u8| {
        let one = _mm256_cmpeq_epi8(first, _mm256_set1_epi8(one as i8));
        _mm256_and_si256(one, _mm256_cmpeq_epi8(second, _mm256_set1_epi8(two as i8)))
    };
    let at_sign = _mm256_cmpeq_epi8(first, _mm256_set1_epi8(b'@' as i8));
    let latin = _mm256_or_si256(at_sign, _mm256_or_si256(pair(b'+', b'7'), pair(b'K', b'Z')));
    // The four endings have different low nibbles in their first byte, so one table look-up by it gives that first
    // byte, and another the byte that must stand two further. Unused rows hold a byte of another nibble: no match.
    let nibble = _mm256_and_si256(first, _mm256_set1_epi8(0x0F));
    let expected_first = _mm256_shuffle_epi8(table(FIRST), nibble);
    let expected_third = _mm256_shuffle_epi8(table(THIRD), nibble);
    let ending = _mm256_and_si256(_mm256_cmpeq_epi8(expected_first, first), _mm256_cmpeq_epi8(expected_third, third));
    let bits = |vector| opaque(u64::from(_mm256_movemask_epi8(vector) as u32));
    (bits(digits), bits(_mm256_or_si256(latin, ending)))
}

const FIRST: [i8; 16] = endings().0;
const THIRD: [i8; 16] = endings().1;

/// [`ENDINGS`](super::ENDINGS) by the low nibble of their first byte.
const fn endings() -> ([i8; 16], [i8; 16]) {
    let (mut first, mut third) = ([0i8; 16], [0i8; 16]);
    first[0] = 1;
    let mut index = 0;
    while index < super::ENDINGS.len() {
        let (one, two) = super::ENDINGS[index];
        let nibble = (one & 0x0F) as usize;
        assert!(third[nibble] == 0, "two endings share a nibble");
        first[nibble] = one as i8;
        third[nibble] = two as i8;
        index += 1;
    }
    (first, third)
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn table(rows: [i8; 16]) -> __m256i {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = rows;
    _mm256_setr_epi8(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)
}

/// `mask` moved `by` bytes to the front, with the next block's bits behind it.
#[inline(always)]
fn ahead(mask: u64, next: u64, by: u32) -> u64 {
    mask >> by | opaque(next << (64 - by))
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn blocks(bytes: &[u8], range: Range<usize>, found: &mut impl FnMut(Shape, usize)) {
    let mut at = range.start;
    let mut before = u64::from(at > 0 && crate::kinds::digit(bytes[at - 1]));
    let mut now = masks(bytes, at);
    while at < range.end {
        let next = masks(bytes, at + BLOCK);
        let wanted = if range.end - at >= BLOCK { !0 } else { (1u64 << (range.end - at)) - 1 };
        if now.digit != 0 {
            digits(now.digit, next.digit, before, wanted, |shape, index| found(shape, at + index));
        }
        before = now.digit >> 63;
        each(now.mark & wanted, |index| found(Shape::Mark, at + index));
        now = next;
        at += BLOCK;
    }
}

/// Bits of the bytes that may belong to a letter, of the block at `at`; bytes behind the end are of none.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn letters(bytes: &[u8], at: usize) -> u64 {
    let mut copy = [0u8; WINDOW];
    let window = bytes.get(at..).and_then(|rest| rest.first_chunk::<WINDOW>()).unwrap_or_else(|| {
        let rest = bytes.get(at..).unwrap_or_default();
        copy[..rest.len().min(WINDOW)].copy_from_slice(&rest[..rest.len().min(WINDOW)]);
        &copy
    });
    let half = |high| {
        let byte = load::<0>(window, high);
        let splat = |byte: u8| _mm256_set1_epi8(byte as i8);
        let within = |byte, first: u8, last: u8| {
            let offset = _mm256_sub_epi8(byte, splat(first));
            _mm256_cmpeq_epi8(_mm256_min_epu8(offset, splat(last - first)), offset)
        };
        let latin = within(_mm256_or_si256(byte, splat(0x20)), b'a', b'z');
        let other = _mm256_or_si256(within(byte, 0x80, 0xBF), within(byte, 0xD0, 0xD3));
        opaque(u64::from(_mm256_movemask_epi8(_mm256_or_si256(latin, other)) as u32))
    };
    half(0) | half(32) << 32
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn word_blocks(bytes: &[u8], range: Range<usize>, found: &mut impl FnMut(usize)) {
    let mut before = u64::from(range.start > 0 && letters(bytes, range.start - 1) & 1 == 1);
    let mut at = range.start;
    while at < range.end {
        let letter = letters(bytes, at);
        let wanted = if range.end - at >= BLOCK { !0 } else { (1u64 << (range.end - at)) - 1 };
        each(letter & !(letter << 1 | before) & wanted, |index| found(at + index));
        before = letter >> 63;
        at += BLOCK;
    }
}

/// Shapes of the digit runs that start in a block.
#[inline(always)]
fn digits(digit: u64, next: u64, before: u64, wanted: u64, mut found: impl FnMut(Shape, usize)) {
    let start = digit & !(digit << 1 | before) & wanted;
    let (one, two, three) = (ahead(digit, next, 1), ahead(digit, next, 2), ahead(digit, next, 3));
    let lone = start & !one;
    // Four digits, from each position of this block and of the next one as far as it is asked for (14 bytes).
    let four = digit & one & two & three;
    let next_four = next & next >> 1 & next >> 2 & next >> 3;
    let fourth = ahead(digit, next, 4);
    let long = start & four & ahead(four, next_four, 4) & ahead(digit, next, 8);
    let grouped =
        start & four & !fourth & ahead(four, next_four, 5) & !ahead(digit, next, 9) & ahead(four, next_four, 10);
    let spaced = lone & two & three & fourth;
    let bracketed = lone & !two & three & fourth & ahead(digit, next, 5);
    each(long, |index| found(Shape::Digits, index));
    each(grouped, |index| found(Shape::Grouped, index));
    each(spaced | bracketed, |index| found(Shape::Spaced, index));
}

#[inline(always)]
fn each(mut mask: u64, mut found: impl FnMut(usize)) {
    while mask != 0 {
        found(mask.trailing_zeros() as usize);
        mask &= mask - 1;
    }
}
