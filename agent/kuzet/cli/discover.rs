//! `kuzet discover`: which tables hold personal data, and what of it the catalogue does not say yet.

use super::Failure;
use super::output;
use crate::clock::{self, Clock};
use crate::config::{Config, read_guarded};
use crate::database::{Connection, DatabaseConfig, Fault, from_environment, process_environment};
use crate::discover::{
    Change, Difference, Found, Limits, Looked, Relation, Sort, StoreFound, Survey, catalogue, difference, stores,
    survey, write,
};
use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use kuzet_detect::{Catalogue, Diagnostic};
use kuzet_event::System;
use kuzet_incident::thousands;
use kuzet_personal::mask_identifiers;
use serde::Serialize;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Args)]
pub(super) struct Options {
    /// Names of [[database]] entries [default: all of the configuration]
    #[arg(value_name = "DATABASE")]
    names: Vec<String>,
    /// Connect as psql or mariadb would: their environment variables and pass files (postgresql, mariadb, mysql)
    #[arg(long, value_name = "SYSTEM", conflicts_with = "names")]
    environment: Option<String>,
    /// Catalogue to compare with and to write [default: the configuration's]
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,
    /// Add what is new to the catalogue; what is written there stays
    #[arg(long)]
    write: bool,
    /// Print JSON (docs/schema/discover-1.json)
    #[arg(long)]
    json: bool,
}

/// `kuzet.discover/1` (docs/schema/discover-1.json).
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    databases: Vec<Database<'a>>,
    stores: Vec<Store<'a>>,
    /// Tables of no store in which something may be.
    doubts: Vec<Table<'a>>,
    not_looked_at: Vec<NotLooked<'a>>,
    catalogue: Option<String>,
    changes: &'a [Change],
    written: bool,
}

#[derive(Serialize)]
struct Database<'a> {
    system: &'static str,
    version: &'a str,
    database: &'a str,
    relations: usize,
    looked_at: usize,
}

#[derive(Serialize)]
struct Store<'a> {
    name: &'a str,
    system: &'static str,
    persons: Option<u64>,
    tables: Vec<Table<'a>>,
}

#[derive(Serialize)]
struct Table<'a> {
    name: String,
    sort: Sort,
    why: String,
    rows: Option<u64>,
    rows_looked_at: Option<usize>,
    columns: Vec<Column<'a>>,
}

#[derive(Serialize)]
struct Column<'a> {
    name: String,
    sql_type: &'a str,
    identifies: bool,
    found: &'a [Found],
}

#[derive(Serialize)]
struct NotLooked<'a> {
    table: String,
    sort: Sort,
    why: &'a str,
}

pub(super) fn discover(path: Option<&Path>, options: &Options) -> Result<ExitCode, Failure> {
    let (config, _) = Config::load(path)?;
    let chosen = choose(&config, options)?;
    let file = options.catalogue.clone().or_else(|| config.catalogue.clone());
    if options.write && file.is_none() {
        let help = "no catalogue is configured: name the file with --catalogue FILE";
        return Err(anyhow::anyhow!(help).into());
    }
    // Before any server is asked: a file that cannot be read is not a reason to look for a minute first.
    let existing = match &file {
        Some(file) if file.exists() => Some((read_guarded(file)?, file.display().to_string())),
        _ => None,
    };
    let known = existing.as_ref().map(|(text, name)| Catalogue::parse(text, name)).transpose()?;
    let mut surveys = Vec::new();
    for database in &chosen {
        let mut found = look(database, options.json)?;
        if let Some(known) = &known {
            found.deny(known);
        }
        surveys.push(found);
    }
    let stores = stores(&mut surveys);
    let seen = match &existing {
        Some((text, name)) => difference(text, name, &surveys, &stores)?,
        None => Difference { changes: Vec::new(), text: catalogue(&surveys, &stores) },
    };
    let new = existing.is_none() && !stores.is_empty() || seen.changes.iter().any(|change| change.kind.is_new());
    let written = options.write && new;
    if let (true, Some(file)) = (written, &file) {
        write(file, &seen.text).with_context(|| format!("{} was not written", file.display()))?;
    }
    let report = report(&surveys, &stores, file.as_deref(), &seen.changes, written);
    if options.json {
        output::json(&report)?;
    } else {
        print(&report, existing.is_some(), new && !written);
    }
    let wrong = (new && !written) || !report.not_looked_at.is_empty();
    Ok(ExitCode::from(u8::from(wrong)))
}

