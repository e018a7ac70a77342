//! What Redis hides. The agent's role may read no settings there: what is said comes from its documentation.

use super::{Facts, Limit, Place, Sight};
use kuzet_decode::Format;

pub(super) fn limits(facts: &Facts, limits: &mut Vec<Limit>) {
    if !facts.follows(Format::Redis) {
        return;
    }
    let message = "a command that is denied has no reply, and none shows how much it gave: MONITOR and ACL LOG tell \
                   requests only";
    let fix = "give persons in the catalogue; give people an account each with the least rights";
    limits.push(Limit::new("OT06", message, fix).hides(&[Sight::Rows, Sight::Cancelled]));
    if !facts.commands {
        let message =
            "ACL LOG tells what was denied: a command that is allowed, and a login that works, leave no record";
        let fix = "set monitor = true in its source; MONITOR may halve the speed of a busy server, measure it first";
        let hidden = [
            Sight::Logins,
            Sight::Reads,
            Sight::Writes,
            Sight::Exports,
            Sight::Cursors,
            Sight::BoundValues,
            Sight::PackedAggregates,
            Sight::StatementText,
        ];
        let line = "# in the [[source]] of this server, if it bears MONITOR:\n# redis = { …, monitor = true }";
        limits.push(Limit::new("OT12", message, fix).hides(&hidden).command(Place::Agent, line));
    }
    let message =
        "ACL LOG keeps acllog-max-len entries (128 unless set): more denials between two looks push the oldest out";
    let limit = Limit::new("OT13", message, "set acllog-max-len = 4096, as many as the agent asks for");
    let limit = limit.hides(&[Sight::FailedLogins, Sight::Rotation]).unknown();
    limits.push(set(limit, "acllog-max-len", "4096"));
    let message =
        "whether people have ACL users of their own is not known: without requirepass or users all are `default`";
    let fix =
        "give each program and person an ACL user, and the user default a password (requirepass) or none of the rights";
    let limit = Limit::new("OT14", message, fix).hides(&[Sight::Person]).unknown();
    let user = "redis-cli ACL SETUSER clerk on '>…' '~app:*' -@all +@read +@write -@dangerous   # one each; aclfile keeps them";
    limits.push(limit.command(Place::Shell, user).command(Place::Configuration, "requirepass …"));
    let message = "MONITOR shows no administrative command: ACL SETUSER, CONFIG SET, ACL LOG RESET and a replica's copy \
                   leave no record";
    let fix =
        "take @admin and @dangerous from everybody but an administrator; on servers without ACL use rename-command";
    let hidden = [Sight::Exports, Sight::Privileges, Sight::AuditSettings, Sight::BlindedSessions];
    let limit = Limit::new("OT15", message, fix).hides(&hidden);
    let limit = limit.command(Place::Shell, "redis-cli ACL SETUSER clerk -@admin -@dangerous   # each user but one");
    limits.push(limit.restart(Place::Configuration, "rename-command CONFIG \"\"   # before Redis 6, without ACL"));
}

/// A setting that holds at once, and after a restart by the configuration file.
fn set(limit: Limit, name: &str, value: &str) -> Limit {
    let limit = limit.command(Place::Shell, format!("redis-cli CONFIG SET {name} {value}"));
    limit.command(Place::Configuration, format!("{name} {value}"))
}
