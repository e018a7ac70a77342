//! As many different roles, addresses, programs, statements and people as a hostile feed can name: memory stays where it
//! is. Two hundred thousand of each in the gate, ten million with `KUZET_LONG=1` (scripts/long.sh).

use kuzet_detect::{Catalogue, Detectors, Severities, Thresholds};
use kuzet_event::{
    Access, Action, Actor, Client, Code, Count, Event, Flag, Flags, Identifier, IdentifierKind, Outcome, PersonKey,
    Place, Relation, SessionId, Statement, System, Timestamp, Trust, Verb, Witness,
};
use std::sync::Arc;

/// An event whose every name is that number's. Each second one is of one role, that nothing but the rest is new of.
fn event(number: u64) -> Event {
    let user = if number.is_multiple_of(2) { "clerk".to_owned() } else { format!("role-{number:x}") };
    let statement = Statement {
        fingerprint: number.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        summary: Arc::from("SELECT name FROM borrowers WHERE iin = ?"),
        verb: Verb::Select,
        relations: vec![Relation { schema: Arc::from(""), name: Arc::from("borrowers"), access: Access::Read }],
        columns: vec![Arc::from("name")],
        predicate_columns: vec![Arc::from("iin")],
        export: None,
        flags: Flags::NONE.with(Flag::Pointed),
        limit: None,
        settings: Vec::new(),
        role: None,
        routines: Vec::new(),
    };
    let key = PersonKey(u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_d1b5_4a32_d192_ed03));
    let address = std::net::Ipv6Addr::from(u128::from(number) << 80);
    Event {
        // A million of them in twenty days.
        at: Timestamp(1_795_364_550_000_000 + i64::try_from(number).unwrap_or(0) * 1_728_000),
        place: Place::default(),
        actor: Arc::new(Actor {
            system: System::Postgresql,
            user: Arc::from(user),
            client: Client::Address(address.into()),
            program: Arc::from(format!("program {}", number ^ 0x55)),
            database: Arc::from("mfo"),
            person: Arc::from(""),
        }),
        session: SessionId(number + 1),
        statement_number: 1,
        action: Action::Statement,
        outcome: Outcome::Success,
        code: Code::NONE,
        relation: None,
        statement: Some(Arc::new(statement)),
        identifiers: [Identifier::new(0, IdentifierKind::Iin, key)].into_iter().collect(),
        calls: 1,
        rows: Count::Known(1),
        bytes: Count::Unknown,
        trust: Trust::Structured,
        witness: Witness::Audit,
        raw: None,
    }
}

fn resident() -> u64 {
    kuzet::metrics::usage().expect("this process").resident_bytes
}

#[test]
fn memory_does_not_grow_with_what_a_feed_can_name() {
    let long = std::env::var("KUZET_LONG").is_ok_and(|value| value == "1");
    let events: u64 = if long { 10_000_000 } else { 200_000 };
    let thresholds = Thresholds { max_known: 2_048, max_accounts: 2_048, ..Thresholds::default() };
    let mut detectors = Detectors::new(Catalogue::guess(), None, thresholds, Severities::default());
    let mut detections = Vec::new();
    let (mut held, mut before) = (0, 0);
    for number in 0..events {
        if number == events / 4 {
            // The store writes down what changed now and then; until then it is remembered.
            detectors.changes();
            (held, before) = (detectors.held(), resident());
        }
        detectors.observe(&event(number), &mut detections);
        detections.clear();
        if number % 65_536 == 0 {
            detectors.changes();
        }
    }
    detectors.changes();
    let (more, grown) = (detectors.held().saturating_sub(held), resident().saturating_sub(before));
    assert!(more * 20 <= held, "{more} more entries than {held}");
    assert!(grown < 48 << 20, "{grown} bytes more");
    assert!(detectors.evicted() > events / 2, "{} of {events} forgotten", detectors.evicted());
}
