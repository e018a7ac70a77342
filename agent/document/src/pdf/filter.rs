//! The filters of PDF streams: those of data are undone, those of pictures are left to whoever decodes pictures.

use std::io::BufRead;

use super::file::File;
use super::object::{Dict, Object, digit};
use crate::Why;
use crate::inflate::{Around, Inflate};
use crate::limits::Budget;

/// What came out of a stream.
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    /// The filter of pictures that is left, with its options.
    pub(super) picture: Option<(Vec<u8>, Dict)>,
    /// Why the end is missing.
    pub(super) fault: Option<Why>,
}

pub(super) fn unpack(file: &File<'_>, budget: &Budget<'_>, dict: &Dict, raw: &[u8]) -> Result<Content, Why> {
    let many = |key: &[u8], short: &[u8]| match file.resolve(dict.get(key).or_else(|| dict.get(short))) {
        Object::Array(items) => items,
        Object::Null => Vec::new(),
        one => vec![one],
    };
    let (filters, options) = (many(b"Filter", b"F"), many(b"DecodeParms", b"DP"));
    let mut content = Content { bytes: raw.to_vec(), picture: None, fault: None };
    for (at, filter) in filters.iter().enumerate().take(8) {
        let Object::Name(name) = file.resolve(Some(filter)) else { return Err(Why::Damaged) };
        let options = file.dict_of(options.get(at)).unwrap_or_default();
        budget.work(content.bytes.len() / 4)?;
        match &name[..] {
            b"FlateDecode" | b"Fl" => {
                let (bytes, fault) = inflate(budget, &content.bytes);
                content.bytes = predict(file, &options, bytes)?;
                content.fault = content.fault.or(fault);
            }
            b"LZWDecode" | b"LZW" => {
                let early = options.get(b"EarlyChange").and_then(Object::int) != Some(0);
                let bytes = lzw(budget, &content.bytes, early)?;
                content.bytes = predict(file, &options, bytes)?;
            }
            b"ASCIIHexDecode" | b"AHx" => content.bytes = hex(&content.bytes),
            b"ASCII85Decode" | b"A85" => content.bytes = ascii85(&content.bytes),
            b"RunLengthDecode" | b"RL" => content.bytes = run_length(budget, &content.bytes)?,
            // Which of the keys it was, decided before.
            b"Crypt" => {}
            _ => {
                content.picture = Some((name, options));
                return Ok(content);
            }
        }
    }
    Ok(content)
}

/// As much as can be inflated, and why not more.
fn inflate(budget: &Budget<'_>, mut packed: &[u8]) -> (Vec<u8>, Option<Why>) {
    let zlib =
        packed.len() > 1 && packed[0] & 0x0F == 8 && (u16::from(packed[0]) << 8 | u16::from(packed[1])) % 31 == 0;
    let mut reader = Inflate::new(&mut packed, if zlib { Around::Zlib } else { Around::Nothing }, budget);
    let mut bytes = Vec::new();
    loop {
        let Ok(piece) = reader.fill_buf() else { return (bytes, Some(budget.fault())) };
        if piece.is_empty() {
            return (bytes, None);
        }
        bytes.extend_from_slice(piece);
        let count = piece.len();
        reader.consume(count);
        if bytes.len() > budget.room() {
            return (bytes, Some(Why::Size));
        }
    }
}

/// Undoes what makes rows of numbers or pixels easier to pack.
fn predict(file: &File<'_>, options: &Dict, bytes: Vec<u8>) -> Result<Vec<u8>, Why> {
    let number = |key: &[u8], default: usize| {
        file.resolve(options.get(key)).int().and_then(|number| usize::try_from(number).ok()).unwrap_or(default)
    };
    let predictor = number(b"Predictor", 1);
    if predictor < 2 {
        return Ok(bytes);
    }
    let (colors, bits, columns) = (number(b"Colors", 1), number(b"BitsPerComponent", 8), number(b"Columns", 1));
    if colors > 32 || bits > 16 || columns > 1 << 20 {
        return Err(Why::Damaged);
    }
    let (pixel, row) = ((colors * bits).div_ceil(8).max(1), (colors * bits * columns).div_ceil(8).max(1));
    let mut out: Vec<u8> = Vec::with_capacity(bytes.len());
    if predictor == 2 {
        for line in bytes.chunks(row) {
            let start = out.len();
            for (at, byte) in line.iter().enumerate() {
                let left = if bits == 8 && at >= pixel { out[start + at - pixel] } else { 0 };
                out.push(byte.wrapping_add(left));
            }
        }
        return Ok(out);
    }
    for line in bytes.chunks(row + 1) {
        let start = out.len();
        for (at, byte) in line[1..].iter().enumerate() {
            let left = if at >= pixel { out[start + at - pixel] } else { 0 };
            let up = if start >= row { out[start - row + at] } else { 0 };
            let corner = if start >= row && at >= pixel { out[start - row + at - pixel] } else { 0 };
            out.push(byte.wrapping_add(match line[0] {
                1 => left,
                2 => up,
                3 => u8::midpoint(left, up),
                4 => paeth(left, up, corner),
                _ => 0,
            }));
        }
    }
    Ok(out)
}

fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let guess = i16::from(left) + i16::from(up) - i16::from(corner);
    let distance = |byte: u8| (guess - i16::from(byte)).abs();
    if distance(left) <= distance(up) && distance(left) <= distance(corner) {
        left
    } else if distance(up) <= distance(corner) {
        up
    } else {
        corner
    }
}

fn lzw(budget: &Budget<'_>, packed: &[u8], early: bool) -> Result<Vec<u8>, Why> {
    // Each word is a place in what came out before.
    let mut words: Vec<(usize, usize)> = Vec::new();
    let mut out: Vec<u8> = Vec::new();
    let (mut width, mut bits, mut held) = (9, 0u32, 0);
    let mut last: Option<(usize, usize)> = None;
    for byte in packed {
        bits = bits << 8 | u32::from(*byte);
        held += 8;
        if held < width {
            continue;
        }
        let code = (bits >> (held - width) & ((1 << width) - 1)) as usize;
        held -= width;
        match code {
            256 => {
                words.clear();
                width = 9;
                last = None;
                continue;
            }
            257 => break,
            _ => {}
        }
        let start = out.len();
        if code < 256 {
            out.push(u8::try_from(code).unwrap_or(0));
        } else if let Some((from, length)) = words.get(code - 258).copied() {
            out.extend_from_within(from..from + length);
        } else if let Some((from, length)) = last.filter(|_| code - 258 == words.len()) {
            out.extend_from_within(from..from + length);
            out.push(out[from]);
        } else {
            return Err(Why::Damaged);
        }
        if let Some((from, length)) = last
            && words.len() < 4096
        {
            words.push((from, length + 1)); // the next byte stands right behind
        }
        last = Some((start, out.len() - start));
        // The word that the next code will complete counts as well.
        let next = words.len() + 258 + usize::from(early);
        width = if next >= 2048 {
            12
        } else if next >= 1024 {
            11
        } else if next >= 512 {
            10
        } else {
            9
        };
        budget.output(out.len() - start)?;
        if out.len() > budget.room() {
            return Err(Why::Size);
        }
    }
    Ok(out)
}

fn hex(packed: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = packed.iter().take_while(|byte| **byte != b'>').filter_map(|byte| digit(*byte)).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0)).collect()
}

fn ascii85(packed: &[u8]) -> Vec<u8> {
    let (mut out, mut group, mut count) = (Vec::with_capacity(packed.len()), 0u32, 0);
    for byte in packed {
        match byte {
            b'z' if count == 0 => out.extend_from_slice(&[0; 4]),
            b'!'..=b'u' => {
                group = group.wrapping_mul(85).wrapping_add(u32::from(byte - b'!'));
                count += 1;
                if count == 5 {
                    out.extend_from_slice(&group.to_be_bytes());
                    (group, count) = (0, 0);
                }
            }
            b'~' => break,
            _ => {}
        }
    }
    if count > 1 {
        for _ in count..5 {
            group = group.wrapping_mul(85).wrapping_add(84);
        }
        out.extend_from_slice(&group.to_be_bytes()[..count - 1]);
    }
    out
}

fn run_length(budget: &Budget<'_>, packed: &[u8]) -> Result<Vec<u8>, Why> {
    let (mut out, mut rest) = (Vec::new(), packed);
    while let Some((length, after)) = rest.split_first() {
        let before = out.len();
        rest = match length {
            128 => break,
            0..=127 => {
                let (copied, after) = after.split_at(after.len().min(usize::from(*length) + 1));
                out.extend_from_slice(copied);
                after
            }
            _ => {
                let Some((byte, after)) = after.split_first() else { break };
                out.resize(out.len() + 257 - usize::from(*length), *byte);
                after
            }
        };
        budget.output(out.len() - before)?;
        if out.len() > budget.room() {
            return Err(Why::Size);
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;
    use crate::pool::Pool;

    /// The examples of ISO 32000 and of Adobe's manual of PostScript.
    #[test]
    fn packed_data_is_unpacked() {
        let (limits, pool) = (Limits::default(), Pool::default());
        let budget = Budget::new(&limits, &pool);
        assert_eq!(lzw(&budget, &[0x80, 0x0B, 0x60, 0x50, 0x22, 0x0C, 0x0C, 0x85, 0x01], true).unwrap(), b"-----A---B");
        assert_eq!(run_length(&budget, &[2, b'a', b'b', b'c', 254, b'x', 128, b'y']).unwrap(), b"abcxxx");
        assert_eq!(hex(b"6B 75 7a\n657> and more"), b"kuzep");
        assert_eq!(ascii85(b"87cURD]j7BEbo80~>"), b"Hello world!");
        assert_eq!(ascii85(b"zz~>"), [0; 8]);
    }
}
