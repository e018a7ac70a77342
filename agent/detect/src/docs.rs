//! The documentation says what the code does: examples are read, lists and defaults are compared.

use crate::detectors::DETECTORS;
use crate::{CATEGORIES, Catalogue, Kind, Policy, Thresholds};

const DETECTORS_MD: &str = include_str!("../../../docs/detectors.md");
const CATALOGUE_MD: &str = include_str!("../../../docs/catalogue.md");
const NOISE_MD: &str = include_str!("../../../docs/noise.md");
const POLICY_MD: &str = include_str!("../../../docs/policy.md");

fn example(text: &str) -> &str {
    text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap()
}

#[test]
fn every_threshold_stands_in_the_docs_with_its_default_and_a_reason() {
    let defaults = serde_json::to_value(Thresholds::default()).unwrap();
    let defaults = defaults.as_object().unwrap();
    for (name, value) in defaults {
        let row = DETECTORS_MD.lines().find(|line| line.starts_with(&format!("| `{name}` | {value} | ")));
        assert!(row.is_some_and(|row| row.len() > 60), "docs/detectors.md: `{name}` is {value}");
    }
    for detector in DETECTORS {
        for name in detector.thresholds {
            assert!(defaults.contains_key(*name), "{} names {name}", detector.name);
        }
    }
}

#[test]
fn every_detector_stands_in_the_docs_and_every_kind_has_one() {
    for detector in DETECTORS {
        let kinds: Vec<String> = detector.kinds.iter().map(|kind| format!("`{}`", kind.name())).collect();
        let row = format!("| `{}` | {} | ", detector.name, kinds.join(", "));
        assert!(DETECTORS_MD.contains(&row), "docs/detectors.md: {row}");
        // Staging joins two folders: the engine asks it.
        let asked = detector.on_event.is_some() || detector.on_touch.is_some() || detector.on_flow.is_some();
        assert!(asked || detector.name == "staging");
    }
    // Two kinds come from comparing what was read with what there is to read, and one from joining two events.
    let from_events = |kind: &Kind| !matches!(kind, Kind::SightLost | Kind::BlindedSession | Kind::Exfiltration);
    for kind in Kind::ALL.into_iter().filter(from_events) {
        assert_eq!(DETECTORS.iter().filter(|detector| detector.kinds.contains(&kind)).count(), 1, "{kind:?}");
    }
}

#[test]
fn the_examples_can_be_read() {
    let catalogue = Catalogue::parse(example(CATALOGUE_MD), "docs/catalogue.md").unwrap();
    let policy = Policy::parse(example(POLICY_MD), "docs/policy.md").unwrap();
    assert!(policy.check_stores(&catalogue).is_empty());
    let mut examples = NOISE_MD.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let (job, suppressions) = (examples.next().unwrap(), examples.next().unwrap());
    assert_eq!(Policy::parse(job, "docs/noise.md").unwrap().job_names().count(), 1);
    assert_eq!(crate::Suppressions::parse(suppressions, "docs/noise.md").unwrap().names().count(), 1);
    for category in CATEGORIES {
        assert!(CATALOGUE_MD.contains(&format!("`{category}`")), "{category}");
        assert!(kuzet_personal::Category::from_code(category).is_some(), "{category}");
    }
}
