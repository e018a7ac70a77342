//! Changes of roles, privileges, ownership and row security.
//!
//! pgaudit cuts a statement at `PASSWORD <REDACTED>`, so what stood behind it (`SUPERUSER`) is not known: the right
//! `UNKNOWN` says so.

use super::facts::Facts;
use super::scan::Literal;
use super::view::View;
use crate::names::{role as role_name, shown};
use kuzet_event::{Access, Flag, RoleChange, RoleVerb, System, Verb};
use std::ops::Range;
use std::sync::Arc;

/// Most rights and grantees told.
const MOST: usize = 64;

/// Attributes of a role, as they are told.
const ATTRIBUTES: &[&str] = &[
    "SUPERUSER",
    "NOSUPERUSER",
    "CREATEROLE",
    "NOCREATEROLE",
    "CREATEDB",
    "NOCREATEDB",
    "BYPASSRLS",
    "NOBYPASSRLS",
    "REPLICATION",
    "NOREPLICATION",
    "LOGIN",
    "NOLOGIN",
    "INHERIT",
    "NOINHERIT",
    "PASSWORD",
    "IDENTIFIED",
    "LOCK",
    "UNLOCK",
    "RENAME",
];

/// Attributes that raise privileges.
const POWERFUL: &[&str] = &["SUPERUSER", "CREATEROLE", "BYPASSRLS", "REPLICATION"];

/// Told among the rights of an account of MariaDB or MySQL that no host is named for.
const ANYWHERE: &str = "FROM ANY HOST";

fn change(facts: &mut Facts, verb: RoleVerb, rights: Vec<Arc<str>>, grantees: Vec<Arc<str>>) {
    facts.raise(Verb::Role);
    facts.role = Some(RoleChange { verb, rights, grantees });
}

/// `GRANT …` or `REVOKE …` that begins at `range.start`.
pub(super) fn grant(view: &View<'_>, range: Range<usize>, facts: &mut Facts) {
    let grants = view.is(range.start, "GRANT");
    let to = find_outside(view, range.clone(), if grants { &["TO"] } else { &["FROM"] }).unwrap_or(range.end);
    let on = find_outside(view, range.start..to, &["ON"]);
    let mut first = range.start + 1;
    if view.is(first + 1, "OPTION") && view.is(first + 2, "FOR") {
        first += 3;
    }
    let rights = rights(view, first..on.unwrap_or(to), on.is_some());
    let tail = find_outside(view, to..range.end, &["WITH", "GRANTED", "REQUIRE", "IDENTIFIED", "CASCADE", "RESTRICT"]);
    let grantees = roles(view, to + 1..tail.unwrap_or(range.end));
    let with_option =
        (to..range.end).any(|at| view.any(at, &["GRANT", "ADMIN"]) && view.any(at + 1, &["OPTION", "TRUE"]));
    let wide = on.is_some_and(|on| objects(view, on + 1..to, facts));
    let has = |wanted: &str| rights.iter().any(|right| right.starts_with(wanted));
    let usage_only = rights.iter().all(|right| &**right == "USAGE");
    if grants && (on.is_none() || has("ALL") || has("PROXY") || with_option || (wide && !usage_only)) {
        facts.flags.insert(Flag::Escalates);
    }
    let mut rights = rights;
    if grants && anywhere(view, to + 1..tail.unwrap_or(range.end)) {
        rights.push(Arc::from(ANYWHERE));
    }
    if grants && with_option {
        rights.push(Arc::from("WITH GRANT OPTION"));
    }
    change(facts, if grants { RoleVerb::Grant } else { RoleVerb::Revoke }, rights, grantees);
}

/// First of `words` in `range` outside parentheses.
fn find_outside(view: &View<'_>, range: Range<usize>, words: &[&str]) -> Option<usize> {
    let mut depth = 0usize;
    for at in range {
        match view.bytes(at) {
            b"(" => depth += 1,
            b")" => depth = depth.saturating_sub(1),
            _ if depth == 0 && view.any(at, words) => return Some(at),
            _ => {}
        }
    }
    None
}

/// Comma-separated privileges in upper case, or role names.
fn rights(view: &View<'_>, range: Range<usize>, privileges: bool) -> Vec<Arc<str>> {
    if !privileges && !view.any(range.start, &["ALL"]) {
        return roles(view, range);
    }
    let mut rights = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut at = range.start;
    while at < range.end {
        if view.op(at, b'(') {
            at = view.closing(at);
        } else if view.op(at, b',') {
            push(&mut rights, &words.join(" "));
            words.clear();
        } else if let Some(word) = view.name(at).filter(|_| words.len() < 4) {
            words.push(word.to_uppercase());
        }
        at += 1;
    }
    push(&mut rights, &words.join(" "));
    rights
}

