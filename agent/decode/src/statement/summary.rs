//! The literal-free text of a shape: its stable fingerprint and what may be shown of it.

use super::facts::Facts;
use super::scan::Kind;
use super::view::View;
use super::words;
use crate::names::{harmless, is_known};
use kuzet_personal::Key;
use sqlparser::keywords::ALL_KEYWORDS;
use std::sync::Arc;

/// Longest summary, bytes.
const LONGEST: usize = 512;

/// Words written in capitals; others are names and go in lower case.
const CAPITALS: &[&str] = &[
    "ALL",
    "ALTER",
    "AND",
    "ANY",
    "AS",
    "ASC",
    "BEGIN",
    "BETWEEN",
    "BY",
    "CASE",
    "COMMIT",
    "COPY",
    "CREATE",
    "CROSS",
    "CURSOR",
    "DECLARE",
    "DELETE",
    "DESC",
    "DISTINCT",
    "DROP",
    "ELSE",
    "END",
    "EXCEPT",
    "EXECUTE",
    "EXISTS",
    "FETCH",
    "FOR",
    "FROM",
    "FULL",
    "GRANT",
    "GROUP",
    "HAVING",
    "ILIKE",
    "IN",
    "INNER",
    "INSERT",
    "INTERSECT",
    "INTO",
    "IS",
    "JOIN",
    "LEFT",
    "LIKE",
    "LIMIT",
    "LOCK",
    "NOT",
    "NULL",
    "OFFSET",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "OUTFILE",
    "PREPARE",
    "PROGRAM",
    "REPLACE",
    "RESET",
    "RETURNING",
    "REVOKE",
    "RIGHT",
    "ROLLBACK",
    "SELECT",
    "SET",
    "SHOW",
    "STDIN",
    "STDOUT",
    "TABLE",
    "THEN",
    "TO",
    "TRUNCATE",
    "UNION",
    "UPDATE",
    "USING",
    "VALUES",
    "WHEN",
    "WHERE",
    "WITH",
];

/// Words that may stand behind PASSWORD or IDENTIFIED and are no password.
const BESIDE_PASSWORD: &[&str] = &[
    "ACCOUNT",
    "AS",
    "BY",
    "EXPIRE",
    "FOR",
    "LOGIN",
    "MAX_USER_CONNECTIONS",
    "NOLOGIN",
    "NOSUPERUSER",
    "NULL",
    "OR",
    "PASSWORD",
    "REDACTED",
    "REQUIRE",
    "SUPERUSER",
    "TO",
    "UNTIL",
    "USING",
    "VALID",
    "VIA",
    "WITH",
];

/// Words beside the keywords of the grammar that are no values, lower case.
const PLAIN: &[&str] = &[
    "global",
    "handler",
    "id",
    "infile",
    "mysql",
    "pgaudit",
    "plugin",
    "public",
    "reassign",
    "redacted",
    "server_audit",
    "soname",
    "uninstall",
];

/// Fingerprint and summary.
pub(super) struct Summary {
    pub(super) fingerprint: u64,
    pub(super) shown: Arc<str>,
}

/// Makes both. In a text that is not `sound` any word may be a piece of a value.
pub(super) fn summary(view: &View<'_>, sound: bool, facts: &Facts) -> Summary {
    let mut canonical = Vec::with_capacity(view.tokens.len() * 8);
    let mut text = String::new();
    let mut judge = Judge::new(view, sound, facts);
    for index in 0..view.tokens.len() {
        let bytes = view.bytes(index);
        canonical.push(b' ');
        match view.kind(index) {
            Some(Kind::Literal) => canonical.push(b'?'),
            Some(Kind::Word) => canonical.extend(bytes.iter().map(u8::to_ascii_lowercase)),
            _ => canonical.extend_from_slice(bytes),
        }
        if text.len() > LONGEST {
            continue;
        }
        if gap(view, index) {
            text.push(' ');
        }
        let keyword = view.keyword(index);
        let hidden = judge.hides(index, keyword.as_str());
        match view.kind(index) {
            Some(Kind::Literal) => text.push('?'),
            _ if hidden => {
                text.push_str(
                    std::str::from_utf8(&bytes[..bytes.iter().take_while(|byte| **byte == b'@').count()])
                        .unwrap_or_default(),
                );
                text.push('?');
            }
            Some(Kind::Word) if is_capital(keyword.as_str()) => text.push_str(keyword.as_str()),
            Some(Kind::Word) => text.push_str(&String::from_utf8_lossy(bytes).to_lowercase()),
            _ => text.push_str(&String::from_utf8_lossy(bytes)),
        }
    }
    let fingerprint = Key::new([0; 32]).pseudonym("statement", &canonical) as u64;
    text.truncate(text.floor_char_boundary(LONGEST));
    Summary { fingerprint, shown: Arc::from(text.replace(kuzet_personal::unseen, " ")) }
}

