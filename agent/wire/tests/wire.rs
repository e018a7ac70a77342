//! Bytes of real programs, in any pieces and any order, give the same names; any bytes give an answer, in bounded memory.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // helpers outside #[test] functions; fixtures are files

use kuzet_wire::dns::{self, Message};
use kuzet_wire::quic::Initials;
use kuzet_wire::tls::{self, Read};
use kuzet_wire::{Fact, Piece, Protocol, Streams};
use proptest::prelude::*;

fn data(name: &str) -> Vec<Vec<u8>> {
    let path = format!("{}/tests/data/{name}.hex", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap().replace("\n\n", " ").replace('\n', "");
    let byte = |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap();
    text.split_whitespace().map(|piece| piece.as_bytes().chunks(2).map(byte).collect()).collect()
}

/// What was told of one connection, in words.
#[derive(Default, Debug, PartialEq)]
struct Heard {
    known: Vec<(Protocol, Option<String>, bool)>,
    text: Vec<u8>,
    passed: usize,
    dns: usize,
}

impl Heard {
    fn name(&self) -> Option<&str> {
        self.known.iter().find_map(|(_, name, _)| name.as_deref())
    }

    fn hear(&mut self, fact: Fact<'_>) {
        match fact {
            Fact::Known { protocol, name, hidden } => {
                let name = name.map(|name| String::from_utf8_lossy(name.bytes()).into_owned());
                self.known.push((protocol, name, hidden));
            }
            Fact::Text { text, fresh } => self.text.extend_from_slice(&text[text.len() - fresh..]),
            Fact::Passed(bytes) => self.passed += bytes,
            Fact::Dns(_) => self.dns += 1,
        }
    }
}

fn piece(outbound: bool, offset: usize, bytes: &[u8]) -> Piece<'_> {
    Piece { datagram: false, outbound, port: 443, offset: offset as u64, bytes }
}

fn datagram(port: u16, bytes: &[u8]) -> Piece<'_> {
    Piece { datagram: true, outbound: true, port, offset: 0, bytes }
}

fn heard<'a>(pieces: impl IntoIterator<Item = Piece<'a>>) -> Heard {
    let (mut streams, mut heard) = (Streams::default(), Heard::default());
    for piece in pieces {
        streams.push((), piece, &mut |fact| heard.hear(fact));
    }
    heard
}

#[test]
fn hellos_of_real_clients_tell_their_names() {
    for (file, name) in [
        ("tls-openssl", Some("files.example.com")),
        ("tls-curl", Some("drop.example.org")),
        ("tls-noname", None),
        ("psql", Some("db.example.org")),
    ] {
        let bytes = &data(file)[0];
        let told = vec![(Protocol::Tls, name.map(str::to_owned), false)];
        assert_eq!(heard([piece(true, 0, bytes)]), Heard { known: told, ..Heard::default() }, "{file}");
        // A hello that comes in names this host, not the other side.
        assert_eq!(heard([piece(false, 0, bytes)]).known, [(Protocol::Tls, None, false)], "{file}");
    }
    let Read::Done(hello) = tls::records(&data("tls-openssl")[0], false) else { panic!("no hello") };
    assert_eq!(hello.protocols, [Box::from(&b"h2"[..]), Box::from(&b"http/1.1"[..])]);
}

#[test]
fn an_encrypted_hello_is_told_as_hidden() {
    let hello = |extensions: &[u8]| {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0, 2, 0x13, 1, 1, 0]);
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        let mut message = vec![1, 0];
        message.extend((body.len() as u16).to_be_bytes());
        message.extend(body);
        let mut record = vec![22, 3, 1];
        record.extend((message.len() as u16).to_be_bytes());
        record.extend(message);
        record
    };
    let name = [0, 0, 0, 9, 0, 7, 0, 0, 4, b'f', b'.', b'k', b'z'];
    let shown = heard([piece(true, 0, &hello(&[&name[..], &[0xfe, 0x0d, 0, 2, 0, 0]].concat()))]);
    assert_eq!(shown.known, [(Protocol::Tls, Some("f.kz".to_owned()), true)]);
    let inner = heard([piece(true, 0, &hello(&[&name[..], &[0xfe, 0x0d, 0, 1, 1]].concat()))]);
    assert_eq!(inner.known, [(Protocol::Tls, Some("f.kz".to_owned()), false)]);
}

