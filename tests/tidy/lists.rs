//! Lists and documents agree: what the product has is described, and the README shows how to start.

use super::{keep, sources};

/// All of docs/ and the README in one text.
fn documents() -> String {
    let all =
        sources(&["md"]).into_iter().filter(|source| source.path.starts_with("docs/") || source.path == "README.md");
    all.map(|source| source.text).collect::<Vec<_>>().join("\n")
}

fn undescribed<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let documents = documents();
    names.into_iter().filter(|name| !documents.contains(&format!("`{name}`"))).map(str::to_owned).collect()
}

#[test]
fn every_format_is_described() {
    keep("docs/ names every log format", &undescribed(kuzet_decode::FORMATS.iter().map(|format| format.name)));
}

#[test]
fn every_format_of_files_is_described() {
    keep("docs/ names every format of files", &undescribed(kuzet_document::Format::all().map(|format| format.name())));
    keep("docs/ names every reason", &undescribed(kuzet_document::Why::ALL.map(|why| why.name())));
}

#[test]
fn every_kind_of_detection_is_described() {
    keep("docs/ names every kind", &undescribed(kuzet_detect::Kind::ALL.iter().map(|kind| kind.name())));
}

#[test]
fn every_metric_is_described() {
    keep("docs/ names every metric", &undescribed(kuzet::metrics::list::LIST.iter().map(|metric| metric.name)));
}

#[test]
fn every_notifier_is_described() {
    let documents = documents();
    let kinds = ["alertmanager", "webhook", "jsonlines", "terminal"];
    let missing = kinds
        .into_iter()
        .filter(|kind| !documents.contains(&format!("\"{kind}\"")) && !documents.contains(&format!("`{kind}`")));
    keep("docs/ names every notifier", &missing.map(str::to_owned).collect::<Vec<_>>());
}

#[test]
fn the_readme_shows_how_to_start() {
    let readme = std::fs::read_to_string(crate::support::root().join("README.md")).expect("README.md");
    for command in ["cargo run --release -- run", "scripts/test.sh", "tests/data/demo"] {
        assert!(readme.contains(command), "README.md does not show {command}");
    }
}
