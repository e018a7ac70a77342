//! Numbers out of bytes, without a way to fail but by saying that there are none.

use crate::Why;

/// `N` bytes at `at`.
pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Why> {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().ok_or(Why::Damaged)
}

pub(crate) fn u16_le(bytes: &[u8], at: usize) -> Result<u16, Why> {
    array(bytes, at).map(u16::from_le_bytes)
}

pub(crate) fn u32_le(bytes: &[u8], at: usize) -> Result<u32, Why> {
    array(bytes, at).map(u32::from_le_bytes)
}

pub(crate) fn u64_le(bytes: &[u8], at: usize) -> Result<u64, Why> {
    array(bytes, at).map(u64::from_le_bytes)
}

pub(crate) fn u16_be(bytes: &[u8], at: usize) -> Result<u16, Why> {
    array(bytes, at).map(u16::from_be_bytes)
}

pub(crate) fn u32_be(bytes: &[u8], at: usize) -> Result<u32, Why> {
    array(bytes, at).map(u32::from_be_bytes)
}

/// `count` bytes at `at`.
pub(crate) fn slice(bytes: &[u8], at: usize, count: usize) -> Result<&[u8], Why> {
    bytes.get(at..).and_then(|rest| rest.get(..count)).ok_or(Why::Damaged)
}

/// A number out of a wider one; what is too large is damage.
pub(crate) fn index(number: u64) -> Result<usize, Why> {
    usize::try_from(number).map_err(|_| Why::Damaged)
}
