//! A schema as statements for the two servers.

use super::{Table, Type};
use std::fmt::Write as _;

/// The schema for PostgreSQL, for psql.
pub fn postgresql(tables: &[Table]) -> String {
    let mut text = String::new();
    for table in tables {
        let declared: Vec<String> = table
            .columns
            .iter()
            .map(|column| {
                let of = match column.of {
                    Type::Text => "text",
                    Type::Integer => "bigint",
                    Type::Money => "numeric(14,2)",
                    Type::Stamp => "timestamp",
                    Type::Flag => "boolean",
                    Type::Document => "jsonb",
                    Type::List => "text[]",
                };
                format!("\"{}\" {of}", column.name)
            })
            .collect();
        let _ =
            writeln!(text, "CREATE TABLE \"{}\"({});\nCOPY \"{0}\" FROM STDIN CSV;", table.name, declared.join(", "));
        for row in &table.rows {
            let cells = row.iter().zip(&table.columns).map(|(cell, column)| match column.of {
                _ if cell.is_empty() => String::new(),
                Type::List => format!("\"{{{cell}}}\""),
                _ => format!("\"{}\"", cell.replace('"', "\"\"")),
            });
            let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join(","));
        }
        text.push_str("\\.\n");
    }
    text + "ANALYZE;\n"
}

/// The schema for MariaDB.
pub fn mariadb(tables: &[Table]) -> String {
    let mut text = String::new();
    for table in tables {
        let declared: Vec<String> = table
            .columns
            .iter()
            .map(|column| {
                let of = match column.of {
                    Type::Text => "varchar(400)",
                    Type::Integer => "bigint",
                    Type::Money => "decimal(14,2)",
                    Type::Stamp => "datetime",
                    Type::Flag => "tinyint(1)",
                    Type::Document | Type::List => "json",
                };
                format!("`{}` {of}", column.name)
            })
            .collect();
        let _ = writeln!(
            text,
            "CREATE TABLE `{}`({}) ENGINE=InnoDB CHARACTER SET utf8mb4;",
            table.name,
            declared.join(", ")
        );
        for rows in table.rows.chunks(200) {
            let _ = write!(text, "INSERT INTO `{}` VALUES ", table.name);
            for (at, row) in rows.iter().enumerate() {
                let cells = row.iter().zip(&table.columns).map(|(cell, column)| match column.of {
                    _ if cell.is_empty() => "NULL".to_owned(),
                    Type::List => format!("'[\"{}\"]'", cell.replace(',', "\",\"")),
                    _ => format!("'{}'", cell.replace('\'', "''")),
                });
                let _ = write!(text, "{}({})", if at == 0 { "" } else { "," }, cells.collect::<Vec<_>>().join(","));
            }
            text.push_str(";\n");
        }
    }
    text
}
