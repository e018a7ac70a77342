//! The server of the metrics: what it answers, and what slow, large and many clients cost.

use super::metrics;
use crate::support::{http, until};
use kuzet::clock::{Clock, Manual};
use kuzet::metrics::{Metrics, Server, serve};
use kuzet_event::Timestamp;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

fn start() -> (Server, Arc<Metrics>, Manual) {
    let (metrics, clock) = (Arc::new(metrics()), Manual::new(Timestamp(1_795_364_550_000_000)));
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = serve(any, Arc::clone(&metrics), Arc::new(clock.clone())).unwrap();
    (server, metrics, clock)
}

fn raw(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn shows_metrics_and_health() {
    let (server, metrics, clock) = start();
    let port = server.address().port();
    let text = http::get(port, "/metrics").unwrap();
    assert!(text.contains("process_resident_memory_bytes "), "{text}");
    assert!(http::get(port, "/-/healthy").is_ok());
    assert!(http::get(port, "/-/ready").is_err());
    metrics.set_ready(true);
    assert!(http::get(port, "/-/ready").is_ok());
    metrics.beat(clock.wall());
    clock.advance(Duration::from_secs(120));
    assert!(http::get(port, "/-/healthy").is_ok());
    clock.advance(Duration::from_secs(1));
    assert!(http::get(port, "/-/healthy").unwrap_err().to_string().starts_with("status 503"));
}

#[test]
fn answers_nothing_else() {
    let (server, ..) = start();
    let port = server.address().port();
    let status = |request: &str| raw(port, request).split(' ').nth(1).unwrap_or_default().to_owned();
    assert_eq!(status("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "404");
    assert_eq!(status("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"), "405");
    assert_eq!(status("GET /metrics/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n"), "404");
    assert_eq!(status("junk\r\n\r\n"), "400");
    let long = format!("GET /metrics HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(1 << 20));
    assert!(["431", ""].contains(&status(&long).as_str()));
    assert!(raw(port, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n").ends_with("\r\n\r\n"));
    assert!(http::get(port, "/metrics").is_ok());
}

#[test]
fn clients_that_send_nothing_cannot_keep_others_out() {
    let (server, ..) = start();
    let port = server.address().port();
    let slow: Vec<TcpStream> = (0..24)
        .map(|number| {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            if number % 2 == 0 {
                stream.write_all(b"GET /metrics HTTP/1.1\r\nX: ").unwrap();
            }
            stream
        })
        .collect();
    until("an answer", Duration::from_secs(20), || http::get(port, "/metrics").ok());
    drop(slow);
}

#[test]
fn a_taken_port_is_told_with_what_to_do() {
    let (server, metrics, clock) = start();
    let error = serve(server.address(), metrics, Arc::new(clock)).unwrap_err();
    assert_eq!(error.code(), "metrics-listen");
    assert!(error.to_string().contains("in use"), "{error}");
    assert!(error.help().contains(&format!("port {}", server.address().port())), "{}", error.help());
    let address = server.address();
    drop(server);
    assert!(std::net::TcpListener::bind(address).is_ok());
}