/// The databases that are meant.
fn choose(config: &Config, options: &Options) -> Result<Vec<DatabaseConfig>, Failure> {
    if let Some(word) = &options.environment {
        let system = match word.as_str() {
            "postgresql" | "postgres" => System::Postgresql,
            "mariadb" => System::Mariadb,
            "mysql" => System::Mysql,
            _ => return Err(anyhow::anyhow!("--environment {word}: postgresql, mariadb or mysql").into()),
        };
        let (found, warnings) = from_environment(system, &process_environment).map_err(faults)?;
        for warning in faults(warnings) {
            tracing::warn!("{warning}");
        }
        return Ok(vec![found]);
    }
    if config.databases.is_empty() {
        let help = "no [[database]] is configured: see docs/discover.md, or connect as the client would with --environment postgresql";
        return Err(anyhow::anyhow!(help).into());
    }
    let mut chosen = Vec::new();
    for name in &options.names {
        let found = config.databases.iter().find(|database| database.name == *name);
        let known: Vec<&str> = config.databases.iter().map(|database| database.name.as_str()).collect();
        let found =
            found.with_context(|| format!("no [[database]] is called {name}; there is {}", known.join(", ")))?;
        chosen.push(found.clone());
    }
    Ok(if chosen.is_empty() { config.databases.clone() } else { chosen })
}

fn faults(found: Vec<Fault>) -> Vec<Diagnostic> {
    let told = |fault: Fault| Diagnostic {
        code: fault.code.to_owned(),
        file: "environment".to_owned(),
        line: 0,
        column: 0,
        message: fault.message,
        help: fault.help.to_owned(),
        warning: fault.warning,
    };
    found.into_iter().map(told).collect()
}

fn look(database: &DatabaseConfig, quiet: bool) -> Result<Survey, Failure> {
    let clock: Arc<dyn Clock> = Arc::new(clock::System);
    let limits = Limits::default();
    let bar = if !quiet && std::io::stderr().is_terminal() { ProgressBar::new(1) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{msg} {pos} of {len} tables {wide_bar} {eta}") {
        bar.set_style(style);
    }
    bar.set_message(database.name.clone());
    let mut open = || Connection::open(database, limits.statement, Arc::clone(&clock));
    let mut progress = |done: usize, of: usize| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    };
    let found = survey(database.system, &database.database, &mut open, limits, &clock, &mut progress);
    bar.finish_and_clear();
    found.map_err(|error| {
        let told = anyhow::anyhow!("{} ({}): {error}; {}", database.name, database.target, error.help());
        Failure::Other(told)
    })
}

fn report<'a>(
    surveys: &'a [Survey],
    stores: &'a [StoreFound],
    file: Option<&Path>,
    changes: &'a [Change],
    written: bool,
) -> Report<'a> {
    let databases = surveys.iter().map(|survey| Database {
        system: survey.system.name(),
        version: &survey.version,
        database: &survey.database,
        relations: survey.relations.len(),
        looked_at: survey.relations.iter().filter(|relation| !matches!(relation.looked, Looked::Not(_))).count(),
    });
    let of_store = |found: &'a StoreFound| {
        let survey = &surveys[found.survey];
        let tables = found.members.iter().map(|member| table(&survey.relations[member.relation], &member.why));
        Store { name: &found.name, system: survey.system.name(), persons: found.persons, tables: tables.collect() }
    };
    let mut doubts = Vec::new();
    for (at, survey) in surveys.iter().enumerate() {
        let inside = |relation: usize| {
            let of = |store: &StoreFound| {
                store.survey == at && store.members.iter().any(|member| member.relation == relation)
            };
            stores.iter().any(of)
        };
        let outside = survey.relations.iter().enumerate().filter(|(relation, _)| !inside(*relation));
        doubts.extend(outside.map(|(_, relation)| table(relation, "")).filter(|table| !table.columns.is_empty()));
    }
    let not_looked_at = surveys.iter().flat_map(|survey| &survey.relations).filter_map(|relation| {
        let why = match &relation.looked {
            Looked::Not(why) => why,
            _ => relation.limited.as_ref()?,
        };
        Some(NotLooked { table: shown(&relation.title()), sort: relation.sort, why })
    });
    Report {
        schema: "kuzet.discover/1",
        databases: databases.collect(),
        stores: stores.iter().map(of_store).collect(),
        doubts,
        not_looked_at: not_looked_at.collect(),
        catalogue: file.map(|file| file.display().to_string()),
        changes,
        written,
    }
}

