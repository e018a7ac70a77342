//! `kuzet canary`: rows and files of nobody. Prints the SQL that plants and removes them; runs it only when told to, and never
//! without the operator's yes.

mod columns;
mod sql;

use super::{Failure, output};
use crate::clock::{self, Clock};
use crate::config::{Config, Content};
use crate::database::{Connection, DatabaseConfig};
use crate::state;
use crate::store::{Canary, Reader, StoreErrorKind};
use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use kuzet_detect::{Catalogue, Planted, RESERVED, key_hash, reserved_iin};
use kuzet_event::System;
use kuzet_personal::{Key, Kind, mask_value};
use serde::Serialize;
use sql::{Person, Table};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Time for one statement.
const STATEMENT: Duration = Duration::from_secs(5);

#[derive(Subcommand)]
pub(super) enum Command {
    /// Print the SQL that plants rows of nobody in a store, and watch them; runs nothing without --yes
    Plant(Plant),
    /// Where canaries stand; never a whole number
    List(super::Json),
    /// Print the SQL that takes rows out again, and watch them no more; runs nothing without --yes
    Remove(Remove),
    /// Print a list of people who are nobody, for a file that nobody has to open
    File(File),
}

#[derive(Args)]
pub(super) struct Plant {
    /// Store of the catalogue
    #[arg(long)]
    store: String,
    /// [[database]] whose server holds it: its columns are asked for, and with --yes the SQL is run through it
    #[arg(long, value_name = "NAME")]
    database: String,
    /// Table, if the store has several with an IIN
    #[arg(long)]
    table: Option<String>,
    /// How many rows
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=32))]
    count: u16,
    /// Run the SQL; the role of the connection must be allowed to insert
    #[arg(long)]
    yes: bool,
}

#[derive(Args)]
pub(super) struct Remove {
    /// Canaries by their names (c17)
    #[arg(required_unless_present = "all", value_name = "CANARY")]
    names: Vec<String>,
    /// All of them
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// Run the SQL through the [[database]] that they were planted with
    #[arg(long)]
    yes: bool,
}

#[derive(Args)]
pub(super) struct File {
    /// How many people
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=64))]
    count: u16,
}

/// `kuzet.canaries/1` (docs/schema/canaries-1.json).
#[derive(Serialize)]
struct Report {
    schema: &'static str,
    canaries: Vec<Shown>,
}

#[derive(Serialize)]
struct Shown {
    name: String,
    store: String,
    database: String,
    table: String,
    /// Masked.
    iin: String,
    /// Whether its row is known by its key, too.
    by_key: bool,
    since: String,
    /// `planted` by the agent, or `printed` for a person to plant.
    state: &'static str,
}

pub(super) fn canary(path: Option<&Path>, command: &Command) -> Result<ExitCode, Failure> {
    let (config, _) = Config::load(path)?;
    let none = "the agent has not run here yet: canaries follow from the key that it makes at its first start";
    let key = state::key_if_any(&config.state)?.ok_or_else(|| anyhow!(none))?;
    match command {
        Command::Plant(options) => plant(&config, &key, options),
        Command::List(options) => list(&config, &key, options.json),
        Command::Remove(options) => remove(&config, &key, options),
        Command::File(options) => file(&key, options),
    }
}

fn known(config: &Config) -> Result<Vec<Canary>, Failure> {
    match Reader::open(&config.state).and_then(|reader| reader.canaries()) {
        Ok(known) => Ok(known),
        Err(error) if error.kind == StoreErrorKind::Missing => {
            Err(anyhow!("there is no store yet: start the agent once").into())
        }
        Err(error) => Err(anyhow::Error::from(error).into()),
    }
}

fn person(key: &Key, number: u16) -> Person {
    Person { iin: reserved_iin(key, number), bits: key.pseudonym("canary person", &number.to_le_bytes()) }
}

