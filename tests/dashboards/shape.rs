//! The shape of the dashboards, as far as it can be told without Grafana.

use super::{dashboards, panels};
use serde_json::Value;
use std::collections::BTreeSet;

const UNITS: [&str; 11] =
    ["short", "s", "bytes", "Bps", "percentunit", "opm", "recps", "eps", "none", "dateTimeAsIso", "percent"];
const KINDS: [&str; 5] = ["timeseries", "stat", "bargauge", "table", "row"];

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} is missing in {value}"))
}

#[test]
fn panels_are_complete() {
    for (name, dashboard) in dashboards() {
        let mut ids = BTreeSet::new();
        for panel in panels(&dashboard) {
            let title = text(panel, "title");
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{name}: id of {title} is not its own");
            assert!(KINDS.contains(&text(panel, "type")), "{name}: {title}");
            if panel["type"] == "row" {
                continue;
            }
            assert!(text(panel, "description").len() > 9, "{name}: {title} says too little");
            let defaults = &panel["fieldConfig"]["defaults"];
            assert!(UNITS.contains(&text(defaults, "unit")), "{name}: unit of {title}");
            let steps = defaults["thresholds"]["steps"].as_array().unwrap();
            assert!(steps[0]["value"].is_null(), "{name}: the first threshold of {title} must be open below");
            let values: Vec<f64> = steps[1..].iter().map(|step| step["value"].as_f64().unwrap()).collect();
            assert!(values.is_sorted(), "{name}: thresholds of {title}");
            let targets = panel["targets"].as_array().unwrap();
            let letters: BTreeSet<&str> = targets.iter().map(|target| text(target, "refId")).collect();
            assert!(!targets.is_empty() && letters.len() == targets.len(), "{name}: {title}");
            for source in targets.iter().map(|target| &target["datasource"]).chain([&panel["datasource"]]) {
                assert_eq!(source["uid"], "${datasource}", "{name}: {title}");
            }
        }
    }
}

#[test]
fn panels_do_not_overlap() {
    for (name, dashboard) in dashboards() {
        let mut taken = BTreeSet::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            let at = &panel["gridPos"];
            let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| at[side].as_u64().unwrap());
            assert!(w > 0 && h > 0 && x + w <= 24, "{name}: {}", panel["title"]);
            for cell in (x..x + w).flat_map(|column| (y..y + h).map(move |line| (column, line))) {
                assert!(taken.insert(cell), "{name}: {} lies on another panel", panel["title"]);
            }
        }
    }
}

#[test]
fn dashboards_can_be_loaded_beside_each_other() {
    let all = dashboards();
    let ids: BTreeSet<&str> = all.iter().map(|(_, dashboard)| text(dashboard, "uid")).collect();
    assert_eq!(ids.len(), all.len());
    for (name, dashboard) in &all {
        assert!(dashboard.get("id").is_none_or(Value::is_null), "{name}: an id of one installation");
        assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 38, "{name}");
        let variables: BTreeSet<&str> =
            dashboard["templating"]["list"].as_array().unwrap().iter().map(|one| text(one, "name")).collect();
        assert!(variables.is_superset(&["datasource", "job", "instance"].into()), "{name}");
        let whole = dashboard.to_string();
        for used in whole.split('$').skip(1) {
            let word: String = used
                .trim_start_matches('{')
                .chars()
                .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
                .collect();
            assert!(word.starts_with("__") || variables.contains(word.as_str()), "{name}: ${word}");
        }
        for link in dashboard["links"].as_array().unwrap() {
            let to = text(link, "url").trim_start_matches("/d/");
            assert!(ids.contains(to), "{name}: a link to {to}");
        }
    }
}
