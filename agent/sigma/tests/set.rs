//! Sets of rules: log sources, field maps, filters, correlations, explanations, lists of the operator.

use kuzet_sigma::{
    Code, CorrelationKind, Diagnostic, FieldMap, FieldNames, Hit, JsonNames, Lists, LogSource, Names, Part, RuleSet,
    Threshold,
};
use std::sync::Arc;

fn load(text: &str, map: &FieldMap, lists: &Lists) -> (Arc<RuleSet>, Vec<Diagnostic>) {
    let (set, diagnostics) = RuleSet::load([("set.yml", text)], map, lists);
    (Arc::new(set), diagnostics)
}

fn refused(diagnostics: &[Diagnostic]) -> Vec<&'static str> {
    diagnostics.iter().filter(|d| !d.warning()).map(|d| d.code.id()).collect()
}

fn hits(set: &Arc<RuleSet>, sources: &[LogSource], event: &serde_json::Value) -> Vec<Hit> {
    let (names, mut matcher, mut hits) = (JsonNames::new(set.fields()), set.matcher(), Vec::new());
    matcher.matches(&set.route(sources), &names.event(event), &mut hits);
    hits
}

const PROCESS: &str = "
title: whoami
name: who
level: low
logsource: {category: process_creation, product: windows}
detection:
  image:
    Image|endswith: '\\whoami.exe'
  words: [secret]
  filter:
    User: SYSTEM
  condition: (image or words) and not filter
";

#[test]
fn rules_see_events_of_their_log_source() {
    let (set, diagnostics) = load(PROCESS, &FieldMap::default(), &Lists::new());
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let event = serde_json::json!({"Image": "C:\\WHOAMI.EXE"});
    let source = |category, product| LogSource::new(category, product, Some("sysmon"));
    assert_eq!(hits(&set, &[source(Some("Process_Creation"), Some("Windows"))], &event).len(), 1);
    assert_eq!(hits(&set, &[source(Some("process_creation"), None)], &event).len(), 0);
    assert_eq!(hits(&set, &[source(None, None), source(Some("process_creation"), Some("windows"))], &event).len(), 1);
    assert!(set.route(&[source(Some("database"), Some("windows"))]).is_empty());
}

#[test]
fn a_hit_tells_selections_and_fields() {
    let (set, _) = load(PROCESS, &FieldMap::default(), &Lists::new());
    let source = [LogSource::new(Some("process_creation"), Some("windows"), None)];
    let event = serde_json::json!({"Image": "C:\\whoami.exe", "Note": "top secret"});
    let hits = hits(&set, &source, &event);
    let told = set.explain(&hits[0]);
    assert_eq!(told["image"], ["Image"]);
    assert!(told["words"].is_empty() && !told.contains_key("filter"), "{told:?}");
}

#[test]
fn field_maps_give_the_names_of_events() {
    let one = |from: &str, to: Names| FieldNames {
        logsource: LogSource::new(Some("process_creation"), None, None),
        fields: [(from.to_owned(), to)].into(),
    };
    let names = Names::Many(vec!["process.executable".to_owned(), "exe".to_owned()]);
    let map = FieldMap { map: vec![one("Image", names), one("User", Names::One("user.name".to_owned()))] };
    let (set, _) = load(PROCESS, &map, &Lists::new());
    let source = [LogSource::new(Some("process_creation"), Some("windows"), None)];
    for event in [
        serde_json::json!({"process": {"executable": "x\\whoami.exe"}}),
        serde_json::json!({"exe": "x\\whoami.exe", "process": {"executable": "y"}}),
    ] {
        assert_eq!(hits(&set, &source, &event).len(), 1, "{event}");
    }
    assert_eq!(hits(&set, &source, &serde_json::json!({"exe": "\\whoami.exe", "user.name": "system"})).len(), 0);
    let unbound = set.unbound(|_, name| name != "user.name");
    assert_eq!(unbound.iter().map(|d| d.code).collect::<Vec<_>>(), [Code::UnboundField]);
    let read: FieldMap = serde_json::from_value(serde_json::json!({"map": [
        {"logsource": {"product": "linux"}, "fields": {"Image": "exe", "User": ["a", "b"]}}
    ]}))
    .expect("a field map");
    assert_eq!(read.names(&LogSource::new(None, Some("linux"), None), "User"), ["a", "b"]);
    assert_eq!(read.names(&LogSource::new(None, Some("windows"), None), "User"), ["User"]);
}

