//! MD5, RC4 and AES in chains of blocks, which PDF is encrypted with and nothing else here needs.

/// RFC 1321.
pub(super) fn md5(bytes: &[u8]) -> [u8; 16] {
    const SHIFTS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
    let mut padded = bytes.to_vec();
    padded.push(0x80);
    padded.resize((padded.len() + 8).next_multiple_of(64) - 8, 0);
    padded.extend_from_slice(&(8 * bytes.len() as u64).to_le_bytes());
    let mut state = [0x6745_2301u32, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476];
    for block in padded.as_chunks::<64>().0 {
        let words = block.as_chunks::<4>().0;
        let [mut a, mut b, mut c, mut d] = state;
        for step in 0..64 {
            let (mixed, word) = match step / 16 {
                0 => (b & c | !b & d, step),
                1 => (d & b | !d & c, 5 * step + 1),
                2 => (b ^ c ^ d, 3 * step + 5),
                _ => (c ^ (b | !d), 7 * step),
            };
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
            // below 2^32
            let sine = ((step as f64 + 1.0).sin().abs() * 4_294_967_296.0) as u32;
            let sum = a.wrapping_add(mixed).wrapping_add(sine).wrapping_add(u32::from_le_bytes(words[word % 16]));
            (a, d, c, b) = (d, c, b, b.wrapping_add(sum.rotate_left(SHIFTS[step / 16][step % 4])));
        }
        for (sum, part) in state.iter_mut().zip([a, b, c, d]) {
            *sum = sum.wrapping_add(part);
        }
    }
    let mut out = [0; 16];
    for (to, word) in out.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *to = word.to_le_bytes();
    }
    out
}

pub(super) fn rc4(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut state: [u8; 256] = std::array::from_fn(|at| u8::try_from(at).unwrap_or(0));
    let mut other = 0u8;
    for at in 0..256 {
        other = other.wrapping_add(state[at]).wrapping_add(key[at % key.len().max(1)]);
        state.swap(at, usize::from(other));
    }
    let (mut at, mut other) = (0u8, 0u8);
    let next = |byte: &u8| {
        at = at.wrapping_add(1);
        other = other.wrapping_add(state[usize::from(at)]);
        state.swap(usize::from(at), usize::from(other));
        byte ^ state[usize::from(state[usize::from(at)].wrapping_add(state[usize::from(other)]))]
    };
    bytes.iter().map(next).collect()
}

/// AES (FIPS 197) with keys of 128 and 256 bits, in cipher block chaining.
pub(super) struct Aes {
    rounds: Vec<[u8; 16]>,
    /// The substitution of bytes, and back.
    there: [u8; 256],
    back: [u8; 256],
    /// Multiples of bytes, for mixing columns and for mixing them back.
    mix: [[u8; 256]; 4],
    unmix: [[u8; 256]; 4],
}

/// Twice a number of the field.
fn double(byte: u8) -> u8 {
    byte << 1 ^ if byte & 0x80 == 0 { 0 } else { 0x1B }
}

fn times(byte: u8, by: u8) -> u8 {
    let (two, four) = (double(byte), double(double(byte)));
    [(1, byte), (2, two), (4, four), (8, double(four))]
        .into_iter()
        .filter(|(bit, _)| by & bit != 0)
        .fold(0, |sum, (_, part)| sum ^ part)
}

impl Aes {
    pub(super) fn new(key: &[u8]) -> Aes {
        let (mut there, mut back) = ([0; 256], [0; 256]);
        // All numbers of the field but 0, as powers of 3, beside their inverses.
        let (mut number, mut inverse) = (1u8, 1u8);
        loop {
            let turned = inverse
                ^ inverse.rotate_left(1)
                ^ inverse.rotate_left(2)
                ^ inverse.rotate_left(3)
                ^ inverse.rotate_left(4);
            there[usize::from(number)] = turned ^ 0x63;
            number ^= double(number);
            // Divided by 3.
            inverse ^= inverse << 1;
            inverse ^= inverse << 2;
            inverse ^= inverse << 4;
            inverse ^= if inverse & 0x80 == 0 { 0 } else { 0x09 };
            if number == 1 {
                break;
            }
        }
        there[0] = 0x63;
        for (at, byte) in (0u8..=255).zip(there) {
            back[usize::from(byte)] = at;
        }
        let words = key.len() / 4;
        let mut schedule: Vec<[u8; 4]> = key.as_chunks::<4>().0.to_vec();
        let mut constant = 1;
        for at in words..4 * (words + 7) {
            let mut word = schedule[at - 1];
            if at % words == 0 {
                word.rotate_left(1);
                word = word.map(|byte| there[usize::from(byte)]);
                word[0] ^= constant;
                constant = double(constant);
            } else if words > 6 && at % words == 4 {
                word = word.map(|byte| there[usize::from(byte)]);
            }
            let before = schedule[at - words];
            schedule.push(std::array::from_fn(|byte| word[byte] ^ before[byte]));
        }
        let rounds =
            schedule.as_chunks::<4>().0.iter().map(|words| std::array::from_fn(|at| words[at / 4][at % 4])).collect();
        let tables =
            |row: [u8; 4]| row.map(|by| std::array::from_fn(|byte| times(u8::try_from(byte).unwrap_or(0), by)));
        Aes { rounds, there, back, mix: tables([2, 3, 1, 1]), unmix: tables([14, 11, 13, 9]) }
    }

