//! When to try again: exponential, capped, spread by a jitter that needs no random source, so that replays agree.

use std::time::Duration;

/// Schedule of repeated attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Wait after the first failure.
    pub first: Duration,
    /// Longest wait.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(300) }
    }
}

impl Backoff {
    /// Wait before the attempt after `failures` failures (1 or more): `first × 2^(failures-1)`, at most `longest`, of
    /// which the last quarter depends on `seed`, so that entries that failed together do not all come back together.
    #[must_use]
    pub fn wait(&self, failures: u32, seed: u64) -> Duration {
        let doubled = self.first.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
        let whole = doubled.min(self.longest);
        let spread = (mix(seed.wrapping_add(u64::from(failures))) >> 40) as u32;
        whole * 3 / 4 + (whole / 4).mul_f64(f64::from(spread) / f64::from(1_u32 << 24))
    }
}

/// Finaliser of SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", 2014).
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_cap_and_spreads() {
        let backoff = Backoff::default();
        for failures in 1..200 {
            let whole = Duration::from_secs(1_u64.checked_shl(failures - 1).unwrap_or(u64::MAX).min(300));
            for seed in 0..50 {
                let wait = backoff.wait(failures, seed);
                assert!(wait >= whole * 3 / 4 && wait <= whole, "{failures} {seed} {wait:?}");
                assert_eq!(wait, backoff.wait(failures, seed));
            }
        }
        let waits: std::collections::BTreeSet<_> = (0..50).map(|seed| backoff.wait(5, seed)).collect();
        assert!(waits.len() > 45);
    }
}
