//! Exported flows: what is told of one that goes on, of datagrams that got lost, of templates that come late, and that
//! recordings of different versions of the protocol tell the same.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // tests read their recordings

mod common;

use common::{datagram, decode, decode_growing, ipfix, options, step, words};
use kuzet_decode::{Decoder, Edge, Format, Tally};
use kuzet_event::{Count, Direction, Event, Flow, Phase};
use std::collections::BTreeMap;
use std::path::Path;

fn sample(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/samples/network");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

fn told(log: &str) -> (Vec<Event>, Tally) {
    decode(Format::Netflow, &options(), log.as_bytes())
}

fn flows(events: &[Event]) -> Vec<&Flow> {
    events.iter().filter_map(|event| event.flow.as_deref()).collect()
}

/// Addresses, ports, protocol, flags, bytes, packets, begin, end, reason.
fn template(id: u16) -> (u16, Vec<u8>) {
    (2, words(&[id, 11, 8, 4, 12, 4, 7, 2, 11, 2, 4, 1, 6, 1, 1, 8, 2, 4, 152, 8, 153, 8, 136, 1]))
}

/// A record of it: 10.0.0.7:50400 to 203.0.113.50:443, from and to in seconds behind the time of the message.
fn record(bytes: u64, packets: u32, (began, ended): (u64, u64), flags: u8, reason: u8) -> Vec<u8> {
    let time = |seconds: u64| ((1_795_406_000 + seconds) * 1000).to_be_bytes();
    [
        &[10, 0, 0, 7, 203, 0, 113, 50][..],
        &words(&[50400, 443]),
        &[6, flags],
        &bytes.to_be_bytes(),
        &packets.to_be_bytes(),
        &time(began),
        &time(ended),
        &[reason],
    ]
    .concat()
}

#[test]
fn every_version_tells_the_same() {
    let last = |name: &str| -> BTreeMap<String, (Direction, Option<u64>, u64)> {
        let (events, tally) = told(&sample(name));
        assert_eq!(tally.lost, 0, "{name}");
        let one = |flow: &&Flow| {
            let ends = format!("{} {}", flow.local, flow.remote.unwrap());
            (ends, (flow.direction, flow.sent.known(), flow.received.known().unwrap_or(0)))
        };
        // Version 5 has no IPv6.
        flows(&events).iter().filter(|flow| flow.local.is_ipv4()).map(one).collect()
    };
    let five = last("netflow-v5.log");
    assert_eq!(five.len(), 8);
    assert_eq!(five["10.0.0.5:50270 203.0.113.9:443"], (Direction::Outbound, Some(2_500_000), 5120));
    assert_eq!(five["10.0.0.9:5432 203.0.113.77:61022"], (Direction::Inbound, Some(91_244), 310));
    for name in ["netflow-v9.log", "netflow-ipfix.log", "netflow-ipfix-biflow.log"] {
        assert_eq!(last(name), five, "{name}");
    }
}

#[test]
fn sampled_bytes_are_estimated() {
    let (events, _) = told(&sample("netflow-v9-sampled.log"));
    let most = flows(&events).iter().filter_map(|flow| flow.sent.known()).max().unwrap();
    assert!((2_400_000..2_600_000).contains(&most), "{most} of 2,500,000");
}

#[test]
fn a_long_flow_is_one_flow_with_all_of_its_bytes() {
    let part = |bytes: u64, times, flags, reason| (300, record(bytes + 400, 10, times, flags, reason));
    let log = [
        ipfix(0, &[template(300), part(1000, (0, 60), 2, 2)]),
        ipfix(1, &[part(2000, (60, 120), 16, 2)]),
        ipfix(2, &[part(3000, (120, 150), 17, 3)]),
        // The same ends once more: another connection.
        ipfix(3, &[part(50, (170, 171), 2 + 16 + 1, 3)]),
        // Silent for minutes, so that it is over, though nobody said so.
        ipfix(4, &[part(70, (300, 301), 16, 1)]),
        ipfix(5, &[part(80, (900, 901), 16, 1)]),
    ]
    .concat();
    let (events, tally) = told(&log);
    assert_eq!(tally, Tally { seen: 6, handled: 6, ..Tally::default() });
    let flows = flows(&events);
    let sent: Vec<Count> = flows.iter().map(|flow| flow.sent).collect();
    assert_eq!(sent, [1000, 3000, 6000, 50, 70, 80].map(Count::Known));
    let phases: Vec<Phase> = flows.iter().map(|flow| flow.phase).collect();
    assert_eq!(phases, [Phase::Going, Phase::Going, Phase::Closed, Phase::Closed, Phase::Closed, Phase::Closed]);
    let ids: Vec<u64> = flows.iter().map(|flow| flow.id).collect();
    assert!(ids[0] == ids[1] && ids[1] == ids[2] && ids[2] != ids[3] && ids[3] != ids[4] && ids[4] != ids[5]);
    assert_eq!(flows[2].opened, flows[0].opened);
    // A restart between any two datagrams does not show.
    let cuts: Vec<usize> = log.split_inclusive('\n').map(str::len).collect();
    assert_eq!(decode_growing(Format::Netflow, &options(), log.as_bytes(), &cuts, true), (events, tally));
}

#[test]
fn what_the_network_lost_is_counted() {
    let part = |number: u64| (300, record(1000, 2, (number, number), 16, 3));
    let message = |sequence: u32| ipfix(sequence, &[part(u64::from(sequence))]);
    let first = ipfix(0, &[template(300), part(0)]);
    let lost = |log: &str| told(log).1.lost;
    assert_eq!(lost(&[first.clone(), message(1), message(2)].concat()), 0);
    assert_eq!(lost(&[first.clone(), message(4)].concat()), 3);
    // What comes late was counted, and is taken; an exporter that starts anew lost nothing.
    let (events, tally) = told(&[first.clone(), message(2), message(1), message(3)].concat());
    assert_eq!((events.len(), tally.lost), (4, 1));
    assert_eq!(lost(&[first.clone(), message(3_000_000_000)].concat()), 0);
    // Those that count a message's own records, as softflowd does.
    let own = ipfix(1, &[template(300), part(0)]);
    let two = (300, [record(1, 1, (1, 1), 16, 3), record(1, 1, (2, 2), 16, 3)].concat());
    assert_eq!(lost(&[own, ipfix(3, &[two])].concat()), 0);
    // Version 9 counts messages.
    let nine = |sequence: u32| {
        datagram(
            &[
                &words(&[9, 1, 0, 1]),
                &1_795_406_937u32.to_be_bytes()[..],
                &sequence.to_be_bytes(),
                &[0; 4],
                &words(&[0, 12, 300, 1, 8, 4]),
            ]
            .concat(),
        )
    };
    assert_eq!(
        told(&[nine(5), nine(6), nine(9)].concat()).1,
        Tally { seen: 5, suppressed: 3, lost: 2, ..Tally::default() }
    );
}

#[test]
fn data_before_its_template_is_lost_and_counted() {
    let data = |number: u64| (300, record(1000, 2, (number, number), 16, 3));
    let log = [ipfix(0, &[data(0)]), ipfix(1, &[data(1), template(300), data(2), (301, vec![0; 8])])].concat();
    let (events, tally) = told(&log);
    assert_eq!(events.len(), 1);
    // The first datagram, and two sets of the second.
    assert_eq!((tally.handled, tally.lost, tally.seen), (1, 3, 4));
    // A template that is taken back is not known any more; one that is replaced is read by the new one.
    let withdrawn = [ipfix(0, &[template(300), (2, words(&[300, 0]))]), ipfix(0, &[data(0)])].concat();
    assert_eq!(told(&withdrawn).1.lost, 1);
}

#[test]
fn fields_of_any_length_and_of_others() {
    // userName of any length, a field of somebody's own, both directions, a counter of two bytes, padding.
    let template = [
        words(&[300, 7, 371, 0xffff, 8, 4, 12, 4, 0x8001, 4]),
        9u32.to_be_bytes().to_vec(),
        words(&[4, 1, 1, 2, 0x8001, 4]),
        29_305u32.to_be_bytes().to_vec(),
    ]
    .concat();
    let one = |name: &[u8]| {
        let length =
            if name.len() < 255 { vec![name.len() as u8] } else { [&[255][..], &words(&[name.len() as u16])].concat() };
        [&length[..], name, &[10, 0, 0, 7, 203, 0, 113, 50], &[9; 4], &[17], &words(&[700]), &900u32.to_be_bytes()]
            .concat()
    };
    let set = [one(b""), one(b"clerk"), one(&[b'x'; 300]), vec![0; 3]].concat();
    let (events, tally) = told(&ipfix(0, &[(2, template), (300, set)]));
    assert_eq!((events.len(), tally.lost), (3, 0));
    let flow = events[0].flow.as_ref().unwrap();
    assert_eq!((flow.sent, flow.received, flow.opened), (Count::Known(700), Count::Known(900), None));
    // Counters since the beginning are not added.
    let totals = (2, words(&[302, 5, 8, 4, 12, 4, 4, 1, 85, 4, 86, 4]));
    let record = |bytes: u32| {
        (302, [&[10, 0, 0, 7, 203, 0, 113, 50, 17][..], &bytes.to_be_bytes(), &0u32.to_be_bytes()].concat())
    };
    let (events, _) = told(&ipfix(0, &[totals, record(500), record(800)]));
    assert_eq!(flows(&events)[1].sent, Count::Known(800));
}

#[test]
fn hostile_templates_cost_no_more_than_their_bytes() {
    let many = words(&[300, 5000].into_iter().chain([8, 4].repeat(5000)).collect::<Vec<u16>>());
    let (events, _) = told(&ipfix(0, &[(2, many), (300, vec![1; 20_000])]));
    assert!(events.is_empty());
    // Records of no bytes would never end.
    let (events, _) = told(&ipfix(0, &[(2, words(&[300, 2, 8, 0, 12, 0])), (300, vec![1; 2000])]));
    assert!(events.is_empty());
    for text in ["", "0", "zz", "000a", "0005ffff", "0009", "000a0004", "0005000100000000"] {
        let (events, tally) = told(&format!("netflow 1 10.0.0.1:1 {text}\n"));
        assert_eq!((events.len(), tally.lost), (0, 1), "{text}");
    }
}

#[test]
fn a_flood_of_templates_leaves_those_of_the_busiest() {
    let template = |id: u16| (2, words(&[id, 128].into_iter().chain([8, 4, 12, 4].repeat(64)).collect::<Vec<u16>>()));
    let data = |id: u16| (id, [10, 0, 0, 7, 203, 0, 113, 50].repeat(64));
    let mut decoder = Format::Netflow.decoder(&options());
    let (mut events, mut at) = (Vec::new(), 0);
    let mut told = |decoder: &mut dyn Decoder, log: String| {
        // Each step asks how large the snapshot is.
        let lost = step(decoder, log.as_bytes(), at, Edge::More, &mut events).tally.lost;
        at += log.len() as u64;
        lost
    };
    // One more than are kept of each: domains of many addresses, templates of one of them.
    for domain in 0..65 {
        for id in (1000..1065).step_by(5) {
            let sets: Vec<(u16, Vec<u8>)> = (id..id + 5).map(template).collect();
            let log = ipfix(0, &sets).replace("10.0.0.254", &format!("10.0.1.{domain}"));
            assert_eq!(told(decoder.as_mut(), log), 0);
        }
    }
    let asked = |domain: u8, id: u16| ipfix(0, &[data(id)]).replace("10.0.0.254", &format!("10.0.1.{domain}"));
    for (domain, id, lost) in [(1, 1001, 0), (0, 1064, 1), (64, 1000, 1), (64, 1064, 0)] {
        assert_eq!(told(decoder.as_mut(), asked(domain, id)), lost, "{domain} {id}");
    }
    // A restart brings back what fits, and what was used last fits.
    let snapshot = decoder.snapshot();
    let mut decoder = Format::Netflow.decoder(&options());
    decoder.restore(&snapshot);
    assert_eq!(told(decoder.as_mut(), asked(64, 1064)), 0);
}

#[test]
fn flows_without_number_are_bounded() {
    let part = |host: u32, port: u16| {
        let mut record = record(1000, 2, (0, 1), 16, 3);
        record[4..8].copy_from_slice(&(0xcb00_7100 + host).to_be_bytes());
        record[8..10].copy_from_slice(&port.to_be_bytes());
        record
    };
    let mut log = ipfix(0, &[template(300), (300, part(0, 50_000))]);
    for host in 0..40u32 {
        for ports in (50_000u16..51_000).collect::<Vec<u16>>().chunks(200) {
            let set = ports.iter().flat_map(|port| part(host + 1, *port)).collect();
            log.push_str(&ipfix(0, &[(300, set)]));
        }
    }
    log.push_str(&ipfix(0, &[(300, part(0, 50_000)), (300, part(40, 50_999))]));
    let (events, _) = told(&log);
    let flows = flows(&events);
    assert_eq!(flows.len(), 40_003);
    // The one unused for longest was given up; the last one goes on.
    let (again, last) = (flows[40_001], flows[40_002]);
    assert_eq!((again.sent, last.sent), (flows[0].sent, Count::Known(2 * 920)));
}
