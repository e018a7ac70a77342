//! Overlapping ranges made flat, and the lookup in them.
//!
//! The flat form is a sorted list of first addresses, each with what holds from there to the next one. Two levels by the
//! leading bits of the address leave a few of them to search. The first is fixed (/8 of IPv4, /16 of IPv6); the second is
//! as fine as its part of the list is long, so that the table grows with the data and lookups do not.

use std::collections::BinaryHeap;

/// A range and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span<A, V> {
    /// First address.
    pub(crate) first: A,
    /// Last address, inside.
    pub(crate) last: A,
    /// What it says.
    pub(crate) value: V,
}

/// An address as a number.
pub(crate) trait Number: Copy + Ord {
    /// The lowest address.
    const MIN: Self;
    /// The address behind this one.
    fn next(self) -> Option<Self>;
    /// How many addresses lie behind the first up to the last.
    fn distance(self, last: Self) -> u128;
    /// Slots of the first level.
    const TOPS: usize;
    /// A number that rises with the address: the slot of the first level, and behind it sixteen bits for the second.
    fn leading(self) -> u32;
}

impl Number for u32 {
    const MIN: u32 = 0;
    const TOPS: usize = 1 << 8;
    fn next(self) -> Option<u32> {
        self.checked_add(1)
    }
    fn distance(self, last: u32) -> u128 {
        last.saturating_sub(self).into()
    }
    fn leading(self) -> u32 {
        self >> 8
    }
}

impl Number for u128 {
    const MIN: u128 = 0;
    const TOPS: usize = 1 << 13;
    fn next(self) -> Option<u128> {
        self.checked_add(1)
    }
    fn distance(self, last: u128) -> u128 {
        last.saturating_sub(self)
    }
    /// All that is given out lies in 2000::/3: what is below or above shares its ends.
    #[allow(clippy::cast_possible_truncation)] // 32 bits are left
    fn leading(self) -> u32 {
        ((self >> 96) as u32).clamp(0x2000_0000, 0x3fff_ffff) - 0x2000_0000
    }
}

/// Says which of two ranges over one address wins: the higher layer, then the smaller range, then the later one.
type Rank = (u8, std::cmp::Reverse<u128>, usize);

/// The flat form.
#[derive(Clone, Debug)]
pub(crate) struct Flat<A> {
    starts: Vec<A>,
    values: Vec<u16>,
    /// By slot of the first level: where its slots of the second begin, and how many bits they leave out.
    tops: Vec<(u32, u32)>,
    /// By slot of the second level: the first of `starts` in it or behind it; one more at the end.
    slots: Vec<u32>,
}

impl<A: Number> Flat<A> {
    /// Makes `spans` flat; a value is a layer and a number, and 0 is the value where there is no range.
    pub(crate) fn new(mut spans: Vec<Span<A, (u8, u16)>>) -> Flat<A> {
        spans.retain(|span| span.first <= span.last);
        spans.sort_by_key(|span| span.first); // stable: the later one stays later
        let (mut starts, mut values): (Vec<A>, Vec<u16>) = (Vec::new(), Vec::new());
        let mut open: BinaryHeap<(Rank, A, u16)> = BinaryHeap::new();
        let (mut at, mut next) = (A::MIN, 0);
        loop {
            while let Some(span) = spans.get(next).filter(|span| span.first <= at) {
                let (layer, value) = span.value;
                let rank = (layer, std::cmp::Reverse(span.first.distance(span.last)), next);
                open.push((rank, span.last, value));
                next += 1;
            }
            while open.peek().is_some_and(|(_, last, _)| *last < at) {
                open.pop();
            }
            let value = open.peek().map_or(0, |(_, _, value)| *value);
            if values.last() != Some(&value) {
                starts.push(at);
                values.push(value);
            }
            let end = open.peek().and_then(|(_, last, _)| last.next());
            let begin = spans.get(next).map(|span| span.first);
            let Some(turn) = [end, begin].into_iter().flatten().min() else { break };
            at = turn;
        }
        starts.shrink_to_fit();
        values.shrink_to_fit();
        let (tops, slots) = levels(&starts);
        Flat { starts, values, tops, slots }
    }

    /// The value at `address`.
    pub(crate) fn get(&self, address: A) -> u16 {
        self.values.get(self.index(address)).copied().unwrap_or(0)
    }

    /// The value at `address` with the bounds of what it holds for.
    pub(crate) fn range(&self, address: A) -> (A, Option<A>, u16) {
        let index = self.index(address);
        let first = self.starts.get(index).copied().unwrap_or(A::MIN);
        (first, self.starts.get(index + 1).copied(), self.get(address))
    }

    fn index(&self, address: A) -> usize {
        let leading = address.leading();
        let (base, shift) = self.tops.get((leading >> 16) as usize).copied().unwrap_or_default();
        let slot = (base + ((leading & 0xffff) >> shift)) as usize;
        let of = |slot: usize| self.slots.get(slot).map_or(0, |at| *at as usize);
        let (from, to) = (of(slot), of(slot + 1));
        let inside = self.starts.get(from..to).unwrap_or_default();
        // The first start is the lowest address, so there is always one before.
        (from + inside.partition_point(|start| *start <= address)).saturating_sub(1)
    }

    /// Ranges with their values, from the lowest on; the last one has no end.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (A, Option<A>, u16)> + '_ {
        let ends = self.starts.iter().skip(1).map(|start| Some(*start)).chain([None]);
        self.starts.iter().zip(ends).zip(&self.values).map(|((first, end), value)| (*first, end, *value))
    }
}

