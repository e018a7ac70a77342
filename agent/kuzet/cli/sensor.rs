//! `kuzet sensor`: the part of the agent that holds rights to ask the kernel.

use super::Failure;
use crate::clock::{self, Clock};
use crate::sensor;
use clap::Args;
use sensor::{MeansName, Wanted};
use std::io::BufWriter;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Args)]
pub(super) struct Options {
    /// Listen on this socket for the agent instead of printing; who may open it is decided by its folder
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// See by this means only, instead of the best that works here: bpf, diag or proc
    #[arg(long, value_name = "NAME", value_parser = means)]
    means: Option<MeansName>,
    /// Say which means works here and what it does not show, and end
    #[arg(long)]
    check: bool,
    /// Tell what is done to the files in this folder as well; may be given more than once
    #[arg(long = "folder", value_name = "PATH")]
    folders: Vec<PathBuf>,
    /// Tell the first bytes of connections that stay on this host as well
    #[arg(long)]
    loopback: bool,
}

fn means(name: &str) -> Result<MeansName, String> {
    let found = MeansName::ALL.into_iter().find(|means| means.name() == name);
    found.ok_or_else(|| "it is one of bpf, diag and proc".to_owned())
}

pub(super) fn sensor(options: &Options) -> Result<ExitCode, Failure> {
    let output = std::io::stdout();
    let folders =
        options.folders.iter().map(std::path::absolute).collect::<Result<_, _>>().map_err(anyhow::Error::from)?;
    let wanted = Wanted { means: options.means, loopback: options.loopback, folders };
    let clock: Arc<dyn Clock> = Arc::new(clock::System);
    let mut writer = BufWriter::with_capacity(64 << 10, output.lock());
    match &options.socket {
        _ if options.check => sensor::check(&mut writer, &wanted, &clock)?,
        Some(path) => sensor::serve(path, &wanted, &clock)?,
        None => sensor::run(&mut writer, output.as_fd(), &wanted, &clock)?,
    }
    Ok(ExitCode::SUCCESS)
}
