//! Workers that die, hang or lie: the file is unreadable, the next one is looked at.

use super::{ask, worker, write};
use crate::support::{Scratch, until};
use kuzet::worker::{Settings, Trouble, Verdict};
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Text that keeps a worker busy for many seconds.
fn endless(scratch: &Scratch) -> PathBuf {
    write(
        scratch,
        "endless.log",
        "Ахметов Нурлан Серикович, ИИН 110101193346, тел. +7 701 555 11 22;".repeat(1_500_000),
    )
}

/// A program in the place of the worker.
fn impostor(scratch: &Scratch, script: &str) -> impl FnOnce(&mut Settings) + use<> {
    let path = write(scratch, "impostor", format!("#!/bin/sh\n{script}\n"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    move |settings| {
        settings.program = path;
        settings.patience = Duration::from_millis(700);
    }
}

#[test]
fn a_worker_that_is_killed_leaves_one_file_unreadable() {
    let scratch = Scratch::new("worker-killed");
    let (long, short) = (endless(&scratch), write(&scratch, "a.txt", "ИИН 110101193346"));
    let mut worker = worker(|_| {});
    ask(&mut worker, &[&short]);
    let id = worker.id().unwrap();
    let killer = std::thread::spawn(move || {
        // It is at work on the long file once it has read some of it.
        until("a busy worker", Duration::from_secs(60), || {
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
            let ticks = stat.rsplit(')').next().unwrap().split_whitespace().nth(11).unwrap().to_owned();
            (ticks.parse::<u64>().unwrap() > 20).then_some(())
        });
        kill_process(Pid::from_raw(id.cast_signed()).unwrap(), Signal::KILL).unwrap();
    });
    let lost = ask(&mut worker, &[&long]).remove(0);
    killer.join().unwrap();
    assert_eq!((lost.verdict, lost.missed), (Verdict::Unreadable(Trouble::Crashed), vec![("crashed", 1)]));
    let next = ask(&mut worker, &[&short]).remove(0);
    assert_eq!((next.verdict, next.people.hashes.len()), (Verdict::Inspected, 1));
    assert_ne!(worker.id(), Some(id));
}

#[test]
fn a_file_that_takes_too_long_is_told_and_those_beside_it_are_looked_at() {
    let scratch = Scratch::new("worker-slow");
    let (long, short) = (endless(&scratch), write(&scratch, "a.txt", "ИИН 110101193346"));
    let by_processor = |settings: &mut Settings| settings.seconds = 0;
    let by_wall = |settings: &mut Settings| settings.patience = Duration::from_millis(1500);
    for settings in [&by_processor as &dyn Fn(&mut Settings), &by_wall] {
        let mut worker = worker(settings);
        let verdicts: Vec<_> =
            ask(&mut worker, &[&short, &long, &short]).into_iter().map(|answer| answer.verdict).collect();
        assert_eq!(verdicts, [Verdict::Inspected, Verdict::Unreadable(Trouble::Timeout), Verdict::Inspected]);
    }
}

#[test]
fn a_worker_that_lies_is_not_believed() {
    let scratch = Scratch::new("worker-lies");
    let file = write(&scratch, "a.txt", "ИИН 110101193346");
    let ready = "dd bs=65536 count=1 <&0 of=/dev/null 2>/dev/null; printf '{\"landlock\":2}' >&0;";
    let wait = "dd bs=65536 count=1 <&0 of=/dev/null 2>/dev/null;";
    let good = r#"{"verdict":"inspected","format":"text","bytes":1,"digest":"","missed":[],"kinds":[],"people":["","",false],"canaries":0,"documents":[],"encrypted":false,"macros":false}"#;
    for (script, verdict) in [
        (format!("{wait} exit 0"), Some(Trouble::Crashed)),
        (format!("{wait} exec sleep 60"), Some(Trouble::Timeout)),
        (format!("{wait} echo '110101193346' >&0; exec sleep 60"), Some(Trouble::Garbled)),
        (format!("{wait} echo '{}' >&0; exec sleep 60", good.replace("text", "110101193346")), Some(Trouble::Garbled)),
        (format!("{wait} printf '{good}\\n{good}\\n' >&0; exec sleep 60"), Some(Trouble::Garbled)),
        (format!("{wait} exec dd if=/dev/zero bs=60000 >&0 2>/dev/null"), Some(Trouble::Garbled)),
        (format!("{wait} echo '{good}' >&0; exec sleep 60"), None),
    ] {
        let mut worker = worker(impostor(&scratch, &format!("{ready} {script}")));
        let answer = ask(&mut worker, &[&file]).remove(0);
        let told = match answer.verdict {
            Verdict::Unreadable(trouble) => Some(trouble),
            _ => None,
        };
        assert_eq!(told, verdict, "{script}: {answer:?}");
    }
}

#[test]
fn without_a_sandbox_nothing_is_looked_at() {
    let scratch = Scratch::new("worker-none");
    let file = write(&scratch, "a.txt", "ИИН 110101193346");
    for script in ["exit 1", "exec sleep 60 </dev/null", "printf 'hello' >&0; exec sleep 60"] {
        let mut worker = worker(impostor(&scratch, script));
        let opened = std::fs::File::open(&file).unwrap();
        let given = kuzet::worker::Given {
            file: std::os::fd::AsFd::as_fd(&opened),
            size: 18,
            extension: "",
            digest: false,
            known: None,
        };
        let refused = worker.inspect(&[given]).unwrap_err().to_string();
        assert!(refused.contains("does not get ready"), "{script}: {refused}");
    }
    let mut worker = worker(|settings| settings.program = Path::new("/nonexistent").into());
    assert!(worker.prove().unwrap_err().to_string().contains("cannot be started"));
}

#[test]
fn a_file_that_grows_is_left_and_one_that_needs_too_much_memory_is_unreadable() {
    let scratch = Scratch::new("worker-bombs");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        std::io::Write::write_all(&mut packed, &vec![b' '; 1 << 20]).unwrap();
    }
    let bomb = write(&scratch, "bomb.gz", packed.finish().unwrap());
    let large = write(&scratch, "large.zip", [b"PK\x03\x04".as_slice(), &[7; 40 << 20]].concat());
    let short = write(&scratch, "a.txt", "ИИН 110101193346");
    let mut worker = worker(|settings| settings.memory = 24 << 20);
    let answers = ask(&mut worker, &[&bomb, &large, &short]);
    assert!(answers[0].missed.iter().any(|(why, _)| *why == "ratio"), "{:?}", answers[0]);
    assert_eq!(answers[1].verdict, Verdict::Unreadable(Trouble::Crashed));
    assert_eq!((answers[2].verdict, answers[2].people.hashes.len()), (Verdict::Inspected, 1));
}
