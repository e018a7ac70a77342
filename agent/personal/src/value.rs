//! Readers of values that only a label announces: amounts, days, phrases, names, lines.
//!
//! All get the folded text and the index behind the label and give the characters of the value, at most [`LONGEST`] of
//! them; none when what follows has not the form.

use std::ops::Range;

use crate::fold::{self, Folded};

/// Longest value, in characters.
pub(crate) const LONGEST: usize = 160;
/// Most characters between a label and its value.
const GAP: usize = 24;

/// Index of the value behind a label: over the rest of the label's last word, then `:`, `=`, quotes, brackets, spaces,
/// at most one line end. None when something else stands there, or without any separator.
fn begin(text: &Folded, from: usize) -> Option<usize> {
    let codes = &text.codes;
    let mut at = from;
    while at < codes.len() && at - from < GAP && (fold::letter(codes[at]) || codes[at] == b'_') {
        at += 1;
    }
    let word = at;
    let mut lines = 0;
    while at < codes.len() && at - word < GAP {
        match codes[at] {
            b'\n' => lines += 1,
            b' ' | b':' | b'=' | b'"' | b'\'' | b'>' | b'\t' | b'-' | b'(' | b'#' | b'\r' | b';' | b'|' | b',' => {}
            _ => break,
        }
        if lines > 1 {
            return None;
        }
        at += 1;
    }
    (at > word && at < codes.len()).then_some(at)
}

/// Index where the run of characters that satisfy `good` ends, at most [`LONGEST`] on.
fn run(text: &Folded, from: usize, good: impl Fn(u8) -> bool) -> usize {
    let limit = text.codes.len().min(from + LONGEST);
    from + text.codes[from..limit].iter().take_while(|code| good(**code)).count()
}

/// Whether what stands between a label and its value says that a value follows; running text does not.
fn announced(gap: &[u8]) -> bool {
    gap.iter().any(|code| matches!(code, b':' | b'=' | b'"' | b'>' | b'|')) || gap.ends_with(b" - ")
}

fn trimmed(text: &Folded, range: Range<usize>) -> Option<Range<usize>> {
    let mut end = range.end;
    while end > range.start && matches!(text.codes[end - 1], b' ' | b'.' | b'-' | b'\r') {
        end -= 1;
    }
    (end > range.start).then_some(range.start..end)
}

/// An amount of money of three digits or more: `350 000`, `350000.00`, `350 тыс`.
pub(crate) fn amount(text: &Folded, from: usize) -> Option<Range<usize>> {
    let mut start = begin(text, from)?;
    // One or two words may stand between: "заработная плата составляет 350 000".
    for _ in 0..3 {
        if text.codes[start].is_ascii_digit() {
            break;
        }
        let end = run(text, start, fold::letter);
        if end == start || end - from > 40 {
            return None;
        }
        start = begin(text, end)?;
        if text.codes[end..start].contains(&b'\n') {
            return None;
        }
    }
    let end = run(text, start, |code| code.is_ascii_digit() || matches!(code, b' ' | b'.' | b',' | b'\''));
    let digits = text.codes[start..end].iter().filter(|code| code.is_ascii_digit()).count();
    let unit = run(text, end, fold::letter);
    let thousands = text.codes[end..unit].starts_with(&fold::codes("тыс"))
        || text.codes[end..unit].starts_with(&fold::codes("мың"));
    let dots = text.codes[start..end].iter().filter(|code| **code == b'.').count();
    if !text.codes[start].is_ascii_digit() || dots > 2 || digits > 12 || (digits < 3 && !thousands) {
        return None;
    }
    let mut end = end;
    while matches!(text.codes[end - 1], b' ' | b'.' | b',' | b'\'') {
        end -= 1;
    }
    Some(start..end)
}

/// A measure: an amount, or a short number (a score, days overdue).
pub(crate) fn measure(text: &Folded, from: usize) -> Option<Range<usize>> {
    amount(text, from).or_else(|| {
        let start = begin(text, from)?;
        let end = run(text, start, |code| code.is_ascii_digit() || code == b'.');
        (end > start && end - start <= 8).then_some(start..end)
    })
}