fn is_capital(keyword: &str) -> bool {
    CAPITALS.binary_search(&keyword).is_ok()
}

/// Says which words of a text are not shown because they may be values, or pieces of values.
///
/// A word of the language is always shown (but behind PASSWORD). A name is shown when nothing in it looks like a value,
/// and in a text that is not sound, where quotes may be out of step, only as the name of a relation or as a known word.
struct Judge<'a> {
    view: &'a View<'a>,
    facts: &'a Facts,
    strict: bool,
    /// From here on names may be pieces of a literal.
    out_of_step: bool,
    secretive: bool,
    behind_password: bool,
}

impl<'a> Judge<'a> {
    fn new(view: &'a View<'a>, sound: bool, facts: &'a Facts) -> Judge<'a> {
        let secretive = view.any(0, &["CREATE", "ALTER", "SET", "GRANT"]);
        Judge { view, facts, strict: !sound, out_of_step: false, secretive, behind_password: false }
    }

    /// To be asked for every token, in order.
    fn hides(&mut self, index: usize, keyword: &str) -> bool {
        let view = self.view;
        if !view.is_name(index) {
            return false;
        }
        let known = is_capital(keyword) || ALL_KEYWORDS.binary_search(&keyword).is_ok();
        let name = view.name(index).unwrap_or_default();
        let glued = view.tokens.get(index).is_some_and(|token| {
            let before = (token.start as usize).checked_sub(1).and_then(|at| view.text.get(at));
            before.is_some_and(|byte| byte.is_ascii_digit() || matches!(byte, b'\'' | b'"' | b'`'))
        });
        self.out_of_step |=
            self.strict && !known && !name.starts_with('@') && (glued || view.is_literal(index.wrapping_sub(1)));
        self.out_of_step |= is_dollar(view, index) || is_mail(view, index.wrapping_sub(1));
        let hidden = if name.bytes().all(|byte| byte == b'@') {
            false
        } else if self.behind_password && !BESIDE_PASSWORD.contains(&keyword) {
            true
        } else if known {
            false
        } else {
            let piece = match view.kind(index) {
                Some(Kind::Quoted) => is_value(view, index),
                _ => glued && !name.starts_with('@'),
            };
            piece || !self.shows(index, &name)
        };
        self.behind_password |=
            (self.secretive || self.strict) && matches!(keyword, "PASSWORD" | "IDENTIFIED" | "ENCRYPTED");
        hidden
    }

    fn shows(&self, index: usize, name: &str) -> bool {
        let view = self.view;
        let bare = name.trim_start_matches('@');
        if !self.strict {
            return bare.is_empty() || harmless(bare);
        }
        if self.out_of_step {
            return false;
        }
        // `@@name` is a variable of the server.
        let variable = name.starts_with('@') && view.bytes(index.wrapping_sub(1)) == b"@" && is_name(bare);
        variable
            || is_sure(bare)
            || PLAIN.contains(&bare.to_ascii_lowercase().as_str())
            || is_function(view, index, name)
            || self.is_told(name)
    }

    /// Whether a name is told by the facts anyway: a relation, a role.
    fn is_told(&self, name: &str) -> bool {
        let role = self.facts.role.iter().flat_map(|role| role.rights.iter().chain(&role.grantees));
        let relations = self.facts.relations.iter().flat_map(|relation| [&relation.schema, &relation.name]);
        name.is_ascii() && role.chain(relations).any(|told| told.eq_ignore_ascii_case(name))
    }
}

/// Whether a text holds what only another dialect has: dollar quotes of PostgreSQL in a text for MariaDB, which are names
/// there, and addresses without quotes.
pub(super) fn is_foreign(view: &View<'_>) -> bool {
    (0..view.tokens.len()).any(|index| is_dollar(view, index) || is_mail(view, index))
}

/// Whether a word is a dollar quote of PostgreSQL in a text for MariaDB.
fn is_dollar(view: &View<'_>, index: usize) -> bool {
    view.system.speaks_mysql() && view.kind(index) == Some(Kind::Word) && {
        let bytes = view.bytes(index);
        memchr::memmem::find(bytes, b"$$").is_some() || (bytes[0] == b'$' && bytes[1..].contains(&b'$'))
    }
}

/// Whether the token at `index` is or begins with the `@` of an e-mail address that stands without quotes.
fn is_mail(view: &View<'_>, index: usize) -> bool {
    let Some(at) = view.tokens.get(index).map(|token| token.start as usize) else { return false };
    let part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80);
    view.text.get(at) == Some(&b'@')
        && part(at.checked_sub(1).and_then(|before| view.text.get(before)))
        && part(view.text.get(at + 1))
        && !view.text[at + 1..].starts_with(b"localhost")
}

