//! Which kind of statement it is, by its first words.

use super::calls;
use super::define::define;
use super::facts::Facts;
use super::role;
use super::set;
use super::view::View;
use super::walk::Walker;
use kuzet_event::{Access, Export, Flag, Verb};
use std::ops::Range;

/// Facts of the one statement in `range`.
pub(super) fn statement(view: View<'_>, range: Range<usize>, nested: bool) -> Facts {
    let mut facts = Facts::new();
    let start = range.start;
    let keyword = view.keyword(start);
    match keyword.as_str() {
        "GRANT" | "REVOKE" => role::grant(&view, range, &mut facts),
        "CREATE" | "ALTER" | "DROP" => return define(view, range, nested),
        "SET" => return setting(view, range, nested),
        "RESET" if view.is(start + 1, "ROLE") || view.is(start + 2, "AUTHORIZATION") => {
            role::on_relation(&view, "NONE", None, &mut facts);
        }
        "RESET" => set::reset(&view, start + 1, false, &mut facts),
        "REASSIGN" => {
            let to = view.find(range.clone(), "TO").unwrap_or(range.end);
            role::owner(&view, to + 1, range, &mut facts);
        }
        "COPY" => return copy(view, range, nested),
        "TRUNCATE" => list(&view, start + 1, &range, Verb::Truncate, Access::Write, &mut facts),
        "LOCK" => lock(&view, &range, &mut facts),
        "DECLARE" | "FETCH" | "MOVE" | "HANDLER" | "LOAD" | "PREPARE" | "EXECUTE" | "DO" | "CALL" => {
            return movement(view, range, nested);
        }
        "EXPLAIN" | "DESCRIBE" | "DESC" | "ANALYZE" => return explain(view, range, nested),
        "BEGIN" if transaction(&view, start + 1, range.end) => facts.raise(Verb::Begin),
        "START" | "SAVEPOINT" => facts.raise(Verb::Begin),
        "COMMIT" | "RELEASE" => facts.raise(Verb::Commit),
        "END" if range.len() < 3 => facts.raise(Verb::Commit),
        "ROLLBACK" | "ABORT" => facts.raise(Verb::Rollback),
        "SHOW" => {
            facts.raise(Verb::Other);
            if view.is(start + 1, "CREATE") && view.any(start + 2, &["TABLE", "DATABASE"]) {
                facts.export = Some(Export::Dump);
            }
        }
        "INSTALL" | "UNINSTALL" => plugin(&view, &range, &mut facts),
        "RENAME" if view.is(start + 1, "USER") => role::on_relation(&view, "RENAME", None, &mut facts),
        "RENAME" => rename(&view, &range, &mut facts),
        "IMPORT" if view.is(start + 1, "FOREIGN") => {
            facts.raise(Verb::Define);
            facts.flags.insert(Flag::RemoteServer);
        }
        "REFRESH" | "COMMENT" | "SECURITY" => facts.raise(Verb::Define),
        "CREATE_REPLICATION_SLOT" | "START_REPLICATION" | "BASE_BACKUP" => {
            facts.raise(Verb::Other);
            facts.flags.insert(Flag::Replication);
        }
        "KILL" | "VACUUM" | "REINDEX" | "CLUSTER" | "CHECKPOINT" | "DISCARD" | "LISTEN" | "NOTIFY" | "UNLISTEN"
        | "USE" | "FLUSH" | "OPTIMIZE" | "REPAIR" | "CHECK" | "CLOSE" | "DEALLOCATE" | "UNLOCK" | "XA" => {
            facts.raise(Verb::Other);
        }
        "WAITFOR" => facts.flags.insert(Flag::TimeDelay),
        _ => return walk(view, range, nested),
    }
    facts
}

pub(super) fn walk(view: View<'_>, range: Range<usize>, nested: bool) -> Facts {
    let mut walker = Walker::new(view, nested);
    walker.walk(range);
    walker.facts
}

/// `BEGIN` of a transaction and not of a block of code.
fn transaction(view: &View<'_>, at: usize, end: usize) -> bool {
    at >= end
        || view.any(at, &["WORK", "TRANSACTION", "ISOLATION", "READ", "DEFERRABLE", "NOT"])
            && !view.is(at + 1, "ATOMIC")
}

