//! Edge cases of Sigma, each with what the specification, or failing it reason, wants.

mod cases;

use kuzet_sigma::{FieldMap, JsonNames, Lists, RuleSet};
use std::sync::Arc;

pub(crate) struct Case {
    name: &'static str,
    head: &'static str,
    detection: &'static str,
    event: &'static str,
    expected: Expected,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expected {
    Hit,
    Miss,
    /// With this code.
    Refused(&'static str),
}

#[allow(clippy::expect_used, reason = "a test's own data")]
fn answer(case: &Case) -> Result<bool, Vec<String>> {
    let head = if case.head.is_empty() { "level: low\n" } else { case.head };
    let rule = format!("title: {:?}\nlogsource: {{product: any}}\ndetection: {}\n{head}", case.name, case.detection);
    // The second document of a file is a whole rule of its own.
    let rule = match rule.split_once("---\n") {
        Some((first, second)) => {
            format!("{first}---\n{second}logsource: {{product: any}}\ndetection: {}\n", case.detection)
        }
        None => rule,
    };
    let (set, diagnostics) = RuleSet::load([("edge.yml", &rule)], &FieldMap::default(), &Lists::new());
    let refused: Vec<String> = diagnostics.iter().filter(|d| !d.warning()).map(|d| d.code.id().to_owned()).collect();
    for diagnostic in &diagnostics {
        assert!(diagnostic.place.line > 0 && diagnostic.place.column > 0, "{diagnostic} has no place");
        assert!(!diagnostic.help.is_empty(), "{diagnostic} has no help");
    }
    if !refused.is_empty() {
        assert!(set.rules().is_empty(), "{}: refused and loaded", case.name);
        return Err(refused);
    }
    assert!(!set.rules().is_empty(), "{}: neither loaded nor refused", case.name);
    let set = Arc::new(set);
    let event = serde_json::from_str(case.event).expect("an event");
    let (names, mut matcher, mut hits) = (JsonNames::new(set.fields()), set.matcher(), Vec::new());
    matcher.matches(&set.route_all(), &names.event(&event), &mut hits);
    assert!(hits.is_empty() || hits.len() == set.rules().len(), "{}: rules differ", case.name);
    Ok(!hits.is_empty())
}

#[test]
fn every_edge_case_is_answered_as_expected() {
    let mut wrong = Vec::new();
    for case in cases::CASES {
        let answer = answer(case);
        let right = match (&case.expected, &answer) {
            (Expected::Hit, Ok(hit)) => *hit,
            (Expected::Miss, Ok(hit)) => !*hit,
            (Expected::Refused(code), Err(codes)) => codes.iter().any(|found| found == code),
            _ => false,
        };
        if !right {
            wrong.push(format!("{}: expected {:?}, got {answer:?}", case.name, case.expected));
        }
    }
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), cases::CASES.len(), wrong.join("\n"));
    assert!(cases::CASES.len() >= 122, "the table has {} cases", cases::CASES.len());
}

/// What the second engine is known to get wrong is written down in docs/adr; here: it is asked, and never panics.
#[cfg(feature = "sigma-rust")]
#[test]
fn the_second_engine_answers_or_says_why_not() {
    let (mut same, mut different, mut refused) = (0, Vec::new(), 0);
    for case in cases::CASES {
        let rule = format!("title: t\nlevel: low\nlogsource: {{product: any}}\ndetection: {}\n", case.detection);
        match (kuzet_sigma::second::opinion(&rule, case.event), &case.expected) {
            (Err(_), _) => refused += 1,
            (Ok(hit), Expected::Hit) if hit => same += 1,
            (Ok(hit), Expected::Miss) if !hit => same += 1,
            (Ok(_), _) => different.push(case.name),
        }
    }
    println!("the same {same}, different {}, not asked or refused {refused}\n{different:?}", different.len());
    assert!(same > 40 && !different.is_empty() && refused > 0);
}
