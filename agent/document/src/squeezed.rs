//! Files that are one packed file, and the unpackers by the numbers that zip archives give them.

use std::cell::Cell;
use std::io::BufRead;

use crate::Why;
use crate::bzip2::Bzip2;
use crate::desk::{Desk, Flow};
use crate::inflate::{Around, Inflate};
use crate::input::{Buffered, Source};
use crate::xz::Xz;
use crate::zstd::Zstd;

pub(crate) fn gzip(desk: &mut Desk<'_>, stream: &mut dyn BufRead) -> Flow {
    let budget = desk.budget;
    desk.member(0, Source::Stream(&mut Inflate::new(stream, Around::Gzip, budget)), "")
}

pub(crate) fn bzip2(desk: &mut Desk<'_>, stream: &mut dyn BufRead) -> Flow {
    let budget = desk.budget;
    desk.member(0, Source::Stream(&mut Buffered::new(&mut Bzip2::new(stream, budget), budget)), "")
}

pub(crate) fn xz(desk: &mut Desk<'_>, stream: &mut dyn BufRead) -> Flow {
    let (packed, budget) = (Cell::new(0), desk.budget);
    desk.member(0, Source::Stream(&mut Buffered::new(&mut Xz::new(&mut { stream }, &packed, budget), budget)), "")
}

pub(crate) fn zstd(desk: &mut Desk<'_>, stream: &mut dyn BufRead) -> Flow {
    let budget = desk.budget;
    desk.member(0, Source::Stream(&mut Buffered::new(&mut Zstd::new(stream, budget), budget)), "")
}

/// Unpacks with a method of zip archives and gives what comes out to `read`.
pub(crate) fn method<'a>(
    desk: &mut Desk<'a>,
    method: u16,
    mut packed: &[u8],
    read: impl FnOnce(&mut Desk<'a>, Source<'_>) -> Flow,
) -> Flow {
    let (count, budget) = (Cell::new(0), desk.budget);
    match method {
        0 => read(desk, Source::Whole(packed)),
        8 => read(desk, Source::Stream(&mut Inflate::new(&mut packed, Around::Nothing, budget))),
        12 => read(desk, Source::Stream(&mut Buffered::new(&mut Bzip2::new(&mut packed, budget), budget))),
        93 => read(desk, Source::Stream(&mut Buffered::new(&mut Zstd::new(&mut packed, budget), budget))),
        95 => read(desk, Source::Stream(&mut Buffered::new(&mut Xz::new(&mut packed, &count, budget), budget))),
        _ => Err(Why::Unsupported),
    }
}