/// The two levels over `starts`.
#[allow(clippy::cast_possible_truncation)] // at most 2^27 ranges and slots, of files of 64 MiB
fn levels<A: Number>(starts: &[A]) -> (Vec<(u32, u32)>, Vec<u32>) {
    let (mut tops, mut slots) = (Vec::with_capacity(A::TOPS), Vec::new());
    let mut at = 0;
    for top in 0..A::TOPS as u32 {
        let inside = starts[at..].partition_point(|start| start.leading() >> 16 <= top);
        let bits = inside.next_power_of_two().trailing_zeros().min(16);
        let shift = 16 - bits;
        tops.push((slots.len() as u32, shift));
        for slot in 0..1_u32 << bits {
            let before = |start: &A| start.leading() < top << 16 | slot << shift;
            at += starts[at..].iter().take_while(|start| before(start)).count();
            slots.push(at as u32);
        }
        let rest = |start: &A| start.leading() >> 16 <= top;
        at += starts[at..].iter().take_while(|start| rest(start)).count();
    }
    slots.push(at as u32);
    (tops, slots)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The winner by looking at every range.
    fn naive<A: Number>(spans: &[Span<A, (u8, u16)>], address: A) -> u16 {
        let over = spans.iter().enumerate().filter(|(_, span)| span.first <= address && address <= span.last);
        // Ties go to the one that begins later, then to the one that stands later.
        let rank = |(index, span): &(usize, &Span<A, (u8, u16)>)| {
            (span.value.0, std::cmp::Reverse(span.first.distance(span.last)), span.first, *index)
        };
        over.max_by_key(rank).map_or(0, |(_, span)| span.value.1)
    }

    fn prefix4(bits: u32, at: u32) -> (u32, u32) {
        let host = u32::MAX.checked_shr(bits).unwrap_or(0);
        (at & !host, at | host)
    }

    fn prefix6(bits: u32, at: u128) -> (u128, u128) {
        let host = u128::MAX.checked_shr(bits).unwrap_or(0);
        (at & !host, at | host)
    }

    proptest! {
        #[test]
        fn every_address_is_as_a_scan_says(
            blocks in prop::collection::vec((0_u32..=32, any::<u32>(), 0_u32..0x300, 0_u8..3, 1_u16..6), 0..60),
            anywhere in prop::collection::vec(any::<u32>(), 20),
        ) {
            // Half of the addresses close together, so that blocks meet; some ranges are no prefixes.
            let span = |(bits, at, near, layer, value): &(u32, u32, u32, u8, u16)| {
                let at = if bits % 2 == 0 { *at } else { 0x0248_0000 | near << 8 };
                let (first, last) = prefix4(*bits, at);
                Span { first, last: if bits % 5 == 0 { last.saturating_add(*near) } else { last }, value: (*layer, *value) }
            };
            let spans: Vec<_> = blocks.iter().map(span).collect();
            let flat = Flat::new(spans.clone());
            let edges = spans.iter().flat_map(|s| [s.first, s.last, s.first.wrapping_sub(1), s.last.wrapping_add(1)]);
            for address in edges.chain(anywhere).chain([0, u32::MAX]) {
                prop_assert_eq!(flat.get(address), naive(&spans, address), "{}", std::net::Ipv4Addr::from(address));
                let (first, end, value) = flat.range(address);
                prop_assert!(first <= address && end.is_none_or(|end| address < end) && value == flat.get(address));
            }
        }

        #[test]
        fn every_ipv6_address_is_as_a_scan_says(
            blocks in prop::collection::vec((0_u32..=128, any::<u128>(), 0_u128..0x40, 0_u8..3, 1_u16..6), 0..60),
            anywhere in prop::collection::vec(any::<u128>(), 20),
        ) {
            let span = |(bits, at, near, layer, value): &(u32, u128, u128, u8, u16)| {
                let (bits, at) = if bits % 2 == 0 { (*bits, *at) } else { (16 + bits % 40, 0x2a00_u128 << 112 | near << 90) };
                let (first, last) = prefix6(bits, at);
                Span { first, last, value: (*layer, *value) }
            };
            let spans: Vec<_> = blocks.iter().map(span).collect();
            let flat = Flat::new(spans.clone());
            let edges = spans.iter().flat_map(|s| [s.first, s.last, s.first.wrapping_sub(1), s.last.wrapping_add(1)]);
            for address in edges.chain(anywhere).chain([0, u128::MAX, 0x2000 << 112, 0x3fff << 112]) {
                prop_assert_eq!(flat.get(address), naive(&spans, address), "{}", std::net::Ipv6Addr::from(address));
            }
        }
    }

    #[test]
    fn neighbours_of_one_value_become_one_range() {
        let span = |first, last, value| Span::<u32, (u8, u16)> { first, last, value: (0, value) };
        let flat = Flat::new(vec![span(512, 767, 1), span(256, 511, 1), span(0, 255, 2), span(9, 3, 7)]);
        let told: Vec<_> = flat.ranges().collect();
        assert_eq!(told, [(0, Some(256), 2), (256, Some(768), 1), (768, None, 0)]);
        let whole = Flat::new(vec![span(0, u32::MAX, 3)]);
        assert_eq!(whole.ranges().collect::<Vec<_>>(), [(0, None, 3)]);
        assert_eq!(Flat::<u128>::new(Vec::new()).ranges().collect::<Vec<_>>(), [(0, None, 0)]);
    }
}
