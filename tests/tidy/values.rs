//! Law 4, raw values stay where they are read: which files may touch the bytes of records, bound parameters and the raw
//! side of the classifier, and that no type that holds them can be printed.

use super::{Source, keep, sources};

/// Words that mean a raw value is at hand, and where they may stand: a file, or a folder with `/` at its end.
const PLACES: &[(&str, &[&str])] = &[
    // Bytes of a log: made by the tailer, passed on by the pipeline, read by the decoders.
    (
        "Chunk",
        &[
            "agent/decode/",
            "agent/kuzet/cli/replay.rs",
            "agent/kuzet/trial.rs",
            "agent/kuzet/core.rs",
            "agent/kuzet/pipeline.rs",
            "agent/kuzet/source/follow.rs",
            "agent/kuzet/source/mod.rs",
            "agent/kuzet/source/stream/mod.rs",
        ],
    ),
    // Records on their way from a source that is no file.
    ("StreamSender", &["agent/kuzet/setup.rs", "agent/kuzet/source/"]),
    ("chunk.bytes", &["agent/decode/", "agent/kuzet/core.rs"]),
    // Bound values: filled by the readers of records, read where they become keyed hashes.
    // A view is parsed without any.
    ("Parameters", &["agent/decode/", "agent/kuzet/discover/mariadb.rs"]),
    (
        "parameters.get",
        &[
            "agent/decode/src/pgaudit.rs",
            "agent/decode/src/statement/session.rs",
            "agent/decode/src/statement/values.rs",
        ],
    ),
    // From a value to its kind and its normal form.
    // The one of the detectors is about roles.
    ("identify", &["agent/decode/src/statement/values.rs", "agent/detect/", "agent/personal/"]),
    ("normalise", &["agent/decode/src/statement/values.rs", "agent/personal/"]),
    ("SmallBuf", &["agent/personal/"]),
    // Findings point into a text: that of a file in the worker, and what connections send in clear.
    ("Finding", &["agent/decode/src/spoken.rs", "agent/kuzet/worker/tally.rs", "agent/personal/"]),
    ("Scanner", &["agent/kuzet/worker/look.rs", "agent/personal/"]),
    ("Classifier", &["agent/decode/src/spoken.rs", "agent/kuzet/worker/", "agent/personal/"]),
    ("ColumnVote", &["agent/personal/"]),
    // Text that rules must see word for word: made by decoders, shown to the matcher.
    ("RawField", &["agent/decode/", "agent/detect/src/rules/", "agent/event/"]),
    // The same, and passwords and tokens: read in one place, shown to the one who sends or signs with them.
    (
        "expose",
        &[
            "agent/detect/src/rules/fields.rs",
            "agent/event/src/raw.rs",
            "agent/kuzet/database/mysql_login.rs",
            "agent/kuzet/database/password.rs",
            "agent/kuzet/database/postgresql.rs",
            "agent/kuzet/notify/",
            "agent/kuzet/secret.rs",
            "agent/kuzet/source/stream/redis/mod.rs",
        ],
    ),
    ("ColumnJudge", &["agent/kuzet/discover/survey.rs", "agent/kuzet/discover/table.rs", "agent/personal/"]),
];

/// Types that hold raw values or secrets, and the file that defines them.
const HOLDERS: &[(&str, &str)] = &[
    ("Chunk", "agent/decode/src/lib.rs"),
    ("Parameters", "agent/decode/src/parameters.rs"),
    ("Collector", "agent/decode/src/statement/values.rs"),
    ("Shape", "agent/decode/src/statement/shape.rs"),
    ("Facts", "agent/decode/src/statement/facts.rs"),
    ("View", "agent/decode/src/statement/view.rs"),
    ("Audit", "agent/decode/src/pgaudit.rs"),
    ("Key", "agent/personal/src/key.rs"),
    ("SmallBuf", "agent/personal/src/normalise.rs"),
    ("Scanner", "agent/personal/src/scanner.rs"),
    ("ColumnVote", "agent/personal/src/vote.rs"),
    ("Rows", "agent/kuzet/database/rows.rs"),
    ("Row", "agent/kuzet/database/rows.rs"),
    ("Secret", "agent/kuzet/secret.rs"),
    ("Spoken", "agent/decode/src/spoken.rs"),
    ("Text", "agent/idscan/src/text.rs"),
    ("Said", "agent/idscan/src/said.rs"),
    ("Number", "agent/idscan/src/said.rs"),
    ("Wiped", "agent/idscan/src/mrz.rs"),
    ("Letters", "agent/idscan/src/mrz.rs"),
    ("Look", "agent/kuzet/worker/look.rs"),
    ("Tally", "agent/kuzet/worker/tally.rs"),
    ("Name", "agent/wire/src/name.rs"),
    ("Message", "agent/wire/src/dns.rs"),
    ("Assembly", "agent/wire/src/assembly.rs"),
    ("Initials", "agent/wire/src/quic.rs"),
    ("Hello", "agent/wire/src/tls.rs"),
    ("Socket", "agent/wire/src/stream.rs"),
    ("Piece", "agent/wire/src/stream.rs"),
    ("ColumnJudge", "agent/personal/src/judge/mod.rs"),
    ("Tally", "agent/personal/src/judge/tally.rs"),
];

