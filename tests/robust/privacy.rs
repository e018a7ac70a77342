//! Nothing raw comes out: logs full of identifiers, names, cards and passwords go in, and every byte that the agent
//! writes anywhere is searched for them.

use super::feed::{Audited, Record, now, server_audit};
use super::planting::{MAPPING, logs};
use crate::support::agent::Setup;
use crate::support::{Random, kuzet, people, root};
use kuzet_decode::Format;
use std::path::Path;
use std::process::Command;

/// What must not come out.
pub struct Planted {
    pub values: Vec<String>,
    /// Those of them that are identifiers wherever they stand, and so are masked even as a role's name.
    pub identifiers: Vec<String>,
}

/// Statements that hold planted values, as people and programs write them.
fn statements(planted: &mut Planted) -> Vec<(String, String)> {
    let mut random = Random::new(7);
    let mut all = Vec::new();
    for (number, person) in people::people(40).into_iter().enumerate() {
        let p = &person;
        let card = people::card("4400", 16, &mut random);
        let (secret, email) = (format!("Qupiya{number:03}xZ!"), format!("b{number:03}@poshta-synaq.kz"));
        let surname = person.full_name.split(' ').next().expect("a surname").to_owned();
        let spaced = format!("{} {} {} {}", &card[..4], &card[4..8], &card[8..12], &card[12..]);
        let passport = format!("N{:08}", 10_000_000 + random.below(80_000_000));
        all.extend([
            (format!("SELECT * FROM borrowers WHERE iin = '{}'", p.iin), String::new()),
            (format!("SELECT * FROM borrowers WHERE iin = {} OR phone='{}'", p.iin, p.phone), String::new()),
            ("SELECT * FROM borrowers WHERE iin = $1 AND full_name = $2".into(), format!("{},{}", p.iin, p.full_name)),
            (
                format!("UPDATE borrowers SET full_name = '{}', iban = '{}' WHERE id = {}", p.full_name, p.iban, p.id),
                "".into(),
            ),
            (format!("INSERT INTO cards VALUES ('{card}', '{spaced}', E'{email}')"), String::new()),
            (format!("CREATE ROLE r{number} LOGIN PASSWORD '{secret}'"), String::new()),
            (format!("ALTER USER r{number} IDENTIFIED BY '{secret}'; -- {} {}", p.iin, p.full_name), String::new()),
            (format!("SELECT $q${} {passport}$q$ AS x, \"{}\" FROM borrowers", p.address, p.iin), String::new()),
            (format!("SELECT * FROM \"{}\" WHERE b = '{}", p.iin, p.id_card), String::new()),
            (format!("SET app.user = '{}'", p.iin), String::new()),
            (format!("COPY borrowers TO '/tmp/{}.csv'", p.iin), String::new()),
            (
                format!("/* {} {email} */ SELECT 1 FROM borrowers WHERE full_name LIKE '%{surname}%'", p.full_name),
                String::new(),
            ),
        ]);
        let hex: String = p.iin.bytes().map(|byte| format!("{byte:02X}")).collect();
        let latin = ["Akhmetov", "Ospanov", "Ibraeva"][number % 3];
        let odd = [
            format!("SELECT $${passport}$$ AS x, $${}$$, $t${secret}$t$ FROM borrowers", p.full_name),
            format!("SELECT E'{secret}\\'x', N'{}', _utf8mb4'{email}', x'{hex}' FROM borrowers", p.address),
            format!("SELECT U&\"{}\", `{}`, \"{}\" FROM borrowers", p.full_name, p.full_name, p.address),
            format!("SELECT * FROM borrowers WHERE full_name = \"{}\" OR b IN (\"{secret}\")", p.full_name),
            format!("SELECT {surname}, {passport} FROM borrowers LIMIT {}", p.iin),
            format!("{}' AND iin = '{}' AND note = 'x", p.full_name, p.iin),
            format!("выдать {} {} {spaced} from {latin}", p.full_name, p.phone),
            format!("{}\t{}\t{}\t{}\t\\N", p.iin, p.full_name, p.phone, p.address),
            format!("CREATE USER u{number} IDENTIFED BY '{secret}', {}", p.full_name),
            format!("SET PASSWORD FOR 'u{number}' '{secret}'"),
            format!("ALTER GROUP g ADD USER u PASSWORD '{secret}'"),
            format!("SET app.person = \"{}\"; SET @p = `{passport}`", p.full_name),
            format!("{{\"name\": \"{}\", \"city\": \"{}\", \"iin\": {}}}", p.full_name, p.address, p.iin),
            format!("SELECT 1{passport}, :{surname}, data->>'{}' FROM \"{}\"", p.full_name, p.full_name),
        ];
        all.extend(odd.into_iter().map(|text| (text, String::new())));
        planted.identifiers.extend([p.iin.clone(), p.phone.clone(), p.iban.clone(), card.clone(), email.clone()]);
        planted.values.extend([p.iin.clone(), p.phone.clone(), p.full_name.clone(), p.iban.clone(), p.address.clone()]);
        planted.values.extend([card, spaced, secret, email, passport, p.id_card.clone(), hex]);
    }
    all
}

