//! `kuzet inventory`: which folders hold how many people's data of which kinds, from what the agent found.

use super::Failure;
use super::output;
use crate::config::{Config, FolderConfig};
use crate::store::{Held, Reader};
use clap::Args;
use kuzet_event::PersonKey;
use kuzet_incident::thousands;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::process::ExitCode;

/// Folders below a configured one that are told apart.
const DEPTH: usize = 1;

#[derive(Args)]
pub(super) struct Options {
    /// Print one JSON document (docs/schema/inventory-1.json)
    #[arg(long)]
    json: bool,
}

/// `kuzet.inventory/1` (docs/schema/inventory-1.json).
#[derive(Serialize)]
struct Report {
    schema: &'static str,
    /// Files that were looked at.
    files: u64,
    folders: Vec<Row>,
}

/// What one folder holds, with all below it.
#[derive(Default, Serialize)]
struct Row {
    /// Name of the configured folder.
    folder: String,
    /// Path, as it may be shown.
    path: String,
    /// Files in which something was found, or that could not be inspected.
    files: u64,
    /// Distinct people; of files with more than are kept at least so many.
    people: u64,
    people_at_least: bool,
    /// Values by kind.
    kinds: BTreeMap<String, u64>,
    /// Identity documents by kind.
    identity_documents: BTreeMap<String, u64>,
    encrypted: u64,
    /// Files every account may read.
    exposed: u64,
    /// Files that were not wholly inspected, by reason.
    missed: BTreeMap<String, u64>,
    #[serde(skip)]
    keys: HashSet<PersonKey>,
}

pub(super) fn inventory(config: Option<&Path>, options: &Options) -> Result<ExitCode, Failure> {
    let (config, _) = Config::load(config)?;
    let reader = Reader::open(&config.state).map_err(anyhow::Error::from)?;
    let mut rows: BTreeMap<(usize, String), Row> = BTreeMap::new();
    reader
        .inventory(&mut |held| {
            let Some((index, folder)) = of(&config.folders, &held.shown) else { return };
            let path = below(&folder.folder.path, &held.shown);
            let row = rows.entry((index, path.clone())).or_insert_with(|| Row {
                folder: folder.folder.name.clone(),
                path,
                ..Row::default()
            });
            row.add(held);
        })
        .map_err(anyhow::Error::from)?;
    let folders: Vec<Row> = rows.into_values().map(Row::counted).collect();
    let report =
        Report { schema: "kuzet.inventory/1", files: reader.inspected().map_err(anyhow::Error::from)?, folders };
    if options.json {
        output::json(&report)?;
    } else {
        print(&report);
    }
    Ok(ExitCode::SUCCESS)
}

/// The deepest configured folder that a path is in.
fn of<'a>(folders: &'a [FolderConfig], path: &str) -> Option<(usize, &'a FolderConfig)> {
    let within = |one: &&FolderConfig| {
        let rest = path.strip_prefix(one.folder.path.as_str());
        rest.is_some_and(|rest| rest.starts_with('/') || one.folder.path == "/")
    };
    let deepest = folders.iter().filter(within).max_by_key(|one| one.folder.path.len())?;
    Some((folders.iter().position(|one| one == deepest)?, deepest))
}

/// The folder of a file, at most [`DEPTH`] below the configured one.
fn below(folder: &str, path: &str) -> String {
    let rest = path.strip_prefix(folder).unwrap_or_default().trim_start_matches('/');
    let parts: Vec<&str> = rest.split('/').collect();
    let kept = parts.len().saturating_sub(1).min(DEPTH);
    std::iter::once(folder.trim_end_matches('/')).chain(parts[..kept].iter().copied()).collect::<Vec<&str>>().join("/")
}

impl Row {
    fn add(&mut self, held: Held) {
        let holding = held.holding;
        self.files += 1;
        self.people_at_least |= holding.persons > holding.people.len() as u64;
        self.people = self.people.max(holding.persons);
        self.keys.extend(&holding.people);
        for (kind, count) in &holding.kinds {
            *self.kinds.entry(kind.to_string()).or_default() += count;
        }
        for document in &holding.documents {
            *self.identity_documents.entry(document.kind.to_string()).or_default() += 1;
        }
        self.encrypted += u64::from(holding.encrypted);
        self.exposed += u64::from(holding.exposed);
        let reasons: BTreeSet<&str> = holding.missed.iter().map(|why| &**why).collect();
        for why in reasons {
            *self.missed.entry(why.to_owned()).or_default() += 1;
        }
    }

    fn counted(mut self) -> Row {
        self.people = self.people.max(self.keys.len() as u64);
        self.keys = HashSet::new();
        self
    }
}

fn print(report: &Report) {
    let list = |all: &BTreeMap<String, u64>| {
        all.iter().map(|(name, count)| format!("{name} {}", thousands(*count))).collect::<Vec<_>>().join(", ")
    };
    let row = |row: &Row| {
        let least = if row.people_at_least { ">= " } else { "" };
        vec![
            row.path.clone(),
            thousands(row.files),
            format!("{least}{}", thousands(row.people)),
            list(&row.kinds),
            list(&row.identity_documents),
            thousands(row.exposed),
            list(&row.missed),
        ]
    };
    let rows: Vec<Vec<String>> = report.folders.iter().map(row).collect();
    let head = ["folder", "files", "people", "kinds", "identity documents", "readable by all", "not inspected"];
    output::line(&format!("{} files looked at", thousands(report.files)));
    if rows.is_empty() {
        let nothing = "no file was looked at yet: kuzet run looks through the folders of its configuration, and kuzet status says how it is";
        output::line(if report.files == 0 { nothing } else { "nothing was found" });
        return;
    }
    output::fitted(&head, &rows).iter().for_each(|line| output::cut(line));
}

#[cfg(test)]
mod tests {
    use super::below;

    #[test]
    fn files_are_told_by_the_folder_below_the_configured_one() {
        assert_eq!(below("/srv/d", "/srv/d/a.docx"), "/srv/d");
        assert_eq!(below("/srv/d", "/srv/d/2026/03/a.docx"), "/srv/d/2026");
        assert_eq!(below("/", "/srv/a"), "/srv");
    }
}
