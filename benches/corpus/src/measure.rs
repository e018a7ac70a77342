//! The classifier on a corpus: what it costs, what it finds, what it misses.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read;

use anyhow::{Context, Result};
use kuzet_personal::{Classifier, Finding, Kind, Scanner};

/// A finding or a planted value: where it is and what.
pub(crate) struct Mark {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) kind: Kind,
    pub(crate) valid: bool,
}

/// Scans a stream; gives what was found.
pub(crate) fn scan(classifier: &Classifier, mut input: impl Read, mut each: impl FnMut(u64, &Finding)) -> Result<u64> {
    let mut scanner = Scanner::new(classifier);
    let mut total = 0;
    let mut take = |base: u64, found: &[Finding], _: &[u8]| found.iter().for_each(|finding| each(base, finding));
    loop {
        let count = input.read(scanner.space())?;
        if count == 0 {
            break;
        }
        total += count as u64;
        scanner.advance(count, &mut take);
    }
    scanner.finish(&mut take);
    Ok(total)
}

/// Reads a truth file.
pub(crate) fn truth(lines: &str) -> Result<Vec<Mark>> {
    lines
        .lines()
        .map(|line| {
            let mut fields = line.split('\t');
            let mut field = || fields.next().context("a truth line has five fields");
            let (start, length) = (field()?.parse::<u64>()?, field()?.parse::<u64>()?);
            let kind = Kind::from_name(field()?).context("unknown kind in the truth")?;
            Ok(Mark { start, end: start + length, kind, valid: field()? == "1" })
        })
        .collect()
}

/// Counts of one kind.
#[derive(Default)]
struct Row {
    planted: u64,
    found: u64,
    false_near: u64,
    false_other: u64,
}

/// A table in Markdown: planted, found, missed, false, precision and recall by kind. A finding counts for a planted
/// value of its kind that it overlaps; a near miss that is found, and a finding where nothing is planted, are false.
/// Only kinds that are planted somewhere have a row; findings of other kinds are false in the last row.
pub(crate) fn table(planted: &[Mark], found: &[Mark]) -> Result<String> {
    let mut rows: BTreeMap<Kind, Row> = BTreeMap::new();
    for mark in planted {
        rows.entry(mark.kind).or_default().planted += u64::from(mark.valid);
    }
    let mut stray = Row::default();
    let mut hit = vec![false; planted.len()];
    for mark in found {
        let from = planted.partition_point(|truth| truth.end <= mark.start);
        let over = planted[from..].iter().take_while(|truth| truth.start < mark.end);
        let of_kind = over.enumerate().find(|(_, truth)| truth.kind == mark.kind);
        let row = rows.get_mut(&mark.kind).unwrap_or(&mut stray);
        match of_kind {
            Some((index, truth)) if truth.valid => hit[from + index] = true,
            Some(_) => row.false_near += 1,
            None => row.false_other += 1,
        }
    }
    for (mark, hit) in planted.iter().zip(&hit) {
        if *hit && let Some(row) = rows.get_mut(&mark.kind) {
            row.found += 1;
        }
    }
    let mut out =
        String::from("| kind | planted | found | missed | false (near miss) | false (other) | precision | recall |\n");
    out.push_str("|---|---:|---:|---:|---:|---:|---:|---:|\n");
    let mut all = Row::default();
    for (kind, row) in &rows {
        line(&mut out, kind.name(), row)?;
        all.planted += row.planted;
        all.found += row.found;
        all.false_near += row.false_near;
        all.false_other += row.false_other;
    }
    all.false_other += stray.false_other;
    line(&mut out, "**all**", &all)?;
    Ok(out)
}

fn line(out: &mut String, name: &str, row: &Row) -> Result<()> {
    let wrong = row.false_near + row.false_other;
    let share = |part: u64, whole: u64| if whole == 0 { 100.0 } else { 100.0 * part as f64 / whole as f64 };
    writeln!(
        out,
        "| {name} | {} | {} | {} | {} | {} | {:.2} % | {:.2} % |",
        row.planted,
        row.found,
        row.planted - row.found,
        row.false_near,
        row.false_other,
        share(row.found, row.found + wrong),
        share(row.found, row.planted),
    )?;
    Ok(())
}
