//! Thirty days of an ordinary microfinance organisation, and the same days with every attack mixed in: how many false
//! alarms, how many attacks found, and how soon. The gate plays a few days; `KUZET_SIMULATION=30` plays them all, on every
//! server and with three seeds (scripts/long.sh), and `KUZET_SIMULATION_REPORT` names the file that the table goes to.

mod act;
mod attack;
mod calendar;
mod machines;
mod office;
mod report;
mod run;
mod server;

use attack::Attack;
use kuzet_incident::Observed;
use report::report;
use run::{Outcome, Plan, Told, run};
use server::Server;
use std::fmt::Write;

/// Seeds of the long lane.
const SEEDS: [u64; 3] = [20_261_012, 7, 4_242];
/// Those, or others to tune with: what is reported is never what was tuned on.
fn seeds() -> Vec<u64> {
    let given = std::env::var("KUZET_SIMULATION_SEEDS").unwrap_or_default();
    let given: Vec<u64> = given.split(',').filter_map(|seed| seed.parse().ok()).collect();
    if given.is_empty() { SEEDS.to_vec() } else { given }
}

/// False alarms that the ten days of the gate may have.
const FALSE_ALARMS: usize = 1;

/// Days of the gate: a week in which everybody is new, and three days behind it.
const GATE: usize = 10;

fn attacks(server: Server, days: usize) -> Vec<Attack> {
    Attack::all(server).into_iter().filter(|attack| attack.day + attack.days <= days).collect()
}

/// Every incident as it is told, without when and how often the agent looked.
fn stories(outcome: &Outcome) -> Vec<String> {
    let text = |told: &Told| {
        let mut incident = told.incident.clone();
        incident.observed = Observed::default();
        incident.to_json().expect("an incident is JSON")
    };
    outcome.told.iter().map(text).collect()
}

#[test]
fn ten_days_are_quiet_and_attacks_in_them_are_found_however_often_the_agent_restarts() {
    for server in [Server::PostgresqlRows, Server::Mariadb] {
        let attacks = attacks(server, GATE);
        assert!(attacks.len() >= 2);
        let plan = Plan { server, seed: SEEDS[0], days: GATE, restarts: 0 };
        let outcome = run(plan, &attacks);
        let table = report(&outcome, &attacks).table(plan, &outcome);
        assert_eq!(report(&outcome, &attacks).found_in_time(), attacks.len(), "{table}");
        assert!(report(&outcome, &attacks).alarms.len() <= FALSE_ALARMS, "{table}");
        if server.is_mariadb() {
            let restarted = run(Plan { restarts: 40, ..plan }, &attacks);
            assert_eq!(stories(&outcome), stories(&restarted));
        }
    }
}

#[test]
fn whole_months_are_quiet_and_attacks_in_them_are_found() {
    let Some(days) = std::env::var("KUZET_SIMULATION").ok().and_then(|days| days.parse().ok()) else { return };
    let mut text = String::new();
    for server in Server::ALL {
        for seed in seeds() {
            let plan = Plan { server, seed, days, restarts: 0 };
            let quiet = run(plan, &[]);
            let _ = writeln!(text, "{}", report(&quiet, &[]).table(plan, &quiet));
            let attacks = attacks(server, days);
            let plan = Plan { restarts: 20, ..plan };
            let outcome = run(plan, &attacks);
            let _ = writeln!(text, "{}", report(&outcome, &attacks).table(plan, &outcome));
            match std::env::var("KUZET_SIMULATION_REPORT") {
                Ok(path) => std::fs::write(path, &text).expect("a report"),
                Err(_) => eprintln!("{text}"),
            }
        }
    }
}