/// What the one of [`HOLDERS`] that has a `Debug` writes.
const SILENT: &str = "f.write_str(\"Key(…)\")";

/// Code of the product: no tests, benches or examples.
fn product() -> Vec<Source> {
    let aside = |path: &str| ["/tests", "/benches/", "/examples/"].iter().any(|part| path.contains(part));
    sources(&["rs"]).into_iter().filter(|source| source.path.starts_with("agent/") && !aside(&source.path)).collect()
}

/// Whether `line` holds `word` as a whole.
fn names(line: &str, word: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word)
        .any(|(at, _)| !part(line[..at].chars().next_back()) && !part(line[at + word.len()..].chars().next()))
}

#[test]
fn raw_values_are_touched_only_where_it_is_listed() {
    let mut found = Vec::new();
    for source in product() {
        for (number, line) in source.code() {
            for (word, places) in PLACES {
                let allowed = places.iter().any(|place| source.path.starts_with(place));
                if !allowed && names(&line, word) {
                    found.push(format!("{}:{number}: {word}: {}", source.path, line.trim()));
                }
            }
        }
    }
    keep("raw values are touched only in the files listed here", &found);
}

#[test]
fn every_listed_place_is_there_and_needed() {
    let product = product();
    let mut found = Vec::new();
    for (word, places) in PLACES {
        for place in *places {
            let needed = product
                .iter()
                .filter(|source| source.path.starts_with(place))
                .any(|source| source.code().any(|(_, line)| names(&line, word)));
            if !needed {
                found.push(format!("{place} does not name {word}"));
            }
        }
    }
    keep("the list of places with raw values holds no place in vain", &found);
}

#[test]
fn no_holder_of_raw_values_can_be_printed() {
    let product = product();
    let traits = ["Debug", "Display", "Serialize"];
    let mut found = Vec::new();
    for (name, path) in HOLDERS {
        let Some(file) = product.iter().find(|source| source.path == *path) else {
            found.push(format!("{path} is not there"));
            continue;
        };
        let lines: Vec<&str> = file.text.lines().collect();
        let definition = |line: &&str| line.contains(" struct ") || line.starts_with("struct ");
        let Some(at) = lines.iter().position(|line| definition(line) && names(line, name)) else {
            found.push(format!("{path} does not define {name}"));
            continue;
        };
        let attributes = lines[..at].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("///"));
        for line in attributes.filter(|line| line.starts_with("#[")) {
            found.extend(
                traits.iter().filter(|name| names(line, name)).map(|derived| format!("{name} derives {derived}")),
            );
        }
        for source in &product {
            for (number, line) in source.text.lines().enumerate().filter(|(_, line)| line.starts_with("impl")) {
                let Some((left, right)) = line.split_once(" for ") else { continue };
                let printed = traits.iter().any(|wanted| names(left, wanted)) && names(right, name);
                let silent = source.text.contains(SILENT) && *name == "Key" && names(left, "Debug");
                if printed && source.path.split('/').nth(1) == path.split('/').nth(1) && !silent {
                    found.push(format!("{}:{}: {line}", source.path, number + 1));
                }
            }
        }
    }
    keep("a type that holds raw values has no Debug, Display or Serialize that shows them", &found);
}

#[test]
fn words_are_whole() {
    assert!(names("let a: Chunk<'_>;", "Chunk") && !names("let a: Chunks;", "Chunk") && !names("as_chunk()", "chunk"));
}
