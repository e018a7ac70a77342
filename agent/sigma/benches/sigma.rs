//! Sigma rules against PostgreSQL jsonlog, beside rsigma-eval on the same rules and events in the same run.
//!
//! `cargo bench -p kuzet-sigma --bench sigma -- RULES EVENTS [MORE]`: a folder of rules (perf's `rules.py` writes fifty),
//! a file of JSON lines (`kuzet-corpus pgjson`), and a folder of public rules whose loading is measured. Prints CPU time
//! of this process, batches of the three in turn; dated results are kept in benches/runs/.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::cast_precision_loss)] // a bench prints its figures
#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // and reads files

use kuzet_sigma::{Event, FieldId, FieldMap, Fields, JsonNames, Lists, LogSource, RuleSet, Value};
use rsigma_eval::{Engine, JsonEvent};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value as Json;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

const ROUNDS: usize = 5;
/// Events that are read and then matched together.
const BATCH: usize = 64;
/// Events of one hostile kind.
const HOSTILE: usize = 400;
type Files = Vec<(String, String)>;

fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Resident memory in KiB.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn read(folder: &Path, into: &mut Files) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            read(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "yml") {
            into.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
        }
    }
}

/// A repeatable stream of numbers (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn word(&mut self) -> String {
        const SYLLABLES: [&str; 16] = [
            "ta", "ble", "pay", "ment", "cli", "ent", "log", "in", "pass", "port", "re", "port", "da", "ta", "ex", "ec",
        ];
        (0..3 + self.below(3)).map(|_| SYLLABLES[self.below(16) as usize]).collect()
    }
}

/// Rules like public ones, `share` per cent of them for the events of this bench.
fn generated(number: usize, share: u64) -> Files {
    const OTHERS: [&str; 8] = [
        "{category: process_creation, product: windows}",
        "{category: registry_set, product: windows}",
        "{category: file_event, product: windows}",
        "{product: windows, service: security}",
        "{category: process_creation, product: linux}",
        "{product: linux, service: auditd}",
        "{category: webserver}",
        "{product: aws, service: cloudtrail}",
    ];
    let mut random = Random(2026);
    let rule = |at: usize, random: &mut Random| {
        let own = random.below(100) < share;
        let source = if own { "{product: postgresql, service: audit}" } else { OTHERS[random.below(8) as usize] };
        let fields: [&str; 3] =
            if own { ["message", "application_name", "user"] } else { ["CommandLine", "Image", "ParentImage"] };
        let mut text = format!(
            "title: rule {at}\nid: 10000000-0000-4000-8000-{at:012}\nstatus: test\ndescription: {}\nauthor: bench\nlogsource: {source}\ndetection:\n",
            (0..20).map(|_| random.word()).collect::<Vec<_>>().join(" ")
        );
        let all = if random.below(4) == 0 { "|all" } else { "" };
        let _ = writeln!(text, "  selection:\n    {}|contains{all}:", fields[0]);
        for _ in 0..2 + random.below(8) {
            let _ = writeln!(text, "      - ' {} '", random.word());
        }
        if random.below(2) == 0 {
            let _ = writeln!(text, "    {}|endswith: '\\{}.exe'", fields[1], random.word());
        }
        if random.below(3) == 0 {
            let _ = writeln!(text, "  filter_main:\n    {}|startswith: '{}'", fields[2], random.word());
            text.push_str("  condition: selection and not 1 of filter_*\nlevel: high\n");
        } else {
            text.push_str("  condition: selection\nlevel: medium\n");
        }
        (format!("{at}.yml"), text)
    };
    (0..number).map(|at| rule(at, &mut random)).collect()
}

/// An event as the agent has it: its fields are bound, nothing is looked up by name.
struct Bound<'a> {
    fields: Vec<Option<&'a Json>>,
}

impl<'a> Bound<'a> {
    fn new(fields: &Fields, json: &'a Json) -> Self {
        let mut bound = vec![None; fields.len()];
        for (field, names) in fields.iter() {
            bound[field.index()] = json.get(&names[0]);
        }
        Self { fields: bound }
    }
}

