//! Where the data of an incident went: one entry a connection, told anew as it goes on, kept over a restart.

use crate::common::*;
use kuzet_detect::{Detection, Family, Joined, Kind, Step, Transfer};
use kuzet_event::*;
use kuzet_incident::*;
use kuzet_place::Place as Places;
use std::sync::{Arc, OnceLock};

static PLACE: OnceLock<kuzet_place::Verdict> = OnceLock::new();

fn curl() -> Arc<Process> {
    Arc::new(Process {
        pid: 830,
        began: seconds(5),
        name: Arc::from("curl"),
        path: Arc::from("/usr/bin/curl"),
        user: Arc::from("games"),
        login: Some(Arc::from("games")),
        session: 700,
        container: None,
        parents: [(Arc::from("bash"), 700)].into_iter().collect(),
    })
}

/// `flow` as far as it has come at `at`.
fn transfer(flow: u64, at: Timestamp, sent: u64, joined: Option<Joined>) -> Arc<Transfer> {
    let gzip = Process { pid: 820, name: Arc::from("gzip"), ..(*curl()).clone() };
    Arc::new(Transfer {
        flow,
        transport: Transport::Tcp,
        inbound: false,
        to: Some("46.4.0.1:443".parse().unwrap()),
        name: Some((Arc::from("drop.example"), Naming::Sni)),
        place: *PLACE.get_or_init(|| Places::default().verdict("46.4.0.1".parse().unwrap())),
        recipient: None,
        sent: Count::Known(sent),
        since: seconds(6),
        until: at,
        process: Some(curl()),
        joined,
        steps: vec![Step { at: seconds(4), process: Arc::new(gzip) }],
    })
}

/// What the chain says of `flow`; only its first says why.
fn chained(flow: u64, at: Timestamp, sent: u64, first: bool) -> Detection {
    Detection {
        since: seconds(6),
        events: u64::from(first),
        transfer: Some(transfer(flow, at, sent, Some(Joined::Session))),
        reason: if first { "role intruder read store mfo, and sends".to_owned() } else { String::new() },
        people_at_most: Count::Known(0),
        ..detection("intruder", Kind::Exfiltration, at, Count::Known(0))
    }
}

fn read() -> Detection {
    Detection {
        people_at_most: Count::Known(10_000),
        ..detection("intruder", Kind::Export, seconds(0), Count::Unknown)
    }
}

#[test]
fn a_connection_that_goes_on_is_one_entry_of_one_incident() {
    let mut folder = Folder::new(config());
    let mut all = vec![read(), chained(1, seconds(7), 100, true)];
    all.extend((8..60).map(|second| chained(1, seconds(second), second * 1_000, false)));
    all.push(chained(2, seconds(61), 5, true));
    let incidents = fold(&mut folder, &all);
    assert_eq!(incidents.len(), 1);
    let transfers = &incidents[0].transfers;
    let entries: Vec<_> = transfers.flows.iter().map(|one| (one.flow.as_str(), one.bytes)).collect();
    assert_eq!(entries, [("0000000000000001", Count::Known(59_000)), ("0000000000000002", Count::Known(5))]);
    assert_eq!((transfers.bytes(), transfers.joined()), (Count::Known(59_005), Some(Joined::Session)));
    assert_eq!(incidents[0].people.at_most, Count::Known(10_000), "people are those of the reading, once");
    assert_eq!(incidents[0].events, 3);
}

