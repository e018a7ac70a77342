//! Changes of settings in all their spellings.

use super::facts::Facts;
use super::scan::Kind;
use super::settings::audit_effect;
use super::view::View;
use crate::names::{self, shown};
use kuzet_event::{Flags, Setting, Statement, Verb};
use sqlparser::keywords::ALL_KEYWORDS;
use std::ops::Range;
use std::sync::Arc;

/// Longest value told, bytes.
const VALUE: usize = 63;

/// The shape of a setting that was changed outside a statement. Rare, so made anew each time.
pub(crate) fn changed(name: &[u8], value: Option<&[u8]>) -> Arc<Statement> {
    let name = shown(&String::from_utf8_lossy(name).to_ascii_lowercase());
    let value = value.map(String::from_utf8_lossy);
    let effect = audit_effect(&name, value.as_deref());
    let value = told(&name, value.as_deref().map(|value| (value, false)));
    let summary = format!("SET {name}");
    Arc::new(Statement {
        fingerprint: crate::recent::hash(summary.as_bytes()),
        summary: Arc::from(summary),
        verb: Verb::Setting,
        relations: Vec::new(),
        columns: Vec::new(),
        predicate_columns: Vec::new(),
        export: None,
        flags: effect.map_or(Flags::NONE, |flag| Flags::NONE.with(flag)),
        limit: None,
        settings: vec![Setting { name, value, global: true }],
        role: None,
        routines: Vec::new(),
    })
}

/// `SET …` (not of a role, password or transaction).
pub(super) fn set(view: &View<'_>, range: Range<usize>, facts: &mut Facts) {
    facts.raise(Verb::Setting);
    let mut at = range.start + 1;
    let mut global = false;
    while at < range.end {
        let scope = view.keyword(at);
        match scope.as_str() {
            "GLOBAL" | "PERSIST" => (global, at) = (true, at + 1),
            "SESSION" | "LOCAL" => (global, at) = (false, at + 1),
            "STATEMENT" if at == range.start + 1 => at += 1,
            _ => {}
        }
        let end = item_end(view, at, &range);
        assignment(view, at, end, global, facts);
        if !view.op(end, b',') {
            return;
        }
        at = end + 1;
    }
}

/// Where the assignment at `at` ends: MariaDB sets several in one statement, PostgreSQL's commas are part of the value.
fn item_end(view: &View<'_>, at: usize, range: &Range<usize>) -> usize {
    let mut depth = 0usize;
    for index in at..range.end {
        match view.bytes(index) {
            b"(" => depth += 1,
            b")" => depth = depth.saturating_sub(1),
            b"," if depth == 0 && view.system.speaks_mysql() => return index,
            _ if depth == 0 && view.is(index, "FOR") => return index,
            _ => {}
        }
    }
    range.end
}

/// `name = value`, `name TO value`, `@@GLOBAL.name := value`.
fn assignment(view: &View<'_>, at: usize, end: usize, global: bool, facts: &mut Facts) {
    let sign = (at..end).find(|index| view.op(*index, b'=') || view.is(*index, "TO"));
    let Some(sign) = sign else { return };
    let mut parts = Vec::new();
    let (mut global, mut variable) = (global, 0);
    for index in at..sign {
        let Some(word) = view.name(index) else { continue };
        let bare = word.trim_start_matches('@').to_ascii_lowercase();
        variable += word.len() - bare.len();
        match bare.as_str() {
            "global" => global = true,
            "" | "session" | "local" => {}
            _ => parts.push(bare),
        }
    }
    // One @ is a variable of the session, two are a setting.
    if variable == 1 || parts.is_empty() {
        return;
    }
    put(view, &parts.join("."), sign + 1..end, global, facts);
}

/// Records the setting `name` with the value in `value`.
fn put(view: &View<'_>, name: &str, value: Range<usize>, global: bool, facts: &mut Facts) {
    let mut text = String::new();
    let mut literal = false;
    for index in value {
        if view.is_literal(index) {
            literal = true;
            append_list(view, index, &mut text);
        } else if view.kind(index) == Some(Kind::Op) && !matches!(view.bytes(index), b"," | b"." | b"-" | b"/") {
            // An expression: what it comes to is not known.
            (text, literal) = (String::from("?"), false);
            break;
        } else {
            text.push_str(&String::from_utf8_lossy(view.bytes(index)));
        }
    }
    let value = if text.eq_ignore_ascii_case("default") { None } else { Some((text.as_str(), literal)) };
    record(name, value, global, facts);
}

/// All values of a literal or list of literals, with commas.
fn append_list(view: &View<'_>, index: usize, text: &mut String) {
    for literal in view.literals_at(index).take(64) {
        if !text.is_empty() {
            text.push(',');
        }
        let mut value = Vec::new();
        super::values::unescape(view.text, literal, view.system, &mut value);
        text.push_str(&String::from_utf8_lossy(&value));
    }
}

