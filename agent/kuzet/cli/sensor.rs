//! `kuzet sensor`: the part of the agent that holds rights to ask the kernel.

use super::Failure;
use crate::{clock, sensor};
use clap::Args;
use std::io::BufWriter;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args)]
pub(super) struct Options {
    /// Listen on this socket for the agent instead of printing; who may open it is decided by its folder
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Tell the first bytes of connections that stay on this host as well
    #[arg(long)]
    loopback: bool,
}

pub(super) fn sensor(options: &Options) -> Result<ExitCode, Failure> {
    match &options.socket {
        Some(path) => sensor::serve(path, options.loopback, &clock::System)?,
        None => {
            let mut out = BufWriter::with_capacity(64 << 10, std::io::stdout().lock());
            sensor::run(&mut out, options.loopback, &clock::System)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
