//! Function calls that matter: aggregates, waiting, server files, settings, queries given as text.

use super::facts::Facts;
use super::set;
use super::shape;
use super::view::View;
use super::walk::Walker;
use super::words;
use kuzet_event::{Access, Export, Flag};

/// The call of the function whose name, quoted or not, with a schema or without, ends at `at`.
pub(super) fn call(walker: &mut Walker<'_>, at: usize) {
    let Some(name) = walker.view.name(at) else { return };
    let upper = name.to_ascii_uppercase();
    function(walker, at, &upper);
    if !words::is_common(&upper) {
        let view = walker.view;
        let schema = (at > 1 && view.op(at - 1, b'.')).then(|| view.name(at - 2)).flatten();
        let path: Vec<String> = schema.into_iter().chain([name]).collect();
        walker.facts.routine(&path, Access::Read);
    }
}

fn function(walker: &mut Walker<'_>, at: usize, name: &str) {
    if words::is_aggregate(name) {
        walker.aggregated();
    }
    let view = walker.view;
    let facts = &mut walker.facts;
    if words::is_packed(name) {
        facts.flags.insert(Flag::PackedAggregate);
    }
    if words::is_delay(name) {
        facts.flags.insert(Flag::TimeDelay);
    }
    if words::is_error_probe(name) {
        facts.flags.insert(Flag::ErrorProbe);
    }
    if words::is_file_function(name) {
        facts.flags.insert(Flag::ServerFile);
    }
    if let Some(reach) = words::reach(name) {
        facts.flags.insert(reach);
    }
    match name {
        // ARRAY(SELECT …): the rows of a query in one value.
        "ARRAY" if view.any(at + 2, &["SELECT", "WITH", "TABLE", "VALUES"]) => {
            facts.flags.insert(Flag::PackedAggregate);
        }
        // The other sight of the agent is wiped.
        "PG_STAT_STATEMENTS_RESET" => facts.flags.insert(Flag::WeakensAudit),
        "LO_EXPORT" => facts.export = facts.export.max(Some(Export::ToFile)),
        "SET_CONFIG" => set::set_config(&view, at, facts),
        "TABLE_TO_XML" | "TABLE_TO_XML_AND_XMLSCHEMA" => named_table(&view, at, facts),
        _ if name.starts_with("QUERY_TO_XML") || name.starts_with("DBLINK") || name == "CURSOR_TO_XML" => {
            let nested = walker.nested;
            text_arguments(&view, at, nested, &mut walker.facts);
        }
        _ => {}
    }
}

/// Code in another language than SQL: the language behind LANGUAGE, the library behind SONAME.
pub(super) fn language(view: &View<'_>, range: std::ops::Range<usize>, facts: &mut Facts) {
    for at in range {
        if view.is(at, "SONAME") {
            facts.flags.insert(Flag::NativeCode);
        }
        if view.is(at, "LANGUAGE")
            && let Some(name) = view.string(at + 1).or_else(|| view.name(at + 1))
            && let Some(flag) =
                words::outside(&name).or_else(|| name.eq_ignore_ascii_case("c").then_some(Flag::NativeCode))
        {
            facts.flags.insert(flag);
        }
    }
}

/// `table_to_xml('borrowers', …)`.
fn named_table(view: &View<'_>, at: usize, facts: &mut Facts) {
    if let Some(name) = view.string(at + 2) {
        let path: Vec<String> = name.to_ascii_lowercase().split('.').map(str::to_owned).collect();
        facts.relation(&path, Access::Read);
        facts.flags.insert(Flag::SelectsAll);
        facts.flags.insert(Flag::Unfiltered);
    }
}

/// `query_to_xml('select …', …)`: what the query given as text reads.
fn text_arguments(view: &View<'_>, at: usize, nested: bool, facts: &mut Facts) {
    let close = view.closing_near(at + 1);
    if nested {
        return;
    }
    // Literals behind commas are one token.
    for literal in (at + 2..close).flat_map(|index| view.literals_at(index)).take(16) {
        let mut text = Vec::new();
        super::values::unescape(view.text, literal, view.system, &mut text);
        absorb(&text, view, facts);
    }
}

/// Whether a literal in `range` names an audit setting: code put together from pieces is not taken apart.
pub(super) fn mentions_audit(view: &View<'_>, range: std::ops::Range<usize>) -> bool {
    let mut text = String::new();
    for literal in range.filter(|index| view.is_literal(*index)).take(64).flat_map(|index| view.literals_at(index)) {
        let mut value = Vec::new();
        super::values::unescape(view.text, literal, view.system, &mut value);
        text.push_str(&String::from_utf8_lossy(&value).to_ascii_lowercase());
    }
    text.contains("pgaudit") || text.contains("server_audit")
}

/// A string that holds code. Strings inside strings are not followed.
pub(super) fn body(view: &View<'_>, at: usize, nested: bool, facts: &mut Facts) {
    if nested {
        return;
    }
    let Some(text) = view.string(at) else { return };
    absorb(text.as_bytes(), view, facts);
}

fn absorb(text: &[u8], view: &View<'_>, facts: &mut Facts) {
    if text.len() <= shape::LARGEST && text.contains(&b' ') {
        facts.absorb(&shape::nested(text, view.system));
    }
}