#[test]
fn first_packets_of_quic_tell_their_names() {
    for (file, name) in [
        ("quic-v1", "files.example.com"),
        ("quic-v1-long", "files.example.com"),
        ("quic-v2", "files.example.com"),
        ("rfc9001-a2", "example.com"),
        ("rfc9369-a2", "example.com"),
    ] {
        let packets = data(file);
        let whole = Heard { known: vec![(Protocol::Quic, Some(name.to_owned()), false)], ..Heard::default() };
        assert_eq!(heard(packets.iter().map(|packet| datagram(443, packet))), whole, "{file}");
        let twice = packets.iter().rev().chain(&packets).map(|packet| datagram(443, packet));
        assert_eq!(heard(twice), whole, "{file} backwards and twice");
        // One bit of the first packet is wrong: it cannot be opened, and nothing is guessed.
        let mut broken = packets[0].clone();
        broken[100] ^= 1;
        assert_eq!(heard([datagram(443, &broken)]), Heard::default(), "{file} broken");
    }
}

#[test]
fn answers_of_dns_belong_to_the_asked_name() {
    for (file, record, address) in [("dns-a", 1, "203.0.113.7"), ("dns-aaaa", 28, "2001:db8::7")] {
        let [question, answer] = &data(file)[..] else { panic!("question and answer") };
        let asked = dns::message(question).unwrap();
        assert!(!asked.response && asked.addresses.is_empty() && asked.record == record);
        assert_eq!(asked.name.bytes(), b"files.example.com");
        let told = dns::message(answer).unwrap();
        assert!(told.response && told.name == asked.name);
        assert_eq!(told.addresses, [(address.parse().unwrap(), 300)]);
        // The same over TCP, byte by byte.
        let framed = [&(answer.len() as u16).to_be_bytes()[..], answer].concat();
        let bytes = framed.chunks(1).enumerate();
        let pieces = bytes.map(|(at, byte)| Piece { port: 53, ..piece(false, at, byte) });
        assert_eq!(heard(pieces).dns, 1);
        // Cut anywhere, it says less and nothing else.
        for end in 0..answer.len() {
            let cut = dns::message(&answer[..end]);
            assert!(cut.is_none_or(|cut| cut.name == asked.name && told.addresses.starts_with(&cut.addresses)));
        }
    }
}

#[test]
fn names_that_point_at_each_other_have_an_end() {
    let head = [0, 7, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
    let with = |tail: &[u8]| dns::message(&[&head[..], tail].concat()).is_some();
    assert!(!with(&[0xc0, 12, 0, 1, 0, 1]), "at itself");
    assert!(!with(&[1, b'a', 0xc0, 14, 0, 1, 0, 1]), "forward");
    assert!(!with(&[0xc0, 14, 0xc0, 12, 0, 1, 0, 1]), "in a circle");
    assert!(!with(&[63; 600]), "longer than a name");
    // Aliases in a circle.
    let circle = [
        &head[..7],
        &[2],
        &head[8..],
        &[1, b'a', 0, 0, 1, 0, 1],
        &[0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 3, 1, b'b', 0],
        &[1, b'b', 0, 0, 5, 0, 1, 0, 0, 0, 9, 0, 2, 0xc0, 12],
    ]
    .concat();
    let Some(Message { addresses, .. }) = dns::message(&circle) else { panic!("a message") };
    assert!(addresses.is_empty());
}

#[test]
fn clear_text_is_given_once_and_in_order() {
    let bytes = &data("http-curl")[0];
    let whole = heard([piece(true, 0, bytes)]);
    assert_eq!(whole.known, [(Protocol::Http, Some("files.example.com".to_owned()), false)]);
    assert_eq!(&whole.text, bytes);
    assert!(String::from_utf8_lossy(&whole.text).contains("850830346939"));
    // What comes in is not given.
    assert_eq!(heard([piece(false, 0, bytes)]).text, b"");
    let proxied = heard([piece(true, 0, &data("connect-curl")[0])]);
    assert_eq!(proxied.name(), Some("drop.example.org"));
}

#[test]
fn text_that_turns_to_tls_is_text_no_more() {
    let hello = &data("tls-openssl")[0];
    let before = b"EHLO db1\r\nSTARTTLS\r\n";
    let heard = heard([piece(true, 0, &before[..10]), piece(true, 10, &before[10..]), piece(true, 20, hello)]);
    assert_eq!(heard.text, before);
    let name = Some("files.example.com".to_owned());
    assert_eq!(heard.known, [(Protocol::Smtp, None, false), (Protocol::Tls, name, false)]);
}

#[test]
fn methods_of_ssh_are_no_addresses_of_mail_whichever_way_they_come() {
    let line = b"SSH-2.0-OpenSSH_9.2p1\r\n";
    let methods = [&line[..], b"\0\0\x05\xac\x07\x14umac-64@openssh.com,umac-128@openssh.com"].concat();
    for cut in 0..methods.len() {
        let pieces = [piece(true, 0, &methods[..cut]), piece(true, cut, &methods[cut..])];
        let heard = heard(pieces);
        assert_eq!(heard.known, [(Protocol::Ssh, None, false)], "{cut}");
        assert!(heard.text.len() <= line.len(), "{cut}: {:?}", heard.text);
    }
    // Its first line was lost.
    let late = heard([piece(true, line.len(), &methods[line.len()..]), piece(true, 20_000, b"behind")]);
    assert_eq!((&*late.text, late.passed), (&b""[..], methods.len() - line.len()));
}

#[test]
fn a_connection_has_its_share_and_holes_are_passed_over() {
    let rows = b"850830346939\t+77000000001\n".repeat(8_000);
    let pieces = rows.chunks(16 << 10).enumerate().map(|(at, bytes)| piece(true, at * (16 << 10), bytes));
    let all = heard(pieces);
    assert_eq!((all.text.len(), all.passed), (64 << 10, rows.len() - (64 << 10)));
    assert_eq!(all.text, rows[..64 << 10]);
    // Datagrams have the same share.
    let datagrams = heard(rows.chunks(1_400).map(|bytes| datagram(9_999, bytes)));
    assert_eq!((datagrams.text.len(), datagrams.passed), (64 << 10, rows.len() - (64 << 10)));
    // A piece is missing: what comes behind the window shows that it will not come.
    let holes =
        heard([piece(true, 0, &rows[..100]), piece(true, 200, &rows[200..300]), piece(true, 20_000, &rows[..9])]);
    assert_eq!(holes.text, [&rows[..100], &rows[200..300], &rows[..9]].concat());
    // Seen from its middle on.
    assert_eq!(heard([piece(true, usize::MAX - 5, &rows[..100])]).text, &rows[..100]);
}

#[test]
fn memory_is_bounded() {
    let mut streams = Streams::default();
    for key in 0..20_000u32 {
        // A hello that never comes to its end, the last piece first.
        for at in [8_000, 0] {
            streams.push(key, piece(true, at, &[22, 3, 1, 60, 0, 1, 0, 60, 0]), &mut |_| {});
        }
    }
    assert!(streams.held() <= 2 << 20, "{}", streams.held());
    assert!(streams.held() > 1 << 20, "{}", streams.held());
}

/// `bytes` in pieces at `cuts`, in an order that `seed` gives.
fn pieces<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index], seed: u64) -> Vec<(usize, &'a [u8])> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).chain([0, bytes.len()]).collect();
    cuts.sort_unstable();
    let mut pieces: Vec<(usize, &[u8])> = cuts.windows(2).map(|two| (two[0], &bytes[two[0]..two[1]])).collect();
    pieces.sort_by_key(|(at, _)| (*at as u64 + 1).wrapping_mul(seed | 1).rotate_left(17));
    pieces
}

