//! Names out of a log made fit to be shown: valid UTF-8, no control characters, no identifiers inside.

use kuzet_personal::mask_identifiers;
use std::sync::Arc;

/// Longest name kept, in bytes; servers cut theirs at 63 or 64 bytes, host names end at 255.
const LONGEST: usize = 256;

/// `raw` as a name: invalid UTF-8 and control characters replaced, identifying values masked, cut at 256 bytes. Runs on a
/// cache miss only.
pub(crate) fn clean(raw: &[u8]) -> Arc<str> {
    let raw = &raw[..raw.len().min(4 * LONGEST)];
    let mut text: String = String::from_utf8_lossy(raw)
        .chars()
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    // Masked before it is cut: half an identifier is still half an identifier.
    if let std::borrow::Cow::Owned(masked) = mask_identifiers(&text) {
        text = masked;
    }
    text.truncate(text.floor_char_boundary(LONGEST));
    Arc::from(text)
}

/// At most `longest` bytes of `text`.
pub(crate) fn shorten(text: &str, longest: usize) -> Arc<str> {
    Arc::from(&text[..text.floor_char_boundary(longest)])
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
