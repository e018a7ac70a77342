//! Hostile rules give diagnostics, and one bad rule silences no other.

use kuzet_sigma::{Code, FieldMap, Lists, RuleSet};
use proptest::prelude::*;

const GOOD: &str = "title: good\nlevel: low\nlogsource: {product: any}\ndetection: {sel: {a: x}, condition: sel}\n";

fn codes(rule: &str) -> Vec<&'static str> {
    let (set, diagnostics) =
        RuleSet::load([("bad.yml", rule), ("good.yml", GOOD)], &FieldMap::default(), &Lists::new());
    assert_eq!(set.rules().iter().filter(|rule| rule.title == "good").count(), 1, "{rule:.200} silenced another rule");
    for diagnostic in &diagnostics {
        assert!(diagnostic.message.len() < 2_000, "{diagnostic:.300}");
        assert!(diagnostic.place.line > 0, "{diagnostic}");
    }
    diagnostics.iter().filter(|diagnostic| !diagnostic.warning()).map(|diagnostic| diagnostic.code.id()).collect()
}

fn with(detection: &str) -> String {
    format!("title: bad\nlevel: low\nlogsource: {{product: any}}\ndetection: {detection}\n")
}

#[test]
fn yaml_bombs_are_refused() {
    let mut laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        laughs.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    assert_eq!(codes(&laughs), ["KZ302"]);
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), vec!["*a"; 1000].join(", "));
    assert_eq!(codes(&long), ["KZ302"]);
    // The scanner has a limit of its own for brackets.
    assert_eq!(codes(&format!("a: {}", "[".repeat(100_000))), ["KZ301"]);
    assert_eq!(codes(&format!("a: {}", "[".repeat(100))), ["KZ302"]);
    assert_eq!(codes(&format!("a: {}", "{b: ".repeat(5_000))), ["KZ302"]);
    assert_eq!(codes(&"- ".repeat(100_000)), ["KZ302"]);
    assert_eq!(codes("a: &a [*a]"), ["KZ301"]);
    assert_eq!(codes(&"x".repeat(5 << 20)), ["KZ300"]);
}

#[test]
fn what_is_no_rule_is_told() {
    for (rule, code) in [
        ("", None),
        ("# nothing\n", None),
        ("- a\n- b\n", Some("KZ304")),
        ("text", Some("KZ304")),
        ("title: x\n", Some("KZ304")),
        ("title: x: y\n", Some("KZ301")),
        ("title: \"x\n", Some("KZ301")),
        ("\u{0}", Some("KZ301")),
        ("<<: {a: b}\n", Some("KZ301")),
        ("[a]: b\n", Some("KZ301")),
        ("detection: {sel: {a: x}, condition: sel}\nfilter: {}\n", Some("KZ304")),
        ("title: x\nlogsource: x\ndetection: {sel: {a: x}, condition: sel}\n", Some("KZ306")),
        ("title: x\ndetection: {sel: {a: x}, condition: sel}\n", Some("KZ305")),
        ("logsource: {product: x}\ndetection: {sel: {a: x}, condition: sel}\n", Some("KZ305")),
    ] {
        assert_eq!(codes(rule).first().copied(), code, "{rule:?}");
    }
    let (_, diagnostics) = RuleSet::load([("x.yml", b"title: \xff\n")], &FieldMap::default(), &Lists::new());
    assert_eq!(diagnostics[0].code, Code::Unreadable);
}

#[test]
fn regular_expressions_are_bounded() {
    for pattern in ["(a", "a{1000}{1000}{1000}", r"(\w{100}){100}", r"\1", "(?<=a)b", "[", "(?P<n>a)(?P<n>b)"] {
        let rule = with(&format!("{{sel: {{a|re: '{pattern}'}}, condition: sel}}"));
        assert_eq!(codes(&rule), ["KZ314"], "{pattern}");
    }
    let deep = format!("{}a{}", "(".repeat(500), ")".repeat(500));
    assert_eq!(codes(&with(&format!("{{sel: {{a|re: '{deep}'}}, condition: sel}}"))), ["KZ314"]);
    // Each is small enough; together they are not.
    let many: String = (0..400).map(|n| format!("- '{n}(\\w{{3}}){{9}}'\n      ")).collect();
    let rule = format!(
        "title: bad\nlevel: low\nlogsource: {{product: any}}\ndetection:\n  condition: sel\n  sel:\n    a|re:\n      {many}\n"
    );
    assert!(codes(&rule).first() == Some(&"KZ314"), "{:?}", codes(&rule));
}

