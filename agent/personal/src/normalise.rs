//! One form for all spellings of a value, so that one person has one hash.

use crate::kinds::iin;
use crate::{Kind, fold};

/// Longest normalised value kept as it is; longer ones end in a hash of the whole.
const CAPACITY: usize = 128;
const HEAD: usize = CAPACITY - blake3::OUT_LEN;

/// A normalised value, on the stack. Holds personal data: it has no `Debug`, and is for hashing only.
#[derive(Clone, Copy)]
pub struct SmallBuf {
    bytes: [u8; CAPACITY],
    length: u8,
}

impl SmallBuf {
    /// The normalised bytes, at most 128: of a longer value its beginning and a hash of all of it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// Fills a [`SmallBuf`]; hashes only what does not fit.
struct Writer {
    buffer: SmallBuf,
    overflow: Option<blake3::Hasher>,
}

impl Writer {
    fn new() -> Writer {
        Writer { buffer: SmallBuf { bytes: [0; CAPACITY], length: 0 }, overflow: None }
    }

    fn push(&mut self, byte: u8) {
        let length = usize::from(self.buffer.length);
        if length < CAPACITY {
            self.buffer.bytes[length] = byte;
            self.buffer.length += 1;
        } else {
            let whole = &self.buffer.bytes;
            self.overflow
                .get_or_insert_with(|| {
                    let mut hasher = blake3::Hasher::new();
                    hasher.update(whole);
                    hasher
                })
                .update(&[byte]);
        }
    }

    fn character(&mut self, c: char) {
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            self.push(byte);
        }
    }

    fn finish(mut self) -> SmallBuf {
        if let Some(hasher) = self.overflow {
            self.buffer.bytes[HEAD..].copy_from_slice(hasher.finalize().as_bytes());
        }
        self.buffer
    }
}

/// The normal form of a value of `kind`: digits only for numbers (an IIN gets its lost zeros back, a phone its leading
/// 7), capitals for IBAN and passport, folded words with single spaces for text.
#[must_use]
pub fn normalise(kind: Kind, value: &[u8]) -> SmallBuf {
    let mut writer = Writer::new();
    match kind {
        Kind::Iin | Kind::MistypedIin | Kind::Bin | Kind::Rnn | Kind::IdCard | Kind::Card => {
            digits(kind, value, &mut writer);
        }
        Kind::Phone | Kind::PhoneOther => phone(value, &mut writer),
        Kind::MaskedIin | Kind::Passport | Kind::Iban | Kind::Mrz => {
            for byte in value.iter().filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'*' | b'<' | b'#')) {
                writer.push(byte.to_ascii_uppercase());
            }
        }
        _ => text(value, &mut writer),
    }
    writer.finish()
}

fn digits(kind: Kind, value: &[u8], writer: &mut Writer) {
    let mut kept = [0u8; 12];
    let count = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    if matches!(kind, Kind::Iin | Kind::MistypedIin) && count < 12 {
        for (slot, byte) in kept.iter_mut().zip(value.iter().filter(|byte| byte.is_ascii_digit())) {
            *slot = *byte;
        }
        if let Some(whole) = iin::padded(&kept[..count]) {
            whole.iter().for_each(|byte| writer.push(*byte));
            return;
        }
    }
    value.iter().filter(|byte| byte.is_ascii_digit()).for_each(|byte| writer.push(*byte));
}

fn phone(value: &[u8], writer: &mut Writer) {
    let digits = || value.iter().filter(|byte| byte.is_ascii_digit());
    let count = digits().count();
    let skip = usize::from(count == 11 && matches!(digits().next(), Some(b'7' | b'8')));
    if count == 10 || skip == 1 {
        writer.push(b'7');
    }
    digits().skip(skip).for_each(|byte| writer.push(*byte));
}

fn text(value: &[u8], writer: &mut Writer) {
    let mut space = false;
    let mut begun = false;
    for chunk in value.utf8_chunks() {
        for c in chunk.valid().chars().map(fold::character).filter(|c| *c != '\0') {
            if c.is_whitespace() {
                space = begun;
                continue;
            }
            if std::mem::take(&mut space) {
                writer.push(b' ');
            }
            begun = true;
            writer.character(c);
        }
        chunk.invalid().iter().for_each(|byte| writer.push(*byte));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: Kind, value: &str) -> Vec<u8> {
        normalise(kind, value.as_bytes()).as_bytes().to_vec()
    }

    #[test]
    fn spellings_become_one() {
        assert_eq!(of(Kind::Iin, " 010101635578 "), b"010101635578");
        assert_eq!(of(Kind::Iin, "10101635578"), b"010101635578");
        assert_eq!(of(Kind::Phone, "8 (700) 000-00-01"), of(Kind::Phone, "+77000000001"));
        assert_eq!(of(Kind::Phone, "7000000001"), b"77000000001");
        assert_eq!(of(Kind::Iban, "kz69 9990 0000 0000 0001"), b"KZ699990000000000001");
        assert_eq!(of(Kind::PersonName, "  Қасымов   Серік "), of(Kind::PersonName, "касымов серик"));
        assert_eq!(of(Kind::Email, "A@B.KZ"), b"a@b.kz");
    }

    #[test]
    fn long_values_differ_by_their_ends() {
        let (one, two) = ("x".repeat(300), "x".repeat(299) + "y");
        assert_eq!(of(Kind::Address, &one).len(), CAPACITY);
        assert_ne!(of(Kind::Address, &one), of(Kind::Address, &two));
        assert_ne!(of(Kind::Address, &"x".repeat(128)), of(Kind::Address, &"x".repeat(129)));
    }
}
