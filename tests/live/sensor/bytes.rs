//! First bytes of connections and datagrams, and receivers of every kind of packet, as the real kernel shows them.

use super::{LIMIT, is_flow_to, lines, sensor};
use crate::support::{Guard, Scratch, run, until};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::process::Signal;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Every sensor with `--loopback` sees what the others' tests send, and has so many bytes a second.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A network namespace with a wire to this one.
struct Network {
    name: String,
    wire: String,
    /// Addresses of this end and of the other.
    here: String,
    there: String,
}

impl Network {
    fn new() -> Network {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = std::process::id() % 10_000 + 10_000 * NEXT.fetch_add(1, Ordering::Relaxed);
        let block = number % 16_000 * 4;
        let address = |last: u32| format!("198.18.{}.{}", block / 256, block % 256 + last);
        let network = Network {
            name: format!("kuzet-{number}"),
            wire: format!("kz{number}"),
            here: address(1),
            there: address(2),
        };
        let (name, wire) = (&network.name, &network.wire);
        ip(&format!("netns add {name}"));
        ip(&format!("link add {wire} address 02:00:00:00:00:01 type veth peer name far netns {name}"));
        ip(&format!("addr add {}/30 dev {wire}", network.here));
        ip(&format!("link set {wire} up"));
        ip(&format!("-n {name} addr add {}/30 dev far", network.there));
        // Small packets, and none that the wire cuts up later.
        ip(&format!("-n {name} link set far mtu 576 gso_max_segs 1 up"));
        // Nobody is asked for this end's address: packets do not wait for an answer while the wire is down.
        let here = &network.here;
        ip(&format!("-n {name} neigh replace {here} lladdr 02:00:00:00:00:01 dev far nud permanent"));
        network
    }

    fn inside(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]).stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

fn ip(arguments: &str) {
    run(Command::new("ip").args(arguments.split(' ')));
}

/// The lines of first bytes whose side `side` is at this port.
fn pieces(guard: &Guard, side: &str, port: u16) -> Vec<Value> {
    let mut pieces = lines(guard);
    pieces.retain(|line| line["sensor"] == "bytes" && line[side][1] == port);
    pieces
}

fn data(piece: &Value) -> Vec<u8> {
    STANDARD.decode(piece["data"].as_str().expect("text")).expect("base64")
}

/// What was told of one side of a connection: each byte once, in order.
fn joined(pieces: &[Value]) -> Vec<u8> {
    pieces.iter().fold(Vec::new(), |mut joined, piece| {
        assert_eq!(piece["offset"], joined.len(), "{piece}");
        joined.extend(data(piece));
        joined
    })
}

/// What was told of one side, once it is `length` bytes.
fn told(guard: &Guard, side: &str, port: u16, length: usize) -> Vec<u8> {
    until("first bytes are told", LIMIT, || {
        let told = joined(&pieces(guard, side, port));
        (told.len() >= length).then_some(told)
    })
}

/// Bytes that are not the same anywhere.
fn bytes(begin: &[u8], length: usize) -> Vec<u8> {
    let rest = (begin.len()..length).map(|at| u8::try_from(at * 31 % 251).expect("below 251"));
    begin.iter().copied().chain(rest).collect()
}

/// A program that does not outlive its test.
struct Client(Child);

impl Client {
    fn say(&mut self, word: &str) {
        writeln!(self.0.stdin.as_mut().expect("it reads"), "{word}").expect("it reads");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop((self.0.kill(), self.0.wait()));
    }
}

