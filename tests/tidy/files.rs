//! Laws about single files: how they begin, how long they are, what must not stand in them.

use super::{Source, bare, files, keep, sources};
use crate::support::root;

/// Most lines of a file.
const FILE: usize = 600;
/// Most lines of `main.rs`.
const MAIN: usize = 80;
/// Files that may hold `unsafe`, each with its proof beside the code.
const UNSAFE: [&str; 3] =
    ["agent/decode/src/structural.rs", "agent/kuzet/sensor/files/syscall.rs", "agent/personal/src/kernel/avx2.rs"];
/// Files that may ask the system for the time.
const CLOCKS: [&str; 2] = ["agent/kuzet/clock.rs", "tests/support/wait.rs"];

fn rust() -> Vec<Source> {
    sources(&["rs"])
}

fn breaches(of: impl Fn(&Source, &str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for source in rust() {
        for (number, line) in source.code().filter(|(_, line)| of(&source, line)) {
            found.push(format!("{}:{number}: {}", source.path, line.trim()));
        }
    }
    found
}

#[test]
fn every_file_says_why_it_exists() {
    let starts = |text: &str| text.starts_with("//!") || text.starts_with("#![no_main]\n//!");
    let silent = rust().into_iter().filter(|source| !starts(&source.text));
    keep("a Rust file begins with //!", &silent.map(|source| source.path).collect::<Vec<_>>());
}

#[test]
fn no_file_is_too_long() {
    let limit = |path: &str| if path == "agent/kuzet/main.rs" { MAIN } else { FILE };
    let long = rust().into_iter().filter(|source| source.text.lines().count() > limit(&source.path));
    let told = long.map(|source| format!("{}: {} lines", source.path, source.text.lines().count()));
    keep("at most 600 lines a file, 80 in main.rs", &told.collect::<Vec<_>>());
}

#[test]
fn clippy_keeps_functions_short() {
    for path in ["clippy.toml", "agent/event/clippy.toml", "agent/personal/clippy.toml", "agent/decode/clippy.toml"]
        .into_iter()
        .chain([
            "agent/document/clippy.toml",
            "agent/place/clippy.toml",
            "agent/idscan/clippy.toml",
            "agent/sigma/clippy.toml",
            "agent/wire/clippy.toml",
            "agent/detect/clippy.toml",
            "agent/incident/clippy.toml",
        ])
    {
        let text = std::fs::read_to_string(root().join(path)).expect("every crate has its clippy.toml");
        assert!(text.contains("too-many-lines-threshold = 80"), "{path} does not limit functions to 80 lines");
    }
}

#[test]
fn nothing_is_left_undone() {
    // In two parts, so that this file does not break its own law.
    let words =
        [["TO", "DO"], ["FIX", "ME"], ["todo", "!("], ["unimplemented", "!("], ["#[ig", "nore"], ["<<<<", "<<< "]];
    let words = words.map(|word| word.concat());
    let mut found = Vec::new();
    for source in sources(&["rs", "toml", "sh", "yml", "json"]) {
        for (line, number) in source.text.lines().zip(1..) {
            if words.iter().any(|word| line.contains(word.as_str())) {
                found.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    keep("nothing is left undone or switched off", &found);
}

#[test]
fn nothing_waits_blindly() {
    let sleep = ["thread::", "sleep"].concat();
    let found = breaches(|source, line| source.path.starts_with("tests/") && line.contains(&sleep));
    keep("tests poll with a deadline (support/wait.rs), they do not pause", &found);
}

#[test]
fn only_the_clock_asks_for_the_time() {
    let calls = ["SystemTime::now", "Instant::now", "Zoned::now", "Timestamp::now", "Utc::now"];
    let found = breaches(|source, line| {
        !CLOCKS.contains(&source.path.as_str())
            && !source.path.starts_with("benches/")
            && calls.iter().any(|call| line.contains(call))
    });
    keep("time is event time or a Clock passed in", &found);
}

#[test]
fn unsafe_stands_only_where_it_is_listed() {
    let found = breaches(|source, line| {
        let word = |part: &str| part == "unsafe";
        !UNSAFE.contains(&source.path.as_str()) && line.split(|c: char| !c.is_alphanumeric() && c != '_').any(word)
    });
    keep("unsafe is listed in this file with its proof", &found);
    for path in UNSAFE {
        let text = std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let (blocks, proofs) = (text.matches("unsafe {").count(), text.matches("// SAFETY:").count());
        assert!(proofs >= blocks, "{path}: {blocks} unsafe blocks and {proofs} proofs");
    }
}

#[test]
fn nothing_names_the_machine_it_was_made_on() {
    let places =
        [["/wo", "rk/"], ["/tmp/", "brief"], [".lib", "rary/"], ["/ro", "ot/"], ["/ho", "me/"]].map(|p| p.concat());
    let mut found = Vec::new();
    for source in sources(&[]).iter().filter(|source| !source.path.starts_with("agent/kuzet/config/discover/")) {
        for (line, number) in source.text.lines().zip(1..) {
            if places.iter().any(|place| line.contains(place.as_str())) {
                found.push(format!("{}:{number}: {}", source.path, &line[..line.len().min(120)]));
            }
        }
    }
    keep("no path of a build machine in a tracked file", &found);
}

#[test]
fn only_the_command_line_prints() {
    let macros = ["println!", "print!", "eprintln!", "eprint!"];
    let found = breaches(|source, line| {
        let shell =
            source.path.starts_with("agent/") && !source.path.contains("/cli/") && !source.path.contains("/tests");
        let example = source.path.contains("/examples/") || source.path.contains("/benches/");
        shell && !example && macros.iter().any(|name| line.trim_start().starts_with(name))
    });
    keep("only agent/kuzet/cli prints", &found);
}

#[test]
fn every_fixture_has_a_source() {
    let mut found = Vec::new();
    for path in files() {
        let relative = path.strip_prefix(root()).expect("below the root");
        let text = relative.to_string_lossy();
        if !text.contains("tests/data/") && !text.contains("/corpus/") {
            continue;
        }
        let told = path.ancestors().skip(1).take_while(|at| at.starts_with(root())).any(|at| {
            ["README.md", "SOURCE"].iter().any(|name| {
                std::fs::read_to_string(at.join(name)).is_ok_and(|text| text.contains("SOURCE") || *name == "SOURCE")
            }) && at != root()
        });
        let own = std::fs::read(&path).is_ok_and(|bytes| {
            String::from_utf8_lossy(&bytes[..bytes.len().min(500)]).lines().any(|line| line.contains("SOURCE"))
        });
        if !told && !own {
            found.push(text.into_owned());
        }
    }
    keep("a folder of fixtures says where they come from (a README.md with a SOURCE line)", &found);
}

#[test]
fn words_in_strings_do_not_count() {
    assert!(!bare("let a = \"unsafe\";").contains("unsafe"));
}