/// First bytes that lead into the readers.
const STARTS: &[&[u8]] = &[
    &[22, 3, 1, 0, 0],
    &[22, 3, 1, 0, 1, 1],
    &[22, 3, 3, 0xff, 0xff, 1, 0, 0xff, 0xff],
    b"GET ",
    b"220 ",
    &[0, 0, 0, 8],
    b"S",
];

proptest! {
    #[test]
    fn any_pieces_in_any_order_give_the_same_name(
        file in prop::sample::select(&["tls-openssl", "tls-curl", "psql", "http-curl", "connect-curl"]),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
        seed: u64,
    ) {
        let bytes = &data(file)[0];
        let whole = heard([piece(true, 0, bytes)]);
        let parts = heard(pieces(bytes, &cuts, seed).into_iter().map(|(at, bytes)| piece(true, at, bytes)));
        prop_assert_eq!(parts, whole);
    }

    #[test]
    fn any_bytes_have_an_answer(
        pieces in prop::collection::vec(
            (any::<bool>(), any::<bool>(), prop::sample::select(&[53u16, 443, 80]), prop_oneof![0u64..20_000, any::<u64>()],
             prop_oneof![
                prop::collection::vec(any::<u8>(), 0..300),
                prop::sample::select(&["tls-openssl", "quic-v1", "quic-v1-long", "dns-a", "http-curl", "psql"])
                    .prop_map(|file| data(file).concat()),
                prop::sample::select(STARTS)
                    .prop_map(<[u8]>::to_vec),
             ]),
            0..12),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let (mut streams, mut all, mut given) = (Streams::default(), 0, 0);
        for (datagram, outbound, port, offset, mut bytes) in pieces {
            for (at, byte) in &flips {
                if !bytes.is_empty() {
                    let at = at.index(bytes.len());
                    bytes[at] = *byte;
                }
            }
            all += bytes.len();
            let piece = Piece { datagram, outbound, port, offset, bytes: &bytes };
            streams.push(0, piece, &mut |fact| match fact {
                Fact::Text { text, fresh } => {
                    assert!(fresh > 0 && fresh <= text.len());
                    given += fresh;
                }
                Fact::Passed(bytes) => given += bytes,
                _ => {}
            });
            let _ = dns::message(&bytes);
            let _ = tls::records(&bytes, offset % 2 == 0);
            let _ = Initials::default().push(&bytes);
        }
        prop_assert!(given <= all, "{given} of {all}");
    }
}
