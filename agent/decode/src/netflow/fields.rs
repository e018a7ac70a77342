//! What a record of a flow says, whatever its version: addresses, bytes, packets and times.

use super::template::reverse;
use crate::gateway::payload;
use kuzet_event::Transport;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Seconds from 1900, where NTP begins, to 1970.
const NTP: i64 = 2_208_988_800;
/// A flow that began or ended further from when it was told has no time that can be used.
const LONGEST: i64 = 31 * super::DAY;
/// Options that a header may have, in bytes.
const OPTIONS: u64 = 40;
/// After so long a counter of milliseconds begins anew.
const TURN: i64 = (1 << 32) * 1000;
/// Bytes of a record of version 5, and of its head behind the version.
const RECORD5: usize = 48;
const HEAD5: usize = 22;

/// What the times of a message are counted from, in microseconds since 1970.
pub(super) struct Clock {
    sent: i64,
    uptime: Option<u32>,
    started: Option<i64>,
}

impl Clock {
    /// Of a message that was `sent` by the exporter's clock. One that is more than a day off is taken as of its receipt.
    pub(super) fn new(sent: i64, received: i64, uptime: Option<u32>, started: Option<i64>) -> Clock {
        let sent = if sent.abs_diff(received) > super::DAY.unsigned_abs() { received } else { sent };
        Clock { sent, uptime, started }
    }

    /// A time in milliseconds since the exporter started: of those that it may stand for, the one nearest to the message.
    fn up(&self, milliseconds: u64) -> Option<i64> {
        let milliseconds = u32::try_from(milliseconds).ok()?;
        match self.uptime {
            Some(uptime) => Some(self.sent - i64::from(uptime.wrapping_sub(milliseconds).cast_signed()) * 1000),
            None => {
                let first = self.started?.saturating_add(i64::from(milliseconds) * 1000);
                let turns = self.sent.saturating_sub(first).saturating_add(TURN / 2).div_euclid(TURN);
                Some(first.saturating_add(turns.saturating_mul(TURN)))
            }
        }
    }
}

/// A flow, or a part of one, in one direction or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) transport: Transport,
    /// Number of the protocol.
    pub(super) protocol: u8,
    /// Payload from `from`, and from `to` where the record has both directions.
    pub(super) sent: Option<u64>,
    pub(super) back: Option<u64>,
    /// The bytes are those since the beginning, not since the last record.
    pub(super) total: bool,
    /// `from` is known to have begun it.
    pub(super) initiator: bool,
    pub(super) flags: u8,
    /// Its packets have no room for more than headers.
    pub(super) empty: bool,
    pub(super) began: Option<i64>,
    pub(super) ended: i64,
    /// It goes on: the exporter tells it because it lasts.
    pub(super) active: bool,
}

/// The fields of a record that are of use.
#[derive(Default)]
pub(super) struct Fields {
    from: Option<IpAddr>,
    to: Option<IpAddr>,
    from_port: u16,
    to_port: u16,
    protocol: u8,
    flags: u8,
    bytes: Counts,
    totals: Counts,
    back: Counts,
    back_totals: Counts,
    began: Option<i64>,
    ended: Option<i64>,
    reason: u64,
    biflow: u64,
    /// Counters of the one that began it, and of the other.
    initiator: bool,
    /// One packet of so many is counted.
    pub(super) sampling: Option<u64>,
    counted: Option<u64>,
    /// When the exporter's clock of milliseconds began.
    pub(super) started: Option<i64>,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    bytes: Option<u64>,
    packets: u64,
}

