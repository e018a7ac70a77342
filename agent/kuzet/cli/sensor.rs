//! `kuzet sensor`: the part of the agent that holds rights to ask the kernel.

use super::Failure;
use crate::{clock, sensor};
use std::io::BufWriter;
use std::process::ExitCode;

pub(super) fn sensor() -> Result<ExitCode, Failure> {
    let mut out = BufWriter::with_capacity(64 << 10, std::io::stdout().lock());
    sensor::run(&mut out, &clock::System)?;
    Ok(ExitCode::SUCCESS)
}