#[test]
fn a_document_tells_the_whole_way_and_is_read_back() {
    let mut folder = Folder::new(config());
    let incidents = fold(&mut folder, &[read(), chained(1, seconds(7), 100, true)]);
    let json: serde_json::Value = serde_json::from_str(&incidents[0].to_json().unwrap()).unwrap();
    let flow = &json["kuzet.transfers"]["flows"][0];
    let expected = [
        ("kuzet.flow", "0000000000000001"),
        ("network.transport", "tcp"),
        ("network.direction", "outbound"),
        ("destination.address", "46.4.0.1"),
        ("destination.domain", "drop.example"),
        ("kuzet.naming", "sni"),
        ("kuzet.place.verdict", "foreign-unlisted"),
        ("kuzet.joined", "session"),
        ("kuzet.recipient", ""),
    ];
    for (key, value) in expected {
        assert_eq!(flow[key], value, "{key}");
    }
    assert_eq!((&flow["destination.port"], &flow["destination.bytes"]), (&443.into(), &100.into()));
    assert_eq!(flow["process"]["process.parents"][0], "bash[700]");
    assert_eq!(flow["kuzet.steps"][0]["process.name"], "gzip");
    let back = Incident::from_json(&json.to_string()).unwrap();
    assert_eq!(back.transfers, incidents[0].transfers);
    // An incident without any says nothing of them.
    let quiet = fold(&mut Folder::new(config()), &[read()]);
    assert!(!quiet[0].to_json().unwrap().contains("kuzet.transfers"));
}

#[test]
fn what_the_file_of_a_program_is_stays_with_it_and_changes_nothing_else() {
    let mut folder = Folder::new(config());
    let sum = "ab".repeat(32);
    let before = fold(&mut folder, &[read(), chained(1, seconds(7), 100, true)]).remove(0);
    let curl = before.transfers.flows[0].process.clone().unwrap();
    folder.hashed(&curl, &sum);
    folder.hashed(&Program { pid: 831, ..curl.clone() }, "of another");
    let changes = folder.changes();
    assert_eq!(changes.iter().map(|change| change.what).collect::<Vec<_>>(), [What::Updated]);
    let noted = (*changes[0].incident).clone();
    let of = |incident: &Incident| {
        let all = incident.transfers.programs();
        all.filter_map(|one| one.sha256.clone().map(|sha256| (one.name.clone(), sha256))).collect::<Vec<_>>()
    };
    assert_eq!(of(&noted), [("curl".to_owned(), sum.clone())]);
    assert!(describe(&noted).contains(&sum));
    folder.hashed(&curl, &sum);
    assert!(folder.changes().is_empty(), "it is noted once");
    // The connection is told anew, and so is another of the same program.
    let later = fold(&mut folder, &[chained(1, seconds(8), 200, false), chained(2, seconds(9), 5, true)]).remove(0);
    assert_eq!(of(&later), [("curl".to_owned(), sum.clone()), ("curl".to_owned(), sum.clone())]);
    assert_eq!(Incident::from_json(&later.to_json().unwrap()).unwrap().transfers, later.transfers);
    // Without it everything is the same.
    let mut plain = noted.clone();
    plain.transfers.clone_from(&before.transfers);
    plain.observed.clone_from(&before.observed);
    assert_eq!(plain, before);
}