fn push(list: &mut Vec<Arc<str>>, words: &str) {
    if !words.is_empty() && list.len() < MOST {
        let safe: Vec<Arc<str>> = words.split(' ').map(shown).collect();
        list.push(Arc::from(safe.join(" ")));
    }
}

/// Comma-separated roles or accounts: `app`, `"App"`, `app@'10.0.%'`, `'app'@'%'`. Of an account only the user, as the
/// log names the one who acts; what stands behind a name (a host, a password) is left out.
fn roles(view: &View<'_>, range: Range<usize>) -> Vec<Arc<str>> {
    let mut list = Vec::new();
    let mut named = false;
    for at in range {
        if view.op(at, b',') {
            named = false;
        } else if view.is_literal(at) {
            // `'a'@'%', 'b'@'%'`: the lexer makes one list of what stands between the two `@`.
            let mut end = None;
            for literal in view.literals_at(at).take(MOST) {
                let between = end.and_then(|end| view.text.get(end..literal.start as usize)).unwrap_or_default();
                named &= !between.contains(&b',');
                end = Some(literal.end as usize);
                if !named {
                    let mut value = Vec::new();
                    super::values::unescape(view.text, literal, view.system, &mut value);
                    push_role(&mut list, &String::from_utf8_lossy(&value));
                    named = true;
                }
            }
        } else if let Some(word) = view.name(at).filter(|_| !named)
            && !view.any(at, &["GROUP", "IF", "EXISTS", "NOT"])
        {
            push_role(&mut list, &word);
            named = true;
        }
    }
    list
}

/// Whether one of the accounts may come from every host: `'app'@'%'`. The host itself is not told.
fn anywhere(view: &View<'_>, range: Range<usize>) -> bool {
    let host = |literal: &Literal| {
        let before = view.text.get(..literal.start as usize).unwrap_or_default().trim_ascii_end();
        let before = before.strip_suffix(b"'").or_else(|| before.strip_suffix(b"\"")).unwrap_or(before);
        let value = view.text.get(literal.start as usize..literal.end as usize);
        before.trim_ascii_end().ends_with(b"@") && value == Some(b"%")
    };
    view.system != System::Postgresql && range.flat_map(|at| view.literals_at(at).take(MOST)).any(host)
}

fn push_role(list: &mut Vec<Arc<str>>, name: &str) {
    if !name.is_empty() && list.len() < MOST {
        list.push(role_name(name));
    }
}

/// Relations between ON and TO; gives whether the grant is as wide as a schema, database or server.
fn objects(view: &View<'_>, range: Range<usize>, facts: &mut Facts) -> bool {
    let star = range.clone().any(|at| view.op(at, b'*'));
    if view.is(range.start, "ALL") || star || view.any(range.start, &["TABLES"]) {
        return true;
    }
    let mut at = range.start;
    if view.is(at, "TABLE") {
        at += 1;
    } else if view.is_name(at + 1) {
        return false; // SCHEMA x, FUNCTION f(…), DATABASE d
    }
    while at < range.end {
        let (path, next) = view.path(at);
        if path.is_empty() {
            break;
        }
        facts.relation(&path, Access::Write);
        at = next + 1;
    }
    false
}

/// `CREATE|ALTER|DROP ROLE|USER|GROUP …`; `kind` is the index of ROLE, USER or GROUP.
pub(super) fn role(view: &View<'_>, kind: usize, range: Range<usize>, facts: &mut Facts) {
    let verb = match view.keyword(range.start).as_str() {
        "CREATE" => RoleVerb::Create,
        "DROP" => RoleVerb::Drop,
        _ => RoleVerb::Alter,
    };
    let mut at = kind + 1;
    while view.any(at, &["IF", "NOT", "EXISTS"]) {
        at += 1;
    }
    if verb == RoleVerb::Drop {
        let grantees = roles(view, at..range.end);
        return change(facts, verb, Vec::new(), grantees);
    }
    let behind = account_end(view, at, range.end);
    let mut grantees = roles(view, at..behind);
    let mut rights: Vec<Arc<str>> = Vec::new();
    let unnamed = verb == RoleVerb::Create && view.is(kind, "USER") && view.system != System::Postgresql;
    if anywhere(view, at..behind) || (unnamed && !(at..behind).any(|at| view.bytes(at).contains(&b'@'))) {
        push(&mut rights, ANYWHERE);
    }
    for attribute in ATTRIBUTES {
        if let Some(place) = view.find(behind..range.end, attribute) {
            if POWERFUL.contains(attribute) {
                facts.flags.insert(Flag::Escalates);
            }
            let shown = if *attribute == "IDENTIFIED" { "PASSWORD" } else { attribute };
            if !rights.iter().any(|right| **right == *shown) {
                push(&mut rights, shown);
            }
            if *attribute == "PASSWORD" && view.op(place + 1, b'<') {
                push(&mut rights, "UNKNOWN");
            }
        }
    }
    let login = view.is(kind, "USER") || rights.iter().any(|right| &**right == "LOGIN" || &**right == "UNKNOWN");
    if verb == RoleVerb::Create && login {
        facts.flags.insert(Flag::Escalates);
    }
    if view.is(behind, "ADD") && view.is(behind + 1, "USER") {
        // ALTER GROUP g ADD USER u: the group is what u is given.
        facts.flags.insert(Flag::Escalates);
        rights = std::mem::replace(&mut grantees, roles(view, behind + 2..range.end));
    }
    membership(view, behind..range.end, &mut rights, facts);
    change(facts, verb, rights, grantees);
}

