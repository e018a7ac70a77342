//! The look at a server: what there is, a sample of each table, and what the judges say of it. Bounded in time, rows and
//! load; what was not looked at says so.

use super::table::{self, Judged};
use super::{Looked, Relation, Sort, Survey, mariadb, postgresql};
use crate::clock::Clock;
use crate::database::{Connection, DatabaseError, ErrorKind, Rows};
use kuzet_event::System;
use kuzet_personal::{ColumnJudge, Key};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How much of a server a survey may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Rows of a table that are looked at.
    pub rows: usize,
    /// Time of one statement; the server ends it then.
    pub statement: Duration,
    /// Time of the whole.
    pub total: Duration,
    /// Columns of one table that are looked at.
    pub columns: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        let (statement, total) = (Duration::from_secs(2), Duration::from_secs(55));
        Limits { rows: 400, statement, total, columns: 300 }
    }
}

/// Told after every relation: how many are done, and of how many.
pub type Progress<'a> = &'a mut dyn FnMut(usize, usize);

/// Most relations of one database.
pub(super) const MOST: usize = 5000;
/// Characters of an answer, so that it stays well below the limit of one.
const ANSWER: usize = 4 << 20;
/// Tables that are counted exactly, by their rows or pages in the statistics.
const COUNTED: u64 = 200_000;

/// A session that is opened again when a statement broke it.
pub(super) struct Session<'a> {
    open: &'a mut dyn FnMut() -> Result<Connection, DatabaseError>,
    connection: Connection,
    clock: Arc<dyn Clock>,
    end: Duration,
    /// Time that the server was asked in, since this was set to zero.
    worked: Duration,
}

impl Session<'_> {
    pub(super) fn ask(&mut self, sql: &str, limit: usize) -> Result<Rows, DatabaseError> {
        if !self.connection.is_usable() {
            self.connection = (self.open)()?;
            self.connection.finish_by(self.end);
        }
        let asked = self.clock.monotonic();
        let answer = self.connection.query(sql, limit);
        self.worked += self.clock.monotonic().saturating_sub(asked);
        answer
    }
}

/// Looks at the database that `open` connects to.
///
/// # Errors
/// No connection, or a server that does not tell what tables it has.
pub fn survey(
    system: System,
    database: &str,
    open: &mut dyn FnMut() -> Result<Connection, DatabaseError>,
    limits: Limits,
    clock: &Arc<dyn Clock>,
    progress: Progress<'_>,
) -> Result<Survey, DatabaseError> {
    let end = clock.monotonic() + limits.total;
    let mut connection = open()?;
    connection.finish_by(end);
    let version = connection.version().split(' ').next().unwrap_or_default().to_owned();
    let mut session = Session { open, connection, clock: Arc::clone(clock), end, worked: Duration::ZERO };
    let relations = match system {
        System::Postgresql => postgresql::relations(&mut session)?,
        _ => mariadb::relations(&mut session, database)?,
    };
    let database = if system.speaks_mysql() { String::new() } else { database.to_owned() };
    let mut survey = Survey { system, version, database, relations };
    // Tables before views: a view may be dear, and what it shows stands in tables.
    let mut order: Vec<usize> = (0..survey.relations.len()).collect();
    order.sort_by_key(|at| matches!(survey.relations[*at].sort, Sort::View));
    let key = Key::new([0; 32]);
    for (done, at) in order.iter().enumerate() {
        progress(done, order.len());
        let relation = &mut survey.relations[*at];
        session.worked = Duration::ZERO;
        let started = clock.monotonic();
        look(relation, system, &mut session, limits, &key, started >= end);
        count(relation, system, &mut session);
        // As long as the server worked, it rests: at most half of one of its cores is taken. It rests while values are
        // judged, too.
        let now = clock.monotonic();
        let due = (session.worked * 2).saturating_sub(now - started);
        std::thread::sleep(due.min(end.saturating_sub(now)));
    }
    Ok(survey)
}

