//! What MariaDB's and MySQL's information schema tells of its tables, and how rows of them are sampled.

use super::survey::{MOST, Session};
use super::{Column, Looked, Relation, Sort};
use crate::database::DatabaseError;
use kuzet_decode::{Analyzer, Parameters};
use kuzet_event::System;
use kuzet_personal::Key;
use std::collections::BTreeMap;

const MOST_COLUMNS: usize = 100_000;

/// Engines whose rows stand elsewhere.
const ELSEWHERE: [&str; 4] = ["FEDERATED", "SPIDER", "CONNECT", "BLACKHOLE"];

/// Schemas of the server itself, or all but one when a database is given.
fn wanted(database: &str) -> String {
    match database {
        "" => "NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')".to_owned(),
        name => format!("= {}", literal(name)),
    }
}

type Places = BTreeMap<(String, String), usize>;

/// What the account may see: MariaDB lists nothing else.
pub(super) fn relations(session: &mut Session<'_>, database: &str) -> Result<Vec<Relation>, DatabaseError> {
    let wanted = wanted(database);
    let sql = format!(
        "SELECT table_schema, table_name, table_type, table_rows, engine FROM information_schema.tables \
         WHERE table_schema {wanted} AND table_type <> 'SEQUENCE' ORDER BY table_schema, table_name"
    );
    let mut all = Vec::new();
    let mut places = Places::new();
    for row in session.ask(&sql, MOST)?.iter() {
        let text = |at: usize| row.text(at).unwrap_or_default().to_owned();
        let elsewhere = row.text(4).is_some_and(|engine| ELSEWHERE.contains(&engine.to_uppercase().as_str()));
        let sort = match row.text(2) {
            Some("VIEW") => Sort::View,
            _ if elsewhere => Sort::Foreign,
            _ => Sort::Table,
        };
        let looked = match sort {
            Sort::Foreign => Looked::Not("it stands on another server: look there".to_owned()),
            _ => Looked::At(0),
        };
        places.insert((text(0), text(1)), all.len());
        all.push(Relation {
            schema: text(0),
            name: text(1),
            sort,
            rows: row.number(3).filter(|_| sort == Sort::Table),
            columns: Vec::new(),
            key: None,
            references: Vec::new(),
            from: Vec::new(),
            looked,
            limited: None,
        });
    }
    columns(session, &wanted, &mut all, &places)?;
    keys(session, &wanted, &mut all, &places)?;
    views(session, &wanted, &mut all, &places)?;
    Ok(all)
}

fn place(row: &crate::database::Row<'_>, places: &Places, at: usize) -> Option<usize> {
    places.get(&(row.text(at)?.to_owned(), row.text(at + 1)?.to_owned())).copied()
}

fn columns(
    session: &mut Session<'_>,
    wanted: &str,
    all: &mut [Relation],
    places: &Places,
) -> Result<(), DatabaseError> {
    let sql = format!(
        "SELECT table_schema, table_name, column_name, column_type, privileges FROM information_schema.columns \
         WHERE table_schema {wanted} ORDER BY table_schema, table_name, ordinal_position"
    );
    for row in session.ask(&sql, MOST_COLUMNS)?.iter() {
        let Some(at) = place(&row, places, 0) else { continue };
        all[at].columns.push(Column {
            name: row.text(2).unwrap_or_default().to_owned(),
            sql_type: row.text(3).unwrap_or_default().to_owned(),
            readable: row.text(4).is_some_and(|rights| rights.contains("select")),
            ..Column::default()
        });
    }
    Ok(())
}

fn keys(session: &mut Session<'_>, wanted: &str, all: &mut [Relation], places: &Places) -> Result<(), DatabaseError> {
    let sql = format!(
        "SELECT table_schema, table_name, column_name, max(cardinality), max(index_name = 'PRIMARY'), \
         (SELECT count(*) FROM information_schema.statistics p WHERE p.table_schema = s.table_schema \
         AND p.table_name = s.table_name AND p.index_name = 'PRIMARY') FROM information_schema.statistics s \
         WHERE table_schema {wanted} AND seq_in_index = 1 GROUP BY table_schema, table_name, column_name"
    );
    for row in session.ask(&sql, MOST_COLUMNS)?.iter() {
        let Some(at) = place(&row, places, 0) else { continue };
        let name = row.text(2).unwrap_or_default();
        if row.number(4) == Some(1) && row.number(5) == Some(1) {
            all[at].key = Some(name.to_owned());
        }
        if let Some(column) = all[at].columns.iter_mut().find(|column| column.name == name) {
            column.distinct = row.number(3).filter(|number| *number > 0);
        }
    }
    let sql = format!(
        "SELECT table_schema, table_name, referenced_table_schema, referenced_table_name, max(column_name), count(*) \
         FROM information_schema.key_column_usage WHERE table_schema {wanted} AND referenced_table_name IS NOT NULL \
         GROUP BY table_schema, table_name, constraint_name, referenced_table_schema, referenced_table_name"
    );
    for row in session.ask(&sql, MOST_COLUMNS)?.iter() {
        let (Some(at), Some(to)) = (place(&row, places, 0), place(&row, places, 2)) else { continue };
        if row.number(5) == Some(1) && at != to {
            all[at].references.push((row.text(4).unwrap_or_default().to_owned(), to));
        }
    }
    Ok(())
}

/// Views name their tables in their definition only, and that only to who may see it.
fn views(session: &mut Session<'_>, wanted: &str, all: &mut [Relation], places: &Places) -> Result<(), DatabaseError> {
    let sql = format!(
        "SELECT table_schema, table_name, view_definition FROM information_schema.views WHERE table_schema {wanted}"
    );
    let mut analyzer = Analyzer::new(System::Mariadb, Key::new([0; 32]));
    for row in session.ask(&sql, MOST)?.iter() {
        let Some(at) = place(&row, places, 0) else { continue };
        let definition = row.text(2).unwrap_or_default();
        if definition.is_empty() {
            all[at].limited = Some("this role may not see what the view is made of".to_owned());
        }
        let statement = analyzer.analyze(definition.as_bytes(), &Parameters::default(), false, &mut Default::default());
        for relation in &statement.relations {
            let schema = if relation.schema.is_empty() { all[at].schema.clone() } else { relation.schema.to_string() };
            if let Some(from) = places.get(&(schema, relation.name.to_string()))
                && *from != at
                && !all[at].from.contains(from)
            {
                all[at].from.push(*from);
            }
        }
    }
    Ok(())
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A string whatever the SQL mode makes of a backslash.
fn literal(text: &str) -> String {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    if hex.is_empty() { "''".to_owned() } else { format!("CONVERT(0x{hex} USING utf8mb4)") }
}

/// The relation as it stands behind FROM.
pub(super) fn from(relation: &Relation) -> String {
    format!("{}.{}", quoted(&relation.schema), quoted(&relation.name))
}

/// A statement for at most `rows` rows of `names`, each value cut at `length`.
pub(super) fn sample(relation: &Relation, names: &[&str], rows: usize, length: usize) -> String {
    let cells: Vec<String> = names.iter().map(|name| format!("LEFT({}, {length})", quoted(name))).collect();
    format!("SELECT {} FROM {} LIMIT {rows}", cells.join(", "), from(relation))
}
