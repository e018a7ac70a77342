//! 7-Zip archives: the header at the end, then folders of packed streams with members one after the other in each.

use std::cell::Cell;
use std::io::Read;

use lzma_rust2::{Lzma2Reader, LzmaReader};

use crate::Why;
use crate::bytes::{index, slice, u32_le, u64_le};
use crate::bzip2::Bzip2;
use crate::desk::{Desk, Flow};
use crate::inflate::{Around, Inflate};
use crate::input::{Buffered, Metered, Source, pass};
use crate::limits::Budget;
use crate::xz::dictionary;
use crate::zstd::Zstd;

pub(crate) const MAGIC: &[u8] = b"7z\xBC\xAF\x27\x1C";

/// Headers that are packed are packed once; more is a trap.
const PACKED: usize = 4;

/// A packed stream and how it is packed.
struct Folder<'a> {
    packed: &'a [u8],
    method: Vec<u8>,
    options: Vec<u8>,
    /// Bytes that come out.
    size: u64,
    members: Vec<u64>,
    /// What cannot be unpacked, and why.
    why: Option<Why>,
}

pub(crate) fn read(desk: &mut Desk<'_>, bytes: &[u8]) -> Flow {
    let start = index(u64_le(bytes, 12)?)?.checked_add(32).ok_or(Why::Damaged)?;
    let mut header = slice(bytes, start, index(u64_le(bytes, 20)?)?)?.to_vec();
    for _ in 0..PACKED {
        let mut numbers = Numbers { budget: desk.budget, bytes: &header, at: 1 };
        match header.first() {
            None => return Ok(()),
            Some(0x17) => {
                let folders = numbers.streams(bytes)?;
                let folder = folders.first().ok_or(Why::Damaged)?;
                let mut unpacked = Vec::new();
                let room = desk.budget.room() as u64;
                with(desk, folder, |_, from, budget| {
                    from.take(folder.size.min(room)).read_to_end(&mut unpacked).map(drop).map_err(|_| budget.fault())
                })?;
                header = unpacked;
            }
            Some(0x01) => {
                if header.get(1) == Some(&2) {
                    return Err(Why::Unsupported); // properties of the archive, of which none is known
                }
                if header.get(1) != Some(&4) {
                    return Ok(()); // no streams: empty files only
                }
                numbers.at = 2;
                let folders = numbers.streams(bytes)?;
                return members(desk, &folders);
            }
            _ => return Err(Why::Damaged),
        }
    }
    Err(Why::Damaged)
}

fn members(desk: &mut Desk<'_>, folders: &[Folder<'_>]) -> Flow {
    let mut number = 0;
    for folder in folders {
        let first = number;
        number += folder.members.len();
        let outcome = with(desk, folder, |desk, from, budget| {
            for (at, size) in folder.members.iter().enumerate() {
                let mut member = from.take(*size);
                let mut pieces = Buffered::new(&mut member, budget);
                desk.member(first + at, Source::Stream(&mut pieces), "")?;
                pass(&mut pieces, budget)?;
            }
            Ok(())
        });
        match outcome {
            Err(why) if desk.budget.over().is_none() && why != Why::Members => desk.miss(why),
            outcome => outcome?,
        }
    }
    Ok(())
}

/// Gives a reader of what comes out of a folder to `read`.
fn with<'a>(
    desk: &mut Desk<'a>,
    folder: &Folder<'_>,
    read: impl FnOnce(&mut Desk<'a>, &mut dyn Read, &'a Budget<'a>) -> Flow,
) -> Flow {
    if let Some(why) = folder.why {
        return Err(why);
    }
    let (mut packed, budget) = (folder.packed, desk.budget);
    // A dictionary larger than what comes out is of no use.
    let most = |size: u32| size.min(u32::try_from(folder.size).unwrap_or(u32::MAX)).max(4096);
    let count = Cell::new(packed.len() as u64);
    match (&folder.method[..], &folder.options[..]) {
        ([0], _) => read(desk, &mut packed, budget),
        ([0x21], [bits, ..]) => {
            let inner = Lzma2Reader::new(packed, most(dictionary(*bits, budget)?), None);
            read(desk, &mut Metered { inner, budget, packed: &count, unpacked: 0 }, budget)
        }
        ([3, 1, 1], [kind, size @ ..]) => {
            let size = most(u32_le(size, 0)?);
            if size as usize > budget.room() {
                return Err(Why::Size);
            }
            let inner = LzmaReader::new_with_props(packed, folder.size, *kind, size, None).map_err(|_| Why::Damaged)?;
            read(desk, &mut Metered { inner, budget, packed: &count, unpacked: 0 }, budget)
        }
        ([4, 1, 8], _) => read(desk, &mut Inflate::new(&mut packed, Around::Nothing, budget), budget),
        ([4, 2, 2], _) => read(desk, &mut Bzip2::new(&mut packed, budget), budget),
        ([4, 0xF7, 0x11, 1], _) => read(desk, &mut Zstd::new(&mut packed, budget), budget),
        _ => Err(Why::Unsupported),
    }
}