#[test]
fn a_client_hello_in_many_packets_is_told_once_although_it_is_sent_twice() {
    let scratch = Scratch::new("sensor-hello");
    let network = Network::new();
    let guard = sensor(&scratch, &[]);
    // What stays on this host is not told.
    let quiet = TcpListener::bind("127.0.0.1:0").expect("a port");
    let quiet_port = quiet.local_addr().expect("own address").port();
    TcpStream::connect(("127.0.0.1", quiet_port)).and_then(|mut own| own.write_all(b"GET /")).expect("it listens");

    let hello = bytes(&[22, 3, 1, 7, 8, 1], 1_808);
    std::fs::write(scratch.join("first"), &hello[..1_000]).expect("own file");
    std::fs::write(scratch.join("second"), &hello[1_000..]).expect("own file");
    let listener = TcpListener::bind((network.here.as_str(), 0)).expect("a port");
    let port = listener.local_addr().expect("own address").port();
    let script = format!(
        "exec 3<>/dev/tcp/{}/{port}; cat first >&3; read go; cat second >&3; read go; exec head -c 3 <&3",
        network.here
    );
    let client = network.inside("bash").args(["-c", &script]).current_dir(scratch.path()).spawn();
    let mut client = Client(client.expect("bash"));
    let (mut server, _) = listener.accept().expect("the client");
    let mut got = vec![0; 1_000];
    server.read_exact(&mut got).expect("the first half");
    // What is sent now does not arrive, and is sent again.
    ip(&format!("link set {} down", network.wire));
    client.say("go");
    assert!(hello.starts_with(&told(&guard, "remote", port, 1_001)));
    ip(&format!("link set {} up", network.wire));
    got.resize(hello.len(), 0);
    server.read_exact(&mut got[1_000..]).expect("the second half, sent again");
    assert_eq!(got, hello);
    server.write_all(b"end").expect("the client reads");
    client.say("go");
    assert!(client.0.wait().expect("it ends").success());

    let closed = until("the connection is told closed", LIMIT, || {
        lines(&guard).into_iter().find(|line| is_flow_to(line, port, "out") && line["phase"] == "closed")
    });
    let pieces = pieces(&guard, "remote", port);
    assert!(pieces.len() >= 4, "a packet holds 524 bytes: {pieces:?}");
    assert_eq!(joined(&pieces), hello, "nothing came twice");
    for piece in &pieces {
        for key in ["socket", "namespace", "local", "remote"] {
            assert_eq!(piece[key], closed[key], "{piece} {closed}");
        }
        assert_eq!((&piece["protocol"], &piece["direction"]), (&6.into(), &"out".into()), "{piece}");
    }
    assert_eq!(closed["remote"][0], network.here, "{closed}");
    // The server's own answer, from another namespace.
    assert_eq!(told(&guard, "local", port, 3), b"end");
    let foreign = |line: &Value| line["sensor"] == "bytes" && line["remote"][1] == quiet_port;
    assert!(!lines(&guard).iter().any(foreign), "what stays on the host is told");
}

#[test]
fn clear_text_is_told_further_than_tls() {
    let (_alone, scratch) = (alone(), Scratch::new("sensor-clear"));
    let guard = sensor(&scratch, &["--loopback"]);
    let http = b"POST /upload HTTP/1.1\r\nHost: bucket.example\r\n\r\n".as_slice();
    // What begins as TLS does is TLS as long as nothing else is known.
    for (begin, first_write, limit, address) in [
        (http, 60_000, 65_536, "127.0.0.1:0"),
        (http, 1, 65_536, "[::1]:0"),
        (&[22, 3, 1], 90_000, 4_096, "127.0.0.1:0"),
        (&[22, 3, 1], 1, 4_096, "[::1]:0"),
        (&[22, 7, 1], 1, 65_536, "127.0.0.1:0"),
    ] {
        let upload = bytes(begin, 100_000);
        let listener = TcpListener::bind(address).expect("a port");
        let address: SocketAddr = listener.local_addr().expect("own address");
        let drain = std::thread::spawn(move || {
            let (mut server, _) = listener.accept().expect("the client");
            std::io::copy(&mut server, &mut std::io::sink()).expect("it reads")
        });
        let mut client = TcpStream::connect(address).expect("it listens");
        client.set_nodelay(true).expect("own socket");
        client.write_all(&upload[..first_write]).expect("it reads");
        client.write_all(&upload[first_write..]).expect("it reads");
        drop(client);
        assert_eq!(drain.join().expect("the server"), 100_000);
        until("its end is told", LIMIT, || {
            lines(&guard).into_iter().find(|line| is_flow_to(line, address.port(), "out") && line["phase"] == "closed")
        });
        let told = told(&guard, "remote", address.port(), limit);
        assert!(told == upload[..limit], "{} bytes of {begin:?}", told.len());
        let one = &pieces(&guard, "remote", address.port())[0];
        assert_eq!(one["remote"][0], address.ip().to_string(), "{one}");
    }
}