fn database<'a>(config: &'a Config, name: &str) -> Result<&'a DatabaseConfig, Failure> {
    let found = config.databases.iter().find(|database| database.name == name);
    let there = || config.databases.iter().map(|one| one.name.as_str()).collect::<Vec<_>>().join(", ");
    Ok(found.with_context(|| format!("no [[database]] is called \"{name}\"; there is: {}", there()))?)
}

fn connect(database: &DatabaseConfig) -> Result<Connection, Failure> {
    let opened = Connection::open(database, STATEMENT, Arc::new(clock::System));
    Ok(opened.with_context(|| format!("cannot ask {}", database.name))?)
}

/// Runs what the operator said yes to, all or nothing, in the one session of the agent that may write.
fn run(database: &DatabaseConfig, statements: &[String]) -> Result<(), Failure> {
    let mut connection = connect(database)?;
    let begin: &[&str] = match database.system {
        System::Postgresql => &["BEGIN READ WRITE"],
        _ => &["SET SESSION TRANSACTION READ WRITE", "START TRANSACTION"],
    };
    let all = begin.iter().copied().chain(statements.iter().map(String::as_str)).chain(["COMMIT"]);
    for sql in all {
        let refused = "the server refuses it, and nothing was changed; print the SQL without --yes for a role that may";
        connection.query(sql.trim_end_matches(';'), 1).context(refused)?;
    }
    Ok(())
}

fn plant(config: &Config, key: &Key, options: &Plant) -> Result<ExitCode, Failure> {
    let content = Content::load(config)?;
    let database = database(config, &options.database)?;
    let known = known(config)?;
    let table = table(&content.catalogue, database, options)?;
    let iin = table.iin().map(|column| column.name.clone()).context("the table has no column of IINs")?;
    let free = (0..RESERVED).filter(|number| !known.iter().any(|one| one.planted.number == *number));
    let (mut statements, mut canaries) = (Vec::new(), Vec::new());
    for number in free.take(usize::from(options.count)) {
        let insert = table.insert(&person(key, number)).map_err(|column| {
            anyhow!("column {column} must be given, and its type is not known here: give it a default for the time of planting")
        })?;
        let row = insert.key.map(|(column, value)| key_hash(key, &column, &value));
        statements.push(insert.sql);
        canaries.push(Canary {
            planted: Planted { number, table: table.name.clone(), key: row, removed: false },
            store: options.store.clone(),
            system: database.system,
            database: database.name.clone(),
            schema: table.schema.clone(),
            column: iin.clone(),
            at: clock::System.wall(),
            ran: options.yes,
        });
    }
    if canaries.len() < usize::from(options.count) {
        return Err(anyhow!("all {RESERVED} numbers of this host are used").into());
    }
    if options.yes {
        run(database, &statements)?;
    }
    Reader::keep_canaries(&config.state, &canaries).map_err(anyhow::Error::from)?;
    told(&statements, options.yes, &canaries, "planted");
    Ok(ExitCode::SUCCESS)
}

/// The table of the store that takes the rows, with its columns.
fn table(catalogue: &Catalogue, database: &DatabaseConfig, options: &Plant) -> Result<Table, Failure> {
    let store = catalogue.known().find(|known| *known.store().name == *options.store);
    let names: Vec<&str> = catalogue.stores().map(|store| store.name.as_ref()).collect();
    let store = store
        .with_context(|| format!("the catalogue has no store \"{}\"; it has: {}", options.store, names.join(", ")))?;
    let mut connection = connect(database)?;
    let wanted = |name: &str| options.table.as_deref().is_none_or(|table| table.eq_ignore_ascii_case(name));
    for (schema, name) in store.tables().filter(|(_, name)| wanted(name)) {
        let asked = columns::ask(&mut connection, database.system, schema, name, &store);
        let found = asked.with_context(|| format!("cannot look at {name}"))?;
        if let Some(table) = found.filter(|table| table.iin().is_some()) {
            return Ok(table);
        }
    }
    let help = "no table of the store has a column of IINs that this connection sees; name one with --table, or look with \
                `kuzet discover`";
    Err(anyhow!(help).into())
}

