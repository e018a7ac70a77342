//! Rules on what stands in a record word for word: each frame by its log source, and nothing of it kept in clear.

use super::*;
use crate::tests::{Spec, event};
use crate::{Catalogue, Detectors, Severities, Thresholds};
use kuzet_event::{Action, Count, Direction, Flow, Naming, Phase, Process, Raw, Timestamp, Transport};

const WEB: &str = "
title: Card opened
name: card
level: low
logsource: {category: webserver}
detection: {selection: {url.path|startswith: /borrower/}, condition: selection}
---
title: One card again and again
name: again
level: high
correlation: {type: event_count, rules: [card], group-by: [url.path], timespan: 1h, condition: {gte: 3}}
";

const AUDIT: &str = "
title: A word of any record
name: word
level: low
logsource: {product: linux}
detection: {keywords: [secret], condition: keywords}
---
title: The path of another record
name: mixed
level: low
logsource: {product: linux, service: auditd}
detection: {selection: {auditd.log.record_type: SYSCALL, auditd.log.name: /srv/x}, condition: selection}
---
title: The path of its own record
name: own
level: low
logsource: {product: linux, service: auditd}
detection: {selection: {auditd.log.record_type: PATH, auditd.log.name: /srv/x, auditd.log.key: k}, condition: selection}
";

const CONNECTION: &str = "
title: All of a connection
name: all
level: low
logsource: {category: network_connection}
detection:
  selection:
    destination.ip|cidr: 203.0.113.0/24
    destination.port: 443
    destination.domain|endswith: .example.com
    kuzet.network.initiated: 'true'
    process.executable: /usr/bin/curl
    process.user.name: postgres
    user.audit.name: analyst
    process.pid: 812
    process.parent.pid: 790
    process.parent.executable: bash
  condition: selection
";

fn detectors(rules: &str, key: u8) -> Detectors {
    let (book, faults) = RuleBook::load([("rules.yml", rules)], &FieldMap::default(), &Lists::new(), &[]);
    assert!(faults.is_empty(), "{faults:?}");
    let detectors = Detectors::new(Catalogue::guess(), None, Thresholds::default(), Severities::default());
    detectors.with_rules(book, &Key::new([key; 32]))
}

fn with(seconds: i64, action: Action, raw: Raw) -> Event {
    let spec = Spec {
        seconds,
        user: 0,
        client: 0,
        session: 7,
        number: 1,
        form: 15,
        rows: None,
        person: 0,
        outcome: 1,
        witness: Witness::Log,
    };
    Event { action, raw: Some(Box::new(raw)), ..event(&spec) }
}

fn card(seconds: i64) -> Event {
    let mut raw = Raw::default();
    raw.frame(Topic::Webserver);
    raw.add(RawField::UrlPath, "/borrower/850830346939");
    with(seconds, Action::Request, raw)
}

#[test]
fn a_correlation_keeps_hashes_of_this_host_only() {
    let state = |key: u8| {
        let mut detectors = detectors(WEB, key);
        let mut found = Vec::new();
        (0..3).for_each(|second| detectors.observe(&card(second), &mut found));
        let titles: Vec<&str> = found.iter().filter_map(|one| one.rule.as_ref().map(|rule| &*rule.title)).collect();
        assert_eq!(titles, ["One card again and again"]);
        assert!(!format!("{found:?}").contains("850830346939"), "{found:?}");
        let rows = detectors.changes();
        let rows: Vec<Row> = rows.into_iter().filter(|(key, _)| key.first() == Some(&RULE_TAG)).collect();
        assert!(!rows.is_empty());
        let bytes: Vec<u8> =
            rows.iter().flat_map(|(key, value)| [&key[..], value.as_deref().unwrap_or(b"")].concat()).collect();
        assert!(!bytes.windows(12).any(|part| part == b"850830346939"));
        rows
    };
    assert_eq!(state(1), state(1));
    assert_ne!(state(1), state(2), "whoever has no key of the host cannot try values");
}

#[test]
fn frames_are_looked_at_one_by_one_and_a_rule_hits_once() {
    let mut raw = Raw::default();
    for (kind, name) in [("SYSCALL", ""), ("PATH", "/srv/x"), ("PATH", "/srv/secret")] {
        raw.frame(Topic::Audit);
        raw.add(RawField::AuditType, kind);
        raw.add(RawField::Name, name);
        raw.add(RawField::Comm, "secret");
        raw.add(RawField::Key, if kind == "SYSCALL" { "k" } else { "" });
        raw.share(0, &[RawField::Key]);
    }
    let mut detectors = detectors(AUDIT, 1);
    let event = with(0, Action::File, raw);
    let hits: Vec<usize> = detectors.try_rules(&event).into_iter().map(|(rule, _)| rule).collect();
    assert_eq!(hits, [0, 2]);
    // What an operator is shown of it are lengths.
    let told = format!("{:?}", detectors.judge_rule(&event, 2).map(|judged| judged.values));
    assert!(told.contains("(6 bytes)") && !told.contains("/srv/x"), "{told}");
    // Its copy has nothing for rules.
    assert!(detectors.try_rules(&event.clone()).is_empty());
}

#[test]
fn a_connection_that_no_text_tells_has_the_fields_of_one() {
    let (name, text) = (|text: &str| Arc::<str>::from(text), "203.0.113.7:443".parse().ok());
    let process = Process {
        pid: 812,
        began: Timestamp(1),
        name: name("curl"),
        path: name("/usr/bin/curl"),
        user: name("postgres"),
        login: Some(name("analyst")),
        session: 7,
        container: None,
        parents: [(name("bash"), 790), (name("sshd"), 1)].into_iter().collect(),
    };
    let flow = Flow {
        id: 1,
        transport: Transport::Tcp,
        direction: Direction::Outbound,
        phase: Phase::Open,
        local: "10.0.0.5:50000".parse().unwrap(),
        remote: text,
        name: Some((name("files.example.com"), Naming::Sni)),
        payload: None,
        query: None,
        opened: None,
        sent: Count::Unknown,
        received: Count::Unknown,
        process: Some(Arc::new(process)),
    };
    let mut detectors = detectors(CONNECTION, 1);
    let mut event = Event { raw: None, ..with(0, Action::Network, Raw::default()) };
    assert!(detectors.try_rules(&event).is_empty());
    event.flow = Some(Arc::new(flow.clone()));
    assert_eq!(detectors.try_rules(&event).len(), 1);
    // A side of it that is not told has no value.
    event.flow = Some(Arc::new(Flow { remote: None, ..flow }));
    assert!(detectors.try_rules(&event).is_empty());
}