/// Whether a quoted name stands where a value does: `= "x"`, `IN ("x"`, `VALUES ("x"`, `LIKE "x"`, `TO "x"` of SET.
fn is_value(view: &View<'_>, index: usize) -> bool {
    if view.op(index + 1, b'.') {
        return false;
    }
    let mut before = index.wrapping_sub(1);
    while view.op(before, b',') && view.kind(before.wrapping_sub(1)).is_some_and(|kind| kind != Kind::Op) {
        before = before.wrapping_sub(2);
    }
    let list = view.op(before, b'(') && view.any(before.wrapping_sub(1), &["IN", "VALUES", "ANY"]);
    let assigned = view.is(0, "SET") && view.is(before, "TO");
    list || assigned || view.op(before, b'=') || view.any(before, &["LIKE", "ILIKE", "VALUES", "BETWEEN"])
}

/// Whether the word at `index` is the name of a known function that is called.
fn is_function(view: &View<'_>, index: usize, name: &str) -> bool {
    const COMMON: [&str; 12] = [
        "SET_CONFIG",
        "DBLINK",
        "LOWER",
        "UPPER",
        "COALESCE",
        "CONCAT",
        "NOW",
        "LENGTH",
        "SUBSTRING",
        "REPLACE",
        "CONCAT_WS",
        "CURRENT_SETTING",
    ];
    let name = name.to_ascii_uppercase();
    let name = name.as_str();
    view.op(index + 1, b'(')
        && (words::is_aggregate(name)
            || words::is_packed(name)
            || words::is_delay(name)
            || words::is_error_probe(name)
            || words::is_file_function(name)
            || COMMON.contains(&name))
}

/// Whether a word is a known one, as columns and settings have it, and so no value.
pub(super) fn is_sure(name: &str) -> bool {
    let known =
        is_known(name) || PLAIN.contains(&name) || super::audit_effect(&name.to_ascii_lowercase(), None).is_some();
    name.is_ascii() && known && harmless(name)
}

/// Whether a word looks like a name of a schema even where quotes may be out of step; `aB3` looks like a password.
pub(super) fn is_name(name: &str) -> bool {
    let has = |of: fn(&u8) -> bool| name.as_bytes().iter().any(of);
    let mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit);
    name.is_ascii() && harmless(name) && !mixed
}

/// Whether a space stands before the token at `index`; does not depend on how the text was spaced.
fn gap(view: &View<'_>, index: usize) -> bool {
    if index == 0 {
        return false;
    }
    let before = index - 1;
    let closing = [b',', b')', b';', b'.', b']'].iter().any(|byte| view.op(index, *byte));
    let opening = [b'(', b'.', b'['].iter().any(|byte| view.op(before, *byte));
    if closing || opening || (view.op(index, b':') || view.op(before, b':')) {
        return false;
    }
    if view.op(index, b'(') {
        let keyword = view.keyword(before);
        return !view.is_name(before) || CAPITALS.binary_search(&keyword.as_str()).is_ok();
    }
    if view.bytes(index).starts_with(b"@") || view.bytes(before) == b"@" {
        let keyword = view.keyword(before);
        return CAPITALS.binary_search(&keyword.as_str()).is_ok() || view.is(before, "GLOBAL");
    }
    let sign =
        |at: usize| view.kind(at) == Some(Kind::Op) && !matches!(view.bytes(at), b"," | b"(" | b")" | b";" | b"]");
    !(sign(index) && sign(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted() {
        assert!(CAPITALS.is_sorted());
    }
}
