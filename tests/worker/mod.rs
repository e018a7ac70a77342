//! The worker for real: what its sandbox refuses, what it finds, and that nothing that happens to it becomes "clean".

mod commands;
mod hostile;

use crate::support::{Scratch, kuzet};
use kuzet::clock::System;
use kuzet::worker::{Answer, Given, IdentityScan, Settings, Verdict, Worker};
use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

/// A worker of the built binary.
fn worker(settings: impl FnOnce(&mut Settings)) -> Worker {
    let mut own = Settings::new([7; 32]);
    own.program = kuzet();
    settings(&mut own);
    Worker::new(own, Arc::new(System))
}

/// What the worker says of `files`, as one question.
fn ask(worker: &mut Worker, files: &[&Path]) -> Vec<Answer> {
    let open: Vec<_> = files.iter().map(|path| (File::open(path).unwrap(), kuzet::inspect::extension(path))).collect();
    let given = open.iter().map(|(file, extension)| Given {
        file: file.as_fd(),
        size: file.metadata().unwrap().len(),
        extension,
        digest: true,
        known: None,
    });
    let given: Vec<Given<'_>> = given.collect();
    worker.inspect(&given).unwrap()
}

fn write(scratch: &Scratch, name: &str, content: impl AsRef<[u8]>) -> std::path::PathBuf {
    let path = scratch.join(name);
    std::fs::write(&path, content).unwrap();
    path
}

#[test]
fn the_sandbox_refuses_everything_that_is_tried_from_inside() {
    let attempts = worker(|_| {}).prove().unwrap().attempts;
    let tried: Vec<&str> = attempts.iter().map(|(what, _)| what.as_str()).collect();
    for must in [
        "open_file",
        "create_file",
        "write_descriptor",
        "socket_inet",
        "signal_parent",
        "start_program",
        "start_thread",
    ] {
        assert!(tried.contains(&must), "{tried:?}");
    }
    let through: Vec<_> = attempts.iter().filter(|(_, error)| *error != Some(libc::EPERM)).collect();
    assert!(through.is_empty(), "not refused by the filter: {through:?}");
}

#[test]
fn a_worker_has_no_rights_and_small_limits() {
    let scratch = Scratch::new("worker-rights");
    let file = write(&scratch, "a.txt", "nothing");
    let mut worker = worker(|_| {});
    ask(&mut worker, &[&file]);
    let process = format!("/proc/{}", worker.id().unwrap());
    let status = std::fs::read_to_string(format!("{process}/status")).unwrap();
    for line in
        ["NoNewPrivs:\t1", "Seccomp:\t2", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "Threads:\t1"]
    {
        assert!(status.contains(line), "{line}: {status}");
    }
    let limits = std::fs::read_to_string(format!("{process}/limits")).unwrap();
    for (what, most) in
        [("Max file size", "0"), ("Max core file size", "0"), ("Max processes", "0"), ("Max open files", "20")]
    {
        let line = limits.lines().find(|line| line.starts_with(what)).unwrap_or_default();
        assert_eq!(line[what.len()..].split_whitespace().next(), Some(most), "{line}");
    }
    assert_eq!(std::fs::read(format!("{process}/environ")).unwrap_or_default(), b"");
}

#[test]
fn many_files_are_one_question_and_people_are_counted_once() {
    let scratch = Scratch::new("worker-files");
    let people = crate::support::people::people(40);
    let line = |range: std::ops::Range<usize>| {
        people[range].iter().map(|person| format!("ИИН {} тел {}\n", person.iin, person.phone)).collect::<String>()
    };
    let files = [
        write(&scratch, "a.txt", line(0..40).repeat(2)),
        write(&scratch, "b.csv", people.iter().map(|person| format!("{}\n", person.phone)).collect::<String>()),
        write(&scratch, "c.txt", "ничего"),
        write(&scratch, "d", ""),
        write(&scratch, "e.bin", [0, 1, 2, 255].repeat(100)),
    ];
    let mut worker = worker(|_| {});
    let answers = ask(&mut worker, &files.each_ref().map(|path| path.as_path()));
    let told: Vec<_> = answers.iter().map(|a| (a.verdict, a.people.by, a.people.hashes.len(), a.found())).collect();
    assert_eq!(
        told,
        [
            (Verdict::Inspected, "iin", 40, true),
            (Verdict::Inspected, "phone", 40, true),
            (Verdict::Inspected, "", 0, false),
            (Verdict::Inspected, "", 0, false),
            (Verdict::NotInspected, "", 0, false),
        ]
    );
    assert_eq!(answers[4].missed, [("unknown", 1)]);
    assert_eq!(answers[0].bytes, std::fs::metadata(&files[0]).unwrap().len());
    // The hashes are those that everything else of this host makes, so that files join with what was read.
    let key = kuzet_personal::Key::new([7; 32]);
    let hash = kuzet_event::PersonKey(key.pseudonym("iin", people[3].iin.as_bytes()));
    assert!(answers[0].people.hashes.contains(&hash));
}

