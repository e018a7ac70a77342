//! Reads expected.toml and compares it with incidents.

use crate::support::root;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// One incident of the table: what must be told, no more and no less.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Role or account; empty when the records name none.
    pub actor: String,
    /// Family of the story.
    pub family: String,
    /// Store of personal data; empty when none is known.
    #[serde(default)]
    pub store: String,
    /// Severity.
    pub severity: String,
    /// Outcome.
    pub outcome: String,
    /// Kinds of its detections, sorted.
    pub kinds: Vec<String>,
    /// Actors of the incidents it is linked with, sorted, each with its family (`dba/privilege`).
    #[serde(default)]
    pub linked: Vec<String>,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{ actor = {:?}, family = {:?}", self.actor, self.family)?;
        if !self.store.is_empty() {
            write!(f, ", store = {:?}", self.store)?;
        }
        write!(f, ", severity = {:?}, outcome = {:?}, kinds = {:?}", self.severity, self.outcome, self.kinds)?;
        if !self.linked.is_empty() {
            write!(f, ", linked = {:?}", self.linked)?;
        }
        f.write_str(" },")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    case: Vec<Case>,
}

/// One row: a scenario on a server in some of its modes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    scenario: String,
    server: String,
    /// Modes it holds for; all when absent.
    #[serde(default)]
    modes: Vec<String>,
    /// Formats it holds for; all when absent.
    #[serde(default)]
    formats: Vec<String>,
    /// Why this is what must be told, where it is not obvious.
    #[serde(default)]
    #[allow(dead_code)]
    why: String,
    incidents: Vec<Expected>,
}

fn table() -> Vec<Case> {
    let text = std::fs::read_to_string(root().join("tests/scenarios/expected.toml")).expect("expected.toml");
    toml::from_str::<Table>(&text).unwrap_or_else(|error| panic!("expected.toml: {error}")).case
}

/// What the table says of `scenario` on `server` in `mode`, read in `format`.
fn expected(server: &str, mode: &str, format: &str, scenario: &str) -> Result<Vec<Expected>, String> {
    let holds = |list: &[String], one: &str| list.is_empty() || list.iter().any(|item| item == one);
    let plain = mode.strip_suffix("_recorded").unwrap_or(mode);
    let fits = |case: &&Case| {
        let modes = holds(&case.modes, mode) || holds(&case.modes, plain);
        case.server == server && case.scenario == scenario && modes && holds(&case.formats, format)
    };
    let table = table();
    let mut fitting: Vec<&Case> = table.iter().filter(fits).collect();
    // What a recording shows and a server of today does not has a row of its own.
    if mode != plain && fitting.iter().any(|case| case.modes.iter().any(|item| item == mode)) {
        fitting.retain(|case| case.modes.iter().any(|item| item == mode));
    }
    let [case] = fitting.as_slice() else { return Err(format!("{} rows fit", fitting.len())) };
    let mut incidents = case.incidents.clone();
    incidents.sort();
    Ok(incidents)
}

/// The incidents in the words of the table, sorted.
fn told(incidents: &[Value]) -> Vec<Expected> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let id = |incident: &Value| text(&incident["kuzet.incident.id"]);
    let name = |incident: &Value| format!("{}/{}", text(&incident["user.name"]), text(&incident["kuzet.family"]));
    let names: BTreeMap<String, String> = incidents.iter().map(|incident| (id(incident), name(incident))).collect();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut told: Vec<Expected> = incidents
        .iter()
        .map(|incident| {
            let mut kinds: Vec<String> =
                list(&incident["kuzet.kinds"]).iter().map(|kind| text(&kind["kind"])).collect();
            let links = list(&incident["kuzet.links"]);
            let linked =
                links.iter().map(|link| names.get(&text(&link["id"])).cloned().unwrap_or_else(|| "?".to_owned()));
            let mut linked: Vec<String> = linked.collect();
            kinds.sort();
            kinds.dedup();
            linked.sort();
            linked.dedup();
            Expected {
                actor: text(&incident["user.name"]),
                family: text(&incident["kuzet.family"]),
                store: text(&incident["kuzet.store"]["name"]),
                severity: text(&incident["kuzet.severity"]),
                outcome: text(&incident["event.outcome"]),
                kinds,
                linked,
            }
        })
        .collect();
    told.sort();
    told
}

/// Compares; on a difference gives both sides as they would stand in the table.
pub fn check(server: &str, mode: &str, format: &str, scenario: &str, incidents: &[Value]) -> Result<(), String> {
    let (expected, told) = (expected(server, mode, format, scenario), told(incidents));
    if expected.as_ref() == Ok(&told) {
        return Ok(());
    }
    let lines = |list: &[Expected]| list.iter().map(|one| format!("    {one}\n")).collect::<String>();
    let expected = expected.map_or_else(|error| format!("    {error}\n"), |list| lines(&list));
    Err(format!("{server} {mode} {format} {scenario}\n  expected:\n{expected}  told:\n{}", lines(&told)))
}