    pub(super) fn encrypt(&self, start: [u8; 16], bytes: &[u8]) -> Vec<u8> {
        let (mut out, mut last) = (Vec::with_capacity(bytes.len()), start);
        for block in bytes.as_chunks::<16>().0 {
            let mut state = xor(&xor(block, &last), &self.rounds[0]);
            for (round, key) in self.rounds.iter().enumerate().skip(1) {
                // Bytes are substituted, rows shifted, columns mixed.
                let shifted: [u8; 16] =
                    std::array::from_fn(|at| self.there[usize::from(state[(at + 4 * (at % 4)) % 16])]);
                state = if round + 1 == self.rounds.len() { shifted } else { mixed(&shifted, &self.mix) };
                state = xor(&state, key);
            }
            out.extend_from_slice(&state);
            last = state;
        }
        out
    }

    pub(super) fn decrypt(&self, start: [u8; 16], bytes: &[u8]) -> Vec<u8> {
        let (mut out, mut last) = (Vec::with_capacity(bytes.len()), start);
        for block in bytes.as_chunks::<16>().0 {
            let mut state = *block;
            for (round, key) in self.rounds.iter().enumerate().skip(1).rev() {
                state = xor(&state, key);
                if round + 1 < self.rounds.len() {
                    state = mixed(&state, &self.unmix);
                }
                state = std::array::from_fn(|at| self.back[usize::from(state[(at + 16 - 4 * (at % 4)) % 16])]);
            }
            out.extend_from_slice(&xor(&xor(&state, &self.rounds[0]), &last));
            last = *block;
        }
        out
    }
}

fn xor(one: &[u8; 16], other: &[u8; 16]) -> [u8; 16] {
    std::array::from_fn(|at| one[at] ^ other[at])
}

/// Each column multiplied with a matrix, whose rows are the first one turned; `by` are multiples for the first row.
fn mixed(state: &[u8; 16], by: &[[u8; 256]; 4]) -> [u8; 16] {
    let mut out = [0; 16];
    for (to, from) in out.as_chunks_mut::<4>().0.iter_mut().zip(state.as_chunks::<4>().0) {
        for (row, to) in to.iter_mut().enumerate() {
            for (at, byte) in from.iter().enumerate() {
                *to ^= by[(at + 4 - row) % 4][usize::from(*byte)];
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Vectors of RFC 1321, RFC 6229 and FIPS 197.
    #[test]
    fn the_published_vectors_hold() {
        assert_eq!(hex(&md5(b"")), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(
            hex(&md5(b"12345678901234567890123456789012345678901234567890123456789012345678901234567890")),
            "57edf4a22be3c955ac49da2e2107b67a"
        );
        assert_eq!(hex(&rc4(&[1, 2, 3, 4, 5], &[0; 16])), "b2396305f03dc027ccc3524a0a1118a8");
        let plain: Vec<u8> = (0..16).map(|byte| byte * 0x11).collect();
        for (length, packed) in [(16, "69c4e0d86a7b0430d8cdb78070b4c55a"), (32, "8ea2b7ca516745bfeafc49904b496089")] {
            let aes = Aes::new(&(0..length).collect::<Vec<u8>>());
            let encrypted = aes.encrypt([0; 16], &plain);
            assert_eq!(hex(&encrypted), packed);
            assert_eq!(aes.decrypt([0; 16], &encrypted), plain);
        }
    }
}