#[test]
fn filters_add_conditions_to_the_rules_they_name() {
    let filter = |rules: &str, category: &str| {
        format!(
            "{PROCESS}---\ntitle: not the admins\nlogsource: {{category: {category}}}\nfilter:\n  rules: {rules}\n  admins: {{User|startswith: adm_}}\n  condition: not admins\n"
        )
    };
    let source = [LogSource::new(Some("process_creation"), Some("windows"), None)];
    let event = |user: &str| serde_json::json!({"Image": "\\whoami.exe", "User": user});
    for rules in ["[who]", "who", "any"] {
        let (set, diagnostics) = load(&filter(rules, "process_creation"), &FieldMap::default(), &Lists::new());
        assert!(diagnostics.is_empty(), "{rules}: {diagnostics:?}");
        assert_eq!(hits(&set, &source, &event("adm_1")).len(), 0, "{rules}");
        assert_eq!(hits(&set, &source, &event("clerk")).len(), 1, "{rules}");
    }
    for (rules, category) in [("[nobody]", "process_creation"), ("[who]", "database")] {
        let (set, diagnostics) = load(&filter(rules, category), &FieldMap::default(), &Lists::new());
        assert_eq!(refused(&diagnostics), ["KZ331"]);
        assert_eq!(hits(&set, &source, &event("adm_1")).len(), 1, "the rule works as it was");
    }
}

#[test]
fn lists_of_the_operator_stand_for_placeholders() {
    let rule =
        "title: t\nlevel: low\nlogsource: {product: any}\ndetection: {s: {User|expand: 'x_%admins%'}, condition: s}";
    let lists = Lists::from([("admins".to_owned(), vec!["asel".to_owned(), "b*".to_owned()])]);
    let (set, diagnostics) = load(rule, &FieldMap::default(), &lists);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let source = [LogSource::new(None, Some("any"), None)];
    for (user, hit) in [("X_Asel", true), ("x_bota", true), ("asel", false), ("x_%admins%", false)] {
        assert_eq!(!hits(&set, &source, &serde_json::json!({"User": user})).is_empty(), hit, "{user}");
    }
}

const CORRELATION: &str = "
---
title: many
name: many
level: high
correlation:
  type: value_count
  rules: [who]
  group-by: [actor]
  aliases: {actor: {who: User}}
  timespan: 5m
  condition: {gte: 3, field: Image}
---
title: chained
level: critical
correlation: {type: temporal_ordered, rules: [many, who], group-by: [User], timespan: 1h, generate: true}
";

#[test]
fn correlations_are_resolved_to_rules_and_fields() {
    let (set, diagnostics) = load(&format!("{PROCESS}{CORRELATION}"), &FieldMap::default(), &Lists::new());
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let [many, chained] = set.correlations() else { panic!("two correlations") };
    assert_eq!((many.correlation.kind, many.correlation.timespan), (CorrelationKind::ValueCount, 300));
    let names = |fields: &[kuzet_sigma::FieldId]| set.fields().names(fields[0]).to_vec();
    let bound = many.bound[0].values().next().expect("the rule");
    assert_eq!((names(&bound.group_by), names(&bound.fields)), (vec!["User".to_owned()], vec!["Image".to_owned()]));
    assert_eq!(chained.parts[0], Part::Correlation(0));
    assert!(matches!(&chained.correlation.threshold, Threshold::Numbers(numbers) if numbers[0].1 == 2.0));
    assert!(set.rules()[0].silent, "it feeds a correlation");
}

