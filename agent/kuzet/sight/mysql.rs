//! What MariaDB and MySQL hide, as measured on MariaDB 10.11 with server_audit.

use super::{Asked, Facts, Limit, Place, Sight, database};
use kuzet_decode::Format;

/// Audit log that is kept on disk for an agent that stands still: half a minute of the load that was measured.
const KEPT: u64 = 100_000_000;
/// server_audit cuts statements at this length unless told otherwise.
const CUT: u64 = 1024;
const GENERAL: &str = "the general log";

/// Formats of MySQL Enterprise and Percona Server.
const AUDITS: [Format; 3] = [Format::MysqlAuditJson, Format::MysqlAuditXml, Format::MysqlAuditCsv];

pub(super) fn limits(facts: &Facts) -> Vec<Limit> {
    let mut limits = Vec::new();
    let nothing = !facts.followed && facts.formats.is_empty();
    if nothing && facts.settings.is_some() {
        no_audit(facts, false, &mut limits);
        return limits;
    }
    let general = facts.follows(Format::MariadbGeneralLog);
    rows(facts, &mut limits);
    if facts.formats.iter().any(|format| AUDITS.contains(format)) {
        let message = "whether the audit log's filter leaves accounts or classes out is not known";
        let fix = "look at audit_log_policy (ALL) and the filters; add a [[database]] connection for changed settings";
        let hidden = [Sight::Reads, Sight::Writes, Sight::Exports, Sight::Logins];
        let all = facts.get("audit_log_policy").eq_ignore_ascii_case("all");
        limits.extend((!all).then(|| Limit::new("MY12", message, fix).hides(&hidden).unknown()));
        return limits;
    }
    let message = "user names are written unescaped: a line can be forged before login";
    let fix = "take the right to choose user names from people; hold the log against a [[database]] connection";
    limits.push(Limit::new("MY07", message, fix).hides(&[Sight::ForgedLines]));
    if facts.settings.is_none() {
        let message = "its settings are not known: what it logs cannot be told";
        let fix = "add a [[database]] connection, or run doctor on the server's host where its option file is readable";
        let known = [Sight::ForgedLines, Sight::Person, Sight::Rows];
        let hidden: Vec<Sight> = Sight::ALL.iter().copied().filter(|sight| !known.contains(sight)).collect();
        limits.push(connection(Limit::new("MY01", message, fix).hides(&hidden).unknown(), facts));
        return limits;
    }
    if !crate::config::discover::audits(facts.settings.as_ref().unwrap_or(&super::Settings::new())) {
        no_audit(facts, general, &mut limits);
        return limits;
    }
    audit(facts, general, &mut limits);
    limits
}

/// The role that is asked by a `[[database]]`.
fn connection(limit: Limit, facts: &Facts) -> Limit {
    let role = "CREATE USER 'kuzet'@'localhost';\nGRANT PROCESS ON *.* TO 'kuzet'@'localhost';\n-- then give it a password: ALTER USER 'kuzet'@'localhost' IDENTIFIED BY '…';";
    let limit = limit.command(Place::Sql, role);
    // One that does not answer is there already.
    if facts.asked == Asked::Nobody { limit.command(Place::Agent, database(facts)) } else { limit }
}

/// A setting that holds at once, and after a restart by the option file.
fn set(limit: Limit, name: &str, value: &str) -> Limit {
    let limit = limit.command(Place::Sql, format!("SET GLOBAL {name} = {value};"));
    limit.command(Place::Configuration, format!("{name} = {}", value.trim_matches('\'')))
}

fn rows(facts: &Facts, limits: &mut Vec<Limit>) {
    let every = facts.get("long_query_time").parse::<f64>().is_ok_and(|seconds| seconds == 0.0);
    let slow = facts.follows(Format::MariadbSlowLog) && facts.is_on("slow_query_log") && every;
    if slow {
        return;
    }
    let message = "server_audit gives no row counts, and the slow log not those of every statement: bounded by the \
                   catalogue's persons";
    let fix = "follow the slow log with long_query_time = 0 and log_slow_verbosity = query_plan; or give persons in the \
               catalogue";
    let limit = Limit::new("MY03", message, fix).hides(&[Sight::Rows]);
    let counted = facts.answers() && facts.is_on("userstat");
    let limit = limit.compensated(counted, "USER_STATISTICS through [[database]]: by account, not by table");
    let wanted = [("slow_query_log", "ON"), ("log_slow_verbosity", "'query_plan'"), ("long_query_time", "0")];
    let limit = wanted.into_iter().fold(limit, |limit, (name, value)| set(limit, name, value));
    let data = facts.get("datadir").trim_end_matches('/');
    let slow = format!("{}/*-slow.log", if data.is_empty() { "/var/lib/mysql" } else { data });
    let source = format!("[[source]]\nname = \"mariadb-slow\"\nformat = \"mariadb_slow_log\"\npaths = [{slow:?}]");
    limits.push(limit.command(Place::Agent, source));
}

