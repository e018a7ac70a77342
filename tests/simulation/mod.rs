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
use kuzet_detect::Kind;
use kuzet_incident::Observed;
use report::report;
pub use run::quiet_core;
use run::{Outcome, Plan, Told, run};
pub use server::Server;
use std::fmt::Write;

/// Seeds of the long lane.
const SEEDS: [u64; 3] = [20_261_123, 77, 9_001];
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

/// What a reader sees first of every incident.
fn shown(outcome: &Outcome) -> Vec<String> {
    outcome.told.iter().map(|told| format!("{} {:?}", report::line(told), told.at)).collect()
}

/// Every attack of one day, brought forward to the last two days of the gate.
fn gate_attacks(server: Server) -> Vec<Attack> {
    let short = attacks(server, usize::MAX).into_iter().filter(|attack| attack.days == 1);
    short.zip((GATE - 2..GATE).cycle()).map(|(attack, day)| attack.on(day)).collect()
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
        let attacks = gate_attacks(server);
        assert!(attacks.len() >= 18);
        let plan = Plan::new(server, SEEDS[0], GATE);
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

/// One line a day of the tenth year from now, in between the others: what is found is what the same line of today gives,
/// and one incident says that somebody forged it.
#[test]
fn a_forged_date_ends_no_story_and_teaches_nothing() {
    const YEARS: i64 = 10 * 365 * calendar::DAY;
    let server = Server::Mariadb;
    let attacks = gate_attacks(server);
    let plan = Plan { again: Some(0), ..Plan::new(server, SEEDS[0], GATE) };
    let honest = run(plan, &attacks);
    let forged = run(Plan { again: Some(YEARS), ..plan }, &attacks);
    assert_eq!((honest.ahead, forged.ahead >= GATE as u64), (0, true), "{}", forged.ahead);
    let lost = |told: &&Told| told.incident.kinds.iter().any(|kind| kind.kind == Kind::SightLost);
    let said: Vec<String> = forged.told.iter().filter(lost).map(report::line).collect();
    assert!(said.len() == 1 && said[0].contains("ahead of the clock"), "{said:?}");
    let mut rest = forged;
    rest.told.retain(|told| !lost(&told));
    assert_eq!(shown(&honest), shown(&rest));
}

#[test]
fn whole_months_are_quiet_and_attacks_in_them_are_found() {
    let Some(days) = std::env::var("KUZET_SIMULATION").ok().and_then(|days| days.parse().ok()) else { return };
    let mut text = String::new();
    for server in Server::ALL {
        for seed in seeds() {
            let plan = Plan::new(server, seed, days);
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
