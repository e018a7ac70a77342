//! The literal-free text of a shape: its stable fingerprint and what may be shown of it.

use super::scan::Kind;
use super::view::{View, shown};
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

/// Fingerprint and summary.
pub(super) struct Summary {
    pub(super) fingerprint: u64,
    pub(super) shown: Arc<str>,
}

/// Makes both. In a text that did not parse, quotes may be out of step, so that words can be pieces of values: there,
/// words behind a literal and words that are not ASCII are not shown.
pub(super) fn summary(view: &View<'_>, parsed: bool) -> Summary {
    let mut canonical = Vec::with_capacity(view.tokens.len() * 8);
    let mut text = String::new();
    let secretive = view.any(0, &["CREATE", "ALTER", "SET", "GRANT"]);
    let (mut behind_password, mut out_of_step) = (false, false);
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
        let keyword = view.keyword(index);
        let keyword = keyword.as_str();
        let capital = CAPITALS.binary_search(&keyword).is_ok();
        let known = capital || ALL_KEYWORDS.binary_search(&keyword).is_ok() || bytes.starts_with(b"@");
        out_of_step |= !parsed && view.is_name(index) && !known && index > 0 && view.is_literal(index - 1);
        let hidden = match view.kind(index) {
            Some(Kind::Word) => {
                (behind_password && !BESIDE_PASSWORD.contains(&keyword))
                    || (!parsed && !known && (out_of_step || !bytes.is_ascii()))
            }
            Some(Kind::Quoted) => {
                behind_password || out_of_step || (view.op(index.wrapping_sub(1), b'=') && !view.op(index + 1, b'.'))
            }
            _ => false,
        };
        if gap(view, index) {
            text.push(' ');
        }
        match view.kind(index) {
            Some(Kind::Literal) => text.push('?'),
            _ if hidden => text.push('?'),
            Some(Kind::Word) if capital => text.push_str(keyword),
            Some(Kind::Word) => text.push_str(&String::from_utf8_lossy(bytes).to_lowercase()),
            Some(Kind::Quoted) => text.push_str(&shown(&String::from_utf8_lossy(bytes))),
            _ => text.push_str(&String::from_utf8_lossy(bytes)),
        }
        behind_password |= secretive && matches!(keyword, "PASSWORD" | "IDENTIFIED" | "ENCRYPTED");
    }
    let fingerprint = Key::new([0; 32]).pseudonym("statement", &canonical) as u64;
    let text = shown_text(&text);
    Summary { fingerprint, shown: text }
}

/// Masks identifiers in names and cuts.
fn shown_text(text: &str) -> Arc<str> {
    let masked = kuzet_personal::mask_identifiers(text);
    let mut end = masked.len().min(LONGEST);
    while !masked.is_char_boundary(end) {
        end -= 1;
    }
    Arc::from(masked[..end].replace(char::is_control, " "))
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