/// A number of one to eight bytes.
fn unsigned(value: &[u8]) -> Option<u64> {
    matches!(value.len(), 1..=8).then(|| value.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

fn port(value: &[u8]) -> u16 {
    unsigned(value).and_then(|port| u16::try_from(port).ok()).unwrap_or(0)
}

fn address(value: &[u8]) -> Option<IpAddr> {
    match value.len() {
        4 => <[u8; 4]>::try_from(value).ok().map(|octets| IpAddr::V4(Ipv4Addr::from(octets))),
        16 => <[u8; 16]>::try_from(value).ok().map(|octets| IpAddr::V6(Ipv6Addr::from(octets))),
        _ => None,
    }
}

/// Microseconds of so many `each`.
fn since(number: Option<u64>, each: i64) -> Option<i64> {
    i64::try_from(number?).ok()?.checked_mul(each)
}

/// A time of NTP: seconds since 1900 and a fraction of 2^32.
fn ntp(number: Option<u64>) -> Option<i64> {
    let number = number?;
    let (seconds, fraction) = (i64::try_from(number >> 32).ok()?, i64::try_from(number & 0xffff_ffff).ok()?);
    Some((seconds - NTP) * 1_000_000 + ((fraction * 1_000_000) >> 32))
}

impl Fields {
    /// Takes the value of an information element, by its number at IANA.
    pub(super) fn set(&mut self, number: u16, value: &[u8], clock: &Clock) {
        let whole = unsigned(value);
        let count = whole.unwrap_or(0);
        let small = |whole: u64| u8::try_from(whole & 0xff).unwrap_or(0);
        // Delta, total, initiator's and responder's counters.
        const BACK_BYTES: u16 = reverse(1);
        const BACK_PACKETS: u16 = reverse(2);
        const BACK_TOTAL: u16 = reverse(85);
        const BACK_TOTAL_PACKETS: u16 = reverse(86);
        match number {
            1 => self.bytes.bytes = whole,
            231 => (self.bytes.bytes, self.initiator) = (whole, true),
            2 | 298 => self.bytes.packets = count,
            85 => self.totals.bytes = whole,
            86 => self.totals.packets = count,
            BACK_BYTES | 232 => self.back.bytes = whole,
            BACK_PACKETS | 299 => self.back.packets = count,
            BACK_TOTAL => self.back_totals.bytes = whole,
            BACK_TOTAL_PACKETS => self.back_totals.packets = count,
            4 => self.protocol = small(count),
            6 => self.flags = small(count),
            7 => self.from_port = port(value),
            11 => self.to_port = port(value),
            8 | 27 => self.from = address(value).or(self.from),
            12 | 28 => self.to = address(value).or(self.to),
            22 => self.began = whole.and_then(|number| clock.up(number)),
            21 => self.ended = whole.and_then(|number| clock.up(number)),
            150 => self.began = since(whole, 1_000_000),
            151 => self.ended = since(whole, 1_000_000),
            152 => self.began = since(whole, 1000),
            153 => self.ended = since(whole, 1000),
            154 | 156 => self.began = ntp(whole),
            155 | 157 => self.ended = ntp(whole),
            158 => self.began = since(whole, -1).map(|ago| clock.sent.saturating_add(ago)),
            159 => self.ended = since(whole, -1).map(|ago| clock.sent.saturating_add(ago)),
            136 => self.reason = count,
            239 => self.biflow = count,
            160 => self.started = since(whole, 1000),
            34 | 50 if count > 0 => self.sampling = Some(count),
            305 if count > 0 => self.counted = Some(count),
            // So many are left out after those that are counted.
            306 => self.sampling = Some(count.saturating_add(self.counted.unwrap_or(1)) / self.counted.unwrap_or(1)),
            _ => {}
        }
    }

    /// The flow, if the record is about one.
    pub(super) fn seen(self, clock: &Clock, sampling: u64) -> Option<Seen> {
        let (from, to) = (self.from?, self.to?);
        let transport = Transport::from_number(u16::from(self.protocol));
        let delta = self.bytes.bytes.is_some();
        let (sent, back) = if delta { (self.bytes, self.back) } else { (self.totals, self.back_totals) };
        let sampling = self.sampling.unwrap_or(sampling);
        let least =
            |counts: Counts| payload(counts.bytes.unwrap_or(0), counts.packets, transport, from.is_ipv6(), OPTIONS);
        let empty = least(sent) == 0 && least(back) == 0;
        let count = |counts: Counts| {
            let bytes = payload(counts.bytes?, counts.packets, transport, from.is_ipv6(), 0);
            Some(bytes.saturating_mul(sampling))
        };
        let (mut sent, mut back) = (count(sent), count(back));
        let ports = if transport == Transport::Icmp { (0, 0) } else { (self.from_port, self.to_port) };
        let (mut from, mut to) = (SocketAddr::new(from, ports.0), SocketAddr::new(to, ports.1));
        if self.biflow == 2 {
            // It began on the other side.
            (from, to, sent, back) = (to, from, back, sent);
        }
        let near = |time: &i64| time.abs_diff(clock.sent) <= LONGEST.unsigned_abs();
        let ended = self.ended.filter(near).unwrap_or(clock.sent);
        Some(Seen {
            from,
            to,
            transport,
            protocol: self.protocol,
            sent,
            back,
            total: !delta,
            initiator: self.initiator || matches!(self.biflow, 1 | 2),
            flags: if transport == Transport::Tcp { self.flags } else { 0 },
            empty,
            began: self.began.filter(near).filter(|began| *began <= ended),
            ended,
            active: self.reason == 2,
        })
    }
}

/// Head of a datagram of version 5.
pub(super) struct Engine {
    pub(super) domain: u32,
    pub(super) sequence: u32,
    pub(super) uptime: u32,
    pub(super) sent: i64,
    pub(super) sampling: u64,
}

/// A datagram of version 5, behind its version: head and records.
pub(super) fn version5(rest: &[u8]) -> Option<(Engine, &[[u8; RECORD5]])> {
    let (mut head, records) = rest.split_at_checked(HEAD5)?;
    let count = usize::from(super::take16(&mut head)?);
    let uptime = super::take32(&mut head)?;
    let (seconds, nanoseconds) = (super::take32(&mut head)?, super::take32(&mut head)?);
    let (sequence, engine, sampling) =
        (super::take32(&mut head)?, super::take16(&mut head)?, super::take16(&mut head)?);
    let (records, _) = records.as_chunks::<RECORD5>();
    let engine = Engine {
        domain: u32::from(engine),
        sequence,
        uptime,
        sent: i64::from(seconds) * 1_000_000 + i64::from(nanoseconds) / 1000,
        // The two high bits are the manner of sampling.
        sampling: u64::from(sampling & 0x3fff).max(1),
    };
    Some((engine, records.get(..count)?)).filter(|_| count > 0)
}

impl Seen {
    /// A record of version 5.
    pub(super) fn version5(record: &[u8; RECORD5], clock: &Clock, sampling: u64) -> Seen {
        let mut found = Fields::default();
        for (number, range) in [
            (8, 0..4),
            (12, 4..8),
            (2, 16..20),
            (1, 20..24),
            (22, 24..28),
            (21, 28..32),
            (7, 32..34),
            (11, 34..36),
            (6, 37..38),
            (4, 38..39),
        ] {
            found.set(number, &record[range], clock);
        }
        // It has both addresses, always.
        let none = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        found.seen(clock, sampling).unwrap_or(Seen {
            from: none,
            to: none,
            transport: Transport::Other,
            protocol: 0,
            sent: None,
            back: None,
            total: false,
            initiator: false,
            flags: 0,
            empty: true,
            began: None,
            ended: clock.sent,
            active: false,
        })
    }
}
