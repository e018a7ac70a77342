//! The whole way: a running agent reads a recorded attack, Prometheus and Alertmanager are told, a person closes the
//! incidents.

use super::live::empty;
use crate::live::observe::{Alertmanager, Prometheus};
use crate::support::{Guard, Scratch, free_port, http, kuzet, people, root, run, until};
use rustix::process::Signal;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

/// What a healthy agent has no reason to show: gaps, loss, backlog, failures, and these attacks no rule; without a sensor
/// nobody watches the folder.
const QUIET: [&str; 16] = [
    "Gaps",
    "oldest waiting",
    "Agent started",
    "Store errors",
    "Suppress",
    "jobs",
    "Jobs",
    "Hits by",
    "that hit",
    "Not inspected",
    "Incidents by folder",
    "at folders",
    "Watched by",
    "\"Folders\" \"J\"",
    "Workers lost",
    "events lost",
];

#[test]
fn a_running_agent_under_attack_fills_the_dashboards_and_alertmanager() {
    let (scratch, port) = (Scratch::new("agent"), free_port());
    let alertmanager = Alertmanager::start(None);
    let (log, config) = (scratch.join("postgresql.csv"), scratch.join("kuzet.toml"));
    let dossiers = scratch.join("dossiers");
    std::fs::create_dir_all(&dossiers).unwrap();
    let first = &people::people(1)[0];
    std::fs::write(dossiers.join("a.txt"), format!("{} {}\n", first.iin, first.phone)).unwrap();
    let log_file = std::fs::File::create(&log).unwrap();
    let text = format!(
        "host = \"db1\"\nstate = {:?}\n[[source]]\nname = \"pg\"\nformat = \"postgresql_csvlog\"\npaths = [{log:?}]\n\
         [[folder]]\nname = \"dossiers\"\npath = {dossiers:?}\n[metrics]\nlisten = \"127.0.0.1:{port}\"\n\
         [[notify]]\nname = \"am\"\nkind = \"alertmanager\"\nurl = \"{}\"\nresend_seconds = 1\n",
        scratch.join("state"),
        alertmanager.url()
    );
    std::fs::write(&config, text).unwrap();
    std::fs::set_permissions(&config, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut agent = Command::new(kuzet());
    agent.args(["run", "--config"]).arg(&config);
    let mut agent = Guard::spawn("kuzet", &mut agent, &scratch.join("output"), Signal::TERM);
    agent.ready(Duration::from_secs(30), || http::get(port, "/-/ready").is_ok());

    let rules = ["alerts.yml", "recording.yml"].map(|name| root().join("dashboards/prometheus").join(name));
    let prometheus = Prometheus::start(&format!("127.0.0.1:{port}"), &rules);
    until("a scrape before the attack", Duration::from_secs(20), || {
        (!prometheus.query("kuzet_incidents_total").is_empty()).then_some(())
    });
    for attack in ["pgaudit-copy_out.csv", "pgaudit-bulk_select.csv", "pgaudit-mass_delete.csv"] {
        let records = std::fs::read(root().join("tests/data/samples/postgresql").join(attack)).unwrap();
        (&log_file).write_all(&records).unwrap();
    }

    let alerts = until("an alert", Duration::from_secs(20), || {
        let alerts = alertmanager.alerts().as_array().unwrap().clone();
        (!alerts.is_empty()).then_some(alerts)
    });
    assert_eq!((&alerts[0]["labels"]["host"], &alerts[0]["labels"]["system"]), (&"db1".into(), &"postgresql".into()));
    let missing = crate::support::poll(Duration::from_secs(30), || {
        let mut silent = empty(&prometheus);
        silent.retain(|place| !QUIET.iter().any(|reason| place.contains(reason)));
        silent.is_empty().then_some(())
    });
    let left = empty(&prometheus);
    assert!(missing.is_some(), "{left:#?}");
    let one = |query: &str| -> f64 {
        let answer = prometheus.query(query);
        answer[0]["value"][1].as_str().unwrap().parse().unwrap()
    };
    assert!(one("sum(increase(kuzet_incidents_total[5m]))") >= 1.0);
    assert_eq!(one("sum(kuzet_records_seen_total) - sum(kuzet_records_total)"), 0.0);
    assert!(one("sum(kuzet_incidents_open)") >= 1.0);

    let mut closed = std::collections::BTreeSet::new();
    until("the end of every alert", Duration::from_secs(60), || {
        let alerts = alertmanager.alerts().as_array().unwrap().clone();
        for alert in &alerts {
            let id = alert["labels"]["incident"].as_str().unwrap().to_owned();
            if closed.insert(id.clone()) {
                let close = ["incidents", "close", &id, "--verdict", "true", "--reason", "a drill", "--config"];
                run(Command::new(kuzet()).args(close).arg(&config));
            }
        }
        alerts.is_empty().then_some(())
    });
    assert!(agent.stop().success(), "{}", agent.output());
}