/// End of the account names that begin at `at`.
fn account_end(view: &View<'_>, at: usize, end: usize) -> usize {
    let mut next = at;
    while next < end {
        next += 1;
        let host = view.bytes(next).starts_with(b"@") || view.bytes(next.wrapping_sub(1)) == b"@";
        let more = view.op(next, b',') || view.op(next.wrapping_sub(1), b',');
        if !host && !more {
            break;
        }
    }
    next.min(end)
}

/// `IN ROLE a, b`: membership raises privileges.
fn membership(view: &View<'_>, range: Range<usize>, rights: &mut Vec<Arc<str>>, facts: &mut Facts) {
    for at in range.clone() {
        let into = view.is(at, "IN") && view.any(at + 1, &["ROLE", "GROUP"]);
        if into {
            facts.flags.insert(Flag::Escalates);
            let end = (at + 2..range.end).find(|index| view.any(*index, &["PASSWORD", "VALID", "LOGIN", "ROLE"]));
            rights.extend(roles(view, at + 2..end.unwrap_or(range.end)).into_iter().take(MOST));
        }
    }
}

/// `SET ROLE`, `SET SESSION AUTHORIZATION`, `SET PASSWORD`, `SET DEFAULT ROLE`, `RESET ROLE`; gives whether it was one.
pub(super) fn set(view: &View<'_>, range: Range<usize>, facts: &mut Facts) -> bool {
    let mut at = range.start + 1;
    if view.any(at, &["LOCAL", "SESSION"]) && view.any(at + 1, &["ROLE", "SESSION"]) {
        at += 1;
    }
    if view.is(at, "DEFAULT") && view.is(at + 1, "ROLE") {
        at += 1;
    }
    if view.is(at, "PASSWORD") {
        let name = view.is(at + 1, "FOR").then(|| (at + 2..range.end).take_while(|at| !view.op(*at, b'=')).count());
        let grantees = name.map(|count| roles(view, at + 2..at + 2 + count)).unwrap_or_default();
        change(facts, RoleVerb::Alter, vec![Arc::from("PASSWORD")], grantees);
        return true;
    }
    let role = if view.is(at, "ROLE") {
        at + 1
    } else if view.is(at, "SESSION") && view.is(at + 1, "AUTHORIZATION") {
        at + 2
    } else {
        return false;
    };
    let role = role + usize::from(view.op(role, b'=') || view.is(role, "TO"));
    let end = find_outside(view, role..range.end, &["FOR"]).unwrap_or(range.end);
    let rights = roles(view, role..end);
    let grantees = roles(view, (end + 1).min(range.end)..range.end);
    change(facts, RoleVerb::Alter, rights, grantees);
    true
}

/// A change of what `right` says on the relation at `relation`, if one is named.
pub(super) fn on_relation(view: &View<'_>, right: &str, relation: Option<usize>, facts: &mut Facts) {
    if let Some(at) = relation {
        let (path, _) = view.path(at);
        facts.relation(&path, Access::Write);
    }
    change(facts, RoleVerb::Alter, vec![Arc::from(right)], Vec::new());
}

/// `ALTER … OWNER TO role`, `REASSIGN OWNED BY … TO role`: the new owner stands at `at`.
pub(super) fn owner(view: &View<'_>, at: usize, range: Range<usize>, facts: &mut Facts) {
    change(facts, RoleVerb::Alter, vec![Arc::from("OWNER")], roles(view, at..range.end));
}
