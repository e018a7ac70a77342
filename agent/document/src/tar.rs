//! Tar archives, read forward.

use std::io::{BufRead, Read};

use crate::Why;
use crate::desk::{Desk, Flow};
use crate::input::{Buffered, Source, fill, pass};

const BLOCK: usize = 512;

/// The sum of a header's bytes, its own field taken as blanks.
fn sum(header: &[u8]) -> u64 {
    header.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) }).sum()
}

pub(crate) fn is(head: &[u8]) -> bool {
    head.get(..BLOCK).is_some_and(|header| header[0] != 0 && number(&header[148..156]) == Some(sum(header)))
}

/// An octal number, or a binary one that begins with the high bit.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        return field[1..].iter().try_fold(0u64, |sum, byte| sum.checked_mul(256).map(|sum| sum | u64::from(*byte)));
    }
    let digits = field.iter().skip_while(|byte| **byte == b' ').take_while(|byte| (b'0'..b'8').contains(byte));
    digits.into_iter().try_fold(0u64, |sum, byte| sum.checked_mul(8).map(|sum| sum + u64::from(byte - b'0')))
}

pub(crate) fn read(desk: &mut Desk<'_>, stream: &mut dyn BufRead) -> Flow {
    let mut header = [0; BLOCK];
    let mut count = 0;
    loop {
        match fill(stream, &mut header, desk.budget)? {
            0 => return Ok(()), // the closing blocks are often missing
            BLOCK => {}
            _ => return Err(Why::Damaged),
        }
        if header[0] == 0 {
            return Ok(());
        }
        if number(&header[148..156]) != Some(sum(&header)) {
            return Err(Why::Damaged);
        }
        let size = number(&header[124..136]).ok_or(Why::Damaged)?;
        let name = header[..100].split(|byte| *byte == 0).next().unwrap_or_default();
        let mut content = (&mut *stream).take(size);
        // Files only: links, folders and the long names of both have no content of interest.
        if matches!(header[156], 0 | b'0' | b'7') {
            let mut pieces = Buffered::new(&mut content, desk.budget);
            desk.member(count, Source::Stream(&mut pieces), &String::from_utf8_lossy(name))?;
            count += 1;
        }
        pass(&mut content, desk.budget)?;
        if content.limit() > 0 {
            return Err(Why::Damaged);
        }
        pass(&mut (&mut *stream).take((BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64), desk.budget)?;
    }
}
