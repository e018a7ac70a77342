//! The command line as a person or a program meets it: documents of the promised schema, exit codes, the same replay twice.

use crate::support::{Scratch, kuzet, root};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs the binary with a state directory of its own and no configuration of the machine.
fn call(scratch: &Scratch, arguments: &[&str]) -> Output {
    let config = scratch.join("kuzet.toml");
    if !config.exists() {
        let log = scratch.join("absent.csv");
        let text = format!("state = \"state\"\n[[source]]\nname = \"pg\"\npaths = [\"{}\"]\n", log.display());
        std::fs::write(&config, text).unwrap();
    }
    Command::new(kuzet()).arg("--config").arg(&config).args(arguments).output().unwrap()
}

fn sample(name: &str) -> PathBuf {
    root().join("tests/data/samples/postgresql").join(name)
}

fn scenario(name: &str) -> String {
    root().join("tests/scenarios").join(name).display().to_string()
}

/// Every line of standard output as a document, checked against the schema that it names.
pub fn documents(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let documents: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for document in &documents {
        let name = document["schema"].as_str().unwrap();
        let (name, version) = name.strip_prefix("kuzet.").unwrap().split_once('/').unwrap();
        let path = root().join(format!("docs/schema/{name}-{version}.json"));
        valid(document, &path);
    }
    documents
}

pub fn valid(document: &Value, schema: &Path) {
    let mut schemas = boon::Schemas::new();
    let text = std::fs::read_to_string(schema).unwrap_or_else(|error| panic!("{}: {error}", schema.display()));
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("schema.json", serde_json::from_str(&text).unwrap()).unwrap();
    let index = compiler.compile("schema.json", &mut schemas).unwrap();
    if let Err(error) = schemas.validate(document, index) {
        panic!("{}: {error}", schema.display());
    }
}

fn replay(scratch: &Scratch, file: &Path) -> Output {
    let (catalogue, policy) = (scenario("catalogue.toml"), scenario("policy.toml"));
    let file = file.display().to_string();
    call(scratch, &["replay", "--json", "--catalogue", &catalogue, "--policy", &policy, &file])
}