/// Records a setting and what it does to the audit trail. A value is told for settings of the audit trail; of others
/// only when it is no string, for a string may be anybody's name or password.
fn record(name: &str, value: Option<(&str, bool)>, global: bool, facts: &mut Facts) {
    let effect = audit_effect(name, value.map(|(text, _)| text));
    if let Some(flag) = effect {
        facts.flags.insert(flag);
    }
    facts.setting(Setting { name: shown(name), value: told(name, value), global });
}

/// Values that many settings choose from, and nobody is called.
const CHOICES: [&str; 12] =
    ["on", "off", "true", "false", "yes", "no", "md5", "scram-sha-256", "replica", "origin", "0", "1"];
/// Settings with a word of secrets in their names that hold none.
const NO_SECRETS: [&str; 3] = ["old_passwords", "password_encryption", "strict_password_validation"];

/// What is told of the new value of setting `name`; `value` says whether it is a string as well.
pub(crate) fn told(name: &str, value: Option<(&str, bool)>) -> Option<Arc<str>> {
    let secret =
        ["password", "passwd", "secret", "passphrase", "token", "conninfo"].iter().any(|word| name.contains(word));
    let audit = audit_effect(name, None).is_some();
    if let Some((text, _)) = value
        && !audit
        && (!secret || NO_SECRETS.contains(&name))
        && let Some(word) = CHOICES.iter().find(|word| word.eq_ignore_ascii_case(text))
    {
        return Some(Arc::from(*word));
    }
    value.filter(|(_, literal)| !secret && (audit || !literal)).map(|(text, _)| match text {
        _ if audit || is_word(text) => short(text),
        _ => Arc::from(names::HIDDEN),
    })
}

/// Whether a value is a word of the language, a small number or a mark that it is not known.
fn is_word(value: &str) -> bool {
    let number = value.len() <= 8 && value.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    number || value == names::HIDDEN || ALL_KEYWORDS.binary_search(&value.to_ascii_uppercase().as_str()).is_ok()
}

/// A value fit to be shown. Values of settings are ASCII and have no long numbers; anything else is not told.
fn short(value: &str) -> Arc<str> {
    let parts = value.split(|c: char| !c.is_alphanumeric() && !"_-.".contains(c));
    let plain = value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') && !value.contains(['@', '\'', '"']);
    if value == names::HIDDEN || !plain || !parts.into_iter().all(names::harmless) {
        return Arc::from(names::HIDDEN);
    }
    names::shorten(value, VALUE)
}

/// `RESET name`, and the RESET of ALTER SYSTEM, ROLE and DATABASE: the name at `at`.
pub(super) fn reset(view: &View<'_>, at: usize, global: bool, facts: &mut Facts) {
    facts.raise(Verb::Setting);
    let (path, _) = view.path(at);
    if !path.is_empty() {
        record(&path.join(".").to_ascii_lowercase(), None, global, facts);
    }
}

/// `ALTER SYSTEM|ROLE|DATABASE … SET|RESET …`: gives whether it was one.
pub(super) fn alter(view: &View<'_>, range: Range<usize>, facts: &mut Facts) -> bool {
    let Some(at) = (range.start + 2..range.end.min(range.start + 12)).find(|index| view.any(*index, &["SET", "RESET"]))
    else {
        return false;
    };
    if view.any(at + 1, &["SCHEMA", "TABLESPACE"]) {
        return false;
    }
    if view.is(at, "RESET") {
        reset(view, at + 1, true, facts);
    } else {
        facts.raise(Verb::Setting);
        assignment(view, at + 1, range.end, true, facts);
    }
    true
}

/// `set_config('name', 'value', local)`: the call at `at`. Its arguments are one list when all are literals.
pub(super) fn set_config(view: &View<'_>, at: usize, facts: &mut Facts) {
    let close = view.closing_near(at + 1);
    let plain = view.op(at + 3, b',') || view.op(at + 3, b')');
    if !plain && super::calls::mentions_audit(view, at + 2..close) {
        facts.flags.insert(kuzet_event::Flag::WeakensAudit);
    }
    let arguments: Vec<String> = view
        .literals_at(at + 2)
        .take(2)
        .map(|literal| {
            let mut value = Vec::new();
            super::values::unescape(view.text, literal, view.system, &mut value);
            String::from_utf8_lossy(&value).into_owned()
        })
        .collect();
    facts.raise(Verb::Setting);
    let value = match arguments.len() {
        2 => Some((arguments[1].as_str(), true)),
        1 => Some(("?", false)), // an expression: not known, so on the safe side
        _ => return,
    };
    // The name is a literal here, and any string may stand in its place: told only when it is one of the audit trail.
    let name = arguments[0].to_ascii_lowercase();
    if audit_effect(&name, None).is_some() {
        record(&name, value, false, facts);
    }
}