/// `a, b.c, d`: relations from `at` on.
pub(super) fn list(view: &View<'_>, at: usize, range: &Range<usize>, verb: Verb, access: Access, facts: &mut Facts) {
    facts.raise(verb);
    let mut at = at;
    while view.any(at, &["TABLE", "TABLES", "ONLY", "IF", "EXISTS", "NOT", "TEMPORARY"]) {
        at += 1;
    }
    while at < range.end {
        let (path, next) = view.path(at);
        if path.is_empty() {
            return;
        }
        facts.relation(&path, access);
        let comma = (next..range.end.min(next + 6)).find(|index| view.op(*index, b','));
        let Some(comma) = comma else { return };
        at = comma + 1 + usize::from(view.is(comma + 1, "ONLY"));
    }
}

/// `RENAME TABLE a TO b, c TO d`.
fn rename(view: &View<'_>, range: &Range<usize>, facts: &mut Facts) {
    facts.raise(Verb::Define);
    let mut at = range.start + 1;
    while view.any(at, &["TABLE", "TABLES", "IF", "EXISTS"]) {
        at += 1;
    }
    while at < range.end {
        let (path, next) = view.path(at);
        if path.is_empty() {
            return;
        }
        facts.relation(&path, Access::Write);
        if view.is(next, "TO") {
            facts.flags.insert(Flag::Renames);
        }
        at = next + 1;
    }
}

/// LOCK TABLE: pg_dump takes ACCESS SHARE on all it reads.
fn lock(view: &View<'_>, range: &Range<usize>, facts: &mut Facts) {
    list(view, range.start + 1, range, Verb::Other, Access::Read, facts);
    if range.clone().any(|at| view.all(at, &["ACCESS", "SHARE"])) {
        facts.export = Some(Export::Dump);
    }
}

fn plugin(view: &View<'_>, range: &Range<usize>, facts: &mut Facts) {
    facts.raise(Verb::Define);
    let audit = range.clone().any(|at| {
        let name = view.string(at).or_else(|| view.name(at)).unwrap_or_default();
        name.to_ascii_lowercase().starts_with("server_audit")
    });
    if audit {
        let removed = view.is(range.start, "UNINSTALL");
        facts.flags.insert(if removed { Flag::WeakensAudit } else { Flag::RestoresAudit });
    } else if view.is(range.start, "INSTALL") {
        facts.flags.insert(Flag::NativeCode);
    }
}

fn setting(view: View<'_>, range: Range<usize>, nested: bool) -> Facts {
    let start = range.start;
    // Subqueries and calls in the values read data as well.
    let mut facts = walk(view, start + 1..range.end, nested);
    if role::set(&view, range.clone(), &mut facts) {
        return facts;
    }
    let transaction = view.any(start + 1, &["TRANSACTION", "CONSTRAINTS"])
        || view.any(start + 2, &["TRANSACTION", "CHARACTERISTICS"]);
    if transaction {
        facts.raise(Verb::Other);
    } else {
        set::set(&view, range, &mut facts);
    }
    facts
}

/// COPY of PostgreSQL.
fn copy(view: View<'_>, range: Range<usize>, nested: bool) -> Facts {
    let start = range.start;
    let query = view.op(start + 1, b'(');
    let behind = if query { view.closing(start + 1) } else { start + 1 };
    let side = (behind..range.end).find(|at| view.any(*at, &["TO", "FROM"])).unwrap_or(range.end);
    let out = view.is(side, "TO");
    let mut facts = if query { walk(view, start + 2..behind.min(range.end), nested) } else { Facts::new() };
    let mut whole = false;
    if !query {
        let (path, next) = view.path(start + 1);
        facts.relation(&path, if out { Access::Read } else { Access::Write });
        let mut walker = Walker::new(view, nested);
        whole = walker.column_list(next) > next;
        for column in &walker.facts.columns {
            facts.column(column);
        }
        if out {
            facts.flags.insert(Flag::Unfiltered);
            if !whole {
                facts.flags.insert(Flag::SelectsAll);
            }
        }
        whole &= path.len() > 1;
    }
    let program = view.is(side + 1, "PROGRAM");
    if program || view.is_literal(side + 1) {
        facts.flags.insert(Flag::ServerFile);
    }
    if program {
        facts.flags.insert(Flag::ServerProgram);
    }
    facts.verb = if out { Verb::Copy } else { Verb::Insert };
    if out {
        // pg_dump names the schema and every column, and gives no option.
        let dump = whole && view.is(side + 1, "STDOUT") && side + 2 >= range.end;
        facts.export = Some(match () {
            () if program => Export::ToProgram,
            () if view.is_literal(side + 1) => Export::ToFile,
            () if dump => Export::Dump,
            () => Export::ToClient,
        });
    }
    facts
}

