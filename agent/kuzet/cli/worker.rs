//! `kuzet worker`: the part of the agent that looks inside files, and has given up everything else.

use super::Failure;
use super::output;
use crate::{clock, worker};
use clap::Args;
use std::process::ExitCode;
use std::sync::Arc;
use worker::{Proof, Settings, Worker};

#[derive(Args)]
pub(super) struct Options {
    /// Start a worker, let it try what its sandbox must refuse, and say what came of it
    #[arg(long)]
    prove: bool,
}

pub(super) fn worker(options: &Options) -> Result<ExitCode, Failure> {
    if !options.prove {
        worker::serve()?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut worker = Worker::new(Settings::new([0; 32]), Arc::new(clock::System));
    let Proof { landlock, attempts } = worker.prove().map_err(anyhow::Error::from)?;
    let mut refused = 0;
    for (attempt, error) in &attempts {
        let outcome = match error {
            Some(number) => format!("refused ({})", std::io::Error::from_raw_os_error(*number)),
            None => "NOT REFUSED".to_owned(),
        };
        refused += usize::from(error.is_some());
        output::line(&format!("{:18}  {outcome}", attempt.replace('_', " ")));
    }
    let landlock = ["none, this kernel has no Landlock", "some, this kernel knows an older one", "all"]
        .get(usize::from(landlock))
        .unwrap_or(&"unknown");
    output::line(&format!("{refused} of {} attempts refused; rules of Landlock that hold: {landlock}", attempts.len()));
    Ok(ExitCode::from(u8::from(refused < attempts.len())))
}
