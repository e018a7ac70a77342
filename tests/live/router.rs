//! A real exporter (softflowd, which looks at this host's loopback) and the agent's listener: every version of the protocol,
//! a long flow that is told in parts, and what the agent counts. Needs root, as softflowd does.

use super::servers::program;
use crate::support::agent::Setup;
use crate::support::{Guard, Scratch, free_port, until};
use kuzet::clock::{Clock, System};
use kuzet_decode::{Chunk, DecodeOptions, Decoder, Edge, Format, Tally};
use kuzet_event::{Direction, Event, FileId, Flow, Phase, SourceId};
use kuzet_personal::Key;
use rustix::process::Signal;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);
/// More than softflowd tells in one record: it gives a flow away after two seconds.
const PARTS: usize = 3;

/// softflowd that tells the traffic of `port` to two collectors.
fn softflowd(scratch: &Scratch, version: &str, port: u16, collectors: [u16; 2]) -> Guard {
    let mut command = Command::new(program("softflowd", &["/usr/sbin/softflowd"]));
    let to = collectors.map(|port| format!("127.0.0.1:{port}")).join(",");
    command.args(["-d", "-i", "lo", "-v", version, "-n", &to]);
    command.arg("-p").arg(scratch.join("pid")).arg("-c").arg(scratch.join("control"));
    for timeout in ["maxlife=2", "expint=1", "tcp.fin=1", "tcp=2", "general=2"] {
        command.args(["-t", timeout]);
    }
    command.args(["tcp", "port", &port.to_string()]);
    let mut guard = Guard::spawn("softflowd", &mut command, &scratch.join("softflowd"), Signal::TERM);
    guard.ready(LIMIT, || scratch.join("control").exists());
    guard
}

/// Packets that softflowd has nothing to tell of but another flow: the kernel hands it what it saw by full blocks, so that the
/// end of a flow is seen when others go on.
struct Noise(TcpStream);

impl Noise {
    fn new(server: SocketAddr) -> Noise {
        let stream = TcpStream::connect(server).expect("the server listens");
        stream.set_nodelay(true).expect("own socket");
        Noise(stream)
    }

    fn make(&mut self) {
        (0..2000).for_each(|_| self.0.write_all(b"y").expect("the server reads"));
    }
}

/// A collector beside the agent: the same datagrams, decoded here.
struct Collector {
    socket: UdpSocket,
    decoder: Box<dyn Decoder>,
    flows: Vec<Arc<Flow>>,
    tally: Tally,
}

/// Reads what a client sends to its end; gives how much that was.
fn reader(listener: &TcpListener) -> JoinHandle<u64> {
    let (mut stream, _) = listener.accept().expect("a client");
    std::thread::spawn(move || {
        std::io::copy(&mut (&mut stream).take(u64::MAX), &mut std::io::sink()).expect("what the client sends")
    })
}

impl Collector {
    fn new() -> Collector {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        socket.set_nonblocking(true).expect("own socket");
        let decoder = Format::Netflow.decoder(&DecodeOptions::new(Key::new([7; 32])));
        Collector { socket, decoder, flows: Vec::new(), tally: Tally::default() }
    }

    /// Takes what has come.
    fn take(&mut self) {
        let mut datagram = [0; 65_536];
        while let Ok((length, peer)) = self.socket.recv_from(&mut datagram) {
            let digits: String = datagram[..length].iter().map(|byte| format!("{byte:02x}")).collect();
            let line = format!("netflow {} {peer} {digits}\n", System.wall().0);
            let (source, file, bytes) = (SourceId(0), FileId(0), line.as_bytes());
            let mut events: Vec<Event> = Vec::new();
            let done = self.decoder.decode(Chunk { source, file, offset: 0, bytes, edge: Edge::More }, &mut events);
            self.tally.add(done.tally);
            self.flows.extend(events.into_iter().filter_map(|event| event.flow));
        }
    }
}

fn exported(version: &str) {
    let (scratch, mut collector) = (Scratch::new("router"), Collector::new());
    let port = free_port();
    let source = format!(
        "[[source]]\nname = \"router\"\nnetflow = {{ listen = \"udp://127.0.0.1:{port}\", from = [\"127.0.0.1\"] }}\n"
    );
    let agent = Setup::new("router").with(&source).start();
    // Below the ports of clients: that is how a collector knows which side began.
    let begin = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap_or(0);
    let listener = (begin..32_000).find_map(|port| TcpListener::bind(("127.0.0.1", port)).ok()).expect("a port");
    let server = listener.local_addr().expect("own address");
    let own = collector.socket.local_addr().expect("own address").port();
    let mut exporter = softflowd(&scratch, version, server.port(), [port, own]);
    let mut noise = Noise::new(server);
    let noisy = reader(&listener);
    let mut client = TcpStream::connect(server).expect("the server listens");
    let ours = client.local_addr().expect("own address");
    let own = |flow: &&Arc<Flow>| flow.local == ours;
    let reader = reader(&listener);
    // It sends on until it was told in several parts.
    let mut sent = 0u64;
    until("the flow is told in parts", LIMIT, || {
        client.write_all(&[b'x'; 10_000]).expect("the server reads");
        sent += 10_000;
        noise.make();
        collector.take();
        let parts = collector.flows.iter().filter(own).filter(|flow| flow.sent.known().is_some_and(|sent| sent > 0));
        (parts.count() >= PARTS).then_some(())
    });
    drop(client);
    assert_eq!(reader.join().expect("the server"), sent);
    let close = |number: u64| number.abs_diff(sent) * 50 <= sent;
    let flow = until(&format!("version {version}: all bytes, within 2 %"), LIMIT, || {
        noise.make();
        collector.take();
        let last = collector.flows.iter().filter(own).rfind(|flow| flow.sent.known().is_some_and(close))?;
        (last.phase == Phase::Closed && last.received.known().is_some()).then(|| Arc::clone(last))
    });
    assert_eq!(flow.remote, Some(server), "{flow:?}");
    assert_ne!(flow.direction, Direction::Inbound, "{flow:?}");
    let ids: Vec<u64> = collector.flows.iter().filter(own).map(|flow| flow.id).collect();
    assert!(ids.iter().all(|id| *id == flow.id), "one flow: {:?}", collector.flows);
    drop(noise);
    noisy.join().expect("the server");
    exporter.stop();
    collector.take();
    assert_eq!(collector.tally.lost, 0, "{:?}", collector.tally);
    let told = collector.tally.seen as f64;
    until("the agent counts every datagram", LIMIT, || {
        (agent.setup.metric("kuzet_records_seen_total{source=\"router\"}") >= Some(told)).then_some(())
    });
    let lost = agent.setup.metric("kuzet_records_total{result=\"lost\",source=\"router\"}");
    assert_eq!(lost.unwrap_or(0.0), 0.0);
    agent.setup.accounted("router");
}

#[test]
fn flows_of_version_5_are_counted() {
    exported("5");
}

#[test]
fn flows_of_version_9_are_counted() {
    exported("9");
}

#[test]
fn flows_of_ipfix_are_counted() {
    exported("10");
}
