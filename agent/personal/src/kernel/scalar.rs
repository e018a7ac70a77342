//! The search in plain Rust: the definition of the shapes, and what runs where AVX2 is missing.

use std::ops::Range;

use super::{ENDINGS, Shape};
use crate::kinds::digit;

pub(super) fn search(bytes: &[u8], range: Range<usize>, found: &mut (impl FnMut(Shape, usize) + ?Sized)) {
    let mut at = range.start;
    while at < range.end {
        let byte = bytes[at];
        if digit(byte) {
            if at == 0 || !digit(bytes[at - 1]) {
                run(bytes, at, found);
            }
        } else if mark(byte, peek(bytes, at + 1), peek(bytes, at + 2)) {
            found(Shape::Mark, at);
        }
        at += 1;
    }
}

/// May belong to a letter: a Latin one, the lead byte of a Cyrillic one, what follows any lead byte.
fn of_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, 0x80..=0xBF | 0xD0..=0xD3)
}

pub(super) fn words(bytes: &[u8], range: Range<usize>, found: &mut (impl FnMut(usize) + ?Sized)) {
    for at in range {
        if of_letter(bytes[at]) && (at == 0 || !of_letter(bytes[at - 1])) {
            found(at);
        }
    }
}

fn peek(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

fn mark(byte: u8, next: u8, third: u8) -> bool {
    match byte {
        b'@' => true,
        b'+' => next == b'7',
        b'K' => next == b'Z',
        0x80.. => ENDINGS.contains(&(byte, third)),
        _ => false,
    }
}

/// Shapes that begin at the first digit of a run.
fn run(bytes: &[u8], at: usize, found: &mut (impl FnMut(Shape, usize) + ?Sized)) {
    let is = |offset: usize| digit(peek(bytes, at + offset));
    let all = |range: Range<usize>| range.into_iter().all(is);
    if all(0..9) {
        found(Shape::Digits, at);
    } else if all(0..4) && !is(4) && all(5..9) && !is(9) && all(10..14) {
        found(Shape::Grouped, at);
    } else if !is(1) && (all(2..5) || (!is(2) && all(3..6))) {
        found(Shape::Spaced, at);
    }
}