#[test]
fn every_kind_and_system_stands_in_the_schema_of_incidents() {
    let schema = std::fs::read_to_string(root().join("docs/schema/incident-1.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let names = |list: &Value| list.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect();
    let systems: Vec<String> = names(&schema["properties"]["db.system.name"]["enum"]);
    assert_eq!(systems, kuzet_event::System::ALL.map(|system| system.name().to_owned()));
    let mut kinds: Vec<String> = names(&schema["properties"]["kuzet.kinds"]["items"]["properties"]["kind"]["enum"]);
    let mut every = kuzet_detect::Kind::ALL.map(|kind| kind.name().to_owned()).to_vec();
    kinds.sort();
    every.sort();
    assert_eq!(kinds, every);
}

#[test]
fn every_json_document_is_what_its_schema_promises() {
    let scratch = Scratch::new("cli");
    let log = sample("pgaudit-bulk_select.csv");
    let (check, doctor) = (call(&scratch, &["check", "--json"]), call(&scratch, &["doctor", "--json"]));
    let classify = call(&scratch, &["classify", "--json", &log.display().to_string(), "/nonexistent"]);
    let replayed = replay(&scratch, &log);
    assert_eq!(documents(&check)[0]["ok"], true);
    assert_eq!(documents(&doctor)[0]["sources"][0]["name"], "pg");
    let classified = documents(&classify);
    assert_eq!((classified.len(), classify.status.code()), (2, Some(1)));
    assert!(classified[1]["error"].is_string());
    let told = documents(&replayed);
    assert_eq!(told.last().unwrap()["incidents"], told.len() - 1);
    assert_eq!(told[0]["user.name"], "analyst");
}

#[test]
fn the_doctor_looks_for_no_database_behind_a_web_server() {
    let scratch = Scratch::new("doctor-feeds");
    let text = format!(
        "state = {:?}\n[[source]]\nname = \"portal\"\nformat = \"web_access_log\"\npaths = [\"{}/*.log\"]\n\
         [[source]]\nname = \"pg\"\nformat = \"postgresql_jsonlog\"\npaths = [\"{}/*.json\"]\n",
        scratch.join("state"),
        scratch.join("").display(),
        scratch.join("").display()
    );
    std::fs::write(scratch.join("kuzet.toml"), text).unwrap();
    std::fs::write(scratch.join("access.log"), "").unwrap();
    let told = documents(&call(&scratch, &["doctor", "--json"])).remove(0);
    // Every source, in the order of the configuration: the metric of each goes by its number.
    let names: Vec<&str> = told["sources"].as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["portal", "pg"]);
    let portal = &told["sources"][0];
    assert_eq!((portal["system"].as_str(), portal["coverage"].as_f64()), (Some("web"), Some(1.0)), "{told}");
    assert!(
        portal["sights"].as_array().unwrap().is_empty() && portal["limits"].as_array().unwrap().is_empty(),
        "{told}"
    );
    let text = call(&scratch, &["doctor"]);
    assert!(String::from_utf8_lossy(&text.stdout).contains("watches  portal (web_access_log): for rules"));
}

#[test]
fn the_doctor_asks_the_sensor_what_it_sees() {
    let scratch = Scratch::new("doctor-sensor");
    let text = format!(
        "state = {:?}\n[[source]]\nname = \"host\"\nsensor = {{ socket = {:?} }}\n",
        scratch.join("state"),
        scratch.join("sensor.sock")
    );
    std::fs::write(scratch.join("kuzet.toml"), text).unwrap();
    let limits = || {
        let told = documents(&call(&scratch, &["doctor", "--json"])).remove(0);
        (told["sources"][0]["limits"].clone(), told["sources"][0]["follows"].to_string())
    };
    let (nobody, _) = limits();
    assert_eq!((nobody[0]["code"].as_str(), nobody[1].is_null()), (Some("KD22"), true), "{nobody}");

    let listener = std::os::unix::net::UnixListener::bind(scratch.join("sensor.sock")).unwrap();
    let sensor = std::thread::spawn(move || {
        for sight in [
            "{\"sensor\":\"sight\",\"at\":1,\"means\":\"proc\",\"missing\":[\"bytes\"],\"refused\":[\"bpf: no right\"]}\n",
            "{\"sensor\":\"sight\",\"at\":1,\"means\":\"bpf\",\"missing\":[],\"refused\":[]}\n",
        ] {
            std::io::Write::write_all(&mut listener.accept().unwrap().0, sight.as_bytes()).unwrap();
        }
    });
    let (less, by) = limits();
    assert!(by.contains("sees by proc, proven"), "{by}");
    let limit = &less[0];
    assert_eq!(limit["code"], "KD20");
    let said = limit.to_string();
    assert!(["bytes", "bpf: no right", "enable --now kuzet-sensor"].iter().all(|part| said.contains(part)), "{said}");
    let (nothing, by) = limits();
    assert!(by.contains("sees by bpf, proven") && nothing.as_array().unwrap().is_empty(), "{nothing} {by}");
    sensor.join().unwrap();
}

#[test]
fn the_doctor_prints_commands_that_mend_and_names_what_cannot_be_asked() {
    let scratch = Scratch::new("doctor");
    let (data, socket) = (scratch.join("data"), scratch.join("none"));
    std::fs::create_dir(&data).unwrap();
    let text = format!(
        "state = {:?}\n[[source]]\nname = \"pg\"\nformat = \"postgresql_stderr\"\npaths = [\"{}/*.log\"]\n\
         [[database]]\nname = \"asked\"\nsystem = \"postgresql\"\nhost = {socket:?}\nsource = \"pg\"\n",
        scratch.join("state"),
        data.display()
    );
    std::fs::write(scratch.join("kuzet.toml"), text).unwrap();
    std::fs::write(data.join("a.log"), "").unwrap();
    let told = documents(&call(&scratch, &["doctor", "--json"])).remove(0);
    let source = &told["sources"][0];
    let codes: Vec<&str> = source["limits"].as_array().unwrap().iter().filter_map(|one| one["code"].as_str()).collect();
    assert_eq!(codes, ["KD08", "PG03", "PG01", "KD09"], "{told}");
    assert_eq!((source["coverage"].as_f64(), source["settings_from"].is_null()), (Some(0.0), true));
    let fix = call(&scratch, &["doctor", "--fix"]);
    let fix = String::from_utf8_lossy(&fix.stdout);
    for line in
        ["ALTER SYSTEM SET log_destination = 'jsonlog';", "SELECT pg_reload_conf();", "GRANT pg_monitor TO kuzet;"]
    {
        assert!(fix.lines().any(|one| one == line), "{line}: {fix}");
    }
}

#[test]
fn the_doctor_names_settings_of_every_server_and_every_shared_role() {
    let scratch = Scratch::new("doctor-others");
    let text = format!(
        "state = {:?}\n[[source]]\nname = \"mongo\"\nformat = \"mongodb_log\"\npaths = [\"/none/mongod.json\"]\n\
         [[source]]\nname = \"cache\"\nredis = {{ url = \"redis://127.0.0.1:1\" }}\n\
         [[pool]]\nrole = \"app\"\nsystem = \"mongodb\"\nperson_from = [\"comment:user\"]\n\
         [[pool]]\nrole = \"web\"\nsystem = \"redis\"\n[[pool]]\nrole = \"old\"\nsystem = \"mariadb\"\n",
        scratch.join("state")
    );
    std::fs::write(scratch.join("kuzet.toml"), text).unwrap();
    let told = documents(&call(&scratch, &["doctor", "--json"])).remove(0);
    let pools: Vec<(&str, &str)> = told["pools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pool| (pool["role"].as_str().unwrap(), pool["code"].as_str().unwrap()))
        .collect();
    assert_eq!(pools, [("app", ""), ("web", "KD13"), ("old", "KD13")], "{told}");
    let person = |source: usize| {
        let sights = told["sources"][source]["sights"].as_array().unwrap();
        sights.iter().find(|seen| seen["sight"] == "person").unwrap()["code"].clone()
    };
    assert_eq!((person(0), person(1)), ("KD05".into(), "KD13".into()), "{told}");
    let shown = String::from_utf8(call(&scratch, &["doctor"]).stdout).unwrap();
    assert!(shown.contains("shares   role app (mongodb): its persons are told by comment:user"), "{shown}");
    let fix = String::from_utf8(call(&scratch, &["doctor", "--fix"]).stdout).unwrap();
    for line in [
        "  slowOpThresholdMs: 0",
        "  destination: file",
        "  authorization: enabled",
        "redis-cli CONFIG SET acllog-max-len 4096",
        "requirepass …",
        "# == into the server's configuration (/etc/mongod.conf)",
        "# == into the server's configuration (/etc/redis/redis.conf)",
    ] {
        assert!(fix.lines().any(|one| one == line), "{line}: {fix}");
    }
    assert!(fix.contains("rename-command CONFIG") && fix.contains("systemctl restart redis-server"), "{fix}");
}

#[test]
fn the_same_replay_gives_the_same_bytes() {
    let scratch = Scratch::new("twice");
    for name in ["pgaudit-grant_escalation.json", "logall-mass_delete.log", "pgaudit-enum_iin.csv"] {
        let (first, second) = (replay(&scratch, &sample(name)), replay(&scratch, &sample(name)));
        assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
        assert_eq!(first.stdout, second.stdout, "{name}");
    }
}

#[test]
fn a_fault_is_told_with_code_place_and_help_and_stops_the_agent() {
    let scratch = Scratch::new("faults");
    std::fs::write(scratch.join("kuzet.toml"), "offset = \"Asia/Almaty\"\nsorce = 1\n").unwrap();
    for command in ["run", "check", "doctor", "status"] {
        let output = call(&scratch, &[command]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(told.contains("error[KZ010]") && told.contains("kuzet.toml:2:1") && told.contains("help: "), "{told}");
        assert_eq!(output.status.code(), Some(if command == "check" { 1 } else { 2 }), "{command}");
    }
}

#[test]
fn a_configuration_that_everybody_may_write_is_refused() {
    let scratch = Scratch::new("writable");
    let path = scratch.join("kuzet.toml");
    std::fs::write(&path, "state = \"state\"\n").unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    let output = call(&scratch, &["run"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("error[KZ002]"));
}

#[test]
fn commands_without_an_agent_say_so() {
    let scratch = Scratch::new("without");
    for arguments in [&["status"][..], &["incidents", "list"], &["incidents", "ack", "KZ-AAAA", "--reason", "x"]] {
        let output = call(&scratch, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_first_configuration_is_right_private_and_never_replaces_another() {
    let scratch = Scratch::new("init");
    let path = scratch.join("first/kuzet.toml");
    let file = path.display().to_string();
    let output = call(&scratch, &["init", "--output", &file, "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(documents(&output)[0]["written"], file.as_str());
    let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o640);
    let check = Command::new(kuzet()).args(["check", "--config", &file]).output().unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));

    std::fs::write(&path, "# mine\nhost = \"db1\"\n").unwrap();
    let output = call(&scratch, &["init", "--output", &file]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("error[KZ057]"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "# mine\nhost = \"db1\"\n");
    assert!(call(&scratch, &["init", "--output", &file, "--force"]).status.success());
    // What only explains, as the file of the package, is replaced.
    std::fs::write(&path, "# nothing is set\n\n").unwrap();
    assert!(call(&scratch, &["init", "--output", &file]).status.success());
    let shown = call(&scratch, &["init", "--output", "-"]);
    assert_eq!(String::from_utf8(shown.stdout).unwrap(), std::fs::read_to_string(&path).unwrap());
}

/// The file that the package brings sets nothing, and explains what `kuzet init` explains where nothing is found.
#[test]
fn the_configuration_of_the_package_is_that_of_init() {
    let setting =
        |line: &str| if line.is_empty() || line.starts_with('#') { line.to_owned() } else { format!("#{line}") };
    let text = kuzet::config::init::text(None, &[]);
    let text: String = text.lines().map(|line| setting(line) + "\n").collect();
    let path = root().join("packaging/kuzet.toml");
    if std::env::var_os("KUZET_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), text, "run the tests with KUZET_BLESS=1");
}

#[test]
fn the_configuration_in_the_documentation_is_one() {
    let text = std::fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    let example = text.split("```toml").nth(1).unwrap().split("```").next().unwrap();
    let path = Path::new("/etc/kuzet/kuzet.toml");
    let (config, warnings) = kuzet::config::load_text(example, path).unwrap_or_else(|faults| panic!("{faults:?}"));
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(config.catalogue.as_deref(), Some(Path::new("/etc/kuzet/catalogue.toml")));
    assert_eq!((config.sources.len(), config.notify.len()), (6, 1));
}

#[test]
fn the_screen_of_the_readme_is_what_a_replay_of_the_demo_prints() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (_, screen) = readme.split_once("```text\n").unwrap();
    let (screen, _) = screen.split_once("\n```").unwrap();
    let scratch = Scratch::new("cli-readme");
    let demo = |name: &str| root().join("tests/data/demo").join(name).display().to_string();
    let (catalogue, policy, log) = (demo("catalogue.toml"), demo("policy.toml"), demo("postgresql.csv"));
    let output = call(&scratch, &["replay", "--catalogue", &catalogue, "--policy", &policy, &log]);
    let printed = String::from_utf8(output.stdout).unwrap();
    let mut rest = printed.lines();
    for line in screen.lines().filter(|line| line.trim() != "…" && !line.is_empty()) {
        assert!(rest.any(|told| told == line), "not printed, or not in this order: {line}");
    }
}