fn told(statements: &[String], ran: bool, canaries: &[Canary], what: &str) {
    for statement in statements {
        output::line(statement);
    }
    let names: Vec<String> = canaries.iter().map(|one| format!("c{}", one.planted.number)).collect();
    let names = names.join(", ");
    output::note(&match ran {
        true => format!("{what}: {names}"),
        false => format!("nothing was run: give this SQL to a role that may change the table ({names})"),
    });
}

fn list(config: &Config, key: &Key, json: bool) -> Result<ExitCode, Failure> {
    let standing = known(config)?.into_iter().filter(|one| !one.planted.removed);
    let shown = standing.map(|one| Shown {
        name: format!("c{}", one.planted.number),
        store: one.store,
        database: one.database,
        table: one.planted.table,
        iin: mask_value(Kind::Iin, reserved_iin(key, one.planted.number).as_bytes()),
        by_key: one.planted.key.is_some(),
        since: one.at.to_string(),
        state: if one.ran { "planted" } else { "printed" },
    });
    let report = Report { schema: "kuzet.canaries/1", canaries: shown.collect() };
    if json {
        output::json(&report)?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |one: &Shown| {
        let key = if one.by_key { "number, key" } else { "number" };
        [&one.name, &one.store, &one.database, &one.table, &one.iin, key, one.state, &one.since]
            .map(str::to_owned)
            .to_vec()
    };
    let rows: Vec<Vec<String>> = report.canaries.iter().map(row).collect();
    let header = ["canary", "store", "database", "table", "IIN", "known by", "state", "since"];
    output::table(&header, &rows).iter().for_each(|line| output::line(line));
    Ok(ExitCode::SUCCESS)
}

fn remove(config: &Config, key: &Key, options: &Remove) -> Result<ExitCode, Failure> {
    let standing: Vec<Canary> = known(config)?.into_iter().filter(|one| !one.planted.removed).collect();
    let named = |one: &&Canary| options.all || options.names.contains(&format!("c{}", one.planted.number));
    let mut chosen: Vec<Canary> = standing.iter().filter(named).cloned().collect();
    if let Some(name) =
        options.names.iter().find(|name| !standing.iter().any(|one| format!("c{}", one.planted.number) == **name))
    {
        return Err(anyhow!("no canary {name} stands; see `kuzet canary list`").into());
    }
    let mut statements = Vec::new();
    for one in &mut chosen {
        let (name, schema) = (one.planted.table.clone(), one.schema.clone());
        let table = Table { system: one.system, schema, name, columns: Vec::new() };
        statements.push(table.delete(&one.column, &reserved_iin(key, one.planted.number)));
        one.planted.removed = true;
    }
    // First nobody watches them any more: to take them out is to touch them.
    Reader::keep_canaries(&config.state, &chosen).map_err(anyhow::Error::from)?;
    if options.yes {
        for one in &mut chosen {
            let sql = statements.iter().filter(|sql| sql.contains(&reserved_iin(key, one.planted.number)));
            let sql: Vec<String> = sql.cloned().collect();
            if let Err(failure) = database(config, &one.database).and_then(|database| run(database, &sql)) {
                one.planted.removed = false;
                Reader::keep_canaries(&config.state, std::slice::from_ref(one)).map_err(anyhow::Error::from)?;
                return Err(failure);
            }
        }
    }
    told(&statements, options.yes, &chosen, "removed");
    Ok(ExitCode::SUCCESS)
}

/// The last numbers of the host, so that rows and files do not share them.
fn file(key: &Key, options: &File) -> Result<ExitCode, Failure> {
    output::line("ИИН;ФИО;Дата рождения;Телефон");
    for number in (0..RESERVED).rev().take(usize::from(options.count)) {
        let one = person(key, number);
        output::line(&format!("{};{};{};{}", one.iin, one.full_name(), one.birth(), one.phone()));
    }
    Ok(ExitCode::SUCCESS)
}
