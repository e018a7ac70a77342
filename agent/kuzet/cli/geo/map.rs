//! `kuzet geo map`: which stores hold whose data on this host, and where its connections ended.

use super::super::{Failure, output};
use crate::config::{Config, Content};
use crate::store::Reader;
use anyhow::Context;
use clap::Args;
use kuzet_detect::Reached;
use kuzet_event::{Count, Timestamp};
use kuzet_incident::thousands;
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;

#[derive(Args)]
pub(in crate::cli) struct Options {
    /// Only what is not known to be in Kazakhstan
    #[arg(long)]
    abroad: bool,
    /// Print JSON (docs/schema/geo-map-1.json)
    #[arg(long)]
    json: bool,
}

/// `kuzet.geo-map/1`.
#[derive(Serialize)]
struct Report {
    schema: &'static str,
    stores: Vec<Store>,
    destinations: Vec<Destination>,
}

#[derive(Serialize)]
struct Store {
    name: String,
    persons: Count,
    categories: Vec<String>,
}

#[derive(Serialize)]
struct Destination {
    recipient: Option<String>,
    name: Option<String>,
    address: Option<String>,
    verdict: String,
    country: Option<String>,
    bytes: u64,
    connections: u64,
    first: String,
    latest: String,
    programs: Vec<String>,
    accounts: Vec<String>,
    /// Stores whose data went there, as far as incidents join them.
    stores: Vec<String>,
}

pub(super) fn map(path: Option<&Path>, options: &Options) -> Result<ExitCode, Failure> {
    let state = super::super::state(path)?;
    let reader = Reader::open(&state).context("no map: has the agent run with this configuration?")?;
    let config = Config::load(path).map(|(config, _)| config).ok();
    let content = config.and_then(|config| Content::read(config.catalogue.as_deref(), None, None).ok());
    let stores: Vec<Store> =
        content.iter().flat_map(|content| content.catalogue.stores()).map(|store| store_of(store)).collect();
    let mut reached = reader.reached().context("no map")?;
    reached.retain(|one| !options.abroad || *one.verdict != *"domestic");
    reached.sort_by(|a, b| (b.sent, a.since).cmp(&(a.sent, b.since)));
    let destinations = reached.iter().map(|one| destination(one, &stores)).collect();
    let report = Report { schema: "kuzet.geo-map/1", stores, destinations };
    if options.json {
        output::json(&report)?;
    } else {
        print(&report);
    }
    Ok(ExitCode::SUCCESS)
}

fn store_of(store: &kuzet_detect::Store) -> Store {
    let categories = store.categories.iter().map(|code| code.to_string()).collect();
    Store { name: store.name.to_string(), persons: store.persons, categories }
}

fn destination(one: &Reached, stores: &[Store]) -> Destination {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let list = |list: &[std::sync::Arc<str>]| list.iter().map(|one| one.to_string()).collect();
    Destination {
        recipient: some(&one.recipient),
        name: some(&one.name),
        address: one.address.map(|address| address.to_string()),
        verdict: one.verdict.to_string(),
        country: some(&one.country),
        bytes: one.sent,
        connections: one.flows,
        first: Timestamp(one.since).to_string(),
        latest: Timestamp(one.latest).to_string(),
        programs: list(&one.programs),
        accounts: list(&one.accounts),
        stores: stores.iter().filter(|store| one.has(&store.name)).map(|store| store.name.clone()).collect(),
    }
}

fn print(report: &Report) {
    if report.stores.is_empty() {
        output::line("stores: none declared (kuzet discover writes a catalogue)");
    } else {
        let rows: Vec<Vec<String>> = report
            .stores
            .iter()
            .map(|store| {
                let persons = store.persons.known().map_or_else(|| "unknown".to_owned(), thousands);
                vec![store.name.clone(), persons, store.categories.join(", ")]
            })
            .collect();
        output::table(&["store", "people", "data"], &rows).iter().for_each(|line| output::cut(line));
    }
    output::line("");
    if report.destinations.is_empty() {
        output::line("no connection left this host's networks, as far as the sensor was told");
        return;
    }
    let rows: Vec<Vec<String>> = report
        .destinations
        .iter()
        .map(|one| {
            let place =
                one.country.as_ref().map_or(one.verdict.clone(), |country| format!("{} {country}", one.verdict));
            let to =
                one.recipient.clone().or_else(|| one.name.clone()).or_else(|| one.address.clone()).unwrap_or_default();
            let kind = if one.recipient.is_some() { "registered" } else { "-" };
            let held = if one.stores.is_empty() { "-".to_owned() } else { one.stores.join(", ") };
            vec![
                to,
                place,
                kind.to_owned(),
                thousands(one.bytes),
                thousands(one.connections),
                one.programs.join(", "),
                held,
                one.latest.get(..16).unwrap_or_default().replace('T', " "),
            ]
        })
        .collect();
    let header = ["to", "place", "recipient", "bytes", "ended", "by", "data of", "latest (UTC)"];
    output::table(&header, &rows).iter().for_each(|line| output::cut(line));
}
