#![no_main]
//! Any text is address blocks or faults: reading never panics, faults are few, and what was read answers every address.

use kuzet_place::{Blocks, Place};
use libfuzzer_sys::fuzz_target;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

fuzz_target!(|bytes: &[u8]| {
    match Blocks::parse(&String::from_utf8_lossy(bytes)) {
        Err(faults) => assert!((1..=6).contains(&faults.len())),
        Ok(blocks) => {
            let (old, new) = (Place::default(), Place::new(vec![blocks], &[]));
            let change = old.change(&new);
            assert_eq!(change.before + change.gained, change.after + change.lost);
            let mut number = [0; 16];
            number.iter_mut().zip(bytes).for_each(|(into, byte)| *into = *byte);
            let (v6, [a, b, c, d, ..]) = (Ipv6Addr::from(number), number);
            for address in [IpAddr::V6(v6), IpAddr::V4(Ipv4Addr::new(a, b, c, d))] {
                let answer = new.explain(address);
                assert_eq!(answer.verdict, new.verdict(address));
                assert!(answer.inside.is_some() || answer.block.0 <= address && address <= answer.block.1);
            }
        }
    }
});