#[test]
fn correlations_without_ground_are_refused() {
    for (correlation, code) in [
        ("{type: event_count, rules: [nobody], timespan: 5m, condition: {gte: 3}}", "KZ331"),
        ("{type: temporal, rules: [c, who], timespan: 5m}", "KZ332"),
        ("{type: sum, rules: [who], timespan: 5m, condition: {gte: 3}}", "KZ330"),
        ("{type: event_count, rules: [who], timespan: 5, condition: {gte: 3}}", "KZ330"),
        ("{type: event_count, rules: [who], timespan: 99999y, condition: {gte: 3}}", "KZ330"),
        ("{type: event_count, rules: [who], timespan: 5m}", "KZ330"),
        ("{type: value_count, rules: [who], timespan: 5m, condition: {gte: 3}}", "KZ330"),
        ("{type: event_count, rules: [], timespan: 5m, condition: {gte: 3}}", "KZ330"),
        ("{type: event_count, rules: [who], timespan: 5m, condition: {gte: many}}", "KZ330"),
        ("{type: event_count, rules: [who], timespan: 5m, condition: {gte: 3}, window: 3}", "KZ330"),
        ("{type: temporal, rules: [who], timespan: 5m, condition: who and other}", "KZ321"),
    ] {
        let text = format!("{PROCESS}---\ntitle: c\nname: c\nlevel: low\ncorrelation: {correlation}\n");
        let (set, diagnostics) = load(&text, &FieldMap::default(), &Lists::new());
        assert_eq!(refused(&diagnostics), [code], "{correlation}");
        assert!(set.correlations().is_empty() && set.rules().len() == 1);
    }
}

#[test]
fn two_documents_of_one_id_are_not_both_loaded() {
    let (set, diagnostics) = load(&format!("{PROCESS}---{PROCESS}"), &FieldMap::default(), &Lists::new());
    assert_eq!(refused(&diagnostics), ["KZ307"]);
    assert_eq!(set.rules().len(), 1);
}

#[test]
fn attributes_of_a_rules_own_keep_their_places() {
    let text = format!("{PROCESS}kuzet:\n  clause: '5.5'\n");
    let (set, _) = load(&text, &FieldMap::default(), &Lists::new());
    let clause = set.rules()[0].custom("kuzet").and_then(|node| node.get("clause")).expect("kept");
    assert_eq!((clause.text(), clause.place.line), (Some("5.5"), 14));
}

/// A rule and an event made for each other cost what their sizes say and no more.
#[test]
fn hostile_events_take_bounded_work() {
    let rule = "title: t\nlevel: low\nlogsource: {product: any}\ndetection:\n  s:\n    a|contains: 'x*a?a*b?b*c?c'\n    b|re: '(a+)+$'\n    c|contains: aaaaaaaaaaaaaaaaab\n  condition: 1 of s*\n";
    let (set, diagnostics) = load(rule, &FieldMap::default(), &Lists::new());
    assert!(refused(&diagnostics).is_empty());
    let long = "a".repeat(200_000);
    let mut deep = serde_json::json!("x");
    for _ in 0..500 {
        deep = serde_json::json!({"a": [deep]});
    }
    let source = [LogSource::new(None, Some("any"), None)];
    let event = serde_json::json!({"a": format!("x{long}"), "b": format!("{long}!"), "c": long});
    assert!(hits(&set, &source, &event).is_empty());
    assert!(hits(&set, &source, &deep).is_empty());
}

