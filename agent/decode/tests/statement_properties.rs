//! Any text: no panic, nothing of a literal in what is kept, and literals do not change the shape.
#![allow(clippy::unwrap_used)] // helpers outside #[test] functions

use kuzet_decode::{Analyzer, Parameters};
use kuzet_event::{Identifier, Statement, System};
use kuzet_personal::Key;
use proptest::prelude::*;
use smallvec::SmallVec;
use std::sync::Arc;

const SYSTEMS: [System; 2] = [System::Postgresql, System::Mariadb];

fn analyse(system: System, text: &[u8]) -> (Arc<Statement>, SmallVec<[Identifier; 1]>) {
    let mut identifiers = SmallVec::new();
    let mut analyzer = Analyzer::new(system, Key::new([7; 32]));
    let statement = analyzer.analyze(text, &Parameters::new(), false, &mut identifiers);
    (statement, identifiers)
}

/// A value with a marker that no name has, as a literal of SQL.
fn literal() -> impl Strategy<Value = (String, String)> {
    prop_oneof![
        (100_000_000_000u64..999_999_999_999).prop_map(|n| (n.to_string(), format!("'{n}'"))),
        (100_000_000_000u64..999_999_999_999).prop_map(|n| (n.to_string(), n.to_string())),
        "[А-Я][а-я]{5,9} [А-Я][а-я]{5,9}".prop_map(|name| (name.clone(), format!("'{name}'"))),
        "[a-z]{6,9}Zq[0-9]{3}@example\\.kz".prop_map(|mail| (mail.clone(), format!("'{mail}'"))),
        "4[0-9]{15}".prop_map(|card| (card.clone(), format!("'{card}'"))),
        "Pw[a-z0-9]{8}".prop_map(|password| (password.clone(), format!("'{password}'"))),
        "[a-z]{4,8}Zq'[a-z]{4,8}Zq".prop_map(|name| (name.clone(), format!("'{}'", name.replace('\'', "''")))),
    ]
}

/// Statements with `{}` where a literal goes.
const TEMPLATES: &[&str] = &[
    "SELECT id FROM borrowers WHERE iin = {}",
    "SELECT id, {} AS x FROM borrowers WHERE a = {} AND b IN ({}, {}) OR c LIKE {}",
    "INSERT INTO borrowers (iin, name) VALUES ({}, {}), ({}, {})",
    "UPDATE borrowers SET name = {} WHERE iin = {}",
    "DELETE FROM borrowers WHERE lower(email) = {} -- see {}",
    "CREATE ROLE x LOGIN PASSWORD {}",
    "ALTER USER x IDENTIFIED BY {}",
    "SET app.person = {}",
    "SELECT set_config('app.person', {}, true)",
    "SELECT set_config({}, {}, true)",
    "SELECT query_to_xml({}, true, false, {}), dblink({}, {})",
    "DO {}",
    "SET GLOBAL server_audit_file_path = 1, x = {}",
    "PREPARE p FROM {}",
    "SELECT f({}, g({})) UNION SELECT {} /* {} */",
    "COPY (SELECT iin FROM borrowers WHERE iin = {}) TO STDOUT",
    "WITH x AS (SELECT {} AS a) SELECT * FROM x WHERE a <> {} LIMIT 5",
    "CALL p({}, {}); SELECT {}",
];

