//! The kinds that only words tell: labelled values, names, addresses, machine-readable zones.

use std::ops::Range;

use crate::classifier::LOOK;
use crate::context::{self, Hit, Word};
use crate::fold::{self, Folded};
use crate::kinds::{Kind, address, mrz, person_name};
use crate::value;
use crate::{Finding, Reason};

/// Finds what begins in `range` of `bytes`.
pub(crate) fn scan(bytes: &[u8], range: Range<usize>, folded: &mut Folded, found: &mut Vec<Finding>) {
    let from = boundary(bytes, range.start.saturating_sub(LOOK));
    let to = boundary(bytes, bytes.len().min(range.end + LOOK));
    folded.fold(&bytes[from..to]);
    let text = &*folded;
    let mut give = |kind, characters: Range<usize>, confidence, reason| {
        let span = from + text.at[characters.start] as usize..from + text.at[characters.end] as usize;
        if range.contains(&span.start) {
            found.push(Finding { kind, span, confidence, reason });
        }
    };
    labelled(text, &mut give);
    person_name::each(text, |characters, confidence, reason| give(Kind::PersonName, characters, confidence, reason));
    address::each(text, |characters| give(Kind::Address, characters, 75, Reason::Parts));
    mrz::each(bytes, from..to, |finding| {
        if range.contains(&finding.span.start) {
            found.push(finding);
        }
    });
}

/// The nearest place at or after `at` where a character begins.
fn boundary(bytes: &[u8], mut at: usize) -> usize {
    let limit = bytes.len().min(at + 3);
    while at < limit && bytes[at] & 0xC0 == 0x80 {
        at += 1;
    }
    at
}

/// Values behind their labels.
fn labelled(text: &Folded, give: &mut impl FnMut(Kind, Range<usize>, u8, Reason)) {
    let mut hits: Vec<Hit> = Vec::new();
    context::each(&text.codes, |hit| {
        // Of two words that end together or where one contains the other, the longer speaks.
        while hits.last().is_some_and(|last| hit.start <= last.start && hit.end >= last.end && *last != hit) {
            hits.pop();
        }
        if hits.last().is_none_or(|last| hit.start >= last.end || hit.end > last.end) {
            hits.push(hit);
        }
    });
    for (index, hit) in hits.iter().enumerate() {
        let Word::Of(kind) = hit.word else { continue };
        if matches!(kind, Kind::Iin)
            && let Some(hidden) = value::hidden(text, hit.end)
        {
            give(Kind::MaskedIin, hidden, 60, Reason::Hidden);
        }
        if kind == Kind::IdCard
            && let Some(number) = value::passport(text, hit.end)
        {
            give(Kind::Passport, number, 75, Reason::Context);
        }
        let Some(read) = kind.entry().value else { continue };
        let Some(found) = read(text, hit.end) else { continue };
        // Hits are in order, so the look ahead ends with the value.
        let next = hits[index + 1..]
            .iter()
            .take_while(|next| next.start < found.end)
            .find(|next| next.start >= found.start && next.word != hit.word);
        let end = found.end.min(next.map_or(usize::MAX, |next| next.start));
        if let Some(found) = cut(text, found.start..end) {
            give(kind, found, 70, Reason::Label);
        }
    }
}

/// Ends a value before a run of nine digits or more, or an e-mail, and takes off what then trails.
fn cut(text: &Folded, found: Range<usize>) -> Option<Range<usize>> {
    let codes = &text.codes[found.clone()];
    let mut run = 0;
    let mut end = codes.len();
    for (index, code) in codes.iter().enumerate() {
        run = if code.is_ascii_digit() { run + 1 } else { 0 };
        if run == 9 {
            end = index - 8;
            break;
        }
    }
    while end > 0 && matches!(codes[end - 1], b' ' | b',' | b'.' | b':' | b'-' | b'(' | b'#' | b'+') {
        end -= 1;
    }
    let whole = codes[..end].iter().any(|code| fold::letter(*code) || code.is_ascii_digit());
    whole.then_some(found.start..found.start + end)
}
