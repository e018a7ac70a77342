//! Lists of words that the extraction of facts asks for. Upper case, sorted for binary search.

use kuzet_event::Flag;

/// Words that are never a column where an expression stands.
const NOT_COLUMNS: &[&str] = &[
    "ALL",
    "AND",
    "ANY",
    "ARRAY",
    "AS",
    "ASC",
    "AT",
    "BETWEEN",
    "BINARY",
    "BY",
    "CASE",
    "CAST",
    "COLLATE",
    "CURRENT_CATALOG",
    "CURRENT_DATE",
    "CURRENT_ROLE",
    "CURRENT_SCHEMA",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "CURRENT_USER",
    "DEFAULT",
    "DESC",
    "DISTINCT",
    "DISTINCTROW",
    "DIV",
    "ELSE",
    "END",
    "ESCAPE",
    "EXISTS",
    "FALSE",
    "FILTER",
    "FROM",
    "HIGH_PRIORITY",
    "ILIKE",
    "IN",
    "INTERVAL",
    "IS",
    "LIKE",
    "LOCALTIME",
    "LOCALTIMESTAMP",
    "MOD",
    "NOT",
    "NULL",
    "NULLS",
    "OR",
    "ORDER",
    "OVER",
    "PARTITION",
    "PRECEDING",
    "RANGE",
    "REGEXP",
    "RLIKE",
    "ROW",
    "ROWS",
    "SELECT",
    "SEPARATOR",
    "SESSION_USER",
    "SIMILAR",
    "SOME",
    "SQL_BIG_RESULT",
    "SQL_BUFFER_RESULT",
    "SQL_CACHE",
    "SQL_CALC_FOUND_ROWS",
    "SQL_NO_CACHE",
    "SQL_SMALL_RESULT",
    "STRAIGHT_JOIN",
    "SYMMETRIC",
    "THEN",
    "TO",
    "TRUE",
    "UNBOUNDED",
    "UNKNOWN",
    "USING",
    "WHEN",
    "WITHIN",
    "XOR",
    "ZONE",
];

/// Aggregates: many rows in, one out.
const AGGREGATES: &[&str] = &[
    "ANY_VALUE",
    "ARRAY_AGG",
    "AVG",
    "BIT_AND",
    "BIT_OR",
    "BIT_XOR",
    "BOOL_AND",
    "BOOL_OR",
    "CORR",
    "COUNT",
    "EVERY",
    "GROUP_CONCAT",
    "JSONB_AGG",
    "JSONB_AGG_STRICT",
    "JSONB_OBJECT_AGG",
    "JSONB_OBJECT_AGG_STRICT",
    "JSON_AGG",
    "JSON_AGG_STRICT",
    "JSON_ARRAYAGG",
    "JSON_OBJECTAGG",
    "JSON_OBJECT_AGG",
    "JSON_OBJECT_AGG_STRICT",
    "MAX",
    "MIN",
    "PERCENTILE_CONT",
    "PERCENTILE_DISC",
    "STD",
    "STDDEV",
    "STDDEV_POP",
    "STDDEV_SAMP",
    "STRING_AGG",
    "SUM",
    "VARIANCE",
    "VAR_POP",
    "VAR_SAMP",
    "XMLAGG",
];

/// Functions that carry many rows in one value.
const PACKED: &[&str] = &[
    "ARRAY_AGG",
    "CURSOR_TO_XML",
    "DATABASE_TO_XML",
    "DATABASE_TO_XML_AND_XMLSCHEMA",
    "GROUP_CONCAT",
    "JSONB_AGG",
    "JSONB_AGG_STRICT",
    "JSONB_OBJECT_AGG",
    "JSONB_OBJECT_AGG_STRICT",
    "JSON_AGG",
    "JSON_AGG_STRICT",
    "JSON_ARRAYAGG",
    "JSON_OBJECTAGG",
    "JSON_OBJECT_AGG",
    "JSON_OBJECT_AGG_STRICT",
    "QUERY_TO_XML",
    "QUERY_TO_XMLSCHEMA",
    "QUERY_TO_XML_AND_XMLSCHEMA",
    "SCHEMA_TO_XML",
    "SCHEMA_TO_XML_AND_XMLSCHEMA",
    "STRING_AGG",
    "TABLE_TO_XML",
    "TABLE_TO_XML_AND_XMLSCHEMA",
    "XMLAGG",
];