fn fill(template: &str, values: &[(String, String)]) -> String {
    let mut values = values.iter().cycle();
    let mut text = String::new();
    for (index, piece) in template.split("{}").enumerate() {
        if index > 0 {
            text.push_str(&values.next().unwrap().1);
        }
        text.push_str(piece);
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes(text in prop::collection::vec(any::<u8>(), 0..400)) {
        for system in SYSTEMS {
            let (statement, _) = analyse(system, &text);
            prop_assert!(statement.summary.len() <= 512);
        }
    }

    #[test]
    fn any_mixture_of_tokens(words in prop::collection::vec(prop::sample::select(vec![
        "SELECT", "FROM", "WHERE", "UNION", "(", ")", ",", ";", "'a'", "'", "\"b\"", "1", "$1", "?", "$$", "--", "/*",
        "*/", "#", "a", "b.c", "=", "IN", "ANY", "OR", "AND", "WITH", "AS", "INSERT", "INTO", "VALUES", "UPDATE", "SET",
        "DELETE", "GRANT", "TO", "ON", "ALTER", "ROLE", "CREATE", "TABLE", "FUNCTION", "BEGIN", "END", "COPY", "DECLARE",
        "CURSOR", "FOR", "FETCH", "LIMIT", "@", "@@global", "\\", ":", "[", "]", "set_config", "query_to_xml", "DO",
        "/*!40001", "*", ".", "E'\\'", "қ", "\n",
    ]), 0..60)) {
        let text = words.join(" ");
        for system in SYSTEMS {
            analyse(system, text.as_bytes());
            analyse(system, words.concat().as_bytes());
        }
    }

    #[test]
    fn literals_are_not_kept_and_do_not_matter(
        template in prop::sample::select(TEMPLATES),
        left in prop::collection::vec(literal(), 6),
        right in prop::collection::vec(literal(), 6),
    ) {
        let (one, other) = (fill(template, &left), fill(template, &right));
        for system in SYSTEMS {
            let (statement, identifiers) = analyse(system, one.as_bytes());
            let shown = format!("{statement:?} {identifiers:?}");
            for (value, _) in &left {
                prop_assert!(!shown.contains(value.as_str()), "{value} in {shown}");
            }
            let (second, _) = analyse(system, other.as_bytes());
            prop_assert_eq!(&statement, &second);
            // A line comment ends where the newlines come in.
            if !template.contains("--") {
                let (third, _) = analyse(system, one.replace(' ', " \n\t ").to_ascii_uppercase().as_bytes());
                prop_assert_eq!(statement.fingerprint, third.fingerprint);
            }
        }
    }

    #[test]
    fn another_table_is_another_shape(left in "[b-h][bcdfghjk_]{0,15}[0-9]{0,5}", right in "[b-h][bcdfghjk_]{0,15}[0-9]{0,5}") {
        prop_assume!(left != right);
        for system in SYSTEMS {
            let text = |table: &str| format!("SELECT id FROM s.{table} WHERE id = 1");
            let (one, other) = (analyse(system, text(&left).as_bytes()).0, analyse(system, text(&right).as_bytes()).0);
            prop_assert_ne!(one.fingerprint, other.fingerprint);
            prop_assert_eq!(&*one.relations[0].name, left.as_str());
        }
    }

    /// The cache of shapes must not show: one analyser for many statements gives what a fresh one gives for each.
    #[test]
    fn the_cache_does_not_show(picks in prop::collection::vec((0..TEMPLATES.len(), prop::collection::vec(literal(), 6)), 1..30)) {
        for system in SYSTEMS {
            let mut analyzer = Analyzer::new(system, Key::new([7; 32]));
            for (template, values) in &picks {
                let text = fill(TEMPLATES[*template], values);
                let mut identifiers = SmallVec::new();
                let cached = analyzer.analyze(text.as_bytes(), &Parameters::new(), false, &mut identifiers);
                let (fresh, expected) = analyse(system, text.as_bytes());
                prop_assert_eq!(cached, fresh, "{}", text);
                prop_assert_eq!(identifiers, expected, "{}", text);
            }
        }
    }
}

#[test]
fn a_person_is_the_same_by_literal_parameter_and_table() {
    let mut analyzer = Analyzer::new(System::Postgresql, Key::new([7; 32]));
    let mut parameters = Parameters::new();
    parameters.push(b"850830346939");
    let mut keys = Vec::new();
    for text in [
        "SELECT * FROM borrowers WHERE iin = '850830346939'",
        "SELECT * FROM borrowers WHERE iin = 850830346939",
        "SELECT * FROM borrowers WHERE iin = $1",
        "SELECT * FROM applications WHERE client_iin = $1::text",
        "SELECT * FROM applications WHERE note = lower('850830346939')",
        "SELECT * FROM borrowers WHERE iin = ANY ('{850830346939}')",
        "DELETE FROM borrowers WHERE '850830346939' = iin",
    ] {
        let mut identifiers = SmallVec::new();
        analyzer.analyze(text.as_bytes(), &parameters, false, &mut identifiers);
        assert_eq!(identifiers.len(), 1, "{text}");
        keys.push(identifiers[0].key);
    }
    keys.dedup();
    assert_eq!(keys.len(), 1);
}

#[test]
fn a_surrogate_key_is_bound_to_its_column() {
    let key = |text: &str| analyse(System::Postgresql, text.as_bytes()).1[0].key;
    assert_eq!(key("SELECT 1 FROM a WHERE id = 7"), key("SELECT 2 FROM b WHERE ID = '7'"));
    assert_ne!(key("SELECT 1 FROM a WHERE id = 7"), key("SELECT 1 FROM a WHERE amount = 7"));
}

#[test]
fn a_list_of_3000_people_is_3000_people_up_to_the_bound() {
    let list = |count: u64| -> String {
        let values: Vec<String> = (0..count).map(|n| format!("'{:012}'", 900_101_300_000 + n)).collect();
        format!("SELECT id FROM borrowers WHERE iin IN ({})", values.join(","))
    };
    let (long, identifiers) = analyse(System::Postgresql, list(3000).as_bytes());
    assert_eq!(identifiers.len(), 3000);
    let (short, _) = analyse(System::Postgresql, list(2).as_bytes());
    assert_eq!(long, short);
    let (_, most) = analyse(System::Postgresql, list(70_000).as_bytes());
    assert_eq!(most.len(), 65_536);
}

#[test]
fn a_cut_list_still_points_at_people() {
    let text = b"SELECT id FROM borrowers WHERE iin IN ('900101300001','900101300002','9001013";
    let mut identifiers = SmallVec::new();
    let mut analyzer = Analyzer::new(System::Mariadb, Key::new([7; 32]));
    let statement = analyzer.analyze(text, &Parameters::new(), true, &mut identifiers);
    assert!(statement.flags.has(kuzet_event::Flag::Truncated));
    assert!(statement.flags.has(kuzet_event::Flag::Unparsed));
    assert_eq!(&*statement.relations[0].name, "borrowers");
    assert!(identifiers.len() >= 2);
}

#[test]
fn hostile_nesting_ends() {
    for (open, close) in [
        ("set_config(", ")"),
        ("SELECT dblink(", ")"),
        ("SELECT * FROM (", ")"),
        ("CASE WHEN ", " END"),
        ("WITH x AS (", ") SELECT 1"),
        ("SELECT 1 UNION ", ""),
        ("/*", "*/"),
        ("DELETE a,", ""),
        ("GRANT x TO (", ")"),
    ] {
        let text = [open.repeat(3000), "1".into(), close.repeat(3000)].concat();
        for system in SYSTEMS {
            let (statement, _) = analyse(system, text.as_bytes());
            assert!(statement.relations.len() <= 64 && statement.summary.len() <= 512);
            analyse(system, open.repeat(3000).as_bytes());
        }
    }
}
