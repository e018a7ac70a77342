//! Addresses that no registry gives to anybody in a country: IANA's special-purpose registries, and IPv4 inside IPv6.

use crate::answer::{Reason, Scope, Verdict};
use std::net::IpAddr;

/// Special ranges and what they are (RFC 6890 and the registries it made, 2026-11-23). The smaller one wins.
pub(crate) const RANGES: [(&str, Verdict); 32] = [
    ("0.0.0.0/8", RESERVED),
    ("0.0.0.0/32", Verdict::Local(Scope::Unspecified)),
    ("10.0.0.0/8", Verdict::Local(Scope::Private)),
    ("100.64.0.0/10", Verdict::Local(Scope::Shared)),
    ("127.0.0.0/8", Verdict::Local(Scope::Loopback)),
    ("169.254.0.0/16", Verdict::Local(Scope::LinkLocal)),
    ("172.16.0.0/12", Verdict::Local(Scope::Private)),
    ("192.0.0.0/24", RESERVED),
    ("192.0.2.0/24", DOCUMENTATION),
    ("192.168.0.0/16", Verdict::Local(Scope::Private)),
    ("198.18.0.0/15", RESERVED), // benchmarks
    ("198.51.100.0/24", DOCUMENTATION),
    ("203.0.113.0/24", DOCUMENTATION),
    ("224.0.0.0/4", Verdict::Local(Scope::Multicast)),
    ("240.0.0.0/4", RESERVED),
    ("255.255.255.255/32", Verdict::Local(Scope::Broadcast)),
    // All that IANA gives out lies in 2000::/3.
    ("::/3", RESERVED),
    ("4000::/2", RESERVED),
    ("8000::/1", RESERVED),
    ("::/128", Verdict::Local(Scope::Unspecified)),
    ("::1/128", Verdict::Local(Scope::Loopback)),
    ("2001::/23", RESERVED), // protocol assignments; Teredo in it is judged by its IPv4 address
    ("2001:db8::/32", DOCUMENTATION),
    ("3fff::/20", DOCUMENTATION),
    ("fc00::/7", Verdict::Local(Scope::Private)),
    ("fe80::/10", Verdict::Local(Scope::LinkLocal)),
    ("fec0::/10", Verdict::Local(Scope::Private)), // site-local, before fc00::/7
    ("ff00::/8", Verdict::Local(Scope::Multicast)),
    // Exceptions to 2001::/23 that are reached from everywhere.
    ("2001:1::1/128", Verdict::Unknown(Reason::Anycast)), // port control protocol
    ("2001:1::2/128", Verdict::Unknown(Reason::Anycast)), // TURN
    ("2001:4:112::/48", Verdict::Unknown(Reason::Anycast)), // AS112
    ("2620:4f:8000::/48", Verdict::Unknown(Reason::Anycast)), // AS112
];

const RESERVED: Verdict = Verdict::Unknown(Reason::Reserved);
const DOCUMENTATION: Verdict = Verdict::Unknown(Reason::Documentation);

/// The address as it is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    V4(u32),
    V6(u128),
}

/// Where packets for `address` end: an IPv6 address that carries an IPv4 address is judged by that one.
///
/// - `::ffff:0:0/96`, mapped: how a socket of both families shows an IPv4 peer.
/// - `64:ff9b::/96`, NAT64: a translator sends the data to that IPv4 address. (`64:ff9b:1::/48` is local use, and nobody
///   outside knows where in it the address stands: reserved.)
/// - `2002::/16`, 6to4: the router of the destination has that address.
/// - `2001::/32`, Teredo: the destination is a client behind that address (its bits are inverted); the server, whose
///   address stands in it too, only helps them to meet.
#[allow(clippy::cast_possible_truncation)] // the low 32 bits are meant
pub(crate) fn judged(address: IpAddr) -> Judged {
    let number = match address {
        IpAddr::V4(address) => return Judged::V4(address.into()),
        IpAddr::V6(address) => u128::from(address),
    };
    if number >> 32 == 0xffff || number >> 32 == 0x0064_ff9b << 64 {
        return Judged::V4(number as u32);
    }
    match number >> 96 {
        top if top >> 16 == 0x2002 => Judged::V4((number >> 80) as u32),
        0x2001_0000 => Judged::V4(!(number as u32)),
        _ => Judged::V6(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cidr;
    use std::net::Ipv4Addr;

    #[test]
    fn every_range_can_be_read() {
        for (text, _) in RANGES {
            assert!(Cidr::parse(text).is_some(), "{text}");
        }
    }

    #[test]
    fn ipv4_inside_ipv6_is_found() {
        for (text, wanted) in [
            ("::ffff:2.72.0.1", Some("2.72.0.1")),
            ("64:ff9b::2.72.0.1", Some("2.72.0.1")),
            ("64:ff9b:1::248:1", None),
            ("2002:248:1::1", Some("2.72.0.1")),
            ("2001:0:4136:e378:8000:63bf:fdb7:fffe", Some("2.72.0.1")),
            ("2001:db8::2.72.0.1", None),
            ("::2.72.0.1", None),
        ] {
            let found = match judged(text.parse().unwrap()) {
                Judged::V4(number) => Some(Ipv4Addr::from(number).to_string()),
                Judged::V6(_) => None,
            };
            assert_eq!(found.as_deref(), wanted, "{text}");
        }
    }
}
