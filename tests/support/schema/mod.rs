//! A schema of 200 tables in which twelve columns of personal data stand under odd names, among everything that looks
//! like it and is not. SOURCE: made by this file from a seed; nobody exists.
//!
//! Names of columns, people and goods are written here from what schemas of lenders look like, not from the lists of the
//! classifier.

mod decoys;
mod hidden;
mod sql;

pub use sql::{mariadb, postgresql};

use super::Random;
use decoys::{DECOYS, HELD};
use hidden::{CITIES, HIDDEN, ODD, STREETS, TABLES};

/// What a column is declared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Text,
    Integer,
    Money,
    Stamp,
    Flag,
    Document,
    List,
}

/// A column with what it is.
#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    pub of: Type,
    /// Category of its personal data, if it holds any.
    pub truth: Option<&'static str>,
}

/// A table with its rows; an empty cell is NULL.
#[derive(Clone, Debug)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<String>>,
}

type Value = fn(&mut Random, usize) -> String;

fn below(random: &mut Random, end: u64) -> u64 {
    random.below(end)
}

fn pick<'a>(random: &mut Random, list: &'a [&'a str]) -> &'a str {
    random.pick::<&str>(list)
}

fn digits(random: &mut Random, count: usize) -> String {
    (0..count)
        .map(|at| char::from(b'0' + random.below(if at == 0 { 9 } else { 10 }) as u8 + u8::from(at == 0)))
        .collect()
}

fn column((name, of, _): &(&str, Type, Value)) -> Column {
    Column { name: (*name).to_owned(), of: *of, truth: None }
}

/// 200 tables and one of offices. Twelve of their columns are personal. Seed 1 is the one that rules may be tuned on.
pub fn schema(seed: u64) -> Vec<Table> {
    let mut random = Random::new(seed);
    let mut chosen: Vec<usize> = vec![0, 1, 2];
    while chosen.len() < 12 {
        let more = 3 + below(&mut random, HIDDEN.len() as u64 - 3) as usize;
        if !chosen.contains(&more) {
            chosen.push(more);
        }
    }
    // Document numbers and salaries stand where people are: in the table of the IIN or of the name.
    let home_of = |hidden: usize, random: &mut Random| match (HIDDEN[hidden].names.is_empty(), hidden) {
        (true, 0) => 17,
        (true, 1) => 90,
        (true, _) => below(random, 200) as usize,
        (false, at) => [17, 90][at % 2],
    };
    let homes: Vec<(usize, usize)> = chosen.iter().map(|hidden| (home_of(*hidden, &mut random), *hidden)).collect();
    let mut tables = Vec::new();
    for number in 0..200 {
        let mine: Vec<usize> = homes.iter().filter(|(home, _)| *home == number).map(|(_, hidden)| *hidden).collect();
        tables.push(table(&mut random, number, &mine, seed > 1));
    }
    tables.push(branches());
    tables
}

fn table(random: &mut Random, number: usize, hidden: &[usize], held: bool) -> Table {
    let decoys: Vec<_> = DECOYS.iter().chain(if held { HELD } else { &[] }).collect();
    let mut columns = vec![Column { name: "id".into(), of: Type::Integer, truth: None }];
    let mut values: Vec<Value> = vec![|_, at| (at + 1).to_string()];
    for _ in 0..5 + below(random, 6) {
        let decoy = decoys[below(random, decoys.len() as u64) as usize];
        if columns.iter().all(|known| known.name != decoy.0) {
            columns.push(column(decoy));
            values.push(decoy.2);
        }
    }
    for hidden in hidden.iter().map(|at| &HIDDEN[*at]) {
        let at = 1 + below(random, columns.len() as u64) as usize;
        let names = if hidden.names.is_empty() { &ODD[..] } else { hidden.names };
        let mut name = pick(random, names).to_owned();
        while columns.iter().any(|known| known.name == name) {
            name.push('2');
        }
        columns.insert(at.min(columns.len()), Column { name, of: hidden.of, truth: Some(hidden.category) });
        values.insert(at.min(values.len()), hidden.value);
    }
    let count = if hidden.is_empty() { 20 + below(random, 400) } else { 60 + below(random, 800) } as usize;
    let rows = (0..count)
        .map(|at| {
            values
                .iter()
                .map(|value| if at > 0 && below(random, 30) == 0 { String::new() } else { value(random, at) })
                .collect()
        })
        .collect();
    Table { name: format!("{}_{number:03}", pick(random, &TABLES)), columns, rows }
}

/// The offices: addresses and phones of nobody.
fn branches() -> Table {
    let mut random = Random::new(5);
    let column = |name: &str| Column { name: name.into(), of: Type::Text, truth: None };
    let columns = vec![column("code"), column("address"), column("phone")];
    let rows = (0..15).map(|at| {
        let phone = format!(
            "8 (7{}) 2{}-{}-{}",
            10 + at,
            digits(&mut random, 2),
            digits(&mut random, 2),
            digits(&mut random, 2)
        );
        vec![format!("B{at}"), format!("{}, {} {}", CITIES[at], STREETS[at], 3 * at + 1), phone]
    });
    Table { name: "offices".into(), columns, rows: rows.collect() }
}

#[test]
fn twelve_columns_of_a_schema_are_personal() {
    for seed in 1..5 {
        let tables = schema(seed);
        assert_eq!(tables.len(), 201);
        let personal = tables.iter().flat_map(|table| &table.columns).filter(|column| column.truth.is_some());
        assert_eq!(personal.count(), 12);
    }
}
