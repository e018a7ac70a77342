//! Cost of the statement analyser, cached and not, against hostile feeds, and of `server_audit` around it; CPU time on
//! one thread, medians of interleaved rounds. `cargo bench -p kuzet-decode --bench statement [-- FILE]`; a file is a
//! server_audit log to decode in place of the recordings.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stdout)] // a bench reads files, prints figures

use kuzet_decode::{Analyzer, Chunk, DecodeOptions, Edge, Format, Parameters, Tally};
use kuzet_event::{Event, FileId, SourceId, System};
use kuzet_personal::Key;
use smallvec::SmallVec;
use std::path::Path;

const ROUNDS: usize = 7;
const CHUNK: usize = 256 << 10;

/// CPU nanoseconds of this process (its only thread).
fn cpu() -> u64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// One thing that is measured: how many units one round does, and the round.
struct Case {
    name: &'static str,
    round: Box<dyn FnMut() -> u64>,
    nanos: Vec<f64>,
}

impl Case {
    fn new(name: &'static str, round: impl FnMut() -> u64 + 'static) -> Case {
        Case { name, round: Box::new(round), nanos: Vec::new() }
    }
}

/// Analyses `texts` one after another, `count` in all.
fn analyse(system: System, texts: Vec<String>, count: usize, parameter: &[u8]) -> impl FnMut() -> u64 + use<> {
    let mut analyzer = Analyzer::new(system, Key::new([7; 32]));
    let mut parameters = Parameters::new();
    parameters.push(parameter);
    move || {
        let mut identifiers = SmallVec::new();
        for number in 0..count {
            identifiers.clear();
            let text = &texts[number % texts.len()];
            std::hint::black_box(analyzer.analyze(text.as_bytes(), &parameters, false, &mut identifiers));
        }
        count as u64
    }
}

/// A new analyser each round, so that every statement is a shape of its own.
fn miss(texts: Vec<String>) -> impl FnMut() -> u64 {
    move || {
        let mut analyzer = Analyzer::new(System::Postgresql, Key::new([7; 32]));
        let (parameters, mut identifiers) = (Parameters::new(), SmallVec::new());
        for text in &texts {
            identifiers.clear();
            std::hint::black_box(analyzer.analyze(text.as_bytes(), &parameters, false, &mut identifiers));
        }
        texts.len() as u64
    }
}

fn recording() -> Vec<u8> {
    if let Some(path) = std::env::args().skip(1).find(|argument| !argument.starts_with("--")) {
        return std::fs::read(path).unwrap();
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/samples/mariadb");
    let mut once = Vec::new();
    for name in ["app_normal", "enum_iin"] {
        once.extend(std::fs::read(folder.join(format!("{name}.audit.log"))).unwrap());
    }
    once.repeat(300)
}

fn server_audit(bytes: Vec<u8>) -> impl FnMut() -> u64 {
    let mut decoder = Format::MariadbServerAudit.decoder(&DecodeOptions::new(Key::new([7; 32])));
    let mut events = Vec::<Event>::new();
    move || {
        let (mut tally, mut at) = (Tally::default(), 0);
        while at < bytes.len() {
            let end = (at + CHUNK).min(bytes.len());
            let edge = if end == bytes.len() { Edge::End } else { Edge::More };
            let chunk = Chunk { source: SourceId(0), file: FileId(0), offset: at as u64, bytes: &bytes[at..end], edge };
            let done = decoder.decode(chunk, &mut events);
            tally.add(done.tally);
            at += done.consumed;
            std::hint::black_box(&events);
            events.clear();
        }
        tally.seen
    }
}

fn main() {
    let iins: Vec<String> = (0..997).map(|n| format!("{:012}", 900_101_300_000u64 + n * 7)).collect();
    let select = |tail: String| format!("SELECT id, full_name, phone, status FROM public.borrowers WHERE {tail}");
    let literal: Vec<String> = iins.iter().map(|iin| select(format!("branch_id = 7 AND iin = '{iin}'"))).collect();
    let ids: Vec<String> = (0..997).map(|n| select(format!("branch_id = 7 AND borrower_id > {n} LIMIT 10"))).collect();
    let parameter = vec![select("branch_id = branch AND iin = $1".into())];
    let plain =
        vec!["SELECT b.full_name, l.amount FROM borrowers b JOIN loans l ON l.borrower_id = b.id ORDER BY 2".into()];
    let list = vec![select(format!("iin IN ('{}')", iins.join("','")))];
    let inserts: Vec<String> = vec![format!("INSERT INTO loans (a, b) VALUES {}", vec!["(1, 'x')"; 1000].join(", "))];
    let shapes: Vec<String> = (0..5000).map(|n| select(format!("c{n} = 'x' AND branch_id = 7"))).collect();
    let deep: Vec<String> =
        (0..20).map(|n| format!("SELECT c{n} FROM t WHERE {}1{}", "(".repeat(30_000), ")".repeat(30_000))).collect();
    let wide: Vec<String> = (0..20)
        .map(|n| format!("SELECT c{n} FROM t WHERE {}", vec!["a = 1 OR b LIKE 'x'"; 3000].join(" AND ")))
        .collect();
    let tables: Vec<String> = (0..20)
        .map(|n| format!("SELECT c{n} FROM {}", (0..6000).map(|k| format!("t{k}")).collect::<Vec<_>>().join(",")))
        .collect();
    println!("cached text: {} bytes", literal[0].len());
    let mut cases = [
        Case::new("cached, literals, one IIN hashed", analyse(System::Postgresql, literal.clone(), 400_000, b"")),
        Case::new("cached, literals, nothing hashed", analyse(System::Postgresql, ids, 400_000, b"")),
        Case::new(
            "cached, parameter, one IIN hashed",
            analyse(System::Postgresql, parameter.clone(), 400_000, b"900101300007"),
        ),
        Case::new("cached, parameter unknown", analyse(System::Postgresql, plain, 400_000, b"")),
        Case::new("cached, IN list of 997 IINs", analyse(System::Postgresql, list, 500, b"")),
        Case::new("cached, 1,000 rows inserted", analyse(System::Postgresql, inserts, 2000, b"")),
        Case::new("new shape each time", miss(shapes)),
        Case::new("hostile: 60 KB of parentheses", miss(deep)),
        Case::new("hostile: 75 KB of conditions", miss(wide)),
        Case::new("hostile: 35 KB of tables", miss(tables)),
        Case::new("server_audit record", server_audit(recording())),
    ];
    for _ in 0..ROUNDS {
        for case in &mut cases {
            let start = cpu();
            let units = (case.round)();
            case.nanos.push((cpu() - start) as f64 / units as f64);
        }
    }
    for case in &mut cases {
        case.nanos.sort_by(f64::total_cmp);
        let median = case.nanos[ROUNDS / 2];
        println!("{:36} {median:12.0} ns {:14.0} a second", case.name, 1e9 / median);
    }
}
