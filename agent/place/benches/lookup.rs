//! Lookups of addresses, beside a plain binary search over the same ranges and beside `ipnet-trie`, in one run.
//!
//! `cargo bench -p kuzet-place`: the list that ships with the agent, and a made-up one of the size of all registries
//! together. Prints CPU nanoseconds a lookup, the best of five rounds; dated results are kept in benches/runs/.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::cast_precision_loss, clippy::cast_possible_truncation)]

use ipnet_trie::IpnetTrie;
use kuzet_place::{Blocks, Cidr, Place, Verdict};
use rustix::time::{ClockId, clock_gettime};
use std::fmt::Write;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const ROUNDS: usize = 5;
const LOOKUPS: usize = 1_000_000;

fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// A repeatable stream of numbers (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn v4(&mut self) -> Ipv4Addr {
        Ipv4Addr::from(self.next() as u32)
    }

    /// Where registries give addresses out: 2001::/16 to 2c0f::/16.
    fn v6(&mut self) -> Ipv6Addr {
        const TOPS: [u16; 8] = [0x2001, 0x2400, 0x2600, 0x2800, 0x2a00, 0x2a02, 0x2a10, 0x2c0f];
        let top = u128::from(TOPS[self.next() as usize % TOPS.len()]);
        Ipv6Addr::from(top << 112 | u128::from(self.next()) << 48 | u128::from(self.next() >> 16))
    }
}

/// 250,000 blocks of IPv4 and 120,000 of IPv6 in 200 countries.
fn world(random: &mut Random) -> String {
    let mut text = "# date: 2026-11-23\n".to_owned();
    let country = |random: &mut Random| {
        let number = random.next() as usize % 200;
        [b'A' + (number / 26) as u8, b'A' + (number % 26) as u8].map(char::from).iter().collect::<String>()
    };
    for _ in 0..250_000 {
        let bits = 14 + random.next() % 11;
        let net = u32::from(random.v4()) & !(u32::MAX >> bits);
        writeln!(text, "{}/{bits} {}", Ipv4Addr::from(net), country(random)).unwrap();
    }
    for _ in 0..120_000 {
        let bits = 29 + random.next() % 20;
        let net = u128::from(random.v6()) & !(u128::MAX >> bits);
        writeln!(text, "{}/{bits} {}", Ipv6Addr::from(net), country(random)).unwrap();
    }
    text
}

/// The best round, nanoseconds a lookup.
fn measure(addresses: &[IpAddr], lookup: impl Fn(IpAddr) -> u64) -> f64 {
    let round = |_| {
        let before = cpu();
        let sum: u64 = addresses.iter().map(|address| lookup(*address)).fold(0, u64::wrapping_add);
        black_box(sum);
        (cpu() - before) * 1e9 / addresses.len() as f64
    };
    (0..ROUNDS).map(round).fold(f64::MAX, f64::min)
}

/// What a plain table would do: first addresses in order, and a binary search.
struct Plain(Vec<(u32, u64)>, Vec<(u128, u64)>);

impl Plain {
    fn of(place: &Place) -> Plain {
        let hash = |verdict: Verdict| u64::from(verdict.is_foreign());
        let mut plain = Plain(Vec::new(), Vec::new());
        let mut at = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        loop {
            let answer = place.explain(at);
            match answer.block {
                (IpAddr::V4(first), IpAddr::V4(last)) => {
                    plain.0.push((first.into(), hash(answer.verdict)));
                    at = match u32::from(last).checked_add(1) {
                        Some(next) => Ipv4Addr::from(next).into(),
                        // Behind the IPv4 addresses inside IPv6, which the other table holds.
                        None => Ipv6Addr::from(0x2002_u128 << 112 | u128::MAX >> 16).into(),
                    };
                    if at.is_ipv6() {
                        plain.1.push((0, 0));
                        at = Ipv6Addr::from(0x2001_0001_u128 << 96).into();
                    }
                }
                (IpAddr::V6(first), IpAddr::V6(last)) => {
                    plain.1.push((first.into(), hash(answer.verdict)));
                    let Some(next) = u128::from(last).checked_add(1) else { break };
                    at = Ipv6Addr::from(next).into();
                    // Over 6to4.
                    if next >> 112 == 0x2002 {
                        at = Ipv6Addr::from(0x2003_u128 << 112).into();
                    }
                }
                _ => break,
            }
        }
        plain
    }

    fn get(&self, address: IpAddr) -> u64 {
        match address {
            IpAddr::V4(address) => search(&self.0, u32::from(address)),
            IpAddr::V6(address) => search(&self.1, u128::from(address)),
        }
    }
}

fn search<A: Ord + Copy>(ranges: &[(A, u64)], address: A) -> u64 {
    let at = ranges.partition_point(|(first, _)| *first <= address);
    ranges.get(at.saturating_sub(1)).map_or(0, |(_, value)| *value)
}

fn main() {
    let mut random = Random(7);
    let v4: Vec<IpAddr> = (0..LOOKUPS).map(|_| random.v4().into()).collect();
    let v6: Vec<IpAddr> = (0..LOOKUPS).map(|_| random.v6().into()).collect();
    // A host talks to few others: 256 addresses over and over.
    let few: Vec<IpAddr> = (0..LOOKUPS).map(|_| v4[random.next() as usize % 256]).collect();
    println!("blocks  addresses       kuzet  binary search  ipnet-trie   (ns a lookup)");
    for (name, text) in [("KZ", Blocks::EMBEDDED.to_owned()), ("world", world(&mut random))] {
        let before = cpu();
        let blocks = Blocks::parse(&text).unwrap();
        let parsed = cpu();
        let place = Place::new(vec![blocks], &[]);
        let built = cpu();
        let plain = Plain::of(&place);
        let mut trie: IpnetTrie<u64> = IpnetTrie::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let cidr = line.split(' ').next().and_then(Cidr::parse).unwrap();
            trie.insert(cidr.to_string().parse::<ipnet::IpNet>().unwrap(), 1);
        }
        for (what, addresses) in [("IPv4 random", &v4), ("IPv4 few", &few), ("IPv6 random", &v6)] {
            let ours = measure(addresses, |address| u64::from(place.verdict(address).is_foreign()));
            let search = measure(addresses, |address| plain.get(address));
            let trie = measure(addresses, |address| {
                let host = ipnet::IpNet::from(address);
                trie.longest_match(&host).map_or(0, |(_, value)| *value)
            });
            println!("{name:<7} {what:<13} {ours:>7.1} {search:>14.1} {trie:>11.1}");
        }
        println!(
            "{name:<7} parsed in {:.1} ms, table in {:.1} ms, {} ranges",
            (parsed - before) * 1e3,
            (built - parsed) * 1e3,
            plain.0.len() + plain.1.len()
        );
    }
}
