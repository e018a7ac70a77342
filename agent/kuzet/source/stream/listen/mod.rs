//! Records over the network, syslog (RFC 5424, 5425, 5426, 6587) and exported flows: who may send, how fast, and over what.

mod frame;
mod peers;
mod tcp;
mod tls;
mod udp;

pub use peers::{Network, NotANetwork};
pub use tls::TlsFiles;

use super::StreamSender;
use crate::clock::Clock;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::Notify;

/// How long until an address that cannot be listened on is tried again.
const RETRY: Duration = Duration::from_secs(5);

const SECOND: Duration = Duration::from_secs(1);

/// Refusals are told in the agent's own log so often.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Where to listen, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenSettings {
    /// Over what.
    pub transport: Transport,
    /// The address of this host, and the port.
    pub address: SocketAddr,
    /// Who may send; anybody where it is empty.
    pub allow: Vec<Network>,
    /// What a client may take.
    pub limits: Limits,
}

/// What clients of a listener may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time.
    pub connections: usize,
    /// Connections of one address at a time.
    pub connections_each: usize,
    /// A record that takes longer, and a connection that sends none in that time, is ended.
    pub patience: Duration,
    /// Longest handshake.
    pub handshake: Duration,
    /// Records of the source in one second: a stream then waits, datagrams are lost.
    pub records_a_second: u32,
    /// Bytes of datagrams that the kernel may hold while the listener has no turn.
    pub kernel_buffer: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 128,
            connections_each: 32,
            patience: Duration::from_secs(60),
            handshake: Duration::from_secs(10),
            records_a_second: 50_000,
            kernel_buffer: 8 << 20,
        }
    }
}

/// Over what records come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams of syslog (RFC 5426).
    Udp,
    /// Datagrams of NetFlow and IPFIX, which hold bytes of any kind.
    Netflow,
    /// A plain stream (RFC 6587).
    Tcp,
    /// A stream in TLS (RFC 5425).
    Tls(TlsFiles),
}

impl ListenSettings {
    pub(super) fn describe(&self) -> String {
        let (name, proof) = match &self.transport {
            Transport::Udp => ("udp", ""),
            Transport::Netflow => ("udp", " for exported flows"),
            Transport::Tcp => ("tcp", ""),
            Transport::Tls(files) if files.client_ca.is_some() => ("tls", ", from holders of a certificate"),
            Transport::Tls(_) => ("tls", ""),
        };
        format!("listens on {name}://{}{proof}", self.address)
    }
}

/// Whether a record may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spend {
    Now,
    After(Duration),
}

/// What all connections of a source share.
struct Shared {
    sender: StreamSender,
    clock: Arc<dyn Clock>,
    limits: Limits,
    /// The second that runs, and records taken in it.
    rate: Mutex<(Duration, u32)>,
    /// When a refusal was told, and how many came since.
    told: Mutex<(Option<Duration>, u64)>,
}

impl Shared {
    /// Takes one record of those that this second allows.
    fn spend(&self) -> Spend {
        let now = self.clock.monotonic();
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_sub(rate.0) >= SECOND {
            *rate = (now, 0);
        }
        rate.1 += 1;
        if rate.1 <= self.limits.records_a_second {
            Spend::Now
        } else {
            Spend::After((rate.0 + SECOND).saturating_sub(now))
        }
    }

    /// Says in the agent's own log that somebody was refused, at most once a minute.
    fn refused(&self, why: &str) {
        let now = self.clock.monotonic();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.1 += 1;
        if told.0.is_none_or(|last| now.saturating_sub(last) >= TOLD_EVERY) {
            tracing::warn!(refused = told.1, "{why}");
            *told = (Some(now), 0);
        }
    }
}

/// A listener at work.
struct Listening<'a> {
    settings: &'a ListenSettings,
    sender: &'a StreamSender,
    shared: Arc<Shared>,
}

impl Listening<'_> {
    fn allows(&self, peer: IpAddr) -> bool {
        let allowed = peers::allowed(&self.settings.allow, peer);
        if !allowed {
            self.refused(&format!("{peer} is not among those who may send"));
        }
        allowed
    }

    fn spend(&self) -> Spend {
        self.shared.spend()
    }

    fn refused(&self, why: &str) {
        self.shared.refused(why);
    }
}

/// Listens until the agent stops.
pub(super) fn run(settings: &ListenSettings, sender: &StreamSender, clock: &Arc<dyn Clock>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => return sender.problem(Some(format!("the system refuses what a listener needs: {error}"))),
    };
    let stop = Arc::new(Notify::new());
    let stopped = Arc::clone(&stop);
    let _hook = sender.on_stop(move || stopped.notify_one());
    let shared = Shared {
        sender: sender.clone(),
        clock: Arc::clone(clock),
        limits: settings.limits,
        rate: Mutex::default(),
        told: Mutex::default(),
    };
    let listening = Listening { settings, sender, shared: Arc::new(shared) };
    runtime.block_on(async {
        tokio::select! {
            () = listen(&listening) => {}
            () = stop.notified() => {}
        }
    });
}

/// Listens, and tries again for ever.
async fn listen(listening: &Listening<'_>) {
    loop {
        let problem = match attempt(listening).await {
            Ok(problem) => problem,
            Err(error) => format!("cannot listen on {}: {error}", listening.settings.address),
        };
        listening.sender.problem(Some(problem));
        tokio::time::sleep(RETRY).await;
    }
}

async fn attempt(listening: &Listening<'_>) -> std::io::Result<String> {
    let address = listening.settings.address;
    match &listening.settings.transport {
        Transport::Udp | Transport::Netflow => {
            let socket = UdpSocket::bind(address).await?;
            listening.sender.problem(None);
            Err(udp::serve(listening, socket).await)
        }
        Transport::Tcp => {
            let listener = TcpListener::bind(address).await?;
            listening.sender.problem(None);
            Ok(tcp::serve(listening, listener, None).await)
        }
        Transport::Tls(files) => {
            let listener = TcpListener::bind(address).await?;
            listening.sender.problem(None);
            Ok(tcp::serve(listening, listener, Some(files)).await)
        }
    }
}
