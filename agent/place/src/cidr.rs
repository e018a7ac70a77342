//! A block of addresses as people write it: `2.72.0.0/13`, or a single address.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    address: IpAddr,
    bits: u8,
}

impl Cidr {
    /// Reads `address/bits` or `address`; bits behind the prefix must be zero, because they are a slip of somebody.
    #[must_use]
    pub fn parse(text: &str) -> Option<Cidr> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let full = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            // `+8` and `08` parse as numbers and are none of ours.
            Some(bits) if bits.len() > 1 && !bits.starts_with(|c: char| ('1'..='9').contains(&c)) => return None,
            Some(bits) => bits.parse().ok().filter(|bits| *bits <= full)?,
            None => full,
        };
        let cidr = Cidr { address, bits };
        (cidr.bounds().0 == address).then_some(cidr)
    }

    /// Length of the prefix.
    #[must_use]
    pub fn bits(&self) -> u8 {
        self.bits
    }

    /// The first and the last address.
    #[must_use]
    pub fn bounds(&self) -> (IpAddr, IpAddr) {
        match self.address {
            IpAddr::V4(address) => {
                let host = u32::MAX.checked_shr(self.bits.into()).unwrap_or(0);
                let first = u32::from(address) & !host;
                (Ipv4Addr::from(first).into(), Ipv4Addr::from(first | host).into())
            }
            IpAddr::V6(address) => {
                let host = u128::MAX.checked_shr(self.bits.into()).unwrap_or(0);
                let first = u128::from(address) & !host;
                (Ipv6Addr::from(first).into(), Ipv6Addr::from(first | host).into())
            }
        }
    }

    /// Whether `address` is one of them. An IPv4 address in IPv6 clothes (`::ffff:192.0.2.1`) is the IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let (first, last) = self.bounds();
        let address = address.to_canonical();
        address.is_ipv4() == first.is_ipv4() && first <= address && address <= last
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_as_written() {
        for good in ["0.0.0.0/0", "2.72.0.0/13", "10.0.0.1/32", "::/0", "2a03:32c0::/32", "::1/128"] {
            assert_eq!(Cidr::parse(good).map(|cidr| cidr.to_string()), Some(good.to_owned()));
        }
        assert_eq!(Cidr::parse("192.0.2.7").map(|cidr| cidr.to_string()), Some("192.0.2.7/32".to_owned()));
        for bad in ["", "/8", "10.0.0.0/33", "10.0.0.1/8", "::/129", "10.0.0.0/+8", "10.0.0.0/08", "10.0.0.0/", "a/8"] {
            assert_eq!(Cidr::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_block_contains_its_bounds_and_nothing_beside_them() {
        let holds = |cidr: &str, address: &str| Cidr::parse(cidr).unwrap().contains(address.parse().unwrap());
        assert!(holds("2.72.0.0/13", "2.72.0.0") && holds("2.72.0.0/13", "2.79.255.255"));
        assert!(!holds("2.72.0.0/13", "2.71.255.255") && !holds("2.72.0.0/13", "2.80.0.0"));
        assert!(holds("2.72.0.0/13", "::ffff:2.72.0.1") && !holds("::/0", "2.72.0.1"));
        assert!(holds("0.0.0.0/0", "255.255.255.255") && holds("::/0", "ffff::"));
    }
}
