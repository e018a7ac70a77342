//! Who may send: networks of the configuration, and how many connections each address has.

use std::collections::HashMap;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

/// Addresses that share their first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// The text is not a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address or a network such as 10.0.0.0/8")]
pub struct NotANetwork;

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Network, NotANetwork> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| NotANetwork)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse).map_err(|_| NotANetwork)?;
        if bits > most { Err(NotANetwork) } else { Ok(Network { address, bits }) }
    }
}

impl Network {
    /// Whether `peer` is one of its addresses. An IPv4 address that came through an IPv6 socket is an IPv4 address.
    #[must_use]
    pub fn holds(&self, peer: IpAddr) -> bool {
        match (self.address, peer.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(peer)) => {
                (own.to_bits() ^ peer.to_bits()).checked_shr(32 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(peer)) => {
                (own.to_bits() ^ peer.to_bits()).checked_shr(128 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// Whether `peer` may send: anybody may where no network is named.
pub(super) fn allowed(networks: &[Network], peer: IpAddr) -> bool {
    networks.is_empty() || networks.iter().any(|network| network.holds(peer))
}

/// Places for connections.
#[derive(Clone)]
pub(super) struct Places {
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
    most: usize,
    most_each: usize,
}

/// A taken place.
pub(super) struct Place {
    places: Places,
    peer: IpAddr,
}

impl Places {
    /// So many in all, and so many for one address.
    pub(super) fn new(most: usize, most_each: usize) -> Places {
        Places { taken: Arc::default(), most, most_each }
    }

    /// A place for a connection of `peer`, if there is one.
    pub(super) fn take(&self, peer: IpAddr) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.values().sum::<usize>() >= self.most || taken.get(&peer).is_some_and(|own| *own >= self.most_each) {
            return None;
        }
        *taken.entry(peer).or_default() += 1;
        Some(Place { places: self.clone(), peer })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.peer) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses() {
        let holds = |network: &str, peer: &str| network.parse::<Network>().unwrap().holds(peer.parse().unwrap());
        assert!(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("0.0.0.0/0", "203.0.113.9") && !holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("192.0.2.7", "192.0.2.7") && !holds("192.0.2.7", "192.0.2.6"));
        assert!(holds("192.0.2.7", "::ffff:192.0.2.7"));
        assert!(holds("2001:db8::/32", "2001:db8:1::9") && !holds("2001:db8::/32", "2001:db9::9"));
        assert!(holds("::/0", "2001:db8::1"));
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "host", "::/129", "10.0.0.0/", "10.0.0.0/-1"] {
            assert_eq!(bad.parse::<Network>(), Err(NotANetwork), "{bad}");
        }
    }

    #[test]
    fn places_are_bounded_for_all_and_for_each() {
        let places = Places::new(128, 32);
        let peer = |number: u8| IpAddr::from([192, 0, 2, number]);
        let own: Vec<_> = (0..32).map(|_| places.take(peer(1)).unwrap()).collect();
        assert!(places.take(peer(1)).is_none());
        let others: Vec<_> = (0..96).map(|at| places.take(peer(2 + (at / 32) as u8)).unwrap()).collect();
        assert!(places.take(peer(200)).is_none());
        drop((own, others));
        assert!(places.taken.lock().unwrap().is_empty());
        assert!(places.take(peer(1)).is_some());
    }
}
