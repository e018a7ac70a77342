//! Any text is suppressions or diagnostics with a place: no panic, nothing endless is taken, and what tells of lost sight or
//! of canaries is silenced by nothing that does not name it.
#![no_main]

mod events;

use kuzet_detect::{Catalogue, Detection, Detectors, Severities, Suppressions, Thresholds};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static DETECTIONS: LazyLock<Vec<Detection>> = LazyLock::new(|| {
    let mut detectors = Detectors::new(Catalogue::guess(), None, Thresholds::default(), Severities::default());
    let mut detections = Vec::new();
    events::events().iter().for_each(|event| detectors.observe(event, &mut detections));
    assert!(detections.iter().any(|one| one.kind.name() == "audit_tampering") && detections.len() > 5);
    detections
});

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let mut suppressions = match Suppressions::parse(&text, "fuzz.toml") {
        Ok(suppressions) => suppressions,
        Err(faults) => {
            let placed = |line: usize| line <= text.lines().count() + 1;
            assert!(!faults.is_empty() && faults.iter().all(|one| placed(one.line) && one.message.len() < 4_000));
            return;
        }
    };
    for detection in DETECTIONS.iter() {
        let silenced = suppressions.silence(detection);
        assert!(!silenced || detection.kind.name() != "audit_tampering" || text.contains("audit_tampering"));
    }
    let rows = suppressions.changes();
    let times = |of: &Suppressions| of.counted().map(|(_, counted)| counted.times).sum::<u64>();
    let rows: Vec<_> = rows.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    let mut again = Suppressions::parse(&text, "fuzz.toml").unwrap_or_default();
    again.restore(rows.iter().map(|(key, value)| (key, value)));
    assert_eq!(times(&suppressions), times(&again));
});
