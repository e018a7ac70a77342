//! From the tokens of a new shape to the facts that are kept: several statements, bodies of code, the grammar.

use super::calls;
use super::facts::Facts;
use super::head;
use super::scan::{Scan, Seed};
use super::settings::audit_effect;
use super::summary;
use super::tree;
use super::values::Binding;
use super::view::View;
use crate::names::{self, HIDDEN};
use kuzet_event::{Export, Flag, Flags, Statement, System, Verb};
use std::sync::Arc;

/// Largest text given to the grammar or followed into, bytes.
pub(super) const LARGEST: usize = 64 << 10;
/// Greatest LIMIT that is told; a greater number bounds nothing, and may be anything.
const MOST_ROWS: u64 = 9_999_999;
/// Most statements of one text that are told apart.
const STATEMENTS: usize = 256;

/// What is kept of a shape.
pub(super) struct Shape {
    pub(super) statement: Arc<Statement>,
    /// Predicate columns as they are written: only for the keys of values, never shown.
    pub(super) columns: Vec<Arc<str>>,
    /// In order of slots.
    pub(super) bindings: Vec<Binding>,
}

/// Facts of a string inside a statement.
pub(super) fn nested(text: &[u8], system: System) -> Facts {
    let mut scan = Scan::new(system, Seed(1, 1));
    scan.run::<true>(text);
    let view = View { text, tokens: &scan.tokens, literals: &scan.literals, system };
    let mut facts = statements(view, true);
    facts.flags = without_stacked(facts.flags);
    let judged = facts.flags.has(Flag::WeakensAudit) || facts.flags.has(Flag::RestoresAudit);
    if !judged && calls::mentions_audit(&view, 0..view.tokens.len()) {
        facts.flags.insert(Flag::WeakensAudit);
    }
    facts
}

fn without_stacked(flags: Flags) -> Flags {
    super::facts::FLAGS
        .iter()
        .filter(|flag| **flag != Flag::Stacked && flags.has(**flag))
        .fold(Flags::NONE, |sum, flag| sum.with(*flag))
}

/// The shape of scanned text.
pub(super) fn shape(text: &[u8], scan: &Scan, system: System, truncated: bool) -> Shape {
    let view = View { text, tokens: &scan.tokens, literals: &scan.literals, system };
    let mut facts = statements(view, false);
    let parsed = !scan.unterminated && tree::complete(&view, &mut facts);
    for (holds, flag) in [(!parsed, Flag::Unparsed), (truncated, Flag::Truncated), (scan.comment_cut, Flag::CommentCut)]
    {
        if holds {
            facts.flags.insert(flag);
        }
    }
    if scan.dump && facts.export.is_none() && matches!(facts.verb, Verb::Select | Verb::Other) {
        facts.export = Some(Export::Dump);
    }
    // Quotes of the other dialect are names here: a text that parses by accident is as doubtful as one that does not.
    let sound = parsed && !summary::is_foreign(&view);
    if !sound {
        hide_doubtful(&mut facts);
    }
    let text = summary::summary(&view, sound, &facts);
    let shown = |name: &Arc<str>| if sound || summary::is_sure(name) { names::shown(name) } else { Arc::from(HIDDEN) };
    let predicate_columns = facts.predicates.iter().map(shown).collect();
    facts.bindings.sort_by_key(|binding| binding.slot);
    facts.bindings.dedup_by_key(|binding| binding.slot);
    let statement = Statement {
        fingerprint: text.fingerprint,
        summary: text.shown,
        verb: facts.verb,
        relations: facts.relations,
        columns: facts.columns,
        predicate_columns,
        export: facts.export,
        flags: facts.flags,
        limit: facts.limit.filter(|rows| *rows <= MOST_ROWS),
        settings: facts.settings,
        role: facts.role,
        routines: facts.routines,
    };
    Shape { statement: Arc::new(statement), columns: facts.predicates, bindings: facts.bindings }
}

/// In a text that did not parse any word may be a piece of a value: names of relations and roles stay when they look like
/// names, of the columns those that are known words.
fn hide_doubtful(facts: &mut Facts) {
    for relation in facts.relations.iter_mut().chain(&mut facts.routines) {
        for name in [&mut relation.schema, &mut relation.name] {
            if !name.is_empty() && !summary::is_name(name) {
                *name = Arc::from(HIDDEN);
            }
        }
    }
    for name in facts.columns.iter_mut().filter(|name| !summary::is_sure(name)) {
        *name = Arc::from(HIDDEN);
    }
    facts.columns.dedup();
    for name in facts.role.iter_mut().flat_map(|role| role.rights.iter_mut().chain(&mut role.grantees)) {
        if !name.is_ascii() {
            *name = Arc::from(HIDDEN);
        }
    }
    for setting in facts.settings.iter_mut().filter(|setting| audit_effect(&setting.name, None).is_none()) {
        setting.value = setting.value.as_ref().map(|_| Arc::from(HIDDEN));
    }
}

/// Facts of all statements of a text.
fn statements(view: View<'_>, nested: bool) -> Facts {
    let mut all: Option<Facts> = None;
    let mut count = 0;
    let mut start = 0;
    let end = view.tokens.len();
    while start < end && count < STATEMENTS {
        while view.op(start, b';') {
            start += 1;
        }
        if start >= end {
            break;
        }
        let stop = if is_code(&view, start) { end } else { separator(&view, start) };
        let facts = head::statement(view, start..stop, nested);
        count += 1;
        match &mut all {
            None => all = Some(facts),
            Some(all) => all.join(facts),
        }
        start = stop;
    }
    let mut facts = all.unwrap_or_else(Facts::new);
    if count > 1 {
        facts.flags.insert(Flag::Stacked);
    }
    facts
}

/// The `;` that ends the statement at `start`, or the end.
fn separator(view: &View<'_>, start: usize) -> usize {
    (start..view.tokens.len()).find(|at| view.op(*at, b';')).unwrap_or(view.tokens.len())
}

/// Whether the statement at `start` has statements of its own inside: `CREATE PROCEDURE … BEGIN …; END`.
fn is_code(view: &View<'_>, start: usize) -> bool {
    let head = start..start + 10;
    let defines = view.is(start, "CREATE")
        && head.clone().any(|at| view.any(at, &["FUNCTION", "PROCEDURE", "TRIGGER", "EVENT", "PACKAGE"]));
    (defines && (start..view.tokens.len()).any(|at| view.is(at, "BEGIN")))
        || view.all(start, &["BEGIN", "NOT", "ATOMIC"])
}
