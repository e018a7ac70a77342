//! What is remembered of shapes and values changes no verdict: the same events through one set of rules and through rules
//! that have met nothing.

use super::RuleBook;
use crate::tests::{CATALOGUE, POLICY, Spec, event};
use crate::{Catalogue, Detectors, Policy, Severities, Thresholds};
use kuzet_event::{Count, Event, Outcome, Timestamp, Witness};
use kuzet_personal::Key;
use kuzet_sigma::{FieldMap, Lists};
use proptest::prelude::*;
use std::sync::LazyLock;

/// Rules on what many events share, on what is each event's own, and on both.
const RULES: &str = "
title: shape
logsource: {category: database}
detection: {a: {db.query.summary|contains: 'FORM 1'}, condition: a}
---
title: shape and rows
logsource: {category: database}
detection: {a: {db.query.summary|re: 'form [0-9]$'}, b: {db.response.returned_rows|gt: 400}, condition: a and b}
---
title: not the shape, and who
logsource: {category: database}
detection: {a: {db.operation.name: [select, copy]}, b: {user.name: [analyst, dba]}, condition: b and not a}
---
title: two of three
logsource: {category: database, product: postgresql}
detection:
  a1: {kuzet.store.access: [read, export]}
  a2: {event.outcome: failure}
  a3: {kuzet.policy: denied}
  condition: 2 of a*
---
title: where from, and which table
logsource: {category: database, service: pgaudit}
detection: {a: {source.ip|cidr: 10.0.0.0/8, db.collection.name|endswith: loans}, condition: a}
---
title: time, and no table
logsource: {category: database}
detection: {a: {'@timestamp|minute|gte': 35}, b: {db.collection.name: null}, condition: a or b}
---
title: any word
logsource: {category: database}
detection: {words: [borrowers, '42501'], condition: words}
";

static BOOK: LazyLock<RuleBook> = LazyLock::new(|| {
    let (book, diagnostics) = RuleBook::load([("rules.yml", RULES)], &FieldMap::default(), &Lists::new(), &[]);
    assert!(diagnostics.iter().all(|one| one.warning()), "{diagnostics:?}");
    assert_eq!(book.members().len(), 7);
    book
});

fn detectors() -> Detectors {
    let (catalogue, policy) = (Catalogue::parse(CATALOGUE, "c"), Policy::parse(POLICY, "p"));
    let (thresholds, severities) = (Thresholds::default(), Severities::default());
    Detectors::new(catalogue.unwrap(), Some(policy.unwrap()), thresholds, severities)
        .with_rules(BOOK.clone(), &Key::new([7; 32]))
}

fn spec() -> impl Strategy<Value = Spec> {
    let witness = prop::sample::select(vec![Witness::Audit, Witness::Audit, Witness::Log]);
    (0_u8..4, 0_u8..5, 0_u8..43, witness).prop_map(|(user, client, form, witness)| {
        let (seconds, session, number, rows, person, outcome) = (0, 1, 0, None, 1, 1);
        Spec { seconds, user, client, session, number, form, rows, person, outcome, witness }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_is_remembered_changes_no_verdict(
        shapes in prop::collection::vec(spec(), 1..6),
        stream in prop::collection::vec(
            (any::<prop::sample::Index>(), 0_i64..3_600, prop::option::of(0_u64..800), 0_usize..3, any::<prop::sample::Index>()),
            1..30,
        ),
    ) {
        let shapes: Vec<Event> = shapes.iter().map(event).collect();
        let mut all = detectors();
        for (at, seconds, rows, outcome, who) in stream {
            // Events share statements and actors, as those of a decoder do.
            let shape = at.get(&shapes).clone();
            let event = Event {
                at: Timestamp(shape.at.0 + seconds * 1_000_000),
                rows: rows.map_or(Count::Unknown, Count::Known),
                outcome: [Outcome::Unknown, Outcome::Success, Outcome::Failure][outcome],
                actor: who.get(&shapes).actor.clone(),
                ..shape
            };
            prop_assert_eq!(all.try_rules(&event), detectors().try_rules(&event));
        }
    }
}
