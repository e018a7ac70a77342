//! `kuzet rules`: what the Sigma rules are, whether they do what they say, and which of other people's are of use here.

mod coverage;
mod explain;
mod import;
mod list;
mod test;
mod text;

use super::{Failure, Json};
use crate::config::{Config, LoadedRules, RuleSettings};
use clap::Subcommand;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Subcommand)]
pub(super) enum Command {
    /// List the rules with their state, and what is wrong with those that were refused
    List(Json),
    /// Run the tests beside the rules: every .hit.jsonl must hit, no .miss.jsonl may
    Test(test::Options),
    /// Say what a rule looks for, which events can feed it, and why a record hits or not
    Explain(explain::Options),
    /// Say which rules of a folder are of use here, and copy those
    Import(import::Options),
    /// Say which techniques and clauses the rules cover, by the servers that feed them
    Coverage(Json),
}

pub(super) fn rules(config: Option<&Path>, command: Command) -> Result<ExitCode, Failure> {
    let (config, _) = Config::load(config)?;
    match command {
        Command::List(options) => list::list(&config.rules.load()?, options.json),
        Command::Test(options) => test::test(&config, &options),
        Command::Explain(options) => explain::explain(&config, &options),
        Command::Import(options) => import::import(&config, &options),
        Command::Coverage(options) => coverage::coverage(&config, options.json),
    }
}

/// The rules of `folders` alone, with the field maps and lists of the configuration.
fn of_folders(config: &Config, folders: &[PathBuf]) -> Result<LoadedRules, Failure> {
    let settings = RuleSettings { shipped: false, folders: folders.to_vec(), off: Vec::new(), ..config.rules.clone() };
    Ok(settings.load()?)
}

/// `database/postgresql/pgaudit`; `*` for what a rule leaves open.
fn logsource(of: &kuzet_sigma::LogSource) -> String {
    let parts = [&of.category, &of.product, &of.service];
    let shown: Vec<&str> = parts.iter().map(|part| part.as_deref().unwrap_or("*")).collect();
    shown.join("/").trim_end_matches("/*").to_owned()
}

/// The same in a word, where one is enough: `postgresql`, `any database`.
fn meant_for(of: &kuzet_sigma::LogSource) -> String {
    match (of.category.as_deref(), of.product.as_deref(), of.service.as_deref()) {
        (Some("database"), Some(product), None) => product.to_owned(),
        (Some("database"), Some(product), Some(service)) => format!("{product}/{service}"),
        (Some(category @ ("database" | "application")), None, None) => format!("any {category}"),
        _ => logsource(of),
    }
}