#[test]
fn a_file_beyond_memory_is_streamed_and_a_known_one_is_not_looked_at_again() {
    let scratch = Scratch::new("worker-large");
    let people = crate::support::people::people(3);
    let mut text = "строка без ничего\n".repeat(150_000);
    text += &people.iter().map(|person| format!("ИИН {}\n", person.iin)).collect::<String>();
    let (large, small) = (write(&scratch, "large.log", &text), write(&scratch, "small.log", &text[text.len() - 100..]));
    let mut worker = worker(|_| {});
    for path in [large, small] {
        let first = ask(&mut worker, &[&path]).remove(0);
        assert_eq!((first.verdict, first.people.hashes.len()), (Verdict::Inspected, 3));
        let file = File::open(&path).unwrap();
        let size = file.metadata().unwrap().len();
        let mut given = Given { file: file.as_fd(), size, extension: "log", digest: true, known: first.digest };
        let again = worker.inspect(&[given]).unwrap().remove(0);
        assert_eq!((again.verdict, again.digest, again.people.hashes.len()), (Verdict::Same, first.digest, 0));
        given.known = first.digest.map(|digest| digest ^ 1);
        assert_eq!(worker.inspect(&[given]).unwrap().remove(0), first);
    }
}

#[test]
fn a_worker_rests_and_is_replaced_when_it_is_worn() {
    let scratch = Scratch::new("worker-worn");
    let file = write(&scratch, "a.txt", "ничего");
    let mut worker = worker(|settings| {
        settings.files = 2;
        settings.idle = std::time::Duration::ZERO;
    });
    assert_eq!(worker.id(), None);
    ask(&mut worker, &[&file]);
    assert!(worker.id().is_some());
    ask(&mut worker, &[&file]);
    assert_eq!(worker.id(), None, "it has seen two files");
    ask(&mut worker, &[&file]);
    assert!(worker.id().is_some());
    worker.rest();
    assert_eq!(worker.id(), None, "nobody asks it");
}

#[test]
fn documents_are_opened_and_what_is_closed_is_told() {
    let folder = crate::support::root().join("agent/document/tests/data");
    let mut worker = worker(|_| {});
    let mut look = |name: &str| ask(&mut worker, &[&folder.join(name)]).remove(0);
    for (name, format) in [
        ("dossier.docx", "office"),
        ("register.xlsx", "office"),
        ("letter.odt", "opendocument"),
        ("contract.pdf", "pdf"),
        ("people.zip", "zip"),
        ("people.tar.gz", "gzip"),
        ("clients.sqlite", "sqlite"),
        ("clients.dump", "pg_dump"),
        ("letter.eml", "mail"),
        ("kz1048.txt", "text"),
    ] {
        let answer = look(name);
        assert!(answer.found() && !answer.people.hashes.is_empty(), "{name}: {answer:?}");
        assert_eq!((answer.format, answer.encrypted), (format, false), "{name}");
    }
    for name in ["locked.zip", "locked.pdf"] {
        let answer = look(name);
        assert!(answer.encrypted && answer.verdict != Verdict::Inspected, "{name}: {answer:?}");
        assert!(answer.missed.iter().any(|(why, _)| *why == "encrypted"), "{name}: {answer:?}");
    }
}

#[test]
fn pictures_tell_identity_documents_and_whose_they_are() {
    let folder = crate::support::root().join("agent/idscan/tests/data");
    let expected = std::fs::read_to_string(folder.join("expected.tsv")).unwrap();
    let mut worker = worker(|_| {});
    let mut documents = 0;
    for line in expected.lines().filter(|line| !line.starts_with('#')) {
        let (name, wanted) = line.split_once('\t').unwrap();
        let answer = ask(&mut worker, &[&folder.join(name)]).remove(0);
        let mut told: Vec<String> =
            answer.documents.iter().map(|one| format!("{} {} {}", one.kind, one.state, one.confidence)).collect();
        told.sort();
        assert_eq!((told.join(", ").as_str(), answer.verdict), (wanted, Verdict::Inspected), "{name}");
        // A front or a certificate has no check digits; whose it is may be read from its number.
        let zones = answer.documents.iter().filter(|one| one.checks > 0).count();
        let sure = |one: &IdentityScan| one.page == 1 && (one.checks >= 2 || one.checks == 0);
        assert!(answer.documents.iter().all(sure), "{name}: {answer:?}");
        let people = answer.people.hashes.len();
        assert!((zones..=told.len()).contains(&people), "{name}: each with a zone is somebody's: {answer:?}");
        documents += told.len();
    }
    assert!(documents >= 8, "{documents}");
}