/// Numbers of a header, one after the other.
struct Numbers<'a> {
    budget: &'a Budget<'a>,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Numbers<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Why> {
        self.budget.work(8)?;
        let taken = slice(self.bytes, self.at, count)?;
        self.at += count;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Why> {
        Ok(self.take(1)?[0])
    }

    /// A number whose first byte tells by its leading ones how many bytes follow.
    fn number(&mut self) -> Result<u64, Why> {
        let first = self.byte()?;
        let more = first.leading_ones();
        let low = self.take(more as usize)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let high = u64::from(first & (0x7Fu8.checked_shr(more).unwrap_or(0)));
        Ok(low | high.checked_shl(8 * more).unwrap_or(0))
    }

    /// How many of something there are: each takes a byte at least.
    fn count(&mut self) -> Result<usize, Why> {
        index(self.number()?).and_then(|count| if count > self.bytes.len() { Err(Why::Damaged) } else { Ok(count) })
    }

    fn numbers(&mut self, count: usize) -> Result<Vec<u64>, Why> {
        (0..count).map(|_| self.number()).collect()
    }

    /// Checksums, of those that have one.
    fn digests(&mut self, count: usize) -> Result<(), Why> {
        let mut told = count;
        if self.byte()? == 0 {
            told = self.take(count.div_ceil(8))?.iter().map(|byte| byte.count_ones() as usize).sum();
        }
        self.take(4 * told).map(drop)
    }

    /// What is packed and how.
    fn streams(&mut self, archive: &'a [u8]) -> Result<Vec<Folder<'a>>, Why> {
        let (mut at, mut sizes, mut folders) = (0, Vec::new(), Vec::new());
        loop {
            match self.byte()? {
                0 => break,
                6 => {
                    at = index(self.number()?)?.checked_add(32).ok_or(Why::Damaged)?;
                    let count = self.count()?;
                    loop {
                        match self.byte()? {
                            0 => break,
                            9 => sizes = self.numbers(count)?,
                            10 => self.digests(count)?,
                            _ => return Err(Why::Damaged),
                        }
                    }
                }
                7 => folders = self.folders(archive, at, &sizes)?,
                8 => self.substreams(&mut folders)?,
                _ => return Err(Why::Damaged),
            }
        }
        Ok(folders)
    }

    fn folders(&mut self, archive: &'a [u8], mut at: usize, sizes: &[u64]) -> Result<Vec<Folder<'a>>, Why> {
        if self.byte()? != 11 {
            return Err(Why::Damaged);
        }
        let count = self.count()?;
        if self.byte()? != 0 {
            return Err(Why::Unsupported); // folders told elsewhere
        }
        let (mut folders, mut outs, mut packed) = (Vec::new(), Vec::new(), sizes.iter());
        for _ in 0..count {
            let (folder, out, streams) = self.folder()?;
            folders.push(folder);
            outs.push(out);
            for stream in 0..streams {
                let size = index(*packed.next().ok_or(Why::Damaged)?)?;
                // A folder of one coder has one stream; others are not unpacked.
                if stream == 0
                    && let Some(folder) = folders.last_mut()
                {
                    folder.packed = slice(archive, at, size)?;
                }
                at = at.checked_add(size).ok_or(Why::Damaged)?;
            }
        }
        if self.byte()? != 12 {
            return Err(Why::Damaged);
        }
        for (folder, out) in folders.iter_mut().zip(outs) {
            let sizes = self.numbers(out)?;
            folder.size = sizes.last().copied().unwrap_or(0);
            folder.members = vec![folder.size];
        }
        loop {
            match self.byte()? {
                0 => return Ok(folders),
                10 => self.digests(count)?,
                _ => return Err(Why::Damaged),
            }
        }
    }

    /// A folder, how many streams its coders give and how many packed ones they take.
    fn folder(&mut self) -> Result<(Folder<'a>, usize, usize), Why> {
        let count = self.count()?;
        let mut folder =
            Folder { packed: &[], method: Vec::new(), options: Vec::new(), size: 0, members: Vec::new(), why: None };
        let (mut ins, mut outs) = (0usize, 0usize);
        for _ in 0..count {
            let flags = self.byte()?;
            folder.method = self.take(usize::from(flags & 15))?.to_vec();
            let (mut coder_ins, mut coder_outs) = (1, 1);
            if flags & 16 != 0 {
                (coder_ins, coder_outs) = (self.count()?, self.count()?);
            }
            ins = ins.saturating_add(coder_ins);
            outs = outs.saturating_add(coder_outs);
            if flags & 32 != 0 {
                let length = self.count()?;
                folder.options = self.take(length)?.to_vec();
            }
            if folder.method == [6, 0xF1, 7, 1] {
                folder.why = Some(Why::Encrypted);
            }
        }
        if count != 1 || ins != 1 || outs != 1 {
            // Filters for programs.
            folder.why = folder.why.or(Some(Why::Unsupported));
        }
        let pairs = outs.checked_sub(1).ok_or(Why::Damaged)?;
        let packed = ins.checked_sub(pairs).ok_or(Why::Damaged)?;
        if ins > self.bytes.len() || outs > self.bytes.len() {
            return Err(Why::Damaged);
        }
        self.numbers(2 * pairs)?;
        if packed > 1 {
            self.numbers(packed)?;
        }
        Ok((folder, outs, packed))
    }

    /// The members of each folder, by their sizes.
    fn substreams(&mut self, folders: &mut [Folder<'_>]) -> Result<(), Why> {
        let mut kind = self.byte()?;
        let mut counts = vec![1; folders.len()];
        if kind == 13 {
            for count in &mut counts {
                *count = index(self.number()?)?;
            }
            kind = self.byte()?;
        }
        for (folder, count) in folders.iter_mut().zip(&counts) {
            if *count > self.budget.limits.members as usize {
                return Err(Why::Members);
            }
            folder.members.clear();
            let mut left = folder.size;
            for member in 0..*count {
                self.budget.work(16)?;
                // The last size follows from the others.
                let size = if member + 1 == *count {
                    left
                } else if kind == 9 {
                    self.number()?
                } else {
                    return Err(Why::Damaged);
                };
                left = left.checked_sub(size).ok_or(Why::Damaged)?;
                folder.members.push(size);
            }
        }
        // Behind the sizes stand checksums, and behind these nothing of interest: the header may end here.
        (self.bytes, self.at) = (&[0], 0);
        Ok(())
    }
}
