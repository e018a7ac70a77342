//! What a server says of the columns of one table: enough to write a row for it. Reads no row.

use super::sql::{Column, Table};
use crate::database::{Connection, DatabaseError};
use kuzet_detect::Known;
use kuzet_event::System;

/// Columns of a table.
const MOST: usize = 2_000;

/// The table as the server has it; `None` when this role sees no such table.
pub(super) fn ask(
    connection: &mut Connection,
    system: System,
    schema: Option<&str>,
    name: &str,
    store: &Known<'_>,
) -> Result<Option<Table>, DatabaseError> {
    let literal = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"));
    let sql = match system {
        System::Postgresql => {
            let schema = schema.map_or("pg_table_is_visible(c.oid)".to_owned(), |schema| {
                format!("lower(n.nspname) = {}", literal(schema))
            });
            format!(
                "SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, NULL), \
                 (a.attnotnull AND NOT a.atthasdef AND a.attidentity = '')::int::text, \
                 (EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1 \
                 AND i.indkey[0] = a.attnum))::int::text, (a.attidentity = 'a')::int::text \
                 FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
                 WHERE lower(c.relname) = {} AND c.relkind IN ('r', 'p') AND {schema} AND a.attnum > 0 \
                 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY n.nspname, c.relname, a.attnum",
                literal(name)
            )
        }
        _ => {
            let schema = schema.map_or("DATABASE()".to_owned(), literal);
            format!(
                "SELECT table_schema, table_name, column_name, column_type, \
                 is_nullable = 'NO' AND column_default IS NULL AND extra NOT LIKE '%auto_increment%', \
                 column_key = 'PRI' AND (SELECT count(*) FROM information_schema.key_column_usage k WHERE k.table_schema = \
                 c.table_schema AND k.table_name = c.table_name AND k.constraint_name = 'PRIMARY') = 1, 0 \
                 FROM information_schema.columns c WHERE lower(table_name) = {} AND table_schema = {schema} \
                 AND extra NOT LIKE '%GENERATED%' ORDER BY ordinal_position",
                literal(name)
            )
        }
    };
    let rows = connection.query(&sql, MOST)?;
    let mut table: Option<Table> = None;
    for row in rows.iter() {
        let text = |at: usize| row.text(at).unwrap_or_default().to_owned();
        let flag = |at: usize| row.number(at) == Some(1);
        let table = table.get_or_insert_with(|| Table { system, schema: text(0), name: text(1), columns: Vec::new() });
        if table.schema != text(0) || table.name != text(1) {
            break;
        }
        let name = text(2);
        let listed = store.column(&name).and_then(|(categories, _)| categories.first().map(|code| code.to_string()));
        let guessed = || kuzet_personal::column_category(&name).and_then(|hint| hint.kind.category());
        let category = listed.or_else(|| guessed().map(|category| category.code().to_owned()));
        table.columns.push(Column {
            sql_type: text(3).to_lowercase(),
            needed: flag(4),
            key: flag(5),
            always: flag(6),
            category,
            name,
        });
    }
    Ok(table)
}
