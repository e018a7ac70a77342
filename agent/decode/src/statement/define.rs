//! CREATE, ALTER and DROP.

use super::calls;
use super::facts::Facts;
use super::head::{list, walk};
use super::role;
use super::set;
use super::view::View;
use super::words;
use kuzet_event::{Access, Flag, Verb};
use std::ops::Range;

/// CREATE, ALTER, DROP.
pub(super) fn define(view: View<'_>, range: Range<usize>, nested: bool) -> Facts {
    let start = range.start;
    let mut facts = Facts::new();
    let mut kind = start + 1;
    while view.any(
        kind,
        &[
            "OR",
            "REPLACE",
            "TEMP",
            "TEMPORARY",
            "UNLOGGED",
            "GLOBAL",
            "LOCAL",
            "RECURSIVE",
            "MATERIALIZED",
            "FOREIGN",
            "UNIQUE",
        ],
    ) {
        kind += 1;
    }
    let verb = view.keyword(start);
    let (creates, drops) = (verb.as_str() == "CREATE", verb.as_str() == "DROP");
    let owner = range.clone().find(|at| !creates && view.all(*at, &["OWNER", "TO"]));
    match view.keyword(kind).as_str() {
        "USER" if view.is(kind + 1, "MAPPING") => outside(&view, kind, &range, drops, &mut facts),
        "SERVER" | "DATA" | "LANGUAGE" | "PUBLICATION" | "SUBSCRIPTION" => {
            outside(&view, kind, &range, drops, &mut facts);
        }
        "ROLE" | "USER" | "GROUP" => {
            let settings = verb.as_str() == "ALTER" && set::alter(&view, range.clone(), &mut facts);
            if !settings {
                role::role(&view, kind, range, &mut facts);
            }
        }
        "SYSTEM" | "DATABASE" if !creates && !drops && set::alter(&view, range.clone(), &mut facts) => {}
        "POLICY" => {
            let on = view.find(range, "ON").map(|on| on + 1);
            role::on_relation(&view, "POLICY", on, &mut facts);
        }
        "DEFAULT" if view.is(kind + 1, "PRIVILEGES") => {
            facts.raise(Verb::Role);
            if let Some(at) = range.clone().find(|at| view.any(*at, &["GRANT", "REVOKE"])) {
                role::grant(&view, at..range.end, &mut facts);
            }
        }
        "OWNED" => role::on_relation(&view, "OWNED", None, &mut facts),
        "EXTENSION" => extension(&view, &range, drops, &mut facts),
        _ if owner.is_some() => {
            let table = if view.any(kind, &["TABLE", "VIEW"]) { Some(name_at(&view, kind + 1)) } else { None };
            role::on_relation(&view, "OWNER", table, &mut facts);
            role::owner(&view, owner.map_or(range.end, |at| at + 2), range, &mut facts);
        }
        "TABLE" | "VIEW" | "SCHEMA" | "DATABASE" | "TABLES" if drops => {
            let relations = view.any(kind, &["TABLE", "TABLES", "VIEW"]);
            facts.raise(Verb::Drop);
            if relations {
                list(&view, kind + 1, &range, Verb::Drop, Access::Write, &mut facts);
            }
        }
        "TABLE" | "VIEW" => return table(view, kind, range, nested),
        "FUNCTION" | "PROCEDURE" | "TRIGGER" | "EVENT" | "PACKAGE" | "AGGREGATE" if creates => {
            return code(view, kind, range, nested);
        }
        "INDEX" | "RULE" => {
            facts.raise(Verb::Define);
            if let Some(on) = view.find(range, "ON") {
                let (path, _) = view.path(on + 1 + usize::from(view.is(on + 1, "ONLY")));
                facts.relation(&path, Access::Write);
            }
        }
        _ => facts.raise(Verb::Define),
    }
    facts
}

/// What reaches beyond this database: foreign servers and accounts there, replication, languages.
fn outside(view: &View<'_>, kind: usize, range: &Range<usize>, drops: bool, facts: &mut Facts) {
    facts.raise(Verb::Define);
    if drops {
        return;
    }
    match view.keyword(kind).as_str() {
        "LANGUAGE" => calls::language(view, kind..range.end, facts),
        "SUBSCRIPTION" => facts.flags.insert(Flag::Replication),
        "PUBLICATION" => {
            facts.flags.insert(Flag::Replication);
            if let Some(at) = range.clone().find(|at| view.is(*at, "TABLE")) {
                list(view, at, range, Verb::Define, Access::Read, facts);
            }
        }
        _ => facts.flags.insert(Flag::RemoteServer),
    }
}

/// CREATE or DROP of an extension; two of them are what the agent sees by.
fn extension(view: &View<'_>, range: &Range<usize>, drops: bool, facts: &mut Facts) {
    facts.raise(Verb::Define);
    let eyes = |name: String| ["pgaudit", "pg_stat_statements"].iter().any(|eye| name.eq_ignore_ascii_case(eye));
    if range.clone().any(|at| view.name(at).is_some_and(eyes)) {
        facts.flags.insert(if drops { Flag::WeakensAudit } else { Flag::RestoresAudit });
    }
    if view.is(range.start, "CREATE")
        && let Some(flag) = range.clone().find_map(|at| view.name(at).and_then(|name| words::outside(&name)))
    {
        facts.flags.insert(flag);
    }
}

