//! What the logs of poolers and applications hide, and those whose server is not known. It comes from their documentation.

use super::{Facts, Limit, Sight, mongodb, redis};
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
    let mut limits: Vec<Limit> = ROWS.iter().filter(of).map(limit).collect();
    mongodb::limits(facts, &mut limits);
    redis::limits(facts, &mut limits);
    limits
}
