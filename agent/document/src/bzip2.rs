//! Unpacks bzip2: Huffman codes, move to front, the Burrows-Wheeler transform, block by block.

use std::io::{BufRead, Read};

use crate::Why;
use crate::limits::Budget;

/// Codes have at most this many bits.
const BITS: usize = 20;
/// Symbols that say how often a byte is repeated, and the one that ends a block stands behind the bytes.
const RUN_A: u16 = 0;
const RUN_B: u16 = 1;
/// Codes change after this many symbols.
const GROUP: usize = 50;

pub(crate) fn is(head: &[u8]) -> bool {
    matches!(head, [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..])
}

/// A reader of what is unpacked; every stream of the file, one after the other.
pub(crate) struct Bzip2<'a, 'p> {
    bits: Bits<'p>,
    budget: &'a Budget<'a>,
    /// Bytes of a block at most; 0 between streams.
    most: usize,
    /// The block: a byte in the lower eight bits, above it the place of the next.
    block: Vec<u32>,
    /// How many bytes of the block were not given yet, and where the next one is.
    left: usize,
    at: u32,
    /// The last byte and how often it came; after four a count follows.
    last: Option<u8>,
    same: u8,
    /// How often the last byte is still to be given.
    again: usize,
    written: u64,
}

/// The bits of a stream, the highest of a byte first.
struct Bits<'p> {
    inner: &'p mut dyn BufRead,
    held: u64,
    count: u32,
    read: u64,
}

impl Bits<'_> {
    fn fill(&mut self) -> bool {
        let Ok(piece) = self.inner.fill_buf() else { return false };
        let Some(byte) = piece.first().copied() else { return false };
        self.inner.consume(1);
        self.read += 1;
        self.held = self.held << 8 | u64::from(byte);
        self.count += 8;
        true
    }

    /// The next `count` bits, 32 at most.
    fn take(&mut self, count: u32) -> Result<u32, Why> {
        while self.count < count {
            if !self.fill() {
                return Err(Why::Damaged);
            }
        }
        self.count -= count;
        #[expect(clippy::cast_possible_truncation)] // as many bits as were asked for
        Ok((self.held >> self.count & ((1 << count) - 1)) as u32)
    }

    fn bit(&mut self) -> Result<bool, Why> {
        self.take(1).map(|bit| bit == 1)
    }
}

/// A table of codes: those of a length are numbers that follow each other.
struct Codes {
    /// By length: the first number behind those of this length, and what to take off a number to find its symbol.
    limits: [u32; BITS + 2],
    offsets: [u32; BITS + 2],
    symbols: Vec<u16>,
}

impl Codes {
    fn new(lengths: &[u8]) -> Codes {
        let mut codes =
            Codes { limits: [0; BITS + 2], offsets: [0; BITS + 2], symbols: Vec::with_capacity(lengths.len()) };
        let mut number = 0u32;
        for length in 1..=BITS {
            let before = u32::try_from(codes.symbols.len()).unwrap_or(0);
            codes.offsets[length] = number.wrapping_sub(before);
            codes.symbols.extend(
                (0u16..).zip(lengths).filter(|(_, told)| usize::from(**told) == length).map(|(symbol, _)| symbol),
            );
            number += u32::try_from(codes.symbols.len()).unwrap_or(0) - before;
            codes.limits[length] = number;
            number <<= 1;
        }
        codes
    }

    fn next(&self, bits: &mut Bits<'_>) -> Result<u16, Why> {
        const MOST: u32 = BITS as u32;
        while bits.count < MOST && bits.fill() {}
        for length in 1..=MOST.min(bits.count) {
            #[expect(clippy::cast_possible_truncation)] // 20 bits at most
            let number = (bits.held >> (bits.count - length) & ((1 << length) - 1)) as u32;
            if number < self.limits[length as usize] {
                bits.count -= length;
                let at = number.wrapping_sub(self.offsets[length as usize]) as usize;
                return self.symbols.get(at).copied().ok_or(Why::Damaged);
            }
        }
        Err(Why::Damaged)
    }
}

