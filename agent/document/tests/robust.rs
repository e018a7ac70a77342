//! Whatever the bytes: an answer, within the limits, and the same answer again.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::panic)] // tests read their fixtures

mod support;

use kuzet_document::{Input, Limits, Opener, Verdict, Why};
use proptest::prelude::*;
use support::{Found, corpus};

/// Limits that small files reach.
fn tight() -> Limits {
    Limits { output: 1 << 20, held: 1 << 20, work: 1 << 23, members: 200, pages: 20, ..Limits::default() }
}

/// Every file of the corpus, cut at many places: what is found then is a beginning of what is found in the whole, or nothing.
#[test]
fn cut_files_are_told_or_nothing_is_missing() {
    let mut wrong = Vec::new();
    for (name, bytes) in corpus().into_iter().filter(|(name, _)| !ENDLESS.iter().any(|end| name.ends_with(end))) {
        let whole = Found::within(&bytes, &Limits::default());
        let step = (bytes.len() / 300).max(1);
        for length in (MAGIC..bytes.len()).step_by(step) {
            let cut = Found::within(&bytes[..length], &Limits::default());
            let missing = cut.text.len() < whole.text.len() || cut.pictures.len() < whole.pictures.len();
            if missing && cut.verdict == Verdict::Inspected {
                wrong.push(format!("{name}, {length} of {} bytes: {:?}", bytes.len(), cut.text));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is shorter may look like a text.
const MAGIC: usize = 600;
/// Formats in which nothing tells that the end is missing.
const ENDLESS: [&str; 7] = ["txt", "csv", "json", "sql", "xml", "html", "plain.dump"];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_have_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..4096)) {
        Found::within(&bytes, &tight());
    }

    #[test]
    fn any_change_has_an_answer(
        file in any::<proptest::sample::Index>(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..40),
        cut in any::<proptest::sample::Index>(),
    ) {
        let corpus = corpus();
        let mut bytes = file.get(&corpus).1.clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cut.index(4) == 0 {
            bytes.truncate(cut.index(bytes.len()));
        }
        let found = Found::within(&bytes, &tight());
        let given = found.text.len() + found.pictures.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
        prop_assert!(given <= (1 << 20) + (64 << 10), "{given} bytes were given");
        // The same again, from the same opener, as a stream.
        let mut opener = Opener::new(tight());
        let mut again = Found::default();
        opener.open(Input::Stream(&mut &b"something else"[..]), "", &mut again);
        again = Found::default();
        again.verdict = opener.open(Input::Stream(&mut &bytes[..]), "", &mut again);
        prop_assert_eq!(&found.text, &again.text);
    }
}

#[test]
fn nothing_at_all_is_inspected() {
    assert_eq!(Found::within(b"", &Limits::default()).verdict, Verdict::Inspected);
}

#[test]
fn noise_is_of_no_known_format() {
    let mut state = 1u32;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
    .take(5000)
    .collect();
    let Verdict::NotInspected(reasons) = Found::within(&bytes, &Limits::default()).verdict else { panic!("inspected") };
    assert_eq!(reasons.of(Why::Unknown), 1);
}