/// Functions that wait.
const DELAYS: &[&str] = &["BENCHMARK", "PG_SLEEP", "PG_SLEEP_FOR", "PG_SLEEP_UNTIL", "SLEEP"];

/// Functions used to carry data out in an error message.
const ERRORS: &[&str] = &["EXTRACTVALUE", "GTID_SUBSET", "NAME_CONST", "UPDATEXML"];

/// Functions that read or write server files or run programs.
const FILES: &[&str] = &[
    "LOAD_FILE",
    "LO_EXPORT",
    "LO_IMPORT",
    "PG_FILE_READ",
    "PG_FILE_RENAME",
    "PG_FILE_UNLINK",
    "PG_FILE_WRITE",
    "PG_LS_DIR",
    "PG_READ_BINARY_FILE",
    "PG_READ_FILE",
    "PG_READ_SERVER_FILES",
    "PG_STAT_FILE",
    "SYS_EVAL",
    "SYS_EXEC",
];

/// Other functions that reach beyond the tables, and what each does.
const REACHES: &[(&str, Flag)] = &[
    ("DATABASE_TO_XML", Flag::WholeSchema),
    ("DATABASE_TO_XML_AND_XMLSCHEMA", Flag::WholeSchema),
    ("LO_CREATE", Flag::LargeObject),
    ("LO_EXPORT", Flag::LargeObject),
    ("LO_FROM_BYTEA", Flag::LargeObject),
    ("LO_GET", Flag::LargeObject),
    ("LO_IMPORT", Flag::LargeObject),
    ("LO_PUT", Flag::LargeObject),
    ("PG_COPY_LOGICAL_REPLICATION_SLOT", Flag::Replication),
    ("PG_COPY_PHYSICAL_REPLICATION_SLOT", Flag::Replication),
    ("PG_CREATE_LOGICAL_REPLICATION_SLOT", Flag::Replication),
    ("PG_CREATE_PHYSICAL_REPLICATION_SLOT", Flag::Replication),
    ("PG_LOGICAL_SLOT_GET_BINARY_CHANGES", Flag::Replication),
    ("PG_LOGICAL_SLOT_GET_CHANGES", Flag::Replication),
    ("PG_LOGICAL_SLOT_PEEK_BINARY_CHANGES", Flag::Replication),
    ("PG_LOGICAL_SLOT_PEEK_CHANGES", Flag::Replication),
    ("SCHEMA_TO_XML", Flag::WholeSchema),
    ("SCHEMA_TO_XML_AND_XMLSCHEMA", Flag::WholeSchema),
    ("SYS_EVAL", Flag::ServerProgram),
    ("SYS_EXEC", Flag::ServerProgram),
];

/// Extensions and storage engines that make the server speak to others, read its files or run native code.
const OUTSIDE: &[(&str, Flag)] = &[
    ("adminpack", Flag::ServerFile),
    ("connect", Flag::RemoteServer),
    ("dblink", Flag::RemoteServer),
    ("federated", Flag::RemoteServer),
    ("federatedx", Flag::RemoteServer),
    ("file_fdw", Flag::ServerFile),
    ("mysql_fdw", Flag::RemoteServer),
    ("oracle_fdw", Flag::RemoteServer),
    ("plperlu", Flag::NativeCode),
    ("plpython2u", Flag::NativeCode),
    ("plpython3u", Flag::NativeCode),
    ("plpythonu", Flag::NativeCode),
    ("plsh", Flag::NativeCode),
    ("pltclu", Flag::NativeCode),
    ("postgres_fdw", Flag::RemoteServer),
    ("spider", Flag::RemoteServer),
    ("tds_fdw", Flag::RemoteServer),
];

/// Functions of daily work, and keywords that a parenthesis follows.
const COMMON: &[&str] = &[
    "ABS",
    "ANALYZE",
    "BUFFERS",
    "CEIL",
    "CHAR",
    "CHARACTER",
    "COALESCE",
    "CONCAT",
    "CONCAT_WS",
    "CONVERT",
    "CURRENT_SETTING",
    "DATE",
    "DATE_FORMAT",
    "DATE_TRUNC",
    "DECIMAL",
    "EXTRACT",
    "FLOOR",
    "FORMAT",
    "GENERATE_SERIES",
    "GREATEST",
    "IF",
    "IFNULL",
    "KEY",
    "LEAST",
    "LENGTH",
    "LOWER",
    "NEXTVAL",
    "NOW",
    "NULLIF",
    "NUMERIC",
    "POSITION",
    "REPLACE",
    "ROUND",
    "ROW_NUMBER",
    "SET_CONFIG",
    "SUBSTR",
    "SUBSTRING",
    "TO_CHAR",
    "TO_DATE",
    "TRIM",
    "UNNEST",
    "UPPER",
    "VARCHAR",
    "VERSION",
];