impl<'a, 'p> Bzip2<'a, 'p> {
    pub(crate) fn new(inner: &'p mut dyn BufRead, budget: &'a Budget<'a>) -> Bzip2<'a, 'p> {
        Bzip2 {
            bits: Bits { inner, held: 0, count: 0, read: 0 },
            budget,
            most: 0,
            block: Vec::new(),
            left: 0,
            at: 0,
            last: None,
            same: 0,
            again: 0,
            written: 0,
        }
    }

    /// Reads the next block; false at the end.
    fn next(&mut self) -> Result<bool, Why> {
        loop {
            if self.most == 0 {
                // A stream begins with a whole byte. Whatever else stands behind the first stream is padding.
                self.bits.count -= self.bits.count % 8;
                if self.bits.count == 0 && !self.bits.fill() {
                    return if self.bits.read > 0 { Ok(false) } else { Err(Why::Damaged) };
                }
                match (self.bits.take(8)?, self.bits.read > 8) {
                    (0x42, _) => {}
                    (_, true) => return Ok(false),
                    _ => return Err(Why::Damaged),
                }
                let level = self.bits.take(24)?.wrapping_sub(0x5A_6830);
                if !(1..=9).contains(&level) {
                    return Err(Why::Damaged);
                }
                self.most = level as usize * 100_000;
            }
            let mark = (self.bits.take(24)?, self.bits.take(24)?);
            self.bits.take(32)?; // a checksum
            match mark {
                (0x31_4159, 0x26_5359) => {
                    self.read_block()?;
                    return Ok(true);
                }
                (0x17_7245, 0x38_5090) => self.most = 0,
                _ => return Err(Why::Damaged),
            }
        }
    }

    fn read_block(&mut self) -> Result<(), Why> {
        let bits = &mut self.bits;
        if bits.bit()? {
            return Err(Why::Unsupported); // randomised, as nobody has done since 1997
        }
        let origin = bits.take(24)? as usize;
        // Which bytes there are, in two steps.
        let (ranges, mut bytes) = (bits.take(16)?, Vec::with_capacity(256));
        for range in (0..16u8).filter(|range| ranges >> (15 - range) & 1 == 1) {
            let used = bits.take(16)?;
            bytes.extend((0..16u8).filter(|low| used >> (15 - low) & 1 == 1).map(|low| range << 4 | low));
        }
        let (tables, count) = (bits.take(3)? as usize, bits.take(15)? as usize);
        if bytes.is_empty() || !(2..=6).contains(&tables) || count == 0 {
            return Err(Why::Damaged);
        }
        let mut order: Vec<u8> = (0..6).collect();
        let mut selectors = Vec::with_capacity(count);
        for _ in 0..count {
            let mut place = 0;
            while bits.bit()? {
                place += 1;
                if place >= tables {
                    return Err(Why::Damaged);
                }
            }
            let table = order.remove(place);
            order.insert(0, table);
            selectors.push(table);
        }
        let mut codes = Vec::with_capacity(tables);
        for _ in 0..tables {
            let mut length = bits.take(5)?;
            let mut lengths = [0; 258];
            for slot in &mut lengths[..bytes.len() + 2] {
                loop {
                    if !(1..=20).contains(&length) {
                        return Err(Why::Damaged);
                    }
                    if !bits.bit()? {
                        break;
                    }
                    length = if bits.bit()? { length - 1 } else { length + 1 };
                }
                *slot = u8::try_from(length).unwrap_or(20);
            }
            codes.push(Codes::new(&lengths[..bytes.len() + 2]));
        }
        self.symbols(&selectors, &codes, bytes)?;
        self.turn(origin)
    }

