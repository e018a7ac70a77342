//! Serves `/metrics`, `/-/healthy` and `/-/ready` to whoever is on this host, from one small thread, within fixed limits:
//! a client that sends slowly, much or often costs a bounded amount of memory and time.

use super::Metrics;
use crate::clock::Clock;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use kuzet_event::Timestamp;
use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};

/// Connections served at a time; others wait in the kernel's queue.
const CONNECTIONS: usize = 16;
/// Time for the head of a request.
const HEAD_TIME: Duration = Duration::from_secs(2);
/// Time for a whole connection: one request and its answer.
const CONNECTION_TIME: Duration = Duration::from_secs(5);
/// Longest head of a request, bytes (the least that hyper allows).
const HEAD_BYTES: usize = 8 * 1024;
/// The data path is stuck when it has not turned for this long, seconds (it promises 30).
const HEARTBEAT_SECONDS: i64 = 120;
/// Enough for hyper and the text encoder; measured use is below 64 KiB.
const STACK_BYTES: usize = 256 * 1024;

/// Why the metrics cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("metrics cannot be served on {address}: {source}")]
    Listen {
        /// Address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// No thread, or no event loop in it.
    #[error("metrics cannot be served: {0}")]
    Thread(io::Error),
}

impl ServeError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            ServeError::Listen { .. } => "metrics-listen",
            ServeError::Thread(_) => "metrics-thread",
        }
    }

    /// What a person can do.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            ServeError::Listen { address, source } if source.kind() == io::ErrorKind::AddrInUse => format!(
                "another program, or another kuzet, listens on port {}: stop it (ss -ltnp 'sport = :{}' names it) or set \
                 another metrics address",
                address.port(),
                address.port()
            ),
            ServeError::Listen { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "ports below 1024 need a privilege that kuzet does not ask for: set a higher port".into()
            }
            ServeError::Listen { .. } => "set the metrics address to one of this host, such as 127.0.0.1:9478".into(),
            ServeError::Thread(_) => "the system refuses a thread or a file descriptor: look at its limits".into(),
        }
    }
}

/// A running server; stops when dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Address listened on, with the port that the system chose if 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It panics nowhere; if it did, there is nothing left to do about it here.
            drop(thread.join());
        }
    }
}

/// Starts serving.
///
/// # Errors
/// [`ServeError`] when the address is taken or not of this host.
pub fn serve(address: SocketAddr, metrics: Arc<Metrics>, clock: Arc<dyn Clock>) -> Result<Server, ServeError> {
    let listen = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).map_err(listen)?;
    listener.set_nonblocking(true).map_err(listen)?;
    let bound = listener.local_addr().map_err(listen)?;
    if !bound.ip().is_loopback() {
        tracing::warn!(address = %bound, "metrics can be read by every host that reaches this address");
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().map_err(ServeError::Thread)?;
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = std::thread::Builder::new()
        .name("metrics".into())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, metrics, clock) => {}
                    _ = stopped => {}
                }
            });
        })
        .map_err(ServeError::Thread)?;
    Ok(Server { address: bound, stop: Some(stop), thread: Some(thread) })
}

async fn accept(listener: TcpListener, metrics: Arc<Metrics>, clock: Arc<dyn Clock>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "metrics are not served"),
    };
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (metrics, clock) = (Arc::clone(&metrics), Arc::clone(&clock));
                tokio::spawn(async move {
                    // A client that goes away or is too slow is its own affair.
                    drop(tokio::time::timeout(CONNECTION_TIME, connection(stream, &metrics, clock.as_ref())).await);
                    drop(place);
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: waiting is all that helps.
                tracing::warn!(%error, "a connection to the metrics was not accepted");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, metrics: &Metrics, clock: &dyn Clock) -> hyper::Result<()> {
    let service = service_fn(|request: Request<Incoming>| {
        let response = answer(request.method(), request.uri().path(), metrics, clock.wall());
        async move { Ok::<_, Infallible>(response) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_headers(64)
        .max_buf_size(HEAD_BYTES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

fn answer(method: &Method, path: &str, metrics: &Metrics, now: Timestamp) -> Response<Full<Bytes>> {
    if method != Method::GET && method != Method::HEAD {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    }
    match path {
        "/metrics" => match metrics.render() {
            Ok(text) => {
                let mut response = Response::new(Full::new(Bytes::from(text)));
                let format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
                response.headers_mut().insert(CONTENT_TYPE, format);
                response
            }
            Err(error) => {
                tracing::error!(%error, "metrics cannot be encoded");
                plain(StatusCode::INTERNAL_SERVER_ERROR, "metrics cannot be encoded\n")
            }
        },
        "/-/healthy" => {
            let last = metrics.last_beat_seconds();
            if last != 0 && now.0.div_euclid(1_000_000).saturating_sub(last) > HEARTBEAT_SECONDS {
                plain(StatusCode::SERVICE_UNAVAILABLE, "the data path has not turned for 2 minutes\n")
            } else {
                plain(StatusCode::OK, "healthy\n")
            }
        }
        "/-/ready" if metrics.is_ready() => plain(StatusCode::OK, "ready\n"),
        "/-/ready" => plain(StatusCode::SERVICE_UNAVAILABLE, "not watching yet\n"),
        _ => plain(StatusCode::NOT_FOUND, "/metrics, /-/healthy, /-/ready\n"),
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