/// Clause words that end a FROM list or follow a relation, so that they are no alias.
const NOT_ALIASES: &[&str] = &[
    "ANTI",
    "CROSS",
    "EXCEPT",
    "FETCH",
    "FOR",
    "FORCE",
    "FULL",
    "GROUP",
    "HAVING",
    "IGNORE",
    "IN",
    "INNER",
    "INTERSECT",
    "INTO",
    "JOIN",
    "LATERAL",
    "LEFT",
    "LIMIT",
    "LOCK",
    "LOOP",
    "NATURAL",
    "NOT",
    "OFFSET",
    "ON",
    "ORDER",
    "OUTER",
    "PARTITION",
    "PROCEDURE",
    "RETURNING",
    "RIGHT",
    "SELECT",
    "SET",
    "STRAIGHT_JOIN",
    "TABLESAMPLE",
    "UNION",
    "USE",
    "USING",
    "VALUES",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
];

fn among(list: &[&str], word: &str) -> bool {
    list.binary_search(&word).is_ok()
}

pub(super) fn is_no_column(word: &str) -> bool {
    among(NOT_COLUMNS, word)
}

pub(super) fn is_aggregate(word: &str) -> bool {
    among(AGGREGATES, word)
}

pub(super) fn is_packed(word: &str) -> bool {
    among(PACKED, word)
}

pub(super) fn is_delay(word: &str) -> bool {
    among(DELAYS, word)
}

pub(super) fn is_error_probe(word: &str) -> bool {
    among(ERRORS, word)
}

pub(super) fn is_file_function(word: &str) -> bool {
    among(FILES, word)
}

/// Functions and words before a parenthesis that no one defines: told by no name.
pub(super) fn is_common(word: &str) -> bool {
    is_aggregate(word)
        || is_packed(word)
        || is_delay(word)
        || is_file_function(word)
        || is_no_column(word)
        || is_no_alias(word)
        || reach(word).is_some()
        || among(COMMON, word)
}

/// What a function does beyond the tables, besides server files.
pub(super) fn reach(word: &str) -> Option<Flag> {
    match REACHES.binary_search_by_key(&word, |(name, _)| name) {
        Ok(at) => REACHES.get(at).map(|(_, flag)| *flag),
        Err(_) => word.starts_with("DBLINK").then_some(Flag::RemoteServer),
    }
}

/// What an extension, language or storage engine does beyond the tables.
pub(super) fn outside(name: &str) -> Option<Flag> {
    let name = name.to_ascii_lowercase();
    let known = OUTSIDE.binary_search_by_key(&name.as_str(), |(known, _)| known);
    known.ok().and_then(|at| OUTSIDE.get(at)).map(|(_, flag)| *flag)
}

pub(super) fn is_no_alias(word: &str) -> bool {
    among(NOT_ALIASES, word)
}

/// Catalogues of users, passwords or tables.
pub(super) fn is_catalogue(schema: &str, name: &str) -> bool {
    let (schema, name) = (schema.to_ascii_lowercase(), name.to_ascii_lowercase());
    match schema.as_str() {
        "information_schema" => {
            matches!(name.as_str(), "tables" | "columns" | "schemata" | "user_privileges" | "table_privileges")
        }
        "mysql" => matches!(name.as_str(), "user" | "global_priv" | "db" | "tables_priv" | "proxies_priv"),
        "" | "pg_catalog" => {
            matches!(name.as_str(), "pg_shadow" | "pg_authid" | "pg_user_mapping" | "pg_user_mappings" | "pg_tables")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted() {
        for list in [NOT_COLUMNS, AGGREGATES, PACKED, DELAYS, ERRORS, FILES, COMMON, NOT_ALIASES] {
            assert!(list.is_sorted(), "{:?}", list.windows(2).find(|pair| pair[0] > pair[1]));
        }
        for list in [REACHES, OUTSIDE] {
            assert!(list.is_sorted_by_key(|(name, _)| name));
        }
    }
}
