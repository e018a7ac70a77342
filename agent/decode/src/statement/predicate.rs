//! Which column a literal is compared with, and conditions that are no conditions.

use super::facts::Facts;
use super::scan::{Form, Kind};
use super::values::Match;
use super::view::View;
use super::words;
use kuzet_event::Flag;

/// Whether the name at `at` is a column of an expression: no function, qualifier, alias, type or keyword.
pub(super) fn is_column(view: &View<'_>, at: usize, word: &str) -> bool {
    let before = at.wrapping_sub(1);
    if view.op(at + 1, b'(') || view.op(at + 1, b'.') || words::is_no_column(word) {
        return false;
    }
    if view.op(before, b':') || view.op(before, b'@') || view.is_literal(at + 1) {
        return false; // a type, a variable, `date '…'`
    }
    if view.op(before, b'(') && view.is(before.wrapping_sub(1), "EXTRACT") {
        return false;
    }
    if view.op(before, b'.') {
        return true;
    }
    // `AS x` is an alias or a type; so is a name right behind an operand.
    match view.kind(before) {
        Some(Kind::Literal | Kind::Quoted) => false,
        Some(Kind::Op) => !view.op(before, b')') && !view.op(before, b']'),
        Some(Kind::Word) => {
            let keyword = view.keyword(before);
            let keyword = keyword.as_str();
            keyword != "AS" && keyword != "END" && (words::is_no_column(keyword) || keyword == "RETURNING")
        }
        None => true,
    }
}

/// What stands before a literal.
enum Before {
    /// `column =`, `column IN (`.
    Column(String, Match),
    /// A comparison that names no single value; the column, where it is known.
    Range(Option<String>),
    /// Nothing known.
    Nothing,
}

/// A literal in a predicate.
pub(super) fn literal(view: &View<'_>, at: usize, facts: &mut Facts) {
    tautology(view, at, facts);
    let Some(slot) = view.tokens.get(at).map(|token| token.slot) else { return };
    match before(view, at) {
        Before::Column(column, form) => facts.bind(slot, &column, form),
        Before::Range(Some(column)) if is_key(&column) => facts.flags.insert(Flag::KeyRange),
        Before::Range(_) => {}
        Before::Nothing => match after(view, at) {
            Some(column) => facts.bind(slot, &column, Match::Value),
            None => facts.bind_loose(slot),
        },
    }
}

/// Whether every row or person has a value of its own in a column so named, so that a range of it walks through the table.
fn is_key(column: &str) -> bool {
    column == "id"
        || column.ends_with("_id")
        || kuzet_personal::column_category(column).is_some_and(|hint| hint.identifies_person)
}

/// `'…' = column`.
fn after(view: &View<'_>, at: usize) -> Option<String> {
    if !view.op(at + 1, b'=') || view.op(at + 2, b'>') || view.op(at.wrapping_sub(1), b'=') {
        return None;
    }
    let (path, next) = view.path(at + 2);
    let keyword = view.keyword(at + 2);
    if path.is_empty() || view.op(next, b'(') || words::is_no_column(keyword.as_str()) {
        return None;
    }
    path.last().map(|name| name.to_lowercase())
}

fn before(view: &View<'_>, at: usize) -> Before {
    let mut place = at.wrapping_sub(1);
    let mut array = false;
    // Wrappers between the operator and the literal.
    for _ in 0..8 {
        let keyword = view.keyword(place);
        match keyword.as_str() {
            "ANY" | "SOME" => array = true,
            "ARRAY" | "BINARY" | "CAST" | "CONVERT" | "LOWER" | "UPPER" | "TRIM" | "DATE" | "TIMESTAMP" | "TEXT"
            | "VALUES" | "ROW" => {}
            _ if view.op(place, b'(') || view.op(place, b'[') => {}
            _ => break,
        }
        place = place.wrapping_sub(1);
    }
    let keyword = view.keyword(place);
    match keyword.as_str() {
        "IN" if view.is(place.wrapping_sub(1), "NOT") => range_before(view, place.wrapping_sub(1)),
        "IN" => column_before(view, place, Match::Value),
        "LIKE" | "ILIKE" if view.is(place.wrapping_sub(1), "NOT") => range_before(view, place.wrapping_sub(1)),
        "LIKE" | "ILIKE" => column_before(view, place, Match::Like),
        "FROM" if view.is(place.wrapping_sub(1), "DISTINCT") => match view.is(place.wrapping_sub(2), "NOT") {
            true => column_before(view, place.wrapping_sub(3), Match::Value),
            false => Before::Range(None),
        },
        "BETWEEN" => range_before(view, place),
        "SYMMETRIC" | "REGEXP" | "RLIKE" => Before::Range(None),
        "AND" if view.is_literal(place.wrapping_sub(1)) && view.is(place.wrapping_sub(2), "BETWEEN") => {
            Before::Range(None)
        }
        _ => comparison(view, place, if array { Match::Array } else { Match::Value }),
    }
}

