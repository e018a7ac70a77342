//! Reserved numbers are valid and nobody's; whoever asks for one is told, and nobody is counted.

use super::*;
use crate::tests::{CATALOGUE, Spec, event};
use crate::{Catalogue, Detection, Detectors, Kind, Policy, Severities, Severity, Thresholds};
use kuzet_event::{Count, Identifier, IdentifierKind, Witness};
use smallvec::smallvec;
use std::collections::HashSet;

fn key() -> Key {
    Key::new([7; 32])
}

#[test]
fn reserved_numbers_are_valid_and_of_no_living_person() {
    let all: HashSet<String> = (0..RESERVED).map(|number| reserved_iin(&key(), number)).collect();
    assert_eq!(all.len(), usize::from(RESERVED), "each is another one");
    for iin in &all {
        // The classifier knows check digit, date and century; nothing announces the number here.
        assert_eq!(kuzet_personal::identify(iin.as_bytes(), None), Some(kuzet_personal::Kind::Iin), "{iin}");
        let year: u32 = iin[..2].parse().unwrap();
        assert!(year <= 4 && matches!(&iin[6..7], "3" | "4"), "born in 1900 to 1904: {iin}");
    }
    assert_eq!(reserved_iin(&key(), 3), reserved_iin(&key(), 3));
    let other = Key::new([8; 32]);
    assert!((0..RESERVED).all(|number| !all.contains(&reserved_iin(&other, number))), "of another host");
    assert_eq!(check_digit(b"85083034693"), Some(9));
}

fn asked(kind: IdentifierKind, hash: u128, form: u8) -> kuzet_event::Event {
    let mut found = event(&Spec {
        seconds: 0,
        user: 0,
        client: 0,
        session: 7,
        number: 1,
        form,
        rows: Some(1),
        person: 0,
        outcome: 1,
        witness: Witness::Audit,
    });
    found.identifiers = smallvec![Identifier::new(0, kind, PersonKey(hash))];
    found
}

fn told(planted: &[Planted], event: &kuzet_event::Event) -> Vec<Detection> {
    let catalogue = Catalogue::parse(CATALOGUE, "catalogue.toml").unwrap();
    let policy = Policy::parse(crate::tests::POLICY, "policy.toml").unwrap();
    let mut detectors = Detectors::new(catalogue, Some(policy), Thresholds::default(), Severities::default());
    detectors.watch_canaries(Canaries::new(&key(), planted));
    let mut found = Vec::new();
    detectors.observe(event, &mut found);
    found
}

#[test]
fn whoever_asks_for_one_is_told_at_once_and_it_is_nobody() {
    let hash = key().pseudonym("iin", reserved_iin(&key(), 5).as_bytes());
    let found = told(&[], &asked(IdentifierKind::Iin, hash, 0));
    let one = &found[0];
    assert_eq!((found.len(), one.kind, one.severity), (1, Kind::Canary, Severity::Critical), "{found:?}");
    assert!(one.reason.contains("canary c5") && one.people.is_empty(), "{one:?}");
    assert_eq!((one.events, one.rows), (1, Count::Known(1)));
    // In a table that no store covers, too.
    let found = told(&[], &asked(IdentifierKind::Iin, hash, 15));
    assert_eq!((found.len(), found[0].kind, found[0].severity), (1, Kind::Canary, Severity::Critical), "{found:?}");
    // And in the address of a page.
    let mut request = asked(IdentifierKind::Iin, hash, 15);
    request.action = kuzet_event::Action::Request;
    let found = told(&[], &request);
    assert_eq!((found.len(), found[0].kind, found[0].severity), (1, Kind::Canary, Severity::Critical), "{found:?}");
    // Another person's number is nobody's business here.
    assert!(told(&[], &asked(IdentifierKind::Iin, hash ^ 1, 0)).is_empty());
    // One that was taken out is watched no more.
    let gone = Planted { number: 5, table: "borrowers".to_owned(), key: None, removed: true };
    assert!(told(&[gone], &asked(IdentifierKind::Iin, hash, 0)).is_empty());
}

#[test]
fn a_row_is_told_by_its_key_in_its_own_table_only() {
    let row = key_hash(&key(), "ID", "2000000017");
    let planted = Planted { number: 9, table: "Borrowers".to_owned(), key: Some(row), removed: false };
    let planted = std::slice::from_ref(&planted);
    let found = told(planted, &asked(IdentifierKind::Value, row.0, 0));
    assert!(found.iter().any(|one| one.kind == Kind::Canary && one.reason.contains("by its key")), "{found:?}");
    // The same number may be the key of another table's row.
    let found = told(planted, &asked(IdentifierKind::Value, row.0, 4));
    assert!(found.iter().all(|one| one.kind != Kind::Canary), "{found:?}");
}
