//! `kuzet-corpus`: makes the corpora of the benches and tests, and measures the classifier on them.
//!
//! The same arguments give the same bytes on every machine. All of it is synthetic.

mod labelled;
mod logs;
mod measure;
mod random;
mod text;
mod values;
mod words;

use std::fs::File;
use std::io::{BufWriter, Write};

use anyhow::{Context, Result, bail};
use kuzet_personal::Classifier;

use crate::logs::Format;
use crate::measure::Mark;

const USAGE: &str = "usage:
  kuzet-corpus text OUT TRUTH MEBIBYTES BYTES_PER_VALUE SEED
  kuzet-corpus labelled OUT TRUTH ITEMS SEED
  kuzet-corpus pgcsv|pgjson|maria OUT LINES SEED
  kuzet-corpus scan FILE [all]            findings by kind; structured kinds unless `all`
  kuzet-corpus quality FILE TRUTH [all]   table of precision and recall
  kuzet-corpus identify COUNT             asks what a value is, COUNT times
  kuzet-corpus docs                       the tables of docs/classifier.md";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["text", out, truth, size, gap, seed] => {
            let size = size.parse::<u64>()? << 20;
            text::write(&mut file(out)?, &mut file(truth)?, size, gap.parse()?, seed.parse()?)
        }
        ["labelled", out, truth, items, seed] => {
            labelled::write(&mut file(out)?, &mut file(truth)?, items.parse()?, seed.parse()?)
        }
        ["pgcsv", out, lines, seed] => logs::write(&mut file(out)?, Format::Csv, lines.parse()?, seed.parse()?),
        ["pgjson", out, lines, seed] => logs::write(&mut file(out)?, Format::Json, lines.parse()?, seed.parse()?),
        ["maria", out, lines, seed] => logs::write(&mut file(out)?, Format::Maria, lines.parse()?, seed.parse()?),
        ["scan", path] => count(path, &Classifier::structured()),
        ["scan", path, "all"] => count(path, &Classifier::new()),
        ["quality", path, truth] => quality(path, truth, &Classifier::structured()),
        ["quality", path, truth, "all"] => quality(path, truth, &Classifier::new()),
        ["identify", count] => identify(count.parse()?),
        ["docs"] => print(&documentation()?),
        _ => bail!("{USAGE}"),
    }
}

fn file(path: &str) -> Result<BufWriter<File>> {
    let file = File::create(path).with_context(|| format!("cannot write {path}"))?;
    Ok(BufWriter::with_capacity(1 << 20, file))
}

fn open(path: &str) -> Result<File> {
    File::open(path).with_context(|| format!("cannot read {path}"))
}

fn print(text: &str) -> Result<()> {
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}

fn count(path: &str, classifier: &Classifier) -> Result<()> {
    let mut counts = std::collections::BTreeMap::new();
    let total = measure::scan(classifier, open(path)?, |_, finding| *counts.entry(finding.kind).or_insert(0u64) += 1)?;
    let mut out = format!("{total} bytes");
    for (kind, count) in counts {
        out.push_str(&format!(", {count} {}", kind.name()));
    }
    print(&(out + "\n"))
}

fn marks(classifier: &Classifier, input: impl std::io::Read) -> Result<Vec<Mark>> {
    let mut found = Vec::new();
    measure::scan(classifier, input, |base, finding| {
        let (start, end) = (base + finding.span.start as u64, base + finding.span.end as u64);
        found.push(Mark { start, end, kind: finding.kind, valid: true });
    })?;
    Ok(found)
}

fn quality(path: &str, truth: &str, classifier: &Classifier) -> Result<()> {
    let planted = measure::truth(&std::fs::read_to_string(truth).with_context(|| format!("cannot read {truth}"))?)?;
    print(&measure::table(&planted, &marks(classifier, open(path)?)?)?)
}

/// What a predicate's value is, asked over and over: an IIN, an IBAN, a phone, a word.
fn identify(count: u64) -> Result<()> {
    let values: [&[u8]; 4] = [b"850830346939", b"KZ699990000000000001", b"+77000000001", b"active"];
    let known = (0..count)
        .zip(values.iter().cycle())
        .filter(|(_, value)| kuzet_personal::identify(std::hint::black_box(value), None).is_some())
        .count();
    print(&format!("{known} of {count}\n"))
}

/// The two tables of the documentation, from corpora made in memory.
fn documentation() -> Result<String> {
    let (mut text, mut truth) = (Vec::new(), Vec::new());
    labelled::write(&mut text, &mut truth, 20_000, 1)?;
    let every = measure::table(&measure::truth(std::str::from_utf8(&truth)?)?, &marks(&Classifier::new(), &text[..])?)?;
    let (mut text, mut truth) = (Vec::new(), Vec::new());
    text::write(&mut text, &mut truth, 4 << 20, 1024, 2)?;
    let planted = measure::truth(std::str::from_utf8(&truth)?)?;
    let structured = measure::table(&planted, &marks(&Classifier::structured(), &text[..])?)?;
    Ok(format!("{every}\n{structured}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_todays_tables() {
        let page = include_str!("../../../docs/classifier.md");
        let tables = documentation().unwrap();
        for table in tables.split("\n\n") {
            assert!(page.contains(table.trim()), "run `kuzet-corpus docs` and put its tables into docs/classifier.md");
        }
    }

    #[test]
    fn a_seed_gives_the_same_events_in_every_format() {
        let make = |format| {
            let mut out = Vec::new();
            logs::write(&mut out, format, 2000, 7).unwrap();
            String::from_utf8(out).unwrap()
        };
        let (csv, json, maria) = (make(Format::Csv), make(Format::Json), make(Format::Maria));
        for (one, (two, three)) in csv.lines().zip(json.lines().zip(maria.lines())) {
            let host = one.split('"').nth(5).unwrap().split(':').next().unwrap();
            assert!(two.contains(host) && three.contains(host));
        }
        assert_eq!(make(Format::Csv), csv);
    }
}
