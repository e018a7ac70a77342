//! `kuzet classify` and `kuzet scan` as a person and a program meet them.

use crate::cli::documents;
use crate::support::people::{Person, people};
use crate::support::{Scratch, kuzet, root};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn call(arguments: &[&str], paths: &[&Path]) -> Output {
    let mut command = Command::new(kuzet());
    // The key of a host would tell its canaries.
    command.args(["--config", "/nonexistent"]).args(arguments).args(paths).env("RUST_LOG", "trace");
    command.output().unwrap()
}

fn rows(people: &[Person]) -> String {
    people.iter().map(|one| format!("ИИН {};{};{};{}\n", one.iin, one.full_name, one.phone, one.iban)).collect()
}

/// A tree with a bit of everything.
fn tree(scratch: &Scratch) -> std::path::PathBuf {
    let all = people(30);
    let tree = scratch.join("tree");
    for folder in ["clerks/a/deep", "web", "empty"] {
        fs::create_dir_all(tree.join(folder)).unwrap();
    }
    let data = root().join("agent/document/tests/data");
    for (from, to) in [("dossier.docx", "clerks/dossier.docx"), ("locked.zip", "web/locked.zip")] {
        fs::copy(data.join(from), tree.join(to)).unwrap();
    }
    fs::write(tree.join("clerks/a/list.csv"), rows(&all[..20])).unwrap();
    fs::write(tree.join("clerks/a/deep/same.csv"), rows(&all[10..25])).unwrap();
    fs::write(tree.join(format!("web/{}.txt", all[3].iin)), rows(&all[3..4])).unwrap();
    fs::write(tree.join("notes.txt"), "ничего особенного\n").unwrap();
    let broken = fs::read(data.join("people.tar.gz")).unwrap();
    fs::write(tree.join("web/broken.tar.gz"), &broken[..broken.len() / 2]).unwrap();
    // A terabyte of nothing, a pipe that nobody writes to, and ways out of the tree.
    fs::File::create(tree.join("empty/sparse.img")).unwrap().set_len(1 << 40).unwrap();
    assert!(Command::new("mkfifo").arg(tree.join("web/pipe")).status().unwrap().success());
    std::os::unix::fs::symlink("/etc", tree.join("web/etc")).unwrap();
    std::os::unix::fs::symlink(tree.join("clerks/a/list.csv"), tree.join("web/link.csv")).unwrap();
    tree
}

#[test]
fn a_scan_tells_folders_kinds_and_what_was_not_inspected() {
    let scratch = Scratch::new("scan");
    let tree = tree(&scratch);
    assert!(tree.is_dir());
    let mut command = Command::new(kuzet());
    let output =
        command.args(["--config", "/nonexistent", "scan", "tree"]).current_dir(scratch.path()).output().unwrap();
    let mut told = String::from_utf8(output.stdout).unwrap();
    // The number of the file whose name is masked, and what it does to the columns.
    let number = told.split_once("-inum ").and_then(|(_, after)| after.split_once(')')).unwrap().0.to_owned();
    told = told.replace(&format!("-inum {number}"), "-inum N");
    while told.contains("   ") {
        told = told.replace("   ", "  ");
    }
    let golden = root().join("tests/data/inspect/scan.txt");
    if std::env::var_os("KUZET_BLESS").is_some() {
        fs::write(&golden, &told).unwrap();
    }
    assert_eq!(told, fs::read_to_string(&golden).unwrap(), "KUZET_BLESS=1 writes it anew");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_scan_is_a_document_that_does_not_depend_on_who_was_first() {
    let scratch = Scratch::new("scan-json");
    let tree = tree(&scratch);
    let all: Vec<_> = ["1", "3"]
        .into_iter()
        .map(|jobs| {
            let output = call(&["scan", "--json", "--jobs", jobs], &[&tree]);
            assert_eq!(output.status.code(), Some(1));
            documents(&output).remove(0)
        })
        .collect();
    let told = &all[0];
    assert_eq!(told, &all[1]);
    let numbers = ["files", "inspected", "partly", "not_inspected", "unreadable", "personal", "encrypted"];
    let numbers = numbers.map(|name| told[name].as_u64().unwrap());
    assert_eq!(numbers, [8, 5, 1, 2, 0, 5, 1], "{told}");
    let aside: Vec<_> =
        told["aside"].as_array().unwrap().iter().map(|one| (one["why"].as_str(), one["count"].as_u64())).collect();
    assert_eq!(aside, [(Some("link"), Some(2)), (Some("special"), Some(1))]);
    let example = |at: usize| told["aside"][at]["examples"][0]["path"].as_str().unwrap_or_default().to_owned();
    assert!(example(0).starts_with(&*tree.to_string_lossy()) && !example(1).is_empty(), "{told}");
    // What lies below another path is counted once, whatever its way is written.
    let twice =
        documents(&call(&["scan", "--json"], &[&tree, &tree.join("clerks"), &tree.join("clerks/../")])).remove(0);
    assert_eq!((&twice["files"], &twice["people"]), (&told["files"], &told["people"]));
    // Ten people stand in both lists.
    let clerks =
        told["folders"].as_array().unwrap().iter().find(|one| one["path"].as_str().unwrap().ends_with("clerks/a"));
    assert_eq!(clerks.map(|one| (one["people"].as_u64(), one["files"].as_u64())), Some((Some(25), Some(2))), "{told}");
}

#[test]
fn folders_are_told_as_deep_as_asked() {
    let scratch = Scratch::new("scan-depth");
    let tree = tree(&scratch);
    let told = documents(&call(&["scan", "--json", "--depth", "1"], &[&tree])).remove(0);
    let clerks =
        told["folders"].as_array().unwrap().iter().find(|one| one["path"].as_str().unwrap().ends_with("clerks"));
    let clerks = clerks.map(|one| (one["people"].as_u64().unwrap() >= 25, one["files"].as_u64()));
    assert_eq!(clerks, Some((true, Some(3))), "{told}");
}

#[test]
fn exit_codes_tell_found_and_failed_and_nothing() {
    let scratch = Scratch::new("scan-codes");
    let (with, without) = (scratch.join("with.txt"), scratch.join("without.txt"));
    fs::write(&with, rows(&people(1))).unwrap();
    fs::write(&without, "ничего").unwrap();
    let none = scratch.join("none");
    for (command, paths, code) in [
        ("classify", vec![&with, &none], 1),
        ("classify", vec![&without, &none], 2),
        ("classify", vec![&without], 0),
        ("scan", vec![&with], 1),
        ("scan", vec![&without], 0),
        ("scan", vec![&with, &none], 2),
    ] {
        let paths: Vec<&Path> = paths.into_iter().map(|path| path.as_path()).collect();
        assert_eq!(call(&[command], &paths).status.code(), Some(code), "{command} {paths:?}");
    }
    let kernel = call(&["scan"], &[Path::new("/proc")]);
    assert_eq!(kernel.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&kernel.stderr).contains("belongs to the kernel"));
}

