//! What MongoDB hides. Its server is not asked: what is said comes from its documentation.

use super::{Facts, Limit, Place, Sight};
use kuzet_decode::Format;

const AUDIT: &str =
    "auditLog:\n  destination: file\n  format: JSON\n  path: /var/log/mongodb/audit.json   # and no filter:";

pub(super) fn limits(facts: &Facts, limits: &mut Vec<Limit>) {
    let (audit, log) = (facts.follows(Format::MongodbAudit), facts.follows(Format::MongodbLog));
    if !audit && !log {
        return;
    }
    if audit {
        let message = "reads and writes are in the audit log only with auditAuthorizationSuccess; whether it is on is \
                       not known";
        let fix = "set auditAuthorizationSuccess = true; it costs the server speed, measure it";
        let limit = Limit::new("OT03", message, fix);
        let limit = limit.hides(&[Sight::Reads, Sight::Writes, Sight::Exports, Sight::Cursors]).unknown();
        let limit = limit.command(Place::Shell, admin("setParameter: 1, auditAuthorizationSuccess: true"));
        limits.push(limit.command(Place::Configuration, "setParameter:\n  auditAuthorizationSuccess: true"));
        let message = "whether auditLog.filter leaves accounts or kinds of acts out of the audit log is not known";
        let limit = Limit::new("OT09", message, "take auditLog.filter out, or let it leave out nobody and no atype");
        let hidden = [Sight::FailedLogins, Sight::Privileges, Sight::AuditSettings];
        limits.push(limit.hides(&hidden).unknown().restart(Place::Configuration, AUDIT));
    } else {
        let message =
            "no audit log is followed: rights given and taken, and changes of what is logged, leave no record";
        let fix = "set auditLog.destination = file (MongoDB Enterprise, Percona Server for MongoDB) and follow it";
        let limit = Limit::new("OT10", message, fix).hides(&[Sight::Privileges, Sight::AuditSettings]);
        let source = "[[source]]\nname = \"mongodb-audit\"\nformat = \"mongodb_audit\"\n\
                      paths = [\"/var/log/mongodb/audit.json*\"]";
        limits.push(limit.restart(Place::Configuration, AUDIT).command(Place::Agent, source));
    }
    unseen(log, limits);
    if log {
        let message = "the structured log tells of operations slower than operationProfiling.slowOpThresholdMs only; \
                       whether that is 0 is not known";
        let fix = "set operationProfiling.slowOpThresholdMs = 0 and slowOpSampleRate = 1.0; the log grows with each operation";
        let limit = Limit::new("OT05", message, fix);
        let limit = limit.hides(&[Sight::Reads, Sight::Writes, Sight::Exports, Sight::Cursors, Sight::Rows]).unknown();
        let limit = limit.command(Place::Shell, admin("profile: 0, slowms: 0, sampleRate: 1.0"));
        let lines = "operationProfiling:\n  slowOpThresholdMs: 0\n  slowOpSampleRate: 1.0";
        limits.push(limit.command(Place::Configuration, lines));
    }
    let message =
        "whether security.authorization is enabled is not known: without it nobody logs in, and the log names nobody";
    let limit = Limit::new("OT11", message, "create an administrator, then set security.authorization = enabled");
    let limit = limit.hides(&[Sight::Logins]).unknown();
    limits.push(limit.restart(Place::Configuration, "security:\n  authorization: enabled"));
}

/// What no setting shows.
fn unseen(log: bool, limits: &mut Vec<Limit>) {
    let message = "that somebody was left out of what is logged leaves no record";
    let fix =
        "compare the users of the catalogue with those that the log names; give people no right to set parameters";
    limits.push(Limit::new("OT16", message, fix).hides(&[Sight::BlindedSessions]));
    if !log {
        let message = "the audit log does not tell how many documents were given: bounded by the catalogue's persons";
        let fix = "follow the structured log too: it has nreturned of operations slower than slowOpThresholdMs";
        limits.push(Limit::new("OT04", message, fix).hides(&[Sight::Rows]));
    }
}

/// A command of the administrator, as the shell takes it.
fn admin(command: &str) -> String {
    format!("mongosh --quiet --eval 'db.adminCommand({{ {command} }})'")
}
