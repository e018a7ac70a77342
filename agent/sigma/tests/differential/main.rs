//! The same rules and events through this crate and through rsigma-eval 0.23: every difference has an explanation.
//!
//! The gate asks some thousands of questions; `PROPTEST_CASES=100000` is the long lane.

mod explained;
mod generate;

use generate::{Case, case};
use kuzet_sigma::{Event, FieldMap, Hit, JsonNames, Lists, RuleSet, Steady};
use proptest::prelude::*;
use rsigma_eval::{Engine, JsonEvent};
use std::collections::HashMap;
use std::sync::Arc;

fn ours(rule: &str, event: &serde_json::Value) -> Result<bool, String> {
    let (set, diagnostics) = RuleSet::load([("rule.yml", rule)], &FieldMap::default(), &Lists::new());
    if let Some(refused) = diagnostics.iter().find(|diagnostic| !diagnostic.warning()) {
        return Err(refused.to_string());
    }
    let set = Arc::new(set);
    let (names, mut matcher, mut hits) = (JsonNames::new(set.fields()), set.matcher(), Vec::new());
    matcher.matches(&set.route_all(), &names.event(event), &mut hits);
    Ok(!hits.is_empty())
}

fn theirs(rule: &str, event: &serde_json::Value) -> Result<bool, String> {
    let collection = rsigma_parser::parse_sigma_yaml(rule).map_err(|error| error.to_string())?;
    if let Some(error) = collection.errors.first() {
        return Err(error.clone());
    }
    let mut engine = Engine::new();
    engine.add_collection(&collection).map_err(|error| error.to_string())?;
    Ok(!engine.evaluate(&JsonEvent::borrow(event)).is_empty())
}

/// Whether both say the same of `case`, and what we and they say.
pub(crate) fn same(case: &Case) -> (bool, Result<bool, String>, Result<bool, String>) {
    let rule = case.rule();
    let (ours, theirs) = (ours(&rule, &case.event), theirs(&rule, &case.event));
    let same = match (&ours, &theirs) {
        (Ok(ours), Ok(theirs)) => ours == theirs,
        (Err(_), Err(_)) => true,
        _ => false,
    };
    (same, ours, theirs)
}

fn agree(case: &Case) -> Result<(), TestCaseError> {
    let (same, ours, theirs) = same(case);
    prop_assert!(
        same || explained::why(case).is_some(),
        "unexplained: ours {:?}, theirs {:?}\n{}\n{}",
        ours,
        theirs,
        case.rule(),
        case.event
    );
    Ok(())
}

/// Some thousands of cases, unless the environment asks for more.
fn config() -> ProptestConfig {
    let given = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let usual = 256;
    ProptestConfig { cases: if given.cases == usual { 4_000 } else { given.cases }, ..given }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_difference_is_unexplained(case in case()) {
        agree(&case)?;
    }

    #[test]
    fn the_index_loses_nothing(case in case()) {
        // What stands in a negation needs nothing: the rule is a candidate for every event.
        let mut always = case.clone();
        always.selections.push(generate::Selection::Fields(vec![generate::NEVER]));
        always.condition = format!("({0}) or not (({0}) or not s3)", case.condition.replace("them", "s*"));
        let never = Case { condition: case.condition.replace("them", "s*"), ..always.clone() };
        prop_assert_eq!(ours(&never.rule(), &case.event).ok(), ours(&always.rule(), &case.event).ok(), "{}", case.rule());
    }

    #[test]
    fn what_is_remembered_changes_no_verdict(
        cases in prop::collection::vec(case(), 1..8),
        stream in prop::collection::vec(any::<prop::sample::Index>(), 1..40),
        steady in prop::collection::hash_set(prop::sample::select(&generate::FIELDS[..]), 0..5),
    ) {
        let files = cases.iter().enumerate().map(|(at, case)| (format!("{at}.yml"), case.rule()));
        let set = Arc::new(RuleSet::load(files, &FieldMap::default(), &Lists::new()).0);
        let names = JsonNames::new(set.fields());
        let steadily = |name: &str| steady.contains(name);
        let (plain, parted) = (set.route_all(), set.route_all().with_steady(set.fields(), steadily));
        let (mut matcher, mut known) = (set.matcher(), HashMap::<String, Steady>::new());
        for at in stream {
            let event = names.event(&at.get(&cases).event);
            let mut expected: Vec<Hit> = Vec::new();
            set.matcher().matches(&set.route_all(), &event, &mut expected);
            // Two routes through one matcher, and the steady fields looked at once for all events that agree in them.
            let (mut hits, mut beside, mut key) = (Vec::new(), Vec::new(), String::new());
            matcher.matches(&plain, &event, &mut hits);
            for (field, _) in set.fields().iter().filter(|(_, names)| names.iter().all(|name| steadily(name))) {
                key += &format!("{field:?}");
                event.field(field, &mut |value| key += &format!("{value:?}"));
            }
            let possible = known.entry(key).or_insert_with(|| matcher.steady(&parted, &event));
            matcher.matches_steady(&parted, possible, &event, &mut beside);
            prop_assert_eq!(&hits, &expected);
            prop_assert_eq!(&beside, &expected);
        }
    }
}
