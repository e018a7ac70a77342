//! Datagrams: nothing that was sent is neither taken nor counted.

use super::{LIMIT, Rig, Taken};
use crate::support::until;
use kuzet::source::stream::{Limits, ListenSettings, StreamSettings, Transport};
use std::net::{SocketAddr, UdpSocket};

#[test]
fn what_the_kernel_drops_is_counted() {
    const SENT: usize = 20_000;
    // So small that the kernel has to drop most of what comes at once.
    let limits = Limits { kernel_buffer: 4096, ..Limits::default() };
    let (mut rig, address) = Rig::listen(Transport::Udp, limits);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for number in 0..SENT {
        socket.send_to(format!("<13>record {number}\0").as_bytes(), address).unwrap();
    }
    let total = |taken: &Taken| taken.lines.len() as u64 + taken.lost.records;
    rig.until("every datagram is taken or counted", |taken| total(taken) >= SENT as u64);
    rig.drain();
    assert_eq!(total(&rig.taken), SENT as u64);
    assert!(rig.taken.lost.records > 0, "a buffer of 4 KiB holds no burst of {SENT}");
    assert!(rig.taken.gaps > 0, "a loss is told");
    assert!(rig.taken.lines.iter().all(|line| line.starts_with("<13>record ") && !line.ends_with('\0')));
    rig.stop();
}

#[test]
fn more_than_the_rate_is_counted_as_lost() {
    let limits = Limits { records_a_second: 10, ..Limits::default() };
    let (mut rig, address) = Rig::listen(Transport::Udp, limits);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for number in 0..500 {
        socket.send_to(format!("{number:03}").as_bytes(), address).unwrap();
    }
    rig.until("every datagram is taken or counted", |taken| taken.lines.len() as u64 + taken.lost.records >= 500);
    assert!(rig.taken.lines.len() <= 100, "{}", rig.taken.lines.len());
    assert_eq!(rig.taken.lost.bytes, 3 * rig.taken.lost.records);
}

#[test]
fn who_is_not_allowed_is_not_heard() {
    let address = SocketAddr::from(([127, 0, 0, 1], crate::support::free_port()));
    let allow = vec!["127.0.0.9/32".parse().unwrap()];
    let limits = Limits::default();
    let mut rig =
        Rig::new(StreamSettings::Listen(ListenSettings { transport: Transport::Udp, address, allow, limits }));
    let (stranger, friend) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.9:0").unwrap());
    rig.until("the friend is heard", |taken| {
        stranger.send_to(b"stranger", address).unwrap();
        friend.send_to(b"friend", address).unwrap();
        taken.lines.len() > 3
    });
    assert!(rig.stop().lines.iter().all(|line| line == "friend"));
}

#[test]
fn a_port_that_is_taken_is_told_and_tried_again() {
    let holder = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (address, allow, limits) = (holder.local_addr().unwrap(), Vec::new(), Limits::default());
    let mut rig =
        Rig::new(StreamSettings::Listen(ListenSettings { transport: Transport::Udp, address, allow, limits }));
    until("the problem is told", LIMIT, || {
        rig.read();
        rig.problem()
    });
    drop(holder);
    until("the port is free again", LIMIT, || {
        rig.read();
        rig.problem().is_none().then_some(())
    });
    rig.stop();
}

#[test]
fn exported_flows_are_written_down_with_their_exporter() {
    let (mut rig, address) = Rig::listen(Transport::Netflow, Limits::default());
    let exporter = UdpSocket::bind("127.0.0.1:0").unwrap();
    // Bytes that would end a record, or stand for something else in it.
    exporter.send_to(b"\0\x05\n\r \0\0", address).unwrap();
    let own = format!(" {} ", exporter.local_addr().unwrap());
    rig.until("the datagram is there", |taken| taken.lines.iter().any(|line| line.contains(&own)));
    let taken = rig.stop();
    let line = taken.lines.iter().find(|line| line.contains(&own)).unwrap();
    let (at, digits) = line.strip_prefix("netflow ").unwrap().split_once(&own).unwrap();
    assert_eq!(digits, "00050a0d200000");
    assert!(at.parse::<i64>().unwrap() > 1_700_000_000_000_000);
}
