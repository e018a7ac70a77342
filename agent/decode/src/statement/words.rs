//! Lists of words that the extraction of facts asks for. Upper case, sorted for binary search.

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
    "JSONB_OBJECT_AGG",
    "JSON_AGG",
    "JSON_ARRAYAGG",
    "JSON_OBJECTAGG",
    "JSON_OBJECT_AGG",
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
    "GROUP_CONCAT",
    "JSONB_AGG",
    "JSONB_OBJECT_AGG",
    "JSON_AGG",
    "JSON_ARRAYAGG",
    "JSON_OBJECTAGG",
    "JSON_OBJECT_AGG",
    "QUERY_TO_XML",
    "QUERY_TO_XMLSCHEMA",
    "QUERY_TO_XML_AND_XMLSCHEMA",
    "SCHEMA_TO_XML",
    "STRING_AGG",
    "TABLE_TO_XML",
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
    "PG_FILE_WRITE",
    "PG_LS_ARCHIVE_STATUSDIR",
    "PG_LS_DIR",
    "PG_LS_LOGDIR",
    "PG_LS_WALDIR",
    "PG_READ_BINARY_FILE",
    "PG_READ_FILE",
    "PG_READ_SERVER_FILES",
    "PG_STAT_FILE",
    "SYS_EVAL",
    "SYS_EXEC",
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
        for list in [NOT_COLUMNS, AGGREGATES, PACKED, DELAYS, ERRORS, FILES, NOT_ALIASES] {
            assert!(list.is_sorted(), "{:?}", list.windows(2).find(|pair| pair[0] > pair[1]));
        }
    }
}