fn shown(name: &str) -> String {
    mask_identifiers(name).into_owned()
}

/// A relation with the columns in which something is, or may be.
fn table<'a>(relation: &'a Relation, why: &str) -> Table<'a> {
    let told = relation.columns.iter().filter(|column| column.identifies || !column.found.is_empty());
    let columns = told.map(|column| Column {
        name: shown(&column.name),
        sql_type: &column.sql_type,
        identifies: column.identifies,
        found: &column.found,
    });
    Table {
        name: shown(&relation.title()),
        sort: relation.sort,
        why: shown(why),
        rows: relation.rows,
        rows_looked_at: match relation.looked {
            Looked::At(rows) => Some(rows),
            _ => None,
        },
        columns: columns.collect(),
    }
}

fn print(report: &Report<'_>, existing: bool, unwritten: bool) {
    for one in &report.databases {
        let database = if one.database.is_empty() { String::new() } else { format!(", database {}", one.database) };
        let (all, looked) = (one.relations, one.looked_at);
        output::line(&format!(
            "{} {}{database}: {looked} of {all} tables and views looked at",
            one.system, one.version
        ));
    }
    for store in &report.stores {
        let persons = store
            .persons
            .map_or("an unknown number of".to_owned(), |number| format!("at most about {}", thousands(number)));
        output::line(&format!("\nstore {} ({}), {persons} people", store.name, store.system));
        store.tables.iter().for_each(print_table);
    }
    if !report.doubts.is_empty() {
        output::line("\nperhaps, and in no store:");
        report.doubts.iter().for_each(print_table);
    }
    if !report.not_looked_at.is_empty() {
        output::line("\nnot looked at, so not clean:");
        for one in &report.not_looked_at {
            output::line(&format!("  {} ({}): {}", one.table, one.sort.name(), one.why));
        }
    }
    if existing {
        output::line(&format!(
            "\n{} differences from {}",
            report.changes.len(),
            report.catalogue.as_deref().unwrap_or("")
        ));
    }
    for change in report.changes {
        output::line(&format!("  {:10}  {}  {}: {}", change.kind.name(), change.store, change.name, change.what));
    }
    output::line("");
    output::line(&match (&report.catalogue, report.written, unwritten) {
        (Some(file), true, _) => format!("written: {file} (kuzet check reads it; give each store its owner)"),
        (Some(_), _, true) => "nothing was written: --write adds what is new and leaves the rest".to_owned(),
        (None, _, true) => "nothing was written: --catalogue FILE --write writes it down".to_owned(),
        _ => "nothing new".to_owned(),
    });
}

fn print_table(table: &Table<'_>) {
    let rows = table.rows.map_or(String::new(), |rows| format!(", about {} rows", thousands(rows)));
    let looked = table.rows_looked_at.map_or(String::new(), |rows| format!(", {} looked at", thousands(rows as u64)));
    let what = if table.why.is_empty() { table.sort.name() } else { &table.why };
    output::line(&format!("  {}: {what}{rows}{looked}", table.name));
    let mut cells = Vec::new();
    for column in &table.columns {
        let key = if column.identifies { "stands for a person" } else { "" };
        if column.found.is_empty() {
            cells.push([&column.name, "", "", key].map(|cell| format!("    {cell}").trim_end().to_owned()).to_vec());
        }
        for found in column.found {
            let sure = format!("{} %", found.confidence);
            cells.push(vec![format!("    {}", column.name), found.category.to_owned(), sure, shown(&found.evidence)]);
        }
    }
    if !cells.is_empty() {
        output::table(&["    column", "category", "sure", "why"], &cells).iter().for_each(|line| output::line(line));
    }
}