#[test]
fn a_sentence_says_where_to_how_much_and_by_what() {
    let mut folder = Folder::new(config());
    let incidents = fold(&mut folder, &[read(), chained(1, seconds(7), 100, true)]);
    let told = describe(&incidents[0]);
    for part in ["drop.example (46.4.0.1:443), foreign-unlisted", "curl"] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn many_connections_are_counted_and_their_bytes_are_not_known() {
    let mut folder = Folder::new(config());
    let mut all = vec![read()];
    for flow in 0..3_000 {
        all.push(chained(flow, seconds(7 + flow / 100), 100, true));
        all.push(chained(flow, seconds(7 + flow / 100), 200, false));
    }
    let incidents = fold(&mut folder, &all);
    assert_eq!(incidents.len(), 1);
    let transfers = &incidents[0].transfers;
    assert_eq!((transfers.flows.len(), transfers.dropped), (16, 2_984), "a connection is counted once");
    assert_eq!(transfers.bytes(), Count::Unknown);
    assert!(transfers.flows.iter().all(|flow| flow.bytes == Count::Known(200)));
}

#[test]
fn a_verdict_covers_what_was_seen_and_what_goes_on_is_told_again() {
    let mut folder = Folder::new(config());
    let id = fold(&mut folder, &[read(), chained(1, seconds(7), 100, true)])[0].id;
    let kind = ActKind::Close { verdict: Verdict::Authorised };
    folder.act(id, &Act { kind, reason: "a drill".to_owned(), by: "aigerim".to_owned() }, seconds(10)).unwrap();
    let after = fold(&mut folder, &[chained(1, seconds(20), 500_000, false), chained(1, seconds(30), 900_000, false)]);
    assert_eq!(after.len(), 2, "once, however long it goes on");
    assert_eq!(after[0].transfers.bytes(), Count::Known(100));
    assert_eq!(after[1].transfers.bytes(), Count::Known(900_000));
    assert_eq!(after[1].links, [Link { reason: LinkReason::Follows, id }]);
    assert!(headline(&after[1]).contains("sent out of Kazakhstan"), "{}", headline(&after[1]));
}

/// What a detector of traffic says of `flow`, about the account that sends.
fn sent(flow: u64, at: Timestamp) -> Detection {
    Detection {
        since: seconds(6),
        store: None,
        people_at_most: Count::Known(0),
        transfer: Some(transfer(flow, at, 2_000_000, None)),
        ..detection("games", Kind::ForeignTransfer, at, Count::Known(0))
    }
}

fn open(incidents: &[Incident]) -> Vec<Family> {
    incidents.iter().filter(|one| one.lifecycle.state == State::Open).map(|one| one.family).collect()
}

#[test]
fn traffic_that_was_told_before_its_reading_is_part_of_it() {
    let reading = [read(), chained(1, seconds(7), 100, true)];
    let orders = [
        [&[sent(1, seconds(6))], &reading[..]].concat(),
        vec![reading[0].clone(), sent(1, seconds(6)), reading[1].clone()],
    ];
    for order in orders {
        let mut folder = Folder::new(config());
        let incidents = fold(&mut folder, &order);
        assert_eq!(open(&incidents), [Family::Access], "one is left");
        let [traffic, whole] =
            [Family::Traffic, Family::Access].map(|family| incidents.iter().find(|one| one.family == family).unwrap());
        assert_eq!(traffic.lifecycle.verdict, Some(Verdict::TakenUp));
        assert!(traffic.links.contains(&Link { reason: LinkReason::PartOf, id: whole.id }));
        assert!(whole.links.contains(&Link { reason: LinkReason::TakesUp, id: traffic.id }));
        assert!(describe(traffic).contains("closed: part of another incident"));
        // Another connection of the account is a story of its own.
        let after = fold(&mut folder, &[sent(2, seconds(20))]);
        assert_eq!(open(&after), [Family::Access, Family::Traffic]);
    }
}

#[test]
fn traffic_that_is_more_than_the_reading_or_that_somebody_has_taken_stays() {
    let reading = [read(), chained(1, seconds(8), 100, true)];
    let mut folder = Folder::new(config());
    let incidents = fold(&mut folder, &[&[sent(1, seconds(6)), sent(2, seconds(7))], &reading[..]].concat());
    assert_eq!(open(&incidents).len(), 2, "one more connection");
    // Once that one is joined too, nothing is left.
    let incidents = fold(&mut folder, &[chained(2, seconds(9), 100, true)]);
    assert!(incidents.iter().any(|one| one.lifecycle.verdict == Some(Verdict::TakenUp)));

    let mut folder = Folder::new(config());
    let id = fold(&mut folder, &[sent(1, seconds(6))])[0].id;
    let act = Act { kind: ActKind::Ack, reason: "mine".to_owned(), by: "aigerim".to_owned() };
    folder.act(id, &act, seconds(7)).unwrap();
    let incidents = fold(&mut folder, &reading);
    let taken = incidents.iter().find(|one| one.id == id).unwrap();
    assert_eq!((taken.lifecycle.state, taken.lifecycle.verdict), (State::Acknowledged, None));
}

#[test]
fn a_restart_keeps_where_it_went() {
    let (mut folder, mut model) = (Folder::new(config()), Model::default());
    folder.fold(&read(), seconds(1));
    folder.fold(&chained(1, seconds(7), 100, true), seconds(7));
    model.record(&folder.changes());
    let mut again = Folder::new(config());
    again.restore(model.saved()).unwrap();
    let incidents = fold(&mut again, &[chained(1, seconds(900), 77_000, false)]);
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].transfers.bytes(), Count::Known(77_000));
}
