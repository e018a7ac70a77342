//! What PostgreSQL hides, as measured on 15 with pgaudit 1.7.

use super::{Asked, Facts, Limit, Place, Sight, database, quoted};
use kuzet_decode::Format;

/// Classes of pgaudit that are wanted.
const CLASSES: &str = "read, write, role, ddl, misc_set";
const STATISTICS: &str = "pg_stat_statements through [[database]]";
const SESSIONS: &str = "sessions and statistics through [[database]]";

pub(super) fn limits(facts: &Facts) -> Vec<Limit> {
    let mut limits = Vec::new();
    let statistics = statistics(facts, &mut limits);
    if facts.followed && facts.follows(Format::PostgresqlStderr) {
        let message = "the stderr format can be forged by a client before it is logged in";
        let fix = "set logging_collector = on and log_destination = 'jsonlog' (csvlog before version 15)";
        limits.push(collector(Limit::new("PG03", message, fix).hides(&[Sight::ForgedLines])));
    }
    if facts.settings.is_none() {
        let message = "its settings are not known: what it logs cannot be told";
        let fix = "add a [[database]] connection, or run doctor on the server's host as a member of the group postgres";
        let known = [Sight::ForgedLines, Sight::Person];
        let hidden: Vec<Sight> = Sight::ALL.iter().copied().filter(|sight| !known.contains(sight)).collect();
        limits.push(connection(Limit::new("PG01", message, fix).hides(&hidden).unknown(), facts));
        return limits;
    }
    if !facts.followed && facts.formats.is_empty() {
        let message = "the server writes no log file that can be followed (no collector, or syslog only)";
        let fix = "set logging_collector = on, log_destination = 'jsonlog' and restart the server";
        return vec![collector(Limit::new("PG02", message, fix).hides(Sight::ALL))];
    }
    let audited = facts.get("shared_preload_libraries").contains("pgaudit");
    if audited {
        audit(facts, statistics, &mut limits);
    } else {
        statements(facts, statistics, &mut limits);
    }
    common(facts, &mut limits);
    limits
}

/// Whether the true rows of statements are read; if not, why.
fn statistics(facts: &Facts, limits: &mut Vec<Limit>) -> bool {
    let loaded = facts.get("shared_preload_libraries").contains("pg_stat_statements");
    let created = facts.extensions.as_ref().map(|all| all.iter().any(|one| one == "pg_stat_statements"));
    if !facts.answers() {
        return false;
    }
    if loaded && created == Some(true) {
        return true;
    }
    let message = if loaded && created.is_none() {
        "whether pg_stat_statements was created in the database that is asked is not known"
    } else {
        "pg_stat_statements is not there: the connection tells settings and sessions, no rows"
    };
    let fix = "load pg_stat_statements and CREATE EXTENSION pg_stat_statements in the database that is asked";
    let limit = Limit::new("PG15", message, fix);
    limits.push(create(if loaded { limit } else { limit.restart(Place::Sql, preload(facts)) }));
    false
}