    /// Reads the symbols of a block: repetitions, and bytes by their place among those used last.
    fn symbols(&mut self, selectors: &[u8], codes: &[Codes], mut bytes: Vec<u8>) -> Result<(), Why> {
        let end = u16::try_from(bytes.len() + 1).unwrap_or(u16::MAX);
        self.block.clear();
        let (mut run, mut weight) = (0usize, 1usize);
        for selector in selectors {
            let codes = codes.get(usize::from(*selector)).ok_or(Why::Damaged)?;
            self.budget.work(8 * GROUP)?;
            for _ in 0..GROUP {
                let symbol = codes.next(&mut self.bits)?;
                if symbol == RUN_A || symbol == RUN_B {
                    run += weight << symbol;
                    weight = (weight << 1).min(1 << 24);
                    if run > self.most {
                        return Err(Why::Damaged);
                    }
                    continue;
                }
                if run > 0 {
                    self.block.resize(self.block.len() + run, u32::from(bytes[0]));
                    (run, weight) = (0, 1);
                }
                if self.block.len() > self.most {
                    return Err(Why::Damaged);
                }
                if symbol == end {
                    return Ok(());
                }
                let place = usize::from(symbol - 1);
                let byte = *bytes.get(place).ok_or(Why::Damaged)?;
                bytes.copy_within(..place, 1);
                bytes[0] = byte;
                self.block.push(u32::from(byte));
            }
        }
        Err(Why::Damaged)
    }

    /// Links each byte of the block to the one that follows it in the text.
    fn turn(&mut self, origin: usize) -> Result<(), Why> {
        let mut places = [0u32; 256];
        for entry in &self.block {
            places[(*entry & 0xFF) as usize] += 1;
        }
        let mut sum = 0;
        for place in &mut places {
            (*place, sum) = (sum, sum + *place);
        }
        for at in 0..self.block.len() {
            let place = &mut places[(self.block[at] & 0xFF) as usize];
            self.block[*place as usize] |= u32::try_from(at).unwrap_or(0) << 8;
            *place += 1;
        }
        self.at = self.block.get(origin).ok_or(Why::Damaged)? >> 8;
        self.left = self.block.len();
        (self.last, self.same) = (None, 0);
        Ok(())
    }

    /// Fills `space` from the block and says how much it is.
    fn unpack(&mut self, space: &mut [u8]) -> usize {
        let mut fill = 0;
        while fill < space.len() {
            if self.again > 0 {
                let count = self.again.min(space.len() - fill);
                space[fill..fill + count].fill(self.last.unwrap_or(0));
                fill += count;
                self.again -= count;
                continue;
            }
            if self.left == 0 {
                break;
            }
            self.left -= 1;
            let entry = self.block[self.at as usize];
            let byte = (entry & 0xFF) as u8;
            self.at = entry >> 8;
            if self.same == 4 {
                // How often it comes again.
                (self.again, self.same) = (usize::from(byte), 0);
                continue;
            }
            self.same = if self.last == Some(byte) { self.same + 1 } else { 1 };
            self.last = Some(byte);
            space[fill] = byte;
            fill += 1;
        }
        fill
    }

    fn more(&mut self, space: &mut [u8]) -> Result<usize, Why> {
        loop {
            let count = self.unpack(space);
            self.written += count as u64;
            self.budget.unpacked(count, self.bits.read, self.written)?;
            if count > 0 || space.is_empty() || !self.next()? {
                return Ok(count);
            }
        }
    }
}

impl Read for Bzip2<'_, '_> {
    fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        self.more(space).map_err(|why| self.budget.give_up(why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;
    use crate::pool::Pool;

    /// A code of no bits, and then fewer.
    #[test]
    fn lengths_of_codes_have_their_bounds() {
        let (limits, pool) = (Limits::default(), Pool::default());
        let budget = Budget::new(&limits, &pool);
        let mut bytes = b"BZh11AY&SY\0\0\0\0".to_vec();
        // Origin 0; one byte is used; two tables; one selector, 0; the first length, 0, less one, and one more.
        let bits = format!("0{:024b}{:016b}{:016b}010{:015b}0{:05b}11101110", 0, 0x8000, 0x8000, 1, 0);
        bytes.extend(bits.as_bytes().chunks(8).map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | (bit - b'0'))));
        let mut packed = &bytes[..];
        assert!(Bzip2::new(&mut packed, &budget).read(&mut [0; 64]).is_err());
        assert_eq!(budget.fault(), Why::Damaged);
    }
}
