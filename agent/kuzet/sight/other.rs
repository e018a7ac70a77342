//! What the logs of other systems hide. Their servers are not asked: what is said comes from their documentation.

use super::{Facts, Limit, Sight};
use kuzet_decode::Format;

/// Code, formats, what is not seen, why, what to change, and whether it is merely not known.
type Row = (&'static str, &'static [Format], &'static [Sight], &'static str, &'static str, bool);

/// Everything that only the log of the server itself tells.
const OF_THE_SERVER: &[Sight] = &[
    Sight::Reads,
    Sight::Writes,
    Sight::Exports,
    Sight::Cursors,
    Sight::Cancelled,
    Sight::Rows,
    Sight::BoundValues,
    Sight::Privileges,
    Sight::AuditSettings,
    Sight::BlindedSessions,
    Sight::PackedAggregates,
    Sight::StatementText,
];

const ROWS: &[Row] = &[
    (
        "OT01",
        &[Format::Pgbouncer],
        OF_THE_SERVER,
        "PgBouncer's log tells of logins only",
        "follow the log of the server behind it as well",
        false,
    ),
    ("OT02", &[Format::Pgbouncer], &[Sight::ForgedLines], "its lines can be forged before login", "none", false),
    (
        "OT03",
        &[Format::MongodbAudit],
        &[Sight::Reads, Sight::Writes, Sight::Exports, Sight::Cursors],
        "reads and writes are in the audit log only with auditAuthorizationSuccess; whether it is on is not known",
        "setParameter: auditAuthorizationSuccess = true, and an auditLog.filter that keeps atype authCheck",
        true,
    ),
    (
        "OT04",
        &[Format::MongodbAudit, Format::MongodbLog],
        &[Sight::Rows, Sight::BlindedSessions],
        "the log does not tell how many documents were given, nor who is left out of it",
        "give persons in the catalogue",
        false,
    ),
    (
        "OT05",
        &[Format::MongodbLog],
        &[Sight::Reads, Sight::Writes, Sight::Exports, Sight::Cursors, Sight::Privileges],
        "the structured log tells of operations slower than slowms only; whether that is 0 is not known",
        "db.setProfilingLevel(0, { slowms: 0 }), or the audit log",
        true,
    ),
    (
        "OT06",
        &[Format::Redis],
        &[Sight::Rows, Sight::Cancelled, Sight::BlindedSessions],
        "MONITOR shows no denied command and no reply; ACL LOG groups repeats",
        "give people an account each with the least rights",
        false,
    ),
    (
        "OT07",
        &[Format::Mapped],
        &[Sight::BlindedSessions, Sight::Exports, Sight::Privileges, Sight::AuditSettings, Sight::Cancelled],
        "an application's journal tells what the application writes down, not who goes to its database directly",
        "follow the log of the database as well",
        false,
    ),
    (
        "OT08",
        &[Format::Syslog, Format::Journald],
        Sight::ALL,
        "which server stands behind this log, and what it writes, is not known",
        "add a [[database]] with source = the name of this one",
        true,
    ),
];

pub(super) fn limits(facts: &Facts) -> Vec<Limit> {
    let of = |row: &&Row| row.1.iter().any(|format| facts.follows(*format));
    let limit = |(code, _, hides, message, fix, unknown): &Row| {
        let limit = Limit::new(code, *message, *fix).hides(hides);
        if *unknown { limit.unknown() } else { limit }
    };
    ROWS.iter().filter(of).map(limit).collect()
}