fn create(limit: Limit) -> Limit {
    limit.command(Place::SqlAfterRestart, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements;")
}

/// The libraries that are there and the two that are wanted, each a string of its own: one string would be one library.
fn preload(facts: &Facts) -> String {
    let now = facts.get("shared_preload_libraries");
    let mut all: Vec<&str> =
        now.split(',').map(|one| one.trim().trim_matches('"')).filter(|one| !one.is_empty()).collect();
    all.extend(["pgaudit", "pg_stat_statements"].into_iter().filter(|wanted| !now.contains(wanted)));
    let list: Vec<String> = all.into_iter().map(quoted).collect();
    format!("ALTER SYSTEM SET shared_preload_libraries = {};", list.join(", "))
}

fn set(name: &str, value: &str) -> String {
    format!("ALTER SYSTEM SET {name} = {value};")
}

fn collector(limit: Limit) -> Limit {
    let limit = limit.restart(Place::Sql, set("logging_collector", "on"));
    limit.command(Place::Sql, set("log_destination", "'jsonlog'"))
}

/// The connection that measures, and what it needs.
fn connection(limit: Limit, facts: &Facts) -> Limit {
    let role = "CREATE ROLE kuzet LOGIN;\nGRANT pg_monitor TO kuzet;\n-- then give it a password: \\password kuzet";
    let limit = limit.command(Place::Sql, role);
    // One that does not answer is there already.
    if facts.asked == Asked::Nobody { limit.command(Place::Agent, database(facts)) } else { limit }
}

/// The commands of a limit that the statistics compensate: what is missing of them.
fn measured(limit: Limit, facts: &Facts, statistics: bool) -> Limit {
    let limit = limit.compensated(statistics, STATISTICS);
    if statistics || facts.answers() {
        return limit; // PG15 tells the rest
    }
    let loaded = facts.get("shared_preload_libraries").contains("pg_stat_statements");
    create(connection(if loaded { limit } else { limit.restart(Place::Sql, preload(facts)) }, facts))
}

/// The classes of pgaudit that are on: `all, -misc` and the like.
pub(super) fn has(classes: &str, wanted: &str) -> bool {
    let mut on = false;
    for class in classes.split(',').map(|class| class.trim().to_ascii_lowercase()) {
        let (add, class) = class.strip_prefix('-').map_or((true, class.as_str()), |class| (false, class));
        let same = class == "all" || class == wanted || (class == "misc" && wanted == "misc_set");
        if same {
            on = add;
        }
    }
    on
}

fn audit(facts: &Facts, statistics: bool, limits: &mut Vec<Limit>) {
    let classes = facts.get("pgaudit.log");
    let mut missing = Vec::new();
    for (class, sights) in [
        ("read", &[Sight::Reads, Sight::Exports, Sight::Cursors, Sight::PackedAggregates][..]),
        ("write", &[Sight::Writes]),
        ("role", &[Sight::Privileges]),
        ("ddl", &[Sight::Privileges]),
    ] {
        if !has(classes, class) {
            missing.extend(sights.iter().copied());
        }
    }
    if !missing.is_empty() {
        let message = format!("pgaudit.log = '{classes}' does not record all of reads, writes, roles and definitions");
        let limit = Limit::new("PG05", message, format!("set pgaudit.log = '{CLASSES}'")).hides(&missing);
        limits.push(limit.command(Place::Sql, set("pgaudit.log", &quoted(CLASSES))));
    }
    if facts.is_on("pgaudit.log_rows") {
        let message = "pgaudit.log_rows = on: COPY, pg_dump and cursors are recorded without table and with 0 rows";
        let fix = "set pgaudit.log_rows = off, and take rows from pg_stat_statements by a [[database]] connection";
        let limit = Limit::new("PG06", message, fix).hides(&[Sight::Exports, Sight::Cursors]);
        limits.push(measured(limit, facts, statistics).command(Place::Sql, set("pgaudit.log_rows", "off")));
        let message = "pgaudit.log_rows = on: a statement that is cancelled, or whose client goes away, leaves no record of pgaudit";
        let errors =
            ["", "error", "warning", "notice", "info", "log", "debug1", "debug2", "debug3", "debug4", "debug5"];
        let told = errors.contains(&facts.get("log_min_error_statement").to_ascii_lowercase().as_str());
        let limit = Limit::new("PG12", message, "set pgaudit.log_rows = off").hides(&[Sight::Cancelled]);
        let limit = limit.compensated(told, "the error's own line with its statement");
        limits.push(limit.command(Place::Sql, set("pgaudit.log_rows", "off")));
    } else {
        let message = "row counts are not in the log (pgaudit.log_rows = off): bounded by the catalogue's persons";
        let fix = "add a [[database]] connection with pg_stat_statements, and give persons in the catalogue";
        limits.push(measured(Limit::new("PG07", message, fix).hides(&[Sight::Rows]), facts, statistics));
    }
    if !facts.is_on("pgaudit.log_parameter") {
        let message = "bound parameters are not recorded: people looked up by prepared statements cannot be counted";
        let limit = Limit::new("PG08", message, "set pgaudit.log_parameter = on").hides(&[Sight::BoundValues]);
        limits.push(limit.command(Place::Sql, set("pgaudit.log_parameter", "on")));
    }
    let message = "a superuser can blind pgaudit for a session (SET, set_config, DO, PGOPTIONS); SET and PGOPTIONS leave no record";
    let fix =
        "add a [[database]] connection: sessions and statistics are held against the log; give people no SUPERUSER";
    let limit = Limit::new("PG09", message, fix).hides(&[Sight::BlindedSessions]);
    let limit = limit.compensated(facts.answers(), SESSIONS);
    limits.push(if facts.answers() { limit } else { connection(limit, facts) });
    let message = "pgaudit cuts a statement at PASSWORD: `ALTER ROLE … PASSWORD '…' SUPERUSER` loses SUPERUSER";
    let limit =
        Limit::new("PG14", message, "add a [[database]] connection: roles are compared").hides(&[Sight::Privileges]);
    let limit = limit.compensated(facts.answers(), "pg_roles through [[database]]");
    limits.push(if facts.answers() { limit } else { connection(limit, facts) });
    if facts.settings.as_ref().is_some_and(|all| all.contains_key("pgaudit.log_statement"))
        && !facts.is_on("pgaudit.log_statement")
    {
        let limit = Limit::new(
            "PG13",
            "pgaudit.log_statement = off: statements have no text",
            "set pgaudit.log_statement = on",
        );
        let limit = limit.hides(&[Sight::StatementText, Sight::PackedAggregates]);
        limits.push(limit.command(Place::Sql, set("pgaudit.log_statement", "on")));
    }
}

/// Without pgaudit.
fn statements(facts: &Facts, statistics: bool, limits: &mut Vec<Limit>) {
    if facts.get("log_statement").eq_ignore_ascii_case("all") {
        let message =
            "log_statement = 'all' gives no row counts, and writes passwords and values in clear into the log";
        let limit = Limit::new("PG11", message, "use pgaudit instead").hides(&[Sight::Rows]);
        limits.push(pgaudit(measured(limit, facts, statistics), facts));
        return;
    }
    let message = "reads of personal data leave no record: neither pgaudit nor log_statement = 'all' is on";
    let fix = "install pgaudit, load it and set pgaudit.log, pgaudit.log_relation and pgaudit.log_parameter";
    let per_role = [Sight::Reads, Sight::Writes, Sight::Exports, Sight::Cursors, Sight::Rows];
    let limit = measured(Limit::new("PG04", message, fix).hides(&per_role), facts, statistics);
    limits.push(pgaudit(limit, facts));
    let message =
        "without a record of statements their text, their parameters and what is packed into one row are not seen";
    let mut hidden = vec![Sight::Cancelled, Sight::BoundValues, Sight::PackedAggregates, Sight::StatementText];
    let defined = ["ddl", "mod"].contains(&facts.get("log_statement").to_ascii_lowercase().as_str());
    if !defined && !facts.answers() {
        hidden.push(Sight::Privileges);
    }
    limits.push(Limit::new("PG16", message, "as PG04").hides(&hidden));
}

/// The commands that put pgaudit in.
fn pgaudit(limit: Limit, facts: &Facts) -> Limit {
    let limit =
        limit.command(Place::Shell, "apt-get install postgresql-15-pgaudit   # the package of the server's version");
    let limit = limit.restart(Place::Sql, preload(facts));
    // Before the library is loaded the server refuses to set what it does not know.
    let settings = [("log", quoted(CLASSES)), ("log_relation", "on".into()), ("log_parameter", "on".into())];
    let after = |limit: Limit, (name, value): (&str, String)| {
        limit.command(Place::SqlAfterRestart, set(&format!("pgaudit.{name}"), &value))
    };
    settings.into_iter().fold(limit, after)
}

fn common(facts: &Facts, limits: &mut Vec<Limit>) {
    // Version 18 takes a list of stages here.
    let logins = facts.get("log_connections").to_ascii_lowercase();
    if ["", "off", "false", "no", "0"].contains(&logins.as_str()) {
        let message = "logins are not recorded (log_connections = off): only failed ones are seen";
        let limit = Limit::new("PG10", message, "set log_connections = on and log_disconnections = on");
        let limit = limit
            .hides(&[Sight::Logins])
            .compensated(facts.answers(), "pg_stat_activity through [[database]], but for short sessions");
        let limit = limit.command(Place::Sql, set("log_connections", "on"));
        limits.push(limit.command(Place::Sql, set("log_disconnections", "on")));
    }
    let name = facts.get("log_filename");
    let repeats = !(name.is_empty() || name.contains("%Y") || name.contains("%y") || name.contains("%s"));
    if facts.is_on("log_truncate_on_rotation") && repeats {
        let message =
            "log files are emptied when their name comes again: an agent that stood still so long has lost them";
        let limit = Limit::new("PG17", message, "set log_truncate_on_rotation = off, or a log_filename with a date");
        let limit = limit.hides(&[Sight::Rotation]);
        limits.push(limit.command(Place::Sql, set("log_truncate_on_rotation", "off")));
    }
}
