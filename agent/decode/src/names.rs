//! Names out of a log made fit to be shown: valid UTF-8, no control characters, no identifiers inside.

use std::sync::Arc;

/// Longest name kept, in bytes; servers cut theirs at 63 or 64 bytes, host names end at 255.
const LONGEST: usize = 256;

/// `raw` as a name: invalid UTF-8 and control characters replaced, cut at 256 bytes. Runs on a cache miss only.
pub(crate) fn clean(raw: &[u8]) -> Arc<str> {
    let raw = &raw[..raw.len().min(4 * LONGEST)];
    let mut text: String = String::from_utf8_lossy(raw)
        .chars()
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    if text.len() > LONGEST {
        let mut end = LONGEST;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    Arc::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_what_cannot_be_shown() {
        assert_eq!(&*clean(b"app"), "app");
        assert_eq!(&*clean(b"a\nb\x1b[31m"), "a\u{fffd}b\u{fffd}[31m");
        assert_eq!(&*clean(b"a\xff"), "a\u{fffd}");
        assert_eq!(clean("қ".repeat(400).as_bytes()).len(), 256);
    }
}