fn no_audit(facts: &Facts, general: bool, limits: &mut Vec<Limit>) {
    let message = "no audit log: server_audit is not loaded or not logging";
    let fix = "load server_audit for good and log CONNECT, QUERY and TABLE to a file";
    let hidden: Vec<Sight> = Sight::ALL
        .iter()
        .copied()
        .filter(|sight| ![Sight::ForgedLines, Sight::Person, Sight::Rows].contains(sight))
        .collect();
    let mut limit = Limit::new("MY02", message, fix).hides(&hidden).compensated(general, GENERAL);
    limit = limit.command(Place::Sql, "INSTALL SONAME 'server_audit';");
    limit = limit.command(Place::Configuration, "plugin_load_add = server_audit");
    limit = limit.command(Place::Configuration, "server_audit = FORCE_PLUS_PERMANENT");
    for (name, value) in [
        ("server_audit_events", "'CONNECT,QUERY,TABLE'"),
        ("server_audit_file_rotate_size", "100000000"),
        ("server_audit_query_log_limit", "65536"),
        ("server_audit_logging", "ON"),
    ] {
        limit = set(limit, name, value);
    }
    limits.push(limit);
    if general {
        let message = "SET sql_log_off = 1 takes a session out of the general log without another record";
        let limit = Limit::new("MY13", message, "load server_audit as well").hides(&[Sight::BlindedSessions]);
        let limit = limit.compensated(facts.answers(), "the process list through [[database]]");
        limits.push(if facts.answers() { limit } else { connection(limit, facts) });
    }
}

fn audit(facts: &Facts, general: bool, limits: &mut Vec<Limit>) {
    let events = facts.get("server_audit_events").to_ascii_uppercase();
    let mut missing = Vec::new();
    let every = [Sight::Reads, Sight::Writes, Sight::Exports, Sight::Cursors];
    let has = |class: &str| events.split(',').any(|event| event.trim() == class);
    if !events.is_empty() {
        if !has("CONNECT") {
            missing.extend([Sight::Logins, Sight::FailedLogins]);
        }
        if !has("QUERY") {
            missing.extend([Sight::Privileges, Sight::AuditSettings, Sight::StatementText, Sight::PackedAggregates]);
        }
        if !has("TABLE") && !has("QUERY") {
            missing.extend(every);
        }
    }
    if !missing.is_empty() || (!events.is_empty() && !has("TABLE")) {
        let message = format!("server_audit_events = '{events}' leaves out logins, statements or tables");
        let limit = Limit::new("MY04", message, "server_audit_events = 'CONNECT,QUERY,TABLE'").hides(&missing);
        limits.push(set(limit.compensated(general, GENERAL), "server_audit_events", "'CONNECT,QUERY,TABLE'"));
    }
    if !facts.get("server_audit_excl_users").is_empty() || !facts.get("server_audit_incl_users").is_empty() {
        let message = "server_audit_excl_users or server_audit_incl_users hides accounts from the audit log";
        let limit = Limit::new("MY05", message, "set both to ''").hides(&every).compensated(general, GENERAL);
        limits.push(set(set(limit, "server_audit_incl_users", "''"), "server_audit_excl_users", "''"));
    }
    if !facts.get("server_audit").eq_ignore_ascii_case("force_plus_permanent") {
        let message = "the audit plugin can be uninstalled while the server runs; nothing is recorded afterwards";
        let limit = Limit::new("MY06", message, "server_audit = FORCE_PLUS_PERMANENT").hides(&[Sight::BlindedSessions]);
        let limit = limit.compensated(facts.answers(), "plugins through [[database]]");
        limits.push(limit.restart(Place::Configuration, "server_audit = FORCE_PLUS_PERMANENT"));
    }
    let message = "SET GLOBAL server_audit_events leaves no record in the audit log";
    let limit = Limit::new("MY11", message, "add a [[database]] connection, or follow the general log")
        .hides(&[Sight::AuditSettings]);
    let limit = limit.compensated(
        general || facts.answers(),
        if general { GENERAL } else { "global variables through [[database]]" },
    );
    limits.push(if general || facts.answers() { limit } else { connection(limit, facts) });
    let message = "whether values bound to prepared statements are in the audit log was not measured";
    let limit = Limit::new("MY08", message, "follow the general log; it is large, and holds values in clear")
        .hides(&[Sight::BoundValues])
        .unknown();
    limits.push(limit.compensated(general, GENERAL));
    lengths(facts, general, limits);
}

/// What is cut, and what is rotated away.
fn lengths(facts: &Facts, general: bool, limits: &mut Vec<Limit>) {
    let number = |name: &str, usual: u64| facts.get(name).parse().unwrap_or(usual);
    let cut = number("server_audit_query_log_limit", CUT);
    if cut < 65_536 {
        let message = format!("statements are cut at {cut} bytes (server_audit_query_log_limit)");
        let limit = Limit::new("MY09", message, "server_audit_query_log_limit = 65536").hides(&[Sight::StatementText]);
        limits.push(set(limit.compensated(general, GENERAL), "server_audit_query_log_limit", "65536"));
    }
    let kept =
        number("server_audit_file_rotate_size", 1_000_000).saturating_mul(number("server_audit_file_rotations", 9));
    if kept > 0 && kept < KEPT {
        let message = format!(
            "the audit log keeps {} MB: under load an agent that stands still for seconds loses records",
            kept / 1_000_000
        );
        let limit = Limit::new("MY10", message, "server_audit_file_rotate_size = 100000000").hides(&[Sight::Rotation]);
        limits.push(set(limit, "server_audit_file_rotate_size", "100000000"));
    }
}
