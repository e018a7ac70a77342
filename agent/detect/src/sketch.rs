//! HyperLogLog: counts people when there are too many to keep one by one.
//!
//! Own code, because the sketch is stored: `hyperloglogplus` serialises a randomly ordered set and panics on damaged
//! bytes, and a store must be deterministic and survive damage. Registers: P. Flajolet and others, "HyperLogLog"
//! (2007), 2^BITS of them; estimator: O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017),
//! algorithm 6, which needs no bias tables. Tests hold it against `hyperloglogplus`.

use kuzet_event::PersonKey;

/// A sketch of a set of people in 2^`BITS` bytes; `BITS` is even.
#[derive(Clone, PartialEq, Eq)]
pub struct Sketch<const BITS: u32>(Box<[u8]>);

impl<const BITS: u32> Default for Sketch<BITS> {
    fn default() -> Self {
        Self(vec![0; Self::REGISTERS].into_boxed_slice())
    }
}

impl<const BITS: u32> std::fmt::Debug for Sketch<BITS> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sketch(~{:.0})", self.estimate())
    }
}

impl<const BITS: u32> Sketch<BITS> {
    /// Standard error of [`estimate`](Self::estimate), relative: 1.04/√(2^BITS).
    pub const STANDARD_ERROR: f64 = 1.04 / (1_u64 << (BITS / 2)) as f64;
    const REGISTERS: usize = 1 << BITS;
    /// Largest rank: 64 hash bits less the index, plus one.
    const TOP: usize = 64 - BITS as usize + 1;

    /// Adds one person; says whether the sketch changed.
    pub fn insert(&mut self, key: PersonKey) -> bool {
        let hash = mix(key.0);
        let index = (hash >> (64 - BITS)) as usize;
        let rank = ((hash << BITS) | (1 << (BITS - 1))).leading_zeros() as u8 + 1;
        let more = self.0[index] < rank;
        if more {
            self.0[index] = rank;
        }
        more
    }

    /// Makes this the sketch of the union.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = (*mine).max(*theirs);
        }
    }

    /// How many different people were added, within about ±[`STANDARD_ERROR`](Self::STANDARD_ERROR).
    #[must_use]
    pub fn estimate(&self) -> f64 {
        let top = Self::TOP;
        let mut histogram = [0_u32; 66];
        for rank in &self.0 {
            histogram[usize::from(*rank).min(top)] += 1;
        }
        let m = Self::REGISTERS as f64;
        let mut z = m * tau(1.0 - f64::from(histogram[top]) / m);
        for count in histogram[1..top].iter().rev() {
            z = 0.5 * (z + f64::from(*count));
        }
        z += m * sigma(f64::from(histogram[0]) / m);
        m * m / (2.0 * std::f64::consts::LN_2 * z)
    }

    /// The registers, for the store.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// From stored registers; `None` when they are damaged.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let fits = bytes.len() == Self::REGISTERS && bytes.iter().all(|rank| usize::from(*rank) <= Self::TOP);
        fits.then(|| Self(bytes.into()))
    }
}

/// Keys are uniform already (BLAKE3); the finaliser of SplitMix64 keeps the sketch right for any other.
fn mix(key: u128) -> u64 {
    let mut x = (key as u64) ^ ((key >> 64) as u64).rotate_left(32);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let last = z;
        z += x * y;
        y += y;
        if z <= last {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let last = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z >= last {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyperloglogplus::{HyperLogLog, HyperLogLogPlus};
    use proptest::prelude::*;
    use std::hash::{BuildHasherDefault, DefaultHasher};

    type Full = Sketch<14>;

    fn sketch(keys: impl IntoIterator<Item = u128>) -> Full {
        let mut sketch = Full::default();
        for key in keys {
            sketch.insert(PersonKey(key));
        }
        sketch
    }

    /// Keys as BLAKE3 makes them.
    fn key(number: u64) -> u128 {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&blake3::hash(&number.to_le_bytes()).as_bytes()[..16]);
        u128::from_le_bytes(bytes)
    }

    #[test]
    fn error_stays_within_three_standard_errors_up_to_a_million() {
        let mut ours = Full::default();
        let mut oracle: HyperLogLogPlus<u128, _> =
            HyperLogLogPlus::new(14, BuildHasherDefault::<DefaultHasher>::default()).unwrap();
        let mut next = 0;
        for size in [0_u64, 1, 100, 10_000, 100_001, 300_000, 1_000_000] {
            while next < size {
                ours.insert(PersonKey(key(next)));
                oracle.insert(&key(next));
                next += 1;
            }
            let error = (ours.estimate() - size as f64).abs() / (size as f64).max(1.0);
            assert!(error <= 3.0 * Full::STANDARD_ERROR, "{size}: {error}");
            let apart = (ours.estimate() - oracle.count()).abs() / (size as f64).max(1.0);
            assert!(apart <= 6.0 * Full::STANDARD_ERROR, "{size}: apart by {apart}");
        }
    }

    #[test]
    fn a_small_sketch_is_right_within_its_error() {
        let mut small = Sketch::<8>::default();
        for size in 1..=20_000_u64 {
            if small.insert(PersonKey(key(size))) && size > 20 {
                let error = (small.estimate() - size as f64).abs() / size as f64;
                assert!(error <= 4.0 * Sketch::<8>::STANDARD_ERROR, "{size}: {error}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn merge_is_the_sketch_of_the_union(a in proptest::collection::vec(any::<u128>(), 0..500),
                                            b in proptest::collection::vec(any::<u128>(), 0..500)) {
            let mut left = sketch(a.clone());
            left.merge(&sketch(b.clone()));
            let mut right = sketch(b.clone());
            right.merge(&sketch(a.clone()));
            prop_assert!(left == right);
            prop_assert!(left == sketch(a.into_iter().chain(b)));
            let again = left.clone();
            left.merge(&again);
            prop_assert!(left == again);
        }

        #[test]
        fn bytes_come_back_and_damage_is_refused(keys in proptest::collection::vec(any::<u128>(), 0..200),
                                                 junk in proptest::collection::vec(any::<u8>(), 0..300)) {
            let one = sketch(keys);
            prop_assert_eq!(Full::from_bytes(one.bytes()), Some(one));
            prop_assert_eq!(Full::from_bytes(&junk), None);
        }
    }
}