impl Event for Bound<'_> {
    fn field(&self, field: FieldId, visit: &mut dyn FnMut(Value<'_>)) {
        match self.fields[field.index()] {
            Some(Json::String(text)) => visit(Value::Text(text)),
            Some(Json::Number(number)) => visit(Value::Int(number.as_i64().unwrap_or(0).into())),
            _ => {}
        }
    }

    fn values(&self, _: &mut dyn FnMut(Value<'_>)) {}
}

struct Ours {
    set: Arc<RuleSet>,
    names: JsonNames,
}

fn load(files: &Files) -> (Ours, f64, i64) {
    let (memory, time) = (resident(), cpu());
    let (set, diagnostics) = RuleSet::load(files.iter().map(|(n, t)| (n, t)), &FieldMap::default(), &Lists::new());
    let took = cpu() - time;
    for diagnostic in diagnostics.iter().filter(|diagnostic| !diagnostic.warning()).take(40) {
        println!("  {diagnostic}");
    }
    let names = JsonNames::new(set.fields());
    (Ours { set: Arc::new(set), names }, took, resident() - memory)
}

fn load_theirs(files: &Files) -> (Engine, f64, i64) {
    let (memory, time) = (resident(), cpu());
    let mut all = rsigma_parser::SigmaCollection::new();
    for (_, text) in files {
        if let Ok(collection) = rsigma_parser::parse_sigma_yaml(text) {
            all.rules.extend(collection.rules);
        }
    }
    let mut engine = Engine::new();
    engine.add_rules(all.rules.iter());
    drop(all);
    (engine, cpu() - time, resident() - memory)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Prints a row; events per CPU second of ours.
fn compare(name: &str, files: &Files, lines: &[&str]) -> f64 {
    let (ours, load_ours, memory_ours) = load(files);
    let memory = resident();
    let (mut matcher, route) =
        (ours.set.matcher(), ours.set.route(&[LogSource::new(None, Some("postgresql"), Some("audit"))]));
    let memory_ours = memory_ours + resident() - memory;
    let (engine, load_theirs, memory_theirs) = load_theirs(files);
    let source = rsigma_parser::LogSource {
        product: Some("postgresql".to_owned()),
        service: Some("audit".to_owned()),
        ..Default::default()
    };
    let (mut own, mut bound, mut other) = (0.0, 0.0, 0.0);
    let (mut hits, mut counts) = (Vec::new(), [0; 3]);
    // Events are matched while they are in the cache, as in an agent: a batch is read, then timed.
    for (number, batch) in lines.chunks(BATCH).enumerate() {
        let events: Vec<Json> = batch.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let fields: Vec<Bound<'_>> = events.iter().map(|event| Bound::new(ours.set.fields(), event)).collect();
        for turn in 0..3 {
            let start = cpu();
            // Each is the first of the three in turn.
            match (number + turn) % 3 {
                0 => {
                    for event in &events {
                        hits.clear();
                        matcher.matches(&route, &ours.names.event(event), &mut hits);
                        counts[0] += hits.len();
                    }
                    own += cpu() - start;
                }
                1 => {
                    for event in &fields {
                        hits.clear();
                        matcher.matches(&route, event, &mut hits);
                        counts[1] += hits.len();
                    }
                    bound += cpu() - start;
                }
                _ => {
                    for event in &events {
                        counts[2] += engine.evaluate_with_logsource(&JsonEvent::borrow(event), &source).len();
                    }
                    other += cpu() - start;
                }
            }
        }
    }
    let [count, again, theirs] = counts;
    assert_eq!(count, again);
    let rate = |time: f64| lines.len() as f64 / time;
    let (own, native, other) = (rate(own), rate(bound), rate(other));
    println!(
        "| {name} | {} | {native:.0} | {own:.0} | {other:.0} | {:.1} | {:.1} | {count} = {theirs} | {load_ours:.3} / {load_theirs:.3} | {:.1} / {:.1} |",
        route.len(),
        native / other,
        own / other,
        memory_ours as f64 / 1024.0,
        memory_theirs as f64 / 1024.0
    );
    native
}

/// Events made to be slow: in every field that rules ask for stands what all of them look for.
fn hostile(name: &str, files: &Files) {
    let ours = load(files).0;
    let (mut matcher, route) = (ours.set.matcher(), ours.set.route_all());
    let fields: Vec<&str> = ours.set.fields().iter().map(|(_, names)| names[0].as_str()).collect();
    let text: String = files.iter().map(|(_, text)| text.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let words: Vec<&str> = text.split([' ', '\'', '"']).filter(|word| word.len() > 3).collect();
    let pieces = |size: usize, text: &str| -> Vec<Json> {
        let characters: Vec<char> = text.chars().collect();
        characters.chunks(size).take(HOSTILE).map(|piece| Json::from(piece.iter().collect::<String>())).collect()
    };
    let turns = |size: usize, of: &str| vec![Json::from(of.repeat(size / of.len()))];
    let list = |size: usize| Json::from((0..size).map(|at| words[at % words.len()]).collect::<Vec<_>>());
    let cases: [(&str, Vec<Json>); 11] = [
        ("the rules themselves, 512 bytes", pieces(512, &text)),
        ("the rules themselves, 64 KiB", pieces(64 << 10, &text.repeat(1 + (256 << 10) / text.len()))),
        ("the same in capitals, 64 KiB", pieces(64 << 10, &text.to_uppercase().repeat(1 + (256 << 10) / text.len()))),
        ("their words, each a value, 500", vec![list(500)]),
        ("their words, each a value, 5,000", vec![list(5_000)]),
        ("one letter, 64 KiB", turns(64 << 10, "a")),
        ("spaces and digits, 64 KiB", turns(64 << 10, " 1")),
        ("what patterns begin with, 64 KiB", turns(64 << 10, "select set_config('a=a.b/c:d-e\\f ")),
        ("Cyrillic, 64 KiB", turns(64 << 10, "Ж")),
        ("letters that fold to fewer bytes, 64 KiB", turns(64 << 10, "\u{212a}")),
        ("digits, 64 KiB", turns(64 << 10, "1")),
    ];
    for (case, values) in cases {
        let (mut bytes, mut sum, mut worst, mut hits) = (0, 0.0, 0.0_f64, Vec::new());
        for value in &values {
            let event = Json::Object(fields.iter().map(|field| ((*field).to_owned(), value.clone())).collect());
            let event = ours.names.event(&event);
            let times = (0..ROUNDS).map(|_| {
                hits.clear();
                let start = cpu();
                matcher.matches(&route, &event, &mut hits);
                cpu() - start
            });
            let took = times.fold(f64::INFINITY, f64::min);
            let length = |value: &Json| value.as_str().map_or(0, str::len);
            bytes += fields.len() * value.as_array().map_or(length(value), |list| list.iter().map(length).sum());
            (sum, worst) = (sum + took, worst.max(took));
        }
        let (each, worst) = (sum * 1e9 / bytes as f64, worst * 1e6);
        println!("| {name} | {case} | {} | {} | {each:.1} | {worst:.0} |", values.len(), bytes / values.len());
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [rules, events, more @ ..] = arguments.as_slice() else {
        println!("usage: cargo bench -p kuzet-sigma --bench sigma -- RULES EVENTS [MORE]");
        return;
    };
    let mut fifty = Files::new();
    read(Path::new(rules), &mut fifty);
    let text = std::fs::read_to_string(events).unwrap();
    let events: Vec<&str> = text.lines().collect();
    println!("{} events, {} bytes each\n", events.len(), text.len() / events.len());
    if let [folder, ..] = more {
        let mut files = Files::new();
        read(Path::new(folder), &mut files);
        let (ours, time, memory) = load(&files);
        let (loaded, number) = (ours.set.rules().len(), files.len());
        println!("{number} public files: {loaded} rules, {time:.3} s, {memory} KiB\n");
    }
    println!(
        "| rules | routed | bound fields, events/CPU-s | JSON | rsigma-eval, JSON | ratio bound | ratio JSON | hits | load, s | memory, MiB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let with = |number: usize, share| fifty.iter().cloned().chain(generated(number - 50, share)).collect::<Files>();
    // The largest first: what is loaded later finds memory that was given back.
    compare("3,500, 30 % for these events", &with(3_500, 30), &events);
    compare("3,500, 2 % for these events", &with(3_500, 2), &events);
    compare("500, all for these events", &with(500, 100), &events);
    let thousand = compare("1,000, all for these events", &with(1_000, 100), &events);
    let own = compare("50", &fifty, &events);
    println!("\n1,000 rules cost {:.2} of 50.", own / thousand);
    let mut shipped = Files::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules/sigma"), &mut shipped);
    println!("\n| rules | hostile event, the same in every field | events | bytes | ns a byte | worst event, µs |");
    println!("|---|---|---|---|---|---|");
    hostile("shipped", &shipped);
    hostile("3,500, 30 % of one source, all routed", &with(3_500, 30));
    let mut parse = Vec::new();
    for _ in 0..ROUNDS {
        let start = cpu();
        let parsed = text.lines().filter(|line| serde_json::from_str::<Json>(line).is_ok()).count();
        assert_eq!(parsed, events.len());
        parse.push(cpu() - start);
    }
    println!("Reading the JSON alone: {:.0} events/CPU-s.", events.len() as f64 / median(parse));
}
