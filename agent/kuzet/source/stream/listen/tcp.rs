//! Syslog over TCP and TLS: each connection reads no faster than the data thread decodes, and holds one record at most.

use super::frame::{Frame, Framer};
use super::peers::{Place, Places};
use super::tls::TlsFiles;
use super::{Listening, SECOND, Shared, Spend};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Bytes asked of one read.
const STEP: usize = 8 << 10;

/// How the files of a TLS listener stood when they were last read.
struct Loaded {
    files: TlsFiles,
    stamp: Vec<Option<(i64, i64, u64)>>,
    acceptor: TlsAcceptor,
}

impl Loaded {
    fn new(files: &TlsFiles) -> Result<Loaded, String> {
        let stamp = files.stamp();
        Ok(Loaded { files: files.clone(), stamp, acceptor: TlsAcceptor::from(files.load()?) })
    }

    /// The acceptor with the files as they are now; the old one while the new ones cannot be used.
    fn acceptor(&mut self) -> TlsAcceptor {
        let stamp = self.files.stamp();
        if stamp != self.stamp {
            self.stamp = stamp;
            match self.files.load() {
                Ok(config) => self.acceptor = TlsAcceptor::from(config),
                Err(error) => tracing::warn!(error, "A renewed certificate cannot be used; the old one stays."),
            }
        }
        self.acceptor.clone()
    }
}

/// Accepts until the socket or the certificate fails.
pub(super) async fn serve(listening: &Listening<'_>, listener: TcpListener, tls: Option<&TlsFiles>) -> String {
    let mut loaded = match tls.map(Loaded::new).transpose() {
        Ok(loaded) => loaded,
        Err(error) => return error,
    };
    let limits = listening.settings.limits;
    let places = Places::new(limits.connections, limits.connections_each);
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: waiting is all that helps.
                listening.refused(&format!("a connection was not accepted: {error}"));
                tokio::time::sleep(SECOND).await;
                continue;
            }
        };
        if !listening.allows(peer.ip()) {
            continue;
        }
        let Some(place) = places.take(peer.ip()) else {
            listening.refused(&format!("a connection of {} was refused: too many are open", peer.ip()));
            continue;
        };
        let shared = Arc::clone(&listening.shared);
        match loaded.as_mut().map(Loaded::acceptor) {
            None => drop(tokio::spawn(plain(shared, stream, place))),
            Some(acceptor) => drop(tokio::spawn(secured(shared, stream, place, acceptor))),
        }
    }
}

async fn plain(shared: Arc<Shared>, stream: TcpStream, _place: Place) {
    read(&shared, stream).await;
}

async fn secured(shared: Arc<Shared>, stream: TcpStream, _place: Place, acceptor: TlsAcceptor) {
    let peer = stream.peer_addr().map_or_else(|error| error.to_string(), |peer| peer.ip().to_string());
    match tokio::time::timeout(shared.limits.handshake, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => read(&shared, stream).await,
        Ok(Err(error)) => shared.refused(&format!("a TLS handshake of {peer} failed: {error}")),
        Err(_) => shared.refused(&format!("a TLS handshake of {peer} took too long")),
    }
}

/// Reads one connection to its end.
async fn read(shared: &Shared, mut stream: impl AsyncRead + Unpin) {
    let (mut framer, mut buffer) = (Framer::default(), vec![0; STEP]);
    let mut last = Some(shared.clock.monotonic());
    let mut spent = Spend::Now;
    let cut = loop {
        let left = last.map(|last| (last + shared.limits.patience).saturating_sub(shared.clock.monotonic()));
        let read = match left {
            Some(left) => tokio::time::timeout(left, stream.read(&mut buffer)).await,
            None => Ok(stream.read(&mut buffer).await),
        };
        let bytes = match read {
            Ok(Ok(0)) => break false,
            Ok(Ok(bytes)) => &buffer[..bytes],
            Ok(Err(_)) | Err(_) => break true,
        };
        let mut any = false;
        let mut give = |frame: Frame<'_>| match frame {
            Frame::Record(record) => {
                any = true;
                spent = shared.spend();
                shared.sender.send(record)
            }
            Frame::Lost { records, bytes } => {
                shared.sender.lost(records, bytes);
                true
            }
        };
        if !framer.feed(bytes, &mut give) {
            return;
        }
        if any {
            last = None;
        }
        if framer.is_inside() {
            last = last.or_else(|| Some(shared.clock.monotonic()));
        }
        if let Spend::After(time) = spent {
            // The bytes stay with the sender meanwhile.
            tokio::time::sleep(time).await;
            spent = Spend::Now;
        }
    };
    framer.end(cut, &mut |frame| match frame {
        Frame::Record(record) => shared.sender.send(record),
        Frame::Lost { records, bytes } => {
            shared.sender.lost(records, bytes);
            true
        }
    });
}
