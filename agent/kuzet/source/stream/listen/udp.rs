//! Records in datagrams: taken as fast as they come, and what is dropped on the way is counted.

use super::{Listening, SECOND, Spend, Transport};
use kuzet_event::Timestamp;
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_recv_buffer_size_force};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use tokio::net::UdpSocket;

/// No datagram is longer.
const LONGEST: usize = 65_536;

/// Receives until the socket fails.
pub(super) async fn serve(listening: &Listening<'_>, socket: UdpSocket) -> std::io::Error {
    let sender = listening.sender;
    let buffer = listening.settings.limits.kernel_buffer;
    if set_socket_recv_buffer_size_force(&socket, buffer).is_err() {
        // Who is not root gets what net.core.rmem_max allows.
        let _ = set_socket_recv_buffer_size(&socket, buffer);
    }
    let mut drops = Drops::new(&socket);
    let (mut buffer, mut line, mut busy) = (vec![0; LONGEST], Vec::new(), false);
    let look = tokio::time::sleep(SECOND);
    tokio::pin!(look);
    loop {
        let received = tokio::select! {
            biased;
            () = &mut look, if busy => {
                busy = false;
                sender.lost(drops.more(), 0);
                continue;
            }
            received = socket.recv_from(&mut buffer) => received,
        };
        if !busy {
            busy = true;
            look.set(tokio::time::sleep(SECOND));
        }
        match received {
            Err(error) => return error,
            Ok((_, peer)) if !listening.allows(peer.ip()) => {}
            Ok((length, _)) if listening.spend() != Spend::Now => sender.lost(1, length as u64),
            Ok((length, peer)) => {
                let goes_on = match listening.settings.transport {
                    Transport::Netflow => {
                        write_down(&buffer[..length], peer, listening.shared.clock.wall(), &mut line);
                        sender.offer(&line)
                    }
                    _ => sender.offer(trim(&buffer[..length])),
                };
                if !goes_on {
                    return std::io::ErrorKind::Interrupted.into();
                }
            }
        }
    }
}

/// Some senders end a datagram as C ends a string.
fn trim(record: &[u8]) -> &[u8] {
    let end = record.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &record[..end]
}

/// A datagram as a line of the format `netflow`: when it came, from whom, its bytes as digits. An exporter is known by its
/// IPv4 address, whichever kind of socket it came through.
fn write_down(datagram: &[u8], peer: SocketAddr, at: Timestamp, line: &mut Vec<u8>) {
    let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
    line.clear();
    line.extend_from_slice(format!("netflow {} {peer} ", at.0).as_bytes());
    let digit = |value: u8| b"0123456789abcdef"[usize::from(value & 15)];
    line.extend(datagram.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]));
}

/// What the kernel dropped because its buffer was full, from `/proc/net/udp`.
struct Drops {
    inode: Option<u64>,
    table: &'static str,
    known: u64,
}

impl Drops {
    fn new(socket: &UdpSocket) -> Drops {
        let inode = rustix::fs::fstat(socket.as_fd()).ok().map(|facts| facts.st_ino);
        let six = socket.local_addr().is_ok_and(|address: SocketAddr| address.is_ipv6());
        Drops { inode, table: if six { "/proc/self/net/udp6" } else { "/proc/self/net/udp" }, known: 0 }
    }

    /// Datagrams dropped since this was last called.
    fn more(&mut self) -> u64 {
        let table = std::fs::read_to_string(self.table).unwrap_or_default();
        let now = self.inode.and_then(|inode| dropped(&table, inode)).unwrap_or(self.known);
        let more = now.saturating_sub(self.known);
        self.known = now;
        more
    }
}

/// The last column of the line with that inode in the tenth.
fn dropped(table: &str, inode: u64) -> Option<u64> {
    let inode = inode.to_string();
    let line = table.lines().find(|line| line.split_ascii_whitespace().nth(9) == Some(inode.as_str()))?;
    line.split_ascii_whitespace().next_back()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_becomes_a_line_that_the_decoder_knows() {
        let mut line = Vec::new();
        let peer = "[::ffff:10.0.0.1]:2055".parse().unwrap();
        write_down(b"\0\x05\n\xff", peer, Timestamp(1_795_406_938_000_000), &mut line);
        assert_eq!(line, b"netflow 1795406938000000 10.0.0.1:2055 00050aff");
        assert_eq!(kuzet_decode::sniff(&line), Some(kuzet_decode::Format::Netflow));
    }

    #[test]
    fn drops_stand_in_the_last_column() {
        let table = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
             412: 0100007F:0202 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 90210 2 0000000000000000 7\n\
             413: 0100007F:0203 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 90211 2 0000000000000000 0\n";
        assert_eq!((dropped(table, 90210), dropped(table, 90211), dropped(table, 1)), (Some(7), Some(0), None));
    }
}
