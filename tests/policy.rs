//! `kuzet policy` as a person uses it: what is learnt from a recording of ordinary work passes it, and an attack does not.

use crate::cli::documents;
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
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("[[allow]]\nrole = \"analyst\""), "{text}");
    assert!(text.contains("# analyst on borrowers"), "{text}");
}
