//! The dashboards and rules: every metric they ask for exists with the labels they ask for, every metric is told in
//! docs/metrics.md, and every dashboard has the shape that Grafana wants.

#[cfg(feature = "live")]
mod agent;
mod docs;
#[cfg(feature = "live")]
mod live;
mod shape;

use crate::support::root;
use serde_json::Value;

/// Dashboards, by file name.
pub fn dashboards() -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for file in std::fs::read_dir(root().join("dashboards/grafana")).unwrap().flatten() {
        let text = std::fs::read_to_string(file.path()).unwrap();
        let name = file.file_name().to_string_lossy().into_owned();
        all.push((name, serde_json::from_str(&text).unwrap()));
    }
    all.sort_by(|one, other| one.0.cmp(&other.0));
    assert!(all.len() >= 2);
    all
}

/// Every expression of a dashboard with where it stands; rows included, variables as they are written.
pub fn expressions(dashboard: &Value) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for panel in panels(dashboard) {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let place = format!("{} {}", panel["title"], target["refId"]);
            all.push((place, target["expr"].as_str().unwrap().to_owned()));
        }
    }
    for annotation in dashboard["annotations"]["list"].as_array().into_iter().flatten() {
        all.push((format!("annotation {}", annotation["name"]), annotation["expr"].as_str().unwrap().to_owned()));
    }
    all
}

/// The queries of the variables.
pub fn variables(dashboard: &Value) -> Vec<String> {
    let list = dashboard["templating"]["list"].as_array().unwrap();
    list.iter().filter_map(|one| one["query"]["query"].as_str().map(str::to_owned)).collect()
}

/// Panels, those of collapsed rows included.
pub fn panels(dashboard: &Value) -> Vec<&Value> {
    let mut all = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        all.push(panel);
        all.extend(panel["panels"].as_array().into_iter().flatten());
    }
    all
}