/// The log of every format, each with every statement.
fn write_logs(directory: &Path, planted: &mut Planted) {
    let (mut csv, mut json, mut stderr, mut maria) = (String::new(), String::new(), String::new(), String::new());
    let start = now() - 60_000_000;
    for ((text, parameters), number) in statements(planted).into_iter().zip(0_u32..) {
        let at = start + i64::from(number) * 20_000;
        let audited = Audited {
            class: "READ",
            command: "SELECT",
            object: "public.borrowers",
            text: &text,
            parameters: if parameters.is_empty() { "<none>" } else { &parameters },
            rows: 1,
        };
        let role =
            if number % 3 == 0 { "analyst".to_owned() } else { planted.identifiers[number as usize % 100].clone() };
        let mut failed =
            Record::log(at, &role, number, 3, format!("syntax error at or near \"{}\"", planted.values[0]));
        (failed.severity, failed.code, failed.statement) = ("ERROR", "42601", text.clone());
        failed.detail = format!("Key (iin)=({}) already exists.", planted.values[0]);
        let mut logged = Record::log(at, "analyst", number, 2, format!("execute <unnamed>: {text}"));
        logged.detail = format!("parameters: $1 = '{}', $2 = '{}'", planted.values[0], planted.values[2]);
        logged.program = format!("app {}", planted.values[1]);
        let statement = Record::log(at, "dba", number, 1, format!("statement: {text}"));
        for record in [statement, logged, failed, Record::audit(at, "analyst", number, 4, &audited)] {
            csv.push_str(&record.csv());
            json.push_str(&record.json());
            stderr.push_str(&record.stderr());
        }
        maria.push_str(&server_audit(at, "analyst", number, 2 * u64::from(number) + 1, "QUERY", &text, 0));
        maria.push_str(&server_audit(at, &role, number, 2 * u64::from(number) + 2, "QUERY", &text, 1064));
    }
    for (name, text) in [("a.csv", csv), ("a.json", json), ("a.log", stderr), ("audit.log", maria)] {
        std::fs::write(directory.join(name), text).expect("a log");
    }
}

impl Planted {
    /// Searches `bytes`, as they are and without separators.
    fn search(&self, place: &str, bytes: &[u8], found: &mut Vec<String>) {
        let text = String::from_utf8_lossy(bytes);
        let dense: String = text.chars().filter(|c| !c.is_whitespace() && !"-()./'\"".contains(*c)).collect();
        let lower = text.to_lowercase();
        for value in &self.values {
            let compact: String = value.chars().filter(|c| !c.is_whitespace()).collect();
            let digits = compact.len() >= 12 && compact.bytes().all(|byte| byte.is_ascii_digit());
            if lower.contains(&value.to_lowercase()) || (digits && dense.contains(&compact)) {
                let at = lower.find(&value.to_lowercase()).unwrap_or_default();
                let around: String =
                    lower.get(at.saturating_sub(80)..).unwrap_or(&lower[at..]).chars().take(160).collect();
                found.push(format!("{place}: a planted value of {} bytes, in: {around}", value.len()));
            }
        }
    }

    fn search_files(&self, directory: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(directory).expect("a directory").flatten() {
            if entry.path().is_dir() {
                self.search_files(&entry.path(), found);
            } else {
                let place = entry.file_name().to_string_lossy().into_owned();
                self.search(&place, &std::fs::read(entry.path()).expect("a file"), found);
            }
        }
    }
}

fn assert_clean(found: &[String]) {
    assert!(found.is_empty(), "{} leaks, the first of them:\n{}", found.len(), found[..found.len().min(10)].join("\n"));
}

