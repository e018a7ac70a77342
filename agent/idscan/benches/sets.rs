//! Documents found and flags raised on sets of pictures, and what a picture costs.
//!
//! `cargo bench -p kuzet-idscan --bench sets -- FOLDER...`: pictures named `<class>_<number>.<jpg|png>`, made by
//! benches/idscan/make.py. Prints a table by class and the names of what was missed or raised wrongly; dated results are
//! kept in benches/runs/.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::disallowed_methods)]

use kuzet_idscan::{Confidence, Limits, Reader, Scan, decode};
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How the classes begin whose every picture holds a document: with a machine-readable zone, and without.
const ZONED: [&str; 10] = ["td1", "td2", "td3", "mrva", "mrvb", "phone", "sheet", "idback", "passport", "copies"];
const LABELLED: [&str; 7] = ["front", "licence", "permit", "certificate", "single", "idfront", "cert"];

fn holds_document(class: &str) -> bool {
    ZONED.iter().chain(&LABELLED).any(|start| class.starts_with(start))
}

#[derive(Default)]
struct Row {
    documents: usize,
    certain: usize,
    probable: usize,
    cost: Vec<(f64, f64)>,
    told: Vec<String>,
}

fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

fn pictures(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let picture = path.extension().is_some_and(|extension| extension == "jpg" || extension == "png");
        if picture {
            found.push(path);
        }
    }
    found.sort();
}

fn look(reader: &Reader, path: &Path) -> (Scan, f64, f64) {
    let bytes = std::fs::read(path).unwrap();
    let (mut scan, mut scanned) = (Scan::default(), 0.0);
    let start = cpu();
    decode(&bytes, &Limits::default(), &mut |page| {
        let decoded = cpu();
        scan = reader.scan(&page.picture, &Limits::default(), &mut |_, _| 0);
        scanned += cpu() - decoded;
    })
    .unwrap();
    (scan, cpu() - start - scanned, scanned)
}

/// Median and 95th percentile.
fn spread(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values.get((values.len() as f64 * share) as usize).copied().unwrap_or(0.0);
    (at(0.5), at(0.95))
}

fn main() {
    let mut paths = Vec::new();
    std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .for_each(|folder| pictures(Path::new(&folder), &mut paths));
    let reader = Reader::new();
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for path in &paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let class = name.rsplit_once('_').map_or("other", |(class, _)| class).to_owned();
        let (scan, decode, cost) = look(&reader, path);
        let row = rows.entry(class.clone()).or_default();
        row.cost.push((decode, cost));
        row.documents += scan.documents.len();
        match scan.documents.iter().map(|document| document.confidence).max() {
            Some(Confidence::Certain) => row.certain += 1,
            Some(Confidence::Probable) => row.probable += 1,
            None => {}
        }
        if holds_document(&class) == scan.documents.is_empty() {
            row.told.push(format!("{name} {:?}", scan.documents.first().map(|f| (f.kind, f.state, f.checks))));
        }
    }
    println!(
        "| class | n | certain | probable | % | documents | decode ms median | p95 | scan ms median | p95 | whole ms median | p95 |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    let print = |class: &str, row: &Row| {
        let n = row.cost.len();
        let of = |value: fn(&(f64, f64)) -> f64| spread(row.cost.iter().map(value).collect());
        let (d, s, w) = (of(|c| c.0), of(|c| c.1), of(|c| c.0 + c.1));
        let share = (row.certain + row.probable) as f64 * 100.0 / n.max(1) as f64;
        println!(
            "| {class} | {n} | {} | {} | {share:.2} | {} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} |",
            row.certain, row.probable, row.documents, d.0, d.1, s.0, s.1, w.0, w.1
        );
    };
    let mut every = Row::default();
    for document in [true, false] {
        let mut all = Row::default();
        for (class, row) in rows.iter().filter(|(class, _)| holds_document(class) == document) {
            print(class, row);
            all.certain += row.certain;
            all.probable += row.probable;
            all.documents += row.documents;
            all.cost.extend(&row.cost);
        }
        print(if document { "**documents**" } else { "**others**" }, &all);
        every.cost.append(&mut all.cost);
        every.certain += all.certain;
        every.probable += all.probable;
        every.documents += all.documents;
    }
    print("**all**", &every);
    let usage = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!(
        "\nmost memory of the process: {}",
        usage.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("unknown")
    );
    for told in rows.values().flat_map(|row| &row.told) {
        println!("- {told}");
    }
}
