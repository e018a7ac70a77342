//! Clients of a TCP listener that mean harm, and one that does not and is served all the same.

use super::{LIMIT, Rig};
use crate::support::until;
use kuzet::source::stream::{Limits, Transport};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
}

/// Waits until the other side has closed.
fn closed(stream: &mut TcpStream) {
    match stream.read(&mut [0; 1]) {
        Ok(0) => {}
        Err(error) => assert_ne!(error.kind(), ErrorKind::WouldBlock, "closed within {LIMIT:?}"),
        Ok(_) => panic!("a listener says nothing"),
    }
}

#[test]
fn both_framings_are_understood() {
    let (mut rig, address) = Rig::listen(Transport::Tcp, Limits::default());
    let mut client = connect(address);
    client.write_all(b"<1>one\r\n7 <2>two\n\n<3>three").unwrap();
    drop(client);
    rig.until("three records", |taken| taken.lines.len() == 3);
    assert_eq!(rig.stop().lines, ["<1>one", "<2>two", "<3>three"]);
}

#[test]
fn a_newline_inside_a_counted_record_makes_no_second_one() {
    let (mut rig, address) = Rig::listen(Transport::Tcp, Limits::default());
    let record = "<13>Nov 22 10:00:00 db postgres[1]: login\n<13>Nov 22 10:00:00 db postgres[1]: forged";
    write!(connect(address), "{} {record}", record.len()).unwrap();
    rig.until("a record", |taken| !taken.lines.is_empty());
    assert_eq!(rig.stop().lines, [record.replace('\n', "#012")]);
}

#[test]
fn a_line_without_an_end_is_counted_once_and_not_held() {
    let (mut rig, address) = Rig::listen(Transport::Tcp, Limits::default());
    let mut client = connect(address);
    let block = vec![b'x'; 1 << 20];
    for _ in 0..32 {
        client.write_all(&block).unwrap();
    }
    client.write_all(b"\n<1>after\n").unwrap();
    rig.until("the record behind it", |taken| !taken.lines.is_empty());
    let taken = rig.stop();
    assert_eq!(taken.lines, ["<1>after"]);
    assert_eq!((taken.lost.records, taken.lost.bytes), (1, 32 << 20));
}

#[test]
fn a_slow_client_is_ended_and_a_silent_one_that_has_sent_is_not() {
    let limits = Limits { patience: Duration::from_millis(300), ..Limits::default() };
    let (mut rig, address) = Rig::listen(Transport::Tcp, limits);
    let (mut mute, mut slow, mut honest) = (connect(address), connect(address), connect(address));
    honest.write_all(b"<1>first\n").unwrap();
    // A byte now and then does not buy time.
    slow.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    until("the slow one is closed", LIMIT, || {
        let wrote = slow.write_all(b"x");
        let ended = matches!(slow.read(&mut [0; 1]), Ok(0));
        (wrote.is_err() || ended).then_some(())
    });
    closed(&mut mute);
    honest.write_all(b"<1>second\n").unwrap();
    rig.until("the honest one is heard", |taken| taken.lines.len() == 2 && taken.lost.records == 1);
    assert_eq!(rig.stop().lines, ["<1>first", "<1>second"]);
}

#[test]
fn a_thousand_connections_take_their_share_and_no_more() {
    let (mut rig, address) = Rig::listen(Transport::Tcp, Limits::default());
    let mut crowd: Vec<TcpStream> = (0..1000).filter_map(|_| TcpStream::connect(address).ok()).collect();
    for client in &mut crowd {
        client.set_nonblocking(true).unwrap();
    }
    let mut still_open = 0;
    until("all but a share are closed", LIMIT, || {
        still_open = crowd
            .iter()
            .filter(
                |client| matches!({ *client }.read(&mut [0; 1]), Err(error) if error.kind() == ErrorKind::WouldBlock),
            )
            .count();
        (still_open <= 32).then_some(())
    });
    // Another address has its own share.
    let other = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::STREAM, None).unwrap();
    rustix::net::bind(&other, &SocketAddr::from(([127, 0, 0, 2], 0))).unwrap();
    rustix::net::connect(&other, &address).unwrap();
    TcpStream::from(other).write_all(b"<1>served\n").unwrap();
    rig.until("another address is served", |taken| taken.lines == ["<1>served"]);
    drop(crowd);
    until("places are free again", LIMIT, || {
        let mut client = connect(address);
        client.write_all(b"<1>again\n").ok()?;
        rig.read();
        rig.taken.lines.contains(&"<1>again".to_owned()).then_some(())
    });
    rig.stop();
}

#[test]
fn a_client_that_sends_more_than_the_rate_waits_and_loses_nothing() {
    let limits = Limits { records_a_second: 2_000, ..Limits::default() };
    let (mut rig, address) = Rig::listen(Transport::Tcp, limits);
    let sender = std::thread::spawn(move || {
        let mut client = connect(address);
        (0..5_000).for_each(|number| writeln!(client, "<1>{number}").unwrap());
    });
    rig.until("all of them", |taken| taken.lines.len() >= 5_000);
    sender.join().unwrap();
    let taken = rig.stop();
    assert!(taken.lines.iter().enumerate().all(|(number, line)| *line == format!("<1>{number}")));
    assert_eq!((taken.lines.len(), taken.lost.records), (5_000, 0));
}

#[test]
fn a_full_channel_makes_the_client_wait() {
    let (mut rig, address) = Rig::listen(Transport::Tcp, Limits::default());
    let line = "y".repeat(1_000);
    let sender = std::thread::spawn(move || {
        let mut client = connect(address);
        (0..20_000).for_each(|_| writeln!(client, "{line}").unwrap());
    });
    // 20 MB against a channel of 1 MiB: the client cannot be done while nobody reads.
    assert!(crate::support::poll(Duration::from_millis(500), || sender.is_finished().then_some(())).is_none());
    rig.until("all of them", |taken| taken.lines.len() == 20_000);
    sender.join().unwrap();
    assert_eq!(rig.stop().lost.records, 0);
}
