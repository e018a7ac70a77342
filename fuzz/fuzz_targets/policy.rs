//! Any text is an access policy with its jobs, or diagnostics with a place: no panic on parsing it or on working by it, and a
//! restart does not show in what was expected.
#![no_main]

mod events;

use kuzet_detect::{Catalogue, Detectors, Policy, Severities, Thresholds};
use kuzet_event::Event;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static EVENTS: LazyLock<Vec<Event>> = LazyLock::new(|| {
    let events = events::events();
    assert!(events.len() > 20);
    events
});

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let policy = match Policy::parse(&text, "fuzz.toml") {
        Ok(policy) => policy,
        Err(faults) => {
            let placed = |line: usize| line <= text.lines().count() + 1;
            assert!(!faults.is_empty() && faults.iter().all(|one| placed(one.line) && one.message.len() < 4_000));
            return;
        }
    };
    let make = || {
        Detectors::new(Catalogue::guess(), Some(policy.clone()), Thresholds::default(), Severities::default())
    };
    let expected = |of: &Detectors| of.expected().map(|(_, counted)| counted.times).sum::<u64>();
    let (mut detectors, mut detections) = (make(), Vec::new());
    EVENTS.iter().for_each(|event| detectors.observe(event, &mut detections));
    detectors.finish(&mut detections);
    let rows = detectors.changes().into_iter().filter_map(|(key, value)| Some((key, value?)));
    let mut again = make();
    again.restore(rows);
    assert_eq!(expected(&detectors), expected(&again));
});
