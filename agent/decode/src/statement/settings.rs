//! Which settings make up the audit trail, and which values weaken or restore it.

use kuzet_event::Flag;

/// How a setting is judged.
enum Rule {
    /// On is the audited state.
    Switch,
    /// A list of classes that must hold all the given ones; `all` holds every class, `-x` takes one away.
    Classes(&'static [&'static str]),
    /// Any of the given values is the audited state; every other one weakens.
    Good(&'static [&'static str]),
    /// Empty is the audited state: a list of users left out, or of the only users logged.
    Empty,
    /// Must name the given library.
    Names(&'static str),
    /// A number of at least so much.
    AtLeast(i64),
    /// Moves the log to a place that the agent may not watch: every new value weakens.
    Moves,
}

/// Levels that let ERROR records through (<https://www.postgresql.org/docs/15/runtime-config-logging.html>).
const UP_TO_ERROR: &[&str] =
    &["debug5", "debug4", "debug3", "debug2", "debug1", "debug", "info", "notice", "warning", "error"];

/// The audit settings of PostgreSQL (with pgaudit) MariaDB (with `server_audit`) and MySQL (with `audit_log`), sorted by name.
const RULES: &[(&str, Rule)] = &[
    ("audit_log", Rule::Switch),
    ("audit_log_disable", Rule::Good(&["off", "0", "false"])),
    ("audit_log_exclude_accounts", Rule::Empty),
    ("audit_log_exclude_commands", Rule::Empty),
    ("audit_log_exclude_databases", Rule::Empty),
    ("audit_log_include_accounts", Rule::Empty),
    ("audit_log_include_commands", Rule::Empty),
    ("audit_log_include_databases", Rule::Empty),
    ("audit_log_policy", Rule::Good(&["all"])),
    ("general_log", Rule::Switch),
    ("general_log_file", Rule::Moves),
    ("log_connections", Rule::Switch),
    ("log_destination", Rule::Moves),
    ("log_directory", Rule::Moves),
    ("log_disconnections", Rule::Switch),
    ("log_error_verbosity", Rule::Good(&["default", "verbose"])),
    ("log_filename", Rule::Moves),
    ("log_min_error_statement", Rule::Good(UP_TO_ERROR)),
    ("log_min_messages", Rule::Good(UP_TO_ERROR)),
    ("log_output", Rule::Good(&["file", "table", "file,table", "table,file"])),
    ("log_parameter_max_length", Rule::Good(&["-1"])),
    ("log_statement", Rule::Good(&["all"])),
    ("logging_collector", Rule::Switch),
    ("pg_stat_statements.track", Rule::Good(&["top", "all"])),
    ("pgaudit.log", Rule::Classes(&["read", "write", "role", "ddl"])),
    ("pgaudit.log_catalog", Rule::Switch),
    ("pgaudit.log_level", Rule::Good(&["log", "notice", "warning", "info"])),
    ("pgaudit.log_parameter", Rule::Switch),
    ("pgaudit.log_relation", Rule::Switch),
    ("pgaudit.log_statement", Rule::Switch),
    ("pgaudit.role", Rule::Moves),
    ("server_audit_events", Rule::Classes(&["connect", "query"])),
    ("server_audit_excl_users", Rule::Empty),
    ("server_audit_file_path", Rule::Moves),
    ("server_audit_incl_users", Rule::Empty),
    ("server_audit_logging", Rule::Switch),
    ("server_audit_output_type", Rule::Good(&["file"])),
    ("server_audit_query_log_limit", Rule::AtLeast(1024)),
    ("session_preload_libraries", Rule::Names("pgaudit")),
    ("shared_preload_libraries", Rule::Names("pgaudit")),
    ("slow_query_log", Rule::Switch),
    ("sql_log_bin", Rule::Switch),
    ("sql_log_off", Rule::Good(&["0", "off", "false"])),
];

/// What a change of setting `name` (lower case) to `value` does to the audit trail: [`Flag::WeakensAudit`],
/// [`Flag::RestoresAudit`], or nothing when it is no audit setting. `None` is a reset to the configured value and counts
/// as a restoration. A value that is not understood (an expression, a bound parameter) counts as weakening.
#[must_use]
pub fn audit_effect(name: &str, value: Option<&str>) -> Option<Flag> {
    let index = RULES.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
    let Some(value) = value.map(str::trim).filter(|value| !value.eq_ignore_ascii_case("default")) else {
        return Some(Flag::RestoresAudit);
    };
    let value = value.to_ascii_lowercase();
    let good = match &RULES[index].1 {
        Rule::Switch => matches!(value.as_str(), "on" | "1" | "true" | "yes" | "t" | "y" | "force"),
        Rule::Classes(wanted) => has_classes(name, &value, wanted),
        Rule::Good(values) => values.contains(&value.as_str()),
        Rule::Empty => value.is_empty(),
        Rule::Names(library) => value.contains(library),
        Rule::AtLeast(limit) => value.parse::<i64>().is_ok_and(|number| number >= *limit),
        Rule::Moves => false,
    };
    Some(if good { Flag::RestoresAudit } else { Flag::WeakensAudit })
}

/// Whether a list of classes holds all `wanted` ones. An empty `server_audit_events` logs everything; an empty
/// `pgaudit.log` nothing.
fn has_classes(name: &str, value: &str, wanted: &[&str]) -> bool {
    let classes: Vec<&str> = value.split(',').map(str::trim).filter(|class| !class.is_empty()).collect();
    if classes.is_empty() {
        return name == "server_audit_events";
    }
    let mut held = vec![false; wanted.len()];
    for class in classes {
        if class == "all" {
            held.fill(true);
        } else if class == "none" {
            held.fill(false);
        } else if let Some(place) = wanted.iter().position(|wanted| *wanted == class) {
            held[place] = true;
        } else if let Some(place) = wanted.iter().position(|wanted| class.strip_prefix('-') == Some(*wanted)) {
            held[place] = false;
        }
    }
    held.into_iter().all(|held| held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted() {
        assert!(RULES.is_sorted_by(|left, right| left.0 < right.0));
    }

    #[test]
    fn values_weaken_or_restore() {
        let weak = Some(Flag::WeakensAudit);
        let restored = Some(Flag::RestoresAudit);
        for (name, value, effect) in [
            ("pgaudit.log", Some("none"), weak),
            ("pgaudit.log", Some("ddl, role"), weak),
            ("pgaudit.log", Some("all, -read"), weak),
            ("pgaudit.log", Some("all, -misc"), restored),
            ("pgaudit.log", Some("read, write, role, ddl"), restored),
            ("pgaudit.log", None, restored),
            ("log_statement", Some("mod"), weak),
            ("log_min_error_statement", Some("PANIC"), weak),
            ("server_audit_events", Some("CONNECT"), weak),
            ("server_audit_events", Some(""), restored),
            ("server_audit_excl_users", Some("dba"), weak),
            ("server_audit_query_log_limit", Some("0"), weak),
            ("server_audit_logging", Some("OFF"), weak),
            ("sql_log_off", Some("1"), weak),
            ("audit_log_policy", Some("LOGINS"), weak),
            ("audit_log_disable", Some("ON"), weak),
            ("shared_preload_libraries", Some("pg_stat_statements"), weak),
            ("work_mem", Some("none"), None),
        ] {
            assert_eq!(audit_effect(name, value), effect, "{name} = {value:?}");
        }
    }
}
