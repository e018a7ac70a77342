//! Laws about dependencies: each has a reason, an allowed licence, one version and a known registry.

use super::{keep, sources};
use crate::support::root;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_dependency_says_why_it_is_here() {
    let text = read("Cargo.toml");
    let lines = text.lines().skip_while(|line| *line != "[workspace.dependencies]").skip(1);
    let list = lines.take_while(|line| !line.starts_with('['));
    let silent = list.filter(|line| line.contains('=') && !line.contains("path = ") && !line.contains('#'));
    keep("a line of [workspace.dependencies] has a reason behind #", &silent.map(str::to_owned).collect::<Vec<_>>());
}

#[test]
fn members_take_their_dependencies_from_the_workspace() {
    let mut found = Vec::new();
    for source in sources(&["toml"]).iter().filter(|s| s.path.ends_with("Cargo.toml") && !s.path.starts_with("fuzz/")) {
        let manifest: toml::Table = toml::from_str(&source.text).expect("a manifest");
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(list) = manifest.get(kind).and_then(toml::Value::as_table) else { continue };
            let own = list.iter().filter(|(_, value)| value.get("workspace").is_none());
            found.extend(own.map(|(name, _)| format!("{}: {name}", source.path)));
        }
        if manifest.get("lints").and_then(|lints| lints.get("workspace")).is_none() {
            found.push(format!("{}: no [lints] workspace = true", source.path));
        }
    }
    keep("members inherit dependencies and lints from the workspace", &found);
}

#[test]
fn the_lock_file_is_there_and_names_one_registry() {
    let foreign: Vec<String> = read("Cargo.lock")
        .lines()
        .filter(|line| line.starts_with("source = "))
        .filter(|line| *line != "source = \"registry+https://github.com/rust-lang/crates.io-index\"")
        .map(str::to_owned)
        .collect();
    keep("every crate comes from crates.io", &foreign);
}

/// The packages of the tree: name, version, licence expression.
fn packages() -> Vec<(String, String, String)> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--format-version", "1", "--offline", "--filter-platform", "x86_64-unknown-linux-gnu"]);
    let output = command.current_dir(root()).output().expect("cargo runs, it runs this test");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    // Only what is resolved for this platform is in the graph.
    let nodes = metadata["resolve"]["nodes"].as_array().expect("nodes");
    let resolved: BTreeSet<&str> = nodes.iter().filter_map(|node| node["id"].as_str()).collect();
    let list = metadata["packages"].as_array().expect("packages");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    list.iter()
        .filter(|package| package["id"].as_str().is_some_and(|id| resolved.contains(id)))
        .map(|package| (text(&package["name"]), text(&package["version"]), text(&package["license"])))
        .collect()
}

fn deny() -> toml::Table {
    toml::from_str(&read("deny.toml")).expect("deny.toml")
}

/// Whether an SPDX expression holds when only the licences of `allow` may be used. `/` is an old way to write OR.
fn holds(expression: &str, allow: &BTreeSet<String>) -> bool {
    let text =
        expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ").replace(" WITH ", "\u{1}WITH\u{1}");
    let words: Vec<String> = text.split_whitespace().map(|word| word.replace('\u{1}', " ")).collect();
    let mut at = 0;
    let value = either(&words, &mut at, allow);
    value && at == words.len()
}

fn either(words: &[String], at: &mut usize, allow: &BTreeSet<String>) -> bool {
    let mut value = both(words, at, allow);
    while words.get(*at).is_some_and(|word| word == "OR") {
        *at += 1;
        value |= both(words, at, allow);
    }
    value
}

fn both(words: &[String], at: &mut usize, allow: &BTreeSet<String>) -> bool {
    let mut value = single(words, at, allow);
    while words.get(*at).is_some_and(|word| word == "AND") {
        *at += 1;
        value &= single(words, at, allow);
    }
    value
}

fn single(words: &[String], at: &mut usize, allow: &BTreeSet<String>) -> bool {
    let word = words.get(*at).cloned().unwrap_or_default();
    *at += 1;
    if word != "(" {
        return allow.contains(&word);
    }
    let value = either(words, at, allow);
    *at += 1;
    value
}

#[test]
fn licences_are_allowed_and_versions_are_single() {
    let deny = deny();
    let list = |value: &toml::Value| value.as_array().cloned().unwrap_or_default();
    let allow = list(&deny["licenses"]["allow"]).iter().filter_map(|a| a.as_str().map(str::to_owned)).collect();
    let crates = |key: &str| -> BTreeSet<String> {
        let entries = list(&deny["bans"][key]);
        entries.iter().filter_map(|entry| entry["crate"].as_str().map(str::to_owned)).collect()
    };
    let (skip, banned) = (crates("skip"), crates("deny"));
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut found = Vec::new();
    for (name, version, licence) in packages() {
        if !holds(&licence, &allow) {
            found.push(format!("{name} {version}: licence \"{licence}\""));
        }
        if banned.contains(&name) {
            found.push(format!("{name} {version} is banned"));
        }
        versions.entry(name).or_default().push(version);
    }
    let twice = versions.iter().filter(|(name, list)| list.len() > 1 && !skip.contains(*name));
    found.extend(twice.map(|(name, list)| format!("{name} stands in the tree as {}", list.join(" and "))));
    keep("dependencies keep deny.toml", &found);
}

#[test]
fn licence_expressions_are_read() {
    let allow: BTreeSet<String> = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into();
    for good in
        ["MIT", "GPL-3.0 OR MIT", "MIT/Apache-2.0", "(MIT OR GPL-3.0) AND ISC", "Apache-2.0 WITH LLVM-exception"]
    {
        assert!(holds(good, &allow), "{good}");
    }
    for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND GPL-3.0", "Apache-2.0"] {
        assert!(!holds(bad, &allow), "{bad}");
    }
}

#[test]
fn the_kernel_program_is_compiled_from_its_source() {
    let folder = root().join("agent/kuzet/sensor");
    let sums = std::fs::read_to_string(folder.join("kernel.bpf.sum")).expect("scripts/bpf.sh wrote it");
    let mut checked = 0;
    for line in sums.lines().skip(1) {
        let (sum, name) = line.split_once("  ").expect("a line of sha256sum");
        let bytes = std::fs::read(folder.join(name)).expect("it is there");
        let own: String = ring::digest::digest(&ring::digest::SHA256, &bytes)
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(own, sum, "{name} changed: run scripts/bpf.sh");
        checked += 1;
    }
    assert_eq!(checked, 2);
}
