//! Arrows run down only: between crates by their manifests, between rooms of the shell by their `use` lines.

use super::{keep, sources};
use crate::support::root;

/// Crates and the floor they stand on.
const FLOORS: [(&str, u8); 11] = [
    ("kuzet-event", 1),
    ("kuzet-personal", 1),
    ("kuzet-place", 1),
    ("kuzet-idscan", 1),
    ("kuzet-sigma", 1),
    ("kuzet-wire", 1),
    ("kuzet-decode", 2),
    ("kuzet-detect", 2),
    ("kuzet-document", 2),
    ("kuzet-incident", 3),
    ("kuzet", 4),
];

/// Rooms of the shell that do not know each other.
const ROOMS: [&str; 7] = ["source", "store", "notify", "metrics", "database", "sensor", "worker"];

fn floor(name: &str) -> u8 {
    FLOORS.iter().find(|(known, _)| *known == name).map(|(_, floor)| *floor).expect("every crate has a floor here")
}

#[test]
fn crates_depend_on_lower_floors_only() {
    let mut found = Vec::new();
    let mut seen = 0;
    for source in sources(&["toml"]).iter().filter(|source| source.path.ends_with("Cargo.toml")) {
        let manifest: toml::Table = toml::from_str(&source.text).expect("a manifest");
        let Some(name) = manifest.get("package").and_then(|package| package["name"].as_str()) else { continue };
        if source.path.starts_with("fuzz/") {
            continue;
        }
        seen += 1;
        let own = floor(name);
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(list) = manifest.get(kind).and_then(toml::Value::as_table) else { continue };
            for dependency in list.keys().filter(|dependency| dependency.starts_with("kuzet")) {
                if floor(dependency) >= own {
                    found.push(format!("{name} (floor {own}) depends on {dependency} (floor {})", floor(dependency)));
                }
            }
        }
    }
    assert_eq!(seen, FLOORS.len(), "a crate is missing from the list of floors");
    keep("a crate depends on lower floors only", &found);
}

#[test]
fn rooms_of_the_shell_do_not_know_each_other() {
    let mut found = Vec::new();
    for source in sources(&["rs"]) {
        let Some(inside) = source.path.strip_prefix("agent/kuzet/") else { continue };
        let Some(room) =
            ROOMS.iter().find(|room| inside.starts_with(&format!("{room}/")) || inside == format!("{room}.rs"))
        else {
            continue;
        };
        for (number, line) in source.code() {
            let other = |name: &&&str| *name != room && line.contains(&format!("crate::{name}"));
            if let Some(name) = ROOMS.iter().chain(&["contain", "console", "pipeline", "cli", "config"]).find(other) {
                found.push(format!("{}:{number}: {room} knows {name}", source.path));
            }
        }
    }
    keep("source, store, notify, metrics, database, sensor and worker meet in pipeline.rs only", &found);
}

#[test]
fn pure_crates_ban_the_world() {
    for (name, floor) in FLOORS.iter().filter(|(_, floor)| *floor < 4) {
        let path = root().join("agent").join(name.trim_start_matches("kuzet-")).join("clippy.toml");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for banned in ["std::time::SystemTime::now", "std::time::Instant::now", "std::fs", "std::env", "std::thread"] {
            assert!(text.contains(banned), "{name} (floor {floor}): clippy.toml does not ban {banned}");
        }
    }
}
