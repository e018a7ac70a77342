//! What a suppression silences, what it never does, and what of a file is refused.

use super::*;
use crate::{Severity, Store, StoreClass};
use kuzet_event::{Actor, Client, Count, FileId, Outcome, Place, SessionId, SourceId, System, Witness};
use std::sync::Arc;

const ANSWERED: &str = "owner = \"credit\"\nreason = \"known\"\nexpires = 2027-01-31\n";

fn detection(kind: Kind, user: &str, client: Client, at: i64) -> Detection {
    Detection {
        detector: "bulk_read",
        rule: None,
        kind,
        severity: Severity::High,
        clause: "5.5",
        since: Timestamp(at),
        at: Timestamp(at),
        place: Place { source: SourceId(0), file: FileId(1), offset: 0, length: 1 },
        actor: Arc::new(Actor {
            system: System::Postgresql,
            user: Arc::from(user),
            client,
            program: Arc::from("psql"),
            database: Arc::from("mfo"),
            person: Arc::from(""),
        }),
        session: SessionId(1),
        store: Some(Arc::new(Store {
            name: Arc::from("borrowers"),
            class: StoreClass::Restricted,
            persons: Count::Known(10),
            categories: Vec::new(),
            guessed: false,
        })),
        relations: Vec::new(),
        categories: Vec::new(),
        outcome: Outcome::Success,
        statement: None,
        witness: Witness::Audit,
        measures: false,
        events: 1,
        rows: Count::Known(5),
        people_at_most: Count::Known(5),
        people: Vec::new(),
        transfer: None,
        reason: "much".to_owned(),
    }
}

fn parsed(conditions: &str) -> Suppressions {
    Suppressions::parse(&format!("[[suppress]]\nname = \"n\"\n{conditions}\n{ANSWERED}"), "s.toml").unwrap()
}

fn codes(text: &str) -> Vec<String> {
    Suppressions::parse(text, "s.toml")
        .map_err(|faults| faults.into_iter().map(|fault| fault.code).collect())
        .err()
        .unwrap_or_default()
}

/// 2026-11-23T00:00Z.
const NOW: i64 = 1_795_392_000_000_000;

#[test]
fn every_condition_must_hold_and_what_is_silenced_is_counted() {
    let inside = Client::Address("10.1.2.3".parse().unwrap());
    let all = "kind = \"bulk_read\"\nrole = \"rep*\"\nclient = \"10.1.0.0/16\"\nprogram = \"psql\"\nstore = \"borr*\"";
    let mut rules = parsed(all);
    assert!(rules.silence(&detection(Kind::BulkRead, "report", inside.clone(), NOW)));
    for other in [
        detection(Kind::Export, "report", inside.clone(), NOW),
        detection(Kind::BulkRead, "app", inside.clone(), NOW),
        detection(Kind::BulkRead, "report", Client::Local, NOW),
        detection(Kind::BulkRead, "report", Client::Unknown, NOW),
        Detection { store: None, ..detection(Kind::BulkRead, "report", inside.clone(), NOW) },
    ] {
        assert!(!rules.silence(&other), "{other:?}");
    }
    let counted: Vec<_> = rules.counted().collect();
    assert_eq!(counted, [("n", Counted { times: 1, last: Some(Timestamp(NOW)) })]);
    // What was counted survives a restart, and a name that is new begins at 0.
    let rows: Vec<Row> = rules.changes();
    assert!(rules.changes().is_empty());
    let rows: Vec<(Vec<u8>, Vec<u8>)> = rows.into_iter().map(|(key, value)| (key, value.unwrap())).collect();
    assert_eq!(counted_row(&rows[0].0, &rows[0].1).unwrap().0, "suppression");
    let mut again = parsed(all);
    again.restore(rows.iter().map(|(key, value)| (key, value)));
    assert_eq!(again.counted().next().unwrap().1.times, 1);
    assert!(!parsed("person = \"*a*\"").silence(&detection(Kind::BulkRead, "report", inside, NOW)), "nobody was told");
}

#[test]
fn the_own_sight_is_silenced_outright_or_not() {
    assert!(OUTRIGHT.contains(&Kind::Canary));
    for kind in OUTRIGHT {
        let found = detection(kind, "postgres", Client::Local, NOW);
        assert!(!parsed("role = \"postgres\"").silence(&found), "{kind:?}");
        assert!(parsed(&format!("kind = \"{}\"", kind.name())).silence(&found), "{kind:?}");
    }
    assert!(parsed("role = \"postgres\"").silence(&detection(Kind::BulkRead, "postgres", Client::Local, NOW)));
}

#[test]
fn an_expired_one_silences_nothing_and_is_told() {
    let mut rules = parsed("role = \"report\"");
    let last = Timestamp(1_801_422_000_000_000); // 2027-01-31T24:00+05:00
    let at = |at: i64| detection(Kind::BulkRead, "report", Client::Local, at);
    assert!(rules.silence(&at(last.0 - 1)));
    assert!(!rules.silence(&at(last.0)));
    assert_eq!(rules.expired(Timestamp(last.0 - 1)).count(), 0);
    let told = rules.expired(last).next().unwrap();
    assert!(told.warning && told.code == "KZ209" && told.line == 1 && told.help.contains("credit"), "{told:?}");
}

#[test]
fn what_is_not_answered_for_or_too_wide_is_refused() {
    let entry = |body: &str| format!("[[suppress]]\nname = \"n\"\n{body}");
    assert_eq!(codes(&entry("role = \"a\"\nowner = \"o\"\nreason = \"r\"")), ["KZ204"]);
    assert_eq!(codes(&entry("role = \"a\"")), ["KZ204"; 3]);
    assert_eq!(codes(&entry("role = \"a\"\nowner = \"\"\nreason = \"r\"\nexpires = 2027-01-01")), ["KZ205"]);
    for wide in ["", "role = \"*\"", "store = [\"a\", \"*\"]", "client = \"0.0.0.0/0\""] {
        assert_eq!(codes(&entry(&format!("{wide}\n{ANSWERED}"))), ["KZ208"], "{wide}");
    }
    assert_eq!(codes(&entry(&format!("kind = \"bulk_red\"\n{ANSWERED}"))), ["KZ207"]);
    assert_eq!(codes(&entry(&format!("detector = \"nobody\"\n{ANSWERED}"))), ["KZ207"]);
    assert_eq!(codes(&entry(&format!("rols = \"a\"\nrole = \"a\"\n{ANSWERED}"))), ["KZ202"]);
    let twice = entry(&format!("role = \"a\"\n{ANSWERED}")).repeat(2);
    assert_eq!(codes(&twice), ["KZ206"]);
}