#[test]
fn modifiers_that_mean_nothing_together_are_refused() {
    for modifiers in [
        "contains|startswith",
        "re|cidr",
        "gt|lt",
        "re|contains",
        "cidr|cased",
        "i",
        "base64|utf16le",
        "base64offset",
        "exists|all",
        "gt|base64",
        "windash|windash",
        "fieldref|expand",
    ] {
        let rule = with(&format!("{{sel: {{a|{modifiers}: x}}, condition: sel}}"));
        assert_eq!(codes(&rule), ["KZ312"], "{modifiers}");
    }
    for (modifier, value) in [
        ("gt", "x"),
        ("gt", "null"),
        ("cidr", "10.0.0.0/33"),
        ("cidr", "10.*"),
        ("exists", "maybe"),
        ("exists", "[true, false]"),
        ("hour", "24"),
        ("contains", "null"),
        ("contains", "{b: c}"),
        ("base64", "'a*b'"),
        ("utf16", "ab"),
        ("wide", "é"),
        ("fieldref", "5"),
    ] {
        let rule = with(&format!("{{sel: {{a|{modifier}: {value}}}, condition: sel}}"));
        assert_eq!(codes(&rule), ["KZ313"], "{modifier}: {value}");
    }
}

#[test]
fn conditions_are_read_to_their_end() {
    for (condition, code) in [
        ("", "KZ320"),
        ("()", "KZ320"),
        ("sel sel", "KZ320"),
        ("sel and", "KZ320"),
        ("not", "KZ320"),
        ("1 of", "KZ320"),
        ("0 of them", "KZ320"),
        ("5 of them", "KZ320"),
        ("other", "KZ321"),
        ("1 of other*", "KZ321"),
        ("sel | count() by x > 3", "KZ322"),
        ("sel; drop", "KZ320"),
        ("sel\u{200b}", "KZ320"),
    ] {
        let rule = with(&format!("{{sel: {{a: x}}, condition: '{condition}'}}"));
        assert_eq!(codes(&rule), [code], "{condition:?}");
    }
    let deep = format!("{}sel{}", "(".repeat(10_000), ")".repeat(10_000));
    assert_eq!(codes(&with(&format!("{{sel: {{a: x}}, condition: '{deep}'}}"))), ["KZ320"]);
    assert_eq!(codes(&with(&format!("{{sel: {{a: x}}, condition: '{} sel'}}", "not ".repeat(10_000)))), ["KZ320"]);
}

#[test]
fn a_fault_leaves_the_other_documents_of_its_file() {
    let file = format!("title: [broken\n---\n{GOOD}---\nid: &x *y\n---\n{}", GOOD.replace("good", "second"));
    let (set, diagnostics) = RuleSet::load([("many.yml", &file)], &FieldMap::default(), &Lists::new());
    let titles: Vec<&str> = set.rules().iter().map(|rule| rule.title.as_str()).collect();
    assert_eq!(titles, ["good", "second"]);
    let lines: Vec<u32> = diagnostics.iter().map(|diagnostic| diagnostic.place.line).collect();
    assert!(lines[0] <= 2 && lines[1] == 8, "{diagnostics:?}");
}

#[test]
fn codes_are_stable_and_different() {
    let mut ids: Vec<&str> = Code::ALL.iter().map(|code| code.id()).collect();
    assert!(ids.is_sorted(), "{ids:?}");
    ids.dedup();
    assert_eq!(ids.len(), Code::ALL.len());
    assert!(Code::ALL.iter().all(|code| code.about().ends_with('.')));
    let docs = include_str!("../../../docs/sigma.md");
    for code in Code::ALL {
        assert!(docs.contains(&format!("| {} |", code.id())), "docs/sigma.md does not list {}", code.id());
    }
}

/// Texts that are nearly rules: pieces of YAML and Sigma in any order.
fn nearly() -> impl Strategy<Value = String> {
    let pieces = [
        "title: t\n",
        "level: low\n",
        "logsource: {product: any}\n",
        "detection:\n",
        "  s: ",
        "  condition: ",
        "s",
        "1 of s*",
        "not ",
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        "a|re: ",
        "a|contains|all: ",
        "|windash",
        "|",
        ": ",
        "- ",
        "\n",
        "&x ",
        "*x ",
        "'",
        "\"",
        "\\",
        "%list%",
        "null",
        "0x1F",
        "--- ",
        "---\n",
        "filter:\n",
        "correlation:\n",
        "  rules: any\n",
        "–",
        "ы",
        "\u{0}",
        "\u{feff}",
        "!!str ",
        "? ",
        "> ",
        "#",
        "\t",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_rules_or_diagnostics(text in nearly()) {
        codes(&text);
        codes(&with(&text));
    }

    #[test]
    fn any_bytes_are_rules_or_diagnostics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        RuleSet::load([("x.yml", bytes)], &FieldMap::default(), &Lists::new());
    }
}