#[test]
fn nothing_of_the_contents_or_names_comes_out() {
    let scratch = Scratch::new("scan-raw");
    let folder = scratch.join("planted");
    let all = people(12);
    let full = "Ахметов Нурлан Серикович";
    for (at, one) in all.iter().enumerate() {
        let Person { iin, full_name, phone, id_card, iban, salary, address, .. } = one;
        let text = format!(
            "ФИО {full_name} ({full})\nИИН {iin}\nтел. {phone}\nудостоверение {id_card}\nсчёт {iban}\nзарплата {salary}\nадрес {address}\n"
        );
        let lines = text.lines();
        let wrapped = match at % 6 {
            0 => text.clone(),
            1 => format!("<html><body title=\"{iin}\"><p>{}</p></body></html>", text.replace('\n', "<br>")),
            2 => format!(
                "<?xml version=\"1.0\"?><r>{}</r>",
                lines.map(|line| format!("<c a=\"{line}\"/>")).collect::<String>()
            ),
            3 => serde_json::json!({ "client": { "iin": iin, "all": text } }).to_string(),
            4 => format!(
                "From: {full_name} <a@example.kz>\nSubject: {iin}\nContent-Type: text/plain; charset=utf-8\n\n{text}"
            ),
            _ => format!("COPY clients FROM stdin;\n{iin}\t{full_name}\t{phone}\n\\.\n-- {text}"),
        };
        let inside = folder.join(format!("{full} {iin}"));
        fs::create_dir_all(&inside).unwrap();
        fs::write(inside.join(format!("{full} {phone} {at}.txt")), wrapped).unwrap();
    }
    let files: Vec<_> = walkdir(&folder);
    let files: Vec<&Path> = files.iter().map(|path| path.as_path()).collect();
    let mut outputs = vec![call(&["scan"], &[&folder]), call(&["scan", "--json", "--depth", "9"], &[&folder])];
    outputs.extend([call(&["classify"], &files), call(&["classify", "--json"], &files)]);
    for output in outputs {
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
        let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        for one in &all {
            for value in
                [&one.iin, &one.phone, &one.id_card, &one.iban, &one.full_name, &one.address, &"Нурлан".to_owned()]
            {
                assert!(!told.contains(value.as_str()), "{value} in {told}");
            }
        }
    }
}

fn walkdir(folder: &Path) -> Vec<std::path::PathBuf> {
    let below = |path: std::path::PathBuf| if path.is_dir() { walkdir(&path) } else { vec![path] };
    fs::read_dir(folder).unwrap().flat_map(|entry| below(entry.unwrap().path())).collect()
}
