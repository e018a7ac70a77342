//! Reading bytes that a stranger wrote: every step may find the end.

/// A place in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, at: 0 }
    }

    pub(crate) fn at(bytes: &'a [u8], at: usize) -> Reader<'a> {
        Reader { bytes, at }
    }

    /// Bytes read so far.
    pub(crate) fn place(&self) -> usize {
        self.at
    }

    /// What is left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.rest().get(..length)?;
        self.at += length;
        Some(taken)
    }

    /// As many of `length` bytes as there are.
    pub(crate) fn take_up_to(&mut self, length: usize) -> &'a [u8] {
        self.take(length.min(self.rest().len())).unwrap_or_default()
    }

    fn number(&mut self, length: usize) -> Option<u64> {
        Some(self.take(length)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        Some(self.number(1)? as u8)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        Some(self.number(2)? as u16)
    }

    pub(crate) fn u24(&mut self) -> Option<u32> {
        Some(self.number(3)? as u32)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        Some(self.number(4)? as u32)
    }

    /// Bytes behind their length of one byte.
    pub(crate) fn short(&mut self) -> Option<&'a [u8]> {
        let length = self.u8()?;
        self.take(usize::from(length))
    }

    /// Bytes behind their length of two bytes.
    pub(crate) fn long(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }

    /// A number of QUIC, of one to eight bytes.
    pub(crate) fn varint(&mut self) -> Option<u64> {
        let length = 1 << (self.rest().first()? >> 6);
        let number = self.number(length)?;
        Some(number & (u64::MAX >> (66 - 8 * length)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_quic_are_those_of_its_standard() {
        // RFC 9000, A.1.
        for (bytes, number) in [
            (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c][..], 151_288_809_941_952_652),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
            (&[0x40, 0x25], 37),
        ] {
            assert_eq!(Reader::new(bytes).varint(), Some(number));
            assert_eq!(Reader::new(&bytes[..bytes.len() - 1]).varint(), None);
        }
    }
}
