//! The bytes between the agent and a server: TCP, TLS or a Unix socket, on which nothing waits beyond its deadline.

use super::settings::Target;
use super::{DatabaseError, ErrorKind};
use crate::clock::Clock;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Largest message that is taken from a server.
const LARGEST: usize = 16 << 20;

/// The moment after which nobody waits, by the monotonic clock.
#[derive(Clone)]
pub(super) struct Deadline {
    clock: Arc<dyn Clock>,
    at: Duration,
}

impl Deadline {
    pub(super) fn after(clock: &Arc<dyn Clock>, time: Duration) -> Deadline {
        Deadline { clock: Arc::clone(clock), at: clock.monotonic() + time }
    }

    /// The earlier of this and `at`.
    pub(super) fn or_at(mut self, at: Option<Duration>) -> Deadline {
        self.at = at.map_or(self.at, |at| at.min(self.at));
        self
    }

    fn left(&self) -> io::Result<Duration> {
        let left = self.at.saturating_sub(self.clock.monotonic());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

/// A socket that looks at its deadline before every wait.
struct Socket {
    kind: Kind,
    deadline: Deadline,
}

enum Kind {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    fn connect(target: &Target, deadline: Deadline) -> io::Result<Socket> {
        let kind = match target {
            Target::Socket(path) => Kind::Unix(connect_unix(path, deadline.left()?)?),
            Target::Tcp { host, port } => {
                let mut last = io::Error::from(io::ErrorKind::NotFound);
                let mut connected = None;
                for address in (host.as_str(), *port).to_socket_addrs()? {
                    match TcpStream::connect_timeout(&address, deadline.left()?) {
                        Ok(stream) => {
                            connected = Some(stream);
                            break;
                        }
                        Err(error) => last = error,
                    }
                }
                let stream = connected.ok_or(last)?;
                stream.set_nodelay(true)?;
                Kind::Tcp(stream)
            }
        };
        Ok(Socket { kind, deadline })
    }
}

/// With a limit of time: a stopped server with a full queue would hold a plain `connect` for ever.
fn connect_unix(path: &Path, limit: Duration) -> io::Result<UnixStream> {
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    set_socket_timeout(&socket, Timeout::Send, Some(limit))?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(UnixStream::from(socket))
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = Some(self.deadline.left()?);
        match &mut self.kind {
            Kind::Tcp(stream) => stream.set_read_timeout(left).and_then(|()| stream.read(buffer)),
            Kind::Unix(stream) => stream.set_read_timeout(left).and_then(|()| stream.read(buffer)),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let left = Some(self.deadline.left()?);
        match &mut self.kind {
            Kind::Tcp(stream) => stream.set_write_timeout(left).and_then(|()| stream.write(buffer)),
            Kind::Unix(stream) => stream.set_write_timeout(left).and_then(|()| stream.write(buffer)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Stream {
    Plain(Socket),
    Tls(Box<StreamOwned<ClientConnection, Socket>>),
}

/// A connection of bytes with what was read ahead.
pub(super) struct Wire {
    stream: Stream,
    input: Vec<u8>,
    used: usize,
}

impl Wire {
    pub(super) fn connect(target: &Target, deadline: Deadline) -> Result<Wire, DatabaseError> {
        let socket = Socket::connect(target, deadline).map_err(|error| {
            if is_timeout(&error) {
                return DatabaseError::timeout();
            }
            DatabaseError::new(ErrorKind::Unreachable, format!("cannot connect to {target}: {error}"))
        })?;
        Ok(Wire { stream: Stream::Plain(socket), input: Vec::new(), used: 0 })
    }

    /// From now on nothing waits beyond `deadline`.
    pub(super) fn limit(&mut self, deadline: Deadline) {
        match &mut self.stream {
            Stream::Plain(socket) => socket.deadline = deadline,
            Stream::Tls(stream) => stream.sock.deadline = deadline,
        }
    }

    /// Whether nobody between here and the server can read along.
    pub(super) fn is_private(&self) -> bool {
        match &self.stream {
            Stream::Plain(socket) => matches!(socket.kind, Kind::Unix(_)),
            Stream::Tls(_) => true,
        }
    }

    /// Goes on in TLS.
    pub(super) fn upgrade(self, config: Arc<ClientConfig>, name: ServerName<'static>) -> Result<Wire, DatabaseError> {
        let Stream::Plain(mut socket) = self.stream else { return Ok(self) };
        if self.used < self.input.len() {
            // Sent before the handshake, so by anybody: it must not pass for an answer of the server.
            return Err(DatabaseError::new(ErrorKind::Tls, "the server sent data before the TLS handshake"));
        }
        let tls = |error: String| DatabaseError::new(ErrorKind::Tls, format!("TLS: {error}"));
        let mut connection = ClientConnection::new(config, name).map_err(|error| tls(error.to_string()))?;
        while connection.is_handshaking() {
            connection
                .complete_io(&mut socket)
                .map_err(|error| if is_timeout(&error) { DatabaseError::timeout() } else { tls(error.to_string()) })?;
        }
        let stream = Stream::Tls(Box::new(StreamOwned::new(connection, socket)));
        Ok(Wire { stream, input: Vec::new(), used: 0 })
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), DatabaseError> {
        let sent = match &mut self.stream {
            Stream::Plain(socket) => socket.write_all(bytes),
            Stream::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        };
        sent.map_err(|error| broken(&error))
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&[u8], DatabaseError> {
        if count > LARGEST {
            return Err(DatabaseError::protocol("a message of the server is larger than 16 MiB"));
        }
        if self.input.len() - self.used < count {
            self.input.drain(..self.used);
            self.used = 0;
        }
        while self.input.len() < count {
            let mut chunk = [0; 16 * 1024];
            let read = match &mut self.stream {
                Stream::Plain(socket) => socket.read(&mut chunk),
                Stream::Tls(stream) => stream.read(&mut chunk),
            };
            match read {
                Ok(0) => return Err(DatabaseError::new(ErrorKind::Unreachable, "the server closed the connection")),
                Ok(length) => self.input.extend_from_slice(&chunk[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(broken(&error)),
            }
        }
        let start = self.used;
        self.used += count;
        Ok(&self.input[start..self.used])
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

fn broken(error: &io::Error) -> DatabaseError {
    if is_timeout(error) {
        return DatabaseError::timeout();
    }
    DatabaseError::new(ErrorKind::Unreachable, format!("the connection broke: {error}"))
}