/// A date (`25.11.2026`, `2026-11-25`) or a day of the month.
pub(crate) fn day(text: &Folded, from: usize) -> Option<Range<usize>> {
    let start = begin(text, from)?;
    let end = run(text, start, |code| code.is_ascii_digit() || matches!(code, b'.' | b'-' | b'/' | b':' | b't'));
    let digits = text.codes[start..end].iter().filter(|code| code.is_ascii_digit()).count();
    ((1..=14).contains(&digits) && text.codes[start].is_ascii_digit()).then_some(())?;
    trimmed(text, start..end)
}

/// Words up to a punctuation mark or line end; it begins with a letter or a quote.
pub(crate) fn phrase(text: &Folded, from: usize) -> Option<Range<usize>> {
    let start = begin(text, from)?;
    if !fold::letter(text.codes[start]) {
        return None;
    }
    let end = run(text, start, |code| {
        !matches!(code, b'\n' | b';' | b',' | b'"' | b'<' | b'}' | b'|' | b'\t' | b'\'' | b'=' | b':')
    });
    (end - start >= 3).then_some(())?;
    trimmed(text, start..end)
}

/// Up to the end of the line or of the quoted string; two letters among its first 40 characters.
pub(crate) fn line(text: &Folded, from: usize) -> Option<Range<usize>> {
    let start = begin(text, from)?;
    let end = run(text, start, |code| !matches!(code, b'\n' | b'"' | b'<' | b'}' | b'|' | b'\t' | b';'));
    let letters = text.codes[start..end].iter().take(40).filter(|code| fold::letter(**code)).count();
    // A label is followed by a separator that says so; running text is no value.
    let announced = announced(&text.codes[from..start]);
    (announced && letters >= 2).then_some(())?;
    trimmed(text, start..end)
}

/// Characters up to the next white space, quote or bracket, at least four.
pub(crate) fn token(text: &Folded, from: usize) -> Option<Range<usize>> {
    let start = begin(text, from)?;
    let announced = announced(&text.codes[from..start]);
    let end = run(text, start, |code| code > b' ' && !matches!(code, b'"' | b'<' | b'}' | b'|' | b','));
    (announced && end - start >= 4).then_some(start..end)
}

/// An IPv4 or IPv6 address.
pub(crate) fn address(text: &Folded, from: usize) -> Option<Range<usize>> {
    let start = begin(text, from)?;
    let end = run(text, start, |code| code.is_ascii_hexdigit() || matches!(code, b'.' | b':'));
    let mut ascii = [0u8; 46];
    let shown = &text.codes[start..end];
    ascii.get_mut(..shown.len())?.copy_from_slice(shown);
    let written = std::str::from_utf8(&ascii[..shown.len()]).ok()?;
    written.trim_end_matches(['.', ':']).parse::<std::net::IpAddr>().ok()?;
    trimmed(text, start..end)
}

/// One to three capitalised words, initials among them.
pub(crate) fn name(text: &Folded, from: usize) -> Option<Range<usize>> {
    let start = begin(text, from)?;
    let (mut at, mut end) = (start, start);
    for _ in 0..3 {
        if at >= text.codes.len() || !text.capital[at] {
            break;
        }
        let word = run(text, at, |code| fold::letter(code) || code == b'-');
        if word == at {
            break;
        }
        end = word;
        at = run(text, word, |code| matches!(code, b' ' | b'.'));
        if at == word || at - word > 2 {
            break;
        }
    }
    (end > start + 1).then_some(start..end)
}

/// Twelve characters of an IIN, some hidden.
pub(crate) fn hidden(text: &Folded, from: usize) -> Option<Range<usize>> {
    let start = begin(text, from)?;
    let end = run(text, start, |code| code.is_ascii_digit() || matches!(code, b'*' | b'x' | b'#'));
    crate::kinds::iin::masked(&text.codes[start..end]).then_some(start..end)
}

/// `N` and eight digits.
pub(crate) fn passport(text: &Folded, from: usize) -> Option<Range<usize>> {
    let start = begin(text, from)?;
    let digits = run(text, start + 1, |code| code.is_ascii_digit());
    let ends = text.codes.get(digits).is_none_or(|code| !fold::letter(*code));
    (matches!(text.codes[start], b'n') && digits == start + 9 && ends).then_some(start..digits)
}