/// Index of the name behind IF [NOT] EXISTS and ONLY.
fn name_at(view: &View<'_>, at: usize) -> usize {
    let mut at = at;
    while view.any(at, &["IF", "NOT", "EXISTS", "ONLY"]) {
        at += 1;
    }
    at
}

/// CREATE or ALTER of a table or view.
fn table(view: View<'_>, kind: usize, range: Range<usize>, nested: bool) -> Facts {
    let creates = view.is(range.start, "CREATE");
    let name = name_at(&view, kind + 1);
    let (path, next) = view.path(name);
    let query =
        (next..range.end).find(|at| view.any(*at, &["SELECT", "WITH", "TABLE", "VALUES"]) && !view.is(at + 1, "TIME"));
    let query =
        query.filter(|at| creates && (!view.is(*at, "WITH") || view.is(*at + 2, "AS") || view.is(at + 1, "RECURSIVE")));
    let mut facts = match query {
        Some(at) => walk(view, at..range.end, nested),
        None => Facts::new(),
    };
    let reads = facts.relations.iter().any(|relation| relation.access == Access::Read);
    facts.relation(&path, Access::Write);
    kept(&view, kind, next, &range, &mut facts);
    let stored = view.is(kind, "TABLE") || (range.start..kind).any(|at| view.is(at, "MATERIALIZED"));
    facts.verb = if reads && stored { Verb::CreateCopy } else { Verb::Define };
    for at in next..range.end.min(next + 8) {
        if view.all(at, &["ROW", "LEVEL", "SECURITY"]) && !creates {
            let off = view.is(at.wrapping_sub(1), "DISABLE") || view.all(at.wrapping_sub(2), &["NO", "FORCE"]);
            if off {
                facts.flags.insert(Flag::Escalates);
            }
            let right = if off { "DISABLE ROW LEVEL SECURITY" } else { "ROW LEVEL SECURITY" };
            role::on_relation(&view, right, Some(name), &mut facts);
        }
    }
    facts
}

/// Where a new table or view is kept, and a new name that ALTER gives.
fn kept(view: &View<'_>, kind: usize, next: usize, range: &Range<usize>, facts: &mut Facts) {
    let before = range.start..kind;
    if view.is(range.start, "CREATE") {
        if before.clone().any(|at| view.any(at, &["TEMP", "TEMPORARY"])) {
            facts.flags.insert(Flag::Temporary);
        }
        if before.clone().any(|at| view.is(at, "FOREIGN")) {
            facts.flags.insert(Flag::RemoteServer);
        }
        let engine =
            range.clone().find(|at| view.is(*at, "ENGINE")).map(|at| at + 1 + usize::from(view.op(at + 1, b'=')));
        if let Some(flag) = engine.and_then(|at| view.name(at)).and_then(|name| words::outside(&name)) {
            facts.flags.insert(flag);
        }
        return;
    }
    let Some(rename) = (next..range.end).find(|at| view.is(*at, "RENAME")) else { return };
    let name = rename + 1 + usize::from(view.any(rename + 1, &["TO", "AS"]));
    let part = ["COLUMN", "CONSTRAINT", "INDEX", "KEY", "VALUE", "ATTRIBUTE"];
    let column = !view.any(rename + 1, &["TO", "AS"]) && view.is(rename + 2, "TO");
    if !view.any(rename + 1, &part) && !column && view.is_name(name) {
        facts.relation(&view.path(name).0, Access::Write);
        facts.flags.insert(Flag::Renames);
    }
}

/// CREATE of a function, procedure, trigger or event: what its body would do is told with it.
fn code(view: View<'_>, kind: usize, range: Range<usize>, nested: bool) -> Facts {
    let body = (kind..range.end)
        .find(|at| view.any(*at, &["BEGIN", "SELECT", "INSERT", "UPDATE", "DELETE", "DO"]) && !view.is(*at, "ON"));
    let body = body.filter(|at| !view.any(at.wrapping_sub(1), &["AFTER", "BEFORE", "OR", "OF"]));
    let mut facts = match body {
        Some(at) => walk(view, at..range.end, true),
        None => Facts::new(),
    };
    for at in kind..range.end {
        let code = view.is_literal(at) && (view.is(at.wrapping_sub(1), "AS") || view.is(at.wrapping_sub(1), "IS"));
        if code {
            calls::body(&view, at, nested, &mut facts);
        }
    }
    if view.is(kind, "TRIGGER")
        && let Some(on) = view.find(range.clone(), "ON")
    {
        let (path, _) = view.path(on + 1);
        facts.relation(&path, Access::Write);
    }
    calls::language(&view, kind..range.end, &mut facts);
    if view.any(kind, &["FUNCTION", "PROCEDURE"]) {
        facts.routine(&view.path(name_at(&view, kind + 1)).0, Access::Write);
    }
    facts.verb = Verb::Define;
    facts
}
