//! What a scan says: one document for programs, tables for people.

use super::summary::{Kinds, Named, Reason, Sum, Summary};
use crate::cli::inspected::{Scan, words};
use crate::cli::output;
use crate::inspect::{Aside as NotWalked, shown};
use kuzet_incident::thousands;
use kuzet_personal::{Category, Kind};
use serde::Serialize;
use std::path::PathBuf;

/// Rows of a table for people; the document for programs has all.
const ROWS: usize = 25;

/// `kuzet.scan/1` (docs/schema/scan-1.json).
#[derive(Serialize)]
pub(super) struct Report {
    schema: &'static str,
    paths: Vec<String>,
    files: u64,
    bytes: u64,
    inspected: u64,
    partly: u64,
    not_inspected: u64,
    unreadable: u64,
    personal: u64,
    people: usize,
    people_at_least: bool,
    people_by: &'static str,
    canaries: u32,
    encrypted: u64,
    macros: u64,
    kinds: Vec<OfKind>,
    folders: Vec<OfFolder>,
    crowded: Vec<Crowded>,
    documents_total: u64,
    documents: Vec<Document>,
    missed: Vec<Missed>,
    aside: Vec<Aside>,
}

#[derive(Serialize)]
struct OfKind {
    kind: &'static str,
    category: Option<&'static str>,
    files: u64,
    values: u64,
}

#[derive(Serialize)]
struct OfFolder {
    path: String,
    files: u64,
    personal: u64,
    people: usize,
    people_at_least: bool,
    people_by: &'static str,
    documents: u64,
    kinds: Vec<OfKind>,
}

#[derive(Serialize)]
struct Crowded {
    path: String,
    /// Where the path is masked.
    inode: Option<u64>,
    people: usize,
}

#[derive(Serialize)]
struct Document {
    path: String,
    inode: Option<u64>,
    #[serde(flatten)]
    scan: Scan,
}

#[derive(Serialize)]
struct Missed {
    why: &'static str,
    files: u64,
    examples: Vec<Example>,
}

#[derive(Serialize)]
struct Example {
    path: String,
    inode: Option<u64>,
}

#[derive(Serialize)]
struct Aside {
    why: &'static str,
    count: u64,
    examples: Vec<Example>,
}