/// Cursors, prepared statements, code.
fn movement(view: View<'_>, range: Range<usize>, nested: bool) -> Facts {
    let start = range.start;
    let mut facts = Facts::new();
    let dump = |at: usize| view.name(at).is_some_and(|name| name.starts_with("_pg_dump"));
    match view.keyword(start).as_str() {
        "DECLARE" if view.find(start..range.end.min(start + 10), "CURSOR").is_some() => {
            let query = view.find(range.clone(), "FOR").map_or(range.end, |at| at + 1);
            facts = statement(view, query..range.end, nested);
            facts.raise(Verb::Select);
            facts.export = Some(if dump(start + 1) { Export::Dump } else { Export::Cursor });
        }
        "FETCH" | "MOVE" if !nested => {
            facts.raise(Verb::Select);
            facts.export = Some(if dump(range.end - 1) { Export::Dump } else { Export::Cursor });
            facts.limit = view.number(start + 1).or_else(|| view.number(start + 2));
        }
        "HANDLER" if view.system.speaks_mysql() => {
            facts.raise(Verb::Select);
            let (path, next) = view.path(start + 1);
            facts.relation(&path, Access::Read);
            if view.is(next, "READ") {
                facts.flags.insert(Flag::SelectsAll);
            }
        }
        "LOAD" if view.any(start + 1, &["DATA", "XML"]) => {
            facts.raise(Verb::Insert);
            if view.find(start..range.end.min(start + 6), "LOCAL").is_none() {
                facts.flags.insert(Flag::ServerFile);
            }
            if let Some(table) = (start..range.end).find(|at| view.is(*at, "TABLE")) {
                let (path, _) = view.path(table + 1);
                facts.relation(&path, Access::Write);
            }
        }
        "LOAD" => {
            facts.raise(Verb::Other);
            // A library of the server; LOAD INDEX of MariaDB has no literal.
            if view.is_literal(start + 1) {
                facts.flags.insert(Flag::NativeCode);
            }
        }
        "PREPARE" => match (start..range.end).find(|at| view.is(*at, "AS")) {
            Some(at) => facts = statement(view, at + 1..range.end, nested),
            // Its text is told again when it is executed.
            None => {
                facts.raise(Verb::Other);
                if calls::mentions_audit(&view, range) {
                    facts.flags.insert(Flag::WeakensAudit);
                }
            }
        },
        "EXECUTE" | "DO" | "CALL" => {
            facts = walk(view, start + 1..range.end, nested);
            for at in start + 1..range.end.min(start + 6) {
                if view.is_literal(at) && (view.is(start, "DO") || view.is(at.wrapping_sub(1), "IMMEDIATE")) {
                    calls::body(&view, at, nested, &mut facts);
                }
            }
            if calls::mentions_audit(&view, start..range.end.min(start + 64)) {
                facts.flags.insert(Flag::WeakensAudit);
            }
            calls::language(&view, start..range.end.min(start + 6), &mut facts);
            facts.verb = Verb::Execute;
        }
        _ => return walk(view, start + 1..range.end, nested),
    }
    facts
}

/// EXPLAIN runs the statement only with ANALYZE.
fn explain(view: View<'_>, range: Range<usize>, nested: bool) -> Facts {
    let starts = [
        "SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "VALUES", "TABLE", "DECLARE", "EXECUTE", "CREATE",
        "REPLACE",
    ];
    let body = (range.start + 1..range.end).find(|at| view.any(*at, &starts));
    let runs = body.filter(|body| (range.start..*body).any(|at| view.any(at, &["ANALYZE", "ANALYSE"])));
    let mut facts = Facts::new();
    match runs {
        Some(body) if !view.any(body, &["TABLE"]) => return statement(view, body..range.end, nested),
        _ => facts.raise(Verb::Other),
    }
    facts
}