/// Samples and judges one relation. The key of the marks of people may be known: they do not leave this process.
fn look(relation: &mut Relation, system: System, session: &mut Session<'_>, limits: Limits, key: &Key, late: bool) {
    let mut judges: Vec<Option<ColumnJudge>> = relation
        .columns
        .iter()
        .map(|column| (!table::nameless(&column.sql_type)).then(|| ColumnJudge::new(&column.name)))
        .collect();
    let readable = |at: &usize| relation.columns[*at].readable && !table::unread(&relation.columns[*at].sql_type);
    let chosen: Vec<usize> = (0..relation.columns.len()).filter(readable).take(limits.columns).collect();
    let hidden = relation.columns.iter().filter(|column| !column.readable).count();
    let late = late.then(|| "the time of the run was over".to_owned());
    match &relation.looked {
        Looked::At(_) if chosen.is_empty() => {
            let why = if hidden > 0 { "this role may not read it" } else { "no column of a type that can be read" };
            relation.looked = Looked::Not(why.to_owned());
        }
        Looked::At(_) => match late.map_or_else(|| sample(relation, &chosen, system, session, limits), Err) {
            Ok(rows) => {
                judge(relation, &chosen, &rows, &mut judges, key);
                relation.looked = Looked::At(rows.len());
            }
            Err(why) => relation.looked = Looked::Not(why),
        },
        Looked::InParent | Looked::Not(_) => {}
    }
    if hidden > 0 && !chosen.is_empty() {
        relation.limited = Some(format!("in part: {hidden} of its columns may not be read by this role"));
    }
    let judged: Vec<Judged> = judges.iter().map(|judge| table::judged(judge.as_ref())).collect();
    table::settle(relation, &judged);
}

/// Rows of `relation`, or in words why there are none.
fn sample(
    relation: &Relation,
    chosen: &[usize],
    system: System,
    session: &mut Session<'_>,
    limits: Limits,
) -> Result<Rows, String> {
    let names: Vec<&str> = chosen.iter().map(|at| relation.columns[*at].name.as_str()).collect();
    let length = (ANSWER / (limits.rows * names.len())).clamp(32, 2048);
    let statement = |spread: bool| match system {
        System::Postgresql => postgresql::sample(relation, &names, limits.rows, length, spread),
        _ => mariadb::sample(relation, &names, limits.rows, length),
    };
    let rows = match session.ask(&statement(true), limits.rows) {
        // No page was drawn, or the statistics are of fuller days.
        Ok(rows) if rows.is_empty() => session.ask(&statement(false), limits.rows),
        rows => rows,
    };
    rows.map_err(|error| match (error.kind, error.code.as_str()) {
        (ErrorKind::Timeout, _) | (_, "57014" | "1969" | "3024") => "it took too long".to_owned(),
        (_, "42501" | "1142" | "1143" | "1356") => "this role may not read it".to_owned(),
        _ => error.to_string(),
    })
}

fn judge(relation: &mut Relation, chosen: &[usize], rows: &Rows, judges: &mut [Option<ColumnJudge>], key: &Key) {
    for (cell, at) in chosen.iter().enumerate() {
        let column = &mut relation.columns[*at];
        let mut marks = BTreeSet::new();
        for row in rows.iter() {
            let Some(value) = row.text(cell) else { continue };
            if let Some(judge) = &mut judges[*at] {
                judge.add(value.as_bytes());
            }
            column.seen += usize::from(!value.is_empty());
            // Short values are shared by chance.
            if value.len() >= 9 {
                marks.insert(key.pseudonym("discover", value.as_bytes()) as u64);
            }
        }
        if column.seen >= 20 {
            column.unique = u8::try_from(marks.len() * 100 / column.seen).ok();
        }
        column.marks = marks.into_iter().collect();
    }
}

/// Counts a small table of people: statistics are late, or there are none.
fn count(relation: &mut Relation, system: System, session: &mut Session<'_>) {
    let small = relation.rows.is_some_and(|rows| rows <= COUNTED);
    if !relation.personal() || !small || matches!(relation.sort, Sort::View | Sort::Foreign) {
        return;
    }
    let from = match system {
        System::Postgresql => postgresql::from(relation),
        _ => mariadb::from(relation),
    };
    if let Ok(rows) = session.ask(&format!("SELECT count(*) FROM {from}"), 1)
        && let Some(number) = rows.iter().next().and_then(|row| row.number(0))
    {
        relation.rows = Some(number);
    }
}
