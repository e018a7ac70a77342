//! E-mail address with a top-level domain.

use std::ops::Range;

use super::{Entry, Kind};
use crate::Category;

pub(crate) static ENTRY: Entry = Entry {
    kind: Kind::Email,
    name: "email",
    category: Some(Category::Email),
    person: true,
    shown: (1, 0),
    words: &["e-mail*", "email*", "почт*", "пошта*", "эл. адрес*", "емейл*", "имейл*"],
    value: None,
};

/// The address around the `@` at `at`: local part of at most 64 bytes, domain of at most 253 with a dot and an
/// alphabetic top-level domain of two letters or more.
pub(crate) fn around(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let local = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+' | b'%');
    let floor = at.saturating_sub(64);
    let mut start = at;
    while start > floor && local(bytes[start - 1]) {
        start -= 1;
    }
    while start < at && matches!(bytes[start], b'.' | b'-' | b'+' | b'%') {
        start += 1;
    }
    let limit = bytes.len().min(at + 254);
    let mut end = at + 1;
    while end < limit && (bytes[end].is_ascii_alphanumeric() || matches!(bytes[end], b'.' | b'-')) {
        end += 1;
    }
    while end > at + 1 && matches!(bytes[end - 1], b'.' | b'-') {
        end -= 1;
    }
    let dot = memchr::memrchr(b'.', &bytes[at + 1..end])?;
    // No top-level domain has a hyphen behind letters: in `clerk@example.kz-web` the address ends before it.
    let top = at + dot + 2;
    let letters = bytes[top..end].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    if letters >= 2 && bytes[top..end].get(letters) == Some(&b'-') {
        end = top + letters;
    }
    let (domain, top) = (&bytes[at + 1..end], &bytes[top..end]);
    let good = start < at
        && dot > 0
        && domain[0] != b'.'
        && top.len() >= 2
        && top.iter().all(u8::is_ascii_alphabetic)
        && !domain.windows(2).any(|pair| pair == b"..");
    good.then_some(start..end)
}
