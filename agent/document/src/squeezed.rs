//! Files that are one packed file.

use std::io::BufRead;

use crate::desk::{Desk, Flow};
use crate::inflate::{Around, Inflate};
use crate::input::Source;

pub(crate) fn gzip(desk: &mut Desk<'_>, stream: &mut dyn BufRead) -> Flow {
    let budget = desk.budget;
    desk.member(0, Source::Stream(&mut Inflate::new(stream, Around::Gzip, budget)), "")
}
