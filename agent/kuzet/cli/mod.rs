//! What a person types. Each command is one file; only this room prints.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod canary;
mod check;
mod classify;
mod discover;
mod doctor;
mod geo;
mod incidents;
mod init;
mod inspected;
mod inventory;
mod output;
mod policy;
mod replay;
mod rules;
mod run;
mod scan;
mod sensor;
mod status;
mod worker;

use crate::config::Config;
use clap::{Args, Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Breach-detection agent for personal data: watches database access logs and tells incidents.
#[derive(Parser)]
#[command(name = "kuzet", version, disable_help_subcommand = true)]
struct Cli {
    /// Configuration file [default: /etc/kuzet/kuzet.toml if it exists, else what is found on this host]
    #[arg(long, short, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write a configuration for what is found on this host, and say what to do next
    Init(init::Options),
    /// Watch this host
    Run,
    /// Check the configuration, catalogue and policy
    Check(Json),
    /// Say what personal data is in files, documents, archives and pictures: counts, never values
    Classify(classify::Options),
    /// Say what personal data lies in the files below folders, by folder and kind
    Scan(scan::Options),
    /// Find the tables that hold personal data; reads samples, shows no value, writes the catalogue
    Discover(discover::Options),
    /// Rows and files of nobody: plant, list and remove them
    #[command(subcommand)]
    Canary(canary::Command),
    /// Run recorded logs through today's detectors; changes nothing
    Replay(replay::Options),
    /// Propose, show and explain the access policy
    #[command(subcommand)]
    Policy(policy::Command),
    /// List, test and explain the Sigma rules
    #[command(subcommand)]
    Rules(rules::Command),
    /// Say where addresses are, and install newer data that say so
    #[command(subcommand)]
    Geo(geo::Command),
    /// List, show and close incidents
    #[command(subcommand)]
    Incidents(incidents::Command),
    /// What the kernel tells of programs and connections, one JSON object a line; `run` starts it by itself
    #[command(hide = true)]
    Sensor(sensor::Options),
    /// Looks inside files that are handed to it; `classify` and `scan` start it by themselves
    #[command(hide = true)]
    Worker(worker::Options),
    /// Which folders hold how many people's data of which kinds
    Inventory(inventory::Options),
    /// How the agent on this host is doing
    Status(Json),
    /// How much is seen of each server, what is not and why, and how to mend it
    Doctor(doctor::Options),
}

/// Output for programs.
#[derive(Args)]
struct Json {
    /// Print JSON (schemas: docs/schema)
    #[arg(long)]
    json: bool,
}

/// Runs the command line. Exit codes: 0 done, 1 done and something is wrong (faults, unreadable files) or was found in files, 2 not
/// done.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let config = cli.config.as_deref();
    let result = match cli.command {
        Command::Init(options) => init::init(config, &options),
        Command::Run => run::run(config),
        Command::Check(options) => check::check(config, options.json),
        Command::Canary(command) => canary::canary(config, &command),
        Command::Classify(options) => classify::classify(config, &options),
        Command::Scan(options) => scan::scan(config, &options),
        Command::Discover(options) => discover::discover(config, &options),
        Command::Replay(options) => replay::replay(config, &options),
        Command::Policy(command) => policy::policy(config, command),
        Command::Rules(command) => rules::rules(config, command),
        Command::Geo(command) => geo::geo(config, command),
        Command::Incidents(command) => incidents::incidents(config, command),
        Command::Sensor(options) => sensor::sensor(&options),
        Command::Worker(options) => worker::worker(&options),
        Command::Inventory(options) => inventory::inventory(config, &options),
        Command::Status(options) => status::status(config, options.json),
        Command::Doctor(options) => doctor::doctor(config, &options),
    };
    result.unwrap_or_else(|failure| {
        failure.print();
        ExitCode::from(2)
    })
}

/// The state directory. An agent may run on the configuration before one that is broken now: then its faults are told and
/// what the agent recorded is shown all the same.
fn state(path: Option<&Path>) -> Result<PathBuf, Failure> {
    let faults = match Config::load(path) {
        Ok((config, _)) => return Ok(config.state),
        Err(faults) => Failure::Faults(faults),
    };
    match Config::state_of(path).filter(|state| crate::store::in_use(state)) {
        Some(state) => {
            faults.print();
            Ok(state)
        }
        None => Err(faults),
    }
}

/// Why a command was not done.
enum Failure {
    /// Faults in files that a person wrote, or in the state directory.
    Faults(Vec<kuzet_detect::Diagnostic>),
    /// Anything else, with its chain of causes.
    Other(anyhow::Error),
}

impl Failure {
    fn print(&self) {
        match self {
            Failure::Faults(faults) => {
                for fault in faults {
                    eprintln!("{fault}");
                }
            }
            Failure::Other(error) => eprintln!("error: {error:#}"),
        }
    }
}

impl From<Vec<kuzet_detect::Diagnostic>> for Failure {
    fn from(faults: Vec<kuzet_detect::Diagnostic>) -> Failure {
        Failure::Faults(faults)
    }
}

impl From<kuzet_detect::Diagnostic> for Failure {
    fn from(fault: kuzet_detect::Diagnostic) -> Failure {
        Failure::Faults(vec![fault])
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::Other(error)
    }
}
