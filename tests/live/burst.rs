//! Very many files at once: in the end the inventory has every one, and what the sensor could not tell is told as a gap.

use super::files::store_for;
use crate::support::agent::Setup;
use crate::support::{Scratch, now, poll, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Files of the gate; `KUZET_BURST` is the number of the long lane.
const FILES: u64 = 20_000;
const WRITERS: u64 = 4;

/// Makes its part of the files: one small text each.
const WRITER: &str = "import os, sys\nos.chdir(sys.argv[1])\nfor n in range(int(sys.argv[2]), int(sys.argv[3])):\n\
                      \tf = os.open(f'd{n}.txt', os.O_CREAT | os.O_WRONLY)\n\tos.write(f, b'contract %d' % n)\n\tos.close(f)\n";

fn writers(folder: &str, files: u64) -> Vec<Child> {
    let part = files.div_ceil(WRITERS);
    let begin = |number: u64| {
        let (from, to) = ((number * part).min(files).to_string(), ((number + 1) * part).min(files).to_string());
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-I", "-S", "-c", WRITER, folder, &from, &to]).stdin(Stdio::null()).spawn().expect("it runs")
    };
    (0..WRITERS).map(begin).collect()
}

/// The agent's own sensor.
fn sensor_of(agent: u32) -> Option<Pid> {
    let children = fs::read_dir(format!("/proc/{agent}/task"))
        .ok()?
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    let children: Vec<String> =
        children.flat_map(|list| list.split(' ').map(str::to_owned).collect::<Vec<_>>()).collect();
    let is_sensor = |pid: &&String| {
        fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| line.split(|byte| *byte == 0).any(|word| word == b"sensor"))
    };
    children.iter().find(is_sensor).and_then(|pid| Pid::from_raw(pid.parse().ok()?))
}

/// `held`: the sensor cannot read while the files come, so that the kernel keeps less than there was.
fn burst(kind: &str, held: bool) {
    let files = std::env::var("KUZET_BURST").ok().and_then(|number| number.parse().ok()).unwrap_or(FILES);
    let limit = Duration::from_secs(120 + files / 50);
    let scratch = Scratch::new("burst");
    let store = store_for(kind, files);
    let folder = store.folder.display().to_string();
    let setup = Setup::new("burst").bare();
    let more = format!(
        "[[source]]\nname = \"host\"\nsensor = {{}}\n[[folder]]\nname = \"burst\"\npath = \"{folder}\"\n\
         [inventory]\nevery_minutes = 1\npolite = false\n"
    );
    let mut agent = setup.with(&more).start();
    until("the sensor is at work", limit, || {
        agent.setup.metric("kuzet_sensor_means{means=\"bpf\",source=\"host\"}").filter(|at| *at > 0.5)
    });
    let sensor = until("the sensor runs", limit, || sensor_of(agent.process().id()));
    if held {
        kill_process(sensor, Signal::STOP).expect("own process");
    }
    let begun = now();
    let mut running = writers(&folder, files);
    running.iter_mut().for_each(|child| assert!(child.wait().expect("own child").success()));
    let written = begun.elapsed();
    if held {
        kill_process(sensor, Signal::CONT).expect("own process");
    }
    let metric = |name: &str, labels: &str| agent.setup.metric(&format!("{name}{{{labels}}}")).unwrap_or_default();
    let told = || {
        let seen = metric("kuzet_records_total", "result=\"handled\",source=\"host\"");
        let lost = metric("kuzet_records_total", "result=\"lost\",source=\"host\"");
        (seen, lost)
    };
    let whole = |(seen, lost): (f64, f64)| if held { lost > 0.0 } else { lost > 0.0 || seen >= files as f64 };
    let seen = poll(limit, || Some(told()).filter(|told| whole(*told)));
    assert!(seen.is_some(), "{kind}: neither told nor lost: {:?}\n{}", told(), agent.output());
    if told().1 > 0.0 {
        let gaps = || metric("kuzet_gaps_total", "reason=\"dropped\",source=\"host\"");
        assert!(poll(limit, || (gaps() > 0.0).then_some(())).is_some(), "{kind}: a loss without a gap");
    }
    let inspected =
        || -> Option<Value> { serde_json::from_slice(&agent.setup.run(&["inventory", "--json"]).stdout).ok() };
    let all = || metric("kuzet_records_total", "result=\"handled\",source=\"inventory\"") >= files as f64;
    let done = poll(limit, || (all() && inspected()?["files"].as_u64() == Some(files)).then_some(()));
    let last = inspected().map(|report| report["files"].clone());
    assert!(done.is_some(), "{kind}: {last:?} of {files} files are in the inventory\n{}", agent.output());
    let report = format!(
        "{kind}: {files} files written in {written:.1?}, {:?} (deeds told, losses), inventory whole after {:.1?}\n",
        told(),
        begun.elapsed()
    );
    eprint!("{report}");
    if let Some(path) = std::env::var_os("KUZET_BURST_REPORT") {
        let text = fs::read_to_string(&path).unwrap_or_default() + &report;
        fs::write(path, text).expect("a report");
    }
    agent.setup.accounted("host");
    agent.setup.accounted("inventory");
    drop(scratch);
}

#[test]
fn every_file_of_a_burst_is_inventoried_and_told_or_lost() {
    burst("tmpfs", false);
}

#[test]
fn every_file_of_a_burst_is_inventoried_where_the_sensor_lost_some() {
    burst("ext4", true);
}
