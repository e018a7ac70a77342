//! `kuzet geo`: where addresses are, and newer data that say so.

mod map;
mod mmdb;
mod update;

use super::{Failure, output};
use crate::clock::{self, Clock};
use crate::config::Config;
use clap::{Args, Subcommand};
use kuzet_detect::{Destination, Recipient};
use kuzet_place::{Answer, Country};
use serde::Serialize;
use std::net::IpAddr;
use std::path::Path;
use std::process::ExitCode;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Say where addresses are registered, and which data say so
    Lookup(Lookup),
    /// Show which stores hold whose data, and where connections of this host ended
    Map(map::Options),
    /// Check a newer list of address blocks, say what it changes for Kazakhstan, and install it
    Update(update::Options),
}

#[derive(Args)]
pub(super) struct Lookup {
    /// Addresses, IPv4 or IPv6
    #[arg(required = true, value_name = "ADDRESS")]
    addresses: Vec<IpAddr>,
    /// Name that a client would ask for there, for the register of recipients
    #[arg(long)]
    name: Option<String>,
    /// Port, for the register of recipients
    #[arg(long)]
    port: Option<u16>,
    /// Print JSON (docs/schema/geo-lookup-1.json)
    #[arg(long)]
    json: bool,
}

/// `kuzet.geo-lookup/1`.
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    answers: Vec<Told<'a>>,
}

#[derive(Serialize)]
struct Told<'a> {
    address: IpAddr,
    verdict: &'static str,
    detail: Option<&'static str>,
    country: Option<String>,
    block: [IpAddr; 2],
    inside: Option<std::net::Ipv4Addr>,
    operator: Option<&'a str>,
    source: Option<Source<'a>>,
    recipient: Option<Receiving<'a>>,
}

#[derive(Serialize)]
struct Source<'a> {
    name: &'a str,
    date: String,
}

#[derive(Serialize)]
struct Receiving<'a> {
    name: &'a str,
    country: String,
    verdict: &'static str,
    basis: &'static str,
    categories: &'a [String],
}

pub(super) fn geo(config: Option<&Path>, command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Lookup(options) => lookup(config, &options),
        Command::Map(options) => map::map(config, &options),
        Command::Update(options) => update::update(config, &options),
    }
}

fn lookup(config: Option<&Path>, options: &Lookup) -> Result<ExitCode, Failure> {
    let (config, _) = Config::load(config)?;
    let loaded = config.place.load(&config.state)?;
    let now = clock::System.wall();
    let of = |address: &IpAddr| {
        let destination = Destination { address: Some(*address), name: options.name.as_deref(), port: options.port };
        let recipient = loaded.recipients.find(&destination, now);
        let verdict = |country: Country| loaded.place.of_country(country).name();
        told(*address, &loaded.place.explain(*address), recipient, verdict)
    };
    let answers: Vec<Told<'_>> = options.addresses.iter().map(of).collect();
    if options.json {
        output::json(&Report { schema: "kuzet.geo-lookup/1", answers })?;
    } else {
        let rows: Vec<Vec<String>> = answers.iter().map(row).collect();
        let header = ["address", "verdict", "country", "block", "recipient", "data of"];
        output::table(&header, &rows).iter().for_each(|line| output::line(line));
        let mut sources: Vec<&Source<'_>> = answers.iter().filter_map(|told| told.source.as_ref()).collect();
        sources.sort_by_key(|source| (&source.date, source.name));
        sources.dedup_by_key(|source| (&source.date, source.name));
        sources.iter().for_each(|source| output::line(&format!("{}: {}", source.date, source.name)));
    }
    if let Some((message, help)) = loaded.old(now) {
        output::note(&format!("{message}\n{help}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn told<'a>(
    address: IpAddr,
    answer: &Answer<'a>,
    recipient: Option<&'a Recipient>,
    verdict: impl Fn(Country) -> &'static str,
) -> Told<'a> {
    Told {
        address,
        verdict: answer.verdict.name(),
        detail: answer.verdict.detail(),
        country: answer.verdict.country().map(|country| country.to_string()),
        block: [answer.block.0, answer.block.1],
        inside: answer.inside,
        operator: answer.operator,
        source: answer.source.map(|source| Source { name: &source.name, date: source.date.to_string() }),
        recipient: recipient.map(|one| Receiving {
            name: &one.name,
            country: one.country.to_string(),
            verdict: verdict(one.country),
            basis: one.basis.name(),
            categories: &one.categories,
        }),
    }
}

fn row(told: &Told<'_>) -> Vec<String> {
    let detail = [told.detail, told.operator].into_iter().flatten().collect::<Vec<_>>().join(": ");
    let verdict = if detail.is_empty() { told.verdict.to_owned() } else { format!("{} ({detail})", told.verdict) };
    let dash = || "-".to_owned();
    let inside = told.inside.map_or_else(String::new, |inside| format!(" (holds {inside})"));
    vec![
        format!("{}{inside}", told.address),
        verdict,
        told.country.clone().unwrap_or_else(dash),
        format!("{} - {}", told.block[0], told.block[1]),
        told.recipient.as_ref().map_or_else(dash, |one| format!("{} ({}, {})", one.name, one.country, one.verdict)),
        told.source.as_ref().map_or_else(dash, |source| source.date.clone()),
    ]
}