#[test]
fn the_agent_writes_nothing_raw_anywhere() {
    let mut planted = Planted { values: Vec::new(), identifiers: Vec::new() };
    let logs = crate::support::Scratch::new("raw");
    write_logs(logs.path(), &mut planted);
    let prefix = "log_line_prefix = \"%m [%p] %q%u@%d/%a %h %c:%l %v/%x %Q \"";
    let setup = Setup::new("private")
        .source("csv", "postgresql_csvlog", &logs.join("a.csv"), "")
        .source("json", "postgresql_jsonlog", &logs.join("a.json"), "")
        .source("log", "postgresql_stderr", &logs.join("a.log"), prefix)
        .source("maria", "mariadb_server_audit", &logs.join("audit.log"), "");
    let told = setup.scratch.join("told.jsonl");
    let setup = setup
        .with(&format!("[[notify]]\nname = \"lines\"\nkind = \"jsonlines\"\npath = \"{}\"", told.display()))
        .with("[[notify]]\nname = \"screen\"\nkind = \"terminal\"");
    setup.write();
    let mut agent = setup.spawn("trace");
    let port = setup.port;
    agent.ready(std::time::Duration::from_secs(30), || crate::support::http::get(port, "/metrics").is_ok());
    let size = |name: &str| {
        let file = match name {
            "maria" => "audit.log".to_owned(),
            format => format!("a.{format}"),
        };
        std::fs::metadata(logs.join(file)).map_or(0, |metadata| metadata.len())
    };
    setup.caught_up(&size);
    let mut found = Vec::new();
    let metrics = crate::support::http::get(port, "/metrics").expect("metrics");
    planted.search("/metrics", metrics.as_bytes(), &mut found);
    let incidents = setup.incidents();
    assert!(!incidents.is_empty(), "nothing was told, so nothing is proven");
    let mut commands =
        vec![vec!["incidents", "list"], vec!["incidents", "list", "--json"], vec!["status"], vec!["doctor"]];
    let ids: Vec<&str> = incidents.iter().filter_map(|incident| incident["kuzet.incident.id"].as_str()).collect();
    for id in &ids {
        commands.extend([vec!["incidents", "show", id], vec!["incidents", "show", id, "--json"]]);
    }
    // What a person writes down is masked before it is stored.
    let reason = format!("звонил Ахметов Нурлан Серикович, ИИН {}, {}", planted.values[0], planted.values[1]);
    planted.values.push("Ахметов Нурлан Серикович".into());
    commands.push(vec!["incidents", "ack", ids[0], "--reason", &reason]);
    commands.push(vec!["incidents", "show", ids[0]]);
    for command in commands {
        let output = setup.run(&command);
        planted.search(
            command[..2.min(command.len())].join(" ").as_str(),
            &[output.stdout, output.stderr].concat(),
            &mut found,
        );
    }
    agent.stop();
    planted.search("output of run", agent.output().as_bytes(), &mut found);
    planted.search_files(setup.scratch.path(), &mut found);
    assert!(told.exists(), "the JSON lines were not written");
    assert_clean(&found);
}

#[test]
fn replay_and_classify_print_nothing_raw() {
    let mut planted = Planted { values: Vec::new(), identifiers: Vec::new() };
    let logs = crate::support::Scratch::new("raw");
    write_logs(logs.path(), &mut planted);
    let content = root().join("tests/scenarios");
    let mut found = Vec::new();
    for name in ["a.csv", "a.json", "a.log", "audit.log"] {
        for more in [&[][..], &["--json"]] {
            let mut replay = Command::new(kuzet());
            replay.arg("replay").arg(logs.join(name)).args(more).env("RUST_LOG", "trace");
            replay
                .arg("--catalogue")
                .arg(content.join("catalogue.toml"))
                .arg("--policy")
                .arg(content.join("policy.toml"));
            let mut classify = Command::new(kuzet());
            classify.arg("classify").arg(logs.join(name)).args(more).env("RUST_LOG", "trace");
            for command in [&mut replay, &mut classify] {
                let output = command.output().expect("the binary runs");
                assert!(output.status.code().is_some_and(|code| code < 2), "{command:?}: {output:?}");
                planted.search(&format!("{command:?}"), &[output.stdout, output.stderr].concat(), &mut found);
            }
        }
    }
    assert_clean(&found);
}

#[test]
fn no_field_of_any_format_comes_out_raw() {
    let (all, planted) = logs();
    let logs = crate::support::Scratch::new("raw-fields");
    let mut setup = Setup::new("fields");
    let mut found = Vec::new();
    for (format, text) in &all {
        let file = logs.join(format.name());
        std::fs::write(&file, text).expect("a log");
        let more = if *format == Format::Mapped { MAPPING } else { "" };
        setup = setup.source(format.name(), format.name(), &file, more);
    }
    let told = setup.scratch.join("told.jsonl");
    let setup = setup.with(&format!("[[notify]]\nname = \"lines\"\nkind = \"jsonlines\"\npath = {told:?}"));
    setup.write();
    let mut agent = setup.spawn("trace");
    let port = setup.port;
    agent.ready(std::time::Duration::from_secs(30), || crate::support::http::get(port, "/metrics").is_ok());
    setup.caught_up(&|name| std::fs::metadata(logs.join(name)).map_or(0, |metadata| metadata.len()));
    let metrics = crate::support::http::get(port, "/metrics").expect("metrics");
    planted.search("/metrics", metrics.as_bytes(), &mut found);
    for (format, _) in &all {
        let handled = format!("kuzet_records_total{{result=\"handled\",source=\"{}\"}}", format.name());
        let handled = setup.metric(&handled).unwrap_or(0.0);
        assert!(handled >= 20.0, "{}: only {handled} records were understood, so little is proven", format.name());
    }
    for command in [&["incidents", "list", "--all", "--json"][..], &["incidents", "list"], &["status"], &["doctor"]] {
        let output = setup.run(command);
        planted.search(command[0], &[output.stdout, output.stderr].concat(), &mut found);
    }
    agent.stop();
    let output = agent.output();
    assert!(!output.contains("panicked"), "{output}");
    planted.search("output of run", output.as_bytes(), &mut found);
    planted.search_files(setup.scratch.path(), &mut found);
    assert!(told.metadata().is_ok_and(|file| file.len() > 0), "nothing was told, so nothing is proven");
    assert_clean(&found);
}