fn comparison(view: &View<'_>, place: usize, form: Match) -> Before {
    let adjacent = |byte| view.op(place.wrapping_sub(1), byte);
    if view.op(place, b'=') {
        if adjacent(b'<') || adjacent(b'>') || adjacent(b'!') {
            return range_before(view, place.wrapping_sub(1));
        }
        let place = if adjacent(b':') { place.wrapping_sub(1) } else { place };
        return column_before(view, place, form);
    }
    if view.op(place, b'>') && adjacent(b'=') && view.op(place.wrapping_sub(2), b'<') {
        return column_before(view, place.wrapping_sub(2), form);
    }
    if view.op(place, b'>') && adjacent(b'<') {
        return range_before(view, place.wrapping_sub(1));
    }
    if view.op(place, b'<') || view.op(place, b'>') {
        return range_before(view, place);
    }
    if view.op(place, b'~') {
        return Before::Range(None);
    }
    Before::Nothing
}

/// A range of the column whose expression ends before `operator`.
fn range_before(view: &View<'_>, operator: usize) -> Before {
    match column_before(view, operator, Match::Value) {
        Before::Column(column, _) => Before::Range(Some(column)),
        _ => Before::Range(None),
    }
}

/// The column whose expression ends before `operator`: `a.iin`, `iin::text`, `lower(email)`, `"IIN"`.
fn column_before(view: &View<'_>, operator: usize, form: Match) -> Before {
    let mut place = operator.wrapping_sub(1);
    if view.is_name(place) && view.op(place.wrapping_sub(1), b':') && view.op(place.wrapping_sub(2), b':') {
        place = place.wrapping_sub(3);
    }
    if view.op(place, b')') {
        let Some(open) = view.opening(place) else { return Before::Nothing };
        let inner = (open + 1..place).find(|index| {
            let keyword = view.keyword(*index);
            view.is_name(*index)
                && !view.op(index + 1, b'(')
                && !view.op(index + 1, b'.')
                && !words::is_no_column(keyword.as_str())
        });
        // (a, b) = (1, 2): which value belongs to which column is not known.
        let several = (open..place).any(|index| view.op(index, b',')) && !view.is_name(open.wrapping_sub(1));
        return match inner.and_then(|index| view.column(index)) {
            Some(column) if !several => Before::Column(column, form),
            _ => Before::Nothing,
        };
    }
    let keyword = view.keyword(place);
    match view.column(place) {
        Some(column) if !words::is_no_column(keyword.as_str()) => Before::Column(column, form),
        _ => Before::Nothing,
    }
}

/// `OR 1=1`, `OR 'a'='a'`, `1=1 OR`, `OR 1`.
fn tautology(view: &View<'_>, at: usize, facts: &mut Facts) {
    let mut start = at.wrapping_sub(1);
    while view.op(start, b'(') || view.is(start, "NOT") {
        start = start.wrapping_sub(1);
    }
    let joined = is_or(view, start);
    let plain = |index: usize| {
        view.literals_at(index).next().is_some_and(|literal| !matches!(literal.form, Form::Parameter(_) | Form::Word))
    };
    if !plain(at) {
        return;
    }
    if (view.op(at + 1, b'=') || view.is(at + 1, "LIKE")) && plain(at + 2) {
        let equal = view.written(at) == view.written(at + 2);
        let mut behind = at + 3;
        while view.op(behind, b')') {
            behind += 1;
        }
        if equal && (joined || view.is(behind, "OR")) {
            facts.flags.insert(Flag::Tautology);
        }
        return;
    }
    let ends = at + 1 >= view.tokens.len()
        || view.op(at + 1, b')')
        || view.op(at + 1, b';')
        || view.any(at + 1, &["AND", "OR", "LIMIT", "ORDER", "GROUP", "UNION"]);
    if joined && ends && view.number(at).is_some() {
        facts.flags.insert(Flag::Tautology);
    }
}

fn is_or(view: &View<'_>, at: usize) -> bool {
    view.any(at, &["OR", "XOR"])
        || (view.system.speaks_mysql() && view.op(at, b'|') && view.op(at.wrapping_sub(1), b'|'))
}

/// A name in a predicate: `OR id = id`, `OR TRUE`.
pub(super) fn reversed(view: &View<'_>, at: usize, facts: &mut Facts) {
    if !is_or(view, at.wrapping_sub(1)) {
        return;
    }
    if view.is(at, "TRUE") && !view.op(at + 1, b'=') {
        facts.flags.insert(Flag::Tautology);
        return;
    }
    let (left, next) = view.path(at);
    if view.op(next, b'=') {
        let (right, behind) = view.path(next + 1);
        if left == right && !view.op(behind, b'(') {
            facts.flags.insert(Flag::Tautology);
        }
    }
}
