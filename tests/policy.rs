//! `kuzet policy` as a person uses it: what is learnt from a recording of ordinary work passes it, and an attack does not.

use crate::cli::documents;
use crate::robust::feed::{Audited, Record};
use crate::support::{Scratch, root};
use std::path::Path;
use std::process::{Command, Output};

fn call(scratch: &Scratch, arguments: &[&str]) -> Output {
    let config = scratch.join("kuzet.toml").display().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kuzet"));
    command.args(["--config", &config]).args(arguments).output().unwrap()
}

fn sample(name: &str) -> String {
    root().join("tests/data/samples/postgresql").join(name).display().to_string()
}

fn configure(scratch: &Scratch, policy: Option<&Path>) {
    let catalogue = root().join("tests/scenarios/catalogue.toml");
    let policy = policy.map(|path| format!("policy = {path:?}\n")).unwrap_or_default();
    let text = format!(
        "state = {:?}\ncatalogue = {catalogue:?}\n{policy}[[source]]\nname = \"pg\"\npaths = [\"/nothing/*.csv\"]\n",
        scratch.join("state")
    );
    std::fs::write(scratch.join("kuzet.toml"), text).unwrap();
}

/// Kinds of the incidents that a replay of `log` under `policy` gives.
fn incidents(scratch: &Scratch, policy: &Path, log: &str) -> Vec<String> {
    configure(scratch, Some(policy));
    let output = call(scratch, &["replay", "--json", log]);
    let documents = documents(&output);
    let kinds = documents.iter().filter_map(|document| document["kuzet.kinds"].as_array());
    kinds.flatten().map(|kind| kind["kind"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_was_learnt_from_work_lets_it_pass_and_an_attack_not() {
    let scratch = Scratch::new("learn");
    configure(&scratch, None);
    let (proposal, work) = (scratch.join("policy.toml"), sample("pgaudit-app_normal.csv"));
    let path = proposal.display().to_string();
    let output = call(&scratch, &["policy", "learn", "--output", &path, &work]);
    assert!(output.status.success(), "{output:?}");
    let text = std::fs::read_to_string(&proposal).unwrap();
    assert!(text.contains("role = \"app\"") && text.contains("loan-core"), "{text}");
    // It stands for itself: a second one does not replace it.
    assert!(!call(&scratch, &["policy", "learn", "--output", &path, &work]).status.success());
    assert!(incidents(&scratch, &proposal, &work).is_empty());
    assert!(
        incidents(&scratch, &proposal, &sample("pgaudit-bulk_select.csv")).contains(&"policy_violation".to_owned())
    );

    let ask = |program| {
        let ask = ["policy", "explain", "--json", "--role", "app", "--store", "borrowers", "--client", "127.0.0.1"];
        let output = call(&scratch, &[&ask[..], &["--program", program, "--at", "2026-11-22T21:30+05:00"]].concat());
        documents(&output).remove(0)
    };
    assert_eq!(ask("loan-core")["allowed"], true);
    assert_eq!(ask("psql")["allowed"], false);
    let shown = call(&scratch, &["policy", "show"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("[[allow]]"), "{shown:?}");
}

#[test]
fn an_attack_is_not_learnt() {
    let scratch = Scratch::new("unlearnt");
    configure(&scratch, None);
    let output = call(&scratch, &["policy", "learn", &sample("pgaudit-copy_out.csv")]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!text.contains("[[allow]]\nrole = \"analyst\""), "{text}");
    let why = "nothing is proposed for analyst on borrowers: all of its";
    assert!(text.contains(why), "{text}");
    assert!(String::from_utf8_lossy(&output.stderr).contains(why), "{output:?}");
}

#[test]
fn persons_behind_a_shared_role_get_rules_of_their_own() {
    let scratch = Scratch::new("learn-persons");
    configure(&scratch, None);
    let config = scratch.join("kuzet.toml");
    let pool = "\n[[pool]]\nrole = \"app\"\nsource = \"pg\"\nperson_from = [\"comment:user\"]\n";
    let text = std::fs::read_to_string(&config).unwrap() + pool;
    std::fs::write(&config, text).unwrap();
    let mut log = String::new();
    for number in 0..60_u32 {
        let clerk = if number % 3 == 0 { String::new() } else { format!("/*user='clerk{}'*/ ", number % 3) };
        let text = format!("{clerk}SELECT full_name FROM borrowers WHERE id = 7");
        let (class, command, object) = ("READ", "SELECT", "public.borrowers");
        let audited = Audited { class, command, object, text: &text, parameters: "<none>", rows: 1 };
        let at = 1_795_410_000_000_000 + i64::from(number) * 60_000_000;
        log.push_str(&Record::audit(at, "app", 7, u64::from(number) + 1, &audited).csv());
    }
    std::fs::write(scratch.join("a.csv"), log).unwrap();
    let output = call(&scratch, &["policy", "learn", &scratch.join("a.csv").display().to_string()]);
    let text = String::from_utf8(output.stdout).unwrap();
    for clerk in ["clerk1", "clerk2"] {
        assert!(text.contains(&format!("role = \"app\"\nperson = \"{clerk}\"\nstore = \"borrowers\"")), "{text}");
    }
    assert_eq!(text.matches("[[allow]]").count(), 2, "{text}");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains("nothing is proposed for app on borrowers: for 20 events the application did not tell"),
        "{told}"
    );
}
