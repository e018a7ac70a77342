//! Sources that are no files, over real sockets: framing, TLS, limits, hostile clients, losses, and the whole agent.

mod agent;
mod hostile;
mod tls;
mod udp;

use crate::support::{poll, until};
use kuzet::clock::{Clock, System};
use kuzet::message::{Checkpoint, Gap};
use kuzet::source::stream::{Limits, ListenSettings, Loss, StreamSettings, Streams, Transport};
use kuzet::source::{FileInfo, Sink, TailOptions, Tailer};
use kuzet_decode::Chunk;
use kuzet_event::{FileId, SourceId};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// How long anything may take.
pub const LIMIT: Duration = Duration::from_secs(30);

/// What came out of a stream.
#[derive(Default)]
pub struct Taken {
    pub lines: Vec<String>,
    pub lost: Loss,
    pub gaps: usize,
}

impl Sink for Taken {
    fn chunk(&mut self, _: &FileInfo, chunk: Chunk<'_>) -> usize {
        let text = String::from_utf8_lossy(chunk.bytes);
        self.lines.extend(text.lines().map(str::to_owned));
        chunk.bytes.len()
    }

    fn gap(&mut self, _: Gap) {
        self.gaps += 1;
    }

    fn finished(&mut self, _: SourceId, _: FileId) {}

    fn lost(&mut self, _: &FileInfo, _: u64, records: u64, bytes: u64) {
        self.lost.records += records;
        self.lost.bytes += bytes;
    }
}

/// One stream and the data thread's part in it.
pub struct Rig {
    clock: Arc<dyn Clock>,
    pub streams: Streams,
    pub taken: Taken,
}

impl Rig {
    /// Starts a source.
    pub fn new(settings: StreamSettings) -> Rig {
        Rig::resumed(settings, Vec::new())
    }

    /// Starts a source that goes on where an earlier one stood.
    pub fn resumed(settings: StreamSettings, checkpoints: Vec<Checkpoint>) -> Rig {
        let clock: Arc<dyn Clock> = Arc::new(System);
        let options = TailOptions { notify: false, ..TailOptions::default() };
        let tailer = Tailer::open(Vec::new(), &[], options, Arc::clone(&clock)).unwrap();
        let mut streams = Streams::new(1 << 20, tailer.waker(), checkpoints);
        let own = Arc::clone(&clock);
        streams.spawn(SourceId(0), "net", move |sender| settings.run(&sender, &own)).unwrap();
        Rig { clock, streams, taken: Taken::default() }
    }

    /// Starts a listener on a free port; gives its address when it listens.
    pub fn listen(transport: Transport, limits: Limits) -> (Rig, SocketAddr) {
        let udp = matches!(transport, Transport::Udp | Transport::Netflow);
        let address = SocketAddr::from(([127, 0, 0, 1], crate::support::free_port()));
        let allow = vec!["127.0.0.0/8".parse().unwrap()];
        let mut rig = Rig::new(StreamSettings::Listen(ListenSettings { transport, address, allow, limits }));
        if udp {
            let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            rig.until("the listener listens", |taken| {
                let _ = socket.send_to(b"hello", address);
                !taken.lines.is_empty()
            });
            // More than one may have been on the way.
            rig.drain();
        } else {
            until("the listener listens", LIMIT, || TcpStream::connect(address).ok());
        }
        rig.taken = Taken::default();
        (rig, address)
    }

    /// Takes what waits.
    pub fn read(&mut self) {
        self.streams.read(self.clock.monotonic(), self.clock.wall(), &mut self.taken);
    }

    /// Takes until nothing has come for a while.
    pub fn drain(&mut self) {
        let mut seen = (usize::MAX, u64::MAX);
        let quiet = || poll(Duration::from_millis(200), || None::<()>);
        while seen != (self.taken.lines.len(), self.taken.lost.records) {
            seen = (self.taken.lines.len(), self.taken.lost.records);
            quiet();
            self.read();
        }
    }

    /// Takes until `done`.
    pub fn until(&mut self, what: &str, mut done: impl FnMut(&Taken) -> bool) {
        until(what, LIMIT, || {
            self.read();
            done(&self.taken).then_some(())
        });
    }

    /// What is wrong with the source.
    pub fn problem(&self) -> Option<String> {
        self.streams.status().next().and_then(|status| status.problem.map(str::to_owned))
    }

    /// Ends the source; it must come back.
    pub fn stop(mut self) -> Taken {
        let late = self.streams.stop(LIMIT, self.clock.monotonic(), self.clock.wall(), &mut self.taken);
        assert!(late.is_empty());
        self.taken
    }
}
