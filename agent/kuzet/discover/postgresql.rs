//! What PostgreSQL's catalogues tell of its tables, and how rows of them are sampled.

use super::survey::{MOST, Session};
use super::{Column, Looked, Relation, Sort};
use crate::database::DatabaseError;
use std::collections::BTreeMap;

/// Rows of statistics and keys.
const MOST_COLUMNS: usize = 100_000;

/// Tables and views of people, not of the server or its extensions. Row security is that of this role.
const RELATIONS: &str = "SELECT c.oid::text, n.nspname, c.relname, c.relkind::text, c.relispartition::int::text, \
    c.reltuples::bigint::text, \
    CASE WHEN c.relkind IN ('r', 'm') THEN pg_relation_size(c.oid) / current_setting('block_size')::bigint ELSE 0 END::text, \
    CASE WHEN c.relkind IN ('r', 'p') THEN row_security_active(c.oid)::int ELSE 0 END::text, \
    has_schema_privilege(n.oid, 'USAGE')::int::text \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
    AND n.nspname !~ '^pg_(toast|temp)' AND c.relpersistence <> 't' AND NOT EXISTS (SELECT 1 FROM pg_depend d \
    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') ORDER BY n.nspname, c.relname";

const COLUMNS: &str = "SELECT a.attrelid::text, a.attname, format_type(a.atttypid, NULL), \
    has_column_privilege(a.attrelid, a.attnum, 'SELECT')::int::text, s.n_distinct::text \
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
    LEFT JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname \
    AND s.inherited = (c.relkind = 'p') \
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
    AND n.nspname !~ '^pg_(toast|temp)' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum";

const KEYS: &str = "SELECT k.contype::text, k.conrelid::text, a.attname, k.confrelid::text FROM pg_constraint k \
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1] \
    WHERE k.contype IN ('p', 'f') AND array_length(k.conkey, 1) = 1";

/// What a view is made of, and whose child a table is.
const LINEAGE: &str = "SELECT DISTINCT r.ev_class::text, d.refobjid::text, 'v' FROM pg_rewrite r \
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass \
    AND d.refobjid <> r.ev_class WHERE r.rulename = '_RETURN' \
    UNION ALL SELECT inhrelid::text, inhparent::text, 'i' FROM pg_inherits";

pub(super) fn relations(session: &mut Session<'_>) -> Result<Vec<Relation>, DatabaseError> {
    let mut all = Vec::new();
    let mut places = BTreeMap::new();
    for row in session.ask(RELATIONS, MOST)?.iter() {
        let text = |at: usize| row.text(at).unwrap_or_default().to_owned();
        let sort = match (row.text(3), row.number(4)) {
            (Some("v"), _) => Sort::View,
            (Some("m"), _) => Sort::Materialized,
            (Some("f"), _) => Sort::Foreign,
            (_, Some(1)) => Sort::Partition,
            (Some("p"), _) => Sort::Partitioned,
            _ => Sort::Table,
        };
        // -1: never counted. What has few pages is counted later, so that any number below will do.
        let rows = row.number(5).or_else(|| row.number(6).filter(|pages| *pages <= 2000));
        let looked = match sort {
            Sort::Foreign => Looked::Not("it stands on another server: look there".to_owned()),
            Sort::Partition => Looked::InParent,
            _ if row.number(8) == Some(0) => Looked::Not("this role may not use its schema".to_owned()),
            _ => Looked::At(0),
        };
        let limited =
            (row.number(7) == Some(1)).then(|| "in part: row security shows this role some rows only".to_owned());
        places.insert(text(0), all.len());
        all.push(Relation {
            schema: text(1),
            name: text(2),
            sort,
            rows: rows.filter(|_| !matches!(sort, Sort::View | Sort::Foreign)),
            columns: Vec::new(),
            key: None,
            references: Vec::new(),
            from: Vec::new(),
            looked,
            limited,
        });
    }
    columns(session, &mut all, &places)?;
    keys(session, &mut all, &places)?;
    Ok(all)
}

fn columns(
    session: &mut Session<'_>,
    all: &mut [Relation],
    places: &BTreeMap<String, usize>,
) -> Result<(), DatabaseError> {
    for row in session.ask(COLUMNS, MOST_COLUMNS)?.iter() {
        let Some(relation) = row.text(0).and_then(|id| places.get(id)).and_then(|at| all.get_mut(*at)) else {
            continue;
        };
        // Below 0 it is a share of the rows.
        let distinct = row.text(4).and_then(|number| number.parse::<f64>().ok()).and_then(|number| {
            let rows = relation.rows?;
            Some(if number < 0.0 { (-number * rows as f64).ceil() as u64 } else { number as u64 })
        });
        relation.columns.push(Column {
            name: row.text(1).unwrap_or_default().to_owned(),
            sql_type: row.text(2).unwrap_or_default().to_owned(),
            readable: row.number(3) == Some(1),
            distinct: distinct.filter(|number| *number > 0),
            ..Column::default()
        });
    }
    Ok(())
}

fn keys(
    session: &mut Session<'_>,
    all: &mut [Relation],
    places: &BTreeMap<String, usize>,
) -> Result<(), DatabaseError> {
    for row in session.ask(KEYS, MOST_COLUMNS)?.iter() {
        let Some(at) = row.text(1).and_then(|id| places.get(id)) else { continue };
        let column = row.text(2).unwrap_or_default().to_owned();
        let target = row.text(3).and_then(|id| places.get(id));
        match (row.text(0), target) {
            (Some("p"), _) => all[*at].key = Some(column),
            (_, Some(to)) if to != at => all[*at].references.push((column, *to)),
            _ => {}
        }
    }
    for row in session.ask(LINEAGE, MOST_COLUMNS)?.iter() {
        let place = |at: usize| row.text(at).and_then(|id| places.get(id)).copied();
        let (Some(made), Some(from)) = (place(0), place(1)) else { continue };
        all[made].from.push(from);
        if row.text(2) == Some("i") {
            all[made].sort = Sort::Partition;
            // A foreign table or a child with rights of its own is read through its parent all the same.
            all[made].looked = Looked::InParent;
            let rows = all[made].rows;
            let parent = &mut all[from];
            if parent.sort == Sort::Table {
                parent.sort = Sort::Partitioned;
            }
            parent.rows = parent.rows.max(Some(0)).zip(rows).map(|(sum, more)| sum + more);
        }
    }
    Ok(())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The relation as it stands behind FROM.
pub(super) fn from(relation: &Relation) -> String {
    format!("{}.{}", quoted(&relation.schema), quoted(&relation.name))
}

/// A statement for at most `rows` rows of `names`, each value cut at `length`. With `spread` large tables are read
/// at random pages.
pub(super) fn sample(relation: &Relation, names: &[&str], rows: usize, length: usize, spread: bool) -> String {
    let cells: Vec<String> = names.iter().map(|name| format!("left({}::text, {length})", quoted(name))).collect();
    let spread = match (relation.sort, relation.rows) {
        (Sort::Table | Sort::Partitioned | Sort::Materialized, Some(known)) if spread && known > 20 * rows as u64 => {
            // More than is kept, so that pages of many rows are several.
            let share = (400.0 * rows as f64 / known as f64).clamp(0.001, 100.0);
            format!(" TABLESAMPLE SYSTEM ({share:.4})")
        }
        _ => String::new(),
    };
    format!("SELECT {} FROM {}{spread} LIMIT {rows}", cells.join(", "), from(relation))
}