/// What the matcher tests, in words: modifiers worked off, fields mapped, lists of the operator written out.
#[test]
fn a_rule_is_described_as_it_is_matched() {
    let cases = [
        ("a: x", "a equals \"x\""),
        ("a: ''", "a equals \"\""),
        ("a: '*'", "a is a text"),
        ("a: 'x*y?'", "a is like \"x*y?\""),
        ("a|contains: Xy", "a contains \"xy\""),
        ("a|startswith|cased: Xy", "a begins with \"Xy\", case counts"),
        ("a|endswith: xy", "a ends with \"xy\""),
        ("a|contains|all: [xx, yy]", "all of a contains \"xx\" & contains \"yy\""),
        ("a: [b, a, d, c]", "a equals \"a\" & equals \"b\" & equals \"c\" & equals \"d\""),
        ("a: null", "a is null or absent"),
        ("a: true", "a equals true"),
        ("a: 7", "a equals 7"),
        ("a|gte: 1.5", "a >= 1.5"),
        ("a|hour|lt: 6", "a hour < 6"),
        ("a|re|i: 'x.*y'", "a matches /x.*y/i"),
        ("a|cidr: 10.1.2.3/8", "a is in 10.0.0.0/8"),
        ("a|cidr: 'fe80::1/10'", "a is in fe80::/10"),
        ("a|exists: false", "a is absent"),
        ("a|neq: x", "not a equals \"x\""),
        ("a|fieldref|startswith: old", "a begins with the value of new or newer"),
        ("a|expand: '%list%'", "a equals \"one\" & equals \"two\""),
        ("a|base64: xy", "a equals \"eHk=\", case counts"),
        ("old: x", "new or newer equals \"x\""),
    ];
    let names = FieldNames {
        fields: [("old".to_owned(), Names::Many(vec!["new".to_owned(), "newer".to_owned()]))].into(),
        ..FieldNames::default()
    };
    let map = FieldMap { map: vec![names] };
    let lists = Lists::from([("list".to_owned(), vec!["one".to_owned(), "two".to_owned()])]);
    for (selection, expected) in cases {
        let text = format!(
            "title: t\nlevel: low\nlogsource: {{product: any}}\ndetection:\n  s:\n    {selection}\n  condition: s\n"
        );
        let (set, faults) = RuleSet::load([("t.yml", text)], &map, &lists);
        let (id, _) = set.numbered().next().unwrap_or_else(|| panic!("{selection}: {faults:?}"));
        let described = set.describe(id).unwrap();
        let [test] = described.selections[0].asks.tests()[..] else { panic!("{described:?}") };
        let (not, every) = (if test.not { "not " } else { "" }, if test.every { "all of " } else { "" });
        assert_eq!(format!("{every}{not}{} {}", test.named(), test.is.join(" & ")), expected, "{selection}");
    }
}

#[test]
fn an_event_is_judged_by_every_selection() {
    let rule = "title: t\nlevel: low\nlogsource: {product: any}\ndetection:\n  one: {a|contains: whoami, b: 3}\n  two:\n    - c: x\n    - {c: y, d|exists: true}\n  other_a: {e: 1}\n  other_b: {e: 2}\n  condition: one and (two or not 1 of other_*)\n";
    let (set, _) = RuleSet::load([("t.yml", rule)], &FieldMap::default(), &Lists::new());
    let set = Arc::new(set);
    let (id, _) = set.numbered().next().unwrap();
    let any = [LogSource::new(None, Some("any"), None)];
    assert_eq!(set.filed(id, &any), ["a contains \"whoami\"", "b equals 3"]);
    let (names, mut matcher) = (JsonNames::new(set.fields()), set.matcher());
    for (event, holds, hit, unmet) in [
        (serde_json::json!({"a": "x whoami", "b": 3, "c": "x", "e": 1}), [true, true, true, false], true, 1),
        (serde_json::json!({"a": "x whoami", "b": 4, "c": "y"}), [false, false, false, false], false, 5),
    ] {
        let judged = matcher.judge(id, &names.event(&event)).unwrap();
        assert_eq!(judged.condition, "one and (two or not 1 of (other_a, other_b))");
        assert_eq!(judged.selections.iter().map(|one| one.holds.unwrap()).collect::<Vec<_>>(), holds);
        assert_eq!(judged.selections.iter().flat_map(|one| one.asks.unmet()).count(), unmet, "{judged:?}");
        let mut hits = Vec::new();
        matcher.matches(&set.route(&any), &names.event(&event), &mut hits);
        assert_eq!((judged.holds, !hits.is_empty()), (Some(hit), hit), "{event}");
    }
}