#[test]
fn a_socket_that_is_used_again_begins_anew() {
    let (_alone, scratch) = (alone(), Scratch::new("sensor-again"));
    let guard = sensor(&scratch, &["--loopback"]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("own address");
    let mut client = TcpStream::connect(address).expect("it listens");
    for (round, text) in ["the first connection", "another"].into_iter().enumerate() {
        if round > 0 {
            rustix::net::connect_unspec(&client).expect("it lets go");
            rustix::net::connect(&client, &address).expect("it listens");
        }
        client.write_all(text.as_bytes()).expect("it reads");
        let (mut server, _) = listener.accept().expect("the client");
        server.read_exact(&mut vec![0; text.len()]).expect("what was sent");
    }
    let told = until("both are told", LIMIT, || {
        let told = pieces(&guard, "remote", address.port());
        (told.len() >= 2).then_some(told)
    });
    let texts: Vec<_> = told.iter().map(|piece| (data(piece), piece["offset"].as_u64())).collect();
    assert_eq!(texts, [(b"the first connection".to_vec(), Some(0)), (b"another".to_vec(), Some(0))]);
    drop(client);
    until("the second is told closed", LIMIT, || {
        let closed = |line: &Value| is_flow_to(line, address.port(), "out") && line["phase"] == "closed";
        lines(&guard).into_iter().find(|line| closed(line) && line["sent"] == 7)
    });
}

#[test]
fn queries_answers_and_the_first_datagrams_to_each_receiver_are_told() {
    let (_alone, scratch) = (alone(), Scratch::new("sensor-datagrams"));
    let guard = sensor(&scratch, &["--loopback"]);
    let server = UdpSocket::bind("127.0.0.77:53").expect("a name server's port");
    let client = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let own = client.local_addr().expect("own address").port();
    for number in 0..5_u8 {
        let mut got = [0; 64];
        client.send_to(&[number, b'q'], "127.0.0.77:53").expect("it goes");
        let (_, from) = server.recv_from(&mut got).expect("a query");
        server.send_to(&[number, b'a'], from).expect("it goes");
        client.recv_from(&mut got).expect("an answer");
    }
    let of = |direction: &str, count: usize| {
        until("queries and answers are told", LIMIT, || {
            let mut told = pieces(&guard, "local", own);
            told.retain(|piece| piece["direction"] == direction && piece["remote"][1] == 53);
            (told.len() >= count).then_some(told)
        })
    };
    for (direction, letter) in [("out", b'q'), ("in", b'a')] {
        let told = of(direction, 5);
        assert_eq!(told.len(), 5, "{told:?}");
        for (number, piece) in (0..5_u8).zip(&told) {
            assert_eq!((data(piece), &piece["offset"]), (vec![number, letter], &number.into()), "{piece}");
            assert_eq!((&piece["protocol"], &piece["remote"][0]), (&17.into(), &"127.0.0.77".into()), "{piece}");
        }
    }
    // The first three to each of two receivers, and no more of each than a packet holds. The socket is one of IPv6.
    let socket = UdpSocket::bind("[::]:0").expect("a port");
    let own = socket.local_addr().expect("own address").port();
    for (receiver, count) in [("127.0.0.1:4433", 5), ("127.0.0.2:4433", 2), ("127.0.0.1:4433", 4)] {
        let receiver: SocketAddr = receiver.parse().expect("an address");
        let SocketAddr::V4(receiver) = receiver else { panic!("an address of IPv4") };
        for number in 0..count {
            let mapped = SocketAddr::from((receiver.ip().to_ipv6_mapped(), receiver.port()));
            socket.send_to(&bytes(&[0xc0, number], 2_000), mapped).expect("it goes");
        }
    }
    let flow_to = |address: &str, sent: u64| {
        until("the datagrams are counted", LIMIT, || {
            let is = |line: &Value| {
                line["sensor"] == "flow"
                    && line["local"][1] == own
                    && line["remote"][0] == address
                    && line["sent"] == sent
            };
            lines(&guard).into_iter().find(is)
        })
    };
    let flow = flow_to("127.0.0.1", 18_000);
    flow_to("127.0.0.2", 4_000);
    let told = pieces(&guard, "local", own);
    let to = |address: &str| told.iter().filter(|piece| piece["remote"][0] == address).collect::<Vec<_>>();
    assert_eq!((to("127.0.0.1").len(), to("127.0.0.2").len(), told.len()), (3, 2, 5), "{told:?}");
    for (number, piece) in (0..).zip(to("127.0.0.1")) {
        assert_eq!(data(piece), bytes(&[0xc0, number], 1_500), "{piece}");
        assert_eq!((&piece["socket"], &piece["namespace"]), (&flow["socket"], &flow["namespace"]), "{piece}");
    }
}

#[test]
fn packets_of_every_kind_have_a_receiver() {
    let scratch = Scratch::new("sensor-ping");
    let network = Network::new();
    let guard = sensor(&scratch, &[]);
    run(network.inside("ping").args(["-n", "-c", "3", "-i", "0.01", "-s", "200", &network.here]));
    let flow = until("the ping is told with its receiver", LIMIT, || {
        let is = |line: &Value| line["protocol"] == 1 && line["remote"][0] == network.here && line["sent"] == 624;
        lines(&guard).into_iter().find(is)
    });
    assert_eq!((&flow["process"]["name"], &flow["remote"][1]), (&"ping".into(), &0.into()), "{flow}");
    // A connected socket that sends elsewhere, and a packet whose headers a program made itself.
    let socket = UdpSocket::bind((network.here.as_str(), 0)).expect("a port");
    socket.connect((network.there.as_str(), 4001)).expect("own socket");
    let elsewhere = SocketAddr::new(network.there.parse().expect("an address"), 4002);
    rustix::net::sendto(&socket, b"elsewhere", rustix::net::SendFlags::empty(), &elsewhere).expect("it goes");
    // Nobody listens there: what is sent next would fail.
    socket.send(b"there").expect("it goes");
    let (family, kind) = (rustix::net::AddressFamily::INET, rustix::net::SocketType::RAW);
    let raw = rustix::net::socket(family, kind, Some(rustix::net::ipproto::RAW)).expect("this is root");
    let mut packet = vec![0x45, 0, 0, 24, 0, 0, 0, 0, 64, 253, 0, 0, 0, 0, 0, 0];
    let IpAddr::V4(there) = elsewhere.ip() else { panic!("an address of IPv4") };
    packet.extend(there.octets());
    packet.extend(b"news");
    rustix::net::sendto(&raw, &packet, rustix::net::SendFlags::empty(), &elsewhere).expect("it goes");
    for (protocol, port, sent) in [(17, 4001, 5), (17, 4002, 9), (255, 0, 24)] {
        let flow = until("each is told with its receiver", LIMIT, || {
            let is = |line: &Value| {
                let to = &line["remote"];
                line["protocol"] == protocol && to[0] == network.there && to[1] == port && line["sent"] == sent
            };
            lines(&guard).into_iter().find(is)
        });
        assert!(protocol == 17 || flow["local"][1] == 0, "{flow}");
    }
}

#[test]
fn what_is_lost_is_counted_and_drives_out_no_connection() {
    const CONNECTIONS: usize = 200;
    let (_alone, scratch) = (alone(), Scratch::new("sensor-loss"));
    let guard = sensor(&scratch, &["--loopback"]);
    let sink = UdpSocket::bind("127.0.0.79:53").expect("a name server's port");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("own address").port();
    let lost = |of: &str| -> u64 {
        let lines = lines(&guard);
        let lost = lines.iter().filter(|line| line["sensor"] == "lost" && line["of"] == of);
        lost.map(|line| line["records"].as_u64().expect("a number")).sum()
    };
    let send = |socket: &UdpSocket, count: usize| {
        for _ in 0..count {
            socket.send_to(&[7; 1_400], sink.local_addr().expect("own address")).expect("it goes");
        }
    };
    // Others send on this host as well, and lose: what is counted is at least this.
    let accounted = |socket: &UdpSocket, count: u64| {
        let own = socket.local_addr().expect("own address").port();
        until("each datagram is told or counted", LIMIT, || {
            let told = pieces(&guard, "local", own).len() as u64;
            (told + lost("pieces") + lost("budget") >= count).then_some(told)
        })
    };
    // The ring holds 2 MiB, and nobody reads it.
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    guard.signal(Signal::STOP);
    send(&socket, 3_000);
    for _ in 0..CONNECTIONS {
        let mut client = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        let (mut server, _) = listener.accept().expect("the client");
        drop((client.shutdown(std::net::Shutdown::Write), server.read(&mut [0]), server));
        client.read_to_end(&mut Vec::new()).expect("the server is gone");
    }
    guard.signal(Signal::CONT);
    let told = accounted(&socket, 3_000);
    assert!(told > 500 && told < 2_000 && lost("pieces") > 500, "{told} told, {} lost", lost("pieces"));
    until("every connection is told", LIMIT, || {
        let count = lines(&guard).iter().filter(|line| is_flow_to(line, port, "out")).count();
        (count >= CONNECTIONS).then_some(())
    });
    // More than is told in a second.
    let (before, socket) = (lost("pieces") + lost("budget"), UdpSocket::bind("127.0.0.1:0").expect("a port"));
    send(&socket, 20_000);
    let told = accounted(&socket, 20_000 + before);
    assert!(told > 1_000 && told < 15_000 && lost("budget") > 1_000, "{told} told, {} not", lost("budget"));
    assert_eq!(lost("records"), 0);
}