impl Report {
    pub(super) fn new(paths: &[PathBuf], summary: Summary) -> Report {
        let verdict = |name| summary.verdicts.get(name).copied().unwrap_or(0);
        let (people, people_by) = summary.all.people.count();
        let mut folders: Vec<OfFolder> = summary.folders.iter().map(|(path, sum)| folder(shown(path), sum)).collect();
        folders.sort_by(|one, two| (two.people, two.personal, &one.path).cmp(&(one.people, one.personal, &two.path)));
        let example = |named: Named| Example { path: named.path, inode: named.inode };
        let examples = |reason: Reason| reason.examples.into_iter().map(example).collect();
        let missed =
            |(why, reason): (&'static str, Reason)| Missed { why, files: reason.files, examples: examples(reason) };
        let aside = |(why, reason): (NotWalked, Reason)| Aside {
            why: why.name(),
            count: reason.files,
            examples: examples(reason),
        };
        Report {
            schema: "kuzet.scan/1",
            paths: paths.iter().map(|path| shown(path)).collect(),
            files: summary.all.files,
            bytes: summary.bytes,
            inspected: verdict("inspected"),
            partly: verdict("partly"),
            not_inspected: verdict("not_inspected"),
            unreadable: verdict("unreadable"),
            personal: summary.all.personal,
            people,
            people_at_least: summary.all.people.more(),
            people_by,
            canaries: summary.canaries,
            encrypted: summary.encrypted,
            macros: summary.macros,
            kinds: kinds(&summary.all.kinds),
            folders,
            documents_total: summary.all.documents,
            crowded: summary
                .crowded
                .into_iter()
                .map(|(people, named)| Crowded { path: named.path, inode: named.inode, people })
                .collect(),
            documents: summary
                .scans
                .into_iter()
                .map(|(named, scan)| Document { path: named.path, inode: named.inode, scan: scan.into() })
                .collect(),
            missed: summary.missed.into_iter().map(missed).collect(),
            aside: summary.aside.into_iter().map(aside).collect(),
        }
    }
}

fn folder(path: String, sum: &Sum) -> OfFolder {
    let (people, people_by) = sum.people.count();
    OfFolder {
        path,
        files: sum.files,
        personal: sum.personal,
        people,
        people_at_least: sum.people.more(),
        people_by,
        documents: sum.documents,
        kinds: kinds(&sum.kinds),
    }
}

fn kinds(kinds: &Kinds) -> Vec<OfKind> {
    let of = |(kind, (values, files)): (&Kind, &(kuzet_personal::Sureness, u64))| OfKind {
        kind: kind.name(),
        category: kind.category().map(Category::code),
        files: *files,
        values: values.total(),
    };
    kinds.0.iter().map(of).collect()
}

/// The report for people: the tables, then what is not known.
pub(super) fn print(report: &Report) {
    folders(report);
    print_kinds(report);
    documents(report);
    crowded(report);
    missed(report);
    output::line("");
    output::line(&format!(
        "{} {}, {} bytes; {} {} personal data of {}{}",
        thousands(report.files),
        if report.files == 1 { "file" } else { "files" },
        thousands(report.bytes),
        thousands(report.personal),
        if report.personal == 1 { "holds" } else { "hold" },
        people(report.people, report.people_at_least),
        by(report.people_by),
    ));
    if report.canaries > 0 {
        output::line(&format!(
            "{} canaries of this host: who holds these files took them from where nobody has work to do",
            report.canaries
        ));
    }
}

fn people(count: usize, more: bool) -> String {
    let least = if more { "at least " } else { "" };
    format!("{least}{} {}", thousands(count as u64), if count == 1 { "person" } else { "people" })
}

fn by(identifier: &str) -> String {
    if identifier.is_empty() { String::new() } else { format!(" (different {identifier})") }
}

fn table(header: &[&str], rows: &[Vec<String>], more: usize) {
    output::line("");
    output::fitted(header, rows).iter().for_each(|line| output::cut(line));
    if more > 0 {
        output::line(&format!("and {} more: --json has them", thousands(more as u64)));
    }
}

fn folders(report: &Report) {
    let with: Vec<&OfFolder> = report.folders.iter().filter(|folder| folder.personal > 0).collect();
    if with.is_empty() {
        return;
    }
    let row = |folder: &&OfFolder| {
        let mut kinds: Vec<&OfKind> = folder.kinds.iter().filter(|kind| kind.category.is_some()).collect();
        kinds.sort_by_key(|kind| std::cmp::Reverse(kind.values));
        let kinds = kinds.iter().map(|kind| format!("{} {}", kind.kind, thousands(kind.values)));
        let least = if folder.people_at_least { "≥ " } else { "" };
        vec![
            folder.path.clone(),
            thousands(folder.files),
            thousands(folder.personal),
            format!("{least}{}", thousands(folder.people as u64)),
            thousands(folder.documents),
            kinds.take(5).collect::<Vec<_>>().join(", "),
        ]
    };
    let rows: Vec<Vec<String>> = with.iter().take(ROWS).map(row).collect();
    table(&["folder", "files", "with", "people", "ID images", "what"], &rows, with.len().saturating_sub(ROWS));
}

fn print_kinds(report: &Report) {
    let row = |kind: &OfKind| {
        let category = kind.category.unwrap_or("not personal").to_owned();
        vec![kind.kind.to_owned(), category, thousands(kind.files), thousands(kind.values)]
    };
    let rows: Vec<Vec<String>> = report.kinds.iter().map(row).collect();
    if !rows.is_empty() {
        table(&["kind", "category", "files", "values"], &rows, 0);
    }
}

fn named(path: &str, inode: Option<u64>) -> String {
    let path = output::path(path);
    inode.map_or_else(|| path.clone(), |inode| format!("{path} (find -inum {inode})"))
}

fn documents(report: &Report) {
    if report.documents.is_empty() {
        return;
    }
    output::line("");
    output::line(&format!("{} images of identity documents:", thousands(report.documents_total)));
    for one in report.documents.iter().take(ROWS) {
        output::wrapped("  ", &format!("{}: {}", named(&one.path, one.inode), one.scan.words()));
    }
    if report.documents.len() > ROWS {
        output::line("  … (--json has them)");
    }
    output::wrapped(
        "  ",
        "an electronic copy may be lawful; clause 2.4 is about paper copies and those made from them: ask for the exception that \
         allows it, with its owner, basis and end",
    );
}

fn crowded(report: &Report) {
    let row = |one: &Crowded| vec![named(&one.path, one.inode), thousands(one.people as u64)];
    let rows: Vec<Vec<String>> = report.crowded.iter().take(10).map(row).collect();
    if !rows.is_empty() {
        table(&["files with most people", "people"], &rows, 0);
    }
}

/// The one that it is, or the first of several.
fn first(count: u64, examples: &[Example]) -> String {
    let Some(first) = examples.first() else { return String::new() };
    let the = if count == 1 { "" } else { "the first: " };
    format!(" ({the}{})", named(&first.path, first.inode))
}

fn missed(report: &Report) {
    if report.missed.is_empty() && report.aside.is_empty() {
        return;
    }
    output::line("");
    output::line("not inspected, so not clean:");
    for one in &report.missed {
        let files = if one.files == 1 { "file" } else { "files" };
        let first = first(one.files, &one.examples);
        output::wrapped("  ", &format!("{} {files}: {}{first}", thousands(one.files), words(one.why)));
    }
    for one in &report.aside {
        let first = first(one.count, &one.examples);
        output::wrapped("  ", &format!("{}: {}{first}", thousands(one.count), words(one.why)));
    }
}
